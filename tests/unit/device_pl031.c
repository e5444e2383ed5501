/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PL031 by its registers: the time, setting it, the alarm and its interrupt, snapshot. */
#include "device/timer/pl031.h"
#include "device_bench.h"

enum { DR = 0, MR = 4, LR = 8, CR = 12, IMSC = 16, RIS = 20, MIS = 24, ICR = 28 };

static struct bench bench;
static struct pl031 *rtc;
static struct device *dev;

static int open_rtc(void **state)
{
    (void)state;
    bench_open(&bench);
    assert_int_equal(pl031_new(&rtc, "rtc", &bench.env, NULL), 0);
    dev = pl031_device(rtc);
    bench_connect(&bench, dev);
    return 0;
}

static int close_rtc(void **state)
{
    (void)state;
    pl031_free(rtc);
    pl031_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t get(uint64_t offset) { return (uint32_t)reg(dev, &pl031_ops, offset, 4); }
static void set(uint64_t offset, uint32_t value) { reg_set(dev, &pl031_ops, offset, 4, value); }

static void tells_and_takes_time(void **state)
{
    (void)state;
    assert_in_range(get(DR) - (uint32_t)(os_wall_ns() / 1000000000), 0, 1);
    set(LR, 1000);
    assert_in_range(get(DR), 1000, 1001);
    assert_int_equal(get(LR), 1000);
    device_call(dev, dev->class->reset); /* the clock goes on */
    assert_in_range(get(DR), 1000, 1001);
    assert_int_equal(get(CR), 1);
    set(CR, 0);
    assert_int_equal(get(CR), 1);
    assert_int_equal(get(0xfe0), 0x31);
    assert_int_equal(reg(dev, &pl031_ops, 0xff4, 1), 0xf0); /* as firmware reads it */
    assert_int_equal(reg(dev, &pl031_ops, 0xff5, 1), 0);
    assert_int_equal(reg(dev, &pl031_ops, 0xff8, 2), 5);
    assert_int_equal(get(0xffc), 0xb1);
    assert_int_equal(get(0x40), 0);
    set(0x40, 1);
}

static void alarm_rings(void **state)
{
    (void)state;
    set(IMSC, 1);
    set(LR, 5000);
    set(MR, 5002);
    assert_int_equal(bench.irq, 0);
    assert_true(EVENTUALLY(bench.irq));
    assert_true(get(DR) >= 5002);
    assert_int_equal(get(RIS), 1);
    assert_int_equal(get(MIS), 1);
    set(ICR, 1);
    assert_int_equal(bench.irq, 0);
    set(MR, get(DR)); /* (or a second ago: then a century ahead) */
    set(MR, get(DR));
    assert_int_equal(get(RIS), 1);
    set(IMSC, 0);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(get(MIS), 0);
    set(IMSC, 1);
    assert_int_equal(bench.irq, 1);
    set(ICR, 0);
    assert_int_equal(bench.irq, 1);
    set(ICR, 1);
    set(MR, get(DR) - 5); /* behind: not now */
    rest_us(2000);
    assert_int_equal(bench.irq, 0);
    set(MR, 0x80000000);
    assert_int_equal(get(MR), 0x80000000);
    set(LR, 0x80000000); /* setting the clock to the alarm */
    assert_int_equal(bench.irq, 1);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    set(LR, 7000);
    set(IMSC, 1);
    set(MR, 7001);
    device_call(dev, dev->class->pause);
    device_save(dev, &saved);
    rest_us(1100000);
    assert_int_equal(bench.irq, 0);
    device_call(dev, dev->class->reset);
    set(LR, 1);
    device_load_spoiled(dev, &saved);
    assert_in_range(get(DR), 7001, 7003);
    device_call(dev, dev->class->resume);
    assert_int_equal(bench.irq, 1); /* it came due meanwhile */
    text_fini(&saved);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_rtc, close_rtc)
    const struct CMUnitTest tests[] = {CASE(tells_and_takes_time), CASE(alarm_rings), CASE(snapshot)};

    return cmocka_run_group_tests_name("device_pl031", tests, NULL, NULL);
}
