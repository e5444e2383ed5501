/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupts by the GICv2: registers that are each vCPU's own at one address, SGIs with their senders, SPIs of several vCPUs, priorities,
 * groups, EOImode, a private timer. Source: IHI 0048.
 */
#include "rt.h"

#define GICD(offset)      (*(volatile uint32_t *)(0x8000000ul + (offset)))
#define GICD_BYTE(offset) (*(volatile uint8_t *)(0x8000000ul + (offset)))
#define GICC(offset)      (*(volatile uint32_t *)(0x8010000ul + (offset)))
enum {
    D_CTLR = 0,
    TYPER = 4,
    GROUP = 0x80,
    ENABLE = 0x100,
    DISABLE = 0x180,
    PEND = 0x200,
    UNPEND = 0x280,
    ACTIVE = 0x300,
    INACTIVE = 0x380
};
enum { PRIORITY = 0x400, TARGETS = 0x800, CONFIG = 0xc00, SGIR = 0xf00, UNSEND = 0xf10, SENDERS = 0xf20 };
enum { C_CTLR = 0, PMR = 4, BPR = 8, IAR = 0xc, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18, AIAR = 0x20, AEOIR = 0x24, DIR = 0x1000 };
enum { SPI = 40, OTHER = 41, HARTS = 4, TIMER = 27, NONE = 1023, GROUP_1 = 1022, FIQ = 8, SPLIT = 0x200 };

static void begin(void)
{
    if (!self()->id) {
        GICD(D_CTLR) = 3;
        for (unsigned n = 1; n < 3; n++) {
            GICD(DISABLE + 4 * n) = ~0u;
            GICD(UNPEND + 4 * n) = ~0u;
            GICD(INACTIVE + 4 * n) = ~0u;
            GICD(GROUP + 4 * n) = 0;
        }
        for (unsigned n = 32; n < 96; n += 4) {
            GICD(PRIORITY + n) = 0xa0a0a0a0;
            GICD(TARGETS + n) = 0x01010101;
        }
    }
    GICD(DISABLE) = 0xffff0000;
    GICD(INACTIVE) = ~0u;
    GICD(GROUP) = 0;
    for (unsigned n = 0; n < 16; n += 4)
        GICD(UNSEND + n) = ~0u;
    for (unsigned n = 0; n < 32; n += 4)
        GICD(PRIORITY + n) = 0xa0a0a0a0;
    GICC(PMR) = 0xf0;
    GICC(BPR) = 0;
    GICC(C_CTLR) = 3;
}

static void enable(unsigned intid) { GICD(ENABLE + intid / 32 * 4) = 1u << intid % 32; }
static void pend(unsigned intid) { GICD(PEND + intid / 32 * 4) = 1u << intid % 32; }
static bool is(unsigned what, unsigned intid) { return GICD(what + intid / 32 * 4) >> intid % 32 & 1; }
static uint64_t signals(void)
{
    isb();
    return sys_read("isr_el1");
}
enum { SIGNAL_irq = 0x80, SIGNAL_fiq = 0x40 };

static void shared(void)
{
    begin();
    pend(SPI);
    CHECK_EQ(signals(), 0); /* not enabled */
    enable(SPI);
    CHECK_EQ(signals(), SIGNAL_irq);
    CHECK_EQ(GICC(HPPIR), SPI);
    CHECK_EQ(GICC(IAR), SPI);
    CHECK_EQ(signals(), 0);
    CHECK_EQ(GICC(RPR), 0xa0);
    CHECK(is(ACTIVE, SPI) && !is(PEND, SPI));
    CHECK_EQ(GICC(IAR), NONE);
    GICC(EOIR) = SPI;
    CHECK_EQ(GICC(RPR), 0xff);
    CHECK(!is(ACTIVE, SPI));
    pend(SPI);
    GICC(PMR) = 0xa0;
    CHECK_EQ(signals(), 0); /* not more urgent than the mask */
    CHECK_EQ(GICC(IAR), NONE);
    GICC(PMR) = 0xa8;
    CHECK_EQ(GICC(IAR), SPI);
    GICD_BYTE(PRIORITY + OTHER) = 0x90;
    enable(OTHER);
    pend(OTHER);
    CHECK_EQ(signals(), SIGNAL_irq); /* preempts */
    CHECK_EQ(GICC(IAR), OTHER);
    CHECK_EQ(GICC(RPR), 0x90);
    GICC(EOIR) = OTHER;
    CHECK_EQ(GICC(RPR), 0xa0);
    GICC(EOIR) = SPI;
    GICC(BPR) = 6;
    pend(SPI);
    CHECK_EQ(GICC(IAR), SPI);
    CHECK_EQ(GICC(RPR), 0x80);
    pend(OTHER);
    CHECK_EQ(signals(), 0); /* of the same group of priorities */
    GICC(EOIR) = SPI;
    CHECK_EQ(GICC(IAR), OTHER);
    GICC(EOIR) = OTHER;
}

