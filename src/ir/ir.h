/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A block of IR as every tier sees it: a list of ops whose operands are numbers of cells (8 bytes each) in the vCPU's frame: the
 * guest's registers, then temporaries. Guest registers are operands, so reading and writing them costs no op.
 *
 * Cells hold i1 and i32, f16 and f32 zero-extended; i128 and v128 take two cells (low half first).
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
};

const char *ir_op_name(unsigned op);
const char *ir_type_name(unsigned type);
