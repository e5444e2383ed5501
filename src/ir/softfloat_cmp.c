/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Soft float: comparison, minimum and maximum, class and sign (IEEE 754-2019 5.5.1, 5.7.2, 5.11, 9.6). Called through softfloat.h.
 * Numbers compare as their sign-magnitude bits; a minimum gives an operand back bit by bit, but for subnormals under daz.
 */
#include "ir/softfloat_parts.h"

struct operand {
    struct fp_num num;
    uint64_t bits; /* after daz */
    int64_t order; /* of numbers: as the values are ordered, both zeros 0 */
};

static struct operand operand(struct fp_env *env, const struct fp_format *f, uint64_t v)
{
    struct operand o = {.num = fp_unpack(env, f, v), .bits = v};
    if (o.num.kind == FP_zero)
        o.bits = fp_zero(f, o.num.sign);
    int64_t magnitude = (int64_t)bits_get(o.bits, 0, f->sign);
    o.order = o.num.sign ? -magnitude : magnitude;
    return o;
}

static void note_subnormals(struct fp_env *env, const struct operand *x, const struct operand *y)
{
    fp_note_subnormal(env, x->num);
    fp_note_subnormal(env, y->num);
}

enum fp_order fp_compare(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling)
{
    const struct fp_format *f = fp_format(type);
    struct operand x = operand(env, f, a), y = operand(env, f, b);
    if (fp_is_nan(x.num) || fp_is_nan(y.num)) {
        if (signalling || x.num.kind == FP_snan || y.num.kind == FP_snan)
            env->fx |= FX_nv;
        return FP_unordered;
    }
    note_subnormals(env, &x, &y);
    return x.order < y.order ? FP_less : x.order == y.order ? FP_equal : FP_greater;
}

bool fp_eq(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling)
{
    return fp_compare(env, type, a, b, signalling) == FP_equal;
}

bool fp_lt(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling)
{
    return fp_compare(env, type, a, b, signalling) == FP_less;
}

bool fp_le(struct fp_env *env, unsigned type, uint64_t a, uint64_t b, bool signalling)
{
    return fp_compare(env, type, a, b, signalling) <= FP_equal;
}

/* x or y is a NaN. */
static uint64_t extreme_nan(struct fp_env *env, const struct fp_format *f, unsigned kind, const struct operand *x, const struct operand *y)
{
    bool signalling = x->num.kind == FP_snan || y->num.kind == FP_snan;
    bool both = fp_is_nan(x->num) && fp_is_nan(y->num);
    if (kind == IR_x86) {
        env->fx |= FX_nv;
        return y->bits;
    }
    if (both || kind == IR_nan || (kind == IR_num08 && signalling))
        return fp_choose_nan(env, f, (const uint64_t[]){x->bits, y->bits}, 2);
    if (signalling)
        env->fx |= FX_nv;
    return fp_is_nan(x->num) ? y->bits : x->bits;
}

static uint64_t extreme(struct fp_env *env, unsigned type, unsigned kind, uint64_t a, uint64_t b, bool max)
{
    const struct fp_format *f = fp_format(type);
    struct operand x = operand(env, f, a), y = operand(env, f, b);
    if (fp_is_nan(x.num) || fp_is_nan(y.num))
        return extreme_nan(env, f, kind, &x, &y);
    note_subnormals(env, &x, &y);
    if (x.order == y.order) /* the same, or zeros that may differ in sign */
        return kind == IR_x86 || x.num.sign == max ? y.bits : x.bits;
    return (x.order < y.order) != max ? x.bits : y.bits;
}

uint64_t fp_min(struct fp_env *env, unsigned type, unsigned kind, uint64_t a, uint64_t b) { return extreme(env, type, kind, a, b, false); }
uint64_t fp_max(struct fp_env *env, unsigned type, unsigned kind, uint64_t a, uint64_t b) { return extreme(env, type, kind, a, b, true); }

unsigned fp_class(unsigned type, uint64_t a)
{
    struct fp_env env = {0};
    struct fp_num n = fp_unpack(&env, fp_format(type), a);
    if (fp_is_nan(n))
        return n.kind == FP_snan ? 8 : 9;
    unsigned outward = n.kind == FP_inf ? 3 : n.kind == FP_normal ? 2 : n.kind == FP_subnormal ? 1 : 0; /* from zero */
    return n.sign ? 3 - outward : 4 + outward;
}

uint64_t fp_abs(unsigned type, uint64_t a) { return bits_get(a, 0, fp_format(type)->sign); }
uint64_t fp_neg(unsigned type, uint64_t a) { return a ^ 1ull << fp_format(type)->sign; }
