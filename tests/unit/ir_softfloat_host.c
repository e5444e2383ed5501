/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The soft float by x86's rules against the host's SSE unit, bit by bit and flag by flag: NaNs, denormal flag, FTZ and DAZ included.
 * Elsewhere there is no such oracle, and the test says so; ir_softfloat judges the other guests' rules on every host.
 */
#include "softfloat_cases.h"

#if defined __x86_64__

#include <immintrin.h>

/* All in one asm statement, so that nothing of the compiler's runs in the guest's mode. %0 result, %1 and %2 further operands. */
#define UNDER(mode, text) "ldmxcsr %[" #mode "]\n\t" text "\n\tstmxcsr %[" #mode "]\n\tldmxcsr %[usual]"

static uint64_t xmm_bits(__m128i x) { return (uint64_t)_mm_cvtsi128_si64(x); }
static __m128i xmm(uint64_t v) { return _mm_cvtsi64_si128((long long)v); }

static const uint32_t usual = 0x1f80; /* all exceptions masked, to nearest */

#define XMM_OP(name, text)                                                                                                   \
    static uint64_t name(uint32_t *csr, const uint64_t v[3])                                                                 \
    {                                                                                                                        \
        __m128i x = xmm(v[0]);                                                                                               \
        __asm__ volatile(UNDER(csr, text) : "+x"(x), [csr] "+m"(*csr) : "x"(xmm(v[1])), "x"(xmm(v[2])), [usual] "m"(usual)); \
        return xmm_bits(x);                                                                                                  \
    }
