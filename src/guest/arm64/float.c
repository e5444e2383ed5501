/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Floating point that no op says: estimates and their steps, conversions of fixed-point numbers, and what is like an op but for one case.
 * All read FPCR from the vCPU and raise its flags. Names in comments are those of the Arm ARM's shared functions (J1.3).
 */
#include "guest/arm64/float.h"
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "ir/softfloat.h"

struct format {
    unsigned type, bits, frac;
    int bias;
};

static const struct format formats[] = {{0}, {IR_f16, 16, 10, 15}, {IR_f32, 32, 23, 127}, {IR_f64, 64, 52, 1023}};

static uint64_t inf_of(const struct format *f) { return bits_get(~0ull, 0, f->bits - 1) & ~bits_get(~0ull, 0, f->frac); }
static uint64_t sign_of(const struct format *f, bool sign) { return (uint64_t)sign << (f->bits - 1); }

/* n * 2^exp, for small n. */
static uint64_t number(const struct format *f, unsigned n, int exp)
{
    struct fp_env exact = {0};
    return fp_from_fixed(&exact, f->type, false, 32, n, exp);
}

enum { CLASS_ZERO = 3, CLASS_INF = 7, CLASS_NAN = 8 };

/* As FPUnpack has it, flushing included; the index of FCLASS without its sign for numbers. */
static unsigned class_of(struct fp_env *env, const struct format *f, uint64_t *a)
{
    unsigned c = fp_class(f->type, *a);
    if (env->daz && (c == 2 || c == 5)) {
        env->fx |= f->type == IR_f16 ? 0 : FX_dn;
        *a &= sign_of(f, true);
        return CLASS_ZERO;
    }
    return c == 0 ? CLASS_INF : c == 4 ? CLASS_ZERO : c;
}

/* The NaN that an operation on one gives. */
static uint64_t one_nan(struct fp_env *env, const struct format *f, uint64_t a) { return fp_max(env, f->type, IR_nan, a, a); }

static uint64_t default_nan(struct fp_env *env, const struct format *f)
{
    env->fx |= FX_nv;
    return inf_of(f) | 1ull << (f->frac - 1);
}

/* ---- estimates ---- */

/* A number as the estimates take it apart: 52 bits behind the leading one, the exponent as if there were no subnormals. */
static uint64_t normalized(const struct format *f, uint64_t a, int *exp)
{
    uint64_t fraction = bits_get(a, 0, f->frac) << (52 - f->frac);
    *exp = (int)bits_get(a, f->frac, f->bits - 1 - f->frac);
    if (*exp)
        return fraction;
    unsigned lead = (unsigned)__builtin_clzll(fraction) - 11; /* 1 if bit 52 - 1 is the first */
    *exp = 1 - (int)lead;
    return bits_get(fraction << lead, 0, 52);
}

/* RecipEstimate: of 256..511 to 256..511. */
static unsigned reciprocal(unsigned a)
{
    unsigned b = (1 << 19) / (a * 2 + 1);
    return (b + 1) / 2;
}

