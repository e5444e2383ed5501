/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupts (Arm ARM D1.3.6): the two inputs of the interrupt controller, those that a hypervisor makes by HCR_EL2, and waiting. Nothing else is pending;
 * the slot `held` remembers those that only DAIF keeps away. Whoever opens DAIF or changes the level or the routing calls arm64_irq_update.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "ir/monitor.h"

enum { OFFSET_IRQ = 0x80, OFFSET_FIQ = 0x100 };
enum { VIRTUAL_pos = 8 }; /* in sets of interrupts; below: inputs */

const char *arm64_irq_name(uint32_t number)
{
    return number == ARM64_IRQ ? "IRQ" : number == ARM64_FIQ ? "FIQ" : number == ARM64_SERROR ? "SError" : "unknown interrupt";
}

/* The level that an interrupt goes to. */
static unsigned target(const struct cpu *cpu, uint64_t routed)
{
    bool up = arm64_arch(cpu)->el2 && (A64(cpu, hcr_el2) & (routed | HCR_TGE));
    return up || arm64_el(cpu) == 2 ? 2 : 1;
}

/* At EL2 those for EL1 wait until it is left. */
static bool possible(const struct cpu *cpu, uint64_t routed) { return arm64_el(cpu) < 2 || (A64(cpu, hcr_el2) & (routed | HCR_TGE)); }

/* ---- virtual ones: for a guest at EL1 and EL0, which its hypervisor has made the target of none of the kind ---- */

unsigned arm64_virtual_interrupts(const struct cpu *cpu)
{
    uint64_t hcr = A64(cpu, hcr_el2);
    unsigned set = 0;
    if (!(hcr & (HCR_VI | HCR_VF | HCR_VSE)) || !arm64_arch(cpu)->el2 || hcr & HCR_TGE)
        return 0;
    set |= (hcr & (HCR_VI | HCR_IMO)) == (HCR_VI | HCR_IMO) ? PSTATE_I : 0;
    set |= (hcr & (HCR_VF | HCR_FMO)) == (HCR_VF | HCR_FMO) ? PSTATE_F : 0;
    set |= (hcr & (HCR_VSE | HCR_AMO)) == (HCR_VSE | HCR_AMO) ? PSTATE_A : 0;
    return set;
}

static unsigned virtual_here(const struct cpu *cpu) { return arm64_el(cpu) < 2 ? arm64_virtual_interrupts(cpu) : 0; }

static void take_virtual(struct cpu *cpu, unsigned set)
{
    unsigned n = set & PSTATE_A ? ARM64_SERROR : set & PSTATE_F ? ARM64_FIQ : ARM64_IRQ;
    cpu->waiting = false;
    if (cpu->stats)
        cpu->stats->interrupts[n]++;
    if (n == ARM64_SERROR)
        arm64_take_serror(cpu);
    else
        arm64_take(cpu, 1, n == ARM64_FIQ ? OFFSET_FIQ : OFFSET_IRQ);
}

/* ---- which are taken ---- */

/* Those that can be taken now, a bit each, virtual ones as PSTATE has them; notes those that wait for DAIF. */
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
    unsigned virtual = virtual_here(cpu);
    A64(cpu, held) = held | (virtual & A64(cpu, pstate));
    return ready | (virtual & ~(unsigned)A64(cpu, pstate)) << VIRTUAL_pos;
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
    if (!(ready & ARM64_INPUTS)) {
        take_virtual(cpu, ready >> VIRTUAL_pos);
        takeable(cpu);
        return true;
    }
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
    return lines & ARM64_INPUTS || virtual_here(cpu) || (lines >> ARM64_EVENT & 1 && arm64_arch(cpu)->wait_event) ||
           arm64_timer_unheard(cpu);
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

static bool pending(const struct cpu *cpu) { return atomic_load(&cpu->lines) & ARM64_INPUTS || virtual_here(cpu); }

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
    if (cpu->flat || !bound || (event ? take_event(cpu) : pending(cpu)) || refused(cpu, event, insn))
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
