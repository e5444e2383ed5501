/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Floating point beyond the ops: which operation the helpers of fp.isa and simd_fp.isa mean (their `how` >> 2). */
#pragma once
#include "ir/cpu.h"

enum arm64_fp1 {
    FP1_recpe,
    FP1_rsqrte,
    FP1_recpx,
    FP1_rint32z,
    FP1_rint32x,
    FP1_rint64z,
    FP1_rint64x,
    FP1_bfcvt,
    FP1_fjcvtzs,
    FP1_urecpe,
    FP1_ursqrte,
};

enum arm64_fp2 { FP2_mulx, FP2_recps, FP2_rsqrts };

unsigned arm64_rounding(const struct cpu *cpu); /* of FPCR: IR_rne ... */

/* VFPExpandImm: 1 half, 2 single, 3 double. */
static inline uint64_t arm64_fpimm(unsigned format, unsigned i)
{
    static const uint8_t exponents[] = {0, 5, 8, 11};
    unsigned bits = 8u << format, e = exponents[format], frac = bits - e - 1;
    uint64_t high = i >> 6 & 1, exp = (high ? (1ull << (e - 3)) - 1 : 0) << 2 | (i >> 4 & 3) | (uint64_t)!high << (e - 1);
    return (uint64_t)(i >> 7 & 1) << (bits - 1) | exp << frac | (uint64_t)(i & 15) << (frac - 4);
}
