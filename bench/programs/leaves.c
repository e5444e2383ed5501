/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions of one or two instructions that are not inlined: almost every instruction is part of a call. */
#include "bench.h"

#define LEAF static __attribute__((noinline, noclone)) uint64_t
LEAF add(uint64_t a, uint64_t b) { return a + b; }
LEAF less(uint64_t a, uint64_t b) { return a < b; }
LEAF half(uint64_t a) { return a >> 1; }
LEAF odd(uint64_t a) { return a & 1; }
LEAF both(uint64_t a, uint64_t b) { return add(half(a), half(b)); }
LEAF choose(uint64_t a, uint64_t b) { return less(a, b) ? b : a; }
LEAF step(uint64_t a) { return odd(a) ? add(add(a, a), add(a, 1)) : half(a); }

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart, x = 27;
    for (uint64_t r = 0; r < rounds; r++) {
        x = step(x);
        sum = add(sum, choose(x, both(sum, r)));
        if (less(x, 2))
            x = add(r, 3);
    }
    return sum;
}
