/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Floating-point cells as host operands: pinned xmm registers, memory, and xmm0 and xmm1 for temporaries that only lowered float ops of the
 * same insn read. xmm2 to xmm4 are scratch within one op. A pinned register may owe something of the guest's value (owed.c).
 */
#include "jit/host/x86_64/sse.h"

enum { XFREE = XWORK0 }; /* registers for temporaries */

int x86_xpin(const struct emit *e, unsigned cell)
{
    return cell < sizeof e->xpin_of && e->xpin_of[cell] && !e->vectors ? XPIN0 + e->xpin_of[cell] - 1 : -1;
}

static const struct xtemp *find_temp(const struct emit *e, unsigned cell)
{
    for (unsigned i = 0; i < e->nxtemps; i++)
        if (e->xtemp[i].cell == cell)
            return &e->xtemp[i];
    return NULL;
}

int x86_xreg(const struct emit *e, unsigned cell)
{
    const struct xtemp *t = find_temp(e, cell);
    return t ? t->reg : x86_xpin(e, cell);
}

/* Before its register is read in that format. */
static void read_as(struct emit *e, unsigned cell, bool single)
{
    if (!single)
        x86_xpay_box(e, cell);
    else if (x86_xstate(e, cell) == X_NAN && !find_temp(e, cell))
        x86_xpay_nan(e, cell);
}

void x86_xget_into(struct emit *e, unsigned cell, bool single, unsigned d)
{
    int x = x86_xreg(e, cell), r = x86_pin(e, cell);
    if (r < 0 && cell == e->forwarded)
        r = RAX;
    read_as(e, cell, single);
    if (x < 0 && x86_mirrors(e, cell, single))
        x = XMIRROR;
    if (x >= 0)
        sse_move(&e->c, d, (unsigned)x);
    else if (r >= 0)
        x86_prr(&e->c, 0x66, 0x0f6e, !single, d, (enum x86_reg)r); /* movd, movq */
    else
        sse_load(&e->c, single, d, cell_mem(cell));
}

bool x86_xmemory(const struct emit *e, unsigned cell) { return x86_xreg(e, cell) < 0 && x86_pin(e, cell) < 0 && cell != e->forwarded; }

unsigned x86_xget(struct emit *e, unsigned cell, bool single, unsigned scratch)
{
    int x = x86_xreg(e, cell);
    read_as(e, cell, single);
    if (x >= 0)
        return (unsigned)x;
    x86_xget_into(e, cell, single, scratch);
    return scratch;
}

/* ---- temporaries ---- */

/* Integers are looked for elsewhere. */
static bool reads_xmm(const struct emit *e, const struct ir_op *op)
{
    return x86_float_native(e, op) && op->op != IR_ITOF && op->op != IR_FXSET && op->op != IR_FXOR;
}

bool x86_xkeep(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->insn_end;
    if (op->d <= e->request->zero_cell || op->d >= IR_NONE)
        return false;
    for (const struct ir_op *o = op + 1; o < end; o++) {
        if (o->op == IR_CALL)
            return false;
        if (x86_reads(o, op->d) && !reads_xmm(e, o))
            return false;
        if (!x86_is_native(e, o)) /* may go through C, which keeps no xmm register */
            for (const struct ir_op *later = o; later < end; later++)
                if (x86_reads(later, op->d))
                    return false;
    }
    return true;
}

static void drop_dead(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->insn_end;
    for (unsigned i = e->nxtemps; i-- > 0;) {
        bool live = false;
        for (const struct ir_op *o = op + 1; o < end; o++)
            live |= x86_reads(o, e->xtemp[i].cell);
        if (!live)
            e->xtemp[i] = e->xtemp[--e->nxtemps];
    }
}

/* -1: none */
static int free_register(const struct emit *e)
{
    for (unsigned x = 0; x < XFREE && e->nxtemps < XTEMPS; x++) {
        bool used = false;
        for (unsigned i = 0; i < e->nxtemps; i++)
            used |= e->xtemp[i].reg == x;
        if (!used)
            return (int)x;
    }
    return -1;
}

/* The pinned register that the f32 in op's result is boxed into at once, and nowhere else; -1: none. */
static int boxed_into(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->insn_end, *box = op + 1;
    if (box >= end || box->op != IR_FBOX || box->a != op->d || op->d <= e->request->zero_cell || !x86_float_native(e, box))
        return -1;
    for (const struct ir_op *o = op + 2; o < end; o++)
        if (o->op == IR_CALL || x86_reads(o, op->d))
            return -1;
    return x86_xpin(e, box->d);
}

unsigned x86_xresult(struct emit *e, const struct ir_op *op)
{
    int x = x86_xpin(e, op->d);
    if (x < 0)
        x = boxed_into(e, op);
    if (x < 0 && x86_xkeep(e, op))
        x = free_register(e);
    e->mirror.valid &= x != XMIRROR;
    return x < 0 ? XWORK0 : (unsigned)x;
}

