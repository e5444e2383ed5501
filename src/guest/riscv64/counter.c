/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Counters: mcycle, minstret and 29 event counters (privileged architecture 3.1.10) with mode filters and overflow (Sscofpmf).
 * Nothing ticks. A counter that runs is held as its value minus its source, one that stands as its value; the sources are the machine's
 * clock in nanoseconds (a cycle is one) and the retired insns. Overflows are noticed at a deadline, or before anybody looks.
 * Event selectors: 1 cycles, 2 insns, everything else reads as 0 and counts nothing.
 */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"

enum { EVENT_none, EVENT_cycles, EVENT_insns, FIRST_HPM = 3 };
#define EVENT_OF   (1ull << 63)
#define EVENT_MINH (1ull << 62)
#define EVENT_SINH (1ull << 61)
#define EVENT_UINH (1ull << 60)
#define NEVER      UINT64_MAX

static uint64_t *cell(struct cpu *cpu, unsigned n)
{
    return n == 0 ? &RV(cpu, mcycle) : n == 2 ? &RV(cpu, minstret) : &RVN(cpu, mhpmcounter, n - FIRST_HPM);
}

static uint64_t event(const struct cpu *cpu, unsigned n) { return n < FIRST_HPM ? 0 : RVN(cpu, mhpmevent, n - FIRST_HPM); }

static unsigned selector(const struct cpu *cpu, unsigned n)
{
    return n == 0 ? EVENT_cycles : n == 2 ? EVENT_insns : n == 1 ? EVENT_none : (unsigned)(event(cpu, n) & 3);
}

static uint64_t source(const struct cpu *cpu, unsigned n, uint64_t insns)
{
    return selector(cpu, n) == EVENT_insns ? insns : os_vclock_ns(cpu->clock);
}

static bool counts(const struct cpu *cpu, unsigned n)
{
    uint64_t priv = RV(cpu, priv), filter = priv == PRIV_M ? EVENT_MINH : priv == PRIV_S ? EVENT_SINH : EVENT_UINH;
    return selector(cpu, n) != EVENT_none && !(RV(cpu, mcountinhibit) >> n & 1) && !(event(cpu, n) & filter);
}

/* Brings counters to a stand, so that what they depend on may change; then release(). */
static void hold(struct cpu *cpu, uint32_t mask, uint64_t insns)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);

    mask &= arch->running;
    for (uint32_t m = mask; m; m &= m - 1) {
        unsigned n = (unsigned)__builtin_ctz(m);
        *cell(cpu, n) += source(cpu, n, insns);
    }
    arch->running &= ~mask;
}

/* Overflow is when the source has gone as far as the value is from 2^64. */
static void arm(struct cpu *cpu, unsigned n, uint64_t from, uint64_t value)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);
    uint64_t target;

    arch->armed &= ~(1u << n);
    if (n < FIRST_HPM || (event(cpu, n) & EVENT_OF) || !value || !riscv64_has(cpu, RISCV64_HAS_sscofpmf))
        return;
    if (__builtin_add_overflow(from, 0 - value, &target))
        return;
    arch->armed |= 1u << n;
    arch->target[n] = target;
}

static void release(struct cpu *cpu, uint32_t mask, uint64_t insns)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);

    arch->armed &= ~mask;
    for (uint32_t m = mask; m; m &= m - 1) {
        unsigned n = (unsigned)__builtin_ctz(m);
        if (!counts(cpu, n))
            continue;
        uint64_t from = source(cpu, n, insns), *c = cell(cpu, n);
        arm(cpu, n, from, *c);
        *c -= from;
        arch->running |= 1u << n;
    }
}

uint64_t riscv64_counter_read(struct cpu *cpu, unsigned n, uint64_t insns)
{
    return *cell(cpu, n) + (riscv64_arch(cpu)->running >> n & 1 ? source(cpu, n, insns) : 0);
}

static void changed(struct cpu *cpu, uint32_t was_armed)
{
    if (was_armed | riscv64_arch(cpu)->armed)
        riscv64_update_deadline(cpu);
}

/* The write's own insn is not counted: the next one reads what was written. */
void riscv64_counter_write(struct cpu *cpu, unsigned n, uint64_t value, uint64_t insns)
{
    uint32_t armed = riscv64_arch(cpu)->armed;

    hold(cpu, 1u << n, insns + 1);
    *cell(cpu, n) = value;
    release(cpu, 1u << n, insns + 1);
    changed(cpu, armed);
}

