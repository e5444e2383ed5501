/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Integer ops of up to 64 bits. What is not here, is lowered by a call of the evaluator's op. */
#include "jit/host/x86_64/x86_64.h"

static bool narrow(const struct ir_op *op) { return op->type == IR_i64 || op->type == IR_i32; }
static unsigned source(const struct ir_op *op) { return op->s[3] ? op->s[3] : op->type; }

/* Of which types an op is lowered here. A table, because a switch at every op is a jump that nobody guesses. */
enum { WORDS = 1, BIT = 2, WIDE = 4, EXTENSION = 8, VALUE = 16, CELL = 32, ALWAYS = 64, ASK = 128 };
static const uint8_t lowered[IR_OPS] = {
    [IR_ADD] = WORDS,         [IR_SUB] = WORDS,       [IR_SHL] = WORDS,      [IR_SHR] = WORDS,
    [IR_SAR] = WORDS,         [IR_ROTR] = WORDS,      [IR_MUL] = WORDS,      [IR_NEG] = WORDS,
    [IR_EQ] = WORDS,          [IR_NE] = WORDS,        [IR_SLT] = WORDS,      [IR_SLE] = WORDS,
    [IR_ULT] = WORDS,         [IR_ULE] = WORDS,       [IR_BSWAP] = WORDS,    [IR_EXTRACT] = WORDS,
    [IR_SEXTRACT] = WORDS,    [IR_AND] = WORDS | BIT, [IR_OR] = WORDS | BIT, [IR_XOR] = WORDS | BIT,
    [IR_NOT] = WORDS | BIT,   [IR_MULHU] = WIDE,      [IR_MULHS] = WIDE,     [IR_SEXT] = EXTENSION,
    [IR_ZEXT] = EXTENSION,    [IR_SELECT] = VALUE,    [IR_MOV] = CELL,       [IR_K] = CELL,
    [IR_BIT] = ALWAYS,        [IR_PC] = ALWAYS,       [IR_SKIP] = ALWAYS,    [IR_BRANCH_IF] = ALWAYS,
    [IR_BRANCH_CMP] = ALWAYS, [IR_CLOCK] = ASK,       [IR_CLZ] = ASK,        [IR_CTZ] = ASK,
    [IR_POPCNT] = ASK,
};

static bool ask(const struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_CLOCK: return op->s[0] == IR_insns || op->s[0] == IR_events;
    case IR_POPCNT: return narrow(op) && e->popcnt;
    default: return narrow(op) && e->lzcnt; /* CLZ, CTZ */
    }
}

static bool lowered_here(const struct emit *e, const struct ir_op *op)
{
    unsigned how = lowered[op->op];
    if (how & WORDS)
        return narrow(op) || ((how & BIT) && op->type == IR_i1);
    if (how & (CELL | ALWAYS))
        return (how & ALWAYS) || ir_type_cells(op->type) == 1;
    if (how & (WIDE | EXTENSION))
        return op->type == IR_i64 && ((how & WIDE) || source(op) == IR_i32);
    if (how & VALUE)
        return op->type == IR_i64 || op->type == IR_i32 || op->type == IR_f64 || op->type == IR_fl;
    return how && ask(e, op);
}

bool x86_is_native(const struct emit *e, const struct ir_op *op)
{
    if (lowered[op->op])
        return lowered_here(e, op);
    return x86_flags_native(op) || x86_divide_native(op) || x86_crypto_native(e, op) || x86_float_native(e, op) ||
           (e->vectors && x86_vector_native(e, op));
}

static const struct {
    uint8_t alu;
    bool commutes;
} alu_of[IR_OPS] = {
    [IR_ADD] = {ALU_add, true}, [IR_SUB] = {ALU_sub, false}, [IR_AND] = {ALU_and, true},
    [IR_OR] = {ALU_or, true},   [IR_XOR] = {ALU_xor, true},
};

