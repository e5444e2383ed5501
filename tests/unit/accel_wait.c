/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Waits and what ends them: interrupt lines from other threads, deadlines, parking. */
#include "accel_rig.h"

enum { SIE = 0x104, STVEC = 0x105, SIP = 0x144, STIMECMP = 0x14d, SSTATUS = 0x100 };

/* Interrupts on, and wfi for ever. The handler adds one to the vCPU's word, waits until the line has fallen and adds one to the word behind. */
static struct program handling(unsigned irq)
{
    struct program p = {0};
    slli(&p, T0, A0, 6);
    li(&p, S0, RIG_DATA);
    add(&p, S0, S0, T0);
    li(&p, S1, 1u << irq);
    li(&p, T0, RAM + 0x100);
    csr(&p, 1, ZERO, STVEC, T0);
    csr(&p, 1, ZERO, SIE, S1);
    addi(&p, T1, ZERO, 2);
    csr(&p, 2, ZERO, SSTATUS, T1);
    size_t loop = here(&p);
    wfi(&p);
    jump(&p, loop);
    while (here(&p) < 0x100 / 4)
        addi(&p, ZERO, ZERO, 0);
    load(&p, 3, T1, S0, 0);
    addi(&p, T1, T1, 1);
    store(&p, 3, T1, S0, 0);
    size_t poll = here(&p);
    csr(&p, 2, T0, SIP, ZERO);
    put(&p, S1 << 20 | T0 << 15 | 7u << 12 | T0 << 7 | 0x33); /* and t0, t0, s1 */
    branch(&p, 1, T0, ZERO, poll);
    store(&p, 3, T1, S0, 8);
    put(&p, 0x10200073); /* sret */
    return p;
}

static void fell(struct rig *rig, unsigned n, uint64_t count)
{
    cpu_line_set(accel_vm_cpu(rig->vm, n), S_EXTERNAL, false);
    for (uint64_t end = os_clock_ns() + RIG_PATIENCE_NS; __atomic_load_n(rig_word(rig, n) + 1, __ATOMIC_ACQUIRE) != count; rig_sleep_us(20))
        if (os_clock_ns() > end)
            fail_msg("vCPU %u does not see that its line has fallen", n);
}

/* Each raising of the line is seen once; no wake-up is ever lost. */
static void lines_wake(void **state)
{
    struct program p = handling(S_EXTERNAL);
    struct rig *rig = rig_new(2, &p);
    (void)state;
    rig_start(rig);
    for (uint64_t n = 1; n <= 800; n++)
        for (unsigned i = 0; i < 2; i++) {
            cpu_line_set(accel_vm_cpu(rig->vm, i), S_EXTERNAL, true);
            rig_await(rig, i, n);
            fell(rig, i, n);
            if (n % 64 == 0)
                rig_sleep_us(100);
        }
    accel_vm_pause(rig->vm);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(rig_read(rig, i), 800);
    rig_free(rig);
}

/* The same while the machine is paused and resumed all the time. */
static void lines_wake_among_pauses(void **state)
{
    struct program p = handling(S_EXTERNAL);
    struct rig *rig = rig_new(2, &p);
    (void)state;
    rig_start(rig);
    for (uint64_t n = 1; n <= 300; n++) {
        unsigned i = n & 1;
        accel_vm_pause(rig->vm);
        cpu_line_set(accel_vm_cpu(rig->vm, i), S_EXTERNAL, true);
        accel_vm_resume(rig->vm);
        rig_await(rig, i, (n + 1) / 2);
        accel_vm_pause(rig->vm);
        accel_vm_resume(rig->vm);
        fell(rig, i, (n + 1) / 2);
    }
    rig_free(rig);
}

