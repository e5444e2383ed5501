/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steps: exactly as many insns as asked for, through traps and interrupts, and the waits that end them. */
#include "accel_rig.h"

enum { WRS_NTO = 0x00d00073, WRS_STO = 0x01d00073 };

static void exact(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(2, &p);
    uint64_t total = 0;
    (void)state;
    for (uint64_t n = 0; n < 300; n = n * 3 / 2 + 1) {
        assert_int_equal(accel_vm_step(rig->vm, 0, n), n);
        total += n;
        assert_int_equal(accel_vm_cpu(rig->vm, 0)->insns, total);
    }
    assert_int_equal(accel_vm_cpu(rig->vm, 1)->insns, 0);
    assert_int_equal(rig_read(rig, 1), 0);
    rig_free(rig);
}

/* Between runs as well. */
static void between_runs(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(2, &p);
    (void)state;
    rig_start(rig);
    for (unsigned round = 0; round < 100; round++) {
        accel_vm_pause(rig->vm);
        struct cpu *cpu = accel_vm_cpu(rig->vm, round & 1);
        uint64_t before = cpu->insns, other = accel_vm_cpu(rig->vm, !(round & 1))->insns;
        assert_int_equal(accel_vm_step(rig->vm, round & 1, 7), 7);
        assert_int_equal(cpu->insns, before + 7);
        assert_int_equal(accel_vm_cpu(rig->vm, !(round & 1))->insns, other);
        accel_vm_resume(rig->vm);
    }
    rig_free(rig);
}

static void traps(void **state)
{
    struct program p = {0};
    (void)state;
    li(&p, T0, RAM + 0x100);
    csr(&p, 1, ZERO, 0x105, T0); /* stvec */
    size_t start = here(&p);
    put(&p, 0xffffffff); /* does not retire */
    addi(&p, A1, A1, 1);
    jump(&p, start);
    while (here(&p) < 0x100 / 4)
        addi(&p, ZERO, ZERO, 0);
    csr(&p, 2, T1, 0x141, ZERO); /* sepc */
    addi(&p, T1, T1, 4);
    csr(&p, 1, ZERO, 0x141, T1);
    put(&p, 0x10200073); /* sret */
    struct rig *rig = rig_new(1, &p);
    struct cpu *cpu = accel_vm_cpu(rig->vm, 0);
    assert_int_equal(accel_vm_step(rig->vm, 0, start), start);
    for (uint64_t n = 1; n < 50; n++) { /* four of the handler, addi, jump */
        assert_int_equal(accel_vm_step(rig->vm, 0, 6), 6);
        assert_int_equal(RVN(cpu, x, A1), n);
        assert_int_equal(cpu->pc, RAM + 4 * start);
    }
    assert_int_equal(accel_vm_step(rig->vm, 0, 1), 1); /* the trap costs no step of its own */
    assert_int_equal(cpu->pc, RAM + 0x104);
    rig_free(rig);
}

static void waits(void **state)
{
    struct program p = {0};
    (void)state;
    addi(&p, A1, ZERO, 1);
    wfi(&p);
    addi(&p, A1, ZERO, 2);
    size_t end = here(&p);
    jump(&p, end);
    struct rig *rig = rig_new(1, &p);
    struct cpu *cpu = accel_vm_cpu(rig->vm, 0);
    riscv64_csr_poke(cpu, 0x104, 1 << S_EXTERNAL); /* sie */
    assert_int_equal(accel_vm_step(rig->vm, 0, 10), 2);
    assert_int_equal(accel_vm_step(rig->vm, 0, 10), 0);
    assert_int_equal(RVN(cpu, x, A1), 1);
    cpu_line_set(cpu, S_EXTERNAL, true);
    assert_int_equal(accel_vm_step(rig->vm, 0, 10), 10);
    assert_int_equal(RVN(cpu, x, A1), 2);
    rig_free(rig);
}

/* A wait on a reservation is bounded: it cannot hold up who steps. */
static void bounded_waits(void **state)
{
    static const uint32_t insns[] = {WRS_STO, WRS_NTO};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct program p = {0};
        li(&p, S0, RIG_DATA);
        size_t loop = here(&p);
        put(&p, 0x100432af); /* lr.d t0, (s0) */
        put(&p, insns[i]);
        addi(&p, A1, A1, 1);
        jump(&p, loop);
        struct rig *rig = rig_new(1, &p);
        uint64_t done = 0;
        for (unsigned n = 0; n < 1000 && done < 100; n++)
            done += accel_vm_step(rig->vm, 0, 100 - done);
        assert_int_equal(done, 100);
        rig_free(rig);
    }
}

static void parked(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(1, &p);
    (void)state;
    accel_cpu_park(accel_vm_cpu(rig->vm, 0));
    assert_int_equal(accel_vm_step(rig->vm, 0, 10), 0);
    accel_cpu_unpark(accel_vm_cpu(rig->vm, 0), NULL, NULL);
    assert_int_equal(accel_vm_step(rig->vm, 0, 10), 10);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact), cmocka_unit_test(between_runs),  cmocka_unit_test(traps),
        cmocka_unit_test(waits), cmocka_unit_test(bounded_waits), cmocka_unit_test(parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
