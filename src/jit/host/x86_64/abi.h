/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who lives where in emitted code. rbp points into the vCPU's cells so that the first 32 have short displacements; r14 is the TLB of the
 * current context; rax rcx rdx are scratch within one op; ten of the guest's registers are pinned, in the order of the guest's list.
 */
#pragma once
#include "jit/host/host.h"
#include "jit/host/x86_64/encode.h"
#include <stddef.h>

enum { PINS = 10, STATE_BIAS = offsetof(struct cpu, cell) + 16 * 8 };

static const enum x86_reg pin_regs[PINS] = {R12, R13, RBX, R15, RSI, RDI, R8, R9, R10, R11}; /* callee-saved first */

static inline struct x86_mem state(size_t offset)
{
    return (struct x86_mem){.base = RBP, .index = NO_REG, .disp = (int32_t)((ptrdiff_t)offset - STATE_BIAS)};
}
static inline struct x86_mem cell_mem(unsigned cell) { return state(offsetof(struct cpu, cell) + cell * 8u); }
#define STATE(field) state(offsetof(struct cpu, field))

/* The routines at the start of code memory; a table of offsets comes first. */
struct routines {
    uint32_t enter, leave, call_op, probe;
};
