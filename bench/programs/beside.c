/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stores beside hot code: a function's data lies in the page that it is in, as in programs whose sections share pages. */
#include "code.h"

enum { TURNS = 20, DATA = 2048, WORDS = 64 };

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    volatile uint64_t *data = (volatile uint64_t *)(void *)(code_memory + DATA);
    code_prepare();
    uint8_t *loop = code_begin(code_memory), *at = code_xor(code_add(loop, 77), 0x123);
    code_publish(code_memory, code_return(code_loop(code_shift_add(at, 5), loop)));
    for (uint64_t r = 0; r < rounds; r++) {
        data[r % WORDS] = sum;
        sum = code_at(code_memory)(sum + data[(r + 7) % WORDS], TURNS);
    }
    return sum;
}
