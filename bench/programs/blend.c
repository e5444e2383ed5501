/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two pictures of bytes blended into a third, then brightened with saturation. */
#include "bench.h"

enum { COUNT = 8192 };
static uint8_t a[COUNT], b[COUNT], out[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 22360679 + hart, sum = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = (uint8_t)next_random(&seed);
        b[i] = (uint8_t)next_random(&seed);
    }
    for (uint64_t r = 0; r < rounds; r++) {
        uint16_t part = (uint16_t)(r & 127);
        for (unsigned i = 0; i < COUNT; i++)
            out[i] = (uint8_t)((uint16_t)(a[i] * part + b[i] * (128 - part)) >> 7);
        for (unsigned i = 0; i < COUNT; i++)
            out[i] = (uint8_t)(out[i] > 225 ? 255 : out[i] + 30);
        sum = mix(sum, out[r * 31 % COUNT]);
    }
    return sum;
}
