/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A v128 as lanes, for the evaluator: lane 0 has the lowest bits, on any host. */
#pragma once
#include "base/bits.h"
#include "ir/cpu.h"

struct lanes {
    uint64_t half[2];
};

static inline struct lanes lanes_of(const struct cpu *cpu, unsigned cell) { return (struct lanes){{cpu->cell[cell], cpu->cell[cell + 1]}}; }

static inline void lanes_put(struct cpu *cpu, unsigned cell, struct lanes v)
{
    cpu->cell[cell] = v.half[0];
    cpu->cell[cell + 1] = v.half[1];
}

static inline uint64_t lane_get(const struct lanes *v, unsigned e, unsigned i) { return bits_get(v->half[i * e / 64], i * e % 64, e); }

static inline void lane_set(struct lanes *v, unsigned e, unsigned i, uint64_t lane)
{
    v->half[i * e / 64] = bits_set(v->half[i * e / 64], i * e % 64, e, bits_get(lane, 0, e));
}
