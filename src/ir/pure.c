/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Integer ops on values of up to 64 bits. An op of width w computes in 64 bits on operands made ready (zero- or sign-extended), and the
 * result is cut to w: so each meaning stands once for all widths.
 */
#include "ir/pure.h"
#include "base/bits.h"

static unsigned width(unsigned type) { return type == IR_i1 ? 1 : type == IR_i32 ? 32 : 64; }
static uint64_t cut(uint64_t v, unsigned w) { return bits_get(v, 0, w); }

static uint64_t bit_reverse(uint64_t v)
{
    v = (v & 0x5555555555555555) << 1 | (v >> 1 & 0x5555555555555555);
    v = (v & 0x3333333333333333) << 2 | (v >> 2 & 0x3333333333333333);
    v = (v & 0x0f0f0f0f0f0f0f0f) << 4 | (v >> 4 & 0x0f0f0f0f0f0f0f0f);
    return __builtin_bswap64(v);
}

static int64_t divide(int64_t a, int64_t b, unsigned w)
{
    if (b == 0)
        return -1;
    return b == -1 && a == bits_sext(1ull << (w - 1), w) ? a : a / b;
}

static uint64_t shift(unsigned op, unsigned w, uint64_t a, uint64_t b)
{
    unsigned n = (unsigned)b & (w - 1);
    switch (op) {
    case IR_SHL: return a << n;
    case IR_SHR: return a >> n;
    case IR_SAR: return (uint64_t)(bits_sext(a, w) >> n);
    default: return n ? a >> n | a << (w - n) : a; /* ROTR */
    }
}

uint64_t ir_pure(unsigned op, unsigned type, unsigned source, uint64_t imm, uint64_t a, uint64_t b, uint64_t c)
{
    unsigned w = width(type), pos = imm & 0xff, len = imm >> 8 & 0xff;
    int64_t sa = bits_sext(a, w), sb = bits_sext(b, w);
    switch (op) {
    case IR_MOV:
    case IR_BITS:
    case IR_FROM: return a;
    case IR_ADD: return cut(a + b, w);
    case IR_SUB: return cut(a - b, w);
    case IR_NEG: return cut(-a, w);
    case IR_MUL: return cut(a * b, w);
    case IR_MULHU: return cut((uint64_t)((u128)a * b >> w), w);
    case IR_MULHS: return cut((uint64_t)((s128)sa * sb >> w), w);
    case IR_MULHSU: return cut((uint64_t)((s128)sa * (s128)b >> w), w);
    case IR_DIVU: return cut(b ? a / b : ~0ull, w);
    case IR_DIVS: return cut((uint64_t)divide(sa, sb, w), w);
    case IR_REMU: return b ? a % b : a;
    case IR_REMS: return cut(sb == 0 ? a : sb == -1 ? 0 : (uint64_t)(sa % sb), w);
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_XOR: return a ^ b;
    case IR_NOT: return cut(~a, w);
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: return cut(shift(op, w, a, b), w);
    case IR_FSHR: return cut((unsigned)c & (w - 1) ? b >> (c & (w - 1)) | a << (w - (c & (w - 1))) : b, w);
    case IR_EXTRACT: return bits_get(a, pos, len);
    case IR_SEXTRACT: return cut((uint64_t)bits_sext(bits_get(a, pos, len), len), w);
    case IR_INSERT: return bits_set(a, pos, len, b);
    case IR_BIT: return a >> pos & 1;
    case IR_ZEXT: return a;
    case IR_SEXT: return cut((uint64_t)bits_sext(a, width(source)), w);
    case IR_TRUNC: return cut(a, w);
    case IR_CLZ: return a ? (unsigned)__builtin_clzll(a) - (64 - w) : w;
    case IR_CTZ: return a ? (unsigned)__builtin_ctzll(a) : w;
    case IR_POPCNT: return (unsigned)__builtin_popcountll(a);
    case IR_BSWAP: return __builtin_bswap64(a) >> (64 - w);
    case IR_BITREV: return bit_reverse(a) >> (64 - w);
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_SLT: return sa < sb;
    case IR_SLE: return sa <= sb;
    case IR_ULT: return a < b;
    case IR_ULE: return a <= b;
    case IR_SELECT: return a ? b : c;
    default: __builtin_unreachable();
    }
}
