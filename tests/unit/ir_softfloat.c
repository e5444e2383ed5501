/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The soft float's arithmetic and conversions between formats by riscv's and Arm's rules, in all formats and rounding modes, against
 * the exact oracle of softfloat_oracle.h; NaNs, infinities and divisions by zero against what the manuals say, written out here.
 */
#include "softfloat_oracle.h"

enum operation { ADD, SUB, MUL, DIV, SQRT, FMA, FMA_NEGC, FMA_NEGP, FMA_NEGPC, TO_F16, TO_F32, TO_F64, OPERATIONS };

static const struct {
    const char *name;
    unsigned arity;
} operations[] = {
    [ADD] = {"add", 2},           [SUB] = {"sub", 2},           [MUL] = {"mul", 2},
    [DIV] = {"div", 2},           [SQRT] = {"sqrt", 1},         [FMA] = {"fma", 3},
    [FMA_NEGC] = {"fma negc", 3}, [FMA_NEGP] = {"fma negp", 3}, [FMA_NEGPC] = {"fma negpc", 3},
    [TO_F16] = {"to f16", 1},     [TO_F32] = {"to f32", 1},     [TO_F64] = {"to f64", 1},
};

static const struct rules {
    const char *name;
    uint8_t nan;
    bool tiny_before, flush;
} rules[] = {
    {"riscv", FP_NAN_default, false, false},
    {"arm", FP_NAN_arm, true, false},
    {"arm flushing", FP_NAN_arm, true, true},
    {"arm default nan", FP_NAN_default, true, true},
};

/* A question with all its circumstances. */
struct question {
    enum operation op;
    unsigned type, rm;
    const struct rules *rules;
    uint64_t v[3];
    bool flushed; /* an operand, which Arm reports */
};

static unsigned to_type(enum operation op, unsigned type) { return op < TO_F16 ? type : IR_f16 + (op - TO_F16); }

static uint64_t soft(struct fp_env *env, const struct question *q)
{
    const uint64_t *v = q->v;
    switch (q->op) {
    case ADD: return fp_add(env, q->type, v[0], v[1]);
    case SUB: return fp_sub(env, q->type, v[0], v[1]);
    case MUL: return fp_mul(env, q->type, v[0], v[1]);
    case DIV: return fp_div(env, q->type, v[0], v[1]);
    case SQRT: return fp_sqrt(env, q->type, v[0]);
    case FMA: return fp_fma(env, q->type, v[0], v[1], v[2], IR_pos);
    case FMA_NEGC: return fp_fma(env, q->type, v[0], v[1], v[2], IR_negc);
    case FMA_NEGP: return fp_fma(env, q->type, v[0], v[1], v[2], IR_negp);
    case FMA_NEGPC: return fp_fma(env, q->type, v[0], v[1], v[2], IR_negpc);
    default: return fp_to_fp(env, to_type(q->op, q->type), q->type, v[0]);
    }
}

static uint64_t quiet_bit(unsigned type) { return 1ull << (cases_format(type).frac - 1); }
static uint64_t default_nan(unsigned type) { return cases_inf(type) | quiet_bit(type); }

/* Arm FPProcessNaNs; order: the operands as it looks at them. */
static uint64_t arm_nan(unsigned type, const uint64_t *order, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (cases_is_snan(type, order[i]))
            return order[i] | quiet_bit(type);
    for (unsigned i = 0; i < n; i++)
        if (cases_is_nan(type, order[i]))
            return order[i];
    return 0; /* never: there is one */
}

static struct rounded nan_result(const struct question *q, const uint64_t v[3])
{
    unsigned n = operations[q->op].arity, to = to_type(q->op, q->type);
    bool fma = n == 3, signalling = false;
    for (unsigned i = 0; i < n; i++)
        signalling |= cases_is_snan(q->type, v[i]);
    struct rounded r = {default_nan(to), signalling ? FX_nv : 0};
    if (fma && !cases_is_nan(q->type, v[0]) && !cases_is_nan(q->type, v[1]) &&
        isnan(cases_double(q->type, v[0]) * cases_double(q->type, v[1])) && !signalling)
        return (struct rounded){default_nan(to), FX_nv};
    if (q->rules->nan == FP_NAN_arm) {
        int shift = cases_format(to).frac - cases_format(q->type).frac;
        uint64_t nan = fma ? arm_nan(q->type, (const uint64_t[]){v[2], v[0], v[1]}, 3) : arm_nan(q->type, v, n);
        uint64_t payload = nan & (2 * quiet_bit(q->type) - 1);
        r.bits = cases_inf(to) | (shift < 0 ? payload >> -shift : payload << shift) | (cases_negative(q->type, nan) ? cases_sign(to) : 0);
    }
    return r;
}

