/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bit fields of integers, alignment and byte order; no state. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_LEN(a)                  (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

typedef unsigned __int128 u128;
typedef __int128 s128;

static inline uint64_t bits_get(uint64_t v, unsigned pos, unsigned len) { return len >= 64 ? v >> pos : v >> pos & ((1ull << len) - 1); }
static inline int64_t bits_sext(uint64_t v, unsigned len) { return (int64_t)(v << (64 - len)) >> (64 - len); } /* len 1..64 */
static inline uint64_t bits_set(uint64_t v, unsigned pos, unsigned len, uint64_t field)
{
    uint64_t mask = (len >= 64 ? ~0ull : (1ull << len) - 1) << pos;
    return (v & ~mask) | (field << pos & mask);
}
static inline bool bits_pow2(uint64_t v) { return v && !(v & (v - 1)); }
static inline uint64_t align_down(uint64_t v, uint64_t to) { return v & ~(to - 1); }          /* to: a power of two */
static inline uint64_t align_up(uint64_t v, uint64_t to) { return (v + to - 1) & ~(to - 1); } /* wraps near 2^64 */

/* Little-endian fields at any alignment, whatever the host. */
static inline uint16_t le16_get(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t le32_get(const void *p) { return le16_get(p) | (uint32_t)le16_get((const char *)p + 2) << 16; }
static inline uint64_t le64_get(const void *p) { return le32_get(p) | (uint64_t)le32_get((const char *)p + 4) << 32; }
static inline void le16_put(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}
static inline void le32_put(void *p, uint32_t v)
{
    le16_put(p, (uint16_t)v);
    le16_put((char *)p + 2, (uint16_t)(v >> 16));
}
static inline void le64_put(void *p, uint64_t v)
{
    le32_put(p, (uint32_t)v);
    le32_put((char *)p + 4, (uint32_t)(v >> 32));
}
static inline uint32_t be32_get(const void *p) { return __builtin_bswap32(le32_get(p)); }
static inline uint64_t be64_get(const void *p) { return __builtin_bswap64(le64_get(p)); }
static inline void be16_put(void *p, uint16_t v) { le16_put(p, __builtin_bswap16(v)); }
static inline void be32_put(void *p, uint32_t v) { le32_put(p, __builtin_bswap32(v)); }
