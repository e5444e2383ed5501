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

static uint64_t convert_nan(struct fp_env *env, const struct fp_format *t, const struct fp_format *f, uint64_t a)
{
    uint64_t result = fp_choose_nan(env, f, &a, 1),
             payload = bits_get(result, 0, f->frac); /* keeps its most significant bits, so the quiet bit */
    result = t->inf | (result >> f->sign & 1) << t->sign;
    return result | (t->frac >= f->frac ? payload << (t->frac - f->frac) : payload >> (f->frac - t->frac));
}

static uint64_t convert(struct fp_env *env, const struct fp_format *t, const struct fp_format *f, uint64_t a)
{
    bool great = f == &fp_alt_half && (a & 0x7c00) == 0x7c00; /* a number where others have none */
    struct fp_num x = great ? (struct fp_num){(a | 0x400) << 53, 16, FP_normal, a >> 15 & 1}
                            : fp_unpack(env, f == &fp_alt_half ? fp_format(IR_f16) : f, a);
    bool nan = fp_is_nan(x);
    if (t == &fp_alt_half && (nan || x.kind == FP_inf)) { /* which it does not have */
        env->fx |= FX_nv;
        return fp_zero(t, x.sign) | (nan ? 0 : t->inf - 1);
    }
    if (nan)
        return convert_nan(env, t, f, a);
    if (!fp_is_finite(x))
        return x.kind == FP_inf ? fp_inf(t, x.sign) : fp_zero(t, x.sign);
    if (f != fp_format(IR_f16))
        fp_note_subnormal(env, x);
    return fp_pack(env, t, x.sign, x.exp, (u128)x.sig << 64);
}

uint64_t fp_to_fp(struct fp_env *env, unsigned to, unsigned from, uint64_t a)
{
    /* Neither Arm's FZ16 (FPUnpackCV, FPRoundCV) nor x86's FTZ and DAZ (VCVTPS2PH, VCVTPH2PS) reach the f16 side. */
    struct fp_env half = *env;
    half.ftz &= to != IR_f16;
    half.daz &= from != IR_f16;
    const struct fp_format *f = env->alt_half && from == IR_f16 ? &fp_alt_half : fp_format(from);
    const struct fp_format *t = env->alt_half && to == IR_f16 ? &fp_alt_half : fp_format(to);
    uint64_t result = convert(&half, t, f, a);
    env->fx = half.fx;
    return result;
}

uint64_t fp_to_bf16(struct fp_env *env, uint64_t a) { return convert(env, &fp_bf16, fp_format(IR_f32), a); }

uint64_t fp_to_int(struct fp_env *env, unsigned from, bool is_signed, unsigned bits, uint64_t a, unsigned policy)
{
    return fp_to_fixed(env, from, is_signed, bits, a, policy, 0);
}

uint64_t fp_to_fixed(struct fp_env *env, unsigned from, bool is_signed, unsigned bits, uint64_t a, unsigned policy, int scale)
{
    struct fp_num x = fp_unpack(env, fp_format(from), a);
    x.exp += fp_is_finite(x) ? scale : 0;
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
    return fp_from_fixed(env, to, is_signed, bits, v, 0);
}

uint64_t fp_from_fixed(struct fp_env *env, unsigned to, bool is_signed, unsigned bits, uint64_t v, int scale)
{
    const struct fp_format *f = fp_format(to);
    v &= UINT64_MAX >> (64 - bits);
    bool sign = is_signed && v >> (bits - 1) & 1;
    if (sign)
        v = -v & UINT64_MAX >> (64 - bits);
    return v ? fp_pack(env, f, sign, 127 + scale, v) : fp_zero(f, false);
}
