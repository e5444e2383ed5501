/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* guest_fixture.h for arm64, and accesses to its system registers. */
#pragma once
#include "guest/arm64/lift.h"
#include "guest/arm64/sysreg.h"

#define GUEST_OBJECT   guest_arm64
#define RAM            0x40000000ull
#define FINISHES(kind) (((kind)&ARM64_TRAP_CLASS) == ARM64_TRAP_finish)
#include "guest_fixture.h"

/* As the engine does it: the insn, and the exception that it makes. */
__attribute__((unused)) static void run_through(struct fixture *f, uint32_t word)
{
    if (!run_insn(f, word))
        f->cpu->guest->enter_trap(f->cpu, f->cpu->trap);
    f->cpu->guest->take_interrupt(f->cpu);
}

/* mrs x5 and msr from x6, by the number of sysreg.h. */
__attribute__((unused)) static uint32_t mrs(unsigned number) { return 0xd5300000 | number << 5 | 5; }
__attribute__((unused)) static uint32_t msr(unsigned number) { return 0xd5100000 | number << 5 | 6; }

__attribute__((unused)) static uint64_t get(struct fixture *f, unsigned number)
{
    assert_true(run_insn(f, mrs(number)));
    return A64N(f->cpu, x, 5);
}

__attribute__((unused)) static void set(struct fixture *f, unsigned number, uint64_t value)
{
    A64N(f->cpu, x, 6) = value;
    assert_true(run_insn(f, msr(number)));
}
