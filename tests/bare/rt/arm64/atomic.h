/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Atomic accesses, each exactly the insns it names: those of LSE, and exclusive pairs in all the shapes that translators treat differently. */
#pragma once
#include <stdint.h>

/* ---- in one insn ---- */
static inline void amo_add(void *p, uint64_t v) { asm volatile("stadd %1, [%0]" ::"r"(p), "r"(v) : "memory"); }
static inline void amo_xor(void *p, uint64_t v) { asm volatile("steor %1, [%0]" ::"r"(p), "r"(v) : "memory"); }
static inline void amo_max(void *p, uint64_t v) { asm volatile("stumax %1, [%0]" ::"r"(p), "r"(v) : "memory"); }
static inline void amo_min32(void *p, int32_t v) { asm volatile("stsmin %w1, [%0]" ::"r"(p), "r"(v) : "memory"); }
#define AMO(name, insn, width, value)                                                                      \
    static inline uint64_t name(void *p, uint64_t v)                                                       \
    {                                                                                                      \
        uint64_t old;                                                                                      \
        asm volatile(insn " %" width "2, %" width "0, [%1]" : "=&r"(old) : "r"(p), "r"(value) : "memory"); \
        return old;                                                                                        \
    }
AMO(amo_add_ordered, "ldaddal", "", v)
AMO(amo_add32, "ldadd", "w", v)
AMO(amo_or, "ldset", "", v)
AMO(amo_and, "ldclr", "", ~v)
AMO(amo_swap32_acquire, "swpa", "w", v)
#undef AMO
static inline void amo_clear32_release(void *p) { asm volatile("swpl wzr, w9, [%0]" ::"r"(p) : "x9", "memory"); }

/* ---- in two ---- */
static inline uint64_t load_linked(void *p)
{
    uint64_t v;
    asm volatile("ldxr %0, [%1]\n tbnz %0, #63, 1f\n1:" : "=r"(v) : "r"(p) : "memory"); /* the block ends behind it */
    return v;
}
static inline uint64_t store_conditional(void *p, uint64_t v) /* not 0: it failed */
{
    uint64_t failed;
    asm volatile("stxr %w0, %2, [%1]" : "=&r"(failed) : "r"(p), "r"(v) : "memory");
    return failed;
}
static inline void linked_add(void *p)
{
    asm volatile("1: ldxr x9, [%0]\n add x9, x9, #1\n stxr w10, x9, [%0]\n cbnz w10, 1b" ::"r"(p) : "x9", "x10", "memory");
}
static inline void linked_add32_ordered(void *p)
{
    asm volatile("1: ldaxr w9, [%0]\n add w9, w9, #1\n stlxr w10, w9, [%0]\n cbnz w10, 1b" ::"r"(p) : "x9", "x10", "memory");
}
/* A branch and a loop between the two. */
static inline void linked_add_branch(void *p)
{
    asm volatile("1: ldxr x9, [%0]\n tbz x9, #1, 2f\n add x9, x9, #1\n b 3f\n2: mov x11, #100\n4: sub x11, x11, #1\n cbnz x11, 4b\n"
                 "add x9, x9, #1\n3: stxr w10, x9, [%0]\n cbnz w10, 1b" ::"r"(p)
                 : "x9", "x10", "x11", "memory");
}
/* A load, of the word 8 bytes on, which is added too. */
static inline void linked_add32_load(void *p)
{
    asm volatile("1: ldxr w9, [%0]\n ldr w10, [%0, 8]\n add w9, w9, w10\n add w9, w9, #1\n stxr w10, w9, [%0]\n cbnz w10, 1b" ::"r"(p)
                 : "x9", "x10", "memory");
}
static inline void linked_lock32(void *p)
{
    asm volatile("1: ldaxr w9, [%0]\n cbnz w9, 1b\n mov w9, #1\n stxr w10, w9, [%0]\n cbnz w10, 1b" ::"r"(p) : "x9", "x10", "memory");
}
static inline void plain_unlock32(void *p) { asm volatile("stlr wzr, [%0]" ::"r"(p) : "memory"); }
/* A stack's head points to the first node, whose first word points to the next; 0: no more. */
static inline void *linked_pop(void *head)
{
    void *node;
    uint64_t failed;
    asm volatile("1: ldaxr %0, [%2]\n cbz %0, 2f\n ldr x9, [%0]\n stxr %w1, x9, [%2]\n cbnz %w1, 1b\n2:"
                 : "=&r"(node), "=&r"(failed)
                 : "r"(head)
                 : "x9", "memory");
    return node;
}
static inline void linked_push(void *head, void *node)
{
    asm volatile("1: ldxr x9, [%1]\n str x9, [%0]\n stlxr w10, %0, [%1]\n cbnz w10, 1b" ::"r"(node), "r"(head) : "x9", "x10", "memory");
}
static inline void linked_touch(void *p) /* the same value again */
{
    asm volatile("1: ldxr x9, [%0]\n stxr w10, x9, [%0]\n cbnz w10, 1b" ::"r"(p) : "x9", "x10", "memory");
}
/* Between the two `*turn` becomes t + 1 and something else by another; 1000 is what would be stored. Not 0: it failed. */
static inline uint64_t linked_store_after_turn(void *p, volatile uint64_t *turn, uint64_t t)
{
    uint64_t failed;
    asm volatile("ldxr x9, [%1]\n add x10, %3, #1\n dmb ish\n str x10, [%2]\n1: ldr x11, [%2]\n cmp x11, x10\n b.eq 1b\n dmb ish\n"
                 "mov x9, #1000\n stxr %w0, x9, [%1]"
                 : "=&r"(failed)
                 : "r"(p), "r"(turn), "r"(t)
                 : "x9", "x10", "x11", "cc", "memory");
    return failed;
}