/* stimecmp a little ahead, over and over, with and without other work. */
static struct program ticking(bool wait)
{
    struct program p = {0};
    slli(&p, T0, A0, 6);
    li(&p, S0, RIG_DATA);
    add(&p, S0, S0, T0);
    li(&p, T0, RAM + 0x100);
    csr(&p, 1, ZERO, STVEC, T0);
    addi(&p, T1, ZERO, 1 << S_TIMER);
    csr(&p, 1, ZERO, SIE, T1);
    csr(&p, 1, ZERO, STIMECMP, ZERO);
    addi(&p, T1, ZERO, 2);
    csr(&p, 2, ZERO, SSTATUS, T1);
    size_t loop = here(&p);
    if (wait)
        wfi(&p);
    else
        addi(&p, A1, A1, 1);
    jump(&p, loop);
    while (here(&p) < 0x100 / 4)
        addi(&p, ZERO, ZERO, 0);
    load(&p, 3, T1, S0, 0);
    addi(&p, T1, T1, 1);
    store(&p, 3, T1, S0, 0);
    csr(&p, 2, T0, 0xc01, ZERO); /* time */
    addi(&p, T0, T0, 500);       /* 50 us */
    csr(&p, 1, ZERO, STIMECMP, T0);
    put(&p, 0x10200073); /* sret */
    return p;
}

static void deadlines(void **state)
{
    (void)state;
    for (unsigned wait = 0; wait < 2; wait++) {
        struct program p = ticking(wait);
        struct rig *rig = rig_new(3, &p);
        rig_start(rig);
        for (uint64_t n = 1; n < 6; n++) {
            for (unsigned i = 0; i < 3; i++)
                rig_await(rig, i, n * 60);
            accel_vm_pause(rig->vm);
            accel_vm_resume(rig->vm);
        }
        rig_free(rig);
    }
}

/* ---- parking ---- */

static _Atomic unsigned setups;
static void setup(struct cpu *cpu, void *arg)
{
    atomic_fetch_add(&setups, 1);
    rig_enter(cpu);
    RVN(cpu, x, A0) = (uint64_t)(uintptr_t)arg;
}

static void parked_ones_stand(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(2, &p);
    struct cpu *other = accel_vm_cpu(rig->vm, 1);
    (void)state;
    atomic_store(&setups, 0);
    accel_cpu_park(other);
    assert_true(accel_cpu_parked(other));
    rig_start(rig);
    rig_await(rig, 0, 1000);
    assert_int_equal(rig_read(rig, 1), 0);
    for (unsigned n = 1; n <= 200; n++) {
        uint64_t before = rig_read(rig, n % 3 + 2);
        accel_cpu_unpark(other, setup, (void *)(uintptr_t)(n % 3 + 2)); /* it counts in another word each time */
        rig_await(rig, n % 3 + 2, before + 1);
        assert_int_equal(atomic_load(&setups), n);
        accel_cpu_park(other);
        if (n % 20 == 0) {
            accel_vm_pause(rig->vm);
            uint64_t stands = other->insns;
            accel_vm_resume(rig->vm);
            rig_sleep_us(200);
            accel_vm_pause(rig->vm);
            assert_int_equal(other->insns, stands);
            accel_vm_resume(rig->vm);
        }
    }
    rig_free(rig);
}

/* A vCPU that parks itself by an ecall stands before its next insn; another one starts it again. */
static bool park_self(struct rig *rig, struct cpu *cpu)
{
    if (cpu->id == 1) {
        accel_cpu_park(cpu);
    } else if (accel_cpu_parked(accel_vm_cpu(rig->vm, 1))) {
        accel_cpu_unpark(accel_vm_cpu(rig->vm, 1), NULL, NULL);
    }
    return true;
}

static void parks_itself(void **state)
{
    struct program p = {0};
    (void)state;
    slli(&p, T0, A0, 6);
    li(&p, S0, RIG_DATA);
    add(&p, S0, S0, T0);
    size_t loop = here(&p);
    ecall(&p);
    load(&p, 3, T1, S0, 0);
    addi(&p, T1, T1, 1);
    store(&p, 3, T1, S0, 0);
    jump(&p, loop);
    struct rig *rig = rig_new(2, &p);
    rig->call = park_self;
    rig_start(rig);
    rig_await(rig, 1, 500);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_wake),   cmocka_unit_test(lines_wake_among_pauses),
        cmocka_unit_test(deadlines),    cmocka_unit_test(parked_ones_stand),
        cmocka_unit_test(parks_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
