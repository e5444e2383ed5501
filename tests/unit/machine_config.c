/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The configuration: every row is sound, values are checked when they are set, and what is refused is explained. */
#include "base/bits.h"
#include "machine/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct vm_config *config;

static int setup(void **state)
{
    (void)state;
    return vm_config_new(&config);
}

static int teardown(void **state)
{
    (void)state;
    vm_config_free(config);
    return 0;
}

static void rows_are_sound(void **state)
{
    (void)state;
    size_t count;
    const struct vm_option *options = vm_options(&count);
    assert_int_equal(count, CONFIG_OPTIONS);
    for (size_t i = 0; i < count; i++) {
        struct vm_error error = {0};
        const struct vm_option *o = &options[i];
        if (o->initial && vm_config_set(config, o->name, o->initial, &error))
            fail_msg("%s: initial: %s", o->name, error.text);
        if (vm_config_set(config, o->name, o->example, &error))
            fail_msg("%s: example: %s", o->name, error.text);
        assert_string_equal(vm_config_get(config, o->name, 0), o->example);
        assert_true(strlen(o->help) > 5 && o->help[strlen(o->help) - 1] != '.');
    }
}

static void has_initial_values(void **state)
{
    (void)state;
    assert_string_equal(vm_config_get(config, "arch", 0), "riscv64");
    assert_string_equal(vm_config_get(config, "memory", 0), "512M");
    assert_null(vm_config_get(config, "memory", 1));
    assert_null(vm_config_get(config, "kernel", 0));
    assert_null(vm_config_get(config, "disk", 0));
    assert_null(vm_config_get(config, "nonsense", 0));
    assert_int_equal(config_number(config, CONFIG_memory), 512ull << 20);
    assert_true(config_switch(config, CONFIG_rng));
}

static void sets_values(void **state)
{
    (void)state;
    assert_int_equal(vm_config_set(config, "memory", "64M", NULL), 0);
    assert_int_equal(vm_config_set(config, "memory", "128M", NULL), 0);
    assert_int_equal(config_number(config, CONFIG_memory), 128ull << 20);
    assert_int_equal(config_count(config, CONFIG_memory), 1);
    assert_int_equal(vm_config_set(config, "disk", "a.img", NULL), 0);
    assert_int_equal(vm_config_set(config, "disk", "b.img,ro", NULL), 0);
    assert_string_equal(vm_config_get(config, "disk", 1), "b.img,ro");
    assert_int_equal(vm_config_set(config, "semihosting", NULL, NULL), 0);
    assert_true(config_switch(config, CONFIG_semihosting));
    assert_int_equal(vm_config_set(config, "rng", "off", NULL), 0);
    assert_false(config_switch(config, CONFIG_rng));
    assert_int_equal(vm_config_set(config, "console", "virtio", NULL), 0);
    assert_int_equal(config_choice(config, CONFIG_console), 1);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        int status;
        const char *word;
    } bad[] = {
        {"memroy", "1G", STATUS_usage, "did you mean 'memory'"},
        {"kern", "x", STATUS_usage, "did you mean 'kernel'"},
        {"vcpu", "2", STATUS_usage, "did you mean 'vcpus'"},
        {"frobnicate", "x", STATUS_usage, "unknown option"},
        {"kernel", NULL, STATUS_usage, "needs a value"},
        {"kernel", "", STATUS_config, "empty"},
        {"memory", "lots", STATUS_config, "512M"},
        {"memory", "", STATUS_config, "not a size"},
        {"memory", "-1G", STATUS_config, "not a size"},
        {"memory", "1G2", STATUS_config, "not a size"},
        {"memory", "99999999999999999999G", STATUS_config, "not a size"},
        {"memory", "17179869184G", STATUS_config, "not a size"},
        {"memory", "8M", STATUS_config, "too small"},
        {"memory", "512", STATUS_config, "in bytes"},
        {"memory", "9999T", STATUS_config, "more than this host has"},
        {"memory", "16777217", STATUS_config, "multiple"},
        {"vcpus", "0", STATUS_config, "1 to 8"},
        {"vcpus", "9", STATUS_config, "1 to 8"},
        {"vcpus", "two", STATUS_config, "not a number"},
        {"seed", "0x", STATUS_config, "not a number"},
        {"mode", "fast", STATUS_config, "is not one of interpreter|"},
        {"rng", "maybe", STATUS_config, "neither on nor off"},
        {"arch", "z80", STATUS_config, "z80"},
        {"board", "bread", STATUS_config, "bread"},
        {"flash", ",ro", STATUS_config, "empty"},
        {"net", "carrier-pigeon", STATUS_config, "net"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct vm_error error = {0};
        assert_int_equal(vm_config_set(config, bad[i].name, bad[i].value, &error), -bad[i].status);
        assert_int_equal(error.status, -bad[i].status);
        if (!strstr(error.text, bad[i].word))
            fail_msg("%s=%s: '%s' lacks '%s'", bad[i].name, bad[i].value ? bad[i].value : "", error.text, bad[i].word);
    }
}

static void limits_repeats(void **state)
{
    (void)state;
    struct vm_error error;
    for (unsigned i = 0; i < CONFIG_REPEATS_MAX; i++)
        assert_int_equal(vm_config_set(config, "disk", "x", &error), 0);
    assert_int_equal(vm_config_set(config, "disk", "x", &error), -STATUS_config);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_sound), TEST(has_initial_values), TEST(sets_values), TEST(refuses), TEST(limits_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
