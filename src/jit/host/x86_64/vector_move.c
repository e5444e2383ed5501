/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Vector ops that move lanes, and what leads from and to integers. Masks of VSHUF that the host has an instruction for are found by making
 * that instruction's mask and comparing; any other is one or two shuffles of bytes.
 */
#include "base/bits.h"
#include "ir/mask.h"
#include "jit/host/x86_64/sse.h"

enum { PAND = 0x0fdb, POR = 0x0feb, PSHUFB = 0x0f3800, PADDUSB = 0x0fdc, PUNPCKLQDQ = 0x0f6c, PSHUFD = 0x0f70 };

static bool is_pair(const struct ir_op *op) { return op->type == IR_v128 || op->type == IR_i128; }

static bool narrow_native(const struct ir_op *op) { return op->s[0] < 64 || op->s[1] == IR_trunc; }

bool x86_vector_move_native(const struct emit *e, const struct ir_op *op)
{
    (void)e;
    switch (op->op) {
    case IR_MOV:
    case IR_K: return is_pair(op);
    case IR_ZEXT: return op->type == IR_i128 && op->s[3] == IR_i64;
    case IR_CONCAT: return op->type == IR_i128;
    case IR_VWIDEN:
    case IR_VDUP:
    case IR_VGETE:
    case IR_VSETE:
    case IR_VSHUF:
    case IR_VTBL:
    case IR_VANY: return true;
    case IR_VMASK: return op->s[0] != 16;
    case IR_VNARROW: return narrow_native(op);
    }
    return false;
}

static void packed(struct emit *e, unsigned opcode, unsigned d, unsigned a, unsigned b) { sse_3(e, 0x66, opcode, d, a, b); }

static void shuffle_dwords(struct emit *e, unsigned d, unsigned a, unsigned order)
{
    sse_rr(&e->c, 0x66, PSHUFD, d, a);
    x86_byte(&e->c, order);
}

/* ---- widths ---- */

static void widen(struct emit *e, const struct ir_op *op, unsigned d, unsigned a)
{
    unsigned step = op->s[0] == 8 ? 0 : op->s[0] == 16 ? 3 : 5;
    if (op->s[2]) {
        shuffle_dwords(e, XWORK0, a, 0xee);
        a = XWORK0;
    }
    sse_rr(&e->c, 0x66, (op->s[1] ? 0x0f3820u : 0x0f3830u) + step, d, a); /* pmovsx, pmovzx */
}

/* x shifted so that packing with signed saturation leaves it as it is. */
static void sign_extend_low(struct emit *e, unsigned d, unsigned a)
{
    sse_move(&e->c, d, a);
    sse_rr(&e->c, 0x66, 0x0f72, 6, d); /* pslld, psrad */
    x86_byte(&e->c, 16);
    sse_rr(&e->c, 0x66, 0x0f72, 4, d);
    x86_byte(&e->c, 16);
}

static void narrow(struct emit *e, const struct ir_op *op, unsigned d, unsigned a, unsigned b)
{
    unsigned w = op->s[0], how = op->s[1];
    bool words = w == 16;
    if (w == 64) {
        sse_3(e, 0, 0x0fc6, d, a, b); /* shufps */
        x86_byte(&e->c, 0x88);
        return;
    }
    if (how == IR_ss) {
        packed(e, words ? 0x0f63 : 0x0f6b, d, a, b);
    } else if (how == IR_su) {
        packed(e, words ? 0x0f67 : 0x0f382b, d, a, b);
    } else if (how == IR_trunc && !words) {
        sign_extend_low(e, d, a);
        sign_extend_low(e, XWORK0, b);
        packed(e, 0x0f6b, d, d, XWORK0);
    } else { /* to at most what fits: by a mask, or the smaller */
        uint64_t most = words ? 0x00ff00ff00ff00ff : 0x0000ffff0000ffff;
        unsigned opcode = how == IR_trunc ? PAND : words ? 0x0f383a : 0x0f383b;
        x86_vwith_constant(e, 0x66, opcode, d, a, most, most);
        x86_vwith_constant(e, 0x66, opcode, XWORK0, b, most, most);
        packed(e, words ? 0x0f67 : 0x0f382b, d, d, XWORK0);
    }
}

