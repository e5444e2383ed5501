/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Address translation (privileged architecture 10.3-10.6, 12.1): bare, Sv39, Sv48, Sv57, with Svade or Svadu, Svnapot and Svpbmt.
 * The engine calls riscv64_translate when its TLB misses. Page tables are read and, for A and D, updated atomically: other vCPUs walk
 * and store to them at the same time. Accesses to tables obey PMP as supervisor accesses.
 */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"

enum {
    PTE_V = 1 << 0,
    PTE_R = 1 << 1,
    PTE_W = 1 << 2,
    PTE_X = 1 << 3,
    PTE_U = 1 << 4,
    PTE_G = 1 << 5,
    PTE_A = 1 << 6,
    PTE_D = 1 << 7,
    PTE_PPN_pos = 10,
    PTE_PPN_len = 44,
};
#define PTE_N        (1ull << 63)
#define PTE_PBMT     (3ull << 61)
#define PTE_RESERVED (0x7full << 54)

enum { SATP_bare = 0, SATP_sv39 = 8, SATP_sv57 = 10 };

enum outcome { WALK_done, WALK_page_fault, WALK_access_fault };

struct walk {
    struct cpu *cpu;
    gva va;
    enum mem_access access;
    enum riscv64_priv priv;
    bool sum, mxr;
};

static struct trap fault(enum mem_access access, gva va, bool page)
{
    static const uint8_t kinds[][2] = {
        [ACCESS_read] = {RISCV64_TRAP_load_access, RISCV64_TRAP_load_page},
        [ACCESS_write] = {RISCV64_TRAP_store_access, RISCV64_TRAP_store_page},
        [ACCESS_fetch] = {RISCV64_TRAP_insn_access, RISCV64_TRAP_insn_page},
    };
    return (struct trap){kinds[access][page], va};
}

struct trap riscv64_bus_error(struct cpu *cpu, gva va, enum mem_access access)
{
    (void)cpu;
    return fault(access, va, false);
}

struct trap riscv64_misaligned(struct cpu *cpu, gva va, enum mem_access access)
{
    static const uint8_t kinds[] = {
        [ACCESS_read] = RISCV64_TRAP_load_misaligned,
        [ACCESS_write] = RISCV64_TRAP_store_misaligned,
        [ACCESS_fetch] = RISCV64_TRAP_insn_misaligned,
    };
    (void)cpu;
    return (struct trap){kinds[access], va};
}

/* MPRV stands only in M mode: every return to a lower mode clears it. */
static enum riscv64_priv data_priv(const struct cpu *cpu)
{
    uint64_t priv = RV(cpu, priv), status = RV(cpu, mstatus);
    return (enum riscv64_priv)(priv == PRIV_M && (status & STATUS_MPRV) ? bits_get(status, STATUS_MPP_pos, 2) : priv);
}

static unsigned satp_mode(const struct cpu *cpu) { return (unsigned)bits_get(RV(cpu, satp), 60, 4); }

/*
 * An exact number for everything that translate depends on and that no flush announces: class << 58 | ASID << 42 | root page number, whose
 * top two bits satp does not implement. Classes: 0 fetch and data untranslated in M; 1 both bare below M; 2 fetch in M, data bare
 * below M; else 4 + 4 bits of who accesses what with which of SUM and MXR, in steps of 12 for each paging mode. Below 64 in all.
 */
uint64_t riscv64_context(const struct cpu *cpu)
{
    enum { PAGED = 4, WAYS = 12 };
    enum riscv64_priv fetch = (enum riscv64_priv)RV(cpu, priv), data = data_priv(cpu);
    unsigned mode = satp_mode(cpu), who;
    bool sum = RV(cpu, mstatus) & STATUS_SUM, mxr = RV(cpu, mstatus) & STATUS_MXR;

    if (data == PRIV_M)
        return 0;
    if (mode == SATP_bare)
        return (fetch == PRIV_M ? 2ull : 1ull) << 58;
    who = data == PRIV_U ? 0 : 1 + sum;         /* 0..2 */
    who += 3 * mxr + (fetch == PRIV_M ? 6 : 0); /* 0..11 */
    return (uint64_t)(PAGED + WAYS * (mode - SATP_sv39) + who) << 58 | bits_get(RV(cpu, satp), 44, 16) << 42 |
           bits_get(RV(cpu, satp), 0, 42);
}

