/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * For tests of src/accel: riscv64 vCPUs on 1 MiB of RAM, without a machine around them. Programs are made with machine_rig.h's assembler;
 * every vCPU starts in S mode at the program's start with a0 = its number.
 */
#pragma once
#include "accel/accel.h"
#include "guest/riscv64/riscv64.h"
#include "machine_rig.h"
#include <time.h>

#define RIG_RAM_SIZE (1ull << 20)
#define RIG_DATA     (RAM + 0x80000) /* words that programs and tests share */
enum { RIG_MAX = 8, S_TIMER = 5, S_EXTERNAL = 9 };

struct rig {
    struct mem_space *space;
    struct os_vclock clock;
    struct accel_vm *vm;
    unsigned vcpus;
    _Atomic uint64_t calls;                         /* of firmware_call */
    bool (*call)(struct rig *rig, struct cpu *cpu); /* what an ecall of S mode does; NULL: it traps */
    _Atomic unsigned stuck;
};

static inline bool rig_firmware_call(void *machine, struct cpu *cpu)
{
    struct rig *rig = machine;
    if (!rig->call)
        return false;
    atomic_fetch_add(&rig->calls, 1);
    return rig->call(rig, cpu);
}

static inline void rig_stuck(void *machine, struct cpu *cpu, const char *text)
{
    struct rig *rig = machine;
    (void)cpu, (void)text;
    atomic_fetch_add(&rig->stuck, 1);
}

static inline void rig_enter(struct cpu *cpu) { riscv64_enter_supervisor(cpu, RAM, cpu->id, 0); }

static inline struct rig *rig_new(unsigned vcpus, const struct program *program)
{
    static const struct accel_callbacks callbacks = {.firmware_call = rig_firmware_call, .stuck = rig_stuck};
    struct rig *rig = calloc(1, sizeof *rig);
    struct err err = {0};
    assert_non_null(rig);
    os_vclock_init(&rig->clock);
    assert_int_equal(mem_space_new(&rig->space), 0);
    assert_int_equal(mem_space_add_ram(rig->space, "ram", RAM, RIG_RAM_SIZE, &err), 0);
    assert_true(mem_write(rig->space, RAM, program->words, program->count * 4));
    struct accel_config config = {
        .guest = &guest_riscv64, .vcpus = vcpus, .space = rig->space, .clock = &rig->clock, .callbacks = &callbacks, .machine = rig};
    if (accel_vm_new(&rig->vm, &config, &err))
        fail_msg("%s", err.text);
    rig->vcpus = vcpus;
    for (unsigned i = 0; i < vcpus; i++)
        rig_enter(accel_vm_cpu(rig->vm, i));
    os_vclock_resume(&rig->clock);
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    accel_vm_free(rig->vm);
    mem_space_free(rig->space);
    free(rig);
}

static inline void rig_start(struct rig *rig)
{
    struct err err = {0};
    if (accel_vm_start(rig->vm, &err))
        fail_msg("%s", err.text);
}

/* A word that a program writes: 8 bytes a vCPU, 64 apart. */
static inline uint64_t *rig_word(struct rig *rig, unsigned n) { return (uint64_t *)(void *)mem_ram(rig->space, RIG_DATA + 64ull * n, 8); }
static inline uint64_t rig_read(struct rig *rig, unsigned n) { return __atomic_load_n(rig_word(rig, n), __ATOMIC_ACQUIRE); }

#define RIG_PATIENCE_NS 600000000000u /* a slow machine is no failure */
static inline void rig_sleep_us(unsigned us) { nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL); }

/* Waits until the word is at least `value`; 20 seconds at most. */
static inline void rig_await(struct rig *rig, unsigned n, uint64_t value)
{
    for (uint64_t end = os_clock_ns() + RIG_PATIENCE_NS; rig_read(rig, n) < value; rig_sleep_us(20))
        if (os_clock_ns() > end)
            fail_msg("word %u is %llu for good, %llu is wanted", n, (unsigned long long)rig_read(rig, n), (unsigned long long)value);
}

/* s0 = the vCPU's word; then for ever: word++ (amoadd). */
static inline struct program rig_counting(void)
{
    struct program p = {0};
    slli(&p, T0, A0, 6);
    li(&p, S0, RIG_DATA);
    add(&p, S0, S0, T0);
    addi(&p, T1, ZERO, 1);
    size_t loop = here(&p);
    put(&p, 6u << 20 | 8u << 15 | 3u << 12 | 0x2f); /* amoadd.d zero, t1, (s0) */
    jump(&p, loop);
    return p;
}
