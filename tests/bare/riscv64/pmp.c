/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* PMP: the three kinds of ranges, permissions by mode, locks, priority, accesses that straddle, and page tables behind it. */
#include "paging.h"

enum { READ, WRITE, FETCH };
static const uint8_t access_faults[] = {CAUSE_load_access, CAUSE_store_access, CAUSE_insn_access};
static uint64_t area[1024] ALIGNED(8192);
#define AREA ((uint64_t)area)

static void pmp_config(unsigned entry, uint64_t config) /* entry 0..14; 15 is the runtime's, lowest in priority */
{
    unsigned shift = entry % 8 * 8;
    if (entry < 8)
        csr_write(CSR_pmpcfg0, (csr_read(CSR_pmpcfg0) & ~(0xfful << shift)) | config << shift);
    else
        csr_write(CSR_pmpcfg2, (csr_read(CSR_pmpcfg2) & ~(0xfful << shift)) | config << shift);
    sfence_vma();
}

static void pmp_address(unsigned entry, uint64_t value)
{
    switch (entry) {
    case 0: csr_write(CSR_pmpaddr0, value); break;
    case 1: csr_write(CSR_pmpaddr0 + 1, value); break;
    case 2: csr_write(CSR_pmpaddr0 + 2, value); break;
    case 3: csr_write(CSR_pmpaddr0 + 3, value); break;
    case 8: csr_write(CSR_pmpaddr0 + 8, value); break;
    case 14: csr_write(CSR_pmpaddr0 + 14, value); break;
    default: rt_panic("pmp_address %d", (uint64_t)entry);
    }
    sfence_vma();
}

static uint64_t napot(uint64_t base, uint64_t size) { return base >> 2 | (size / 8 - 1); }

static void expect(uint64_t mode, unsigned access, uint64_t at, unsigned size, bool allowed)
{
    trap_clear();
    if (access == READ)
        load_as(mode, at, size);
    else
        store_as(mode, at, size, 0x13131313);
    if (allowed)
        CHECK_NO_TRAP();
    else
        CHECK_TRAP(access_faults[access], at);
}

/* li a7, CALL_MAGIC; ecall at any address. */
static void put_code(uint64_t where)
{
    uint32_t *at = (uint32_t *)where;
    at[0] = (CALL_MAGIC + 0x800) >> 12 << 12 | 17 << 7 | 0x37;
    at[1] = (CALL_MAGIC & 0xfffu) << 20 | 17 << 15 | 17 << 7 | 0x1b;
    at[2] = 0x73;
    fence_i();
}

static void permissions(void)
{
    for (uint64_t rwx = 0; rwx < 8; rwx++) {
        if ((rwx & (PMP_R | PMP_W)) == PMP_W)
            continue; /* reserved */
        pmp_address(0, napot(AREA, 4096));
        pmp_config(0, PMP_NAPOT | rwx);
        for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1) {
            bool all = mode == MODE_M;
            row("rwx %d, mode %d", rwx, mode);
            expect(mode, READ, AREA + 8, 8, all || rwx & PMP_R);
            expect(mode, WRITE, AREA + 8, 8, all || rwx & PMP_W);
            put_code(AREA + 64);
            if (mode == MODE_M)
                continue;
            trap_clear();
            self()->site = AREA + 64;
            CALL_IN(mode, AREA + 64, 0);
            if (rwx & PMP_X)
                CHECK_NO_TRAP();
            else
                CHECK_TRAP(CAUSE_insn_access, AREA + 64);
        }
    }
}

/* No entry matches: M passes, the others do not. */
static void no_match(void)
{
    csr_write(CSR_pmpcfg2, 0);
    pmp_address(0, 0x1000);
    pmp_config(0, PMP_NA4); /* one there is, elsewhere */
    for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1) {
        row("mode %d", mode);
        expect(mode, READ, AREA, 8, mode == MODE_M);
        expect(mode, WRITE, AREA, 8, mode == MODE_M);
    }
    put_code(AREA);
    trap_clear();
    self()->site = AREA;
    CALL_IN(MODE_S, AREA, 0);
    CHECK_TRAP(CAUSE_insn_access, AREA);
}

static void sizes_napot(void)
{
    for (uint64_t size = 8; size <= 4096; size *= 2) {
        uint64_t base = AREA + 4096 - size * (size < 4096);
        if (size == 4096)
            base = AREA;
        row("size %d", size);
        pmp_address(0, napot(base, size));
        pmp_config(0, PMP_NAPOT);
        expect(MODE_S, READ, base, 4, false);
        expect(MODE_S, READ, base + size - 4, 4, false);
        expect(MODE_S, READ, base + size, 4, true);
        if (base > AREA)
            expect(MODE_S, READ, base - 4, 4, true);
        expect(MODE_S, READ, base + size - 1, 1, false);
    }
    row("everything");
    pmp_address(0, ~0ul >> 10);
    expect(MODE_S, READ, AREA, 8, false);
    expect(MODE_S, WRITE, AREA, 8, false);
    expect(MODE_M, WRITE, AREA, 8, true);
}

