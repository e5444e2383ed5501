/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Atomic compare and store of 128 bits, which allocators live by: cmpxchg16b, whose operands are four fixed registers. One of them is pinned,
 * and the address needs one more, so two are on the stack meanwhile: in flat memory a fault must come before that.
 */
#include "jit/host/x86_64/x86_64.h"

static bool describe(const struct emit *e, const struct ir_op *op)
{
    bool cells = op->b < IR_NONE && op->c < IR_NONE;
    return op->op == IR_CAS && op->s[0] == 128 && !(op->s[1] & ~(MEM_ORDER | MEM_natural | MEM_within)) && e->cx16 && !e->vectors && cells;
}

/* rax: host address */
static void compare_and_swap(struct emit *e, const struct ir_op *op)
{
    struct code_buf *c = &e->c;
    x86_pair_pins(e, op->b, false);
    x86_pair_pins(e, op->c, false);
    x86_load(c, RDX, cell_mem(op->b + 1));
    x86_load(c, RCX, cell_mem(op->c + 1));
    x86_push(c, RBX);
    x86_push(c, R14);
    x86_mov(c, R14, RAX);
    x86_load(c, RAX, cell_mem(op->b));
    x86_load(c, RBX, cell_mem(op->c));
    x86_lock(e);
    x86_rm(c, 0x0fc7, true, 1, (struct x86_mem){.base = R14, .index = NO_REG}); /* cmpxchg16b; nothing below changes its flag */
    x86_mov(c, RCX, R14);
    x86_pop(c, R14);
    x86_pop(c, RBX);
    x86_store(c, cell_mem(op->d), RAX);
    x86_store(c, cell_mem(op->d + 1), RDX);
    x86_pair_pins(e, op->d, true);
    if (e->request->alone)
        return;
    uint8_t *unequal = x86_jcc(c, CC_NE);
    x86_mov(c, RDX, RCX);
    x86_monitor_advance(e);
    x86_target(c, unequal, c->at);
}

bool x86_lower_atomic_pair(struct emit *e, const struct ir_op *op)
{
    struct code_buf *c = &e->c;
    if (!describe(e, op))
        return false;
    x86_locked(e, op);
    struct cold slow = {.kind = COLD_slow, .op = op, .result = -1};
    uint8_t *hit;
    x86_address_into_rax(e, op);
    e->forwarded = IR_NONE;
    x86_byte(c, 0xa8); /* test al, imm8 */
    x86_byte(c, 15);
    slow.from = x86_jcc(c, CC_NE);
    slow.also[0] = x86_tlb_probe(e, 16, true, &hit);
    slow.access = e->request->flat ? c->at : NULL;
    if (e->request->flat) {
        x86_byte(c, 0xf0);
        x86_alu_mi(c, ALU_or, false, (struct x86_mem){.base = RAX, .index = NO_REG}, 0);
    }
    compare_and_swap(e, op);
    slow.back = c->at;
    x86_cold(e, slow);
    return true;
}
