/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A block whose last op branches to its own start is a loop: machine code is made of several rounds of it, so that counting insns, looking
 * for events and jumping back come once in a while. Temporaries end with their insn, so rounds need no names of their own.
 */
#include "jit/unroll.h"
#include "ir/build.h"
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_OPS = 96 /* more gain less than they cost */ };

static unsigned rounds_of(const struct ir_block *block)
{
    const struct ir_op *last = &block->ops[block->nops - 1];
    if (last->op != IR_BRANCH || last->imm || block->straddles)
        return 1;
    unsigned ops = 0;
    for (unsigned i = 0; i < block->nops; i++)
        ops += block->ops[i].op != IR_FBOX && block->ops[i].op != IR_FUNBOX; /* which mostly make no code */
    unsigned by_insns = IR_MAX_INSNS / block->ninsns, by_ops = ROUNDS_OPS / ops;
    return by_insns < by_ops ? by_insns : by_ops;
}

/* The op in a round before which `insns` have been retired. */
static struct ir_op later(struct ir_op op, unsigned insns)
{
    if (op.op == IR_BRANCH || op.op == IR_BRANCH_IF || op.op == IR_BRANCH_CMP)
        op.d = (uint16_t)(op.d + insns);
    if (op.op == IR_CLOCK)
        op.imm += insns;
    return op;
}

/*
 * A constant that the first round has put into the guest's register, which nothing else in the loop writes. Code with vectors knows the
 * constant behind a copy as one with it.
 */
static bool again(const struct ir_block *block, unsigned i, unsigned zero)
{
    const struct ir_op *k = &block->ops[i];
    if (k->op != IR_K || ir_result_cells(k) != 1 || k->d >= zero)
        return false;
    for (const struct ir_op *o = block->ops; o < block->ops + block->nops; o++) {
        bool same = o->op == IR_K && o->d == k->d && o->imm == k->imm && o->type == k->type;
        if (o->op == IR_CALL || o->op >= IR_VADD || (!same && ir_sigs[o->op].out && k->d - o->d < (int)ir_result_cells(o) && k->d >= o->d))
            return false;
    }
    return true;
}

struct ir_block *jit_unroll(const struct ir_block *block, unsigned zero)
{
    unsigned rounds = rounds_of(block), body = block->nops - 1u;
    if (rounds < 2)
        return NULL;
    size_t ops = (rounds * body + 1) * sizeof(struct ir_op), insns = rounds * block->ninsns * sizeof(struct ir_insn);
    struct ir_block *out = malloc(sizeof *out + ops + insns);
    if (!out)
        return NULL;
    *out = *block;
    out->ops = (struct ir_op *)(out + 1);
    out->insns = (struct ir_insn *)(void *)((char *)out->ops + ops);
    out->nops = out->ninsns = 0;
    for (unsigned round = 0; round < rounds; round++) {
        unsigned insn = 0;
        for (unsigned i = 0; i < body + (round == rounds - 1); i++) {
            for (; insn < block->ninsns && block->insns[insn].op <= i; insn++)
                out->insns[out->ninsns++] = (struct ir_insn){(uint16_t)out->nops, block->insns[insn].offset};
            if (!round || !again(block, i, zero))
                out->ops[out->nops++] = later(block->ops[i], round * block->ninsns);
        }
        for (; insn < block->ninsns; insn++)
            out->insns[out->ninsns++] = (struct ir_insn){(uint16_t)out->nops, block->insns[insn].offset};
    }
    return out;
}
