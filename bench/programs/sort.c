/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Heap sort and insertion sort of 32-bit numbers. Each hart has its own array: also the program that shows scaling. */
#include "bench.h"

enum { COUNT = 4096, SHORT = 64 };
static int32_t numbers[2][COUNT];

static void sift(int32_t *v, unsigned root, unsigned n)
{
    int32_t x = v[root];
    for (unsigned child; (child = 2 * root + 1) < n; root = child) {
        child += child + 1 < n && v[child] < v[child + 1];
        if (x >= v[child])
            break;
        v[root] = v[child];
    }
    v[root] = x;
}

static void heap_sort(int32_t *v, unsigned n)
{
    for (unsigned i = n / 2; i-- > 0;)
        sift(v, i, n);
    for (unsigned i = n; i-- > 1;) {
        int32_t x = v[0];
        v[0] = v[i];
        v[i] = x;
        sift(v, 0, i);
    }
}

static void insertion_sort(int32_t *v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        int32_t x = v[i];
        unsigned j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    int32_t *v = numbers[hart & 1];
    uint64_t seed = 987654321, sum = 0;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i++)
            v[i] = (int32_t)next_random(&seed);
        for (unsigned i = 0; i < COUNT; i += SHORT)
            insertion_sort(v + i, SHORT);
        heap_sort(v, COUNT);
        for (unsigned i = 0; i < COUNT; i += 97)
            sum = mix(sum, (uint32_t)v[i]);
    }
    return sum;
}
