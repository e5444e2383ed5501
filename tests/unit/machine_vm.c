/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life of machines through the public interface: states, outcomes, registers, memory, stepping, reset, console, semihosting. */
#include "base/bits.h"
#include "base/err.h"
#include "machine_rig.h"

static void powers_off(void **state)
{
    (void)state;
    struct program p = {0};
    addi(&p, A0, ZERO, 42);
    finish(&p, 0x5555);
    struct vm_machine *m = bare(&p, NULL);
    struct vm_outcome outcome = run(m);
    assert_int_equal(outcome.why, VM_STOP_POWEROFF);
    assert_int_equal(outcome.code, 0);
    assert_int_equal(vm_machine_state(m), VM_STOPPED);
    assert_int_equal(reg(m, 0, "a0"), 42);
    assert_int_equal(reg(m, 0, "x10"), 42);
    vm_machine_free(m);
}

static void passes_exit_codes(void **state)
{
    (void)state;
    struct program p = {0};
    finish(&p, 77 << 16 | 0x3333);
    struct vm_machine *m = bare(&p, NULL);
    struct vm_outcome outcome = run(m);
    assert_int_equal(outcome.why, VM_STOP_GUEST_EXIT);
    assert_int_equal(outcome.code, 77);
    vm_machine_free(m);
}

/* Counts its starts in memory, which a reset leaves alone; powers off at the third. */
static void reset_program(struct program *p)
{
    li(p, S0, RAM + 0x10000);
    load(p, 3, A0, S0, 0);
    addi(p, A0, A0, 1);
    store(p, 3, A0, S0, 0);
    addi(p, A1, ZERO, 3);
    size_t at = here(p);
    branch(p, 0, A0, A1, at + 1); /* patched below */
    finish(p, 0x7777);
    size_t target = here(p);
    finish(p, 0x5555);
    size_t end = p->count;
    p->count = at;
    branch(p, 0, A0, A1, target);
    p->count = end;
}

static void reboots(void **state)
{
    (void)state;
    struct program p = {0};
    uint64_t count = 0;
    reset_program(&p);
    struct vm_machine *m = bare(&p, NULL);
    assert_int_equal(run(m).why, VM_STOP_POWEROFF);
    assert_int_equal(vm_memory_read(m, RAM + 0x10000, &count, 8, NULL), 0);
    assert_int_equal(count, 3);
    vm_machine_free(m);

    struct vm_error error = {0};
    assert_int_equal(MAKE(&m, NULL, &error, "bios=none", "memory=16M", "no-reboot"), 0);
    assert_int_equal(vm_memory_write(m, RAM, p.words, p.count * 4, &error), 0);
    assert_int_equal(run(m).why, VM_STOP_POWEROFF);
    assert_int_equal(vm_memory_read(m, RAM + 0x10000, &count, 8, NULL), 0);
    assert_int_equal(count, 1);
    vm_machine_free(m);
}

static void resets_by_hand(void **state)
{
    (void)state;
    struct program p = {0};
    addi(&p, A0, A0, 1);
    jump(&p, 0);
    struct vm_machine *m = bare(&p, NULL);
    uint64_t done;
    assert_int_equal(vm_step(m, 0, 10, &done, NULL), 0);
    assert_int_equal(done, 10);
    assert_int_equal(reg(m, 0, "a0"), 5);
    assert_int_equal(vm_machine_reset(m, NULL), 0);
    assert_int_equal(reg(m, 0, "pc"), RAM);
    assert_int_equal(reg(m, 0, "a0"), 0);
    assert_int_equal(vm_machine_start(m, NULL), 0);
    assert_int_equal(vm_machine_reset(m, NULL), 0);
    assert_int_equal(vm_machine_state(m), VM_RUNNING);
    vm_machine_free(m);
}

