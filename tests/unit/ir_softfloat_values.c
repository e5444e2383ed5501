/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The soft float's conversions to and from integers, rounding to integral values, comparisons, minima and classes by riscv's and Arm's
 * rules, in all formats and rounding modes. The oracles here are 64.64-bit fixed point and the host's comparison of doubles.
 */
#include "softfloat_oracle.h"

static unsigned failures;

static void expect(const char *what, unsigned type, unsigned rm, uint64_t a, uint64_t b, uint64_t got, uint32_t got_fx, uint64_t want,
                   uint32_t want_fx, uint64_t seed)
{
    if ((got != want || got_fx != want_fx) && failures++ < 20)
        print_error("%s %s rm=%u (%#" PRIx64 ", %#" PRIx64 "): %#" PRIx64 " flags %#x, want %#" PRIx64 " flags %#x; SEED=%" PRIu64 "\n",
                    what, cases_format(type).name, rm, a, b, got, got_fx, want, want_fx, seed);
}

/* |v| rounded to an integer. */
struct integer {
    u128 value; /* 2^64: too great to tell */
    bool inexact;
};

static struct integer to_integer(unsigned type, uint64_t v, unsigned rm)
{
    struct dyadic d = oracle_decode(type, v);
    const u128 limit = (u128)1 << 64;
    bool negative = cases_negative(type, v), up;
    if (isinf(cases_double(type, v)))
        return (struct integer){limit, false};
    if (d.exp >= 0)
        return (struct integer){d.exp > 64 || d.mag << d.exp > limit ? limit : d.mag << d.exp, false};
    unsigned places = (unsigned)-d.exp;
    u128 whole = places < 64 ? d.mag >> places : 0, part = d.mag - (whole << (places & 63)); /* of 2^places; mag is below 2^53 */
    int half = places > 60 ? -1 : part < (u128)1 << (places - 1) ? -1 : part > (u128)1 << (places - 1);
    switch (rm) {
    case IR_rne: up = half > 0 || (half == 0 && whole & 1); break;
    case IR_rmm: up = half >= 0; break;
    case IR_rdn: up = part && negative; break;
    case IR_rup: up = part && !negative; break;
    case IR_rod: up = part && !(whole & 1); break;
    default: up = false;
    }
    return (struct integer){whole + up, part != 0};
}

static uint64_t clip(unsigned bits, __int128 v) { return bits == 64 ? (uint64_t)v : (uint32_t)v; }

static void check_to_int(unsigned type, uint64_t v, bool is_signed, unsigned bits, uint64_t seed)
{
    __int128 max = ((__int128)1 << (bits - is_signed)) - 1, min = is_signed ? -max - 1 : 0;
    bool nan = cases_is_nan(type, v), negative = cases_negative(type, v);
    for (unsigned rm = 0; rm <= IR_rod; rm++) {
        struct integer i = to_integer(type, v, rm);
        __int128 whole = negative ? -(__int128)i.value : (__int128)i.value;
        bool fits = !nan && min <= whole && whole <= max;
        for (unsigned policy = IR_nan0; policy <= IR_indef; policy++) {
            struct fp_env env = {.rm = (uint8_t)rm};
            uint64_t got = fp_to_int(&env, type, is_signed, bits, v, policy);
            __int128 bad = policy == IR_indef ? (is_signed ? min : max) : nan ? (policy == IR_nan0 ? 0 : max) : negative ? min : max;
            expect(is_signed ? "to signed" : "to unsigned", type, rm, v, bits, got, env.fx, clip(bits, fits ? whole : bad),
                   !fits       ? FX_nv
                   : i.inexact ? FX_nx
                               : 0,
                   seed);
        }
    }
}

static void check_to_int_mod(unsigned type, uint64_t v, uint64_t seed)
{
    struct dyadic d = oracle_decode(type, v);
    uint64_t whole = d.exp >= 64 ? 0 : d.exp >= 0 ? (uint64_t)d.mag << d.exp : d.exp > -64 ? (uint64_t)d.mag >> -d.exp : 0;
    if (isnan(cases_double(type, v)) || isinf(cases_double(type, v)))
        whole = 0;
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        struct fp_env env = {.rm = IR_rup}, plain = {.rm = IR_rtz};
        uint64_t got = fp_to_int_mod(&env, type, bits, v), saturated = fp_to_int(&plain, type, true, bits, v, IR_nanmax);
        uint64_t want = clip(bits, cases_negative(type, v) ? -(__int128)whole : whole);
        expect("to int mod", type, IR_rtz, v, bits, got, env.fx, want, plain.fx, seed);
        if (!(plain.fx & FX_nv))
            expect("to int mod in range", type, IR_rtz, v, bits, got, 0, saturated, 0, seed);
    }
}