/* ---- lanes and integers ---- */

/* The low 64 bits of x become the integer. */
static void from_integer(struct emit *e, unsigned x, unsigned cell)
{
    unsigned half;
    int v = x86_vlow(e, cell, &half), r = x86_pin(e, cell);
    if (r < 0 && cell == e->forwarded)
        r = RAX;
    if (r >= 0)
        x86_prr(&e->c, 0x66, 0x0f6e, true, x, (enum x86_reg)r); /* movq */
    else if (v >= 0 && !half)
        sse_rr(&e->c, 0xf3, 0x0f7e, x, (unsigned)v);
    else
        x86_prm(&e->c, 0xf3, 0x0f7e, false, x, cell_mem(cell), false);
}

static void duplicate(struct emit *e, const struct ir_op *op, unsigned d)
{
    unsigned w = op->s[0];
    from_integer(e, d, op->a);
    if (e->avx2) {
        x86_vrr(&e->c, 0x66, w == 8 ? 0x0f3878 : w == 16 ? 0x0f3879 : w == 32 ? 0x0f3858 : 0x0f3859, false, d, 0, d); /* vpbroadcast */
        return;
    }
    if (w == 8)
        sse_rr(&e->c, 0x66, 0x0f60, d, d); /* punpcklbw */
    if (w <= 16) {
        sse_rr(&e->c, 0xf2, PSHUFD, d, d); /* pshuflw */
        x86_byte(&e->c, 0);
    }
    shuffle_dwords(e, d, d, w == 64 || w <= 16 ? 0x44 : 0);
}

/* pextr: the register of the vector is the first in the encoding, but for words. */
static void get_lane(struct emit *e, const struct ir_op *op, unsigned a)
{
    unsigned w = op->s[0], lane = op->s[1];
    enum x86_reg r = x86_result(e, op);
    if (w == 16) {
        x86_prr(&e->c, 0x66, 0x0fc5, false, r, (enum x86_reg)a);
        x86_byte(&e->c, lane);
    } else if (w == 64 && !lane) {
        x86_prr(&e->c, 0x66, 0x0f7e, true, a, r); /* movq */
    } else {
        x86_prr(&e->c, 0x66, w == 8 ? 0x0f3a14 : 0x0f3a16, w == 64, a, r);
        x86_byte(&e->c, lane);
    }
    x86_finish(e, op, r);
}

static void set_lane(struct emit *e, const struct ir_op *op, unsigned d, unsigned a)
{
    unsigned w = op->s[0], opcode = w == 8 ? 0x0f3a20 : w == 16 ? 0x0fc4 : 0x0f3a22;
    enum x86_reg r = RCX;
    if (op->b == IR_CONST)
        x86_imm(&e->c, RCX, op->imm);
    else
        r = x86_get(e, op->b, RCX);
    if (e->avx) {
        x86_vrr(&e->c, 0x66, opcode, w == 64, d, a, r);
    } else {
        sse_move(&e->c, d, a);
        x86_prr(&e->c, 0x66, opcode, w == 64, d, r);
    }
    x86_byte(&e->c, op->s[1]);
}

static void mask_of(struct emit *e, const struct ir_op *op, unsigned a)
{
    unsigned w = op->s[0];
    enum x86_reg r = x86_result(e, op);
    x86_prr(&e->c, w == 32 ? 0 : 0x66, w == 8 ? 0x0fd7 : 0x0f50, false, r, (enum x86_reg)a); /* pmovmskb, movmskps, movmskpd */
    x86_finish(e, op, r);
}

static void any_bit(struct emit *e, const struct ir_op *op, unsigned a)
{
    enum x86_reg r = x86_result(e, op);
    x86_alu_rr(&e->c, ALU_xor, false, RAX, RAX);
    sse_rr(&e->c, 0x66, 0x0f3817, a, a); /* ptest */
    x86_setcc(&e->c, CC_NE, RAX);
    x86_mov(&e->c, r, RAX);
    x86_finish(e, op, r);
}

