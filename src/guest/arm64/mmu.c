/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Stage 1 of address translation (Arm ARM D8): granules of 4, 16 and 64 KiB, 48 bits of virtual and 44 of physical addresses, access flag and
 * dirty state by hardware, PAN, tags. There is no stage 2. The engine calls arm64_translate when its TLB misses. Tables are read and
 * updated atomically: other vCPUs walk and store to them at the same time.
 */
#include "guest/arm64/mmu.h"
#include "base/bits.h"

#define WRITE_BACK 0xffull /* an attribute of MAIR_ELx */
enum { NORMAL = 0x10 /* those below are of devices */ };
enum { PA_BITS = 44, VA_BITS = 48, LEVELS = 4, TSZ_MIN = 16, TSZ_MAX = 39 };

#define TCR_EPD0  (1ull << 7)
#define TCR_A1    (1ull << 22)
#define TCR_EPD1  (1ull << 23)
#define TCR_AS    (1ull << 36)
#define TCR_HA    (1ull << 39)
#define TCR_HD    (1ull << 40)
#define TCR_E0PD0 (1ull << 55)
#define TCR_E0PD1 (1ull << 56)
/* The same of a regime with one range. */
#define TCR2_HA (1ull << 21)
#define TCR2_HD (1ull << 22)

#define PTE_VALID     (1ull << 0)
#define PTE_TABLE     (1ull << 1) /* of the last level: a page */
#define PTE_AP_USER   (1ull << 6)
#define PTE_AP_RO     (1ull << 7)
#define PTE_AF        (1ull << 10)
#define PTE_NG        (1ull << 11)
#define PTE_GP        (1ull << 50)
#define PTE_DBM       (1ull << 51)
#define PTE_CONT      (1ull << 52)
#define PTE_PXN       (1ull << 53)
#define PTE_UXN       (1ull << 54) /* of a regime with one range: XN */
#define TABLE_PXN     (1ull << 59)
#define TABLE_UXN     (1ull << 60)
#define TABLE_NO_USER (1ull << 61)
#define TABLE_RO      (1ull << 62)

/* ---- who translates ---- */

static bool has_host(const struct cpu *cpu) { return A64(cpu, hcr_el2) & HCR_E2H; }

/* Control registers of the regime in which el, or the host's EL0, lives. HCR_EL2.TGE and DC switch EL1's off. */
static struct arm64_regime registers(const struct cpu *cpu, unsigned ruler)
{
    struct arm64_regime r;
    if (ruler == 2)
        r = (struct arm64_regime){A64(cpu, sctlr_el2), A64(cpu, tcr_el2), has_host(cpu) ? A64(cpu, ttbr1_el2) : 0, has_host(cpu), false};
    else
        r = (struct arm64_regime){A64(cpu, sctlr_el1), A64(cpu, tcr_el1), A64(cpu, ttbr1_el1), true, false};
    bool ruled = ruler == 1 && arm64_arch(cpu)->el2;
    if (ruled && (A64(cpu, hcr_el2) & (HCR_TGE | HCR_DC)))
        r.sctlr &= ~SCTLR_M;
    r.sctlr &= SCTLR_M | SCTLR_WXN;
    if (!arm64_has(cpu, ARM64_HAS_pauth))
        r.tcr &= ~(r.two_ranges ? TCR_TBID0 | TCR_TBID1 : TCR2_TBID);
    r.ttbr1 = bits_get(r.ttbr1, 0, VA_BITS) & ~1ull;
    if (!(r.sctlr & SCTLR_M))
        r = (struct arm64_regime){.tcr = r.tcr, .two_ranges = r.two_ranges, .device = !(ruled && (A64(cpu, hcr_el2) & HCR_DC))};
    return r;
}

bool arm64_device_memory(const struct cpu *cpu) { return registers(cpu, arm64_ruler(cpu)).device; }

struct arm64_view arm64_view_of(struct cpu *cpu, unsigned el, bool user, bool pan, struct arm64_regime *room)
{
    *room = registers(cpu, el);
    return (struct arm64_view){room, el == 2 ? A64(cpu, ttbr0_el2) : A64(cpu, ttbr0_el1), el == 2 ? A64(cpu, mair_el2) : A64(cpu, mair_el1),
                               user, pan};
}

static bool same_regime(const struct arm64_regime *a, const struct arm64_regime *b)
{
    return a->sctlr == b->sctlr && a->tcr == b->tcr && a->ttbr1 == b->ttbr1 && a->two_ranges == b->two_ranges && a->device == b->device;
}

