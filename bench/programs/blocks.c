/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies of 1 to 96 bytes from anywhere to anywhere in 64 KiB, by words where both ends allow it. */
#include "bench.h"

enum { SIZE = 65536, LONGEST = 96 };
static uint8_t from[SIZE + LONGEST], to[SIZE + LONGEST];

static __attribute__((noinline)) void copy(uint8_t *d, const uint8_t *s, size_t n)
{
    if ((((uintptr_t)d ^ (uintptr_t)s) & 7) == 0) {
        for (; n && ((uintptr_t)d & 7); n--)
            *d++ = *s++;
        for (; n >= 8; n -= 8, d += 8, s += 8)
            __builtin_memcpy(__builtin_assume_aligned(d, 8), __builtin_assume_aligned(s, 8), 8);
    }
    for (; n; n--)
        *d++ = *s++;
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 33166247 + hart, sum = 0;
    for (unsigned i = 0; i < SIZE; i++)
        from[i] = (uint8_t)next_random(&seed);
    for (uint64_t r = 0; r < rounds; r++) {
        uint64_t v = next_random(&seed);
        uint64_t source = v % SIZE, goal = v >> 32 & 1 ? (v >> 16) % SIZE : ((v >> 16) % (SIZE / 8) * 8 | source % 8);
        copy(to + goal, from + source, 1 + (v >> 40) % LONGEST);
        sum += to[(goal + 3) % SIZE];
    }
    return sum;
}
