/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Address spaces: ASIDs, fences of every kind, global pages, code that is mapped several times, changes of satp and of its mode. */
#include "paging_rig.h"

/* ---- address spaces and fences ---- */

static void asids(void)
{
    EACH_MODE(m)
    {
        uint64_t satp[4];
        fresh(m);
        for (unsigned i = 0; i < 4; i++) {
            paging_another();
            paging_map_program();
            sixteen[i][0] = 0x500 + i;
            paging_map(VA, (uint64_t)sixteen[i], 0, PTE_R | PTE_W);
            satp[i] = paging_satp(i + 1);
        }
        sfence_vma();
        for (unsigned n = 0; n < 64; n++) { /* no fence between: tagged by ASID */
            unsigned i = (n * 7 + n / 5) & 3;
            row("mode %d, round %d", (uint64_t)m, (uint64_t)n);
            csr_write(CSR_satp, satp[i]);
            CHECK_EQ(load_as(MODE_S, VA, 8), 0x500 + i);
            store_as(MODE_S, VA + 8, 8, n);
            CHECK_EQ(sixteen[i][1], n);
        }
        CHECK_NO_TRAP();
        csr_write(CSR_satp, 0);
    }
}

enum fence_kind { FENCE_all, FENCE_va, FENCE_asid, FENCE_va_asid, FENCE_inval, FENCE_kinds };

static void do_fence(enum fence_kind kind, uint64_t va, uint64_t asid)
{
    switch (kind) {
    case FENCE_all: asm volatile("sfence.vma" ::: "memory"); break;
    case FENCE_va: asm volatile("sfence.vma %0" ::"r"(va) : "memory"); break;
    case FENCE_asid: asm volatile("sfence.vma zero, %0" ::"r"(asid) : "memory"); break;
    case FENCE_va_asid: asm volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory"); break;
    default:
        asm volatile(".4byte 0x18000073\n mv a0, %0\n mv a1, %1\n .4byte 0x16b50073\n .4byte 0x18100073" ::"r"(va), "r"(asid)
                     : "a0", "a1", "memory");
    }
}

/* Each kind of fence shows a changed entry: another page, fewer rights, gone, and back again. */
static void fences(void)
{
    EACH_MODE(m)
    for (unsigned kind = 0; kind < FENCE_kinds; kind++)
        for (unsigned global = 0; global < 2; global++) {
            if (global && (kind == FENCE_asid || kind == FENCE_va_asid || kind == FENCE_inval))
                continue; /* may leave global mappings as they are */
            uint64_t g = global ? PTE_G : 0, va = VA + 0x123 * PAGE;
            fresh(m);
            csr_write(CSR_satp, paging_satp(77));
            row("mode %d, fence %d, global %d", (uint64_t)m, (uint64_t)kind, (uint64_t)global);
            page_a[3] = 0xa;
            page_b[3] = 0xb;
            volatile uint64_t *pte = paging_entry(va, 0);
            *pte = pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_W | PTE_AD | g);
            do_fence(kind, va, 77);
            CHECK_EQ(load_as(MODE_S, va + 24, 8), 0xa);
            store_as(MODE_S, va + 32, 8, 1);
            *pte = pte_make((uint64_t)page_b, PTE_V | PTE_R | PTE_W | PTE_AD | g);
            do_fence(kind, va + 24, 77); /* any address in the page */
            CHECK_EQ(load_as(MODE_S, va + 24, 8), 0xb);
            *pte = pte_make((uint64_t)page_b, PTE_V | PTE_R | PTE_AD | g);
            do_fence(kind, va, 77);
            trap_clear();
            store_as(MODE_S, va + 32, 8, 1);
            CHECK_TRAP(CAUSE_store_page, va + 32);
            *pte = 0;
            do_fence(kind, va, 77);
            trap_clear();
            load_as(MODE_S, va + 24, 8);
            CHECK_TRAP(CAUSE_load_page, va + 24);
            *pte = pte_make((uint64_t)page_a, PTE_V | PTE_R | PTE_AD | g);
            do_fence(kind, va, 77);
            CHECK_EQ(load_as(MODE_S, va + 24, 8), 0xa);
            csr_write(CSR_satp, 0);
        }
}

