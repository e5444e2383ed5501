/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * LPIs and the ITS as a driver sets them up: tables and queue in memory, commands, messages of devices to vCPUs, configuration, moves,
 * pending tables, two-level tables, and hostile commands.
 */
#include "device/irqchip/gicv3_its.h"
#include "device_bench.h"

#define RAM 0x40000000ull
enum { RAM_SIZE = 4 << 20, CPUS = 2, LPI = 8192 };
enum { DEVICES = 0x100000, COLLECTIONS = 0x180000, QUEUE = 0x10000, PROP = 0x20000, PENDING = 0x30000, ITT = 0x50000, LEVEL2 = 0x60000 };
enum { CTLR = 0, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90, BASER0 = 0x100, BASER1 = 0x108 };
enum { R_CTLR = 0, PROPBASER = 0x70, PENDBASER = 0x78 };
enum {
    MOVI = 1,
    INT = 3,
    CLEAR = 4,
    SYNC = 5,
    MAPD = 8,
    MAPC = 9,
    MAPTI = 0xa,
    MAPI = 0xb,
    INV = 0xc,
    INVALL = 0xd,
    MOVALL = 0xe,
    DISCARD = 0xf
};
#define ICC(op1, n, m, op2) (1 << 14 | (op1) << 11 | (n) << 7 | (m) << 3 | (op2))
enum { PMR = ICC(0, 4, 6, 0), IAR1 = ICC(0, 12, 12, 0), EOIR1 = ICC(0, 12, 12, 1), RPR = ICC(0, 12, 11, 3), IGRPEN1 = ICC(0, 12, 12, 7) };
#define V (1ull << 63)

static struct bench bench;
static struct mem_space *space;
static struct gicv3 *gic;
static struct gicv3_its *its;
static struct device *dev, *chip;
static bool irq[CPUS];
static uint64_t at; /* in the queue */

static void note_out(void *arg, unsigned cpu, enum gic_output line, bool level)
{
    (void)arg;
    assert_int_equal(line, GIC_IRQ);
    irq[cpu] = level;
}

static uint64_t get(uint64_t offset) { return reg(dev, &gicv3_its_ops, offset, 8); }
static void set(uint64_t offset, uint64_t value) { reg_set(dev, &gicv3_its_ops, offset, 8, value); }
static void rset(unsigned cpu, uint64_t offset, uint64_t value, unsigned size)
{
    reg_set(chip, &gicv3_redist_ops, cpu * 0x20000 + offset, size, value);
}

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

static void queue(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t words[] = {a, b, c, d};

    for (unsigned i = 0; i < 4; i++)
        assert_true(mem_store(space, RAM + QUEUE + at + 8 * i, 8, words[i]));
    at = (at + 32) % 0x2000;
}

/* One command at once. */
static void command(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    queue(a, b, c, d);
    set(CWRITER, at);
    assert_int_equal(get(CREADR), at);
}

static void mapd(uint32_t device, uint64_t itt, unsigned bits) { command((uint64_t)device << 32 | MAPD, bits - 1, V | itt, 0); }
static void mapc(uint16_t collection, uint64_t cpu) { command(MAPC, 0, V | cpu << 16 | collection, 0); }
static void mapti(uint32_t device, uint32_t event, uint32_t lpi, uint16_t collection)
{
    command((uint64_t)device << 32 | MAPTI, (uint64_t)lpi << 32 | event, collection, 0);
}
static void of_event(unsigned code, uint32_t device, uint32_t event) { command((uint64_t)device << 32 | code, event, 0, 0); }

static void configure(uint32_t lpi, uint8_t value) { assert_true(mem_write(space, RAM + PROP + lpi - LPI, &value, 1)); }

static uint32_t taken(unsigned cpu)
{
    uint32_t lpi = (uint32_t)icc(cpu, IAR1);

    if (lpi != 1023)
        icc_set(cpu, EOIR1, lpi);
    return lpi;
}

static int open_its(void **state)
{
    const struct gicv3_config config = {.cpus = CPUS, .lines = 64, .affinity = {0, 1}, .lpis = true, .out = note_out};

    (void)state;
    bench_open(&bench);
    assert_int_equal(mem_space_new(&space), 0);
    assert_int_equal(mem_space_add_ram(space, "ram", RAM, RAM_SIZE, NULL), 0);
    bench.env.space = space;
    memset(irq, 0, sizeof irq);
    at = 0;
    assert_int_equal(gicv3_new(&gic, "gic", &bench.env, &config, NULL), 0);
    assert_int_equal(gicv3_its_new(&its, "its", &bench.env, gic, CPUS, NULL), 0);
    chip = gicv3_device(gic);
    dev = gicv3_its_device(its);
    return 0;
}

