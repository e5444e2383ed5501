/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupts (privileged architecture 3.1.9, 10.1.3) and the supervisor's timer (Sstc). mip is not kept but made up when asked: the bits
 * that software writes, the inputs, and the comparison of time with stimecmp. Hence whoever changes anything that enables an interrupt
 * calls riscv64_irq_update, and the engine calls riscv64_take_interrupt when an input changes or the deadline has come.
 */
#include "guest/riscv64/riscv64.h"

uint64_t riscv64_time(const struct cpu *cpu) { return os_vclock_ns(cpu->clock) / riscv64_arch(cpu)->tick_ns; }

uint64_t riscv64_pending(struct cpu *cpu)
{
    uint64_t lines = atomic_load(&cpu->lines), pending;

    if (lines & 1 << IRQ_SSI) { /* another thread's message: from here on it is the bit that software sees and clears */
        atomic_fetch_and(&cpu->lines, ~(1ull << IRQ_SSI));
        RV(cpu, mip) |= 1 << IRQ_SSI;
    }
    pending = RV(cpu, mip) | (lines & IRQ_INPUTS);
    if (RV(cpu, menvcfg) & ENVCFG_STCE) {
        pending &= ~(1ull << IRQ_STI);
        pending |= (uint64_t)(riscv64_time(cpu) >= RV(cpu, stimecmp)) << IRQ_STI;
    }
    return pending;
}

/* Those that the present mode lets through: M's first, and only they if there are any. */
static uint64_t takeable(struct cpu *cpu)
{
    uint64_t priv = RV(cpu, priv), status = RV(cpu, mstatus), ready, machine;

    if (!RV(cpu, mie))
        return 0;
    ready = riscv64_pending(cpu) & RV(cpu, mie);
    machine = ready & ~RV(cpu, mideleg);
    if (machine && (priv < PRIV_M || (status & STATUS_MIE)))
        return machine;
    if (priv < PRIV_S || (priv == PRIV_S && (status & STATUS_SIE)))
        return ready & RV(cpu, mideleg);
    return 0;
}

bool riscv64_take_interrupt(struct cpu *cpu)
{
    static const uint8_t order[] = {IRQ_MEI, IRQ_MSI, IRQ_MTI, IRQ_SEI, IRQ_SSI, IRQ_STI, IRQ_LCOFI};

    if (riscv64_arch(cpu)->armed) {
        riscv64_counters_poll(cpu, cpu->insns);
        riscv64_update_deadline(cpu);
    }
    uint64_t ready = takeable(cpu);
    for (unsigned i = 0; ready && i < sizeof order; i++)
        if (ready >> order[i] & 1) {
            cpu->waiting = false;
            riscv64_enter_cause(cpu, order[i], true, 0);
            return true;
        }
    return false;
}

bool riscv64_wakes(struct cpu *cpu) { return riscv64_pending(cpu) & RV(cpu, mie); }

void riscv64_irq_update(struct cpu *cpu)
{
    if (takeable(cpu))
        atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
}

void riscv64_set_timer(struct cpu *cpu, uint64_t time)
{
    RV(cpu, stimecmp) = time;
    riscv64_update_deadline(cpu);
    riscv64_irq_update(cpu);
}

void riscv64_update_deadline(struct cpu *cpu)
{
    uint64_t now = os_vclock_ns(cpu->clock), tick = riscv64_arch(cpu)->tick_ns, when = UINT64_MAX, timer;

    if ((RV(cpu, menvcfg) & ENVCFG_STCE) && !__builtin_mul_overflow(RV(cpu, stimecmp), tick, &timer) && timer > now)
        when = timer;
    if (riscv64_arch(cpu)->armed) {
        uint64_t poll = riscv64_counters_deadline(cpu, now);
        when = poll < when ? poll : when;
    }
    cpu->ops->set_deadline(cpu, when);
}