#define SD_SS(name, insn, operands)         \
    XMM_OP(name##_f64, insn "sd " operands) \
    XMM_OP(name##_f32, insn "ss " operands)

SD_SS(host_add, "add", "%2, %0")
SD_SS(host_sub, "sub", "%2, %0")
SD_SS(host_mul, "mul", "%2, %0")
SD_SS(host_div, "div", "%2, %0")
SD_SS(host_sqrt, "sqrt", "%0, %0")
SD_SS(host_min, "min", "%2, %0")
SD_SS(host_max, "max", "%2, %0")
SD_SS(host_fma_pos, "vfmadd132", "%2, %3, %0")
SD_SS(host_fma_negc, "vfmsub132", "%2, %3, %0")
SD_SS(host_fma_negp, "vfnmadd132", "%2, %3, %0")
SD_SS(host_fma_negpc, "vfnmsub132", "%2, %3, %0")
SD_SS(host_round, "round", "$4, %0, %0")
SD_SS(host_round_quiet, "round", "$12, %0, %0")
XMM_OP(host_f64_to_f32_kept, "cvtsd2ss %0, %0")
static uint64_t host_f64_to_f32(uint32_t *csr, const uint64_t v[3]) { return (uint32_t)host_f64_to_f32_kept(csr, v); }
XMM_OP(host_f32_to_f64, "cvtss2sd %0, %0")
XMM_OP(host_f16_to_f32, "vcvtph2ps %0, %0")
XMM_OP(host_f32_to_f16, "vcvtps2ph $4, %0, %0")

#define TO_INT(name, insn, size)                                                                                                   \
    static uint64_t name(uint32_t *csr, const uint64_t v[3])                                                                       \
    {                                                                                                                              \
        uint##size##_t r;                                                                                                          \
        __asm__ volatile(UNDER(csr, insn " %[x], %[r]") : [r] "=r"(r), [csr] "+m"(*csr) : [x] "x"(xmm(v[0])), [usual] "m"(usual)); \
        return r;                                                                                                                  \
    }
TO_INT(host_f64_to_i32, "cvtsd2si", 32)
TO_INT(host_f64_to_i64, "cvtsd2si", 64)
TO_INT(host_f32_to_i32, "cvtss2si", 32)
TO_INT(host_f32_to_i64, "cvtss2si", 64)
TO_INT(host_f64_to_u32, "vcvtsd2usi", 32)
TO_INT(host_f64_to_u64, "vcvtsd2usi", 64)
TO_INT(host_f32_to_u32, "vcvtss2usi", 32)
TO_INT(host_f32_to_u64, "vcvtss2usi", 64)

#define FROM_INT(name, insn, size)                                                                           \
    static uint64_t name(uint32_t *csr, const uint64_t v[3])                                                 \
    {                                                                                                        \
        __m128i x = xmm(0);                                                                                  \
        uint##size##_t i = (uint##size##_t)v[0];                                                             \
        __asm__ volatile(UNDER(csr, insn) : [x] "+x"(x), [csr] "+m"(*csr) : [i] "r"(i), [usual] "m"(usual)); \
        return xmm_bits(x);                                                                                  \
    }
FROM_INT(host_i32_to_f64, "cvtsi2sdl %[i], %[x]", 32)
FROM_INT(host_i64_to_f64, "cvtsi2sdq %[i], %[x]", 64)
FROM_INT(host_i32_to_f32, "cvtsi2ssl %[i], %[x]", 32)
FROM_INT(host_i64_to_f32, "cvtsi2ssq %[i], %[x]", 64)
FROM_INT(host_u32_to_f64, "vcvtusi2sdl %[i], %[x], %[x]", 32)
FROM_INT(host_u64_to_f64, "vcvtusi2sdq %[i], %[x], %[x]", 64)
FROM_INT(host_u32_to_f32, "vcvtusi2ssl %[i], %[x], %[x]", 32)
FROM_INT(host_u64_to_f32, "vcvtusi2ssq %[i], %[x], %[x]", 64)

/* bit 0 equal, 1 less, 2 unordered */
#define COMPARE(name, insn)                                                                             \
    static uint64_t name(uint32_t *csr, const uint64_t v[3])                                            \
    {                                                                                                   \
        bool equal, less, unordered;                                                                    \
        __asm__ volatile(UNDER(csr, insn " %[y], %[x]") /* ldmxcsr and stmxcsr leave the flags alone */ \
                         : [csr] "+m"(*csr), "=@ccz"(equal), "=@ccc"(less), "=@ccp"(unordered)          \
                         : [x] "x"(xmm(v[0])), [y] "x"(xmm(v[1])), [usual] "m"(usual));                 \
        return unordered ? 4 : equal | less << 1;                                                       \
    }
COMPARE(host_ucomi_f64, "ucomisd")
COMPARE(host_ucomi_f32, "ucomiss")
COMPARE(host_comi_f64, "comisd")
COMPARE(host_comi_f32, "comiss")

/* The soft float in the same shape. */
#define SOFT(name, call)                                                         \
    static uint64_t name(struct fp_env *env, unsigned type, const uint64_t v[3]) \
    {                                                                            \
        (void)v;                                                                 \
        return call;                                                             \
    }
SOFT(soft_add, fp_add(env, type, v[0], v[1]))
SOFT(soft_sub, fp_sub(env, type, v[0], v[1]))
SOFT(soft_mul, fp_mul(env, type, v[0], v[1]))
SOFT(soft_div, fp_div(env, type, v[0], v[1]))
SOFT(soft_sqrt, fp_sqrt(env, type, v[0]))
SOFT(soft_min, fp_min(env, type, IR_x86, v[0], v[1]))
SOFT(soft_max, fp_max(env, type, IR_x86, v[0], v[1]))
SOFT(soft_fma_pos, fp_fma(env, type, v[0], v[1], v[2], IR_pos))
SOFT(soft_fma_negc, fp_fma(env, type, v[0], v[1], v[2], IR_negc))
SOFT(soft_fma_negp, fp_fma(env, type, v[0], v[1], v[2], IR_negp))
SOFT(soft_fma_negpc, fp_fma(env, type, v[0], v[1], v[2], IR_negpc))
SOFT(soft_round, fp_round(env, type, v[0], true))
SOFT(soft_round_quiet, fp_round(env, type, v[0], false))
SOFT(soft_to_f16, fp_to_fp(env, IR_f16, type, v[0]))
SOFT(soft_to_f32, fp_to_fp(env, IR_f32, type, v[0]))
SOFT(soft_to_f64, fp_to_fp(env, IR_f64, type, v[0]))
SOFT(soft_to_i32, fp_to_int(env, type, true, 32, v[0], IR_indef))
SOFT(soft_to_i64, fp_to_int(env, type, true, 64, v[0], IR_indef))
SOFT(soft_to_u32, fp_to_int(env, type, false, 32, v[0], IR_indef))
SOFT(soft_to_u64, fp_to_int(env, type, false, 64, v[0], IR_indef))
SOFT(soft_i32_to, fp_from_int(env, type, true, 32, v[0]))
SOFT(soft_i64_to, fp_from_int(env, type, true, 64, v[0]))
SOFT(soft_u32_to, fp_from_int(env, type, false, 32, v[0]))
SOFT(soft_u64_to, fp_from_int(env, type, false, 64, v[0]))

static uint64_t compare(struct fp_env *env, unsigned type, const uint64_t v[3], bool signalling)
{
    bool eq = fp_eq(env, type, v[0], v[1], signalling), lt = fp_lt(env, type, v[0], v[1], signalling);
    bool le = fp_le(env, type, v[0], v[1], signalling), ge = fp_le(env, type, v[1], v[0], signalling);
    return le != (eq || lt) ? 8 : !le && !ge ? 4 : eq | lt << 1;
}
SOFT(soft_ucomi, compare(env, type, v, false))
SOFT(soft_comi, compare(env, type, v, true))

enum feature { ALWAYS, SSE41, FMA, F16C, AVX512 };

static bool have(enum feature feature)
{
    switch (feature) {
    case SSE41: return __builtin_cpu_supports("sse4.1");
    case FMA: return __builtin_cpu_supports("fma");
    case F16C: return __builtin_cpu_supports("avx2"); /* clang 14 knows no "f16c"; AVX2 came later */
    case AVX512: return __builtin_cpu_supports("avx512f");
    default: return true;
    }
}

#define BOTH(name, arity, needs) \
    {#name, IR_f64, arity, needs, host_##name##_f64, soft_##name}, { #name, IR_f32, arity, needs, host_##name##_f32, soft_##name }

static const struct row {
    const char *name;
    unsigned type, arity; /* arity 0: an integer */
    enum feature needs;
    uint64_t (*host)(uint32_t *csr, const uint64_t v[3]);
    uint64_t (*soft)(struct fp_env *env, unsigned type, const uint64_t v[3]);
} rows[] = {
    BOTH(add, 2, ALWAYS),
    BOTH(sub, 2, ALWAYS),
    BOTH(mul, 2, ALWAYS),
    BOTH(div, 2, ALWAYS),
    BOTH(sqrt, 1, ALWAYS),
    BOTH(min, 2, ALWAYS),
    BOTH(max, 2, ALWAYS),
    BOTH(ucomi, 2, ALWAYS),
    BOTH(comi, 2, ALWAYS),
    BOTH(fma_pos, 3, FMA),
    BOTH(fma_negc, 3, FMA),
    BOTH(fma_negp, 3, FMA),
    BOTH(fma_negpc, 3, FMA),
    BOTH(round, 1, SSE41),
    BOTH(round_quiet, 1, SSE41),
    {"f64_to_f32", IR_f64, 1, ALWAYS, host_f64_to_f32, soft_to_f32},
    {"f32_to_f64", IR_f32, 1, ALWAYS, host_f32_to_f64, soft_to_f64},
    {"f16_to_f32", IR_f16, 1, F16C, host_f16_to_f32, soft_to_f32},
    {"f32_to_f16", IR_f32, 1, F16C, host_f32_to_f16, soft_to_f16},
    {"f64_to_i32", IR_f64, 1, ALWAYS, host_f64_to_i32, soft_to_i32},
    {"f64_to_i64", IR_f64, 1, ALWAYS, host_f64_to_i64, soft_to_i64},
    {"f32_to_i32", IR_f32, 1, ALWAYS, host_f32_to_i32, soft_to_i32},
    {"f32_to_i64", IR_f32, 1, ALWAYS, host_f32_to_i64, soft_to_i64},
    {"f64_to_u32", IR_f64, 1, AVX512, host_f64_to_u32, soft_to_u32},
    {"f64_to_u64", IR_f64, 1, AVX512, host_f64_to_u64, soft_to_u64},
    {"f32_to_u32", IR_f32, 1, AVX512, host_f32_to_u32, soft_to_u32},
    {"f32_to_u64", IR_f32, 1, AVX512, host_f32_to_u64, soft_to_u64},
    {"i32_to_f64", IR_f64, 0, ALWAYS, host_i32_to_f64, soft_i32_to},
    {"i64_to_f64", IR_f64, 0, ALWAYS, host_i64_to_f64, soft_i64_to},
    {"i32_to_f32", IR_f32, 0, ALWAYS, host_i32_to_f32, soft_i32_to},
    {"i64_to_f32", IR_f32, 0, ALWAYS, host_i64_to_f32, soft_i64_to},
    {"u32_to_f64", IR_f64, 0, AVX512, host_u32_to_f64, soft_u32_to},
    {"u64_to_f64", IR_f64, 0, AVX512, host_u64_to_f64, soft_u64_to},
    {"u32_to_f32", IR_f32, 0, AVX512, host_u32_to_f32, soft_u32_to},
    {"u64_to_f32", IR_f32, 0, AVX512, host_u64_to_f32, soft_u64_to},
};

static const uint8_t mxcsr_rc[] = {[IR_rne] = 0, [IR_rdn] = 1, [IR_rup] = 2, [IR_rtz] = 3};

static uint32_t flags_of(uint32_t mxcsr) /* IE DE ZE OE UE PE as FX_* */
{
    return (mxcsr & 1 ? FX_nv : 0) | (mxcsr & 2 ? FX_dn : 0) | (mxcsr & 4 ? FX_dz : 0) | (mxcsr & 8 ? FX_of : 0) |
           (mxcsr & 16 ? FX_uf : 0) | (mxcsr & 32 ? FX_nx : 0);
}

static unsigned failures;

static void check(const struct row *row, const uint64_t v[3], uint64_t seed)
{
    for (unsigned mode = 0; mode < 16; mode++) {
        struct fp_env env = {.rm = mode & 3, .nan = FP_NAN_x86, .ftz = mode >> 2 & 1, .daz = mode >> 3};
        uint32_t csr = usual | (uint32_t)mxcsr_rc[env.rm] << 13 | (uint32_t)env.ftz << 15 | (uint32_t)env.daz << 6;
        uint64_t want = row->host(&csr, v), got = row->soft(&env, row->type, v);
        if (want == got && flags_of(csr) == env.fx)
            continue;
        if (failures++ < 20)
            print_error("%s %s rm=%u ftz=%d daz=%d (%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 "): %#" PRIx64 " flags %#x, want %#" PRIx64
                        " flags %#x; SEED=%" PRIu64 "\n",
                        row->name, cases_format(row->type).name, env.rm, env.ftz, env.daz, v[0], v[1], v[2], got, env.fx, want,
                        flags_of(csr), seed);
    }
}

static void special_values(void **state)
{
    (void)state;
    failures = 0;
    for (const struct row *row = rows; row < rows + ARRAY_LEN(rows); row++) {
        uint64_t s[CASES_MAX];
        unsigned n = cases_special(row->type, s), step = row->arity == 3 ? 3 : 1;
        if (!have(row->needs))
            continue;
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < (row->arity < 2 ? 1 : n); j++)
                for (unsigned k = (i + j) % step; k < (row->arity < 3 ? 1 : n); k += step)
                    check(row, (const uint64_t[]){s[i], row->arity < 2 ? 0 : s[j], row->arity < 3 ? 0 : s[k]}, 0);
    }
    assert_int_equal(failures, 0);
}

static void random_values(void **state)
{
    struct cases_random r;
    (void)state;
    failures = 0;
    cases_seed(&r);
    for (const struct row *row = rows; row < rows + ARRAY_LEN(rows); row++) {
        for (unsigned i = 0; have(row->needs) && i < 2500 * (1 + row->arity); i++) {
            uint64_t v[3];
            cases_operands(&r, row->type, row->arity, v);
            if (row->arity == 0)
                v[0] = (uint64_t)((int64_t)cases_fraction(&r) >> cases_below(&r, 64));
            check(row, v, r.seed);
        }
    }
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(special_values), cmocka_unit_test(random_values)};
    return cmocka_run_group_tests_name("ir_softfloat_host", tests, NULL, NULL);
}

#else

static void no_oracle(void **state)
{
    (void)state;
    print_message("the host has no SSE\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_oracle)};
    return cmocka_run_group_tests_name("ir_softfloat_host", tests, NULL, NULL);
}

#endif
