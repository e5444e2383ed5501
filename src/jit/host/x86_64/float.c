/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scalar floating point by SSE (and FMA3). Right in every bit for guests whose NaN results are always the canonical one and that detect
 * tininess after rounding, as SSE does; of others, results that may differ go to the evaluator. MXCSR rounds to nearest and collects flags. Anything else is the evaluator's, as are the
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
    if (!scalar(source(op)) || !word(op->type) || op->s[2] == IR_indef)
        return false;
    return op->s[1] == IR_rtz || (is_signed && (op->s[1] == IR_rne || (directed && op->type == IR_i64 && e->sse41)));
}

/* Bits of a float with those of another, or of an integer. */
static bool logic_native(const struct emit *e, const struct ir_op *op)
{
    return op->type == IR_i64 && op->b != IR_CONST && e->avx &&
           (x86_xpin(e, op->a) >= 0 || x86_xpin(e, op->b) >= 0 || x86_xpin(e, op->d) >= 0);
}

/* What arises from bits only, and moves. */
static bool move_native(const struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_FABS:
    case IR_FNEG: return scalar(op->type);
    case IR_AND:
    case IR_OR:
    case IR_XOR: return logic_native(e, op);
    case IR_FBOX:
    case IR_FUNBOX: return x86_xcanonical(e) && (op->op == IR_FBOX ? source(op) : op->type) == IR_f32;
    case IR_FROM: return scalar(op->type) && word(source(op));
    case IR_ZEXT: return !x86_xcanonical(e) && op->type == IR_i64 && source(op) == IR_i32 && x86_xpin(e, op->d) >= 0;
    case IR_SELECT: return !x86_xcanonical(e) && scalar(op->type) && e->avx;
    case IR_MOV: return (op->type == IR_i64 || op->type == IR_f64) && (x86_xreg(e, op->a) >= 0 || x86_xpin(e, op->d) >= 0);
    }
    return false;
}

