/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every vector row of ops.def by the evaluator, against loops over lanes that are written another way: lanes are bytes in an array, what can
 * be is done bit by bit. Results in cells of their own and in an operand's. SEED=N repeats a run.
 */
#include "ir/eval.h"
#include "ir/mask.h"
#include "ir/pure.h"
#include "ir/softfloat.h"
#include "os/os.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 400, CELLS = 16, A = 2, B = 4, C = 6, D = 8, SCALAR = 10 };

typedef unsigned __int128 wide_u;
typedef __int128 wide_s;

struct vec {
    uint8_t b[16];
};

struct in { /* of one op */
    struct ir_op op;
    struct vec a, b, c;
    uint64_t scalar;
    unsigned e;
};

static uint64_t seed;

static uint64_t next(void)
{
    uint64_t v = seed += 0x9e3779b97f4a7c15;
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

static unsigned below(unsigned n) { return (unsigned)(next() % n); }

/* ---- lanes ---- */

static uint64_t get(const struct vec *v, unsigned e, unsigned i)
{
    uint64_t lane = 0;
    for (unsigned k = e / 8; k-- > 0;)
        lane = lane << 8 | v->b[i * e / 8 + k];
    return lane;
}

static void put(struct vec *v, unsigned e, unsigned i, uint64_t lane)
{
    for (unsigned k = 0; k < e / 8; k++)
        v->b[i * e / 8 + k] = (uint8_t)(lane >> 8 * k);
}

static uint64_t power(unsigned n) { return (uint64_t)1 << n; }
static bool negative(uint64_t lane, unsigned e) { return lane & power(e - 1); }
static wide_s value(uint64_t lane, unsigned e) { return negative(lane, e) ? (wide_s)lane - ((wide_s)1 << e) : (wide_s)lane; }
static wide_s clamp(wide_s v, wide_s least, wide_s most) { return v > most ? most : v < least ? least : v; }
static wide_s clamp_signed(wide_s v, unsigned e) { return clamp(v, -(wide_s)power(e - 1), (wide_s)power(e - 1) - 1); }
static wide_s clamp_unsigned(wide_s v, unsigned e) { return clamp(v, 0, ((wide_s)1 << e) - 1); }

/* A count of steps of one bit; what comes in at the top is `in`. */
static uint64_t shifted_right(uint64_t lane, unsigned e, uint64_t count, bool in)
{
    for (uint64_t i = 0; i < count && i < 2 * e; i++)
        lane = lane / 2 | (in ? power(e - 1) : 0);
    return lane;
}

static uint64_t shifted_left(uint64_t lane, unsigned e, uint64_t count)
{
    for (uint64_t i = 0; i < count && i < 2 * e; i++)
        lane *= 2;
    return lane;
}

static uint64_t absolute(uint64_t lane, unsigned e) { return negative(lane, e) ? ~lane + 1 : lane; }

static unsigned leading(uint64_t lane, unsigned e)
{
    unsigned n = 0;
    while (n < e && !(lane & power(e - 1 - n)))
        n++;
    return n;
}

static uint64_t reversed(uint64_t lane, unsigned e)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < e; i++)
        if (lane & power(i))
            r |= power(e - 1 - i);
    return r;
}

static unsigned ones(uint64_t lane)
{
    unsigned n = 0;
    for (; lane; lane &= lane - 1)
        n++;
    return n;
}

