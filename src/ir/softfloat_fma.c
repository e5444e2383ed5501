/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Soft float: the fused multiply-add (IEEE 754-2019 5.4.1). Called through softfloat.h.
 * The product is kept whole: 106 bits at most, and the sum's 127 are enough to decide the one rounding.
 */
#include "ir/softfloat_parts.h"

/* x, y or z is a NaN, infinite, or x * y is zero. */
static uint64_t fma_special(struct fp_env *env, const struct fp_format *f, struct fp_num x, struct fp_num y, struct fp_num z,
                            const uint64_t v[3], int scale)
{
    bool sign = x.sign ^ y.sign;
    bool inf = x.kind == FP_inf || y.kind == FP_inf, zero = x.kind == FP_zero || y.kind == FP_zero;
    bool nan = fp_is_nan(x) || fp_is_nan(y) || fp_is_nan(z);
    if (nan && env->nan == FP_NAN_x86) /* infinity times zero does not count beside a NaN */
        return fp_choose_nan(env, f, v, 3);
    if (nan && !(inf && zero && z.kind == FP_qnan)) /* Arm FPMulAdd: the addend is the first operand */
        return fp_choose_nan(env, f, (const uint64_t[]){v[2], v[0], v[1]}, 3);
    if ((inf && zero) || (inf && z.kind == FP_inf && z.sign != sign))
        return fp_invalid(env, f);
    fp_note_subnormal(env, x);
    fp_note_subnormal(env, y);
    fp_note_subnormal(env, z);
    if (inf || z.kind == FP_inf)
        return fp_inf(f, inf ? sign : z.sign);
    if (z.kind == FP_zero) /* both summands are zero */
        return fp_zero(f, z.sign == sign ? sign : fp_zero_sign(env));
    return fp_pack(env, f, z.sign, z.exp + scale, (u128)z.sig << 64); /* exact, but ftz counts */
}

static uint64_t multiply_add(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, uint64_t c, unsigned neg, int scale)
{
    const struct fp_format *f = fp_format(type);
    struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b), z = fp_unpack(env, f, c);
    x.sign ^= neg == IR_negp || neg == IR_negpc;
    z.sign ^= neg == IR_negc || neg == IR_negpc;
    if (!fp_is_finite(x) || !fp_is_finite(y) || !(fp_is_finite(z) || z.kind == FP_zero))
        return fma_special(env, f, x, y, z, (const uint64_t[]){a, b, c}, scale);
    fp_note_subnormal(env, x);
    fp_note_subnormal(env, y);
    fp_note_subnormal(env, z);
    struct fp_wide p = {(u128)x.sig * y.sig, x.exp + y.exp + scale, x.sign ^ y.sign};
    if (z.kind == FP_zero)
        return fp_pack(env, f, p.sign, p.exp + 1, p.sig);
    if (p.sig >> 127) { /* its low 22 bits are zero */
        p.sig >>= 1;
        p.exp++;
    }
    return fp_pack_sum(env, f, p, (struct fp_wide){(u128)z.sig << 63, z.exp + scale, z.sign});
}

uint64_t fp_fma(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, uint64_t c, unsigned neg)
{
    return multiply_add(env, type, a, b, c, neg, 0);
}

uint64_t fp_fma_scaled(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, uint64_t c, int scale)
{
    return multiply_add(env, type, a, b, c, IR_pos, scale);
}
