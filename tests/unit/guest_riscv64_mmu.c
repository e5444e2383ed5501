/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The riscv64 page-table walk and physical memory protection against the manual's rules written a second time, as tables and formulas. */
#include "riscv64_fixture.h"

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
enum { SV39 = 8, SV48 = 9, SV57 = 10 };

#define TABLES (RAM + 0x100000) /* one page a level, root first */
#define DATA   (RAM + 0x800000) /* a multiple of 2 MiB and, counted from 0, of no larger page */

static struct fixture *f;
static struct cpu *cpu;

static void start(const char *model)
{
    f = fixture_new(model);
    cpu = f->cpu;
    RVN(cpu, pmpaddr, 15) = (1ull << 54) - 1; /* everything allowed; the last, so that tests may put others before it */
    RVN(cpu, pmpcfg, 1) = (uint64_t)(PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 56;
    riscv64_pmp_decode(cpu);
    RV(cpu, priv) = PRIV_S;
}

static void stop(void) { fixture_free(f); }

static void put64(gpa at, uint64_t value) { assert_true(mem_store(f->space, at, 8, value)); }

static uint64_t get64(gpa at)
{
    uint64_t value;
    assert_true(mem_load(f->space, at, 8, &value));
    return value;
}

/* Builds the path to a leaf at `level` for va; returns where the leaf is. */
static gpa map(unsigned mode, gva va, unsigned level, uint64_t leaf)
{
    unsigned levels = mode - SV39 + 3;
    gpa at = 0;

    for (unsigned l = levels; l-- > level;) {
        gpa table = TABLES + (levels - 1 - l) * 4096;
        at = table + 8 * (va >> (12 + 9 * l) & 511);
        put64(at, l == level ? leaf : (table + 4096) >> 12 << 10 | V);
    }
    RV(cpu, satp) = (uint64_t)mode << 60 | TABLES >> 12;
    return at;
}

enum verdict { OK, PAGE, ACCESS };

static enum verdict try(gva va, enum mem_access access, struct tlb_page *page)
{
    static const uint8_t page_faults[] = {RISCV64_TRAP_load_page, RISCV64_TRAP_store_page, RISCV64_TRAP_insn_page};
    static const uint8_t access_faults[] = {RISCV64_TRAP_load_access, RISCV64_TRAP_store_access, RISCV64_TRAP_insn_access};
    struct trap trap = {~0u, 0};
    struct tlb_page ignored;

    if (riscv64_translate(cpu, va, access, page ? page : &ignored, &trap))
        return OK;
    assert_int_equal(trap.info, va);
    if (trap.kind == page_faults[access])
        return PAGE;
    assert_int_equal(trap.kind, access_faults[access]);
    return ACCESS;
}

/* ---- permissions: every combination of the low eight bits of a leaf, mode, access, SUM, MXR and who updates A and D ---- */

static bool leaf_allows(unsigned pte, enum riscv64_priv priv, enum mem_access access, bool sum, bool mxr)
{
    bool user = pte & U;

    if (priv == PRIV_U && !user)
        return false;
    if (priv == PRIV_S && user && (access == ACCESS_fetch || !sum))
        return false;
    return access == ACCESS_fetch ? pte & X : access == ACCESS_write ? pte & W : (pte & R) || (mxr && (pte & X));
}

static void check_leaf(unsigned pte, enum riscv64_priv priv, enum mem_access access, unsigned bits)
{
    bool sum = bits & 1, mxr = bits & 2, hardware = bits & 4;
    gva va = 0x12345678;
    uint64_t before = DATA >> 12 << 10 | pte, after = before;
    gpa at = map(SV39, va, 0, before);
    bool valid = (pte & V) && (pte & (R | W | X)) && !((pte & W) && !(pte & R));
    unsigned needed = A | (access == ACCESS_write ? D : 0);
    struct tlb_page page;
    enum verdict want = PAGE;

    RV(cpu, priv) = priv;
    RV(cpu, mstatus) = (sum ? STATUS_SUM : 0) | (mxr ? STATUS_MXR : 0);
    RV(cpu, menvcfg) = hardware ? ENVCFG_ADUE : 0;
    if (valid && leaf_allows(pte, priv, access, sum, mxr) && (hardware || (pte & needed) == needed)) {
        want = OK;
        after |= needed;
    }
    assert_int_equal(try(va, access, &page), want);
    assert_int_equal(get64(at), after);
    if (want != OK)
        return;
    assert_int_equal(page.page, DATA);
    assert_int_equal(page.span, 4096);
    assert_true(page.whole);
    /* What else the answer allows, an access of that kind must be granted too, without changing the entry. */
    if (page.readable)
        assert_true(leaf_allows(pte, priv, ACCESS_read, sum, mxr));
    if (page.writable)
        assert_true(leaf_allows(pte, priv, ACCESS_write, sum, mxr) && (after & D));
    assert_int_equal(page.executable, access == ACCESS_fetch);
}

static void permissions(void **state)
{
    static const enum riscv64_priv privs[] = {PRIV_U, PRIV_S};

    (void)state;
    start("max");
    for (unsigned pte = 0; pte < 256; pte++)
        for (unsigned p = 0; p < 2; p++)
            for (unsigned access = 0; access < 3; access++)
                for (unsigned bits = 0; bits < 8; bits++)
                    if ((pte & V) && !(pte & (R | W | X)))
                        continue; /* a pointer: below */
                    else
                        check_leaf(pte, privs[p], (enum mem_access)access, bits);
    stop();
}

/* ---- shapes: modes, levels, addresses ---- */

static void levels(void **state)
{
    (void)state;
    start("max");
    for (unsigned mode = SV39; mode <= SV57; mode++)
        for (unsigned level = 0; level < mode - SV39 + 3; level++)
            for (unsigned upper = 0; upper < 2; upper++) {
                unsigned bits = 12 + 9 * (mode - SV39 + 3);
                uint64_t size = 4096ull << 9 * level;
                gva va = (upper ? ~0ull << (bits - 1) : 0) | 0x123456789abcdull % (1ull << (bits - 1));
                struct tlb_page page;
                map(mode, va, level, (level ? 0 : DATA >> 12 << 10) | V | R | W | A | D);
                assert_int_equal(try(va, ACCESS_read, &page), OK);
                assert_int_equal(page.page, (level ? va & (size - 1) : DATA) & ~4095ull);
                assert_int_equal(page.span, size);
                assert_true(page.readable && page.writable && !page.executable);
                /* One bit beyond the width: not canonical, though the index bits are the same. */
                assert_int_equal(try(va ^ 1ull << 63, ACCESS_read, NULL), PAGE);
                assert_int_equal(try(va ^ 1ull << bits, ACCESS_write, NULL), PAGE);
                if (level) { /* a large page must be aligned */
                    map(mode, va, level, 1ull << 10 | V | R | A);
                    assert_int_equal(try(va, ACCESS_read, NULL), PAGE);
                    map(mode, va, level, (size >> 13) << 10 | V | R | A);
                    assert_int_equal(try(va, ACCESS_read, NULL), PAGE);
                }
            }
    stop();
}

static void entries(void **state)
{
    enum { LEAF = V | R | W | X | A | D };
    static const struct {
        const char *why;
        uint64_t set;
        unsigned clear;
        bool pbmte;
        enum verdict want;
        unsigned level;
    } rows[] = {
        {"plain", 0, 0, true, OK, 0},
        {"global", G, 0, true, OK, 0},
        {"bits for software", 3 << 8, 0, true, OK, 0},
        {"reserved 54", 1ull << 54, 0, true, PAGE, 0},
        {"reserved 60", 1ull << 60, 0, true, PAGE, 0},
        {"PBMT 1", 1ull << 61, 0, true, OK, 0},
        {"PBMT 2", 2ull << 61, 0, true, OK, 0},
        {"PBMT 3", 3ull << 61, 0, true, PAGE, 0},
        {"PBMT off", 1ull << 61, 0, false, PAGE, 0},
        {"pointer", 0, R | W | X | A | D, true, PAGE, 0}, /* no level below the last */
        {"pointer, one level up", 0, R | W | X | A | D, true, OK, 1},
        {"pointer with A", 0, R | W | X | D, true, PAGE, 1},
        {"pointer with D", 0, R | W | X | A, true, PAGE, 1},
        {"pointer with U", U, R | W | X | A | D, true, PAGE, 1},
        {"pointer with N", 1ull << 63, R | W | X | A | D, true, PAGE, 1},
        {"pointer with PBMT", 1ull << 61, R | W | X | A | D, true, PAGE, 1},
        {"PBMT of a large page", 1ull << 61, 0, true, OK, 1},
        {"N of a large page", 1ull << 63, 0, true, PAGE, 1},
        {"N with a wrong size", 1ull << 63, 0, true, PAGE, 0},
        {"W without R", 0, R, true, PAGE, 0},
    };

    (void)state;
    start("max");
    put64(DATA, DATA >> 12 << 10 | LEAF); /* where the pointers one level up lead */
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RV(cpu, menvcfg) = rows[i].pbmte ? ENVCFG_PBMTE : 0;
        map(SV39, 0x400000, rows[i].level, ((DATA >> 12 << 10 | LEAF) & ~(uint64_t)rows[i].clear) | rows[i].set);
        if (try(0x400000, ACCESS_read, NULL) != rows[i].want)
            fail_msg("%s", rows[i].why);
    }
    stop();
}

