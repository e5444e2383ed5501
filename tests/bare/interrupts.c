/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupts: each source, priorities, delegation, when they are taken, wfi, the PLIC with the UART and the clock behind it. */
#include "rt.h"

#define PLIC_PRIORITY(n)  (*(volatile uint32_t *)(PLIC + 4 * (n)))
#define PLIC_PENDING      (*(volatile uint32_t *)(PLIC + 0x1000))
#define PLIC_ENABLE(c)    (*(volatile uint32_t *)(PLIC + 0x2000 + 0x80 * (c)))
#define PLIC_THRESHOLD(c) (*(volatile uint32_t *)(PLIC + 0x200000 + 0x1000 * (c)))
#define PLIC_CLAIM(c)     (*(volatile uint32_t *)(PLIC + 0x200004 + 0x1000 * (c)))
#define RTC(offset)       (*(volatile uint32_t *)(0x101000ul + (offset)))
enum { UART_IRQ = 10, RTC_IRQ = 11, M0 = 0, S0 = 1 /* contexts of hart 0 */ };
enum { RTC_TIME_LOW = 0, RTC_ALARM_LOW = 8, RTC_ALARM_HIGH = 12, RTC_ENABLE = 16, RTC_CLEAR = 28 };

static uint64_t taken[16];
static unsigned ntaken;

/* Notes the interrupt and disables it, so that the next one comes. */
static bool note_and_disable(struct hart *h, bool super)
{
    struct trap *t = super ? &h->s : &h->m;
    if (!(t->cause & INTERRUPT))
        return false;
    if (ntaken < ARRAY_LEN(taken))
        taken[ntaken++] = t->cause & 63;
    if (super)
        csr_clear(CSR_sie, 1ul << (t->cause & 63));
    else
        csr_clear(CSR_mie, 1ul << (t->cause & 63));
    return true;
}

static void listen(void)
{
    ntaken = 0;
    trap_clear();
    self()->on_trap = note_and_disable;
}

static void uart_irq(bool on) { UART[1] = on ? 2 : 0; } /* "transmitter empty" is always true */
static void rtc_irq(bool on)
{
    if (on) {
        RTC(RTC_ENABLE) = 1;
        RTC(RTC_ALARM_HIGH) = 0; /* the past */
        RTC(RTC_ALARM_LOW) = 1;
    } else {
        RTC(RTC_CLEAR) = 1;
        RTC(RTC_ENABLE) = 0;
    }
}

/* Requests stay pending when their line falls, and sources stay in service until they are completed by who has them enabled. */
static void plic_reset(void)
{
    uart_irq(false);
    rtc_irq(false);
    for (unsigned n = 1; n < 32; n++)
        PLIC_PRIORITY(n) = 1;
    for (unsigned c = M0; c <= S0; c++) {
        PLIC_THRESHOLD(c) = 0;
        PLIC_ENABLE(c) = ~0u;
        PLIC_CLAIM(c) = UART_IRQ;
        PLIC_CLAIM(c) = RTC_IRQ;
        for (uint32_t n; (n = PLIC_CLAIM(c));)
            PLIC_CLAIM(c) = n;
        PLIC_ENABLE(c) = 0;
    }
    for (unsigned n = 1; n < 32; n++)
        PLIC_PRIORITY(n) = 0;
}

static bool pending(unsigned irq) { return csr_read(CSR_mip) >> irq & 1; }

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
    MTIMECMP(0) = MTIME + 10000000;
    CHECK(!pending(IRQ_M_TIMER));
    uint64_t at = MTIME + 20000; /* 2 ms */
    MTIMECMP(0) = at;
    while (!pending(IRQ_M_TIMER))
        if (MTIME > at + 20000000) {
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
    while (!*(volatile unsigned *)&ntaken && MTIME < at + 20000000)
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
    while (!*(volatile unsigned *)&ntaken && MTIME < at + 20000000)
        ;
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(taken[0], IRQ_S_TIMER);
    CHECK(csr_read(CSR_time) >= at);
    CHECK(pending(IRQ_S_TIMER));
    csr_write(CSR_stimecmp, ~0ul);
    CHECK(!pending(IRQ_S_TIMER));
}

