/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The builder: what lifted instructions call. It folds constants, turns register reads and writes into operands, keeps rule 2 (an insn
 * reads old state and commits at its end), fuses compare and branch, and checks every op against its signature (debug builds abort).
 *
 *     ir_begin(b); while (...) { ir_insn_begin(b, offset, len); ... lift ...; ir_insn_end(b); ir_follow(b, ...); } block = ir_finish(b);
 */
#pragma once
#include "ir/ir.h"
#include "ir/mask.h"

typedef struct ir_val {
    uint8_t type;  /* IR_i1 ...; IR_none: a constant whose type comes from its neighbour */
    bool known;    /* k is the value */
    bool wide;     /* an i32, f32 or f16 whose cell has anything above it */
    uint16_t cell; /* where it lives; IR_CONST: nowhere yet, a pure constant */
    uint64_t k;    /* zero-extended; of v128 both halves. Other constants wider than 64 bits do not exist */
} ir_val;

struct ir_build;
int ir_build_new(struct ir_build **out, unsigned guest_cells, const struct ir_helper *helpers, unsigned nhelpers);
void ir_build_free(struct ir_build *b);

enum {
    IR_MAX_INSNS = 64,
    IR_MAX_TEMPS = 1024,
    IR_KEPT_TEMPS = 8,                /* the last of them: not of one insn alone */
    IR_FRAME_EXTRA = IR_MAX_TEMPS + 8 /* cells a frame has beyond the guest's */
};

void ir_begin(struct ir_build *b);
void ir_begin_at(struct ir_build *b, unsigned page_offset); /* the same, and the block's address is known up to its page of 4 KiB */
void ir_insn_begin(struct ir_build *b, int offset, unsigned len);
void ir_insn_end(struct ir_build *b); /* commits queued writes */
void ir_COMMIT(struct ir_build *b);   /* partial stanzas: queued writes so far take effect now */
/* Behind ir_insn_end: the offset of the insn to go on with. That is the next one, or where the insn branches to, if that lies within
 * [low, high): the op of an unconditional branch forwards, or of a call, goes; a conditional one backwards, which is most often taken, is
 * turned round, and the block ends with the way back (ir_ended); unless it leads to before the block and one of the next insns goes back to
 * the block's start: then it leaves that loop. */
int ir_follow(struct ir_build *b, int low, int high);
bool ir_ended(const struct ir_build *b); /* an E op was built: the block is complete */
bool ir_full(const struct ir_build *b);  /* no room for one more insn of any kind */
void ir_end_key(struct ir_build *b);     /* between insns: the block is complete, and what follows it has another mode key */
/* Adds the final branch to the following insn if no E op ended it. The block stays the builder's, until the next ir_begin. */
struct ir_block *ir_finish(struct ir_build *b);

/* Values. */
ir_val ir_k(unsigned type, uint64_t k);                          /* K(), K1(), K32(), K64() */
ir_val ir_get(struct ir_build *b, unsigned type, unsigned cell); /* GET of a slot's cell: the value at the insn's start */
/* The low part of a vector slot, of up to 64 bits: GETL; PUTL keeps the rest, PUTZ zeroes it. cells: of the slot. */
ir_val ir_getl(struct ir_build *b, unsigned type, unsigned cell);
void ir_putl(struct ir_build *b, unsigned cell, ir_val v);
void ir_putz(struct ir_build *b, unsigned cell, unsigned cells, ir_val v);
ir_val ir_vk(unsigned e, uint64_t n);         /* VK: v128, every lane of e bits is n */
ir_val ir_copy(struct ir_build *b, ir_val v); /* the value as it is now, whatever a helper called later in the insn does to its register */
void ir_put(struct ir_build *b, unsigned cell, ir_val v);                                /* PUT: queued until the insn's end */
ir_val ir_call(struct ir_build *b, unsigned helper, unsigned nargs, const ir_val *args); /* CALL */

/* All other ops: `ir_val ir_ADD(struct ir_build *b, ir_val x, ir_val y)` …, arguments in the order of ops.def, statics as unsigned,
 * offsets as int64_t, in ops.gen.h. They come down to this one, which works in args: */
ir_val ir_emit(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, unsigned nargs, ir_val args[3]);

#define IR_BUILDERS
#include "ir/ops.gen.h"
