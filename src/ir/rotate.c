/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x << n | x >> (width - n), with OR, XOR or ADD, as compilers write a rotation for RV64GC: the result is the same in every bit, since the
 * parts have none in common. In 32 bits the left part is sign-extended (SLLIW), the right one has zeros above (SRLIW by 1 to 31), so what
 * they make is the rotated word, sign-extended.
 */
#include "ir/rotate.h"
#include <string.h>

enum { TRACKED = 64, NOWHERE = 0xffff };

static bool puts_together(const struct ir_op *o)
{
    bool op = o->op == IR_OR || o->op == IR_XOR || o->op == IR_ADD;
    return op && (o->type == IR_i32 || o->type == IR_i64) && o->a < TRACKED && o->b < TRACKED;
}

static unsigned width(const struct ir_op *o) { return o->type == IR_i32 ? 32 : 64; }

static bool part(const struct ir_op *o, unsigned op)
{
    return o->op == op && (o->type == IR_i32 || o->type == IR_i64) && o->b == IR_CONST && o->imm && o->imm < width(o);
}

/* The two ops that make the operands of o, the left shift first. */
static bool parts_of(const struct ir_op *ops, const struct ir_op *o, const uint16_t *made, const struct ir_op *parts[2])
{
    if (made[o->a] == NOWHERE || made[o->b] == NOWHERE)
        return false;
    const struct ir_op *a = &ops[made[o->a]], *b = &ops[made[o->b]];
    bool left = part(a, IR_SHL);
    parts[0] = left ? a : b;
    parts[1] = left ? b : a;
    return part(parts[0], IR_SHL) && part(parts[1], IR_SHR);
}

/* Do they make what a rotation of their operand makes? */
static bool together(const struct ir_op *o, const struct ir_op *const parts[2])
{
    const struct ir_op *left = parts[0], *right = parts[1];
    bool whole = left->type == right->type && left->a == right->a && left->imm + right->imm == width(left);
    if (o->type == IR_i64 && left->type == IR_i32)
        return whole && left->s[0] == IR_SX;
    return whole && o->type == left->type;
}

/* Has the operand been written since the first of them? */
static bool still_there(const struct ir_op *ops, const struct ir_op *const parts[2], const uint16_t *made)
{
    const struct ir_op *first = parts[0] < parts[1] ? parts[0] : parts[1];
    unsigned cell = first->a;
    return cell < TRACKED && (made[cell] == NOWHERE || ops + made[cell] < first);
}

void ir_rotate(struct ir_op *ops, unsigned nops)
{
    uint16_t made[TRACKED + 4]; /* by cell: the op that wrote it last; and those behind the last one of several */
    unsigned parts_seen = 0;
    memset(made, 0xff, sizeof made);
    for (unsigned i = 0; i < nops; i++) {
        struct ir_op *o = &ops[i];
        const struct ir_op *parts[2];
        if (o->op == IR_CALL) { /* it may write any */
            memset(made, 0xff, sizeof made);
            parts_seen = 0;
        }
        if (parts_seen > 1 && puts_together(o) && parts_of(ops, o, made, parts) && together(o, parts) && still_there(ops, parts, made)) {
            uint8_t extend = o->type == IR_i64 && parts[0]->type == IR_i32 ? IR_SX : o->s[0];
            *o = (struct ir_op){.op = IR_ROTR,
                                .type = parts[0]->type,
                                .s = {extend},
                                .d = o->d,
                                .a = parts[0]->a,
                                .b = IR_CONST,
                                .c = o->c,
                                .imm = parts[1]->imm};
        }
        parts_seen += part(o, IR_SHL) || part(o, IR_SHR);
        if (!ir_sigs[o->op].out && o->op != IR_CALL)
            continue;
        for (unsigned n = 0; n < ir_result_cells(o) && o->d < TRACKED; n++)
            made[o->d + n] = (uint16_t)i;
    }
}