bool x86_float_native(const struct emit *e, const struct ir_op *op)
{
    if (!e->request->fp_host)
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
    case IR_FLE:
    case IR_FLCMP: return scalar(op->type);
    case IR_FMIN:
    case IR_FMAX: return scalar(op->type) && (op->s[0] == IR_num || (op->s[0] != IR_x86 && !x86_xcanonical(e)));
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

/* ---- arithmetic ---- */

/* What a result has above it is its first operand's. */
static unsigned above(const struct emit *e, unsigned cell, bool single) { return single ? x86_xstate(e, cell) & X_ONES : 0; }

/* NaNs, and results that may have been tiny before they were rounded, are the evaluator's; its operands are in their registers. */
static void check(struct emit *e, const struct ir_op *op, unsigned d, bool single, unsigned above, bool tiny)
{
    if (tiny) { /* a NaN is "equal" too */
        sse_3c(e, 0, SSE_and, XWORK2, d, single ? CONSTANT(e, abs32) : CONSTANT(e, abs64));
        sse_constant(&e->c, sse_compare(single), SSE_ucomi, XWORK2, single ? CONSTANT(e, least32) : CONSTANT(e, least64));
    } else {
        sse_rr(&e->c, sse_compare(single), SSE_ucomi, d, d);
    }
    uint8_t *from = x86_jcc(&e->c, tiny ? CC_E : CC_P);
    x86_xcold(e, (struct cold){.from = from,
                               .back = e->c.at,
                               .op = op,
                               .write = x86_xcold_generic,
                               .result = -1,
                               .reg = (uint8_t)d,
                               .single = single,
                               .boxed = above});
}

void x86_float_begin(struct emit *e)
{
    if (!x86_xcanonical(e))
        x86_xsettle(e);
}

unsigned x86_float_result(struct emit *e, const struct ir_op *op, unsigned a, unsigned b)
{
    unsigned d = x86_xresult(e, op);
    return !x86_xcanonical(e) && (d == a || d == b) ? (unsigned)XWORK0 : d;
}

void x86_float_finish(struct emit *e, const struct ir_op *op, unsigned d, bool single, unsigned above, bool tiny)
{
    if (x86_xcanonical(e)) {
        x86_xfinish(e, op, d, single, above | X_NAN);
        return;
    }
    check(e, op, d, single, above, tiny);
    x86_xfinish(e, op, d, single, above);
}

static void arithmetic(struct emit *e, const struct ir_op *op)
{
    static const uint16_t opcodes[IR_OPS] = {[IR_FADD] = SSE_add, [IR_FSUB] = SSE_sub, [IR_FMUL] = SSE_mul, [IR_FDIV] = SSE_div};
    bool single = op->type == IR_f32, commutes = ir_sigs[op->op].flags & IR_F_C, tiny = op->op == IR_FMUL || op->op == IR_FDIV;
    unsigned a = op->a, b = op->b;
    x86_float_begin(e);
    if (commutes && (x86_xmemory(e, a) || (above(e, b, single) && !above(e, a, single) && !x86_xmemory(e, b)))) {
        a = op->b;
        b = op->a;
    }
    unsigned first = x86_xget(e, a, single, XWORK0), state = above(e, a, single);
    if (x86_xmemory(e, b)) {
        unsigned d = x86_float_result(e, op, first, first);
        sse_3m(e, sse_scalar(single), opcodes[op->op], d, first, cell_mem(b));
        x86_float_finish(e, op, d, single, state, tiny);
    } else {
        unsigned second = b == a ? first : x86_xget(e, b, single, XWORK1), d = x86_float_result(e, op, first, second);
        sse_3(e, sse_scalar(single), opcodes[op->op], d, first, second);
        x86_float_finish(e, op, d, single, state, tiny);
    }
}

static void square_root(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32;
    x86_float_begin(e);
    unsigned state = above(e, op->a, single), x = x86_xget(e, op->a, single, XWORK0), d = x86_float_result(e, op, x, x);
    sse_3(e, sse_scalar(single), SSE_sqrt, d, x, x);
    x86_float_finish(e, op, d, single, state, false);
}

/* Infinity times zero plus a quiet NaN is invalid for IEEE 754-2019 as riscv has it, not for FMA3: NaNs go to the evaluator. */
static void multiply_add(struct emit *e, const struct ir_op *op)
{
    static const uint8_t opcodes[] = {[IR_pos] = 0xa9, [IR_negc] = 0xab, [IR_negp] = 0xad, [IR_negpc] = 0xaf}; /* the 213 forms */
    bool single = op->type == IR_f32;
    unsigned state = above(e, op->a, single);
    x86_xsettle(e);
    unsigned a = x86_xget(e, op->a, single, XWORK0), b = x86_xget(e, op->b, single, XWORK1), c = x86_xget(e, op->c, single, XWORK2);
    unsigned d = x86_xresult(e, op);
    if (d == a || d == b || d == c) /* the evaluator needs them */
        d = XWORK0;
    if (a != XWORK0 || d != XWORK0)
        sse_move(&e->c, d, a);
    x86_vrr(&e->c, 0x66, 0x0f3800u | opcodes[op->s[0]], !single, d, b, c);
    check(e, op, d, single, state, !x86_xcanonical(e));
    x86_xfinish(e, op, d, single, state);
}

/* Of zeros with different signs the instruction gives the second, so it is done both ways: they differ in nothing else. */
static void extreme(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32, min = op->op == IR_FMIN;
    unsigned state = above(e, op->a, single) & above(e, op->b, single), opcode = min ? SSE_min : SSE_max;
    x86_xsettle(e);
    unsigned a = x86_xget(e, op->a, single, XWORK1), b = x86_xget(e, op->b, single, XWORK2);
    sse_rr(&e->c, sse_compare(single), SSE_ucomi, a, b);
    uint8_t *from = x86_jcc(&e->c, CC_P);
    struct cold cold = {.from = from, .op = op, .write = x86_xcold_generic, .result = -1, .reg = XWORK0, .single = single, .boxed = state};
    sse_move(&e->c, XWORK0, a);
    sse_rr(&e->c, sse_scalar(single), opcode, XWORK0, b);
    sse_move(&e->c, XWORK2, b);
    sse_rr(&e->c, sse_scalar(single), opcode, XWORK2, a);
    sse_rr(&e->c, 0, min ? SSE_or : SSE_and, XWORK0, XWORK2);
    cold.back = e->c.at;
    x86_xcold(e, cold);
    x86_xfinish(e, op, XWORK0, single, state);
}

static void sign(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32;
    x86_xpay_nan(e, op->a);
    unsigned state = above(e, op->a, single), x = x86_xget(e, op->a, single, XWORK0), d = x86_xresult(e, op);
    if (op->op == IR_FABS)
        sse_3c(e, 0, SSE_and, d, x, single ? CONSTANT(e, abs32) : CONSTANT(e, abs64));
    else
        sse_3c(e, 0, SSE_xor, d, x, single ? CONSTANT(e, neg32) : CONSTANT(e, neg64));
    x86_xfinish(e, op, d, single, state);
}

static void logic(struct emit *e, const struct ir_op *op)
{
    unsigned opcode = op->op == IR_AND ? SSE_and : op->op == IR_OR ? SSE_or : SSE_xor;
    x86_xpay(e, op->a);
    x86_xpay(e, op->b);
    unsigned a = x86_xget(e, op->a, false, XWORK0), b = op->b == op->a ? a : x86_xget(e, op->b, false, XWORK1), d = x86_xresult(e, op);
    sse_3(e, 0, opcode, d, a, b);
    x86_xfinish(e, op, d, false, 0);
}

/* roundss, roundsd: the rounding is an immediate; inexact is not raised if bit 3 says so. */
static void round_integral(struct emit *e, const struct ir_op *op)
{
    static const uint8_t modes[] = {[IR_rne] = 0, [IR_rdn] = 1, [IR_rup] = 2, [IR_rtz] = 3};
    bool single = op->type == IR_f32;
    x86_float_begin(e);
    unsigned state = above(e, op->a, single), x = x86_xget(e, op->a, single, XWORK0), d = x86_float_result(e, op, x, x);
    sse_3(e, 0x66, single ? 0x0f3a0a : 0x0f3a0b, d, x, x);
    x86_byte(&e->c, modes[op->s[0]] | (op->s[1] ? 0u : 8u));
    x86_float_finish(e, op, d, single, state, false);
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

/* The flags by a table; nobody may want them, then for what the comparison raises. */
static void compare_flags(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32;
    unsigned a = x86_xget(e, op->a, single, XWORK0), b = x86_xget(e, op->b, single, XWORK1);
    sse_rr(&e->c, sse_compare(single), op->s[0] == IR_signalling ? SSE_comi : SSE_ucomi, a, b);
    if (x86_need(e, op) != NEED_all)
        return;
    enum x86_reg r = x86_result(e, op);
    e->forwarded = IR_NONE;
    x86_byte(&e->c, 0x9f);                                   /* lahf */
    x86_prip(&e->c, 0, 0x8d, true, RCX, CONSTANT(e, flags)); /* lea */
    x86_rr(&e->c, 0x0fb6, false, RAX, RSP);                  /* movzx eax, ah */
    x86_rm(&e->c, 0x0fb7, false, r, (struct x86_mem){.base = RCX, .index = RAX, .scale = 2});
    x86_finish(e, op, r);
}

static void choose(struct emit *e, const struct ir_op *op)
{
    bool single = op->type == IR_f32;
    x86_get_into(e, op->a, RCX, false);
    unsigned b = x86_xget(e, op->b, single, XWORK0), c = op->c == op->b ? b : x86_xget(e, op->c, single, XWORK1);
    unsigned state = above(e, op->b, single) & above(e, op->c, single), d = x86_xresult(e, op);
    x86_alu_ri(&e->c, ALU_and, false, RCX, 1);
    x86_rr(&e->c, 0xf7, true, 3, RCX); /* neg */
    x86_prr(&e->c, 0x66, 0x0f6e, true, XWORK2, RCX);
    x86_vrr(&e->c, 0x66, 0x0f3a4b, false, d, c, b); /* vblendvpd */
    x86_byte(&e->c, XWORK2 << 4);
    x86_xfinish(e, op, d, single, state);
}

/* ---- bits ---- */

static void box(struct emit *e, const struct ir_op *op)
{
    int pin = x86_xpin(e, op->d);
    unsigned state = x86_xstate(e, op->a) & (X_NAN | X_ONES);
    if (pin >= 0) {
        x86_xget_into(e, op->a, true, (unsigned)pin); /* nothing if it was made there */
        x86_xfinish(e, op, (unsigned)pin, false, state & X_ONES ? state : state | X_UPPER);
        return;
    }
    x86_xpay_nan(e, op->a);
    x86_xget_into(e, op->a, true, XWORK0);
    if (!(state & X_ONES))
        sse_constant(&e->c, 0, SSE_or, XWORK0, CONSTANT(e, box));
    x86_xfinish(e, op, XWORK0, false, 0);
}

/* Has the current insn done nothing but look at its operands? Then the block can be left to begin with it again. */
static bool can_restart(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *o = e->ir->ops + e->ir->insns[e->insn].op;
    while (o < op && o->op == IR_FUNBOX)
        o++;
    return o == op && e->insn > 0;
}

static uint8_t *if_no_box(struct emit *e, unsigned x)
{
    x86_prr(&e->c, 0x66, 0x0f7e, true, x, RCX);
    x86_shift(&e->c, SH_shr, true, RCX, 32);
    x86_alu_ri(&e->c, ALU_cmp, false, RCX, -1);
    return x86_jcc(&e->c, CC_NE);
}

static void cold_no_box(struct emit *e, const struct cold *cold) { sse_constant(&e->c, 0xf2, 0x0f10, cold->reg, CONSTANT(e, nan32)); }

/* Later insns need not look any more. */
static void expect_box(struct emit *e, unsigned x)
{
    uint8_t *from = if_no_box(e, x);
    x86_cold(e, (struct cold){.kind = COLD_restart, .from = from, .insn = (uint16_t)e->insn, .result = -1});
    e->xstate[x - XPIN0] |= X_ONES;
}

static void unbox(struct emit *e, const struct ir_op *op)
{
    int from = x86_xreg(e, op->a);
    unsigned known = X_ONES | X_UPPER;
    if (!(x86_xstate(e, op->a) & known)) {
        x86_xpay_nan(e, op->a);
        if (from >= XPIN0 && can_restart(e, op))
            expect_box(e, (unsigned)from);
    }
    unsigned state = x86_xstate(e, op->a);
    if (state & known) {
        if (x86_xalias(e, op, (unsigned)from))
            return;
        unsigned d = x86_xresult(e, op);
        x86_xget_into(e, op->a, true, d);
        x86_xfinish(e, op, d, true, state & (X_NAN | X_ONES));
        return;
    }
    unsigned d = x86_xresult(e, op);
    bool memory = x86_xmemory(e, op->a);
    x86_xget_into(e, op->a, false, d);
    struct x86_mem upper = cell_mem(op->a);
    upper.disp += 4;
    if (memory)
        x86_alu_mi(&e->c, ALU_cmp, false, upper, -1);
    uint8_t *bad = memory ? x86_jcc(&e->c, CC_NE) : if_no_box(e, d);
    x86_xcold(e, (struct cold){.from = bad, .back = e->c.at, .write = cold_no_box, .reg = (uint8_t)d, .result = -1});
    x86_xfinish(e, op, d, true, X_ONES);
}

/* Between the register files. */
static void move(struct emit *e, const struct ir_op *op)
{
    int from = x86_xreg(e, op->a), to = x86_xpin(e, op->d);
    bool single = (op->op == IR_FROM && op->type == IR_f32) || op->op == IR_ZEXT;
    unsigned state = op->op == IR_MOV && to >= 0 ? x86_xstate(e, op->a) : 0;
    if (!state && from >= 0)
        x86_xpay(e, op->a);
    if (from >= 0 && to >= 0 && op->op == IR_MOV) {
        sse_move(&e->c, (unsigned)to, (unsigned)from);
        x86_xfinish(e, op, (unsigned)to, false, state);
    } else if (from < 0 || to >= 0 || op->op != IR_MOV) {
        unsigned d = x86_xresult(e, op);
        x86_xget_into(e, op->a, single, d);
        x86_xfinish(e, op, d, single, 0);
    } else if (x86_pin(e, op->d) >= 0) {
        x86_prr(&e->c, 0x66, 0x0f7e, true, (unsigned)from, (enum x86_reg)x86_pin(e, op->d));
        e->forwarded = IR_NONE;
        x86_mirror_set(e, op, (unsigned)from, true);
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
    case IR_AND:
    case IR_OR:
    case IR_XOR: logic(e, op); break;
    case IR_FROUND: round_integral(e, op); break;
    case IR_FEQ:
    case IR_FLT:
    case IR_FLE: compare(e, op); break;
    case IR_FLCMP: compare_flags(e, op); break;
    case IR_SELECT: choose(e, op); break;
    case IR_FBOX: box(e, op); break;
    case IR_FUNBOX: unbox(e, op); break;
    case IR_MOV:
    case IR_ZEXT:
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
    case IR_FLCMP:
    case IR_FTOI:
    case IR_FXGET:
        lower(e, op);
        x86_xmm_written(e, op, true);
        break;
    default: lower(e, op);
    }
    return true;
}
