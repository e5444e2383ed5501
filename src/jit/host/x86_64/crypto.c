/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES rounds and carry-less products by the host's vector instructions, where it has them; bits in reverse order. */
#include "jit/host/x86_64/sse.h"

static bool halves_native(const struct emit *e, const struct ir_op *op)
{
    return op->type == IR_i128 && x86_pin(e, op->d) < 0 && x86_pin(e, op->d + 1u) < 0;
}

bool x86_crypto_native(const struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_AES: return e->aes && op->s[0] != IR_mix;
    case IR_CLMUL: return e->clmul && halves_native(e, op);
    case IR_BITREV: return op->type == IR_i64 || op->type == IR_i32;
    }
    return false;
}

static void second_operand(struct emit *e, const struct ir_op *op)
{
    if (op->b == IR_CONST) {
        x86_imm(&e->c, RCX, op->imm);
        x86_prr(&e->c, 0x66, 0x0f6e, true, XWORK1, RCX); /* movq */
    } else {
        x86_xget_into(e, op->b, false, XWORK1);
    }
}

/* The low half of XWORK0 is the op's result. */
static void finish(struct emit *e, const struct ir_op *op)
{
    enum x86_reg r = x86_result(e, op);
    x86_prr(&e->c, 0x66, 0x0f7e, true, XWORK0, r); /* movq */
    x86_finish(e, op, r);
}

/* The other half of the same round: its result is the upper half of the host's. */
static bool other_half(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    return next < e->ir->ops + e->ir->nops && next->op == IR_AES && next->s[0] == op->s[0] && next->a == op->b && next->b == op->a &&
           op->s[0] != IR_imc && op->d <= e->request->zero_cell && op->d != op->a && op->d != op->b;
}

/* With a key of zeros. */
static unsigned aes(struct emit *e, const struct ir_op *op)
{
    static const unsigned opcodes[] = {
        [IR_enc] = 0x0f38dc, [IR_enclast] = 0x0f38dd, [IR_dec] = 0x0f38de, [IR_declast] = 0x0f38df, [IR_imc] = 0x0f38db};
    bool both = other_half(e, op);
    x86_xget_into(e, op->a, false, XWORK0);
    if (op->s[0] == IR_imc) {
        sse_rr(&e->c, 0x66, opcodes[IR_imc], XWORK0, XWORK0);
    } else {
        second_operand(e, op);
        sse_rr(&e->c, 0x66, 0x0f6c, XWORK0, XWORK1); /* punpcklqdq */
        sse_zero(&e->c, XWORK1);
        sse_rr(&e->c, 0x66, opcodes[op->s[0]], XWORK0, XWORK1);
    }
    finish(e, op);
    if (!both)
        return 1;
    sse_rr(&e->c, 0, 0x0f12, XWORK0, XWORK0); /* movhlps */
    finish(e, op + 1);
    return 2;
}

static void carryless(struct emit *e, const struct ir_op *op)
{
    x86_xget_into(e, op->a, false, XWORK0);
    second_operand(e, op);
    sse_rr(&e->c, 0x66, 0x0f3a44, XWORK0, XWORK1); /* pclmulqdq */
    x86_byte(&e->c, 0);
    x86_prm(&e->c, 0, 0x0f11, false, XWORK0, cell_mem(op->d), false); /* movups */
    e->forwarded = IR_NONE;
}

/* Neighbours, pairs and halves of bytes change places, then the bytes. */
static void reverse(struct emit *e, const struct ir_op *op)
{
    static const uint64_t low[] = {0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f};
    bool wide = op->type == IR_i64;
    x86_get_into(e, op->a, RAX, wide);
    for (unsigned i = 0; i < 3; i++) {
        x86_imm(&e->c, RDX, wide ? low[i] : (uint32_t)low[i]);
        x86_rr(&e->c, 0x8b, wide, RCX, RAX);
        x86_shift(&e->c, SH_shr, wide, RCX, 1u << i);
        x86_alu_rr(&e->c, ALU_and, wide, RAX, RDX);
        x86_alu_rr(&e->c, ALU_and, wide, RCX, RDX);
        x86_shift(&e->c, SH_shl, wide, RAX, 1u << i);
        x86_alu_rr(&e->c, ALU_or, wide, RAX, RCX);
    }
    x86_bswap(&e->c, wide, RAX);
    x86_finish_word(e, op, RAX);
}

unsigned x86_lower_crypto(struct emit *e, const struct ir_op *op)
{
    if (!x86_crypto_native(e, op))
        return 0;
    if (op->op == IR_AES)
        return aes(e, op);
    if (op->op == IR_CLMUL)
        carryless(e, op);
    else
        reverse(e, op);
    return 1;
}
