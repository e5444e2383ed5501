/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sv39, Sv48, Sv57: permissions, A and D, sizes of pages, reserved encodings, addresses, accesses across pages. */
#include "paging_rig.h"

/* ---- permissions ---- */

enum { READ, WRITE, FETCH };
static const uint8_t page_faults[] = {CAUSE_load_page, CAUSE_store_page, CAUSE_insn_page};

static bool permitted(uint64_t flags, uint64_t mode, unsigned access, bool sum, bool mxr)
{
    if (!(flags & (PTE_R | PTE_X)) || (flags & (PTE_R | PTE_W)) == PTE_W) /* no leaf, or reserved */
        return false;
    if (mode == MODE_U ? !(flags & PTE_U) : (flags & PTE_U) && (access == FETCH || !sum))
        return false;
    return access == READ ? flags & PTE_R || (mxr && flags & PTE_X) : flags & (access == WRITE ? PTE_W : PTE_X);
}

static void try_access(uint64_t flags, uint64_t mode, unsigned access, uint64_t status)
{
    row("flags %x, mode %d, access %d, status %x", flags, mode, (uint64_t)access, status);
    trap_clear();
    if (access == READ)
        load_with(status, mode, VA + 16, 8);
    else if (access == WRITE)
        store_with(status, mode, VA + 16, 8, 1);
    else
        fetch_in(mode, VA);
    if (permitted(flags, mode, access, status & STATUS_SUM, status & STATUS_MXR))
        CHECK_NO_TRAP();
    else
        CHECK_TRAP(page_faults[access], access == FETCH ? VA : VA + 16);
}

static void permissions(unsigned paging)
{
    fresh(paging);
    put_code(page_a);
    for (uint64_t flags = 0; flags < 16; flags++) {
        uint64_t bits = flags << 1; /* R W X U */
        if (!(bits & PTE_RWX))
            continue; /* points to a table */
        set(paging_entry(VA, 0), pte_make((uint64_t)page_a, bits | PTE_V | PTE_AD));
        for (uint64_t mode = MODE_U; mode <= MODE_S; mode++)
            for (unsigned how = 0; how < 4; how++) {
                uint64_t status = (how & 1 ? STATUS_SUM : 0) | (how & 2 ? STATUS_MXR : 0);
                try_access(bits, mode, READ, status);
                try_access(bits, mode, WRITE, status);
                csr_clear(CSR_mstatus, STATUS_SUM | STATUS_MXR);
                csr_set(CSR_mstatus, status);
                try_access(bits, mode, FETCH, status);
                csr_clear(CSR_mstatus, STATUS_SUM | STATUS_MXR);
            }
    }
    set(paging_entry(VA, 0), 0);
    row("not valid");
    for (uint64_t mode = MODE_U; mode <= MODE_S; mode++) {
        load_as(mode, VA, 8);
        CHECK_TRAP(CAUSE_load_page, VA);
        set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_RWX | PTE_U | PTE_AD));
        store_as(mode, VA + 7, 1, 0);
        CHECK_TRAP(CAUSE_store_page, VA + 7);
    }
}

/* SUM for one load and one store, all in a row: by a value that can be seen, by one that cannot, and with a look at everything between. */
static volatile uint64_t sum_bits = STATUS_SUM;

#define WITH_SUM(name, bits, between)                                                                                               \
    static uint64_t name(uint64_t va)                                                                                               \
    {                                                                                                                               \
        uint64_t value;                                                                                                             \
        asm volatile(bits "\n csrs sstatus, t0\n" between "ld %0, (%1)\n sd %0, 8(%1)\n" bits "\n csrc sstatus, t0\n sd %0, 16(%1)" \
                     : "=&r"(value)                                                                                                 \
                     : "r"(va), "r"(&sum_bits)                                                                                      \
                     : "t0", "memory");                                                                                             \
        return value;                                                                                                               \
    }
WITH_SUM(with_sum, "lui t0, 0x40", "")
WITH_SUM(with_unknown, "ld t0, (%2)", "")
WITH_SUM(with_pause, "lui t0, 0x40", "fence.i\n")

