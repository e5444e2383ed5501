/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the ops of condition flags mean. A difference is the sum with the complement, so that one addition tells all of them. */
#include "ir/flags.h"
#include "base/bits.h"

static uint64_t of_value(uint64_t v, unsigned width) { return (bits_get(v, 0, width) ? 0 : FL_Z) | (v >> (width - 1) & 1 ? FL_N : 0); }

static uint64_t of_sum(uint64_t a, uint64_t b, uint64_t carry, unsigned width)
{
    uint64_t x = bits_get(a, 0, width), y = bits_get(b, 0, width), sum = x + y + (carry & 1);
    bool out = width == 64 ? sum < x || (sum == x && (carry & 1) && y) : sum >> width & 1;
    bool overflow = (~(x ^ y) & (x ^ sum)) >> (width - 1) & 1;
    return of_value(sum, width) | (out ? FL_C : 0) | (overflow ? FL_V : 0);
}

static uint64_t of_difference(uint64_t a, uint64_t b, uint64_t carry, unsigned sense, unsigned width)
{
    uint64_t flags = of_sum(a, ~b, sense == IR_borrow ? !(carry & 1) : carry, width);
    return sense == IR_borrow ? flags ^ FL_C : flags;
}

uint64_t ir_flags(unsigned op, unsigned s, unsigned type, uint64_t a, uint64_t b, uint64_t carry)
{
    unsigned width = type == IR_i32 ? 32 : 64;
    switch (op) {
    case IR_FLADD: return of_sum(a, b, 0, width);
    case IR_FLADC: return of_sum(a, b, carry, width);
    case IR_FLSUB: return of_difference(a, b, s == IR_carry, s, width);
    case IR_FLSBC: return of_difference(a, b, carry, s, width);
    case IR_FLLOG: return of_value(a, width);
    case IR_FLPACK: return (a & 8 ? FL_N : 0) | (a & 4 ? FL_Z : 0) | (a & 2 ? FL_C : 0) | (a & 1 ? FL_V : 0);
    default: return (a & FL_N ? 8 : 0) | (a & FL_Z ? 4 : 0) | (a & FL_C ? 2 : 0) | (a & FL_V ? 1 : 0); /* FLBITS */
    }
}

bool ir_condition(unsigned cond, uint64_t flags)
{
    bool n = flags & FL_N, z = flags & FL_Z, c = flags & FL_C, v = flags & FL_V, r;
    switch (cond >> 1) {
    case IR_COND_eq >> 1: r = z; break;
    case IR_COND_cs >> 1: r = c; break;
    case IR_COND_mi >> 1: r = n; break;
    case IR_COND_vs >> 1: r = v; break;
    case IR_COND_hi >> 1: r = c && !z; break;
    case IR_COND_ge >> 1: r = n == v; break;
    case IR_COND_gt >> 1: r = n == v && !z; break;
    default: return true;
    }
    return r != (cond & 1);
}
