/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A value that was moved from an xmm register to an integer register and will come back, as where a program looks at the bits of a sum in its
 * loop: a copy stays in an xmm register that nobody else needs for the moment, so that what depends on it does not go the long way round.
 * The integer register has it all the time; where the copy is lost, it is made anew from there.
 */
#include "jit/host/x86_64/sse.h"

static bool writes(const struct ir_op *op, unsigned cell)
{
    return op->op == IR_CALL || (ir_sigs[op->op].out && op->d <= cell && cell < op->d + ir_result_cells(op));
}

static bool comes_back(const struct emit *e, const struct ir_op *op, bool wide)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    for (const struct ir_op *o = op + 1; o < end; o++) {
        bool single = o->op == IR_FROM && o->type == IR_f32,
             whole = wide && (o->op == IR_FROM || o->op == IR_MOV) && x86_xpin(e, o->d) >= 0;
        if (o->a == op->d && (single || whole))
            return true;
        if (writes(o, op->d))
            return false;
    }
    return false;
}

void x86_mirror_set(struct emit *e, const struct ir_op *op, unsigned x, bool wide)
{
    for (unsigned i = 0; i < e->nxtemps; i++)
        if (e->xtemp[i].reg == XMIRROR)
            return;
    if (op->d >= e->request->zero_cell || !comes_back(e, op, wide))
        return;
    sse_move(&e->c, XMIRROR, x);
    e->mirror = (struct mirror){op->d, wide, true};
}

/* Before an op: its result is another value. */
void x86_mirror_op(struct emit *e, const struct ir_op *op)
{
    if (e->mirror.valid && writes(op, e->mirror.cell))
        e->mirror.valid = false;
}

bool x86_mirrors(const struct emit *e, unsigned cell, bool single)
{
    return e->mirror.valid && e->mirror.cell == cell && (single || e->mirror.wide);
}

/* After C was called in a stub. */
void x86_mirror_again(struct emit *e, struct mirror mirror)
{
    e->mirror.valid = false;
    if (mirror.valid)
        x86_xget_into(e, mirror.cell, !mirror.wide, XMIRROR);
}
