/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A loop with two tails: a branch forwards, out of the loop, to a few insns that only compute and go back to the loop's start under the same
 * condition as the loop itself, as compilers place the side of an `if` at a loop's end. Both tails are computed, and choices take the
 * registers from one of them, so the loop stays one block and nobody has to guess the branch. Whether the loop goes on is asked before:
 * where it does not, the block is left to begin again with the branch, and which way is taken there is another block's affair.
 */
#include "ir/choices.h"
#include <string.h>

static bool is_branch(const struct ir_build *b, const struct ir_op *o, unsigned op) { return o->op == op && o->d == b->ninsns; }

static bool writes(const struct ir_op *ops, unsigned n, unsigned cell)
{
    for (unsigned i = 0; i < n; i++)
        if (ops[i].d == cell)
            return true;
    return false;
}

/* The branch at ops[at] leads forwards within the page, and its insn does nothing else. */
static bool splits(const struct ir_build *b, unsigned at, int high)
{
    const struct ir_op *o = &b->ops[at];
    unsigned insn = o->d - 1u;
    if (o->op != IR_BRANCH_CMP || b->insns[insn].op > at || o->d >= b->ninsns || b->insns[o->d].op <= at)
        return false;
    for (unsigned i = b->insns[insn].op; i < at; i++)
        if (!ir_cheap(&b->ops[i]) || !ir_is_temp(b, b->ops[i].d))
            return false;
    return (int32_t)o->imm > b->insns[insn].offset && (int32_t)o->imm < high;
}

/* The loop goes back if it is not left here: the operands of that are registers. */
static bool asks(const struct ir_build *b, const struct ir_op *o)
{
    return is_branch(b, o, IR_BRANCH_CMP) && o->a <= b->zero && (o->b <= b->zero || o->b == IR_CONST);
}

bool ir_tail_begin(struct ir_build *b, int high)
{
    const struct ir_op *end = &b->ops[b->nops - 1];
    if (b->nops < 2 || !is_branch(b, end, IR_BRANCH) || end->imm || b->ninsns + IR_CHOICE_INSNS + 2 > IR_MAX_INSNS)
        return false;
    unsigned last = b->nops - 1u;
    bool asked = asks(b, end - 1);
    last -= asked;
    unsigned at = last;
    while (at > 0 && ir_cheap(&b->ops[at - 1]))
        at--;
    if (at-- == 0 || !splits(b, at, high) || last - at - 1 > IR_CHOICE_OPS || (asked && b->ops[at].d < 2))
        return false;
    if (asked && (writes(&b->ops[at + 1], last - at - 1, b->ops[last].a) || writes(&b->ops[at + 1], last - at - 1, b->ops[last].b)))
        return false;
    b->tail.nops = b->nops;
    b->tail.ninsns = b->ninsns;
    b->tail.branch = at;
    b->tail.last = last;
    b->tail.asked = asked;
    b->next = (int32_t)b->ops[at].imm;
    b->ended = false;
    ir_forget_known(b); /* what the first tail has found */
    return true;
}

void ir_tail_drop(struct ir_build *b)
{
    b->nops = b->tail.nops;
    b->ninsns = b->tail.ninsns;
    b->tail.nops = 0;
    b->next = 0;
    b->ended = true;
}

/* Does the branch built last ask what the loop's asks, which was turned round? */
static bool asks_same(const struct ir_build *b, const struct ir_op *o)
{
    static const uint8_t other[] = {[IR_CC_eq] = IR_CC_ne,   [IR_CC_ne] = IR_CC_eq,   [IR_CC_slt] = IR_CC_sge,
                                    [IR_CC_sge] = IR_CC_slt, [IR_CC_ult] = IR_CC_uge, [IR_CC_uge] = IR_CC_ult};
    const struct ir_op *loop = &b->ops[b->tail.last];
    return b->tail.asked && is_branch(b, o, IR_BRANCH_CMP) && !(uint32_t)o->imm && o->s[0] == other[loop->s[0]] && o->type == loop->type &&
           o->a == loop->a && o->b == loop->b && o->imm >> 32 == loop->imm >> 32;
}

/* The insns of the longer way are the block's. */
static void count_insns(struct ir_build *b, const struct ir_op *branch, unsigned first, unsigned second)
{
    if (second > first)
        for (unsigned i = 0; i < second; i++)
            b->insns[branch->d + i] = b->insns[b->tail.ninsns + i];
    b->ninsns = branch->d + (second > first ? second : first);
    for (unsigned i = branch->d; i < b->ninsns; i++)
        b->insns[i].op = (uint16_t)b->nops;
}

