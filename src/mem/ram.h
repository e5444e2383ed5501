/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Plain accesses of a guest to its RAM, by host address. An aligned one is one access of the host, so that no other vCPU sees half of it.
 * Where the compiler may use unaligned accesses, a memcpy of constant size is one as well; elsewhere it may be made of bytes.
 * vCPUs may race here as the guest's memory model allows: tests/tsan.supp knows these functions by their names.
 */
#pragma once
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) || defined(__ARM_FEATURE_UNALIGNED) || defined(__riscv_misaligned_fast)
enum { RAM_STRICT = 0 };
#else
enum { RAM_STRICT = 1 };
#endif

#define RAM_SIZES(X) X(8, uint8_t) X(16, uint16_t) X(32, uint32_t) X(64, uint64_t)

#define RAM_ACCESS(bits, type)                                      \
    static inline type ram_get_##bits(uintptr_t host)               \
    {                                                               \
        type v;                                                     \
        if (RAM_STRICT && host % sizeof v == 0)                     \
            return __atomic_load_n((type *)host, __ATOMIC_RELAXED); \
        memcpy(&v, (const void *)host, sizeof v);                   \
        return v;                                                   \
    }                                                               \
    static inline void ram_put_##bits(uintptr_t host, type v)       \
    {                                                               \
        if (RAM_STRICT && host % sizeof v == 0)                     \
            __atomic_store_n((type *)host, v, __ATOMIC_RELAXED);    \
        else                                                        \
            memcpy((void *)host, &v, sizeof v);                     \
    }
RAM_SIZES(RAM_ACCESS)
#undef RAM_ACCESS

/* Sizes known when they run: those of registers at once, others in whatever pieces. */
static inline void ram_read(void *to, const uint8_t *host, uint64_t size)
{
    switch (size) {
#define X(bits, type)                             \
    case bits / 8: {                              \
        type v = ram_get_##bits((uintptr_t)host); \
        memcpy(to, &v, sizeof v);                 \
        return;                                   \
    }
        RAM_SIZES(X)
#undef X
    case 16: memcpy(to, host, 16); return; /* one access, of hosts that have such */
    default: memcpy(to, host, size);
    }
}

static inline void ram_write(uint8_t *host, const void *from, uint64_t size)
{
    switch (size) {
#define X(bits, type)                       \
    case bits / 8: {                        \
        type v;                             \
        memcpy(&v, from, sizeof v);         \
        ram_put_##bits((uintptr_t)host, v); \
        return;                             \
    }
        RAM_SIZES(X)
#undef X
    case 16: memcpy(host, from, 16); return;
    default: memcpy(host, from, size);
    }
}

/* Many bytes, in whatever pieces. */
static inline void ram_move(uint8_t *to, const uint8_t *from, uint64_t size) { memmove(to, from, size); }
static inline void ram_fill(uint8_t *to, uint8_t value, uint64_t size) { memset(to, value, size); }