/* One lane of an op that treats all alike. false: it is none. */
static bool alike(unsigned op, unsigned e, uint64_t x, uint64_t y, uint64_t *r)
{
    wide_s sx = value(x, e), sy = value(y, e);
    switch (op) {
    case IR_VADD: *r = x + y; return true;
    case IR_VSUB: *r = x + ~y + 1; return true;
    case IR_VMUL: *r = (uint64_t)(sx * sy); return true;
    case IR_VMULHU: *r = (uint64_t)((wide_u)x * y / ((wide_u)1 << e)); return true;
    case IR_VMULHS: *r = (uint64_t)(sx * sy >> e); return true;
    case IR_VQRDMULH: *r = (uint64_t)clamp_signed((sx * sy + ((wide_s)1 << (e - 2))) >> (e - 1), e); return true;
    case IR_VNEG: *r = ~x + 1; return true;
    case IR_VABS: *r = absolute(x, e); return true;
    case IR_VSHL:
    case IR_VSHLV: *r = shifted_left(x, e, y); return true;
    case IR_VSHR:
    case IR_VSHRV: *r = shifted_right(x, e, y, false); return true;
    case IR_VSAR:
    case IR_VSARV: *r = shifted_right(x, e, y, negative(x, e)); return true;
    case IR_VQADDS: *r = (uint64_t)clamp_signed(sx + sy, e); return true;
    case IR_VQADDU: *r = (uint64_t)clamp_unsigned((wide_s)x + y, e); return true;
    case IR_VQSUBS: *r = (uint64_t)clamp_signed(sx - sy, e); return true;
    case IR_VQSUBU: *r = (uint64_t)clamp_unsigned((wide_s)x - y, e); return true;
    case IR_VAVGU: *r = (uint64_t)(((wide_u)x + y + 1) / 2); return true;
    case IR_VMINS: *r = (uint64_t)(sx < sy ? sx : sy); return true;
    case IR_VMAXS: *r = (uint64_t)(sx > sy ? sx : sy); return true;
    case IR_VMINU: *r = x < y ? x : y; return true;
    case IR_VMAXU: *r = x > y ? x : y; return true;
    case IR_VCMPEQ: *r = x == y ? UINT64_MAX : 0; return true;
    case IR_VCMPGTS: *r = sx > sy ? UINT64_MAX : 0; return true;
    case IR_VCMPGTU: *r = x > y ? UINT64_MAX : 0; return true;
    case IR_VPOPCNT: *r = ones(x); return true;
    case IR_VCLZ: *r = leading(x, e); return true;
    case IR_VBITREV: *r = reversed(x, e); return true;
    case IR_VNOT: *r = x ^ UINT64_MAX; return true;
    case IR_VAND: *r = x & y; return true;
    case IR_VOR: *r = x | y; return true;
    case IR_VXOR: *r = x ^ y; return true;
    case IR_VANDN: *r = x & (y ^ UINT64_MAX); return true;
    }
    return false;
}

/* ---- ops whose lanes differ ---- */

static wide_s operand(const struct vec *v, unsigned e, unsigned i, bool is_signed)
{
    return is_signed ? value(get(v, e, i), e) : (wide_s)get(v, e, i);
}

static uint64_t narrowed(uint64_t lane, unsigned e, unsigned how)
{
    switch (how) {
    case IR_trunc: return lane;
    case IR_ss: return (uint64_t)clamp_signed(value(lane, e), e / 2);
    case IR_su: return (uint64_t)clamp_unsigned(value(lane, e), e / 2);
    default: return (uint64_t)clamp_unsigned((wide_s)lane, e / 2);
    }
}

static wide_s products(const struct in *in, unsigned i, unsigned n, bool first, bool second)
{
    wide_s sum = 0;
    unsigned e = n == 2 && in->op.op == IR_VMADDW ? 16 : 8;
    const struct vec *x = n == 4 ? &in->b : &in->a, *y = n == 4 ? &in->c : &in->b;
    for (unsigned k = 0; k < n; k++)
        sum += operand(x, e, n * i + k, first) * operand(y, e, n * i + k, second);
    return sum;
}