static void check_round(unsigned type, uint64_t v, uint64_t seed)
{
    uint64_t sign = v & cases_sign(type), quiet = 1ull << (cases_format(type).frac - 1);
    for (unsigned rm = 0; rm <= IR_rod; rm++) {
        for (unsigned exact = 0; exact < 2; exact++) {
            struct fp_env env = {.rm = (uint8_t)rm, .nan = FP_NAN_arm};
            uint64_t got = fp_round(&env, type, v, exact), want = v;
            struct integer i = to_integer(type, v, rm);
            uint32_t fx = exact && i.inexact ? FX_nx : 0;
            if (cases_is_nan(type, v)) {
                want = v | quiet;
                fx = cases_is_snan(type, v) ? FX_nv : 0;
            } else if (i.inexact) {
                struct exact e;
                exact_sum(&e, type, (struct dyadic){i.value, 0}, false, (struct dyadic){0, 0}, false);
                struct place p = oracle_place(&e, type);
                want = sign | p.below;
                assert_true(p.is_exact);
            }
            expect("round", type, rm, v, exact, got, env.fx, want, fx, seed);
        }
    }
}

static void check_from_int(unsigned type, uint64_t v, uint64_t seed)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        unsigned bits = kind & 1 ? 64 : 32;
        bool is_signed = kind & 2;
        __int128 value = !is_signed ? (__int128)(bits == 64 ? v : (uint32_t)v) : bits == 64 ? (int64_t)v : (int32_t)v;
        bool negative = value < 0;
        struct exact e;
        exact_sum(&e, type, (struct dyadic){(u128)(negative ? -value : value), 0}, negative, (struct dyadic){0, 0}, negative);
        struct place p = oracle_place(&e, type);
        for (unsigned rm = 0; rm <= IR_rod; rm++) {
            struct fp_env env = {.rm = (uint8_t)rm};
            uint64_t got = fp_from_int(&env, type, is_signed, bits, v);
            struct rounded want = oracle_round(p, negative, rm, false, false);
            expect(is_signed ? "from signed" : "from unsigned", type, rm, v, bits, got, env.fx, want.bits, want.fx, seed);
        }
    }
}

static void integers(void **state)
{
    struct cases_random r;
    (void)state;
    failures = 0;
    cases_seed(&r);
    for (unsigned type = IR_f16; type <= IR_f64; type++) {
        uint64_t s[CASES_MAX];
        unsigned n = cases_special(type, s);
        for (unsigned i = 0; i < n + 10000; i++) {
            uint64_t v = i < n ? s[i] : cases_random(&r, type);
            for (unsigned kind = 0; kind < 4; kind++)
                check_to_int(type, v, kind & 1, kind & 2 ? 64 : 32, r.seed);
            check_to_int_mod(type, v, r.seed);
            if (i < 3000)
                check_round(type, v, r.seed);
            if (i < 3000)
                check_from_int(type,
                               i < 64    ? 1ull << i
                               : i < 128 ? (1ull << (i - 64)) - 1
                                         : cases_fraction(&r) >> cases_below(&r, 64),
                               r.seed);
        }
    }
    assert_int_equal(failures, 0);
}

static void check_compare(unsigned type, uint64_t a, uint64_t b, uint64_t seed)
{
    double x = cases_double(type, a), y = cases_double(type, b);
    bool unordered = isnan(x) || isnan(y), snan = cases_is_snan(type, a) || cases_is_snan(type, b);
    for (unsigned signalling = 0; signalling < 2; signalling++) {
        uint32_t fx = snan || (signalling && unordered) ? FX_nv : 0;
        struct fp_env eq = {0}, lt = {0}, le = {0};
        bool got = fp_eq(&eq, type, a, b, signalling);
        expect("eq", type, 0, a, b, got, eq.fx, x == y, fx, seed);
        got = fp_lt(&lt, type, a, b, signalling);
        expect("lt", type, 0, a, b, got, lt.fx, !unordered && x < y, fx, seed);
        got = fp_le(&le, type, a, b, signalling);
        expect("le", type, 0, a, b, got, le.fx, !unordered && x <= y, fx, seed);
    }
}