/* true: the numbers ran out, what they meant is forgotten. */
static bool find_regime(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    const struct arm64_regime now = registers(cpu, arm64_ruler(cpu));
    if (arch->nregimes && same_regime(&arch->regimes[arch->regime], &now))
        return false;
    for (unsigned i = 0; i < arch->nregimes; i++)
        if (same_regime(&arch->regimes[i], &now)) {
            arch->regime = i;
            return false;
        }
    bool full = arch->nregimes == ARM64_REGIMES;
    arch->regime = full ? 0 : arch->nregimes;
    arch->nregimes = arch->regime + 1;
    arch->regimes[arch->regime] = now;
    return full;
}

/* The address space's number stands in one of the two tables' registers; 8 or 16 bits of it count. -1: the regime has none. */
static int64_t asid_of(const struct cpu *cpu, const struct arm64_regime *r)
{
    bool el2 = arm64_ruler(cpu) == 2;
    uint64_t ttbr;
    if (!(r->sctlr & SCTLR_M) || !r->two_ranges || cpu->flat)
        return -1;
    if (r->tcr & TCR_A1)
        ttbr = el2 ? A64(cpu, ttbr1_el2) : A64(cpu, ttbr1_el1);
    else
        ttbr = el2 ? A64(cpu, ttbr0_el2) : A64(cpu, ttbr0_el1);
    return (int64_t)bits_get(ttbr, 48, r->tcr & TCR_AS ? 16 : 8);
}

void arm64_space_update(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    const struct arm64_regime *r = &arch->regimes[arch->regime];
    uint64_t ttbr0 = arm64_ruler(cpu) == 2 ? A64(cpu, ttbr0_el2) : A64(cpu, ttbr0_el1);
    arch->asid = asid_of(cpu, r);
    arch->space = (uint64_t)arch->regime << 57;
    if (r->sctlr & SCTLR_M)
        arch->space |= (uint64_t)(arch->asid < 0 ? 0 : arch->asid) << 38 | bits_get(ttbr0, 6, PA_BITS - 6);
}

void arm64_regime_update(struct cpu *cpu)
{
    bool renumbered = find_regime(cpu);
    arm64_space_update(cpu);
    if (renumbered) /* and with them all translations */
        cpu->ops->tlb_flush(cpu, -1);
}

static const struct arm64_regime *regime_of(const struct cpu *cpu) { return &arm64_arch(cpu)->regimes[arm64_arch(cpu)->regime]; }

static bool privileged_user_access(const struct cpu *cpu) { return arm64_el(cpu) == 1 || (arm64_el(cpu) == 2 && arm64_host(cpu)); }

static bool pan_applies(const struct cpu *cpu)
{
    return A64(cpu, pstate) & PSTATE_PAN && (arm64_el(cpu) == 1 || (arm64_el(cpu) == 2 && has_host(cpu)));
}

int64_t arm64_asid(const struct cpu *cpu) { return arm64_arch(cpu)->asid; }

enum { WHO_user, WHO_kernel, WHO_kernel_pan, WHO_kernel_uao, WHO_kernel_pan_uao, WHO_hyp, WHO_code, WHO_shared };

/*
 * An exact number for everything that translate depends on and that no flush announces: regime << 57 (the table of them is emptied with a flush) | who
 * accesses << 54 | ASID << 38 | the first table's address / 64.
 */
static uint64_t number(const struct cpu *cpu, unsigned who) { return arm64_arch(cpu)->space | (uint64_t)who << 54; }

uint64_t arm64_context(const struct cpu *cpu)
{
    bool pan = pan_applies(cpu), uao = A64(cpu, pstate) & PSTATE_UAO;
    if (cpu->flat)
        return 0;
    if (!arm64_el(cpu))
        return number(cpu, WHO_user);
    if (!privileged_user_access(cpu))
        return number(cpu, pan ? WHO_kernel_pan : WHO_hyp);
    return number(cpu, pan ? (uao ? WHO_kernel_pan_uao : WHO_kernel_pan) : uao ? WHO_kernel_uao : WHO_kernel);
}

/* A kernel that keeps itself from the pages of programs by PAN. */
uint64_t arm64_shared_context(const struct cpu *cpu)
{
    if (arm64_el(cpu) != 1 || !pan_applies(cpu) || (A64(cpu, pstate) & PSTATE_UAO) || arm64_asid(cpu) < 0)
        return 0;
    return (uint64_t)arm64_arch(cpu)->regime << 57 | (uint64_t)WHO_shared << 54 | 1;
}

