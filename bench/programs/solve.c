/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A system of linear equations in doubles: elimination with pivots, as in nested loops of numerical programs. */
#include "bench.h"

enum { SIZE = 48 };
static double given[SIZE][SIZE + 1], a[SIZE][SIZE + 1];

static unsigned pivot_of(unsigned k)
{
    unsigned best = k;
    for (unsigned i = k + 1; i < SIZE; i++)
        if (__builtin_fabs(a[i][k]) > __builtin_fabs(a[best][k]))
            best = i;
    return best;
}

static double solve(void)
{
    for (unsigned k = 0; k < SIZE; k++) {
        unsigned p = pivot_of(k);
        for (unsigned j = k; j <= SIZE; j++) {
            double t = a[k][j];
            a[k][j] = a[p][j], a[p][j] = t;
        }
        for (unsigned i = k + 1; i < SIZE; i++) {
            double f = a[i][k] / a[k][k];
            for (unsigned j = k + 1; j <= SIZE; j++)
                a[i][j] -= f * a[k][j];
        }
    }
    double sum = 0;
    for (unsigned k = SIZE; k-- > 0;) {
        for (unsigned j = k + 1; j < SIZE; j++)
            a[k][SIZE] -= a[k][j] * a[j][SIZE];
        a[k][SIZE] /= a[k][k];
        sum += a[k][SIZE];
    }
    return sum;
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 14142135 + hart, sum = 0, bits;
    for (unsigned i = 0; i < SIZE; i++)
        for (unsigned j = 0; j <= SIZE; j++)
            given[i][j] = (double)(int32_t)next_random(&seed) / 65536.0;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < SIZE; i++)
            for (unsigned j = 0; j <= SIZE; j++)
                a[i][j] = given[i][j];
        double x = solve();
        given[r % SIZE][SIZE] += 1.0;
        __builtin_memcpy(&bits, &x, sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
