/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Hooks of system registers that rule the vCPU: PSTATE's fields, floating point, translation, hypervisor control, debug. A hook that changes what
 * translate, block_key or take_interrupt depend on tells the engine; the block ends after every write that has a hook.
 */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"
#include "ir/flags.h"
#include "ir/monitor.h"
#include "ir/softfloat.h"

/* ---- flags and floating point ---- */

uint64_t arm64_nzcv(const struct cpu *cpu) { return ir_flags(IR_FLBITS, 0, IR_fl, A64(cpu, nzcv), 0, 0) << 28; }
void arm64_set_nzcv(struct cpu *cpu, uint64_t value) { A64(cpu, nzcv) = ir_flags(IR_FLPACK, 0, IR_fl, value >> 28 & 15, 0, 0); }

/* Bits 4..0 are those of FX_*; IDC is bit 7. */
uint64_t arm64_fpsr(const struct cpu *cpu)
{
    return (cpu->fx & 31) | (cpu->fx & FX_dn ? 1 << 7 : 0) | (A64(cpu, qc) | A64N(cpu, qc, 1) ? 1 << 27 : 0);
}

void arm64_set_fpsr(struct cpu *cpu, uint64_t value)
{
    cpu->fx = (uint32_t)(value & 31) | (value >> 7 & 1 ? (uint32_t)FX_dn : 0);
    A64(cpu, qc) = value >> 27 & 1;
    A64N(cpu, qc, 1) = 0;
}

void arm64_float_mode(struct cpu *cpu)
{
    cpu->fp_nan = A64(cpu, fpcr) & FPCR_DN ? FP_NAN_default : FP_NAN_arm;
    cpu->fp_tiny_before = true;
    cpu->fp_flush = (A64(cpu, fpcr) & FPCR_FZ ? FP_FLUSH_wider : 0) | (A64(cpu, fpcr) & FPCR_FZ16 ? FP_FLUSH_f16 : 0);
    cpu->fp_alt_half = A64(cpu, fpcr) & FPCR_AHP;
}

void arm64_set_fpcr(struct cpu *cpu, uint64_t value)
{
    uint64_t can = FPCR_RMODE | FPCR_FZ | FPCR_DN | FPCR_AHP | (arm64_has(cpu, ARM64_HAS_fp16) ? FPCR_FZ16 : 0);
    A64(cpu, fpcr) = value & can;
    arm64_float_mode(cpu);
    cpu->ops->context_changed(cpu);
}

uint64_t arm64_read_nzcv(struct cpu *cpu, unsigned number)
{
    (void)number;
    return arm64_nzcv(cpu);
}

void arm64_write_nzcv(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    arm64_set_nzcv(cpu, value);
}

uint64_t arm64_read_fpcr(struct cpu *cpu, unsigned number)
{
    (void)number;
    return A64(cpu, fpcr);
}

void arm64_write_fpcr(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    arm64_set_fpcr(cpu, value);
}

uint64_t arm64_read_fpsr(struct cpu *cpu, unsigned number)
{
    (void)number;
    return arm64_fpsr(cpu);
}

void arm64_write_fpsr(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    arm64_set_fpsr(cpu, value);
}

/* ---- PSTATE ---- */

static void write_field(struct cpu *cpu, uint64_t field, uint64_t value)
{
    A64(cpu, pstate) = (A64(cpu, pstate) & ~field) | (value & field);
}

#define FIELD(name, bits)                                                       \
    uint64_t arm64_read_##name(struct cpu *cpu, unsigned number)                \
    {                                                                           \
        (void)number;                                                           \
        return A64(cpu, pstate) & (uint64_t)(bits);                             \
    }                                                                           \
    void arm64_write_##name(struct cpu *cpu, unsigned number, uint64_t value)   \
    {                                                                           \
        (void)number;                                                           \
        write_field(cpu, (uint64_t)(bits), value);                              \
        arm64_mode_update(cpu); /* of them, DAIF decides about software step */ \
        arm64_irq_update(cpu);                                                  \
    }
FIELD(daif, PSTATE_DAIF)
FIELD(pan, PSTATE_PAN)
FIELD(uao, PSTATE_UAO)
FIELD(dit, PSTATE_DIT)
FIELD(ssbs, PSTATE_SSBS)
#undef FIELD

unsigned arm64_allow_daif(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return arm64_el(cpu) || (arm64_sctlr(cpu) & SCTLR_UMA) ? SYSREG_ALLOWED : SYSREG_TRAPPED;
}

