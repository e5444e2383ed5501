/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The Goldfish clock: the time, setting it, the alarm and its interrupt, snapshot. */
#include "device/timer/goldfish_rtc.h"
#include "device_bench.h"

enum { TIME_LOW = 0, TIME_HIGH = 4, ALARM_LOW = 8, ALARM_HIGH = 12, ENABLED = 16, CLEAR_ALARM = 20, STATUS = 24, CLEAR_IRQ = 28 };

static struct bench bench;
static struct goldfish_rtc *rtc;
static struct device *dev;

static int open_rtc(void **state)
{
    (void)state;
    bench_open(&bench);
    assert_int_equal(goldfish_rtc_new(&rtc, "rtc", &bench.env, NULL), 0);
    dev = goldfish_rtc_device(rtc);
    bench_connect(&bench, dev);
    return 0;
}

static int close_rtc(void **state)
{
    (void)state;
    goldfish_rtc_free(rtc);
    goldfish_rtc_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t get(uint64_t offset) { return (uint32_t)reg(dev, &goldfish_rtc_ops, offset, 4); }

static void set(uint64_t offset, uint32_t value) { reg_set(dev, &goldfish_rtc_ops, offset, 4, value); }

static uint64_t now(void)
{
    uint64_t low = get(TIME_LOW);

    return low | (uint64_t)get(TIME_HIGH) << 32;
}

static void alarm_at(uint64_t at)
{
    set(ALARM_HIGH, (uint32_t)(at >> 32));
    set(ALARM_LOW, (uint32_t)at);
}

static void tells_and_takes_time(void **state)
{
    uint64_t wall = os_wall_ns(), t = now();

    (void)state;
    assert_in_range(t, wall, os_wall_ns());
    wall = os_wall_ns();
    set(TIME_HIGH, 0x10000000);
    set(TIME_LOW, 0);
    t = now();
    assert_in_range(t - 0x1000000000000000, 0, os_wall_ns() - wall);
    device_call(dev, dev->class->reset); /* the clock goes on */
    t = now();
    assert_in_range(t - 0x1000000000000000, 0, os_wall_ns() - wall);
}

static void high_half_is_latched(void **state)
{
    uint64_t wall = os_wall_ns();
    uint32_t high;

    (void)state;
    set(TIME_HIGH, 7);
    set(TIME_LOW, 0xffff0000);
    get(TIME_LOW);
    high = get(TIME_HIGH);
    assert_in_range(high, 7, 8 + ((os_wall_ns() - wall) >> 32)); /* 65 us later it is 8 */
    rest_us(1000);
    assert_int_equal(get(TIME_HIGH), high);
    get(TIME_LOW);
    high = get(TIME_HIGH);
    assert_in_range(high, 8, 8 + ((os_wall_ns() - wall) >> 32));
}

static void alarm_rings(void **state)
{
    uint64_t at = now() + 3600ull * 1000000000;

    (void)state;
    set(ENABLED, 1);
    alarm_at(at);
    assert_int_equal(get(STATUS), 1);
    assert_int_equal(get(ALARM_LOW), (uint32_t)at);
    assert_int_equal(get(ALARM_HIGH), at >> 32);
    assert_int_equal(bench.irq, 0);
    at = now() + 100000000;
    alarm_at(at);
    assert_false(bench.irq && now() < at);
    assert_true(EVENTUALLY(bench.irq));
    assert_true(now() >= at);
    assert_int_equal(get(STATUS), 0);
    set(CLEAR_IRQ, 1);
    assert_int_equal(bench.irq, 0);
    alarm_at(now() - 1); /* past: at once */
    assert_int_equal(bench.irq, 1);
    set(ENABLED, 0);
    assert_int_equal(bench.irq, 0);
    set(ENABLED, 1); /* still pending */
    assert_int_equal(bench.irq, 1);
    do {
        set(CLEAR_IRQ, 1);
        at = now() + 100000000;
        alarm_at(at);
        set(CLEAR_ALARM, 1);
    } while (now() >= at); /* too late */
    assert_int_equal(get(STATUS), 0);
    rest_us(130000);
    assert_int_equal(bench.irq, 0);
    alarm_at(now() + 3600ull * 1000000000);
    set(TIME_HIGH, 0x70000000); /* setting the clock forward meets the alarm */
    assert_int_equal(bench.irq, 1);
}

static void far_alarms(void **state)
{
    (void)state;
    set(ENABLED, 1);
    alarm_at(UINT64_MAX);
    alarm_at(INT64_MAX);
    rest_us(2000);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(get(STATUS), 1);
    assert_int_equal(get(0x40), 0); /* no register */
    set(0xffc, 1);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    set(TIME_HIGH, 0x100);
    set(TIME_LOW, 0);
    set(ENABLED, 1);
    for (;;) {
        uint64_t at = now() + 100000000;
        alarm_at(at);
        device_call(dev, dev->class->pause);
        if (now() < at)
            break;
        device_call(dev, dev->class->resume); /* too late */
        set(CLEAR_IRQ, 1);
    }
    device_save(dev, &saved);
    rest_us(130000);
    assert_int_equal(bench.irq, 0);
    device_call(dev, dev->class->reset);
    set(TIME_HIGH, 0);
    device_load_spoiled(dev, &saved);
    assert_int_equal(now() >> 32, 0x100);
    device_call(dev, dev->class->resume);
    assert_int_equal(bench.irq, 1); /* it came due meanwhile */
    text_fini(&saved);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_rtc, close_rtc)
    const struct CMUnitTest tests[] = {CASE(tells_and_takes_time), CASE(high_half_is_latched), CASE(alarm_rings), CASE(far_alarms),
                                       CASE(snapshot)};

    return cmocka_run_group_tests_name("device_goldfish_rtc", tests, NULL, NULL);
}
