/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Helpers of the scalar cryptography insns (crypto.isa) that are no ops: SM4's two functions. Pure: they read nothing but their arguments.
 * They are not constant-time with regard to the guest's data; Zkt speaks of guest cycles.
 */
#include "guest/riscv64/riscv64_insns.gen.h"
#include "guest/sm4.h"

static uint32_t rotate_left(uint32_t v, unsigned n) { return n ? v << n | v >> (32 - n) : v; }

/* SM4 is defined on big-endian words, the insns work on little-endian ones: the box's byte starts at the top and the word is swapped. */
static uint64_t sm4_add(uint64_t s, uint32_t word, unsigned byte)
{
    return (uint64_t)(int32_t)((uint32_t)s ^ rotate_left(__builtin_bswap32(word), 8 * byte));
}

uint64_t riscv64_hlp_sm4_encrypt(struct cpu *cpu, uint64_t s, uint64_t t, uint64_t byte)
{
    (void)cpu;
    uint32_t x = (uint32_t)guest_sm4_box[t >> 8 * byte & 0xff] << 24;
    return sm4_add(s, x ^ rotate_left(x, 2) ^ rotate_left(x, 10) ^ rotate_left(x, 18) ^ rotate_left(x, 24), (unsigned)byte);
}

uint64_t riscv64_hlp_sm4_key(struct cpu *cpu, uint64_t s, uint64_t t, uint64_t byte)
{
    (void)cpu;
    uint32_t x = (uint32_t)guest_sm4_box[t >> 8 * byte & 0xff] << 24;
    return sm4_add(s, x ^ rotate_left(x, 13) ^ rotate_left(x, 23), (unsigned)byte);
}
