/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Recursion: the cost of calls and returns. */
#include "bench.h"

static __attribute__((noinline)) uint64_t ackermann(uint64_t m, uint64_t n)
{
    if (m == 0)
        return n + 1;
    return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static __attribute__((noinline)) uint64_t fibonacci(uint64_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    for (uint64_t r = 0; r < rounds; r++)
        sum = mix(sum, fibonacci(15 + r % 4) + ackermann(2, 20 + r % 3));
    return sum;
}
