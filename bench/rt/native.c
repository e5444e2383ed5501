/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs a benchmark program on the host: what its check value must be, and how long the same source takes without emulation. */
#include "bench.h"
#include <stdio.h>

int main(void)
{
    volatile uint64_t rounds = ROUNDS;
    uint64_t sum = 0;
    for (uint64_t hart = 0; hart < HARTS; hart++)
        sum += work(hart, rounds);
    printf("check %llx\n", (unsigned long long)sum);
    return 0;
}
