/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The Mandelbrot set: double additions, multiplications and comparisons in registers. */
#include "bench.h"

enum { SIDE = 32, DEPTH = 64 };

static unsigned escape(double cr, double ci)
{
    double r = 0, i = 0;
    unsigned n = 0;
    for (; n < DEPTH; n++) {
        double rr = r * r, ii = i * i;
        if (rr + ii > 4)
            break;
        i = 2 * r * i + ci;
        r = rr - ii + cr;
    }
    return n;
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t sum = hart;
    for (uint64_t r = 0; r < rounds; r++) {
        unsigned n = 0;
        for (unsigned y = 0; y < SIDE; y++)
            for (unsigned x = 0; x < SIDE; x++)
                n += escape(-2.0 + 3.0 / SIDE * x, -1.5 + 3.0 / SIDE * y + 0.001 * (double)r);
        sum = mix(sum, n);
    }
    return sum;
}