static void sum_in_a_row(void)
{
    static uint64_t (*const ways[])(uint64_t va) = {with_sum, with_unknown, with_pause};
    fresh(SV39);
    paging_map(VA, (uint64_t)page_a, 0, PTE_R | PTE_W | PTE_U);
    sfence_vma();
    for (unsigned i = 0; i < 300; i++) {
        row("way %d, round %d", (uint64_t)i / 100, (uint64_t)i % 100);
        page_a[0] = i;
        page_a[2] = 0x55;
        trap_clear();
        CALL_IN(MODE_S, ways[i / 100], VA);
        CHECK_EQ(self()->m.count, 1);
        CHECK_EQ(self()->m.cause, CAUSE_store_page);
        CHECK_EQ(self()->m.tval, VA + 16);
        CHECK_EQ(page_a[1], i);
        CHECK_EQ(page_a[2], 0x55);
    }
}

static void permissions39(void) { permissions(SV39); }
static void permissions48(void) { permissions(SV48); }
static void permissions57(void) { permissions(SV57); }

/* Atomics are stores, LR is a load. */
static void atomics(void)
{
    uint64_t v = 3, bits = MODE_S << 11 | STATUS_MPRV;
    fresh(SV39);
    set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_R | PTE_V | PTE_AD));
#define AS_S(insn) TRY_AFTER("csrs mstatus, %2", insn "\n csrc mstatus, %2", "+r"(v), "r"(VA), "r"(bits))
    page_a[0] = 0x1234;
    AS_S("lr.d %0, (%1)");
    CHECK_NO_TRAP();
    CHECK_EQ(v, 0x1234);
    AS_S("sc.d %0, zero, (%1)");
    CHECK_TRAP(CAUSE_store_page, VA);
    AS_S("amoadd.d %0, %0, (%1)");
    CHECK_TRAP(CAUSE_store_page, VA);
    AS_S("amoor.w %0, zero, (%1)");
    CHECK_TRAP(CAUSE_store_page, VA);
    set(paging_entry(VA, 0), 0);
    AS_S("lr.w %0, (%1)");
    CHECK_TRAP(CAUSE_load_page, VA);
    AS_S("amoswap.w %0, zero, (%1)");
    CHECK_TRAP(CAUSE_store_page, VA);
    CHECK_EQ(page_a[0], 0x1234);
    CHECK_EQ(v, 0x1234);
}

/* ---- A and D ---- */

static void ad_faults(void)
{
    EACH_MODE(m)
    {
        fresh(m);
        csr_write(CSR_menvcfg, 0);
        volatile uint64_t *pte = paging_entry(VA, 0);
        uint64_t base = pte_make((uint64_t)page_a, PTE_V | PTE_RWX);
        put_code(page_a);
        row("mode %d, A and D clear", (uint64_t)m);
        set(pte, base);
        load_as(MODE_S, VA, 4);
        CHECK_TRAP(CAUSE_load_page, VA);
        store_as(MODE_S, VA, 4, 0);
        CHECK_TRAP(CAUSE_store_page, VA);
        fetch_in(MODE_S, VA);
        CHECK_TRAP(CAUSE_insn_page, VA);
        CHECK_EQ(*pte, base);
        row("mode %d, D clear", (uint64_t)m);
        put_code(page_a);
        set(pte, base | PTE_A);
        load_as(MODE_S, VA, 4);
        fetch_in(MODE_S, VA);
        CHECK_NO_TRAP();
        store_as(MODE_S, VA, 4, 0);
        CHECK_TRAP(CAUSE_store_page, VA);
        CHECK_EQ(*pte, base | PTE_A);
        row("mode %d, A clear", (uint64_t)m);
        set(pte, base | PTE_D);
        store_as(MODE_S, VA, 4, 0);
        CHECK_TRAP(CAUSE_store_page, VA);
    }
}