/* More pages than the nearest translations are kept of: a fence reaches those that are further off, too. */
static void fences_of_many(void)
{
    enum { MANY = 1600, STEP = 23 };
    for (unsigned kind = 0; kind < FENCE_kinds; kind++) {
        bool one = kind != FENCE_all && kind != FENCE_asid;
        fresh(SV39);
        csr_write(CSR_satp, paging_satp(5));
        row("fence %d", (uint64_t)kind);
        for (uint64_t i = 0; i < MANY; i++)
            paging_map(VA + i * PAGE, (uint64_t)sixteen[i % 16], 0, PTE_R | PTE_W);
        do_fence(FENCE_all, 0, 0);
        for (uint64_t i = 0; i < 16; i++)
            sixteen[i][7] = 100 + i;
        for (uint64_t i = 0; i < MANY; i++) {
            CHECK_EQ(load_as(MODE_S, VA + i * PAGE + 56, 8), 100 + i % 16);
            store_as(MODE_S, VA + i * PAGE + 64, 8, i);
        }
        for (uint64_t i = 0; i < MANY; i += STEP)
            paging_map(VA + i * PAGE, (uint64_t)sixteen[(i + 1) % 16], 0, PTE_R);
        for (uint64_t i = 0; one && i < MANY; i += STEP)
            do_fence(kind, VA + i * PAGE, 5);
        if (!one)
            do_fence(kind, 0, 5);
        for (uint64_t i = 0; i < MANY; i++) {
            bool changed = i % STEP == 0;
            CHECK_EQ(load_as(MODE_S, VA + i * PAGE + 56, 8), 100 + (i + changed) % 16);
            trap_clear();
            store_as(MODE_S, VA + i * PAGE + 64, 8, i);
            if (changed)
                CHECK_TRAP(CAUSE_store_page, VA + i * PAGE + 64);
            else
                CHECK_NO_TRAP();
        }
        csr_write(CSR_satp, 0);
    }
}

/* Fences of superpages by an address anywhere in them, and of a table above. */
static void fences_large(void)
{
    EACH_MODE(m)
    {
        uint64_t base = 4ul << 30;
        fresh(m);
        volatile uint64_t *pte = paging_entry(base, 1);
        row("mode %d", (uint64_t)m);
        *pte = pte_make(0x80000000, PTE_V | PTE_R | PTE_AD);
        sfence_vma();
        for (unsigned i = 0; i < 32; i++)
            load_as(MODE_S, base + i * 0x10000, 8);
        CHECK_NO_TRAP();
        *pte = 0;
        asm volatile("sfence.vma %0" ::"r"(base + 0x155000) : "memory");
        for (unsigned i = 0; i < 32; i++) {
            load_as(MODE_S, base + i * 0x10000, 8);
            CHECK_TRAP(CAUSE_load_page, base + i * 0x10000);
        }
    }
}

/* A global page serves every address space. */
static void globals(void)
{
    fresh(SV39);
    page_a[0] = 0x61;
    page_b[0] = 0x62;
    paging_map(VA, (uint64_t)page_a, 0, PTE_R | PTE_G);
    uint64_t one = paging_satp(1);
    paging_another();
    paging_map_program();
    paging_map(VA, (uint64_t)page_a, 0, PTE_R | PTE_G);
    uint64_t two = paging_satp(2);
    sfence_vma();
    csr_write(CSR_satp, one);
    CHECK_EQ(load_as(MODE_S, VA, 8), 0x61);
    csr_write(CSR_satp, two);
    CHECK_EQ(load_as(MODE_S, VA, 8), 0x61);
    paging_map(VA, (uint64_t)page_b, 0, PTE_R | PTE_G);
    asm volatile("sfence.vma %0" ::"r"(VA) : "memory");
    CHECK_EQ(load_as(MODE_S, VA, 8), 0x62);
    csr_write(CSR_satp, 0);
}

/* Supervisors' code: one page that is each address space's own and one that all have. No fence between. */
static void put_answer(uint64_t *page, unsigned answer)
{
    uint32_t *at = (uint32_t *)page;
    put_code((uint64_t *)(at + 1));
    at[0] = answer << 20 | 10 << 7 | 0x13; /* addi a0, zero, answer */
    fence_i();
}

static void code_spaces(void)
{
    enum { OWN = 0x100, COMMON = 0x200, ROUNDS = 1200 };
    EACH_MODE(m)
    {
        uint64_t satp[4];
        volatile uint64_t *common[4];
        fresh(m);
        put_answer(page_a, COMMON);
        put_answer(page_b, COMMON + 1);
        for (unsigned i = 0; i < 4; i++) {
            paging_another();
            paging_map_program();
            put_answer(sixteen[i], OWN + i);
            paging_map(VA, (uint64_t)sixteen[i], 0, PTE_R | PTE_X);
            paging_map(VA + PAGE, (uint64_t)page_a, 0, PTE_R | PTE_X | PTE_G);
            common[i] = paging_entry(VA + PAGE, 0);
            satp[i] = paging_satp(i + 1);
        }
        sfence_vma();
        for (unsigned n = 0; n < ROUNDS; n++) {
            unsigned i = (n * 7 + n / 5) & 3;
            row("mode %d, round %d", (uint64_t)m, (uint64_t)n);
            csr_write(CSR_satp, satp[i]);
            CHECK_EQ(CALL_IN(MODE_S, VA + PAGE, 0), COMMON);
            CHECK_EQ(CALL_IN(MODE_S, VA, 0), OWN + i);
        }
        for (unsigned i = 0; i < 4; i++) /* and one fence for all of them */
            *common[i] = pte_make((uint64_t)page_b, PTE_V | PTE_R | PTE_X | PTE_G | PTE_AD);
        asm volatile("sfence.vma %0" ::"r"(VA + PAGE) : "memory");
        CHECK_EQ(CALL_IN(MODE_S, VA + PAGE, 0), COMMON + 1);
        csr_write(CSR_satp, satp[0]);
        CHECK_EQ(CALL_IN(MODE_S, VA + PAGE, 0), COMMON + 1);
        CHECK_EQ(CALL_IN(MODE_S, VA, 0), OWN);
        csr_write(CSR_satp, 0);
    }
}