static uint64_t spin_in_s(uint64_t enable)
{
    uint64_t end = csr_read(CSR_time) + 20000000;
    if (enable)
        csr_set(CSR_sstatus, STATUS_SIE);
    while (!*(volatile unsigned *)&ntaken && csr_read(CSR_time) < end)
        ;
    csr_clear(CSR_sstatus, STATUS_SIE);
    return ntaken;
}

static uint64_t spin_in_u(uint64_t arg)
{
    (void)arg;
    uint64_t end = csr_read(CSR_time) + 20000000;
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

/* ---- when ---- */

/* Where it is not enabled, nothing comes. */
static void masks(void)
{
    listen();
    MSIP(0) = 1;
    csr_write(CSR_mie, 0);
    csr_set(CSR_mstatus, STATUS_MIE);
    asm volatile("nop\n nop");
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, 0);
    csr_write(CSR_mie, 1 << IRQ_M_SOFT);
    asm volatile("nop\n nop");
    CHECK_EQ(ntaken, 0); /* MIE is clear */
    csr_set(CSR_mstatus, STATUS_MIE);
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, 1);
    row("delegated: not in M");
    listen();
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_set(CSR_mstatus, STATUS_MIE | STATUS_SIE);
    asm volatile("nop\n nop");
    csr_clear(CSR_mstatus, STATUS_MIE | STATUS_SIE);
    CHECK_EQ(ntaken, 0);
    row("delegated: in S when SIE");
    csr_write(CSR_mcounteren, 2);
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(ntaken, 1);
    CHECK_EQ(self()->s.count, 1);
    MSIP(0) = 0;
}

static uint64_t no_work(uint64_t arg) { return arg; }

/* Not delegated: below M it comes whatever MIE is, and at the first insn. */
static void below_m(void)
{
    for (uint64_t mode = MODE_U; mode <= MODE_S; mode++) {
        listen();
        row("mode %d", mode);
        csr_clear(CSR_mstatus, STATUS_MIE | STATUS_MPIE);
        MSIP(0) = 1;
        csr_write(CSR_mie, 1 << IRQ_M_SOFT);
        CALL_IN(mode, no_work, 0);
        MSIP(0) = 0;
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(self()->m.epc, no_work);
        CHECK_EQ(self()->m.status >> 11 & 3, mode);
    }
}

/* Writes that make one takeable are followed by it: mepc is the next insn, exactly. */
#define TAKEN_AFTER(what, insn, value)                                                                        \
    do {                                                                                                      \
        uint64_t next_;                                                                                       \
        row(what);                                                                                            \
        listen();                                                                                             \
        asm volatile("la %0, 1f\n" insn "\n1: nop\n nop\n nop\n nop" : "=&r"(next_) : "r"(value) : "memory"); \
        CHECK_EQ(ntaken, 1);                                                                                  \
        CHECK_EQ(self()->m.epc, next_);                                                                       \
        csr_clear(CSR_mstatus, STATUS_MIE);                                                                   \
    } while (0)