uint64_t arm64_read_spsel(struct cpu *cpu, unsigned number)
{
    (void)number;
    return (A64(cpu, mode) & MODE_SPSEL) != 0;
}

void arm64_write_spsel(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    arm64_set_level(cpu, arm64_el(cpu), value & 1);
}

uint64_t arm64_read_currentel(struct cpu *cpu, unsigned number)
{
    (void)number;
    return (uint64_t)arm64_el(cpu) << PSTATE_EL_pos;
}

uint64_t arm64_read_isr(struct cpu *cpu, unsigned number)
{
    uint64_t lines = atomic_load(&cpu->lines), hcr = arm64_arch(cpu)->el2 && arm64_el(cpu) < 2 ? A64(cpu, hcr_el2) : 0;
    uint64_t real = (lines >> ARM64_IRQ & 1 ? PSTATE_I : 0) | (lines >> ARM64_FIQ & 1 ? PSTATE_F : 0);
    uint64_t of_guest = (hcr & HCR_IMO ? PSTATE_I : 0) | (hcr & HCR_FMO ? PSTATE_F : 0); /* which sees its own in their place */
    (void)number;
    return (real & ~of_guest) | (hcr ? arm64_virtual_interrupts(cpu) : 0);
}

/* ---- reset ---- */

unsigned arm64_allow_highest1(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return arm64_arch(cpu)->el2 ? SYSREG_UNDEFINED : SYSREG_ALLOWED;
}

unsigned arm64_allow_highest2(struct cpu *cpu, unsigned number, bool write)
{
    (void)cpu, (void)number, (void)write;
    return SYSREG_ALLOWED;
}

uint64_t arm64_read_rvbar(struct cpu *cpu, unsigned number)
{
    (void)number;
    return arm64_arch(cpu)->reset_pc;
}

uint64_t arm64_read_rmr(struct cpu *cpu, unsigned number)
{
    (void)cpu, (void)number;
    return 1; /* A64; requests for a reset are not heard */
}

/* ---- control ---- */

/* Hook `mode`: a plain write of what mode follows from. */
void arm64_write_mode(struct cpu *cpu, unsigned number, uint64_t value)
{
    arm64_write_no(cpu, number, value);
    arm64_mode_update(cpu);
    arm64_irq_update(cpu);
}

/* Bits that no feature is behind read as their fixed values; memory is little endian. */
void arm64_write_sctlr(struct cpu *cpu, unsigned number, uint64_t value)
{
    enum { C = 1 << 2, I = 1 << 12, EL1_ONES = 0x30500980, EL2_ONES = 0x30c50830 };
    uint64_t bti = arm64_has(cpu, ARM64_HAS_bti) ? SCTLR_BT1 : 0;
    uint64_t keys = arm64_has(cpu, ARM64_HAS_pauth) ? SCTLR_EnIA | SCTLR_EnIB | SCTLR_EnDA | SCTLR_EnDB : 0;
    uint64_t lse2 = arm64_has(cpu, ARM64_HAS_lse2) ? SCTLR_nAA : 0;
    uint64_t common =
        bti | keys | lse2 | SCTLR_M | SCTLR_A | C | SCTLR_SA | I | SCTLR_WXN | (arm64_has(cpu, ARM64_HAS_ssbs) ? SCTLR_DSSBS : 0);
    uint64_t mops = arm64_has(cpu, ARM64_HAS_mops) ? SCTLR_MSCEN : 0;
    uint64_t kernel =
        common | mops | (bti ? SCTLR_BT0 : 0) | SCTLR_SA0 | SCTLR_UMA | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_UCI;
    uint64_t span = arm64_has(cpu, ARM64_HAS_pan) ? 0 : SCTLR_SPAN;
    bool el2 = (number >> 11 & 7) == 4;
    if (el2 && !(A64(cpu, hcr_el2) & HCR_E2H))
        A64(cpu, sctlr_el2) = (value & common) | EL2_ONES;
    else
        *(el2 ? &A64(cpu, sctlr_el2) : &A64(cpu, sctlr_el1)) = (value & (kernel | SCTLR_SPAN)) | EL1_ONES | span;
    arm64_mode_update(cpu);
}