/* f32 in a cell: zeros above. */
static void finish_raw(struct emit *e, unsigned pin, unsigned x)
{
    sse_zero(&e->c, XWORK2);
    sse_rr(&e->c, 0xf3, 0x0f10, XWORK2, x); /* movss */
    sse_move(&e->c, pin, XWORK2);
    e->xstate[pin - XPIN0] = 0;
}

/* To an integer register or to memory. */
static void finish_outside(struct emit *e, const struct ir_op *op, unsigned x, bool single)
{
    if (x86_pin(e, op->d) >= 0) {
        x86_prr(&e->c, 0x66, 0x0f7e, !single, x, (enum x86_reg)x86_pin(e, op->d));
    } else if (single) {
        x86_prr(&e->c, 0x66, 0x0f7e, false, x, RAX);
        x86_store(&e->c, cell_mem(op->d), RAX);
    } else {
        sse_store(&e->c, false, cell_mem(op->d), x);
    }
}

void x86_xfinish(struct emit *e, const struct ir_op *op, unsigned x, bool single, unsigned state)
{
    int pin = x86_xpin(e, op->d), temp = single ? boxed_into(e, op) : -1;
    e->forwarded = IR_NONE;
    if (pin >= 0 && (!single || !x86_xcanonical(e))) {
        sse_move(&e->c, (unsigned)pin, x);
        e->xstate[pin - XPIN0] = (uint8_t)(!single || (state & X_ONES) ? state : state | X_UPPER);
        return;
    }
    drop_dead(e, op);
    if (e->nxtemps == XTEMPS)
        temp = -1;
    if (temp >= 0)
        e->xstate[temp - XPIN0] = (uint8_t)(state & X_ONES ? state : state | X_UPPER);
    else if (pin < 0 && x86_xkeep(e, op))
        temp = free_register(e);
    if (temp >= 0) {
        e->mirror.valid &= temp != XMIRROR;
        sse_move(&e->c, (unsigned)temp, x);
        e->xtemp[e->nxtemps++] = (struct xtemp){op->d, (uint8_t)temp, single, (uint8_t)state};
        return;
    }
    if (state & X_NAN)
        x86_xpay_value(e, x, single);
    if (pin >= 0)
        finish_raw(e, (unsigned)pin, x);
    else
        finish_outside(e, op, x, single);
}

/* The temporary is another name of a register's value, for reading; not if the register changes before its last reader is through. */
static bool alias_holds(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->insn_end;
    bool written = false;
    if (!x86_xkeep(e, op) || e->nxtemps == XTEMPS)
        return false;
    for (const struct ir_op *o = op + 1; o < end; o++) {
        if (written && x86_reads(o, op->d))
            return false;
        written |= o->d == op->a && ir_sigs[o->op].out;
    }
    return true;
}

bool x86_xalias(struct emit *e, const struct ir_op *op, unsigned x)
{
    if (!alias_holds(e, op))
        return false;
    e->xtemp[e->nxtemps++] = (struct xtemp){op->d, (uint8_t)x, true, 0};
    return true;
}

/* ---- rare ways ---- */

void x86_xsettle(struct emit *e)
{
    if (e->forwarded != IR_NONE)
        x86_store(&e->c, cell_mem(e->forwarded), RAX);
}

void x86_xcold(struct emit *e, struct cold cold)
{
    struct kept *kept = &e->kept[e->ncold];
    cold.kind = COLD_write;
    x86_cold(e, cold);
    if (e->c.full) /* perhaps there was no room */
        return;
    memcpy(kept->xtemp, e->xtemp, sizeof kept->xtemp);
    kept->nxtemps = (uint8_t)e->nxtemps;
}

void x86_xcold_evaluate(struct emit *e, const struct cold *cold)
{
    struct code_buf *c = &e->c;
    const struct kept *kept = x86_kept(e, cold);
    for (unsigned i = 0; i < kept->nxtemps; i++) {
        const struct xtemp *t = &kept->xtemp[i];
        x86_prr(c, 0x66, 0x0f7e, !t->single, t->reg, RAX);
        x86_store(c, cell_mem(t->cell), RAX);
    }
    x86_imm(c, RAX, (uintptr_t)cold->op);
    x86_call_op(e, false);
    x86_mirror_again(e, kept->mirror);
    for (unsigned i = 0; i < kept->nxtemps; i++) {
        const struct xtemp *t = &kept->xtemp[i];
        if (t->reg >= XPIN0)
            continue;
        sse_load(c, t->single, t->reg, cell_mem(t->cell));
        if ((t->state & X_ONES) && x86_xcanonical(e))
            sse_constant(c, 0, SSE_or, t->reg, CONSTANT(e, box));
    }
}

/* The whole op by the evaluator: cold->reg is the xmm register that wants the result, cold->result the other register. */
void x86_xcold_generic(struct emit *e, const struct cold *cold)
{
    struct code_buf *c = &e->c;
    x86_xcold_evaluate(e, cold);
    if (cold->result >= 0) {
        x86_load(c, (enum x86_reg)cold->result, cell_mem(cold->op->d));
        return;
    }
    sse_load(c, cold->single, cold->reg, cell_mem(cold->op->d));
    if (cold->boxed && x86_xcanonical(e))
        sse_constant(c, 0, SSE_or, cold->reg, CONSTANT(e, box));
}

