/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exceptions (Arm ARM D1.3): where they go, the syndrome, the vector. The engine calls arm64_enter_trap outside blocks, with cpu->pc at the insn
 * that trapped. A trap's kind has the class and part of the syndrome; what else the syndrome tells is read off the insn.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"

enum { TO_EL2 = 1 << 7 /* of the class, beside it: a hypervisor's wish */, LOWER_TO_SAME = 1 };
enum { ESR_EC_pos = 26, ESR_IL = 1 << 25, ISS_COND = 0x1e << 20 /* CV, and the condition "always" */ };

const char *arm64_trap_name(uint32_t kind)
{
    switch (kind & ARM64_TRAP_CLASS & ~TO_EL2) {
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
    if (access == ACCESS_fetch)
        return (struct trap){ARM64_TRAP_pcalign, va};
    return access_trap(va, access, FSC_ALIGNMENT);
}

void arm64_refuse(struct cpu *cpu, unsigned class, uint64_t insn, bool hypervisor)
{
    cpu_trap(cpu, class | (hypervisor ? TO_EL2 : 0), insn);
}

/* ---- entering ---- */

void arm64_take(struct cpu *cpu, unsigned el, unsigned offset)
{
    uint64_t spsr = arm64_pstate(cpu), sctlr = el == 2 ? A64(cpu, sctlr_el2) : A64(cpu, sctlr_el1), *pstate = &A64(cpu, pstate);
    unsigned from = arm64_el(cpu);
    bool user = el == 1 || arm64_host(cpu); /* the regime has EL0 in it */
    offset += from < el ? 0x400 : A64(cpu, mode) & MODE_SPSEL ? 0x200 : 0;
    *(el == 2 ? &A64(cpu, spsr_el2) : &A64(cpu, spsr_el1)) = spsr;
    *(el == 2 ? &A64(cpu, elr_el2) : &A64(cpu, elr_el1)) = cpu->pc;
    cpu->landing = 0;
    *pstate = (*pstate & (PSTATE_PAN | PSTATE_DIT)) | PSTATE_DAIF;
    if (user && !(sctlr & SCTLR_SPAN) && arm64_has(cpu, ARM64_HAS_pan))
        *pstate |= PSTATE_PAN;
    if ((sctlr & SCTLR_DSSBS) && arm64_has(cpu, ARM64_HAS_ssbs))
        *pstate |= PSTATE_SSBS;
    cpu->pc = (el == 2 ? A64(cpu, vbar_el2) : A64(cpu, vbar_el1)) + offset;
    A64(cpu, stepped) = 0;
    if (arm64_arch(cpu)->pmu_filtered)
        arm64_pmu_hold(cpu, cpu->insns);
    arm64_set_level(cpu, el, true);
    if (arm64_arch(cpu)->pmu_filtered)
        arm64_pmu_release(cpu, cpu->insns);
}

static void raise(struct cpu *cpu, unsigned el, unsigned class, uint32_t iss, const uint64_t *far)
{
    bool from_lower = arm64_el(cpu) < el;
    switch (class) {
    case ARM64_TRAP_insn_abort:
    case ARM64_TRAP_data_abort:
    case ARM64_TRAP_breakpoint:
    case ARM64_TRAP_step:
    case ARM64_TRAP_watchpoint: class += from_lower ? 0 : LOWER_TO_SAME;
    }
    *(el == 2 ? &A64(cpu, esr_el2) : &A64(cpu, esr_el1)) = (uint64_t) class << ESR_EC_pos | ESR_IL | iss;
    if (far)
        *(el == 2 ? &A64(cpu, far_el2) : &A64(cpu, far_el1)) = *far;
    arm64_take(cpu, el, 0);
}

/* It has no syndrome of its own (no FEAT_RAS), and is over when it is taken. */
void arm64_take_serror(struct cpu *cpu)
{
    enum { OFFSET_SERROR = 0x180 };
    A64(cpu, hcr_el2) &= ~HCR_VSE;
    A64(cpu, esr_el1) = (uint64_t)ARM64_TRAP_serror << ESR_EC_pos | ESR_IL;
    arm64_take(cpu, 1, OFFSET_SERROR);
}

/* ---- syndromes ---- */

/* The word at pc, if it can be had without a trap. */
static bool word_at_pc(struct cpu *cpu, uint32_t *word)
{
    struct tlb_page page;
    struct trap ignored;
    uint8_t bytes[4];
    if (!arm64_translate(cpu, cpu->pc, ACCESS_fetch, &page, &ignored) ||
        !mem_read(cpu->space, page.page | (cpu->pc & (MEM_PAGE - 1)), bytes, sizeof bytes))
        return false;
    *word = le32_get(bytes);
    return true;
}

/* Cache maintenance says so, and counts as a write. DC ZVA tells the address that it was given. */
static uint32_t abort_syndrome(struct cpu *cpu, uint32_t iss, uint64_t *far)
{
    enum { SYS = 0xd5080000, SYS_MASK = 0xfff80000, ZVA = 0xd50b7420, ZVA_MASK = 0xffffffe0 };
    uint32_t word;
    if (!word_at_pc(cpu, &word) || (word & SYS_MASK) != SYS)
        return iss;
    if ((word & ZVA_MASK) != ZVA)
        return iss | ABORT_CM | ABORT_WNR;
    *far = (word & 31) == 31 ? 0 : A64N(cpu, x, word & 31);
    return iss;
}

/* MSR, MRS and SYS: their fields, and the direction. */
static uint32_t sysreg_syndrome(uint64_t word)
{
    uint32_t op0 = word >> 19 & 3, op1 = word >> 16 & 7, n = word >> 12 & 15, m = word >> 8 & 15, op2 = word >> 5 & 7;
    return op0 << 20 | op2 << 17 | op1 << 14 | n << 10 | (uint32_t)(word & 31) << 5 | m << 1 | (uint32_t)(word >> 21 & 1);
}

/* WFI, WFE, WFIT, WFET. */
static uint32_t wait_syndrome(uint64_t word)
{
    enum { TIMED = 2, EVENT = 1, RN_VALID = 4 };
    bool timed = (word >> 12 & 15) == 1, event = !(word >> 5 & 1);
    return (uint32_t)ISS_COND | (event ? EVENT : 0) | (timed ? TIMED | RN_VALID | (uint32_t)(word & 31) << 5 : 0);
}

/* ---- calls ---- */

/* What executes an insn as a whole: DAIF is opened, and something waits for that; a barrier behind changes that others must see. */
static void finish(struct cpu *cpu, uint32_t word)
{
    enum { DAIFCLR = 0xd50340ff, ISB = 0xd50330df, DSB = 0xd503309f, IMM_MASK = 0xfffff0ff, ACTIVE = 1 };
    switch (word & IMM_MASK) {
    case ISB: arm64_hlp_code_barrier(cpu); break;
    case DSB: arm64_hlp_data_barrier(cpu, word >> 8 & 15); break;
    case DAIFCLR: A64(cpu, pstate) &= ~((uint64_t)(word >> 8 & 15) << 6); break;
    default:
        A64(cpu, pstate) = (A64(cpu, pstate) & ~(uint64_t)PSTATE_DAIF) | ((word & 31) == 31 ? 0 : A64N(cpu, x, word & 31) & PSTATE_DAIF);
    }
    cpu->pc += 4;
    cpu->insns++;
    A64(cpu, stepped) = (A64(cpu, mode) >> MODE_STEP_pos & 3) == ACTIVE;
    arm64_mode_update(cpu);
}

/* Firmware of the machine may also choose the pc itself (a vCPU that suspends or stops): it sees the one after the call. */
static bool firmware(struct cpu *cpu)
{
    gva pc = cpu->pc;
    cpu->pc += 4;
    if (cpu->ops->firmware_call && cpu->ops->firmware_call(cpu))
        return true;
    cpu->pc = pc;
    return false;
}

static bool called(struct cpu *cpu, unsigned class)
{
    bool el2 = arm64_arch(cpu)->el2;
    switch (class) {
    case ARM64_TRAP_hvc: return !el2 && firmware(cpu);
    case ARM64_TRAP_smc: return el2 && !(arm64_el(cpu) == 1 && (A64(cpu, hcr_el2) & HCR_TSC)) && firmware(cpu);
    case ARM64_TRAP_hlt:
        if (!cpu->ops->semihosting || !cpu->ops->semihosting(cpu))
            return false;
        cpu->pc += 4;
        return true;
    }
    return false;
}

/* CPACR_EL1 sends to EL1, if it forbids; else it was CPTR_EL2. */
static unsigned float_target(const struct cpu *cpu, unsigned usual)
{
    unsigned el = arm64_el(cpu), field = (unsigned)bits_get(A64(cpu, cpacr_el1), 20, 2);
    bool by_el1 = el < 2 && !arm64_host(cpu) && !(field == 3 || (field == 1 && el));
    return by_el1 ? usual : 2;
}

void arm64_enter_trap(struct cpu *cpu, struct trap trap)
{
    unsigned class = trap.kind & ARM64_TRAP_CLASS & ~TO_EL2, el = arm64_el(cpu);
    uint32_t iss = trap.kind >> ARM64_TRAP_ISS;
    const uint64_t *far = NULL;
    bool to_el2 = trap.kind & TO_EL2 || (!el && (A64(cpu, hcr_el2) & HCR_TGE)), host_calls = A64(cpu, hcr_el2) & HCR_HCD;
    unsigned target = el == 2 || to_el2 ? 2 : 1;
    if (class == ARM64_TRAP_finish) {
        finish(cpu, (uint32_t)trap.info);
        return;
    }
    if (class == ARM64_TRAP_tagged_pc) {
        cpu->pc = trap.info;
        return;
    }
    if (called(cpu, class))
        return;
    switch (class) {
    case ARM64_TRAP_undef:
    case ARM64_TRAP_hlt: class = ARM64_TRAP_undef; break;
    case ARM64_TRAP_pauth: iss = 0; break;
    case ARM64_TRAP_wfx: iss = wait_syndrome(trap.info); break;
    case ARM64_TRAP_fpaccess:
        iss = ISS_COND;
        target = float_target(cpu, target);
        break;
    case ARM64_TRAP_svc:
        iss = trap.info & 0xffff;
        cpu->pc += 4;
        A64(cpu, pstate) &= ~(uint64_t)PSTATE_SS;
        break;
    case ARM64_TRAP_hvc:
        if (!arm64_arch(cpu)->el2 || host_calls) {
            class = ARM64_TRAP_undef;
            break;
        }
        iss = trap.info & 0xffff;
        target = 2;
        cpu->pc += 4;
        A64(cpu, pstate) &= ~(uint64_t)PSTATE_SS;
        break;
    case ARM64_TRAP_smc:
        if (el != 1 || !(A64(cpu, hcr_el2) & HCR_TSC)) {
            class = ARM64_TRAP_undef;
            break;
        }
        iss = trap.info & 0xffff;
        target = 2;
        break;
    case ARM64_TRAP_sysreg: iss = sysreg_syndrome(trap.info); break;
    case ARM64_TRAP_mops:
        iss = arm64_mops_syndrome((uint32_t)trap.info);
        target = arm64_arch(cpu)->el2 && el == 1 && (A64(cpu, hcrx_el2) & HCRX_MCE2) ? 2 : target;
        break;
    case ARM64_TRAP_watchpoint:
    case ARM64_TRAP_data_abort: iss = abort_syndrome(cpu, iss, &trap.info); /* fall through */
    case ARM64_TRAP_insn_abort:
    case ARM64_TRAP_pcalign: far = &trap.info; break;
    case ARM64_TRAP_bti: iss = (uint32_t)trap.info; break;
    case ARM64_TRAP_brk: iss = trap.info & 0xffff; break;
    case ARM64_TRAP_step:
    case ARM64_TRAP_breakpoint: iss = 0x22; break;
    }
    if (class == ARM64_TRAP_brk || class == ARM64_TRAP_step || class == ARM64_TRAP_breakpoint || class == ARM64_TRAP_watchpoint)
        target = el == 2 ? 2 : arm64_debug_target(cpu);
    raise(cpu, target, class, iss, far);
}
