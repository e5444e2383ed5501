/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupts by the GICv3: SPIs, PPIs, SGIs between vCPUs, priorities and preemption, EOImode, masks, routing. Without EL3 there is one security
 * state, and all is of group 1. Source: IHI 0069.
 */
#include "gic.h"

enum { SPI = 40, OTHER = 41, HARTS = 4 };

static volatile uint64_t taken[16], count;
static void (*volatile within)(unsigned intid); /* runs in the handler before the end of the interrupt */

static bool irq(struct hart *h, struct frame *f, unsigned vector)
{
    (void)h, (void)f;
    if (vector % 4 != VECTOR_irq)
        return false;
    uint64_t intid = sys_read(ICC_IAR1);
    if (intid >= 1020)
        return true;
    taken[count++ % 16] = intid;
    if (within)
        within((unsigned)intid);
    sys_write(ICC_EOIR1, intid);
    return true;
}

static void begin(void)
{
    gic_start();
    count = 0;
    within = NULL;
    self()->on_trap = irq;
}

static bool comes(uint64_t n)
{
    for (uint64_t end = now() + PATIENCE / 10; count < n && now() < end;)
        relax();
    return count >= n;
}

static void never(void) { asm volatile("isb\n nop\n nop" ::: "memory"); }

static void shared(void)
{
    begin();
    gic_enable(SPI);
    gic_pend(SPI);
    never();
    CHECK_EQ(count, 0); /* PSTATE.I */
    CHECK_EQ(sys_read(ICC_HPPIR1), SPI);
    CHECK_EQ(sys_read("isr_el1"), 0x80);
    irq_on();
    CHECK(comes(1));
    CHECK_EQ(taken[0], SPI);
    irq_off();
    CHECK_EQ(sys_read("isr_el1"), 0);
    CHECK_EQ(sys_read(ICC_IAR1), SPURIOUS);
    GICD(GICD_ICENABLER + 4) = 1u << (SPI - 32);
    gic_wait();
    gic_pend(SPI);
    irq_on();
    never();
    CHECK_EQ(count, 1); /* disabled */
    gic_enable(SPI);
    CHECK(comes(2));
    CHECK_EQ(self()->last.vector, VECTOR_spx + VECTOR_irq);
}

static uint64_t spin(uint64_t n)
{
    while (count < n)
        ;
    return count;
}

static void in_el0(void)
{
    begin();
    gic_enable(SPI);
    gic_pend(SPI);
    CHECK_EQ(CALL_IN(EL0t, spin, 1), 1);
    CHECK_EQ(taken[0], SPI);
    CHECK_EQ(self()->last.vector, VECTOR_lower + VECTOR_irq);
    gic_pend(SPI);
    CHECK_EQ(CALL_IN(EL1t | PSTATE_D, spin, 2), 2);
    CHECK_EQ(self()->last.vector, VECTOR_irq);
}

/* ---- priorities ---- */

static void masks(void)
{
    begin();
    gic_enable(SPI);
    gic_priority(SPI, 0x80);
    sys_write(ICC_PMR, 0x80);
    gic_pend(SPI);
    irq_on();
    never();
    CHECK_EQ(count, 0); /* not higher than the mask */
    sys_write(ICC_PMR, 0x88);
    CHECK(comes(1));
    irq_off();
    sys_write(ICC_IGRPEN1, 0);
    gic_pend(SPI);
    irq_on();
    never();
    CHECK_EQ(count, 1);
    sys_write(ICC_IGRPEN1, 1);
    CHECK(comes(2));
}

static void order_by_priority(void)
{
    begin();
    for (unsigned i = 0; i < 6; i++) {
        gic_priority(SPI + i, (uint8_t)(0xa0 - 0x10 * i));
        gic_enable(SPI + i);
        gic_pend(SPI + i);
    }
    irq_on();
    CHECK(comes(6));
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(taken[i], SPI + 5 - i);
    /* the same priority: the lowest number first */
    irq_off();
    count = 0;
    for (unsigned i = 0; i < 6; i++)
        gic_priority(SPI + i, 0x50);
    for (unsigned i = 6; i--;)
        gic_pend(SPI + i);
    irq_on();
    CHECK(comes(6));
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(taken[i], SPI + i);
}

static volatile uint64_t running[3];
static void raise_other(unsigned intid)
{
    if (intid != SPI)
        return;
    running[0] = sys_read(ICC_RPR);
    gic_pend(OTHER);
    irq_on();
    for (unsigned i = 0; i < 1000 && count < 2; i++)
        relax();
    irq_off();
    running[1] = count;
    running[2] = sys_read(ICC_RPR);
}

