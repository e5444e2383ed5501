/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHA-256 (FIPS 180-4, 6.2) as processors cut it: four rounds, or four words of the schedule, in vectors whose lane 0 is the first. */
#include "ir/pure.h"

struct quad { /* of a vector */
    uint32_t w[4];
};

static struct quad get(const uint64_t v[2])
{
    return (struct quad){{(uint32_t)v[0], (uint32_t)(v[0] >> 32), (uint32_t)v[1], (uint32_t)(v[1] >> 32)}};
}

static uint32_t right(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }
static uint32_t small0(uint32_t v) { return right(v, 7) ^ right(v, 18) ^ v >> 3; }
static uint32_t small1(uint32_t v) { return right(v, 17) ^ right(v, 19) ^ v >> 10; }

/* x: a to d, y: e to h */
static void rounds(struct quad *x, struct quad *y, const struct quad *m)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t e = y->w[0], a = x->w[0], choice = (e & y->w[1]) | (~e & y->w[2]);
        uint32_t majority = (a & x->w[1]) | (a & x->w[2]) | (x->w[1] & x->w[2]);
        uint32_t t = y->w[3] + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + choice + m->w[i];
        uint32_t s = t + (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + majority;
        *y = (struct quad){{x->w[3] + t, e, y->w[1], y->w[2]}};
        *x = (struct quad){{s, a, x->w[1], x->w[2]}};
    }
}

void ir_sha256(unsigned which, uint64_t out[2], const uint64_t first[2], const uint64_t second[2], const uint64_t third[2])
{
    struct quad a = get(first), b = get(second), c = get(third), r = a;
    switch (which) {
    case IR_hash:
    case IR_hash2:
        rounds(&a, &b, &c);
        r = which == IR_hash ? a : b;
        break;
    case IR_words:
        for (unsigned i = 0; i < 4; i++)
            r.w[i] += small0(i < 3 ? a.w[i + 1] : b.w[0]);
        break;
    default:
        for (unsigned i = 0; i < 4; i++)
            r.w[i] += (i < 3 ? b.w[i + 1] : c.w[0]) + small1(i < 2 ? c.w[i + 2] : r.w[i - 2]);
    }
    out[0] = (uint64_t)r.w[1] << 32 | r.w[0];
    out[1] = (uint64_t)r.w[3] << 32 | r.w[2];
}
