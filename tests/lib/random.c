/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random numbers. What is random here is how a value is made; tests of the engine must not depend on any one of them. */
#include "random.h"
#include "base/bits.h"

static uint64_t mix(uint64_t v) /* SplitMix64's */
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

uint64_t random_next(struct random *r) { return mix(r->state += 0x9e3779b97f4a7c15); }

struct random random_of(uint64_t seed, uint64_t stream, uint64_t number)
{
    return (struct random){mix(mix(mix(seed) ^ stream) + number * 0x632be59bd9b4e019)};
}

uint64_t random_integer(struct random *r)
{
    static const uint64_t special[] = {0,
                                       1,
                                       2,
                                       3,
                                       UINT64_MAX,
                                       UINT64_MAX - 1,
                                       1ull << 63,
                                       INT64_MAX,
                                       0x80000000,
                                       0x7fffffff,
                                       0xffffffff,
                                       0x100000000,
                                       0xffffffff80000000,
                                       0xffffffff7fffffff,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0x7fff,
                                       0x8000,
                                       0xffff,
                                       31,
                                       32,
                                       63,
                                       64,
                                       0x5555555555555555,
                                       0xaaaaaaaaaaaaaaaa};
    unsigned n = (unsigned)random_below(r, 64);
    switch (random_below(r, 12)) {
    case 0:
    case 1: return special[random_below(r, ARRAY_LEN(special))];
    case 2: return 1ull << n;
    case 3: return (1ull << n) + random_below(r, 3) - 1;
    case 4: return UINT64_MAX << n;
    case 5: return (uint64_t)((int64_t)random_next(r) >> n);
    case 6: return random_next(r) >> n << random_below(r, 64);
    case 7: return random_next(r) & random_next(r) & random_next(r);
    case 8: { /* 24 or 53 significant bits, then about a half: rounding when converted */
        unsigned keep = random_percent(r, 50) ? 24 : 53, drop = 1 + (unsigned)random_below(r, 63 - keep);
        uint64_t v = (random_next(r) >> (64 - keep) | 1ull << (keep - 1)) << drop | 1ull << (drop - 1);
        v += random_below(r, 3) - 1;
        return random_percent(r, 50) ? v : 0 - v;
    }
    default: return random_next(r);
    }
}
