/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Vectors in xmm registers. A block that computes with them has xmm5 to xmm15 for copies of what was read or made last; the guest's registers
 * are in their cells all the same, so ways out have nothing to do. Temporaries that only lowered vector ops read stay in the register.
 * A call of C loses the registers: a stub brings them back from the cells, elsewhere they are forgotten.
 */
#include "jit/host/x86_64/sse.h"

enum { VREG0 = XPIN0 };

static void load_pair(struct emit *e, unsigned x, unsigned cell)
{
    x86_prm(&e->c, 0, 0x0f10, false, x, cell_mem(cell), false);
} /* movups */
static void store_pair(struct emit *e, unsigned cell, unsigned x) { x86_prm(&e->c, 0, 0x0f11, false, x, cell_mem(cell), false); }

void x86_vec_begin(struct emit *e)
{
    e->vectors = false;
    memset(e->vec, 0, sizeof e->vec);
    e->vclock = e->vlocked = e->nvconst = 0;
    for (unsigned i = 0; i < e->ir->nops && !e->vectors; i++) {
        const struct ir_op *op = &e->ir->ops[i];
        e->vectors = op->op >= IR_VADD ? x86_vector_native(e, op) : op->type == IR_v128 && x86_vector_access(e, op);
    }
}

static void use(struct emit *e, unsigned i)
{
    e->vused[i] = ++e->vclock;
    e->vlocked |= 1u << i;
}

/* Whatever was in it longest goes. */
static unsigned allocate(struct emit *e)
{
    unsigned best = XPINS;
    for (unsigned i = 0; i < XPINS; i++)
        if (!(e->vlocked >> i & 1) && (best == XPINS || (e->vec[best].state && (!e->vec[i].state || e->vused[i] < e->vused[best]))))
            best = i;
    if (e->vec[best].state & V_DIRTY)
        store_pair(e, e->vec[best].cell, VREG0 + best);
    e->vec[best].state = 0;
    use(e, best);
    return VREG0 + best;
}

/* Pinned integer registers go to their cells, or come from there. */
void x86_pair_pins(struct emit *e, unsigned cell, bool load)
{
    for (unsigned i = cell; i < cell + 2; i++) {
        int pin = x86_pin(e, i);
        if (pin >= 0 && load)
            x86_load(&e->c, (enum x86_reg)pin, cell_mem(i));
        else if (pin >= 0)
            x86_store(&e->c, cell_mem(i), (enum x86_reg)pin);
    }
}

unsigned x86_vget(struct emit *e, unsigned cell)
{
    for (unsigned i = 0; i < XPINS; i++)
        if ((e->vec[i].state & V_PAIR) && e->vec[i].cell == cell) {
            use(e, i);
            return VREG0 + i;
        }
    unsigned x = allocate(e);
    x86_pair_pins(e, cell, false);
    load_pair(e, x, cell);
    x86_vremember(e, cell, x, V_PAIR);
    return x;
}

unsigned x86_vresult(struct emit *e) { return allocate(e); }

int x86_vlow(const struct emit *e, unsigned cell, unsigned *half)
{
    for (unsigned i = 0; i < XPINS; i++) {
        const struct vreg *v = &e->vec[i];
        *half = cell - v->cell;
        if (*half == 0 ? v->state != 0 : *half == 1 && (v->state & V_PAIR))
            return (int)(VREG0 + i);
    }
    return -1;
}

static void forget(struct emit *e, unsigned cell, unsigned n)
{
    for (unsigned i = 0; i < XPINS; i++)
        if (e->vec[i].state && e->vec[i].cell < cell + n && cell < e->vec[i].cell + 2u)
            e->vec[i].state = 0;
}

void x86_vremember(struct emit *e, unsigned cell, unsigned x, unsigned state)
{
    e->vec[x - VREG0] = (struct vreg){(uint16_t)cell, (uint8_t)state};
}

/* Does everything that reads the temporary know to find it in the register? */
static bool may_stay(const struct emit *e, const struct ir_op *op)
{
    const struct ir_op *end = e->ir->ops + e->insn_end;
    if (op->d <= e->request->zero_cell)
        return false;
    for (const struct ir_op *o = op + 1; o < end; o++) {
        bool low = x86_reads(o, op->d), high = x86_reads(o, op->d + 1u), move = o->op == IR_MOV && ir_type_cells(o->type) == 1;
        if (o->op == IR_CALL)
            return false;
        if (!(low || high) || move)
            continue;
        if (high || !(x86_vector_native(e, o) || x86_vector_access(e, o)))
            return false;
        const char *in = ir_sigs[o->op].in;
        if ((in[0] == 'I' || in[0] == 'A') && o->a == op->d)
            return false;
        if (in[1] == 'I' && o->b == op->d)
            return false;
    }
    return true;
}

