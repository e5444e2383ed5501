/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cases for diff.c, made from the tables of the instruction stanzas: one instruction with random fields and fitting operands, straight-line
 * blocks with forward jumps, and words that mean nothing. The same rng gives the same case. Nothing but the two areas of case.h is
 * ever touched on purpose; addresses that go wrong go to the guards or where no Linux program can have memory.
 */
#pragma once
#include "../lib/insns.h"
#include "case.h"
#include "subject.h"
#include "values.h"

enum gen_class { GEN_integer, GEN_float, GEN_memory, GEN_branch, GEN_jump, GEN_csr, GEN_other, GEN_CLASSES };

struct gen {
    uint64_t features; /* of the model, as the decoder numbers them */
    uint8_t class[INSNS];
    bool compressed[INSNS];
    uint16_t ids[GEN_CLASSES][INSNS], count[GEN_CLASSES]; /* those for blocks, by class */
};

void gen_init(struct gen *g, uint64_t features);
/* Why an instruction has no cases; NULL: it has. */
const char *gen_excluded(unsigned id);
void gen_show_excluded(void);
bool gen_single(const struct gen *g, struct random *r, unsigned id, struct case_input *out); /* false: try again with another rng */
void gen_block(const struct gen *g, struct random *r, struct case_input *out);
bool gen_undefined(const struct gen *g, struct random *r, struct case_input *out);

/* ---- what the files of the generator share ---- */
enum { GEN_MAX_FIELDS = 16 };
struct gen_insn {
    unsigned id;
    int64_t values[GEN_MAX_FIELDS];
    uint32_t word;
};
struct gen_registers {      /* the choice of registers */
    uint8_t pool[8], npool; /* 0: any */
    uint8_t base;           /* of memory accesses in a pool's block, beside sp */
};
static inline const struct insn_field_row *gen_fields(unsigned id) { return &insn_fields[insn_table[id].first_field]; }
int gen_field(unsigned id, const char *name);                                                                    /* its index; -1 */
void gen_set(struct gen_insn *insn, const char *field, int64_t value);                                           /* if it has that field */
bool gen_random(const struct gen *g, struct random *r, const struct gen_registers *regs, struct gen_insn *insn); /* insn->id is given */
bool gen_encode(const struct gen *g, struct gen_insn *insn);             /* false: these values belong to another insn, or none */
int gen_register(unsigned id, const int64_t *values, const char *field); /* the number it names, or -1 */
uint32_t gen_named(unsigned id, uint32_t word);                          /* a mask of the registers that it may mean */
uint64_t gen_data_address(struct random *r);
void gen_patch(struct random *r, uint64_t at, const uint64_t expected[2],
               struct case_input *c); /* interesting memory there; expected may be NULL */
static inline unsigned gen_length(uint32_t word) { return subject.alignment == 2 && (word & 3) != 3 ? 2 : 4; }
void gen_put(struct case_input *c, uint32_t word); /* appends to the code */

/* ---- each guest's own: gen_GUEST.c, gen_block_GUEST.c ---- */
struct gen_exclusion {
    const char *name, *why;
};
extern const struct gen_exclusion gen_exclusions[]; /* NULL at the end */
bool gen_is_target(const char *field);              /* the offset of a direct jump */
bool gen_is_register(const struct insn_field_row *f);
bool gen_special_field(struct random *r, bool block, const struct insn_field_row *f, int64_t *value); /* false: like any other */
bool gen_defined(unsigned id, const int64_t *values); /* false: the manual leaves open what these fields do */
enum gen_class gen_class_of(unsigned id, const char *text);
bool gen_fits_blocks(const char *name, enum gen_class class);
void gen_random_status(struct random *r, uint64_t status[CASE_STATUSES]);
bool gen_operands(struct random *r, enum gen_class class, struct gen_insn *insn, struct case_input *c); /* false: try another */
bool gen_jump_register(struct gen_insn *insn, uint64_t target, struct case_input *c);
