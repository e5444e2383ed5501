/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TLBI (Arm ARM C5.5) and AT (C5.4). A flush may take more than it is asked for: by address, it takes those of all regimes; the last level alone is
 * not told apart. Numbers are op1 << 7 | CRm << 3 | op2, as the insns have them.
 */
#include "base/bits.h"
#include "guest/arm64/lift.h"
#include "guest/arm64/mmu.h"
#include "ir/monitor.h"

enum tlbi_what { WHAT_none, WHAT_all, WHAT_asid, WHAT_page, WHAT_page_any, WHAT_range, WHAT_range_any };
enum { RANGE_MAX = 64 /* pages one by one; more at a time are a flush of all */ };

struct tlbi {
    bool known, broadcast;
    uint8_t needs, el; /* feature; lowest level */
    enum tlbi_what what;
};

/* CRm says how far it reaches: 1, 5 outer shareable, 3, 2 inner, 7, 6 this vCPU; 5, 2, 6 are ranges. Of op1 4 also 0 and 4, stage 2. */
static struct tlbi decode(unsigned number)
{
    static const uint8_t el1[8] = {WHAT_all, WHAT_page, WHAT_asid, WHAT_page_any, 0, WHAT_page, 0, WHAT_page_any};
    static const uint8_t el1_range[8] = {0, WHAT_range, 0, WHAT_range_any, 0, WHAT_range, 0, WHAT_range_any};
    static const uint8_t el2[8] = {WHAT_all, WHAT_page, 0, 0, WHAT_all, WHAT_page, WHAT_all, 0};
    static const uint8_t el2_range[8] = {0, WHAT_range, 0, 0, 0, WHAT_range, 0, 0};
    unsigned op1 = number >> 7, m = number >> 3 & 15, op2 = number & 7;
    bool range = m == 5 || m == 2 || m == 6, plain = m == 1 || m == 3 || m == 7;
    struct tlbi t = {.broadcast = m != 7 && m != 6, .needs = ARM64_HAS_base, .el = op1 == 4 ? 2 : 1};
    if (range)
        t.needs = ARM64_HAS_tlbirange;
    else if (m == 1)
        t.needs = ARM64_HAS_tlbios;
    if (op1 == 4 && (m == 0 || m == 4)) { /* stage 2 is not there: nothing to forget */
        t.known = m == 0 ? op2 == 1 || op2 == 5 : op2 == 0 || op2 == 1 || op2 == 4 || op2 == 5;
        return t;
    }
    if ((op1 != 0 && op1 != 4) || (!range && !plain))
        return t;
    t.what = (enum tlbi_what)(op1 == 0 ? (range ? el1_range : el1) : (range ? el2_range : el2))[op2];
    t.known = t.what != WHAT_none;
    return t;
}

int64_t arm64_sfn_tlbi(const struct arm64_lift *l, int64_t number)
{
    struct tlbi t = decode((unsigned)number);
    return t.known && l->key->el >= t.el && arm64_has(l->cpu, t.needs);
}

void arm64_show_tlbi(struct arm64_text *text, int64_t op1, int64_t m, int64_t op2, int64_t t)
{
    static const char *const el1[8] = {"vmalle1", "vae1", "aside1", "vaae1", "?", "vale1", "?", "vaale1"};
    static const char *const el2[8] = {"alle2", "vae2", "?", "?", "alle1", "vale2", "vmalls12e1", "?"};
    static const char *const stage2[8] = {"ipas2e1", "ipas2e1", "?", "?", "ipas2le1", "ipas2le1", "?", "?"};
    static const char *const reach[16] = {[0] = "is", [1] = "os", [3] = "is", [5] = "os", [2] = "is"};
    bool range = m == 5 || m == 2 || m == 6, second = op1 == 4 && (m == 0 || m == 4);
    const char *name = (second ? stage2 : op1 == 4 ? el2 : el1)[op2 & 7], *where = reach[m & 15];
    bool takes = second || (op1 == 4 ? op2 == 1 || op2 == 5 : op2 != 0);
    if (m == 4 && !(op2 & 1))
        where = "os";
    arm64_text_put(text, "%s%s%s", range ? "r" : "", name, where ? where : "");
    if (takes && t == 31)
        arm64_text_put(text, ", xzr");
    else if (takes || t != 31)
        arm64_text_put(text, ", x%u", (unsigned)t & 31);
}

/* ---- doing it ---- */

/* ASIDs of 8 bits are those whose upper half does not count. */
static int64_t asid_of(const struct cpu *cpu, uint64_t value)
{
    enum { AS = 36 };
    uint64_t tcr = arm64_host(cpu) && arm64_el(cpu) == 2 ? A64(cpu, tcr_el2) : A64(cpu, tcr_el1);
    return (int64_t)bits_get(value, 48, tcr >> AS & 1 ? 16 : 8);
}

static void flush_all(struct cpu *cpu)
{
    arm64_arch(cpu)->tagged = arm64_arch(cpu)->low_global = false;
    cpu->ops->tlb_flush(cpu, -1);
}

