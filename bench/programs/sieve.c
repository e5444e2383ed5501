/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sieve of Eratosthenes on bytes. */
#include "bench.h"

enum { LIMIT = 200000 };
static uint8_t composite[LIMIT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < LIMIT; i++)
            composite[i] = 0;
        for (unsigned i = 2; i * i < LIMIT; i++)
            if (!composite[i])
                for (unsigned j = i * i; j < LIMIT; j += i)
                    composite[j] = 1;
        unsigned count = 0;
        for (unsigned i = 2; i < LIMIT; i++)
            count += !composite[i];
        sum = mix(sum, count + r);
    }
    return sum;
}