static unsigned value_of(const struct ir_choices *c, unsigned cell)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->choice[i].cell == cell)
            return c->choice[i].value;
    return cell;
}

static void select_all(struct ir_build *b, uint16_t condition, const struct ir_choices *of, const struct ir_choices *when,
                       const struct ir_choices *unless, const struct ir_choices *done)
{
    for (unsigned i = 0; i < of->n; i++) {
        unsigned cell = of->choice[i].cell;
        if (!done || value_of(done, cell) == cell)
            ir_choices_select(b, condition, cell, value_of(when, cell), value_of(unless, cell));
    }
}

struct way {
    struct ir_op ops[IR_CHOICE_OPS];
    unsigned n;
    struct ir_choices choices;
};

static bool take_way(struct ir_build *b, struct way *w, unsigned from, unsigned to, bool second)
{
    w->n = to - from;
    w->choices = (struct ir_choices){.second = second};
    if (w->n > IR_CHOICE_OPS || !ir_choices_collect(b, &b->ops[from], w->n, &w->choices))
        return false;
    memcpy(w->ops, &b->ops[from], w->n * sizeof w->ops[0]);
    ir_choices_rename(b, w->ops, w->n, &w->choices);
    return true;
}

static void append_way(struct ir_build *b, const struct way *w)
{
    memcpy(&b->ops[b->nops], w->ops, w->n * sizeof w->ops[0]);
    b->nops += w->n;
}

/* The second tail's ops end at `end`. */
static bool convert(struct ir_build *b, unsigned end)
{
    struct ir_op branch = b->ops[b->tail.branch], loop = b->ops[b->tail.last];
    unsigned first = b->tail.ninsns - branch.d, second = b->ninsns - b->tail.ninsns;
    struct way one, two;
    bool inverse;
    if (!take_way(b, &one, b->tail.branch + 1, b->tail.last, false) || !take_way(b, &two, b->tail.nops, end, true) ||
        one.choices.n + two.choices.n == 0)
        return false;
    if (b->tail.asked && (value_of(&two.choices, loop.a) != loop.a || value_of(&two.choices, loop.b) != loop.b))
        return false;
    ir_choices_keep(b, b->tail.branch, &branch);
    b->nops = b->tail.branch;
    if (b->tail.asked) {
        loop.d = (uint16_t)(branch.d - 1u);
        loop.imm = (loop.imm & ~UINT64_C(0xffffffff)) | (uint32_t)(int32_t)b->insns[branch.d - 1u].offset;
        b->ops[b->nops++] = loop;
    }
    count_insns(b, &branch, first, second);
    append_way(b, &one);
    append_way(b, &two);
    uint16_t condition = ir_choices_condition(b, &branch, &inverse);
    ir_choices_skip(b, condition, (second > first) == inverse, second > first ? second - first : first - second);
    const struct ir_choices *when = inverse ? &one.choices : &two.choices, *unless = inverse ? &two.choices : &one.choices;
    select_all(b, condition, &one.choices, when, unless, NULL);
    select_all(b, condition, &two.choices, when, unless, &one.choices);
    struct ir_op *o = ir_append(b, IR_BRANCH, IR_none);
    o->d = (uint16_t)b->ninsns;
    o->imm = 0;
    b->tail.nops = 0;
    b->next = 0;
    b->ended = true;
    return true;
}

/* Along a jump within the page; one to the loop's start ends a loop that asks nothing. false: this is no tail. */
static bool jump(struct ir_build *b, const struct ir_op *o, int low, int high)
{
    int64_t to = (int64_t)o->imm;
    if (!is_branch(b, o, IR_BRANCH) || to < low || to >= high)
        return false;
    if (to == 0)
        return !b->tail.asked && convert(b, b->nops - 1);
    b->nops--;
    b->ended = false;
    b->next = (int)to;
    return true;
}

int ir_tail(struct ir_build *b, int low, int high)
{
    const struct ir_op *o = b->nops > b->first_op ? &b->ops[b->nops - 1] : NULL;
    bool goes_on = true;
    if (o && asks_same(b, o)) {
        if (!convert(b, b->nops - 1))
            ir_tail_drop(b);
        return b->next;
    }
    if (b->ended)
        goes_on = o && jump(b, o, low, high);
    for (unsigned i = b->first_op; goes_on && !b->ended && i < b->nops; i++)
        goes_on = ir_cheap(&b->ops[i]);
    if (!goes_on || (!b->ended && b->ninsns - b->tail.ninsns > IR_CHOICE_INSNS))
        ir_tail_drop(b);
    return b->next;
}
