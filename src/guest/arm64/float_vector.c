/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The helpers of simd_fp.isa: those of float.c on lanes, and products of narrow floats that are summed in wider ones. */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "guest/arm64/float.h"
#include "ir/softfloat.h"
#include "ir/vector.h"

static struct lanes lanes_at(const uint64_t *v) { return (struct lanes){{v[0], v[1]}}; }

static uint64_t done(uint64_t *out, struct lanes r)
{
    out[0] = r.half[0];
    out[1] = r.half[1];
    return 0;
}

enum { WHOLE = 1 << 16 }; /* of `how`: all 128 bits, not the low half */

static unsigned lanes_in(uint64_t how, unsigned e) { return (how & WHOLE ? 128 : 64) / e; }

uint64_t arm64_hlp_vfp_unary(struct cpu *cpu, uint64_t *out, const uint64_t *a, uint64_t how)
{
    struct lanes x = lanes_at(a), r = {{0}};
    unsigned e = 8u << (how & 3);
    for (unsigned i = 0; i < lanes_in(how, e); i++)
        lane_set(&r, e, i, arm64_hlp_fp_unary(cpu, lane_get(&x, e, i), how & ~(uint64_t)WHOLE));
    return done(out, r);
}

uint64_t arm64_hlp_vfp_binary(struct cpu *cpu, uint64_t *out, const uint64_t *a, const uint64_t *b, uint64_t how)
{
    struct lanes x = lanes_at(a), y = lanes_at(b), r = {{0}};
    unsigned e = 8u << (how & 3);
    for (unsigned i = 0; i < lanes_in(how, e); i++)
        lane_set(&r, e, i, arm64_hlp_fp_binary(cpu, lane_get(&x, e, i), lane_get(&y, e, i), how & ~(uint64_t)WHOLE));
    return done(out, r);
}

uint64_t arm64_hlp_vfp_to_fixed(struct cpu *cpu, uint64_t *out, const uint64_t *a, uint64_t how, uint64_t fraction)
{
    struct lanes x = lanes_at(a), r;
    unsigned e = 8u << (how & 3);
    for (unsigned i = 0; i < 128 / e; i++)
        lane_set(&r, e, i, arm64_hlp_fp_to_fixed(cpu, lane_get(&x, e, i), how, fraction));
    return done(out, r);
}

uint64_t arm64_hlp_vfp_from_fixed(struct cpu *cpu, uint64_t *out, const uint64_t *a, uint64_t how, uint64_t fraction)
{
    struct lanes x = lanes_at(a), r;
    unsigned e = 8u << (how & 3);
    for (unsigned i = 0; i < 128 / e; i++)
        lane_set(&r, e, i, arm64_hlp_fp_from_fixed(cpu, lane_get(&x, e, i), how, fraction));
    return done(out, r);
}

/* ---- FPMulAddH ---- */

/* The same number or NaN as f32; a signalling NaN stays one, so that the sum chooses among all three. Raises nothing. */
static uint64_t half_to_single(uint64_t a, bool flush)
{
    struct fp_env exact = {0};
    uint64_t sign = a >> 15 << 31;
    if ((a & 0x7c00) == 0x7c00)
        return sign | 0x7f800000 | (a & 0x3ff) << 13;
    if (flush && !(a & 0x7c00))
        return sign;
    return fp_to_fp(&exact, IR_f32, IR_f16, a);
}

uint64_t arm64_hlp_vfp_fmlal(struct cpu *cpu, uint64_t *out, const uint64_t *d, const uint64_t *a, const uint64_t *b, uint64_t how,
                             uint64_t first)
{
    struct fp_env env = fp_env_of(cpu, arm64_rounding(cpu), IR_f32);
    struct lanes z = lanes_at(d), x = lanes_at(a), y = lanes_at(b), r = {{0}};
    bool flush = cpu->fp_flush & FP_FLUSH_f16;
    for (unsigned i = 0; i < (how & 1 ? 4u : 2u); i++) {
        uint64_t m = half_to_single(lane_get(&x, 16, i + (first & 7)) ^ (how & 2 ? 0 : 0x8000), flush);
        uint64_t n = half_to_single(lane_get(&y, 16, i + (first >> 3)), flush);
        lane_set(&r, 32, i, fp_fma(&env, IR_f32, m, n, lane_get(&z, 32, i), IR_pos));
    }
    cpu->fx |= env.fx;
    return done(out, r);
}

/* ---- BFDotAdd: its own rounding, no flags ---- */

/* Rounding to odd, but what overflows becomes infinite. */
static uint64_t to_odd(struct fp_env *env, uint64_t v)
{
    bool overflows = env->fx & FX_of;
    env->fx = 0;
    return overflows ? (v & 0x80000000) | 0x7f800000 : v;
}

static uint64_t add_pair(struct fp_env *env, uint64_t sum, uint64_t a, uint64_t b)
{
    uint64_t low = to_odd(env, fp_mul(env, IR_f32, (uint32_t)(a << 16), (uint32_t)(b << 16)));
    uint64_t high = to_odd(env, fp_mul(env, IR_f32, a & 0xffff0000, b & 0xffff0000));
    uint64_t both = to_odd(env, fp_add(env, IR_f32, low, high));
    return to_odd(env, fp_add(env, IR_f32, sum, both));
}

uint64_t arm64_hlp_vfp_bfdot(struct cpu *cpu, uint64_t *out, const uint64_t *d, const uint64_t *a, const uint64_t *b, uint64_t matrix)
{
    struct fp_env env = {.rm = IR_rod, .nan = FP_NAN_default, .tiny_before = true, .ftz = true, .daz = true};
    struct lanes z = lanes_at(d), x = lanes_at(a), y = lanes_at(b), r;
    (void)cpu;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t sum = lane_get(&z, 32, i);
        if (!matrix) {
            sum = add_pair(&env, sum, lane_get(&x, 32, i), lane_get(&y, 32, i));
        } else { /* row i / 2 times column i % 2, each of two pairs */
            for (unsigned k = 0; k < 2; k++)
                sum = add_pair(&env, sum, lane_get(&x, 32, (i & 2) + k), lane_get(&y, 32, (i & 1) * 2 + k));
        }
        lane_set(&r, 32, i, sum);
    }
    return done(out, r);
}
