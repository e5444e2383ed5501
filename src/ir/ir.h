/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A block of IR as every tier sees it: a list of ops whose operands are numbers of cells (8 bytes each) in the vCPU's frame: the
 * guest's registers, then temporaries. Guest registers are operands, so reading and writing them costs no op.
 *
 * Cells hold i1 and i32, f16 and f32 zero-extended; i128 and v128 take two cells (low half first). An op may read either of the two as an
 * i64, and the low bits of a cell as an i32, f32 or f16: ops of these types cut their operands. MOV copies the cell.
 * The first cell behind the guest's registers is always 0.
 * At most one value operand of an op is a constant (its number is IR_CONST, the value is imm); never one of an op that uses imm
 * itself: memory ops have the displacement there, branches the offset, field ops pos | len << 8, CALL the cells of arguments 4 to 6.
 * BRANCH_CMP packs both: offset in the low, a constant in the high 32 bits of imm, each sign-extended.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "ir/ops.gen.h" /* enum ir_opcode, enum words, builder prototypes: made from ops.def and words.def */

enum { IR_CONST = 0xffff, IR_NONE = 0xfffe, IR_SX = 1, IR_MAX_OPS = 2048 /* of a block */ };

struct ir_op {
    uint8_t op;       /* enum ir_opcode */
    uint8_t type;     /* of the result; of comparisons and ops without result: of the operands (STORE: the value) */
    uint8_t s[4];     /* static arguments in the order of the signature without `ty` and those in imm; s[3]: the first operand's type
                         where it differs from type. Integer ops on i32: s[0] = IR_SX says that the result is sign-extended to i64 */
    uint16_t d;       /* result; exits: number of insns retired when taken */
    uint16_t a, b, c; /* operands in order */
    uint16_t handler; /* the evaluator's; set by ir_eval_prepare */
    uint64_t imm;
};

struct ir_insn {    /* one guest insn of a block */
    uint16_t op;    /* its first op */
    int16_t offset; /* of its first byte from the block's, in bytes; blocks follow branches, so it may go back and repeat */
};

struct ir_block {
    uint16_t nops, ninsns;
    bool straddles; /* its last insn lies on two pages */
    struct ir_insn *insns;
    struct ir_op *ops;
};

struct ir_helper { /* row of a guest's helper table: a C function that CALL reaches */
    const char *name;
    uint64_t (*fn)(void *cpu, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t); /* cast from its true type */
    uint8_t args;
    uint8_t result;          /* type or IR_none */
    bool pure, traps, exits; /* effects: result depends on arguments only; may set cpu->trapped; the block ends after it */
    bool writes_pc;          /* it sets cpu->pc itself: the END that follows goes there */
    /* Bit n: argument n is v128, for C a const uint64_t *. If the result is v128, a uint64_t * for it comes before the arguments, and what
     * the function returns is nothing. C has 6 arguments at most. */
    uint8_t vectors;
};

static inline unsigned ir_type_cells(unsigned type)
{
    return type == IR_i128 || type == IR_v128 || type == IR_f80 ? 2 : type == IR_v256 ? 4 : 1;
}
static inline unsigned ir_result_cells(const struct ir_op *o) { return ir_sigs[o->op].out == 'b' ? 1 : ir_type_cells(o->type); }
/* May an operand be of two cells? Then the cell behind each of them counts as read. */
static inline bool ir_reads_pairs(const struct ir_op *o)
{
    return ir_type_cells(o->type) > 1 || ir_type_cells(o->s[3]) > 1 || o->op == IR_CALL || (o->op == IR_SC && o->s[0] == 128);
}

const char *ir_op_name(unsigned op);
const char *ir_type_name(unsigned type);
