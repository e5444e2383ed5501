/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The built-in PSCI against a machine that only takes notes: every call's answer, and the errors that the specification names. */
#include "machine/psci/psci.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CPUS = 3 };
#define SMC32(n) (0x84000000u + (n))
#define SMC64(n) (0xc4000000u + (n))
enum { VERSION, SUSPEND, OFF, ON, INFO, MIGRATE, MIGRATE_TYPE, MIGRATE_CPU, SYSTEM_OFF, SYSTEM_RESET, FEATURES, RESET2 = 0x12 };

static struct {
    unsigned started, stopped, slept, resets;
    uint64_t address, context;
    bool reboot, full;
} notes;
static struct psci psci;
static bool returned;

static bool start(void *m, unsigned cpu, uint64_t address, uint64_t context)
{
    (void)m;
    notes.started |= 1u << cpu;
    notes.address = address;
    notes.context = context;
    return !notes.full;
}

static void stop(void *m, unsigned cpu) { (void)m, notes.stopped |= 1u << cpu; }
static void sleep_cpu(void *m, unsigned cpu) { (void)m, notes.slept |= 1u << cpu; }
static void reset(void *m, bool reboot) { (void)m, notes.resets++, notes.reboot = reboot; }

static int open_psci(void **state)
{
    static const struct psci_ops ops = {start, stop, sleep_cpu, reset};
    static const uint64_t affinity[CPUS] = {0, 1, 0x0200000100};
    (void)state;
    memset(&notes, 0, sizeof notes);
    psci_init(&psci, &ops, NULL, affinity, CPUS);
    return 0;
}

static int64_t call(unsigned cpu, uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    struct psci_call call = {.cpu = cpu, .arg = {function, a, b, c}};
    psci_serve(&psci, &call);
    returned = !call.no_return;
    return call.result;
}

static void says_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(call(0, SMC32(VERSION), 0, 0, 0), 0x10001);
    assert_int_equal(call(0, SMC32(MIGRATE_TYPE), 0, 0, 0), 2);
    static const unsigned has[] = {VERSION, SUSPEND, OFF, ON, INFO, MIGRATE_TYPE, SYSTEM_OFF, SYSTEM_RESET, FEATURES, RESET2};
    for (unsigned i = 0; i < sizeof has / sizeof *has; i++)
        assert_int_equal(call(0, SMC32(FEATURES), SMC32(has[i]), 0, 0), 0);
    assert_int_equal(call(0, SMC32(FEATURES), SMC64(ON), 0, 0), 0);
    assert_int_equal(call(0, SMC32(FEATURES), SMC64(OFF), 0, 0), PSCI_NOT_SUPPORTED);
    assert_int_equal(call(0, SMC32(FEATURES), SMC32(MIGRATE), 0, 0), PSCI_NOT_SUPPORTED);
    assert_int_equal(call(0, SMC32(FEATURES), SMC32(14), 0, 0), PSCI_NOT_SUPPORTED);
    assert_int_equal(call(0, SMC64(VERSION), 0, 0, 0), PSCI_NOT_SUPPORTED);
    assert_int_equal(call(0, SMC32(FEATURES), 0x80000000, 0, 0), PSCI_NOT_SUPPORTED);
    assert_int_equal(call(0, 0x80000000, 0, 0, 0), PSCI_NOT_SUPPORTED);
    assert_int_equal(call(0, 0, 0, 0, 0), PSCI_NOT_SUPPORTED);
    assert_true(returned);
}

static void starts_and_stops(void **state)
{
    (void)state;
    assert_int_equal(call(0, SMC64(INFO), 0, 0, 0), 0);
    assert_int_equal(call(0, SMC64(INFO), 0x0200000100, 0, 0), 1);
    assert_int_equal(call(0, SMC64(ON), 0x0200000100, 0x123456789abc, ~0ull), 0);
    assert_int_equal(notes.started, 4);
    assert_int_equal(notes.address, 0x123456789abc);
    assert_int_equal(notes.context, ~0ull);
    assert_int_equal(call(0, SMC64(INFO), 0x0200000100, 0, 0), 0);
    assert_int_equal(call(0, SMC64(ON), 0x0200000100, 0, 0), PSCI_ALREADY_ON);
    assert_int_equal(call(1, SMC64(ON), 0, 0, 0), PSCI_ALREADY_ON);
    call(2, SMC32(OFF), 0, 0, 0);
    assert_false(returned);
    assert_int_equal(notes.stopped, 4);
    assert_int_equal(call(0, SMC64(INFO), 0x0200000100, 0, 0), 1);
    assert_int_equal(call(0, SMC32(ON), 0xffffffff00000001, 0xffffffff40000000, 0xffffffff12345678), 0); /* 32 bits of each */
    assert_int_equal(notes.started, 6);
    assert_int_equal(notes.address, 0x40000000);
    assert_int_equal(notes.context, 0x12345678);
    assert_int_equal(call(0, SMC64(ON), 7, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(0, SMC64(ON), 0x0200000100, 2, 0), PSCI_INVALID_ADDRESS);
    assert_int_equal(call(0, SMC64(INFO), 7, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(0, SMC64(INFO), 0, 4, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(0, SMC64(INFO), 0, 1, 0), 0);
    notes.full = true;
    assert_int_equal(call(0, SMC64(ON), 0x0200000100, 0, 0), PSCI_INTERNAL_FAILURE);
    assert_int_equal(call(0, SMC64(INFO), 0x0200000100, 0, 0), 1);
    psci_reset(&psci);
    assert_int_equal(call(0, SMC64(INFO), 1, 0, 0), 1);
}

static void sleeps(void **state)
{
    (void)state;
    assert_int_equal(call(1, SMC64(SUSPEND), 0, 0, 0), 0);
    assert_int_equal(call(2, SMC64(SUSPEND), 1 << 16, 0x1000, 0), 0);
    assert_true(returned);
    assert_int_equal(notes.slept, 6);
    assert_int_equal(call(0, SMC64(SUSPEND), 1u << 31, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(notes.slept, 6);
}

static void ends_the_machine(void **state)
{
    (void)state;
    call(1, SMC32(SYSTEM_OFF), 0, 0, 0);
    assert_true(!returned && notes.resets == 1 && !notes.reboot);
    call(1, SMC32(SYSTEM_RESET), 0, 0, 0);
    assert_true(!returned && notes.resets == 2 && notes.reboot);
    notes.reboot = false;
    call(1, SMC64(RESET2), 0, 5, 0);
    assert_true(!returned && notes.resets == 3 && notes.reboot);
    assert_int_equal(call(1, SMC64(RESET2), 0x80000000, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(call(1, SMC32(RESET2), 1, 0, 0), PSCI_INVALID_PARAMETERS);
    assert_int_equal(notes.resets, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(says_what_it_is, open_psci),
        cmocka_unit_test_setup(starts_and_stops, open_psci),
        cmocka_unit_test_setup(sleeps, open_psci),
        cmocka_unit_test_setup(ends_the_machine, open_psci),
    };
    return cmocka_run_group_tests_name("machine_psci", tests, NULL, NULL);
}