static void ad_updates(void)
{
    EACH_MODE(m)
    {
        fresh(m);
        csr_write(CSR_menvcfg, ENVCFG_ADUE);
        volatile uint64_t *pte = paging_entry(VA, 0);
        uint64_t base = pte_make((uint64_t)page_a, PTE_V | PTE_RWX);
        put_code(page_a);
        row("mode %d, load", (uint64_t)m);
        set(pte, base);
        load_as(MODE_S, VA, 4);
        CHECK_EQ(*pte, base | PTE_A);
        row("mode %d, store after the load", (uint64_t)m);
        store_as(MODE_S, VA + 64, 4, 0);
        CHECK_EQ(*pte, base | PTE_AD);
        row("mode %d, store", (uint64_t)m);
        set(pte, base);
        store_as(MODE_S, VA + 64, 4, 0);
        CHECK_EQ(*pte, base | PTE_AD);
        row("mode %d, fetch", (uint64_t)m);
        set(pte, base);
        fetch_in(MODE_S, VA);
        CHECK_EQ(*pte, base | PTE_A);
        CHECK_NO_TRAP();
        row("mode %d, no right, no update", (uint64_t)m);
        set(pte, base & ~PTE_W);
        store_as(MODE_S, VA, 4, 0);
        CHECK_TRAP(CAUSE_store_page, VA);
        CHECK_EQ(*pte, base & ~PTE_W);
        load_as(MODE_U, VA, 4);
        CHECK_TRAP(CAUSE_load_page, VA);
        CHECK_EQ(*pte, base & ~PTE_W);
        row("mode %d, lr and amo", (uint64_t)m);
        set(pte, base);
        uint64_t v = 0, bits = MODE_S << 11 | STATUS_MPRV;
        TRY_AFTER("csrs mstatus, %2", "lr.w %0, (%1)\n csrc mstatus, %2", "+r"(v), "r"(VA), "r"(bits));
        CHECK_EQ(*pte, base | PTE_A);
        TRY_AFTER("csrs mstatus, %2", "amoor.w %0, zero, (%1)\n csrc mstatus, %2", "+r"(v), "r"(VA), "r"(bits));
        CHECK_EQ(*pte, base | PTE_AD);
    }
    /* switching it off again is seen without a fence at the next walk */
    volatile uint64_t *pte = paging_entry(VA, 0);
    csr_write(CSR_menvcfg, 0);
    set(pte, pte_make((uint64_t)page_a, PTE_V | PTE_RWX));
    load_as(MODE_S, VA, 4);
    CHECK_TRAP(CAUSE_load_page, VA);
}

/* ---- sizes ---- */

static void superpages(void)
{
    static uint64_t word ALIGNED(8);
    EACH_MODE(m)
    {
        fresh(m);
        for (unsigned level = 1; level < paging_levels(); level++) {
            uint64_t size = PAGE << 9 * level, va = 3ul << (12 + 9 * (paging_levels() - 1));
            uint64_t inside = (uint64_t)&word & (size - 1), pa = (uint64_t)&word - inside;
            row("mode %d, level %d", (uint64_t)m, (uint64_t)level);
            if (level + 1 == paging_levels())
                va = 3 * size;
            word = 0x1111 * level;
            volatile uint64_t *pte = paging_entry(va, level);
            set(pte, pte_make(pa, PTE_V | PTE_R | PTE_W | PTE_AD));
            CHECK_EQ(load_as(MODE_S, va + inside, 8), word);
            store_as(MODE_S, va + inside, 8, 77);
            CHECK_NO_TRAP();
            CHECK_EQ(word, 77);
            for (unsigned bit = 12; bit < 12 + 9 * level; bit++) { /* not aligned */
                row("mode %d, level %d, bit %d", (uint64_t)m, (uint64_t)level, (uint64_t)bit);
                set(pte, pte_make(pa | 1ul << bit, PTE_V | PTE_R | PTE_W | PTE_AD));
                load_as(MODE_S, va + inside, 8);
                CHECK_TRAP(CAUSE_load_page, va + inside);
                store_as(MODE_S, va + inside, 8, 1);
                CHECK_TRAP(CAUSE_store_page, va + inside);
                fetch_in(MODE_S, va + inside);
                CHECK_TRAP(CAUSE_insn_page, va + inside);
            }
            set(pte, 0);
        }
        row("mode %d, a pointer in the last table", (uint64_t)m);
        set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_V));
        load_as(MODE_S, VA, 8);
        CHECK_TRAP(CAUSE_load_page, VA);
    }
}