/* The operands as the operation's inner sum or product sees them: signs of subtraction and fused operations carried out. */
static void apply_signs(const struct question *q, const uint64_t v[3], uint64_t out[3])
{
    uint64_t sign = cases_sign(q->type);
    memcpy(out, v, 3 * sizeof *out);
    if (q->op == SUB)
        out[1] ^= sign;
    if (q->op == FMA_NEGC || q->op == FMA_NEGPC)
        out[2] ^= sign;
    if (q->op == FMA_NEGP || q->op == FMA_NEGPC)
        out[0] ^= sign;
}

/* Infinite operands, zero divisors, negative radicands: what the host's doubles give is exact, for it is a NaN, an infinity or zero. */
static bool special_result(const struct question *q, const uint64_t v[3], struct rounded *r)
{
    unsigned to = to_type(q->op, q->type);
    double x = cases_double(q->type, v[0]), y = cases_double(q->type, v[1]), z = cases_double(q->type, v[2]), d;
    unsigned n = operations[q->op].arity;
    bool inf = isinf(x) || (n > 1 && isinf(y)) || (n > 2 && isinf(z));
    if (!inf && !(q->op == DIV && y == 0) && !(q->op == SQRT && x < 0))
        return false;
    switch (q->op) {
    case ADD:
    case SUB: d = x + y; break;
    case MUL: d = x * y; break;
    case DIV: d = x / y; break;
    case SQRT: d = x < 0 ? NAN : x; break;
    case TO_F16:
    case TO_F32:
    case TO_F64: d = x; break;
    default: d = fma(x, y, z);
    }
    *r = (struct rounded){(isinf(d) ? cases_inf(to) : 0) | (signbit(d) ? cases_sign(to) : 0), 0};
    if (isnan(d))
        *r = (struct rounded){default_nan(to), FX_nv};
    else if (q->op == DIV && y == 0 && !inf)
        r->fx = FX_dz;
    return true;
}

/* Where the exact result of finite operands lies. *signs_differ: it is a sum of numbers with different signs. */
static struct place finite_place(const struct question *q, const uint64_t v[3], bool *sign, bool *signs_differ)
{
    struct dyadic x = oracle_decode(q->type, v[0]), y = oracle_decode(q->type, v[1]), z = oracle_decode(q->type, v[2]), none = {0, 0};
    bool sx = cases_negative(q->type, v[0]), sy = cases_negative(q->type, v[1]), sz = cases_negative(q->type, v[2]);
    struct dyadic product = {x.mag * y.mag, x.exp + y.exp};
    unsigned to = to_type(q->op, q->type);
    struct exact e;
    *signs_differ = false;
    switch (q->op) {
    case ADD:
    case SUB:
        exact_sum(&e, q->type, x, sx, y, sy);
        *signs_differ = sx != sy;
        break;
    case MUL: exact_sum(&e, q->type, product, sx ^ sy, none, sx ^ sy); break;
    case DIV: exact_quotient(&e, q->type, x, y, sx ^ sy); break;
    case SQRT:
        exact_root(&e, q->type, x);
        e.sign = sx;
        break;
    case TO_F16:
    case TO_F32:
    case TO_F64: exact_sum(&e, to > q->type ? to : q->type, x, sx, none, sx); break;
    default: exact_sum(&e, q->type, product, sx ^ sy, z, sz); *signs_differ = (sx ^ sy) != sz;
    }
    *sign = e.sign;
    return oracle_place(&e, to);
}

static unsigned failures;

static void compare(struct question *q, struct rounded want, uint64_t seed)
{
    struct fp_env env = {
        .rm = (uint8_t)q->rm, .nan = q->rules->nan, .tiny_before = q->rules->tiny_before, .ftz = q->rules->flush, .daz = q->rules->flush};
    uint64_t got = soft(&env, q);
    want.fx |= q->flushed ? FX_dn : 0;
    if ((got != want.bits || env.fx != want.fx) && failures++ < 20)
        print_error("%s %s rm=%u %s (%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 "): %#" PRIx64 " flags %#x, want %#" PRIx64
                    " flags %#x; SEED=%" PRIu64 "\n",
                    operations[q->op].name, cases_format(q->type).name, q->rm, q->rules->name, q->v[0], q->v[1], q->v[2], got, env.fx,
                    want.bits, want.fx, seed);
}

