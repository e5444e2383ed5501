/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Soft float: sum, difference and product (IEEE 754-2019 5.4.1). Called through softfloat.h.
 * Two normal operands take the short way; NaNs, invalid operands and then the denormal flag are looked at only if one is not.
 */
#include "ir/softfloat_parts.h"

/*
 * The sum of two finite numbers, as fp_pack_sum() but in 64 bits: significands of up to 53 bits leave 10 for what alignment shifts out.
 * Branches would follow the operands' order and signs, which are random.
 */
static uint64_t add_finite(struct fp_env *env, const struct fp_format *f, struct fp_num x, struct fp_num y)
{
    bool less = x.exp < y.exp || (x.exp == y.exp && x.sig < y.sig);
    uint64_t big = (less ? y.sig : x.sig) >> 1, small = (less ? x.sig : y.sig) >> 1;
    int exp = less ? y.exp : x.exp;
    bool sign = less ? y.sign : x.sign;
    small = fp_shr_sticky(small, (unsigned)(exp - (less ? x.exp : y.exp)));
    uint64_t minus = -(uint64_t)(x.sign != y.sign);
    uint64_t sum = big + (small ^ minus) - minus;
    return sum ? fp_pack(env, f, sign, exp + 1, (u128)sum << 64) : fp_zero(f, fp_zero_sign(env));
}

/* minus: subtract; NaNs keep their sign. */
static uint64_t add(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool minus)
{
    const struct fp_format *f = fp_format(type);
    struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    y.sign ^= minus;
    if (x.kind == FP_normal && y.kind == FP_normal)
        return add_finite(env, f, x, y);
    if (fp_is_nan(x) || fp_is_nan(y))
        return fp_choose_nan(env, f, (const uint64_t[]){a, b}, 2);
    if (x.kind == FP_inf && y.kind == FP_inf && x.sign != y.sign)
        return fp_invalid(env, f);
    fp_note_subnormal(env, x);
    fp_note_subnormal(env, y);
    if (x.kind == FP_inf || y.kind == FP_inf)
        return fp_inf(f, x.kind == FP_inf ? x.sign : y.sign);
    if (x.kind == FP_zero && y.kind == FP_zero)
        return fp_zero(f, x.sign == y.sign ? x.sign : fp_zero_sign(env));
    if (x.kind == FP_zero || y.kind == FP_zero) {
        struct fp_num n = x.kind == FP_zero ? y : x;
        return fp_pack(env, f, n.sign, n.exp, (u128)n.sig << 64); /* exact, but ftz counts */
    }
    return add_finite(env, f, x, y);
}

uint64_t fp_add(struct fp_env *env, unsigned type, uint64_t a, uint64_t b) { return add(env, type, a, b, false); }
uint64_t fp_sub(struct fp_env *env, unsigned type, uint64_t a, uint64_t b) { return add(env, type, a, b, true); }

uint64_t fp_mul(struct fp_env *env, unsigned type, uint64_t a, uint64_t b)
{
    const struct fp_format *f = fp_format(type);
    struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    bool sign = x.sign ^ y.sign;
    if (x.kind != FP_normal || y.kind != FP_normal) {
        if (fp_is_nan(x) || fp_is_nan(y))
            return fp_choose_nan(env, f, (const uint64_t[]){a, b}, 2);
        bool inf = x.kind == FP_inf || y.kind == FP_inf, zero = x.kind == FP_zero || y.kind == FP_zero;
        if (inf && zero)
            return fp_invalid(env, f);
        fp_note_subnormal(env, x);
        fp_note_subnormal(env, y);
        if (inf || zero)
            return inf ? fp_inf(f, sign) : fp_zero(f, sign);
    }
    return fp_pack(env, f, sign, x.exp + y.exp + 1, (u128)x.sig * y.sig);
}
