/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The machine's own time: stands still while paused, runs on without a jump, tells the host's time of a moment to come. */
#include "os/os.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h> /* wants the others first */

static void rest(long us)
{
    struct timespec t = {.tv_nsec = us * 1000};

    nanosleep(&t, NULL);
}

static void clocks_run(void **state)
{
    uint64_t a = os_clock_ns(), cpu = os_thread_cpu_ns();

    (void)state;
    rest(2000);
    assert_true(os_clock_ns() - a >= 2000000);
    assert_true(os_thread_cpu_ns() >= cpu);
    assert_true(os_wall_ns() > 1600000000ull * 1000000000u);
}

static void stands_while_paused(void **state)
{
    struct os_vclock clock;
    uint64_t a, b, began;

    (void)state;
    os_vclock_init(&clock);
    assert_true(os_vclock_paused(&clock));
    assert_int_equal(os_vclock_ns(&clock), 0);
    assert_true(os_vclock_to_host(&clock, 5) == UINT64_MAX);
    began = os_clock_ns();
    os_vclock_resume(&clock);
    rest(2000);
    a = os_vclock_ns(&clock);
    assert_in_range(a, 2000000, os_clock_ns() - began);
    os_vclock_pause(&clock);
    a = os_vclock_ns(&clock);
    rest(5000); /* the clock has not seen this */
    assert_int_equal(os_vclock_ns(&clock), a);
    began = os_clock_ns();
    os_vclock_resume(&clock);
    b = os_vclock_ns(&clock);
    assert_in_range(b, a, a + (os_clock_ns() - began));
    os_vclock_resume(&clock); /* again: nothing */
    assert_true(os_vclock_ns(&clock) >= b);
}

static void tells_host_time(void **state)
{
    struct os_vclock clock;
    uint64_t at, began;

    (void)state;
    os_vclock_init(&clock);
    os_vclock_jump(&clock, 1000000000);
    assert_int_equal(os_vclock_ns(&clock), 1000000000);
    began = os_clock_ns();
    os_vclock_resume(&clock);
    at = os_vclock_to_host(&clock, 1000000000 + 3000000);
    assert_in_range(at, began + 3000000, os_clock_ns() + 3000000);
    while (os_clock_ns() < at)
        rest(100);
    assert_true(os_vclock_ns(&clock) >= 1003000000);
    assert_true(os_vclock_to_host(&clock, 5) <= os_clock_ns());
    assert_true(os_vclock_to_host(&clock, UINT64_MAX) > at);
    began = os_clock_ns();
    os_vclock_jump(&clock, 7000000000);
    at = os_vclock_ns(&clock);
    assert_in_range(at, 7000000000, 7000000000 + (os_clock_ns() - began));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clocks_run), cmocka_unit_test(stands_while_paused),
                                       cmocka_unit_test(tells_host_time)};

    return cmocka_run_group_tests_name("os_clock", tests, NULL, NULL);
}
