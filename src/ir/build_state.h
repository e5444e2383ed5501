/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the builder's files share: build.c (ops), cells.c (registers), follow.c (branches), fold.c (constants, identities), commit.c (the end of an insn). Nobody else includes it. */
#pragma once
#include "ir/build.h"

enum { IR_MAX_INSN_OPS = 512, IR_MAX_PUTS = 40 };

struct ir_build {
    unsigned guest_cells, zero; /* zero: the cell that is always 0, the first behind the guest's */
    const struct ir_helper *helpers;
    unsigned nhelpers;

    struct ir_op ops[IR_MAX_OPS];
    struct ir_insn insns[IR_MAX_INSNS];
    unsigned nops, ninsns;
    struct ir_block block; /* what ir_finish gives */
    int next;              /* offset of the insn to go on with */
    unsigned skip;         /* the branch forwards that the insns since then may be skipped by; IR_MAX_OPS: none */
    bool ended;
    int page_offset; /* of the block; -1: not known */
    unsigned shifts; /* so many shifts by constants were built, or more: what rotations are made of */
    struct {
        unsigned nops, ninsns;
        int next;
    } way; /* behind a branch to before the block, as long as that may turn out to be a way out of the loop which the block is; nops = 0: none */

    struct {
        unsigned nops, ninsns; /* where the second tail begins */
        unsigned branch, last; /* ops: what leads to it; the first tail's end */
        bool asked;            /* ops[last] is the loop's condition */
    } tail;                    /* of a loop, as long as it may turn out to be one (tails.c); nops = 0: none */

    /* The insn being built. Temporaries are single-assignment and die at its end. */
    unsigned first_op, next_temp, len;
    int offset;
    struct {
        uint16_t cell;
        ir_val v;
    } puts[IR_MAX_PUTS];
    unsigned nputs;
    struct ir_op last;         /* the op that leaves the block, held back until the queued writes are committed; op == IR_OPS: none */
    bool pc_written;           /* a helper of this insn sets cpu->pc */
    uint16_t sign_extended[8]; /* temporaries of i32 ops whose cell holds the sign-extended result */
    unsigned nsign_extended;

    /* Registers whose value is known at this point of the block: known[cell] == epoch. */
    uint32_t *known, epoch;
    uint64_t *value;
    uint32_t *word; /* likewise: the value is 32 bits, sign-extended */

    /* What a register of flags was made of, as long as that still stands in registers (compared.c). */
    struct {
        uint32_t epoch;
        uint16_t cell, a, b; /* b: IR_CONST for imm */
        uint8_t op, type;    /* IR_FLSUB; IR_FLLOG of a; IR_AND: that of a & b */
        bool sum;            /* a is the difference: the first operand was a + b */
        bool chosen;         /* made so only where the condition in its temporary holds, else they are `unless` */
        uint64_t imm, unless;
    } compared;

    struct { /* a register whose bits of the mask are 0 (aligned.c) */
        uint32_t epoch;
        uint16_t cell;
        uint64_t mask;
    } aligned;
};

static inline bool ir_is_temp(const struct ir_build *b, unsigned cell) { return cell > b->zero && cell < IR_NONE; }
static inline unsigned ir_type_bits(unsigned type)
{
    static const uint8_t bits[] = {64, 1, 32, 64, 128, 16, 32, 64, 80, 128, 0, 16};
    return type < sizeof bits ? bits[type] : 0;
}
static inline bool ir_is_int(unsigned type) { return type >= IR_i1 && type <= IR_i64; }

struct ir_op *ir_append(struct ir_build *b, unsigned op, unsigned type);
unsigned ir_temp(struct ir_build *b, unsigned type);
unsigned ir_place(struct ir_build *b, ir_val v); /* the cell of a value; a constant is put into one */
ir_val ir_whole(struct ir_build *b, ir_val v);   /* the value with nothing above it in its cell */
void ir_no_way_out(struct ir_build *b);          /* the branch of b->way is no loop's: what was built behind it goes */
/* The op of this insn that made a temporary; NULL: none did. */
struct ir_op *ir_producer(struct ir_build *b, unsigned cell);
/* Before the queued writes take effect: what flags among them are made of, and whether older flags' operands go. */
void ir_compared_commit(struct ir_build *b);
/* The condition as a comparison of what the flags were made of; its cell IR_NONE: that is not known, or not one comparison. */
ir_val ir_compared(struct ir_build *b, unsigned cond, ir_val flags);
/* Is the condition of a TRAP_IF that a register is not aligned, which has been found before? If not, it has been now. */
bool ir_aligned(struct ir_build *b, ir_val condition);
void ir_aligned_commit(struct ir_build *b); /* before the queued writes take effect */
/* Behind an insn: if a branch leads here over insns that only compute, choices take its place. */
void ir_skip(struct ir_build *b);
/* Behind a loop: a second way back to its start may begin at b->next (tails.c). */
bool ir_tail_begin(struct ir_build *b, int high);
int ir_tail(struct ir_build *b, int low, int high); /* behind an insn of it: the offset to go on with */
void ir_tail_drop(struct ir_build *b);              /* it was none */
void ir_forget_known(struct ir_build *b);
/* An equal value without a new op: constants folded, identities, views of the same cell. Its cell IR_NONE: an op is needed. Returned as a value,
 * for it is two registers: read from memory just behind the stores of its parts the host would wait for those. */
ir_val ir_simplify(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, const ir_val args[3]);
