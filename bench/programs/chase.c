/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pointer chasing through 8 MiB in random order: every step is another page. */
#include "bench.h"

enum { NODES = 2048, STEP = 4096 / sizeof(uint64_t) };
static uint64_t nodes[NODES * STEP];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 5551212 + hart, at = 0, sum = 0; /* node 0 lies at the start of its page */
    static uint32_t order[NODES];
    for (unsigned i = 0; i < NODES; i++)
        order[i] = i;
    for (unsigned i = NODES - 1; i > 0; i--) {
        unsigned j = (unsigned)(next_random(&seed) % (i + 1));
        uint32_t t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (unsigned i = 0; i < NODES; i++)
        nodes[order[i] * (uint64_t)STEP + order[i] % STEP] = order[(i + 1) % NODES] * (uint64_t)STEP + order[(i + 1) % NODES] % STEP;
    for (uint64_t i = 0; i < rounds; i++) {
        at = nodes[at];
        sum += at;
    }
    return sum;
}