static void keeps_states_apart(void **state)
{
    (void)state;
    struct program p = {0};
    struct vm_error error = {0};
    uint64_t value = 0;
    addi(&p, A0, A0, 1);
    jump(&p, 0);
    struct vm_machine *m = bare(&p, NULL);
    assert_int_equal(vm_machine_state(m), VM_CREATED);
    assert_int_equal(vm_machine_pause(m, &error), -STATUS_conflict);
    assert_int_equal(vm_machine_resume(m, &error), -STATUS_conflict);
    assert_int_equal(vm_machine_wait(m, -1, NULL, &error), -STATUS_conflict);
    assert_int_equal(vm_machine_start(m, &error), 0);
    assert_int_equal(vm_machine_start(m, &error), -STATUS_conflict);
    assert_non_null(strstr(error.text, "running"));
    assert_int_equal(vm_register_read(m, 0, "a0", &value, 8, &error), -STATUS_conflict);
    assert_int_equal(vm_memory_read(m, RAM, &value, 8, &error), -STATUS_conflict);
    assert_int_equal(vm_step(m, 0, 1, NULL, &error), -STATUS_conflict);
    assert_int_equal(vm_machine_wait(m, 20, NULL, &error), -STATUS_timeout);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(vm_machine_pause(m, &error), 0);
        uint64_t insns = vm_insns(m, 0), a0 = reg(m, 0, "a0");
        usleep(200);
        assert_int_equal(vm_insns(m, 0), insns);
        assert_int_equal(reg(m, 0, "a0"), a0);
        assert_true(vm_machine_resume(m, &error) == 0);
        usleep(200);
    }
    assert_int_equal(vm_machine_stop(m, &error), 0);
    assert_int_equal(vm_machine_stop(m, &error), 0);
    struct vm_outcome outcome;
    assert_int_equal(vm_machine_wait(m, -1, &outcome, &error), 0);
    assert_int_equal(outcome.why, VM_STOP_REQUEST);
    assert_int_equal(vm_machine_reset(m, &error), -STATUS_conflict);
    assert_int_equal(vm_machine_resume(m, &error), -STATUS_conflict);
    assert_true(reg(m, 0, "a0") > 0);
    vm_machine_free(m);
}

static void reads_and_writes(void **state)
{
    (void)state;
    struct program p = {0};
    struct vm_error error = {0};
    uint64_t value = 0x1122334455667788;
    struct vm_machine *m = bare(&p, NULL);
    assert_int_equal(vm_vcpus(m), 1);
    assert_int_equal(vm_register_write(m, 0, "s1", &value, 8, &error), 0);
    assert_int_equal(reg(m, 0, "x9"), value);
    assert_int_equal(vm_register_write(m, 0, "x0", &value, 8, &error), 0);
    assert_int_equal(reg(m, 0, "zero"), 0);
    assert_int_equal(vm_register_write(m, 0, "f3", &value, 8, &error), 0);
    assert_int_equal(reg(m, 0, "ft3"), value);
    assert_int_equal(vm_register_write(m, 0, "mscratch", &value, 8, &error), 0);
    assert_int_equal(reg(m, 0, "mscratch"), value);
    assert_true(reg(m, 0, "misa") >> 62 == 2);
    assert_int_equal(vm_register_read(m, 0, "nonsense", &value, 8, &error), -STATUS_not_found);
    assert_int_equal(vm_register_read(m, 1, "a0", &value, 8, &error), -STATUS_not_found);
    assert_int_equal(vm_register_read(m, 0, "a0", &value, 9, &error), -STATUS_config);
    assert_int_equal(vm_register_read(m, 0, "a0", &value, 0, &error), -STATUS_config);
    size_t n = 0;
    while (vm_register_name(m, n)) {
        if (vm_register_read(m, 0, vm_register_name(m, n), &value, 8, &error))
            fail_msg("%s: %s", vm_register_name(m, n), error.text);
        n++;
    }
    assert_true(n > 64);
    assert_int_equal(vm_memory_write(m, RAM + 0xffffff, "ab", 2, &error), -STATUS_not_found);
    assert_int_equal(vm_memory_write(m, 0x10000000, "ab", 2, &error), -STATUS_not_found);
    assert_int_equal(vm_memory_write(m, 0x1000, "ab", 2, &error), 0); /* ROM, for whoever debugs it */
    char got[2];
    assert_int_equal(vm_memory_read(m, 0x1000, got, 2, &error), 0);
    assert_memory_equal(got, "ab", 2);
    vm_machine_free(m);
}

