/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scalar arithmetic that stands together, of a guest that chooses among NaNs: its results are looked at once, behind the last of them. In
 * between nothing leaves the block or looks at bits, so a wrong NaN only makes more of them, and whoever computes with one makes one. If
 * there is a NaN, or a result that may have been tiny before it was rounded, the stub has the evaluator do all of the ops again, so what
 * they began with must be there still: registers that are overwritten are kept in XWORK0 and XWORK1.
 */
#include "jit/host/x86_64/sse.h"

enum {
    GROUP = 8,
    KEPT = 2,     /* registers */
    LOOKS = 4,    /* results that are looked at in one way */
    EQUAL_UQ = 8, /* predicate: equal or unordered, quiet */
    CMPP = 0x0fc2,
    UNPACK_LOW = 0x0f14,
    INSERT = 0x0f3a21,
};

struct group {
    const struct ir_op *ops[GROUP];
    unsigned n, nkept, nlanes, nsums;
    uint8_t kept[KEPT];                /* the cells */
    uint8_t lanes[LOOKS], sums[LOOKS]; /* indices of ops: results that may be tiny and others; what can only be no number */
    bool single;
};

static bool is_tiny(const struct ir_op *op) { return op->op == IR_FMUL || op->op == IR_FDIV || op->op == IR_FMA; }

/* Behind op: zeros above its result. */
static bool is_top(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    return next < e->ir->ops + e->ir->nops && next->op == IR_K && next->type == IR_i64 && !next->imm && next->d == op->d + 1u &&
           x86_xpin(e, next->d) < 0;
}

/* ---- which ops ---- */

/* A register of the guest that is in memory, and not the top of one that is not. */
static bool in_memory(const struct emit *e, unsigned cell)
{
    return cell < e->request->zero_cell && x86_xmemory(e, cell) && x86_xpin(e, cell - 1) < 0;
}

static bool operands_fit(const struct emit *e, const struct ir_op *op)
{
    bool a = x86_xpin(e, op->a) >= 0, b = x86_xpin(e, op->b) >= 0;
    switch (op->op) {
    case IR_FADD:
    case IR_FMUL: return (a && (b || in_memory(e, op->b))) || (b && in_memory(e, op->a));
    case IR_FSUB:
    case IR_FDIV: return a && (b || in_memory(e, op->b));
    case IR_FSQRT: return a;
    case IR_FMA: return a && b && x86_xpin(e, op->c) >= 0;
    }
    return false;
}

static bool is_written(const struct group *g, unsigned n, unsigned cell)
{
    for (unsigned i = 0; i < n; i++)
        if (g->ops[i]->d == cell)
            return true;
    return false;
}

static bool is_kept(const struct group *g, unsigned cell)
{
    for (unsigned i = 0; i < g->nkept; i++)
        if (g->kept[i] == cell)
            return true;
    return false;
}

/* Does the op, the n-th, overwrite what itself or one before it began with? */
static bool overwrites(const struct group *g, unsigned n, const struct ir_op *op)
{
    if (is_written(g, n, op->d))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (x86_reads(g->ops[i], op->d))
            return true;
    return x86_reads(op, op->d);
}

static bool joins(struct emit *e, struct group *g, const struct ir_op *op)
{
    if (op->type != g->ops[0]->type || !x86_float_native(e, op) || x86_xpin(e, op->d) < 0 || !operands_fit(e, op))
        return false;
    if (!overwrites(g, g->n, op))
        return true;
    if (g->nkept == KEPT)
        return false;
    g->kept[g->nkept++] = (uint8_t)op->d;
    return true;
}

/* Does the first of the n ops behind the k-th that has to do with its result read it, or overwrite it? */
static bool is_passed_on(const struct group *g, unsigned n, unsigned k)
{
    for (unsigned i = k + 1; i < n; i++)
        if (x86_reads(g->ops[i], g->ops[k]->d) || g->ops[i]->d == g->ops[k]->d)
            return true;
    return false;
}

static bool overwritten(const struct group *g, unsigned k, unsigned last)
{
    for (unsigned i = k + 1; i <= last; i++)
        if (g->ops[i]->d == g->ops[k]->d)
            return true;
    return false;
}

static void insert_lane(struct group *g, uint8_t k)
{
    unsigned at = g->nlanes++;
    for (; at > 0 && g->lanes[at - 1] > k; at--)
        g->lanes[at] = g->lanes[at - 1];
    g->lanes[at] = k;
}

/* Sums are compared with each other, two at once, or fill lanes that would be empty. */
static void plan_sums(struct group *g)
{
    while (g->nsums && g->nlanes && g->nlanes < LOOKS && (g->single || (g->nsums & g->nlanes & 1)))
        insert_lane(g, g->sums[--g->nsums]);
}

