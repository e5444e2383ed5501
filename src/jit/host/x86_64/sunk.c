/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Condition flags that are not made where the guest's comparison stands, because nothing has looked at them yet: mostly only the next branch
 * does, by a comparison of its own. They are made from the operands where the block may be left, in the stub if there is one, or before an
 * op that reads them, and not at all if they are overwritten first. An operand that changes meanwhile is either the sum of its new
 * value and a constant, or is kept in cpu->compared. The condition of a comparison that is made under one stays
 * in its temporary.
 */
#include "ir/build.h"
#include "ir/flags.h"
#include "jit/host/x86_64/x86_64.h"

enum { GROUP = 12 /* ops that one lowering may take, and more */ };

static struct x86_mem kept(unsigned n)
{
    struct x86_mem m = STATE(compared);
    m.disp += (int32_t)(n * 8);
    return m;
}

static unsigned operand(const struct emit *e, unsigned n) { return n ? e->sunk.op->b : e->sunk.op->a; }

bool x86_sees(const struct ir_op *op, unsigned cell)
{
    return op->op == IR_CALL || x86_reads(op, cell) || (ir_reads_pairs(op) && x86_reads(op, cell - 1));
}

static bool writes(const struct ir_op *op, unsigned cell) { return ir_sigs[op->op].out && cell - op->d < ir_result_cells(op); }

bool x86_stays_inside(const struct ir_op *op)
{
    bool floats = (op->op >= IR_FADD && op->op <= IR_ITOF) || op->op >= IR_VFADD;
    return op->op != IR_CALL && op->op != IR_FUNBOX && ((ir_sigs[op->op].flags & IR_F_P) || floats);
}

/* Ops whose stubs make the flags if they leave the block. */
static bool leaves_by_stubs(const struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_LOAD:
    case IR_LOADZ:
    case IR_LOADS:
    case IR_STORE:
    case IR_STOREN: return x86_access_native(op) || (e->vectors && x86_vector_access(e, op));
    case IR_BRANCH_IF:
    case IR_BRANCH_CMP:
    case IR_SKIP:
    case IR_FUNBOX: return true;
    }
    return false;
}

/* From this op on, before they are overwritten. */
static bool wanted(const struct emit *e, const struct ir_op *op)
{
    unsigned cell = e->sunk.cell;
    for (; op < e->ir->ops + e->ir->nops; op++) {
        if (x86_need(e, op) == NEED_none)
            continue;
        if (!x86_stays_inside(op) || x86_sees(op, cell))
            return true;
        if (writes(op, cell))
            return false;
    }
    return true;
}

static void fetch(struct emit *e, unsigned n, enum x86_reg r, bool wide)
{
    if (e->sunk.kept[n])
        x86_rm(&e->c, 0x8b, wide, r, kept(n));
    else
        x86_get_into(e, operand(e, n), r, wide);
    if (e->sunk.less[n])
        x86_alu_ri(&e->c, ALU_add, wide, r, e->sunk.less[n]);
}

/* Loses rax, rcx and rdx. */
static void make(struct emit *e)
{
    const struct ir_op *op = e->sunk.op;
    bool wide = op->type == IR_i64, changed = e->sunk.kept[1] || e->sunk.less[1];
    fetch(e, 0, RCX, wide);
    if (op->op == IR_FLLOG) {
        x86_rr(&e->c, 0x85, wide, RCX, RCX); /* test */
    } else if (changed) {
        fetch(e, 1, RDX, wide);
        x86_alu_rr(&e->c, op->op == IR_FLADD ? ALU_add : ALU_sub, wide, RCX, RDX);
    } else {
        x86_flags_operate(e, op, op->op == IR_FLADD ? ALU_add : ALU_sub);
    }
    x86_flags_take(e, op->op == IR_FLSUB && op->s[0] == IR_carry);
    if (e->sunk.choice) {
        x86_alu_mi(&e->c, ALU_cmp, false, cell_mem(e->sunk.choice->a), 0);
        x86_imm(&e->c, RCX, e->sunk.choice - op > 1 ? op[1].imm : 0);
        x86_rr(&e->c, 0x0f40u | CC_E, false, RAX, RCX); /* cmov */
    }
    x86_finish(e, e->sunk.choice ? e->sunk.choice : op, RAX);
}

static void settle(struct emit *e)
{
    x86_xsettle(e);
    if (e->forwarded != IR_NONE) /* the op that asks, or a choice behind it, reads that */
        x86_store(&e->c, cell_mem(e->forwarded), RAX);
    e->forwarded = IR_NONE;
    make(e);
    e->sunk.op = NULL;
}

void x86_sunk_cold(struct emit *e, const struct cold *cold)
{
    e->sunk = x86_kept(e, cold)->sunk;
    e->forwarded = IR_NONE;
    if (e->sunk.op)
        make(e);
    e->sunk.op = NULL;
}