static void groups(void)
{
    begin();
    GICD(GROUP + 4) = 1u << (OTHER - 32);
    enable(SPI);
    enable(OTHER);
    pend(OTHER);
    CHECK_EQ(signals(), SIGNAL_irq);
    CHECK_EQ(GICC(IAR), GROUP_1);
    GICD_BYTE(PRIORITY + SPI) = 0x80;
    pend(SPI);
    CHECK_EQ(GICC(AIAR), NONE);
    GICC(C_CTLR) = 3 | FIQ;
    CHECK_EQ(signals(), SIGNAL_fiq);
    CHECK_EQ(GICC(IAR), SPI);
    GICC(EOIR) = SPI;
    CHECK_EQ(signals(), SIGNAL_irq);
    CHECK_EQ(GICC(AIAR), OTHER);
    GICC(AEOIR) = OTHER;
    CHECK_EQ(GICC(RPR), 0xff);
    CHECK_EQ(signals(), 0);
}

static void split_end(void)
{
    begin();
    GICC(C_CTLR) = 3 | SPLIT;
    enable(SPI);
    pend(SPI);
    CHECK_EQ(GICC(IAR), SPI);
    GICC(EOIR) = SPI;
    CHECK_EQ(GICC(RPR), 0xff);
    CHECK(is(ACTIVE, SPI));
    pend(SPI);
    CHECK_EQ(GICC(IAR), NONE);
    GICC(DIR) = SPI;
    CHECK_EQ(GICC(IAR), SPI);
    GICC(EOIR) = SPI;
    GICC(DIR) = SPI;
    CHECK(!is(ACTIVE, SPI));
}

static volatile uint64_t taken, vector;
static bool timer_irq(struct hart *h, struct frame *f, unsigned v)
{
    (void)h, (void)f;
    if (v % 4 != VECTOR_irq)
        return false;
    uint64_t intid = GICC(IAR);
    vector = intid;
    taken++;
    sys_write("cntv_ctl_el0", 0);
    GICC(EOIR) = (uint32_t)intid;
    return true;
}

static void timer(void)
{
    begin();
    taken = 0;
    self()->on_trap = timer_irq;
    enable(TIMER);
    sys_write("cntv_cval_el0", 0);
    sys_write("cntv_ctl_el0", 1);
    CHECK(is(PEND, TIMER));
    asm volatile("msr daifclr, #2\n isb\n nop\n msr daifset, #2" ::: "memory");
    CHECK_EQ(taken, 1);
    CHECK_EQ(vector, TIMER);
    CHECK(!is(PEND, TIMER) && !is(ACTIVE, TIMER));
}

/* ---- several vCPUs ---- */

static volatile uint64_t quit, open, wrong, numbers[HARTS], served[HARTS];
static bool note_irq(struct hart *h, struct frame *f, unsigned v)
{
    (void)f;
    if (v % 4 != VECTOR_irq)
        return false;
    uint32_t number = GICC(IAR);
    if ((number & 0x3ff) >= GROUP_1)
        return true;
    if ((number & 0x3ff) < 15)
        numbers[h->id] = number | 1u << 31;
    if (number == SPI)
        __atomic_add_fetch(&served[h->id], 1, __ATOMIC_SEQ_CST);
    GICC(EOIR) = number;
    return true;
}

