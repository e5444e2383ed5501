/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A block of IR to machine code in one pass: op by op, then the cold stubs. Wherever the block may be left, all of the guest's
 * state is in its place, a pinned register or its cell, but for what xmm registers owe (owed.c), so a way out needs only the count of
 * insns and the address.
 */
#include "base/bits.h"
#include "jit/host/x86_64/sse.h"
#include <cpuid.h>
#include <limits.h>

static void op_into_rax(struct emit *e, const struct ir_op *op) { x86_imm(&e->c, RAX, (uintptr_t)op); }

static bool may_trap(const struct ir_op *op) { return (ir_sigs[op->op].flags & IR_F_T) || op->op == IR_CALL; }

static void count(struct emit *e, enum x86_alu alu, unsigned insns)
{
    if (insns)
        x86_alu_mi(&e->c, alu, true, STATE(insns), (int32_t)insns);
}

uint8_t *x86_call_op(struct emit *e, bool traps)
{
    x86_vsave(e);
    x86_give_back(e);
    count(e, ALU_sub, e->skipped);
    x86_call_exec(&e->c, e->routines + e->r->call_op);
    uint8_t *trapped = traps ? x86_jcc(&e->c, CC_E) : NULL;
    count(e, ALU_add, e->skipped);
    x86_borrow_again(e);
    x86_vreload(e);
    return trapped;
}

/* By the evaluator. */
static void generic(struct emit *e, const struct ir_op *op)
{
    if (may_trap(op))
        x86_xpay_all(e);
    e->mirror.valid = false;
    x86_vspill(e);
    op_into_rax(e, op);
    uint8_t *from = x86_call_op(e, may_trap(op));
    if (from)
        x86_cold(e, (struct cold){.kind = COLD_trap, .from = from, .result = -1, .given_back = true});
    e->forwarded = IR_NONE;
}

/* rax = page + offset */
static void address_at(struct emit *e, int64_t offset)
{
    if (e->request->flat) {
        x86_imm(&e->c, RAX, e->request->page + (uint64_t)offset);
        return;
    }
    x86_load(&e->c, RAX, STATE(page));
    if (fits32(offset)) {
        x86_alu_ri(&e->c, ALU_add, true, RAX, (int32_t)offset);
    } else {
        x86_imm(&e->c, RCX, (uint64_t)offset);
        x86_alu_rr(&e->c, ALU_add, true, RAX, RCX);
    }
}

static void leave(struct emit *e, enum jit_why why)
{
    x86_imm(&e->c, RAX, why);
    x86_jmp_exec(&e->c, e->routines + e->r->leave);
}

static void retire(struct emit *e, unsigned insns) { count(e, ALU_add, insns - e->skipped); }

static int64_t exit_offset(const struct ir_op *op) { return op->op == IR_BRANCH_CMP ? (int32_t)op->imm : (int64_t)op->imm; }

/* Blocks whose ways out all lead beyond the insns that they have executed make no loop; every other way out looks for events. */
bool x86_exit_polls(const struct emit *e, const struct ir_op *op) { return exit_offset(op) <= e->top; }

/* The block's own loop. The jump is a link from the start, and never one to another block: the borrowed registers stay. */
static bool leads_to_start(const struct emit *e, const struct ir_op *op)
{
    bool branch = op->op == IR_BRANCH || op->op == IR_BRANCH_IF || op->op == IR_BRANCH_CMP;
    return branch && !exit_offset(op) && !e->ir->straddles;
}

/* For the routines that leave: an offset in the block's page; with flat memory the address, which they cannot know. */
static void place_into_rax(struct emit *e, int64_t offset)
{
    x86_imm(&e->c, RAX, (e->request->flat ? e->request->page : 0) + (uint64_t)offset);
}

static void leave_to_poll(struct emit *e, int64_t target)
{
    place_into_rax(e, target);
    x86_jmp_exec(&e->c, e->routines + e->r->poll);
}

static void round_again(struct emit *e)
{
    struct jit_emit_request *q = e->request;
    x86_alu_mi(&e->c, ALU_cmp, false, STATE(events), 0);
    uint8_t *poll = x86_jcc(&e->c, CC_NE), *site = x86_jmp_patchable(&e->c);
    x86_target(&e->c, site, e->body);
    struct jit_exit *exit = &q->exits[q->nexits++];
    *exit = (struct jit_exit){.site = q->offset + (uint32_t)(site - e->c.start), .target = (int32_t)q->page_offset, .round = true};
    exit->stub = q->offset + (uint32_t)(e->c.at - e->c.start);
    x86_target(&e->c, poll, e->c.at);
    x86_give_back(e);
    leave_to_poll(e, q->page_offset);
}

