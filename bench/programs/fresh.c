/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Long straight functions that are called twice: what code costs that is new. */
#include "code.h"

enum { STEPS = 500, CALLS = 2, SLOTS = 8, SLOT = CODE_SIZE / SLOTS };

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 29979245 + hart, sum = 0;
    code_prepare();
    for (uint64_t r = 0; r < rounds; r++) {
        uint8_t *start = code_memory + r % SLOTS * SLOT, *at = code_begin(start);
        for (unsigned i = 0; i < STEPS; i++) {
            uint64_t v = next_random(&seed);
            at = code_xor(code_add(at, (int32_t)(v & 0x7ff)), (int32_t)(v >> 16 & 0x7ff));
            if (v >> 63)
                at = code_shift_add(at, 7);
        }
        code_publish(start, code_return(at));
        for (unsigned i = 0; i < CALLS; i++)
            sum += code_at(start)(sum ^ i, 1);
    }
    return sum;
}
