/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Planets: double precision with division and square root. */
#include "bench.h"

enum { BODIES = 5 };
static double at[BODIES][3], speed[BODIES][3], mass[BODIES];

static void advance(double dt)
{
    for (unsigned i = 0; i < BODIES; i++) {
        for (unsigned j = i + 1; j < BODIES; j++) {
            double d[3], square = 0;
            for (unsigned k = 0; k < 3; k++) {
                d[k] = at[i][k] - at[j][k];
                square += d[k] * d[k];
            }
            double pull = dt / (square * __builtin_sqrt(square));
            for (unsigned k = 0; k < 3; k++) {
                speed[i][k] -= d[k] * mass[j] * pull;
                speed[j][k] += d[k] * mass[i] * pull;
            }
        }
        for (unsigned k = 0; k < 3; k++)
            at[i][k] += dt * speed[i][k];
    }
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = 0, bits;
    for (unsigned i = 0; i < BODIES; i++) {
        mass[i] = i ? 0.04 / (double)(i + hart) : 39.5;
        for (unsigned k = 0; k < 3; k++) {
            at[i][k] = (double)(i * 5 + k) * (k & 1 ? -1.3 : 1.1);
            speed[i][k] = i ? (double)(k + 1) / (double)(i + 2) : 0;
        }
    }
    for (uint64_t r = 0; r < rounds; r++)
        advance(0.001);
    for (unsigned i = 0; i < BODIES; i++) {
        __builtin_memcpy(&bits, &at[i][i % 3], sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