/* The way out to a known address. In the same page, or anywhere in flat memory: a jump that can be linked; behind it the stub that asks. */
static void exit_to(struct emit *e, const struct ir_op *op, bool polls)
{
    struct jit_emit_request *q = e->request;
    int64_t target = (int64_t)((uint64_t)exit_offset(op) + q->page_offset); /* modulo 2^64, as addresses are */
    x86_xpay_all(e);
    retire(e, op->d);
    if (leads_to_start(e, op) && q->nexits < q->max_exits) {
        round_again(e);
        return;
    }
    x86_give_back(e);
    bool known = q->flat ? fits32(target) : target >= 0 && target < MEM_PAGE && !e->ir->straddles;
    if (!known || q->nexits == q->max_exits) {
        address_at(e, target);
        x86_probe(&e->c, e->routines, q->flat, 0);
        return;
    }
    uint8_t *poll = NULL;
    if (polls) {
        x86_alu_mi(&e->c, ALU_cmp, false, STATE(events), 0);
        poll = x86_jcc(&e->c, CC_NE);
    }
    uint8_t *site = x86_jmp_patchable(&e->c);
    struct jit_exit *exit = &q->exits[q->nexits++];
    *exit = (struct jit_exit){.site = q->offset + (uint32_t)(site - e->c.start), .target = (int32_t)target};
    x86_target(&e->c, site, e->c.at);
    exit->stub = q->offset + (uint32_t)(e->c.at - e->c.start);
    x86_imm(&e->c, RCX, (uintptr_t)exit);
    if (q->flat)
        place_into_rax(e, target);
    x86_jmp_exec(&e->c, e->routines + e->r->link);
    if (poll) {
        x86_target(&e->c, poll, e->c.at);
        leave_to_poll(e, target);
    }
}

static void trap_op(struct emit *e, const struct ir_op *op)
{
    x86_xpay_all(e);
    count(e, ALU_sub, e->skipped);
    op_into_rax(e, op);
    x86_store(&e->c, STATE(jit_op), RAX);
}

/* Returns the number of ops that it took. */
static unsigned lower(struct emit *e, const struct ir_op *op)
{
    struct jit_emit_request *q = e->request;
    uint8_t *skip;
    unsigned n = x86_lower_float_group(e, op);
    if (n)
        return n;
    if (x86_lower_float(e, op) || x86_lower_float_memory(e, op) || x86_lower_from_xmm(e, op))
        return 1;
    x86_xmm_flush(e, op);
    switch (op->op) {
    case IR_BRANCH: exit_to(e, op, x86_exit_polls(e, op)); return 1;
    case IR_JUMP:
        x86_xpay_all(e);
        x86_get_into(e, op->a, RAX, true);
        retire(e, op->d);
        x86_give_back(e);
        if (op->s[0] == IR_mode) {
            x86_store(&e->c, STATE(pc), RAX);
            leave(e, JIT_EXIT_end);
        } else {
            x86_probe(&e->c, e->routines, q->flat, op->s[0] > IR_mode ? op->s[0] - IR_mode : 0);
        }
        return 1;
    case IR_END:
        x86_xpay_all(e);
        retire(e, op->d);
        x86_give_back(e);
        if (!op->s[1]) {
            address_at(e, (int64_t)(op->imm + q->page_offset));
            x86_store(&e->c, STATE(pc), RAX);
        }
        leave(e, JIT_EXIT_end);
        return 1;
    case IR_TRAP:
        trap_op(e, op);
        x86_cold(e, (struct cold){.kind = COLD_trap, .from = x86_jmp(&e->c), .result = -1});
        return 1;
    case IR_TRAP_IF:
        x86_xpay_all(e);
        x86_alu_ri(&e->c, ALU_cmp, false, x86_get(e, op->a, RCX), 0);
        skip = x86_jcc(&e->c, CC_E);
        trap_op(e, op);
        x86_cold(e, (struct cold){.kind = COLD_trap, .from = x86_jmp(&e->c), .result = -1});
        x86_target(&e->c, skip, e->c.at);
        return 1;
    }
    n = x86_lower_crypto(e, op);
    n = n ? n : x86_lower_carry(e, op);
    n = n ? n : x86_lower_fused(e, op);
    bool inlined = n || x86_lower_divide(e, op) || x86_lower_integer(e, op) || x86_lower_memory(e, op) || x86_lower_atomic(e, op) ||
                   x86_lower_atomic_pair(e, op) || x86_lower_pair(e, op);
    if (!inlined)
        generic(e, op);
    x86_xmm_written(e, op, inlined);
    if (n > 1)
        x86_xmm_written(e, op + 1, inlined);
    return n ? n : 1;
}

static void subtract_from_rax(struct emit *e, uint64_t k)
{
    x86_imm(&e->c, RCX, k);
    x86_alu_rr(&e->c, ALU_sub, true, RAX, RCX);
}

