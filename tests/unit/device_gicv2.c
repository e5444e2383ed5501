/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv2 as a driver uses it, each register as the vCPU sees it whose bank is accessed: what is each vCPU's own, messages with their
 * senders, interrupts of several vCPUs, priorities and preemption, groups, both ends of interrupts, private lines, hostile offsets.
 */
#include "device/irqchip/gicv2.h"
#include "device_bench.h"

enum { CPUS = 3, LINES = 288 };
enum { CTLR = 0, TYPER = 4, IGROUP = 0x80, ENABLE = 0x100, DISABLE = 0x180, PEND = 0x200, UNPEND = 0x280, ACTIVE = 0x300 };
enum { INACTIVE = 0x380, PRIORITY = 0x400, TARGETS = 0x800, CONFIG = 0xc00, SGIR = 0xf00, UNSEND = 0xf10, SENDERS = 0xf20 };
enum { C_CTLR = 0, PMR = 4, BPR = 8, IAR = 0xc, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18, ABPR = 0x1c, AIAR = 0x20, AEOIR = 0x24 };
enum { AHPPIR = 0x28, APR = 0xd0, NSAPR = 0xe0, C_IIDR = 0xfc, DIR = 0x1000 };
enum { ENABLES = 3, ACK_CONTROL = 4, FIQ = 8, COMMON = 16, SPLIT = 0x200 };

static struct bench bench;
static struct gicv2 *gic;
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

static const struct gicv2_config config = {.cpus = CPUS, .lines = LINES, .out = note_out};

static int open_gic_of(unsigned cpus)
{
    struct gicv2_config of = config;

    of.cpus = cpus;
    bench_open(&bench);
    memset(out, 0, sizeof out);
    out_calls = 0;
    assert_int_equal(gicv2_new(&gic, "gic", &bench.env, &of, NULL), 0);
    dev = gicv2_device(gic);
    return 0;
}

static int open_gic(void **state)
{
    (void)state;
    return open_gic_of(CPUS);
}

static int open_alone(void **state)
{
    (void)state;
    return open_gic_of(1);
}

static int close_gic(void **state)
{
    (void)state;
    gicv2_free(gic);
    gicv2_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t bank_get(const struct mem_ops *ops, unsigned cpu, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    assert_true(ops->sizes & size);
    os_mutex_lock(&dev->lock);
    assert_true(ops->read(gicv2_banks(gic)[cpu], offset, size, &value));
    os_mutex_unlock(&dev->lock);
    return (uint32_t)value;
}

static void bank_set(const struct mem_ops *ops, unsigned cpu, uint64_t offset, unsigned size, uint32_t value)
{
    assert_true(ops->sizes & size);
    os_mutex_lock(&dev->lock);
    assert_true(ops->write(gicv2_banks(gic)[cpu], offset, size, value));
    os_mutex_unlock(&dev->lock);
}

static uint32_t get(unsigned cpu, uint64_t offset) { return bank_get(&gicv2_dist_ops, cpu, offset, 4); }
static void set(unsigned cpu, uint64_t offset, uint32_t value) { bank_set(&gicv2_dist_ops, cpu, offset, 4, value); }
static void set_byte(unsigned cpu, uint64_t offset, uint8_t value) { bank_set(&gicv2_dist_ops, cpu, offset, 1, value); }
static uint32_t icc(unsigned cpu, uint64_t offset) { return bank_get(&gicv2_cpu_ops, cpu, offset, 4); }
static void icc_set(unsigned cpu, uint64_t offset, uint32_t value) { bank_set(&gicv2_cpu_ops, cpu, offset, 4, value); }

static void line(unsigned cpu, unsigned n, bool level)
{
    const struct reg_window *w = gicv2_window(gic, cpu);

    w->line(w->self, n, level);
}

/* As a kernel starts: everything of group 0 as IRQ, to vCPU 0, all priorities let through. */
static void start(void)
{
    set(0, CTLR, 3);
    for (unsigned n = 32; n < LINES; n += 4)
        set(0, TARGETS + n, 0x01010101);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        icc_set(cpu, PMR, 0xff);
        icc_set(cpu, C_CTLR, ENABLES);
    }
}