static void napot(void)
{
    EACH_MODE(m)
    {
        fresh(m);
        for (unsigned i = 0; i < 16; i++) {
            sixteen[i][1] = 0x100 + i;
            *paging_entry(VA + i * PAGE, 0) = pte_make((uint64_t)sixteen + 8 * PAGE, PTE_V | PTE_R | PTE_W | PTE_AD) | PTE_N;
        }
        sfence_vma();
        for (unsigned i = 0; i < 16; i++) {
            row("mode %d, page %d", (uint64_t)m, (uint64_t)i);
            CHECK_EQ(load_as(MODE_S, VA + i * PAGE + 8, 8), 0x100 + i);
        }
        CHECK_NO_TRAP();
        for (uint64_t low = 0; low < 16; low++) { /* only 1000 in the low bits says 64 KiB */
            row("mode %d, low bits %d", (uint64_t)m, low);
            set(paging_entry(VA, 0), pte_make((uint64_t)sixteen + low * PAGE, PTE_V | PTE_R | PTE_W | PTE_AD) | PTE_N);
            load_as(MODE_S, VA + 8, 8);
            if (low == 8)
                CHECK_NO_TRAP();
            else
                CHECK_TRAP(CAUSE_load_page, VA + 8);
        }
        row("mode %d, superpage", (uint64_t)m);
        set(paging_entry(3 * VA, 1), pte_make(0x80000000, PTE_V | PTE_R | PTE_AD) | PTE_N);
        load_as(MODE_S, 3 * VA, 8);
        CHECK_TRAP(CAUSE_load_page, 3 * VA);
    }
}

/* One mapping of the range changes: a fence for any address in it is about its own page at least. */
static void napot_fence(void)
{
    fresh(SV39);
    for (unsigned i = 0; i < 16; i++)
        *paging_entry(VA + i * PAGE, 0) = pte_make((uint64_t)sixteen + 8 * PAGE, PTE_V | PTE_R | PTE_W | PTE_AD) | PTE_N;
    sfence_vma();
    for (unsigned i = 0; i < 16; i++) {
        sixteen[i][1] = 0x100 + i;
        load_as(MODE_S, VA + i * PAGE + 8, 8);
    }
    page_b[1] = 0xb0b0;
    for (unsigned i = 0; i < 16; i++) {
        *paging_entry(VA + i * PAGE, 0) = pte_make((uint64_t)page_b, PTE_V | PTE_R | PTE_W | PTE_AD);
        asm volatile("sfence.vma %0" ::"r"(VA + i * PAGE) : "memory");
    }
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(load_as(MODE_S, VA + i * PAGE + 8, 8), 0xb0b0);
}

/* ---- reserved ---- */

static void reserved_leaf(void)
{
    EACH_MODE(m)
    for (unsigned bit = 54; bit <= 60; bit++) {
        fresh(m);
        row("mode %d, bit %d", (uint64_t)m, (uint64_t)bit);
        set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_W | PTE_AD) | 1ul << bit);
        load_as(MODE_S, VA, 8);
        CHECK_TRAP(CAUSE_load_page, VA);
        store_as(MODE_S, VA, 8, 0);
        CHECK_TRAP(CAUSE_store_page, VA);
    }
}

static void reserved_pointer(void)
{
    static const uint64_t bits[] = {PTE_U, PTE_A, PTE_D, 1ul << 54, 1ul << 60, 1ul << 61, 1ul << 62, 1ul << 63};
    EACH_MODE(m)
    for (unsigned i = 0; i < ARRAY_LEN(bits); i++) {
        fresh(m);
        csr_write(CSR_menvcfg, ENVCFG_PBMTE);
        row("mode %d, bit %x", (uint64_t)m, bits[i]);
        set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_W | PTE_AD));
        load_as(MODE_S, VA, 8);
        CHECK_NO_TRAP();
        set(paging_entry(VA, 1), *paging_entry(VA, 1) | bits[i]);
        load_as(MODE_S, VA, 8);
        CHECK_TRAP(CAUSE_load_page, VA);
    }
    fresh(SV39);
    row("G in a pointer is none of these");
    set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_W | PTE_AD));
    set(paging_entry(VA, 1), *paging_entry(VA, 1) | PTE_G | 3 << 8);
    load_as(MODE_S, VA, 8);
    CHECK_NO_TRAP();
}

static void memory_types(void)
{
    EACH_MODE(m)
    for (unsigned on = 0; on < 2; on++)
        for (uint64_t type = 0; type < 4; type++) {
            fresh(m);
            csr_write(CSR_menvcfg, on ? ENVCFG_PBMTE : 0);
            row("mode %d, PBMTE %d, type %d", (uint64_t)m, (uint64_t)on, type);
            set(paging_entry(VA, 0), pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_W | PTE_AD) | type << PTE_PBMT_pos);
            load_as(MODE_S, VA, 8);
            if (type == 0 || (on && type < 3))
                CHECK_NO_TRAP();
            else
                CHECK_TRAP(CAUSE_load_page, VA);
        }
}

