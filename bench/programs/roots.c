/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Square roots and divisions of doubles and singles, comparisons, minima, maxima and signs. */
#include "bench.h"

enum { COUNT = 512 };
static double numbers[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 26149721 + hart, sum = 0, bits;
    for (unsigned i = 0; i < COUNT; i++)
        numbers[i] = 1.0 + (double)(next_random(&seed) >> 44);
    for (uint64_t r = 0; r < rounds; r++) {
        double total = 0, most = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            double x = numbers[i], y = __builtin_sqrt(x), z = (x - 3.0) / (y + 1.0);
            float single = (float)z;
            z += (double)(1.0f / __builtin_sqrtf(__builtin_fabsf(single) + 1.0f));
            most = z > most ? z : most;
            total += __builtin_copysign(z, y - 500.0);
        }
        numbers[r % COUNT] += 1.0;
        total /= most;
        __builtin_memcpy(&bits, &total, sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