static void listen(void *arg)
{
    uint64_t id = (uint64_t)arg;
    begin();
    GICD_BYTE(PRIORITY + TIMER) = (uint8_t)(id << 4);
    if (GICD(TARGETS) != 0x01010101u << id || GICD_BYTE(PRIORITY + TIMER) != id << 4)
        wrong = id;
    self()->on_trap = note_irq;
    asm volatile("msr daifclr, #2" ::: "memory");
    __atomic_add_fetch(&open, 1, __ATOMIC_SEQ_CST);
    while (!quit)
        asm volatile("wfi");
    asm volatile("msr daifset, #2" ::: "memory");
    if (GICD_BYTE(PRIORITY + TIMER) != id << 4)
        wrong = id;
}

static bool all_start(void)
{
    if (!harts_need(HARTS))
        return false;
    begin();
    quit = open = wrong = 0;
    for (unsigned i = 0; i < HARTS; i++)
        numbers[i] = served[i] = 0;
    for (unsigned i = 1; i < HARTS; i++)
        hart_start(i, listen, (void *)(uint64_t)i);
    while (open < HARTS - 1)
        relax();
    return true;
}

static void all_end(void)
{
    quit = 1;
    GICD(SGIR) = 1u << 24 | 15;
    for (unsigned i = 1; i < HARTS; i++)
        hart_join(i);
}

static bool comes(unsigned hart, uint64_t number)
{
    for (uint64_t end = now() + PATIENCE / 10; numbers[hart] != (number | 1u << 31) && now() < end;)
        relax();
    bool ok = numbers[hart] == (number | 1u << 31);
    numbers[hart] = 0;
    return ok;
}

static void own_registers(void)
{
    if (!all_start())
        return;
    CHECK_EQ(GICD(TARGETS), 0x01010101);
    CHECK_EQ(GICD(TYPER) >> 5 & 7, HARTS - 1);
    CHECK_EQ(GICD_BYTE(PRIORITY + TIMER), 0xa0);
    all_end();
    CHECK_EQ(wrong, 0);
}

static void messages(void)
{
    if (!all_start())
        return;
    GICD(SGIR) = 0x2 << 16 | 3;
    CHECK(comes(1, 3));
    GICD(SGIR) = 0xc << 16 | 5;
    CHECK(comes(2, 5));
    CHECK(comes(3, 5));
    GICD(SGIR) = 1 << 24 | 9; /* to all others */
    for (unsigned i = 1; i < HARTS; i++)
        CHECK(comes(i, 9));
    CHECK_EQ(GICC(IAR), NONE);
    GICD(SGIR) = 2 << 24 | 7; /* to itself */
    CHECK_EQ(signals(), SIGNAL_irq);
    CHECK_EQ(GICD(SENDERS + 4), 1u << 24);
    CHECK_EQ(GICC(IAR), 7);
    GICC(EOIR) = 7;
    GICD_BYTE(SENDERS + 6) = 0x0e; /* as from the other three */
    CHECK_EQ(GICD(SENDERS + 4), 0x0e0000);
    for (uint32_t from = 1; from < HARTS; from++) {
        CHECK_EQ(GICC(IAR), from << 10 | 6);
        GICC(EOIR) = from << 10 | 6;
    }
    CHECK_EQ(GICC(IAR), NONE);
    all_end();
}

/* One of the targets gets it, each time. */
static void one_of_many(void)
{
    enum { TIMES = 200 };
    if (!all_start())
        return;
    GICD_BYTE(TARGETS + SPI) = 0xe;
    enable(SPI);
    for (uint64_t i = 1; i <= TIMES; i++) {
        uint64_t total = 0;
        pend(SPI);
        for (uint64_t end = now() + PATIENCE / 10; total < i && now() < end;)
            total = served[1] + served[2] + served[3];
        CHECK_EQ(total, i);
    }
    CHECK_EQ(served[0], 0);
    GICD_BYTE(TARGETS + SPI) = 0x4;
    uint64_t before = served[2];
    pend(SPI);
    for (uint64_t end = now() + PATIENCE / 10; served[2] == before && now() < end;)
        relax();
    CHECK_EQ(served[2], before + 1);
    all_end();
}

const struct test tests[] = {
    TEST("shared interrupts", shared),
    TEST("groups", groups),
    TEST("EOImode", split_end),
    TEST("a private timer", timer),
    TEST("registers of one's own", own_registers),
    TEST("SGIs", messages),
    TEST("interrupts of several vCPUs", one_of_many),
    {NULL, NULL},
};