/* RecipSqrtEstimate: of 128..511 to 256..511. */
static unsigned reciprocal_root(unsigned a)
{
    a = a < 256 ? a * 2 + 1 : ((a >> 1 << 1) + 1) * 2;
    unsigned b = 512;
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

/* FPRecipEstimate. */
static uint64_t recpe(struct fp_env *env, const struct format *f, uint64_t a)
{
    unsigned class = class_of(env, f, &a);
    bool sign = a >> (f->bits - 1) & 1;
    int exp;
    if (class >= CLASS_NAN)
        return one_nan(env, f, a);
    if (class == CLASS_INF)
        return sign_of(f, sign);
    if (class == CLASS_ZERO) {
        env->fx |= FX_dz;
        return sign_of(f, sign) | inf_of(f);
    }
    uint64_t fraction = normalized(f, a, &exp), magnitude = bits_get(a, 0, f->bits - 1);
    if (magnitude < 1ull << (f->frac - 2)) { /* the quotient is beyond all numbers */
        bool to_inf = env->rm == IR_rne || env->rm == (sign ? IR_rdn : IR_rup);
        env->fx |= FX_of | FX_nx;
        return sign_of(f, sign) | (inf_of(f) - !to_inf);
    }
    int result = 2 * f->bias - 1 - exp;
    if (env->ftz && result <= 0) {
        env->fx |= FX_uf;
        return sign_of(f, sign);
    }
    uint64_t estimate = (uint64_t)(reciprocal(256 + (unsigned)(fraction >> 44)) & 255) << 44;
    if (result <= 0) { /* subnormal: its leading one is seen */
        estimate = (estimate | 1ull << 52) >> (1 - result);
        result = 0;
    }
    return sign_of(f, sign) | (uint64_t)result << f->frac | estimate >> (52 - f->frac);
}

/* FPRSqrtEstimate. */
static uint64_t rsqrte(struct fp_env *env, const struct format *f, uint64_t a)
{
    unsigned class = class_of(env, f, &a);
    bool sign = a >> (f->bits - 1) & 1;
    int exp;
    if (class >= CLASS_NAN)
        return one_nan(env, f, a);
    if (class == CLASS_ZERO) {
        env->fx |= FX_dz;
        return sign_of(f, sign) | inf_of(f);
    }
    if (sign)
        return default_nan(env, f);
    if (class == CLASS_INF)
        return 0;
    uint64_t fraction = normalized(f, a, &exp);
    unsigned scaled = exp & 1 ? 128 + (unsigned)(fraction >> 45) : 256 + (unsigned)(fraction >> 44);
    int result = (3 * f->bias - 1 - exp) / 2;
    return (uint64_t)result << f->frac | (uint64_t)(reciprocal_root(scaled) & 255) << (f->frac - 8);
}

/* FPRecpX: the exponent turned round. */
static uint64_t recpx(struct fp_env *env, const struct format *f, uint64_t a)
{
    unsigned class = class_of(env, f, &a);
    if (class >= CLASS_NAN)
        return one_nan(env, f, a);
    uint64_t inf = inf_of(f), exp = a & inf;
    return (a & sign_of(f, true)) | (exp ? inf ^ exp : inf - (1ull << f->frac));
}

/* UnsignedRecipEstimate, UnsignedRSqrtEstimate. */
static uint64_t urecpe(uint64_t a) { return a >> 31 ? (uint64_t)reciprocal((unsigned)(a >> 23)) << 23 : 0xffffffff; }
static uint64_t ursqrte(uint64_t a) { return a >> 30 ? (uint64_t)reciprocal_root((unsigned)(a >> 23)) << 23 : 0xffffffff; }

/* ---- like an op, but ---- */

/* FPRoundIntN: what does not fit an integer of `width` bits is the least one. */
static uint64_t round_int(struct fp_env *env, const struct format *f, uint64_t a, int width, unsigned rm)
{
    struct fp_env trial = *env;
    trial.rm = (uint8_t)rm;
    uint64_t r = fp_round(&trial, f->type, a, true), least = sign_of(f, true) | number(f, 1, width - 1),
             magnitude = bits_get(r, 0, f->bits - 1);
    if (fp_class(f->type, a) >= CLASS_NAN || (magnitude >= bits_get(least, 0, f->bits - 1) && r != least)) {
        env->fx |= FX_nv;
        return least;
    }
    env->fx = trial.fx;
    return r;
}

/* FPToFixedJS; the flags NZCV above the result: Z if it is exact. */
static uint64_t fjcvtzs(struct fp_env *env, uint64_t a)
{
    uint32_t before = env->fx;
    env->fx = 0;
    uint64_t r = fp_to_int_mod(env, IR_f64, 32, a);
    bool exact = !(env->fx & (FX_nv | FX_nx | FX_dn)) && a != 1ull << 63;
    env->fx |= before;
    return (uint32_t)r | (uint64_t)exact << 34;
}

/* FPMulX: infinity times zero is two. */
static uint64_t mulx(struct fp_env *env, const struct format *f, uint64_t a, uint64_t b)
{
    uint64_t x = a, y = b;
    struct fp_env trial = *env;
    unsigned class_a = class_of(&trial, f, &x), class_b = class_of(&trial, f, &y);
    if ((class_a == CLASS_INF && class_b == CLASS_ZERO) || (class_a == CLASS_ZERO && class_b == CLASS_INF)) {
        env->fx = trial.fx;
        return ((a ^ b) & sign_of(f, true)) | number(f, 2, 0);
    }
    return fp_mul(env, f->type, a, b);
}

/* FPRecipStepFused, FPRSqrtStepFused: (k - a * b) * 2^scale, infinity times zero counts as zero. */
static uint64_t step(struct fp_env *env, const struct format *f, uint64_t a, uint64_t b, unsigned k, int scale)
{
    uint64_t x = a, y = b;
    struct fp_env trial = *env;
    unsigned class_a = class_of(&trial, f, &x), class_b = class_of(&trial, f, &y);
    if ((class_a == CLASS_INF && class_b == CLASS_ZERO) || (class_a == CLASS_ZERO && class_b == CLASS_INF)) {
        env->fx = trial.fx;
        return number(f, k, scale);
    }
    return fp_fma_scaled(env, f->type, fp_neg(f->type, a), b, number(f, k, 0), scale);
}

/* ---- helpers ---- */

static const uint8_t modes[] = {IR_rne, IR_rup, IR_rdn, IR_rtz};

unsigned arm64_rounding(const struct cpu *cpu) { return modes[A64(cpu, fpcr) >> FPCR_RMODE_pos & 3]; }

static uint64_t unary(struct fp_env *env, unsigned op, const struct format *f, uint64_t a)
{
    a = bits_get(a, 0, f->bits);
    switch (op) {
    case FP1_recpe: return recpe(env, f, a);
    case FP1_rsqrte: return rsqrte(env, f, a);
    case FP1_recpx: return recpx(env, f, a);
    case FP1_rint32z: return round_int(env, f, a, 32, IR_rtz);
    case FP1_rint32x: return round_int(env, f, a, 32, env->rm);
    case FP1_rint64z: return round_int(env, f, a, 64, IR_rtz);
    case FP1_rint64x: return round_int(env, f, a, 64, env->rm);
    case FP1_bfcvt: return fp_to_bf16(env, a);
    case FP1_fjcvtzs: return fjcvtzs(env, a);
    case FP1_urecpe: return urecpe(a);
    default: return ursqrte(a);
    }
}

static uint64_t binary(struct fp_env *env, unsigned op, const struct format *f, uint64_t a, uint64_t b)
{
    a = bits_get(a, 0, f->bits);
    b = bits_get(b, 0, f->bits);
    switch (op) {
    case FP2_mulx: return mulx(env, f, a, b);
    case FP2_recps: return step(env, f, a, b, 2, 0);
    default: return step(env, f, a, b, 3, -1);
    }
}

static struct fp_env begin(const struct cpu *cpu, uint64_t how) { return fp_env_of(cpu, arm64_rounding(cpu), formats[how & 3].type); }

uint64_t arm64_hlp_fp_unary(struct cpu *cpu, uint64_t a, uint64_t how)
{
    struct fp_env env = begin(cpu, how);
    uint64_t r = unary(&env, (unsigned)how >> 2, &formats[how & 3], a);
    cpu->fx |= env.fx;
    return r;
}

uint64_t arm64_hlp_fp_binary(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t how)
{
    struct fp_env env = begin(cpu, how);
    uint64_t r = binary(&env, (unsigned)how >> 2, &formats[how & 3], a, b);
    cpu->fx |= env.fx;
    return r;
}

static uint64_t to_fixed(struct fp_env *env, uint64_t how, uint64_t a, int fraction)
{
    const struct format *f = &formats[how & 3];
    env->rm = IR_rtz;
    return fp_to_fixed(env, f->type, how >> 2 & 1, (unsigned)how >> 3, bits_get(a, 0, f->bits), IR_nan0, fraction);
}

static uint64_t from_fixed(struct fp_env *env, uint64_t how, uint64_t a, int fraction)
{
    return fp_from_fixed(env, formats[how & 3].type, how >> 2 & 1, (unsigned)how >> 3, a, -fraction);
}

uint64_t arm64_hlp_fp_to_fixed(struct cpu *cpu, uint64_t a, uint64_t how, uint64_t fraction)
{
    struct fp_env env = begin(cpu, how);
    uint64_t r = to_fixed(&env, how, a, (int)fraction);
    cpu->fx |= env.fx;
    return r;
}

uint64_t arm64_hlp_fp_from_fixed(struct cpu *cpu, uint64_t a, uint64_t how, uint64_t fraction)
{
    struct fp_env env = begin(cpu, how);
    uint64_t r = from_fixed(&env, how, a, (int)fraction);
    cpu->fx |= env.fx;
    return r;
}
