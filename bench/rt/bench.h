/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a benchmark program is: one function, built for the bare guest and for the host from the same source. Its result is the check value
 * and depends on nothing but the arguments; programs must not be smaller than their memory says (results are used, seeds are run-time).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 1 /* the table's number (bench/programs.py) */
#endif
#ifndef HARTS
#define HARTS 1
#endif

/* Called once on each hart, in user mode, at the same time; results are added up. */
uint64_t work(uint64_t hart, uint64_t rounds);

/* xorshift64: the programs' source of data. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

static inline uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x9e3779b97f4a7c15; }