/* ---- addresses ---- */

static void canonical(void)
{
    EACH_MODE(m)
    {
        fresh(m);
        unsigned width = 12 + 9 * paging_levels();
        uint64_t high = ~0ul << (width - 1); /* the lowest address of the upper half */
        row("mode %d", (uint64_t)m);
        page_a[2] = 0xaaaa;
        paging_map(high, (uint64_t)page_a, 0, PTE_R | PTE_W);
        sfence_vma();
        trap_clear();
        CHECK_EQ(load_as(MODE_S, high + 16, 8), 0xaaaa);
        CHECK_NO_TRAP();
        for (unsigned bit = width; bit < 64; bit++) { /* differs from the sign in one bit above */
            uint64_t va = (high + 16) ^ 1ul << bit, low = VA | 1ul << bit;
            row("mode %d, bit %d", (uint64_t)m, (uint64_t)bit);
            load_as(MODE_S, va, 8);
            CHECK_TRAP(CAUSE_load_page, va);
            store_as(MODE_S, va, 8, 0);
            CHECK_TRAP(CAUSE_store_page, va);
            fetch_in(MODE_S, low);
            CHECK_TRAP(CAUSE_insn_page, low);
        }
    }
}

/* Tables and pages where nobody answers: access faults, with the virtual address. */
static void walks_into_nothing(void)
{
    EACH_MODE(m)
    {
        fresh(m);
        row("mode %d, page", (uint64_t)m);
        set(paging_entry(VA, 0), pte_make(NOWHERE, PTE_V | PTE_RWX | PTE_AD));
        load_as(MODE_S, VA + 24, 8);
        CHECK_TRAP(CAUSE_load_access, VA + 24);
        store_as(MODE_S, VA + 24, 8, 0);
        CHECK_TRAP(CAUSE_store_access, VA + 24);
        fetch_in(MODE_S, VA + 24);
        CHECK_TRAP(CAUSE_insn_access, VA + 24);
        row("mode %d, the highest page number", (uint64_t)m);
        set(paging_entry(VA, 0), ((1ul << 44) - 1) << 10 | PTE_V | PTE_RWX | PTE_AD);
        load_as(MODE_S, VA + 24, 8);
        CHECK_TRAP(CAUSE_load_access, VA + 24);
        for (unsigned level = 1; level < paging_levels(); level++) {
            row("mode %d, table of level %d", (uint64_t)m, (uint64_t)level);
            fresh(m);
            if (level == 2 && paging_levels() == 3)
                continue; /* the root's entry of the program itself */
            uint64_t va = 5ul << (12 + 9 * (paging_levels() - 1));
            set(paging_entry(va, level), pte_make(NOWHERE, PTE_V));
            load_as(MODE_S, va, 8);
            CHECK_TRAP(CAUSE_load_access, va);
            store_as(MODE_S, va, 8, 0);
            CHECK_TRAP(CAUSE_store_access, va);
            fetch_in(MODE_S, va);
            CHECK_TRAP(CAUSE_insn_access, va);
        }
        row("mode %d, root", (uint64_t)m);
        csr_write(CSR_satp, (uint64_t)m << 60 | NOWHERE >> 12);
        sfence_vma();
        load_as(MODE_S, VA, 8);
        CHECK_TRAP(CAUSE_load_access, VA);
        csr_write(CSR_satp, 0);
    }
}

/* ---- accesses across a page's end ---- */

static uint64_t bytes_of(uint64_t va, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= load_as(MODE_S, va + i, 1) << 8 * i;
    return v;
}

static void crossing_good(void)
{
    fresh(SV39);
    for (unsigned i = 0; i < 512; i++) {
        page_a[i] = 0x0101010101010101 * (i & 255) + 0x1020304;
        page_b[i] = 0x1122334455667788 + i;
    }
    paging_map(VA, (uint64_t)page_b, 0, PTE_R | PTE_W); /* in the opposite order of memory */
    paging_map(VA + PAGE, (uint64_t)page_a, 0, PTE_R | PTE_W);
    sfence_vma();
    for (unsigned size = 2; size <= 8; size *= 2)
        for (unsigned back = 1; back < size; back++) {
            uint64_t at = VA + PAGE - back, value = 0xf0e1d2c3b4a59687;
            row("size %d, %d before", (uint64_t)size, (uint64_t)back);
            CHECK_EQ(load_as(MODE_S, at, size), bytes_of(at, size));
            store_as(MODE_S, at, size, value);
            CHECK_EQ(bytes_of(at, size), size == 8 ? value : value & ((1ul << 8 * size) - 1));
            CHECK_EQ(load_as(MODE_S, at, size), bytes_of(at, size));
        }
    CHECK_NO_TRAP();
}

