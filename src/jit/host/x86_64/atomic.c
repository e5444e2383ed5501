/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Atomic ops of 32 and 64 bits in RAM that the TLB knows; what misses it is the evaluator's, and so are LL and SC that meet an SC at work.
 * The protocol with the monitor (ir/monitor.h) is that of ir/atomic.c, step by step.
 */
#include "ir/monitor.h"
#include "jit/host/x86_64/x86_64.h"

/* Of the statics: the width and the memory attributes, whose orders the host's locked instructions all have. */
static bool describe(const struct ir_op *op, bool *wide)
{
    unsigned at = op->op == IR_AMO, w = op->s[at], attr = op->s[at + 1];
    *wide = w == 64;
    return op->op >= IR_LL && op->op <= IR_CAS && op->op != IR_CLREX && (w == 32 || w == 64) &&
           !(attr & ~(MEM_ORDER | MEM_natural | MEM_within));
}

/* One vCPU sees its own accesses in order, locked or not; devices, which flat memory has none of, look at what it has written before a fence or
 * a sequentially consistent op. */
void x86_locked(struct emit *e, const struct ir_op *op)
{
    e->locks = !e->request->alone || (!e->request->flat && (op->s[(op->op == IR_AMO) + 1] & MEM_ORDER) == MEM_seq);
}

void x86_lock(struct emit *e)
{
    if (e->locks)
        x86_byte(&e->c, 0xf0);
}

/* The version of the line of the address in `host` (which is lost) is at the memory operand; `scratch` is part of it. */
static struct x86_mem version_of(struct emit *e, enum x86_reg host, enum x86_reg scratch)
{
    struct code_buf *c = &e->c;
    _Static_assert(sizeof(((struct cpu_monitor *)0)->version[0]) == 4 && 2 * MONITOR_BITS <= 32, "the code below");
    x86_shift(c, SH_shr, true, host, MONITOR_LINE_BITS);
    x86_mov32(c, scratch, host);
    x86_shift(c, SH_shr, false, scratch, MONITOR_BITS);
    x86_alu_rr(c, ALU_xor, false, host, scratch);
    x86_alu_ri(c, ALU_and, false, host, MONITOR_VERSIONS - 1);
    x86_load(c, scratch, STATE(monitor));
    return (struct x86_mem){.base = scratch, .index = host, .scale = 4};
}

static void test_byte(struct code_buf *c, struct x86_mem m, unsigned bits)
{
    x86_rm(c, 0xf6, false, 0, m);
    x86_byte(c, bits);
}

static void store_byte(struct code_buf *c, struct x86_mem m, unsigned v)
{
    x86_rm(c, 0xc6, false, 0, m);
    x86_byte(c, v);
}

