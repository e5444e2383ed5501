/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads and stores a page and a bit apart, over 32 MiB: more pages than a translation buffer holds. */
#include "bench.h"

enum { SIZE = 32 << 20, STRIDE = 4096 + 64 };
static uint8_t memory[SIZE];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    for (uint64_t r = 0; r < rounds; r++)
        for (uint64_t at = r % 64 * 64; at + 8 <= SIZE; at += STRIDE) {
            uint64_t *word = (uint64_t *)(void *)(memory + at);
            sum += *word;
            *word = sum ^ at;
        }
    return sum;
}
