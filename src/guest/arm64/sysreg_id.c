/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System registers that say what the vCPU is: identification, features, caches. Features come from features.def; here is what all models are. */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"

/* Programs of user mode are not shown what only kernels use. */
static uint64_t id(const struct cpu *cpu, enum arm64_id n)
{
    static const uint64_t hidden[ARM64_IDS] = {[ARM64_ID_pfr0] = 0xffull << 56,
                                               [ARM64_ID_isar0] = 15ull << 56,
                                               [ARM64_ID_mmfr0] = ~0ull,
                                               [ARM64_ID_mmfr1] = ~0ull,
                                               [ARM64_ID_mmfr2] = ~(15ull << 32)};
    return arm64_arch(cpu)->id[n] & (cpu->flat ? ~hidden[n] : ~0ull);
}

/* A part number that nobody has: kernels must go by the ID registers. */
enum { MIDR = 0x000f0510 };

static bool guest_of_el2(const struct cpu *cpu) { return arm64_arch(cpu)->el2 && arm64_el(cpu) < 2 && !cpu->flat; }

uint64_t arm64_read_midr(struct cpu *cpu, unsigned number)
{
    (void)number;
    return guest_of_el2(cpu) ? A64(cpu, vpidr_el2) : MIDR;
}

static uint64_t mpidr(const struct cpu *cpu) { return 1u << 31 | arm64_arch(cpu)->mpidr; }

uint64_t arm64_read_mpidr(struct cpu *cpu, unsigned number)
{
    (void)number;
    return guest_of_el2(cpu) ? A64(cpu, vmpidr_el2) : mpidr(cpu);
}

void arm64_reset_id(struct cpu *cpu)
{
    A64(cpu, vpidr_el2) = MIDR;
    A64(cpu, vmpidr_el2) = mpidr(cpu);
}

/* EL0, EL1 and perhaps EL2 in A64 only, floating point and vectors; with system registers of the GIC where something answers them. */
uint64_t arm64_read_pfr0(struct cpu *cpu, unsigned number)
{
    enum { EL0_EL1 = 0x11, EL2 = 0x100, EL2_MASK = 0xf00, GIC_REGISTERS = 1 << 24 };
    (void)number;
    uint64_t value = (id(cpu, ARM64_ID_pfr0) & ~(uint64_t)EL2_MASK) | EL0_EL1;
    return value | (arm64_arch(cpu)->el2 ? EL2 : 0) | (cpu->window && cpu->window->read ? GIC_REGISTERS : 0);
}

uint64_t arm64_read_pfr1(struct cpu *cpu, unsigned number)
{
    (void)number;
    return id(cpu, ARM64_ID_pfr1);
}

/* Debug as of Armv8.0: six breakpoints, one of them with contexts, four watchpoints. No trace. */
uint64_t arm64_read_dfr0(struct cpu *cpu, unsigned number)
{
    enum { DEBUG_V8 = 6, BREAKPOINTS = 5 << 12, WATCHPOINTS = 3 << 20, CONTEXTS = 0 << 28 };
    (void)number;
    return cpu->flat ? DEBUG_V8 : DEBUG_V8 | BREAKPOINTS | WATCHPOINTS | CONTEXTS | id(cpu, ARM64_ID_dfr0);
}

uint64_t arm64_read_isar0(struct cpu *cpu, unsigned number)
{
    (void)number;
    return id(cpu, ARM64_ID_isar0);
}

uint64_t arm64_read_isar1(struct cpu *cpu, unsigned number)
{
    (void)number;
    return id(cpu, ARM64_ID_isar1);
}

uint64_t arm64_read_isar2(struct cpu *cpu, unsigned number)
{
    (void)number;
    return id(cpu, ARM64_ID_isar2);
}

/* 44 bits of physical addresses, ASIDs of 16 bits, all three granules (4 and 64 KiB are "0, supported"), little endian only. No granule at stage 2,
 * so that a kernel at EL2 sees that it cannot have guests. */
uint64_t arm64_read_mmfr0(struct cpu *cpu, unsigned number)
{
    static const uint64_t no_granules = 0x111ull << 32;
    enum { PA_44 = 4, ASID_16 = 2 << 4, GRANULE_16K = 1 << 20 };
    (void)number;
    uint64_t stage2 = arm64_arch(cpu)->el2 ? no_granules : 0;
    return cpu->flat ? 0 : id(cpu, ARM64_ID_mmfr0) | PA_44 | ASID_16 | GRANULE_16K | stage2;
}

uint64_t arm64_read_mmfr1(struct cpu *cpu, unsigned number)
{
    static const uint64_t of_el2 = 15ull << 40 | 15 << 8; /* HCX, VH */
    (void)number;
    return id(cpu, ARM64_ID_mmfr1) & ~(arm64_arch(cpu)->el2 ? 0ull : of_el2);
}

uint64_t arm64_read_mmfr2(struct cpu *cpu, unsigned number)
{
    (void)number;
    return id(cpu, ARM64_ID_mmfr2);
}

/* ---- caches ---- */

/* Lines of 64 bytes; the instruction cache is physically tagged and wants to be told of changes, the data cache needs no cleaning for that. */
uint64_t arm64_read_ctr(struct cpu *cpu, unsigned number)
{
    (void)cpu, (void)number;
    return 1u << 31 | 1 << 28 | 4 << 24 | 4 << 20 | 4 << 16 | 3 << 14 | 4;
}

uint64_t arm64_dczid(bool allowed)
{
    enum { BYTES_64 = 4, PROHIBITED = 16 };
    return BYTES_64 | (allowed ? 0 : PROHIBITED);
}

uint64_t arm64_read_dczid(struct cpu *cpu, unsigned number)
{
    (void)number;
    bool no = !(A64(cpu, mode) & MODE_ZVA) || (A64(cpu, mode) & MODE_HYP && A64(cpu, hcr_el2) & HCR_TDZ);
    return arm64_dczid(!no || cpu->flat);
}

/* Separate first-level caches, one second-level cache. */
uint64_t arm64_read_clidr(struct cpu *cpu, unsigned number)
{
    (void)cpu, (void)number;
    return 2 << 24 | 4 << 3 | 3;
}

/* Of what CSSELR selects: 32 KiB in 4 ways, or 1 MiB in 16. */
uint64_t arm64_read_ccsidr(struct cpu *cpu, unsigned number)
{
    enum { LINE_64 = 2 };
    unsigned level = A64(cpu, csselr_el1) >> 1 & 7;
    (void)number;
    unsigned ways = level ? 16 : 4, sets = level ? 1024 : 128;
    return level > 1 ? 0 : (sets - 1) << 13 | (ways - 1) << 3 | LINE_64;
}

unsigned arm64_allow_ctr(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return arm64_el(cpu) || cpu->flat || (arm64_sctlr(cpu) & SCTLR_UCT) ? SYSREG_ALLOWED : SYSREG_TRAPPED;
}