/* A large page of code goes somewhere else; the fence's address is in it, but none of the code is there. */
static void code_in_large_pages(void)
{
    enum { LARGE = 2 << 20 };
    uint64_t there = 0x81000000, base = 4ul << 30;
    EACH_MODE(m)
    {
        fresh(m);
        row("mode %d", (uint64_t)m);
        for (unsigned i = 0; i < 8; i++)
            put_answer((uint64_t *)(there + i % 4 * 5 * PAGE + i / 4 * LARGE), i);
        for (unsigned n = 0; n < 6; n++) {
            paging_map(base, there + (n & 1) * LARGE, 1, PTE_R | PTE_X | (n < 3 ? PTE_G : 0));
            asm volatile("sfence.vma %0" ::"r"(base + 0x155000) : "memory");
            for (unsigned i = 0; i < 4; i++)
                CHECK_EQ(CALL_IN(MODE_S, base + i * 5 * PAGE, 0), i + (n & 1) * 4);
        }
        csr_write(CSR_satp, 0);
    }
}

/* ---- modes of satp ---- */

/* In S mode itself: bare, then paged at once, then bare. */
static uint64_t switch_satp(uint64_t satp)
{
    uint64_t bare, paged, again;
    asm volatile("ld %0, (%4)\n csrw satp, %3\n sfence.vma\n ld %1, (%4)\n csrw satp, zero\n sfence.vma\n ld %2, (%4)"
                 : "=&r"(bare), "=&r"(paged), "=&r"(again)
                 : "r"(satp), "r"(page_a)
                 : "memory");
    return bare << 40 | paged << 20 | again;
}

static void satp_switch(void)
{
    EACH_MODE(m)
    {
        paging_new(m);
        paging_map_program();
        row("mode %d", (uint64_t)m);
        page_a[0] = 0xa0;
        page_b[0] = 0xb0;
        /* the GiB of RAM again, but in small pages, with page_a and page_b exchanged */
        *paging_entry(0x80000000, 2) = 0;
        for (uint64_t at = 0x80000000; at < 0x80400000; at += PAGE)
            paging_map(at, at == (uint64_t)page_a ? (uint64_t)page_b : at == (uint64_t)page_b ? (uint64_t)page_a : at, 0, PTE_RWX);
        CHECK_EQ(CALL_IN(MODE_S, switch_satp, paging_satp(0)), 0xa0ul << 40 | 0xb0ul << 20 | 0xa0);
        CHECK_NO_TRAP();
    }
}

/* M mode is never translated, whatever satp says, and MPRV with MPP = M neither. */
static void machine_mode(void)
{
    fresh(SV39);
    page_a[0] = 0x77;
    paging_map((uint64_t)page_a & ~0x3ffffffful, 0, 2, 0);
    sfence_vma();
    CHECK_EQ(*(volatile uint64_t *)page_a, 0x77);
    CHECK_EQ(load_as(MODE_M, (uint64_t)page_a, 8), 0x77);
    CHECK_NO_TRAP();
}

/* A store to a page table is seen at the next walk after a fence, when S mode does both. */
static uint64_t remap_in_s(uint64_t arg)
{
    volatile uint64_t *pte = (volatile uint64_t *)arg;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 100; i++) {
        *pte = pte_make((uint64_t)(i & 1 ? page_b : page_a), PTE_V | PTE_R | PTE_AD);
        asm volatile("sfence.vma %0" ::"r"(VA) : "memory");
        sum = sum * 3 + *(volatile uint64_t *)VA;
    }
    return sum;
}

static void remap(void)
{
    uint64_t sum = 0;
    fresh(SV39);
    page_a[0] = 1;
    page_b[0] = 2;
    for (unsigned i = 0; i < 100; i++)
        sum = sum * 3 + (i & 1 ? 2 : 1);
    volatile uint64_t *pte = paging_entry(VA, 0);
    CHECK_EQ(CALL_IN(MODE_S, remap_in_s, pte), sum);
    CHECK_NO_TRAP();
}

const struct test tests[] = {
    TEST("address spaces by ASID", asids),
    TEST("every kind of fence", fences),
    TEST("fences of many pages", fences_of_many),
    TEST("fences of superpages", fences_large),
    TEST("global pages", globals),
    TEST("code of address spaces", code_spaces),
    TEST("code in large pages", code_in_large_pages),
    TEST("satp in S mode", satp_switch),
    TEST("M mode is not translated", machine_mode),
    TEST("a page remapped over and over", remap),
    {NULL, NULL},
};