static void preempts(uint8_t first, uint8_t priority, unsigned bpr, bool should)
{
    begin();
    row("priority %x after %x, binary point %d", (uint64_t)priority, (uint64_t)first, (uint64_t)bpr);
    sys_write(ICC_BPR1, bpr);
    gic_priority(SPI, first);
    gic_priority(OTHER, priority);
    gic_enable(SPI);
    gic_enable(OTHER);
    within = raise_other;
    gic_pend(SPI);
    irq_on();
    CHECK(comes(2));
    irq_off();
    CHECK_EQ(running[0], first & 0xffu << bpr); /* the group's */
    CHECK_EQ(running[1], should ? 2 : 1);
    CHECK_EQ(running[2], first & 0xffu << bpr);
    CHECK_EQ(sys_read(ICC_RPR), 0xff);
}

static void preemption(void)
{
    preempts(0x80, 0x40, 0, true);
    preempts(0x80, 0x80, 0, false);
    preempts(0x80, 0xa0, 0, false);
    preempts(0x80, 0x70, 4, true);
    preempts(0xc0, 0x90, 6, true); /* groups of 64 */
    preempts(0xb0, 0x90, 6, false);
    preempts(0xc0, 0x90, 7, false); /* of 128 */
    preempts(0x80, 0x70, 7, true);
}

static void split_end(void)
{
    begin();
    self()->on_trap = NULL;
    sys_write(ICC_CTLR, 2); /* EOImode: the end drops the priority only */
    gic_enable(SPI);
    gic_pend(SPI);
    never();
    CHECK_EQ(sys_read(ICC_IAR1), SPI);
    CHECK_EQ(GICD(GICD_ISACTIVER + 4) >> (SPI - 32) & 1, 1);
    CHECK_EQ(GICD(GICD_ISPENDR + 4) >> (SPI - 32) & 1, 0);
    sys_write(ICC_EOIR1, SPI);
    CHECK_EQ(sys_read(ICC_RPR), 0xff);
    CHECK_EQ(GICD(GICD_ISACTIVER + 4) >> (SPI - 32) & 1, 1);
    gic_pend(SPI);
    never();
    CHECK_EQ(sys_read(ICC_IAR1), SPURIOUS); /* still active */
    sys_write(ICC_DIR, SPI);
    CHECK_EQ(GICD(GICD_ISACTIVER + 4) >> (SPI - 32) & 1, 0);
    CHECK_EQ(sys_read(ICC_IAR1), SPI);
    sys_write(ICC_EOIR1, SPI);
    sys_write(ICC_DIR, SPI);
    CHECK_EQ(sys_read(ICC_IAR1), SPURIOUS);
}

/* ---- SGIs ---- */

static volatile uint64_t got[HARTS], quit;
static bool sgi_irq(struct hart *h, struct frame *f, unsigned vector)
{
    (void)f;
    if (vector % 4 != VECTOR_irq)
        return false;
    uint64_t intid = sys_read(ICC_IAR1);
    if (intid < 16)
        got[h->id] |= 1ul << intid;
    sys_write(ICC_EOIR1, intid);
    return true;
}

static volatile uint64_t open;
static void listen(void *arg)
{
    (void)arg;
    gic_start();
    GICR_SGI(self()->id, GICD_ISENABLER) = 0xffff;
    gic_wait();
    self()->on_trap = sgi_irq;
    irq_on();
    __atomic_add_fetch(&open, 1, __ATOMIC_SEQ_CST);
    while (!quit)
        asm volatile("wfi");
    irq_off();
}

static bool all_got(uint64_t mask[HARTS])
{
    for (uint64_t end = now() + PATIENCE / 10; now() < end; relax()) {
        unsigned n = 0;
        for (unsigned i = 0; i < HARTS; i++)
            n += got[i] == mask[i];
        if (n == HARTS)
            return true;
    }
    return false;
}