static bool unlike(const struct in *in, struct vec *r)
{
    unsigned e = in->e, n = 128 / e;
    const uint8_t *s = in->op.s;
    switch (in->op.op) {
    case IR_VSEL:
        for (unsigned i = 0; i < 128; i++) {
            const struct vec *from = in->a.b[i / 8] >> i % 8 & 1 ? &in->b : &in->c;
            r->b[i / 8] |= (uint8_t)(from->b[i / 8] & 1u << i % 8);
        }
        return true;
    case IR_VMULE:
        for (unsigned i = 0; i < n; i += 2)
            put(r, 2 * e, i / 2, (uint64_t)(operand(&in->a, e, i, s[1]) * operand(&in->b, e, i, s[1])));
        return true;
    case IR_VMADDW:
        for (unsigned i = 0; i < 4; i++)
            put(r, 32, i, (uint64_t)products(in, i, 2, true, true));
        return true;
    case IR_VMADDUB:
        for (unsigned i = 0; i < 8; i++)
            put(r, 16, i, (uint64_t)clamp_signed(products(in, i, 2, false, true), 16));
        return true;
    case IR_VDOT:
        for (unsigned i = 0; i < 4; i++)
            put(r, 32, i, get(&in->a, 32, i) + (uint64_t)products(in, i, 4, s[0], s[0]));
        return true;
    case IR_VSADB:
        for (unsigned i = 0; i < 16; i++) {
            int difference = in->a.b[i] - in->b.b[i];
            put(r, 64, i / 8, get(r, 64, i / 8) + (uint64_t)abs(difference));
        }
        return true;
    case IR_VWIDEN:
        for (unsigned i = 0; i < n / 2; i++)
            put(r, 2 * e, i, (uint64_t)operand(&in->a, e, s[2] * n / 2 + i, s[1]));
        return true;
    case IR_VNARROW:
        for (unsigned i = 0; i < n; i++) {
            put(r, e / 2, i, narrowed(get(&in->a, e, i), e, s[1]));
            put(r, e / 2, n + i, narrowed(get(&in->b, e, i), e, s[1]));
        }
        return true;
    }
    return false;
}

static bool moves(const struct in *in, struct vec *r)
{
    unsigned e = in->e;
    switch (in->op.op) {
    case IR_VDUP:
        for (unsigned i = 0; i < 128 / e; i++)
            put(r, e, i, in->scalar);
        return true;
    case IR_VSETE:
        *r = in->a;
        put(r, e, in->op.s[1], in->scalar);
        return true;
    case IR_VSHUF:
        for (unsigned i = 0; i < 16; i++) {
            const struct vec *from = in->op.s[i / 8] >> i % 8 & 1 ? &in->b : &in->a;
            r->b[i] = from->b[in->op.imm >> 4 * i & 15];
        }
        return true;
    case IR_VTBL:
        for (unsigned i = 0; i < 16; i++)
            if (in->b.b[i] < 16)
                r->b[i] = in->a.b[in->b.b[i]];
        return true;
    }
    return false;
}

/* ---- cryptography ---- */

static uint32_t rotated(uint64_t v, unsigned n) { return (uint32_t)((v << 32 | v) >> n); }

/* FIPS 180-4, 6.2.2: the eight working variables, from the last to the first, and the words that come after 16. */
static void sha256(const struct in *in, struct vec *r)
{
    uint32_t v[8], w[20] = {0};
    unsigned which = in->op.s[0];
    for (unsigned i = 0; i < 4; i++) {
        v[i] = (uint32_t)get(&in->a, 32, i);
        v[4 + i] = (uint32_t)get(&in->b, 32, i);
    }
    for (unsigned t = 0; t < 4 && which <= IR_hash2; t++) {
        uint32_t s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25),
                 s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + (uint32_t)get(&in->c, 32, t);
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[0] = t1 + t2;
        v[4] += t1;
    }
    for (unsigned i = 0; i < 4; i++) { /* words: w[0] to w[4] are there; words2: w[9] to w[15], and in place of w[0] what words made */
        w[i] = (uint32_t)get(&in->a, 32, i);
        w[which == IR_words ? 4 + i : 8 + i] = (uint32_t)get(&in->b, 32, i);
        w[12 + i] = which == IR_words ? 0 : (uint32_t)get(&in->c, 32, i);
    }
    for (unsigned t = 16; t < 20; t++) {
        uint32_t s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = which == IR_words ? w[t - 16] + s0 : w[t - 16] + w[t - 7] + s1;
    }
    for (unsigned i = 0; i < 4; i++)
        put(r, 32, i, which == IR_hash ? v[i] : which == IR_hash2 ? v[4 + i] : w[16 + i]);
}

