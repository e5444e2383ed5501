/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The soft float's ends: taking a number apart, choosing a NaN, rounding and packing a result. Every inexact, underflow and overflow
 * flag of every operation but the conversions to integers comes from fp_pack().
 */
#include "ir/softfloat_parts.h"

#define FORMAT(frac_bits, exp_bits)                                                                       \
    {                                                                                                     \
        frac_bits, frac_bits + exp_bits, (1 << (exp_bits - 1)) - 1, ((1ull << exp_bits) - 1) << frac_bits \
    }

const struct fp_format fp_formats[] = {
    [IR_f16 - IR_f16] = FORMAT(10, 5),
    [IR_f32 - IR_f16] = FORMAT(23, 8),
    [IR_f64 - IR_f16] = FORMAT(52, 11),
};

const struct fp_format fp_alt_half = {10, 15, 15, 1 << 15};
const struct fp_format fp_bf16 = FORMAT(7, 8);

static uint64_t fraction(const struct fp_format *f, uint64_t v) { return bits_get(v, 0, f->frac); }
static uint64_t quiet_bit(const struct fp_format *f) { return 1ull << (f->frac - 1); }
static bool bits_are_nan(const struct fp_format *f, uint64_t v) { return (v & f->inf) == f->inf && fraction(f, v); }
static bool bits_are_snan(const struct fp_format *f, uint64_t v) { return bits_are_nan(f, v) && !(v & quiet_bit(f)); }

/* Exponent field all zeros or all ones. */
struct fp_num fp_unpack_special(struct fp_env *env, const struct fp_format *f, uint64_t v)
{
    struct fp_num n = {.sign = v >> f->sign & 1};
    uint64_t frac = fraction(f, v);
    if (v & f->inf) {
        n.kind = !frac ? FP_inf : frac & quiet_bit(f) ? FP_qnan : FP_snan;
    } else if (frac && env->daz) {
        if (env->nan != FP_NAN_x86 && f != fp_format(IR_f16)) /* Arm FPUnpackBase: FZ16 raises no InputDenorm */
            env->fx |= FX_dn;
    } else if (frac) {
        unsigned lead = (unsigned)__builtin_clzll(frac);
        n.kind = FP_subnormal;
        n.sig = frac << lead;
        n.exp = 1 - f->bias - f->frac + 63 - (int)lead;
    }
    return n;
}

static uint64_t default_nan(const struct fp_env *env, const struct fp_format *f)
{
    return f->inf | quiet_bit(f) | (uint64_t)(env->nan == FP_NAN_x86) << f->sign;
}

uint64_t fp_invalid(struct fp_env *env, const struct fp_format *f)
{
    env->fx |= FX_nv;
    return default_nan(env, f);
}

uint64_t fp_choose_nan(struct fp_env *env, const struct fp_format *f, const uint64_t *v, unsigned n)
{
    uint64_t first = 0, first_signalling = 0; /* no NaN is 0 */
    for (unsigned i = n; i-- > 0;) {
        if (bits_are_nan(f, v[i]))
            first = v[i];
        if (bits_are_snan(f, v[i]))
            first_signalling = v[i];
    }
    if (first_signalling)
        env->fx |= FX_nv;
    if (env->nan == FP_NAN_default)
        return default_nan(env, f);
    return (env->nan == FP_NAN_arm && first_signalling ? first_signalling : first) | quiet_bit(f);
}

static uint64_t overflow(struct fp_env *env, const struct fp_format *f, bool sign)
{
    if (f == &fp_alt_half) {
        env->fx |= FX_nv;
        return fp_zero(f, sign) | (f->inf - 1);
    }
    env->fx |= FX_of | FX_nx;
    bool to_inf = env->rm == IR_rne || env->rm == IR_rmm || env->rm == (sign ? IR_rdn : IR_rup);
    return fp_inf(f, sign) - !to_inf;
}

uint64_t fp_pack(struct fp_env *env, const struct fp_format *f, bool sign, int exp, u128 sig)
{
    uint64_t hi = (uint64_t)(sig >> 64);
    unsigned lead = hi ? (unsigned)__builtin_clzll(hi) : 64 + (unsigned)__builtin_clzll((uint64_t)sig);
    sig <<= lead;
    exp -= (int)lead;
    /* No format has more than 62 bits of precision: a bit for the last half and a sticky one are left in the upper half. */
    uint64_t s = (uint64_t)(sig >> 64) | ((uint64_t)sig != 0);

    int below = 1 - f->bias - exp; /* how far under the normal numbers */
    bool tiny = below > 0;
    if (tiny) {
        /* Rounded to full precision, only a number that becomes a power of two is not tiny any more. */
        if (!env->tiny_before && below == 1 && fp_round_unit(env->rm, sign, s >> (63 - f->frac), s << (f->frac + 1)) >> (f->frac + 1))
            tiny = false;
        if (tiny && env->ftz) {
            env->fx |= env->nan == FP_NAN_x86 ? FX_uf | FX_nx : FX_uf; /* Arm FPRoundBase sets UFC alone */
            return fp_zero(f, sign);
        }
        s = fp_shr_sticky(s, (unsigned)below);
        exp += below;
    }
    uint64_t rest = s << (f->frac + 1);
    if (exp + f->bias >= (int)(f->inf >> f->frac))
        return overflow(env, f, sign);
    /* The leading one and a carry both count the exponent up; a subnormal has no leading one. */
    uint64_t bits = ((uint64_t)(exp + f->bias - 1) << f->frac) + fp_round_unit(env->rm, sign, s >> (63 - f->frac), rest);
    if (bits >= f->inf)
        return overflow(env, f, sign);
    if (rest)
        env->fx |= tiny ? FX_uf | FX_nx : FX_nx;
    return (uint64_t)sign << f->sign | bits;
}

uint64_t fp_pack_sum(struct fp_env *env, const struct fp_format *f, struct fp_wide x, struct fp_wide y)
{
    bool less = x.exp < y.exp || (x.exp == y.exp && x.sig < y.sig);
    struct fp_wide big = less ? y : x, small = less ? x : y;
    /* Numbers that lose bits here are at least two places apart: their difference keeps its leading place or the next. */
    u128 other = fp_shr128_sticky(small.sig, (unsigned)(big.exp - small.exp));
    u128 minus = -(u128)(big.sign != small.sign);
    u128 sum = big.sig + (other ^ minus) - minus;
    if (!sum)
        return fp_zero(f, fp_zero_sign(env));
    return fp_pack(env, f, big.sign, big.exp + 1, sum);
}
