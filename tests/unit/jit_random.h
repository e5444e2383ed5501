/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random blocks of IR for the guest of jit_rig.h: every op and type that the evaluator knows, operands in all kinds of cells, chained
 * through temporaries as lifted insns are. What the builder guarantees holds here too: temporaries are written once and end with their
 * insn, narrow values are zero-extended unless they are views of a wider cell.
 */
#pragma once
#include "../lib/random.h"
#include "jit_rig.h"

uint64_t random_value(struct random *r); /* often one at which something changes */
void random_frame(struct random *r, uint64_t frame[RIG_CELLS]);
uint64_t random_seed(const char *test); /* from the environment (SEED) or a fresh one; printed */

struct form {                 /* an op with its types */
    uint8_t op, type, source; /* source: of the first operand, 0: as type */
};
unsigned random_forms(struct form *out, unsigned max); /* all; 0: some op of ops.def is in none */

enum { RANDOM_MAX_OPS = 700 };

struct maker { /* a block being made */
    struct random *r;
    const uint64_t *frame; /* that it will run on */
    gva pc;
    struct ir_block *block;
    struct {
        uint16_t cell;
        uint8_t type;
    } temps[64];
    unsigned ntemps, next_temp;
    bool changed[RIG_CELLS]; /* does not hold what frame says any more */
    unsigned offset;         /* of the next insn */
    gva linked;              /* address of the last LL, and its width */
    uint8_t width;
    unsigned
        near; /* a register that others than move_near have not changed; near_at: 0, or where accesses through it go to, more or less */
    gva near_at;
    uint64_t moved; /* what has been added to it */
};

/* free() the block. forms: to choose from; the first `sure` of them all occur. */
struct ir_block *random_block(struct random *r, const uint64_t frame[RIG_CELLS], gva pc, const struct form *forms, unsigned nforms,
                              unsigned nops, const struct form *sure);
