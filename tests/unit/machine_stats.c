/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine's counters, by a program whose traps, interrupts, flushes and device accesses are known to the last one. */
#include "base/err.h"
#include "machine_rig.h"

enum { ROUNDS = 100, HANDLER = 0x300, MSTATUS = 0x300, MIE = 0x304, MTVEC = 0x305, MEPC = 0x341, MCAUSE = 0x342, BLT = 4 };
#define MSIP      0x2000000ull
#define UART      0x10000000ull
#define MRET      0x30200073u
#define FLUSH_ALL 0x12000073u /* sfence.vma zero, zero */

/* Interrupts end at the clearing of msip, other traps are skipped. */
static void handler(struct program *p)
{
    csr(p, 2, T2, MCAUSE, ZERO);
    size_t at = here(p);
    branch(p, BLT, T2, ZERO, at + 5);
    csr(p, 2, T2, MEPC, ZERO);
    addi(p, T2, T2, 4);
    csr(p, 1, ZERO, MEPC, T2);
    put(p, MRET);
    store(p, 2, ZERO, S1, 0);
    put(p, MRET);
}

static struct program counted(void)
{
    struct program p = {0};
    li(&p, T0, RAM + HANDLER);
    csr(&p, 1, ZERO, MTVEC, T0);
    addi(&p, T0, ZERO, 8);
    csr(&p, 1, ZERO, MIE, T0);
    li(&p, S0, UART);
    li(&p, S1, MSIP);
    addi(&p, A1, ZERO, ROUNDS);
    addi(&p, A2, ZERO, 1);
    store(&p, 2, A2, S1, 0);
    wfi(&p); /* ends at once */
    store(&p, 2, ZERO, S1, 0);
    csr(&p, 2, ZERO, MSTATUS, T0);
    size_t loop = here(&p);
    ecall(&p);
    load(&p, 0, T1, S0, 7);
    load(&p, 0, T1, S0, 7);
    store(&p, 0, A1, S0, 7); /* the scratch register */
    store(&p, 2, A2, S1, 0); /* an interrupt, here or soon */
    put(&p, FLUSH_ALL);
    put(&p, FLUSH_ALL | A0 << 15);
    put(&p, FLUSH_ALL | A0 << 20);
    addi(&p, A1, A1, -1);
    branch(&p, 1, A1, ZERO, loop);
    finish(&p, 0x5555);
    while (here(&p) < HANDLER / 4)
        addi(&p, ZERO, ZERO, 0);
    handler(&p);
    return p;
}

struct wanted {
    const char *kind, *name;
    unsigned vcpu, seen;
    uint64_t value;
};

static void look(void *arg, const struct vm_stat *stat)
{
    struct wanted *w = arg;
    if (w->vcpu != stat->vcpu || !w->kind != !stat->kind || (w->kind && strcmp(w->kind, stat->kind)) || strcmp(w->name, stat->name))
        return;
    w->value = stat->value;
    w->seen++;
}

static uint64_t kind(struct vm_machine *m, unsigned vcpu, const char *kind, const char *name)
{
    struct wanted w = {.kind = kind, .name = name, .vcpu = vcpu};
    struct vm_error error = {0};
    if (vm_machine_stats(m, look, &w, &error))
        fail_msg("%s", error.text);
    if (w.seen != 1 && !(kind && !w.seen))
        fail_msg("%s is there %u times", name, w.seen);
    return w.value;
}

static uint64_t stat(struct vm_machine *m, unsigned vcpu, const char *name) { return kind(m, vcpu, NULL, name); }