static void enable(unsigned intid) { set(0, ENABLE + intid / 32 * 4, 1u << intid % 32); }
static void ready(unsigned intid, uint8_t priority, uint8_t targets)
{
    set_byte(0, PRIORITY + intid, priority);
    set_byte(0, TARGETS + intid, targets);
    enable(intid);
}
static void group_1(unsigned intid) { set(0, IGROUP + intid / 32 * 4, get(0, IGROUP + intid / 32 * 4) | 1u << intid % 32); }
static bool is(uint64_t offset, unsigned intid) { return get(0, offset + intid / 32 * 4) >> intid % 32 & 1; }

static void identifies_itself(void **state)
{
    (void)state;
    assert_int_equal(get(0, CTLR), 0);
    assert_int_equal(get(0, TYPER), (CPUS - 1) << 5 | (LINES / 32 - 1));
    assert_int_equal(get(1, 0xfe8) >> 4 & 0xf, 2);
    assert_int_equal(icc(0, C_IIDR) >> 16 & 0xf, 2);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        assert_int_equal(get(cpu, TARGETS), 0x01010101u << cpu); /* by these a vCPU learns which it is */
        assert_int_equal(get(cpu, TARGETS + 28), 0x01010101u << cpu);
        assert_int_equal(get(cpu, ENABLE), 0xffff);
        assert_int_equal(get(cpu, CONFIG), 0xaaaaaaaa);
    }
    assert_int_equal(icc(0, BPR), 2);
    assert_int_equal(icc(0, ABPR), 3);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_int_equal(icc(0, IAR), 1023);
    assert_int_equal(icc(0, C_CTLR), 0);
}

static void delivers_a_shared_level(void **state)
{
    (void)state;
    start();
    ready(33, 0xa0, 1);
    gicv2_set(gic, 33, true);
    assert_true(out[0][GIC_IRQ] && !out[0][GIC_FIQ] && !out[1][GIC_IRQ]);
    assert_int_equal(icc(0, HPPIR), 33);
    assert_int_equal(icc(1, IAR), 1023);
    assert_int_equal(icc(0, IAR), 33);
    assert_false(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, RPR), 0xa0);
    assert_int_equal(icc(0, APR), 1u << (0xa0 >> 3));
    assert_true(is(ACTIVE, 33) && is(PEND, 33)); /* the line is still up */
    icc_set(0, EOIR, 33);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_true(out[0][GIC_IRQ]); /* at once again */
    gicv2_set(gic, 33, false);
    assert_false(out[0][GIC_IRQ]);
    set(0, PEND + 4, 2); /* a level is not kept, what software makes pending is */
    assert_true(out[0][GIC_IRQ]);
    set(0, UNPEND + 4, 2);
    assert_false(out[0][GIC_IRQ]);
    set(0, CONFIG + 33 / 16 * 4, 2u << 33 % 16 * 2);
    gicv2_set(gic, 33, true);
    gicv2_set(gic, 33, false);
    assert_true(out[0][GIC_IRQ]); /* an edge is */
    set(0, CTLR, 0);
    assert_false(out[0][GIC_IRQ]);
}

