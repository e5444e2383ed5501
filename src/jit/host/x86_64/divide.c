/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Division as riscv and Arm (but for x % 0) have it: total. The host's instruction traps for a divisor of 0 and for MIN / -1, so those go
 * to cold code. And what else of the integer ops wants more than one result or operand register.
 */
#include "base/bits.h"
#include "ir/build.h"
#include "jit/host/x86_64/x86_64.h"

static bool narrow(const struct ir_op *op) { return op->type == IR_i64 || op->type == IR_i32; }
static unsigned source(const struct ir_op *op) { return op->s[3] ? op->s[3] : op->type; }

bool x86_divide_native(const struct ir_op *op)
{
    switch (op->op) {
    case IR_DIVU:
    case IR_DIVS:
    case IR_REMU:
    case IR_REMS:
    case IR_FSHR:
    case IR_INSERT: return narrow(op);
    case IR_MULHSU: return op->type == IR_i64;
    case IR_CONCAT: return source(op) == IR_i32;
    case IR_FENCE: return true;
    }
    return false;
}

static bool is_signed(const struct ir_op *op) { return op->op == IR_DIVS || op->op == IR_REMS; }
static bool is_rest(const struct ir_op *op) { return op->op == IR_REMU || op->op == IR_REMS; }

/* rax: dividend, rcx: divisor 0, or -1 if signed; to rax and rdx like the division. when: x / 0 is 0. */
static void cold_divide(struct emit *e, const struct cold *cold)
{
    bool wide = cold->op->type == IR_i64;
    uint8_t *minus = NULL, *end;
    if (is_signed(cold->op)) {
        x86_rr(&e->c, 0x85, wide, RCX, RCX);
        minus = x86_jcc(&e->c, CC_NE);
    }
    x86_rr(&e->c, 0x8b, wide, RDX, RAX);
    x86_imm(&e->c, RAX, cold->when ? 0 : wide ? UINT64_MAX : UINT32_MAX);
    if (!minus)
        return;
    end = x86_jmp(&e->c);
    x86_target(&e->c, minus, e->c.at);
    x86_imm(&e->c, RDX, 0);
    x86_rr(&e->c, 0xf7, wide, 3, RAX); /* neg */
    x86_target(&e->c, end, e->c.at);
}

/* The other result of the same division is wanted soon: it waits in a cell behind the temporaries. */
static const struct ir_op *other_result(const struct emit *e, const struct ir_op *op)
{
    enum { NEAR = 8 };
    static const uint8_t other[IR_OPS] = {[IR_DIVU] = IR_REMU, [IR_REMU] = IR_DIVU, [IR_DIVS] = IR_REMS, [IR_REMS] = IR_DIVS};
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    for (const struct ir_op *o = op; o < end && o <= op + NEAR; o++) {
        bool same = o->a == op->a && o->b == op->b && o->type == op->type && (o->b != IR_CONST || o->imm == op->imm);
        if (o->op == other[op->op] && same && x86_need(e, o) != NEED_none)
            return o;
        if (o->op == IR_CALL || (ir_sigs[o->op].out && (o->d == op->a || o->d == op->b)))
            return NULL;
    }
    return NULL;
}

static unsigned waiting_cell(const struct emit *e) { return e->request->zero_cell + IR_MAX_TEMPS + 2u; }

/* Behind op: the choice of 0 where the divisor is that, as Arm has it; NULL: there is none. */
static const struct ir_op *or_zero(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *zero = op + 1, *choice = op + 2;
    if ((op->op != IR_DIVU && op->op != IR_DIVS) || !narrow(op) || op == e->divided || choice >= e->ir->ops + e->ir->nops ||
        zero->op != IR_EQ || zero->type != op->type || zero->a != op->b || zero->b != IR_CONST || zero->imm || choice->op != IR_SELECT ||
        choice->a != zero->d || choice->type != op->type || (choice->b != op->b && choice->b != e->request->zero_cell) ||
        choice->c != op->d || op->d <= e->request->zero_cell || zero->d <= e->request->zero_cell || x86_read_later(e, choice + 1, op->d) ||
        x86_read_later(e, choice + 1, zero->d))
        return NULL;
    return choice;
}