/* Global translations go whatever the ASID; those with tags stand under other addresses. */
static void flush_page(struct cpu *cpu, gva va, int64_t asid)
{
    const struct arm64_arch *arch = arm64_arch(cpu);
    if (arch->tagged)
        flush_all(cpu);
    else
        cpu->ops->tlb_flush_page(cpu, va, va >> 63 || arch->low_global ? -1 : asid);
}

static void flush_range(struct cpu *cpu, uint64_t value, int64_t asid)
{
    static const uint8_t grains[] = {0, 12, 14, 16};
    unsigned grain = grains[bits_get(value, 46, 2)], scale = (unsigned)bits_get(value, 44, 2);
    uint64_t pages = (bits_get(value, 39, 5) + 1) << (5 * scale + 1), step = MEM_PAGE;
    gva va = (gva)bits_sext(value, 37) << (grain ? grain : 12), end = va + (pages << grain);
    if (!grain || (end - va) / step > RANGE_MAX) {
        if (asid >= 0 && !(va >> 63) && !arm64_arch(cpu)->low_global)
            cpu->ops->tlb_flush(cpu, asid);
        else
            flush_all(cpu);
        return;
    }
    for (; va != end; va += step)
        flush_page(cpu, va, asid);
}

static void obey(struct cpu *cpu, uint64_t what, uint64_t value)
{
    int64_t asid = what == WHAT_page || what == WHAT_range || what == WHAT_asid ? asid_of(cpu, value) : -1;
    switch (what) {
    case WHAT_asid: cpu->ops->tlb_flush(cpu, asid); break;
    case WHAT_page:
    case WHAT_page_any: flush_page(cpu, (gva)bits_sext(value, 44) << 12, asid); break;
    case WHAT_range:
    case WHAT_range_any: flush_range(cpu, value, asid); break;
    default: flush_all(cpu); break;
    }
}

uint64_t arm64_hlp_tlbi(struct cpu *cpu, uint64_t number, uint64_t value, uint64_t insn)
{
    struct tlbi t = decode((unsigned)number);
    struct cpu_order order = {obey, t.what, value};
    if (arm64_el(cpu) == 1 && (A64(cpu, hcr_el2) & HCR_TTLB)) {
        arm64_refuse(cpu, ARM64_TRAP_sysreg, insn, true);
        return 0;
    }
    if (number >> 7 == 4 && (t.what == WHAT_page || t.what == WHAT_range) && !(A64(cpu, hcr_el2) & HCR_E2H))
        order.what = t.what == WHAT_page ? WHAT_page_any : WHAT_range_any; /* EL2 alone has no ASIDs */
    if (t.what == WHAT_none)
        return 0;
    obey(cpu, order.what, order.value);
    if (t.broadcast && !cpu->monitor->alone) {
        cpu->ops->tell(cpu, order);
        A64(cpu, told) = 1;
    }
    return 0;
}

/* ---- AT ---- */

enum { AT_WRITE = 1, AT_USER = 2, AT_STAGES = 4, AT_PAN = 8, AT_EL2 = 4 << 7 };

/* S1E1R to S1E0W; S1E1RP, S1E1WP; S1E2R, S1E2W; S12E1R to S12E0W. */
int64_t arm64_sfn_at(const struct arm64_lift *l, int64_t op1, int64_t h, int64_t op2)
{
    unsigned el = (unsigned)l->key->el;
    if (op1 == 0)
        return el >= 1 && (h ? op2 < 2 && arm64_has(l->cpu, ARM64_HAS_pan2) : op2 < 4);
    return op1 == 4 && !h && el >= 2 && op2 != 2 && op2 != 3;
}

void arm64_show_at(struct arm64_text *t, int64_t op1, int64_t h, int64_t op2)
{
    static const char *const levels[] = {"e1", "e0"};
    bool el2 = op1 == 4 && op2 < 2;
    arm64_text_put(t, "s1%s%s%s%s", op2 & AT_STAGES ? "2" : "", el2 ? "e2" : levels[op2 >> 1 & 1], op2 & AT_WRITE ? "w" : "r",
                   h ? "p" : "");
}

uint64_t arm64_hlp_at(struct cpu *cpu, uint64_t number, uint64_t va, uint64_t insn)
{
    enum { PAR_F = 1, PAR_NS = 1 << 9, PAR_ONE = 1 << 11 };
    bool stages = number & AT_STAGES, el2 = number & AT_EL2 && !stages, host = !(number & AT_EL2) && arm64_el(cpu) == 2 && arm64_host(cpu);
    bool user = number & AT_USER, pan = number & AT_PAN && A64(cpu, pstate) & PSTATE_PAN;
    enum mem_access access = number & AT_WRITE ? ACCESS_write : ACCESS_read;
    struct arm64_regime room;
    struct arm64_view view = arm64_view_of(cpu, el2 || host ? 2 : 1, user, pan && !user, &room);
    struct tlb_page page;
    uint64_t attributes;
    unsigned fault;
    (void)insn;
    if (arm64_walk(cpu, &view, va, access, &page, &attributes, &fault))
        A64(cpu, par_el1) = page.page | attributes | PAR_NS | PAR_ONE;
    else
        A64(cpu, par_el1) = PAR_F | fault << 1 | PAR_ONE;
    return 0;
}
