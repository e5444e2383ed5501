/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Objects of several kinds in random order, each with a table of functions: two calls through pointers for each object. */
#include "bench.h"

enum { OBJECTS = 512, KINDS = 5 };

struct shape;
struct methods {
    uint64_t (*area)(const struct shape *s);
    void (*grow)(struct shape *s, uint64_t by);
};
struct shape {
    const struct methods *methods;
    uint64_t a, b;
};

static uint64_t square_area(const struct shape *s) { return s->a * s->a; }
static uint64_t rectangle_area(const struct shape *s) { return s->a * s->b; }
static uint64_t triangle_area(const struct shape *s) { return s->a * s->b / 2; }
static uint64_t circle_area(const struct shape *s) { return s->a * s->a * 355 / 113; }
static uint64_t ring_area(const struct shape *s) { return (s->a * s->a - s->b) & 0xffffff; }
static void wide_grow(struct shape *s, uint64_t by) { s->a = (s->a + by) & 0xffff; }
static void high_grow(struct shape *s, uint64_t by) { s->b = (s->b + by) & 0xffff; }
static void both_grow(struct shape *s, uint64_t by)
{
    wide_grow(s, by);
    high_grow(s, by);
}

static const struct methods kinds[KINDS] = {
    {square_area, wide_grow}, {rectangle_area, both_grow}, {triangle_area, high_grow}, {circle_area, wide_grow}, {ring_area, both_grow},
};
static struct shape shapes[OBJECTS];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 13806490 + hart, sum = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        shapes[i] = (struct shape){&kinds[next_random(&seed) % KINDS], next_random(&seed) & 0xfff, next_random(&seed) & 0xfff};
    for (uint64_t r = 0; r < rounds; r++)
        for (unsigned i = 0; i < OBJECTS; i++) {
            sum += shapes[i].methods->area(&shapes[i]);
            shapes[i].methods->grow(&shapes[i], r);
        }
    return sum;
}
