/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The performance monitors (Arm ARM D13), FEAT_PMUv3: a cycle counter of 64 bits and six event counters of 32. Nothing ticks: a counter that runs
 * is held as its value less its source, one that stands as its value. The sources are the machine's clock in ns (a cycle is one) and the retired
 * insns. Overflows are noticed at a deadline, or before anybody looks. Hooks of registers find the insns before theirs in arch->insns_now.
 */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"

enum { EVENTS = ARM64_EVENT_COUNTERS, CYCLES = EVENTS, COUNTERS, CYCLES_bit = 31, PPI = 23 };
enum { SW_INCR = 0x00, INST_RETIRED = 0x08, CPU_CYCLES = 0x11 };
enum { PMCR_E = 1, PMCR_P = 2, PMCR_C = 4, PMCR_KEPT = 0x39, PMCR_LC = 0x40, PMCR_N_pos = 11 };
enum { USER_EN = 1, USER_SW = 2, USER_CR = 4, USER_ER = 8 };
enum { MDCR_HPMN = 31, MDCR_TPMCR = 1 << 5, MDCR_TPM = 1 << 6, MDCR_HPME = 1 << 7 };
#define FILTER_EL1 (1ull << 31)
#define FILTER_EL0 (1ull << 30)
#define FILTER_EL2 (1ull << 27) /* counts there, where the others do not */
#define NEVER      UINT64_MAX

/* ---- counters by their index: events, then cycles ---- */

static uint32_t bit_of(unsigned n) { return 1u << (n == CYCLES ? CYCLES_bit : n); }
static uint64_t *cell(struct cpu *cpu, unsigned n) { return n == CYCLES ? &A64(cpu, pmccntr) : &A64N(cpu, pmevcntr, n); }
static uint64_t type(const struct cpu *cpu, unsigned n) { return n == CYCLES ? A64(cpu, pmccfiltr) | CPU_CYCLES : A64N(cpu, pmevtyper, n); }
static unsigned event(const struct cpu *cpu, unsigned n) { return type(cpu, n) & 0xffff; }
static uint64_t source(const struct cpu *cpu, unsigned n, uint64_t insns)
{
    return event(cpu, n) == INST_RETIRED ? insns : os_vclock_ns(cpu->clock);
}

/* How many a guest has; the others are its hypervisor's. */
static unsigned of_guest(const struct cpu *cpu)
{
    unsigned n = arm64_arch(cpu)->el2 ? A64(cpu, mdcr_el2) & MDCR_HPMN : EVENTS;
    return n < EVENTS ? n : EVENTS;
}

/* Those that the present level may see. */
static unsigned in_sight(const struct cpu *cpu) { return arm64_el(cpu) == 2 || arm64_host(cpu) ? EVENTS : of_guest(cpu); }
static uint32_t mask_in_sight(const struct cpu *cpu) { return 1u << CYCLES_bit | ((1u << in_sight(cpu)) - 1); }

static uint32_t switched_on(const struct cpu *cpu)
{
    uint32_t lower = 1u << CYCLES_bit | ((1u << of_guest(cpu)) - 1), on = A64(cpu, pmcr) & PMCR_E ? lower : 0;
    return on | (arm64_arch(cpu)->el2 && A64(cpu, mdcr_el2) & MDCR_HPME ? ~lower : 0);
}

static bool allows_level(const struct cpu *cpu, unsigned n)
{
    unsigned el = arm64_el(cpu);
    return el == 2 ? type(cpu, n) & FILTER_EL2 : !(type(cpu, n) & (el ? FILTER_EL1 : FILTER_EL0));
}

static bool enabled(const struct cpu *cpu, unsigned n) { return A64(cpu, pmcnten) & switched_on(cpu) & bit_of(n) && allows_level(cpu, n); }

static bool counts(const struct cpu *cpu, unsigned n)
{
    unsigned e = event(cpu, n);
    return (e == INST_RETIRED || e == CPU_CYCLES) && enabled(cpu, n);
}

static uint64_t cut(unsigned n, uint64_t value) { return n == CYCLES ? value : (uint32_t)value; }

/* ---- running ---- */