static void napot(void **state)
{
    (void)state;
    start("max");
    for (unsigned i = 0; i < 16; i++) {
        struct tlb_page page;
        gva va = 0x40000000 + i * 4096;
        map(SV39, va, 0, 1ull << 63 | ((DATA >> 12 & ~15ull) | 8) << 10 | V | R | A);
        assert_int_equal(try(va + 5, ACCESS_read, &page), OK);
        assert_int_equal(page.page, DATA + i * 4096);
        assert_int_equal(page.span, 65536);
    }
    stop();
    start("max,-svnapot");
    map(SV39, 0x40000000, 0, 1ull << 63 | ((DATA >> 12 & ~15ull) | 8) << 10 | V | R | A);
    assert_int_equal(try(0x40000000, ACCESS_read, NULL), PAGE);
    stop();
}

static void bare_and_machine(void **state)
{
    struct tlb_page page;

    (void)state;
    start("max");
    RV(cpu, satp) = 0;
    assert_int_equal(try(DATA + 8, ACCESS_fetch, &page), OK);
    assert_int_equal(page.page, DATA);
    assert_true(page.executable && !page.readable && !page.writable && page.whole);
    map(SV39, 0x1000, 0, DATA >> 12 << 10 | V | R | W | U | A | D);
    RV(cpu, priv) = PRIV_M; /* M ignores satp … */
    assert_int_equal(try(0x1000, ACCESS_read, &page), OK);
    assert_int_equal(page.page, 0x1000);
    RV(cpu, mstatus) = STATUS_MPRV | PRIV_U << STATUS_MPP_pos; /* … but for data under MPRV */
    assert_int_equal(try(0x1000, ACCESS_read, &page), OK);
    assert_int_equal(page.page, DATA);
    assert_int_equal(try(0x1000, ACCESS_fetch, &page), OK);
    assert_int_equal(page.page, 0x1000);
    RV(cpu, mstatus) = STATUS_MPRV | PRIV_S << STATUS_MPP_pos;
    assert_int_equal(try(0x1000, ACCESS_write, &page), PAGE);
    RV(cpu, mstatus) |= STATUS_SUM;
    assert_int_equal(try(0x1000, ACCESS_write, &page), OK);
    RV(cpu, mstatus) = STATUS_MPRV | PRIV_M << STATUS_MPP_pos;
    assert_int_equal(try(0x1000, ACCESS_write, &page), OK);
    assert_int_equal(page.page, 0x1000);
    stop();
}

