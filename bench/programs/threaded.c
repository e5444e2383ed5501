/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A machine whose instructions end by a jump to the next one's code (computed goto); the order of instructions is random. */
#include "bench.h"

enum { LENGTH = 256 };

uint64_t work(uint64_t hart, uint64_t rounds)
{
    static const void *const codes[] = {&&add, &&subtract, &&shift, &&exclusive, &&rotate, &&swap, &&skip, &&count};
    static const void *program[LENGTH + 1];
    uint64_t seed = 8314462 + hart, a = 1, b = 2, left = rounds;
    const void **at = program;
    for (unsigned i = 0; i < LENGTH; i++)
        program[i] = codes[next_random(&seed) >> 32 & 7];
    program[LENGTH] = &&end;
    goto *(void *)*at++;
add:
    a += b;
    goto *(void *)*at++;
subtract:
    b -= a;
    goto *(void *)*at++;
shift:
    a ^= b << 3;
    goto *(void *)*at++;
exclusive:
    b ^= a;
    goto *(void *)*at++;
rotate:
    b = b << 7 | b >> 57;
    goto *(void *)*at++;
swap:
    a ^= b, b ^= a, a ^= b;
    goto *(void *)*at++;
skip:
    goto *(void *)*at++;
count:
    a++;
    goto *(void *)*at++;
end:
    at = program;
    if (--left)
        goto *(void *)*at++;
    return mix(a, b);
}