static void tell(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    bool level = A64(cpu, pmovs) & A64(cpu, pminten) & switched_on(cpu);
    if (level == arch->pmu_level)
        return;
    arch->pmu_level = level;
    if (cpu->window)
        cpu->window->line(cpu->window->self, PPI, level);
}

/* From its value: when the source is so far that it has overflown. */
static void arm(struct cpu *cpu, unsigned n, uint64_t from, uint64_t value)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    uint64_t left = n == CYCLES ? 0 - value : (1ull << 32) - value;
    arch->pmu_armed &= ~(1u << n);
    if (!left || __builtin_add_overflow(from, left, &arch->pmu_target[n]))
        return;
    arch->pmu_armed |= 1u << n;
}

/* Brings the counters to a stand, so that what they depend on may change; then arm64_pmu_release(). */
void arm64_pmu_hold(struct cpu *cpu, uint64_t insns)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    arm64_pmu_poll(cpu, insns);
    for (unsigned n = 0; n < COUNTERS; n++)
        if (arch->pmu_running >> n & 1)
            *cell(cpu, n) = cut(n, *cell(cpu, n) + source(cpu, n, insns));
    arch->pmu_running = arch->pmu_armed = 0;
}

void arm64_pmu_release(struct cpu *cpu, uint64_t insns)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    arch->pmu_filtered = false;
    for (unsigned n = 0; n < COUNTERS; n++) {
        arch->pmu_filtered |= A64(cpu, pmcnten) & bit_of(n) && (type(cpu, n) & (FILTER_EL1 | FILTER_EL0) || arch->el2);
        if (!counts(cpu, n))
            continue;
        uint64_t from = source(cpu, n, insns);
        arm(cpu, n, from, *cell(cpu, n));
        *cell(cpu, n) -= from;
        arch->pmu_running |= 1u << n;
    }
    tell(cpu);
    if (arm64_pmu_deadline(cpu, insns) < arch->timer_due)
        arm64_timers_update(cpu);
}

void arm64_pmu_poll(struct cpu *cpu, uint64_t insns)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    for (unsigned n = 0; n < COUNTERS; n++) {
        uint64_t now;
        if (!(arch->pmu_armed >> n & 1) || (now = source(cpu, n, insns)) < arch->pmu_target[n])
            continue;
        A64(cpu, pmovs) |= bit_of(n);
        arm(cpu, n, now, cut(n, *cell(cpu, n) + now));
    }
    tell(cpu);
}

/* Insns come at no known rate: the guess is that of a fast host, so that the poll comes early rather than late. */
uint64_t arm64_pmu_deadline(const struct cpu *cpu, uint64_t insns)
{
    enum { INSNS_PER_NS = 4, SOONEST_NS = 50000 };
    const struct arm64_arch *arch = arm64_arch(cpu);
    uint64_t when = NEVER;
    for (unsigned n = 0; n < COUNTERS; n++) {
        uint64_t at = arch->pmu_target[n];
        if (!(arch->pmu_armed >> n & 1) || !(A64(cpu, pminten) & bit_of(n)) || A64(cpu, pmovs) & bit_of(n))
            continue;
        if (event(cpu, n) == INST_RETIRED) {
            uint64_t left = at > insns ? (at - insns) / INSNS_PER_NS : 0;
            if (__builtin_add_overflow(os_vclock_ns(cpu->clock), left < SOONEST_NS ? SOONEST_NS : left, &at))
                continue;
        }
        when = at < when ? at : when;
    }
    return when;
}

/* Cells of counters that run say their distance from the sources. */
void arm64_pmu_restored(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    arch->pmu_running = arch->pmu_armed = 0;
    for (unsigned n = 0; n < COUNTERS; n++)
        if (counts(cpu, n))
            *cell(cpu, n) = cut(n, *cell(cpu, n) + source(cpu, n, cpu->insns));
    arm64_pmu_release(cpu, cpu->insns);
}

/* ---- registers ---- */

enum { SELECTED = 9 /* CRn of PMXEVTYPER and PMXEVCNTR, which PMSELR chooses for */ };

/* COUNTERS: none that is in sight. */
static unsigned which(const struct cpu *cpu, unsigned number)
{
    unsigned n = (number >> 7 & 15) == SELECTED ? A64(cpu, pmselr) & 31 : (number >> 3 & 3) << 3 | (number & 7);
    if (n == CYCLES_bit)
        return CYCLES;
    return n < in_sight(cpu) ? n : COUNTERS;
}