/* Of two lanes the first is taken with the second: is it there as long? */
static bool lanes_last(const struct group *g)
{
    for (unsigned i = 1; i < g->nlanes && (i == 1 || !g->single); i += 2)
        if (overwritten(g, g->lanes[i - 1], g->lanes[i]))
            return false;
    return true;
}

/* Results to look at, of the first n ops. */
static bool plan_looks(struct group *g, unsigned n)
{
    g->nlanes = g->nsums = 0;
    for (unsigned k = 0; k < n; k++) {
        bool tiny = is_tiny(g->ops[k]);
        if (!tiny && is_passed_on(g, n, k))
            continue;
        if ((tiny ? g->nlanes : g->nsums) == LOOKS)
            return false;
        if (tiny)
            g->lanes[g->nlanes++] = (uint8_t)k;
        else
            g->sums[g->nsums++] = (uint8_t)k;
    }
    plan_sums(g);
    return lanes_last(g);
}

static void collect(struct emit *e, const struct ir_op *op, struct group *g)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    *g = (struct group){.ops = {op}, .single = op->type == IR_f32};
    for (const struct ir_op *o = op; o < end && g->n < GROUP && joins(e, g, o); o += 1 + is_top(e, o))
        g->ops[g->n++] = o;
    while (g->n > 1 && !plan_looks(g, g->n))
        g->n--;
}

/* ---- code ---- */

static unsigned above(const struct emit *e, const struct group *g, unsigned cell) { return g->single ? x86_xstate(e, cell) & X_ONES : 0; }

static unsigned pinned(const struct emit *e, unsigned cell) { return (unsigned)x86_xpin(e, cell); }

/* In the register of its result, by the form for which nothing is moved. Returns what is above it. */
static unsigned fuse(struct emit *e, const struct group *g, const struct ir_op *op)
{
    static const uint8_t opcodes[] = {[IR_pos] = 0xa9, [IR_negc] = 0xab, [IR_negp] = 0xad, [IR_negpc] = 0xaf}; /* the 213 forms, */
    unsigned opcode = 0x0f3800u | opcodes[op->s[0]], a = pinned(e, op->a), b = pinned(e, op->b), c = pinned(e, op->c), d = pinned(e, op->d);
    if (d == c) {
        x86_vrr(&e->c, 0x66, opcode + 0x10, !g->single, d, a, b); /* and the 231 ones */
        return above(e, g, op->c);
    }
    if (d == b) {
        x86_vrr(&e->c, 0x66, opcode, !g->single, d, a, c);
        return above(e, g, op->b);
    }
    unsigned state = above(e, g, op->a);
    sse_move(&e->c, d, a);
    x86_vrr(&e->c, 0x66, opcode, !g->single, d, b, c);
    return state;
}

static unsigned compute(struct emit *e, const struct group *g, const struct ir_op *op)
{
    static const uint16_t opcodes[IR_OPS] = {
        [IR_FADD] = SSE_add, [IR_FSUB] = SSE_sub, [IR_FMUL] = SSE_mul, [IR_FDIV] = SSE_div, [IR_FSQRT] = SSE_sqrt};
    unsigned a = op->a, b = op->op == IR_FSQRT ? op->a : op->b, d = pinned(e, op->d), prefix = sse_scalar(g->single);
    if (op->op == IR_FMA)
        return fuse(e, g, op);
    if ((ir_sigs[op->op].flags & IR_F_C) && (x86_xpin(e, a) < 0 || (above(e, g, b) && !above(e, g, a) && x86_xpin(e, b) >= 0))) {
        a = op->b;
        b = op->a;
    }
    unsigned state = above(e, g, a);
    if (x86_xpin(e, b) < 0)
        sse_3m(e, prefix, opcodes[op->op], d, pinned(e, a), cell_mem(b));
    else
        sse_3(e, prefix, opcodes[op->op], d, pinned(e, a), pinned(e, b));
    return state;
}

/* What doubles owe, before they are kept or read. */
static void prepare(struct emit *e, const struct group *g, const struct ir_op *op)
{
    const uint16_t cells[] = {op->a, op->b, op->c};
    const char *in = ir_sigs[op->op].in;
    for (unsigned i = 0; in[i] && i < 3; i++)
        if (x86_xpin(e, cells[i]) >= 0)
            x86_xget(e, cells[i], g->single, XWORK2);
}

static unsigned result(const struct emit *e, const struct group *g, unsigned k) { return pinned(e, g->ops[k]->d); }

