/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sticky flags: those since the last look are in MXCSR, the others in cpu->fx. And the idioms that read them: riscv's order of the
 * flags, and the comparison without them (read the flags, compare, write them back), which compilers put before every inlined root. Then
 * comparisons that decide branches and choices.
 */
#include "jit/host/x86_64/sse.h"

static void stmxcsr(struct code_buf *c) { x86_rm(c, 0x0fae, false, 3, STATE(host_fp)); }

/* All flags in eax. MXCSR has IE DE ZE OE UE PE from bit 0; what goes by DE is not kept. */
static void flags_into_eax(struct emit *e)
{
    stmxcsr(&e->c);
    x86_rm(&e->c, 0x8b, false, RAX, STATE(host_fp));
    x86_mov32(&e->c, RCX, RAX);
    x86_shift(&e->c, SH_shr, false, RAX, 1);
    x86_alu_ri(&e->c, ALU_and, false, RCX, FX_nv);
    x86_alu_ri(&e->c, ALU_and, false, RAX, FX_dz | FX_of | FX_uf | FX_nx);
    x86_alu_rr(&e->c, ALU_or, false, RAX, RCX);
    x86_alu_rm(&e->c, ALU_or, false, RAX, STATE(fx));
}

void x86_float_flags(struct emit *e, const struct ir_op *op)
{
    switch (op->op) {
    case IR_FXGET:
        flags_into_eax(e);
        x86_finish(e, op, RAX);
        return;
    case IR_FXSET:
        x86_get_into(e, op->a, RAX, false);
        x86_alu_ri(&e->c, ALU_and, false, RAX, 63);
        x86_rm(&e->c, 0x89, false, RAX, STATE(fx));
        x86_prip(&e->c, 0, 0x0fae, false, 2, CONSTANT(e, mxcsr)); /* ldmxcsr */
        break;
    default:
        x86_get_into(e, op->a, RAX, false);
        x86_alu_ri(&e->c, ALU_and, false, RAX, 63);
        x86_rm(&e->c, 0x09, false, RAX, STATE(fx));
    }
    e->forwarded = IR_NONE;
}

/* Is the temporary read by nothing from this op on? */
static bool dead(const struct emit *e, const struct ir_op *op, unsigned cell)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    for (; op < end && !(op->d == cell && ir_sigs[op->op].out); op++)
        if (x86_reads(op, cell))
            return false;
    return cell > e->request->zero_cell;
}

/* BITREV t = a, then SHR d = t, 59: the low five bits of `a` in opposite order. */
static bool is_flip(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops;
    return end - op >= 2 && op[0].op == IR_BITREV && op[0].type == IR_i64 && op[1].op == IR_SHR && op[1].type == IR_i64 &&
           op[1].a == op[0].d && op[1].b == IR_CONST && op[1].imm == 59 && dead(e, op + 2, op[0].d);
}

/* The bits to be flipped are in eax. */
static enum x86_reg flip(struct emit *e, const struct ir_op *shr)
{
    enum x86_reg r = x86_result(e, shr);
    x86_alu_ri(&e->c, ALU_and, false, RAX, 31);
    x86_prip(&e->c, 0, 0x8d, true, RCX, CONSTANT(e, flip)); /* lea */
    x86_rm(&e->c, 0x0fb6, false, r, (struct x86_mem){.base = RCX, .index = RAX, .scale = 1});
    return r;
}

/*
 * FXGET t; flip X = t; FLT or FLE r = a, b, signalling; flip u = X; FXSET u. X is a register of the guest that the comparison does not
 * touch, so the flags stay as they were.
 */
static bool is_quiet_compare(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->ir->nops, *compare = op + 3, *back = op + 4;
    if (end - op < 7 || op->op != IR_FXGET || !is_flip(e, op + 1) || op[1].a != op->d || x86_xpin(e, op[2].d) >= 0 ||
        op[2].d >= e->request->zero_cell || !dead(e, op + 2, op->d))
        return false;
    if ((compare->op != IR_FLT && compare->op != IR_FLE) || compare->type != IR_f64 || compare->d == op[2].d ||
        compare->d >= e->request->zero_cell || x86_xpin(e, compare->d) >= 0 || !x86_float_native(e, compare))
        return false;
    return back[0].op == IR_BITREV && back[0].a == op[2].d && is_flip(e, back) && back[2].op == IR_FXSET && back[2].a == back[1].d &&
           dead(e, back + 3, back[1].d);
}

static void cold_undo(struct emit *e, const struct cold *cold)
{
    (void)cold;
    x86_rm(&e->c, 0x0fae, false, 2, STATE(host_fp)); /* ldmxcsr: as before the comparison */
}

static void quiet_compare(struct emit *e, const struct ir_op *op)
{
    const struct ir_op *compare = op + 3;
    flags_into_eax(e);
    e->forwarded = IR_NONE;
    x86_finish(e, op + 2, flip(e, op + 2));
    x86_alu_mi(&e->c, ALU_and, false, STATE(fx), 31); /* what is written back has no more */
    unsigned a = x86_xget(e, compare->a, false, XWORK0), b = x86_xget(e, compare->b, false, XWORK1);
    enum x86_reg r = x86_result(e, compare);
    x86_alu_rr(&e->c, ALU_xor, false, r, r);
    sse_rr(&e->c, 0x66, SSE_ucomi, b, a);
    x86_setcc(&e->c, compare->op == IR_FLT ? CC_A : CC_AE, r);
    uint8_t *from = x86_jcc(&e->c, CC_P);
    x86_xcold(e, (struct cold){.from = from, .back = e->c.at, .write = cold_undo, .result = -1});
    x86_finish(e, compare, r);
}