void arm64_write_cptr(struct cpu *cpu, unsigned number, uint64_t value)
{
    enum { NVHE_ONES = 0x33ff & ~0x400, TFP = 1 << 10, FPEN = 3 << 20 };
    (void)number;
    A64(cpu, cptr_el2) = A64(cpu, hcr_el2) & HCR_E2H ? value & FPEN : (value & TFP) | NVHE_ONES;
    arm64_mode_update(cpu);
}

/* EL1 is A64 always. */
void arm64_write_hcr(struct cpu *cpu, unsigned number, uint64_t value)
{
    uint64_t can = (1ull << 34) - 1;
    (void)number;
    if (arm64_has(cpu, ARM64_HAS_vhe))
        can |= HCR_E2H;
    if (arm64_has(cpu, ARM64_HAS_pauth))
        can |= HCR_APK | HCR_API;
    A64(cpu, hcr_el2) = (value & can) | HCR_RW;
    arm64_mode_update(cpu);
    arm64_irq_update(cpu);
}

/* ---- translation ---- */

/* The other table, and control: part of the regime's number. */
void arm64_write_regime(struct cpu *cpu, unsigned number, uint64_t value)
{
    arm64_write_no(cpu, number, value);
    arm64_regime_update(cpu);
    cpu->ops->context_changed(cpu);
}

void arm64_write_table(struct cpu *cpu, unsigned number, uint64_t value)
{
    arm64_write_no(cpu, number, value);
    arm64_space_update(cpu);
    cpu->ops->context_changed(cpu);
}

/* ---- debug ---- */

uint64_t arm64_read_oslsr(struct cpu *cpu, unsigned number)
{
    enum { IMPLEMENTED = 8 };
    (void)number;
    return IMPLEMENTED | (A64(cpu, oslar_el1) & 1) << 1;
}

uint64_t arm64_read_claim(struct cpu *cpu, unsigned number)
{
    (void)cpu, (void)number;
    return 0xff;
}

void arm64_write_claim(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    A64(cpu, dbgclaim) |= value & 0xff;
}

void arm64_write_unclaim(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    A64(cpu, dbgclaim) &= ~value;
}

/* ---- changed code, and caches that a hypervisor watches ---- */

/* IC IVAU of a program: from the first line announced to the last counts. */
uint64_t arm64_hlp_code_line(struct cpu *cpu, uint64_t at)
{
    enum { LINE = 64, ADDRESS_BITS = 56 /* without its tag */ };
    uint64_t from = align_down(bits_get(at, 0, ADDRESS_BITS), LINE), first = from, end = from + LINE;
    if (A64(cpu, changed)) {
        first = A64(cpu, changed_from) < from ? A64(cpu, changed_from) : from;
        end = A64(cpu, changed_to) > end ? A64(cpu, changed_to) : end;
    }
    A64(cpu, changed_from) = first;
    A64(cpu, changed_to) = end;
    A64(cpu, changed) = 1;
    return 0;
}

/* Between two insns it asks by itself which blocks are no more: their ISB need not. */
static void come_by(struct cpu *cpu, uint64_t what, uint64_t value) { (void)cpu, (void)what, (void)value; }

uint64_t arm64_hlp_code_barrier(struct cpu *cpu)
{
    if (!A64(cpu, changed))
        return 0;
    A64(cpu, changed) = 0;
    cpu->ops->fetch_changed(cpu, A64(cpu, changed_from), A64(cpu, changed_to));
    if (!cpu->flat && !cpu->monitor->alone) {
        cpu->ops->tell(cpu, (struct cpu_order){come_by, 0, 0});
        A64(cpu, told) = 1;
    }
    return 0;
}

uint64_t arm64_hlp_data_barrier(struct cpu *cpu, uint64_t how)
{
    enum { ALL = 3 };
    arm64_hlp_code_barrier(cpu);
    if ((how & ALL) == ALL && !cpu->flat) {
        A64(cpu, told) = 0;
        cpu->ops->settle(cpu);
    }
    return 0;
}

uint64_t arm64_hlp_zero_refused(struct cpu *cpu, uint64_t va)
{
    const struct trap t = arm64_misaligned(cpu, va, ACCESS_write);
    cpu_trap(cpu, t.kind, t.info);
    return 0;
}

uint64_t arm64_hlp_cache_op(struct cpu *cpu, uint64_t insn)
{
    if (arm64_el(cpu) < 2 && !arm64_host(cpu) && (A64(cpu, hcr_el2) & HCR_TDZ))
        arm64_refuse(cpu, ARM64_TRAP_sysreg, insn, true);
    return 0;
}
