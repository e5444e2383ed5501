/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES and SHA-256 on whole vectors, by the host's instructions for them. They have no forms of three operands. */
#include "jit/host/x86_64/sse.h"

enum { AESIMC = 0x0f38db, AESENC, AESENCLAST, AESDEC, AESDECLAST, SHA256RNDS2 = 0x0f38cb, SHA256MSG1, SHA256MSG2 };
enum { PUNPCKLQDQ = 0x0f6c, PUNPCKHQDQ = 0x0f6d, PSHUFD = 0x0f70, PADDD = 0x0ffe, PALIGNR = 0x0f3a0f };
enum { SWAP_NEIGHBOURS = 0xb1, HIGH_HALF = 0xee };

bool x86_vector_crypto_native(const struct emit *e, const struct ir_op *op) { return op->op == IR_VAES ? e->aes : e->sha; }

/* The second half of the same round, mixing columns, is what the next op does with the result. */
static bool mixes_next(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    unsigned wanted = op->s[0] == IR_enclast ? IR_mix : op->s[0] == IR_declast ? IR_imc : UINT8_MAX;
    return next < e->ir->ops + e->ir->nops && next->op == IR_VAES && next->s[0] == wanted && next->a == op->d && next->d == op->d;
}

static unsigned aes(struct emit *e, const struct ir_op *op)
{
    static const unsigned opcodes[] = {
        [IR_enc] = AESENC, [IR_enclast] = AESENCLAST, [IR_dec] = AESDEC, [IR_declast] = AESDECLAST, [IR_imc] = AESIMC, [IR_mix] = AESENC};
    unsigned a = x86_vget(e, op->a), d = x86_vresult(e), opcode = opcodes[op->s[0]];
    bool both = mixes_next(e, op);
    if (both)
        opcode = op->s[0] == IR_enclast ? AESENC : AESDEC;
    if (opcode != AESIMC)
        sse_zero(&e->c, XWORK0);
    sse_move(&e->c, d, a);
    if (op->s[0] == IR_mix) /* undoes what comes before mixing */
        sse_rr(&e->c, 0x66, AESDECLAST, d, XWORK0);
    sse_rr(&e->c, 0x66, opcode, d, opcode == AESIMC ? d : XWORK0);
    x86_vfinish(e, op, d);
    return 1 + both;
}

static void shuffle(struct emit *e, unsigned d, unsigned a, unsigned order)
{
    sse_rr(&e->c, 0x66, PSHUFD, d, a);
    x86_byte(&e->c, order);
}

/*
 * The host wants one vector of f e b a and one of h g d c, and two words in xmm0, which is XTEMP0: no insn has a float temporary beside this.
 * After two rounds the first is the second.
 */
static void rounds(struct emit *e, const struct ir_op *op, unsigned d, unsigned a, unsigned b, unsigned c)
{
    sse_move(&e->c, XWORK0, b);
    sse_rr(&e->c, 0x66, PUNPCKLQDQ, XWORK0, a);
    shuffle(e, XWORK0, XWORK0, SWAP_NEIGHBOURS);
    sse_move(&e->c, XWORK1, b);
    sse_rr(&e->c, 0x66, PUNPCKHQDQ, XWORK1, a);
    shuffle(e, XWORK1, XWORK1, SWAP_NEIGHBOURS);
    sse_move(&e->c, XTEMP0, c);
    sse_rr(&e->c, 0, SHA256RNDS2, XWORK1, XWORK0);
    shuffle(e, XTEMP0, c, HIGH_HALF);
    sse_rr(&e->c, 0, SHA256RNDS2, XWORK0, XWORK1);
    sse_rr(&e->c, 0x66, op->s[0] == IR_hash ? PUNPCKHQDQ : PUNPCKLQDQ, XWORK0, XWORK1);
    shuffle(e, d, XWORK0, SWAP_NEIGHBOURS);
}

static void sha256(struct emit *e, const struct ir_op *op)
{
    unsigned a = x86_vget(e, op->a), b = x86_vget(e, op->b), c = x86_vget(e, op->c), d = x86_vresult(e);
    switch (op->s[0]) {
    case IR_hash:
    case IR_hash2: rounds(e, op, d, a, b, c); break;
    case IR_words:
        sse_move(&e->c, d, a);
        sse_rr(&e->c, 0, SHA256MSG1, d, b);
        break;
    default: /* the words of b and c from the second on, and a */
        sse_move(&e->c, d, c);
        sse_rr(&e->c, 0x66, PALIGNR, d, b);
        x86_byte(&e->c, 4);
        sse_rr(&e->c, 0x66, PADDD, d, a);
        sse_rr(&e->c, 0, SHA256MSG2, d, c);
    }
    x86_vfinish(e, op, d);
}

unsigned x86_vector_crypto(struct emit *e, const struct ir_op *op)
{
    if (op->op == IR_VAES)
        return aes(e, op);
    sha256(e, op);
    return 1;
}
