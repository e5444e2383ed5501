/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv3 as a driver uses it: distributor and redistributors by their registers, the CPU interface by its window. Priorities and
 * preemption, groups, levels and edges, messages, end of interrupt in both modes, private lines, routing, hostile offsets.
 */
#include "device/irqchip/gicv3.h"
#include "device_bench.h"

enum { CPUS = 3, LINES = 288 };
enum {
    CTLR = 0,
    TYPER = 4,
    IGROUP = 0x80,
    ENABLE = 0x100,
    DISABLE = 0x180,
    PEND = 0x200,
    UNPEND = 0x280,
    ACTIVE = 0x300,
    INACTIVE = 0x380
};
enum { PRIORITY = 0x400, CONFIG = 0xc00, ROUTER = 0x6000, SGI_FRAME = 0x10000, WAKER = 0x14 };
#define ICC(op1, n, m, op2) (1 << 14 | (op1) << 11 | (n) << 7 | (m) << 3 | (op2))
enum {
    PMR = ICC(0, 4, 6, 0),
    IAR0 = ICC(0, 12, 8, 0),
    EOIR0 = ICC(0, 12, 8, 1),
    HPPIR0 = ICC(0, 12, 8, 2),
    BPR0 = ICC(0, 12, 8, 3),
    AP0R0 = ICC(0, 12, 8, 4),
    AP1R0 = ICC(0, 12, 9, 0),
    DIR = ICC(0, 12, 11, 1),
    RPR = ICC(0, 12, 11, 3),
    SGI1R = ICC(0, 12, 11, 5),
    ASGI1R = ICC(0, 12, 11, 6),
    SGI0R = ICC(0, 12, 11, 7),
    IAR1 = ICC(0, 12, 12, 0),
    EOIR1 = ICC(0, 12, 12, 1),
    HPPIR1 = ICC(0, 12, 12, 2),
    BPR1 = ICC(0, 12, 12, 3),
    ICTLR = ICC(0, 12, 12, 4),
    SRE = ICC(0, 12, 12, 5),
    IGRPEN0 = ICC(0, 12, 12, 6),
    IGRPEN1 = ICC(0, 12, 12, 7),
};

static struct bench bench;
static struct gicv3 *gic;
static struct device *dev;
static bool out[CPUS][2];
static unsigned out_calls;

static void note_out(void *arg, unsigned cpu, enum gic_output line, bool level)
{
    (void)arg;
    assert_true(cpu < CPUS);
    assert_int_not_equal(out[cpu][line], level); /* only changes are told */
    out[cpu][line] = level;
    out_calls++;
}

static const struct gicv3_config config = {.cpus = CPUS, .lines = LINES, .affinity = {0, 1, 0x02000103}, .lpis = true, .out = note_out};

static int open_gic(void **state)
{
    (void)state;
    bench_open(&bench);
    memset(out, 0, sizeof out);
    out_calls = 0;
    assert_int_equal(gicv3_new(&gic, "gic", &bench.env, &config, NULL), 0);
    dev = gicv3_device(gic);
    return 0;
}

static int close_gic(void **state)
{
    (void)state;
    gicv3_free(gic);
    gicv3_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t get(uint64_t offset) { return (uint32_t)reg(dev, &gicv3_dist_ops, offset, 4); }
static void set(uint64_t offset, uint32_t value) { reg_set(dev, &gicv3_dist_ops, offset, 4, value); }
static uint32_t rget(unsigned cpu, uint64_t offset) { return (uint32_t)reg(dev, &gicv3_redist_ops, cpu * 0x20000 + offset, 4); }
static void rset(unsigned cpu, uint64_t offset, uint32_t value) { reg_set(dev, &gicv3_redist_ops, cpu * 0x20000 + offset, 4, value); }

static uint64_t icc(unsigned cpu, unsigned number)
{
    const struct reg_window *w = gicv3_window(gic, cpu);
    uint64_t value = ~0ull;

    assert_true(w->read(w->self, number, &value));
    return value;
}

static void icc_set(unsigned cpu, unsigned number, uint64_t value)
{
    const struct reg_window *w = gicv3_window(gic, cpu);

    assert_true(w->write(w->self, number, value));
}

static void line(unsigned cpu, unsigned n, bool level)
{
    const struct reg_window *w = gicv3_window(gic, cpu);

    w->line(w->self, n, level);
}

/* As a kernel starts: both groups on, everything of group 1, all priorities let through. */
static void start(void)
{
    set(CTLR, 3);
    for (unsigned n = 1; n < LINES / 32; n++)
        set(IGROUP + 4 * n, 0xffffffff);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        rset(cpu, WAKER, 0);
        rset(cpu, SGI_FRAME + IGROUP, 0xffffffff);
        icc_set(cpu, PMR, 0xff);
        icc_set(cpu, IGRPEN1, 1);
        icc_set(cpu, IGRPEN0, 1);
    }
}

