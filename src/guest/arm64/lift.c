/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decodes, lifts and prints instructions, and the lift-time functions that the .isa files name. Print styles are in show.c. */
#include "guest/arm64/lift.h"
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "guest/arm64/constants.h"
#include "guest/arm64/float.h"
#include <stdio.h>
#include <string.h>

enum { INSN = 4, STEP_ACTIVE = 1, STEP_DONE = 2 };

unsigned arm64_lift_insn(struct ir_build *b, const struct cpu *cpu, uint64_t *key, int offset, uint32_t word, unsigned have)
{
    if (have < INSN)
        return 0;
    struct arm64_keys keys, before;
    arm64_keys_unpack(&keys, *key);
    before = keys;
    const struct arm64_lift l = {.b = b, .key = &keys, .cpu = cpu, .insn = word, .len = INSN};
    unsigned id = arm64_decode(word, arm64_arch(cpu)->insns);
    ir_insn_begin(b, offset, INSN);
    if (keys.step == STEP_ACTIVE && !keys.il)
        ir_put(b, ARM64_CELL_stepped, ir_k(IR_i64, 1));
    if (keys.bp && keys.step != STEP_DONE)
        ir_call(b, ARM64_HLP_break_check, 1, (const ir_val[]){ir_PC(b, 0)});
    if (keys.step == STEP_DONE)
        ir_TRAP(b, ARM64_TRAP_step, ir_k(IR_i64, 0));
    else if (keys.il)
        ir_TRAP(b, ARM64_TRAP_illegal_state, ir_k(IR_i64, 0));
    else if (id == ARM64_INSNS)
        ir_TRAP(b, ARM64_TRAP_undef, ir_k(IR_i64, word));
    else
        arm64_lift(&l, id);
    ir_insn_end(b);
    if (memcmp(&before, &keys, sizeof keys))
        *key = arm64_keys_pack(&keys);
    return INSN;
}

unsigned arm64_print_insn(const struct cpu *cpu, uint32_t word, gva pc, struct guest_text *out)
{
    unsigned id = arm64_decode(word, arm64_arch(cpu)->insns);
    if (id == ARM64_INSNS)
        snprintf(out->text, sizeof out->text, ".inst 0x%08x", word);
    else
        arm64_print(id, word, pc, out->text, sizeof out->text);
    return INSN;
}

int64_t arm64_sfn_mask(const struct arm64_lift *l, int64_t k, int64_t r, int64_t s)
{
    (void)l;
    return (int64_t)arm64_mask((unsigned)k, (unsigned)r, (unsigned)s);
}

int64_t arm64_sfn_bti(const struct arm64_lift *l) { return arm64_has(l->cpu, ARM64_HAS_bti); }

/* ---- attributes of accesses ---- */

int64_t arm64_sfn_plain(const struct arm64_lift *l) { return l->key->align ? MEM_natural : 0; }

/* With the rights of EL0, at a level that has others. */
int64_t arm64_sfn_by_user(const struct arm64_lift *l) { return arm64_sfn_plain(l) | (l->key->el ? MEM_user : 0); }

/* Of several elements, by the log2 of the bytes of one. */
int64_t arm64_sfn_element(const struct arm64_lift *l, int64_t z)
{
    static const uint8_t units[] = {MEM_unit1, MEM_unit2, MEM_unit4, MEM_unit8};
    return arm64_sfn_plain(l) | units[z];
}

int64_t arm64_sfn_atomic(const struct arm64_lift *l)
{
    return MEM_natural | (arm64_has(l->cpu, ARM64_HAS_lse2) && !l->key->align ? MEM_within : 0);
}

int64_t arm64_sfn_ordered(const struct arm64_lift *l) { return l->key->naa && !l->key->align ? 0 : arm64_sfn_atomic(l); }

/* Order of an atomic by its acquire and release bits. */
int64_t arm64_sfn_order(const struct arm64_lift *l, int64_t a, int64_t r)
{
    static const uint8_t orders[] = {MEM_rlx, MEM_rel, MEM_acq, MEM_seq};
    (void)l;
    return orders[a << 1 | r];
}

int64_t arm64_sfn_expand(const struct arm64_lift *l, int64_t c, int64_t bits)
{
    (void)l;
    return (int64_t)arm64_constant((unsigned)c, (unsigned)bits);
}

int64_t arm64_sfn_bytes(const struct arm64_lift *l, int64_t bits)
{
    (void)l;
    return (int64_t)arm64_constant_bytes((unsigned)bits);
}

/* ---- structures of three elements ---- */

/*
 * The masks of two VSHUFs that make one vector of three (LD3 and ST3): the first takes from vectors 0 and 1, the second keeps what the first
 * took and takes the rest from vector 2. which: `low` (0) or `second` (1) of the first mask, of the second one (2, 3). source: the vector and
 * the byte in it that byte n of the result is.
 */
static int64_t three(int64_t which, unsigned bytes, const uint8_t source[16][2])
{
    uint64_t low = 0, second = 0;
    for (unsigned n = 0; n < bytes; n++) {
        unsigned vector = source[n][0], byte = source[n][1];
        bool mine = (vector == 2) == (which >= 2);
        low |= (uint64_t)(mine ? byte : n) << 4 * n;
        second |= (uint64_t)(mine && vector > 0) << n;
    }
    return (int64_t)(which & 1 ? second : low);
}

/* Register j of LD3: its lane i is element 3 i + j of memory, which is in chunks of the registers' size. */
int64_t arm64_sfn_from3(const struct arm64_lift *l, int64_t e, int64_t q, int64_t j, int64_t which)
{
    uint8_t source[16][2];
    unsigned size = (unsigned)e / 8, bytes = 8u << q;
    (void)l;
    for (unsigned n = 0; n < bytes; n++) {
        unsigned at = (n / size * 3 + (unsigned)j) * size + n % size;
        source[n][0] = (uint8_t)(at / bytes);
        source[n][1] = (uint8_t)(at % bytes);
    }
    return three(which, bytes, (const uint8_t(*)[2])source);
}

/* Chunk j of ST3: its element n is lane n / 3 of register n modulo 3. */
int64_t arm64_sfn_to3(const struct arm64_lift *l, int64_t e, int64_t q, int64_t j, int64_t which)
{
    uint8_t source[16][2];
    unsigned size = (unsigned)e / 8, bytes = 8u << q;
    (void)l;
    for (unsigned n = 0; n < bytes; n++) {
        unsigned at = (unsigned)j * bytes + n;
        source[n][0] = (uint8_t)(at / size % 3);
        source[n][1] = (uint8_t)(at / size / 3 * size + at % size);
    }
    return three(which, bytes, (const uint8_t(*)[2])source);
}

/* ---- floating point ---- */

/* FPCR's rounding. */
int64_t arm64_sfn_env(const struct arm64_lift *l)
{
    static const uint8_t modes[] = {IR_rne, IR_rup, IR_rdn, IR_rtz};
    return modes[l->key->rmode];
}

int64_t arm64_sfn_fpimm(const struct arm64_lift *l, int64_t format, int64_t i)
{
    (void)l;
    return (int64_t)arm64_fpimm((unsigned)format, (unsigned)i);
}
