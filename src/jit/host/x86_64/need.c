/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What of each result anybody will look at: all of it, the low 32 bits, or nothing. Guest registers are looked at by whoever reads them and,
 * all of them, wherever the block may be left; in between results that are overwritten, and sign extensions of what goes into 32-bit ops,
 * need not be made.
 */
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

static bool narrow_type(unsigned type) { return type <= IR_i64 || type == IR_fl; }
static bool narrow(const struct ir_op *op) { return narrow_type(op->type) && narrow_type(op->s[3]); }

/* Of operand n of an integer op whose result is needed so far. */
static unsigned operand_need(const struct ir_op *op, unsigned n, unsigned result)
{
    unsigned type = n == 0 && op->s[3] ? op->s[3] : op->type, pos = op->imm & 0xff, len = op->op == IR_BIT ? 1 : op->imm >> 8 & 0xff;
    if (type != IR_i64)
        return NEED_low;
    switch (op->op) {
    case IR_AND:
        if (op->b == IR_CONST && op->imm <= UINT32_MAX)
            return NEED_low;
        return result;
    case IR_ADD:
    case IR_SUB:
    case IR_MUL:
    case IR_NEG:
    case IR_OR:
    case IR_XOR:
    case IR_NOT:
    case IR_MOV: return result;
    case IR_SHL: return n ? NEED_low : result;
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: return n ? NEED_low : NEED_all;
    case IR_SELECT: return n ? result : NEED_low;
    case IR_EXTRACT:
    case IR_SEXTRACT:
    case IR_BIT: return pos + len <= 32 ? NEED_low : NEED_all;
    case IR_TRUNC: return NEED_low;
    }
    return NEED_all;
}

static void raise(struct emit *e, unsigned cell, unsigned need)
{
    if (cell < NEED_CELLS && e->wanted[cell] < need)
        e->wanted[cell] = (uint8_t)need;
}

/* Both cells of a wide operand. */
static void raise_all(struct emit *e, const struct ir_op *op)
{
    const unsigned cells[] = {
        op->a, op->a + 1u, op->b, op->b + 1u, op->c, op->c + 1u, (uint16_t)op->imm, op->imm >> 16 & 0xffff, op->imm >> 32 & 0xffff};
    for (unsigned i = 0; i < (op->op == IR_CALL ? 9u : 6u); i++)
        raise(e, cells[i], NEED_all);
}

void x86_plan_needs(struct emit *e)
{
    unsigned guest = e->request->zero_cell < NEED_CELLS ? e->request->zero_cell : NEED_CELLS;
    memset(e->wanted, NEED_none, guest + 1u);
    for (unsigned i = 0; i < e->ir->nops; i++)
        if (e->ir->ops[i].d < NEED_CELLS)
            e->wanted[e->ir->ops[i].d] = NEED_none;
    for (unsigned i = e->ir->nops; i-- > 0;) {
        const struct ir_op *op = &e->ir->ops[i];
        const uint16_t operands[] = {op->a, op->b, op->c};
        e->need[i] = NEED_all;
        if (op->op == IR_SKIP) { /* the block is not left here */
            raise(e, op->a, NEED_low);
            continue;
        }
        if (op->op >= IR_FADD && op->op <= IR_ITOF && op->d < NEED_CELLS) { /* raises flags only, the block is not left */
            e->need[i] = op->op == IR_FLCMP && e->wanted[op->d] == NEED_none ? NEED_low : NEED_all;
            e->wanted[op->d] = NEED_none;
            raise_all(e, op);
            continue;
        }
        if (!(ir_sigs[op->op].flags & IR_F_P) || op->op == IR_FUNBOX) { /* FUNBOX: the block may be left to begin with its insn */
            memset(e->wanted, NEED_all, guest);
            raise_all(e, op);
            continue;
        }
        if (!narrow(op) || op->d >= NEED_CELLS) {
            raise_all(e, op);
            continue;
        }
        e->need[i] = e->wanted[op->d];
        e->wanted[op->d] = NEED_none;
        for (unsigned n = 0; n < 3 && e->need[i] != NEED_none; n++)
            raise(e, operands[n], operand_need(op, n, e->need[i]));
    }
}
