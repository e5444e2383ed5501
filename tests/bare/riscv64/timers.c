/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupts that a hart has by itself: of software, mtimecmp, stimecmp; wfi, which waits for them; many of them. */
#include "interrupts_rig.h"

/* ---- sources ---- */

static void software(void)
{
    MSIP(0) = 1;
    CHECK(pending(IRQ_M_SOFT));
    MSIP(0) = 0;
    CHECK(!pending(IRQ_M_SOFT));
    MSIP(0) = 0xfffffffe; /* only bit 0 is there */
    CHECK_EQ(MSIP(0), 0);
    CHECK(!pending(IRQ_M_SOFT));
    csr_write(CSR_mip, 1 << IRQ_M_SOFT); /* not software's */
    CHECK(!pending(IRQ_M_SOFT));
}

static void timer(void)
{
    MTIMECMP(0) = ~0ul;
    CHECK(!pending(IRQ_M_TIMER));
    MTIMECMP(0) = 0;
    CHECK(pending(IRQ_M_TIMER));
    MTIMECMP(0) = MTIME + PATIENCE;
    CHECK(!pending(IRQ_M_TIMER));
    uint64_t at = MTIME + 20000; /* 2 ms */
    MTIMECMP(0) = at;
    while (!pending(IRQ_M_TIMER))
        if (MTIME > at + PATIENCE) {
            CHECK(!"the timer never comes");
            break;
        }
    CHECK(MTIME >= at);
    MTIMECMP(0) = ~0ul;
    CHECK(!pending(IRQ_M_TIMER));
}

static void timer_interrupt(void)
{
    listen();
    csr_write(CSR_mie, 1 << IRQ_M_TIMER);
    uint64_t at = MTIME + 20000;
    MTIMECMP(0) = at;
    csr_set(CSR_mstatus, STATUS_MIE);
    while (!*(volatile unsigned *)&ntaken && MTIME < at + PATIENCE)
        ;
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, 1);
    CHECK_EQ(taken[0], IRQ_M_TIMER);
    CHECK_EQ(self()->m.tval, 0);
    CHECK(MTIME >= at);
}

static void time_csr(void)
{
    uint64_t a = MTIME, b = csr_read(CSR_time), c = MTIME;
    CHECK(a <= b && b <= c);
}

static void stimecmp(void)
{
    listen();
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    csr_write(CSR_stimecmp, ~0ul);
    CHECK(!pending(IRQ_S_TIMER));
    uint64_t at = csr_read(CSR_time) + 20000;
    csr_write(CSR_stimecmp, at);
    csr_write(CSR_mie, 1 << IRQ_S_TIMER);
    csr_set(CSR_mstatus, STATUS_MIE);
    while (!*(volatile unsigned *)&ntaken && MTIME < at + PATIENCE)
        ;
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(taken[0], IRQ_S_TIMER);
    CHECK(csr_read(CSR_time) >= at);
    CHECK(pending(IRQ_S_TIMER));
    csr_write(CSR_stimecmp, ~0ul);
    CHECK(!pending(IRQ_S_TIMER));
}

static uint64_t spin_in_u(uint64_t arg)
{
    (void)arg;
    uint64_t end = csr_read(CSR_time) + PATIENCE;
    while (!*(volatile unsigned *)&ntaken && csr_read(CSR_time) < end)
        ;
    return 0;
}

/* stimecmp from S mode, taken in S and in U mode by S's handler. */
static void stimecmp_in_s(void)
{
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    csr_write(CSR_mcounteren, 2);
    csr_write(CSR_scounteren, 2);
    csr_write(CSR_mideleg, 1 << IRQ_S_TIMER);
    for (uint64_t mode = MODE_U; mode <= MODE_S; mode++) {
        listen();
        row("mode %d", mode);
        csr_write(CSR_stimecmp, csr_read(CSR_time) + 10000);
        csr_write(CSR_mie, 1 << IRQ_S_TIMER);
        if (mode == MODE_S)
            CALL_IN(MODE_S, spin_in_s, 1);
        else
            CALL_IN(MODE_U, spin_in_u, 0); /* below S: SIE does not matter */
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(taken[0], IRQ_S_TIMER);
        CHECK_EQ(self()->s.count, 1);
        CHECK_EQ(self()->s.tval, 0);
        CHECK_EQ(self()->m.count, 0);
        csr_write(CSR_stimecmp, ~0ul);
    }
}

/* ---- wfi ---- */