/* By the op on halves, which has vectors of its own; MixColumns is its inverse three times. */
static bool ciphers(const struct in *in, struct vec *r)
{
    if (in->op.op == IR_VSHA256)
        sha256(in, r);
    for (unsigned i = 0; i < 2 && in->op.op == IR_VAES; i++) {
        uint64_t half = get(&in->a, 64, i), other = get(&in->a, 64, 1 - i);
        for (unsigned k = 0; k < 3 && in->op.s[0] == IR_mix; k++)
            half = ir_aes(IR_imc, half, half);
        put(r, 64, i, in->op.s[0] == IR_mix ? half : ir_aes(in->op.s[0], half, other));
    }
    return in->op.op == IR_VSHA256 || in->op.op == IR_VAES;
}

static bool to_scalar(const struct in *in, uint64_t *r)
{
    unsigned e = in->e;
    *r = 0;
    switch (in->op.op) {
    case IR_VGETE: *r = get(&in->a, e, in->op.s[1]); return true;
    case IR_VMASK:
        for (unsigned i = 0; i < 128 / e; i++)
            *r += negative(get(&in->a, e, i), e) ? power(i) : 0;
        return true;
    case IR_VANY:
        for (unsigned i = 0; i < 16; i++)
            *r |= in->a.b[i] != 0;
        return true;
    case IR_VREDUCE: {
        static const uint8_t ops[] = {
            [IR_AMO_add] = IR_VADD,   [IR_AMO_and] = IR_VAND,   [IR_AMO_or] = IR_VOR,     [IR_AMO_xor] = IR_VXOR,
            [IR_AMO_smin] = IR_VMINS, [IR_AMO_smax] = IR_VMAXS, [IR_AMO_umin] = IR_VMINU, [IR_AMO_umax] = IR_VMAXU};
        struct vec sum = {{0}};
        put(&sum, e, 0, get(&in->a, e, 0));
        for (unsigned i = 1; i < 128 / e; i++) {
            assert_true(alike(ops[in->op.s[0]], e, get(&sum, e, 0), get(&in->a, e, i), r));
            put(&sum, e, 0, *r);
        }
        *r = get(&sum, e, 0);
        return true;
    }
    }
    return false;
}

/* ---- floats: the scalar functions, which have tests of their own ---- */

static unsigned format(unsigned e) { return e == 16 ? IR_f16 : e == 32 ? IR_f32 : IR_f64; }
static bool is_nan(unsigned e, uint64_t v)
{
    unsigned fraction = e == 16 ? 10 : e == 32 ? 23 : 52;
    return (v & (power(e - 1) - 1)) > (power(e - 1) - 1) - (power(fraction) - 1);
}

static uint64_t one_float(const struct in *in, struct fp_env *env, uint64_t x, uint64_t y, uint64_t z)
{
    const uint8_t *s = in->op.s;
    unsigned type = format(in->e);
    switch (in->op.op) {
    case IR_VFADD: env->rm = s[1]; return fp_add(env, type, x, y);
    case IR_VFSUB: env->rm = s[1]; return fp_sub(env, type, x, y);
    case IR_VFMUL: env->rm = s[1]; return fp_mul(env, type, x, y);
    case IR_VFDIV: env->rm = s[1]; return fp_div(env, type, x, y);
    case IR_VFSQRT: env->rm = s[1]; return fp_sqrt(env, type, x);
    case IR_VFMA: env->rm = s[2]; return fp_fma(env, type, x, y, z, s[1]);
    case IR_VFROUND: env->rm = s[1]; return fp_round(env, type, x, s[2]);
    case IR_VFMIN: return fp_min(env, type, s[0], x, y);
    case IR_VFMAX: return fp_max(env, type, s[0], x, y);
    }
    bool yes = s[0] == IR_FC_lt   ? fp_lt(env, type, x, y, s[2])
               : s[0] == IR_FC_le ? fp_le(env, type, x, y, s[2])
                                  : fp_eq(env, type, x, y, s[2]);
    if (s[0] == IR_FC_uno)
        yes = is_nan(in->e, x) || is_nan(in->e, y);
    return yes ? UINT64_MAX : 0;
}

