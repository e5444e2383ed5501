/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Conversions between integers and floats, and between formats, for float.c. To an integer: operands out of range and NaNs go to the
 * evaluator; the host's instruction raises only "invalid" for them, as IEEE 754 says, unless it converts to more bits than are asked for,
 * so those operands are compared with the bounds before.
 */
#include "jit/host/x86_64/sse.h"

static unsigned source(const struct ir_op *op) { return op->s[3] ? op->s[3] : op->type; }

/* Compares x with a bound of the range, the upper one or the lower; returns the branch taken by what is not inside, or a NaN. */
static uint8_t *outside(struct emit *e, bool single, unsigned x, size_t bound, bool upper)
{
    const uint8_t *at = x86_constant(e, bound);
    if (upper) {
        x86_prip(&e->c, sse_scalar(single), 0x0f10, false, XWORK2, at);
        sse_rr(&e->c, sse_compare(single), SSE_ucomi, XWORK2, x);
    } else {
        sse_constant(&e->c, sse_compare(single), SSE_ucomi, x, at);
    }
    return x86_jcc(&e->c, CC_BE);
}

static void to_unsigned(struct emit *e, const struct ir_op *op)
{
    bool single = source(op) == IR_f32, wide = op->type == IR_i64;
    size_t low = single ? offsetof(struct constants, minus_one_f) : offsetof(struct constants, minus_one), high;
    if (wide)
        high = single ? offsetof(struct constants, two63_f) : offsetof(struct constants, two63); /* above: rare, not wrong */
    else
        high = single ? offsetof(struct constants, two32_f) : offsetof(struct constants, two32);
    x86_xsettle(e);
    unsigned x = x86_xget(e, op->a, single, XWORK0);
    enum x86_reg r = x86_result(e, op);
    struct cold cold = {.op = op, .write = x86_xcold_generic, .result = (int)r};
    cold.from = outside(e, single, x, low, false);
    cold.also[0] = outside(e, single, x, high, true);
    x86_prr(&e->c, sse_scalar(single), SSE_to_int_rtz, true, r, (enum x86_reg)x);
    cold.back = e->c.at;
    x86_xcold(e, cold);
    x86_finish(e, op, r);
}

/* Of all that is out of range the instruction makes the least integer, which minus one overflows. */
static void to_signed(struct emit *e, const struct ir_op *op)
{
    bool single = source(op) == IR_f32, wide = op->type == IR_i64, directed = op->s[1] == IR_rdn || op->s[1] == IR_rup;
    x86_xsettle(e);
    unsigned x = x86_xget(e, op->a, single, XWORK0);
    enum x86_reg r = op->d == op->a ? RAX : x86_result(e, op); /* the operand is kept for the evaluator */
    if (directed) {                                            /* what is not integral is in range */
        sse_rr(&e->c, 0x66, single ? 0x0f3a0a : 0x0f3a0b, XWORK1, x);
        x86_byte(&e->c, op->s[1] == IR_rdn ? 1 : 2);
    }
    x86_prr(&e->c, sse_scalar(single), op->s[1] == IR_rne ? SSE_to_int : SSE_to_int_rtz, wide, r, (enum x86_reg)(directed ? XWORK1 : x));
    x86_alu_ri(&e->c, ALU_cmp, wide, r, 1);
    uint8_t *from = x86_jcc(&e->c, CC_O);
    x86_xcold(e, (struct cold){.from = from, .back = e->c.at, .op = op, .write = x86_xcold_generic, .result = (int)r});
    x86_finish(e, op, r);
}

/* rcx has bit 63 set: half of it, with the lost bit kept for the rounding, and that twice. */
static void cold_great(struct emit *e, const struct cold *cold)
{
    x86_mov(&e->c, RAX, RCX);
    x86_shift(&e->c, SH_shr, true, RCX, 1);
    x86_alu_ri(&e->c, ALU_and, false, RAX, 1);
    x86_alu_rr(&e->c, ALU_or, true, RCX, RAX);
    x86_prr(&e->c, sse_scalar(cold->single), SSE_from_int, true, cold->reg, RCX);
    sse_rr(&e->c, sse_scalar(cold->single), SSE_add, cold->reg, cold->reg);
}

static void from_int(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32, wide = source(op) == IR_i64, is_signed = op->s[0] == IR_sgn;
    unsigned d = x86_xresult(e, op);
    if (single && x86_xcanonical(e))
        sse_ones(&e->c, d);
    else
        sse_zero(&e->c, d); /* else it depends on what was there */
    if (is_signed) {
        x86_get_into(e, op->a, RCX, wide);
        x86_prr(&e->c, sse_scalar(single), SSE_from_int, wide, d, RCX);
    } else {
        x86_get_into(e, op->a, RCX, wide);
        uint8_t *from = NULL;
        if (wide) {
            x86_rr(&e->c, 0x85, true, RCX, RCX);
            from = x86_jcc(&e->c, CC_S);
        }
        x86_prr(&e->c, sse_scalar(single), SSE_from_int, true, d, RCX);
        if (from)
            x86_xcold(e,
                      (struct cold){.from = from, .back = e->c.at, .write = cold_great, .reg = (uint8_t)d, .single = single, .result = -1});
    }
    x86_xfinish(e, op, d, single, single ? X_ONES : 0);
}

static void to_format(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32; /* the result */
    x86_float_begin(e);
    unsigned x = x86_xget(e, op->a, !single, XWORK1), d = x86_float_result(e, op, x, x);
    sse_3(e, sse_scalar(!single), SSE_cvt, d, x, x);
    x86_float_finish(e, op, d, single, 0, single);
}

void x86_float_convert(struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_FTOI:
        if (op->s[0] == IR_sgn)
            to_signed(e, op);
        else
            to_unsigned(e, op);
        break;
    case IR_ITOF: from_int(e, op); break;
    default: to_format(e, op);
    }
}