static void wfi_pending(void)
{
    csr_write(CSR_mie, 1 << IRQ_M_SOFT);
    MSIP(0) = 1;
    asm volatile("wfi"); /* does not wait, does not trap: MIE is clear */
    MSIP(0) = 0;
    CHECK_NO_TRAP();
    csr_write(CSR_mip, 1 << IRQ_S_SOFT); /* delegated ones count as well */
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT);
    asm volatile("wfi");
    CHECK_NO_TRAP();
}

static void wfi_timer(void)
{
    csr_write(CSR_mie, 1 << IRQ_M_TIMER);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t at = MTIME + 10000;
        MTIMECMP(0) = at;
        while (!pending(IRQ_M_TIMER))
            asm volatile("wfi");
        CHECK(MTIME >= at);
    }
    MTIMECMP(0) = ~0ul;
    row("stimecmp");
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    csr_write(CSR_mie, 1 << IRQ_S_TIMER);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t at = csr_read(CSR_time) + 10000;
        csr_write(CSR_stimecmp, at);
        while (!pending(IRQ_S_TIMER))
            asm volatile("wfi");
        CHECK(csr_read(CSR_time) >= at);
    }
    csr_write(CSR_stimecmp, ~0ul);
}

/* With MIE set it comes with mepc behind the wfi. One that comes before it is asked for again, later each time. */
extern char behind_wfi[];
static bool note_wfi(struct hart *h, bool super)
{
    (void)super;
    ntaken++;
    MTIMECMP(0) = h->m.epc == (uint64_t)behind_wfi ? ~0ul : MTIME + (30000ul << (ntaken < 12 ? ntaken : 12));
    return true;
}

static void wfi_interrupt(void)
{
    listen();
    self()->on_trap = note_wfi;
    csr_write(CSR_mie, 1 << IRQ_M_TIMER);
    csr_set(CSR_mstatus, STATUS_MIE);
    asm volatile("sd %1, (%0)\n wfi\n.globl behind_wfi\nbehind_wfi: nop" : : "r"(&MTIMECMP(0)), "r"(MTIME + 30000) : "memory");
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK(ntaken > 0);
    CHECK_EQ(self()->m.epc, behind_wfi);
    CHECK_EQ(MTIMECMP(0), ~0ul);
}

static uint64_t wfi_in_s(uint64_t arg)
{
    (void)arg;
    asm volatile("wfi");
    return 5;
}

static void wfi_supervisor(void)
{
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    CHECK_EQ(CALL_IN(MODE_S, wfi_in_s, 0), 5);
    CHECK_NO_TRAP();
}

/* ---- many ---- */

/* Many in a row from a fast timer, while something is computed that must not be disturbed. */
static unsigned ticks;
static bool tick(struct hart *h, bool super)
{
    (void)h, (void)super;
    ticks++;
    MTIMECMP(0) = MTIME + 500; /* 50 us */
    return true;
}

static void storm(void)
{
    uint64_t sum = 0, expected = 0;
    for (uint64_t i = 0; i < 300000; i++)
        expected = expected * 6364136223846793005 + i;
    self()->on_trap = tick;
    ticks = 0;
    csr_write(CSR_mie, 1 << IRQ_M_TIMER);
    MTIMECMP(0) = 0;
    csr_set(CSR_mstatus, STATUS_MIE);
    for (uint64_t end = MTIME + PATIENCE; *(volatile unsigned *)&ticks <= 60 && MTIME < end;) {
        sum = 0;
        for (uint64_t i = 0; i < 300000; i++) {
            sum = sum * 6364136223846793005 + i;
            asm volatile("" : "+r"(sum));
        }
        CHECK_EQ(sum, expected);
    }
    csr_clear(CSR_mstatus, STATUS_MIE);
    MTIMECMP(0) = ~0ul;
    CHECK(ticks > 60);
}

const struct test tests[] = {
    TEST("software interrupt of M mode", software),
    TEST("mtimecmp", timer),
    TEST("timer interrupt", timer_interrupt),
    TEST("time is mtime", time_csr),
    TEST("stimecmp", stimecmp),
    TEST("stimecmp's interrupt in S and U mode", stimecmp_in_s),
    TEST("wfi while one is pending", wfi_pending),
    TEST("wfi until a timer", wfi_timer),
    TEST("wfi and the interrupt that ends it", wfi_interrupt),
    TEST("wfi in S mode", wfi_supervisor),
    TEST("a storm of timer interrupts", storm),
    {NULL, NULL},
};
