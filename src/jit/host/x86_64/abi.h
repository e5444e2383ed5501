/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who lives where in emitted code. rbp points into the vCPU's cells so that the first 32 have short displacements; r14 is the TLB of the
 * current context, or with flat memory one more pinned register; rax rcx rdx are scratch within one op; ten of the guest's registers are
 * pinned, in the order of the guest's list.
 * Eleven floating-point cells live in xmm5 to xmm15 while cpu->fp_live is FP_LIVE, together with the sticky flags in MXCSR; blocks that need
 * them bring them in when they are entered, and everything that goes to C takes them out. Blocks that compute with vectors have the registers
 * for themselves: they take the cells out (FP_FLAGS).
 */
#pragma once
#include "jit/host/host.h"
#include "jit/host/x86_64/encode.h"
#include <stddef.h>

enum {
    PINS = 11 /* the last one with flat memory only */,
    XPINS = 11,
    XPIN0 = 5 /* first pinned xmm register */,
    STATE_BIAS = offsetof(struct cpu, cell) + 16 * 8
};

enum { FP_LIVE = 1, FP_FLAGS = 2 }; /* of cpu->fp_live; 0: neither */

static const enum x86_reg pin_regs[PINS] = {R12, R13, RBX, R15, RSI, RDI, R8, R9, R10, R11, R14}; /* callee-saved first */

static inline unsigned pins_of(unsigned wanted, bool flat)
{
    unsigned most = flat ? PINS : PINS - 1;
    return wanted < most ? wanted : most;
}

static inline struct x86_mem state(size_t offset)
{
    return (struct x86_mem){.base = RBP, .index = NO_REG, .disp = (int32_t)((ptrdiff_t)offset - STATE_BIAS)};
}
static inline struct x86_mem cell_mem(unsigned cell) { return state(offsetof(struct cpu, cell) + cell * 8u); }
#define STATE(field) state(offsetof(struct cpu, field))

/* The routines at the start of code memory; a table of offsets comes first, in the order of routine_names (routines.c). */
struct routines {
    uint32_t enter, leave, call_op, probe, fp_load, fp_flags, second_read, second_write, recent_read, recent_write, branch, link, poll,
        trap, uncovered, land[3], constants;
};

/* Operands in memory next to the code; those of 16 bytes are for packed instructions, which see more than the scalar they are meant for. */
struct constants {
    _Alignas(16) uint64_t box[2]; /* ones above an f32 */
    uint64_t low32[2], abs32[2], neg32[2], abs64[2], neg64[2];
    uint64_t all_abs32[2], all_abs64[2], leasts32[2], leasts64[2]; /* of all lanes */
    double minus_one, two32, two63, least64;                       /* least: normal number */
    uint64_t nan64, nan32;                                         /* the canonical ones; boxed */
    float minus_one_f, two32_f, two63_f, least32;
    uint32_t mxcsr;     /* all exceptions masked, to nearest, no flags */
    uint8_t flip[32];   /* five bits in opposite order */
    uint16_t flags[72]; /* of the IR, of a comparison's that LAHF gives */
};