static enum x86_cc condition(const struct ir_op *op)
{
    switch (op->op) {
    case IR_EQ: return CC_E;
    case IR_NE: return CC_NE;
    case IR_SLT: return CC_L;
    case IR_SLE: return CC_LE;
    case IR_ULT: return CC_B;
    default: return CC_BE;
    }
}

static bool in_register(const struct emit *e, unsigned cell, enum x86_reg r)
{
    return x86_pin(e, cell) == (int)r || (r == RAX && cell == e->forwarded);
}

static void constant_operand(struct emit *e, enum x86_alu alu, bool wide, enum x86_reg r, uint64_t k)
{
    if (!wide)
        k = (uint64_t)(int64_t)(int32_t)k;
    if (fits32((int64_t)k)) {
        x86_alu_ri(&e->c, alu, wide, r, (int32_t)k);
    } else {
        x86_imm(&e->c, RCX, k);
        x86_alu_rr(&e->c, alu, wide, r, RCX);
    }
}

/* d = a + k or a + b without a move in front. */
static bool add_by_lea(struct emit *e, const struct ir_op *op)
{
    enum x86_reg r = x86_result(e, op);
    bool wide = op->type == IR_i64;
    int a = x86_pin(e, op->a), b = op->b == IR_CONST ? -1 : x86_pin(e, op->b);
    if (op->op != IR_ADD || a < 0 || a == (int)r || (op->b == IR_CONST ? !fits32((int64_t)op->imm) && wide : b < 0 || b == (int)r))
        return false;
    struct x86_mem m = {.base = (enum x86_reg)a,
                        .index = op->b == IR_CONST ? NO_REG : (enum x86_reg)b,
                        .scale = 1,
                        .disp = op->b == IR_CONST ? (int32_t)op->imm : 0};
    x86_rm(&e->c, 0x8d, wide, r, m);
    x86_finish_word(e, op, r);
    return true;
}

static void arithmetic(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    enum x86_alu alu = (enum x86_alu)alu_of[op->op].alu;
    enum x86_reg r = x86_result(e, op);
    unsigned a = op->a, b = op->b;
    if (add_by_lea(e, op))
        return;
    if (b != IR_CONST && in_register(e, b, r) && !in_register(e, a, r)) {
        if (alu_of[op->op].commutes) {
            unsigned swap = a;
            a = b;
            b = swap;
        } else { /* the second operand stands where the result goes */
            x86_get_into(e, b, RCX, true);
            x86_get_into(e, a, r, wide);
            x86_alu_rr(&e->c, alu, wide, r, RCX);
            x86_finish_word(e, op, r);
            return;
        }
    }
    x86_get_into(e, a, r, wide);
    if (b == IR_CONST)
        constant_operand(e, alu, wide, r, op->imm);
    else if (b == a)
        x86_alu_rr(&e->c, alu, wide, r, r);
    else
        x86_alu_cell(e, alu, wide, r, b);
    x86_finish_word(e, op, r);
}

static void shift(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    enum x86_shift sh = op->op == IR_SHL ? SH_shl : op->op == IR_SHR ? SH_shr : op->op == IR_SAR ? SH_sar : SH_ror;
    enum x86_reg r = x86_result(e, op);
    if (op->b == IR_CONST) {
        x86_get_into(e, op->a, r, wide);
        x86_shift(&e->c, sh, wide, r, (unsigned)op->imm & (wide ? 63 : 31));
    } else {
        x86_get_into(e, op->b, RCX, false);
        x86_get_into(e, op->a, r, wide);
        if (!wide)
            x86_mov32(&e->c, r, r); /* a count of 0 leaves the upper half alone */
        x86_shift_cl(&e->c, sh, wide, r);
    }
    x86_finish_word(e, op, r);
}