void x86_vfinish(struct emit *e, const struct ir_op *op, unsigned x)
{
    bool stays = may_stay(e, op);
    forget(e, op->d, 2);
    x86_vremember(e, op->d, x, V_PAIR | (stays ? V_DIRTY : 0));
    e->forwarded = IR_NONE;
    if (stays)
        return;
    store_pair(e, op->d, x);
    x86_pair_pins(e, op->d, true);
}

void x86_vwritten(struct emit *e, const struct ir_op *op)
{
    if (e->vectors && (ir_sigs[op->op].out || op->op == IR_CALL))
        forget(e, op->d, ir_result_cells(op));
}

void x86_vsave(struct emit *e)
{
    for (unsigned i = 0; e->vectors && i < XPINS; i++)
        if (e->vec[i].state & V_DIRTY)
            store_pair(e, e->vec[i].cell, VREG0 + i);
}

void x86_vreload(struct emit *e)
{
    for (unsigned i = 0; e->vectors && i < XPINS; i++)
        if (e->vec[i].state & V_PAIR)
            load_pair(e, VREG0 + i, e->vec[i].cell);
        else if (e->vec[i].state)
            sse_load(&e->c, false, VREG0 + i, cell_mem(e->vec[i].cell));
}

void x86_vspill(struct emit *e)
{
    x86_vsave(e);
    if (e->vectors)
        memset(e->vec, 0, sizeof e->vec);
}

void x86_vinsn(struct emit *e)
{
    for (unsigned i = 0; e->vectors && i < XPINS; i++)
        if (e->vec[i].cell > e->request->zero_cell)
            e->vec[i].state = 0;
}

/* Of two integers. */
static void join_pair(struct emit *e, const struct ir_op *op)
{
    static const enum x86_reg to[] = {RCX, RDX};
    const unsigned half[] = {op->b, op->a};
    for (unsigned i = 0; i < 2; i++) {
        if (half[i] == IR_CONST)
            x86_imm(&e->c, to[i], op->imm);
        else
            x86_get_into(e, half[i], to[i], true);
    }
    for (unsigned i = 0; i < 2; i++)
        x86_store(&e->c, cell_mem(op->d + i), to[i]);
    x86_pair_pins(e, op->d, true);
    e->forwarded = IR_NONE;
}

bool x86_lower_pair(struct emit *e, const struct ir_op *op)
{
    if (op->op == IR_CONCAT && op->type == IR_i128) {
        join_pair(e, op);
        return true;
    }
    if ((op->op != IR_MOV && op->op != IR_K) || ir_type_cells(op->type) != 2)
        return false;
    if (op->op == IR_MOV) {
        x86_pair_pins(e, op->a, false);
        load_pair(e, XWORK0, op->a);
    } else {
        x86_vload_constant(e, XWORK0, op->imm, op->type == IR_v128 ? op->imm : 0);
    }
    store_pair(e, op->d, XWORK0);
    x86_pair_pins(e, op->d, true);
    e->forwarded = IR_NONE;
    return true;
}

/* ---- constants ---- */

/* The instruction before it looks at the constant. */
static void note_constant(struct emit *e, uint64_t low, uint64_t high)
{
    if (e->nvconst == VCONSTS)
        e->c.full = true;
    else
        e->vconst[e->nvconst++] = (struct vconst){{low, high}, e->c.at - 4};
}

void x86_vload_constant(struct emit *e, unsigned x, uint64_t low, uint64_t high)
{
    if (low == high && low == 0) {
        sse_zero(&e->c, x);
    } else if (low == high && low == UINT64_MAX) {
        sse_ones(&e->c, x);
    } else {
        x86_prip(&e->c, 0, 0x0f10, false, x, e->c.exec); /* movups; from where is known at the end */
        note_constant(e, low, high);
    }
}

void x86_vwith_constant(struct emit *e, unsigned prefix, unsigned op, unsigned d, unsigned a, uint64_t low, uint64_t high)
{
    sse_3c(e, prefix, op, d, a, e->c.exec);
    note_constant(e, low, high);
}

static void place_constant(struct emit *e, const struct vconst *k)
{
    for (unsigned i = 0; i < 2; i++) {
        x86_u32(&e->c, (uint32_t)k->half[i]);
        x86_u32(&e->c, (uint32_t)(k->half[i] >> 32));
    }
}

void x86_vconstants(struct emit *e)
{
    const uint8_t *places[VCONSTS];
    if (e->nvconst)
        x86_byte(&e->c, 0xcc); /* the end of the code */
    for (unsigned i = 0; i < e->nvconst; i++) {
        const struct vconst *k = &e->vconst[i];
        unsigned first = 0;
        while (memcmp(e->vconst[first].half, k->half, sizeof k->half))
            first++;
        if (first == i) {
            while ((uintptr_t)(e->c.exec + (e->c.at - e->c.start)) & 15)
                x86_byte(&e->c, 0xcc);
            places[i] = e->c.at;
            place_constant(e, k);
        }
        x86_target(&e->c, k->site, places[first]);
        if (e->c.full)
            return;
    }
}
