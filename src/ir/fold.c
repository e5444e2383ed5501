/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the builder knows without an op: constants, identities, and values that are another view of a cell (a truncation, a zero
 * extension, the sign extension that a 32-bit op can do itself).
 */
#include "ir/build_state.h"
#include "ir/flags.h"
#include "ir/pure.h"
#include <assert.h>
#include <stddef.h>

static bool is(ir_val v, uint64_t k) { return v.known && v.k == k; }

static const ir_val nothing = {.cell = IR_NONE};

static ir_val view(unsigned type, unsigned cell, bool wide)
{
    return (ir_val){.type = (uint8_t)type, .cell = (uint16_t)cell, .wide = wide};
}

static bool cell_sign_extended(const struct ir_build *b, unsigned cell)
{
    for (unsigned i = 0; i < b->nsign_extended; i++)
        if (b->sign_extended[i] == cell)
            return true;
    return false;
}

/* The sign extension to i64 becomes part of the i32 op that made the value. */
static bool absorb_sign_extension(struct ir_build *b, ir_val v)
{
    struct ir_op *p = v.wide ? NULL : ir_producer(b, v.cell);
    if (!p || p->type != IR_i32 || !(ir_sigs[p->op].flags & IR_F_P) || ir_sigs[p->op].out != 'I')
        return v.cell < b->zero ? b->word[v.cell] == b->epoch : cell_sign_extended(b, v.cell);
    if (p->s[0] != IR_SX) {
        if (b->nsign_extended == sizeof b->sign_extended / sizeof b->sign_extended[0])
            return false;
        b->sign_extended[b->nsign_extended++] = v.cell;
        p->s[0] = IR_SX;
    }
    return true;
}

static ir_val convert(struct ir_build *b, unsigned op, unsigned ty, ir_val v)
{
    if (v.type == ty)
        return v;
    switch (op) {
    case IR_TRUNC: return ty == IR_i1 || v.cell == IR_CONST ? nothing : view(ty, v.cell, ty == IR_i32);
    case IR_ZEXT: return ty == IR_i128 || v.wide || cell_sign_extended(b, v.cell) ? nothing : view(ty, v.cell, false);
    default: return ty != IR_i64 || v.type != IR_i32 || !absorb_sign_extension(b, v) ? nothing : view(IR_i64, v.cell, false); /* SEXT */
    }
}

static ir_val subtract(struct ir_build *b, ir_val x, ir_val y)
{
    if (is(x, 0))
        return ir_NEG(b, y);
    if (is(y, 0))
        return x;
    return y.known ? ir_ADD(b, x, ir_k(x.type, -y.k)) : nothing; /* addresses and comparisons know ADD only */
}

/* An address that is known up to its page: the page's own (k: -4096), or a constant further. */
static ir_val move_pc(struct ir_build *b, unsigned op, ir_val x, ir_val y)
{
    enum { PAGE = 4096 };
    const struct ir_op *p = y.known && !x.known && x.type == IR_i64 ? ir_producer(b, x.cell) : NULL;
    if (!p || p->op != IR_PC)
        return nothing;
    int64_t from = (int64_t)p->imm - b->offset; /* ir_PC adds it again */
    if (op == IR_ADD)
        return ir_PC(b, (int64_t)((uint64_t)from + y.k));
    if (y.k != (uint64_t)-PAGE || b->page_offset < 0)
        return nothing;
    return ir_PC(b, (int64_t)((uint64_t)from - (((uint64_t)b->page_offset + p->imm) & (PAGE - 1))));
}

static ir_val identity(struct ir_build *b, unsigned op, const ir_val *args)
{
    ir_val x = args[0], y = args[1];
    uint64_t ones = x.type == IR_i32 ? 0xffffffff : x.type == IR_i1 ? 1 : ~0ull;
    if (!x.known && !y.known)
        return nothing;
    switch (op) {
    case IR_ADD: return is(x, 0) ? y : is(y, 0) ? x : move_pc(b, op, x, y);
    case IR_OR:
    case IR_XOR: return is(x, 0) ? y : is(y, 0) ? x : nothing;
    case IR_SUB: return subtract(b, x, y);
    case IR_AND: return is(x, ones) ? y : is(y, ones) ? x : is(x, 0) || is(y, 0) ? ir_k(x.type, 0) : move_pc(b, op, x, y);
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: return is(y, 0) ? x : nothing;
    case IR_MUL: return is(x, 1) ? y : is(y, 1) ? x : is(x, 0) || is(y, 0) ? ir_k(x.type, 0) : nothing;
    }
    return nothing;
}

