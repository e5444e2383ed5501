/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Emitted code may leave a block before any insn but the first, to begin a block with it that has no expectations. Tests of one block let
 * the evaluator do the rest of it.
 */
#pragma once
#include "ir/eval.h"
#include <stdlib.h>
#include <string.h>

/* The block was entered at `pc` with `insns` retired and has come back by a branch. Was that before one of its insns? Then the rest runs. */
static inline bool jit_rest(struct cpu *cpu, const struct ir_block *block, gva pc, uint64_t insns, enum ir_exit *exit)
{
    int64_t count = (int64_t)(cpu->insns - insns);
    unsigned done = count > 1 ? (unsigned)count : 1; /* at least: SKIP takes off those that it passes over */
    while (done < block->ninsns && cpu->pc != pc + (uint64_t)(int64_t)block->insns[done].offset)
        done++;
    if (done >= block->ninsns)
        return false;
    struct ir_block rest = *block;
    unsigned first = block->insns[done].op;
    rest.nops = (uint16_t)(block->nops - first);
    rest.ninsns = (uint16_t)(block->ninsns - done);
    rest.ops = calloc(rest.nops, sizeof *rest.ops);
    rest.insns = calloc(rest.ninsns, sizeof *rest.insns);
    memcpy(rest.ops, block->ops + first, rest.nops * sizeof *rest.ops);
    for (unsigned i = 0; i < rest.ninsns; i++)
        rest.insns[i] = (struct ir_insn){(uint16_t)(block->insns[done + i].op - first), block->insns[done + i].offset};
    for (unsigned i = 0; i < rest.nops; i++) {
        struct ir_op *o = &rest.ops[i];
        if (o->op == IR_BRANCH || o->op == IR_BRANCH_IF || o->op == IR_BRANCH_CMP || o->op == IR_JUMP || o->op == IR_END)
            o->d = (uint16_t)(o->d - done);
        if (o->op == IR_CLOCK)
            o->imm -= done;
    }
    cpu->pc = pc;
    *exit = ir_eval(cpu, &rest);
    free(rest.ops);
    free(rest.insns);
    return true;
}
