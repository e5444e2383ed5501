/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Soft float: quotient and square root (IEEE 754-2019 5.4.1). Called through softfloat.h.
 * Both make a few digits more than any format keeps and a sticky bit from the remainder; no host floating point guesses are involved.
 */
#include "ir/softfloat_parts.h"

uint64_t fp_div(struct fp_env *env, unsigned type, uint64_t a, uint64_t b)
{
    const struct fp_format *f = fp_format(type);
    struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    bool sign = x.sign ^ y.sign;
    if (x.kind != FP_normal || y.kind != FP_normal) {
        if (fp_is_nan(x) || fp_is_nan(y))
            return fp_choose_nan(env, f, (const uint64_t[]){a, b}, 2);
        if (x.kind == y.kind && (x.kind == FP_inf || x.kind == FP_zero))
            return fp_invalid(env, f);
        if (y.kind == FP_zero) {
            if (x.kind != FP_inf)
                env->fx |= FX_dz;
            return fp_inf(f, sign);
        }
        fp_note_subnormal(env, x);
        fp_note_subnormal(env, y);
        if (!fp_is_finite(x) || !fp_is_finite(y))
            return x.kind == FP_inf ? fp_inf(f, sign) : fp_zero(f, sign);
    }
    /* Both significands have their leading one at bit 63, so the quotient is between 2^62 and 2^64. */
    u128 dividend = (u128)x.sig << 63;
    uint64_t quotient = (uint64_t)(dividend / y.sig);
    bool inexact = (uint64_t)dividend != quotient * y.sig; /* remainder, modulo 2^64: it is less than y.sig */
    return fp_pack(env, f, sign, x.exp - y.exp, (u128)quotient << 64 | inexact);
}

/* The root of v, of 60 bits, digit by digit: 30 bits. v = root^2 + *rest. */
static uint64_t root_half(uint64_t v, uint64_t *rest)
{
    uint64_t root = 0, left = 0;
    v <<= 4;
    for (unsigned i = 0; i < 30; i++) {
        left = left << 2 | v >> 62;
        v <<= 2;
        uint64_t next = root << 2 | 1; /* (2 root + 1)^2 - (2 root)^2 */
        uint64_t fits = -(uint64_t)(left >= next);
        left -= next & fits;
        root = root << 1 | (fits & 1);
    }
    *rest = left;
    return root;
}

/*
 * The root of v * 2^60, v of 60 bits with one of the upper two set: 60 bits. The other half of the digits comes from dividing by twice
 * the first, which is at most one too great (P. Zimmermann, Karatsuba Square Root, INRIA RR-3805).
 */
static uint64_t root_whole(uint64_t v, bool *inexact)
{
    uint64_t left, half = root_half(v, &left);
    uint64_t low = (left << 30) / (2 * half), root = (half << 30) + low;
    int64_t rest = (int64_t)(((left << 30) % (2 * half)) << 30) - (int64_t)(low * low);
    *inexact = rest != 0;
    return root - (rest < 0);
}

uint64_t fp_sqrt(struct fp_env *env, unsigned type, uint64_t a)
{
    const struct fp_format *f = fp_format(type);
    struct fp_num x = fp_unpack(env, f, a);
    if (fp_is_nan(x))
        return fp_choose_nan(env, f, &a, 1);
    if (x.kind == FP_zero)
        return fp_zero(f, x.sign);
    if (x.sign)
        return fp_invalid(env, f);
    if (x.kind == FP_inf)
        return fp_inf(f, false);
    fp_note_subnormal(env, x);
    /* With an even exponent, which can be halved, the significand is in [1, 4): of 60 bits two are before the point. */
    bool odd = x.exp & 1, inexact;
    uint64_t root = root_whole(x.sig >> (5 - odd), &inexact);
    return fp_pack(env, f, false, (x.exp - odd) / 2, (u128)root << 68 | inexact);
}
