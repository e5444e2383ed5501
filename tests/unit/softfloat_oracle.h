/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An exact oracle for rounded results, made to have nothing in common with the soft float: the exact result is a wide fixed-point
 * number, and the format's own numbers are searched by their encodings for the two around it; midpoints decide the rest.
 * Knows numbers only; infinite and NaN operands are ir_softfloat's.
 */
#pragma once
#include "softfloat_cases.h"

enum { ORACLE_LIMBS = 70 };

struct dyadic { /* mag * 2^exp */
    u128 mag;
    int exp;
};

/* The magnitude of an encoding; that of infinity is the power of two after the greatest number. */
static inline struct dyadic oracle_decode(unsigned type, uint64_t v)
{
    struct cases_format f = cases_format(type);
    uint64_t frac = v & ((1ull << f.frac) - 1);
    int exp = cases_exponent(type, v), bias = (1 << (f.exp_bits - 1)) - 1;
    return exp ? (struct dyadic){frac | 1ull << f.frac, exp - bias - f.frac} : (struct dyadic){frac, 1 - bias - f.frac};
}

/* Fixed point: limbs from the least significant one; 2^low is the unit. Wide enough for the products of a format's numbers. */
struct wide {
    uint64_t limb[ORACLE_LIMBS];
    unsigned limbs;
    int low;
};

static inline void wide_init(struct wide *w, unsigned type)
{
    w->limbs = type == IR_f16 ? 4 : type == IR_f32 ? 12 : ORACLE_LIMBS;
    w->low = -32 * (int)w->limbs;
    memset(w->limb, 0, w->limbs * sizeof *w->limb);
}

/* Adds or subtracts the dyadic; whoever calls it sees to it that nothing is lost at either end. */
static inline void wide_add(struct wide *w, struct dyadic d, bool subtract)
{
    unsigned at = (unsigned)(d.exp - w->low), limb = at / 64, shift = at % 64;
    uint64_t part[3] = {(uint64_t)d.mag << shift, (uint64_t)(d.mag << shift >> 64), shift ? (uint64_t)(d.mag >> 64) >> (64 - shift) : 0};
    unsigned carry = 0;
    assert_true(d.exp >= w->low && limb < w->limbs);
    for (unsigned i = 0; limb + i < w->limbs && (i < 3 || carry); i++) {
        u128 with = (u128)(i < 3 ? part[i] : 0) + carry, old = w->limb[limb + i];
        w->limb[limb + i] = (uint64_t)(subtract ? old - with : old + with);
        carry = subtract ? old < with : (old + with) >> 64 != 0;
    }
}

static inline int wide_compare(const struct wide *x, const struct wide *y)
{
    for (unsigned i = x->limbs; i-- > 0;)
        if (x->limb[i] != y->limb[i])
            return x->limb[i] < y->limb[i] ? -1 : 1;
    return 0;
}

static inline bool wide_is_zero(const struct wide *x)
{
    struct wide zero = {.limbs = x->limbs};
    return wide_compare(x, &zero) == 0;
}

/* The exact magnitude R as R * factor = value, or R * R = value. */
struct exact {
    unsigned type;
    struct wide value;
    struct dyadic factor;
    bool root;
    bool sign;
};

/* x + y, signs apart; a sum of zero has the sign `sign` was before. */
static inline void exact_sum(struct exact *e, unsigned type, struct dyadic x, bool x_sign, struct dyadic y, bool y_sign)
{
    struct wide other;
    *e = (struct exact){.type = type, .factor = {1, 0}, .sign = x_sign};
    wide_init(&e->value, type);
    wide_add(&e->value, x, false);
    if (x_sign == y_sign) {
        wide_add(&e->value, y, false);
        return;
    }
    wide_init(&other, type);
    wide_add(&other, y, false);
    if (wide_compare(&e->value, &other) < 0) {
        wide_add(&other, x, true);
        e->value = other;
        e->sign = y_sign;
    } else {
        wide_add(&e->value, y, true);
    }
}

static inline void exact_quotient(struct exact *e, unsigned type, struct dyadic x, struct dyadic y, bool sign)
{
    exact_sum(e, type, x, sign, (struct dyadic){0, 0}, sign);
    e->factor = y;
}

static inline void exact_root(struct exact *e, unsigned type, struct dyadic x)
{
    exact_sum(e, type, x, false, (struct dyadic){0, 0}, false);
    e->root = true;
}

/* -1, 0, 1 as R is less than, equal to, greater than m. */
static inline int exact_compare(const struct exact *e, struct dyadic m)
{
    struct wide w;
    struct dyadic by = e->root ? m : e->factor;
    wide_init(&w, e->type);
    wide_add(&w, (struct dyadic){m.mag * by.mag, m.exp + by.exp}, false);
    return wide_compare(&e->value, &w);
}

/* R's place among the numbers of a format. */
struct place {
    unsigned type;
    uint64_t below; /* encoding of the greatest magnitude <= R, infinity's included */
    bool is_exact, is_zero;
    int half, three; /* R compared to what lies half, three quarters of the way to the next */
};

static inline struct place oracle_place(const struct exact *e, unsigned type)
{
    struct cases_format f = cases_format(type);
    uint64_t inf = ((1ull << f.exp_bits) - 1) << f.frac, from = 0, to = inf + 1;
    while (to - from > 1) {
        uint64_t middle = from + (to - from) / 2;
        if (exact_compare(e, oracle_decode(type, middle)) >= 0)
            from = middle;
        else
            to = middle;
    }
    struct place p = {.type = type, .below = from, .is_zero = wide_is_zero(&e->value)};
    struct dyadic d = oracle_decode(type, from);
    p.is_exact = exact_compare(e, d) == 0;
    if (from < inf) {
        p.half = exact_compare(e, (struct dyadic){2 * d.mag + 1, d.exp - 1});
        p.three = exact_compare(e, (struct dyadic){4 * d.mag + 3, d.exp - 2});
    }
    return p;
}

struct rounded {
    uint64_t bits;
    uint32_t fx;
};

/* R rounded (not zero). flush: tiny results become zero, as Arm's FZ has it. */
static inline struct rounded oracle_round(struct place p, bool sign, unsigned rm, bool tiny_before, bool flush)
{
    struct cases_format f = cases_format(p.type);
    uint64_t inf = ((1ull << f.exp_bits) - 1) << f.frac, least = 1ull << f.frac;
    uint64_t sign_bit = (uint64_t)sign << (f.frac + f.exp_bits);
    bool nearest = rm == IR_rne || rm == IR_rmm, away = rm == (sign ? IR_rdn : IR_rup);
    bool up = rm == IR_rne   ? p.half > 0 || (p.half == 0 && p.below & 1)
              : rm == IR_rmm ? p.half >= 0
                             : away || (rm == IR_rod && ~p.below & 1);
    if (p.below == inf)
        return (struct rounded){sign_bit | (nearest || away ? inf : inf - 1), FX_of | FX_nx};
    if (flush && p.below < least)
        return (struct rounded){sign_bit, FX_uf};
    if (p.is_exact)
        return (struct rounded){sign_bit | p.below, 0};
    bool tiny = p.below < least;
    /* With one more bit, the last stretch under the least normal number has one more number: in its middle, and odd. */
    if (!tiny_before && p.below == least - 1 && (nearest ? p.three >= 0 : away && p.half > 0))
        tiny = false;
    uint64_t bits = p.below + up;
    if (bits == inf)
        return (struct rounded){sign_bit | inf, FX_of | FX_nx};
    return (struct rounded){sign_bit | bits, tiny ? FX_uf | FX_nx : FX_nx};
}