static uint64_t after(const struct cpu *cpu) { return arm64_arch(cpu)->insns_now + 1; } /* the write's own insn is not counted */

static void change(struct cpu *cpu, uint64_t *what, uint64_t value)
{
    arm64_pmu_hold(cpu, after(cpu));
    *what = value;
    arm64_pmu_release(cpu, after(cpu));
}

uint64_t arm64_read_pmcr(struct cpu *cpu, unsigned number)
{
    (void)number;
    return A64(cpu, pmcr) | PMCR_LC | (uint64_t)in_sight(cpu) << PMCR_N_pos;
}

void arm64_write_pmcr(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    arm64_pmu_hold(cpu, after(cpu));
    A64(cpu, pmcr) = value & PMCR_KEPT;
    for (unsigned n = 0; value & PMCR_P && n < in_sight(cpu); n++)
        *cell(cpu, n) = 0;
    if (value & PMCR_C)
        *cell(cpu, CYCLES) = 0;
    arm64_pmu_release(cpu, after(cpu));
}

static void update(struct cpu *cpu, uint64_t *set, uint64_t more, uint64_t less)
{
    arm64_pmu_hold(cpu, after(cpu));
    *set = (*set | more) & ~less;
    arm64_pmu_release(cpu, after(cpu));
}

/* Sets of counters: a bit each, one register to set them, one to clear. */
#define SET(name)                                                                     \
    uint64_t arm64_read_##name(struct cpu *cpu, unsigned number)                      \
    {                                                                                 \
        (void)number;                                                                 \
        arm64_pmu_poll(cpu, arm64_arch(cpu)->insns_now);                              \
        return A64(cpu, name) & mask_in_sight(cpu);                                   \
    }                                                                                 \
    void arm64_write_##name(struct cpu *cpu, unsigned number, uint64_t value)         \
    {                                                                                 \
        (void)number;                                                                 \
        update(cpu, &A64(cpu, name), value &mask_in_sight(cpu), 0);                   \
    }                                                                                 \
    void arm64_write_##name##_clear(struct cpu *cpu, unsigned number, uint64_t value) \
    {                                                                                 \
        (void)number;                                                                 \
        update(cpu, &A64(cpu, name), 0, value &mask_in_sight(cpu));                   \
    }
SET(pmcnten)
SET(pmovs)
SET(pminten)
#undef SET

void arm64_write_pmswinc(struct cpu *cpu, unsigned number, uint64_t value)
{
    (void)number;
    for (unsigned n = 0; n < in_sight(cpu); n++)
        if (value >> n & 1 && event(cpu, n) == SW_INCR && enabled(cpu, n)) {
            *cell(cpu, n) = cut(n, *cell(cpu, n) + 1);
            A64(cpu, pmovs) |= *cell(cpu, n) ? 0 : bit_of(n);
        }
    tell(cpu);
}

/* Which events of 0 to 31 there are. */
uint64_t arm64_read_pmceid0(struct cpu *cpu, unsigned number)
{
    (void)cpu, (void)number;
    return 1u << SW_INCR | 1u << INST_RETIRED | 1u << CPU_CYCLES;
}

uint64_t arm64_read_pmcounter(struct cpu *cpu, unsigned number)
{
    unsigned n = number == SYSREG_PMCCNTR ? CYCLES : which(cpu, number);
    uint64_t insns = arm64_arch(cpu)->insns_now;
    if (n == COUNTERS || (n == CYCLES && number != SYSREG_PMCCNTR))
        return 0;
    return cut(n, *cell(cpu, n) + (arm64_arch(cpu)->pmu_running >> n & 1 ? source(cpu, n, insns) : 0));
}

void arm64_write_pmcounter(struct cpu *cpu, unsigned number, uint64_t value)
{
    unsigned n = number == SYSREG_PMCCNTR ? CYCLES : which(cpu, number);
    if (n < COUNTERS && (n != CYCLES || number == SYSREG_PMCCNTR))
        change(cpu, cell(cpu, n), cut(n, value));
}

