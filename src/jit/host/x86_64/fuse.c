/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two ops, one behind the other, that the host does in one. */
#include "jit/host/x86_64/x86_64.h"

/* The low bits of a cell, extended. */
void x86_extend(struct emit *e, unsigned cell, unsigned bits, bool is_signed, enum x86_reg r)
{
    enum x86_reg a = x86_get(e, cell, RCX);
    if (bits == 32 && !is_signed)
        x86_mov32(&e->c, r, a);
    else if (bits == 32)
        x86_rr(&e->c, 0x63, true, r, a); /* movsxd */
    else
        x86_prr(&e->c, 0, (bits == 16 ? 0x0fb7u : 0x0fb6u) + (is_signed ? 8 : 0), true, r, a); /* movzx, movsx; wide for sil and dil */
}

static bool narrow_field(const struct ir_op *op, unsigned *bits)
{
    *bits = 64 - (op->imm & 63);
    return op->op == IR_SHL && op->type == IR_i64 && op->b == IR_CONST && (*bits == 32 || *bits == 16 || *bits == 8);
}

/* Left, and right again: how code without instructions for it extends 8, 16 and 32 bits, often shifted a little. */
static bool shifts(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    unsigned bits, count = (unsigned)next->imm & 63;
    bool right = (next->op == IR_SHR || next->op == IR_SAR) && next->type == IR_i64 && next->b == IR_CONST;
    if (!narrow_field(op, &bits) || !right || next->a != op->d || next->d != op->d)
        return false;
    enum x86_reg r = x86_result(e, next);
    x86_extend(e, op->a, bits, next->op == IR_SAR, r);
    if (count < 64 - bits)
        x86_shift(&e->c, SH_shl, true, r, 64 - bits - count);
    else if (count > 64 - bits)
        x86_shift(&e->c, next->op == IR_SAR ? SH_sar : SH_shr, true, r, count - (64 - bits));
    x86_finish(e, next, r);
    return true;
}

unsigned x86_lower_fused(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    if (op + 1 >= end || x86_need(e, op + 1) == NEED_none)
        return 0;
    return shifts(e, op) ? 2 : 0;
}
