/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A hot loop whose constant is an operand of an instruction: another constant after every hundred turns. */
#include "code.h"

enum { TURNS = 100 };

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 16021766 + hart, sum = 0;
    code_prepare();
    uint8_t *loop = code_begin(code_memory), *at = code_xor(code_add(loop, 1), 0x123);
    code_return(code_loop(code_shift_add(at, 3), loop));
    for (uint64_t r = 0; r < rounds; r++) {
        code_publish(loop, code_add(loop, (int32_t)(next_random(&seed) & 0x7ff)));
        sum += code_at(code_memory)(sum, TURNS);
    }
    return sum;
}