static void na4(void)
{
    pmp_address(0, (AREA + 0x20) >> 2);
    pmp_config(0, PMP_NA4);
    for (unsigned at = 0x18; at < 0x28; at++) {
        row("byte %x", (uint64_t)at);
        expect(MODE_U, READ, AREA + at, 1, at < 0x20 || at >= 0x24);
        expect(MODE_U, WRITE, AREA + at, 1, at < 0x20 || at >= 0x24);
    }
}

static void tor(void)
{
    row("from 0");
    pmp_address(0, (AREA + 16) >> 2);
    pmp_config(0, PMP_TOR | PMP_R);
    expect(MODE_S, WRITE, AREA + 8, 8, false);
    expect(MODE_S, READ, AREA + 8, 8, true);
    expect(MODE_S, WRITE, AREA + 16, 8, true);
    pmp_config(0, 0);
    row("from the entry below, which is off");
    pmp_address(1, (AREA + 32) >> 2);
    pmp_config(1, PMP_TOR | PMP_R);
    expect(MODE_S, WRITE, AREA + 8, 8, true);
    expect(MODE_S, WRITE, AREA + 16, 8, false);
    expect(MODE_S, WRITE, AREA + 24, 8, false);
    expect(MODE_S, WRITE, AREA + 32, 8, true);
    row("empty");
    pmp_address(1, (AREA + 16) >> 2);
    expect(MODE_S, WRITE, AREA + 16, 8, true);
    pmp_address(1, (AREA + 8) >> 2);
    expect(MODE_S, WRITE, AREA + 8, 8, true);
}

static void priority(void)
{
    pmp_address(1, napot(AREA, 4096));
    pmp_config(1, PMP_NAPOT);
    expect(MODE_S, READ, AREA, 8, false);
    pmp_address(0, napot(AREA, 16));
    pmp_config(0, PMP_NAPOT | PMP_R);
    expect(MODE_S, READ, AREA, 8, true);
    expect(MODE_S, WRITE, AREA, 8, false);
    expect(MODE_S, READ, AREA + 16, 8, false);
    pmp_config(0, 0);
    expect(MODE_S, READ, AREA, 8, false);
    pmp_config(1, 0);
    row("entries of the second register");
    pmp_address(8, napot(AREA, 4096));
    pmp_config(8, PMP_NAPOT);
    expect(MODE_S, READ, AREA, 8, false);
    pmp_address(3, napot(AREA, 4096));
    pmp_config(3, PMP_NAPOT | PMP_R);
    expect(MODE_S, READ, AREA, 8, true);
    pmp_config(3, 0);
    pmp_config(8, 0);
    pmp_address(14, napot(AREA + 4096, 4096));
    pmp_config(14, PMP_NAPOT | PMP_X);
    expect(MODE_S, READ, AREA + 4096, 8, false);
    expect(MODE_S, READ, AREA + 4088, 8, true);
}

/* The lowest entry that matches any byte must match all. */
static void straddling(void)
{
    row("half denied");
    pmp_address(0, napot(AREA + 0x100, 8));
    pmp_config(0, PMP_NAPOT | PMP_R | PMP_W); /* same rights inside and outside: still a fault */
    expect(MODE_S, READ, AREA + 0x100, 8, true);
    expect(MODE_S, WRITE, AREA + 0x100, 8, true);
    pmp_address(0, (AREA + 0x104) >> 2);
    pmp_config(0, PMP_NA4 | PMP_R | PMP_W);
    expect(MODE_S, READ, AREA + 0x104, 4, true);
    expect(MODE_S, READ, AREA + 0x100, 4, true);
    trap_clear();
    load_as(MODE_S, AREA + 0x100, 8);
    CHECK_EQ(self()->m.cause, CAUSE_load_access);
    trap_clear();
    store_as(MODE_S, AREA + 0x100, 8, 0);
    CHECK_EQ(self()->m.cause, CAUSE_store_access);
    trap_clear();
    load_as(MODE_M, AREA + 0x100, 8); /* M mode fails just so */
    CHECK_EQ(self()->m.cause, CAUSE_load_access);
}

