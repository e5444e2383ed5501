/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loops of ../../loops.c, at EL1. x16 is the base, which compilers leave alone in between; loops are entered at their counts, so that even the
 * first access is the loop's own.
 */
#pragma once
#include "paging.h"

#define LOOP_VA   0x1000000000ul
#define LOOP_PAGE 4096ul
enum { LOOP_FENCES = 6 };

static inline bool loop_space(void)
{
    paging_new(12, 39);
    paging_map_program();
    paging_on(1);
    return true;
}
/* The page is mapped, perhaps anew: the old entry is forgotten by one kind of TLBI before the new one is there (break before make). */
static inline void loop_map(uint64_t va, void *page, unsigned fence_kind)
{
    uint64_t number = va >> 12, asid = 1ul << 48;
    *paging_entry(va, 3) = 0;
    asm volatile("dsb ishst" ::: "memory");
    switch (fence_kind) {
    case 0: asm volatile("tlbi vmalle1" ::: "memory"); break;
    case 1: asm volatile("tlbi vae1, %0" ::"r"(asid | number) : "memory"); break;
    case 2: asm volatile("tlbi aside1, %0" ::"r"(asid) : "memory"); break;
    case 3: asm volatile("tlbi vaae1is, %0" ::"r"(number) : "memory"); break;
    case 4: asm volatile("tlbi vale1is, %0" ::"r"(asid | number) : "memory"); break;
    default: asm volatile("tlbi vmalle1is" ::: "memory");
    }
    asm volatile("dsb ish" ::: "memory");
    paging_map(va, (uint64_t)page, 3, PTE_NG | PTE_UXN | PTE_PXN);
    asm volatile("dsb ishst\n isb" ::: "memory");
}

/* The sum of so many loads of va + 8. */
static inline uint64_t loop_sum(uint64_t va, uint64_t rounds)
{
    uint64_t total = 0, n = rounds + 1;
    asm volatile("mov x16, %2\n b 2f\n 1: ldr x17, [x16, 8]\n add %0, %0, x17\n 2: sub %1, %1, #1\n cbnz %1, 1b"
                 : "+&r"(total), "+&r"(n)
                 : "r"(va)
                 : "x16", "x17", "memory");
    return total;
}

/* The same of 64 bits at va - 4, which cross the page, behind a load of va. */
static inline uint64_t loop_sum_across(uint64_t va, uint64_t rounds)
{
    uint64_t total = 0, n = rounds + 1;
    asm volatile("mov x16, %2\n b 2f\n 1: ldr w17, [x16]\n ldur x17, [x16, -4]\n add %0, %0, x17\n 2: sub %1, %1, #1\n cbnz %1, 1b"
                 : "+&r"(total), "+&r"(n)
                 : "r"(va)
                 : "x16", "x17", "memory");
    return total;
}

/* So many stores to va + 16. */
static inline void loop_fill(uint64_t va, uint64_t rounds, uint64_t value)
{
    uint64_t n = rounds + 1;
    asm volatile("mov x16, %1\n b 2f\n 1: str %2, [x16, 16]\n 2: sub %0, %0, #1\n cbnz %0, 1b"
                 : "+&r"(n)
                 : "r"(va), "r"(value)
                 : "x16", "memory");
}

/* A function that returns n, as two insns in one word; so many stores of it. */
static inline uint64_t loop_function(unsigned n) { return 0xd65f03c0ul << 32 | (0xd2800000u | n << 5) /* mov x0, #n; ret */; }
static inline void loop_write(void *at, uint64_t rounds, uint64_t value)
{
    uint64_t n = rounds + 1;
    asm volatile("mov x16, %1\n b 2f\n 1: str %2, [x16]\n 2: sub %0, %0, #1\n cbnz %0, 1b"
                 : "+&r"(n)
                 : "r"(at), "r"(value)
                 : "x16", "memory");
    code_sync(at, 8);
}
#define LOOP_CODE CODE
static inline void loop_no_space(void) { space_plain(); }