/* Accesses with the rights of EL0: those of EL0 itself have the same number. */
uint64_t arm64_user_context(const struct cpu *cpu)
{
    if (cpu->flat || !privileged_user_access(cpu) || (A64(cpu, pstate) & PSTATE_UAO))
        return arm64_context(cpu);
    return number(cpu, WHO_user);
}

/* What address spaces share is what kernels execute from global pages. */
uint64_t arm64_code_space(const struct cpu *cpu, bool shared)
{
    if (cpu->flat)
        return 0;
    if (!arm64_el(cpu))
        return number(cpu, WHO_user);
    if (shared && arm64_asid(cpu) >= 0)
        return (uint64_t)arm64_arch(cpu)->regime << 57 | (uint64_t)WHO_shared << 54 | arm64_el(cpu);
    return number(cpu, WHO_code);
}

/* ---- tables ---- */

struct walk {
    struct cpu *cpu;
    const struct arm64_view *view;
    gva va; /* without its tag */
    enum mem_access access;
    bool upper; /* of two ranges, this one */
    unsigned grain, stride, level;
    unsigned pa_bits;
    uint64_t table_bits; /* what the tables on the way forbid */
    bool ha, hd;
};

static bool pte_load(const struct cpu *cpu, gpa at, uint64_t *pte)
{
    uint8_t *host = mem_ram(cpu->space, at, 8), bytes[8];
    if (host) {
        *pte = __atomic_load_n((uint64_t *)(void *)host, __ATOMIC_ACQUIRE);
        return true;
    }
    if (!mem_read(cpu->space, at, bytes, sizeof bytes))
        return false;
    *pte = le64_get(bytes);
    return true;
}