void x86_monitor_advance(struct emit *e)
{
    struct code_buf *c = &e->c;
    if (e->request->alone)
        return;
    struct x86_mem version = version_of(e, RDX, RCX);
    test_byte(c, version, MONITOR_ARMED);
    uint8_t *skip = x86_jcc(c, CC_E);
    x86_lock(e);
    x86_alu_mi(c, ALU_add, false, version, MONITOR_ARMED);
    x86_target(c, skip, c->at);
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

/* rdx: host address -> rax: what was there. One step for an only vCPU: xchg would lock, and xadd is slower than its parts. */
static void read_modify_write_alone(struct emit *e, const struct ir_op *op, bool wide)
{
    struct x86_mem m = {.base = RDX, .index = NO_REG};
    bool add = op->s[0] == IR_AMO_add;
    if (add || op->s[0] == IR_AMO_swap)
        x86_get_into(e, op->b, RCX, wide);
    x86_rm(&e->c, 0x8b, wide, RAX, m);
    if (add)
        x86_alu_rr(&e->c, ALU_add, wide, RCX, RAX);
    else if (op->s[0] != IR_AMO_swap)
        combine(e, op, wide);
    x86_rm(&e->c, 0x89, wide, RCX, m);
}

/* rdx: host address -> rax: what was there */
static void read_modify_write(struct emit *e, const struct ir_op *op, bool wide)
{
    struct x86_mem m = {.base = RDX, .index = NO_REG};
    if (op->s[0] == IR_AMO_swap || op->s[0] == IR_AMO_add) {
        x86_get_into(e, op->b, RAX, wide);
        x86_lock(e);
        x86_rm(&e->c, op->s[0] == IR_AMO_add ? 0x0fc1 : 0x87, wide, RAX, m); /* xadd, xchg */
        return;
    }
    x86_rm(&e->c, 0x8b, wide, RAX, m);
    const uint8_t *again = e->c.at;
    combine(e, op, wide);
    x86_lock(e);
    x86_rm(&e->c, 0x0fb1, wide, RCX, m); /* cmpxchg */
    x86_target(&e->c, x86_jcc(&e->c, CC_NE), again);
}

static void compare_and_swap(struct emit *e, const struct ir_op *op, bool wide)
{
    x86_get_into(e, op->c, RCX, wide);
    x86_get_into(e, op->b, RAX, wide);
    x86_lock(e);
    x86_rm(&e->c, 0x0fb1, wide, RCX, (struct x86_mem){.base = RDX, .index = NO_REG}); /* cmpxchg */
    uint8_t *unequal = x86_jcc(&e->c, CC_NE);
    x86_monitor_advance(e);
    x86_target(&e->c, unequal, e->c.at);
}

/* What LL leaves, but for the line and the version: rax is the value. */
static void reserve(struct code_buf *c, bool wide, unsigned valid)
{
    x86_store(c, STATE(reservation.value), RAX);
    store_byte(c, STATE(reservation.size), wide ? 8 : 4);
    store_byte(c, STATE(reservation.valid), valid);
}

static void store_line(struct code_buf *c)
{
    x86_mov(c, RCX, RAX);
    x86_alu_ri(c, ALU_and, true, RCX, -(1 << MONITOR_LINE_BITS));
    x86_store(c, STATE(reservation.line), RCX);
}

/* rax: host address -> value. Of a vCPU that is alone, or of a pair. */
static void load_plain(struct emit *e, bool wide)
{
    store_line(&e->c);
    x86_rm(&e->c, 0x8b, wide, RAX, (struct x86_mem){.base = RAX, .index = NO_REG});
    reserve(&e->c, wide, e->request->alone ? RESERVED_armed : RESERVED_open);
}

/* ---- pairs: several vCPUs ---- */

/* The SC behind an LL that it can compare the value for alone: at the same address, with nothing but computation and ways out in between. */
static const struct ir_op *pair(const struct emit *e, const struct ir_op *ll)
{
    bool wide;
    for (const struct ir_op *o = ll + 1; !e->request->alone && ll->d != ll->a && o < e->ir->ops + e->ir->nops; o++) {
        bool computes = (ir_sigs[o->op].flags & IR_F_P) && o->op < IR_FADD && o->type <= IR_i64 && o->s[3] <= IR_i64;
        if (o->op == IR_SC)
            return o->a == ll->a && o->imm == ll->imm && o->s[0] == ll->s[0] && describe(o, &wide) ? o : NULL;
        if (!(computes && o->d != ll->a) && o->op != IR_BRANCH_CMP && o->op != IR_BRANCH_IF && o->op != IR_SKIP)
            return NULL;
    }
    return NULL;
}

/* Before the access: is the op, an LL or SC, of a pair? */
static bool begin_pair(struct emit *e, const struct ir_op *op, struct cold *slow)
{
    bool ends = op->op == IR_SC && e->paired == op;
    if (op->op == IR_LL)
        e->paired = pair(e, op);
    if (ends) { /* also for the evaluator, if it comes to that */
        store_byte(&e->c, STATE(reservation.valid), RESERVED_pair);
        e->paired = NULL;
    }
    if (op->op != IR_LL || !e->paired)
        return ends;
    x86_rm(&e->c, 0x80, false, ALU_cmp, STATE(reservation.strict));
    x86_byte(&e->c, 0);
    slow->also[1] = x86_jcc(&e->c, CC_NE);
    return true;
}

/* rax: host address -> 1 if done */
static void store_paired(struct emit *e, const struct ir_op *op, bool wide)
{
    struct code_buf *c = &e->c;
    x86_mov(c, RDX, RAX);
    x86_alu_ri(c, ALU_and, true, RAX, -(1 << MONITOR_LINE_BITS));
    x86_alu_rm(c, ALU_cmp, true, RAX, STATE(reservation.line));
    uint8_t *elsewhere = x86_jcc(c, CC_NE);
    x86_load(c, RAX, STATE(reservation.value));
    x86_get_into(e, op->b, RCX, wide);
    x86_lock(e);
    x86_rm(c, 0x0fb1, wide, RCX, (struct x86_mem){.base = RDX, .index = NO_REG}); /* cmpxchg */
    uint8_t *unequal = x86_jcc(c, CC_NE);
    x86_monitor_advance(e);
    x86_imm(c, RAX, 1);
    uint8_t *end = x86_jmp(c);
    x86_target(c, elsewhere, c->at);
    x86_target(c, unequal, c->at);
    x86_imm(c, RAX, 0);
    x86_target(c, end, c->at);
    store_byte(c, STATE(reservation.valid), RESERVED_no);
}

/* ---- by the version ---- */

/* rax: host address -> value */
static void load_linked(struct emit *e, bool wide, struct cold *slow)
{
    struct code_buf *c = &e->c;
    struct x86_mem version = {.base = RDX, .index = NO_REG};
    store_line(c);
    x86_lea(c, RDX, version_of(e, RCX, RDX));
    x86_rm(c, 0x8b, false, RCX, version);
    x86_rr(c, 0xf6, false, 0, RCX); /* test cl, imm8 */
    x86_byte(c, MONITOR_ARMED);
    uint8_t *armed = x86_jcc(c, CC_NE);
    x86_imm(c, RCX, MONITOR_ARMED);
    x86_lock(e);
    x86_rm(c, 0x0fc1, false, RCX, version); /* xadd: if another was faster, this counts as a write */
    x86_rr(c, 0xf6, false, 0, RCX);
    x86_byte(c, MONITOR_ARMED | MONITOR_HELD);
    slow->also[1] = x86_jcc(c, CC_NE);
    x86_alu_ri(c, ALU_add, false, RCX, MONITOR_ARMED);
    x86_target(c, armed, c->at);
    x86_rr(c, 0xf6, false, 0, RCX);
    x86_byte(c, MONITOR_HELD);
    slow->also[2] = x86_jcc(c, CC_NE);
    x86_rm(c, 0x8b, wide, RAX, (struct x86_mem){.base = RAX, .index = NO_REG});
    x86_alu_rm(c, ALU_cmp, false, RCX, version);
    slow->also[3] = x86_jcc(c, CC_NE);
    x86_rm(c, 0x89, false, RCX, STATE(reservation.version));
    reserve(c, wide, RESERVED_armed);
}

/* rax: host address. Is the reservation one of it? Two jumps if not; if there is none, or it was left open, the evaluator does it. */
static void check_reservation(struct code_buf *c, bool wide, struct cold *slow, uint8_t *fail[2])
{
    x86_rm(c, 0x80, false, ALU_cmp, STATE(reservation.valid));
    x86_byte(c, RESERVED_armed);
    slow->also[1] = x86_jcc(c, CC_NE);
    store_byte(c, STATE(reservation.valid), RESERVED_no);
    x86_rm(c, 0x80, false, ALU_cmp, STATE(reservation.size));
    x86_byte(c, wide ? 8 : 4);
    fail[0] = x86_jcc(c, CC_NE);
    x86_mov(c, RCX, RAX);
    x86_alu_ri(c, ALU_and, true, RCX, -(1 << MONITOR_LINE_BITS));
    x86_alu_rm(c, ALU_cmp, true, RCX, STATE(reservation.line));
    fail[1] = x86_jcc(c, CC_NE);
}

/* rax: host address -> 1 if done */
static void store_conditional_alone(struct emit *e, const struct ir_op *op, bool wide, struct cold *slow)
{
    struct code_buf *c = &e->c;
    struct x86_mem m = {.base = RDX, .index = NO_REG};
    uint8_t *fail[3];
    check_reservation(c, wide, slow, fail);
    x86_mov(c, RDX, RAX);
    x86_rm(c, 0x8b, wide, RAX, STATE(reservation.value));
    x86_get_into(e, op->b, RCX, wide);
    x86_rm(c, 0x39, wide, RAX, m); /* cmp */
    fail[2] = x86_jcc(c, CC_NE);
    x86_rm(c, e->locks ? 0x87 : 0x89, wide, RCX, m); /* xchg, mov */
    x86_imm(c, RAX, 1);
    uint8_t *end = x86_jmp(c);
    for (unsigned i = 0; i < 3; i++)
        x86_target(c, fail[i], c->at);
    x86_imm(c, RAX, 0);
    x86_target(c, end, c->at);
}

/* rax: host address -> 1 if done */
static void store_conditional(struct emit *e, const struct ir_op *op, bool wide, struct cold *slow)
{
    struct code_buf *c = &e->c;
    struct x86_mem version = {.base = RCX, .index = NO_REG};
    uint8_t *fail[3], *end;
    check_reservation(c, wide, slow, fail);
    x86_push(c, RAX);
    x86_lea(c, RCX, version_of(e, RCX, RDX));
    x86_rm(c, 0x8b, false, RAX, STATE(reservation.version));
    x86_lea(c, RDX, (struct x86_mem){.base = RAX, .index = NO_REG, .disp = MONITOR_HELD});
    x86_lock(e);
    x86_rm(c, 0x0fb1, false, RDX, version); /* cmpxchg; the pops below keep the flags */
    x86_pop(c, RDX);
    fail[2] = x86_jcc(c, CC_NE);
    x86_push(c, RCX);
    x86_rm(c, 0x8b, wide, RAX, STATE(reservation.value));
    x86_get_into(e, op->b, RCX, wide);
    x86_lock(e);
    x86_rm(c, 0x0fb1, wide, RCX, (struct x86_mem){.base = RDX, .index = NO_REG});
    x86_pop(c, RCX);
    uint8_t *unequal = x86_jcc(c, CC_NE);
    x86_lock(e);
    x86_alu_mi(c, ALU_add, false, version, 2 * MONITOR_ARMED - MONITOR_HELD);
    x86_imm(c, RAX, 1);
    end = x86_jmp(c);
    x86_target(c, unequal, c->at);
    x86_lock(e);
    x86_alu_mi(c, ALU_sub, false, version, MONITOR_HELD);
    for (unsigned i = 0; i < 3; i++)
        x86_target(c, fail[i], c->at);
    x86_imm(c, RAX, 0);
    x86_target(c, end, c->at);
}

bool x86_lower_atomic(struct emit *e, const struct ir_op *op)
{
    bool wide;
    if (!describe(op, &wide))
        return false;
    x86_locked(e, op);
    struct cold slow = {.kind = COLD_slow, .op = op, .result = RAX};
    bool paired = begin_pair(e, op, &slow);
    x86_address_into_rax(e, op);
    e->forwarded = IR_NONE;
    x86_byte(&e->c, 0xa8); /* test al, imm8 */
    x86_byte(&e->c, wide ? 7 : 3);
    slow.from = x86_jcc(&e->c, CC_NE);
    uint8_t *hit; /* a miss is rare enough for the evaluator */
    slow.also[0] = x86_tlb_probe(e, wide ? 8 : 4, op->op != IR_LL, &hit);
    slow.access = e->request->flat ? e->c.at : NULL;
    if (e->request->flat && op->op == IR_SC && !paired) { /* a fault comes before anything is held or pushed */
        if (!e->request->alone)
            x86_byte(&e->c, 0xf0);
        x86_alu_mi(&e->c, ALU_or, false, (struct x86_mem){.base = RAX, .index = NO_REG}, 0);
    }
    switch (op->op) {
    case IR_LL: paired || e->request->alone ? load_plain(e, wide) : load_linked(e, wide, &slow); break;
    case IR_SC:
        if (paired)
            store_paired(e, op, wide);
        else
            (e->request->alone ? store_conditional_alone : store_conditional)(e, op, wide, &slow);
        break;
    case IR_AMO:
        x86_mov(&e->c, RDX, RAX);
        (e->locks ? read_modify_write : read_modify_write_alone)(e, op, wide);
        x86_monitor_advance(e);
        break;
    default: x86_mov(&e->c, RDX, RAX); compare_and_swap(e, op, wide);
    }
    slow.back = e->c.at;
    x86_cold(e, slow);
    x86_finish(e, op, RAX);
    return true;
}
