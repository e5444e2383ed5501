/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Heat that spreads along a rod: three neighbours in doubles, from one array to another and back. */
#include "bench.h"

enum { COUNT = 2048 };
static double a[COUNT], b[COUNT];

static __attribute__((noinline)) void spread(double *restrict to, const double *restrict from)
{
    for (unsigned i = 1; i < COUNT - 1; i++)
        to[i] = 0.25 * from[i - 1] + 0.5 * from[i] + 0.25 * from[i + 1];
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 28284271 + hart, sum = 0, bits;
    for (unsigned i = 0; i < COUNT; i++)
        a[i] = b[i] = (double)(next_random(&seed) >> 40);
    for (uint64_t r = 0; r < rounds; r++) {
        spread(b, a);
        spread(a, b);
        a[r % COUNT] += 100.0;
        __builtin_memcpy(&bits, &a[r * 5 % COUNT], sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
