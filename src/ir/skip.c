/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A branch over a few insns that only compute becomes choices: they are computed always, and each register takes the new value or keeps its
 * own. Nobody has to guess the branch, and the block goes on whichever way it goes; SKIP sets the count of retired insns right.
 */
#include "ir/build_state.h"
#include <stddef.h>

enum { MAX_INSNS = 4, MAX_OPS = 6, MAX_CELLS = 2 };

static bool cheap(const struct ir_op *o)
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

struct choice { /* of a register that the insns write */
    uint16_t cell, value;
};

/* The temporaries of choices are the last ones: those of insns begin at the other end. */
static struct choice *find(struct ir_build *b, struct choice *choices, unsigned *n, unsigned cell, bool add)
{
    for (unsigned i = 0; i < *n; i++)
        if (choices[i].cell == cell)
            return &choices[i];
    if (!add || *n == MAX_CELLS)
        return NULL;
    choices[*n] = (struct choice){(uint16_t)cell, (uint16_t)(b->zero + IR_MAX_TEMPS - 1 - *n)};
    return &choices[(*n)++];
}

static bool collect(struct ir_build *b, unsigned first, struct choice *choices, unsigned *n)
{
    for (unsigned i = first; i < b->nops; i++)
        if (!cheap(&b->ops[i]) || (b->ops[i].d < b->zero && !find(b, choices, n, b->ops[i].d, true)))
            return false;
    return *n > 0;
}

/* What the registers would become goes to the temporaries. */
static void rename_results(struct ir_build *b, unsigned first, struct choice *choices, unsigned n)
{
    bool written[MAX_CELLS] = {false};
    for (unsigned i = first; i < b->nops; i++) {
        struct ir_op *o = &b->ops[i];
        uint16_t *const operands[] = {&o->a, &o->b, &o->c};
        for (unsigned k = 0; k < 3; k++) {
            const struct choice *c = find(b, choices, &n, *operands[k], false);
            if (c && written[c - choices])
                *operands[k] = c->value;
        }
        const struct choice *c = find(b, choices, &n, o->d, false);
        if (c) {
            o->d = c->value;
            written[c - choices] = true;
        }
    }
}

/* One copy from a register that stays as it is needs no temporary. */
static void choose_source(struct ir_build *b, unsigned first, struct choice *choices, unsigned n)
{
    const struct ir_op *o = &b->ops[first];
    if (n != 1 || b->nops != first + 1 || o->op != IR_MOV || o->a > b->zero)
        return;
    choices[0].value = o->a;
    b->nops--;
}

/* A temporary that the branch compares gets a number that the insns behind it do not use for their own. */
static uint16_t keep_operand(struct ir_build *b, unsigned at, uint16_t cell, unsigned n)
{
    unsigned first = b->insns[b->ops[at].d - 1].op;
    uint16_t kept = (uint16_t)(b->zero + IR_MAX_TEMPS - 2 - MAX_CELLS - n);
    if (!ir_is_temp(b, cell))
        return cell;
    for (unsigned i = first; i < at; i++) {
        struct ir_op *o = &b->ops[i];
        uint16_t *const cells[] = {&o->d, &o->a, &o->b, &o->c};
        for (unsigned k = 0; k < 4; k++)
            if (*cells[k] == cell)
                *cells[k] = kept;
    }
    return kept;
}

static void choose(struct ir_build *b, const struct ir_op *branch, const struct choice *choices, unsigned n)
{
    static const uint8_t ops[] = {
        [IR_CC_eq] = IR_EQ, [IR_CC_ne] = IR_NE, [IR_CC_slt] = IR_SLT, [IR_CC_sge] = IR_SLT, [IR_CC_ult] = IR_ULT, [IR_CC_uge] = IR_ULT};
    bool inverse = branch->s[0] == IR_CC_sge || branch->s[0] == IR_CC_uge;
    uint16_t condition = (uint16_t)(b->zero + IR_MAX_TEMPS - 1 - MAX_CELLS);
    struct ir_op *o = ir_append(b, ops[branch->s[0]], branch->type);
    o->a = branch->a;
    o->b = branch->b;
    o->imm = branch->b == IR_CONST ? (uint64_t)((int64_t)branch->imm >> 32) : 0;
    o->d = condition;
    if (o->type == IR_i32)
        o->imm = (uint32_t)o->imm;
    o = ir_append(b, IR_SKIP, IR_i1);
    o->s[0] = inverse ? IR_unless : IR_when;
    o->a = condition;
    o->imm = b->ninsns - (unsigned)branch->d;
    for (unsigned i = 0; i < n; i++) {
        o = ir_append(b, IR_SELECT, IR_i64);
        o->d = choices[i].cell;
        o->a = condition;
        o->b = inverse ? choices[i].value : choices[i].cell;
        o->c = inverse ? choices[i].cell : choices[i].value;
        b->known[o->d] = b->word[o->d] = 0;
    }
}

static void convert(struct ir_build *b)
{
    struct choice choices[MAX_CELLS];
    unsigned n = 0, at = b->skip;
    struct ir_op branch = b->ops[at];
    if (b->nops - at - 1 > MAX_OPS || !collect(b, at + 1, choices, &n))
        return;
    branch.a = keep_operand(b, at, branch.a, 0);
    branch.b = keep_operand(b, at, branch.b, 1);
    for (unsigned i = at; i + 1 < b->nops; i++)
        b->ops[i] = b->ops[i + 1];
    b->nops--;
    for (unsigned i = branch.d; i < b->ninsns; i++)
        b->insns[i].op--;
    rename_results(b, at, choices, n);
    choose_source(b, at, choices, n);
    choose(b, &branch, choices, n);
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
        if (b->next >= target || b->ninsns - b->ops[b->skip].d >= MAX_INSNS)
            b->skip = IR_MAX_OPS;
    }
    if (last && last->op == IR_BRANCH_CMP && last->d == b->ninsns && (int32_t)last->imm > b->next)
        b->skip = b->nops - 1;
}
