/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The exceptions as kinds of struct trap: the numbers are those of mcause. */
#pragma once

enum riscv64_trap {
#define TRAP(name, cause, text) RISCV64_TRAP_##name = cause,
#include "guest/riscv64/traps.def"
#undef TRAP
    RISCV64_TRAP_finish = 63 /* none: riscv64_enter_trap executes the insn, its info, as a whole */
};