/* The i-th lane: one of two, or of four; singles with zeros in the others, as comparisons raise flags for whatever is there. */
static void take_lane(struct emit *e, const struct group *g, unsigned i)
{
    static const uint8_t to[] = {XWORK2, XTEMP0};
    unsigned x = result(e, g, g->lanes[i]), other = result(e, g, g->lanes[i & ~1u]);
    if (g->nlanes == 1) {
        sse_3c(e, 0, SSE_and, XWORK2, x, g->single ? CONSTANT(e, abs32) : CONSTANT(e, abs64));
    } else if (!g->single && (i & 1 || i + 1 == g->nlanes)) {
        x86_vrr(&e->c, 0x66, UNPACK_LOW, false, to[i / 2], other, x);
    } else if (g->single && i) {
        x86_vrr(&e->c, 0x66, INSERT, false, XWORK2, i == 1 ? other : XWORK2, x);
        x86_byte(&e->c, i << 4 | (14u << i & 15));
    }
}

/* Behind the k-th op. */
static void take(struct emit *e, const struct group *g, unsigned k)
{
    for (unsigned i = 0; i < g->nlanes; i++)
        if (g->lanes[i] == k)
            take_lane(e, g, i);
}

static void compare_least(struct emit *e, bool single, unsigned x)
{
    const uint8_t *least = single ? CONSTANT(e, leasts32) : CONSTANT(e, leasts64);
    sse_3c(e, 0, SSE_and, x, x, single ? CONSTANT(e, all_abs32) : CONSTANT(e, all_abs64));
    sse_3c(e, sse_compare(single), CMPP, x, x, least - 1); /* which is a byte further from the end of the displacement */
    x86_byte(&e->c, EQUAL_UQ);
}

/* Returns the branch that is taken if a lane is to be done again. Loses rcx. */
static uint8_t *look_at_lanes(struct emit *e, const struct group *g)
{
    struct code_buf *c = &e->c;
    unsigned compare = sse_compare(g->single);
    if (g->nlanes == 1) {
        sse_constant(c, compare, SSE_ucomi, XWORK2, g->single ? CONSTANT(e, least32) : CONSTANT(e, least64));
        return x86_jcc(c, CC_E);
    }
    compare_least(e, g->single, XWORK2);
    if (!g->single && g->nlanes > 2) {
        compare_least(e, false, XTEMP0);
        sse_3(e, 0, SSE_or, XWORK2, XWORK2, XTEMP0);
    }
    x86_prr(c, compare, 0x0f50, false, RCX, (enum x86_reg)XWORK2); /* movmskps, movmskpd */
    x86_rr(c, 0x85, false, RCX, RCX);
    return x86_jcc(c, CC_NE);
}

static void look(struct emit *e, const struct group *g, struct cold *cold)
{
    unsigned n = 0;
    if (g->nlanes)
        cold->also[n++] = look_at_lanes(e, g);
    for (unsigned i = 0; i < g->nsums; i += 2) {
        unsigned x = result(e, g, g->sums[i]), y = i + 1 < g->nsums ? result(e, g, g->sums[i + 1]) : x;
        sse_rr(&e->c, sse_compare(g->single), SSE_ucomi, x, y);
        cold->also[n++] = x86_jcc(&e->c, CC_P);
    }
}

/* reg, other: 0, or what was kept; size: all ops. */
static void cold_again(struct emit *e, const struct cold *cold)
{
    if (cold->reg)
        sse_move(&e->c, cold->reg, XWORK0);
    if (cold->other)
        sse_move(&e->c, cold->other, XWORK1);
    for (const struct ir_op *op = cold->op; op < cold->op + cold->size; op++) {
        struct cold one = *cold;
        one.op = op;
        one.reg = (uint8_t)x86_xpin(e, op->d);
        if (op->op != IR_K)
            x86_xcold_generic(e, &one);
    }
}

unsigned x86_lower_float_group(struct emit *e, const struct ir_op *op)
{
    struct group g;
    if (op->op < IR_FADD || op->op > IR_ITOF || x86_xcanonical(e) || !e->avx || e->nxtemps)
        return 0;
    collect(e, op, &g);
    if (g.n < 2)
        return 0;
    const struct ir_op *last = g.ops[g.n - 1];
    unsigned n = (unsigned)(last - op) + 1 + is_top(e, last), nkept = 0;
    struct cold cold = {.op = op, .write = cold_again, .result = -1, .single = g.single, .size = (uint8_t)n};
    uint8_t *const kept[KEPT] = {&cold.reg, &cold.other};
    x86_float_begin(e);
    for (unsigned k = 0; k < g.n; k++) {
        const struct ir_op *o = g.ops[k];
        prepare(e, &g, o);
        if (is_kept(&g, o->d) && !is_written(&g, k, o->d)) {
            *kept[nkept] = (uint8_t)pinned(e, o->d);
            sse_move(&e->c, XWORK0 + nkept++, pinned(e, o->d));
        }
        x86_xfinish(e, o, pinned(e, o->d), g.single, compute(e, &g, o));
        take(e, &g, k);
        if (is_top(e, o) && x86_need(e, o + 1) != NEED_none)
            x86_lower_integer(e, o + 1);
    }
    look(e, &g, &cold);
    cold.back = e->c.at;
    x86_xcold(e, cold);
    return n;
}