static void priority(unsigned intid, uint8_t value) { reg_set(dev, &gicv3_dist_ops, PRIORITY + intid, 1, value); }
static void enable(unsigned intid) { set(ENABLE + intid / 32 * 4, 1u << intid % 32); }
static bool is(uint64_t offset, unsigned intid) { return get(offset + intid / 32 * 4) >> intid % 32 & 1; }

static void identifies_itself(void **state)
{
    (void)state;
    assert_int_equal(get(CTLR), 0x50); /* affinity routing and one security state, always */
    assert_int_equal(get(TYPER) & 0x1f, LINES / 32 - 1);
    assert_int_equal(get(TYPER) >> 17 & 1, 1);
    assert_int_equal(get(TYPER) >> 19 & 0x1f, 13);
    assert_int_equal(get(0xffe8) >> 4 & 0xf, 3);
    assert_int_equal(rget(2, 0x1ffe8) >> 4 & 0xf, 3);
    assert_int_equal(rget(0, 0x8), 0x1);
    assert_int_equal(rget(1, 0x8), 0x101);
    assert_int_equal(rget(2, 0x8), 0x211); /* the last one */
    assert_int_equal(rget(2, 0xc), 0x02000103);
    assert_int_equal(reg(dev, &gicv3_redist_ops, 2 * 0x20000 + 8, 8), 0x0200010300000211);
    assert_int_equal(rget(0, WAKER), 6);
    rset(0, WAKER, 0);
    assert_int_equal(rget(0, WAKER), 0);
    assert_int_equal(icc(0, SRE), 7);
    assert_int_equal(icc(0, ICTLR), 0x8400);
    assert_int_equal(icc(0, BPR0), 2);
    assert_int_equal(icc(0, BPR1), 3);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_int_equal(icc(0, IAR1), 1023);
}

static void delivers_a_shared_level(void **state)
{
    (void)state;
    start();
    priority(33, 0xa0);
    gicv3_set(gic, 33, true);
    assert_int_equal(out_calls, 0); /* not enabled */
    assert_true(is(PEND, 33));
    enable(33);
    assert_true(out[0][GIC_IRQ]);
    assert_false(out[1][GIC_IRQ]);
    assert_int_equal(icc(0, HPPIR1), 33);
    assert_int_equal(icc(0, HPPIR0), 1023);
    assert_int_equal(icc(0, IAR0), 1023);
    assert_int_equal(icc(1, IAR1), 1023);
    assert_int_equal(icc(0, IAR1), 33);
    assert_false(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, RPR), 0xa0);
    assert_true(is(ACTIVE, 33));
    assert_true(is(PEND, 33)); /* the line is still up */
    icc_set(0, EOIR1, 33);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_true(out[0][GIC_IRQ]); /* at once again */
    gicv3_set(gic, 33, false);
    assert_false(out[0][GIC_IRQ]); /* a level is not kept */
    assert_int_equal(icc(0, IAR1), 1023);
    set(PEND + 4, 2); /* but what software makes pending is */
    assert_int_equal(icc(0, IAR1), 33);
    assert_false(is(PEND, 33));
    icc_set(0, EOIR1, 33);
    assert_false(out[0][GIC_IRQ]);
    set(PEND + 4, 2);
    set(UNPEND + 4, 2);
    assert_false(out[0][GIC_IRQ]);
}