/* The same value in a cell, if it is a constant of two. */
static ir_val in_cells(struct ir_build *b, ir_val v)
{
    return v.cell == IR_CONST && ir_type_cells(v.type) > 1 ? view(v.type, ir_place(b, v), false) : v;
}

/* BITS, FROM: another name of the same cells. */
static ir_val rename(struct ir_build *b, unsigned op, unsigned ty, ir_val v)
{
    bool pair = ir_type_cells(v.type) > 1;
    unsigned type = op == IR_FROM ? ty : pair ? IR_i128 : v.type == IR_f64 ? IR_i64 : IR_i32;
    assert(ir_type_cells(type) == ir_type_cells(v.type));
    if (v.known && v.wide)
        v = ir_k(v.type, v.k);
    if ((v.wide && !(v.type == IR_f32 && type == IR_i32)) || cell_sign_extended(b, v.cell))
        return nothing;
    v = in_cells(b, v);
    v.type = (uint8_t)type;
    return v;
}

static bool same(ir_val x, ir_val y) { return x.cell == y.cell && x.cell != IR_CONST; }

static ir_val simplify_vector(unsigned op, const uint8_t s[4], const ir_val *args)
{
    switch (op) {
    case IR_VDUP: return args[0].known ? ir_vk(s[0], args[0].k) : nothing;
    case IR_VAND:
    case IR_VOR: return same(args[0], args[1]) ? args[0] : nothing;
    case IR_VXOR: return same(args[0], args[1]) ? ir_vk(64, 0) : nothing;
    }
    return nothing;
}

/* Of constants. */
static ir_val fold(unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, const ir_val *args)
{
    const struct ir_sig *sig = &ir_sigs[op];
    unsigned source = args[0].type, type = ty != IR_none ? ty : source;
    if (ir_flags_op(op)) {
        uint64_t flags = ir_flags(op, s[0], source, args[0].k, args[1].k, args[2].k);
        return ir_k(sig->out == 'L' ? IR_fl : IR_i64, flags);
    }
    return ir_k(sig->out == 'b' ? (unsigned)IR_i1 : type, ir_pure(op, type, source, imm, args[0].k, args[1].k, args[2].k));
}

ir_val ir_simplify(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, const ir_val args[3])
{
    const struct ir_sig *sig = &ir_sigs[op];
    if (op >= IR_VADD)
        return simplify_vector(op, s, args);
    switch (op) {
    case IR_COND: return s[0] < IR_COND_al && !args[0].known ? nothing : ir_k(IR_i1, ir_condition(s[0], args[0].k));
    case IR_FLBITS: return args[0].known ? ir_k(IR_i64, ir_flags(op, 0, IR_fl, args[0].k, 0, 0)) : nothing;
    case IR_PC:
    case IR_CONCAT:
    case IR_CLMUL:
    case IR_AES:
    case IR_FABS:
    case IR_FNEG:
    case IR_FCLASS:
    case IR_FBOX:
    case IR_FUNBOX: return nothing;
    case IR_HI:
        if (args[0].type != IR_i128)
            return nothing;
        return args[0].cell == IR_CONST ? ir_k(IR_i64, 0) : view(IR_i64, args[0].cell + 1u, false);
    case IR_BITS:
    case IR_FROM: return rename(b, op, ty, args[0]);
    case IR_SELECT:
        if (!args[0].known)
            break;
        return args[0].k ? args[1] : args[2];
    }
    bool known = true;
    for (unsigned i = 0; known && sig->in[i]; i++)
        known = args[i].known && ir_is_int(args[i].type);
    if (known && (ty != IR_i128 || ir_flags_op(op)))
        return fold(op, ty, s, imm, args);
    if (op == IR_TRUNC || op == IR_ZEXT || op == IR_SEXT)
        return convert(b, op, ty, args[0]);
    return ir_is_int(args[op == IR_SELECT].type) ? identity(b, op, args) : nothing;
}
