/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Debug exceptions as a kernel uses them: single steps through a program at EL0 and through EL1 itself, breakpoints and watchpoints that are hit
 * while code is hot, the OS lock, BRK. Source: Arm ARM D2.
 */
#include "rt.h"

#define MDSCR_SS   1ul
#define MDSCR_KDE  (1ul << 13)
#define MDSCR_MDE  (1ul << 15)
#define SINGLE(ec) ESR(ec, 0x22)
enum { EC_break_lower = 0x30, EC_break = 0x31, EC_watch_lower = 0x34, EC_watch = 0x35 };
enum { ON = 1, AT_EL1 = 1 << 1, AT_EL0 = 2 << 1, WORD = 15 << 5, LOADS = 1 << 3, STORES = 2 << 3 };

static volatile uint64_t count, places[64], syndrome;
static uint64_t data[16] ALIGNED(64);

static void unlock(void)
{
    sys_write("oslar_el1", 0);
    count = syndrome = 0;
}

/* Notes each debug exception and lets the code go on one insn further: with the step armed again. */
static bool steps(struct hart *h, struct frame *f, unsigned vector)
{
    (void)vector;
    unsigned class = (unsigned)(h->last.esr >> 26);
    if (class != EC_step && class != EC_step_lower)
        return false;
    places[count++ % 64] = f->elr;
    syndrome = h->last.esr;
    f->spsr |= PSTATE_SS;
    return true;
}

uint64_t stepped(uint64_t x);
asm(".text\n.globl stepped\nstepped:\n mov x1, #3\n1: add x0, x0, x1\n subs x1, x1, #1\n b.ne 1b\n ldr x2, [sp]\n nop\n ret");

static void steps_of_el0(void)
{
    unlock();
    self()->on_trap = steps;
    sys_write("mdscr_el1", MDSCR_SS);
    CHECK_EQ(call_in(EL0t | PSTATE_SS, (uint64_t)stepped, 10, 0, 0), 16);
    sys_write("mdscr_el1", 0);
    static const uint8_t way[] = {4, 8, 12, 4, 8, 12, 4, 8, 12, 16, 20, 24};
    CHECK(count >= 13);
    for (unsigned i = 0; i < ARRAY_LEN(way); i++) {
        row("step %d", (uint64_t)i);
        CHECK_EQ(places[i], (uint64_t)stepped + way[i]);
    }
    row("");
    CHECK_EQ(syndrome & ~(1ul << 24 | 1 << 6), SINGLE(EC_step_lower)); /* ISV and EX aside */
    count = 0;
    CHECK_EQ(CALL_IN(EL0t, stepped, 10), 16); /* MDSCR_EL1.SS is clear */
    CHECK_EQ(count, 0);
}

/* At its own level only with KDE and PSTATE.D clear; without PSTATE.SS the exception comes before the first insn. */
static void steps_of_el1(void)
{
    unlock();
    self()->on_trap = steps;
    sys_write("mdscr_el1", MDSCR_SS);
    CHECK_EQ(call_in(EL1t | PSTATE_SS, (uint64_t)stepped, 10, 0, 0), 16);
    CHECK_EQ(count, 0);
    sys_write("mdscr_el1", MDSCR_SS | MDSCR_KDE);
    CHECK_EQ(call_in(EL1t | PSTATE_SS | PSTATE_D, (uint64_t)stepped, 10, 0, 0), 16);
    CHECK_EQ(count, 0);
    CHECK_EQ(call_in(EL1t | PSTATE_SS, (uint64_t)stepped, 10, 0, 0), 16);
    CHECK(count >= 13);
    CHECK_EQ(places[0], (uint64_t)stepped + 4);
    count = 0;
    CHECK_EQ(call_in(EL1t, (uint64_t)stepped, 10, 0, 0), 16);
    CHECK_EQ(places[0], (uint64_t)stepped);
    CHECK_EQ(places[1], (uint64_t)stepped + 4);
}

/* While it is set nothing but BRK is a debug exception. */
static void os_lock(void)
{
    unlock();
    self()->on_trap = steps;
    sys_write("mdscr_el1", MDSCR_SS);
    sys_write("oslar_el1", 1);
    CHECK_EQ(sys_read("oslsr_el1") & 2, 2);
    CHECK_EQ(call_in(EL0t | PSTATE_SS, (uint64_t)stepped, 10, 0, 0), 16);
    CHECK_EQ(count, 0);
    sys_write("oslar_el1", 0);
    CHECK_EQ(call_in(EL0t | PSTATE_SS, (uint64_t)stepped, 10, 0, 0), 16);
    CHECK(count);
}

/* An insn that traps is not executed: the step comes at the handler's return. SVC is, and the step counts. */
static void steps_over_traps(void)
{
    bool ran;
    unlock();
    self()->on_trap = steps;
    sys_write("mdscr_el1", MDSCR_SS);
    insn_in(EL0t | PSTATE_SS, 0xd4200020 /* brk #1 */, 0, 0, &ran);
    CHECK(!ran);
    CHECK_EQ(count, 0);
    CHECK_EQ(self()->last.esr, ESR(EC_brk, 1));
    CHECK_EQ(self()->last.spsr & PSTATE_SS, PSTATE_SS);
    trap_clear();
    insn_in(EL0t, 0xd503201f, 0, 0, &ran); /* at once */
    CHECK_EQ(places[0], self()->site);
    CHECK_EQ(places[1], self()->site + 4);
    sys_write("mdscr_el1", 0);
}

