/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A jump that is rewritten to another goal every few calls, as inline caches of language run times are. */
#include "code.h"

enum { GOALS = 8, SLOT = 256, CALLS = 50 };

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 66260701 + hart, sum = 0;
    code_prepare();
    uint8_t *jump = code_begin(code_memory);
    for (unsigned i = 0; i < GOALS; i++)
        code_return(code_shift_add(code_add(code_memory + (i + 1) * SLOT, (int32_t)i * 31), 1 + i));
    code_publish(code_memory, code_memory + (GOALS + 1) * SLOT);
    for (uint64_t r = 0; r < rounds; r++) {
        code_publish(jump, code_jump(jump, code_memory + (1 + next_random(&seed) % GOALS) * SLOT));
        for (unsigned i = 0; i < CALLS; i++)
            sum = code_at(code_memory)(sum ^ i, 1);
    }
    return sum;
}