static void latches_edges(void **state)
{
    (void)state;
    start();
    set(CONFIG + 40 / 16 * 4, 2u << 40 % 16 * 2);
    assert_int_equal(get(CONFIG + 40 / 16 * 4), 2u << 40 % 16 * 2);
    enable(40);
    gicv3_set(gic, 40, true);
    gicv3_set(gic, 40, false);
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR1), 40);
    assert_false(is(PEND, 40));
    gicv3_set(gic, 40, true); /* while it is active: kept for later */
    assert_false(out[0][GIC_IRQ]);
    icc_set(0, EOIR1, 40);
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR1), 40);
    icc_set(0, EOIR1, 40);
    assert_false(out[0][GIC_IRQ]); /* it is up, but there was no new edge */
}

static void preempts_by_priority(void **state)
{
    (void)state;
    start();
    priority(50, 0xc0);
    priority(51, 0x80);
    priority(52, 0x40);
    for (unsigned n = 50; n <= 52; n++)
        enable(n);
    gicv3_set(gic, 50, true);
    assert_int_equal(icc(0, IAR1), 50);
    gicv3_set(gic, 51, true);
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR1), 51);
    icc_set(0, PMR, 0x40);
    gicv3_set(gic, 52, true);
    assert_false(out[0][GIC_IRQ]); /* masked: must be lower than the mask */
    assert_int_equal(icc(0, HPPIR1), 52);
    icc_set(0, PMR, 0x48);
    assert_true(out[0][GIC_IRQ]);
    icc_set(0, BPR1, 7); /* only bit 7 decides: 0x40 preempts 0x80, */
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR1), 52);
    assert_int_equal(icc(0, RPR), 0); /* by its group priority */
    assert_int_equal(icc(0, AP1R0), 1u << 24 | 1u << 16 | 1u << 0);
    icc_set(0, EOIR1, 52);
    assert_int_equal(icc(0, RPR), 0x80);
    gicv3_set(gic, 52, false);
    priority(53, 0x81 - 8);
    enable(53);
    icc_set(0, PMR, 0xff);
    gicv3_set(gic, 53, true);
    assert_true(out[0][GIC_IRQ]);
    priority(53, 0x80); /* the same group as what runs */
    assert_false(out[0][GIC_IRQ]);
    gicv3_set(gic, 51, false);
    icc_set(0, EOIR1, 51);
    assert_false(out[0][GIC_IRQ]); /* 0x80 and 0xc0 differ below bit 7 only */
    icc_set(0, BPR1, 0);
    assert_true(out[0][GIC_IRQ]);
    icc_set(0, EOIR0, 50); /* the wrong group's register */
    assert_int_equal(icc(0, RPR), 0xc0);
}

static void lowest_number_first(void **state)
{
    (void)state;
    start();
    for (unsigned n = 287; n >= 280; n--) {
        priority(n, 0x10);
        enable(n);
        gicv3_set(gic, n, true);
    }
    line(0, 27, true);
    rset(0, SGI_FRAME + PRIORITY + 24, 0x10101010);
    rset(0, SGI_FRAME + ENABLE, 1u << 27);
    assert_int_equal(icc(0, IAR1), 27);
    line(0, 27, false);
    icc_set(0, EOIR1, 27);
    for (unsigned n = 280; n <= 287; n++) {
        assert_int_equal(icc(0, IAR1), n);
        gicv3_set(gic, n, false);
        icc_set(0, EOIR1, n);
    }
    assert_int_equal(icc(0, IAR1), 1023);
}

