/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vector integer and move rows of ops.def: what the evaluator computes, and the reference for every other tier. An op that treats all
 * lanes alike is one expression, for each lane width a loop of its own; the others take lanes one by one.
 */
#include "ir/vector.h"
#include "ir/eval.h"
#include "ir/mask.h"
#include "ir/pure.h"

/* ---- lane by lane ---- */

/*
 * X(op, expression of a lane): x, y the lanes as s64 values are sx, sy; E the width. Products and sums are exact in s128, and the result is
 * cut to E bits.
 */
#define LANEWISE(X)                                            \
    X(VADD, x + y)                                             \
    X(VSUB, x - y)                                             \
    X(VMUL, x *y)                                              \
    X(VMULHU, (uint64_t)((u128)x * y >> E))                    \
    X(VMULHS, (uint64_t)((s128)sx * sy >> E))                  \
    X(VQRDMULH, doubled_high(sx, sy, E))                       \
    X(VNEG, -x)                                                \
    X(VABS, sx < 0 ? -x : x)                                   \
    X(VSHLV, y < E ? x << y : 0)                               \
    X(VSHRV, y < E ? x >> y : 0)                               \
    X(VSARV, (uint64_t)(sx >> (y < E ? y : E - 1)))            \
    X(VQADDS, saturate((s128)sx + sy, LEAST(E), MOST(E)))      \
    X(VQADDU, saturate((s128)x + y, 0, ONES(E)))               \
    X(VQSUBS, saturate((s128)sx - sy, LEAST(E), MOST(E)))      \
    X(VQSUBU, saturate((s128)x - y, 0, ONES(E)))               \
    X(VAVGU, (x >> 1) + (y >> 1) + ((x | y) & 1))              \
    X(VMINS, sx < sy ? x : y)                                  \
    X(VMAXS, sx > sy ? x : y)                                  \
    X(VMINU, x < y ? x : y)                                    \
    X(VMAXU, x > y ? x : y)                                    \
    X(VCMPEQ, -(uint64_t)(x == y))                             \
    X(VCMPGTS, -(uint64_t)(sx > sy))                           \
    X(VCMPGTU, -(uint64_t)(x > y))                             \
    X(VPOPCNT, (uint64_t)__builtin_popcountll(x))              \
    X(VCLZ, ir_pure(IR_CLZ, IR_i64, 0, 0, x, 0, 0) - (64 - E)) \
    X(VBITREV, ir_pure(IR_BITREV, IR_i64, 0, 0, x, 0, 0) >> (64 - E))

#define ONES(e)  ((s128)(UINT64_MAX >> (64 - (e))))
#define MOST(e)  (ONES(e) >> 1)
#define LEAST(e) (-MOST(e) - 1)

static uint64_t saturate(s128 v, s128 least, s128 most) { return (uint64_t)(v < least ? least : v > most ? most : v); }

/* Only the square of the least value overflows. */
static uint64_t doubled_high(int64_t x, int64_t y, unsigned e) { return saturate((((s128)x * y >> (e - 2)) + 1) >> 1, LEAST(e), MOST(e)); }

typedef void lanewise(struct lanes *r, const struct lanes *a, const struct lanes *b);

#define LOOP(op, E_, expression)                                                         \
    static void op##_##E_(struct lanes *r, const struct lanes *a, const struct lanes *b) \
    {                                                                                    \
        enum { E = E_ };                                                                 \
        for (unsigned i = 0; i < 128 / E; i++) {                                         \
            const uint64_t x = lane_get(a, E, i), y = lane_get(b, E, i);                 \
            const int64_t sx = bits_sext(x, E), sy = bits_sext(y, E);                    \
            (void)y, (void)sx, (void)sy;                                                 \
            lane_set(r, E, i, expression);                                               \
        }                                                                                \
    }
#define LOOPS(op, expression) LOOP(op, 8, expression) LOOP(op, 16, expression) LOOP(op, 32, expression) LOOP(op, 64, expression)
LANEWISE(LOOPS)

#define ROW(op, expression) [IR_##op - IR_VADD] = {op##_8, op##_16, op##_32, op##_64},
static lanewise *const loops[IR_VFADD - IR_VADD][4] = {LANEWISE(ROW)};

static unsigned width_index(unsigned e) { return (unsigned)__builtin_ctz(e) - 3; }

/* ---- all bits alike ---- */

