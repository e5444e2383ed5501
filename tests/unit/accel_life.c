/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start, pause, resume, stop of vCPUs that count in memory as fast as they can. */
#include "accel_rig.h"

static void runs_and_stops(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(4, &p);
    (void)state;
    rig_start(rig);
    for (unsigned i = 0; i < 4; i++)
        rig_await(rig, i, 1000);
    accel_vm_stop(rig->vm);
    for (unsigned i = 0; i < 4; i++) {
        struct cpu *cpu = accel_vm_cpu(rig->vm, i);
        assert_true(cpu->insns >= 2000);
        uint64_t n = rig_read(rig, i);
        rig_sleep_us(200);
        assert_int_equal(rig_read(rig, i), n);
    }
    rig_free(rig);
}

/* While paused nothing moves; afterwards everything goes on. */
static void pauses_often(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(3, &p);
    (void)state;
    rig_start(rig);
    for (unsigned round = 0; round < 1500; round++) {
        uint64_t words[3], insns[3];
        accel_vm_pause(rig->vm);
        for (unsigned i = 0; i < 3; i++) {
            words[i] = rig_read(rig, i);
            insns[i] = accel_vm_cpu(rig->vm, i)->insns;
        }
        if (round % 8 == 0)
            rig_sleep_us(50);
        for (unsigned i = 0; i < 3; i++) {
            if (rig_read(rig, i) != words[i] || accel_vm_cpu(rig->vm, i)->insns != insns[i])
                fail_msg("vCPU %u runs in pause %u", i, round);
        }
        accel_vm_resume(rig->vm);
        if (round % 100 == 0)
            for (unsigned i = 0; i < 3; i++)
                rig_await(rig, i, words[i] + 1);
    }
    rig_free(rig);
}

/* Pausing what has hardly begun to run. */
static void pauses_at_once(void **state)
{
    struct program p = rig_counting();
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct rig *rig = rig_new(3, &p);
        rig_start(rig);
        for (unsigned n = 0; n < 4; n++) {
            uint64_t words[3];
            accel_vm_pause(rig->vm);
            for (unsigned i = 0; i < 3; i++)
                words[i] = rig_read(rig, i);
            rig_sleep_us(100);
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(rig_read(rig, i), words[i]);
            accel_vm_resume(rig->vm);
        }
        rig_free(rig);
    }
}

static void stops_at_any_moment(void **state)
{
    struct program p = rig_counting();
    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        struct rig *rig = rig_new(2, &p);
        rig_start(rig);
        switch (round % 5) {
        case 0: break;
        case 1: accel_vm_pause(rig->vm); break;
        case 2:
            accel_vm_pause(rig->vm);
            accel_vm_resume(rig->vm);
            break;
        case 3: rig_sleep_us(round * 7 % 300); break;
        case 4: accel_cpu_park(accel_vm_cpu(rig->vm, 1)); break;
        }
        accel_vm_stop(rig->vm);
        rig_free(rig);
    }
}

/* Vcpus that wait in wfi, paused and stopped. */
static void stops_in_waits(void **state)
{
    struct program p = {0};
    size_t loop = here(&p);
    (void)state;
    wfi(&p);
    jump(&p, loop);
    for (unsigned round = 0; round < 100; round++) {
        struct rig *rig = rig_new(3, &p);
        rig_start(rig);
        if (round & 1)
            rig_sleep_us(300);
        if (round & 2) {
            accel_vm_pause(rig->vm);
            for (unsigned i = 0; i < 3; i++)
                assert_true(accel_vm_cpu(rig->vm, i)->insns <= 2);
            accel_vm_resume(rig->vm);
        }
        rig_free(rig);
    }
}

/* Code written while nothing runs is what runs next. */
static void memory_changed(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(2, &p);
    size_t one = 0;
    (void)state;
    while (p.words[one] >> 20 != 1 || (p.words[one] & 0xfffff) != (T1 << 7 | 0x13))
        one++;
    rig_start(rig);
    for (uint64_t step = 1; step < 200; step++) {
        accel_vm_pause(rig->vm);
        for (unsigned i = 0; i < 2; i++)
            __atomic_store_n(rig_word(rig, i), 0, __ATOMIC_RELEASE);
        uint32_t word = (uint32_t)step << 20 | T1 << 7 | 0x13; /* addi t1, zero, step */
        assert_true(mem_write(rig->space, RAM + 4 * one, &word, 4));
        accel_vm_memory_changed(rig->vm);
        for (unsigned i = 0; i < 2; i++)
            rig_enter(accel_vm_cpu(rig->vm, i));
        accel_vm_resume(rig->vm);
        for (unsigned i = 0; i < 2; i++) {
            rig_await(rig, i, 1);
            assert_int_equal(rig_read(rig, i) % step, 0);
        }
    }
    rig_free(rig);
}

static void stuck(void **state)
{
    struct program p = {0};
    struct rig *rig;
    (void)state;
    put(&p, 0xffffffff); /* illegal; stvec is 0, where nothing is */
    rig = rig_new(2, &p);
    rig_start(rig);
    for (uint64_t end = os_clock_ns() + RIG_PATIENCE_NS; atomic_load(&rig->stuck) < 2 && os_clock_ns() < end;)
        rig_sleep_us(100);
    assert_int_equal(atomic_load(&rig->stuck), 2);
    for (unsigned i = 0; i < 2; i++)
        assert_true(accel_cpu_parked(accel_vm_cpu(rig->vm, i)));
    rig_free(rig);
}

/* Functions whose addresses the jump cache's index does not tell apart are found by machine code all the same. */
static void far_calls(void **state)
{
    enum { APART = 0x20000, AT = 0x21000, FUNCTIONS = 3, ROUNDS = 20000, RET = 0x8067 };
    struct program p = {0}, function = {0};
    struct cpu_stats stats;
    (void)state;
    for (unsigned i = 0; i < FUNCTIONS; i++)
        li(&p, 20 + i, RAM + AT + i * APART);
    li(&p, S0, RIG_DATA);
    size_t loop = here(&p);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        put(&p, (20 + i) << 15 | RA << 7 | 0x67); /* jalr ra, (s4 + i) */
    addi(&p, A1, A1, 1);
    store(&p, 3, A1, S0, 0);
    jump(&p, loop);
    addi(&function, A2, A2, 1);
    put(&function, RET);
    struct rig *rig = rig_new(1, &p);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        assert_true(mem_write(rig->space, RAM + AT + i * APART, function.words, function.count * 4));
    rig_start(rig);
    rig_await(rig, 0, ROUNDS);
    accel_vm_pause(rig->vm);
    accel_vm_stats(rig->vm, 0, &stats);
    struct cpu *cpu = accel_vm_cpu(rig->vm, 0);
    assert_in_range(RVN(cpu, x, A2), FUNCTIONS * ROUNDS, UINT64_MAX);
    assert_in_range(stats.n[CPU_STAT_exit_branch], 0, ROUNDS / 10);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_stops), cmocka_unit_test(pauses_often),
        cmocka_unit_test(pauses_at_once), cmocka_unit_test(stops_at_any_moment),
        cmocka_unit_test(stops_in_waits), cmocka_unit_test(memory_changed),
        cmocka_unit_test(stuck),          cmocka_unit_test(far_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
