/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A counter that all harts add to: by one atomic instruction, and under a lock made by load-reserved and store-conditional. */
#include "bench.h"

static uint64_t counter, guarded;
static int locked;

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = 0; /* of what the counters were: the same in every order, added up over the harts */
    (void)hart;
    for (uint64_t i = 0; i < rounds; i++) {
        sum += __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
        if (i % 16)
            continue;
        int unlocked = 0;
        while (!__atomic_compare_exchange_n(&locked, &unlocked, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            unlocked = 0;
        sum += guarded++;
        __atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
    }
    return sum;
}
