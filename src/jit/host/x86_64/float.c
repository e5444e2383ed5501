/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scalar floating point by SSE (and FMA3). Right in every bit for guests whose NaN results are always the canonical one and that detect
 * tininess after rounding, as SSE does; MXCSR rounds to nearest and collects their flags. Anything else is the evaluator's, as are the
 * operands for which an instruction here raises other flags than IEEE 754 says: those are found before or, where the flags it raises are
 * among the right ones, after.
 */
#include "jit/host/x86_64/sse.h"

static bool scalar(unsigned type) { return type == IR_f32 || type == IR_f64; }
static bool word(unsigned type) { return type == IR_i32 || type == IR_i64; }
static unsigned source(const struct ir_op *op) { return op->s[3] ? op->s[3] : op->type; }

static bool to_int_native(const struct emit *e, const struct ir_op *op)
{
    bool is_signed = op->s[0] == IR_sgn, directed = op->s[1] == IR_rdn || op->s[1] == IR_rup;
    if (!scalar(source(op)) || !word(op->type) || op->s[2] != IR_nanmax)
        return false;
    return op->s[1] == IR_rtz || (is_signed && (op->s[1] == IR_rne || (directed && op->type == IR_i64 && e->sse41)));
}

/* What arises from bits only, and moves. */
static bool move_native(const struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_FABS:
    case IR_FNEG: return scalar(op->type);
    case IR_FBOX:
    case IR_FUNBOX: return op->op == IR_FBOX ? source(op) == IR_f32 : op->type == IR_f32;
    case IR_FROM: return scalar(op->type) && word(source(op));
    case IR_MOV: return (op->type == IR_i64 || op->type == IR_f64) && (x86_xreg(e, op->a) >= 0 || x86_xpin(e, op->d) >= 0);
    }
    return false;
}

bool x86_float_native(const struct emit *e, const struct ir_op *op)
{
    if (!e->request->fp_canonical)
        return false;
    switch (op->op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FSQRT: return scalar(op->type) && op->s[0] == IR_rne;
    case IR_FMA: return scalar(op->type) && op->s[1] == IR_rne && e->fma;
    case IR_FEQ:
    case IR_FLT:
    case IR_FLE: return scalar(op->type);
    case IR_FMIN:
    case IR_FMAX: return scalar(op->type) && op->s[0] == IR_num;
    case IR_FROUND: return scalar(op->type) && op->s[0] <= IR_rup && e->sse41;
    case IR_FTOI: return to_int_native(e, op);
    case IR_ITOF: return scalar(op->type) && word(source(op)) && (op->s[1] == IR_rne || (op->type == IR_f64 && source(op) == IR_i32));
    case IR_FTOF: return (op->type == IR_f64 && source(op) == IR_f32) || (op->type == IR_f32 && source(op) == IR_f64 && op->s[0] == IR_rne);
    case IR_FXGET:
    case IR_FXSET:
    case IR_FXOR: return true;
    }
    return move_native(e, op);
}

/* ---- NaN results ---- */

static void cold_nan(struct emit *e, const struct cold *cold)
{
    x86_imm(&e->c, RAX, !cold->single ? 0x7ff8000000000000 : cold->boxed ? 0xffffffff7fc00000 : 0x7fc00000);
    x86_prr(&e->c, 0x66, 0x0f6e, true, cold->reg, RAX);
}

void x86_nan_check(struct emit *e, unsigned x, bool single, bool boxed)
{
    sse_rr(&e->c, sse_compare(single), SSE_ucomi, x, x);
    uint8_t *from = x86_jcc(&e->c, CC_P);
    x86_xcold(e, (struct cold){
                     .from = from, .back = e->c.at, .write = cold_nan, .reg = (uint8_t)x, .single = single, .boxed = boxed, .result = -1});
}

/* ---- arithmetic ---- */

static void arithmetic(struct emit *e, const struct ir_op *op)
{
    static const uint16_t opcodes[IR_OPS] = {[IR_FADD] = SSE_add, [IR_FSUB] = SSE_sub, [IR_FMUL] = SSE_mul, [IR_FDIV] = SSE_div};
    bool single = op->type == IR_f32, boxed = single && x86_xboxed(e, op->a);
    unsigned a = op->a, b = op->b, d = x86_xresult(e, op);
    if (x86_xreg(e, b) == (int)d && x86_xreg(e, a) != (int)d) {
        if (ir_sigs[op->op].flags & IR_F_C) {
            a = op->b;
            b = op->a;
            boxed = single && x86_xboxed(e, a);
        } else {
            d = XWORK0;
        }
    }
    int second = x86_xmemory(e, b) ? -1 : (int)x86_xget(e, b, single, XWORK1);
    x86_xget_into(e, a, single, d);
    if (b == a)
        second = (int)d;
    if (second >= 0)
        sse_rr(&e->c, sse_scalar(single), opcodes[op->op], d, (unsigned)second);
    else
        x86_prm(&e->c, sse_scalar(single), opcodes[op->op], false, d, cell_mem(b), false);
    x86_nan_check(e, d, single, boxed);
    x86_xfinish(e, op, d, single, boxed);
}

