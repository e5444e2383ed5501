/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Bare programs through the public interface only: argv[1] is the program `traps`, argv[2] `exit_code`. It runs them from memory, at once
 * and in steps, in two machines side by side, pauses and resumes them, and reads what they left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vm/vm.h>

#include <cmocka.h>

struct elf {
    void *data;
    size_t len;
};
static struct elf traps, exit_code;

struct output {
    char text[16384];
    size_t len;
};

static void note(void *arg, const void *data, size_t len)
{
    struct output *out = arg;
    size_t room = sizeof out->text - 1 - out->len;
    memcpy(out->text + out->len, data, len < room ? len : room);
    out->len += len < room ? len : room;
}

static void quiet(void *arg, const char *level, const char *component, const char *text)
{
    (void)arg, (void)level, (void)component, (void)text;
}

static void must(int rc, const struct vm_error *error)
{
    if (rc)
        fail_msg("%s", error->text);
}

static struct vm_machine *machine(const struct elf *elf, struct output *out, bool semihosting)
{
    struct vm_config *config;
    struct vm_machine *m;
    struct vm_error error;
    uint64_t entry;
    assert_int_equal(vm_config_new(&config), 0);
    vm_config_set_console(config, note, out);
    vm_config_set_log(config, quiet, NULL);
    must(vm_config_set(config, "bios", "none", &error), &error);
    must(vm_config_set(config, "memory", "64M", &error), &error);
    must(vm_config_set(config, "rng", "off", &error), &error);
    if (semihosting)
        must(vm_config_set(config, "semihosting", "on", &error), &error);
    must(vm_machine_new(&m, config, &error), &error);
    vm_config_free(config);
    must(vm_program_load(m, elf->data, elf->len, &entry, &error), &error);
    assert_int_equal(entry, 0x80000000);
    must(vm_register_write(m, 0, "pc", &entry, sizeof entry, &error), &error);
    return m;
}

static struct vm_outcome wait_for(struct vm_machine *m)
{
    struct vm_outcome outcome;
    struct vm_error error;
    must(vm_machine_wait(m, 60000, &outcome, &error), &error);
    return outcome;
}

/* All cases of the program said "ok". */
static void all_well(const struct output *out)
{
    unsigned cases = 0, ok = 0;
    assert_int_equal(sscanf(out->text, "1..%u", &cases), 1);
    for (const char *at = out->text; (at = strstr(at, "\nok ")); at++)
        ok++;
    if (!cases || ok != cases || strstr(out->text, "not ok"))
        fail_msg("%u of %u cases: %s", ok, cases, out->text);
}

static void at_once(void **state)
{
    static struct output out;
    struct vm_error error;
    struct vm_machine *m = machine(&traps, &out, false);
    (void)state;
    must(vm_machine_start(m, &error), &error);
    struct vm_outcome outcome = wait_for(m);
    assert_int_equal(outcome.why, VM_STOP_POWEROFF);
    all_well(&out);
    vm_machine_free(m);
}

/* Insn by insn, in pieces of odd lengths: the same output, and as many insns as were asked for. */
static void in_steps(void **state)
{
    static struct output out;
    struct vm_error error;
    struct vm_machine *m = machine(&traps, &out, false);
    uint64_t total = 0;
    (void)state;
    for (uint64_t piece = 1; vm_machine_state(m) != VM_STOPPED; piece = piece % 5003 + 7) {
        uint64_t done = 0;
        must(vm_step(m, 0, piece, &done, &error), &error);
        total += done;
        if (vm_machine_state(m) != VM_STOPPED)
            assert_int_equal(done, piece);
        assert_true(total < 20000000);
    }
    assert_int_equal(vm_insns(m, 0), total);
    assert_int_equal(wait_for(m).why, VM_STOP_POWEROFF);
    all_well(&out);
    vm_machine_free(m);
}

static void paused_often(void **state)
{
    static struct output out;
    struct vm_error error;
    struct vm_machine *m = machine(&traps, &out, false);
    (void)state;
    must(vm_machine_start(m, &error), &error);
    while (vm_machine_state(m) != VM_STOPPED) {
        uint64_t pc;
        if (vm_machine_pause(m, &error))
            break; /* it has stopped meanwhile */
        uint64_t insns = vm_insns(m, 0);
        must(vm_register_read(m, 0, "pc", &pc, sizeof pc, &error), &error);
        assert_int_equal(vm_insns(m, 0), insns);
        if (vm_machine_resume(m, &error))
            break;
    }
    assert_int_equal(wait_for(m).why, VM_STOP_POWEROFF);
    all_well(&out);
    vm_machine_free(m);
}

static void exit_codes(void **state)
{
    static struct output out;
    struct vm_error error;
    struct vm_machine *m = machine(&exit_code, &out, true);
    (void)state;
    must(vm_machine_start(m, &error), &error);
    struct vm_outcome outcome = wait_for(m);
    assert_int_equal(outcome.why, VM_STOP_GUEST_EXIT);
    assert_int_equal(outcome.code, 37);
    assert_non_null(strstr(out.text, "# a word\n"));
    vm_machine_free(m);
}

static void two_at_a_time(void **state)
{
    static struct output a, b;
    struct vm_error error;
    struct vm_machine *first = machine(&traps, &a, false), *second = machine(&traps, &b, false);
    (void)state;
    must(vm_machine_start(first, &error), &error);
    must(vm_machine_start(second, &error), &error);
    assert_int_equal(wait_for(second).why, VM_STOP_POWEROFF);
    assert_int_equal(wait_for(first).why, VM_STOP_POWEROFF);
    all_well(&a);
    all_well(&b);
    vm_machine_free(first);
    vm_machine_free(second);
}

static void stopped_midway(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        static struct output out;
        struct vm_error error;
        out.len = 0;
        struct vm_machine *m = machine(&traps, &out, false);
        must(vm_machine_start(m, &error), &error);
        struct vm_outcome outcome;
        (void)vm_machine_wait(m, i, &outcome, &error);
        must(vm_machine_stop(m, &error), &error);
        assert_int_equal(vm_machine_state(m), VM_STOPPED);
        vm_machine_free(m);
    }
}

static void load_file(const char *path, struct elf *elf)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) || ftell(file) <= 0) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    elf->len = (size_t)ftell(file);
    elf->data = malloc(elf->len);
    rewind(file);
    if (!elf->data || fread(elf->data, 1, elf->len, file) != elf->len) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once),    cmocka_unit_test(in_steps),      cmocka_unit_test(paused_often),
        cmocka_unit_test(exit_codes), cmocka_unit_test(two_at_a_time), cmocka_unit_test(stopped_midway),
    };
    if (argc != 3) {
        fprintf(stderr, "usage: %s TRAPS.elf EXIT_CODE.elf\n", argv[0]);
        return 2;
    }
    load_file(argv[1], &traps);
    load_file(argv[2], &exit_code);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(traps.data);
    free(exit_code.data);
    return rc;
}