static void multiply(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    enum x86_reg r = x86_result(e, op);
    if (op->b == IR_CONST) {
        int64_t k = wide ? (int64_t)op->imm : (int32_t)op->imm;
        enum x86_reg a = x86_get(e, op->a, RCX);
        if (fits32(k)) {
            x86_rr(&e->c, 0x69, wide, r, a);
            x86_u32(&e->c, (uint32_t)k);
        } else {
            x86_imm(&e->c, RDX, (uint64_t)k);
            x86_rr(&e->c, 0x0faf, wide, RDX, a);
            x86_mov(&e->c, r, RDX);
        }
    } else {
        unsigned a = op->a, b = op->b;
        if (in_register(e, b, r)) { /* the product commutes */
            b = op->a;
            a = op->b;
        }
        x86_get_into(e, a, r, wide);
        x86_rr(&e->c, 0x0faf, wide, r, x86_get(e, b, RDX));
    }
    x86_finish_word(e, op, r);
}

static void multiply_high(struct emit *e, const struct ir_op *op)
{
    enum x86_reg b = RCX;
    if (op->b == IR_CONST)
        x86_imm(&e->c, RCX, op->imm);
    else
        b = x86_get(e, op->b, RCX);
    if (b == RAX) {
        x86_mov(&e->c, RCX, RAX);
        b = RCX;
    }
    x86_get_into(e, op->a, RAX, true);
    x86_rr(&e->c, 0xf7, true, op->op == IR_MULHU ? 4 : 5, b);
    x86_finish(e, op, RDX);
}

static void compare_operands(struct emit *e, const struct ir_op *op, bool wide, int64_t constant)
{
    if (op->b != IR_CONST) {
        enum x86_reg a = x86_get(e, op->a, RCX);
        x86_alu_cell(e, ALU_cmp, wide, a, op->b);
        return;
    }
    int pin = x86_pin(e, op->a);
    if (pin < 0 && op->a == e->forwarded)
        pin = RAX;
    if (!fits32(constant)) {
        enum x86_reg a = x86_get(e, op->a, RCX);
        x86_imm(&e->c, RDX, (uint64_t)constant);
        x86_alu_rr(&e->c, ALU_cmp, wide, a, RDX);
    } else if (pin < 0) {
        x86_alu_mi(&e->c, ALU_cmp, wide, cell_mem(op->a), (int32_t)constant);
    } else if (constant == 0) {
        x86_rr(&e->c, 0x85, wide, (unsigned)pin, (enum x86_reg)pin); /* test */
    } else {
        x86_alu_ri(&e->c, ALU_cmp, wide, (enum x86_reg)pin, (int32_t)constant);
    }
}

enum x86_cc x86_compare(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    if (op->op == IR_COND)
        return x86_condition(e, op);
    compare_operands(e, op, wide, wide ? (int64_t)op->imm : (int32_t)op->imm);
    return condition(op);
}

static void compare(struct emit *e, const struct ir_op *op)
{
    enum x86_cc cc = x86_compare(e, op);
    enum x86_reg r = x86_result(e, op);
    x86_setcc(&e->c, cc, r);
    x86_prr(&e->c, 0, 0x0fb6, r >= RSP, r, r); /* movzx; with REX for sil, dil and the like (64-bit form) */
    x86_finish(e, op, r);
}

static void select_value(struct emit *e, const struct ir_op *op)
{
    int pin = x86_pin(e, op->a);
    x86_get_into(e, op->c, RCX, true);
    if (pin < 0 && op->a != e->forwarded)
        x86_alu_mi(&e->c, ALU_cmp, false, cell_mem(op->a), 0);
    else
        x86_rr(&e->c, 0x85, false, pin < 0 ? RAX : (unsigned)pin, pin < 0 ? RAX : (enum x86_reg)pin);
    enum x86_reg b = x86_get(e, op->b, RDX);
    x86_rr(&e->c, 0x0f45, true, RCX, b); /* cmovne */
    if (op->type == IR_i32)
        x86_mov32(&e->c, RCX, RCX);
    enum x86_reg r = x86_result(e, op);
    x86_mov(&e->c, r, RCX);
    x86_finish(e, op, r);
}

