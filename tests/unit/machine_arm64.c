/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The arm64 board from outside: where programs, firmware and device tree lie and what registers a program finds; what is refused. The program
 * says "ok" by the serial port and stays: nothing here needs more of the guest than moves, loads and stores.
 */
#include "base/bits.h"
#include "base/err.h"
#include "machine_rig.h"
#include <time.h>

enum { ARM_RAM = 0x40000000, FLAT = ARM_RAM + 0x80000, MAGIC = 0xd00dfeed };

/* mov x1, #0x9000000; ldr w3, [x0]; mov x4, x0; mov w2, #'o'; str w2, [x1]; mov w2, #'k'; str w2, [x1]; b . */
static const uint32_t says_ok[256] = {0xd2a12001, 0xb9400003, 0xaa0003e4, 0x52800de2, 0xb9000022, 0x52800d62, 0xb9000022, 0x14000000};

static struct console_notes notes;

static void wait_for_ok(struct vm_machine *machine)
{
    struct vm_error error = {0};
    if (vm_machine_start(machine, &error))
        fail_msg("%s", error.text);
    for (unsigned i = 0; i < PATIENCE_MS; i++) {
        struct timespec ms = {.tv_nsec = 1000000};
        vm_machine_pause(machine, &error);
        if (notes.len)
            break;
        vm_machine_resume(machine, &error);
        nanosleep(&ms, NULL);
    }
    assert_memory_equal(notes.text, "o", 1);
}

/* Starts with these options; the program must be at `pc`, the device tree at dt (0: wherever). */
static void starts(const char *const *options, uint64_t pc, uint64_t dt)
{
    struct vm_machine *machine = NULL;
    struct vm_error error = {0};
    notes = (struct console_notes){0};
    if (make(&machine, options, &notes, &error))
        fail_msg("%s", error.text);
    if (pc == ARM_RAM)
        assert_int_equal(vm_memory_write(machine, pc, says_ok, sizeof says_ok, &error), 0);
    assert_int_equal(reg(machine, 0, "pc"), pc);
    wait_for_ok(machine);
    assert_int_equal(__builtin_bswap32((uint32_t)reg(machine, 0, "x3")), MAGIC);
    if (dt)
        assert_int_equal(reg(machine, 0, "x4"), dt);
    vm_machine_free(machine);
}

static void starts_programs(void **state)
{
    (void)state;
    char path[32], kernel[64], bios[64], flash[64];
    temporary(path, says_ok, sizeof says_ok);
    snprintf(kernel, sizeof kernel, "kernel=%s", path);
    snprintf(bios, sizeof bios, "bios=%s", path);
    snprintf(flash, sizeof flash, "flash=%s,ro", path);
    starts((const char *const[]){"arch=arm64", "memory=64M", "bios=none", NULL}, ARM_RAM, 0);
    starts((const char *const[]){"arch=arm64", "memory=64M", kernel, "vcpus=8", NULL}, FLAT, ARM_RAM);
    starts((const char *const[]){"arch=arm64", "memory=64M", kernel, "virtualization=on", "mode=interpreter", NULL}, FLAT, ARM_RAM);
    starts((const char *const[]){"arch=arm64", "memory=64M", kernel, "vcpus=8", "gic-version=2", NULL}, FLAT, ARM_RAM);
    starts((const char *const[]){"arch=arm64", "memory=64M", bios, NULL}, 0, ARM_RAM);
    starts((const char *const[]){"arch=arm64", "memory=64M", flash, NULL}, 0, ARM_RAM);
    unlink(path);
}

/* A Linux Image by its header, and the device tree out of its way. */
static void starts_images(void **state)
{
    (void)state;
    static uint8_t image[4096];
    char path[32], kernel[64];
    le32_put(image, 0x14000010); /* b +64 */
    le64_put(image + 16, 1 << 20);
    memcpy(image + 56, "ARM\x64", 4);
    memcpy(image + 64, says_ok, sizeof says_ok);
    temporary(path, image, sizeof image);
    snprintf(kernel, sizeof kernel, "kernel=%s", path);
    struct vm_machine *machine = NULL;
    struct vm_error error = {0};
    notes = (struct console_notes){0};
    if (MAKE(&machine, &notes, &error, "arch=arm64", "memory=64M", kernel))
        fail_msg("%s", error.text);
    assert_int_equal(reg(machine, 0, "pc"), ARM_RAM);
    wait_for_ok(machine);
    assert_true(reg(machine, 0, "x4") >= ARM_RAM + (1 << 20));
    vm_machine_free(machine);
    unlink(path);
}

static void refuses(void **state)
{
    (void)state;
    char path[32], bios[64];
    temporary(path, says_ok, sizeof says_ok);
    snprintf(bios, sizeof bios, "bios=%s", path);
    const struct {
        const char *options[4];
        int status;
        const char *word;
    } bad[] = {
        {{"arch=arm64", bios, "kernel=/no/such/kernel"}, STATUS_not_found, "/no/such/kernel"},
        {{"arch=arm64", "bios=/no/such/file"}, STATUS_not_found, "/no/such/file"},
        {{"arch=arm64", "bios=none", "gic-version=4"}, STATUS_config, "not one of 2|3"},
        {{"arch=arm64", "bios=none", "cpu=z80"}, STATUS_config, "z80"},
    };
    for (size_t at = 0; at < ARRAY_LEN(bad); at++) {
        struct vm_machine *m = NULL;
        struct vm_error error = {0};
        int rc = make(&m, bad[at].options, NULL, &error);
        if (rc != -bad[at].status || !strstr(error.text, bad[at].word))
            fail_msg("case %zu: %d, '%s' lacks '%s'", at, rc, error.text, bad[at].word);
        assert_null(m);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(starts_programs), cmocka_unit_test(starts_images), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests_name("machine_arm64", tests, NULL, NULL);
}