void riscv64_counter_inhibit(struct cpu *cpu, uint64_t mask, uint64_t insns)
{
    uint32_t moved = (uint32_t)(mask ^ RV(cpu, mcountinhibit)), armed = riscv64_arch(cpu)->armed;

    riscv64_counters_poll(cpu, insns);
    hold(cpu, moved, insns + 1);
    RV(cpu, mcountinhibit) = mask;
    release(cpu, moved, insns + 1);
    changed(cpu, armed);
}

static void note_filter(struct cpu *cpu, unsigned n)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);

    arch->filtered &= ~(1u << n);
    if (selector(cpu, n) != EVENT_none && (event(cpu, n) & (EVENT_MINH | EVENT_SINH | EVENT_UINH)))
        arch->filtered |= 1u << n;
}

void riscv64_counter_event(struct cpu *cpu, unsigned n, uint64_t value, uint64_t insns)
{
    uint64_t flags = riscv64_has(cpu, RISCV64_HAS_sscofpmf) ? EVENT_OF | EVENT_MINH | EVENT_SINH | EVENT_UINH : 0;
    uint64_t selected = value & ~(0xffull << 56);
    uint32_t armed = riscv64_arch(cpu)->armed;

    if (selected > EVENT_insns)
        selected = EVENT_none;
    hold(cpu, 1u << n, insns + 1);
    RVN(cpu, mhpmevent, n - FIRST_HPM) = (value & flags) | selected;
    note_filter(cpu, n);
    release(cpu, 1u << n, insns + 1);
    changed(cpu, armed);
}

void riscv64_counters_mode(struct cpu *cpu, enum riscv64_priv priv, uint64_t insns)
{
    uint32_t filtered = riscv64_arch(cpu)->filtered, armed = riscv64_arch(cpu)->armed;

    riscv64_counters_poll(cpu, insns);
    hold(cpu, filtered, insns);
    RV(cpu, priv) = priv;
    release(cpu, filtered, insns);
    changed(cpu, armed);
}

void riscv64_counters_poll(struct cpu *cpu, uint64_t insns)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);

    for (uint32_t m = arch->armed; m; m &= m - 1) {
        unsigned n = (unsigned)__builtin_ctz(m);
        if (source(cpu, n, insns) < arch->target[n])
            continue;
        arch->armed &= ~(1u << n);
        RVN(cpu, mhpmevent, n - FIRST_HPM) |= EVENT_OF;
        RV(cpu, mip) |= 1ull << IRQ_LCOFI;
        RV(cpu, held) |= 1ull << IRQ_LCOFI; /* whether enabled or not: it will be looked at */
        atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
    }
}

/* Insns come at no known rate: the guess is that of a fast host, so that the poll comes early rather than late. */
uint64_t riscv64_counters_deadline(struct cpu *cpu, uint64_t now_ns)
{
    enum { INSNS_PER_NS = 4, SOONEST_NS = 50000 };
    const struct riscv64_arch *arch = riscv64_arch(cpu);
    uint64_t when = NEVER;

    for (uint32_t m = arch->armed; m; m &= m - 1) {
        unsigned n = (unsigned)__builtin_ctz(m);
        uint64_t at = arch->target[n];
        if (selector(cpu, n) == EVENT_insns) {
            if (cpu->waiting)
                continue;
            uint64_t left = at > cpu->insns ? (at - cpu->insns) / INSNS_PER_NS : 0;
            if (__builtin_add_overflow(now_ns, left < SOONEST_NS ? SOONEST_NS : left, &at))
                continue;
        }
        when = at < when ? at : when;
    }
    return when;
}

void riscv64_counters_restored(struct cpu *cpu)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);

    arch->running = arch->filtered = arch->armed = 0;
    for (unsigned n = 0; n < RISCV64_COUNTERS; n++) {
        if (n == 1)
            continue;
        note_filter(cpu, n);
        if (!counts(cpu, n))
            continue;
        arch->running |= 1u << n;
        uint64_t from = source(cpu, n, cpu->insns);
        arm(cpu, n, from, *cell(cpu, n) + from);
    }
}
