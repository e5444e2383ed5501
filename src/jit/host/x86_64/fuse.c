/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ops that stand one behind the other and that the host does in fewer instructions together. */
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

/* x << 1 to 3, and a sum with it: an address of an array's element, mostly. */
static bool scaled_sum(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    unsigned count = (unsigned)op->imm & 63, other = next->a == op->d ? next->b : next->a;
    if (op->op != IR_SHL || op->type != IR_i64 || op->b != IR_CONST || count < 1 || count > 3 || op->d <= e->request->zero_cell ||
        next->op != IR_ADD || next->type != IR_i64 || (next->a != op->d && next->b != op->d) || other == op->d || other == IR_CONST ||
        (next->d != op->d && x86_read_later(e, next + 1, op->d)))
        return false;
    enum x86_reg x = x86_get(e, op->a, RDX), y = x86_get(e, other, RCX), r = x86_result(e, next);
    x86_rm(&e->c, 0x8d, true, r, (struct x86_mem){.base = y, .index = x, .scale = (uint8_t)(1u << count)}); /* lea */
    x86_finish(e, next, r);
    return true;
}

/* ---- a comparison and what depends on it ---- */

static bool compares(const struct ir_op *op)
{
    return (op->op >= IR_EQ && op->op <= IR_ULE && (op->type == IR_i64 || op->type == IR_i32)) ||
           (op->op == IR_COND && x86_flags_native(op));
}

static bool in_xmm(const struct emit *e, const struct ir_op *op)
{
    return x86_xpin(e, op->b) >= 0 || x86_xpin(e, op->c) >= 0 || x86_xpin(e, op->d) >= 0;
}

static bool depends(const struct emit *e, const struct ir_op *op, unsigned condition)
{
    if (op->a != condition)
        return false;
    return op->op == IR_SKIP || (op->op == IR_SELECT && (op->type == IR_i64 || op->type == IR_i32 || op->type == IR_fl) &&
                                 op->b != condition && op->c != condition && op->d != condition && !in_xmm(e, op));
}

/* Behind op: how many choices and SKIPs by the condition it makes, which nobody else looks at; 0: it is no such op. */
static unsigned dependents(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops, *o = op + 1;
    if (!compares(op) || op->d <= e->request->zero_cell)
        return 0;
    for (bool skips = false; o < end && depends(e, o, op->d) && !(skips && o->op == IR_SKIP); o++)
        skips |= o->op == IR_SKIP;
    unsigned n = (unsigned)(o - op - 1);
    return n && !x86_read_later(e, o, op->d) ? n : 0;
}

bool x86_chosen_only(const struct emit *e, const struct ir_op *op, unsigned cell)
{
    unsigned n = dependents(e, op);
    bool chosen = false;
    if (!n)
        return false;
    for (const struct ir_op *o = op + 1; o <= op + n; o++) {
        if (o->d == cell && ir_sigs[o->op].out)
            return false;
        chosen |= o->op == IR_SELECT && (o->b == cell || o->c == cell);
    }
    return chosen && !x86_read_later(e, op + n + 1, cell);
}

static void cmov(struct emit *e, enum x86_cc cc, enum x86_reg d, unsigned cell)
{
    int r = x86_pin(e, cell);
    if (r < 0 && cell == e->forwarded)
        r = RAX;
    if (r >= 0)
        x86_rr(&e->c, 0x0f40u | cc, true, d, (enum x86_reg)r);
    else
        x86_rm(&e->c, 0x0f40u | cc, true, d, cell_mem(cell));
}

/* By the flags, which stay. */
static void choose(struct emit *e, const struct ir_op *op, enum x86_cc cc)
{
    int pin = x86_pin(e, op->d);
    enum x86_reg r = pin < 0 ? RCX : (enum x86_reg)pin;
    if (pin >= 0 && op->b == op->d) {
        cmov(e, cc ^ 1, r, op->c);
    } else {
        x86_get_into(e, op->c, r, true);
        cmov(e, cc, r, op->b);
    }
    if (op->type == IR_i32)
        x86_mov32(&e->c, r, r);
    if (pin < 0)
        x86_store(&e->c, cell_mem(op->d), r);
}

/* insns -= n if the condition holds. */
static void skip(struct emit *e, unsigned n, enum x86_cc cc)
{
    if (n == 0)
        return;
    if (n == 1 && (cc == CC_B || cc == CC_AE)) {
        x86_alu_mi(&e->c, cc == CC_B ? ALU_sbb : ALU_adc, true, STATE(insns), cc == CC_B ? 0 : -1);
        return;
    }
    x86_imm(&e->c, RCX, 0); /* keeps the flags; nothing waits for what was there */
    if (n == 1) {
        x86_setcc(&e->c, cc, RCX);
    } else {
        x86_imm(&e->c, RDX, n);
        x86_rr(&e->c, 0x0f40u | cc, true, RCX, RDX); /* cmov */
    }
    x86_rm(&e->c, 0x29, true, RCX, STATE(insns));
}

/* ---- choices that nearly always go the same way ---- */

static const struct ir_op *skip_of(const struct ir_op *op, unsigned n)
{
    const struct ir_op *o = op + 1;
    while (o <= op + n && o->op != IR_SKIP)
        o++;
    return o <= op + n ? o : NULL;
}