static void field(struct emit *e, const struct ir_op *op)
{
    unsigned pos = op->imm & 0xff, len = op->op == IR_BIT ? 1 : op->imm >> 8 & 0xff, w = source(op) == IR_i32 ? 32 : 64;
    bool wide = w == 64, is_signed = op->op == IR_SEXTRACT;
    enum x86_reg r = x86_result(e, op);
    if (pos == 0 && len < w && (len == 8 || len == 16 || len == 32)) {
        x86_extend(e, op->a, len, is_signed, r);
        if (!wide && is_signed)
            x86_mov32(&e->c, r, r);
        x86_finish_word(e, op, r);
        return;
    }
    x86_get_into(e, op->a, r, wide);
    if (!is_signed && len <= 31 && pos + len < w) {
        if (pos)
            x86_shift(&e->c, SH_shr, wide, r, pos);
        x86_alu_ri(&e->c, ALU_and, false, r, (int32_t)((1u << len) - 1));
    } else {
        if (w - pos - len)
            x86_shift(&e->c, SH_shl, wide, r, w - pos - len);
        if (w - len)
            x86_shift(&e->c, is_signed ? SH_sar : SH_shr, wide, r, w - len);
        else if (!wide)
            x86_mov32(&e->c, r, r);
    }
    x86_finish_word(e, op, r);
}

static void unary(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    enum x86_reg r = x86_result(e, op);
    switch (op->op) {
    case IR_NEG:
    case IR_NOT:
        x86_get_into(e, op->a, r, wide);
        if (op->type == IR_i1)
            x86_alu_ri(&e->c, ALU_xor, false, r, 1);
        else
            x86_rr(&e->c, 0xf7, wide, op->op == IR_NEG ? 3 : 2, r);
        break;
    case IR_BSWAP:
        x86_get_into(e, op->a, r, wide);
        x86_bswap(&e->c, wide, r);
        break;
    case IR_SEXT:
        if (x86_need(e, op) == NEED_low) {
            x86_get_into(e, op->a, r, false);
            break;
        }
        x86_rr(&e->c, 0x63, true, r, x86_get(e, op->a, RCX));
        break;
    case IR_ZEXT: x86_mov32(&e->c, r, x86_get(e, op->a, RCX)); break;
    default: /* lzcnt tzcnt popcnt */
        x86_prr(&e->c, 0xf3, op->op == IR_CLZ ? 0x0fbd : op->op == IR_CTZ ? 0x0fbc : 0x0fb8, wide, r, x86_get(e, op->a, RCX));
    }
    x86_finish_word(e, op, r);
}

/* A way out of the block: the branch goes to a cold exit. */
void x86_branch(struct emit *e, const struct ir_op *op, enum x86_cc cc)
{
    uint8_t *from = x86_jcc(&e->c, cc);
    x86_cold(e, (struct cold){.kind = COLD_exit, .from = from, .op = op, .result = -1, .polls = x86_exit_polls(e, op)});
}

static void branch_cmp(struct emit *e, const struct ir_op *op)
{
    static const uint8_t ccs[] = {
        [IR_CC_eq] = CC_E, [IR_CC_ne] = CC_NE, [IR_CC_slt] = CC_L, [IR_CC_sge] = CC_GE, [IR_CC_ult] = CC_B, [IR_CC_uge] = CC_AE};
    compare_operands(e, op, op->type == IR_i64, (int64_t)op->imm >> 32);
    x86_branch(e, op, (enum x86_cc)ccs[op->s[0]]);
}

static void branch_if(struct emit *e, const struct ir_op *op)
{
    struct ir_op zero = *op;
    zero.b = IR_CONST;
    compare_operands(e, &zero, false, 0);
    x86_branch(e, op, CC_NE);
}