static uint64_t one_conversion(const struct in *in, struct fp_env *env, unsigned from, unsigned to, uint64_t x)
{
    env->rm = in->op.s[1];
    switch (in->op.op) {
    case IR_VFTOI: return fp_to_int(env, format(from), in->op.s[0], to, x, in->op.s[2]);
    case IR_VITOF: return fp_from_int(env, format(to), in->op.s[0], from, x);
    default: return fp_to_fp(env, format(to), format(from), x);
    }
}

static void floats(const struct in *in, struct fp_env *env, struct vec *r)
{
    unsigned from = in->op.imm & 255, to = in->op.imm >> 8, e = in->e;
    if (in->op.op < IR_VFTOI) {
        for (unsigned i = 0; i < 128 / e; i++)
            put(r, e, i, one_float(in, env, get(&in->a, e, i), get(&in->b, e, i), get(&in->c, e, i)));
        return;
    }
    bool high = in->op.op == IR_VFTOF && in->op.s[0];
    if (from < to)
        for (unsigned i = 0; i < 128 / to; i++)
            put(r, to, i, one_conversion(in, env, from, to, get(&in->a, from, high ? 128 / to + i : i)));
    else
        for (unsigned i = 0; i < 128 / from; i++)
            put(r, to, high ? 128 / from + i : i, one_conversion(in, env, from, to, get(&in->a, from, i)));
}

/* ---- operands ---- */

static uint64_t lane_value(unsigned e)
{
    static const uint16_t halves[] = {0,      0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7d01,
                                      0xfe01, 1,      0x8001, 0x400,  0x7bff, 0x4200, 0x3555};
    uint64_t v;
    switch (below(8)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return power(e - 1) - below(2);
    case 3: return next() % (2 * e);
    case 4: /* as a float */
        v = halves[below(15)];
        return e == 16 ? v : fp_to_fp(&(struct fp_env){.nan = FP_NAN_arm}, format(e < 32 ? 32 : e), IR_f16, v);
    case 5: return power(below(e));
    default: return next();
    }
}

static struct vec vector(unsigned e)
{
    struct vec v;
    for (unsigned i = 0; i < 128 / e; i++)
        put(&v, e, i, lane_value(e));
    return v;
}

static uint8_t static_of(const char *word, size_t len, const struct ir_op *op)
{
    static const struct {
        const char *name;
        uint8_t count;
    } kinds[] = {{"sgn", 2},   {"half", 2}, {"how", 4}, {"rm", 6},  {"fneg", 4}, {"mm", 4},
                 {"exact", 2}, {"fcc", 4},  {"sig", 2}, {"pol", 3}, {"aes", 6},  {"sha", 4}};
    static const uint8_t reduces[] = {IR_AMO_add, IR_AMO_and, IR_AMO_or, IR_AMO_xor, IR_AMO_smin, IR_AMO_smax, IR_AMO_umin, IR_AMO_umax};
    bool floating = op->op >= IR_VFADD || op->op == IR_VNARROW, halved = op->op == IR_VMULE || op->op == IR_VWIDEN;
    if (len == 1) /* e */
        return (uint8_t)((floating ? 16u : 8u) << below(floating || halved ? 3 : 4));
    if (!strncmp(word, "amo", len))
        return reduces[below(8)];
    if (!strncmp(word, "bytes", len))
        return (uint8_t)next();
    if (!strncmp(word, "lane", len))
        return (uint8_t)below(128u / op->s[0]);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == len && !strncmp(word, kinds[i].name, len))
            return (uint8_t)below(kinds[i].count);
    fail_msg("unknown static %s", word);
    return 0;
}