static void at_once(void)
{
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    TAKEN_AFTER("mstatus.MIE", "csrs mstatus, %1", STATUS_MIE);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("mie", "csrs mie, %1", 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 0);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("mip", "csrs mip, %1", 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("mideleg", "csrc mideleg, %1", 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_clear(CSR_mstatus, STATUS_MIE);
    csr_set(CSR_mstatus, STATUS_MPIE | STATUS_MPP);
    TAKEN_AFTER("mret", "csrw mepc, %0\n mret", 0);
    csr_write(CSR_mip, 0);
    csr_write(CSR_mie, 1 << IRQ_S_TIMER);
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    csr_write(CSR_stimecmp, ~0ul);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("stimecmp", "csrw 0x14d, %1", 0);
}

/* Each way to set sstatus.SIE, in S mode. Returns the address behind it. */
static uint64_t set_sie(uint64_t way)
{
    uint64_t next, bits = STATUS_SIE | (way & 1 ? STATUS_SPIE | STATUS_SUM : 0);
    if (way & 16)
        uart_irq(true); /* it becomes pending just now */
#define SET(insn) asm volatile("la %0, 1f\n" insn "\n1: nop\n nop\n nop\n nop" : "=&r"(next), "+r"(bits) : : "memory")
    switch (way >> 1 & 7) {
    case 0: SET("csrsi sstatus, 2"); break;
    case 1: SET("csrrsi %1, sstatus, 2"); break;
    case 2: SET("csrs sstatus, %1"); break;
    case 3: SET("csrrs %1, sstatus, %1"); break;
    case 4: SET("csrw sstatus, %1"); break;
    case 5: SET("csrrw %1, sstatus, %1"); break;
    case 6: SET("csrwi sstatus, 2"); break;
    default: SET("li %1, 2\n csrs sstatus, %1");
    }
#undef SET
    asm volatile("csrci sstatus, 2\n csrc sstatus, %0" ::"r"(STATUS_SPIE | STATUS_SUM));
    if (way & 16)
        uart_irq(false);
    return next;
}

static void at_once_in_s(void)
{
    plic_reset();
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT | 1 << IRQ_S_EXT);
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    for (uint64_t n = 0; n < 32 * 40; n++) {
        uint64_t way = n % 32, irq = way & 16 ? IRQ_S_EXT : IRQ_S_SOFT;
        row("way %d, round %d", way, n / 32);
        listen();
        csr_write(CSR_mip, way & 16 ? 0 : 1 << IRQ_S_SOFT);
        csr_write(CSR_mie, 1ul << irq);
        uint64_t next = CALL_IN(MODE_S, set_sie, way);
        CHECK_EQ(self()->s.epc, next);
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(taken[0], irq);
        CHECK_EQ(self()->s.count, 1);
        if (way & 16)
            PLIC_CLAIM(S0) = PLIC_CLAIM(S0);
    }
    plic_reset();
}

/* sstatus's bits set and cleared by a register show, and leave the others alone. */
static uint64_t status_bits(uint64_t seed)
{
    static const uint64_t all = STATUS_SPIE | STATUS_SPP | STATUS_FS | STATUS_SUM | STATUS_MXR;
    uint64_t now = csr_read(CSR_sstatus) & all, bad = 0;
    for (unsigned i = 0; i < 300; i++) {
        seed = seed * 6364136223846793005ul + 1442695040888963407ul;
        uint64_t bits = seed >> 20 & (i % 3 ? all : STATUS_SPIE | STATUS_SPP), old;
        if (seed >> 63) {
            asm volatile("csrrs %0, sstatus, %1" : "=r"(old) : "r"(bits));
            bad += (old & all) != now;
            now |= bits;
        } else {
            asm volatile("csrrc %0, sstatus, %1" : "=r"(old) : "r"(bits));
            bad += (old & all) != now;
            now &= ~bits;
        }
        bad += (csr_read(CSR_sstatus) & all) != now;
    }
    csr_set(CSR_sstatus, STATUS_FS);
    return bad;
}

/* Turns floating point off by a register's bits and uses it. */
static uint64_t without_float(uint64_t bits)
{
    asm volatile("csrs sstatus, %0\n .4byte 0xf2000053\n csrc sstatus, %0\n.globl float_site\nfloat_site: .4byte 0xf2000053" ::"r"(bits)
                 : "ft0");
    return 0;
}
extern char float_site[];

static void sstatus_by_register(void)
{
    CHECK_EQ(CALL_IN(MODE_S, status_bits, 77), 0);
    CHECK_NO_TRAP();
    for (unsigned i = 0; i < 100; i++) {
        trap_clear();
        csr_clear(CSR_mstatus, STATUS_FS);
        CALL_IN(MODE_S, without_float, STATUS_FS);
        csr_set(CSR_mstatus, STATUS_FS);
        CHECK_EQ(self()->m.count, 1);
        CHECK_EQ(self()->m.cause, 2);
        CHECK_EQ(self()->m.epc, float_site);
    }
}

/* All at once: external, software, timer of M, then of S. */
static void priorities(void)
{
    static const uint8_t order[] = {IRQ_M_EXT, IRQ_M_SOFT, IRQ_M_TIMER, IRQ_S_EXT, IRQ_S_SOFT, IRQ_S_TIMER, IRQ_LCOFI};
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    uart_irq(true);
    MSIP(0) = 1;
    MTIMECMP(0) = 0;
    csr_write(CSR_mip, 1 << IRQ_S_EXT | 1 << IRQ_S_SOFT | 1 << IRQ_S_TIMER | 1 << IRQ_LCOFI);
    listen();
    csr_write(CSR_mie, ~0ul);
    CHECK_EQ(csr_read(CSR_mip) & csr_read(CSR_mie), 0x2aaa);
    csr_set(CSR_mstatus, STATUS_MIE);
    for (unsigned i = 0; i < 10; i++)
        asm volatile("nop");
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, ARRAY_LEN(order));
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        row("number %d", (uint64_t)i);
        CHECK_EQ(taken[i], order[i]);
    }
    row("to S mode");
    csr_write(CSR_mideleg, 0x2222);
    csr_write(CSR_mie, 0x2222);
    csr_write(CSR_mcounteren, 2);
    listen();
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(ntaken, 4);
    CHECK_EQ(self()->s.count, 4);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(taken[i], order[3 + i]);
    row("M's before S's, whatever their numbers");
    csr_clear(CSR_mstatus, STATUS_MIE);
    csr_write(CSR_mideleg, 1 << IRQ_S_EXT);
    csr_write(CSR_mie, 1 << IRQ_S_EXT | 1 << IRQ_S_TIMER);
    listen();
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(taken[0], IRQ_S_TIMER);
    CHECK_EQ(taken[1], IRQ_S_EXT);
    plic_reset();
    MSIP(0) = 0;
    MTIMECMP(0) = ~0ul;
    csr_write(CSR_mip, 0);
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