static void square_root(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32, boxed = single && x86_xboxed(e, op->a);
    unsigned d = x86_xresult(e, op);
    x86_xget_into(e, op->a, single, d);
    sse_rr(&e->c, sse_scalar(single), SSE_sqrt, d, d);
    x86_nan_check(e, d, single, boxed);
    x86_xfinish(e, op, d, single, boxed);
}

/* Infinity times zero plus a quiet NaN is invalid for IEEE 754-2019 as riscv has it, not for FMA3: NaNs go to the evaluator. */
static void multiply_add(struct emit *e, const struct ir_op *op)
{
    static const uint8_t opcodes[] = {[IR_pos] = 0xa9, [IR_negc] = 0xab, [IR_negp] = 0xad, [IR_negpc] = 0xaf}; /* the 213 forms */
    bool single = op->type == IR_f32, boxed = single && x86_xboxed(e, op->a);
    unsigned d = XWORK0;
    x86_xsettle(e);
    x86_xget_into(e, op->a, single, d);
    unsigned b = x86_xget(e, op->b, single, XWORK1), c = x86_xget(e, op->c, single, XWORK2);
    x86_vex_rr(&e->c, opcodes[op->s[0]], !single, d, b, c);
    sse_rr(&e->c, sse_compare(single), SSE_ucomi, d, d);
    uint8_t *from = x86_jcc(&e->c, CC_P);
    x86_xcold(e, (struct cold){.from = from,
                               .back = e->c.at,
                               .op = op,
                               .write = x86_xcold_generic,
                               .result = -1,
                               .reg = (uint8_t)d,
                               .single = single,
                               .boxed = boxed});
    x86_xfinish(e, op, d, single, boxed);
}

/* Of zeros with different signs the instruction gives the second, so it is done both ways: they differ in nothing else. */
static void extreme(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32, min = op->op == IR_FMIN;
    bool boxed = single && x86_xboxed(e, op->a) && x86_xboxed(e, op->b);
    unsigned opcode = min ? SSE_min : SSE_max;
    x86_xsettle(e);
    unsigned a = x86_xget(e, op->a, single, XWORK1), b = x86_xget(e, op->b, single, XWORK2);
    sse_rr(&e->c, sse_compare(single), SSE_ucomi, a, b);
    uint8_t *from = x86_jcc(&e->c, CC_P);
    struct cold cold = {.from = from, .op = op, .write = x86_xcold_generic, .result = -1, .reg = XWORK0, .single = single, .boxed = boxed};
    sse_move(&e->c, XWORK0, a);
    sse_rr(&e->c, sse_scalar(single), opcode, XWORK0, b);
    sse_move(&e->c, XWORK2, b);
    sse_rr(&e->c, sse_scalar(single), opcode, XWORK2, a);
    sse_rr(&e->c, 0, min ? SSE_or : SSE_and, XWORK0, XWORK2);
    cold.back = e->c.at;
    x86_xcold(e, cold);
    x86_xfinish(e, op, XWORK0, single, boxed);
}

static void sign(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32, boxed = single && x86_xboxed(e, op->a);
    unsigned d = x86_xresult(e, op);
    x86_xget_into(e, op->a, single, d);
    if (op->op == IR_FABS)
        sse_constant(&e->c, 0, SSE_and, d, single ? CONSTANT(e, abs32) : CONSTANT(e, abs64));
    else
        sse_constant(&e->c, 0, SSE_xor, d, single ? CONSTANT(e, neg32) : CONSTANT(e, neg64));
    x86_xfinish(e, op, d, single, boxed);
}

/* roundss, roundsd: the rounding is an immediate; inexact is not raised if bit 3 says so. */
static void round_integral(struct emit *e, const struct ir_op *op)
{
    static const uint8_t modes[] = {[IR_rne] = 0, [IR_rdn] = 1, [IR_rup] = 2, [IR_rtz] = 3};
    bool single = op->type == IR_f32, boxed = single && x86_xboxed(e, op->a);
    unsigned d = x86_xresult(e, op);
    x86_xget_into(e, op->a, single, d);
    sse_rr(&e->c, 0x66, single ? 0x0f3a0a : 0x0f3a0b, d, d);
    x86_byte(&e->c, modes[op->s[0]] | (op->s[1] ? 0u : 8u));
    x86_nan_check(e, d, single, boxed);
    x86_xfinish(e, op, d, single, boxed);
}

/* ---- comparison ---- */