/* false: this host has no tier 1. */
static bool counts(const char *mode, const char *threshold, const char *stats, struct vm_machine **m)
{
    struct program p = counted();
    struct vm_error error = {0};
    int rc = MAKE(m, NULL, &error, "bios=none", "memory=16M", "rng=off", "vcpus=2", mode, threshold, stats);
    if (rc == -STATUS_unavailable)
        return false;
    if (rc || vm_memory_write(*m, RAM, p.words, p.count * 4, &error))
        fail_msg("%s", error.text);
    struct program idle = {0};
    wfi(&idle);
    jump(&idle, 0);
    assert_int_equal(vm_memory_write(*m, RAM + 0x1000, idle.words, idle.count * 4, &error), 0);
    uint64_t pc = RAM + 0x1000;
    assert_int_equal(vm_register_write(*m, 1, "pc", &pc, 8, &error), 0);
    uint64_t flushes = stat(*m, 0, "flush_all"); /* of being made */
    assert_int_equal(run(*m).why, VM_STOP_POWEROFF);
    assert_int_equal(kind(*m, 0, "trap", "environment call from M mode"), ROUNDS);
    assert_int_equal(kind(*m, 0, "interrupt", "machine software interrupt"), ROUNDS);
    assert_int_equal(kind(*m, 1, "trap", "environment call from M mode"), 0);
    assert_int_equal(stat(*m, 0, "device_reads"), 2 * ROUNDS);
    assert_int_equal(stat(*m, 0, "device_writes"), 3 * ROUNDS + 3);
    assert_int_equal(stat(*m, 1, "device_writes"), 0);
    assert_int_equal(stat(*m, 0, "flush_all") - flushes, ROUNDS);
    assert_int_equal(stat(*m, 0, "flush_page"), ROUNDS);
    assert_int_equal(stat(*m, 0, "flush_asid"), ROUNDS);
    assert_int_equal(stat(*m, 0, "insns"), vm_insns(*m, 0));
    assert_int_equal(stat(*m, 0, "tier0_insns") + stat(*m, 0, "tier1_insns"), vm_insns(*m, 0));
    assert_true(vm_insns(*m, 0) >= 18 * ROUNDS);
    assert_int_equal(stat(*m, 0, "waits"), 1);
    assert_true(stat(*m, 0, "translated_insns") >= stat(*m, 0, "translated_blocks"));
    assert_int_equal(stat(*m, 0, "translate_ns") > 0, !strcmp(stats, "stats=on"));
    return true;
}

static void interpreter(void **state)
{
    struct vm_machine *m;
    (void)state;
    assert_true(counts("mode=interpreter", "jit-threshold=1", "stats=off", &m));
    assert_int_equal(stat(m, 0, "tier1_insns"), 0);
    assert_int_equal(stat(m, VM_STAT_SHARED, "compiled"), 0);
    assert_int_equal(stat(m, 0, "exit_end"), 0);
    vm_machine_free(m);
}

static void machine_code(void **state)
{
    struct vm_machine *m;
    (void)state;
    if (!counts("mode=jit", "jit-threshold=1", "stats=off", &m))
        return;
    /* Every block at its first run: what is left is run insn by insn, but for blocks that look for devices in the TLB. */
    assert_true(stat(m, 0, "tier0_blocks") <= stat(m, 0, "singles") + stat(m, 0, "exit_uncovered"));
    assert_true(stat(m, VM_STAT_SHARED, "compiled") >= stat(m, 0, "translated_blocks") + stat(m, 1, "translated_blocks"));
    assert_true(stat(m, VM_STAT_SHARED, "compiled_insns") >= stat(m, 0, "translated_insns") + stat(m, 1, "translated_insns"));
    assert_true(stat(m, VM_STAT_SHARED, "code_peak") >= stat(m, VM_STAT_SHARED, "code_bytes"));
    assert_int_equal(stat(m, VM_STAT_SHARED, "compile_ns"), 0);
    uint64_t once = ROUNDS - stat(m, 0, "exit_uncovered"); /* what those runs in tier 0 do is not counted */
    assert_true(stat(m, 0, "exit_trap") >= once);
    assert_true(kind(m, 0, "op", "CALL") >= 3 * once);
    assert_true(kind(m, 0, "helper", "sfence_vma") >= 3 * once);
    vm_machine_free(m);
}

static void both_tiers(void **state)
{
    struct vm_machine *m;
    (void)state;
    if (!counts("mode=jit", "jit-threshold=50", "stats=on", &m))
        return;
    assert_true(stat(m, 0, "tier0_insns") > 0);
    assert_true(stat(m, 0, "tier1_insns") > 0);
    assert_true(stat(m, VM_STAT_SHARED, "compile_ns") > 0);
    vm_machine_free(m);
}

static void not_while_it_runs(void **state)
{
    struct program p = {0};
    struct vm_error error = {0};
    struct wanted w = {.name = "insns"};
    (void)state;
    jump(&p, 0);
    struct vm_machine *m = bare(&p, NULL);
    assert_int_equal(stat(m, 0, "insns"), 0);
    assert_int_equal(vm_machine_start(m, NULL), 0);
    assert_int_equal(vm_machine_stats(m, look, &w, &error), -STATUS_conflict);
    assert_int_equal(vm_machine_pause(m, NULL), 0);
    assert_int_equal(stat(m, 0, "insns"), vm_insns(m, 0));
    vm_machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interpreter),
        cmocka_unit_test(machine_code),
        cmocka_unit_test(both_tiers),
        cmocka_unit_test(not_while_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