/* Tables where no RAM is, or where PMP forbids: access faults of the access's own kind. */
static void tables_protected(void **state)
{
    gpa at;

    (void)state;
    start("max");
    map(SV39, 0x1000, 0, DATA >> 12 << 10 | V | R | W | X);
    RV(cpu, satp) = 8ull << 60 | 0x1000 >> 12;
    for (unsigned access = 0; access < 3; access++)
        assert_int_equal(try(0x1000, (enum mem_access)access, NULL), ACCESS);
    at = map(SV39, 0x1000, 0, DATA >> 12 << 10 | V | R | W | X);
    RVN(cpu, pmpaddr, 0) = at >> 2 | 0; /* 8 bytes: readable only */
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT | PMP_R;
    riscv64_pmp_decode(cpu);
    RV(cpu, menvcfg) = 0;
    assert_int_equal(try(0x1000, ACCESS_read, NULL), PAGE); /* Svade: nothing is written */
    RV(cpu, menvcfg) = ENVCFG_ADUE;
    for (unsigned access = 0; access < 3; access++)
        assert_int_equal(try(0x1000, (enum mem_access)access, NULL), ACCESS);
    assert_int_equal(get64(at), DATA >> 12 << 10 | V | R | W | X);
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT;
    riscv64_pmp_decode(cpu);
    RV(cpu, menvcfg) = 0;
    assert_int_equal(try(0x1000, ACCESS_fetch, NULL), ACCESS);
    RVN(cpu, pmpcfg, 0) = PMP_NA4 | PMP_R; /* half of the entry matches */
    RVN(cpu, pmpaddr, 0) = at >> 2;
    riscv64_pmp_decode(cpu);
    assert_int_equal(try(0x1000, ACCESS_fetch, NULL), ACCESS);
    stop();
}