static struct in random_op(unsigned op)
{
    struct in in = {.op = {.op = (uint8_t)op, .type = IR_v128, .d = D, .a = A, .b = IR_NONE, .c = IR_NONE}, .e = 8u << below(4)};
    const struct ir_sig *sig = &ir_sigs[op];
    const char *word = sig->words;
    for (unsigned i = 0; i < sig->statics; i++, word += strcspn(word, ",") + 1) {
        in.op.s[i] = static_of(word, strcspn(word, ","), &in.op);
        if (*word == 'e' && word[1] != 'x')
            in.e = in.op.s[i];
    }
    in.op.b = sig->in[1] == 'V' ? B : sig->in[1] == 'I' ? below(2) ? SCALAR : IR_CONST : IR_NONE;
    in.op.c = sig->in[1] && sig->in[2] ? C : IR_NONE;
    in.op.a = sig->in[0] == 'I' ? SCALAR : A;
    in.op.d = (uint16_t)(below(2) ? D : sig->out == 'V' && below(2) && in.op.b != IR_NONE && in.op.b != IR_CONST ? B : A);
    if (op >= IR_VFTOI) {
        unsigned from = 16u << below(3), to = 16u << below(3);
        if (op == IR_VFTOF && (from == to || from + to == 80))
            to = from == 32 ? 64 : 32;
        in.op.imm = from | to << 8;
        in.e = from;
    }
    if (op == IR_VSHUF)
        in.op.imm = next();
    in.a = vector(in.e);
    in.b = below(8) ? vector(in.e) : in.a;
    in.c = vector(in.e);
    in.scalar = below(2) && op >= IR_VSHL && op <= IR_VSAR ? below(2 * in.e) : lane_value(64);
    if (in.op.b == IR_CONST)
        in.op.imm = in.scalar;
    return in;
}

/* ---- checks ---- */

static struct fp_env environment(const struct cpu *cpu) { return (struct fp_env){.nan = cpu->fp_nan, .tiny_before = cpu->fp_tiny_before}; }

static void expect(const struct cpu *cpu, const struct in *in, uint64_t cells[2], uint32_t *fx)
{
    struct vec r = {{0}};
    uint64_t lane, scalar;
    unsigned op = in->op.op;
    bool one_count = op == IR_VSHL || op == IR_VSHR || op == IR_VSAR;
    *fx = 0;
    if (to_scalar(in, &scalar)) {
        cells[0] = scalar;
        return;
    }
    if (op >= IR_VFADD) {
        struct fp_env env = environment(cpu);
        floats(in, &env, &r);
        *fx = env.fx;
    } else if (!unlike(in, &r) && !moves(in, &r) && !ciphers(in, &r)) {
        for (unsigned i = 0; i < 128 / in->e; i++) {
            if (!alike(op, in->e, get(&in->a, in->e, i), one_count ? in->scalar : get(&in->b, in->e, i), &lane))
                fail_msg("%s has no test", ir_op_name(op));
            put(&r, in->e, i, lane);
        }
    }
    cells[0] = get(&r, 64, 0);
    cells[1] = get(&r, 64, 1);
}

static void load(struct cpu *cpu, unsigned cell, const struct vec *v)
{
    cpu->cell[cell] = get(v, 64, 0);
    cpu->cell[cell + 1] = get(v, 64, 1);
}

