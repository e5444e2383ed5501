/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ACLINT: software interrupts, timers in time, writes to mtime, pause, values that no timer can hold. */
#include "device/irqchip/aclint.h"
#include "device_bench.h"

enum { MTIMECMP = 0x4000, MTIME = 0xbff8, HARTS = 3 };

static struct bench bench;
static struct aclint *aclint;
static struct device *dev;
static _Atomic int lines[HARTS][3];
static _Atomic unsigned calls;

static void note_out(void *arg, unsigned hart, enum aclint_line line, bool level)
{
    (void)arg;
    lines[hart][line] = level;
    calls++;
}

static const struct aclint_config config = {HARTS, note_out, NULL};

static int open_aclint(void **state)
{
    (void)state;
    bench_open(&bench);
    for (int i = 0; i < HARTS * 3; i++)
        lines[i / 3][i % 3] = 0;
    assert_int_equal(aclint_new(&aclint, "aclint", &bench.env, &config, NULL), 0);
    dev = aclint_device(aclint);
    calls = 0;
    return 0;
}

static int close_aclint(void **state)
{
    (void)state;
    aclint_free(aclint);
    aclint_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint64_t get(uint64_t offset, unsigned size) { return reg(dev, &aclint_ops, offset, size); }

static void set(uint64_t offset, unsigned size, uint64_t value) { reg_set(dev, &aclint_ops, offset, size, value); }

static void software_interrupts(void **state)
{
    (void)state;
    set(4, 4, 0xffffffff);
    assert_int_equal(get(4, 4), 1); /* one bit */
    assert_true(lines[1][ACLINT_MSIP]);
    assert_int_equal(calls, 1);
    set(4, 4, 1);
    assert_int_equal(calls, 1);
    set(4, 4, 0);
    assert_false(lines[1][ACLINT_MSIP]);
    set(HARTS * 4, 4, 1); /* no such hart */
    assert_int_equal(get(HARTS * 4, 4), 0);
    reg_set(dev, &aclint_sswi_ops, 8, 4, 1);
    assert_true(lines[2][ACLINT_SSIP]);
    assert_int_equal(reg(dev, &aclint_sswi_ops, 8, 4), 0);
    reg_set(dev, &aclint_sswi_ops, HARTS * 4, 4, 1);
    assert_int_equal(calls, 3);
}

static uint64_t ticks_since(uint64_t ns) { return (os_clock_ns() - ns) / 100 + 1; }

static void time_runs_at_ten_megahertz(void **state)
{
    uint64_t ns = os_clock_ns(), a = get(MTIME, 8), b;

    (void)state;
    rest_us(20000);
    b = get(MTIME, 8);
    assert_in_range(b - a, 199999, ticks_since(ns));
    assert_true(aclint_time(aclint) >= b);
    ns = os_clock_ns();
    set(MTIME, 8, 0x123456789abcdef0);
    assert_int_equal(get(MTIME + 4, 4), 0x12345678);
    b = get(MTIME, 8);
    assert_in_range(b - 0x123456789abcdef0, 0, ticks_since(ns));
    set(MTIME + 4, 4, 5);
    assert_int_equal(get(MTIME, 8) >> 32, 5);
    ns = os_clock_ns();
    set(MTIME, 4, 0);
    b = get(MTIME, 8);
    assert_in_range(b - (5ull << 32), 0, ticks_since(ns));
}

static void timer_comes_in_time(void **state)
{
    uint64_t at = aclint_time(aclint) + 1000000;

    (void)state;
    set(MTIMECMP + 8, 8, at);
    assert_int_equal(get(MTIMECMP + 8, 8), at);
    assert_false(lines[1][ACLINT_MTIP] && aclint_time(aclint) < at);
    assert_true(EVENTUALLY(lines[1][ACLINT_MTIP]));
    assert_true(aclint_time(aclint) >= at);
    assert_false(lines[0][ACLINT_MTIP]);
    set(MTIMECMP + 8, 8, UINT64_MAX); /* takes it back at once */
    assert_false(lines[1][ACLINT_MTIP]);
    set(MTIMECMP + 8, 8, 0); /* long past: at once */
    assert_true(lines[1][ACLINT_MTIP]);
    set(MTIMECMP + 12, 4, 0xffffffff); /* by halves */
    assert_false(lines[1][ACLINT_MTIP]);
    assert_int_equal(get(MTIMECMP + 8, 8), 0xffffffff00000000);
    set(MTIMECMP + HARTS * 8, 8, 0);
    assert_int_equal(get(MTIMECMP + HARTS * 8, 8), 0);
}

static void many_timers_are_exact(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        uint64_t at = aclint_time(aclint) + (uint64_t)i * 37 % 3000;

        set(MTIMECMP, 8, at);
        while (!lines[0][ACLINT_MTIP])
            rest_us(20);
        assert_true(aclint_time(aclint) >= at);
        set(MTIMECMP, 8, UINT64_MAX);
    }
}

