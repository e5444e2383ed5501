/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PL061 by its registers and pins: masked data, edges and levels, snapshot. */
#include "device/misc/pl061.h"
#include "device_bench.h"

enum { DATA = 0x3fc, DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414, MIS = 0x418, IC = 0x41c, AFSEL = 0x420 };

static struct bench bench;
static struct pl061 *gpio;
static struct device *dev;

static int open_gpio(void **state)
{
    (void)state;
    bench_open(&bench);
    assert_int_equal(pl061_new(&gpio, "gpio", &bench.env, NULL), 0);
    dev = pl061_device(gpio);
    bench_connect(&bench, dev);
    return 0;
}

static int close_gpio(void **state)
{
    (void)state;
    pl061_free(gpio);
    pl061_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t get(uint64_t offset) { return (uint32_t)reg(dev, &pl061_ops, offset, 4); }
static void set(uint64_t offset, uint32_t value) { reg_set(dev, &pl061_ops, offset, 4, value); }

static void data_is_masked(void **state)
{
    (void)state;
    set(DIR, 0xf0);
    set(DATA, 0xff);
    assert_int_equal(get(DATA), 0xf0); /* inputs are not driven */
    set(0x10 << 2, 0);
    assert_int_equal(get(DATA), 0xe0);
    set(0, 0xff);
    assert_int_equal(get(0), 0);
    pl061_set(gpio, 0, true);
    pl061_set(gpio, 7, true); /* an output: nothing */
    assert_int_equal(get(DATA), 0xe1);
    assert_int_equal(get(0x21 << 2), 0x21);
    set(DIR, 0);
    assert_int_equal(get(DATA), 0x81);
    pl061_set(gpio, 8, true);
    pl061_set(gpio, 0xffffffff, true);
    assert_int_equal(get(0xfe0), 0x61);
    assert_int_equal(get(0xffc), 0xb1);
    set(AFSEL, 0x1ff);
    assert_int_equal(get(AFSEL), 0xff);
    assert_int_equal(get(0x500), 0);
    set(0x500, 1);
}

static void edges_are_latched(void **state)
{
    (void)state;
    set(IE, 1 << 3);
    set(IEV, 1 << 3); /* as a driver watches the power button */
    pl061_set(gpio, 3, true);
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(MIS), 8);
    pl061_set(gpio, 3, false);
    assert_int_equal(bench.irq, 1);
    set(IC, 8);
    assert_int_equal(bench.irq, 0);
    pl061_set(gpio, 3, true);
    set(IC, 8);
    set(IEV, 0);
    pl061_set(gpio, 3, false);
    assert_int_equal(bench.irq, 1);
    set(IC, 8);
    pl061_set(gpio, 3, true);
    assert_int_equal(bench.irq, 0); /* the other edge */
    set(IBE, 8);
    pl061_set(gpio, 3, false);
    assert_int_equal(get(RIS), 8);
    set(IC, 8);
    pl061_set(gpio, 3, true);
    assert_int_equal(get(RIS), 8);
    set(IE, 0);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(get(MIS), 0);
    set(IE, 8);
    assert_int_equal(bench.irq, 1);
    device_call(dev, dev->class->reset);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(get(DATA), 8); /* what drives the pin stays */
    assert_int_equal(get(RIS), 0);
}

static void levels_follow(void **state)
{
    (void)state;
    set(IS, 3);
    set(IEV, 1);
    set(IE, 3);
    assert_int_equal(get(MIS), 2); /* pin 1 is low, and that is asked for */
    assert_int_equal(bench.irq, 1);
    pl061_set(gpio, 1, true);
    assert_int_equal(bench.irq, 0);
    pl061_set(gpio, 0, true);
    assert_int_equal(bench.irq, 1);
    set(IC, 0xff); /* a level cannot be cleared */
    assert_int_equal(bench.irq, 1);
    pl061_set(gpio, 0, false);
    assert_int_equal(bench.irq, 0);
}

static void keys_are_let_go(void **state)
{
    struct text saved;

    (void)state;
    set(IE, 8);
    set(IBE, 8);
    pl061_press(gpio, 3);
    assert_int_equal(get(DATA), 8);
    assert_int_equal(bench.irq, 1);
    set(IC, 8);
    assert_true(EVENTUALLY(get(DATA) == 0));
    assert_int_equal(bench.irq, 1); /* the other edge */
    pl061_press(gpio, 3);
    device_save(dev, &saved);
    device_call(dev, dev->class->reset);
    assert_int_equal(get(DATA), 0);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_int_equal(get(DATA), 8);
    assert_true(EVENTUALLY(get(DATA) == 0));
    pl061_press(gpio, PL061_PINS);
    text_fini(&saved);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    set(IE, 0x10);
    set(IEV, 0x10);
    set(DIR, 1);
    set(DATA, 1);
    pl061_set(gpio, 4, true);
    device_save(dev, &saved);
    set(IC, 0x10);
    pl061_set(gpio, 4, false);
    device_call(dev, dev->class->reset);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(DATA), 0x11);
    device_load_spoiled(dev, &saved);
    text_fini(&saved);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_gpio, close_gpio)
    const struct CMUnitTest tests[] = {CASE(data_is_masked), CASE(edges_are_latched), CASE(levels_follow), CASE(keys_are_let_go),
                                       CASE(snapshot)};

    return cmocka_run_group_tests_name("device_pl061", tests, NULL, NULL);
}
