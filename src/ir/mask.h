/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The constant of VSHUF: for each byte of the result the byte of two vectors that it is. Lanes of e bits; `bits` is 64 or 128, how much of the
 * vectors takes part: of the result's other bytes nothing is said.
 */
#pragma once
#include <stdint.h>

struct ir_mask {
    uint64_t low;    /* four bits a byte: which one */
    uint16_t second; /* one bit a byte: of the second vector, not the first */
};

struct ir_mask ir_mask_zip(unsigned e, unsigned part, unsigned bits); /* lanes of both by turns, of the low (part = 0) or high halves */
struct ir_mask ir_mask_uzp(unsigned e, unsigned part, unsigned bits); /* the even (0) or odd lanes of the first, then of the second */
struct ir_mask ir_mask_trn(unsigned e, unsigned part);                /* the even (0) or odd lanes of both by turns */
struct ir_mask ir_mask_ext(unsigned n, unsigned bits);                /* from byte n of the first on, then the second from its start */
struct ir_mask ir_mask_rev(unsigned e, unsigned group);         /* lanes in reverse order in each group of so many bits, of the first */
struct ir_mask ir_mask_dup(unsigned e, unsigned n);             /* lane n of the first, everywhere */
struct ir_mask ir_mask_ins(unsigned e, unsigned i, unsigned j); /* the first, but lane i is lane j of the second */
struct ir_mask ir_mask_raw(uint64_t low, unsigned second);

/* 0..31: the byte of both vectors that byte n of the result is. */
static inline unsigned ir_mask_byte(struct ir_mask mask, unsigned n)
{
    return (unsigned)(mask.low >> 4 * n & 15) | (mask.second >> n & 1u) << 4;
}
