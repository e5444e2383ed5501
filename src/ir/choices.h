/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Choices in place of a branch, what skip.c and tails.c share: a way computes into temporaries what its registers would become, then SELECTs
 * take the registers' values from one way or the other. Temporaries of choices live longer than an insn and have numbers of their own.
 */
#pragma once
#include "ir/build_state.h"

enum { IR_CHOICE_INSNS = 4, IR_CHOICE_OPS = 6, IR_CHOICES = 2 /* of one way */ };

struct ir_choices { /* the registers that a way writes */
    unsigned n;
    bool second; /* of two ways */
    struct ir_choice {
        uint16_t cell, value;
    } choice[IR_CHOICES];
};

/* May it be computed though nobody asked for it? */
bool ir_cheap(const struct ir_op *o);
/* false: an op that is not cheap, or too many registers. */
bool ir_choices_collect(struct ir_build *b, const struct ir_op *ops, unsigned nops, struct ir_choices *c);
/* What the registers would become goes to the temporaries. */
void ir_choices_rename(struct ir_build *b, struct ir_op *ops, unsigned nops, struct ir_choices *c);
/* The operands of the branch at ops[at] that are temporaries outlive the insn. */
void ir_choices_keep(struct ir_build *b, unsigned at, struct ir_op *branch);
/* The branch's condition, or the inverse, in a temporary. */
uint16_t ir_choices_condition(struct ir_build *b, const struct ir_op *branch, bool *inverse);
/* The temporary of the condition under which flags were made. */
uint16_t ir_choices_chosen(const struct ir_build *b);
void ir_choices_skip(struct ir_build *b, uint16_t condition, bool when, unsigned insns);
void ir_choices_select(struct ir_build *b, uint16_t condition, unsigned cell, unsigned when, unsigned unless);