static void groups_have_their_lines(void **state)
{
    (void)state;
    start();
    set(IGROUP + 8, ~(1u << 6)); /* 70 is of group 0 */
    priority(70, 0x50);
    priority(71, 0x60);
    enable(70);
    enable(71);
    gicv3_set(gic, 71, true);
    assert_true(out[0][GIC_IRQ]);
    gicv3_set(gic, 70, true);
    assert_true(out[0][GIC_FIQ]);
    assert_false(out[0][GIC_IRQ]); /* one at a time */
    assert_int_equal(icc(0, IAR1), 1023);
    assert_int_equal(icc(0, IAR0), 70);
    assert_int_equal(icc(0, AP0R0), 1u << 10);
    icc_set(0, EOIR1, 70); /* wrong group */
    assert_int_equal(icc(0, RPR), 0x50);
    gicv3_set(gic, 70, false);
    icc_set(0, EOIR0, 70);
    assert_true(out[0][GIC_IRQ]);
    gicv3_set(gic, 70, true);
    icc_set(0, IGRPEN0, 0); /* what a vCPU does not want does not hide the rest */
    assert_true(out[0][GIC_IRQ]);
    assert_false(out[0][GIC_FIQ]);
    icc_set(0, IGRPEN0, 1);
    assert_true(out[0][GIC_FIQ]);
    set(CTLR, 2);
    assert_true(out[0][GIC_IRQ]);
    set(CTLR, 0);
    assert_false(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, HPPIR1), 1023);
}

static void common_binary_point(void **state)
{
    (void)state;
    start();
    icc_set(0, BPR0, 5);
    icc_set(0, BPR1, 0);
    assert_int_equal(icc(0, BPR1), 3);
    icc_set(0, ICTLR, 1);
    assert_int_equal(icc(0, BPR1), 6);
    icc_set(0, BPR1, 3); /* ignored */
    assert_int_equal(icc(0, BPR1), 6);
    priority(60, 0x78);
    enable(60);
    gicv3_set(gic, 60, true);
    assert_int_equal(icc(0, IAR1), 60);
    assert_int_equal(icc(0, RPR), 0x40);
    icc_set(0, ICTLR, 0);
    assert_int_equal(icc(0, BPR1), 3);
    icc_set(0, BPR0, 7);
    icc_set(0, ICTLR, 1);
    assert_int_equal(icc(0, BPR1), 7);
}

static void ends_in_two_steps(void **state)
{
    (void)state;
    start();
    icc_set(0, ICTLR, 2);
    assert_int_equal(icc(0, ICTLR), 0x8402);
    priority(45, 0x20);
    enable(45);
    gicv3_set(gic, 45, true);
    assert_int_equal(icc(0, IAR1), 45);
    icc_set(0, EOIR1, 45);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_true(is(ACTIVE, 45));
    assert_false(out[0][GIC_IRQ]);
    icc_set(0, DIR, 1023);
    icc_set(0, DIR, 0xffffffff);
    assert_true(is(ACTIVE, 45));
    icc_set(0, DIR, 45);
    assert_false(is(ACTIVE, 45));
    assert_true(out[0][GIC_IRQ]);
    icc_set(0, ICTLR, 0);
    assert_int_equal(icc(0, IAR1), 45);
    icc_set(0, DIR, 45); /* in one step: not this way */
    assert_true(is(ACTIVE, 45));
    set(INACTIVE + 4, 1u << 13);
    assert_false(is(ACTIVE, 45));
    icc_set(0, EOIR1, 1021);
    assert_int_equal(icc(0, RPR), 0x20);
    icc_set(0, EOIR1, 45);
    assert_int_equal(icc(0, RPR), 0xff);
}

