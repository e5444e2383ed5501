/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Streams that no cache holds: one array of 12 MiB from two others. Their sizes are odd, so that translation buffers
 * indexed by the low bits of page numbers hold all three. */
#include "bench.h"

enum { COUNT = ((12 << 20) + 5 * 4096) / 8 };
static uint64_t a[COUNT], b[COUNT], c[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    for (unsigned i = 0; i < COUNT; i++)
        b[i] = i, c[i] = i ^ hart;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i++)
            a[i] = b[i] + 3 * c[i];
        b[r * 4099 % COUNT] += a[r * 8209 % COUNT];
        sum = mix(sum, a[(r * 65537 + 5) % COUNT]);
    }
    return sum;
}