static void constant(struct emit *e, const struct ir_op *op)
{
    enum x86_reg r = x86_result(e, op);
    if (x86_pin(e, op->d) < 0 && op->d <= e->request->zero_cell && fits32((int64_t)op->imm)) {
        x86_rm(&e->c, 0xc7, true, 0, cell_mem(op->d));
        x86_u32(&e->c, (uint32_t)op->imm);
        e->forwarded = IR_NONE;
        return;
    }
    x86_imm(&e->c, r, op->imm);
    x86_finish(e, op, r);
}

static void lower(struct emit *e, const struct ir_op *op)
{
    enum x86_reg r;
    switch (op->op) {
    case IR_ADD:
    case IR_SUB:
    case IR_AND:
    case IR_OR:
    case IR_XOR: arithmetic(e, op); break;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: shift(e, op); break;
    case IR_MUL: multiply(e, op); break;
    case IR_MULHU:
    case IR_MULHS: multiply_high(e, op); break;
    case IR_EQ:
    case IR_NE:
    case IR_SLT:
    case IR_SLE:
    case IR_ULT:
    case IR_ULE:
    case IR_COND: compare(e, op); break;
    case IR_SELECT: select_value(e, op); break;
    case IR_EXTRACT:
    case IR_SEXTRACT:
    case IR_BIT: field(e, op); break;
    case IR_SKIP: x86_lower_skip(e, op); break;
    case IR_BRANCH_CMP: branch_cmp(e, op); break;
    case IR_BRANCH_IF: branch_if(e, op); break;
    case IR_K: constant(e, op); break;
    case IR_MOV:
        r = x86_result(e, op);
        x86_get_into(e, op->a, r, true);
        x86_finish(e, op, r);
        break;
    case IR_CLOCK:
        r = x86_result(e, op);
        if (op->s[0] == IR_insns) {
            x86_load(&e->c, r, STATE(insns));
            x86_alu_ri(&e->c, ALU_add, true, r, (int32_t)op->imm - (int32_t)e->skipped);
        } else {
            x86_rm(&e->c, 0x8b, false, r, STATE(events));
        }
        x86_finish(e, op, r);
        break;
    case IR_PC:
        r = x86_result(e, op);
        if (e->request->flat) {
            x86_imm(&e->c, r, e->request->page + op->imm + e->request->page_offset);
            x86_finish(e, op, r);
            break;
        }
        x86_load(&e->c, r, STATE(page));
        if (fits32((int64_t)(op->imm + e->request->page_offset))) {
            x86_alu_ri(&e->c, ALU_add, true, r, (int32_t)(op->imm + e->request->page_offset));
        } else {
            x86_imm(&e->c, RCX, op->imm + e->request->page_offset);
            x86_alu_rr(&e->c, ALU_add, true, r, RCX);
        }
        x86_finish(e, op, r);
        break;
    default: unary(e, op);
    }
    if (op->op == IR_BRANCH_IF || op->op == IR_BRANCH_CMP)
        e->forwarded = IR_NONE;
}

bool x86_lower_integer(struct emit *e, const struct ir_op *op)
{
    if (x86_lower_condition_flags(e, op))
        return true;
    if (!lowered_here(e, op) && !(op->op == IR_COND && x86_flags_native(op)))
        return false;
    lower(e, op);
    return true;
}

/* Nothing but integer registers and memory have to do with it, and no group of ops that are lowered together begins with it. */
static bool alone(const struct emit *e, const struct ir_op *op)
{
    bool group = op->op == IR_SHL || (op->op >= IR_EQ && op->op <= IR_ULE);
    return !group && op->type <= IR_i64 && !e->vectors && !e->nxtemps && x86_xpin(e, op->a) < 0 && x86_xpin(e, op->b) < 0 &&
           x86_xpin(e, op->c) < 0 && x86_xpin(e, op->d) < 0;
}

bool x86_lower_plain(struct emit *e, const struct ir_op *op)
{
    if (!alone(e, op))
        return false;
    if (op->op >= IR_LOAD && op->op <= IR_STOREN)
        return x86_lower_memory(e, op);
    if (!lowered_here(e, op))
        return false;
    lower(e, op);
    return true;
}