/* ---- contexts: equal numbers exactly when no address is translated differently ---- */

static void contexts(void **state)
{
    static const uint64_t satps[] = {0,
                                     8ull << 60 | TABLES >> 12,
                                     9ull << 60 | TABLES >> 12,
                                     10ull << 60 | TABLES >> 12,
                                     8ull << 60 | 7ull << 44 | TABLES >> 12,
                                     8ull << 60 | ((TABLES >> 12) + 1),
                                     8ull << 60 | 0xffffull << 44 | ((1ull << 42) - 1)};
    static uint64_t numbers[4096];
    static uint64_t meanings[4096];
    unsigned n = 0;

    (void)state;
    start("max");
    for (unsigned s = 0; s < 7; s++)
        for (unsigned priv = 0; priv < 4; priv++)
            for (unsigned bits = 0; bits < 32; bits++) {
                bool mprv = bits & 1, sum = bits & 2, mxr = bits & 4;
                unsigned mpp = bits >> 3;
                if (priv == 2 || mpp == 2 || (mprv && priv != 3))
                    continue;
                RV(cpu, priv) = priv;
                RV(cpu, satp) = satps[s];
                RV(cpu, mstatus) =
                    (mprv ? STATUS_MPRV : 0) | (sum ? STATUS_SUM : 0) | (mxr ? STATUS_MXR : 0) | (uint64_t)mpp << STATUS_MPP_pos;
                /* What matters, spelled out: fetches' mode, data's mode, the root, SUM for S, MXR, in so far as they are looked at. */
                unsigned data = mprv ? mpp : priv, fetch = priv;
                bool paged = satps[s] && (data != 3 || fetch != 3);
                if (!satps[s])
                    data = data != 3, fetch = fetch != 3;
                meanings[n] = (paged ? s : 0) | fetch << 4 | data << 8 | (paged && data == 1 && sum ? 1u << 12 : 0) |
                              (paged && data != 3 && mxr ? 1u << 13 : 0) | (paged ? 1u << 14 : 0);
                if (!satps[s])
                    meanings[n] = data == 0 && fetch == 0 ? 3 << 4 | 3 << 8 : 1u << 15 | fetch << 4 | data << 8;
                numbers[n++] = riscv64_context(cpu);
            }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            assert_int_equal(numbers[i] == numbers[j], meanings[i] == meanings[j]);
    stop();
}

/* ---- PMP ---- */

struct pmp_row {
    uint64_t address;
    uint8_t config;
};

static void program(const struct pmp_row *rows, unsigned n)
{
    memset(&RVN(cpu, pmpaddr, 0), 0, PMP_ENTRIES * 8);
    RVN(cpu, pmpcfg, 0) = RVN(cpu, pmpcfg, 1) = 0;
    for (unsigned i = 0; i < n; i++) {
        RVN(cpu, pmpaddr, i) = rows[i].address;
        RVN(cpu, pmpcfg, i / 8) |= (uint64_t)rows[i].config << i % 8 * 8;
    }
    riscv64_pmp_decode(cpu);
}

/* The manual's matching, byte by byte. */
static bool byte_in(const struct pmp_row *rows, unsigned i, uint64_t at)
{
    uint64_t address = rows[i].address;
    unsigned ones = 0;

    switch (rows[i].config & PMP_A) {
    case PMP_TOR: return at >= (i ? rows[i - 1].address << 2 : 0) && at < address << 2;
    case PMP_NA4: return at >> 2 == address;
    case PMP_NAPOT:
        while (ones < 54 && (address >> ones & 1))
            ones++;
        return ones >= 54 || at >> (ones + 3) == address >> (ones + 1);
    }
    return false;
}