/* stval is the address of the part that faults: the page's start when the second does. */
static void crossing_bad(void)
{
    fresh(SV39);
    for (unsigned size = 2; size <= 8; size *= 2)
        for (unsigned back = 1; back < size; back++)
            for (unsigned which = 1; which < 4; which++) {
                uint64_t at = VA + PAGE - back, bad = which & 1 ? at : VA + PAGE, before;
                row("size %d, %d before, bad %d", (uint64_t)size, (uint64_t)back, (uint64_t)which);
                page_a[511] = before = 0x8877665544332211;
                *paging_entry(VA, 0) = which & 1 ? 0 : pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_W | PTE_AD);
                set(paging_entry(VA + PAGE, 0), which & 2 ? 0 : pte_make((uint64_t)page_b, PTE_V | PTE_R | PTE_W | PTE_AD));
                CHECK_EQ(load_as(MODE_S, at, size), 0xdeadbeefdeadbeef);
                CHECK_TRAP(CAUSE_load_page, bad);
                store_as(MODE_S, at, size, 0);
                CHECK_TRAP(CAUSE_store_page, bad);
                /* read-only instead of absent: loads pass */
                *paging_entry(VA, 0) = pte_make((uint64_t)page_a, PTE_V | PTE_R | (which & 1 ? 0 : PTE_W) | PTE_AD);
                set(paging_entry(VA + PAGE, 0), pte_make((uint64_t)page_b, PTE_V | PTE_R | (which & 2 ? 0 : PTE_W) | PTE_AD));
                load_as(MODE_S, at, size);
                CHECK_NO_TRAP();
                store_as(MODE_S, at, size, 0);
                CHECK_TRAP(CAUSE_store_page, bad);
                CHECK_EQ(page_a[511], before);
            }
}

/* Both halves warm in the TLB, then one changes. */
static void crossing_stale(void)
{
    fresh(SV39);
    paging_map(VA, (uint64_t)page_a, 0, PTE_R | PTE_W);
    paging_map(VA + PAGE, (uint64_t)page_b, 0, PTE_R | PTE_W);
    sfence_vma();
    for (unsigned i = 0; i < 3; i++) {
        store_as(MODE_S, VA, 8, 1);
        store_as(MODE_S, VA + PAGE, 8, 1);
        store_as(MODE_S, VA + PAGE - 4, 8, 1);
    }
    *paging_entry(VA + PAGE, 0) = pte_make((uint64_t)page_b, PTE_V | PTE_R | PTE_AD);
    asm volatile("sfence.vma %0" ::"r"(VA + PAGE) : "memory");
    trap_clear();
    store_as(MODE_S, VA + PAGE - 4, 8, 1);
    CHECK_TRAP(CAUSE_store_page, VA + PAGE);
    store_as(MODE_S, VA + PAGE - 8, 8, 1);
    CHECK_NO_TRAP();
}

const struct test tests[] = {
    TEST("Sv39 permissions", permissions39),
    TEST("Sv48 permissions", permissions48),
    TEST("Sv57 permissions", permissions57),
    TEST("mstatus.SUM for two accesses", sum_in_a_row),
    TEST("atomics", atomics),
    TEST("A and D clear: faults", ad_faults),
    TEST("A and D clear: updates", ad_updates),
    TEST("superpages", superpages),
    TEST("contiguous ranges", napot),
    TEST("contiguous ranges and fences", napot_fence),
    TEST("reserved bits of leaves", reserved_leaf),
    TEST("reserved bits of pointers", reserved_pointer),
    TEST("memory types", memory_types),
    TEST("addresses that are not canonical", canonical),
    TEST("walks into nothing", walks_into_nothing),
    TEST("accesses across pages", crossing_good),
    TEST("accesses across pages that fault", crossing_bad),
    TEST("accesses across pages after a change", crossing_stale),
    {NULL, NULL},
};