/* False: it is no longer what it was (read it again), or *refused. */
static bool pte_update(const struct cpu *cpu, gpa at, uint64_t old, uint64_t new, bool *refused)
{
    uint8_t *host = mem_ram(cpu->space, at, 8);
    *refused = !host;
    if (*refused || !__atomic_compare_exchange_n((uint64_t *)(void *)host, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    mem_note_write(cpu->space, at, 8);
    return true;
}

static unsigned granule(uint64_t tcr, bool upper)
{
    static const uint8_t low[] = {12, 16, 14, 12}, high[] = {12, 14, 12, 16};
    return upper ? high[bits_get(tcr, 30, 2)] : low[bits_get(tcr, 14, 2)];
}

static unsigned output_bits(const struct arm64_regime *r)
{
    static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48, 52, 52};
    unsigned bits = sizes[bits_get(r->tcr, r->two_ranges ? 32 : 16, 3)];
    return bits < PA_BITS ? bits : PA_BITS;
}

/* Without its tag. Tags of addresses of insns are ignored too, but where TBID says that they are not. */
static gva strip(const struct arm64_regime *r, gva va, bool fetch)
{
    bool high = r->two_ranges && va >> 55 & 1;
    uint64_t tbi = !r->two_ranges ? TCR2_TBI : high ? TCR_TBI1 : TCR_TBI0, tbid = !r->two_ranges ? TCR2_TBID : high ? TCR_TBID1 : TCR_TBID0;
    if (!(r->tcr & tbi) || (fetch && (r->tcr & tbid)))
        return va;
    return r->two_ranges ? (gva)bits_sext(va, 56) : bits_get(va, 0, 56);
}

/* Which level is first, and the first table. false: the address is outside the ranges. */
static bool begin(struct walk *w, gpa *table)
{
    const struct arm64_regime *r = w->view->regime;
    uint64_t tcr = r->tcr;
    w->upper = r->two_ranges && w->va >> 55 & 1;
    unsigned tsz = (unsigned)bits_get(tcr, w->upper ? 16 : 0, 6), bits = 64 - tsz;
    bool off = r->two_ranges && (tcr & (w->upper ? TCR_EPD1 : TCR_EPD0));
    bool hidden = r->two_ranges && w->view->user && (tcr & (w->upper ? TCR_E0PD1 : TCR_E0PD0)) && arm64_has(w->cpu, ARM64_HAS_e0pd);
    if (tsz < TSZ_MIN || tsz > TSZ_MAX || off || hidden)
        return false;
    if (w->va >> bits != (w->upper ? bits_get(~0ull, 0, tsz) : 0))
        return false;
    w->grain = granule(tcr, w->upper);
    w->stride = w->grain - 3;
    unsigned levels = (bits - w->grain + w->stride - 1) / w->stride;
    w->level = LEVELS - levels;
    w->pa_bits = output_bits(r);
    w->ha = arm64_has(w->cpu, ARM64_HAS_haf) && (tcr & (r->two_ranges ? TCR_HA : TCR2_HA));
    w->hd = w->ha && arm64_has(w->cpu, ARM64_HAS_hdbs) && (tcr & (r->two_ranges ? TCR_HD : TCR2_HD));
    unsigned first = bits - w->grain - w->stride * (levels - 1) + 3; /* log2 of the first table's bytes */
    *table = align_down(bits_get(w->upper ? r->ttbr1 : w->view->ttbr0, 0, VA_BITS), 1ull << (first < 6 ? 6 : first));
    return true;
}

struct rights {
    bool read, write, execute;
};

static struct rights rights_of(const struct walk *w, uint64_t pte)
{
    const struct arm64_view *v = w->view;
    bool two = v->regime->two_ranges, wxn = v->regime->sctlr & SCTLR_WXN;
    bool dirty = w->hd && (pte & PTE_DBM);
    bool ro = (pte & PTE_AP_RO && !dirty) || w->table_bits & TABLE_RO;
    bool user = two && pte & PTE_AP_USER && !(w->table_bits & TABLE_NO_USER);
    bool uxn = pte & PTE_UXN || w->table_bits & TABLE_UXN, pxn = pte & PTE_PXN || w->table_bits & TABLE_PXN;
    struct rights r;
    if (!two)
        return (struct rights){true, !ro, !uxn && !(wxn && !ro)};
    if (v->user)
        return (struct rights){user, user && !ro, !uxn && !(wxn && user && !ro)};
    r = (struct rights){true, !ro, !pxn && !(user && !ro) && !(wxn && !ro)};
    if (v->pan && user)
        r.read = r.write = false;
    return r;
}

static bool permits(const struct rights *r, enum mem_access access)
{
    return access == ACCESS_read ? r->read : access == ACCESS_write ? r->write : r->execute;
}

/* How many leaves a contiguous one stands for. */
static unsigned contiguous(const struct walk *w)
{
    if (w->grain == 14)
        return w->level == 3 ? 128 : 32;
    return w->grain == 16 ? 32 : 16;
}

static bool leaf_allowed(const struct walk *w) { return w->level == 3 || w->level == 2 || (w->level == 1 && w->grain == 12); }

/* A leaf was found at `at`. FSC of what is wrong, or -1; *again: it has changed meanwhile. */
static int finish(const struct walk *w, gpa at, uint64_t pte, struct tlb_page *out, uint64_t *attributes, bool *again)
{
    unsigned bits = w->grain + w->stride * (3 - w->level);
    uint64_t size = 1ull << bits, wanted = pte;
    gpa base = align_down(bits_get(pte, 0, VA_BITS), size);
    struct rights rights = rights_of(w, pte);
    bool refused;
    if (base >> w->pa_bits)
        return FSC_ADDRESS_SIZE;
    if (!(pte & PTE_AF) && !w->ha)
        return FSC_ACCESS_FLAG;
    if (!permits(&rights, w->access))
        return FSC_PERMISSION;
    wanted |= PTE_AF;
    if (w->access == ACCESS_write && w->hd && (pte & PTE_DBM))
        wanted &= ~PTE_AP_RO;
    if (wanted != pte && !pte_update(w->cpu, at, pte, wanted, &refused)) {
        *again = !refused;
        return FSC_EXTERNAL_WALK;
    }
    bool two = w->view->regime->two_ranges, fetch = w->access == ACCESS_fetch;
    out->page = align_down(base | (w->va & (size - 1)), MEM_PAGE);
    out->span = pte & PTE_CONT ? size * contiguous(w) : size;
    out->global = !two || !(pte & PTE_NG);
    out->readable = !fetch && rights.read;
    out->writable = !fetch && rights.write && !(wanted & PTE_AP_RO); /* with DBM: the first store walks again */
    out->executable = fetch;
    out->whole = true;
    out->guarded = fetch && (pte & PTE_GP) && arm64_has(w->cpu, ARM64_HAS_bti);
    out->last = MEM_PAGE - 1;
    uint64_t kind = bits_get(w->view->mair, (unsigned)bits_get(pte, 2, 3) * 8, 8);
    out->strict = !fetch && kind < NORMAL;
    if (attributes)
        *attributes = kind << 56 | bits_get(pte, 8, 2) << 7;
    return -1;
}

static int walk(struct walk *w, struct tlb_page *out, uint64_t *attributes)
{
    gpa table;
    if (!begin(w, &table)) {
        w->level = 0;
        return FSC_TRANSLATION;
    }
    if (table >> w->pa_bits) {
        w->level = 0;
        return FSC_ADDRESS_SIZE;
    }
    for (;; w->level++) {
        unsigned low = w->grain + w->stride * (3 - w->level), top = 64 - (unsigned)bits_get(w->view->regime->tcr, w->upper ? 16 : 0, 6);
        unsigned high = low + w->stride < top ? low + w->stride : top;
        gpa at = table + 8 * bits_get(w->va, low, high - low);
        bool again;
        uint64_t pte;
        do {
            again = false;
            if (!pte_load(w->cpu, at, &pte))
                return FSC_EXTERNAL_WALK;
            if (!(pte & PTE_VALID) || (!(pte & PTE_TABLE) && (w->level == 3 || !leaf_allowed(w))))
                return FSC_TRANSLATION;
            if (w->level == 3 || !(pte & PTE_TABLE)) {
                int fault = finish(w, at, pte, out, attributes, &again);
                if (!again)
                    return fault;
            }
        } while (again);
        table = align_down(bits_get(pte, 0, VA_BITS), 1ull << w->grain);
        if (table >> w->pa_bits)
            return FSC_ADDRESS_SIZE;
        w->table_bits |= pte & (TABLE_RO | TABLE_NO_USER | TABLE_UXN | TABLE_PXN);
    }
}

bool arm64_walk(struct cpu *cpu, const struct arm64_view *view, gva va, enum mem_access access, struct tlb_page *out, uint64_t *attributes,
                unsigned *fault)
{
    gva stripped = strip(view->regime, va, access == ACCESS_fetch);
    if (stripped != va && access != ACCESS_fetch)
        arm64_arch(cpu)->tagged = true;
    if (!(view->regime->sctlr & SCTLR_M)) {
        bool fetch = access == ACCESS_fetch;
        *out = (struct tlb_page){.page = align_down(stripped, MEM_PAGE),
                                 .readable = !fetch,
                                 .writable = !fetch,
                                 .executable = fetch,
                                 .whole = true,
                                 .last = MEM_PAGE - 1,
                                 .global = true,
                                 .span = MEM_PAGE};
        if (attributes)
            *attributes = view->regime->device ? 0 : WRITE_BACK << 56;
        *fault = FSC_ADDRESS_SIZE;
        return !(bits_get(stripped, 0, 56) >> PA_BITS) && (stripped != va || !(va >> PA_BITS));
    }
    struct walk w = {.cpu = cpu, .view = view, .va = stripped, .access = access};
    int code = walk(&w, out, attributes);
    if (code < 0) {
        if (out->global && !w.upper)
            arm64_arch(cpu)->low_global = true;
        return true;
    }
    *fault = (unsigned)code + w.level;
    return false;
}

/* ---- what the engine asks ---- */

unsigned arm64_access_level(const struct cpu *cpu)
{
    return cpu->as_user && privileged_user_access(cpu) && !(A64(cpu, pstate) & PSTATE_UAO) ? 0 : arm64_el(cpu);
}

bool arm64_translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap)
{
    bool user = !arm64_access_level(cpu);
    unsigned ruler = arm64_ruler(cpu), fault;
    struct arm64_view view = {regime_of(cpu), ruler == 2 ? A64(cpu, ttbr0_el2) : A64(cpu, ttbr0_el1),
                              ruler == 2 ? A64(cpu, mair_el2) : A64(cpu, mair_el1), user, !user && pan_applies(cpu)};
    if (access == ACCESS_fetch && strip(view.regime, va, true) != va) {
        *trap = (struct trap){ARM64_TRAP_tagged_pc, strip(view.regime, va, true)};
        return false;
    }
    if (arm64_walk(cpu, &view, va, access, out, NULL, &fault)) {
        out->watched = arm64_arch(cpu)->watches && arm64_page_watched(cpu, align_down(va, MEM_PAGE));
        return true;
    }
    uint32_t kind = access == ACCESS_fetch ? ARM64_TRAP_insn_abort : ARM64_TRAP_data_abort;
    *trap = (struct trap){kind | (fault | (access == ACCESS_write ? (unsigned)ABORT_WNR : 0)) << ARM64_TRAP_ISS, va};
    return false;
}
