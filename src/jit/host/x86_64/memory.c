/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loads and stores of normal memory: a probe of the TLB inline, everything else in a cold stub that calls the evaluator's op. Every order that an
 * access may ask for the host's accesses have, but that of a sequentially consistent store before later loads.
 */
#include "jit/host/x86_64/sse.h"

struct access {
    bool store, sign, wide; /* wide: the result is extended to 64 bits */
    unsigned size, attr;
};

static unsigned type_size(unsigned type) { return type == IR_i64 || type == IR_f64 ? 8 : type == IR_i32 || type == IR_f32 ? 4 : 0; }

static bool describe(const struct ir_op *op, struct access *a)
{
    *a = (struct access){.wide = op->type == IR_i64 || op->type == IR_f64};
    switch (op->op) {
    case IR_STORE: a->store = true; /* fall through */
    case IR_LOAD: a->size = type_size(op->type); break;
    case IR_STOREN: a->store = true; break;
    case IR_LOADS: a->sign = true; break;
    case IR_LOADZ: break;
    default: return false;
    }
    bool whole = op->op == IR_LOAD || op->op == IR_STORE;
    a->attr = op->s[whole ? 0 : 1];
    if (!whole)
        a->size = op->s[0] / 8;
    a->attr &= ~(unsigned)MEM_UNIT; /* the evaluator's affair: what is not aligned to its size, if that is asked for, and strict pages */
    return a->size && a->size <= 8 && !(a->attr & ~(MEM_ORDER | MEM_natural | MEM_user)) && (a->attr & MEM_ORDER) <= MEM_seq;
}

bool x86_access_native(const struct ir_op *op)
{
    struct access a;
    return describe(op, &a);
}

void x86_address_into_rax(struct emit *e, const struct ir_op *op)
{
    int pin = x86_pin(e, op->a);
    bool near = fits32((int64_t)op->imm);
    if (near && pin >= 0) {
        x86_lea(&e->c, RAX, (struct x86_mem){.base = (enum x86_reg)pin, .index = NO_REG, .disp = (int32_t)op->imm});
        return;
    }
    x86_get_into(e, op->a, RAX, true);
    if (near && op->imm) {
        x86_alu_ri(&e->c, ALU_add, true, RAX, (int32_t)op->imm);
    } else if (!near) {
        x86_imm(&e->c, RCX, op->imm);
        x86_alu_rr(&e->c, ALU_add, true, RAX, RCX);
    }
}

static void load_host(struct code_buf *c, const struct access *a, enum x86_reg d, struct x86_mem m)
{
    static const unsigned zero[] = {[1] = 0x0fb6, [2] = 0x0fb7, [4] = 0x8b, [8] = 0x8b},
                          sign[] = {[1] = 0x0fbe, [2] = 0x0fbf, [4] = 0x63, [8] = 0x8b};
    bool wide = a->size == 8 || (a->sign && a->wide);
    unsigned op = a->sign && (a->wide || a->size < 4) ? sign[a->size] : zero[a->size];
    x86_rm(c, op, wide, d, m);
}

static void store_host(struct code_buf *c, const struct access *a, enum x86_reg s, struct x86_mem m)
{
    x86_prm(c, a->size == 2 ? 0x66 : 0, a->size == 1 ? 0x88 : 0x89, a->size == 8, s, m, a->size == 1);
}

static bool probe(struct emit *e, const struct ir_op *op)
{
    if (op->s[0] == ACCESS_fetch || op->s[1] || !op->imm || op->imm > MEM_PAGE || e->request->flat)
        return false;
    x86_get_into(e, op->a, RAX, true);
    e->forwarded = IR_NONE;
    struct cold cold = {.kind = COLD_slow, .op = op, .result = -1, .store = op->s[0] == ACCESS_write};
    cold.from = x86_tlb_probe(e, (unsigned)op->imm, cold.store, &cold.hit);
    cold.back = e->c.at;
    x86_cold(e, cold);
    return true;
}

