/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Constants that instructions have in few bits. */
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

/* MOVI and its like (AdvSIMDExpandImm): eight bits, moved within lanes of 32 or 16 bits, or with ones below; 64 bits wide. c: cmode below 14. */
static inline uint64_t arm64_constant(unsigned c, unsigned bits)
{
    uint64_t v = bits;
    if (c < 8)
        v <<= 8 * (c >> 1);
    else if (c < 12)
        v = v << 8 * (c >> 1 & 1) | v << (8 * (c >> 1 & 1) + 16);
    else
        v = c & 1 ? v << 16 | 0xffff : v << 8 | 0xff;
    return v << 32 | v;
}

/* Each bit a byte of zeros or ones. */
static inline uint64_t arm64_constant_bytes(unsigned bits)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= bits >> i & 1 ? 0xffull << 8 * i : 0;
    return v;
}