/* What all roots of one paging mode share is what supervisors execute: users' pages are their own, and no supervisor executes those. */
uint64_t riscv64_code_space(const struct cpu *cpu, bool shared)
{
    enum { PAGED = 4, WAYS = 2 };
    enum riscv64_priv priv = (enum riscv64_priv)RV(cpu, priv);
    unsigned mode = satp_mode(cpu);

    if (priv == PRIV_M || mode == SATP_bare)
        return (priv == PRIV_M ? 0ull : 1ull) << 58;
    uint64_t number = (uint64_t)(PAGED + WAYS * (mode - SATP_sv39) + (priv == PRIV_S)) << 58;
    return shared && priv == PRIV_S ? number : number | bits_get(RV(cpu, satp), 44, 16) << 42 | bits_get(RV(cpu, satp), 0, 42);
}

int64_t riscv64_asid(const struct cpu *cpu)
{
    return data_priv(cpu) == PRIV_M || satp_mode(cpu) == SATP_bare ? -1 : (int64_t)bits_get(RV(cpu, satp), 44, 16);
}

/* ---- page table entries ---- */

static bool pte_load(const struct cpu *cpu, gpa at, uint64_t *pte)
{
    uint8_t *host = mem_ram(cpu->space, at, 8);
    uint8_t bytes[8];

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

    *refused = !host || !riscv64_pmp_allows(cpu, at, 8, PRIV_S, ACCESS_write);
    if (*refused || !__atomic_compare_exchange_n((uint64_t *)(void *)host, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    mem_note_write(cpu->space, at, 8);
    return true;
}

static bool reserved_bits(const struct cpu *cpu, uint64_t pte, bool leaf)
{
    uint64_t attributes = PTE_RESERVED | PTE_N | PTE_PBMT;

    if (!leaf)
        return pte & (attributes | PTE_U | PTE_A | PTE_D);
    if ((RV(cpu, menvcfg) & ENVCFG_PBMTE) && (pte & PTE_PBMT) != PTE_PBMT)
        attributes &= ~PTE_PBMT;
    if (riscv64_has(cpu, RISCV64_HAS_svnapot))
        attributes &= ~PTE_N;
    return pte & attributes;
}

static bool readable(const struct walk *w, uint64_t pte) { return pte & (w->mxr ? PTE_R | PTE_X : PTE_R); }

static bool permitted(const struct walk *w, uint64_t pte)
{
    if (w->priv == PRIV_U ? !(pte & PTE_U) : (pte & PTE_U) && (w->access == ACCESS_fetch || !w->sum))
        return false;
    switch (w->access) {
    case ACCESS_read: return readable(w, pte);
    case ACCESS_write: return pte & PTE_W;
    case ACCESS_fetch: return pte & PTE_X;
    }
    return false;
}

/* The leaf's page; level 0 is 4 KiB. False: a superpage or a contiguous range that is not aligned, or an unknown size of the latter. */
static bool leaf_page(const struct walk *w, uint64_t pte, unsigned level, struct tlb_page *out)
{
    uint64_t ppn = bits_get(pte, PTE_PPN_pos, PTE_PPN_len), below = (1ull << 9 * level) - 1;

    if (pte & PTE_N) { /* 64 KiB, the only size: the low four bits of the number are 1000 */
        if (level || (ppn & 15) != 8)
            return false;
        ppn &= ~15ull;
        below = 15;
    } else if (ppn & below) {
        return false;
    }
    out->page = (ppn | (w->va >> MEM_PAGE_BITS & below)) << MEM_PAGE_BITS;
    out->span = (below + 1) << MEM_PAGE_BITS;
    return true;
}

/* A leaf was found at `at`: checks it, and sets A and D (Svadu) or refuses (Svade). *again: it has changed meanwhile. */
static enum outcome finish(const struct walk *w, gpa at, uint64_t pte, unsigned level, struct tlb_page *out, bool *again)
{
    uint64_t wanted = pte | PTE_A | (w->access == ACCESS_write ? PTE_D : 0);
    bool refused;

    if (!permitted(w, pte) || !leaf_page(w, pte, level, out))
        return WALK_page_fault;
    if (wanted != pte) {
        if (!(RV(w->cpu, menvcfg) & ENVCFG_ADUE))
            return WALK_page_fault;
        if (!pte_update(w->cpu, at, pte, wanted, &refused)) {
            *again = !refused;
            return WALK_access_fault;
        }
    }
    out->executable = w->access == ACCESS_fetch;
    out->readable = !out->executable && readable(w, pte);
    out->writable = !out->executable && (wanted & PTE_W) && (wanted & PTE_D);
    return WALK_done;
}

static enum outcome walk(const struct walk *w, struct tlb_page *out)
{
    unsigned level = satp_mode(w->cpu) - SATP_sv39 + 3;
    gpa table = bits_get(RV(w->cpu, satp), 0, 44) << MEM_PAGE_BITS;

    if ((gva)bits_sext(w->va, MEM_PAGE_BITS + 9 * level) != w->va)
        return WALK_page_fault;
    out->global = false;
    while (level-- > 0) {
        gpa at = table + 8 * bits_get(w->va, MEM_PAGE_BITS + 9 * level, 9);
        bool again;
        do {
            uint64_t pte;
            again = false;
            if (!riscv64_pmp_allows(w->cpu, at, 8, PRIV_S, ACCESS_read) || !pte_load(w->cpu, at, &pte))
                return WALK_access_fault;
            bool leaf = pte & (PTE_R | PTE_W | PTE_X);
            out->global |= (pte & PTE_G) != 0;
            if (!(pte & PTE_V) || ((pte & PTE_W) && !(pte & PTE_R)) || reserved_bits(w->cpu, pte, leaf))
                return WALK_page_fault;
            if (leaf) {
                enum outcome outcome = finish(w, at, pte, level, out, &again);
                if (!again)
                    return outcome;
            } else {
                table = bits_get(pte, PTE_PPN_pos, PTE_PPN_len) << MEM_PAGE_BITS;
            }
        } while (again);
    }
    return WALK_page_fault;
}

static bool allowed(const struct tlb_page *page, enum mem_access access)
{
    return access == ACCESS_read ? page->readable : access == ACCESS_write ? page->writable : page->executable;
}

bool riscv64_translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap)
{
    uint64_t status = RV(cpu, mstatus);
    struct walk w = {cpu,
                     va,
                     access,
                     access == ACCESS_fetch ? (enum riscv64_priv)RV(cpu, priv) : data_priv(cpu),
                     status & STATUS_SUM,
                     status & STATUS_MXR};
    enum outcome outcome = WALK_done;

    if (w.priv == PRIV_M || satp_mode(cpu) == SATP_bare)
        *out = (struct tlb_page){.page = align_down(va, MEM_PAGE),
                                 .readable = access != ACCESS_fetch,
                                 .writable = access != ACCESS_fetch,
                                 .executable = access == ACCESS_fetch,
                                 .span = MEM_PAGE};
    else
        outcome = walk(&w, out);
    if (outcome == WALK_done) {
        riscv64_pmp_page(cpu, out->page | (va & (MEM_PAGE - 1)), w.priv, out);
        if (!allowed(out, access))
            outcome = WALK_access_fault;
    }
    if (outcome == WALK_done)
        return true;
    *trap = fault(access, va, outcome == WALK_page_fault);
    return false;
}
