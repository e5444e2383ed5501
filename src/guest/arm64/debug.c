/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's own debug exceptions (Arm ARM D2): where they are enabled, breakpoints, watchpoints. Code under breakpoints asks before each insn
 * (key bp); pages with watchpoints never come into the TLB, so that every access to them asks.
 */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"

#define MDSCR_KDE (1ull << 13)
#define MDSCR_MDE (1ull << 15)
#define MDCR_TDE  (1ull << 8)

enum { BREAKPOINTS = 6, CONTEXTS_FROM = 5 /* the first that knows contexts */, WATCHPOINTS = 4 };
enum { ENABLED = 1, HMC = 1 << 13, SECURE_ONLY = 2 };
enum break_type { BT_address, BT_linked_address, BT_context, BT_linked_context };

unsigned arm64_debug_target(const struct cpu *cpu)
{
    bool hyp = arm64_arch(cpu)->el2 && (A64(cpu, mdcr_el2) & MDCR_TDE || A64(cpu, hcr_el2) & HCR_TGE);
    return hyp ? 2 : 1;
}

bool arm64_debug_enabled(const struct cpu *cpu)
{
    unsigned el = arm64_el(cpu), target = arm64_debug_target(cpu);
    if ((A64(cpu, oslar_el1) & 1) || el > target)
        return false;
    return el < target || ((A64(cpu, mdscr_el1) & MDSCR_KDE) && !(A64(cpu, pstate) & PSTATE_D));
}

/* Of a break- or watchpoint's control register: is it for accesses of that level? */
static bool level_matches(uint64_t control, unsigned el)
{
    if (bits_get(control, 14, 2) == SECURE_ONLY)
        return false;
    return el == 2 ? control & HMC : control >> (el ? 1 : 2) & 1;
}

static bool context_matches(const struct cpu *cpu, unsigned n, enum break_type type)
{
    uint64_t control = n < BREAKPOINTS ? A64N(cpu, dbgbcr, n) : 0;
    return n >= CONTEXTS_FROM && (control & ENABLED) && bits_get(control, 20, 4) == type && level_matches(control, arm64_el(cpu)) &&
           (uint32_t)A64N(cpu, dbgbvr, n) == (uint32_t)A64(cpu, contextidr_el1);
}

static bool breaks_at(const struct cpu *cpu, unsigned n, gva pc)
{
    uint64_t control = A64N(cpu, dbgbcr, n), type = bits_get(control, 20, 4);
    if (!(control & ENABLED))
        return false;
    if (type == BT_context)
        return context_matches(cpu, n, BT_context);
    if (type > BT_linked_address || !level_matches(control, arm64_el(cpu)) || !bits_get(control, 5, 4))
        return false;
    return (gva)bits_sext(A64N(cpu, dbgbvr, n), 49) >> 2 == pc >> 2 &&
           (type == BT_address || context_matches(cpu, (unsigned)bits_get(control, 16, 4), BT_linked_context));
}

/* Before each insn where breakpoints are on. */
uint64_t arm64_hlp_break_check(struct cpu *cpu, uint64_t pc)
{
    for (unsigned n = 0; n < BREAKPOINTS; n++)
        if (breaks_at(cpu, n, pc)) {
            cpu_trap(cpu, ARM64_TRAP_breakpoint, pc);
            break;
        }
    return 0;
}

/* ---- watchpoints ---- */

/* The first byte that it watches, and how many; addresses are compared without tags. */
static uint64_t watched_bytes(const struct cpu *cpu, unsigned n, gva *first)
{
    uint64_t control = A64N(cpu, dbgwcr, n);
    unsigned bytes = (unsigned)bits_get(control, 5, 8), mask = (unsigned)bits_get(control, 24, 5);
    *first = (gva)bits_sext(A64N(cpu, dbgwvr, n), 49);
    if (mask > 2) {
        *first &= ~bits_get(~0ull, 0, mask);
        return 1ull << mask;
    }
    *first &= ~7ull;
    return bytes ? 8 : 0;
}

static bool overlaps(const struct cpu *cpu, unsigned n, gva va, uint64_t size)
{
    gva first, at = (gva)bits_sext(va, 49);
    uint64_t watched = watched_bytes(cpu, n, &first);
    return watched && at < first + watched && first < at + size;
}

/* Within a doubleword the bytes are chosen one by one. */
static bool byte_chosen(const struct cpu *cpu, unsigned n, gva va, unsigned size)
{
    uint64_t control = A64N(cpu, dbgwcr, n);
    gva first, at = (gva)bits_sext(va, 49);
    if (watched_bytes(cpu, n, &first) != 8 || bits_get(control, 24, 5))
        return true;
    for (unsigned i = 0; i < 8; i++)
        if ((control >> (5 + i) & 1) && first + i >= at && first + i < at + size)
            return true;
    return false;
}

bool arm64_page_watched(const struct cpu *cpu, gva page)
{
    for (unsigned n = 0; n < WATCHPOINTS; n++)
        if ((arm64_arch(cpu)->watches >> n & 1) && overlaps(cpu, n, page, MEM_PAGE))
            return true;
    return false;
}

bool arm64_watch(struct cpu *cpu, gva va, unsigned size, enum mem_access access, struct trap *trap)
{
    enum { DEBUG_EVENT = 0x22, LOADS = 1, STORES = 2 };
    bool write = access == ACCESS_write;
    unsigned el = arm64_access_level(cpu);
    if (access == ACCESS_fetch || !arm64_debug_enabled(cpu))
        return false;
    for (unsigned n = 0; n < WATCHPOINTS; n++) {
        uint64_t control = A64N(cpu, dbgwcr, n);
        bool linked = control >> 20 & 1;
        if (!(arm64_arch(cpu)->watches >> n & 1) || !(bits_get(control, 3, 2) & (write ? STORES : LOADS)) || !level_matches(control, el) ||
            !overlaps(cpu, n, va, size) || !byte_chosen(cpu, n, va, size))
            continue;
        if (linked && !context_matches(cpu, (unsigned)bits_get(control, 16, 4), BT_linked_context))
            continue;
        *trap = (struct trap){ARM64_TRAP_watchpoint | (uint32_t)(DEBUG_EVENT | (write ? ABORT_WNR : 0)) << ARM64_TRAP_ISS, va};
        return true;
    }
    return false;
}

/* ---- their registers ---- */

/* Which are on at all, and so what may be in the TLB. */
void arm64_debug_update(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    bool on = (A64(cpu, mdscr_el1) & MDSCR_MDE) && !(A64(cpu, oslar_el1) & 1);
    arch->breaks = arch->watches = 0;
    for (unsigned n = 0; n < BREAKPOINTS && on; n++)
        arch->breaks |= (uint8_t)((A64N(cpu, dbgbcr, n) & ENABLED) << n);
    for (unsigned n = 0; n < WATCHPOINTS && on; n++)
        arch->watches |= (uint8_t)((A64N(cpu, dbgwcr, n) & ENABLED) << n);
}

void arm64_write_debug(struct cpu *cpu, unsigned number, uint64_t value)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    unsigned had = arch->watches;
    arm64_write_no(cpu, number, value);
    arm64_debug_update(cpu);
    if (had | arch->watches)
        cpu->ops->tlb_flush(cpu, -1);
    arm64_mode_update(cpu);
    arm64_irq_update(cpu);
}