/* ucomis, comis: CF less, ZF equal, all of CF ZF PF unordered. */
static void compare(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32, swap = op->op != IR_FEQ; /* b > a is false when unordered */
    unsigned a = x86_xget(e, op->a, single, XWORK0), b = x86_xget(e, op->b, single, XWORK1);
    enum x86_reg r = x86_result(e, op);
    e->forwarded = IR_NONE;
    x86_alu_rr(&e->c, ALU_xor, false, r, r);
    sse_rr(&e->c, sse_compare(single), op->s[0] == IR_signalling ? SSE_comi : SSE_ucomi, swap ? b : a, swap ? a : b);
    if (swap) {
        x86_setcc(&e->c, op->op == IR_FLT ? CC_A : CC_AE, r);
    } else {
        x86_setcc(&e->c, CC_NP, r);
        x86_setcc(&e->c, CC_E, RCX);
        x86_alu_rr(&e->c, ALU_and, false, r, RCX);
    }
    x86_finish(e, op, r);
}

/* ---- bits ---- */

static void box(struct emit *e, const struct ir_op *op)
{
    unsigned d = x86_xpin(e, op->d) >= 0 ? (unsigned)x86_xpin(e, op->d) : XWORK0;
    bool boxed = x86_xboxed(e, op->a);
    x86_xget_into(e, op->a, true, d);
    if (!boxed)
        sse_constant(&e->c, 0, SSE_or, d, CONSTANT(e, box));
    x86_xfinish(e, op, d, false, true);
}

static void unbox(struct emit *e, const struct ir_op *op)
{
    int from = x86_xreg(e, op->a);
    if (from >= 0 && x86_xboxed(e, op->a) && x86_xalias(e, op, (unsigned)from))
        return;
    unsigned d = x86_xresult(e, op);
    bool known = x86_xboxed(e, op->a);
    x86_xget_into(e, op->a, false, d);
    if (!known) {
        if (x86_xmemory(e, op->a)) {
            struct x86_mem upper = cell_mem(op->a);
            upper.disp += 4;
            x86_alu_mi(&e->c, ALU_cmp, false, upper, -1);
        } else {
            x86_prr(&e->c, 0x66, 0x0f7e, true, d, RCX);
            x86_shift(&e->c, SH_shr, true, RCX, 32);
            x86_alu_ri(&e->c, ALU_cmp, false, RCX, -1);
        }
        uint8_t *bad = x86_jcc(&e->c, CC_NE);
        x86_xcold(e, (struct cold){
                         .from = bad, .back = e->c.at, .write = cold_nan, .reg = (uint8_t)d, .single = true, .boxed = true, .result = -1});
    }
    x86_xfinish(e, op, d, true, true);
}

/* Between the register files. */
static void move(struct emit *e, const struct ir_op *op)
{
    int from = x86_xreg(e, op->a), to = x86_xpin(e, op->d);
    bool single = op->op == IR_FROM && op->type == IR_f32, boxed = op->op == IR_MOV && x86_xboxed(e, op->a);
    if (from < 0 || to >= 0 || op->op == IR_FROM) {
        unsigned d = x86_xresult(e, op);
        x86_xget_into(e, op->a, single, d);
        x86_xfinish(e, op, d, single, boxed);
    } else if (x86_pin(e, op->d) >= 0) {
        x86_prr(&e->c, 0x66, 0x0f7e, true, (unsigned)from, (enum x86_reg)x86_pin(e, op->d));
        e->forwarded = IR_NONE;
    } else {
        sse_store(&e->c, false, cell_mem(op->d), (unsigned)from);
        e->forwarded = IR_NONE;
    }
}

static void lower(struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV: arithmetic(e, op); break;
    case IR_FSQRT: square_root(e, op); break;
    case IR_FMA: multiply_add(e, op); break;
    case IR_FMIN:
    case IR_FMAX: extreme(e, op); break;
    case IR_FABS:
    case IR_FNEG: sign(e, op); break;
    case IR_FROUND: round_integral(e, op); break;
    case IR_FEQ:
    case IR_FLT:
    case IR_FLE: compare(e, op); break;
    case IR_FBOX: box(e, op); break;
    case IR_FUNBOX: unbox(e, op); break;
    case IR_MOV:
    case IR_FROM: move(e, op); break;
    case IR_FXGET:
    case IR_FXSET:
    case IR_FXOR: x86_float_flags(e, op); break;
    default: x86_float_convert(e, op);
    }
}

/* Integer operands and results are those of x86_get and x86_finish, which see pinned xmm registers as memory. */
bool x86_lower_float(struct emit *e, const struct ir_op *op)
{
    if (!x86_float_native(e, op))
        return false;
    switch (op->op) {
    case IR_FXSET:
    case IR_FXOR:
    case IR_ITOF:
        x86_xmm_flush(e, op);
        lower(e, op);
        break;
    case IR_FEQ:
    case IR_FLT:
    case IR_FLE:
    case IR_FTOI:
    case IR_FXGET:
        lower(e, op);
        x86_xmm_written(e, op, true);
        break;
    default: lower(e, op);
    }
    return true;
}