static void concatenate(struct emit *e, const struct ir_op *op, unsigned d)
{
    int high = x86_pin(e, op->a);
    if (high < 0 && op->a == e->forwarded)
        high = RAX;
    from_integer(e, d, op->b);
    if (high >= 0) {
        x86_prr(&e->c, 0x66, 0x0f3a22, true, d, (enum x86_reg)high); /* pinsrq */
        x86_byte(&e->c, 1);
    } else {
        x86_prm(&e->c, 0x66, 0x0f16, false, d, cell_mem(op->a), false); /* movhpd */
    }
}

/* ---- masks ---- */

static bool equal(struct ir_mask a, struct ir_mask b) { return a.low == b.low && a.second == b.second; }
static struct ir_mask swapped(struct ir_mask m) { return (struct ir_mask){m.low, (uint16_t)~m.second}; }

/* Unpacks and the alignment of two vectors: f(a, b), or false. */
static bool one_instruction(struct emit *e, struct ir_mask mask, unsigned d, unsigned a, unsigned b)
{
    static const uint16_t low[] = {0x0f60, 0x0f61, 0x0f62, 0x0f6c}, high[] = {0x0f68, 0x0f69, 0x0f6a, 0x0f6d};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned part = 0; part < 2; part++)
            if (equal(mask, ir_mask_zip(8u << i, part, 128))) {
                packed(e, part ? high[i] : low[i], d, a, b);
                return true;
            }
    for (unsigned part = 0; part < 2; part++)
        if (equal(mask, ir_mask_uzp(32, part, 128))) {
            sse_3(e, 0, 0x0fc6, d, a, b); /* shufps */
            x86_byte(&e->c, part ? 0xdd : 0x88);
            return true;
        }
    for (unsigned n = 1; n < 16; n++)
        if (equal(mask, ir_mask_ext(n, 128))) {
            packed(e, 0x0f3a0f, d, b, a); /* palignr */
            x86_byte(&e->c, n);
            return true;
        }
    return false;
}

/* Lanes that stay in their place: some from a, some from b. */
static bool blend(struct emit *e, struct ir_mask mask, unsigned d, unsigned a, unsigned b)
{
    unsigned words = 0;
    if (mask.low != UINT64_C(0xfedcba9876543210))
        return false;
    for (unsigned i = 0; i < 8; i++) {
        if ((mask.second >> 2 * i & 3) == 1 || (mask.second >> 2 * i & 3) == 2)
            return false;
        words |= (mask.second >> 2 * i & 1u) << i;
    }
    packed(e, 0x0f3a0e, d, a, b); /* pblendw */
    x86_byte(&e->c, words);
    return true;
}

static bool whole_dwords(struct ir_mask mask, unsigned *order)
{
    *order = 0;
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = mask.low >> 4 * i & 15;
        if (from % 4 != i % 4 || (i % 4 && from / 4 != (mask.low >> 4 * (i - 1) & 15) / 4))
            return false;
        *order |= from / 4 << i / 4 * 2;
    }
    return true;
}

/* By the constant of pshufb: bytes that are not of that operand become 0. */
static void in_order(struct emit *e, unsigned d, unsigned a, struct ir_mask mask, bool second, bool both)
{
    uint64_t half[2] = {0};
    for (unsigned i = 0; i < 16; i++) {
        uint64_t from = mask.low >> 4 * i & 15;
        if (both && (mask.second >> i & 1) != second)
            from = 0x80;
        half[i / 8] |= from << i % 8 * 8;
    }
    x86_vwith_constant(e, 0x66, PSHUFB, d, a, half[0], half[1]);
}

static void of_one(struct emit *e, struct ir_mask mask, unsigned d, unsigned a)
{
    unsigned order;
    if (whole_dwords(mask, &order)) {
        shuffle_dwords(e, d, a, order);
        return;
    }
    in_order(e, d, a, mask, false, false);
}

static void shuffle(struct emit *e, const struct ir_op *op, unsigned d, unsigned a, unsigned b)
{
    struct ir_mask mask = {op->imm, (uint16_t)(op->s[0] | op->s[1] << 8)};
    if (one_instruction(e, mask, d, a, b) || one_instruction(e, swapped(mask), d, b, a) || blend(e, mask, d, a, b))
        return;
    if (op->a == op->b || mask.second == 0 || mask.second == 0xffff) {
        of_one(e, mask, d, mask.second ? b : a);
        return;
    }
    in_order(e, d, a, mask, false, true);
    in_order(e, XWORK1, b, mask, true, true);
    packed(e, POR, d, d, XWORK1);
}

