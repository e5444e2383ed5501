/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The test finisher: three commands with their codes, and that nothing else does anything. */
#include "device/misc/test_finisher.h"
#include "device_bench.h"

static int how = -1;
static unsigned code, calls;

static void note_finish(void *arg, enum test_finish h, unsigned c)
{
    assert_ptr_equal(arg, &calls);
    how = (int)h;
    code = c;
    calls++;
}

static void finishes(void **state)
{
    struct bench bench;
    struct test_finisher *finisher;
    struct device *dev;

    (void)state;
    bench_open(&bench);
    assert_int_equal(test_finisher_new(&finisher, "test", &bench.env, note_finish, &calls, NULL), 0);
    dev = test_finisher_device(finisher);
    reg_set(dev, &test_finisher_ops, 0, 4, 0x5555);
    assert_int_equal(how, TEST_FINISH_pass);
    assert_int_equal(code, 0);
    reg_set(dev, &test_finisher_ops, 0, 4, 0x002a3333);
    assert_int_equal(how, TEST_FINISH_fail);
    assert_int_equal(code, 42);
    reg_set(dev, &test_finisher_ops, 0, 2, 0x7777);
    assert_int_equal(how, TEST_FINISH_reset);
    assert_int_equal(calls, 3);
    reg_set(dev, &test_finisher_ops, 0, 4, 0x1234);
    reg_set(dev, &test_finisher_ops, 4, 4, 0x5555);
    assert_int_equal(calls, 3);
    assert_int_equal(reg(dev, &test_finisher_ops, 0, 4), 0);
    device_call(dev, dev->class->reset);
    test_finisher_free(finisher);
    test_finisher_free(NULL);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finishes)};

    return cmocka_run_group_tests_name("device_test_finisher", tests, NULL, NULL);
}