static int close_its(void **state)
{
    (void)state;
    gicv3_its_free(its);
    gicv3_its_free(NULL);
    gicv3_free(gic);
    mem_space_free(space);
    bench_close(&bench);
    return 0;
}

static void start_lpis(void)
{
    reg_set(chip, &gicv3_dist_ops, 0, 4, 2);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        rset(cpu, PROPBASER, (RAM + PROP) | 13, 8);
        rset(cpu, PENDBASER, RAM + PENDING + cpu * 0x10000, 8);
        rset(cpu, R_CTLR, 1, 4);
        icc_set(cpu, PMR, 0xff);
        icc_set(cpu, IGRPEN1, 1);
    }
}

/* As a kernel starts: device 5 with 16 events, collections 0 and 1 at vCPUs 0 and 1. */
static void start(void)
{
    start_lpis();
    set(BASER0, V | (RAM + DEVICES) | 0x200 | 7); /* 8 pages of 64 KiB */
    set(BASER1, V | (RAM + COLLECTIONS) | 0x200 | 7);
    set(CBASER, V | (RAM + QUEUE) | 1); /* 8 KiB */
    set(CTLR, 1);
    mapc(0, 0);
    mapc(1, 1);
    mapd(5, RAM + ITT, 4);
    mapti(5, 0, LPI + 10, 0);
    mapti(5, 1, LPI + 11, 1);
}

static void identifies_itself(void **state)
{
    (void)state;
    assert_int_equal(reg(dev, &gicv3_its_ops, CTLR, 4), 0x80000000);
    uint64_t typer = get(8);
    assert_int_equal(typer & 1, 1);
    assert_int_equal(typer >> 4 & 0xf, 7);   /* bytes of an entry */
    assert_int_equal(typer >> 8 & 0x1f, 15); /* event bits */
    assert_int_equal(typer >> 13 & 0x1f, 15);
    assert_int_equal(typer >> 19 & 1, 0); /* collections go to vCPUs by number */
    assert_int_equal(typer >> 32 & 0x1f, 15 | 1 << 4);
    assert_int_equal(get(BASER0), 0x0107ull << 48);
    assert_int_equal(get(BASER1), 0x0407ull << 48);
    set(BASER0, ~0ull);
    assert_int_equal(get(BASER0), 0xf9e7ffffffff0fff);
    set(0x110, ~0ull);
    assert_int_equal(get(0x110), 0);
    assert_int_equal(reg(dev, &gicv3_its_ops, 0xffe8, 4) >> 4 & 0xf, 3);
    set(CBASER, ~0ull);
    assert_int_equal(get(CBASER), 0xb8effffffffffcff);
    set(CWRITER, ~0ull);
    assert_int_equal(get(CWRITER), 0xfffe0);
}

static void delivers_messages(void **state)
{
    (void)state;
    start();
    configure(LPI + 10, 0xa1);
    configure(LPI + 11, 0x40); /* not enabled */
    gicv3_its_message(its, 5, 0);
    assert_false(irq[0]); /* nobody said that the configuration changed */
    of_event(INV, 5, 0);
    assert_true(irq[0]);
    assert_int_equal(icc(0, IAR1), LPI + 10);
    assert_int_equal(icc(0, RPR), 0xa0);
    gicv3_its_message(its, 5, 0); /* no active state: pending again at once, but the same priority runs */
    assert_false(irq[0]);
    icc_set(0, EOIR1, LPI + 10);
    assert_true(irq[0]);
    assert_int_equal(taken(0), LPI + 10);
    assert_int_equal(taken(0), 1023);
    of_event(INT, 5, 1);
    assert_false(irq[1]);
    configure(LPI + 11, 0x41);
    command(INVALL, 0, 1, 0);
    assert_true(irq[1]);
    of_event(CLEAR, 5, 1);
    assert_false(irq[1]);
    gicv3_its_message(its, 5, 2); /* not mapped */
    gicv3_its_message(its, 6, 0);
    gicv3_its_message(its, 0xffffffff, 0xffffffff);
    assert_false(irq[0] || irq[1]);
    reg_set(chip, &gicv3_dist_ops, 0, 4, 0);
    gicv3_its_message(its, 5, 0);
    assert_false(irq[0]);
    reg_set(chip, &gicv3_dist_ops, 0, 4, 2);
    assert_true(irq[0]);
    set(CTLR, 0);
    gicv3_its_message(its, 5, 1);
    assert_false(irq[1]);
}

