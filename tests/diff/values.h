/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random operands for gen.c, with those values often at which instructions go wrong. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
static inline uint64_t rng_below(struct rng *r, uint64_t n) { return rng_next(r) % n; }
static inline bool rng_percent(struct rng *r, unsigned percent) { return rng_next(r) % 100 < percent; }
struct rng rng_of(uint64_t seed, uint64_t stream, uint64_t number); /* independent for each triple */

struct format {                  /* of floating point */
    unsigned exponent, fraction; /* bits */
};
extern const struct format format_half, format_single, format_double;

uint64_t value_integer(struct rng *r);
uint64_t value_float(struct rng *r, const struct format *f); /* bits of a number, infinity or NaN */
uint64_t value_narrowed(struct rng *r, const struct format *f,
                        const struct format *to);                         /* where rounding to the narrower one is difficult */
uint64_t value_box(struct rng *r, const struct format *f, uint64_t bits); /* in a register: seldom with a broken box */
uint64_t value_register(struct rng *r);                                   /* of any format */
/* Operands that belong together: v[0..2] of an operation, made so that results cancel, round at halves, overflow or become subnormal. */
void value_related(struct rng *r, const struct format *f, uint64_t v[3]);
