/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exact IEEE 754 arithmetic in integers: every result bit and every flag as the guest's manual has it, on any host, in every rounding
 * mode. Called by the evaluator, by guests' helpers and by the slow paths of emitted code; the reference for all of them.
 *
 * `type` is IR_f16, IR_f32 or IR_f64. A value is its bits, zero-extended to 64. No function keeps state but *env, and none touches the
 * host's floating point unit. Types that do not fit 64 bits (f80) get entry points of their own over the parts of softfloat_parts.h.
 */
#pragma once
#include "ir/cpu.h" /* FX_* */
#include <stdbool.h>
#include <stdint.h>

/* Which NaN an operation on NaNs gives, and with it the guest whose corner cases apply (operand order, denormal flag, flushing). */
enum fp_nan_rule {
    FP_NAN_default, /* always the positive quiet NaN without payload: riscv, Arm with FPCR.DN */
    FP_NAN_arm,     /* FPProcessNaNs: the first signalling one in operand order, else the first quiet one; quieted */
    FP_NAN_x86,     /* SSE: the first operand that is a NaN, quieted; without one the negative quiet NaN (the "indefinite") */
};

/* How far the instructions of a host with IEEE 754, tininess after rounding and NaNs of its own give the guest's results and flags. */
enum fp_host {
    FP_HOST_none,
    FP_HOST_canonical, /* all but NaNs, which are always the one without payload */
    FP_HOST_chosen,    /* all but NaNs, and underflow where the result is the least normal number: those are the evaluator's */
};

struct fp_env {
    uint8_t rm;       /* IR_rne IR_rtz IR_rdn IR_rup IR_rmm IR_rod */
    uint8_t nan;      /* enum fp_nan_rule */
    bool tiny_before; /* a result is tiny before it is rounded (Arm), not after (riscv, x86) */
    bool ftz;         /* tiny results become zero: Arm FZ, x86 FTZ */
    bool daz;         /* subnormal operands count as zero: Arm FZ, x86 DAZ */
    bool alt_half;    /* conversions to and from f16: numbers where the others have infinities and NaNs: Arm AHP */
    uint32_t fx;      /* FX_* are ORed in; dn: x86 used a subnormal operand, Arm flushed one (not of f16) */
};

enum { FP_FLUSH_f16 = 1, FP_FLUSH_wider = 2 }; /* cpu->fp_flush */

/* type: what is flushed to zero, if the vCPU does; for conversions between formats, which know their own exceptions, not f16. */
static inline struct fp_env fp_env_of(const struct cpu *cpu, unsigned rm, unsigned type)
{
    bool flush = cpu->fp_flush & (type == IR_f16 ? FP_FLUSH_f16 : FP_FLUSH_wider);
    return (struct fp_env){.rm = (uint8_t)rm,
                           .nan = cpu->fp_nan,
                           .tiny_before = cpu->fp_tiny_before,
                           .ftz = flush,
                           .daz = flush,
                           .alt_half = cpu->fp_alt_half};
}

uint64_t fp_add(struct fp_env *env, unsigned type, uint64_t a, uint64_t b);
uint64_t fp_sub(struct fp_env *env, unsigned type, uint64_t a, uint64_t b);
uint64_t fp_mul(struct fp_env *env, unsigned type, uint64_t a, uint64_t b);
uint64_t fp_div(struct fp_env *env, unsigned type, uint64_t a, uint64_t b);
uint64_t fp_sqrt(struct fp_env *env, unsigned type, uint64_t a);

/*
 * neg: IR_pos a*b+c, IR_negc a*b-c, IR_negp -(a*b)+c, IR_negpc -(a*b)-c; rounded once. NaNs keep sign and payload, and are chosen in
 * the order c, a, b by Arm and a, b, c by x86, where a is the first factor of the manual's formula (src2 of VFMADD213, dst of 132).
 */
uint64_t fp_fma(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, uint64_t c, unsigned neg);
/* (a*b + c) * 2^scale, rounded once (Arm FRSQRTS). */
uint64_t fp_fma_scaled(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, uint64_t c, int scale);

/*
 * kind: IR_num   IEEE 754-2019 minimumNumber: a number wins over any NaN (riscv fmin)
 *       IR_num08 IEEE 754-2008 minNum: a number wins over a quiet NaN (Arm FMINNM)
 *       IR_nan   IEEE 754-2019 minimum: a NaN wins (Arm FMIN, riscv fminm)
 *       IR_x86   MINSS: the second operand unless the first is smaller
 * -0 is less than +0, but for IR_x86.
 */
uint64_t fp_min(struct fp_env *env, unsigned type, unsigned kind, uint64_t a, uint64_t b);
uint64_t fp_max(struct fp_env *env, unsigned type, unsigned kind, uint64_t a, uint64_t b);

enum fp_order { FP_less, FP_equal, FP_greater, FP_unordered };

/* signalling: quiet NaNs raise nv too. The next three are false if a NaN takes part. */
enum fp_order fp_compare(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling);
bool fp_eq(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling);
bool fp_lt(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling);
bool fp_le(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling);

/* 0 -inf 1 -norm 2 -sub 3 -0 4 +0 5 +sub 6 +norm 7 +inf 8 snan 9 qnan */
unsigned fp_class(unsigned type, uint64_t a);
uint64_t fp_abs(unsigned type, uint64_t a);
uint64_t fp_neg(unsigned type, uint64_t a);

/* To an integral value; exact: raise nx if it differs. */
uint64_t fp_round(struct fp_env *env, unsigned type, uint64_t a, bool exact);
uint64_t fp_to_fp(struct fp_env *env, unsigned to, unsigned from, uint64_t a);
/* f32 to bfloat16, whose exponent is f32's. */
uint64_t fp_to_bf16(struct fp_env *env, uint64_t a);

/*
 * bits: 16, 32 or 64; the result is zero-extended. Out of range and NaN raise nv, and give by policy
 * IR_nan0: the nearest integer, NaN 0 (Arm); IR_nanmax: the nearest, NaN the greatest (riscv); IR_indef: the least if signed, else
 * the greatest (x86).
 */
uint64_t fp_to_int(struct fp_env *env, unsigned from, bool is_signed, unsigned bits, uint64_t a, unsigned policy);
/* Of a * 2^scale, without rounding in between. */
uint64_t fp_to_fixed(struct fp_env *env, unsigned from, bool is_signed, unsigned bits, uint64_t a, unsigned policy, int scale);
/* Toward zero, modulo 2^bits, infinities and NaN 0; flags as of the signed fp_to_int (riscv fcvtmod.w.d, Arm FJCVTZS). */
uint64_t fp_to_int_mod(struct fp_env *env, unsigned from, unsigned bits, uint64_t a);
/* Of v the low `bits` count. */
uint64_t fp_from_int(struct fp_env *env, unsigned to, bool is_signed, unsigned bits, uint64_t v);
/* Of v * 2^scale, rounded once. */
uint64_t fp_from_fixed(struct fp_env *env, unsigned to, bool is_signed, unsigned bits, uint64_t v, int scale);
