/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * WFE: what ends it though no interrupt comes. SEV of another vCPU, one's own SEVL, an exception return, the event stream, a time (WFET). A
 * wait that nothing ends would never end here: then the program is not done in time. Source: Arm ARM D1.6.1.
 */
#include "gic.h"

static volatile uint64_t entered, go, rounds;

static void wfe(void) { asm volatile("wfe" ::: "memory"); }

static void wait(void *arg)
{
    (void)arg;
    for (uint64_t n = 1; n <= 100; n++) {
        entered = n;
        while (go < n) {
            wfe();
            rounds = rounds + 1;
        }
    }
}

/* A hundred times, soon after the other has gone to sleep or at about that time. */
static void sent(void)
{
    if (!harts_need(2))
        return;
    entered = go = rounds = 0;
    hart_start(1, wait, NULL);
    for (uint64_t n = 1; n <= 100; n++) {
        uint64_t end;
        while (entered < n)
            relax();
        for (end = now() + (n & 3) * 1000; now() < end;) /* 100 ns each */
            relax();
        go = n;
        asm volatile("dsb ish\n sev" ::: "memory");
    }
    hart_join(1);
    CHECK(rounds >= 25);
}

static void own(void)
{
    for (unsigned i = 0; i < 3; i++)
        asm volatile("sevl\n wfe" ::: "memory");
    trap_clear();
    TRY("brk #0", , ); /* the handler returns */
    wfe();
    CHECK_EQ(self()->last.count, 1);
    trap_clear();
}

/* Bit 12 of the counter changes every 66 us or so. */
static void stream(void)
{
    uint64_t old = sys_read("cntkctl_el1");
    for (unsigned falling = 0; falling < 2; falling++) {
        sys_write("cntkctl_el1", old | 1 << 2 | falling << 3 | 12 << 4);
        isb();
        for (unsigned i = 0; i < 5; i++)
            wfe();
    }
    sys_write("cntkctl_el1", old);
}

/* It may end before its time, but not for ever. */
static void timed(void)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t until = sys_read("cntvct_el0") + i * 1000, after;
        do
            asm volatile("mov x9, %1\n .inst 0xd5031009\n isb\n mrs %0, cntvct_el0"
                         : "=r"(after)
                         : "r"(until)
                         : "x9", "memory"); /* wfet x9 */
        while (after < until);
    }
}

const struct test tests[] = {
    TEST("SEV of another", sent), TEST("SEVL, exception returns", own), TEST("the event stream", stream), TEST("WFET", timed), {NULL, NULL},
};