/* New code over old code that ran already. */
static void renews_code(void **state)
{
    (void)state;
    struct program p = {0}, q = {0};
    addi(&p, A0, A0, 1);
    jump(&p, 0);
    addi(&q, A0, A0, 100);
    struct vm_machine *m = bare(&p, NULL);
    assert_int_equal(vm_step(m, 0, 20, NULL, NULL), 0);
    assert_int_equal(reg(m, 0, "a0"), 10);
    assert_int_equal(vm_memory_write(m, RAM, q.words, 4, NULL), 0);
    assert_int_equal(vm_step(m, 0, 20, NULL, NULL), 0);
    assert_int_equal(reg(m, 0, "a0"), 1010);
    vm_machine_free(m);
}

static void loads_programs(void **state)
{
    (void)state;
    uint8_t elf[256] = {0};
    uint64_t entry = 0;
    struct vm_error error = {0};
    struct program p = {0};
    memcpy(elf, "\177ELF\2\1\1", 7);
    le16_put(elf + 16, 2);
    le16_put(elf + 18, 243);
    le64_put(elf + 24, RAM + 0x1000);
    le64_put(elf + 32, 64);
    le16_put(elf + 54, 56);
    le16_put(elf + 56, 1);
    le32_put(elf + 64, 1);
    le64_put(elf + 64 + 8, 128);
    le64_put(elf + 64 + 16, RAM + 0x1000);
    le64_put(elf + 64 + 24, RAM + 0x1000);
    le64_put(elf + 64 + 32, 4);
    le64_put(elf + 64 + 40, 4);
    le32_put(elf + 128, 0x02a00513); /* addi a0, zero, 42 */
    struct vm_machine *m = bare(&p, NULL);
    assert_int_equal(vm_program_load(m, elf, sizeof elf, &entry, &error), 0);
    assert_int_equal(entry, RAM + 0x1000);
    assert_int_equal(reg(m, 0, "pc"), RAM);
    assert_int_equal(vm_register_write(m, 0, "pc", &entry, 8, &error), 0);
    assert_int_equal(vm_step(m, 0, 1, NULL, &error), 0);
    assert_int_equal(reg(m, 0, "a0"), 42);
    le16_put(elf + 18, 62);
    assert_int_equal(vm_program_load(m, elf, sizeof elf, &entry, &error), -STATUS_config);
    vm_machine_free(m);
}

/* Echoes what comes in at the UART, and powers off at 'q'. */
static void talks_over_uart(void **state)
{
    (void)state;
    struct program p = {0};
    struct console_notes notes = {0};
    li(&p, S0, 0x10000000);
    addi(&p, A1, ZERO, 'q');
    size_t again = here(&p);
    load(&p, 0, A0, S0, 5);
    put(&p, 0x00157513); /* andi a0, a0, 1 */
    branch(&p, 0, A0, ZERO, again);
    load(&p, 0, A0, S0, 0);
    store(&p, 0, A0, S0, 0);
    branch(&p, 1, A0, A1, again);
    finish(&p, 0x5555);
    struct vm_machine *m = bare(&p, &notes);
    assert_int_equal(vm_console_input(m, "before ", 7), 7);
    assert_int_equal(vm_machine_start(m, NULL), 0);
    const char *text = "the quick";
    for (size_t i = 0; i < 30; i++)
        assert_int_equal(vm_console_input(m, "abcdefgh\n", 9), 9);
    assert_int_equal(vm_console_input(m, text, strlen(text)), strlen(text));
    struct vm_outcome outcome;
    assert_int_equal(vm_machine_wait(m, PATIENCE_MS, &outcome, NULL), 0);
    assert_int_equal(notes.len, 7 + 270 + 5);
    assert_memory_equal(notes.text, "before abcdefgh\n", 16);
    assert_memory_equal(notes.text + notes.len - 6, "\nthe q", 6);
    vm_machine_free(m);
}

static void semihost(struct program *p, unsigned operation)
{
    addi(p, A0, ZERO, (int)operation);
    if (p->count % 4 == 2 || p->count % 4 == 3) /* the three words lie on one page anyway; alignment is not asked for */
        addi(p, ZERO, ZERO, 0);
    put(p, 0x01f01013);
    put(p, 0x00100073);
    put(p, 0x40705013);
}

