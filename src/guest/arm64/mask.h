/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#pragma once
#include "base/bits.h"

/* The bit mask of a logical immediate (DecodeBitMasks, Arm ARM J1.1.3), 64 bits wide: N, immr, imms. A run of ones, rotated, repeated. */
static inline uint64_t arm64_mask(unsigned n, unsigned r, unsigned s)
{
    unsigned size = 64;
    while (!n && size > 2 && (s & (size >> 1)))
        size >>= 1;
    if (!n)
        size >>= 1;
    unsigned ones = (s & (size - 1)) + 1, turn = r & (size - 1);
    uint64_t v = bits_get(~0ull, 0, ones);
    v = turn ? bits_get(v >> turn | v << (size - turn), 0, size) : v;
    for (; size < 64; size *= 2)
        v |= v << size;
    return v;
}
