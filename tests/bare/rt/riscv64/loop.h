/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loops of ../../loops.c, in M mode with the translation of S mode. t6 is the base, which compilers leave alone in between; loops are entered at
 * their counts, so that even the first access is the loop's own.
 */
#pragma once
#include "paging.h"

#define LOOP_VA   0x40000000ul
#define LOOP_PAGE PAGE
enum { LOOP_FENCES = 4 };

static inline uint64_t loop_status(void)
{
    csr_clear(CSR_mstatus, STATUS_MPP);
    return STATUS_MPRV | (STATUS_MPP & 1ul << 11) /* MPP = S */;
}

static inline bool loop_space(void)
{
    paging_new(SV39);
    paging_map_program();
    return paging_on(0);
}
/* The page is mapped, perhaps anew, which is seen from here on by one kind of fence. */
static inline void loop_map(uint64_t va, void *page, unsigned fence_kind)
{
    paging_map(va, (uint64_t)page, 0, PTE_R | PTE_W);
    switch (fence_kind) {
    case 0: asm volatile("sfence.vma" ::: "memory"); break;
    case 1: asm volatile("sfence.vma %0" ::"r"(va) : "memory"); break;
    case 2: asm volatile("sfence.vma zero, %0" ::"r"(0ul) : "memory"); break;
    default: asm volatile("sfence.vma %0, %1" ::"r"(va), "r"(0ul) : "memory");
    }
}

/* The sum of so many loads of va + 8. */
static inline uint64_t loop_sum(uint64_t va, uint64_t rounds)
{
    uint64_t total = 0, n = rounds + 1;
    asm volatile(
        "mv t6, %2\n csrs mstatus, %3\n j 2f\n 1: ld t5, 8(t6)\n add %0, %0, t5\n 2: addi %1, %1, -1\n bnez %1, 1b\n csrc mstatus, %3"
        : "+&r"(total), "+&r"(n)
        : "r"(va), "r"(loop_status())
        : "t5", "t6", "memory");
    return total;
}

/* The same of loads of va - 4 (32 bits, which are dropped) and va: 64 bits that cross the page first. */
static inline uint64_t loop_sum_across(uint64_t va, uint64_t rounds)
{
    uint64_t total = 0, n = rounds + 1;
    asm volatile(
        "mv t6, %2\n csrs mstatus, %3\n j 2f\n 1: lw t5, 0(t6)\n ld t5, -4(t6)\n add %0, %0, t5\n 2: addi %1, %1, -1\n bnez %1, 1b\n"
        "csrc mstatus, %3"
        : "+&r"(total), "+&r"(n)
        : "r"(va), "r"(loop_status())
        : "t5", "t6", "memory");
    return total;
}

/* So many stores to va + 16. */
static inline void loop_fill(uint64_t va, uint64_t rounds, uint64_t value)
{
    uint64_t n = rounds + 1;
    asm volatile("mv t6, %1\n csrs mstatus, %2\n j 2f\n 1: sd %3, 16(t6)\n 2: addi %0, %0, -1\n bnez %0, 1b\n csrc mstatus, %2"
                 : "+&r"(n)
                 : "r"(va), "r"(loop_status()), "r"(value)
                 : "t6", "memory");
}

/* A function that returns n, as two insns in one word; so many stores of it. */
static inline uint64_t loop_function(unsigned n) { return (uint64_t)0x8067 << 32 | (n << 20 | 10 << 7 | 0x13) /* li a0, n; ret */; }
static inline void loop_write(void *at, uint64_t rounds, uint64_t value)
{
    uint64_t n = rounds + 1;
    asm volatile("mv t6, %1\n j 2f\n 1: sd %2, 0(t6)\n 2: addi %0, %0, -1\n bnez %0, 1b" : "+&r"(n) : "r"(at), "r"(value) : "t6", "memory");
    fence_i();
}
#define LOOP_CODE ALIGNED(4096)
static inline void loop_no_space(void) { csr_write(CSR_satp, 0); }