/* With MIE set it comes with mepc behind the wfi. */
static void wfi_interrupt(void)
{
    uint64_t next;
    listen();
    csr_write(CSR_mie, 1 << IRQ_M_TIMER);
    csr_set(CSR_mstatus, STATUS_MIE);
    asm volatile("la %0, 1f\n sd %2, (%1)\n wfi\n1: nop\n" : "=&r"(next) : "r"(&MTIMECMP(0)), "r"(MTIME + 30000) : "memory");
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, 1);
    CHECK_EQ(self()->m.epc, next);
    MTIMECMP(0) = ~0ul;
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

/* ---- PLIC ---- */

static void plic_basic(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 3;
    CHECK_EQ(PLIC_PRIORITY(UART_IRQ), 3);
    CHECK_EQ(PLIC_CLAIM(M0), 0);
    uart_irq(true);
    CHECK(PLIC_PENDING >> UART_IRQ & 1);
    CHECK(!pending(IRQ_M_EXT)); /* not enabled */
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    CHECK(pending(IRQ_M_EXT));
    CHECK(!pending(IRQ_S_EXT));
    PLIC_THRESHOLD(M0) = 3; /* only above the threshold */
    CHECK(!pending(IRQ_M_EXT));
    PLIC_THRESHOLD(M0) = 2;
    CHECK(pending(IRQ_M_EXT));
    PLIC_PRIORITY(UART_IRQ) = 0; /* never */
    CHECK(!pending(IRQ_M_EXT));
    PLIC_PRIORITY(UART_IRQ) = 3;
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK(!pending(IRQ_M_EXT));
    CHECK(!(PLIC_PENDING >> UART_IRQ & 1));
    CHECK_EQ(PLIC_CLAIM(M0), 0); /* in service */
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(pending(IRQ_M_EXT)); /* the level still stands */
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    uart_irq(false);
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(!pending(IRQ_M_EXT));
    plic_reset();
}

static void plic_two(void)
{
    plic_reset();
    uart_irq(true);
    rtc_irq(true);
    PLIC_ENABLE(M0) = 1 << UART_IRQ | 1 << RTC_IRQ;
    row("the higher priority first");
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_PRIORITY(RTC_IRQ) = 2;
    CHECK_EQ(PLIC_CLAIM(M0), RTC_IRQ);
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK(!pending(IRQ_M_EXT));
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(pending(IRQ_M_EXT));
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    rtc_irq(false);
    PLIC_CLAIM(M0) = RTC_IRQ;
    PLIC_CLAIM(M0) = UART_IRQ;
    rtc_irq(true);
    row("the lower number of equals");
    PLIC_PRIORITY(UART_IRQ) = 2;
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK_EQ(PLIC_CLAIM(M0), RTC_IRQ);
    plic_reset();
}

