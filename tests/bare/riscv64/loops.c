/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loops that go through one base register, while what its page means changes between them: translators remember the last page of a
 * register, and must forget it with the mapping. t6 is the base, which compilers leave alone in between; the loops are
 * entered at their counts, so that even the first access is the loop's own.
 */
#include "paging.h"

#define VA 0x40000000ul
enum { ROUNDS = 40, CHANGES = 12 };

static uint64_t pages[2][512] ALIGNED(4096);
static uint32_t code[1024] ALIGNED(4096);

enum { FENCE_all, FENCE_va, FENCE_asid, FENCE_va_asid, FENCES };

static void fence_by(unsigned kind)
{
    switch (kind) {
    case FENCE_all: asm volatile("sfence.vma" ::: "memory"); break;
    case FENCE_va: asm volatile("sfence.vma %0" ::"r"(VA) : "memory"); break;
    case FENCE_asid: asm volatile("sfence.vma zero, %0" ::"r"(0ul) : "memory"); break;
    default: asm volatile("sfence.vma %0, %1" ::"r"(VA), "r"(0ul) : "memory");
    }
}

/* In M mode with the translation of S mode. */
static uint64_t sum(uint64_t va)
{
    uint64_t status = STATUS_MPRV | (STATUS_MPP & 1ul << 11) /* MPP = S */, total = 0, n = ROUNDS + 1;
    csr_clear(CSR_mstatus, STATUS_MPP);
    asm volatile(
        "mv t6, %2\n csrs mstatus, %3\n j 2f\n 1: ld t5, 8(t6)\n add %0, %0, t5\n 2: addi %1, %1, -1\n bnez %1, 1b\n csrc mstatus, %3"
        : "+r"(total), "+r"(n)
        : "r"(va), "r"(status)
        : "t5", "t6", "memory");
    return total;
}

static void fill(uint64_t va, uint64_t value)
{
    uint64_t status = STATUS_MPRV | (STATUS_MPP & 1ul << 11) /* MPP = S */, n = ROUNDS + 1;
    csr_clear(CSR_mstatus, STATUS_MPP);
    asm volatile("mv t6, %1\n csrs mstatus, %2\n j 2f\n 1: sd %3, 16(t6)\n 2: addi %0, %0, -1\n bnez %0, 1b\n csrc mstatus, %2"
                 : "+r"(n)
                 : "r"(va), "r"(status), "r"(value)
                 : "t6", "memory");
}

static bool space(void)
{
    paging_new(SV39);
    paging_map_program();
    paging_map(VA, (uint64_t)pages[0], 0, PTE_R | PTE_W);
    return paging_on(0);
}

static void mapped_anew(void)
{
    CHECK(space());
    pages[0][1] = 1;
    pages[1][1] = 1000;
    for (unsigned kind = 0; kind < FENCES; kind++)
        for (unsigned i = 0; i < CHANGES; i++) {
            row("fence %d, change %d", (uint64_t)kind, (uint64_t)i);
            *paging_entry(VA, 0) = pte_make((uint64_t)pages[i & 1], PTE_V | PTE_R | PTE_W | PTE_AD);
            fence_by(kind);
            CHECK_EQ(sum(VA), ROUNDS * pages[i & 1][1]);
            pages[0][2] = pages[1][2] = 0;
            fill(VA, i + 5);
            CHECK_EQ(pages[i & 1][2], i + 5);
            CHECK_EQ(pages[~i & 1][2], 0);
        }
}

/* Two virtual pages in a row whose bytes lie the other way round: what crosses is not one piece of memory. */
static void across(void)
{
    uint64_t status = STATUS_MPRV | (STATUS_MPP & 1ul << 11), n = ROUNDS + 1, total = 0;
    CHECK(space());
    paging_map(VA, (uint64_t)pages[1], 0, PTE_R | PTE_W);
    paging_map(VA + PAGE, (uint64_t)pages[0], 0, PTE_R | PTE_W);
    sfence_vma();
    pages[1][511] = 7ul << 32;
    pages[0][0] = 9;
    csr_clear(CSR_mstatus, STATUS_MPP);
    asm volatile(
        "mv t6, %2\n csrs mstatus, %3\n j 2f\n 1: lw t5, -4(t6)\n ld t5, 0(t6)\n add %0, %0, t5\n 2: addi %1, %1, -1\n bnez %1, 1b\n"
        "csrc mstatus, %3"
        : "+r"(total), "+r"(n)
        : "r"(VA + PAGE - 4), "r"(status)
        : "t5", "t6", "memory");
    CHECK_EQ(total, ROUNDS * (9ul << 32 | 7));
}

/* Stores that have long been fast, into a page that gets code and then other code. */
static void code_beneath(void)
{
    csr_write(CSR_satp, 0);
    for (unsigned i = 0; i < CHANGES * 4; i++) {
        uint64_t n = ROUNDS + 1, two = (uint64_t)0x8067 << 32 | (i << 20 | 10 << 7 | 0x13); /* li a0, i; ret */
        row("change %d", (uint64_t)i);
        asm volatile("mv t6, %1\n j 2f\n 1: sd %2, 0(t6)\n 2: addi %0, %0, -1\n bnez %0, 1b"
                     : "+r"(n)
                     : "r"(code), "r"(two)
                     : "t6", "memory");
        fence_i();
        CHECK_EQ(((uint64_t(*)(void))(uint64_t)code)(), i);
    }
}

const struct test tests[] = {
    TEST("a page that is mapped anew", mapped_anew),
    TEST("across two pages", across),
    TEST("a page that gets code", code_beneath),
    {NULL, NULL},
};