static void urgent_ones_first(void **state)
{
    (void)state;
    for (unsigned lpi = 0; lpi < 16; lpi++)
        configure(LPI + lpi, (uint8_t)((0xf0 - 16 * lpi) | 1));
    start();
    for (unsigned event = 0; event < 16; event++) {
        mapti(5, event, LPI + event, 0);
        gicv3_its_message(its, 5, event);
    }
    for (unsigned lpi = 16; lpi--;)
        assert_int_equal(taken(0), LPI + lpi);
    assert_int_equal(taken(0), 1023);
}

static void moves(void **state)
{
    (void)state;
    configure(LPI + 10, 0x81);
    configure(LPI + 11, 0x81);
    start();
    of_event(INT, 5, 0);
    assert_true(irq[0]);
    command(5ull << 32 | MOVI, 0, 1, 0); /* to collection 1 */
    assert_true(!irq[0] && irq[1]);
    command(MOVALL, 0, 1ull << 16, 0);
    assert_true(irq[0] && !irq[1]);
    assert_int_equal(taken(0), LPI + 10);
    of_event(INT, 5, 0);
    assert_true(irq[1]); /* MOVALL moved what was pending only */
    of_event(DISCARD, 5, 0);
    assert_false(irq[1]);
    of_event(INT, 5, 0);
    assert_false(irq[1]);
    of_event(INT, 5, 1);
    assert_true(irq[1]);
    command(MAPC, 0, 1, 0); /* away */
    assert_int_equal(taken(1), LPI + 11);
    of_event(INT, 5, 1);
    assert_false(irq[1]);
    mapc(1, 0);
    of_event(INT, 5, 1);
    assert_true(irq[0]);
    command(5ull << 32 | MAPD, 0, 0, 0);
    of_event(CLEAR, 5, 1);
    assert_true(irq[0]);
}

static void pending_tables(void **state)
{
    uint8_t byte = 1 << 4;
    uint64_t value;

    (void)state;
    configure(LPI + 20, 0x81);
    configure(LPI + 10, 0x81);
    assert_true(mem_write(space, RAM + PENDING + (LPI + 20) / 8, &byte, 1));
    start();
    assert_true(irq[0]);
    assert_int_equal(icc(0, IAR1), LPI + 20);
    icc_set(0, EOIR1, LPI + 20);
    of_event(INT, 5, 0);
    assert_true(irq[0]);
    rset(0, PROPBASER, 0, 8); /* ignored while they are enabled */
    assert_int_equal(reg(chip, &gicv3_redist_ops, PROPBASER, 8), (RAM + PROP) | 13);
    rset(0, R_CTLR, 0, 4);
    assert_false(irq[0]);
    assert_true(mem_load(space, RAM + PENDING + LPI / 8, 8, &value));
    assert_int_equal(value, 1 << 10);
    rset(0, R_CTLR, 1, 4);
    assert_true(irq[0]);
    rset(0, R_CTLR, 0, 4);
    rset(0, PENDBASER, (RAM + PENDING) | 1ull << 62, 8);
    assert_int_equal(reg(chip, &gicv3_redist_ops, PENDBASER, 8), RAM + PENDING);
    rset(0, R_CTLR, 1, 4);
    assert_false(irq[0]); /* the guest says that it is all zeros */
}

static void two_levels(void **state)
{
    (void)state;
    configure(LPI + 7, 0x81);
    start();
    assert_true(mem_store(space, RAM + DEVICES + 8, 8, V | (RAM + LEVEL2))); /* devices 512..1023 */
    set(BASER0, V | 1ull << 62 | (RAM + DEVICES));
    mapd(600, RAM + ITT + 0x1000, 1);
    mapti(600, 1, LPI + 7, 1);
    gicv3_its_message(its, 600, 1);
    assert_int_equal(taken(1), LPI + 7);
    mapd(5, RAM + ITT, 4); /* no second level there */
    gicv3_its_message(its, 5, 0);
    assert_int_equal(taken(0), 1023);
    uint64_t value;
    assert_true(mem_load(space, RAM + LEVEL2 + (600 - 512) * 8, 8, &value));
    assert_int_equal(value, V | (RAM + ITT + 0x1000));
}

