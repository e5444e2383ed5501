/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decodes, lifts and prints instructions, and the lift-time functions that the .isa files name. Print styles are in show.c. */
#include "guest/arm64/lift.h"
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "guest/arm64/mask.h"
#include <stdio.h>

enum { INSN = 4 };

unsigned arm64_lift_insn(struct ir_build *b, const struct cpu *cpu, uint64_t *key, int offset, uint32_t word, unsigned have)
{
    if (have < INSN)
        return 0;
    struct arm64_keys keys;
    arm64_keys_unpack(&keys, *key);
    const struct arm64_lift l = {.b = b, .key = &keys, .cpu = cpu, .insn = word, .len = INSN};
    unsigned id = arm64_decode(word, arm64_arch(cpu)->insns);
    ir_insn_begin(b, offset, INSN);
    if (id == ARM64_INSNS)
        ir_TRAP(b, ARM64_TRAP_undef, ir_k(IR_i64, word));
    else
        arm64_lift(&l, id);
    ir_insn_end(b);
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

/* Order of an atomic by its acquire and release bits. */
int64_t arm64_sfn_order(const struct arm64_lift *l, int64_t a, int64_t r)
{
    static const uint8_t orders[] = {MEM_rlx, MEM_rel, MEM_acq, MEM_seq};
    (void)l;
    return orders[a << 1 | r];
}
