/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cells as host operands. A cell is a pinned register, or memory, or for a moment rax: a temporary that only the next op reads is
 * forwarded there and never stored.
 */
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

int x86_pin(const struct emit *e, unsigned cell)
{
    return cell < sizeof e->pin_of && e->pin_of[cell] ? (int)pin_regs[e->pin_of[cell] - 1] : -1;
}

enum x86_reg x86_get(struct emit *e, unsigned cell, enum x86_reg scratch)
{
    int pin = x86_pin(e, cell);
    if (pin >= 0)
        return (enum x86_reg)pin;
    if (cell == e->forwarded)
        return RAX;
    x86_load(&e->c, scratch, cell_mem(cell));
    return scratch;
}

void x86_get_into(struct emit *e, unsigned cell, enum x86_reg d, bool wide)
{
    int pin = x86_pin(e, cell);
    if (pin < 0 && cell == e->forwarded)
        pin = RAX;
    if (pin < 0)
        x86_rm(&e->c, 0x8b, wide, d, cell_mem(cell));
    else if (pin != (int)d)
        x86_rr(&e->c, 0x8b, wide, d, (enum x86_reg)pin);
}

void x86_alu_cell(struct emit *e, enum x86_alu op, bool wide, enum x86_reg d, unsigned cell)
{
    int pin = x86_pin(e, cell);
    if (pin < 0 && cell == e->forwarded)
        pin = RAX;
    if (pin < 0)
        x86_alu_rm(&e->c, op, wide, d, cell_mem(cell));
    else
        x86_alu_rr(&e->c, op, wide, d, (enum x86_reg)pin);
}

enum x86_reg x86_result(const struct emit *e, const struct ir_op *op)
{
    int pin = x86_pin(e, op->d);
    return pin < 0 ? RAX : (enum x86_reg)pin;
}

bool x86_reads(const struct ir_op *o, unsigned cell) { return o->a == cell || o->b == cell || o->c == cell; }

bool x86_read_later(const struct emit *e, const struct ir_op *from, unsigned cell)
{
    for (const struct ir_op *o = from; o < e->ir->ops + e->ir->nops; o++) {
        if (o->op == IR_CALL || x86_reads(o, cell))
            return true;
        if (o->d == cell && ir_sigs[o->op].out)
            return false;
    }
    return false;
}

/* A temporary as the address of an access: a stub that needs it in memory puts it there. */
static bool takes_address(const struct emit *e, const struct ir_op *access, unsigned cell)
{
    return access->a == cell && access->b != cell && (x86_access_native(access) || (e->vectors && x86_vector_access(e, access)));
}

/* Is `op`'s result a temporary that only the next op reads, and that one natively? Temporaries end with the insn and are written once. */
static bool only_next(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops, *next = op + 1;
    while (next < end && x86_need(e, next) == NEED_none)
        next++;
    if (op->d <= e->request->zero_cell || next >= end)
        return false;
    if (!x86_reads(next, op->d))
        return x86_chosen_only(e, next, op->d);
    return (x86_is_native(e, next) || takes_address(e, next, op->d)) &&
           ((next->d == op->d && ir_sigs[next->op].out) || !x86_read_later(e, next + 1, op->d));
}

void x86_finish(struct emit *e, const struct ir_op *op, enum x86_reg r)
{
    int pin = x86_pin(e, op->d);
    e->forwarded = IR_NONE;
    if (pin >= 0)
        x86_mov(&e->c, (enum x86_reg)pin, r);
    else if (r == RAX && only_next(e, op))
        e->forwarded = op->d;
    else
        x86_store(&e->c, cell_mem(op->d), r);
}

void x86_finish_word(struct emit *e, const struct ir_op *op, enum x86_reg r)
{
    bool positive = op->op == IR_SHR && op->b == IR_CONST && (op->imm & 31);
    if (op->type == IR_i32 && op->s[0] == IR_SX && x86_need(e, op) == NEED_all && !positive)
        x86_rr(&e->c, 0x63, true, r, r); /* movsxd */
    x86_finish(e, op, r);
}

void x86_cold(struct emit *e, struct cold cold)
{
    if (e->ncold == COLD_MAX) {
        e->c.full = true;
        return;
    }
    cold.kept = (uint16_t)e->ncold;
    struct kept *kept = &e->kept[e->ncold];
    cold.forwarded = (uint16_t)e->forwarded;
    cold.skipped = (uint16_t)e->skipped;
    cold.addressed = cold.kind == COLD_slow && e->addressed;
    e->addressed &= cold.kind != COLD_slow;
    kept->nxtemps = 0;
    kept->mirror = e->mirror;
    kept->sunk = e->sunk;
    memcpy(kept->xstate, e->xstate, sizeof kept->xstate);
    if (e->vectors)
        memcpy(kept->vec, e->vec, sizeof kept->vec);
    e->cold[e->ncold++] = cold;
}
