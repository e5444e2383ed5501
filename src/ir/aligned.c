/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Checks of a register's alignment that cannot fail: `TRAP_IF low bits of r are not 0` once in a block is enough, until r gets another value
 * than its own and a multiple of the alignment.
 */
#include "ir/build_state.h"
#include <stddef.h>

/* The comparison, if it is of a register's low bits. */
static const struct ir_op *low_bits(struct ir_build *b, ir_val condition)
{
    const struct ir_op *ne = ir_producer(b, condition.cell);
    if (!ne || ne->op != IR_NE || ne->b != IR_CONST || ne->imm)
        return NULL;
    const struct ir_op *bits = ir_producer(b, ne->a);
    bool low = bits && bits->op == IR_AND && bits->type == IR_i64 && bits->b == IR_CONST && !(bits->imm & (bits->imm + 1));
    return low && bits->a < b->zero ? bits : NULL;
}

bool ir_aligned(struct ir_build *b, ir_val condition)
{
    const struct ir_op *bits = low_bits(b, condition);
    if (!bits)
        return false;
    if (b->aligned.epoch == b->epoch && b->aligned.cell == bits->a && (bits->imm & b->aligned.mask) == bits->imm)
        return true; /* the ops of the condition die */
    b->aligned.epoch = b->epoch;
    b->aligned.cell = bits->a;
    b->aligned.mask = bits->imm;
    return false;
}

static bool stays_aligned(struct ir_build *b, ir_val v)
{
    if (v.known)
        return !(v.k & b->aligned.mask);
    const struct ir_op *p = ir_producer(b, v.cell);
    return v.cell == b->aligned.cell ||
           (p && p->op == IR_ADD && p->type == IR_i64 && p->a == b->aligned.cell && p->b == IR_CONST && !(p->imm & b->aligned.mask));
}

void ir_aligned_commit(struct ir_build *b)
{
    for (unsigned i = 0; b->aligned.epoch == b->epoch && i < b->nputs; i++)
        for (unsigned half = 0; half < ir_type_cells(b->puts[i].v.type); half++)
            if (b->puts[i].cell + half == b->aligned.cell && !(half == 0 && stays_aligned(b, b->puts[i].v)))
                b->aligned.epoch = 0;
}