/* A comparison that only the branch behind it looks at; sense: of what it tells, when the branch is taken. */
static bool decides_branch(const struct emit *e, const struct ir_op *op, bool *sense)
{
    const struct ir_op *next = op + 1;
    if (op->op < IR_FEQ || op->op > IR_FLE || !x86_float_native(e, op) || next >= e->ir->ops + e->insn_end || next->a != op->d ||
        !dead(e, op + 2, op->d))
        return false;
    *sense = next->op == IR_BRANCH_IF || next->s[0] == IR_CC_ne;
    return next->op == IR_BRANCH_IF || (next->op == IR_BRANCH_CMP && next->type == IR_i64 && next->b == IR_CONST && !(next->imm >> 32) &&
                                        (next->s[0] == IR_CC_eq || next->s[0] == IR_CC_ne));
}

/* By the host's flags: of FEQ equal and not unordered, of the others above or not below with the operands exchanged. */
static void compare_and_branch(struct emit *e, const struct ir_op *op, bool sense)
{
    bool single = op->type == IR_f32, equal = op->op == IR_FEQ;
    unsigned a = x86_xget(e, op->a, single, XWORK0), b = x86_xget(e, op->b, single, XWORK1);
    struct cold cold = {.kind = COLD_exit, .op = op + 1, .result = -1, .polls = x86_exit_polls(e, op + 1)};
    uint8_t *unordered = NULL;
    e->forwarded = IR_NONE;
    sse_rr(&e->c, sse_compare(single), op->s[0] == IR_signalling ? SSE_comi : SSE_ucomi, equal ? a : b, equal ? b : a);
    if (equal) {
        unordered = x86_jcc(&e->c, CC_P);
        cold.from = x86_jcc(&e->c, sense ? CC_E : CC_NE);
    } else {
        enum x86_cc cc = op->op == IR_FLT ? CC_A : CC_AE;
        cold.from = x86_jcc(&e->c, sense ? cc : cc ^ 1);
    }
    if (unordered && sense)
        x86_target(&e->c, unordered, e->c.at);
    else
        cold.also[0] = unordered;
    x86_cold(e, cold);
}

/* Likewise by the choice behind it; between them the comparison may be turned round. The number of ops up to the choice, or 0. */
static unsigned decides_choice(const struct emit *e, const struct ir_op *op, bool *sense)
{
    const struct ir_op *end = e->ir->ops + e->insn_end, *next = op + 1;
    if (op->op < IR_FEQ || op->op > IR_FLE || op->s[0] != IR_quiet || !e->avx || !x86_float_native(e, op) || next >= end)
        return 0;
    *sense = next->op != IR_EQ;
    if (!*sense && (next->a != op->d || next->b != IR_CONST || next->imm || !dead(e, next + 1, op->d)))
        return 0;
    unsigned condition = *sense ? op->d : next->d;
    next += !*sense;
    if (next >= end || next->op != IR_SELECT || next->type != op->type || next->a != condition || !x86_float_native(e, next) ||
        !dead(e, next + 1, condition))
        return 0;
    return (unsigned)(next - op);
}

/* The comparison as a mask. */
static void compare_and_choose(struct emit *e, const struct ir_op *op, const struct ir_op *select, bool sense)
{
    static const uint8_t predicates[] = {[IR_FEQ - IR_FEQ] = 0, [IR_FLT - IR_FEQ] = 0x11, [IR_FLE - IR_FEQ] = 0x12}; /* quiet */
    bool single = op->type == IR_f32;
    unsigned a = x86_xget(e, op->a, single, XWORK0), b = x86_xget(e, op->b, single, XWORK1);
    x86_vrr(&e->c, sse_scalar(single), 0x0fc2, false, XWORK2, a, b); /* vcmpss, vcmpsd */
    x86_byte(&e->c, predicates[op->op - IR_FEQ]);
    unsigned state = single ? x86_xstate(e, select->b) & x86_xstate(e, select->c) & X_ONES : 0;
    unsigned yes = x86_xget(e, select->b, single, XWORK0), no = x86_xget(e, select->c, single, XWORK1), d = x86_xresult(e, select);
    x86_vrr(&e->c, 0x66, single ? 0x0f3a4a : 0x0f3a4b, false, d, sense ? no : yes, sense ? yes : no); /* vblendvps, vblendvpd */
    x86_byte(&e->c, XWORK2 << 4);
    x86_xfinish(e, select, d, single, state);
}

unsigned x86_lower_flags(struct emit *e, const struct ir_op *op)
{
    bool sense;
    unsigned n = decides_choice(e, op, &sense);
    if (n) {
        compare_and_choose(e, op, op + n, sense);
        return n + 1;
    }
    if (decides_branch(e, op, &sense)) {
        compare_and_branch(e, op, sense);
        return 2;
    }
    if (!x86_xcanonical(e))
        return 0;
    if (is_quiet_compare(e, op)) {
        quiet_compare(e, op);
        return 7;
    }
    if (!is_flip(e, op) || x86_xpin(e, op[0].a) >= 0 || x86_xpin(e, op[1].d) >= 0)
        return 0;
    x86_get_into(e, op->a, RAX, false);
    e->forwarded = IR_NONE;
    x86_finish(e, op + 1, flip(e, op + 1));
    return 2;
}