static bool flush_operands(struct question *q, uint64_t v[3])
{
    bool flushed = false;
    memcpy(v, q->v, sizeof q->v);
    for (unsigned i = 0; i < operations[q->op].arity; i++)
        if (!(q->op >= TO_F16 && q->type == IR_f16) && cases_exponent(q->type, v[i]) == 0 && v[i] & (2 * quiet_bit(q->type) - 1)) {
            v[i] &= cases_sign(q->type);
            flushed = true;
        }
    q->flushed = flushed && q->type != IR_f16;
    return flushed;
}

/* All modes and rules on one set of operands. */
static void check(enum operation op, unsigned type, const uint64_t operands[3], uint64_t seed)
{
    struct place place = {0};
    bool sign = false, differ = false, any_nan = false, placed = false;
    for (unsigned i = 0; i < operations[op].arity; i++)
        any_nan |= cases_is_nan(type, operands[i]);
    for (unsigned k = 0; k < ARRAY_LEN(rules); k++) {
        struct question q = {.op = op, .type = type, .rules = &rules[k]};
        struct rounded want;
        uint64_t raw[3], v[3];
        memcpy(q.v, operands, sizeof q.v);
        memcpy(raw, operands, sizeof raw);
        bool changed = rules[k].flush && flush_operands(&q, raw);
        apply_signs(&q, raw, v);
        bool special = !any_nan && special_result(&q, v, &want);
        if (any_nan)
            want = nan_result(&q, raw);
        else if (!special && (!placed || changed))
            place = finite_place(&q, v, &sign, &differ);
        placed = !special && !changed;
        for (q.rm = 0; q.rm <= IR_rod; q.rm++) {
            bool flush = rules[k].flush && !(op == TO_F16);
            if (!any_nan && !special)
                want = !place.is_zero ? oracle_round(place, sign, q.rm, rules[k].tiny_before, flush)
                                      : (struct rounded){(differ ? q.rm == IR_rdn : sign) ? cases_sign(place.type) : 0, 0};
            compare(&q, want, seed);
        }
    }
}

static void special_values(void **state)
{
    (void)state;
    failures = 0;
    for (unsigned type = IR_f16; type <= IR_f64; type++) {
        uint64_t s[CASES_MAX];
        unsigned n = cases_special(type, s);
        for (unsigned op = 0; op < OPERATIONS; op++) {
            unsigned arity = operations[op].arity, step = arity == 3 ? 47 : arity == 2 && type == IR_f64 ? 3 : 1;
            unsigned count = arity == 3 ? n * n * n : arity == 2 ? n * n : n;
            for (unsigned i = (unsigned)op % step; i < count; i += step)
                check(op, type, (const uint64_t[]){s[i % n], arity > 1 ? s[i / n % n] : 0, arity > 2 ? s[i / n / n] : 0}, 0);
        }
    }
    assert_int_equal(failures, 0);
}

static void random_values(void **state)
{
    struct cases_random r;
    (void)state;
    failures = 0;
    cases_seed(&r);
    for (unsigned type = IR_f16; type <= IR_f64; type++)
        for (unsigned op = 0; op < OPERATIONS; op++)
            for (unsigned i = 0; i < (type == IR_f64 ? 2000 : 10000); i++) {
                uint64_t v[3];
                cases_operands(&r, type, operations[op].arity, v);
                check(op, type, v, r.seed);
            }
    assert_int_equal(failures, 0);
}

static void every_f16(void **state)
{
    (void)state;
    failures = 0;
    for (uint64_t v = 0; v < 0x10000; v += 3) {
        check(SQRT, IR_f16, (const uint64_t[]){v, 0, 0}, 0);
        check(TO_F32, IR_f16, (const uint64_t[]){v, 0, 0}, 0);
    }
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_values),
        cmocka_unit_test(random_values),
        cmocka_unit_test(every_f16),
    };
    return cmocka_run_group_tests_name("ir_softfloat", tests, NULL, NULL);
}