static void private_registers_are_each_vcpus_own(void **state)
{
    (void)state;
    start();
    set_byte(0, PRIORITY + 27, 0x80);
    set_byte(1, PRIORITY + 27, 0x40);
    assert_int_equal(get(0, PRIORITY + 24), 0x80000000);
    assert_int_equal(get(1, PRIORITY + 24), 0x40000000);
    assert_int_equal(get(2, PRIORITY + 24), 0);
    set(1, ENABLE, 1u << 27);
    assert_int_equal(get(0, ENABLE), 0xffff);
    assert_int_equal(get(1, ENABLE), 0x0800ffff);
    line(0, 27, true);
    assert_false(out[0][GIC_IRQ]);
    line(1, 27, true);
    assert_true(out[1][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 1023);
    assert_int_equal(icc(1, IAR), 27);
    assert_int_equal(get(1, ACTIVE), 1u << 27);
    assert_int_equal(get(0, ACTIVE), 0);
    line(1, 27, false);
    icc_set(1, EOIR, 27);
    assert_int_equal(get(1, ACTIVE), 0);
    icc_set(2, PMR, 0x30);
    assert_int_equal(icc(0, PMR), 0xf8);
    assert_int_equal(icc(2, PMR), 0x30);
    set(1, ENABLE + 4, 4); /* shared ones are everybody's */
    assert_int_equal(get(0, ENABLE + 4), 4);
    line(0, 3, true); /* no line of a vCPU */
    line(0, 32, true);
    line(0, 0xffffffff, true);
    assert_int_equal(get(0, PEND), 1u << 27);
}

static void messages_have_senders(void **state)
{
    (void)state;
    start();
    set(0, SGIR, 0x2 << 16 | 5);
    set(2, SGIR, 0x3 << 16 | 5);
    assert_true(out[0][GIC_IRQ] && out[1][GIC_IRQ] && !out[2][GIC_IRQ]);
    assert_int_equal(get(1, SENDERS + 4), 0x0500);
    assert_int_equal(get(0, SENDERS + 4), 0x0400);
    assert_int_equal(icc(1, HPPIR), 0 << 10 | 5);
    assert_int_equal(icc(1, IAR), 0 << 10 | 5);
    assert_int_equal(get(1, PEND), 1u << 5); /* the other one waits until this one has ended */
    assert_false(out[1][GIC_IRQ]);
    icc_set(1, EOIR, 0 << 10 | 5);
    assert_int_equal(icc(1, IAR), 2 << 10 | 5);
    assert_int_equal(get(1, PEND), 0);
    icc_set(1, EOIR, 2 << 10 | 5);
    assert_false(out[1][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 2 << 10 | 5);
    icc_set(0, EOIR, 2 << 10 | 5);
    set(1, SGIR, 1 << 24 | 0xff << 16 | 9); /* all but itself, whatever the list says */
    assert_true(out[0][GIC_IRQ] && !out[1][GIC_IRQ] && out[2][GIC_IRQ]);
    assert_int_equal(icc(2, IAR), 1 << 10 | 9);
    icc_set(2, EOIR, 1 << 10 | 9);
    set(0, UNSEND + 8, 0x0100); /* another sender's: nothing */
    assert_true(out[0][GIC_IRQ]);
    set_byte(0, UNSEND + 9, 0x02);
    assert_false(out[0][GIC_IRQ]);
    set(1, SGIR, 2 << 24 | 0xff << 16); /* itself */
    assert_true(!out[0][GIC_IRQ] && out[1][GIC_IRQ] && !out[2][GIC_IRQ]);
    assert_int_equal(icc(1, IAR), 1 << 10);
    icc_set(1, EOIR, 1 << 10);
    set(0, SGIR, 3 << 24 | 0xff << 16); /* reserved */
    set(0, SGIR, 0xf8 << 16);           /* vCPUs that are not there */
    set(0, PEND, 0xffff);               /* not this way */
    assert_true(!out[0][GIC_IRQ] && !out[1][GIC_IRQ] && !out[2][GIC_IRQ]);
    set_byte(2, SENDERS + 15, 0xff); /* message 15 from all three to vCPU 2 */
    assert_int_equal(get(2, UNSEND + 12), 0x07000000);
    for (uint32_t from = 0; from < CPUS; from++) {
        assert_int_equal(icc(2, IAR), from << 10 | 15);
        icc_set(2, EOIR, from << 10 | 15);
    }
    assert_int_equal(icc(2, IAR), 1023);
    set(0, UNPEND, 0xffff);
    set(0, DISABLE, 0xffffffff);
    assert_int_equal(get(0, ENABLE), 0xffff); /* always enabled */
    set(0, CONFIG, 0);
    assert_int_equal(get(0, CONFIG), 0xaaaaaaaa);
}

static void several_get_it_and_one_takes_it(void **state)
{
    (void)state;
    start();
    ready(64, 0x20, 0x7);
    gicv2_set(gic, 64, true);
    assert_true(out[0][GIC_IRQ] && out[1][GIC_IRQ] && out[2][GIC_IRQ]);
    assert_int_equal(icc(1, IAR), 64);
    assert_true(!out[0][GIC_IRQ] && !out[1][GIC_IRQ] && !out[2][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 1023);
    icc_set(1, EOIR, 64);
    assert_true(out[0][GIC_IRQ] && out[1][GIC_IRQ] && out[2][GIC_IRQ]);
    set_byte(0, TARGETS + 64, 0xfc); /* what there is of it: vCPU 2 */
    assert_int_equal(get(0, TARGETS + 64), 0x01010104);
    assert_true(!out[0][GIC_IRQ] && !out[1][GIC_IRQ] && out[2][GIC_IRQ]);
    set_byte(0, TARGETS + 64, 0);
    assert_false(out[2][GIC_IRQ]);
    set(0, TARGETS, 0); /* read only */
    assert_int_equal(get(0, TARGETS), 0x01010101);
}

static void the_only_vcpu_gets_everything(void **state)
{
    (void)state;
    set(0, CTLR, 1);
    icc_set(0, PMR, 0xff);
    icc_set(0, C_CTLR, 1);
    assert_int_equal(get(0, TARGETS), 0);
    set(0, TARGETS + 40, 0);
    assert_int_equal(get(0, TARGETS + 40), 0);
    assert_int_equal(get(0, TYPER) >> 5 & 7, 0);
    enable(40);
    gicv2_set(gic, 40, true);
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 40);
}

static void preempts_by_priority(void **state)
{
    (void)state;
    start();
    ready(50, 0xc0, 1);
    ready(51, 0x80, 1);
    ready(52, 0x40, 1);
    gicv2_set(gic, 50, true);
    assert_int_equal(icc(0, IAR), 50);
    gicv2_set(gic, 51, true);
    assert_int_equal(icc(0, IAR), 51);
    icc_set(0, PMR, 0x40);
    gicv2_set(gic, 52, true);
    assert_false(out[0][GIC_IRQ]); /* must be lower than the mask */
    assert_int_equal(icc(0, HPPIR), 52);
    assert_int_equal(icc(0, IAR), 1023);
    icc_set(0, PMR, 0x48);
    assert_true(out[0][GIC_IRQ]);
    icc_set(0, BPR, 7); /* no preemption at all */
    assert_false(out[0][GIC_IRQ]);
    icc_set(0, BPR, 6); /* bit 7 decides */
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 52);
    assert_int_equal(icc(0, RPR), 0);
    assert_int_equal(icc(0, APR), 1u << 24 | 1u << 16 | 1);
    assert_int_equal(icc(0, NSAPR), 0);
    gicv2_set(gic, 52, false);
    icc_set(0, EOIR, 52);
    assert_int_equal(icc(0, RPR), 0x80);
    gicv2_set(gic, 51, false);
    icc_set(0, EOIR, 51);
    gicv2_set(gic, 50, false);
    icc_set(0, EOIR, 50);
    assert_int_equal(icc(0, RPR), 0xff);
    icc_set(0, BPR, 0);
    assert_int_equal(icc(0, BPR), 2);
    icc_set(0, ABPR, 0);
    assert_int_equal(icc(0, ABPR), 3);
}

static void groups(void **state)
{
    (void)state;
    start();
    ready(70, 0x50, 1);
    ready(71, 0x60, 1);
    group_1(71);
    gicv2_set(gic, 71, true);
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 1022); /* by the other register */
    assert_int_equal(icc(0, HPPIR), 1022);
    assert_int_equal(icc(0, AHPPIR), 71);
    gicv2_set(gic, 70, true);
    assert_int_equal(icc(0, AIAR), 1023);
    assert_int_equal(icc(0, AHPPIR), 1023);
    assert_true(out[0][GIC_IRQ] && !out[0][GIC_FIQ]); /* both as IRQ */
    icc_set(0, C_CTLR, ENABLES | FIQ);
    assert_true(!out[0][GIC_IRQ] && out[0][GIC_FIQ]);
    assert_int_equal(icc(0, IAR), 70);
    icc_set(0, AEOIR, 70); /* the wrong register */
    assert_int_equal(icc(0, RPR), 0x50);
    gicv2_set(gic, 70, false);
    icc_set(0, EOIR, 70);
    assert_true(out[0][GIC_IRQ]);
    assert_int_equal(icc(0, AIAR), 71);
    assert_int_equal(icc(0, NSAPR), 1u << (0x60 >> 3));
    assert_int_equal(icc(0, APR), 0);
    icc_set(0, AEOIR, 71);
    assert_int_equal(icc(0, RPR), 0xff);
    icc_set(0, C_CTLR, ENABLES | ACK_CONTROL); /* one register for both */
    assert_int_equal(icc(0, IAR), 71);
    icc_set(0, EOIR, 71);
    assert_int_equal(icc(0, RPR), 0xff);
    icc_set(0, C_CTLR, 1); /* what a vCPU does not want does not hide the rest */
    assert_false(out[0][GIC_IRQ]);
    icc_set(0, C_CTLR, 2);
    assert_true(out[0][GIC_IRQ]);
    set(0, CTLR, 1);
    assert_false(out[0][GIC_IRQ]);
}

