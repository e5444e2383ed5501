/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Tier 0: executes a block of IR. It is exact and complete, the oracle of the other tiers, and through ir_op_run their lowering of last resort.
 */
#pragma once
#include "ir/cpu.h"

enum ir_exit {
    IR_EXIT_branch, /* cpu->pc is the next insn */
    IR_EXIT_trap,   /* cpu->trap; cpu->pc is the insn that trapped, registers are as before it */
    IR_EXIT_end,    /* as branch, but the mode, the code or the interrupts may have changed: look at everything again */
};

void ir_eval_prepare(struct ir_block *block); /* once, before the first ir_eval */
/* cpu->pc is the block's address. Retired insns are added to cpu->insns. A block whose last op branches to its own start goes there up to
 * `again` times, unless an event waits. */
enum ir_exit ir_eval_loop(struct cpu *cpu, const struct ir_block *block, unsigned again);
static inline enum ir_exit ir_eval(struct cpu *cpu, const struct ir_block *block) { return ir_eval_loop(cpu, block, 0); }

/* The op trapped: cpu->pc, the block's address, becomes its insn's, the insns before it are counted. */
enum ir_exit ir_eval_trapped(struct cpu *cpu, const struct ir_block *block, const struct ir_op *op);

/* One op that neither leaves the block nor depends on its place in it (all but BRANCH… JUMP END TRAP…). false: cpu->trapped. */
bool ir_op_run(struct cpu *cpu, const struct ir_op *op);

/* LL/SC: shared by the vCPUs of a machine (ir/atomic.c). */
struct cpu_monitor;
struct cpu_monitor *cpu_monitor_new(void); /* free() it */

bool ir_op_atomic(struct cpu *cpu, const struct ir_op *op); /* LL SC AMO CAS */
/* The rows of scalar float, of vectors, of vector float; always true. */
bool ir_op_float(struct cpu *cpu, const struct ir_op *op);
bool ir_op_vector(struct cpu *cpu, const struct ir_op *op);
bool ir_op_vector_float(struct cpu *cpu, const struct ir_op *op);