/* A misaligned access across pages, where the second is denied. */
static void straddling_pages(void)
{
    pmp_address(0, napot(AREA + 4096, 4096));
    pmp_config(0, PMP_NAPOT);
    area[511] = 0x7777777777777777;
    trap_clear();
    CHECK_EQ(load_as(MODE_S, AREA + 4092, 8), 0xdeadbeefdeadbeef);
    CHECK_EQ(self()->m.cause, CAUSE_load_access);
    CHECK(self()->m.tval == AREA + 4096 || self()->m.tval == AREA + 4092);
    trap_clear();
    store_as(MODE_S, AREA + 4094, 4, 0);
    CHECK_EQ(self()->m.cause, CAUSE_store_access);
    CHECK_EQ(area[511], 0x7777777777777777);
    expect(MODE_S, READ, AREA + 4088, 8, true);
}

/* Insns too: 4 bytes of which the second half is denied. */
static void straddling_fetch(void)
{
    uint32_t *at = (uint32_t *)(AREA + 0x200);
    at[0] = 0x00010001; /* c.nop, c.nop */
    at[1] = 0x00000013; /* nop */
    fence_i();
    pmp_address(0, (AREA + 0x204) >> 2);
    pmp_config(0, PMP_NA4 | PMP_R);
    trap_clear();
    CALL_IN(MODE_S, AREA + 0x200, 0);
    self()->site = AREA + 0x204;
    CHECK_TRAP(CAUSE_insn_access, AREA + 0x204);
    row("halfway");
    pmp_config(0, 0);
    at[0] = 0x00130001; /* c.nop, then the first half of nop */
    at[1] = 0x00010000;
    fence_i();
    pmp_config(0, PMP_NA4 | PMP_R);
    trap_clear();
    CALL_IN(MODE_S, AREA + 0x200, 0);
    CHECK_EQ(self()->m.cause, CAUSE_insn_access);
    CHECK_EQ(self()->m.epc, AREA + 0x202);
    CHECK(self()->m.tval == AREA + 0x204 || self()->m.tval == AREA + 0x202);
}

static void atomics(void)
{
    uint64_t v = 0, bits = MODE_S << 11 | STATUS_MPRV;
    pmp_address(0, napot(AREA, 64));
    pmp_config(0, PMP_NAPOT | PMP_R);
    trap_clear();
    TRY_AFTER("csrs mstatus, %2", "lr.w %0, (%1)\n csrc mstatus, %2", "+r"(v), "r"(AREA), "r"(bits));
    CHECK_NO_TRAP();
    TRY_AFTER("csrs mstatus, %2", "amoadd.w %0, zero, (%1)\n csrc mstatus, %2", "+r"(v), "r"(AREA), "r"(bits));
    CHECK_TRAP(CAUSE_store_access, AREA);
    pmp_config(0, PMP_NAPOT);
    TRY_AFTER("csrs mstatus, %2", "lr.w %0, (%1)\n csrc mstatus, %2", "+r"(v), "r"(AREA), "r"(bits));
    CHECK_TRAP(CAUSE_load_access, AREA);
}

/* What changes is seen at once, also where a TLB has the page. */
static void changes(void)
{
    for (unsigned i = 0; i < 20; i++) {
        row("round %d", (uint64_t)i);
        pmp_address(0, napot(AREA, 4096));
        pmp_config(0, i & 1 ? PMP_NAPOT | PMP_R | PMP_W : PMP_NAPOT | PMP_R);
        expect(MODE_S, READ, AREA + 8 * i, 8, true);
        expect(MODE_S, WRITE, AREA + 8 * i, 8, i & 1);
        pmp_address(0, napot(AREA + 4096, 4096));
        expect(MODE_S, WRITE, AREA + 8 * i, 8, true);
    }
}

