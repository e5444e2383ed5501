/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * PSTATE and what follows from it: the slot `mode`, which block keys mirror, is made of the level and of the registers that rule it. Whoever
 * changes one of these calls arm64_mode_update.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"

enum { MODE_KEPT = MODE_EL | MODE_SPSEL };

#define MDSCR_SS      (1ull << 0)
#define HCR_WATCHED   (HCR_TID1 | HCR_TID2 | HCR_TID3 | HCR_TACR | HCR_TVM | HCR_TRVM | HCR_TDZ)
#define CPTR_TFP      (1ull << 10)
#define PSTATE_FIELDS ((uint64_t)(PSTATE_DAIF | PSTATE_SSBS | PSTATE_IL | PSTATE_SS | PSTATE_PAN | PSTATE_UAO | PSTATE_DIT))

/* CPACR_EL1.FPEN, and CPTR_EL2's field of the same place: 1 traps EL0, 3 nobody, else all. */
static bool field_allows(uint64_t field, unsigned el) { return (field & 3) == 3 || ((field & 3) == 1 && el > 0); }

static bool float_enabled(const struct cpu *cpu)
{
    unsigned el = arm64_el(cpu);
    uint64_t cptr = A64(cpu, cptr_el2);
    if (cpu->flat)
        return true;
    if (el < 2 && !arm64_host(cpu) && !field_allows(A64(cpu, cpacr_el1) >> 20, el))
        return false;
    if (!arm64_arch(cpu)->el2)
        return true;
    return A64(cpu, hcr_el2) & HCR_E2H ? field_allows(cptr >> 20, el || !arm64_host(cpu)) : !(cptr & CPTR_TFP);
}

/* Software step (D2.11): 0 off, 1 an insn is to be run, 2 it was run. */
static unsigned step_state(const struct cpu *cpu)
{
    if (!(A64(cpu, mdscr_el1) & MDSCR_SS) || !arm64_debug_enabled(cpu))
        return 0;
    return A64(cpu, pstate) & PSTATE_SS ? 1 : 2;
}

/* Copies and sets of memory: a hypervisor and an operating system may forbid them to whom they rule. */
static bool mops_enabled(const struct cpu *cpu)
{
    unsigned el = arm64_el(cpu);
    bool ruled = arm64_arch(cpu)->el2 && el < 2 && !arm64_host(cpu);
    return !(ruled && !(A64(cpu, hcrx_el2) & HCRX_MSCEN)) && (el || (arm64_sctlr(cpu) & SCTLR_MSCEN));
}

static void derive_mode(struct cpu *cpu)
{
    unsigned el = arm64_el(cpu), step = step_state(cpu);
    bool device = !cpu->flat && arm64_device_memory(cpu);
    uint64_t sctlr = arm64_sctlr(cpu), mode = A64(cpu, mode) & MODE_KEPT;
    bool by_d = A64(cpu, mdscr_el1) & MDSCR_SS || arm64_arch(cpu)->breaks; /* PSTATE.D decides about them */
    mode |= float_enabled(cpu) ? MODE_FPEN : 0;
    mode |= sctlr & (el ? SCTLR_SA : SCTLR_SA0) || cpu->flat ? MODE_SA : 0;
    mode |= !cpu->flat && (device || sctlr & SCTLR_A) ? MODE_AL : 0;
    mode |= device ? MODE_DEVICE : 0;
    mode |= sctlr & SCTLR_nAA && arm64_has(cpu, ARM64_HAS_lse2) ? MODE_NAA : 0;
    mode |= el == 2 && (A64(cpu, hcr_el2) & HCR_E2H) ? MODE_E2H : 0;
    mode |= A64(cpu, pstate) & PSTATE_IL ? MODE_IL : 0;
    mode |= (uint64_t)step << MODE_STEP_pos;
    mode |= el || cpu->flat || (sctlr & SCTLR_UCI) ? MODE_CACHEOPS : 0;
    mode |= el || cpu->flat || (sctlr & SCTLR_DZE) ? MODE_ZVA : 0;
    mode |= (el < 2 && !arm64_host(cpu) && (A64(cpu, hcr_el2) & HCR_WATCHED)) || by_d ? MODE_HYP : 0;
    mode |= arm64_arch(cpu)->breaks && arm64_debug_enabled(cpu) ? MODE_BREAK : 0;
    mode |= mops_enabled(cpu) ? MODE_MOPS : 0;
    A64(cpu, mode) = mode;
    cpu->stepping = step;
}

void arm64_mode_update(struct cpu *cpu)
{
    derive_mode(cpu);
    arm64_regime_update(cpu);
    cpu->ops->context_changed(cpu);
}

/* The stack pointer in use stands in `sp`. */
static uint64_t *sp_place(struct cpu *cpu)
{
    unsigned el = arm64_el(cpu);
    return &A64N(cpu, sp_el, A64(cpu, mode) & MODE_SPSEL && el < 3 ? el : 0);
}

void arm64_set_level(struct cpu *cpu, unsigned el, bool spsel)
{
    unsigned ruler = arm64_ruler(cpu);
    *sp_place(cpu) = A64(cpu, sp);
    A64(cpu, mode) = el | (spsel ? MODE_SPSEL : 0);
    A64(cpu, sp) = *sp_place(cpu);
    derive_mode(cpu);
    if (arm64_ruler(cpu) != ruler)
        arm64_regime_update(cpu);
    cpu->ops->context_changed(cpu);
}

