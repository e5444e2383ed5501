/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Atomic accesses, each exactly the insns it names: AMOs, and pairs of LR and SC in all the shapes that translators treat differently. */
#pragma once
#include <stdint.h>

/* ---- in one insn ---- */
static inline void amo_add(void *p, uint64_t v) { asm volatile("amoadd.d zero, %1, (%0)" ::"r"(p), "r"(v) : "memory"); }
static inline void amo_xor(void *p, uint64_t v) { asm volatile("amoxor.d zero, %1, (%0)" ::"r"(p), "r"(v) : "memory"); }
static inline void amo_max(void *p, uint64_t v) { asm volatile("amomaxu.d zero, %1, (%0)" ::"r"(p), "r"(v) : "memory"); }
static inline void amo_min32(void *p, int32_t v) { asm volatile("amomin.w zero, %1, (%0)" ::"r"(p), "r"(v) : "memory"); }
#define AMO(name, insn)                                                              \
    static inline uint64_t name(void *p, uint64_t v)                                 \
    {                                                                                \
        uint64_t old;                                                                \
        asm volatile(insn " %0, %2, (%1)" : "=&r"(old) : "r"(p), "r"(v) : "memory"); \
        return old;                                                                  \
    }
AMO(amo_add_ordered, "amoadd.d.aqrl")
AMO(amo_add32, "amoadd.w")
AMO(amo_or, "amoor.d")
AMO(amo_and, "amoand.d")
AMO(amo_swap32_acquire, "amoswap.w.aq")
#undef AMO
static inline void amo_clear32_release(void *p) { asm volatile("amoswap.w.rl zero, zero, (%0)" ::"r"(p) : "memory"); }

/* ---- in two ---- */
static inline uint64_t load_linked(void *p)
{
    uint64_t v;
    asm volatile("lr.d %0, (%1)\n bltz %0, 1f\n1:" : "=r"(v) : "r"(p) : "memory"); /* the block ends behind it */
    return v;
}
static inline uint64_t store_conditional(void *p, uint64_t v) /* not 0: it failed */
{
    uint64_t failed;
    asm volatile("sc.d %0, %2, (%1)" : "=&r"(failed) : "r"(p), "r"(v) : "memory");
    return failed;
}
static inline void linked_add(void *p)
{
    asm volatile("1: lr.d t0, (%0)\n addi t0, t0, 1\n sc.d t1, t0, (%0)\n bnez t1, 1b" ::"r"(p) : "t0", "t1", "memory");
}
static inline void linked_add32_ordered(void *p)
{
    asm volatile("1: lr.w.aq t0, (%0)\n addi t0, t0, 1\n sc.w.rl t1, t0, (%0)\n bnez t1, 1b" ::"r"(p) : "t0", "t1", "memory");
}
/* A branch and a loop between the two. */
static inline void linked_add_branch(void *p)
{
    asm volatile(
        "1: lr.d t0, (%0)\n andi t1, t0, 2\n beqz t1, 2f\n addi t0, t0, 1\n j 3f\n2: li t2, 100\n4: addi t2, t2, -1\n bnez t2, 4b\n"
        "addi t0, t0, 1\n3: sc.d t1, t0, (%0)\n bnez t1, 1b" ::"r"(p)
        : "t0", "t1", "t2", "memory");
}
/* A load, of the word 8 bytes on, which is added too. */
static inline void linked_add32_load(void *p)
{
    asm volatile("1: lr.w t0, (%0)\n lw t1, 8(%0)\n add t0, t0, t1\n addi t0, t0, 1\n sc.w t1, t0, (%0)\n bnez t1, 1b" ::"r"(p)
                 : "t0", "t1", "memory");
}
static inline void linked_lock32(void *p)
{
    asm volatile("1: lr.w.aq t0, (%0)\n bnez t0, 1b\n li t0, 1\n sc.w t1, t0, (%0)\n bnez t1, 1b" ::"r"(p) : "t0", "t1", "memory");
}
static inline void plain_unlock32(void *p) { asm volatile("fence rw, w\n sw zero, (%0)" ::"r"(p) : "memory"); }
/* A stack's head points to the first node, whose first word points to the next; 0: no more. */
static inline void *linked_pop(void *head)
{
    void *node;
    uint64_t failed;
    asm volatile("1: lr.d.aq %0, (%2)\n beqz %0, 2f\n ld t0, (%0)\n sc.d %1, t0, (%2)\n bnez %1, 1b\n2:"
                 : "=&r"(node), "=&r"(failed)
                 : "r"(head)
                 : "t0", "memory");
    return node;
}
static inline void linked_push(void *head, void *node)
{
    asm volatile("1: lr.d t0, (%1)\n sd t0, (%0)\n fence rw, w\n sc.d.rl t1, %0, (%1)\n bnez t1, 1b" ::"r"(node), "r"(head)
                 : "t0", "t1", "memory");
}
static inline void linked_touch(void *p) /* the same value again */
{
    asm volatile("1: lr.d t0, (%0)\n sc.d t1, t0, (%0)\n bnez t1, 1b" ::"r"(p) : "t0", "t1", "memory");
}
/* Between the two `*turn` becomes t + 1 and something else by another; 1000 is what would be stored. Not 0: it failed. */
static inline uint64_t linked_store_after_turn(void *p, volatile uint64_t *turn, uint64_t t)
{
    uint64_t failed;
    asm volatile("lr.d t0, (%1)\n addi t1, %3, 1\n fence\n sd t1, (%2)\n1: ld t2, (%2)\n beq t2, t1, 1b\n fence\n"
                 "li t0, 1000\n sc.d %0, t0, (%1)"
                 : "=&r"(failed)
                 : "r"(p), "r"(turn), "r"(t)
                 : "t0", "t1", "t2", "memory");
    return failed;
}