/* Page tables are read with S mode's rights: access fault, not page fault, of the access's own kind; and A and D written likewise. */
static void page_tables(void)
{
    uint64_t va = 0x40000000;
    paging_new(SV39);
    paging_map_program();
    paging_map(va, AREA, 0, PTE_R | PTE_W | PTE_X);
    if (!paging_on(0))
        return skip("no Sv39");
    volatile uint64_t *pte = paging_entry(va, 0);
    uint64_t table = (uint64_t)pte & ~4095ul;
    trap_clear();
    load_as(MODE_S, va, 8);
    CHECK_NO_TRAP();
    row("table denied");
    pmp_address(0, napot(table, 4096));
    pmp_config(0, PMP_NAPOT);
    expect(MODE_S, READ, va + 8, 8, false);
    expect(MODE_S, WRITE, va + 8, 8, false);
    trap_clear();
    self()->site = va;
    CALL_IN(MODE_S, va, 0);
    CHECK_TRAP(CAUSE_insn_access, va);
    row("table read-only, D to be set");
    csr_write(CSR_menvcfg, ENVCFG_ADUE);
    pmp_config(0, PMP_NAPOT | PMP_R);
    expect(MODE_S, READ, va + 8, 8, true);
    *pte = pte_make(AREA, PTE_V | PTE_R | PTE_W | PTE_A);
    sfence_vma();
    expect(MODE_S, READ, va + 8, 8, true);
    expect(MODE_S, WRITE, va + 8, 8, false);
    CHECK_EQ(*pte, pte_make(AREA, PTE_V | PTE_R | PTE_W | PTE_A));
    row("page behind it denied");
    *pte = pte_make(AREA, PTE_V | PTE_R | PTE_W | PTE_AD);
    pmp_address(0, napot(AREA, 4096));
    pmp_config(0, PMP_NAPOT);
    expect(MODE_S, READ, va + 8, 8, false);
    expect(MODE_S, WRITE, va + 8, 8, false);
    row("half of the page behind it denied");
    pmp_address(0, napot(AREA, 2048));
    sfence_vma();
    expect(MODE_S, READ, va + 2040, 8, false);
    expect(MODE_S, READ, va + 2048, 8, true);
    expect(MODE_S, WRITE, va + 2048, 8, true);
    expect(MODE_S, READ, va + 2040, 8, false);
    csr_write(CSR_satp, 0);
}

/* Locks hold until reset, so these come last; they take entries 2 and 3. */
static void locks(void)
{
    static uint64_t locked[512] ALIGNED(4096);
    uint64_t at = (uint64_t)locked;
    pmp_address(2, napot(at, 64));
    pmp_config(2, PMP_NAPOT | PMP_R | PMP_L);
    row("M mode obeys");
    expect(MODE_M, READ, at, 8, true);
    expect(MODE_M, WRITE, at, 8, false);
    expect(MODE_S, WRITE, at, 8, false);
    expect(MODE_M, WRITE, at + 64, 8, true);
    row("not to be written");
    uint64_t was = csr_read(CSR_pmpaddr0 + 2), config = csr_read(CSR_pmpcfg0);
    csr_write(CSR_pmpaddr0 + 2, 0);
    CHECK_EQ(csr_read(CSR_pmpaddr0 + 2), was);
    csr_write(CSR_pmpcfg0, 0);
    CHECK_EQ(csr_read(CSR_pmpcfg0), config & 0xff0000);
    expect(MODE_M, WRITE, at, 8, false);
    row("the address below a locked TOR is locked too");
    csr_write(CSR_pmpaddr0 + 4, (at + 128) >> 2);
    csr_write(CSR_pmpaddr0 + 5, (at + 256) >> 2);
    csr_write(CSR_pmpcfg0, (PMP_TOR | PMP_L) << 40);
    csr_write(CSR_pmpaddr0 + 4, 0);
    CHECK_EQ(csr_read(CSR_pmpaddr0 + 4), (at + 128) >> 2);
    csr_write(CSR_pmpaddr0 + 3, 0x55);
    CHECK_EQ(csr_read(CSR_pmpaddr0 + 3), 0x55);
    csr_write(CSR_pmpcfg0, (PMP_NAPOT | PMP_R) << 32); /* the configuration below is not */
    CHECK_EQ(csr_read(CSR_pmpcfg0) >> 32 & 0xff, PMP_NAPOT | PMP_R);
    csr_write(CSR_pmpcfg0, 0);
    expect(MODE_M, READ, at + 128, 8, false);
    expect(MODE_M, READ, at + 248, 8, false);
    expect(MODE_M, READ, at + 256, 8, true);
    row("locked and off");
    csr_write(CSR_pmpcfg0, PMP_L << 56);
    csr_write(CSR_pmpcfg0, (PMP_NAPOT | PMP_R) << 56);
    CHECK_EQ(csr_read(CSR_pmpcfg0) >> 56, PMP_L);
}

const struct test tests[] = {
    TEST("permissions by mode", permissions),
    TEST("no entry matches", no_match),
    TEST("NAPOT of every size", sizes_napot),
    TEST("NA4", na4),
    TEST("TOR", tor),
    TEST("priority", priority),
    TEST("accesses that straddle an entry", straddling),
    TEST("accesses that straddle pages", straddling_pages),
    TEST("insns that straddle an entry", straddling_fetch),
    TEST("atomics", atomics),
    TEST("changes are seen", changes),
    TEST("page tables and what they point to", page_tables),
    TEST("locks", locks),
    {NULL, NULL},
};
