/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Inside the soft float: numbers taken apart, NaN choice, and the one function that rounds and packs. For softfloat_*.c only.
 * A significand taken apart has its leading one at bit 63, that of a subnormal too: no operation needs to know the format's width.
 */
#pragma once
#include "base/bits.h"
#include "ir/softfloat.h"

enum fp_kind { FP_zero, FP_normal, FP_subnormal, FP_inf, FP_qnan, FP_snan }; /* NaNs last */

struct fp_format {
    uint8_t frac; /* bits of the fraction; the precision is one more */
    uint8_t sign; /* position of the sign bit */
    int16_t bias; /* also the greatest exponent; the least is 1 - bias */
    uint64_t inf; /* bits of +infinity: all ones in the exponent */
};
extern const struct fp_format fp_formats[IR_f64 - IR_f16 + 1];
extern const struct fp_format fp_alt_half, fp_bf16; /* alt half: its `inf` is beyond all bits but the sign */

static inline const struct fp_format *fp_format(unsigned type) { return &fp_formats[type - IR_f16]; }

struct fp_num {
    uint64_t sig; /* normal, subnormal: the value is sig * 2^(exp - 63) */
    int32_t exp;
    uint8_t kind; /* enum fp_kind */
    bool sign;
};

struct fp_num fp_unpack_special(struct fp_env *env, const struct fp_format *f, uint64_t v);

/* Applies daz. */
static inline struct fp_num fp_unpack(struct fp_env *env, const struct fp_format *f, uint64_t v)
{
    uint64_t exp = (v & f->inf) >> f->frac;
    if (exp == 0 || exp == f->inf >> f->frac)
        return fp_unpack_special(env, f, v);
    /* The shift takes sign and exponent out at the top, but for the bit where the leading one goes. */
    return (struct fp_num){v << (63 - f->frac) | 1ull << 63, (int32_t)exp - f->bias, FP_normal, v >> f->sign & 1};
}

static inline bool fp_is_nan(struct fp_num n) { return n.kind >= FP_qnan; }
static inline bool fp_is_finite(struct fp_num n) { return n.kind == FP_normal || n.kind == FP_subnormal; } /* and not zero */

static inline uint64_t fp_zero(const struct fp_format *f, bool sign) { return (uint64_t)sign << f->sign; }
static inline uint64_t fp_inf(const struct fp_format *f, bool sign) { return (uint64_t)sign << f->sign | f->inf; }

/* The sign of an exact sum of zero whose parts had different signs. */
static inline bool fp_zero_sign(const struct fp_env *env) { return env->rm == IR_rdn; }

/*
 * Right by any count; bits lost live on in bit 0, so that the value stays on its side of every midpoint. No branches: the counts of a
 * sum are as random as its operands.
 */
static inline uint64_t fp_shr_sticky(uint64_t v, unsigned n)
{
    n = n < 63 ? n : 63;
    return v >> n | ((v & ((1ull << n) - 1)) != 0);
}

static inline u128 fp_shr128_sticky(u128 v, unsigned n)
{
    n = n < 127 ? n : 127;
    return v >> n | ((v & (((u128)1 << n) - 1)) != 0);
}

/* `unit` plus `rest` * 2^-64, rounded to an integer. */
static inline uint64_t fp_round_unit(unsigned rm, bool sign, uint64_t unit, uint64_t rest)
{
    const uint64_t half = 1ull << 63;
    switch (rm) {
    case IR_rne: return unit + (rest > half - (unit & 1));
    case IR_rmm: return unit + (rest >= half);
    case IR_rdn: return unit + (rest && sign);
    case IR_rup: return unit + (rest && !sign);
    case IR_rod: return unit | (rest != 0);
    default: return unit;
    }
}

/* sig * 2^(exp - 127) in the format, rounded. sig is not 0, its leading one anywhere; bit 0 may be sticky if that is bit 64 or above. */
uint64_t fp_pack(struct fp_env *env, const struct fp_format *f, bool sign, int exp, u128 sig);

struct fp_wide { /* sig * 2^(exp - 126), leading one at bit 126 */
    u128 sig;
    int32_t exp;
    bool sign;
};
uint64_t fp_pack_sum(struct fp_env *env, const struct fp_format *f, struct fp_wide x, struct fp_wide y);

/* nv, and the NaN of an operation without NaN operands. */
uint64_t fp_invalid(struct fp_env *env, const struct fp_format *f);
/* The NaN of an operation on the operands v[0..n), at least one of them a NaN, in the order of choice; nv if one is signalling. */
uint64_t fp_choose_nan(struct fp_env *env, const struct fp_format *f, const uint64_t *v, unsigned n);

/* x86's denormal flag, for the operations that raise it; NaNs and other invalid operands go before it. */
static inline void fp_note_subnormal(struct fp_env *env, struct fp_num n)
{
    if (n.kind == FP_subnormal && env->nan == FP_NAN_x86)
        env->fx |= FX_dn;
}
