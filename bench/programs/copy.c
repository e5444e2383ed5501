/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies of 1 MiB by words of 64 bits. */
#include "bench.h"

enum { COUNT = (1 << 20) / 8 };
static uint64_t from[COUNT], to[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 271 + hart, sum = 0;
    for (unsigned i = 0; i < COUNT; i++)
        from[i] = next_random(&seed);
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i += 8) {
            uint64_t *d = to + i, *s = from + i;
            d[0] = s[0], d[1] = s[1], d[2] = s[2], d[3] = s[3];
            d[4] = s[4], d[5] = s[5], d[6] = s[6], d[7] = s[7];
        }
        from[r % COUNT] += to[(r * 97) % COUNT];
        sum = mix(sum, to[(r * 13) % COUNT]);
    }
    return sum;
}
