/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random numbers for tests: the same ones for the same state, wherever they are made. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};
uint64_t random_next(struct random *r);
static inline uint64_t random_below(struct random *r, uint64_t n) { return random_next(r) % n; }
static inline bool random_percent(struct random *r, unsigned percent) { return random_next(r) % 100 < percent; }
struct random random_of(uint64_t seed, uint64_t stream, uint64_t number); /* independent for each triple */
uint64_t random_integer(struct random *r);                                /* often one at which something changes */
