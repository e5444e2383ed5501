/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Length, comparison, search and copies of strings, byte by byte. */
#include "bench.h"

enum { STRINGS = 256, LONGEST = 64 };
static char strings[STRINGS][LONGEST], copy[LONGEST];

static size_t length(const char *s)
{
    const char *end = s;
    while (*end)
        end++;
    return (size_t)(end - s);
}

static int compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

static const char *find(const char *s, char c)
{
    while (*s && *s != c)
        s++;
    return s;
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 42 + hart, sum = 0;
    for (unsigned i = 0; i < STRINGS; i++) {
        unsigned n = 8 + next_random(&seed) % (LONGEST - 9);
        for (unsigned j = 0; j < n; j++)
            strings[i][j] = j < 6 ? 'a' : (char)('a' + next_random(&seed) % 26);
        strings[i][n] = 0;
    }
    for (uint64_t r = 0; r < rounds; r++)
        for (unsigned i = 0; i < STRINGS; i++) {
            const char *a = strings[i], *b = strings[(i * 7 + r) % STRINGS];
            size_t n = length(a);
            for (size_t j = 0; j <= n; j++)
                copy[j] = a[j];
            sum = mix(sum, n + (compare(copy, b) < 0));
            sum += (uint64_t)(find(b, 'z') - b);
        }
    return sum;
}