static void check(struct cpu *cpu, const struct in *in, uint64_t start)
{
    uint64_t before[CELLS], want[CELLS];
    uint32_t fx;
    load(cpu, A, &in->a);
    load(cpu, B, &in->b);
    load(cpu, C, &in->c);
    cpu->cell[SCALAR] = in->scalar;
    cpu->fx = 0;
    memcpy(before, cpu->cell, sizeof before);
    memcpy(want, before, sizeof want);
    expect(cpu, in, &want[in->op.d], &fx);
    assert_true(ir_op_run(cpu, &in->op));
    if (memcmp(want, cpu->cell, sizeof want) || fx != cpu->fx)
        fail_msg("SEED=%" PRIu64 ": %s e %u s %u %u %u imm %#" PRIx64 ": %016" PRIx64 "%016" PRIx64 " fx %x, not %016" PRIx64 "%016" PRIx64
                 " fx %x, of %016" PRIx64 "%016" PRIx64 " %016" PRIx64 "%016" PRIx64 " %016" PRIx64,
                 start, ir_op_name(in->op.op), in->e, in->op.s[0], in->op.s[1], in->op.s[2], in->op.imm, cpu->cell[in->op.d + 1],
                 cpu->cell[in->op.d], cpu->fx, want[in->op.d + 1], want[in->op.d], fx, before[A + 1], before[A], before[B + 1], before[B],
                 before[SCALAR]);
}

static void every_op(void **state)
{
    struct cpu *cpu = calloc(1, sizeof *cpu + CELLS * sizeof(uint64_t));
    const char *text = getenv("SEED");
    uint64_t start = text ? strtoull(text, NULL, 0) : os_wall_ns() % 1000000007;
    (void)state;
    seed = start;
    fprintf(stderr, "# ir_vector: SEED=%" PRIu64 "\n", start);
    for (unsigned op = IR_VADD; op < IR_OPS; op++)
        for (unsigned i = 0; i < ROUNDS; i++) {
            cpu->fp_nan = (uint8_t)(i % 3);
            cpu->fp_tiny_before = i & 1;
            struct in in = random_op(op);
            check(cpu, &in, start);
        }
    free(cpu);
}

/* Where the text of a manual has an example. */
static void masks(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[16], count;
    } rows[] = {
        {"zip1 16b", {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}, 16},
        {"zip2 8h", {8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31}, 16},
        {"zip1 8b", {0, 16, 1, 17, 2, 18, 3, 19}, 8},
        {"zip2 8b", {4, 20, 5, 21, 6, 22, 7, 23}, 8},
        {"uzp1 4s", {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27}, 16},
        {"uzp2 8b", {1, 3, 5, 7, 17, 19, 21, 23}, 8},
        {"trn1 8h", {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29}, 16},
        {"trn2 2d", {8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31}, 16},
        {"ext 16b 3", {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, 16},
        {"ext 8b 5", {5, 6, 7, 16, 17, 18, 19, 20}, 8},
        {"rev64 16b", {7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8}, 16},
        {"rev32 8h", {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}, 16},
        {"dup 4s 2", {8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11}, 16},
        {"ins 8h 1 6", {0, 1, 28, 29, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 16},
        {"raw", {15, 16, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16}, 16},
    };
    const struct ir_mask made[] = {
        ir_mask_zip(8, 0, 128), ir_mask_zip(16, 1, 128), ir_mask_zip(8, 0, 64),
        ir_mask_zip(8, 1, 64),  ir_mask_uzp(32, 0, 128), ir_mask_uzp(8, 1, 64),
        ir_mask_trn(16, 0),     ir_mask_trn(64, 1),      ir_mask_ext(3, 128),
        ir_mask_ext(5, 64),     ir_mask_rev(8, 64),      ir_mask_rev(16, 32),
        ir_mask_dup(32, 2),     ir_mask_ins(16, 1, 6),   ir_mask_raw(0x0edcba987654320f, 0x8002),
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned n = 0; n < rows[i].count; n++)
            if (ir_mask_byte(made[i], n) != rows[i].bytes[n])
                fail_msg("%s: byte %u is %u", rows[i].name, n, ir_mask_byte(made[i], n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_op), cmocka_unit_test(masks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