static bool model_allows(const struct pmp_row *rows, unsigned n, uint64_t at, unsigned size, enum riscv64_priv priv, unsigned bit)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned matches = 0;
        for (unsigned k = 0; k < size; k++)
            matches += byte_in(rows, i, at + k);
        if (matches)
            return matches == size && ((priv == PRIV_M && !(rows[i].config & PMP_L)) || (rows[i].config & bit));
    }
    return priv == PRIV_M;
}

static void check_pmp(const struct pmp_row *rows, unsigned n, uint64_t at, enum riscv64_priv priv)
{
    static const uint8_t bits[] = {PMP_R, PMP_W, PMP_X};

    for (unsigned access = 0; access < 3; access++) {
        struct tlb_page page = {.readable = true, .writable = true, .executable = true};
        riscv64_pmp_page(cpu, at, priv, &page);
        bool granted[] = {page.readable, page.writable, page.executable};
        for (unsigned size = 1; size <= 8; size *= 2) {
            bool want = model_allows(rows, n, at, size, priv, bits[access]);
            assert_int_equal(riscv64_pmp_allows(cpu, at, size, priv, (enum mem_access)access), want);
            /* An access in the page is allowed if its first byte is and it does not leave the part that the answer is about. */
            if ((at & 4095) + size <= 4096 && (!want || page.whole || (at & 4095) + size - 1 <= page.last))
                assert_int_equal(granted[access] && (at & 4095) + size - 1 <= page.last, want);
        }
        assert_true((at & 4095) <= page.last && (!page.whole || page.last == 4095));
    }
}

static void pmp_matching(void **state)
{
    uint32_t random = 4711;

    (void)state;
    start("max");
    for (unsigned round = 0; round < 3000; round++) {
        struct pmp_row rows[PMP_ENTRIES];
        unsigned n = 0;
        for (; n < 1 + round % PMP_ENTRIES; n++) {
            random = random * 1664525 + 1013904223;
            uint64_t address = (DATA >> 2) + (random >> 8) % 3072; /* three pages in words */
            uint8_t config = (uint8_t)(random >> 24) & (PMP_R | PMP_W | PMP_X | PMP_A | PMP_L);
            if ((config & PMP_A) == PMP_NAPOT)
                address |= (1ull << random % 12) - 1;
            if (random % 97 == 0)
                address = (1ull << 54) - 1;
            rows[n] = (struct pmp_row){address, config};
        }
        program(rows, n);
        for (unsigned k = 0; k < 8; k++) {
            random = random * 1664525 + 1013904223;
            uint64_t at = DATA + (random >> 8) % (3 * 4096);
            if (k & 1) /* near an edge */
                at = (rows[random % n].address << 2) + random % 3 - 1;
            check_pmp(rows, n, at, PRIV_S);
            check_pmp(rows, n, at, PRIV_M);
        }
    }
    stop();
}

static void pmp_rows(void **state)
{
    static const struct {
        struct pmp_row rows[3];
        unsigned n;
        uint64_t at;
        enum riscv64_priv priv;
        const char *allowed;
    } cases[] = {
        {{{0, 0}}, 0, DATA, PRIV_S, ""}, /* entries are there, none matches */
        {{{0, 0}}, 0, DATA, PRIV_M, "rwx"},
        {{{~0ull >> 10, PMP_NAPOT | PMP_R | PMP_X}}, 1, DATA, PRIV_U, "rx"},
        {{{~0ull >> 10, PMP_NAPOT | PMP_R}}, 1, DATA, PRIV_M, "rwx"},
        {{{~0ull >> 10, PMP_NAPOT | PMP_R | PMP_L}}, 1, DATA, PRIV_M, "r"},
        {{{DATA >> 2, PMP_TOR | PMP_R}}, 1, DATA - 1, PRIV_S, "r"}, /* from 0 */
        {{{DATA >> 2, PMP_TOR | PMP_R}}, 1, DATA, PRIV_S, ""},
        {{{DATA >> 2, 0}, {DATA >> 2, PMP_TOR | PMP_R}, {(DATA >> 2) + 4, PMP_TOR | PMP_W | PMP_R}},
         3,
         DATA,
         PRIV_S,
         "rw"},                                                                                                         /* an empty range */
        {{{(DATA >> 2) + 4, 0}, {DATA >> 2, PMP_TOR | PMP_R}, {~0ull >> 10, PMP_NAPOT | PMP_X}}, 3, DATA, PRIV_S, "x"}, /* upside down */
        {{{DATA >> 2, PMP_NA4}, {~0ull >> 10, PMP_NAPOT | PMP_R}}, 2, DATA + 3, PRIV_S, ""}, /* the lower one decides */
        {{{DATA >> 2, PMP_NA4}, {~0ull >> 10, PMP_NAPOT | PMP_R}}, 2, DATA + 4, PRIV_S, "r"},
    };

    (void)state;
    start("max");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        program(cases[i].rows, cases[i].n);
        for (unsigned access = 0; access < 3; access++)
            if (riscv64_pmp_allows(cpu, cases[i].at, 1, cases[i].priv, (enum mem_access)access) !=
                !!strchr(cases[i].allowed, "rwx"[access]))
                fail_msg("row %u, access %u", i, access);
    }
    stop();
}

