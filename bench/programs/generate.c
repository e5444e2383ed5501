/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes a function of a dozen instructions, calls it a few times, and writes the next where the one before the last 64 was. */
#include "code.h"

enum { SLOTS = 64, SLOT = 128, CALLS = 4 };

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 60221408 + hart, sum = 0;
    code_prepare();
    for (uint64_t r = 0; r < rounds; r++) {
        uint64_t v = next_random(&seed);
        uint8_t *start = code_memory + r % SLOTS * SLOT, *at = code_begin(start);
        for (unsigned i = 0; i < 4; i++, v >>= 15) {
            at = code_add(at, (int32_t)(v & 0x3ff));
            at = code_shift_add(at, 1 + (v >> 10 & 15));
        }
        code_publish(start, code_return(at));
        for (unsigned i = 0; i < CALLS; i++)
            sum += code_at(start)(sum ^ i, 1);
    }
    return sum;
}
