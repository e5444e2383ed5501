/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupts (privileged architecture 3.1.9, 10.1.3) and the supervisor's timer (Sstc). mip is not kept but made up when asked: the bits
 * that software writes, the inputs, and the comparison of time with stimecmp. Hence whoever changes anything that enables an interrupt
 * calls riscv64_irq_update, and the engine calls riscv64_take_interrupt when an input changes or the deadline has come.
 */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"

const char *riscv64_irq_name(uint32_t number)
{
    switch (number) {
#define IRQ(name, bit, text) \
    case bit:                \
        return text;
#include "guest/riscv64/irqs.def"
#undef IRQ
    }
    return "unknown interrupt";
}

uint64_t riscv64_time(const struct cpu *cpu) { return os_vclock_ns(cpu->clock) / riscv64_arch(cpu)->tick_ns; }

/* When STI is due, in ns of the machine's clock; UINT64_MAX: never. */
static uint64_t timer_at(const struct cpu *cpu)
{
    uint64_t at;
    bool on = (RV(cpu, menvcfg) & ENVCFG_STCE) && !__builtin_mul_overflow(RV(cpu, stimecmp), riscv64_arch(cpu)->tick_ns, &at);
    return on ? at : UINT64_MAX;
}

/* Reading the clock costs more than a trap: STI is found out when stimecmp is written, when the deadline comes, and when software asks. */
static void look_at_clock(struct cpu *cpu)
{
    uint64_t at = timer_at(cpu);
    riscv64_arch(cpu)->timer_due = at != UINT64_MAX && os_vclock_ns(cpu->clock) >= at;
}

/* Those of `wanted` that are pending. */
static uint64_t pending(struct cpu *cpu, uint64_t wanted)
{
    uint64_t lines = atomic_load(&cpu->lines), found;

    if (lines & 1 << IRQ_SSI) { /* another thread's message: from here on it is the bit that software sees and clears */
        atomic_fetch_and(&cpu->lines, ~(1ull << IRQ_SSI));
        RV(cpu, mip) |= 1 << IRQ_SSI;
    }
    found = RV(cpu, mip) | (lines & IRQ_INPUTS);
    if (RV(cpu, menvcfg) & ENVCFG_STCE)
        found = bits_set(found, IRQ_STI, 1, riscv64_arch(cpu)->timer_due);
    return found & wanted;
}

uint64_t riscv64_pending(struct cpu *cpu)
{
    look_at_clock(cpu);
    uint64_t found = pending(cpu, UINT64_MAX);
    RV(cpu, held) = found & RV(cpu, mie);
    return found;
}

/* Those that the present mode lets through: M's first, and only they if there are any. */
static uint64_t takeable(struct cpu *cpu)
{
    uint64_t priv = RV(cpu, priv), status = RV(cpu, mstatus), supervisors = RV(cpu, mideleg), open = 0, ready;

    if (priv < PRIV_M || (status & STATUS_MIE))
        open |= ~supervisors;
    if (priv < PRIV_S || (priv == PRIV_S && (status & STATUS_SIE)))
        open |= supervisors;
    RV(cpu, held) = RV(cpu, mie) ? pending(cpu, RV(cpu, mie)) : 0;
    ready = open & RV(cpu, held);
    return ready & ~supervisors ? ready & ~supervisors : ready;
}

void riscv64_clock_event(struct cpu *cpu) { look_at_clock(cpu); }

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
            if (cpu->stats)
                cpu->stats->interrupts[order[i]]++;
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

/* One reading of the clock for both: a timer that came due between two would neither be due nor have a deadline. */
void riscv64_update_deadline(struct cpu *cpu)
{
    uint64_t now = os_vclock_ns(cpu->clock), when = timer_at(cpu);

    riscv64_arch(cpu)->timer_due = when != UINT64_MAX && when <= now;
    if (when <= now)
        when = UINT64_MAX;
    if (riscv64_arch(cpu)->armed) {
        uint64_t poll = riscv64_counters_deadline(cpu, now);
        when = poll < when ? poll : when;
    }
    cpu->ops->set_deadline(cpu, when);
}