static void sends_messages(void **state)
{
    (void)state;
    start();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        rset(cpu, SGI_FRAME + ENABLE, 0xffff);
    icc_set(0, SGI1R, 5ull << 24 | 3); /* vCPUs 0 and 1 */
    assert_true(out[0][GIC_IRQ] && out[1][GIC_IRQ] && !out[2][GIC_IRQ]);
    assert_int_equal(icc(1, IAR1), 5);
    assert_int_equal(icc(0, IAR1), 5);
    icc_set(1, EOIR1, 5);
    icc_set(0, EOIR1, 5);
    icc_set(0, SGI1R, 2ull << 48 | 0ull << 32 | 1ull << 16 | 7ull << 24 | 1 << 3); /* Aff3 2, Aff1 1, Aff0 3 */
    assert_true(out[2][GIC_IRQ]);
    assert_int_equal(icc(2, IAR1), 7);
    icc_set(2, EOIR1, 7);
    icc_set(1, SGI1R, 1ull << 40 | 9ull << 24); /* all but itself */
    assert_true(out[0][GIC_IRQ] && !out[1][GIC_IRQ] && out[2][GIC_IRQ]);
    assert_int_equal(icc(0, IAR1), 9);
    assert_int_equal(icc(2, IAR1), 9);
    icc_set(0, EOIR1, 9);
    icc_set(2, EOIR1, 9);
    icc_set(0, SGI1R, 1ull << 44 | 2); /* Aff0 17: nobody */
    icc_set(0, SGI0R, 2ull);           /* group 0, but it is of group 1 there */
    assert_false(out[1][GIC_IRQ] || out[1][GIC_FIQ]);
    rset(1, SGI_FRAME + IGROUP, 0xfffffffe);
    icc_set(0, SGI1R, 2);
    assert_false(out[1][GIC_IRQ] || out[1][GIC_FIQ]);
    icc_set(0, SGI0R, 2);
    assert_true(out[1][GIC_FIQ]);
    assert_int_equal(icc(1, IAR0), 0);
    icc_set(1, EOIR0, 0);
    icc_set(0, ASGI1R, 2);
    assert_true(out[1][GIC_FIQ]);
    assert_int_equal(rget(1, SGI_FRAME + PEND), 1);
    rset(1, SGI_FRAME + UNPEND, 1);
    assert_false(out[1][GIC_FIQ]);
    assert_int_equal(rget(1, SGI_FRAME + CONFIG), 0xaaaaaaaa);
    rset(1, SGI_FRAME + CONFIG, 0);
    assert_int_equal(rget(1, SGI_FRAME + CONFIG), 0xaaaaaaaa);
}

static void private_lines(void **state)
{
    (void)state;
    start();
    line(1, 27, true);
    line(1, 27, true);
    assert_false(out[1][GIC_IRQ]);
    assert_int_equal(rget(1, SGI_FRAME + PEND), 1u << 27);
    rset(1, SGI_FRAME + ENABLE, 1u << 27);
    assert_true(out[1][GIC_IRQ]);
    assert_false(out[0][GIC_IRQ]);
    line(1, 27, false);
    assert_false(out[1][GIC_IRQ]);
    line(1, 27, true);
    assert_int_equal(icc(1, IAR1), 27);
    icc_set(1, EOIR1, 27);
    assert_true(out[1][GIC_IRQ]);
    rset(1, SGI_FRAME + DISABLE, 1u << 27);
    assert_false(out[1][GIC_IRQ]);
    line(1, 27, false);
    rset(1, SGI_FRAME + CONFIG + 4, 2u << 2 * (23 - 16)); /* an edge is kept although nobody asks for it yet */
    line(1, 23, true);
    line(1, 23, false);
    assert_int_equal(rget(1, SGI_FRAME + PEND), 1u << 23);
    line(1, 3, true); /* no line of a vCPU */
    line(1, 32, true);
    line(1, 0xffffffff, true);
    assert_int_equal(rget(1, SGI_FRAME + PEND), 1u << 23);
}

