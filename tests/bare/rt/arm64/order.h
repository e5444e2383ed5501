/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Accesses of 64 bits with the order that the memory model of Arm gives them, each exactly the insns it names; for litmus.c and for waits. */
#pragma once
#include <stdint.h>

static inline void relax(void) { asm volatile("yield" ::: "memory"); } /* for loops that wait for another vCPU */
static inline void fence(void) { asm volatile("dsb sy" ::: "memory"); }
static inline void fence_full(void) { asm volatile("dmb ish" ::: "memory"); }
static inline void fence_loads(void) { asm volatile("dmb ishld" ::: "memory"); }
static inline void fence_stores(void) { asm volatile("dmb ishst" ::: "memory"); }
static inline void fence_load_store(void) { asm volatile("dmb ishld" ::: "memory"); }

static inline void put_plain(volatile uint64_t *p, uint64_t v) { asm volatile("str %1, [%0]" ::"r"(p), "r"(v) : "memory"); }
static inline void put_release(volatile uint64_t *p, uint64_t v) { asm volatile("stlr %1, [%0]" ::"r"(p), "r"(v) : "memory"); }
static inline void put_ordered(volatile uint64_t *p, uint64_t v) { put_release(p, v); } /* before every get_ordered() that follows */

static inline uint64_t get_plain(volatile uint64_t *p)
{
    uint64_t v;
    asm volatile("ldr %0, [%1]" : "=r"(v) : "r"(p) : "memory");
    return v;
}
static inline uint64_t get_acquire(volatile uint64_t *p)
{
    uint64_t v;
    asm volatile("ldapr %0, [%1]" : "=r"(v) : "r"(p) : "memory");
    return v;
}
static inline uint64_t get_ordered(volatile uint64_t *p)
{
    uint64_t v;
    asm volatile("ldar %0, [%1]" : "=r"(v) : "r"(p) : "memory");
    return v;
}
/* Zero, but only once v is there: for dependencies of addresses and data. */
static inline uint64_t zero_of(uint64_t v)
{
    uint64_t zero;
    asm volatile("eor %0, %1, %1" : "=r"(zero) : "r"(v));
    return zero;
}

/* Stores of 8, 4 and 2 bytes, at 0, 8 and 16; and what comes back of them, sign-extended. */
static inline void put_sizes(void *p, uint64_t v)
{
    asm volatile("str %1, [%0]\n str %w1, [%0, 8]\n strh %w1, [%0, 16]" ::"r"(p), "r"(v) : "memory");
}
static inline void get_sizes(const void *p, int64_t v[3])
{
    asm volatile("ldr %0, [%3]\n ldrsw %1, [%3, 8]\n ldrsh %2, [%3, 16]" : "=&r"(v[0]), "=&r"(v[1]), "=&r"(v[2]) : "r"(p) : "memory");
}