uint64_t arm64_pstate(const struct cpu *cpu)
{
    uint64_t mode = A64(cpu, mode);
    return arm64_nzcv(cpu) | A64(cpu, pstate) | arm64_btype(cpu) | (mode & MODE_EL) << PSTATE_EL_pos | (mode & MODE_SPSEL ? PSTATE_SP : 0);
}

static uint64_t legal_fields(const struct cpu *cpu, uint64_t value)
{
    uint64_t fields = PSTATE_FIELDS;
    if (!arm64_has(cpu, ARM64_HAS_pan))
        fields &= ~(uint64_t)PSTATE_PAN;
    if (!arm64_has(cpu, ARM64_HAS_uao))
        fields &= ~(uint64_t)PSTATE_UAO;
    if (!arm64_has(cpu, ARM64_HAS_ssbs))
        fields &= ~(uint64_t)PSTATE_SSBS;
    if (!arm64_has(cpu, ARM64_HAS_dit))
        fields &= ~(uint64_t)PSTATE_DIT;
    return value & fields;
}

static bool legal_level(const struct cpu *cpu, uint64_t value)
{
    unsigned el = (unsigned)(value >> PSTATE_EL_pos & 3);
    return !(value & (PSTATE_A32 | 2)) && el <= (arm64_arch(cpu)->el2 ? 2u : 1u) && (el || !(value & PSTATE_SP));
}

void arm64_set_pstate(struct cpu *cpu, uint64_t value)
{
    bool legal = legal_level(cpu, value);
    arm64_pmu_hold(cpu, cpu->insns);
    arm64_set_nzcv(cpu, value);
    A64(cpu, pstate) = legal_fields(cpu, value);
    arm64_set_btype(cpu, value);
    if (legal)
        arm64_set_level(cpu, (unsigned)(value >> PSTATE_EL_pos & 3), value & PSTATE_SP);
    else
        arm64_mode_update(cpu);
    arm64_pmu_release(cpu, cpu->insns);
}

/* An illegal return (D1.6.4) stays where it is, with IL; levels and stack pointer do not change, the other fields do. */
uint64_t arm64_hlp_eret(struct cpu *cpu, uint64_t insns)
{
    bool counted = arm64_arch(cpu)->pmu_filtered;
    unsigned el = arm64_el(cpu), to;
    uint64_t spsr = el == 2 ? A64(cpu, spsr_el2) : A64(cpu, spsr_el1), pc = el == 2 ? A64(cpu, elr_el2) : A64(cpu, elr_el1);
    uint64_t pan = A64(cpu, pstate) & (PSTATE_PAN | PSTATE_UAO | PSTATE_DIT | PSTATE_SSBS);
    cpu->reservation.valid = RESERVED_no;
    A64(cpu, event) = 1;
    if (counted)
        arm64_pmu_hold(cpu, insns + 1);
    arm64_set_btype(cpu, spsr);
    to = (unsigned)(spsr >> PSTATE_EL_pos & 3);
    bool legal = legal_level(cpu, spsr) && to <= el && !(to == 1 && el == 2 && (A64(cpu, hcr_el2) & HCR_TGE));
    arm64_set_nzcv(cpu, spsr);
    if (legal) {
        A64(cpu, pstate) = legal_fields(cpu, spsr);
        arm64_set_level(cpu, to, spsr & PSTATE_SP);
    } else {
        A64(cpu, pstate) = pan | (spsr & PSTATE_DAIF) | PSTATE_IL;
        arm64_mode_update(cpu);
    }
    if (A64(cpu, mode) >> MODE_STEP_pos & 3 ? false : A64(cpu, pstate) & PSTATE_SS) {
        A64(cpu, pstate) &= ~(uint64_t)PSTATE_SS; /* it does not stand where steps are off */
        arm64_mode_update(cpu);
    }
    if (counted)
        arm64_pmu_release(cpu, insns + 1);
    arm64_irq_update(cpu);
    return pc;
}

/* MSR (immediate) by op1 << 3 | op2; DAIF of EL0 only where SCTLR lets it. */
uint64_t arm64_hlp_msr_imm(struct cpu *cpu, uint64_t field, uint64_t value, uint64_t insn)
{
    enum { UAO = 3, PAN = 4, SPSEL = 5, DAIFSET = 30, DAIFCLR = 31 };
    uint64_t *pstate = &A64(cpu, pstate), bit = 0;
    switch (field) {
    case UAO: bit = PSTATE_UAO; break;
    case PAN: bit = PSTATE_PAN; break;
    case SPSEL: arm64_set_level(cpu, arm64_el(cpu), value & 1); return 0;
    case DAIFSET:
    case DAIFCLR:
        if (!arm64_el(cpu) && !(arm64_sctlr(cpu) & SCTLR_UMA)) {
            arm64_refuse(cpu, ARM64_TRAP_sysreg, insn, false);
            return 0;
        }
        *pstate = field == DAIFSET ? *pstate | value << 6 : *pstate & ~(value << 6);
        arm64_mode_update(cpu);
        arm64_irq_update(cpu);
        return 0;
    }
    *pstate = value & 1 ? *pstate | bit : *pstate & ~bit;
    cpu->ops->context_changed(cpu);
    return 0;
}
