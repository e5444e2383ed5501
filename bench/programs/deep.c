/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Chains of calls deeper than any predictor of returns, down and up again. */
#include "bench.h"

enum { DEPTH = 400 };

static __attribute__((noinline)) uint64_t descend(uint64_t n, uint64_t x) { return n == 0 ? x : mix(descend(n - 1, x + n), n); }

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    for (uint64_t r = 0; r < rounds; r++)
        sum += descend(DEPTH + (r & 15), sum);
    return sum;
}