static bool serve_uart(struct hart *h, bool super)
{
    unsigned context = super ? S0 : M0;
    (void)h;
    taken[ntaken++ & 15] = PLIC_CLAIM(context);
    uart_irq(false);
    PLIC_CLAIM(context) = UART_IRQ;
    return true;
}

static void plic_interrupt(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    csr_write(CSR_mie, 1 << IRQ_M_EXT);
    csr_set(CSR_mstatus, STATUS_MIE);
    for (unsigned i = 0; i < 10; i++) {
        listen();
        self()->on_trap = serve_uart;
        uart_irq(true);
        for (uint64_t end = MTIME + 20000000; !*(volatile unsigned *)&ntaken && MTIME < end;)
            ;
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(taken[0], UART_IRQ);
        CHECK_EQ(self()->m.cause, INTERRUPT | IRQ_M_EXT);
    }
    csr_clear(CSR_mstatus, STATUS_MIE);
    row("to S mode");
    PLIC_ENABLE(M0) = 0;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    csr_write(CSR_mideleg, 1 << IRQ_S_EXT);
    csr_write(CSR_mie, 1 << IRQ_S_EXT);
    csr_write(CSR_mcounteren, 2);
    listen();
    self()->on_trap = serve_uart;
    uart_irq(true);
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(ntaken, 1);
    CHECK_EQ(taken[0], UART_IRQ);
    CHECK_EQ(self()->s.cause, INTERRUPT | IRQ_S_EXT);
    plic_reset();
}

/* SEIP is the OR of the PLIC's line and a bit that software writes; csrrs and csrrc of mip modify only the latter. */
static void seip(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    uart_irq(true);
    CHECK(pending(IRQ_S_EXT));
    csr_clear(CSR_mip, 1 << IRQ_S_EXT);
    CHECK(pending(IRQ_S_EXT));
    csr_set(CSR_mip, 1 << IRQ_S_SOFT); /* does not store the line's level */
    plic_reset();
    CHECK(!pending(IRQ_S_EXT));
    csr_set(CSR_mip, 1 << IRQ_S_EXT);
    CHECK(pending(IRQ_S_EXT));
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    uart_irq(true);
    plic_reset();
    CHECK(pending(IRQ_S_EXT));
    csr_clear(CSR_mip, 1 << IRQ_S_EXT);
    CHECK(!pending(IRQ_S_EXT));
    csr_write(CSR_mip, 0);
}

/* A request stays when its line falls before the claim. */
static void plic_keeps(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    uart_irq(true);
    uart_irq(false);
    CHECK(pending(IRQ_M_EXT));
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK(!pending(IRQ_M_EXT));
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(!pending(IRQ_M_EXT));
    row("a completion by who has it not enabled");
    uart_irq(true);
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    PLIC_CLAIM(S0) = UART_IRQ;
    CHECK(!pending(IRQ_M_EXT));
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(pending(IRQ_M_EXT));
    plic_reset();
}

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
    for (uint64_t end = MTIME + 200000000; *(volatile unsigned *)&ticks <= 60 && MTIME < end;) {
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
    TEST("enables", masks),
    TEST("M's interrupts in lower modes", below_m),
    TEST("taken at once after a write that allows it", at_once),
    TEST("taken at once in S", at_once_in_s),
    TEST("sstatus by a register", sstatus_by_register),
    TEST("priorities", priorities),
    TEST("wfi while one is pending", wfi_pending),
    TEST("wfi until a timer", wfi_timer),
    TEST("wfi and the interrupt that ends it", wfi_interrupt),
    TEST("wfi in S mode", wfi_supervisor),
    TEST("PLIC: enable, threshold, claim, complete", plic_basic),
    TEST("PLIC: two sources", plic_two),
    TEST("PLIC: interrupts to M and S mode", plic_interrupt),
    TEST("PLIC: requests outlive their line", plic_keeps),
    TEST("SEIP is line or bit", seip),
    TEST("a storm of timer interrupts", storm),
    {NULL, NULL},
};
