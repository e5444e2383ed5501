/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Product of matrices of 32-bit integers. */
#include "bench.h"

enum { SIZE = 64 };
static int32_t a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 777 + hart, sum = 0;
    for (unsigned i = 0; i < SIZE; i++)
        for (unsigned j = 0; j < SIZE; j++) {
            a[i][j] = (int32_t)(next_random(&seed) % 1000);
            b[i][j] = (int32_t)(next_random(&seed) % 1000);
        }
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < SIZE; i++)
            for (unsigned j = 0; j < SIZE; j++) {
                uint32_t t = 0;
                for (unsigned k = 0; k < SIZE; k++)
                    t += (uint32_t)a[i][k] * (uint32_t)b[k][j];
                c[i][j] = (int32_t)t;
            }
        a[r % SIZE][r / 3 % SIZE] += c[r % SIZE][r / 7 % SIZE] & 15;
        sum = mix(sum, (uint32_t)c[r % SIZE][(r + 1) % SIZE]);
    }
    return sum;
}