/* ---- breakpoints ---- */

static bool breaks(struct hart *h, struct frame *f, unsigned vector)
{
    (void)vector;
    unsigned class = (unsigned)(h->last.esr >> 26);
    if (class != EC_break && class != EC_break_lower)
        return false;
    places[count++ % 64] = f->elr;
    syndrome = h->last.esr;
    f->x[0] += 100;
    f->elr += 4; /* over it */
    return true;
}

uint64_t looped(uint64_t x);
asm(".text\n.globl looped\nlooped:\n mov x1, #50\n1: add x0, x0, #1\n subs x1, x1, #1\n b.ne 1b\n ret");

static void breakpoints(void)
{
    unlock();
    self()->on_trap = breaks;
    sys_write("mdscr_el1", MDSCR_MDE);
    CHECK_EQ(CALL_IN(EL0t, looped, 0), 50); /* hot, before the breakpoint is there */
    sys_write("dbgbvr0_el1", (uint64_t)looped + 4);
    sys_write("dbgbcr0_el1", ON | AT_EL0 | WORD);
    CHECK_EQ(CALL_IN(EL0t, looped, 0), 5000); /* each round, instead of the addition */
    CHECK_EQ(count, 50);
    CHECK_EQ(places[0], (uint64_t)looped + 4);
    CHECK_EQ(syndrome, SINGLE(EC_break_lower));
    CHECK_EQ(CALL_IN(EL1t, looped, 0), 50); /* not for this level */
    sys_write("mdscr_el1", MDSCR_MDE | MDSCR_KDE);
    sys_write("dbgbcr0_el1", ON | AT_EL1 | WORD);
    count = 0;
    CHECK_EQ(CALL_IN(EL1t, looped, 0), 5000);
    CHECK_EQ(syndrome, SINGLE(EC_break));
    CHECK_EQ(CALL_IN(EL1t | PSTATE_D, looped, 0), 50);
    CHECK_EQ(CALL_IN(EL0t, looped, 0), 50);
    sys_write("dbgbcr0_el1", 0);
    CHECK_EQ(CALL_IN(EL1t, looped, 0), 50);
    CHECK_EQ(count, 50);
}

/* ---- watchpoints ---- */

static bool watches(struct hart *h, struct frame *f, unsigned vector)
{
    (void)vector;
    unsigned class = (unsigned)(h->last.esr >> 26);
    if (class != EC_watch && class != EC_watch_lower)
        return false;
    places[count++ % 64] = h->last.far;
    syndrome = h->last.esr;
    f->elr += 4;
    return true;
}

uint64_t filled(uint64_t at);
asm(".text\n.globl filled\nfilled:\n mov x1, #16\n1: subs x1, x1, #1\n str x1, [x0, x1, lsl #3]\n b.ne 1b\n ldr x0, [x0, #24]\n ret");

static void watchpoints(void)
{
    unlock();
    self()->on_trap = watches;
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(CALL_IN(EL0t, filled, data), 3);
    sys_write("mdscr_el1", MDSCR_MDE);
    sys_write("dbgwvr0_el1", data + 3);
    sys_write("dbgwcr0_el1", ON | AT_EL0 | STORES | 0xff << 5);
    data[3] = 77;
    CHECK_EQ(CALL_IN(EL0t, filled, data), 77); /* the store was passed over */
    CHECK_EQ(count, 1);
    CHECK_EQ(places[0], (uint64_t)(data + 3));
    CHECK_EQ(syndrome & ~(uint64_t)0x3f000, SINGLE(EC_watch_lower) | ISS_WNR);
    sys_write("dbgwcr0_el1", ON | AT_EL0 | LOADS | 0xff << 5);
    CHECK_EQ(CALL_IN(EL0t, filled, data), (uint64_t)data); /* the load was passed over */
    CHECK_EQ(count, 2);
    CHECK_EQ(syndrome & ISS_WNR, 0);
    CHECK_EQ(CALL_IN(EL1t, filled, data), 3);
    CHECK_EQ(count, 2);
    sys_write("dbgwcr0_el1", ON | AT_EL1 | STORES | 0xf0 << 5); /* four bytes of it */
    sys_write("mdscr_el1", MDSCR_MDE | MDSCR_KDE);
    data[3] = 78;
    CHECK_EQ(CALL_IN(EL1t, filled, data), 78);
    CHECK_EQ(count, 3);
    CHECK_EQ(syndrome & ~(uint64_t)0x3f000, SINGLE(EC_watch) | ISS_WNR);
    asm volatile("msr daifclr, #8");
    TRY("str wzr, [%0]", , "r"(data + 3)); /* the other four */
    asm volatile("msr daifset, #8");
    CHECK_EQ(count, 3);
    sys_write("dbgwcr0_el1", 0);
    CHECK_EQ(CALL_IN(EL1t, filled, data), 3);
    CHECK_EQ(count, 3);
}

const struct test tests[] = {
    TEST("steps of EL0", steps_of_el0),
    TEST("steps of EL1", steps_of_el1),
    TEST("steps and traps", steps_over_traps),
    TEST("the OS lock", os_lock),
    TEST("breakpoints", breakpoints),
    TEST("watchpoints", watchpoints),
    {NULL, NULL},
};