static void choose_all(struct emit *e, const struct ir_op *op, unsigned n, bool when)
{
    for (const struct ir_op *o = op + 1; o <= op + n; o++) {
        unsigned from = when ? o->b : o->c;
        int pin = x86_pin(e, o->d);
        enum x86_reg r = pin < 0 ? RCX : (enum x86_reg)pin;
        if (o->op != IR_SELECT || x86_need(e, o) == NEED_none || (from == o->d && o->type == IR_i64))
            continue;
        x86_get_into(e, from, r, true);
        if (o->type == IR_i32)
            x86_mov32(&e->c, r, r);
        if (pin < 0)
            x86_store(&e->c, cell_mem(o->d), r);
    }
}

/* The other way than was expected. */
static void cold_choices(struct emit *e, const struct cold *cold)
{
    unsigned n = dependents(e, cold->op);
    const struct ir_op *skip = skip_of(cold->op, n);
    bool skips = cold->when == (skip->s[0] == IR_when);
    e->forwarded = cold->forwarded;
    choose_all(e, cold->op, n, cold->when);
    if (skip->imm)
        x86_alu_mi(&e->c, skips ? ALU_sub : ALU_add, true, STATE(insns), (int32_t)skip->imm);
    e->forwarded = IR_NONE;
}

/* A branch is cheaper than choices where it is nearly always right: half a cycle, if nobody waits for the condition. */
static bool one_sided(const struct ir_op *skip)
{
    enum { SEEN = 16, WRONG = 16 /* one in so many */ };
    unsigned skips = skip->s[1], all = skips + skip->s[2], rare = skips * 2 < all ? skips : skip->s[2];
    return all >= SEEN && rare * WRONG <= all;
}

static void expect(struct emit *e, const struct ir_op *op, unsigned n, const struct ir_op *skip, enum x86_cc cc)
{
    bool skips = skip->s[1] > skip->s[2], when = skips == (skip->s[0] == IR_when);
    uint8_t *from = x86_jcc(&e->c, when ? cc ^ 1 : cc);
    struct cold cold = {.kind = COLD_write, .write = cold_choices, .from = from, .op = op, .result = -1, .when = !when};
    choose_all(e, op, n, when);
    cold.back = e->c.at;
    x86_cold(e, cold);
    if (skips)
        e->skipped += (unsigned)skip->imm;
}

static unsigned choices(struct emit *e, const struct ir_op *op)
{
    unsigned n = dependents(e, op);
    if (!n)
        return 0;
    enum x86_cc cc = x86_compare(e, op);
    const struct ir_op *skipped = skip_of(op, n);
    if (skipped && one_sided(skipped)) {
        expect(e, op, n, skipped, cc);
        e->forwarded = IR_NONE;
        return n + 1;
    }
    for (const struct ir_op *o = op + 1; o <= op + n; o++)
        if (o->op == IR_SELECT && x86_need(e, o) != NEED_none)
            choose(e, o, cc);
    if (skipped)
        skip(e, (unsigned)skipped->imm, skipped->s[0] == IR_unless ? cc ^ 1 : cc);
    e->forwarded = IR_NONE;
    return n + 1;
}

void x86_lower_skip(struct emit *e, const struct ir_op *op)
{
    x86_alu_ri(&e->c, ALU_cmp, false, x86_get(e, op->a, RCX), 0);
    skip(e, (unsigned)op->imm, op->s[0] == IR_unless ? CC_E : CC_NE);
    e->forwarded = IR_NONE;
}

/* A condition on stored flags and the way out by it. */
static bool conditional(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    if (op->op != IR_COND || !x86_flags_native(op) || next->op != IR_BRANCH_IF || next->a != op->d || op->d <= e->request->zero_cell ||
        x86_read_later(e, next + 1, op->d))
        return false;
    x86_branch(e, next, x86_condition(e, op));
    e->forwarded = IR_NONE;
    return true;
}

/* The way out by a comparison and a condition found before. */
static bool both(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *and = op + 1, *out = op + 2;
    if (out >= e->ir->ops + e->ir->nops || !compares(op) || and->op != IR_AND || and->type != IR_i1 || and->b == IR_CONST)
        return false;
    unsigned other = and->a == op->d ? and->b : and->a;
    bool zero = out->op == IR_BRANCH_CMP && out->b == IR_CONST && out->imm >> 32 == 0 && (out->s[0] == IR_CC_eq || out->s[0] == IR_CC_ne);
    if ((and->a != op->d && and->b != op->d) || other == op->d || x86_pin(e, other) >= 0 || other == e->forwarded ||
        (!zero && out->op != IR_BRANCH_IF) || out->a != and->d || op->d <= e->request->zero_cell || and->d <= e->request->zero_cell ||
        x86_read_later(e, out, op->d) || x86_read_later(e, out + 1, and->d))
        return false;
    x86_setcc(&e->c, x86_compare(e, op), RCX);
    x86_prm(&e->c, 0, 0x84, false, RCX, cell_mem(other), true); /* test */
    x86_branch(e, out, zero && out->s[0] == IR_CC_eq ? CC_E : CC_NE);
    e->forwarded = IR_NONE;
    return true;
}

unsigned x86_lower_fused(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    if (op + 1 >= end || x86_need(e, op + 1) == NEED_none)
        return 0;
    if (both(e, op) || x86_lower_total_division(e, op))
        return 3;
    return shifts(e, op) || scaled_sum(e, op) || conditional(e, op) ? 2 : choices(e, op);
}