/* choice: of or_zero(), or NULL. */
static void divide(struct emit *e, const struct ir_op *op, const struct ir_op *choice)
{
    bool wide = op->type == IR_i64, sign = is_signed(op);
    int64_t k = wide ? (int64_t)op->imm : (int32_t)op->imm;
    uint8_t *from = NULL;
    if (op == e->divided) {
        x86_rm(&e->c, 0x8b, wide, RAX, cell_mem(waiting_cell(e)));
        x86_finish_word(e, op, RAX);
        return;
    }
    if (op->b == IR_CONST)
        x86_imm(&e->c, RCX, (uint64_t)k);
    else
        x86_get_into(e, op->b, RCX, wide);
    x86_get_into(e, op->a, RAX, wide);
    if (op->b != IR_CONST || k == 0 || (sign && k == -1)) {
        if (sign) { /* 0 and -1 are those that are at most 1 when one is added */
            x86_rm(&e->c, 0x8d, wide, RDX, (struct x86_mem){.base = RCX, .index = NO_REG, .disp = 1});
            x86_alu_ri(&e->c, ALU_cmp, wide, RDX, 1);
            from = x86_jcc(&e->c, CC_BE);
        } else {
            x86_rr(&e->c, 0x85, wide, RCX, RCX);
            from = x86_jcc(&e->c, CC_E);
        }
    }
    if (sign) {
        x86_rr(&e->c, 0x8b, wide, RDX, RAX);
        x86_shift(&e->c, SH_sar, wide, RDX, wide ? 63 : 31);
    } else {
        x86_alu_rr(&e->c, ALU_xor, false, RDX, RDX);
    }
    x86_rr(&e->c, 0xf7, wide, sign ? 7 : 6, RCX);
    if (from)
        x86_cold(e, (struct cold){
                        .kind = COLD_write, .from = from, .back = e->c.at, .op = op, .write = cold_divide, .result = -1, .when = choice});
    if (choice) {
        x86_finish(e, choice, RAX);
        return;
    }
    e->divided = other_result(e, op);
    if (e->divided)
        x86_store(&e->c, cell_mem(waiting_cell(e)), is_rest(op) ? RAX : RDX);
    x86_finish_word(e, op, is_rest(op) ? RDX : RAX);
}

/* As of two unsigned ones, less the second if the first is negative. */
static void multiply_high_mixed(struct emit *e, const struct ir_op *op)
{
    if (op->b == IR_CONST)
        x86_imm(&e->c, RCX, op->imm);
    else
        x86_get_into(e, op->b, RCX, true);
    x86_get_into(e, op->a, RAX, true);
    x86_push(&e->c, RAX);
    x86_rr(&e->c, 0xf7, true, 4, RCX);
    x86_pop(&e->c, RAX);
    x86_shift(&e->c, SH_sar, true, RAX, 63);
    x86_alu_rr(&e->c, ALU_and, true, RAX, RCX);
    x86_alu_rr(&e->c, ALU_sub, true, RDX, RAX);
    x86_finish(e, op, RDX);
}

static void concat(struct emit *e, const struct ir_op *op)
{
    if (op->b == IR_CONST)
        x86_imm(&e->c, RCX, (uint32_t)op->imm);
    else
        x86_get_into(e, op->b, RCX, false);
    x86_get_into(e, op->a, RAX, true);
    x86_shift(&e->c, SH_shl, true, RAX, 32);
    x86_alu_rr(&e->c, ALU_or, true, RAX, RCX);
    x86_finish(e, op, RAX);
}

/* (a: high, b: low) >> c */
static void funnel(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    x86_get_into(e, op->c, RCX, false);
    x86_get_into(e, op->a, RDX, wide);
    x86_get_into(e, op->b, RAX, wide);
    if (!wide)
        x86_mov32(&e->c, RAX, RAX);        /* a count of 0 leaves the upper half alone */
    x86_rr(&e->c, 0x0fad, wide, RDX, RAX); /* shrd rax, rdx, cl */
    x86_finish_word(e, op, RAX);
}

static void insert(struct emit *e, const struct ir_op *op)
{
    bool wide = op->type == IR_i64;
    unsigned pos = op->imm & 0xff, len = op->imm >> 8 & 0xff;
    uint64_t mask = UINT64_MAX >> (64 - len) << pos;
    x86_get_into(e, op->b, RCX, wide);
    x86_get_into(e, op->a, RAX, wide);
    if (pos)
        x86_shift(&e->c, SH_shl, wide, RCX, pos);
    x86_imm(&e->c, RDX, wide ? mask : (uint32_t)mask);
    x86_alu_rr(&e->c, ALU_and, wide, RCX, RDX);
    x86_rr(&e->c, 0xf7, wide, 2, RDX); /* not */
    x86_alu_rr(&e->c, ALU_and, wide, RAX, RDX);
    x86_alu_rr(&e->c, ALU_or, wide, RAX, RCX);
    x86_finish_word(e, op, RAX);
}

/* Only a store before a load is not in order by itself. */
static void fence(struct emit *e, const struct ir_op *op)
{
    enum { I = 8, O = 4, R = 2, W = 1 };
    unsigned before = op->s[0] >> 4, after = op->s[0] & 15;
    if ((before & (O | W)) && (after & (I | R))) {
        x86_byte(&e->c, 0xf0); /* lock or dword [rsp], 0; cheaper than mfence */
        x86_alu_mi(&e->c, ALU_or, false, (struct x86_mem){.base = RSP, .index = NO_REG}, 0);
    }
    e->forwarded = IR_NONE;
}

bool x86_lower_divide(struct emit *e, const struct ir_op *op)
{
    if (!x86_divide_native(op))
        return false;
    switch (op->op) {
    case IR_MULHSU: multiply_high_mixed(e, op); break;
    case IR_CONCAT: concat(e, op); break;
    case IR_FSHR: funnel(e, op); break;
    case IR_INSERT: insert(e, op); break;
    case IR_FENCE: fence(e, op); break;
    default: divide(e, op, NULL);
    }
    return true;
}

bool x86_lower_total_division(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *choice = or_zero(e, op);
    if (choice)
        divide(e, op, choice);
    return choice;
}
