/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sums and differences of many words: each takes the carry of the one before by the host's own ADC or SBB, and of flags that only the next
 * one looks at nothing but the carry is made. Such flags are all ones or 0, no proper value: whoever else may look at them must find all.
 */
#include "ir/flags.h"
#include "jit/host/x86_64/x86_64.h"

enum { CMC = 0xf5, BT = 0x0fba /* with /4 */, CARRY_BIT = 8 };
_Static_assert(FL_C == 1 << CARRY_BIT, "what BT looks at");

static bool of_carry(const struct ir_op *op) { return op->op == IR_COND && (op->s[0] & ~1u) == IR_COND_cs; }

bool x86_carry_only(const struct emit *e, const struct ir_op *op)
{
    if (op->d >= e->request->zero_cell)
        return false;
    for (const struct ir_op *o = op + 1; o < e->ir->ops + e->ir->nops; o++) {
        if (x86_need(e, o) == NEED_none)
            continue;
        if (!x86_stays_inside(o) || (x86_sees(o, op->d) && !of_carry(o)))
            return false;
        if (o->d == op->d && ir_sigs[o->op].out)
            return true;
    }
    return false;
}

void x86_carry_keep(struct emit *e, const struct ir_op *op, bool inverted)
{
    enum x86_reg r = x86_result(e, op);
    if (inverted)
        x86_byte(&e->c, CMC);
    x86_alu_rr(&e->c, ALU_sbb, false, r, r);
    x86_finish(e, op, r);
}

/* One insn: out = a + b + carry or a - b - (1 - carry), and its flags. */
struct chained {
    const struct ir_op *out, *flags; /* flags: NULL, or who makes them */
    unsigned a, b, n;                /* n: ops */
    bool difference;
};

static bool is(const struct emit *e, const struct ir_op *op, unsigned what)
{
    return op < e->ir->ops + e->ir->nops && op->op == what && op->type == IR_i64;
}

static bool temporary(const struct emit *e, const struct ir_op *op) { return op->d > e->request->zero_cell; }

/* A register of the guest that no float lives in. */
static bool integer(const struct emit *e, unsigned cell) { return cell <= e->request->zero_cell && x86_xpin(e, cell) < 0; }

static bool takes_flags(const struct emit *e, const struct ir_op *op, unsigned carry, struct chained *c)
{
    bool sum = is(e, op, IR_FLADC), difference = is(e, op, IR_FLSBC) && op->s[0] == IR_carry;
    if ((!sum && !difference) || op->c != carry || op->b == IR_CONST || difference != c->difference || c->flags)
        return false;
    c->flags = op;
    return true;
}

static bool takes_sum(const struct emit *e, const struct ir_op *op, unsigned carry, unsigned partial, struct chained *c)
{
    bool right = is(e, op, IR_ADD) && ((op->a == partial && op->b == carry) || (op->a == carry && op->b == partial));
    if (!right || op->d >= e->request->zero_cell || c->out)
        return false;
    c->out = op;
    return true;
}

/* What the ops at `op`, a condition of the carry, are. */
static bool recognize(const struct emit *e, const struct ir_op *op, struct chained *c)
{
    const struct ir_op *o = op + 1, *negated = is(e, o, IR_NOT) && temporary(e, o) ? o++ : NULL, *first = o++;
    if (!is(e, first, IR_ADD) || !temporary(e, first) || first->b == IR_CONST || first->a == op->d || first->b == op->d)
        return false;
    *c = (struct chained){.a = first->a, .b = first->b, .difference = negated};
    if (negated && first->a == negated->d) {
        c->a = first->b;
        c->b = first->a;
    }
    if (negated && c->b != negated->d)
        return false;
    c->b = negated ? negated->a : c->b;
    for (unsigned i = 0; i < 2 && (takes_flags(e, o, op->d, c) || takes_sum(e, o, op->d, first->d, c)); i++)
        o++;
    c->n = (unsigned)(o - op);
    bool same = !c->flags || (c->flags->a == c->a && c->flags->b == c->b) || (!negated && c->flags->a == c->b && c->flags->b == c->a);
    return c->out && same && integer(e, c->a) && integer(e, c->b) && integer(e, c->out->d) && !x86_read_later(e, o, op->d) &&
           !x86_read_later(e, o, first->d) && !(negated && x86_read_later(e, o, negated->d));
}

static void carry_in(struct emit *e, unsigned flags, bool inverted)
{
    int pin = x86_pin(e, flags);
    if (pin >= 0)
        x86_rr(&e->c, BT, false, 4, (enum x86_reg)pin);
    else
        x86_rm(&e->c, BT, false, 4, cell_mem(flags));
    x86_byte(&e->c, CARRY_BIT);
    if (inverted)
        x86_byte(&e->c, CMC);
}

/* Only moves stand between the host's carry and who takes it. */
unsigned x86_lower_carry(struct emit *e, const struct ir_op *op)
{
    struct chained c;
    if (op->op != IR_COND || op->s[0] != IR_COND_cs || !temporary(e, op) || !integer(e, op->a) || !recognize(e, op, &c) ||
        x86_need(e, c.out) == NEED_none)
        return 0;
    enum x86_reg r = x86_result(e, c.out);
    unsigned a = c.a, b = c.b;
    if (x86_pin(e, b) == (int)r && !c.difference) {
        a = c.b;
        b = c.a;
    }
    carry_in(e, op->a, c.difference);
    r = x86_pin(e, b) == (int)r && a != b ? RCX : r;
    x86_get_into(e, a, r, true);
    x86_alu_cell(e, c.difference ? ALU_sbb : ALU_adc, true, r, b);
    x86_finish(e, c.out, r);
    if (!c.flags || x86_need(e, c.flags) == NEED_none)
        return c.n;
    if (x86_carry_only(e, c.flags))
        x86_carry_keep(e, c.flags, c.difference);
    else
        x86_flags_keep(e, c.flags, c.difference);
    return c.n;
}