static bool run_bitwise(const struct ir_op *op, struct lanes *r, const struct lanes *a, const struct lanes *b, const struct lanes *c)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t x = a->half[i], y = b->half[i];
        switch (op->op) {
        case IR_VNOT: r->half[i] = ~x; break;
        case IR_VAND: r->half[i] = x & y; break;
        case IR_VOR: r->half[i] = x | y; break;
        case IR_VXOR: r->half[i] = x ^ y; break;
        case IR_VANDN: r->half[i] = x & ~y; break;
        case IR_VSEL: r->half[i] = (x & y) | (~x & c->half[i]); break;
        default: return false;
        }
    }
    return true;
}

/* ---- lanes of different widths ---- */

static int64_t lane_signed(const struct lanes *v, unsigned e, unsigned i) { return bits_sext(lane_get(v, e, i), e); }
static int64_t extended(const struct lanes *v, unsigned e, unsigned i, bool is_signed)
{
    return is_signed ? lane_signed(v, e, i) : (int64_t)lane_get(v, e, i);
}

static uint64_t narrowed(const struct lanes *v, unsigned e, unsigned i, unsigned how)
{
    s128 lane = how == IR_uu ? (s128)lane_get(v, e, i) : (s128)lane_signed(v, e, i);
    if (how == IR_trunc)
        return (uint64_t)lane;
    return how == IR_ss ? saturate(lane, LEAST(e / 2), MOST(e / 2)) : saturate(lane, 0, ONES(e / 2));
}

static void narrow(const struct ir_op *op, struct lanes *r, const struct lanes *a, const struct lanes *b)
{
    unsigned e = op->s[0], n = 128 / e;
    for (unsigned i = 0; i < 2 * n; i++)
        lane_set(r, e / 2, i, narrowed(i < n ? a : b, e, i % n, op->s[1]));
}

static void widen(const struct ir_op *op, struct lanes *r, const struct lanes *a)
{
    unsigned e = op->s[0], n = 64 / e;
    for (unsigned i = 0; i < n; i++)
        lane_set(r, 2 * e, i, (uint64_t)extended(a, e, op->s[2] ? n + i : i, op->s[1]));
}

static void multiply_even(const struct ir_op *op, struct lanes *r, const struct lanes *a, const struct lanes *b)
{
    unsigned e = op->s[0];
    for (unsigned i = 0; i < 64 / e; i++)
        lane_set(r, 2 * e, i, (uint64_t)extended(a, e, 2 * i, op->s[1]) * (uint64_t)extended(b, e, 2 * i, op->s[1]));
}

/* Sums of `n` products of lanes of e bits, on top of what r has in its lanes of n * e bits. */
static void dot(struct lanes *r, unsigned e, unsigned n, const struct lanes *a, bool a_signed, const struct lanes *b, bool b_signed,
                bool saturates)
{
    for (unsigned i = 0; i < 128 / (n * e); i++) {
        int64_t sum = lane_signed(r, n * e, i);
        for (unsigned k = 0; k < n; k++)
            sum += extended(a, e, i * n + k, a_signed) * extended(b, e, i * n + k, b_signed);
        lane_set(r, n * e, i, saturates ? saturate(sum, LEAST(n * e), MOST(n * e)) : (uint64_t)sum);
    }
}

static void sum_differences(struct lanes *r, const struct lanes *a, const struct lanes *b)
{
    for (unsigned i = 0; i < 16; i++) {
        uint64_t x = lane_get(a, 8, i), y = lane_get(b, 8, i);
        r->half[i / 8] += x > y ? x - y : y - x;
    }
}

/* ---- moves ---- */

static void shuffle(const struct ir_op *op, struct lanes *r, const struct lanes *a, const struct lanes *b)
{
    struct ir_mask mask = {op->imm, (uint16_t)(op->s[0] | op->s[1] << 8)};
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = ir_mask_byte(mask, i);
        lane_set(r, 8, i, lane_get(from < 16 ? a : b, 8, from % 16));
    }
}

static void look_up(struct lanes *r, const struct lanes *a, const struct lanes *b)
{
    for (unsigned i = 0; i < 16; i++) {
        uint64_t from = lane_get(b, 8, i);
        lane_set(r, 8, i, from < 16 ? lane_get(a, 8, (unsigned)from) : 0);
    }
}

