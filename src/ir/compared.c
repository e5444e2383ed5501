/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From flags back to comparisons: as long as the registers that a subtraction or a logical op set the flags from keep their values, a
 * condition on the flags is a comparison of those registers. Branches and choices are then the same ops as of guests without flags, and the
 * flags themselves are often overwritten before anybody looks. Comparisons of floats stay, for what they raise.
 *
 * Flags of a comparison that was made under a condition, and are constant otherwise, are followed too; that condition waits in a temporary.
 */
#include "ir/build_state.h"
#include "ir/choices.h"
#include "ir/flags.h"
#include <stddef.h>

static int put_of(const struct ir_build *b, unsigned cell)
{
    for (unsigned i = 0; i < b->nputs; i++)
        if (cell - b->puts[i].cell < ir_type_cells(b->puts[i].v.type)) /* below it: wraps */
            return (int)i;
    return -1;
}

/* The register that a value of this insn will be in when the queued writes are done; -1: none. */
static int register_of(struct ir_build *b, unsigned cell)
{
    if (cell < b->zero)
        return put_of(b, cell) < 0 ? (int)cell : -1;
    if (cell == b->zero)
        return (int)cell;
    for (unsigned i = 0; i < b->nputs; i++)
        if (b->puts[i].v.cell == cell && b->puts[i].v.type != IR_fl)
            return b->puts[i].cell;
    return -1;
}

/* Does the insn put the difference of o's operands into its first operand's register, and leave the second? */
static bool takes_difference(struct ir_build *b, const struct ir_op *o)
{
    int i = o->a < b->zero ? put_of(b, o->a) : -1;
    const struct ir_op *p = i < 0 ? NULL : ir_producer(b, b->puts[i].v.cell);
    if (!p || p->type != o->type || p->a != o->a)
        return false;
    if (o->b == IR_CONST)
        return p->op == IR_ADD && p->b == IR_CONST && p->imm == (o->type == IR_i32 ? (uint32_t)-o->imm : -o->imm);
    return p->op == IR_SUB && p->b == o->b && register_of(b, o->b) >= 0;
}

static bool note(struct ir_build *b, unsigned cell, const struct ir_op *o)
{
    int first = register_of(b, o->a), second = -1;
    uint64_t imm = o->imm, least = o->type == IR_i32 ? 1u << 31 : 1ull << 63;
    unsigned op = o->op;
    bool sum = false;
    if (op == IR_FLADD) { /* of a constant is a subtraction of the opposite, but for these two */
        if (o->b != IR_CONST || !imm || imm == least)
            return false;
        imm = o->type == IR_i32 ? (uint32_t)-imm : -imm;
        op = IR_FLSUB;
    } else if (op == IR_FLSUB) {
        if (o->s[0] != IR_carry)
            return false;
        if (first < 0 && (sum = takes_difference(b, o)))
            first = o->a;
    } else if (op == IR_FLLOG && first < 0) {
        o = ir_producer(b, o->a);
        if (!o || o->op != IR_AND)
            return false;
        first = register_of(b, o->a);
        imm = o->imm;
        op = IR_AND;
    } else if (op != IR_FLLOG && op != IR_FLCMP) {
        return false;
    }
    if (op != IR_FLLOG)
        second = o->b == IR_CONST ? IR_CONST : register_of(b, o->b);
    if (first < 0 || (op != IR_FLLOG && second < 0))
        return false;
    b->compared.epoch = b->epoch;
    b->compared.cell = (uint16_t)cell;
    b->compared.op = (uint8_t)op;
    b->compared.type = o->type;
    b->compared.a = (uint16_t)first;
    b->compared.b = (uint16_t)second;
    b->compared.imm = imm;
    b->compared.sum = sum;
    b->compared.chosen = false;
    return true;
}

/* The condition gets a temporary that insns do not use for their own; false: what was there is still wanted. */
static bool keep_condition(struct ir_build *b, uint16_t cell)
{
    uint16_t kept = ir_choices_chosen(b);
    const struct ir_op *p = ir_producer(b, cell);
    if (!p)
        return cell == kept;
    for (const struct ir_op *o = p + 1; o < b->ops + b->nops; o++)
        if (o->a == kept || o->b == kept || o->c == kept)
            return false;
    for (struct ir_op *o = b->ops + b->first_op; o < b->ops + b->nops; o++) {
        uint16_t *const cells[] = {&o->d, &o->a, &o->b, &o->c};
        for (unsigned i = 0; i < 4; i++)
            if (*cells[i] == cell)
                *cells[i] = kept;
    }
    return true;
}

/* Flags of a comparison, or constant ones. */
static void note_choice(struct ir_build *b, unsigned cell, const struct ir_op *o)
{
    const struct ir_op *made = ir_producer(b, o->b), *constant = ir_producer(b, o->c);
    bool is_constant = o->c == b->zero || (constant && constant->op == IR_K);
    if (o->op != IR_SELECT || b->nputs > 1 || !made || !is_constant || !note(b, cell, made))
        return;
    b->compared.chosen = true;
    b->compared.unless = constant ? constant->imm : 0;
    if (!keep_condition(b, o->a))
        b->compared.epoch = 0;
}

void ir_compared_commit(struct ir_build *b)
{
    if (b->compared.epoch == b->epoch &&
        (put_of(b, b->compared.a) >= 0 || put_of(b, b->compared.b) >= 0 || put_of(b, b->compared.cell) >= 0))
        b->compared.epoch = 0;
    for (unsigned i = 0; i < b->nputs; i++) {
        const struct ir_op *o = b->puts[i].v.type == IR_fl ? ir_producer(b, b->puts[i].v.cell) : NULL;
        if (o && ir_sigs[o->op].out == 'L')
            note(b, b->puts[i].cell, o);
        else if (o)
            note_choice(b, b->puts[i].cell, o);
    }
}