static void cold_slow(struct emit *e, const struct cold *cold, uint8_t *given_back)
{
    if (cold->hit) {
        x86_call_exec(&e->c, e->routines + (cold->store ? e->r->second_write : e->r->second_read));
        x86_target(&e->c, x86_jcc(&e->c, CC_E), cold->hit);
    }
    if (cold->addressed) {
        if (cold->op->imm && !(e->request->flat && fits32((int64_t)cold->op->imm)))
            subtract_from_rax(e, cold->op->imm);
        x86_store(&e->c, cell_mem(cold->op->a), RAX);
    }
    x86_sunk_cold(e, cold);
    op_into_rax(e, cold->op);
    uint8_t *trapped = x86_call_op(e, true);
    x86_mirror_again(e, x86_kept(e, cold)->mirror);
    if (cold->result >= XMM)
        sse_load(&e->c, false, (unsigned)cold->result - XMM, cell_mem(cold->op->d));
    else if (cold->result >= 0)
        x86_load(&e->c, (enum x86_reg)cold->result, cell_mem(cold->op->d));
    x86_target(&e->c, x86_jmp(&e->c), cold->back);
    if (!x86_xowes(e, cold)) {
        x86_target(&e->c, trapped, given_back);
        return;
    }
    x86_target(&e->c, trapped, e->c.at);
    x86_xpay_cold(e, cold);
    x86_target(&e->c, x86_jmp(&e->c), given_back);
}

/* Out of the block to the insn that was begun: there is a block that begins with it, which needs no assumption. */
static void cold_restart(struct emit *e, const struct cold *cold)
{
    x86_sunk_cold(e, cold);
    x86_xpay_cold(e, cold);
    retire(e, cold->insn);
    x86_give_back(e);
    address_at(e, (int64_t)e->request->page_offset + e->ir->insns[cold->insn].offset);
    x86_probe(&e->c, e->routines, e->request->flat, 0);
}

static void cold_exit(struct emit *e, const struct cold *cold)
{
    x86_sunk_cold(e, cold);
    x86_xpay_cold(e, cold);
    exit_to(e, cold->op, cold->polls);
}

static void cold_write(struct emit *e, const struct cold *cold)
{
    cold->write(e, cold);
    x86_target(&e->c, x86_jmp(&e->c), cold->back);
}

/* The access of flat memory that the stub does once more, in C. */
static void expect_fault(struct emit *e, const struct cold *cold)
{
    struct jit_emit_request *q = e->request;
    const uint8_t *at[] = {cold->access, cold->back, e->c.at};
    uint32_t offset[3];
    if (q->nfaults == q->max_faults) {
        e->c.full = true;
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        offset[i] = q->offset + (uint32_t)(at[i] - e->c.start);
    q->faults[q->nfaults++] = (struct jit_fault){.from = offset[0], .to = offset[1], .stub = offset[2]};
}

static void cold_stubs(struct emit *e)
{
    uint8_t *trap = e->c.at;
    x86_give_back(e);
    uint8_t *given_back = e->c.at;
    x86_imm(&e->c, RCX, (uintptr_t)e->ir);
    place_into_rax(e, e->request->page_offset);
    x86_jmp_exec(&e->c, e->routines + e->r->trap);
    for (unsigned i = 0; i < e->ncold; i++) {
        const struct cold *cold = &e->cold[i];
        if (e->vectors)
            memcpy(e->vec, e->kept[i].vec, sizeof e->vec);
        e->skipped = cold->skipped;
        if (cold->access)
            expect_fault(e, cold);
        if (cold->from)
            x86_target(&e->c, cold->from, cold->kind != COLD_trap ? e->c.at : cold->given_back ? given_back : trap);
        for (unsigned n = 0; n < ARRAY_LEN(cold->also); n++)
            if (cold->also[n])
                x86_target(&e->c, cold->also[n], e->c.at);
        if (cold->kind == COLD_slow)
            cold_slow(e, cold, given_back);
        else if (cold->kind == COLD_exit)
            cold_exit(e, cold);
        else if (cold->kind == COLD_restart)
            cold_restart(e, cold);
        else if (cold->kind == COLD_write)
            cold_write(e, cold);
    }
    x86_vconstants(e);
}

/* Once per compiler: what does not change from block to block. */
static void prepare(struct emit *e, const struct jit_emit_request *q)
{
    unsigned a, b, c, d;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        e->lzcnt = c & 1 << 5; /* ABM; a processor that has it has tzcnt of BMI1 too, but ask */
    e->lzcnt &= __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI);
    e->popcnt = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_POPCNT);
    e->cx16 = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_CMPXCHG16B);
    e->sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
    e->bmi2 = __builtin_cpu_supports("bmi2");
    e->avx = __builtin_cpu_supports("avx");
    e->fma = __builtin_cpu_supports("fma");
    e->aes = __builtin_cpu_supports("aes");
    e->clmul = __builtin_cpu_supports("pclmul");
    e->sse41 = __builtin_cpu_supports("sse4.1");
    e->sse42 = e->sse41 && __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("ssse3");
    e->avx2 = e->avx && __builtin_cpu_supports("avx2");
    unsigned low = 0, high = 0;
    for (unsigned i = 0; i < q->nfpins && i < XPINS; i++) {
        unsigned cell = q->fpins[i];
        e->xpin_of[cell] = (uint8_t)(i + 1);
        low = i == 0 || cell < low ? cell : low;
        high = cell > high ? cell : high;
    }
    e->xpin_low = low;
    e->xpin_span = high + 1 - low;
    e->npins = pins_of(q->npins, q->flat);
    for (unsigned i = 0; i < e->npins; i++)
        e->pin_of[q->pins[i]] = (uint8_t)(i + 1);
    e->ready = true;
}

