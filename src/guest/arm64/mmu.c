/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Translation of addresses (Arm ARM D8). */
#include "base/bits.h"
#include "guest/arm64/arm64.h"

/* Without stage 1 addresses are physical. */
bool arm64_translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap)
{
    (void)cpu, (void)access, (void)trap;
    *out = (struct tlb_page){.page = align_down(va, MEM_PAGE),
                             .readable = true,
                             .writable = true,
                             .executable = true,
                             .whole = true,
                             .last = MEM_PAGE - 1,
                             .global = true,
                             .span = MEM_PAGE};
    return true;
}

uint64_t arm64_context(const struct cpu *cpu) { return arm64_el(cpu); }

int64_t arm64_asid(const struct cpu *cpu)
{
    (void)cpu;
    return -1;
}

uint64_t arm64_code_space(const struct cpu *cpu, bool shared)
{
    (void)shared;
    return arm64_context(cpu);
}