static uint64_t filters(const struct cpu *cpu) { return FILTER_EL1 | FILTER_EL0 | (arm64_arch(cpu)->el2 ? FILTER_EL2 : 0); }

uint64_t arm64_read_pmtype(struct cpu *cpu, unsigned number)
{
    unsigned n = which(cpu, number);
    return n == COUNTERS ? 0 : n == CYCLES ? A64(cpu, pmccfiltr) : A64N(cpu, pmevtyper, n);
}

void arm64_write_pmtype(struct cpu *cpu, unsigned number, uint64_t value)
{
    enum { EVENT_BITS = 0x3ff };
    unsigned n = which(cpu, number);
    if (n == CYCLES)
        change(cpu, &A64(cpu, pmccfiltr), value & filters(cpu));
    else if (n < COUNTERS)
        change(cpu, &A64N(cpu, pmevtyper, n), value & (filters(cpu) | EVENT_BITS));
}

void arm64_write_mdcr(struct cpu *cpu, unsigned number, uint64_t value)
{
    arm64_pmu_hold(cpu, after(cpu));
    arm64_write_no(cpu, number, value);
    arm64_pmu_release(cpu, after(cpu));
    arm64_mode_update(cpu);
}

/* ---- who may ---- */

/* EL0 by PMUSERENR_EL0, in whole or for what the register is; a hypervisor's guests by MDCR_EL2. Counters out of sight are not there. */
static unsigned of_hypervisor(const struct cpu *cpu, bool pmcr)
{
    uint64_t traps = MDCR_TPM | (pmcr ? MDCR_TPMCR : 0);
    bool ruled = arm64_arch(cpu)->el2 && arm64_el(cpu) < 2 && !arm64_host(cpu);
    return cpu->flat ? SYSREG_UNDEFINED : ruled && A64(cpu, mdcr_el2) & traps ? SYSREG_WATCHED : SYSREG_ALLOWED;
}

static unsigned allow(const struct cpu *cpu, uint64_t user, bool pmcr)
{
    bool denied = !cpu->flat && !arm64_el(cpu) && !(A64(cpu, pmuserenr) & user);
    return denied ? SYSREG_TRAPPED : of_hypervisor(cpu, pmcr);
}

unsigned arm64_allow_pmu(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return allow(cpu, USER_EN, false);
}

unsigned arm64_allow_pmcr(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return allow(cpu, USER_EN, true);
}

unsigned arm64_allow_pmuserenr(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return of_hypervisor(cpu, false);
}

unsigned arm64_allow_pmswinc(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return allow(cpu, USER_EN | USER_SW, false);
}

unsigned arm64_allow_pmccntr(struct cpu *cpu, unsigned number, bool write)
{
    (void)number;
    return allow(cpu, USER_EN | (write ? 0 : USER_CR), false);
}

unsigned arm64_allow_pmselr(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return allow(cpu, USER_EN | USER_ER, false);
}

unsigned arm64_allow_pmcounter(struct cpu *cpu, unsigned number, bool write)
{
    bool chosen = (number >> 7 & 15) == SELECTED;
    unsigned verdict = allow(cpu, USER_EN | (write ? 0 : USER_ER), false);
    return verdict == SYSREG_ALLOWED && !chosen && which(cpu, number) == COUNTERS ? SYSREG_UNDEFINED : verdict;
}

unsigned arm64_allow_pmtype(struct cpu *cpu, unsigned number, bool write)
{
    bool chosen = (number >> 7 & 15) == SELECTED;
    unsigned verdict = allow(cpu, USER_EN, false);
    (void)write;
    return verdict == SYSREG_ALLOWED && !chosen && which(cpu, number) == COUNTERS ? SYSREG_UNDEFINED : verdict;
}

/* ---- insns ---- */

uint64_t arm64_hlp_pmu_read(struct cpu *cpu, uint64_t number, uint64_t insn, uint64_t insns)
{
    arm64_arch(cpu)->insns_now = insns;
    return arm64_hlp_sysreg_read(cpu, number, insn);
}

uint64_t arm64_hlp_pmu_write(struct cpu *cpu, uint64_t number, uint64_t value, uint64_t insn, uint64_t insns)
{
    arm64_arch(cpu)->insns_now = insns;
    return arm64_hlp_sysreg_write(cpu, number, value, insn);
}