static ir_val operand(unsigned type, unsigned cell, uint64_t imm)
{
    bool wide = type == IR_i32 || type == IR_f32 || type == IR_f16;
    return cell == IR_CONST ? ir_k(type, imm) : (ir_val){.type = (uint8_t)type, .cell = (uint16_t)cell, .wide = wide};
}

static const ir_val nothing = {.cell = IR_NONE};

/* N and Z of a value, C and V are 0. */
static ir_val of_value(struct ir_build *b, unsigned cond, ir_val v)
{
    ir_val zero = ir_k(v.type, 0);
    switch (cond) {
    case IR_COND_eq: return ir_EQ(b, v, zero);
    case IR_COND_ne: return ir_NE(b, v, zero);
    case IR_COND_cs:
    case IR_COND_vs:
    case IR_COND_hi: return ir_k(IR_i1, 0);
    case IR_COND_cc:
    case IR_COND_vc:
    case IR_COND_ls: return ir_k(IR_i1, 1);
    case IR_COND_mi:
    case IR_COND_lt: return ir_SLT(b, v, zero);
    case IR_COND_pl:
    case IR_COND_ge: return ir_SLE(b, zero, v);
    case IR_COND_gt: return ir_SLT(b, zero, v);
    default: return ir_SLE(b, v, zero);
    }
}

static ir_val of_difference(struct ir_build *b, unsigned cond, ir_val x, ir_val y)
{
    switch (cond) {
    case IR_COND_eq: return ir_EQ(b, x, y);
    case IR_COND_ne: return ir_NE(b, x, y);
    case IR_COND_cs: return ir_ULE(b, y, x);
    case IR_COND_cc: return ir_ULT(b, x, y);
    case IR_COND_mi: return ir_SLT(b, ir_SUB(b, x, y), ir_k(x.type, 0));
    case IR_COND_pl: return ir_SLE(b, ir_k(x.type, 0), ir_SUB(b, x, y));
    case IR_COND_hi: return ir_ULT(b, y, x);
    case IR_COND_ls: return ir_ULE(b, x, y);
    case IR_COND_ge: return ir_SLE(b, y, x);
    case IR_COND_lt: return ir_SLT(b, x, y);
    case IR_COND_gt: return ir_SLT(b, y, x);
    case IR_COND_le: return ir_SLE(b, x, y);
    }
    return nothing;
}

/* Quiet: what a comparison raises the one that made the flags has raised. */
static ir_val of_floats(struct ir_build *b, unsigned cond, ir_val x, ir_val y)
{
    ir_val r;
    switch (cond & ~1u) {
    case IR_COND_eq: r = ir_FEQ(b, x, y, IR_quiet); break;
    case IR_COND_cs:
    case IR_COND_mi: r = ir_FLT(b, x, y, IR_quiet); break;
    case IR_COND_vs:
        r = ir_FEQ(b, x, x, IR_quiet);
        r = x.cell == y.cell ? r : ir_AND(b, r, ir_FEQ(b, y, y, IR_quiet));
        break;
    case IR_COND_hi: r = ir_FLE(b, x, y, IR_quiet); break;
    case IR_COND_ge: r = ir_FLE(b, y, x, IR_quiet); break;
    case IR_COND_gt: r = ir_FLT(b, y, x, IR_quiet); break;
    default: return nothing;
    }
    bool opposite = cond == IR_COND_cs || cond == IR_COND_vs || cond == IR_COND_hi || cond == IR_COND_ne || cond == IR_COND_pl ||
                    cond == IR_COND_lt || cond == IR_COND_le;
    return opposite ? ir_EQ(b, ir_ZEXT(b, IR_i64, r), ir_k(IR_i64, 0)) : r; /* which a branch or choice takes in */
}

static ir_val of_compared(struct ir_build *b, unsigned cond)
{
    unsigned type = b->compared.type;
    ir_val x = operand(type, b->compared.a, 0), y = operand(type, b->compared.b, b->compared.imm);
    if (b->compared.op == IR_FLLOG)
        return of_value(b, cond, x);
    if (b->compared.op == IR_FLCMP)
        return of_floats(b, cond, x, y);
    if (b->compared.op == IR_AND)
        return of_value(b, cond, ir_AND(b, x, y));
    if (b->compared.sum && (cond == IR_COND_eq || cond == IR_COND_ne || cond == IR_COND_mi || cond == IR_COND_pl))
        return of_value(b, cond, x);
    return of_difference(b, cond, b->compared.sum ? ir_ADD(b, x, y) : x, y);
}

ir_val ir_compared(struct ir_build *b, unsigned cond, ir_val flags)
{
    if (b->compared.epoch != b->epoch || flags.cell != b->compared.cell || cond >= IR_COND_al)
        return nothing;
    if (!b->compared.chosen)
        return of_compared(b, cond);
    bool unless = ir_condition(cond, b->compared.unless); /* then it fails only where the comparison was made and says so */
    ir_val v = of_compared(b, cond ^ unless);
    if (v.cell == IR_NONE)
        return nothing;
    v = ir_AND(b, (ir_val){.type = IR_i1, .cell = ir_choices_chosen(b)}, v);
    return unless ? ir_EQ(b, ir_ZEXT(b, IR_i64, v), ir_k(IR_i64, 0)) : v;
}
