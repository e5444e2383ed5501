/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The scalar float rows of ops.def by soft float: the evaluator's meaning, and the reference for every other tier. */
#include "ir/eval.h"
#include "ir/flags.h"
#include "ir/softfloat.h"

static uint64_t unbox(unsigned type, uint64_t v)
{
    if (type == IR_f32)
        return v >> 32 == 0xffffffff ? (uint32_t)v : 0x7fc00000;
    return v >> 16 == 0xffffffffffff ? (uint16_t)v : 0x7e00;
}

static uint64_t flags_of(enum fp_order order)
{
    static const uint16_t flags[] = {[FP_less] = FL_N, [FP_equal] = FL_Z | FL_C, [FP_greater] = FL_C, [FP_unordered] = FL_C | FL_V};
    return flags[order];
}

static uint64_t arithmetic(struct fp_env *env, const struct ir_op *op, uint64_t a, uint64_t b, uint64_t c)
{
    unsigned type = op->type, from = op->s[3] ? op->s[3] : op->type;
    switch (op->op) {
    case IR_FADD: return fp_add(env, type, a, b);
    case IR_FSUB: return fp_sub(env, type, a, b);
    case IR_FMUL: return fp_mul(env, type, a, b);
    case IR_FDIV: return fp_div(env, type, a, b);
    case IR_FSQRT: return fp_sqrt(env, type, a);
    case IR_FMA: return fp_fma(env, type, a, b, c, op->s[0]);
    case IR_FMIN: return fp_min(env, type, op->s[0], a, b);
    case IR_FMAX: return fp_max(env, type, op->s[0], a, b);
    case IR_FABS: return fp_abs(type, a);
    case IR_FNEG: return fp_neg(type, a);
    case IR_FROUND: return fp_round(env, type, a, op->s[1]);
    case IR_FEQ: return fp_eq(env, type, a, b, op->s[0]);
    case IR_FLT: return fp_lt(env, type, a, b, op->s[0]);
    case IR_FLE: return fp_le(env, type, a, b, op->s[0]);
    case IR_FLCMP: return flags_of(fp_compare(env, type, a, b, op->s[0]));
    case IR_FCLASS: return fp_class(from, a);
    case IR_FTOF: return fp_to_fp(env, type, from, a);
    case IR_FTOI: return fp_to_int(env, from, op->s[0], type == IR_i32 ? 32 : 64, a, op->s[2]);
    case IR_ITOF: return fp_from_int(env, type, op->s[0], from == IR_i32 ? 32 : 64, a);
    case IR_FBOX: return from == IR_f32 ? a | 0xffffffff00000000 : from == IR_f16 ? a | 0xffffffffffff0000 : a;
    default: return type == IR_f64 ? a : unbox(type, a); /* FUNBOX */
    }
}

/* Which static is the rounding mode. */
static unsigned rounding(const struct ir_op *op)
{
    switch (op->op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FSQRT:
    case IR_FROUND:
    case IR_FTOF: return op->s[0];
    case IR_FMA:
    case IR_FTOI:
    case IR_ITOF: return op->s[1];
    default: return IR_rne;
    }
}

/* A narrow operand may be the low bits of a cell. */
static uint64_t operand(const struct cpu *cpu, unsigned cell, unsigned type)
{
    uint64_t v = cpu->cell[cell];
    return type == IR_f32 ? (uint32_t)v : type == IR_f16 ? (uint16_t)v : v;
}

bool ir_op_float(struct cpu *cpu, const struct ir_op *op)
{
    const struct ir_sig *sig = &ir_sigs[op->op];
    unsigned type = op->s[3] ? op->s[3] : op->type;
    struct fp_env env = fp_env_of(cpu, rounding(op), op->op == IR_ITOF ? op->type : op->op == IR_FTOF ? (unsigned)IR_f64 : type);
    uint64_t a = operand(cpu, op->a, type), b = sig->in[1] ? operand(cpu, op->b, type) : 0;
    uint64_t c = sig->in[1] && sig->in[2] ? operand(cpu, op->c, type) : 0;
    cpu->cell[op->d] = arithmetic(&env, op, a, b, c);
    cpu->fx |= env.fx;
    return true;
}