static void queue_wraps_and_stalls(void **state)
{
    (void)state;
    configure(LPI + 10, 0x81);
    start();
    for (unsigned n = 0; n < 600; n++)
        command(SYNC, 0, 0, 0);
    for (unsigned n = 0; n < 200; n++)
        queue(SYNC, 0, 0, 0);
    queue(5ull << 32 | INT, 0, 0, 0);
    assert_false(irq[0]);
    set(CWRITER, at);
    assert_true(irq[0]);
    set(CWRITER, 0x4000); /* behind the queue: nothing happens */
    assert_int_equal(get(CREADR), at);
    set(CTLR, 0);
    set(CBASER, V | 0x1000);
    assert_int_equal(get(CREADR), 0);
    set(CWRITER, 0x20);
    assert_int_equal(get(CREADR), 0);
    set(CTLR, 1);
    assert_int_equal(get(CREADR), 1); /* stalled: no memory there */
    set(CBASER, V | (RAM + QUEUE));
    assert_int_equal(get(CREADR), 0x20);
    assert_int_equal(reg(dev, &gicv3_its_ops, CREADR, 4), 0x20);
    reg_set(dev, &gicv3_its_ops, CWRITER, 4, 0x40); /* by halves, too */
    assert_int_equal(get(CREADR), 0x40);
}

/* A queue of the largest size, written as one: time is bounded, and who looks moves it on. */
static void long_queues(void **state)
{
    uint8_t *all;

    (void)state;
    start();
    set(CTLR, 0);
    set(CBASER, V | (RAM + 0x200000) | 0xff);
    all = mem_ram(space, RAM + 0x200000, 1 << 20);
    for (unsigned n = 0; n < 1 << 15; n++)
        le64_put(all + 32 * n, INVALL);
    set(CWRITER, (1 << 20) - 32);
    set(CTLR, 1);
    unsigned looks = 0;
    while (get(CREADR) != (1 << 20) - 32 && looks < 100)
        looks++;
    assert_true(looks > 1 && looks < 20);
}

static void hostile_commands(void **state)
{
    uint32_t x = 12345;

    (void)state;
    start();
    for (unsigned n = 0; n < 20000; n++) {
        uint64_t w[4];
        for (unsigned i = 0; i < 4; i++) {
            x = x * 1664525 + 1013904223;
            w[i] = (uint64_t)x << (x >> 27);
            x = x * 1664525 + 1013904223;
            w[i] |= x >> (n & 31);
        }
        w[0] = (w[0] & ~0xffull) | (x >> 13 & 15);
        command(w[0], w[1], w[2], w[3]);
    }
    mapc(7, 2); /* no such vCPU */
    mapc(7, 0xffffffff);
    mapti(5, 3, 100, 0); /* no LPI */
    mapti(5, 3, 0xffffffff, 0);
    mapd(5, RAM + ITT, 17);
    for (uint64_t offset = 0; offset < GICV3_ITS_SIZE; offset += 8) {
        get(offset);
        if (offset != CWRITER)
            set(offset, ~0ull);
    }
    set(CWRITER, ~0ull);
}

static void snapshot(void **state)
{
    struct text saved, lines;

    (void)state;
    configure(LPI + 10, 0x81);
    start();
    gicv3_its_message(its, 5, 0);
    device_save(dev, &saved);
    device_save(chip, &lines);
    device_call(dev, dev->class->reset);
    device_call(chip, chip->class->reset);
    assert_false(irq[0]);
    assert_int_equal(get(CTLR) & 1, 0);
    assert_int_equal(device_load(chip, &lines), 0);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_true(irq[0]);
    assert_int_equal(taken(0), LPI + 10);
    gicv3_its_message(its, 5, 0);
    assert_int_equal(taken(0), LPI + 10);
    device_load_spoiled(dev, &saved);
    text_fini(&saved);
    text_fini(&lines);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_its, close_its)
    const struct CMUnitTest tests[] = {
        CASE(identifies_itself), CASE(delivers_messages), CASE(urgent_ones_first),      CASE(moves),
        CASE(pending_tables),    CASE(two_levels),        CASE(queue_wraps_and_stalls), CASE(long_queues),
        CASE(hostile_commands),  CASE(snapshot),
    };

    return cmocka_run_group_tests_name("device_gicv3_its", tests, NULL, NULL);
}
