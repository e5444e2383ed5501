/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Helpers of stanzas whose meaning takes a loop or does not fit an op: crossbar permutations (b.isa), fcvtmod.w.d (zfa.isa) and the
 * address check of cache-block management (cmo.isa). All but the last are pure.
 */
#include "guest/riscv64/riscv64.h"

/* An index beyond the lanes gives 0. */
uint64_t riscv64_hlp_xperm4(struct cpu *cpu, uint64_t lanes, uint64_t index)
{
    (void)cpu;
    uint64_t r = 0;
    for (unsigned n = 0; n < 64; n += 4)
        r |= (lanes >> 4 * (index >> n & 15) & 15) << n;
    return r;
}

uint64_t riscv64_hlp_xperm8(struct cpu *cpu, uint64_t lanes, uint64_t index)
{
    (void)cpu;
    uint64_t r = 0;
    for (unsigned n = 0; n < 64; n += 8) {
        unsigned k = index >> n & 0xff;
        r |= (k < 8 ? lanes >> 8 * k & 0xff : 0) << n;
    }
    return r;
}

/* The low 32 bits, sign-extended, of a double's value cut to an integer of any size; 0 for infinities and NaNs. */
uint64_t riscv64_hlp_fcvtmod(struct cpu *cpu, uint64_t bits)
{
    (void)cpu;
    int exponent = (int)(bits >> 52 & 0x7ff) - 1075; /* of the fraction's last bit */
    uint64_t fraction = (bits & 0xfffffffffffff) | 1ull << 52;
    if (exponent < -52 || exponent >= 32) /* less than 1, or a multiple of 2^32; infinities and NaNs too */
        return 0;
    uint64_t value = exponent < 0 ? fraction >> -exponent : fraction << exponent;
    return (uint64_t)(int32_t)(bits >> 63 ? -value : value);
}

/* Management of a block is allowed where a load or a store is; a page that may be written may be read. It traps as a store. */
uint64_t riscv64_hlp_cbo(struct cpu *cpu, uint64_t va)
{
    if (cpu_probe(cpu, va, 1, ACCESS_read, 0))
        return 0;
    if (cpu->trap.kind == RISCV64_TRAP_load_page)
        cpu->trap.kind = RISCV64_TRAP_store_page;
    else if (cpu->trap.kind == RISCV64_TRAP_load_access)
        cpu->trap.kind = RISCV64_TRAP_store_access;
    return 0;
}