/* One that must be aligned, has an order, or the rights of user mode. */
static void attributed(struct emit *e, const struct ir_op *op, const struct access *a)
{
    struct code_buf *c = &e->c;
    const struct x86_mem m = {.base = RAX, .index = NO_REG};
    struct cold miss = {.kind = COLD_slow, .op = op, .result = -1, .store = a->store}, misaligned = miss;
    bool addressed = op->a == e->forwarded;
    if (addressed && e->request->flat) { /* stubs of flat memory would take rax for the register alone */
        x86_store(c, cell_mem(op->a), RAX);
        addressed = false;
    }
    e->addressed = addressed;
    x86_address_into_rax(e, op);
    e->forwarded = IR_NONE;
    if (a->attr & MEM_natural && a->size > 1) {
        x86_byte(c, 0xa8); /* test al, imm8 */
        x86_byte(c, a->size - 1);
        misaligned.from = x86_jcc(c, CC_NE);
    }
    if (a->attr & MEM_user && !e->request->flat)
        x86_user_probe(e, op, a->size, a->store);
    else
        miss.from = x86_tlb_probe(e, a->size, a->store, &miss.hit);
    enum x86_reg r = a->store ? RCX : x86_result(e, op), value = RCX;
    bool locks = a->store && (a->attr & MEM_ORDER) == MEM_seq && !(e->request->alone && e->request->flat);
    if (locks)
        x86_get_into(e, op->b, RCX, true);
    else if (a->store)
        value = x86_get(e, op->b, RCX);
    miss.access = e->request->flat ? c->at : NULL;
    if (locks) /* xchg */
        x86_prm(c, a->size == 2 ? 0x66 : 0, a->size == 1 ? 0x86 : 0x87, a->size == 8, RCX, m, a->size == 1);
    else if (a->store)
        store_host(c, a, value, m);
    else
        load_host(c, a, r, m);
    miss.back = misaligned.back = c->at;
    miss.result = misaligned.result = r == RAX ? (int)RAX : -1;
    x86_cold(e, miss);
    e->addressed = addressed && misaligned.from;
    if (misaligned.from)
        x86_cold(e, misaligned);
    if (!a->store)
        x86_finish(e, op, r);
}

bool x86_lower_memory(struct emit *e, const struct ir_op *op)
{
    struct access a;
    if (op->op == IR_PROBE)
        return probe(e, op);
    if (!describe(op, &a))
        return false;
    if (a.attr) {
        attributed(e, op, &a);
        return true;
    }
    struct x86_mem m;
    struct cold cold = {.kind = COLD_slow, .op = op, .result = -1, .store = a.store};
    cold.from = x86_host_address(e, op, a.size, a.store, &m, &cold.hit);
    const uint8_t *access;
    enum x86_reg r = RAX;
    if (a.store) {
        enum x86_reg value = x86_get(e, op->b, RCX);
        access = e->c.at;
        store_host(&e->c, &a, value, m);
    } else {
        r = x86_result(e, op);
        access = e->c.at;
        load_host(&e->c, &a, r, m);
    }
    cold.back = e->c.at;
    cold.access = e->request->flat ? access : NULL;
    cold.result = !a.store && r == RAX ? (int)RAX : -1;
    if (!x86_covered(e, op))
        x86_cold(e, cold);
    if (!a.store)
        x86_finish(e, op, r);
    return true;
}

/* Is the value in an xmm register, or does it go to one? */
static bool float_access(const struct emit *e, const struct ir_op *op, const struct access *a)
{
    if (a->size < 4)
        return false;
    if (a->store)
        return x86_xpin(e, op->b) >= 0;
    return e->request->fp_host && (op->type == IR_f32 || op->type == IR_f64) && (x86_xpin(e, op->d) >= 0 || x86_xkeep(e, op));
}

bool x86_lower_float_memory(struct emit *e, const struct ir_op *op)
{
    struct x86_mem m;
    struct cold cold = {.kind = COLD_slow, .op = op, .result = -1};
    struct access a;
    if (!describe(op, &a) || a.attr || !float_access(e, op, &a))
        return false;
    cold.store = a.store;
    if (a.store)
        x86_xpay_nan(e, op->b);
    if (a.store && a.size == 8)
        x86_xpay_box(e, op->b);
    cold.from = x86_host_address(e, op, a.size, a.store, &m, &cold.hit);
    unsigned x = a.store ? (unsigned)x86_xpin(e, op->b) : x86_xresult(e, op);
    cold.access = e->request->flat ? e->c.at : NULL;
    if (a.store) {
        sse_store(&e->c, a.size == 4, m, x);
    } else {
        sse_load(&e->c, a.size == 4, x, m);
        cold.result = XMM + (int)x;
    }
    cold.back = e->c.at;
    if (!x86_covered(e, op))
        x86_cold(e, cold);
    if (!a.store)
        x86_xfinish(e, op, x, a.size == 4, a.size == 4 && !x86_xcanonical(e) ? X_ONES : 0);
    return true;
}
