/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Operands for the tests of the soft float: special values of a format, and random ones that crowd around its boundaries.
 * The random numbers follow from SEED in the environment, else from the clock; a failure prints the seed.
 */
#pragma once
#include "base/bits.h"
#include "ir/softfloat.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h> /* after what it needs */

struct cases_format {
    const char *name;
    int frac, exp_bits;
};

static inline struct cases_format cases_format(unsigned type)
{
    return type == IR_f16   ? (struct cases_format){"f16", 10, 5}
           : type == IR_f32 ? (struct cases_format){"f32", 23, 8}
                            : (struct cases_format){"f64", 52, 11};
}

struct cases_random {
    uint64_t seed, state;
};

static inline void cases_seed(struct cases_random *r)
{
    struct timespec now;
    const char *text = getenv("SEED");
    timespec_get(&now, TIME_UTC);
    r->seed = text ? strtoull(text, NULL, 0) : (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
    r->state = r->seed;
}

static inline uint64_t cases_next(struct cases_random *r) /* splitmix64 */
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline unsigned cases_below(struct cases_random *r, unsigned n) { return (unsigned)(cases_next(r) >> 32) % n; }

enum { CASES_MAX = 96 };

static inline uint64_t cases_make(struct cases_format f, int exp, uint64_t frac) /* exp: biased */
{
    return (uint64_t)exp << f.frac | (frac & ((1ull << f.frac) - 1));
}

/* Both signs of zeros, subnormals, borders, halves, powers near the integers' limits, infinities and NaNs; returns how many. */
static inline unsigned cases_special(unsigned type, uint64_t out[CASES_MAX])
{
    struct cases_format f = cases_format(type);
    int top = (1 << f.exp_bits) - 1, one = top >> 1;
    uint64_t ones = (1ull << f.frac) - 1, high = 1ull << (f.frac - 1);
    const struct {
        int exp;
        uint64_t frac;
    } rows[] = {
        {0, 0},
        {0, 1},
        {0, 2},
        {0, 3},
        {0, high},
        {0, ones - 1},
        {0, ones},
        {1, 0},
        {1, 1},
        {1, ones},
        {2, 0},
        {one - 1, 0},
        {one - 1, 1},
        {one - 1, ones},
        {one, 0},
        {one, 1},
        {one, high},
        {one, ones},
        {one + 1, high},
        {one + 1, high / 2},
        {one + f.frac - 1, 1},
        {one + f.frac, 1},
        {one + f.frac, ones},
        {one - f.frac - 1, 0},
        {one - f.frac - 2, 1},
        {one / 2, 0},
        {one / 2, ones},
        {one / 2 + 1, 1},
        {top - 1, 0},
        {top - 1, ones - 1},
        {top - 1, ones},
        {top, 0},
        {top, high},
        {top, high | 5},
        {top, 1},
        {top, high - 1},
        {one + 30, ones},
        {one + 31, 0},
        {one + 31, ones},
        {one + 62, ones},
        {one + 63, 0},
        {one + 63, ones},
    };
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].exp > top) /* of a greater format */
            continue;
        out[n++] = cases_make(f, rows[i].exp, rows[i].frac);
        out[n] = out[n - 1] | 1ull << (f.frac + f.exp_bits);
        n++;
    }
    return n;
}

static inline uint64_t cases_fraction(struct cases_random *r)
{
    uint64_t v = cases_next(r), kind = v >> 60;
    unsigned shift = (unsigned)(v >> 52) & 63;
    switch (kind & 7) {
    case 0: return 1ull << shift;
    case 1: return ~0ull << shift;
    case 2: return ~0ull >> shift;
    case 3: return cases_next(r) << shift;
    default: return cases_next(r);
    }
}

static inline uint64_t cases_random(struct cases_random *r, unsigned type)
{
    struct cases_format f = cases_format(type);
    int top = (1 << f.exp_bits) - 1, exp;
    switch (cases_below(r, 8)) {
    case 0: exp = (int)cases_below(r, 4); break;
    case 1: exp = top - (int)cases_below(r, 4); break;
    case 2:
        exp = top / 4 + (int)cases_below(r, 5); /* squares around the least normal, roots of it */
        break;
    case 3: exp = top / 4 * 3 + (int)cases_below(r, 5); break;
    case 4:
    case 5: exp = top / 2 - f.frac - 3 + (int)cases_below(r, 2 * (unsigned)f.frac + 6); break;
    default: exp = (int)cases_below(r, (unsigned)top + 1);
    }
    exp = exp < 0 ? 0 : exp > top ? top : exp;
    return cases_make(f, exp, cases_fraction(r)) | (cases_next(r) & 1) << (f.frac + f.exp_bits);
}

/* v with its exponent within about the precision of the first one's: what sums need. */
static inline uint64_t cases_near(struct cases_random *r, unsigned type, int exp)
{
    struct cases_format f = cases_format(type);
    int top = (1 << f.exp_bits) - 1;
    exp += (int)cases_below(r, 2 * (unsigned)f.frac + 8) - f.frac - 4;
    if (cases_below(r, 4) == 0)
        exp = exp / 4 * 4;
    exp = exp < 0 ? 0 : exp >= top ? top - 1 : exp;
    return cases_make(f, exp, cases_fraction(r)) | (cases_next(r) & 1) << (f.frac + f.exp_bits);
}

static inline int cases_exponent(unsigned type, uint64_t v) /* biased */
{
    struct cases_format f = cases_format(type);
    return (int)(v >> f.frac & ((1u << f.exp_bits) - 1));
}

static inline uint64_t cases_sign(unsigned type) { return 1ull << (cases_format(type).frac + cases_format(type).exp_bits); }
static inline bool cases_negative(unsigned type, uint64_t v) { return v & cases_sign(type); }
static inline uint64_t cases_inf(unsigned type) { return cases_make(cases_format(type), (1 << cases_format(type).exp_bits) - 1, 0); }
static inline bool cases_is_nan(unsigned type, uint64_t v) { return (v & (cases_sign(type) - 1)) > cases_inf(type); }
static inline bool cases_is_snan(unsigned type, uint64_t v) { return cases_is_nan(type, v) && !(v >> (cases_format(type).frac - 1) & 1); }

/* The value as the host's double; exact in all formats. */
static inline double cases_double(unsigned type, uint64_t v)
{
    struct cases_format f = cases_format(type);
    int exp = cases_exponent(type, v), bias = (1 << (f.exp_bits - 1)) - 1;
    uint64_t frac = v & ((1ull << f.frac) - 1);
    double d = exp > 2 * bias ? frac ? NAN : INFINITY
               : exp          ? ldexp((double)(frac | 1ull << f.frac), exp - bias - f.frac)
                              : ldexp((double)frac, 1 - bias - f.frac);
    return copysign(d, cases_negative(type, v) ? -1 : 1);
}

/* Random operands of an operation with n of them. */
static inline void cases_operands(struct cases_random *r, unsigned type, unsigned n, uint64_t v[3])
{
    int one = (1 << (cases_format(type).exp_bits - 1)) - 1;
    for (unsigned i = 0; i < 3; i++)
        v[i] = cases_random(r, type);
    if (n == 2 && cases_below(r, 2))
        v[1] = cases_near(r, type, cases_exponent(type, v[0]));
    if (n == 3 && cases_below(r, 4))
        v[2] = cases_near(r, type, cases_exponent(type, v[0]) + cases_exponent(type, v[1]) - one);
}