static void semihosts(void **state)
{
    (void)state;
    struct program p = {0};
    struct console_notes notes = {0};
    struct vm_error error = {0};
    struct vm_machine *m;
    uint64_t block[] = {0x20026, 33};
    li(&p, A1, RAM + 0x2000);
    semihost(&p, 4); /* SYS_WRITE0 */
    li(&p, A1, RAM + 0x3000);
    semihost(&p, 1); /* SYS_OPEN of a file of the host */
    addi(&p, S1, A0, 0);
    li(&p, A1, RAM + 0x1000);
    semihost(&p, 0x18); /* SYS_EXIT */
    uint64_t open_block[] = {RAM + 0x4000, 0, 11};
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        notes.len = 0;
        assert_int_equal(MAKE(&m, &notes, &error, "bios=none", "memory=16M", allowed ? "semihosting=on" : "semihosting=off"), 0);
        assert_int_equal(vm_memory_write(m, RAM, p.words, p.count * 4, &error), 0);
        assert_int_equal(vm_memory_write(m, RAM + 0x1000, block, sizeof block, &error), 0);
        assert_int_equal(vm_memory_write(m, RAM + 0x2000, "hello\n", 7, &error), 0);
        assert_int_equal(vm_memory_write(m, RAM + 0x3000, open_block, sizeof open_block, &error), 0);
        assert_int_equal(vm_memory_write(m, RAM + 0x4000, "/etc/passwd", 12, &error), 0);
        if (allowed) {
            struct vm_outcome outcome = run(m);
            assert_int_equal(outcome.why, VM_STOP_GUEST_EXIT);
            assert_int_equal(outcome.code, 33);
            assert_int_equal(notes.len, 6);
            assert_memory_equal(notes.text, "hello\n", 6);
            assert_int_equal(reg(m, 0, "s1"), UINT64_MAX);
        } else {
            uint64_t handler = RAM + 0x5000;
            assert_int_equal(vm_memory_write(m, handler, (const uint32_t[]){0x6f}, 4, &error), 0); /* j . */
            assert_int_equal(vm_register_write(m, 0, "mtvec", &handler, 8, &error), 0);
            assert_int_equal(vm_step(m, 0, 40, NULL, &error), 0);
            assert_int_equal(reg(m, 0, "mcause"), 3); /* a breakpoint like any other */
            assert_int_equal(notes.len, 0);
        }
        vm_machine_free(m);
    }
}

/* Two machines at once, each with its own program; neither knows of the other. */
static void two_machines(void **state)
{
    (void)state;
    struct vm_machine *m[2];
    struct vm_outcome outcome;
    for (int i = 0; i < 2; i++) {
        struct program p = {0};
        li(&p, A0, 200000);
        size_t again = here(&p);
        addi(&p, S0, S0, i + 1);
        addi(&p, A0, A0, -1);
        branch(&p, 1, A0, ZERO, again);
        finish(&p, (uint32_t)(i + 1) << 16 | 0x3333);
        m[i] = bare(&p, NULL);
    }
    assert_int_equal(vm_machine_start(m[0], NULL), 0);
    assert_int_equal(vm_machine_start(m[1], NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vm_machine_wait(m[i], PATIENCE_MS, &outcome, NULL), 0);
        assert_int_equal(outcome.code, i + 1);
        assert_int_equal(reg(m[i], 0, "s0"), 200000 * (i + 1));
        vm_machine_free(m[i]);
    }
}

/* A trap handler that traps itself: nothing can go on, and the machine says so. */
static void notices_stuck_vcpus(void **state)
{
    (void)state;
    struct program p = {0};
    li(&p, T0, RAM + 0x8000); /* all zeros there: illegal */
    csr(&p, 1, ZERO, 0x305, T0);
    put(&p, 0);
    struct vm_machine *m = bare(&p, NULL);
    struct vm_outcome outcome = run(m);
    assert_int_equal(outcome.why, VM_STOP_TRAP);
    assert_true(strlen(outcome.text) > 10);
    vm_machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_off),     cmocka_unit_test(passes_exit_codes),  cmocka_unit_test(reboots),
        cmocka_unit_test(resets_by_hand), cmocka_unit_test(keeps_states_apart), cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(renews_code),    cmocka_unit_test(loads_programs),     cmocka_unit_test(talks_over_uart),
        cmocka_unit_test(semihosts),      cmocka_unit_test(two_machines),       cmocka_unit_test(notices_stuck_vcpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
