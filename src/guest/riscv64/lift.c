/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Decodes, lifts and prints instructions, and the lift-time functions and print styles that the .isa files name. Everything here knows
 * the insn's word, the keys and the model, never a register's value.
 */
#include "guest/riscv64/lift.h"
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include <stdio.h>

/* Longer encodings than 32 bits are reserved: such a word is undefined as its first four bytes. */
static unsigned length(uint32_t word) { return (word & 3) == 3 ? 4 : 2; }

unsigned riscv64_lift_insn(struct ir_build *b, const struct cpu *cpu, uint64_t *key, int offset, uint32_t word, unsigned have)
{
    unsigned len = length(word);
    if (!have || have < len)
        return 0;
    if (len == 2)
        word &= 0xffff;
    struct riscv64_keys keys;
    riscv64_keys_unpack(&keys, *key);
    const struct riscv64_lift l = {.b = b, .key = &keys, .cpu = cpu, .insn = word, .len = len};
    unsigned id = riscv64_decode(word, riscv64_arch(cpu)->insns);
    ir_insn_begin(b, offset, len);
    if (id == RISCV64_INSNS)
        ir_TRAP(b, RISCV64_TRAP_illegal, ir_k(IR_i64, word));
    else
        riscv64_lift(&l, id);
    ir_insn_end(b);
    *key = riscv64_keys_pack(&keys);
    return len;
}

unsigned riscv64_print_insn(const struct cpu *cpu, uint32_t word, gva pc, struct guest_text *out)
{
    unsigned len = length(word);
    if (len == 2)
        word &= 0xffff;
    unsigned id = riscv64_decode(word, riscv64_arch(cpu)->insns);
    if (id == RISCV64_INSNS)
        snprintf(out->text, sizeof out->text, ".%ubyte 0x%0*x", len, (int)len * 2, word);
    else
        riscv64_print(id, word, pc, out->text, sizeof out->text);
    return len;
}

/* ---- functions of lower-case expressions ---- */

/* The rounding mode of field rm: 7 stands for frm; gates have refused what is reserved. The words of ops.def have frm's numbers. */
int64_t riscv64_sfn_rmode(const struct riscv64_lift *l, int64_t rm) { return rm == 7 ? l->key->frm : rm; }

/* Order of an atomic access by its bits aq << 1 | rl. */
int64_t riscv64_sfn_ord(const struct riscv64_lift *l, int64_t aqrl)
{
    static const uint8_t orders[] = {MEM_rlx, MEM_rel, MEM_acq, MEM_seq};
    (void)l;
    return orders[aqrl & 3];
}

int64_t riscv64_sfn_sext(const struct riscv64_lift *l, int64_t value, int64_t bits)
{
    (void)l;
    return bits_sext((uint64_t)value, (unsigned)bits);
}

/* What the addresses of insns are multiples of. */
int64_t riscv64_sfn_ialign(const struct riscv64_lift *l) { return riscv64_has(l->cpu, RISCV64_HAS_zca) ? 2 : 4; }

/* Calls and returns by the link registers ra and t0, as the table of return-address stack hints in "Unconditional Jumps" has it. */
int64_t riscv64_sfn_jhint(const struct riscv64_lift *l, int64_t d, int64_t s)
{
    (void)l;
    if (d == 1 || d == 5)
        return IR_call;
    return s == 1 || s == 5 ? IR_ret : IR_jump;
}

/* Zfa's table of constants: the bits of entry n in a format with `fraction` fraction bits and this exponent bias. */
static uint64_t fli(int64_t n, unsigned fraction, unsigned bias)
{
    enum { MINUS_ONE = 0, MIN = 1, INF = 30, NAN_ = 31 };
    static const struct {
        int8_t exponent;
        uint8_t quarters;
    } values[] = {
        [2] = {-16, 0}, {-15, 0}, {-8, 0}, {-7, 0}, {-4, 0}, {-3, 0}, {-2, 0}, {-2, 1}, {-2, 2}, {-2, 3},
        {-1, 0},        {-1, 1},  {-1, 2}, {-1, 3}, {0, 0},  {0, 1},  {0, 2},  {0, 3},  {1, 0},  {1, 1},
        {1, 2},         {2, 0},   {3, 0},  {4, 0},  {7, 0},  {8, 0},  {15, 0}, {16, 0},
    };
    uint64_t infinity = (uint64_t)(2 * bias + 1) << fraction;
    if (n == MINUS_ONE)
        return (uint64_t)(2 * bias + 2 + bias) << fraction;
    if (n == MIN)
        return 1ull << fraction;
    if (n >= INF)
        return n == INF ? infinity : infinity | 1ull << (fraction - 1);
    return (uint64_t)((int)bias + values[n].exponent) << fraction | (uint64_t)values[n].quarters << (fraction - 2);
}

int64_t riscv64_sfn_fli_s(const struct riscv64_lift *l, int64_t n)
{
    (void)l;
    return (int64_t)fli(n & 31, 23, 127);
}

int64_t riscv64_sfn_fli_d(const struct riscv64_lift *l, int64_t n)
{
    (void)l;
    return (int64_t)fli(n & 31, 52, 1023);
}

/* ---- print styles (csr is in csr_lift.c) ---- */

/* The immediate of lui as assemblers write it. */
void riscv64_show_u20(struct riscv64_text *t, int64_t value) { riscv64_text_put(t, "%u", (unsigned)value & 0xfffff); }