/* ---- blocks and ops ---- */

const uint8_t *x86_constant(const struct emit *e, size_t offset) { return e->routines + e->r->constants + offset; }

static void cold_fp_load(struct emit *e, const struct cold *cold)
{
    (void)cold;
    x86_call_exec(&e->c, e->routines + (e->vectors ? e->r->fp_flags : e->r->fp_load));
}

/* The low cell of a pair, or the high one, may be pinned. */
static bool near(const struct emit *e, unsigned cell) { return cell + 1 - e->xpin_low <= e->xpin_span; }

static bool touches(const struct emit *e, const struct ir_op *op)
{
    bool floats = (op->op >= IR_FADD && op->op < IR_VADD) || op->op >= IR_VFADD;
    if (floats || (!near(e, op->a) && !near(e, op->b) && !near(e, op->c) && !near(e, op->d))) /* of most ops */
        return floats;
    for (unsigned half = 0; half <= ir_reads_pairs(op); half++)
        if (x86_xpin(e, op->a + half) >= 0 || x86_xpin(e, op->b + half) >= 0 || x86_xpin(e, op->c + half) >= 0 ||
            (ir_sigs[op->op].out && x86_xpin(e, op->d + half) >= 0))
            return true;
    return false;
}

/* Pinned xmm registers and MXCSR are needed by some blocks only: the others leave cpu->fp_live as it is. */
void x86_xmm_begin(struct emit *e, bool there)
{
    bool any = false;
    e->insn = e->nxtemps = 0;
    e->mirror.valid = false;
    e->insn_end = e->ir->ninsns > 1 ? e->ir->insns[1].op : e->ir->nops;
    memset(e->xstate, 0, sizeof e->xstate);
    for (unsigned i = 0; i < e->ir->nops && !any && !there; i++)
        any = touches(e, &e->ir->ops[i]);
    if (there || (!any && !(e->vectors && e->request->nfpins)))
        return;
    x86_alu_mi(&e->c, ALU_cmp, false, STATE(fp_live), !e->vectors ? FP_LIVE : any ? FP_FLAGS : FP_LIVE);
    uint8_t *from = x86_jcc(&e->c, e->vectors && !any ? CC_E : CC_NE);
    x86_xcold(e, (struct cold){.from = from, .back = e->c.at, .write = cold_fp_load});
}

void x86_xmm_op(struct emit *e, unsigned i)
{
    if (i < e->insn_end)
        return;
    e->nxtemps = 0;
    x86_vinsn(e);
    while (e->insn_end <= i && e->insn_end < e->ir->nops) {
        e->insn++;
        e->insn_end = e->insn + 1 < e->ir->ninsns ? e->ir->insns[e->insn + 1].op : e->ir->nops;
    }
}

static void flush(struct emit *e, unsigned cell)
{
    int x = x86_xpin(e, cell);
    if (x < 0)
        return;
    x86_xpay(e, cell);
    sse_store(&e->c, false, cell_mem(cell), (unsigned)x);
}

void x86_xmm_flush(struct emit *e, const struct ir_op *op)
{
    for (unsigned half = 0; half <= ir_reads_pairs(op); half++) {
        flush(e, op->a + half);
        if (op->b != op->a)
            flush(e, op->b + half);
        if (op->c != op->a && op->c != op->b)
            flush(e, op->c + half);
    }
}

bool x86_lower_from_xmm(struct emit *e, const struct ir_op *op)
{
    int x = x86_xpin(e, op->a);
    bool extends = (op->op == IR_SEXT || op->op == IR_ZEXT) && op->type == IR_i64 && op->s[3] == IR_i32;
    bool copies = op->op == IR_MOV && ir_type_cells(op->type) == 1;
    if (x < 0 || x86_xpin(e, op->d) >= 0 || !(extends || copies))
        return false;
    enum x86_reg r = x86_result(e, op);
    x86_xpay_nan(e, op->a);
    if (copies)
        x86_xpay_box(e, op->a);
    x86_prr(&e->c, 0x66, 0x0f7e, copies, (unsigned)x, r); /* movd, movq */
    if (op->op == IR_SEXT)
        x86_rr(&e->c, 0x63, true, r, r);
    x86_finish(e, op, r);
    x86_mirror_set(e, op, (unsigned)x, copies);
    return true;
}

void x86_xmm_written(struct emit *e, const struct ir_op *op, bool memory)
{
    if (op->op == IR_CALL)
        memset(e->xstate, 0, sizeof e->xstate);
    for (unsigned i = 0; ir_sigs[op->op].out && i < ir_result_cells(op); i++) {
        int x = x86_xpin(e, op->d + i);
        if (x < 0)
            continue;
        e->xstate[x - XPIN0] = 0;
        if (memory)
            sse_load(&e->c, false, (unsigned)x, cell_mem(op->d + i));
    }
}