static void moving_time_moves_timers(void **state)
{
    (void)state;
    set(MTIMECMP, 8, aclint_time(aclint) + 3600ull * ACLINT_HZ);
    assert_false(lines[0][ACLINT_MTIP]);
    set(MTIME, 8, aclint_time(aclint) + 3601ull * ACLINT_HZ);
    assert_true(lines[0][ACLINT_MTIP]);
    set(MTIME, 8, 0);
    assert_false(lines[0][ACLINT_MTIP]);
    set(MTIMECMP, 8, 10000);
    assert_true(EVENTUALLY(lines[0][ACLINT_MTIP]));
}

/* Values near the end must neither wrap into the past (a loop that rings without end) nor fire. */
static void far_values_cost_nothing(void **state)
{
    static const uint64_t far[] = {UINT64_MAX, UINT64_MAX - 1, INT64_MAX, 1ull << 62, UINT64_MAX / 100, UINT64_MAX / 100 + 1};
    struct timespec a, b;
    uint64_t now;

    (void)state;
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        for (unsigned h = 0; h < HARTS; h++)
            set(MTIMECMP + 8 * h, 8, far[i] - h);
        os_loop_sync(bench.loop);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        rest_us(10000);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        assert_true((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < 6000000);
        assert_int_equal(lines[0][ACLINT_MTIP], 0);
    }
    assert_true(aclint_to_host(aclint, UINT64_MAX) == UINT64_MAX);
    now = aclint_to_host(aclint, 0);
    assert_true(now <= os_clock_ns());
}

static void pause(void)
{
    os_vclock_pause(&bench.clock);
    device_call(dev, dev->class->pause);
}

static void resume(void)
{
    os_vclock_resume(&bench.clock);
    device_call(dev, dev->class->resume);
}

static void stands_still_while_paused(void **state)
{
    uint64_t at, then;

    (void)state;
    for (;;) {
        at = aclint_time(aclint) + 1000000;
        set(MTIMECMP, 8, at);
        pause();
        then = aclint_time(aclint);
        if (then < at)
            break;
        resume(); /* too late */
    }
    rest_us(130000);
    assert_int_equal(aclint_time(aclint), then);
    assert_false(lines[0][ACLINT_MTIP]);
    assert_true(aclint_to_host(aclint, at) == UINT64_MAX);
    resume();
    assert_true(EVENTUALLY(lines[0][ACLINT_MTIP]));
    assert_true(aclint_time(aclint) >= at);
}

static void snapshot(void **state)
{
    struct text saved;
    uint64_t then;

    (void)state;
    set(MTIME, 8, 1ull << 40);
    set(MTIMECMP + 8, 8, 5);
    set(MTIMECMP + 16, 8, (1ull << 40) + 200000);
    set(0, 4, 1);
    pause();
    then = aclint_time(aclint);
    device_save(dev, &saved);
    device_call(dev, dev->class->reset);
    assert_false(lines[0][ACLINT_MSIP]);
    assert_false(lines[1][ACLINT_MTIP]);
    assert_int_equal(get(MTIME, 8), 0);
    device_load_spoiled(dev, &saved);
    assert_int_equal(aclint_time(aclint), then);
    assert_true(lines[0][ACLINT_MSIP]);
    assert_true(lines[1][ACLINT_MTIP]);
    resume();
    assert_true(EVENTUALLY(lines[2][ACLINT_MTIP]));
    text_fini(&saved);
}

static void hostile_offsets(void **state)
{
    uint64_t value;

    (void)state;
    for (uint64_t offset = 0; offset < ACLINT_SIZE; offset += 4)
        assert_true(bus_read(dev, &aclint_ops, offset, 4, &value));
    for (uint64_t offset = 0; offset < ACLINT_SIZE; offset += 8) {
        assert_true(bus_read(dev, &aclint_ops, offset, 8, &value));
        assert_true(bus_write(dev, &aclint_ops, offset, 8, UINT64_MAX));
    }
    for (uint64_t offset = 0; offset < ACLINT_SSWI_SIZE; offset += 4)
        assert_true(bus_write(dev, &aclint_sswi_ops, offset, 4, 0));
    assert_false(bus_read(dev, &aclint_ops, 0, 1, &value));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_aclint, close_aclint)
    const struct CMUnitTest tests[] = {
        CASE(software_interrupts),      CASE(time_runs_at_ten_megahertz), CASE(timer_comes_in_time),       CASE(many_timers_are_exact),
        CASE(moving_time_moves_timers), CASE(far_values_cost_nothing),    CASE(stands_still_while_paused), CASE(snapshot),
        CASE(hostile_offsets),
    };

    return cmocka_run_group_tests_name("device_aclint", tests, NULL, NULL);
}