/* Which NaN of two by FPProcessNaNs, or the default one. */
static uint64_t pick_nan(unsigned type, unsigned rule, uint64_t a, uint64_t b)
{
    uint64_t quiet = 1ull << (cases_format(type).frac - 1);
    if (rule == FP_NAN_default)
        return cases_inf(type) | quiet;
    if (cases_is_snan(type, a) || (!cases_is_snan(type, b) && cases_is_nan(type, a)))
        return a | quiet;
    return b | quiet;
}

static void check_extreme(unsigned type, uint64_t a, uint64_t b, uint64_t seed)
{
    double x = cases_double(type, a), y = cases_double(type, b);
    bool snan = cases_is_snan(type, a) || cases_is_snan(type, b);
    for (unsigned kind = IR_num; kind <= IR_nan; kind++) {
        for (unsigned rule = FP_NAN_default; rule <= FP_NAN_arm; rule++) {
            bool less = x < y || (x == y && signbit(x));
            uint64_t small = less ? a : b, great = less ? b : a;
            if ((isnan(x) && isnan(y)) || ((isnan(x) || isnan(y)) && (kind == IR_nan || (kind == IR_num08 && snan))))
                small = great = pick_nan(type, rule, a, b);
            else if (isnan(x) || isnan(y))
                small = great = isnan(x) ? b : a;
            struct fp_env min = {.nan = (uint8_t)rule}, max = {.nan = (uint8_t)rule};
            uint64_t got = fp_min(&min, type, kind, a, b);
            expect("min", type, kind, a, b, got, min.fx, small, snan ? FX_nv : 0, seed);
            got = fp_max(&max, type, kind, a, b);
            expect("max", type, kind, a, b, got, max.fx, great, snan ? FX_nv : 0, seed);
        }
    }
}

static void check_class(unsigned type, uint64_t v)
{
    double x = cases_double(type, v), least = ldexp(1, 2 - (1 << (cases_format(type).exp_bits - 1)));
    bool nan = isnan(x);
    unsigned want = cases_is_snan(type, v) ? 8 : nan ? 9 : isinf(x) ? 7 : fabs(x) >= least ? 6 : x != 0 ? 5 : 4;
    if (!nan && signbit(x))
        want = 7 - want;
    expect("class", type, 0, v, 0, fp_class(type, v), 0, want, 0, 0);
    expect("abs", type, 0, v, 0, fp_abs(type, v), 0, v & ~cases_sign(type), 0, 0);
    expect("neg", type, 0, v, 0, fp_neg(type, v), 0, v ^ cases_sign(type), 0, 0);
}

static void orders(void **state)
{
    struct cases_random r;
    (void)state;
    failures = 0;
    cases_seed(&r);
    for (unsigned type = IR_f16; type <= IR_f64; type++) {
        uint64_t s[CASES_MAX], v[3];
        unsigned n = cases_special(type, s);
        for (unsigned i = 0; i < n * n + 10000; i++) {
            cases_operands(&r, type, 2, v);
            uint64_t a = i < n * n ? s[i % n] : v[0], b = i < n * n ? s[i / n] : v[1];
            check_compare(type, a, b, r.seed);
            check_extreme(type, a, b, r.seed);
            check_class(type, a);
        }
    }
    assert_int_equal(failures, 0);
}

static void expect_flushed(const char *what, unsigned type, struct fp_env *env, uint64_t got, uint64_t want)
{
    expect(what, type, env->rm, 0, 0, got, env->fx, want, type == IR_f16 ? 0 : FX_dn, 0);
    env->fx = 0;
}

