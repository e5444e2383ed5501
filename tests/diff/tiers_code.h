/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What tiers_program.c and tiers_machine.c need of a guest: pieces of code, appended at *at (an offset in the program), and the vCPU's
 * state. Four registers from PROGRAM_COUNTER on are the dispatcher's own.
 */
#pragma once
#include "tiers_machine.h"

enum { COUNT = PROGRAM_COUNTER, T1, T2, T3 };
enum { STUBS_AT = 0x80, STUB_SIZE = 256, MAX_FRAGMENTS = 8, FRAGMENTS_AT = STUBS_AT + MAX_FRAGMENTS * STUB_SIZE };

extern const unsigned code_sp, code_handler_at; /* the stack pointer's number; the handler's place in its page */

void code_put(struct program *p, unsigned *at, uint32_t word);
unsigned code_handler(uint32_t words[HANDLER_WORDS]); /* how many */
bool code_refuses(unsigned id, const int64_t *values, bool smp);
unsigned code_loop_counter(
    const struct case_input *c); /* of the fragment's own loop, whose branch is its last instruction; 0: it has none */
void code_dispatcher(struct program *p, unsigned fragments);
void code_pointer(struct program *p, unsigned *at, unsigned x, uint64_t to);
void code_number(struct program *p, unsigned *at, unsigned x, unsigned n);
void code_count(struct program *p, unsigned *at); /* puts the count of insns somewhere, where programs can have it */
void code_jump(struct program *p, unsigned *at, unsigned to);
void code_slot(struct program *p, unsigned *at); /* the insn that code_patch writes others over */
/* On every eighth turn: an addition of the count is stored to `slot` (T3 is left pointing to it). Of the count so many of its low bits are
 * taken: with 5 there are four words, which come again and again; with 0 it is the one that was there. */
void code_patch(struct program *p, unsigned *at, uint64_t slot, unsigned bits);
void code_call_slot(struct program *p, unsigned *at); /* by T3 */
void code_private(struct program *p);                 /* a slot, and back to the caller */

/* ---- the vCPU ---- */

extern const struct guest *const state_guest;
uint64_t state_features(const struct cpu *cpu);
/* Page tables of vCPU n; what state_set enters them by. */
uint64_t state_tables(struct machine *m, unsigned n);
void state_set(struct cpu *cpu, const struct program *p, uint64_t tables);
bool state_ended(const struct cpu *cpu);
unsigned state_differs(struct cpu *a, struct cpu *b);

/* ---- tiers_machine.c ---- */
void machine_poke64(struct machine *m, gpa at, uint64_t v);
gpa machine_code_page(unsigned n, bool paged);
unsigned machine_differ(const char *what, unsigned i, uint64_t a, uint64_t b); /* says so */
