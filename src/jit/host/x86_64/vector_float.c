/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Vector float ops by packed SSE (and FMA3), with rounding to nearest and MXCSR collecting flags as in scalar code (decision 006). The host's
 * NaNs are not the guest's, so a NaN among the results goes to the evaluator, which does the whole op again: the flags raised so far are among
 * the right ones. So does a result that is the least normal number where it may have been tiny before rounding: only guests that detect
 * tininess after it agree with the host there. Sums, roots and integral values are never tiny and inexact.
 */
#include "jit/host/x86_64/sse.h"

enum { PCMPEQD = 0x0f76, PCMPEQQ = 0x0f3829, PAND = 0x0fdb, POR = 0x0feb, CMPP = 0x0fc2, UNORDERED = 3 };

/* The lane width of ops on lanes of one. */
static unsigned width(const struct ir_op *op) { return op->s[op->op == IR_VFMIN || op->op == IR_VFMAX || op->op == IR_VFCMP]; }
static unsigned from_bits(const struct ir_op *op) { return op->imm & 0xff; }
static unsigned to_bits(const struct ir_op *op) { return op->imm >> 8 & 0xff; }

/* SSE has eq and unordered quiet, less and less or equal signalling; AVX all, the other way with bit 4. */
static bool compare_native(const struct emit *e, const struct ir_op *op)
{
    bool quiet = op->s[0] == IR_FC_eq || op->s[0] == IR_FC_uno;
    return e->avx || quiet == (op->s[2] == IR_quiet);
}

static bool convert_native(const struct ir_op *op)
{
    unsigned from = from_bits(op), to = to_bits(op), rm = op->s[1];
    switch (op->op) {
    case IR_VFTOI: return from == 32 && to == 32 && op->s[0] == IR_sgn && (rm == IR_rtz || rm == IR_rne);
    case IR_VITOF: return from == 32 && op->s[0] == IR_sgn && ((to == 32 && rm == IR_rne) || to == 64);
    default: return from + to == 32 + 64 && (to == 64 || rm == IR_rne);
    }
}

bool x86_vector_float_native(const struct emit *e, const struct ir_op *op)
{
    if (e->request->fp_host == FP_HOST_none)
        return false;
    if (op->op >= IR_VFTOI)
        return convert_native(op);
    if (width(op) == 16)
        return false;
    switch (op->op) {
    case IR_VFMA: return e->fma && op->s[2] == IR_rne;
    case IR_VFROUND: return op->s[1] <= IR_rup;
    case IR_VFMIN:
    case IR_VFMAX: return true;
    case IR_VFCMP: return compare_native(e, op);
    }
    return op->s[1] == IR_rne;
}

static unsigned prefix(bool single) { return single ? 0 : 0x66; }

static void compare(struct emit *e, bool single, unsigned predicate, unsigned d, unsigned a, unsigned b)
{
    sse_3(e, prefix(single), CMPP, d, a, b);
    x86_byte(&e->c, predicate);
}

/* Returns the branch that is taken if a lane of x has its sign; loses rcx. */
static uint8_t *if_any(struct emit *e, bool single, unsigned x)
{
    x86_prr(&e->c, prefix(single), 0x0f50, false, RCX, (enum x86_reg)x); /* movmskps, movmskpd */
    x86_rr(&e->c, 0x85, false, RCX, RCX);
    return x86_jcc(&e->c, CC_NE);
}

/* NaNs, and if it matters the least normal numbers, among the results in d. */
static uint8_t *unless_sure(struct emit *e, bool single, bool tiny, unsigned d)
{
    uint64_t abs = single ? 0x7fffffff7fffffff : 0x7fffffffffffffff, least = single ? 0x0080000000800000 : 0x0010000000000000;
    compare(e, single, UNORDERED, XWORK0, d, d);
    if (tiny && !x86_xcanonical(e)) {
        x86_vwith_constant(e, 0x66, PAND, XWORK1, d, abs, abs);
        x86_vwith_constant(e, 0x66, single ? PCMPEQD : PCMPEQQ, XWORK1, XWORK1, least, least);
        sse_3(e, 0x66, POR, XWORK0, XWORK0, XWORK1);
    }
    return if_any(e, single, XWORK0);
}

static void finish(struct emit *e, const struct ir_op *op, unsigned d, uint8_t *from)
{
    x86_vfinish(e, op, d);
    if (from)
        x86_xcold(e, (struct cold){.from = from, .back = e->c.at, .op = op, .write = x86_xcold_evaluate, .result = -1});
}

