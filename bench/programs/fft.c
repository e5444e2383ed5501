/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fast Fourier transforms of 512 points, there and back, in doubles. */
#include "bench.h"

enum { BITS = 9, COUNT = 1 << BITS };
static double re[COUNT], im[COUNT], cosines[BITS + 1], sines[BITS + 1];

/* Of 2 pi / 2^k, by halving the angle: no library, the same bits everywhere. */
static void make_angles(void)
{
    cosines[0] = 1, cosines[1] = -1;
    sines[0] = 0, sines[1] = 0;
    for (unsigned k = 2; k <= BITS; k++) {
        cosines[k] = __builtin_sqrt((1 + cosines[k - 1]) / 2);
        sines[k] = __builtin_sqrt((1 - cosines[k - 1]) / 2);
    }
}

static void reverse_bits(void)
{
    for (unsigned i = 1, j = 0; i < COUNT; i++) {
        unsigned bit = COUNT >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j) {
            double t = re[i];
            re[i] = re[j], re[j] = t;
            t = im[i];
            im[i] = im[j], im[j] = t;
        }
    }
}

static void transform(double sign)
{
    reverse_bits();
    for (unsigned k = 1; k <= BITS; k++) {
        unsigned half = 1u << (k - 1);
        double wr = 1, wi = 0;
        for (unsigned j = 0; j < half; j++) {
            for (unsigned a = j, b; a < COUNT; a += 2 * half) {
                b = a + half;
                double tr = wr * re[b] - wi * im[b], ti = wr * im[b] + wi * re[b];
                re[b] = re[a] - tr, im[b] = im[a] - ti;
                re[a] += tr, im[a] += ti;
            }
            double next = wr * cosines[k] - wi * sines[k] * sign;
            wi = wr * sines[k] * sign + wi * cosines[k];
            wr = next;
        }
    }
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 69314718 + hart, sum = 0, bits;
    make_angles();
    for (unsigned i = 0; i < COUNT; i++) {
        re[i] = (double)(int64_t)(next_random(&seed) >> 40) / 4096.0;
        im[i] = 0;
    }
    for (uint64_t r = 0; r < rounds; r++) {
        transform(1);
        transform(-1);
        for (unsigned i = 0; i < COUNT; i++)
            re[i] /= COUNT, im[i] /= COUNT;
        __builtin_memcpy(&bits, &re[r % COUNT], sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
