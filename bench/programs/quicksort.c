/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sorting with a comparison that is called through a pointer, as the C library's function does. */
#include "bench.h"

enum { COUNT = 2000 };
struct item {
    uint32_t key, tie;
};
static struct item items[COUNT];

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : (x->tie > y->tie) - (x->tie < y->tie);
}

static int by_tie(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->tie > y->tie) - (x->tie < y->tie);
}

static void exchange(struct item *a, struct item *b)
{
    struct item t = *a;
    *a = *b;
    *b = t;
}

static __attribute__((noinline, noclone)) void sort(struct item *v, long n, int (*compare)(const void *a, const void *b))
{
    while (n > 1) {
        long low = 0, high = n - 1;
        struct item pivot = v[n / 2];
        while (low <= high) {
            while (compare(&v[low], &pivot) < 0)
                low++;
            while (compare(&pivot, &v[high]) < 0)
                high--;
            if (low <= high)
                exchange(&v[low++], &v[high--]);
        }
        sort(v, high + 1, compare);
        v += low;
        n -= low;
    }
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 91093837 + hart, sum = 0;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i++)
            items[i] = (struct item){(uint32_t)next_random(&seed) & 0xfff, (uint32_t)r * 7919 + i * 977};
        sort(items, COUNT, by_key);
        sum = mix(sum, items[r % COUNT].tie);
        sort(items, COUNT, by_tie);
        sum = mix(sum, items[r * 7 % COUNT].key);
    }
    return sum;
}
