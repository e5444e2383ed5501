/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Atomic read-modify-write of 32 and 64 bits in RAM that the TLB's write side knows; the rest, LL and SC too, is the evaluator's. After a
 * write the version of the line in the monitor (ir/monitor.h) advances, as there.
 */
#include "ir/monitor.h"
#include "jit/host/x86_64/x86_64.h"

static bool describe(const struct ir_op *op, bool *wide)
{
    unsigned w = op->s[op->op == IR_AMO], attr = op->s[op->op == IR_AMO ? 2 : 1];
    *wide = w == 64;
    return (op->op == IR_AMO || op->op == IR_CAS) && (w == 32 || w == 64) && !(attr & ~(MEM_ORDER | MEM_natural)) &&
           (op->type == IR_i32 || op->type == IR_i64);
}

static void lock(struct code_buf *c) { x86_byte(c, 0xf0); }

/* rdx: host address. Loses rcx, rdx. */
static void advance(struct emit *e)
{
    struct code_buf *c = &e->c;
    x86_shift(c, SH_shr, true, RDX, MONITOR_LINE_BITS);
    x86_mov32(c, RCX, RDX);
    x86_shift(c, SH_shr, false, RCX, MONITOR_BITS);
    x86_alu_rr(c, ALU_xor, false, RDX, RCX);
    x86_alu_ri(c, ALU_and, false, RDX, MONITOR_VERSIONS - 1);
    x86_load(c, RCX, STATE(monitor));
    _Static_assert(sizeof(((struct cpu_monitor *)0)->version[0]) == 4 && MONITOR_LINE_BITS + 2 * MONITOR_BITS <= 32, "the code above");
    lock(c);
    x86_alu_mi(c, ALU_add, false, (struct x86_mem){.base = RCX, .index = RDX, .scale = 4}, 2);
}

/* rcx = f(rax, operand) */
static void combine(struct emit *e, const struct ir_op *op, bool wide)
{
    static const uint8_t alu[] = {[IR_AMO_and] = ALU_and, [IR_AMO_or] = ALU_or, [IR_AMO_xor] = ALU_xor};
    static const uint8_t keeps[] = {[IR_AMO_smin] = CC_L, [IR_AMO_smax] = CC_G, [IR_AMO_umin] = CC_B, [IR_AMO_umax] = CC_A};
    switch (op->s[0]) {
    case IR_AMO_and:
    case IR_AMO_or:
    case IR_AMO_xor:
        x86_mov(&e->c, RCX, RAX);
        x86_alu_cell(e, (enum x86_alu)alu[op->s[0]], wide, RCX, op->b);
        break;
    case IR_AMO_clr:
        x86_get_into(e, op->b, RCX, wide);
        x86_rr(&e->c, 0xf7, wide, 2, RCX); /* not */
        x86_alu_rr(&e->c, ALU_and, wide, RCX, RAX);
        break;
    default:
        x86_get_into(e, op->b, RCX, wide);
        x86_alu_rr(&e->c, ALU_cmp, wide, RAX, RCX);
        x86_rr(&e->c, 0x0f40 | keeps[op->s[0]], wide, RCX, RAX); /* cmovcc */
    }
}

/* rdx: host address -> rax: what was there */
static void read_modify_write(struct emit *e, const struct ir_op *op, bool wide)
{
    struct x86_mem m = {.base = RDX, .index = NO_REG};
    if (op->s[0] == IR_AMO_swap || op->s[0] == IR_AMO_add) {
        x86_get_into(e, op->b, RAX, wide);
        if (op->s[0] == IR_AMO_add) {
            lock(&e->c);
            x86_rm(&e->c, 0x0fc1, wide, RAX, m); /* xadd */
        } else {
            x86_rm(&e->c, 0x87, wide, RAX, m); /* xchg */
        }
        return;
    }
    x86_rm(&e->c, 0x8b, wide, RAX, m);
    const uint8_t *again = e->c.at;
    combine(e, op, wide);
    lock(&e->c);
    x86_rm(&e->c, 0x0fb1, wide, RCX, m); /* cmpxchg */
    x86_target(&e->c, x86_jcc(&e->c, CC_NE), again);
}

bool x86_lower_atomic(struct emit *e, const struct ir_op *op)
{
    bool wide;
    if (!describe(op, &wide))
        return false;
    struct cold misaligned = {.kind = COLD_slow, .op = op, .result = RAX}, slow = misaligned;
    uint8_t *unequal = NULL;
    x86_address_into_rax(e, op);
    e->forwarded = IR_NONE;
    x86_byte(&e->c, 0xa8); /* test al, imm8 */
    x86_byte(&e->c, wide ? 7 : 3);
    misaligned.from = x86_jcc(&e->c, CC_NE);
    slow.from = x86_tlb_probe(e, wide ? 8 : 4, true);
    x86_mov(&e->c, RDX, RAX);
    if (op->op == IR_AMO) {
        read_modify_write(e, op, wide);
    } else {
        x86_get_into(e, op->c, RCX, wide);
        x86_get_into(e, op->b, RAX, wide);
        lock(&e->c);
        x86_rm(&e->c, 0x0fb1, wide, RCX, (struct x86_mem){.base = RDX, .index = NO_REG}); /* cmpxchg */
        unequal = x86_jcc(&e->c, CC_NE);
    }
    advance(e);
    if (unequal)
        x86_target(&e->c, unequal, e->c.at);
    misaligned.back = slow.back = e->c.at;
    x86_cold(e, misaligned);
    x86_cold(e, slow);
    x86_finish(e, op, RAX);
    return true;
}
