/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random floating-point operands for gen.c, with those values often at which instructions go wrong. */
#pragma once
#include "../lib/random.h"

struct format {                  /* of floating point */
    unsigned exponent, fraction; /* bits */
};
extern const struct format format_half, format_single, format_double;

uint64_t value_float(struct random *r, const struct format *f); /* bits of a number, infinity or NaN */
uint64_t value_narrowed(struct random *r, const struct format *f,
                        const struct format *to);                            /* where rounding to the narrower one is difficult */
uint64_t value_box(struct random *r, const struct format *f, uint64_t bits); /* in a register: seldom with a broken box */
uint64_t value_register(struct random *r);                                   /* of any format */
/* Operands that belong together: v[0..2] of an operation, made so that results cancel, round at halves, overflow or become subnormal. */
void value_related(struct random *r, const struct format *f, uint64_t v[3]);
