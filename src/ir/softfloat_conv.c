/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Soft float: conversions between formats and integers, and rounding to an integral value (IEEE 754-2019 5.4.1, 5.8, 5.9).
 * Called through softfloat.h. x86 raises no denormal flag in the conversions to integers and in the rounding.
 */
#include "ir/softfloat_parts.h"

/* |n| rounded to an integer, for finite n below 2^64 or zero. */
static uint64_t integral(const struct fp_env *env, struct fp_num n, bool *inexact)
{
    uint64_t unit = 0, rest = 0; /* rest * 2^-64 */
    if (n.kind != FP_zero && n.exp >= 0) {
        unit = n.sig >> (63 - n.exp);
        rest = n.exp < 63 ? n.sig << (n.exp + 1) : 0;
    } else if (n.kind != FP_zero) {
        rest = fp_shr_sticky(n.sig, (unsigned)(-1 - n.exp));
    }
    *inexact = rest != 0;
    return fp_round_unit(env->rm, n.sign, unit, rest);
}

uint64_t fp_round(struct fp_env *env, unsigned type, uint64_t a, bool exact)
{
    const struct fp_format *f = fp_format(type);
    struct fp_num x = fp_unpack(env, f, a);
    if (fp_is_nan(x))
        return fp_choose_nan(env, f, &a, 1);
    if (x.kind == FP_inf || x.exp >= f->frac)
        return a;
    bool inexact;
    uint64_t whole = integral(env, x, &inexact);
    if (inexact && exact)
        env->fx |= FX_nx;
    return whole ? fp_pack(env, f, x.sign, 127, whole) : fp_zero(f, x.sign);
}

uint64_t fp_to_fp(struct fp_env *env, unsigned to, unsigned from, uint64_t a)
{
    const struct fp_format *f = fp_format(from), *t = fp_format(to);
    /* Neither Arm's FZ16 (FPUnpackCV, FPRoundCV) nor x86's FTZ and DAZ (VCVTPS2PH, VCVTPH2PS) reach the f16 side. */
    struct fp_env half = *env;
    half.ftz &= to != IR_f16;
    half.daz &= from != IR_f16;
    struct fp_num x = fp_unpack(&half, f, a);
    uint64_t result;
    if (fp_is_nan(x)) {
        result = fp_choose_nan(&half, f, &a, 1);
        uint64_t payload = bits_get(result, 0, f->frac); /* keeps its most significant bits, so the quiet bit */
        result = t->inf | (result >> f->sign & 1) << t->sign;
        result |= t->frac >= f->frac ? payload << (t->frac - f->frac) : payload >> (f->frac - t->frac);
    } else if (!fp_is_finite(x)) {
        result = x.kind == FP_inf ? fp_inf(t, x.sign) : fp_zero(t, x.sign);
    } else {
        if (from != IR_f16)
            fp_note_subnormal(&half, x);
        result = fp_pack(&half, t, x.sign, x.exp, (u128)x.sig << 64);
    }
    env->fx = half.fx;
    return result;
}

uint64_t fp_to_int(struct fp_env *env, unsigned from, bool is_signed, unsigned bits, uint64_t a, unsigned policy)
{
    struct fp_num x = fp_unpack(env, fp_format(from), a);
    uint64_t ones = UINT64_MAX >> (64 - bits);
    uint64_t max = is_signed ? ones >> 1 : ones, least = is_signed ? max + 1 : 0; /* least: magnitude */
    if (fp_is_nan(x)) {
        env->fx |= FX_nv;
        return policy == IR_nan0 ? 0 : policy == IR_indef && is_signed ? least : max;
    }
    if (x.kind != FP_inf && x.exp < 64) {
        bool inexact;
        uint64_t whole = integral(env, x, &inexact);
        if (whole <= (x.sign ? least : max)) {
            if (inexact)
                env->fx |= FX_nx;
            return (x.sign ? -whole : whole) & ones;
        }
    }
    env->fx |= FX_nv;
    if (policy == IR_indef)
        return is_signed ? least : max;
    return x.sign ? least : max;
}

uint64_t fp_to_int_mod(struct fp_env *env, unsigned from, unsigned bits, uint64_t a)
{
    struct fp_env toward_zero = *env;
    toward_zero.rm = IR_rtz;
    fp_to_int(&toward_zero, from, true, bits, a, IR_nan0); /* for its flags */
    struct fp_num x = fp_unpack(&toward_zero, fp_format(from), a);
    env->fx = toward_zero.fx;
    if (!fp_is_finite(x) || x.exp < 0 || x.exp > 63 + 63)
        return 0;
    uint64_t whole = x.exp <= 63 ? x.sig >> (63 - x.exp) : x.sig << (x.exp - 63);
    return (x.sign ? -whole : whole) & UINT64_MAX >> (64 - bits);
}

uint64_t fp_from_int(struct fp_env *env, unsigned to, bool is_signed, unsigned bits, uint64_t v)
{
    const struct fp_format *f = fp_format(to);
    v &= UINT64_MAX >> (64 - bits);
    bool sign = is_signed && v >> (bits - 1) & 1;
    if (sign)
        v = -v & UINT64_MAX >> (64 - bits);
    return v ? fp_pack(env, f, sign, 127, v) : fp_zero(f, false);
}
