/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vector float rows of ops.def: soft float on each lane, lane 0 first. */
#include "ir/eval.h"
#include "ir/softfloat.h"
#include "ir/vector.h"

static unsigned format(unsigned e) { return e == 16 ? IR_f16 : e == 32 ? IR_f32 : IR_f64; }

static bool compare(struct fp_env *env, unsigned type, unsigned how, uint64_t a, uint64_t b, bool signalling)
{
    switch (how) {
    case IR_FC_eq: return fp_eq(env, type, a, b, signalling);
    case IR_FC_lt: return fp_lt(env, type, a, b, signalling);
    case IR_FC_le: return fp_le(env, type, a, b, signalling);
    default:
        fp_eq(env, type, a, b, signalling); /* for its flags */
        return fp_class(type, a) >= 8 || fp_class(type, b) >= 8;
    }
}

/* Statics of ops with lanes of one width: e is s[0], but FMIN, FMAX and FCMP have a word before. */
static unsigned width(const struct ir_op *op) { return op->s[op->op == IR_VFMIN || op->op == IR_VFMAX || op->op == IR_VFCMP]; }

static uint64_t lane_of(struct fp_env *env, const struct ir_op *op, unsigned type, uint64_t a, uint64_t b, uint64_t c)
{
    switch (op->op) {
    case IR_VFADD: return fp_add(env, type, a, b);
    case IR_VFSUB: return fp_sub(env, type, a, b);
    case IR_VFMUL: return fp_mul(env, type, a, b);
    case IR_VFDIV: return fp_div(env, type, a, b);
    case IR_VFSQRT: return fp_sqrt(env, type, a);
    case IR_VFMA: return fp_fma(env, type, a, b, c, op->s[1]);
    case IR_VFROUND: return fp_round(env, type, a, op->s[2]);
    case IR_VFMIN: return fp_min(env, type, op->s[0], a, b);
    case IR_VFMAX: return fp_max(env, type, op->s[0], a, b);
    default: return -(uint64_t)compare(env, type, op->s[0], a, b, op->s[2]); /* VFCMP */
    }
}

static uint64_t converted(struct fp_env *env, const struct ir_op *op, unsigned from, unsigned to, uint64_t a)
{
    switch (op->op) {
    case IR_VFTOI: return fp_to_int(env, format(from), op->s[0], to, a, op->s[2]);
    case IR_VITOF: return fp_from_int(env, format(to), op->s[0], from, a);
    default: return fp_to_fp(env, format(to), format(from), a);
    }
}

static struct lanes convert(struct fp_env *env, const struct ir_op *op, const struct lanes *a)
{
    struct lanes r = {{0}};
    unsigned from = op->imm & 0xff, to = op->imm >> 8 & 0xff, n = 128 / (from > to ? from : to);
    unsigned half = op->op == IR_VFTOF && op->s[0] ? n : 0;
    for (unsigned i = 0; i < n; i++)
        lane_set(&r, to, i + (to < from ? half : 0), converted(env, op, from, to, lane_get(a, from, i + (from < to ? half : 0))));
    return r;
}

static unsigned rounding(const struct ir_op *op)
{
    switch (op->op) {
    case IR_VFMA: return op->s[2];
    case IR_VFMIN:
    case IR_VFMAX:
    case IR_VFCMP: return IR_rne;
    default: return op->s[1];
    }
}

bool ir_op_vector_float(struct cpu *cpu, const struct ir_op *op)
{
    bool converts = op->op >= IR_VFTOI;
    unsigned type = !converts            ? format(width(op))
                    : op->op == IR_VFTOF ? IR_f64
                                         : format(op->op == IR_VFTOI ? op->imm & 0xff : op->imm >> 8 & 0xff);
    struct fp_env env = fp_env_of(cpu, rounding(op), type);
    struct lanes a = lanes_of(cpu, op->a), r;
    if (converts) {
        r = convert(&env, op, &a);
    } else {
        struct lanes b = op->b < IR_NONE ? lanes_of(cpu, op->b) : a, c = op->c < IR_NONE ? lanes_of(cpu, op->c) : a;
        unsigned e = width(op);
        for (unsigned i = 0; i < 128 / e; i++)
            lane_set(&r, e, i, lane_of(&env, op, format(e), lane_get(&a, e, i), lane_get(&b, e, i), lane_get(&c, e, i)));
    }
    lanes_put(cpu, op->d, r);
    cpu->fx |= env.fx;
    return true;
}
