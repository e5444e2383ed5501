/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A branch over a few insns that only compute becomes choices: they are computed always, and each register takes the new value or keeps its
 * own. Nobody has to guess the branch, and the block goes on whichever way it goes; SKIP sets the count of retired insns right.
 */
#include "ir/choices.h"
#include <stddef.h>

bool ir_cheap(const struct ir_op *o)
{
    switch (o->op) {
    case IR_MOV:
    case IR_K:
    case IR_ADD:
    case IR_SUB:
    case IR_NEG:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_NOT:
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_EXTRACT:
    case IR_SEXTRACT:
    case IR_ZEXT:
    case IR_SEXT:
    case IR_EQ:
    case IR_NE:
    case IR_SLT:
    case IR_SLE:
    case IR_ULT:
    case IR_ULE: return o->type <= IR_i64 && o->s[3] <= IR_i64;
    }
    return false;
}

/* The temporaries of choices are the last ones: those of insns begin at the other end. */
static struct ir_choice *find(struct ir_build *b, struct ir_choices *c, unsigned cell, bool add)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->choice[i].cell == cell)
            return &c->choice[i];
    if (!add || c->n == IR_CHOICES)
        return NULL;
    c->choice[c->n] = (struct ir_choice){(uint16_t)cell, (uint16_t)(b->zero + IR_MAX_TEMPS - 1 - c->n - (c->second ? IR_CHOICES : 0))};
    return &c->choice[c->n++];
}

bool ir_choices_collect(struct ir_build *b, const struct ir_op *ops, unsigned nops, struct ir_choices *c)
{
    for (unsigned i = 0; i < nops; i++)
        if (!ir_cheap(&ops[i]) || (ops[i].d < b->zero && !find(b, c, ops[i].d, true)))
            return false;
    return true;
}

void ir_choices_rename(struct ir_build *b, struct ir_op *ops, unsigned nops, struct ir_choices *c)
{
    bool written[IR_CHOICES] = {false};
    for (struct ir_op *o = ops; o < ops + nops; o++) {
        uint16_t *const operands[] = {&o->a, &o->b, &o->c};
        for (unsigned k = 0; k < 3; k++) {
            const struct ir_choice *found = find(b, c, *operands[k], false);
            if (found && written[found - c->choice])
                *operands[k] = found->value;
        }
        const struct ir_choice *found = find(b, c, o->d, false);
        if (found) {
            o->d = found->value;
            written[found - c->choice] = true;
        }
    }
}

/* One copy from a register that stays as it is needs no temporary. */
static void choose_source(struct ir_build *b, unsigned first, struct ir_choices *c)
{
    const struct ir_op *o = &b->ops[first];
    if (c->n != 1 || b->nops != first + 1 || o->op != IR_MOV || o->a > b->zero)
        return;
    c->choice[0].value = o->a;
    b->nops--;
}

enum { CONDITION = 2 * IR_CHOICES + 1, CHOSEN, KEPT /* temporaries, from the last one back */ };
_Static_assert(KEPT + 1 <= IR_KEPT_TEMPS, "temporaries that outlive their insn");

uint16_t ir_choices_chosen(const struct ir_build *b) { return (uint16_t)(b->zero + IR_MAX_TEMPS - CHOSEN); }

/* A temporary that the branch compares gets a number that the insns behind it do not use for their own. */
static uint16_t keep_operand(struct ir_build *b, unsigned at, unsigned insn, uint16_t cell, unsigned n)
{
    uint16_t kept = (uint16_t)(b->zero + IR_MAX_TEMPS - KEPT - n);
    if (!ir_is_temp(b, cell) || cell == ir_choices_chosen(b))
        return cell;
    for (unsigned i = b->insns[insn].op; i < at; i++) {
        struct ir_op *o = &b->ops[i];
        uint16_t *const cells[] = {&o->d, &o->a, &o->b, &o->c};
        for (unsigned k = 0; k < 4; k++)
            if (*cells[k] == cell)
                *cells[k] = kept;
    }
    return kept;
}