/* Arm with FZ: subnormal operands count as zeros, and say so, but for f16. */
static void flushing(void **state)
{
    (void)state;
    failures = 0;
    for (unsigned type = IR_f16; type <= IR_f64; type++) {
        uint64_t sub = 1, zero = cases_sign(type), minus = sub | zero, nan = cases_inf(type) | 1ull << (cases_format(type).frac - 1);
        struct fp_env env = {.rm = IR_rup, .nan = FP_NAN_arm, .tiny_before = true, .ftz = true, .daz = true};
        expect_flushed("min", type, &env, fp_min(&env, type, IR_nan, minus, 0), zero);
        expect_flushed("max", type, &env, fp_max(&env, type, IR_num08, sub, minus), 0);
        expect_flushed("min of NaN", type, &env, fp_min(&env, type, IR_num08, minus, nan), zero);
        expect_flushed("eq", type, &env, fp_eq(&env, type, sub, minus, true), true);
        expect_flushed("lt", type, &env, fp_lt(&env, type, minus, sub, true), false);
        expect_flushed("round", type, &env, fp_round(&env, type, minus, true), zero);
        expect_flushed("to int", type, &env, fp_to_int(&env, type, true, 64, sub, IR_nan0), 0);
        expect_flushed("to int mod", type, &env, fp_to_int_mod(&env, type, 32, sub), 0);
    }
    assert_int_equal(failures, 0);
}

/* Values by hand, from the manuals' texts, so that a misreading shared by float and oracle does not pass. */
static void by_hand(void **state)
{
    struct fp_env env = {.rm = IR_rne};
    (void)state;
    assert_int_equal(fp_add(&env, IR_f64, 0x3ff0000000000000, 0x4000000000000000), 0x4008000000000000); /* 1 + 2 */
    assert_int_equal(env.fx, 0);
    assert_int_equal(fp_div(&env, IR_f32, 0x3f800000, 0x40400000), 0x3eaaaaab); /* 1 / 3 */
    assert_int_equal(env.fx, FX_nx);
    assert_int_equal(fp_div(&env, IR_f32, 0x3f800000, 0x80000000), 0xff800000); /* 1 / -0 */
    assert_int_equal(env.fx, FX_nx | FX_dz);
    env.fx = 0;
    assert_int_equal(fp_to_fp(&env, IR_f16, IR_f32, 0x477ff000), 0x7c00); /* 65520, halfway to 65536 */
    assert_int_equal(env.fx, FX_of | FX_nx);
    env.fx = 0;
    assert_int_equal(fp_to_fp(&env, IR_f16, IR_f32, 0x477fefff), 0x7bff);
    assert_int_equal(env.fx, FX_nx);
    env.fx = 0;
    assert_int_equal(fp_fma(&env, IR_f64, 0x7ff0000000000000, 0, 0x7ff8000000000000, IR_pos), 0x7ff8000000000000); /* inf * 0 + qNaN */
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_to_int(&env, IR_f32, false, 32, 0xbf800000, IR_nanmax), 0); /* fcvt.wu.s of -1 */
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_to_int(&env, IR_f32, false, 32, 0xbf000000, IR_nanmax), 0); /* of -0.5: rounds to -0 */
    assert_int_equal(env.fx, FX_nx);
    env.fx = 0;
    assert_int_equal(fp_to_int_mod(&env, IR_f64, 32, 0x41f0000000500000), 5); /* fcvtmod.w.d of 2^32 + 5 */
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_min(&env, IR_f32, IR_num, 0x7f800001, 0x3f800000), 0x3f800000); /* fmin.s of sNaN and 1 */
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_min(&env, IR_f32, IR_nan, 0x7fc00000, 0x3f800000), 0x7fc00000); /* fminm.s of qNaN and 1 */
    assert_int_equal(env.fx, 0);
    /* 2^-126 - 2^-152 as f32: tiny before it is rounded, the least normal number after. */
    assert_int_equal(fp_to_fp(&env, IR_f32, IR_f64, 0x380ffffff8000000), 0x00800000);
    assert_int_equal(env.fx, FX_nx);
    env.tiny_before = true;
    assert_int_equal(fp_to_fp(&env, IR_f32, IR_f64, 0x380ffffff8000000), 0x00800000);
    assert_int_equal(env.fx, FX_uf | FX_nx);
    env = (struct fp_env){.rm = IR_rmm};
    assert_int_equal(fp_round(&env, IR_f64, 0x4004000000000000, true), 0x4008000000000000); /* 2.5, ties away */
    assert_int_equal(env.fx, FX_nx);
    env = (struct fp_env){.rm = IR_rod};
    assert_int_equal(fp_from_int(&env, IR_f32, false, 64, 0x1000002), 0x4b800001); /* 2^24 + 2: exact */
    assert_int_equal(env.fx, 0);
    assert_int_equal(fp_from_int(&env, IR_f32, false, 64, 0x1000001), 0x4b800001); /* 2^24 + 1: to the odd neighbour */
    assert_int_equal(env.fx, FX_nx);
}

