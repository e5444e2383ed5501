/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Entering and leaving traps (privileged architecture 3.1.6, 3.3.2, 10.1.1), and the helpers of the privileged instructions of priv.isa.
 * The engine calls riscv64_enter_trap outside blocks, with cpu->pc at the insn that trapped. Helpers that refuse have changed nothing.
 */
#include "base/bits.h"
#include "guest/riscv64/csr.h"
#include "guest/riscv64/riscv64.h"

const char *riscv64_trap_name(uint32_t kind)
{
    switch (kind) {
#define TRAP(name, cause, text) \
    case cause:                 \
        return text;
#include "guest/riscv64/traps.def"
#undef TRAP
    case RISCV64_TRAP_finish: return "none, sstatus written by C";
    }
    return "unknown trap";
}

uint64_t riscv64_epc_mask(const struct cpu *cpu) { return riscv64_has(cpu, RISCV64_HAS_zca) ? ~1ull : ~3ull; }

void riscv64_set_priv(struct cpu *cpu, enum riscv64_priv priv, uint64_t insns)
{
    if (riscv64_arch(cpu)->filtered)
        riscv64_counters_mode(cpu, priv, insns);
    else
        RV(cpu, priv) = priv;
}

/* Where a trap goes: the base of mtvec or stvec, and by its mode (bit 0) a slot a cause for interrupts. */
static gva vector(uint64_t tvec, uint64_t cause, bool interrupt) { return (tvec & ~3ull) + (interrupt && (tvec & 1) ? cause * 4 : 0); }

static void enter_supervisor(struct cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval)
{
    uint64_t status = RV(cpu, mstatus);

    RV(cpu, sepc) = cpu->pc;
    RV(cpu, scause) = cause | (uint64_t)interrupt << 63;
    RV(cpu, stval) = tval;
    status = bits_set(status, STATUS_SPP_pos, 1, RV(cpu, priv));
    status = (status & ~(uint64_t)(STATUS_SPIE | STATUS_SIE)) | (status & STATUS_SIE ? STATUS_SPIE : 0);
    RV(cpu, mstatus) = status;
    riscv64_set_priv(cpu, PRIV_S, cpu->insns);
    cpu->pc = vector(RV(cpu, stvec), cause, interrupt);
}

static void enter_machine(struct cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval)
{
    uint64_t status = RV(cpu, mstatus);

    RV(cpu, mepc) = cpu->pc;
    RV(cpu, mcause) = cause | (uint64_t)interrupt << 63;
    RV(cpu, mtval) = tval;
    status = bits_set(status, STATUS_MPP_pos, 2, RV(cpu, priv));
    status = (status & ~(uint64_t)(STATUS_MPIE | STATUS_MIE)) | (status & STATUS_MIE ? STATUS_MPIE : 0);
    RV(cpu, mstatus) = status;
    riscv64_set_priv(cpu, PRIV_M, cpu->insns);
    cpu->pc = vector(RV(cpu, mtvec), cause, interrupt);
}

void riscv64_enter_cause(struct cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval)
{
    uint64_t delegated = interrupt ? RV(cpu, mideleg) : RV(cpu, medeleg);

    if (RV(cpu, priv) <= PRIV_S && (delegated >> cause & 1))
        enter_supervisor(cpu, cause, interrupt, tval);
    else
        enter_machine(cpu, cause, interrupt, tval);
    cpu->ops->context_changed(cpu);
}

/* ---- semihosting: ebreak between slli zero, zero, 31 and srai zero, zero, 7, all uncompressed and on one page ---- */

static bool is_semihosting(struct cpu *cpu)
{
    static const uint32_t call[3] = {0x01f01013, 0x00100073, 0x40705013};
    struct tlb_page page;
    struct trap ignored;
    gva first = cpu->pc - 4;
    uint8_t bytes[sizeof call];

    if ((first & (MEM_PAGE - 1)) > MEM_PAGE - sizeof bytes || !riscv64_translate(cpu, first, ACCESS_fetch, &page, &ignored) ||
        !mem_read(cpu->space, page.page | (first & (MEM_PAGE - 1)), bytes, sizeof bytes))
        return false;
    for (unsigned i = 0; i < 3; i++)
        if (le32_get(bytes + 4 * i) != call[i])
            return false;
    return true;
}

