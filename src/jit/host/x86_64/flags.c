/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Condition flags as values (ir/flags.h): the host's own, by LAHF and SETO, with those bits cleared that are none of them. The carry of a
 * difference is the host's inverted. rcx and rdx are scratch; rax gets the result only.
 */
#include "ir/flags.h"
#include "jit/host/x86_64/x86_64.h"

enum { LAHF = 0x9f, CMC = 0xf5, FL_ALL = FL_N | FL_Z | FL_C | FL_V };

bool x86_flags_native(const struct ir_op *op)
{
    return (ir_flags_op(op->op) && op->type <= IR_i64) || (op->op == IR_COND && op->s[0] < IR_COND_al);
}

void x86_flags_take(struct emit *e, bool inverted)
{
    if (inverted)
        x86_byte(&e->c, CMC);
    x86_byte(&e->c, LAHF);
    x86_setcc(&e->c, CC_O, RAX);
    x86_alu_ri(&e->c, ALU_and, false, RAX, FL_ALL);
}

/* The host's flags as the result. */
void x86_flags_keep(struct emit *e, const struct ir_op *op, bool inverted)
{
    x86_flags_take(e, inverted);
    x86_finish(e, op, RAX);
}

void x86_flags_operate(struct emit *e, const struct ir_op *op, enum x86_alu alu)
{
    bool wide = op->type == IR_i64;
    int64_t k = wide ? (int64_t)op->imm : (int32_t)op->imm;
    if (op->b != IR_CONST) {
        x86_alu_cell(e, alu, wide, RCX, op->b);
    } else if (fits32(k)) {
        x86_alu_ri(&e->c, alu, wide, RCX, (int32_t)k);
    } else {
        x86_imm(&e->c, RDX, (uint64_t)k);
        x86_alu_rr(&e->c, alu, wide, RCX, RDX);
    }
}

/* rcx = a op b; the flags are what matters. */
static void operate(struct emit *e, const struct ir_op *op, enum x86_alu alu)
{
    x86_get_into(e, op->a, RCX, op->type == IR_i64);
    x86_flags_operate(e, op, alu);
}

/* The host's carry becomes the operand, or its complement. */
static void carry_in(struct emit *e, unsigned cell, bool inverted)
{
    x86_get_into(e, cell, RDX, false);
    if (inverted)
        x86_alu_ri(&e->c, ALU_cmp, false, RDX, 1);
    else
        x86_rr(&e->c, 0xf7, false, 3, RDX); /* neg */
}

/* rax = the parts of rcx: two bits up or down by 12, one by 7, the last stays. */
static void spread(struct emit *e, enum x86_shift shift, unsigned high, unsigned carry)
{
    x86_mov32(&e->c, RAX, RCX);
    x86_shift(&e->c, shift, false, RAX, 12);
    x86_alu_ri(&e->c, ALU_and, false, RAX, (int32_t)high);
    x86_mov32(&e->c, RDX, RCX);
    x86_shift(&e->c, shift, false, RDX, 7);
    x86_alu_ri(&e->c, ALU_and, false, RDX, (int32_t)carry);
    x86_alu_rr(&e->c, ALU_or, false, RAX, RDX);
    x86_alu_ri(&e->c, ALU_and, false, RCX, FL_V);
    x86_alu_rr(&e->c, ALU_or, false, RAX, RCX);
}

static void keep(struct emit *e, const struct ir_op *op, bool inverted)
{
    if (x86_carry_only(e, op))
        x86_carry_keep(e, op, inverted);
    else
        x86_flags_keep(e, op, inverted);
}

bool x86_lower_condition_flags(struct emit *e, const struct ir_op *op)
{
    bool carry = op->s[0] == IR_carry;
    if (!ir_flags_op(op->op) || !x86_flags_native(op))
        return false;
    switch (op->op) {
    case IR_FLADD:
        operate(e, op, ALU_add);
        keep(e, op, false);
        return true;
    case IR_FLSUB:
        operate(e, op, ALU_sub);
        keep(e, op, carry);
        return true;
    case IR_FLADC:
        carry_in(e, op->c, false);
        operate(e, op, ALU_adc);
        x86_flags_keep(e, op, false);
        return true;
    case IR_FLSBC:
        carry_in(e, op->c, carry);
        operate(e, op, ALU_sbb);
        x86_flags_keep(e, op, carry);
        return true;
    case IR_FLLOG: {
        enum x86_reg a = x86_get(e, op->a, RCX);
        x86_rr(&e->c, 0x85, op->type == IR_i64, a, a); /* test */
        x86_flags_keep(e, op, false);
        return true;
    }
    case IR_FLPACK:
        x86_get_into(e, op->a, RCX, false);
        spread(e, SH_shl, FL_N | FL_Z, FL_C);
        break;
    default: /* FLBITS */ x86_get_into(e, op->a, RCX, false); spread(e, SH_shr, 12, 2);
    }
    x86_finish(e, op, RAX);
    return true;
}

static void test(struct emit *e, enum x86_reg r, unsigned bits)
{
    x86_rr(&e->c, 0xf7, false, 0, r);
    x86_u32(&e->c, bits);
}

static enum x86_cc test_bit(struct emit *e, const struct ir_op *op, unsigned bit)
{
    test(e, x86_get(e, op->a, RCX), bit);
    return op->s[0] & 1 ? CC_E : CC_NE;
}

enum x86_cc x86_condition(struct emit *e, const struct ir_op *op)
{
    unsigned cond = op->s[0];
    bool inverse = cond & 1;
    switch (cond & ~1u) {
    case IR_COND_eq: return test_bit(e, op, FL_Z);
    case IR_COND_cs: return test_bit(e, op, FL_C);
    case IR_COND_mi: return test_bit(e, op, FL_N);
    case IR_COND_vs: return test_bit(e, op, FL_V);
    case IR_COND_hi:
        x86_get_into(e, op->a, RCX, false);
        x86_alu_ri(&e->c, ALU_and, false, RCX, FL_C | FL_Z);
        x86_alu_ri(&e->c, ALU_cmp, false, RCX, FL_C);
        return inverse ? CC_NE : CC_E;
    }
    x86_get_into(e, op->a, RCX, false);
    x86_mov32(&e->c, RDX, RCX);
    x86_shift(&e->c, SH_shr, false, RDX, 15);
    x86_alu_rr(&e->c, ALU_xor, false, RDX, RCX); /* bit 0: N differs from V */
    if (cond >= IR_COND_gt) {
        x86_shift(&e->c, SH_shl, false, RDX, 14);
        x86_alu_rr(&e->c, ALU_or, false, RDX, RCX);
    }
    test(e, RDX, cond >= IR_COND_gt ? FL_Z : FL_V);
    return inverse ? CC_NE : CC_E;
}
