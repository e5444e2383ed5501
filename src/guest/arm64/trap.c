/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Exceptions: their names, and what accesses give that no device answers or that are not aligned. */
#include "guest/arm64/arm64.h"

const char *arm64_trap_name(uint32_t kind)
{
    switch (kind & ARM64_TRAP_CLASS) {
#define TRAP(name, class, text) \
    case class:                 \
        return text;
#include "guest/arm64/traps.def"
#undef TRAP
    }
    return "unknown exception";
}

static struct trap access_trap(gva va, enum mem_access access, unsigned code)
{
    uint32_t kind = access == ACCESS_fetch ? ARM64_TRAP_insn_abort : ARM64_TRAP_data_abort;
    uint32_t iss = code | (access == ACCESS_write ? ABORT_WNR : 0);
    return (struct trap){kind | iss << ARM64_TRAP_ISS, va};
}

struct trap arm64_bus_error(struct cpu *cpu, gva va, enum mem_access access)
{
    (void)cpu;
    return access_trap(va, access, FSC_EXTERNAL);
}

struct trap arm64_misaligned(struct cpu *cpu, gva va, enum mem_access access)
{
    (void)cpu;
    return access_trap(va, access, FSC_ALIGNMENT);
}

void arm64_enter_trap(struct cpu *cpu, struct trap trap) { (void)cpu, (void)trap; }