static void pmp_registers(void **state)
{
    uint64_t v;

    (void)state;
    start("max");
    program(NULL, 0);
    memset(&seen, 0, sizeof seen);
    riscv64_csr_poke(cpu, 0x3b0, ~0ull);
    riscv64_csr_peek(cpu, 0x3b0, &v);
    assert_int_equal(v, (1ull << 54) - 1);
    assert_int_equal(seen.flushes, 1);
    riscv64_csr_poke(cpu, 0x3a0, 0xff7f1a06); /* entries 0: W X without R; 1: NAPOT W without R; 2: bits 5 and 6; 3: locked NAPOT */
    riscv64_csr_peek(cpu, 0x3a0, &v);
    assert_int_equal(v, 0x9f1f1804);
    riscv64_csr_poke(cpu, 0x3a0, 0);
    riscv64_csr_peek(cpu, 0x3a0, &v);
    assert_int_equal(v, 0x9f000000); /* the locked one stays */
    riscv64_csr_poke(cpu, 0x3b3, 5);
    riscv64_csr_peek(cpu, 0x3b3, &v);
    assert_int_equal(v, 0);
    riscv64_csr_poke(cpu, 0x3b2, 5); /* below a locked NAPOT: free */
    riscv64_csr_peek(cpu, 0x3b2, &v);
    assert_int_equal(v, 5);
    riscv64_csr_poke(cpu, 0x3a2, (uint64_t)PMP_TOR << 8); /* entry 9, not locked */
    riscv64_csr_poke(cpu, 0x3b8, 7);
    riscv64_csr_peek(cpu, 0x3b8, &v);
    assert_int_equal(v, 7);
    riscv64_csr_poke(cpu, 0x3b8, 0);
    riscv64_csr_poke(cpu, 0x3a2, (uint64_t)(PMP_L | PMP_TOR) << 8);
    riscv64_csr_poke(cpu, 0x3b8, 6);
    riscv64_csr_peek(cpu, 0x3b8, &v);
    assert_int_equal(v, 0);
    riscv64_csr_poke(cpu, 0x3ba, 6);
    riscv64_csr_peek(cpu, 0x3ba, &v);
    assert_int_equal(v, 6);
    assert_false(riscv64_csr_peek(cpu, 0x3a1, &v));
    assert_false(riscv64_csr_peek(cpu, 0x3c0, &v));
    stop();
}

/* PMP on what a translation yields, down to parts of a page. */
static void pmp_translated(void **state)
{
    struct tlb_page page;
    struct pmp_row rows[] = {{DATA >> 2 | 1, PMP_NAPOT | PMP_R}, {~0ull >> 10, PMP_NAPOT | PMP_R | PMP_W}};

    (void)state;
    start("max");
    map(SV39, 0x1000, 0, DATA >> 12 << 10 | V | R | W | X | A | D);
    program(rows, 2);
    assert_int_equal(try(0x1008, ACCESS_read, &page), OK);
    assert_false(page.whole);
    assert_int_equal(page.last, 15);
    assert_false(page.writable);
    assert_int_equal(try(0x100c, ACCESS_write, &page), ACCESS);
    assert_int_equal(try(0x1010, ACCESS_write, &page), OK);
    assert_false(page.whole);
    assert_int_equal(page.last, 4095);
    assert_int_equal(try(0x1010, ACCESS_fetch, &page), ACCESS);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permissions),   cmocka_unit_test(levels),           cmocka_unit_test(entries),
        cmocka_unit_test(napot),         cmocka_unit_test(bare_and_machine), cmocka_unit_test(tables_protected),
        cmocka_unit_test(contexts),      cmocka_unit_test(pmp_matching),     cmocka_unit_test(pmp_rows),
        cmocka_unit_test(pmp_registers), cmocka_unit_test(pmp_translated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
