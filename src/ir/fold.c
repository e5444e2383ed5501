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

static bool convert(struct ir_build *b, unsigned op, unsigned ty, ir_val v, ir_val *out)
{
    if (v.type == ty) {
        *out = v;
        return true;
    }
    switch (op) {
    case IR_TRUNC:
        if (ty == IR_i1 || v.cell == IR_CONST)
            return false;
        *out = view(ty, v.cell, ty == IR_i32);
        return true;
    case IR_ZEXT:
        if (ty == IR_i128 || v.wide || cell_sign_extended(b, v.cell))
            return false;
        *out = view(ty, v.cell, false);
        return true;
    case IR_SEXT:
        if (ty != IR_i64 || v.type != IR_i32 || !absorb_sign_extension(b, v))
            return false;
        *out = view(IR_i64, v.cell, false);
        return true;
    }
    return false;
}

static bool identity(struct ir_build *b, unsigned op, ir_val *args, ir_val *out)
{
    ir_val x = args[0], y = args[1];
    uint64_t ones = x.type == IR_i32 ? 0xffffffff : x.type == IR_i1 ? 1 : ~0ull;
    switch (op) {
    case IR_ADD:
    case IR_OR:
    case IR_XOR: *out = is(x, 0) ? y : x; return is(x, 0) || is(y, 0);
    case IR_SUB:
        if (is(x, 0)) {
            *out = ir_NEG(b, y);
            return true;
        }
        *out = x;
        if (is(y, 0))
            return true;
        if (!y.known)
            return false;
        *out = ir_ADD(b, x, ir_k(x.type, -y.k)); /* addresses and comparisons know ADD only */
        return true;
    case IR_AND: *out = is(x, ones) ? y : is(y, ones) ? x : ir_k(x.type, 0); return is(x, ones) || is(y, ones) || is(x, 0) || is(y, 0);
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: *out = x; return is(y, 0);
    case IR_MUL: *out = is(x, 1) ? y : is(y, 1) ? x : ir_k(x.type, 0); return is(x, 1) || is(y, 1) || is(x, 0) || is(y, 0);
    }
    return false;
}

/* The same value in a cell, if it is a constant of two. */
static ir_val in_cells(struct ir_build *b, ir_val v)
{
    return v.cell == IR_CONST && ir_type_cells(v.type) > 1 ? view(v.type, ir_place(b, v), false) : v;
}

/* BITS, FROM: another name of the same cells. */
static bool rename(struct ir_build *b, unsigned op, unsigned ty, ir_val v, ir_val *out)
{
    bool pair = ir_type_cells(v.type) > 1;
    unsigned type = op == IR_FROM ? ty : pair ? IR_i128 : v.type == IR_f64 ? IR_i64 : IR_i32;
    assert(ir_type_cells(type) == ir_type_cells(v.type));
    if (v.known && v.wide)
        v = ir_k(v.type, v.k);
    if ((v.wide && !(v.type == IR_f32 && type == IR_i32)) || cell_sign_extended(b, v.cell))
        return false;
    *out = in_cells(b, v);
    out->type = (uint8_t)type;
    return true;
}

static bool same(ir_val x, ir_val y) { return x.cell == y.cell && x.cell != IR_CONST; }

static bool simplify_vector(unsigned op, const uint8_t s[4], const ir_val *args, ir_val *out)
{
    switch (op) {
    case IR_VDUP: *out = ir_vk(s[0], args[0].k); return args[0].known;
    case IR_VAND:
    case IR_VOR: *out = args[0]; return same(args[0], args[1]);
    case IR_VXOR: *out = ir_vk(64, 0); return same(args[0], args[1]);
    }
    return false;
}

bool ir_simplify(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, ir_val *args, ir_val *out)
{
    const struct ir_sig *sig = &ir_sigs[op];
    if (op >= IR_VADD)
        return simplify_vector(op, s, args, out);
    switch (op) {
    case IR_COND:
        if (s[0] < IR_COND_al && !args[0].known)
            return false;
        *out = ir_k(IR_i1, ir_condition(s[0], args[0].k));
        return true;
    case IR_FLBITS:
        if (args[0].known)
            *out = ir_k(IR_i64, ir_flags(op, 0, IR_fl, args[0].k, 0, 0));
        return args[0].known;
    case IR_PC:
    case IR_CONCAT:
    case IR_CLMUL:
    case IR_AES:
    case IR_FABS:
    case IR_FNEG:
    case IR_FCLASS:
    case IR_FBOX:
    case IR_FUNBOX: return false;
    case IR_HI:
        if (args[0].type != IR_i128)
            return false;
        *out = args[0].cell == IR_CONST ? ir_k(IR_i64, 0) : view(IR_i64, args[0].cell + 1u, false);
        return true;
    case IR_BITS:
    case IR_FROM: return rename(b, op, ty, args[0], out);
    case IR_SELECT:
        if (!args[0].known)
            break;
        *out = args[0].k ? args[1] : args[2];
        return true;
    }
    bool known = true;
    for (unsigned i = 0; sig->in[i]; i++)
        known &= args[i].known && ir_is_int(args[i].type);
    if (known && ir_flags_op(op)) {
        uint64_t flags = ir_flags(op, s[0], args[0].type, args[0].k, args[1].k, args[2].k);
        *out = ir_k(sig->out == 'L' ? IR_fl : IR_i64, flags);
        return true;
    }
    if (known && ty != IR_i128) {
        unsigned source = args[0].type, type = ty != IR_none ? ty : source;
        *out = ir_k(sig->out == 'b' ? (unsigned)IR_i1 : type, ir_pure(op, type, source, imm, args[0].k, args[1].k, args[2].k));
        return true;
    }
    if (op == IR_TRUNC || op == IR_ZEXT || op == IR_SEXT)
        return convert(b, op, ty, args[0], out);
    return ir_is_int(args[op == IR_SELECT].type) ? identity(b, op, args, out) : false;
}