void riscv64_enter_trap(struct cpu *cpu, struct trap trap)
{
    gva next = cpu->pc + 4;

    if (trap.kind == RISCV64_TRAP_finish) {
        riscv64_finish_status(cpu, (uint32_t)trap.info);
        return;
    }
    /* Firmware of the machine may also choose the pc itself (a hart that suspends or stops): it sees the one after the call. */
    if (trap.kind == RISCV64_TRAP_ecall_s && cpu->ops->firmware_call) {
        cpu->pc = next;
        if (cpu->ops->firmware_call(cpu))
            return;
        cpu->pc = next - 4;
    }
    if (trap.kind == RISCV64_TRAP_breakpoint && cpu->ops->semihosting && is_semihosting(cpu) && cpu->ops->semihosting(cpu)) {
        cpu->pc = next;
        return;
    }
    riscv64_enter_cause(cpu, trap.kind, false, trap.info);
}

/* ---- helpers ---- */

uint64_t riscv64_hlp_mret(struct cpu *cpu, uint64_t insns)
{
    uint64_t status = RV(cpu, mstatus);
    enum riscv64_priv to = (enum riscv64_priv)bits_get(status, STATUS_MPP_pos, 2);

    status = (status & ~(uint64_t)(STATUS_MIE | STATUS_MPP)) | STATUS_MPIE | (status & STATUS_MPIE ? STATUS_MIE : 0);
    if (to != PRIV_M)
        status &= ~(uint64_t)STATUS_MPRV;
    RV(cpu, mstatus) = status;
    riscv64_set_priv(cpu, to, insns + 1);
    cpu->ops->context_changed(cpu);
    riscv64_irq_update(cpu);
    return RV(cpu, mepc) & riscv64_epc_mask(cpu);
}

uint64_t riscv64_hlp_sret(struct cpu *cpu, uint64_t insn, uint64_t insns)
{
    uint64_t status = RV(cpu, mstatus);

    if (RV(cpu, priv) == PRIV_S && (status & STATUS_TSR)) {
        cpu_trap(cpu, RISCV64_TRAP_illegal, insn);
        return 0;
    }
    enum riscv64_priv to = (enum riscv64_priv)bits_get(status, STATUS_SPP_pos, 1);
    status = (status & ~(uint64_t)(STATUS_SIE | STATUS_SPP | STATUS_MPRV)) | STATUS_SPIE | (status & STATUS_SPIE ? STATUS_SIE : 0);
    RV(cpu, mstatus) = status;
    riscv64_set_priv(cpu, to, insns + 1);
    cpu->ops->context_changed(cpu);
    riscv64_irq_update(cpu);
    return RV(cpu, sepc) & riscv64_epc_mask(cpu);
}

static void wait_until(struct cpu *cpu, uint64_t vclock_ns)
{
    cpu->waiting = true;
    cpu->wait_until = vclock_ns;
    if (riscv64_arch(cpu)->armed) /* counters of insns stand still meanwhile: no reason to wake up */
        riscv64_update_deadline(cpu);
}

uint64_t riscv64_hlp_wfi(struct cpu *cpu, uint64_t insn)
{
    uint64_t priv = RV(cpu, priv);

    if (priv == PRIV_U || (priv == PRIV_S && (RV(cpu, mstatus) & STATUS_TW)))
        cpu_trap(cpu, RISCV64_TRAP_illegal, insn);
    else
        wait_until(cpu, UINT64_MAX);
    return 0;
}

/* Stores by others do not end the wait, its bound does: short, and so never long enough for mstatus.TW to trap. */
uint64_t riscv64_hlp_wrs(struct cpu *cpu, uint64_t bounded)
{
    enum { SHORT_NS = 2000, LONG_NS = 20000 };

    if (cpu->reservation.valid)
        wait_until(cpu, os_vclock_ns(cpu->clock) + (bounded ? SHORT_NS : LONG_NS));
    return 0;
}

uint64_t riscv64_hlp_sfence_vma(struct cpu *cpu, uint64_t hasva, uint64_t va, uint64_t hasasid, uint64_t asid, uint64_t insn)
{
    int64_t only = hasasid ? (int64_t)(asid & 0xffff) : -1;

    if (RV(cpu, priv) == PRIV_S && (RV(cpu, mstatus) & STATUS_TVM))
        cpu_trap(cpu, RISCV64_TRAP_illegal, insn);
    else if (hasva)
        cpu->ops->tlb_flush_page(cpu, va, only);
    else
        cpu->ops->tlb_flush(cpu, only);
    return 0;
}

uint64_t riscv64_hlp_fence_i(struct cpu *cpu)
{
    cpu->ops->fetch_changed(cpu, 0, UINT64_MAX);
    return 0;
}
