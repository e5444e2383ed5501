/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cases for diff.c, made from the tables of the instruction stanzas: one instruction with random fields and fitting operands, straight-line
 * blocks with forward jumps, and words that mean nothing. The same rng gives the same case. Nothing but the two areas of case.h is
 * ever touched on purpose; addresses that go wrong go to the guards or where no Linux program can have memory.
 */
#pragma once
#include "case.h"
#include "guest/riscv64/riscv64_insns.gen.h"
#include "values.h"

enum gen_class { GEN_integer, GEN_float, GEN_memory, GEN_branch, GEN_jump, GEN_csr, GEN_other, GEN_CLASSES };

struct gen {
    uint64_t features; /* of the model, as the decoder numbers them */
    uint8_t class[RISCV64_INSNS];
    bool compressed[RISCV64_INSNS];
    uint16_t ids[GEN_CLASSES][RISCV64_INSNS], count[GEN_CLASSES]; /* those for blocks, by class */
};

void gen_init(struct gen *g, uint64_t features);
/* Why an instruction has no cases; NULL: it has. */
const char *gen_excluded(unsigned id);
void gen_show_excluded(void);
bool gen_single(const struct gen *g, struct random *r, unsigned id, struct case_input *out); /* false: try again with another rng */
void gen_block(const struct gen *g, struct random *r, struct case_input *out);
bool gen_undefined(const struct gen *g, struct random *r, struct case_input *out);

/* ---- what gen.c and gen_block.c share ---- */
enum { GEN_MAX_FIELDS = 16 };
struct gen_insn {
    unsigned id;
    int64_t values[GEN_MAX_FIELDS];
    uint32_t word;
};
struct gen_registers {      /* the choice of registers */
    uint8_t pool[8], npool; /* 0: any */
    uint8_t base;           /* of memory accesses in a pool's block, beside sp: x8..x15 */
};
int gen_field(unsigned id, const char *name); /* its index; -1 */
bool gen_is_target(const char *field);        /* the offset of a direct jump */
bool gen_random(const struct gen *g, struct random *r, const struct gen_registers *regs, struct gen_insn *insn); /* insn->id is given */
bool gen_encode(const struct gen *g, struct gen_insn *insn);             /* false: these values belong to another insn, or none */
int gen_register(unsigned id, const int64_t *values, const char *field); /* the number it names, or -1 */
static inline unsigned gen_length(uint32_t word) { return (word & 3) == 3 ? 4 : 2; }
void gen_put(struct case_input *c, uint32_t word); /* appends to the code */