void ir_choices_keep(struct ir_build *b, unsigned at, struct ir_op *branch)
{
    branch->a = keep_operand(b, at, branch->d - 1u, branch->a, 0);
    branch->b = keep_operand(b, at, branch->d - 1u, branch->b, 1);
}

uint16_t ir_choices_condition(struct ir_build *b, const struct ir_op *branch, bool *inverse)
{
    static const uint8_t ops[] = {
        [IR_CC_eq] = IR_EQ, [IR_CC_ne] = IR_NE, [IR_CC_slt] = IR_SLT, [IR_CC_sge] = IR_SLT, [IR_CC_ult] = IR_ULT, [IR_CC_uge] = IR_ULT};
    *inverse = branch->s[0] == IR_CC_sge || branch->s[0] == IR_CC_uge;
    struct ir_op *o = ir_append(b, ops[branch->s[0]], branch->type);
    o->a = branch->a;
    o->b = branch->b;
    o->imm = branch->b == IR_CONST ? (uint64_t)((int64_t)branch->imm >> 32) : 0;
    o->d = (uint16_t)(b->zero + IR_MAX_TEMPS - CONDITION);
    if (o->type == IR_i32)
        o->imm = (uint32_t)o->imm;
    return o->d;
}

void ir_choices_skip(struct ir_build *b, uint16_t condition, bool when, unsigned insns)
{
    struct ir_op *o = ir_append(b, IR_SKIP, IR_i1);
    o->s[0] = when ? IR_when : IR_unless;
    o->a = condition;
    o->imm = insns;
}

void ir_choices_select(struct ir_build *b, uint16_t condition, unsigned cell, unsigned when, unsigned unless)
{
    struct ir_op *o = ir_append(b, IR_SELECT, IR_i64);
    o->d = (uint16_t)cell;
    o->a = condition;
    o->b = (uint16_t)when;
    o->c = (uint16_t)unless;
    b->known[cell] = b->word[cell] = 0;
}

static void convert(struct ir_build *b)
{
    struct ir_choices c = {.n = 0};
    unsigned at = b->skip, n = b->nops - at - 1;
    struct ir_op branch = b->ops[at];
    bool inverse;
    if (n > IR_CHOICE_OPS || !ir_choices_collect(b, &b->ops[at + 1], n, &c) || !c.n)
        return;
    ir_choices_keep(b, at, &branch);
    for (unsigned i = at; i + 1 < b->nops; i++)
        b->ops[i] = b->ops[i + 1];
    b->nops--;
    for (unsigned i = branch.d; i < b->ninsns; i++)
        b->insns[i].op--;
    ir_choices_rename(b, &b->ops[at], n, &c);
    choose_source(b, at, &c);
    uint16_t condition = ir_choices_condition(b, &branch, &inverse);
    ir_choices_skip(b, condition, !inverse, b->ninsns - (unsigned)branch.d);
    for (unsigned i = 0; i < c.n; i++) {
        unsigned cell = c.choice[i].cell, value = c.choice[i].value;
        ir_choices_select(b, condition, cell, inverse ? value : cell, inverse ? cell : value);
    }
}

void ir_skip(struct ir_build *b)
{
    const struct ir_op *last = b->nops > b->first_op ? &b->ops[b->nops - 1] : NULL;
    if (b->ended)
        return;
    if (b->skip != IR_MAX_OPS) {
        int target = (int32_t)b->ops[b->skip].imm;
        if (b->next == target)
            convert(b);
        if (b->next >= target || b->ninsns - b->ops[b->skip].d >= IR_CHOICE_INSNS)
            b->skip = IR_MAX_OPS;
    }
    if (last && last->op == IR_BRANCH_CMP && last->d == b->ninsns && (int32_t)last->imm > b->next)
        b->skip = b->nops - 1;
}