static void common_binary_point(void **state)
{
    (void)state;
    start();
    icc_set(0, BPR, 5);
    icc_set(0, ABPR, 3);
    ready(60, 0x78, 1);
    group_1(60);
    gicv2_set(gic, 60, true);
    assert_int_equal(icc(0, AIAR), 60);
    assert_int_equal(icc(0, RPR), 0x78);
    icc_set(0, AEOIR, 60);
    icc_set(0, C_CTLR, ENABLES | COMMON);
    assert_int_equal(icc(0, AIAR), 60);
    assert_int_equal(icc(0, RPR), 0x40);
}

static void ends_in_two_steps(void **state)
{
    (void)state;
    start();
    icc_set(0, C_CTLR, 0xffffffff);
    assert_int_equal(icc(0, C_CTLR), 0x21f); /* without the bypass bits */
    icc_set(0, C_CTLR, ENABLES | SPLIT);
    ready(45, 0x20, 3);
    gicv2_set(gic, 45, true);
    assert_int_equal(icc(0, IAR), 45);
    icc_set(0, EOIR, 45);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_true(is(ACTIVE, 45));
    assert_false(out[0][GIC_IRQ]);
    icc_set(0, DIR, 1023);
    icc_set(1, DIR, 45); /* that one ends in one step */
    assert_true(is(ACTIVE, 45));
    icc_set(0, DIR, 45);
    assert_false(is(ACTIVE, 45));
    assert_true(out[0][GIC_IRQ] && out[1][GIC_IRQ]);
    assert_int_equal(icc(0, IAR), 45);
    icc_set(0, EOIR, 1021);
    assert_int_equal(icc(0, RPR), 0x20);
    set(0, INACTIVE + 4, 1u << 13);
    assert_false(is(ACTIVE, 45));
    assert_true(out[1][GIC_IRQ]);
}

