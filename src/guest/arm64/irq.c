/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupts (Arm ARM D1.3.6): the two inputs of the interrupt controller, and waiting for them. Nothing is pending but what the inputs say;
 * the slot `held` remembers those that only DAIF keeps away. Whoever opens DAIF or changes the level or the routing calls arm64_irq_update.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "ir/monitor.h"

enum { OFFSET_IRQ = 0x80, OFFSET_FIQ = 0x100 };

const char *arm64_irq_name(uint32_t number) { return number == ARM64_IRQ ? "IRQ" : number == ARM64_FIQ ? "FIQ" : "unknown interrupt"; }

/* The level that an interrupt goes to. */
static unsigned target(const struct cpu *cpu, uint64_t routed)
{
    bool up = arm64_arch(cpu)->el2 && (A64(cpu, hcr_el2) & (routed | HCR_TGE));
    return up || arm64_el(cpu) == 2 ? 2 : 1;
}

/* At EL2 those for EL1 wait until it is left. */
static bool possible(const struct cpu *cpu, uint64_t routed) { return arm64_el(cpu) < 2 || (A64(cpu, hcr_el2) & (routed | HCR_TGE)); }

/* Those that can be taken now, a bit each; notes those that wait for DAIF. */
static unsigned takeable(struct cpu *cpu)
{
    static const struct {
        uint64_t routed, mask;
    } kinds[] = {[ARM64_IRQ] = {HCR_IMO, PSTATE_I}, [ARM64_FIQ] = {HCR_FMO, PSTATE_F}};
    uint64_t lines = atomic_load(&cpu->lines) & ARM64_INPUTS, held = 0;
    unsigned ready = 0;
    for (unsigned i = 0; lines && i < ARRAY_LEN(kinds); i++) {
        if (!(lines >> i & 1) || !possible(cpu, kinds[i].routed))
            continue;
        if (target(cpu, kinds[i].routed) > arm64_el(cpu) && arm64_el(cpu))
            ready |= 1u << i;
        else if (A64(cpu, pstate) & kinds[i].mask && !(target(cpu, kinds[i].routed) == 2 && arm64_el(cpu) < 2))
            held |= kinds[i].mask;
        else
            ready |= 1u << i;
    }
    A64(cpu, held) = held;
    return ready;
}

void arm64_irq_update(struct cpu *cpu)
{
    if (takeable(cpu))
        atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
}

void arm64_clock_event(struct cpu *cpu)
{
    if (arm64_timer_unheard(cpu))
        arm64_timers_update(cpu);
}

/* A step that was done comes before interrupts are looked at. */
static void advance_step(struct cpu *cpu)
{
    if (!A64(cpu, stepped))
        return;
    A64(cpu, stepped) = 0;
    A64(cpu, pstate) &= ~(uint64_t)PSTATE_SS;
    arm64_mode_update(cpu);
}

bool arm64_take_interrupt(struct cpu *cpu)
{
    if (cpu->stepping)
        advance_step(cpu);
    unsigned ready = takeable(cpu);
    if (!ready)
        return false;
    unsigned n = ready & 1 << ARM64_FIQ ? ARM64_FIQ : ARM64_IRQ;
    cpu->waiting = false;
    if (cpu->stats)
        cpu->stats->interrupts[n]++;
    arm64_take(cpu, target(cpu, n == ARM64_FIQ ? HCR_FMO : HCR_IMO), n == ARM64_FIQ ? OFFSET_FIQ : OFFSET_IRQ);
    takeable(cpu);
    return true;
}

bool arm64_wakes(struct cpu *cpu)
{
    uint64_t lines = atomic_load(&cpu->lines);
    return lines & ARM64_INPUTS || (lines >> ARM64_EVENT & 1 && arm64_arch(cpu)->wait_event) || arm64_timer_unheard(cpu);
}

/* ---- waiting ---- */

/* Who may not wait: EL0 by SCTLR, EL0 and EL1 by a hypervisor. true: refused. */
static bool refused(struct cpu *cpu, bool event, uint64_t insn)
{
    unsigned el = arm64_el(cpu);
    if (!el && !cpu->flat && !(arm64_sctlr(cpu) & (event ? SCTLR_NTWE : SCTLR_NTWI))) {
        arm64_refuse(cpu, ARM64_TRAP_wfx, insn, false);
        return true;
    }
    if (el < 2 && !arm64_host(cpu) && (A64(cpu, hcr_el2) & (event ? HCR_TWE : HCR_TWI))) {
        arm64_refuse(cpu, ARM64_TRAP_wfx, insn, true);
        return true;
    }
    return false;
}

/* The event register is the slot and what others have raised; asking clears it. */
static bool take_event(struct cpu *cpu)
{
    uint64_t other = atomic_load(&cpu->lines) >> ARM64_EVENT & 1;
    bool event = A64(cpu, event) || other;
    if (other)
        cpu_line_set(cpu, ARM64_EVENT, false);
    A64(cpu, event) = 0;
    return event;
}

/* Of the virtual counter, in ns of the machine's clock; 0: it has come. */
static uint64_t timeout(const struct cpu *cpu, uint64_t until)
{
    uint64_t count = arm64_virtual_count(cpu), now = os_vclock_ns(cpu->clock);
    if (count >= until)
        return 0;
    u128 ns = (u128)(until - count) * 1000000000 / arm64_arch(cpu)->timer_frequency;
    return ns > UINT64_MAX - now - 1 ? UINT64_MAX : now + (uint64_t)ns + 1;
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/*
 * Who need not wait is not refused. WFE waits for SEV, an exception return, the event streams and what WFI waits for. That another vCPU
 * has written what an exclusive access reserved is an event too, but is not told: with a reservation it is a short time. In user mode nobody waits.
 */
uint64_t arm64_hlp_wait_event(struct cpu *cpu, uint64_t how, uint64_t until, uint64_t insn)
{
    enum { EVENT = 1, TIMED = 2, SHORT_NS = 20000 };
    bool event = how & EVENT;
    uint64_t bound = how & TIMED ? timeout(cpu, until) : UINT64_MAX;
    if (cpu->flat || !bound || (event ? take_event(cpu) : atomic_load(&cpu->lines) & ARM64_INPUTS) || refused(cpu, event, insn))
        return 0;
    if (event)
        bound = least(bound, arm64_next_event(cpu));
    if (event && cpu->reservation.valid != RESERVED_no)
        bound = least(bound, os_vclock_ns(cpu->clock) + SHORT_NS);
    arm64_arch(cpu)->wait_event = event;
    cpu->waiting = true;
    cpu->wait_until = bound;
    return 0;
}

uint64_t arm64_hlp_send_event(struct cpu *cpu, uint64_t others)
{
    A64(cpu, event) = 1;
    if (others && !cpu->flat && !cpu->monitor->alone)
        cpu->ops->raise(cpu, ARM64_EVENT);
    return 0;
}