static void plan(struct emit *e, const struct ir_block *ir)
{
    e->ir = ir;
    e->ncold = 0;
    e->loops = false;
    e->forwarded = IR_NONE;
    e->divided = NULL;
    e->sunk.op = NULL;
    e->addressed = false;
    e->top = INT_MIN;
    e->skipped = 0;
    e->paired = NULL;
    for (unsigned i = 0; i < ir->nops; i++)
        e->loops |= leads_to_start(e, &ir->ops[i]);
    x86_plan_needs(e);
}

static unsigned lower_any(struct emit *e, const struct ir_op *op)
{
    unsigned n = x86_sink(e, op);
    n = n ? n : x86_lower_vector(e, op);
    if (n)
        return n;
    n = x86_lower_flags(e, op);
    n = n ? n : lower(e, op);
    for (unsigned k = 0; k < n; k++)
        x86_vwritten(e, op + k);
    for (unsigned k = 1; k < n; k++)
        x86_sunk_written(e, op + k);
    return n;
}

/* All of its ops, then the stubs. */
static void emit_ops(struct emit *e)
{
    const struct ir_block *ir = e->ir;
    unsigned insn = 0;
    for (unsigned i = 0, n; i < ir->nops; i += n) {
        const struct ir_op *op = &ir->ops[i];
        if (i >= e->insn_end)
            x86_xmm_op(e, i);
        x86_mirror_op(e, op);
        for (; insn < ir->ninsns && ir->insns[insn].op <= i; insn++)
            e->top = ir->insns[insn].offset > e->top ? ir->insns[insn].offset : e->top;
        if (e->need[i] != NEED_none && e->sunk.op)
            x86_sunk_op(e, op);
        n = e->need[i] == NEED_none || x86_lower_plain(e, op) ? 1 : lower_any(e, op);
        for (unsigned k = 0; k < n && !e->request->flat; k++)
            x86_note_base(e, &ir->ops[i + k]);
        for (unsigned k = 1; k < n; k++)
            x86_mirror_op(e, &ir->ops[i + k]);
    }
    if (!e->c.full)
        cold_stubs(e);
}

/* A loop: all of the block again, one round of it, with a probe for each access. */
static void round_uncovered(struct emit *e)
{
    x86_uncovered(e);
    plan(e, e->request->round);
    memset(e->covered, 0, e->ir->nops);
    x86_plan_probes(e);
    x86_vec_begin(e);
    x86_xmm_begin(e, true);
    emit_ops(e);
}

static void leave_uncovered(struct emit *e)
{
    x86_uncovered(e);
    x86_give_back(e);
    x86_imm(&e->c, RCX, (uintptr_t)e->ir);
    place_into_rax(e, e->request->page_offset);
    x86_jmp_exec(&e->c, e->routines + e->r->uncovered);
}

size_t x86_emit(const uint8_t *routines, struct jit_emit_request *q)
{
    struct emit *e = q->scratch;
    if (q->ir->nops > IR_MAX_OPS)
        return 0;
    if (!e->ready)
        prepare(e, q);
    e->c = (struct code_buf){.start = q->out, .at = q->out, .end = q->out + q->room, .exec = q->exec};
    e->routines = routines;
    e->r = (const void *)routines;
    e->request = q;
    plan(e, q->ir);
    x86_plan_registers(e);
    x86_plan_covers(e);
    if (!q->flat)
        x86_plan_probes(e);
    x86_vec_begin(e);
    x86_xmm_begin(e, false);
    x86_borrow(e);
    e->body = e->c.at;
    x86_cover(e);
    emit_ops(e);
    if (e->ncovers && e->loops && !e->c.full)
        round_uncovered(e);
    else if (e->ncovers && !e->c.full)
        leave_uncovered(e);
    return e->c.full ? 0 : (size_t)(e->c.at - e->c.start);
}