static void registers_hold_what_exists(void **state)
{
    (void)state;
    uint64_t value;
    set(0, CTLR, 0xffffffff);
    assert_int_equal(get(0, CTLR), 3);
    set(0, ENABLE + 4 * 8, 0xffffffff);
    set(0, ENABLE + 4 * 9, 0xffffffff);
    assert_int_equal(get(0, ENABLE + 4 * 8), 0xffffffff);
    assert_int_equal(get(0, ENABLE + 4 * 9), 0);
    set(0, PRIORITY + 32, 0xffffffff);
    assert_int_equal(get(0, PRIORITY + 32), 0xf8f8f8f8);
    set(0, TARGETS + LINES, 0xffffffff);
    assert_int_equal(get(0, TARGETS + LINES), 0);
    set_byte(0, SGIR + 2, 1); /* only as a word */
    assert_int_equal(get(0, PEND), 0);
    set(0, SGIR, 1 << 16);
    assert_int_equal(get(0, SGIR), 0);
    assert_int_equal(get(0, PEND), 1);
    assert_false(bus_read(dev, &gicv2_cpu_ops, PMR, 1, &value));
    assert_null(gicv2_window(gic, 0)->read); /* lines only */
    assert_null(gicv2_window(gic, 0)->write);
}

static void hostile_offsets(void **state)
{
    (void)state;
    for (uint64_t offset = 0; offset < 2 * GICV2_DIST_SIZE; offset += 4) {
        set(1, offset, 0xffffffff);
        get(2, offset);
    }
    for (uint64_t offset = 0; offset < GICV2_CPU_SIZE; offset += 4) {
        icc_set(2, offset, 0xffffffff);
        icc(2, offset);
    }
    gicv2_set(gic, 0, true);
    gicv2_set(gic, 27, true);
    gicv2_set(gic, LINES, true);
    gicv2_set(gic, 0xffffffff, true);
}