/* Formats and operations that only Arm has: alternative halves, bfloat16, fixed point, a halved multiply-add. */
static void arm_by_hand(void **state)
{
    (void)state;
    struct fp_env env = {.nan = FP_NAN_arm, .tiny_before = true, .alt_half = true};
    assert_int_equal(fp_to_fp(&env, IR_f32, IR_f16, 0x7c00), 0x47800000); /* 2^16, no infinity */
    assert_int_equal(fp_to_fp(&env, IR_f64, IR_f16, 0xffff), 0xc0fffc0000000000);
    assert_int_equal(fp_to_fp(&env, IR_f16, IR_f32, 0x47ffe000), 0x7fff);
    assert_int_equal(env.fx, 0);
    assert_int_equal(fp_to_fp(&env, IR_f16, IR_f32, 0xc7fff000), 0xffff); /* rounds beyond the greatest: invalid, not inexact */
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_to_fp(&env, IR_f16, IR_f32, 0xff800000), 0xffff);
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_to_fp(&env, IR_f16, IR_f32, 0xffc00001), 0x8000); /* a NaN */
    assert_int_equal(env.fx, FX_nv);
    env = (struct fp_env){.nan = FP_NAN_arm, .tiny_before = true};
    assert_int_equal(fp_to_bf16(&env, 0x3f808000), 0x3f80); /* to even */
    assert_int_equal(fp_to_bf16(&env, 0x3f818000), 0x3f82);
    assert_int_equal(env.fx, FX_nx);
    env.fx = 0;
    assert_int_equal(fp_to_bf16(&env, 0xff812345), 0xffc1);
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    assert_int_equal(fp_to_bf16(&env, 0x7f7fffff), 0x7f80);
    assert_int_equal(env.fx, FX_of | FX_nx);
    env.fx = 0;
    assert_int_equal(fp_to_fixed(&env, IR_f64, true, 32, 0xc004000000000000, IR_nan0, 2), 0xfffffff6); /* -2.5 * 4 */
    assert_int_equal(fp_to_fixed(&env, IR_f32, false, 64, 0, IR_nan0, 64), 0);
    assert_int_equal(fp_from_fixed(&env, IR_f16, false, 64, 1ull << 63, -64), 0x3800); /* 0.5, though 2^63 is no half */
    assert_int_equal(env.fx, 0);
    assert_int_equal(fp_to_fixed(&env, IR_f64, true, 32, 0x7fefffffffffffff, IR_nan0, 32), 0x7fffffff);
    assert_int_equal(env.fx, FX_nv);
    env.fx = 0;
    /* (3 - a * b) / 2 of halves, where the sum is subnormal only when halved; and of 0 */
    assert_int_equal(fp_fma_scaled(&env, IR_f32, 0xbf800000, 0x3f800000, 0x40400000, -1), 0x3f800000);
    assert_int_equal(fp_fma_scaled(&env, IR_f16, 0x0400, 0x3c00, 0, -1), 0x0200);
    assert_int_equal(env.fx, 0);
    assert_int_equal(fp_compare(&env, IR_f16, 0x8000, 0, true), FP_equal);
    assert_int_equal(fp_compare(&env, IR_f16, 0xbc00, 0, true), FP_less);
    assert_int_equal(fp_compare(&env, IR_f64, 0x7ff8000000000000, 0, false), FP_unordered);
    assert_int_equal(env.fx, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers), cmocka_unit_test(orders),      cmocka_unit_test(flushing),
        cmocka_unit_test(by_hand),  cmocka_unit_test(arm_by_hand),
    };
    return cmocka_run_group_tests_name("ir_softfloat_values", tests, NULL, NULL);
}
