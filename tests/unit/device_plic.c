/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PLIC by its registers and outputs: priorities, thresholds, claims, completion, the gateway's rules, hostile offsets. */
#include "device/irqchip/plic.h"
#include "device_bench.h"

enum { PENDING = 0x1000, ENABLE = 0x2000, CONTEXT = 0x200000, CLAIM = 4, SOURCES = 95, CONTEXTS = 4 };

static struct bench bench;
static struct plic *plic;
static struct device *dev;
static bool out[CONTEXTS];
static unsigned out_calls;

static void note_out(void *arg, unsigned context, bool level)
{
    (void)arg;
    assert_true(context < CONTEXTS);
    assert_int_not_equal(out[context], level); /* only changes are told */
    out[context] = level;
    out_calls++;
}

static const struct plic_config config = {SOURCES, CONTEXTS, note_out, NULL};

static int open_plic(void **state)
{
    (void)state;
    bench_open(&bench);
    memset(out, 0, sizeof(out));
    out_calls = 0;
    assert_int_equal(plic_new(&plic, "plic", &bench.env, &config, NULL), 0);
    dev = plic_device(plic);
    return 0;
}

static int close_plic(void **state)
{
    (void)state;
    plic_free(plic);
    plic_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t get(uint64_t offset) { return (uint32_t)reg(dev, &plic_ops, offset, 4); }

static void set(uint64_t offset, uint32_t value) { reg_set(dev, &plic_ops, offset, 4, value); }

static uint32_t claim(unsigned context) { return get(CONTEXT + context * 0x1000 + CLAIM); }

static void complete(unsigned context, uint32_t source) { set(CONTEXT + context * 0x1000 + CLAIM, source); }

static void threshold(unsigned context, uint32_t value) { set(CONTEXT + context * 0x1000, value); }

static void enable(unsigned context, unsigned source)
{
    uint64_t at = ENABLE + context * 0x80 + source / 32 * 4;

    set(at, get(at) | 1u << source % 32);
}

static bool pending(unsigned source) { return get(PENDING + source / 32 * 4) >> source % 32 & 1; }

static void delivers(void **state)
{
    (void)state;
    set(10 * 4, 1);
    enable(1, 10);
    assert_int_equal(out_calls, 0);
    plic_set(plic, 10, true);
    assert_true(out[1]);
    assert_true(pending(10));
    assert_int_equal(out_calls, 1); /* no other context */
    assert_int_equal(claim(0), 0);  /* not enabled there */
    assert_int_equal(claim(1), 10);
    assert_false(out[1]);
    assert_false(pending(10));
    assert_int_equal(claim(1), 0);
    plic_set(plic, 10, false);
    complete(1, 10);
    assert_false(out[1]);
    plic_set(plic, 10, true);
    assert_true(out[1]);
}

static void gateway_waits_for_completion(void **state)
{
    (void)state;
    set(10 * 4, 1);
    enable(1, 10);
    plic_set(plic, 10, true);
    assert_int_equal(claim(1), 10);
    plic_set(plic, 10, false);
    plic_set(plic, 10, true); /* again before completion: nothing yet */
    assert_false(out[1]);
    assert_false(pending(10));
    complete(1, 10);
    assert_true(out[1]);
    assert_int_equal(claim(1), 10);
    complete(1, 10); /* the line is still up: at once again */
    assert_true(out[1]);
    plic_set(plic, 10, false); /* a request that is pending stays */
    assert_true(pending(10));
    assert_true(out[1]);
    assert_int_equal(claim(1), 10);
    complete(1, 10);
    assert_false(out[1]);
}

static void bad_completions_are_ignored(void **state)
{
    (void)state;
    set(10 * 4, 1);
    enable(1, 10);
    plic_set(plic, 10, true);
    assert_int_equal(claim(1), 10);
    complete(0, 10); /* not enabled for this context */
    complete(1, 0);
    complete(1, 11);
    complete(1, 96);
    complete(1, 0xffffffff);
    assert_false(pending(10));
    complete(1, 10);
    assert_true(pending(10));
}

static void priorities_and_thresholds(void **state)
{
    (void)state;
    for (unsigned s = 1; s <= SOURCES; s++) {
        set(s * 4, s % 8);
        enable(2, s);
        plic_set(plic, s, true);
    }
    threshold(2, 7);
    assert_false(out[2]); /* must be above the threshold */
    threshold(2, 6);
    assert_true(out[2]);
    assert_int_equal(claim(2), 7); /* the lowest number of priority 7 */
    assert_int_equal(claim(2), 15);
    threshold(2, 7);
    assert_int_equal(claim(2), 23); /* a claim does not look at the threshold */
    for (unsigned n = 4; n <= 12; n++)
        claim(2);
    assert_int_equal(claim(2), 6);
    set(1 * 4, 0);
    threshold(2, 0);
    for (unsigned n = 0; n < 100; n++)
        assert_int_not_equal(claim(2), 8); /* priority 0 never */
    assert_int_equal(claim(2), 0);
    assert_true(pending(8));
    assert_false(out[2]);
    set(8 * 4, 1);
    assert_true(out[2]);
    assert_int_equal(claim(2), 8);
}

static void registers_hold_what_exists(void **state)
{
    uint64_t value;

    (void)state;
    set(0, 5);
    assert_int_equal(get(0), 0);
    set(5 * 4, 0xffffffff);
    assert_int_equal(get(5 * 4), 7);
    threshold(3, 0xfffffffa);
    assert_int_equal(get(CONTEXT + 3 * 0x1000), 2);
    for (unsigned w = 0; w < 4; w++)
        set(ENABLE + 0x80 + w * 4, 0xffffffff);
    assert_int_equal(get(ENABLE + 0x80), 0xfffffffe); /* source 0 does not exist */
    assert_int_equal(get(ENABLE + 0x88), 0xffffffff);
    assert_int_equal(get(ENABLE + 0x8c), 0); /* nor 96 and above */
    assert_int_equal(get(ENABLE), 0);
    set(PENDING, 0xffffffff); /* read-only */
    assert_int_equal(get(PENDING), 0);
    assert_false(bus_read(dev, &plic_ops, 0, 1, &value));
    assert_false(bus_read(dev, &plic_ops, 0, 8, &value));
}

static void hostile_offsets(void **state)
{
    (void)state;
    for (uint64_t offset = 0; offset < PLIC_SIZE; offset += offset < 0x3000 ? 4 : 0x7fc) {
        uint64_t value;

        bus_read(dev, &plic_ops, offset, 4, &value);
        bus_write(dev, &plic_ops, offset, 4, 0xffffffff);
    }
    assert_int_equal(get(CONTEXT + CONTEXTS * 0x1000), 0);
    assert_int_equal(get(PLIC_SIZE - 4), 0);
    plic_set(plic, 0, true);
    plic_set(plic, 96, true);
    plic_set(plic, 0xffffffff, true);
    assert_int_equal(get(PENDING), 0);
}

static void reset_keeps_lines(void **state)
{
    (void)state;
    set(10 * 4, 1);
    enable(1, 10);
    plic_set(plic, 10, true);
    device_call(dev, dev->class->reset);
    assert_false(out[1]);
    assert_false(pending(10));
    set(10 * 4, 1);
    enable(1, 10);
    assert_true(out[1]); /* the line was up all the time */
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    set(10 * 4, 3);
    set(90 * 4, 2);
    enable(1, 10);
    enable(1, 90);
    plic_set(plic, 10, true);
    plic_set(plic, 90, true);
    assert_int_equal(claim(1), 10);
    device_save(dev, &saved);
    plic_set(plic, 10, false);
    plic_set(plic, 90, false);
    device_call(dev, dev->class->reset);
    assert_false(out[1]);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_true(out[1]);
    device_load_spoiled(dev, &saved);
    assert_int_equal(claim(1), 90);
    complete(1, 10);
    assert_int_equal(claim(1), 10); /* was up and claimed */
    text_fini(&saved);
}

static void refuses_bad_configuration(void **state)
{
    struct plic *other;
    struct plic_config bad = config;

    (void)state;
    bad.sources = 1024;
    assert_int_equal(plic_new(&other, "plic", &bench.env, &bad, NULL), -STATUS_config);
    bad.sources = 1;
    bad.contexts = 0;
    assert_int_equal(plic_new(&other, "plic", &bench.env, &bad, NULL), -STATUS_config);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_plic, close_plic)
    const struct CMUnitTest tests[] = {
        CASE(delivers),
        CASE(gateway_waits_for_completion),
        CASE(bad_completions_are_ignored),
        CASE(priorities_and_thresholds),
        CASE(registers_hold_what_exists),
        CASE(hostile_offsets),
        CASE(reset_keeps_lines),
        CASE(snapshot),
        CASE(refuses_bad_configuration),
    };

    return cmocka_run_group_tests_name("device_plic", tests, NULL, NULL);
}