static uint64_t reduce(const struct ir_op *op, const struct lanes *a)
{
    unsigned e = op->s[1];
    uint64_t r = lane_get(a, e, 0);
    for (unsigned i = 1; i < 128 / e; i++) {
        uint64_t x = lane_get(a, e, i);
        int64_t sx = bits_sext(x, e), sr = bits_sext(r, e);
        switch (op->s[0]) {
        case IR_AMO_add: r += x; break;
        case IR_AMO_and: r &= x; break;
        case IR_AMO_or: r |= x; break;
        case IR_AMO_xor: r ^= x; break;
        case IR_AMO_smin: r = sx < sr ? x : r; break;
        case IR_AMO_smax: r = sx > sr ? x : r; break;
        case IR_AMO_umin: r = x < bits_get(r, 0, e) ? x : r; break;
        default: r = x > bits_get(r, 0, e) ? x : r; break; /* umax */
        }
    }
    return bits_get(r, 0, e);
}

static uint64_t signs(const struct lanes *a, unsigned e)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 128 / e; i++)
        r |= (lane_get(a, e, i) >> (e - 1)) << i;
    return r;
}

static void aes(unsigned which, struct lanes *r, const struct lanes *a)
{
    for (unsigned i = 0; i < 2; i++)
        r->half[i] = ir_aes(which, a->half[i], a->half[1 - i]);
}

/* ---- ops ---- */

static void run_one_by_one(const struct ir_op *op, struct lanes *r, const struct lanes *a, const struct lanes *b, const struct lanes *c)
{
    switch (op->op) {
    case IR_VMULE: multiply_even(op, r, a, b); break;
    case IR_VMADDW: dot(r, 16, 2, a, true, b, true, false); break;
    case IR_VMADDUB: dot(r, 8, 2, a, false, b, true, true); break;
    case IR_VDOT:
        *r = *a;
        dot(r, 8, 4, b, op->s[0], c, op->s[0], false);
        break;
    case IR_VSADB: sum_differences(r, a, b); break;
    case IR_VWIDEN: widen(op, r, a); break;
    case IR_VNARROW: narrow(op, r, a, b); break;
    case IR_VSHUF: shuffle(op, r, a, b); break;
    case IR_VTBL: look_up(r, a, b); break;
    case IR_VAES: aes(op->s[0], r, a); break;
    case IR_VSHA256: ir_sha256(op->s[0], r->half, a->half, b->half, c->half); break;
    }
}

/* A vector and the other operand, an integer; the result is one of both. */
static void run_scalar(struct cpu *cpu, const struct ir_op *op)
{
    unsigned e = op->s[0], lane = op->s[1];
    struct lanes a = lanes_of(cpu, op->a);
    switch (op->op) {
    case IR_VGETE: cpu->cell[op->d] = lane_get(&a, e, lane); break;
    case IR_VMASK: cpu->cell[op->d] = signs(&a, e); break;
    case IR_VANY: cpu->cell[op->d] = (a.half[0] | a.half[1]) != 0; break;
    case IR_VREDUCE: cpu->cell[op->d] = reduce(op, &a); break;
    case IR_VSETE:
        lane_set(&a, e, lane, op->b == IR_CONST ? op->imm : cpu->cell[op->b]);
        lanes_put(cpu, op->d, a);
        break;
    }
}

static struct lanes all(unsigned e, uint64_t lane)
{
    struct lanes r;
    for (unsigned i = 0; i < 128 / e; i++)
        lane_set(&r, e, i, lane);
    return r;
}

static struct lanes second_operand(const struct cpu *cpu, const struct ir_op *op)
{
    if (op->op != IR_VSHL && op->op != IR_VSHR && op->op != IR_VSAR)
        return op->b < IR_NONE ? lanes_of(cpu, op->b) : (struct lanes){0};
    uint64_t count = op->b == IR_CONST ? op->imm : cpu->cell[op->b];
    return all(op->s[0], count < 64 ? count : 64);
}

bool ir_op_vector(struct cpu *cpu, const struct ir_op *op)
{
    unsigned shift = op->op >= IR_VSHL && op->op <= IR_VSAR ? IR_VSHLV - IR_VSHL : 0;
    lanewise *const *loop = loops[op->op + shift - IR_VADD];
    if (op->op == IR_VDUP) {
        lanes_put(cpu, op->d, all(op->s[0], cpu->cell[op->a]));
        return true;
    }
    if (ir_sigs[op->op].out != 'V' || op->op == IR_VSETE) {
        run_scalar(cpu, op);
        return true;
    }
    struct lanes a = lanes_of(cpu, op->a), b = second_operand(cpu, op), r = {{0}};
    struct lanes c = op->c < IR_NONE ? lanes_of(cpu, op->c) : r;
    if (loop[0])
        loop[width_index(op->s[0])](&r, &a, &b);
    else if (!run_bitwise(op, &r, &a, &b, &c))
        run_one_by_one(op, &r, &a, &b, &c);
    lanes_put(cpu, op->d, r);
    return true;
}
