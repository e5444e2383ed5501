/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The generic timer (Arm ARM D12): the system counter, and four timers that compare with it. Nothing ticks: a timer's output is told to the
 * interrupt controller when one of its registers is written and when the deadline comes, and only if it is another than before.
 */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"

enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4 };
enum { SECOND_NS = 1000000000 };

/* Their private interrupts, as Arm's base system architecture has them. */
static const uint8_t irqs[ARM64_TIMERS] = {[TIMER_phys] = 30, [TIMER_virt] = 27, [TIMER_hyp] = 26, [TIMER_hypvirt] = 28};

uint64_t arm64_count(const struct cpu *cpu)
{
    uint64_t ns = os_vclock_ns(cpu->clock), frequency = arm64_arch(cpu)->timer_frequency; /* of 32 bits: the products below fit */
    return ns / SECOND_NS * frequency + ns % SECOND_NS * frequency / SECOND_NS;
}

static uint64_t offset(const struct cpu *cpu, enum arm64_timer t) { return t == TIMER_virt ? A64(cpu, cntvoff_el2) : 0; }

/* When its condition is met, in ns of the machine's clock; UINT64_MAX: not in this life. */
static uint64_t due(const struct cpu *cpu, enum arm64_timer t)
{
    uint64_t frequency = arm64_arch(cpu)->timer_frequency, at;
    if (__builtin_add_overflow(A64N(cpu, cnt_cval, t), offset(cpu, t),
                               &at)) { /* the offset is negative: an earlier time, not a later one */
        if (!(offset(cpu, t) >> 63))
            return UINT64_MAX;
    } else if (offset(cpu, t) >> 63) {
        return 0;
    }
    u128 ns = ((u128)at * SECOND_NS + frequency - 1) / frequency;
    return ns >= UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static bool enabled(const struct cpu *cpu, enum arm64_timer t) { return (A64N(cpu, cnt_ctl, t) & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE; }

bool arm64_timer_unheard(const struct cpu *cpu)
{
    uint64_t at = arm64_arch(cpu)->timer_due;
    return at != UINT64_MAX && os_vclock_ns(cpu->clock) >= at;
}

/* The counters' deadline is among theirs. One reading of the clock for all: a timer that came due between two would neither be told nor have a deadline. */
void arm64_timers_update(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    uint64_t now = 0, next;
    unsigned levels = 0;
    if (arch->pmu_armed)
        arm64_pmu_poll(cpu, cpu->insns);
    next = arm64_pmu_deadline(cpu, cpu->insns);
    for (unsigned t = 0; t < ARM64_TIMERS; t++) {
        if (!enabled(cpu, t))
            continue;
        uint64_t at = due(cpu, t);
        now = now ? now : os_vclock_ns(cpu->clock);
        if (at <= now)
            levels |= 1u << t;
        else
            next = at < next ? at : next;
    }
    unsigned changed = levels ^ arch->timer_levels;
    arch->timer_levels = (uint8_t)levels;
    if (next != arch->timer_due) {
        arch->timer_due = next;
        cpu->ops->set_deadline(cpu, next);
    }
    for (unsigned t = 0; cpu->window && t < ARM64_TIMERS; t++)
        if (changed >> t & 1)
            cpu->window->line(cpu->window->self, irqs[t], levels >> t & 1);
}

/* ---- event streams: a bit of a counter that becomes one, or zero ---- */

static uint64_t next_of_stream(const struct cpu *cpu, uint64_t control, uint64_t count)
{
    enum { ENABLE = 1 << 2, FALLING = 1 << 3, BIT_pos = 4 };
    uint64_t half = 1ull << (control >> BIT_pos & 15), left = 2 * half - (count + (control & FALLING ? 0 : half)) % (2 * half);
    u128 ns = ((u128)left * SECOND_NS + arm64_arch(cpu)->timer_frequency - 1) / arm64_arch(cpu)->timer_frequency;
    return control & ENABLE ? os_vclock_ns(cpu->clock) + (uint64_t)ns : UINT64_MAX;
}

uint64_t arm64_next_event(const struct cpu *cpu)
{
    uint64_t count = arm64_count(cpu), a = next_of_stream(cpu, A64(cpu, cntkctl_el1), count - A64(cpu, cntvoff_el2)),
             b = next_of_stream(cpu, A64(cpu, cnthctl_el2), count);
    return a < b ? a : b;
}

/* ---- registers ---- */

/* At EL0 of a host the names of EL1's timers are those of EL2's; at EL2 of a host the lifter has seen to that. */
static enum arm64_timer which(const struct cpu *cpu, unsigned number)
{
    unsigned op1 = number >> 11 & 7, m = number >> 3 & 15;
    enum arm64_timer t = op1 == 4 ? (m == 2 ? TIMER_hyp : TIMER_hypvirt) : m == 2 ? TIMER_phys : TIMER_virt;
    return op1 == 3 && !arm64_el(cpu) && arm64_host(cpu) ? t + 2 : t;
}

static bool host_reads(const struct cpu *cpu)
{
    return (arm64_el(cpu) == 2 && (A64(cpu, hcr_el2) & HCR_E2H)) || (!arm64_el(cpu) && arm64_host(cpu));
}

static uint64_t timer_count(const struct cpu *cpu, enum arm64_timer t) { return arm64_count(cpu) - offset(cpu, t); }

uint64_t arm64_read_cntfrq(struct cpu *cpu, unsigned number)
{
    (void)number;
    return arm64_arch(cpu)->timer_frequency;
}

uint64_t arm64_read_cntpct(struct cpu *cpu, unsigned number)
{
    (void)number;
    return arm64_count(cpu);
}

uint64_t arm64_virtual_count(const struct cpu *cpu) { return arm64_count(cpu) - (host_reads(cpu) ? 0 : A64(cpu, cntvoff_el2)); }

uint64_t arm64_read_cntvct(struct cpu *cpu, unsigned number)
{
    (void)number;
    return arm64_virtual_count(cpu);
}

uint64_t arm64_hlp_count(struct cpu *cpu, uint64_t number, uint64_t insn)
{
    if (arm64_allow_timer(cpu, (unsigned)number, false) != SYSREG_ALLOWED)
        return arm64_hlp_sysreg_read(cpu, number, insn);
    return number == SYSREG_CNTPCT ? arm64_read_cntpct(cpu, 0) : arm64_read_cntvct(cpu, 0);
}

uint64_t arm64_read_ctl(struct cpu *cpu, unsigned number)
{
    enum arm64_timer t = which(cpu, number);
    uint64_t ctl = A64N(cpu, cnt_ctl, t);
    bool met = ctl & CTL_ENABLE && os_vclock_ns(cpu->clock) >= due(cpu, t);
    return ctl | (met ? CTL_ISTATUS : 0);
}

void arm64_write_ctl(struct cpu *cpu, unsigned number, uint64_t value)
{
    A64N(cpu, cnt_ctl, which(cpu, number)) = value & (CTL_ENABLE | CTL_IMASK);
    arm64_timers_update(cpu);
}

uint64_t arm64_read_cval(struct cpu *cpu, unsigned number) { return A64N(cpu, cnt_cval, which(cpu, number)); }

void arm64_write_cval(struct cpu *cpu, unsigned number, uint64_t value)
{
    A64N(cpu, cnt_cval, which(cpu, number)) = value;
    arm64_timers_update(cpu);
}

uint64_t arm64_read_tval(struct cpu *cpu, unsigned number)
{
    enum arm64_timer t = which(cpu, number);
    return (uint32_t)(A64N(cpu, cnt_cval, t) - timer_count(cpu, t));
}

void arm64_write_tval(struct cpu *cpu, unsigned number, uint64_t value)
{
    enum arm64_timer t = which(cpu, number);
    A64N(cpu, cnt_cval, t) = timer_count(cpu, t) + (uint64_t)(int32_t)value;
    arm64_timers_update(cpu);
}

void arm64_write_cntvoff(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    A64(cpu, cntvoff_el2) = value;
    arm64_timers_update(cpu);
}

/* EL0: by CNTKCTL_EL1, or by CNTHCTL_EL2, whose fields of a host are the same; EL1's physical counter and timer by CNTHCTL_EL2. */
unsigned arm64_allow_timer(struct cpu *cpu, unsigned number, bool write)
{
    enum { PCT = 1 << 0, VCT = 1 << 1, VT = 1 << 8, PT = 1 << 9, HYP_PCT = 1 << 0, HYP_PT = 1 << 1, HOST_SHIFT = 10 };
    unsigned el = arm64_el(cpu), m = number >> 3 & 15, op2 = number & 7;
    bool counter = m == 0, physical = counter ? op2 == 1 : m == 2;
    uint64_t kernel = arm64_host(cpu) ? A64(cpu, cnthctl_el2) : A64(cpu, cntkctl_el1), hyp = A64(cpu, cnthctl_el2);
    (void)write;
    if (cpu->flat)
        return SYSREG_ALLOWED;
    if (!el) {
        uint64_t need = counter ? (op2 == 0 ? PCT | VCT : physical ? PCT : VCT) : physical ? PT : VT; /* the frequency: either */
        if (!(kernel & need))
            return SYSREG_TRAPPED;
    }
    if (el == 2 || !arm64_arch(cpu)->el2 || arm64_host(cpu) || !physical || (counter && op2 == 0))
        return SYSREG_ALLOWED;
    if (A64(cpu, hcr_el2) & HCR_E2H)
        hyp >>= HOST_SHIFT;
    return hyp & (counter ? HYP_PCT : HYP_PT) ? SYSREG_ALLOWED : SYSREG_WATCHED;
}
