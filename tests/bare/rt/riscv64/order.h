/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Accesses of 64 bits with the order that the memory model (RVWMO) gives them, each exactly the insns it names; for litmus.c and for waits. */
#pragma once
#include <stdint.h>

static inline void relax(void) { asm volatile(".4byte 0x0100000f" ::: "memory"); } /* pause: for loops that wait for another hart */
static inline void fence(void) { asm volatile("fence" ::: "memory"); }
static inline void fence_full(void) { asm volatile("fence rw, rw" ::: "memory"); }
static inline void fence_loads(void) { asm volatile("fence r, r" ::: "memory"); }
static inline void fence_stores(void) { asm volatile("fence w, w" ::: "memory"); }
static inline void fence_load_store(void) { asm volatile("fence r, w" ::: "memory"); }

static inline void put_plain(volatile uint64_t *p, uint64_t v) { asm volatile("sd %1, (%0)" ::"r"(p), "r"(v) : "memory"); }
static inline void put_release(volatile uint64_t *p, uint64_t v)
{
    asm volatile("amoswap.d.rl zero, %1, (%0)" ::"r"(p), "r"(v) : "memory");
}
static inline void put_ordered(volatile uint64_t *p, uint64_t v) /* before every get_ordered() that follows */
{
    asm volatile("amoswap.d.aqrl zero, %1, (%0)" ::"r"(p), "r"(v) : "memory");
}

static inline uint64_t get_plain(volatile uint64_t *p)
{
    uint64_t v;
    asm volatile("ld %0, (%1)" : "=r"(v) : "r"(p) : "memory");
    return v;
}
static inline uint64_t get_acquire(volatile uint64_t *p)
{
    uint64_t v;
    asm volatile("lr.d.aq %0, (%1)" : "=r"(v) : "r"(p) : "memory");
    return v;
}
static inline uint64_t get_ordered(volatile uint64_t *p)
{
    uint64_t v;
    asm volatile("lr.d.aqrl %0, (%1)" : "=r"(v) : "r"(p) : "memory");
    return v;
}
/* Zero, but only once v is there: for dependencies of addresses and data. */
static inline uint64_t zero_of(uint64_t v)
{
    uint64_t zero;
    asm volatile("xor %0, %1, %1" : "=r"(zero) : "r"(v));
    return zero;
}

/* Stores of 8, 4 and 2 bytes, at 0, 8 and 16; and what comes back of them, sign-extended. */
static inline void put_sizes(void *p, uint64_t v)
{
    asm volatile("sd %1, (%0)\n sw %1, 8(%0)\n sh %1, 16(%0)" ::"r"(p), "r"(v) : "memory");
}
static inline void get_sizes(const void *p, int64_t v[3])
{
    asm volatile("ld %0, (%3)\n lw %1, 8(%3)\n lh %2, 16(%3)" : "=&r"(v[0]), "=&r"(v[1]), "=&r"(v[2]) : "r"(p) : "memory");
}