/* Indices from 16 on get bit 7, which makes 0. */
static void look_up(struct emit *e, unsigned d, unsigned a, unsigned b)
{
    x86_vwith_constant(e, 0x66, PADDUSB, XWORK0, b, 0x7070707070707070, 0x7070707070707070);
    packed(e, PSHUFB, d, a, XWORK0);
}

/* ---- copies ---- */

/* The other cell of the pair gets 0 at once: what is left of a vector of 64 bits. */
static bool zeroes_the_rest(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *next = op + 1;
    return next < e->ir->ops + e->ir->nops && next->op == IR_K && next->type == IR_i64 && !next->imm && next->d == op->d + 1u &&
           !(op->d & 1) && op->d < e->request->zero_cell && x86_need(e, next) != NEED_none;
}

unsigned x86_vector_moved_half(struct emit *e, const struct ir_op *op)
{
    unsigned half;
    if (op->op != IR_MOV || (op->type != IR_i64 && op->type != IR_f64))
        return 0;
    int v = x86_vlow(e, op->a, &half), pin = x86_pin(e, op->d);
    if (v < 0 || x86_pin(e, op->a) >= 0)
        return 0;
    e->vlocked |= 1u << (v - XPIN0);
    if (!half && zeroes_the_rest(e, op)) {
        unsigned d = x86_vresult(e);
        struct ir_op whole = *op;
        whole.type = IR_v128;
        sse_rr(&e->c, 0xf3, 0x0f7e, d, (unsigned)v); /* movq */
        x86_vfinish(e, &whole, d);
        return 2;
    }
    if (pin >= 0) {
        x86_prr(&e->c, 0x66, half ? 0x0f3a16 : 0x0f7e, true, (unsigned)v, (enum x86_reg)pin); /* pextrq, movq */
        if (half)
            x86_byte(&e->c, 1);
    } else {
        x86_prm(&e->c, 0x66, half ? 0x0f17 : 0x0f13, false, (unsigned)v, cell_mem(op->d), false); /* movhpd, movlpd */
    }
    x86_vwritten(e, op);
    e->forwarded = IR_NONE;
    if (!half && pin < 0 && op->d < e->request->zero_cell && !(op->d & 1)) {
        unsigned d = x86_vresult(e);
        sse_move(&e->c, d, (unsigned)v);
        x86_vremember(e, op->d, d, V_LOW);
    }
    return 1;
}

static void to_integer(struct emit *e, const struct ir_op *op)
{
    unsigned a = x86_vget(e, op->a);
    if (op->op == IR_VGETE)
        get_lane(e, op, a);
    else if (op->op == IR_VMASK)
        mask_of(e, op, a);
    else
        any_bit(e, op, a);
    x86_vwritten(e, op);
}

void x86_vector_move(struct emit *e, const struct ir_op *op)
{
    const char *in = ir_sigs[op->op].in;
    if (op->op == IR_VGETE || op->op == IR_VMASK || op->op == IR_VANY) {
        to_integer(e, op);
        return;
    }
    unsigned a = in[0] == 'V' || op->op == IR_MOV ? x86_vget(e, op->a) : 0, b = in[0] == 'V' && in[1] == 'V' ? x86_vget(e, op->b) : 0;
    unsigned d = x86_vresult(e);
    switch (op->op) {
    case IR_MOV: sse_move(&e->c, d, a); break;
    case IR_K: x86_vload_constant(e, d, op->imm, op->type == IR_v128 ? op->imm : 0); break;
    case IR_ZEXT: from_integer(e, d, op->a); break;
    case IR_CONCAT: concatenate(e, op, d); break;
    case IR_VWIDEN: widen(e, op, d, a); break;
    case IR_VNARROW: narrow(e, op, d, a, b); break;
    case IR_VDUP: duplicate(e, op, d); break;
    case IR_VSETE: set_lane(e, op, d, a); break;
    case IR_VSHUF: shuffle(e, op, d, a, b); break;
    default: look_up(e, d, a, b); /* VTBL */
    }
    x86_vfinish(e, op, d);
}