static void routes(void **state)
{
    (void)state;
    start();
    priority(100, 0x10);
    enable(100);
    gicv3_set(gic, 100, true);
    assert_true(out[0][GIC_IRQ]);
    reg_set(dev, &gicv3_dist_ops, ROUTER + 8 * 100, 8, 0x0200000103);
    assert_int_equal(reg(dev, &gicv3_dist_ops, ROUTER + 8 * 100, 8), 0x0200000103);
    assert_true(!out[0][GIC_IRQ] && out[2][GIC_IRQ]);
    set(ROUTER + 8 * 100, 0x80000001); /* one of many is not there: the bit stays 0 */
    set(ROUTER + 8 * 100 + 4, 0);
    assert_int_equal(get(ROUTER + 8 * 100), 1);
    assert_true(!out[2][GIC_IRQ] && out[1][GIC_IRQ]);
    assert_int_equal(icc(1, IAR1), 100);
    set(ROUTER + 8 * 100, 0x55);
    icc_set(1, EOIR1, 100);
    assert_true(!out[0][GIC_IRQ] && !out[1][GIC_IRQ] && !out[2][GIC_IRQ]);
    icc_set(0, ICTLR, 2);
    set(ROUTER + 8 * 100, 0);
    assert_int_equal(icc(0, IAR1), 100);
    icc_set(0, EOIR1, 100);
    set(ROUTER + 8 * 100, 1);
    icc_set(0, DIR, 100); /* deactivated by another than it goes to */
    assert_true(out[1][GIC_IRQ]);
}

static void registers_hold_what_exists(void **state)
{
    (void)state;
    set(CTLR, 0xffffffff);
    assert_int_equal(get(CTLR), 0x53);
    for (unsigned at = 0; at < 0x80; at += 4)
        set(ENABLE + at, 0xffffffff);
    assert_int_equal(get(ENABLE), 0); /* the private ones are in the redistributors */
    assert_int_equal(get(ENABLE + 4), 0xffffffff);
    assert_int_equal(get(ENABLE + 4 * 8), 0xffffffff);
    assert_int_equal(get(ENABLE + 4 * 9), 0);
    rset(0, SGI_FRAME + ENABLE + 4, 0xffffffff);
    assert_int_equal(rget(0, SGI_FRAME + ENABLE + 4), 0);
    set(PRIORITY + 32, 0xffffffff);
    assert_int_equal(get(PRIORITY + 32), 0xf8f8f8f8);
    priority(33, 0);
    assert_int_equal(get(PRIORITY + 32), 0xf8f800f8);
    assert_int_equal(reg(dev, &gicv3_dist_ops, PRIORITY + 34, 1), 0xf8);
    set(PRIORITY, 0xffffffff);
    assert_int_equal(get(PRIORITY), 0);
    icc_set(0, PMR, 0xff);
    assert_int_equal(icc(0, PMR), 0xf8);
    assert_int_equal(reg(dev, &gicv3_dist_ops, ENABLE, 8), 0xffffffff00000000);
    uint64_t value;
    assert_false(bus_read(dev, &gicv3_dist_ops, 0, 2, &value));
    const struct reg_window *w = gicv3_window(gic, 0);
    assert_false(w->read(w->self, ICC(0, 12, 9, 1), &value)); /* AP1R1 is not there with five bits */
    assert_false(w->write(w->self, ICC(0, 1, 0, 0), 0));
    assert_false(w->write(w->self, RPR, 0));
    assert_false(w->read(w->self, SGI1R, &value));
}

static void hostile_offsets(void **state)
{
    (void)state;
    uint64_t value;
    for (uint64_t offset = 0; offset < GICV3_DIST_SIZE; offset += 4) {
        bus_write(dev, &gicv3_dist_ops, offset, offset & 4 ? 4 : 8, ~0ull);
        bus_read(dev, &gicv3_dist_ops, offset, offset & 4 ? 4 : 8, &value);
    }
    for (uint64_t offset = 0; offset < 4 * GICV3_REDIST_SIZE; offset += 4) {
        bus_write(dev, &gicv3_redist_ops, offset, offset & 4 ? 4 : 8, ~0ull);
        bus_read(dev, &gicv3_redist_ops, offset, offset & 4 ? 4 : 8, &value);
    }
    assert_false(bus_read(dev, &gicv3_redist_ops, CPUS * GICV3_REDIST_SIZE, 4, &value));
    gicv3_set(gic, 0, true);
    gicv3_set(gic, 27, true);
    gicv3_set(gic, LINES, true);
    gicv3_set(gic, 0xffffffff, true);
}