static void reset_keeps_lines(void **state)
{
    (void)state;
    start();
    ready(40, 0, 1);
    gicv2_set(gic, 40, true);
    set(0, SGIR, 4 << 16 | 3);
    assert_int_equal(icc(0, IAR), 40);
    device_call(dev, dev->class->reset);
    assert_int_equal(icc(0, RPR), 0xff);
    assert_int_equal(get(2, PEND), 0);
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
    ready(200, 0x30, 2);
    gicv2_set(gic, 200, true);
    set(0, SGIR, 4 << 16 | 7);
    set(1, SGIR, 4 << 16 | 7);
    icc_set(2, C_CTLR, ENABLES | SPLIT);
    assert_int_equal(icc(2, IAR), 7);
    device_save(dev, &saved);
    gicv2_set(gic, 200, false);
    device_call(dev, dev->class->reset);
    assert_false(out[1][GIC_IRQ]);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_true(out[1][GIC_IRQ]);
    assert_int_equal(icc(2, C_CTLR), ENABLES | SPLIT);
    assert_int_equal(icc(2, RPR), 0);
    icc_set(2, EOIR, 7);
    assert_int_equal(icc(2, IAR), 1023);
    icc_set(2, DIR, 7);
    assert_int_equal(icc(2, IAR), 1 << 10 | 7);
    assert_int_equal(icc(1, IAR), 200);
    device_load_spoiled(dev, &saved);
    text_fini(&saved);
}

static void refuses_bad_configuration(void **state)
{
    struct gicv2 *other;
    struct gicv2_config bad = config;

    (void)state;
    bad.cpus = 0;
    assert_int_equal(gicv2_new(&other, "gic", &bench.env, &bad, NULL), -STATUS_config);
    bad.cpus = GIC_CPUS_MAX + 1;
    assert_int_equal(gicv2_new(&other, "gic", &bench.env, &bad, NULL), -STATUS_config);
    bad = config;
    bad.lines = 320;
    assert_int_equal(gicv2_new(&other, "gic", &bench.env, &bad, NULL), -STATUS_config);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_gic, close_gic)
    const struct CMUnitTest tests[] = {
        CASE(identifies_itself),
        CASE(delivers_a_shared_level),
        CASE(private_registers_are_each_vcpus_own),
        CASE(messages_have_senders),
        CASE(several_get_it_and_one_takes_it),
        cmocka_unit_test_setup_teardown(the_only_vcpu_gets_everything, open_alone, close_gic),
        CASE(preempts_by_priority),
        CASE(groups),
        CASE(common_binary_point),
        CASE(ends_in_two_steps),
        CASE(registers_hold_what_exists),
        CASE(hostile_offsets),
        CASE(reset_keeps_lines),
        CASE(snapshot),
        CASE(refuses_bad_configuration),
    };

    return cmocka_run_group_tests_name("device_gicv2", tests, NULL, NULL);
}
