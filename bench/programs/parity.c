/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parity over four blocks of words, and a sum of the absolute differences of bytes. */
#include "bench.h"

enum { COUNT = 2048, BYTES = 4096 };
static uint64_t disks[4][COUNT], parity[COUNT];
static uint8_t left[BYTES], right[BYTES];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 31622776 + hart, sum = 0;
    for (unsigned i = 0; i < 4 * COUNT; i++)
        disks[i / COUNT][i % COUNT] = next_random(&seed);
    for (unsigned i = 0; i < BYTES; i++) {
        left[i] = (uint8_t)next_random(&seed);
        right[i] = (uint8_t)next_random(&seed);
    }
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i++)
            parity[i] = disks[0][i] ^ disks[1][i] ^ disks[2][i] ^ disks[3][i];
        uint32_t differences = 0;
        for (unsigned i = 0; i < BYTES; i++)
            differences += (uint32_t)(left[i] > right[i] ? left[i] - right[i] : right[i] - left[i]);
        disks[r & 3][r % COUNT] += differences;
        left[r % BYTES]++;
        sum = mix(sum, parity[r * 11 % COUNT]);
    }
    return sum;
}