static void keep(struct emit *e, unsigned n)
{
    x86_store(&e->c, kept(n), x86_get(e, operand(e, n), RCX));
    e->sunk.kept[n] = true;
}

/* What the operand loses by op, which writes it; false: that is not known. */
static bool known_change(const struct emit *e, const struct ir_op *op, unsigned n)
{
    bool wide = op->type == IR_i64;
    int64_t by = wide ? (int64_t)op->imm : (int32_t)op->imm;
    return (op->op == IR_ADD || op->op == IR_SUB) && op->b == IR_CONST && op->a == op->d && (wide || e->sunk.op->type == op->type) &&
           x86_need(e, op) == NEED_all && by >= -(1 << 20) && by <= 1 << 20 && e->sunk.less[n] > -(1 << 30) && e->sunk.less[n] < 1 << 30;
}

/* Before the op itself, alone: one that is lowered together with those before it must find them kept. */
static void change(struct emit *e, const struct ir_op *op, bool alone)
{
    for (unsigned n = 0; n < 2; n++) {
        if (operand(e, n) == IR_CONST || e->sunk.kept[n] || !writes(op, operand(e, n)))
            continue;
        if (alone && known_change(e, op, n))
            e->sunk.less[n] += op->op == IR_SUB ? (int32_t)op->imm : -(int32_t)op->imm;
        else
            keep(e, n);
    }
}

static bool begins_group(const struct ir_op *op)
{
    return op->op == IR_SHL || op->op == IR_COND || op->op == IR_DIVU || op->op == IR_DIVS || op->op == IR_AES || op->op == IR_BITREV ||
           op->op == IR_FXGET || (op->op >= IR_EQ && op->op <= IR_ULE) || (op->op >= IR_FEQ && op->op <= IR_FLE);
}

void x86_sunk_op(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops, *last = begins_group(op) ? op + GROUP : op + 1;
    for (const struct ir_op *o = op; e->sunk.op && o < end && o < last; o++) {
        unsigned cell = e->sunk.cell;
        bool choice_here = o == op && e->sunk.choice && writes(o, e->sunk.choice->a); /* no group writes it further on */
        bool change_here = choice_here || writes(o, e->sunk.op->a) || (e->sunk.op->b != IR_CONST && writes(o, e->sunk.op->b));
        if (x86_need(e, o) == NEED_none)
            continue;
        if (x86_sees(o, cell) || !(x86_stays_inside(o) || (leaves_by_stubs(e, o) && !writes(o, cell))))
            settle(e);
        else if (writes(o, cell) && o != op)
            return;
        else if (writes(o, cell) || (change_here && !wanted(e, op)))
            e->sunk.op = NULL;
        else if (choice_here)
            settle(e);
        else if (change_here)
            change(e, o, last == op + 1);
    }
}

void x86_sunk_written(struct emit *e, const struct ir_op *op)
{
    if (e->sunk.op && writes(op, e->sunk.cell))
        e->sunk.op = NULL;
}

/* An integer register of the guest; a temporary may be gone where it is wanted. */
static bool in_place(const struct emit *e, unsigned cell) { return cell < e->request->zero_cell && x86_xpin(e, cell) < 0; }

/* Behind op: the choice between its flags and constant ones, by a condition that stays; NULL: there is none. */
static const struct ir_op *choice_of(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops, *k = op + 1 < end && op[1].op == IR_K ? op + 1 : NULL, *choice = k ? k + 1 : op + 1;
    unsigned zero = e->request->zero_cell;
    if (choice >= end || choice->op != IR_SELECT || choice->b != op->d || choice->c != (k ? k->d : zero) ||
        choice->a < zero + IR_MAX_TEMPS - IR_KEPT_TEMPS || x86_read_later(e, choice + 1, op->d) ||
        (k && x86_read_later(e, choice + 1, k->d)))
        return NULL;
    return choice;
}

unsigned x86_sink(struct emit *e, const struct ir_op *op)
{
    if ((op->op != IR_FLADD && op->op != IR_FLSUB && op->op != IR_FLLOG) || !x86_flags_native(op) || op->d == op->a || op->d == op->b)
        return 0;
    const struct ir_op *choice = op->d > e->request->zero_cell ? choice_of(e, op) : NULL;
    unsigned cell = choice ? choice->d : op->d;
    if (!in_place(e, cell) || !in_place(e, op->a) || (op->op != IR_FLLOG && op->b != IR_CONST && !in_place(e, op->b)))
        return 0;
    if (op->op != IR_FLLOG && !choice && x86_carry_only(e, op))
        return 0;
    if (e->sunk.op && e->sunk.cell != cell)
        settle(e);
    if (choice && choice->a == e->forwarded)
        x86_store(&e->c, cell_mem(choice->a), RAX);
    e->sunk = (struct sunk){.op = op, .choice = choice, .cell = cell};
    e->forwarded = IR_NONE;
    x86_vwritten(e, choice ? choice : op);
    return choice ? (unsigned)(choice - op) + 1 : 1;
}