static void reset_keeps_lines(void **state)
{
    (void)state;
    start();
    enable(40);
    gicv3_set(gic, 40, true);
    assert_int_equal(icc(0, IAR1), 40);
    device_call(dev, dev->class->reset);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_false(is(ACTIVE, 40));
    assert_true(is(PEND, 40));
    start();
    assert_false(out[0][GIC_IRQ]);
    enable(40);
    assert_true(out[0][GIC_IRQ]);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    start();
    reg_set(dev, &gicv3_dist_ops, ROUTER + 8 * 200, 8, 1);
    priority(200, 0x30);
    enable(200);
    gicv3_set(gic, 200, true);
    line(2, 30, true);
    rset(2, SGI_FRAME + ENABLE, 1u << 30);
    assert_int_equal(icc(2, IAR1), 30);
    icc_set(2, ICTLR, 3);
    device_save(dev, &saved);
    gicv3_set(gic, 200, false);
    line(2, 30, false);
    device_call(dev, dev->class->reset);
    assert_false(out[1][GIC_IRQ]);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_true(out[1][GIC_IRQ]);
    assert_int_equal(icc(2, RPR), 0);
    assert_int_equal(icc(2, ICTLR), 0x8403);
    line(2, 30, true); /* as it is */
    icc_set(2, EOIR1, 30);
    icc_set(2, DIR, 30);
    assert_true(out[2][GIC_IRQ]);
    assert_int_equal(icc(1, IAR1), 200);
    for (size_t i = 0; i < saved.len; i += 7) { /* whatever comes in */
        saved.data[i] = (char)~saved.data[i];
        (void)!device_load(dev, &saved);
        saved.data[i] = (char)~saved.data[i];
    }
    text_fini(&saved);
}

static void refuses_bad_configuration(void **state)
{
    struct gicv3 *other;
    struct gicv3_config bad = config;

    (void)state;
    bad.cpus = 0;
    assert_int_equal(gicv3_new(&other, "gic", &bench.env, &bad, NULL), -STATUS_config);
    bad.cpus = GIC_CPUS_MAX + 1;
    assert_int_equal(gicv3_new(&other, "gic", &bench.env, &bad, NULL), -STATUS_config);
    bad = config;
    bad.lines = 320;
    assert_int_equal(gicv3_new(&other, "gic", &bench.env, &bad, NULL), -STATUS_config);
}

/* A vCPU's timer against a vCPU that enables and disables it all the time: in the end the output is what both say. */
static void *toggle(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 20001; i++)
        line(0, 27, !(i & 1));
    return NULL;
}

static void lines_race_with_enabling(void **state)
{
    pthread_t thread;

    (void)state;
    start();
    assert_int_equal(pthread_create(&thread, NULL, toggle, NULL), 0);
    for (unsigned i = 0; i < 20001; i++)
        rset(0, SGI_FRAME + (i & 1 ? DISABLE : ENABLE), 1u << 27);
    pthread_join(thread, NULL);
    assert_true(out[0][GIC_IRQ]);
    line(0, 27, false);
    assert_false(out[0][GIC_IRQ]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_gic, close_gic)
    const struct CMUnitTest tests[] = {
        CASE(identifies_itself),
        CASE(delivers_a_shared_level),
        CASE(latches_edges),
        CASE(preempts_by_priority),
        CASE(lowest_number_first),
        CASE(groups_have_their_lines),
        CASE(common_binary_point),
        CASE(ends_in_two_steps),
        CASE(sends_messages),
        CASE(private_lines),
        CASE(routes),
        CASE(registers_hold_what_exists),
        CASE(hostile_offsets),
        CASE(reset_keeps_lines),
        CASE(snapshot),
        CASE(refuses_bad_configuration),
        CASE(lines_race_with_enabling),
    };

    return cmocka_run_group_tests_name("device_gicv3", tests, NULL, NULL);
}