static void arithmetic(struct emit *e, const struct ir_op *op)
{
    static const uint16_t opcodes[IR_OPS] = {
        [IR_VFADD] = SSE_add, [IR_VFSUB] = SSE_sub, [IR_VFMUL] = SSE_mul, [IR_VFDIV] = SSE_div, [IR_VFSQRT] = SSE_sqrt};
    static const uint8_t fused[] = {[IR_pos] = 0xa8, [IR_negc] = 0xaa, [IR_negp] = 0xac, [IR_negpc] = 0xae}; /* the 213 forms */
    static const uint8_t modes[] = {[IR_rne] = 0, [IR_rdn] = 1, [IR_rup] = 2, [IR_rtz] = 3};
    const char *in = ir_sigs[op->op].in;
    bool single = width(op) == 32, tiny = op->op == IR_VFMUL || op->op == IR_VFDIV || op->op == IR_VFMA;
    unsigned a = x86_vget(e, op->a), b = in[1] ? x86_vget(e, op->b) : a, c = in[1] && in[2] ? x86_vget(e, op->c) : a;
    unsigned d = x86_vresult(e);
    switch (op->op) {
    case IR_VFSQRT: sse_rr(&e->c, prefix(single), SSE_sqrt, d, a); break;
    case IR_VFMA:
        sse_move(&e->c, d, a);
        x86_vrr(&e->c, 0x66, 0x0f3800u | fused[op->s[1]], !single, d, b, c);
        break;
    case IR_VFROUND:
        sse_rr(&e->c, 0x66, single ? 0x0f3a08 : 0x0f3a09, d, a);
        x86_byte(&e->c, modes[op->s[1]] | (op->s[2] ? 0u : 8u));
        break;
    default: sse_3(e, prefix(single), opcodes[op->op], d, a, b);
    }
    finish(e, op, d, unless_sure(e, single, tiny, d));
}

/* Of zeros with different signs the instruction gives the second, so it is done both ways. x86's own minimum is the instruction's. */
static void extreme(struct emit *e, const struct ir_op *op)
{
    bool single = width(op) == 32, min = op->op == IR_VFMIN;
    unsigned a = x86_vget(e, op->a), b = x86_vget(e, op->b), d = x86_vresult(e), opcode = min ? SSE_min : SSE_max;
    if (op->s[0] == IR_x86) {
        sse_3(e, prefix(single), opcode, d, a, b);
        finish(e, op, d, NULL);
        return;
    }
    compare(e, single, UNORDERED, XWORK0, a, b);
    uint8_t *from = if_any(e, single, XWORK0);
    sse_3(e, prefix(single), opcode, d, a, b);
    sse_3(e, prefix(single), opcode, XWORK0, b, a);
    sse_3(e, 0, min ? SSE_or : SSE_and, d, d, XWORK0);
    finish(e, op, d, from);
}

static void compare_lanes(struct emit *e, const struct ir_op *op)
{
    static const uint8_t predicates[] = {[IR_FC_eq] = 0, [IR_FC_lt] = 1, [IR_FC_le] = 2, [IR_FC_uno] = 3};
    bool quiet = op->s[0] == IR_FC_eq || op->s[0] == IR_FC_uno;
    unsigned a = x86_vget(e, op->a), b = x86_vget(e, op->b), d = x86_vresult(e);
    compare(e, width(op) == 32, predicates[op->s[0]] | (quiet == (op->s[2] == IR_quiet) ? 0u : 16u), d, a, b);
    finish(e, op, d, NULL);
}

/* What is out of range becomes the least integer. */
static void to_integers(struct emit *e, const struct ir_op *op, unsigned d, unsigned a)
{
    sse_rr(&e->c, op->s[1] == IR_rtz ? 0xf3 : 0x66, 0x0f5b, d, a); /* cvttps2dq, cvtps2dq */
    x86_vwith_constant(e, 0x66, PCMPEQD, XWORK0, d, 0x8000000080000000, 0x8000000080000000);
    finish(e, op, d, if_any(e, true, XWORK0));
}

static void convert(struct emit *e, const struct ir_op *op)
{
    unsigned a = x86_vget(e, op->a), d = x86_vresult(e);
    bool wider = to_bits(op) == 64;
    if (op->op == IR_VFTOI) {
        to_integers(e, op, d, a);
        return;
    }
    if (op->op == IR_VITOF) {
        sse_rr(&e->c, wider ? 0xf3 : 0, wider ? 0x0fe6 : 0x0f5b, d, a); /* cvtdq2pd, cvtdq2ps */
        finish(e, op, d, NULL);
        return;
    }
    if (wider) {
        if (op->s[0]) {
            sse_rr(&e->c, 0x66, 0x0f70, XWORK0, a); /* pshufd */
            x86_byte(&e->c, 0xee);
            a = XWORK0;
        }
        sse_rr(&e->c, 0, SSE_cvt, d, a);
        finish(e, op, d, unless_sure(e, false, false, d));
    } else {
        sse_rr(&e->c, 0x66, SSE_cvt, d, a);
        if (op->s[0]) {
            sse_rr(&e->c, 0x66, 0x0f73, 7, d); /* pslldq */
            x86_byte(&e->c, 8);
        }
        finish(e, op, d, unless_sure(e, true, true, d));
    }
}

void x86_vector_float(struct emit *e, const struct ir_op *op)
{
    if (op->op == IR_VFMIN || op->op == IR_VFMAX)
        extreme(e, op);
    else if (op->op == IR_VFCMP)
        compare_lanes(e, op);
    else if (op->op >= IR_VFTOI)
        convert(e, op);
    else
        arithmetic(e, op);
}