static void sgis(void)
{
    if (!harts_need(HARTS))
        return;
    begin();
    self()->on_trap = sgi_irq;
    GICR_SGI(0, GICD_ISENABLER) = 0xffff;
    gic_wait();
    open = quit = 0;
    for (unsigned i = 0; i < HARTS; i++)
        got[i] = 0;
    for (unsigned i = 1; i < HARTS; i++)
        hart_start(i, listen, NULL);
    while (open < HARTS - 1)
        relax();
    irq_on();
    sys_write(ICC_SGI1R, 3ul << 24 | 1 << 1); /* 3 to vCPU 1 */
    CHECK(all_got((uint64_t[]){0, 1 << 3, 0, 0}));
    sys_write(ICC_SGI1R, 5ul << 24 | 0xc); /* 5 to 2 and 3 */
    CHECK(all_got((uint64_t[]){0, 1 << 3, 1 << 5, 1 << 5}));
    sys_write(ICC_SGI1R, 9ul << 24 | 1ul << 40); /* 9 to all others */
    CHECK(all_got((uint64_t[]){0, 1 << 9 | 1 << 3, 1 << 9 | 1 << 5, 1 << 9 | 1 << 5}));
    sys_write(ICC_SGI1R, 0ul << 24 | 1); /* 0 to itself */
    CHECK(all_got((uint64_t[]){1, 1 << 9 | 1 << 3, 1 << 9 | 1 << 5, 1 << 9 | 1 << 5}));
    sys_write(ICC_SGI1R, 1ul << 24 | 1ul << 16 | 2); /* another cluster: nobody */
    never();
    CHECK_EQ(got[1], 1 << 9 | 1 << 3);
    quit = 1;
    sys_write(ICC_SGI1R, 15ul << 24 | 1ul << 40);
    for (unsigned i = 1; i < HARTS; i++)
        hart_join(i);
}

/* ---- routing of SPIs ---- */

static volatile uint64_t where;
static bool route_irq(struct hart *h, struct frame *f, unsigned vector)
{
    (void)f;
    if (vector % 4 != VECTOR_irq)
        return false;
    uint64_t intid = sys_read(ICC_IAR1);
    if (intid == SPI)
        where = h->id + 1;
    sys_write(ICC_EOIR1, intid);
    return true;
}
static void wait_route(void *arg)
{
    (void)arg;
    gic_start();
    GICR_SGI(self()->id, GICD_ISENABLER) = 0xffff;
    self()->on_trap = route_irq;
    irq_on();
    __atomic_add_fetch(&open, 1, __ATOMIC_SEQ_CST);
    while (!quit)
        asm volatile("wfi");
    irq_off();
}

static void routing(void)
{
    if (!harts_need(HARTS))
        return;
    begin();
    self()->on_trap = route_irq;
    open = quit = 0;
    for (unsigned i = 1; i < HARTS; i++)
        hart_start(i, wait_route, NULL);
    while (open < HARTS - 1)
        relax();
    irq_on();
    gic_enable(SPI);
    for (unsigned i = 0; i < 4 * HARTS; i++) {
        where = 0;
        GICD64(GICD_IROUTER + 8 * SPI) = i % HARTS;
        gic_wait();
        gic_pend(SPI);
        for (uint64_t end = now() + PATIENCE / 10; !where && now() < end;)
            relax();
        CHECK_EQ(where, i % HARTS + 1);
    }
    quit = 1;
    sys_write(ICC_SGI1R, 15ul << 24 | 1ul << 40);
    for (unsigned i = 1; i < HARTS; i++)
        hart_join(i);
}

static void quieten(unsigned intid)
{
    (void)intid;
    if (count == 3)
        RTC[0x10 / 4] = 0;
}

/* A level that stays high comes again after its end, until its source is quiet: the RTC's alarm. */
static void levels(void)
{
    enum { RTC_INTID = 34 };
    begin();
    RTC[0x10 / 4] = 0; /* IMSC */
    RTC[0x1c / 4] = 1; /* ICR */
    gic_enable(RTC_INTID);
    RTC[0x04 / 4] = RTC[0]; /* the match: now */
    RTC[0x10 / 4] = 1;
    uint64_t end = now() + PATIENCE / 10;
    if (!(RTC[0x14 / 4] & 1))
        RTC[0x04 / 4] = RTC[0] + 1;
    while (!(RTC[0x18 / 4] & 1) && now() < end)
        relax();
    CHECK_EQ(RTC[0x18 / 4], 1);
    never();
    CHECK_EQ(sys_read(ICC_HPPIR1), RTC_INTID);
    within = quieten;
    irq_on();
    CHECK(comes(3));
    irq_off();
    CHECK_EQ(count, 3);
    RTC[0x1c / 4] = 1;
    never();
    CHECK_EQ(sys_read(ICC_HPPIR1), SPURIOUS);
    RTC[0x10 / 4] = 0;
}

const struct test tests[] = {
    TEST("shared interrupts", shared),
    TEST("interrupts of EL0 and EL1t", in_el0),
    TEST("masks", masks),
    TEST("order by priority", order_by_priority),
    TEST("preemption", preemption),
    TEST("EOImode", split_end),
    TEST("SGIs", sgis),
    TEST("routing", routing),
    TEST("levels", levels),
    {NULL, NULL},
};
