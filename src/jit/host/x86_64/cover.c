/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Several accesses, one look at the TLB: those whose addresses differ by constants from what a register holds at the block's start, as
 * the rounds of a loop do, or what a function saves on its stack. If all of their bytes lie in the page that the register's copy of the
 * TLB's entry is of, none of them can miss, and none has a probe. If not, a loop goes on in code of its own in which all have one, and
 * other blocks in tier 0, or without covers if that happens often.
 *
 * Nothing changes in the copy as long as the block runs: probes have others, flushes come between blocks, and who translates code from a
 * page that it may be written through finds it there and takes the page for written (emu_serve_shots).
 */
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

enum {
    SPAN = 256,     /* bytes of one cover: the longer, the oftener they lie in two pages */
    WORTH_LOOP = 3, /* accesses that pay for the look: those of loops have short probes */
    WORTH_ONCE = 2,
    FAR = 1 << 20 /* of displacements */
};

/* What a cell holds, as far as it is known: what `root` held at the start, and a constant. */
struct origin {
    uint8_t root; /* TLB_RECENT: unknown */
    int32_t delta;
};

/* Of those that have a fast path; 0: it is none. */
static unsigned access_size(const struct ir_op *op)
{
    switch (op->op) {
    case IR_LOADZ:
    case IR_LOADS:
    case IR_STOREN: return op->s[1] & ~MEM_UNIT ? 0 : op->s[0] / 8u;
    case IR_LOAD:
    case IR_STORE: return op->s[0] & ~MEM_UNIT ? 0 : ir_type_cells(op->type) * 8u; /* or less */
    }
    return 0;
}

static bool near(int64_t v) { return v > -FAR && v < FAR; }

static struct cover *cover_for(struct emit *e, uint8_t root, bool store, int32_t first, int32_t last)
{
    for (struct cover *c = e->cover; c < e->cover + e->ncovers; c++) {
        int32_t low = first < c->first ? first : c->first, high = last > c->last ? last : c->last;
        if (c->root != root || c->store != store)
            continue;
        if (high - low >= SPAN)
            return NULL;
        c->first = low;
        c->last = high;
        return c;
    }
    if (e->ncovers == COVERS)
        return NULL;
    e->cover[e->ncovers] = (struct cover){.root = root, .store = store, .first = first, .last = last};
    return &e->cover[e->ncovers++];
}

static void note_access(struct emit *e, const struct ir_op *op, const struct origin *o)
{
    unsigned size = access_size(op);
    if (!size || op->a >= TLB_RECENT || o[op->a].root == TLB_RECENT || !near((int64_t)op->imm))
        return;
    int32_t first = o[op->a].delta + (int32_t)op->imm;
    bool store = ir_sigs[op->op].flags & IR_F_W;
    struct cover *c = cover_for(e, o[op->a].root, store, first, first + (int32_t)size - 1);
    if (!c)
        return;
    c->accesses++;
    e->covered[op - e->ir->ops] = (uint8_t)(1 + c - e->cover);
}

static void note_result(const struct ir_op *op, struct origin *o)
{
    if (!ir_sigs[op->op].out || op->d >= TLB_RECENT)
        return;
    struct origin was = op->a < TLB_RECENT ? o[op->a] : (struct origin){.root = TLB_RECENT};
    o[op->d].root = TLB_RECENT;
    if (op->type != IR_i64 || was.root == TLB_RECENT)
        return;
    if (op->op == IR_MOV)
        o[op->d] = was;
    else if (op->op == IR_ADD && op->b == IR_CONST && near((int64_t)op->imm) && near(was.delta + (int64_t)op->imm))
        o[op->d] = (struct origin){was.root, was.delta + (int32_t)op->imm};
}

/* Those that do not pay go; the others move up. */
static void choose(struct emit *e)
{
    unsigned kept = 0, worth = e->loops ? WORTH_LOOP : WORTH_ONCE;
    uint8_t now[COVERS + 1] = {0};
    for (unsigned i = 0; i < e->ncovers; i++) {
        if (e->cover[i].accesses < worth)
            continue;
        e->cover[kept] = e->cover[i];
        now[1 + i] = (uint8_t)++kept;
    }
    e->ncovers = kept;
    for (unsigned i = 0; i < e->ir->nops; i++)
        e->covered[i] = now[e->covered[i]];
}

void x86_plan_covers(struct emit *e)
{
    struct origin o[TLB_RECENT];
    unsigned accesses = 0;
    e->ncovers = 0;
    if (!e->request->covers || e->request->flat)
        return;
    memset(e->covered, 0, e->ir->nops);
    for (unsigned i = 0; i < e->ir->nops; i++)
        accesses += access_size(&e->ir->ops[i]) != 0;
    if (accesses < WORTH_ONCE)
        return;
    for (unsigned cell = 0; cell < TLB_RECENT; cell++)
        o[cell] = (struct origin){.root = (uint8_t)cell};
    for (unsigned i = 0; i < e->ir->nops && e->ir->ops[i].op != IR_CALL; i++) {
        note_access(e, &e->ir->ops[i], o);
        note_result(&e->ir->ops[i], o);
    }
    choose(e);
}

static void root_plus(struct emit *e, const struct cover *c, enum x86_reg d, int32_t offset)
{
    enum x86_reg root = x86_get(e, c->root, d);
    x86_lea(&e->c, d, (struct x86_mem){.base = root, .index = NO_REG, .disp = offset});
}

/* Another page than the last one. */
static void cold_cover(struct emit *e, const struct cold *cold)
{
    const struct cover *cover = &e->cover[cold->copy];
    root_plus(e, cover, RAX, cover->first);
    x86_imm(&e->c, RCX, 0);
    x86_lea(&e->c, RDX, x86_cover_copy(e, cover));
    x86_call_exec(&e->c, e->routines + (cover->store ? e->r->recent_write : e->r->recent_read));
    e->missed[cold->copy] = x86_jcc(&e->c, CC_NE);
}

void x86_cover(struct emit *e)
{
    struct code_buf *c = &e->c;
    for (unsigned i = 0; i < e->ncovers; i++) {
        const struct cover *cover = &e->cover[i];
        root_plus(e, cover, RDX, cover->last);
        x86_mov32(c, RCX, RDX);
        x86_alu_ri(c, ALU_and, false, RCX, MEM_PAGE - 1);
        x86_alu_ri(c, ALU_cmp, false, RCX, cover->last - cover->first);
        e->crossed[i] = x86_jcc(c, CC_B);
        x86_alu_ri(c, ALU_and, true, RDX, -MEM_PAGE);
        x86_alu_rm(c, ALU_cmp, true, RDX, x86_cover_copy(e, cover));
        uint8_t *other = x86_jcc(c, CC_NE);
        x86_cold(e, (struct cold){.kind = COLD_write, .write = cold_cover, .from = other, .back = c->at, .copy = (uint8_t)i});
    }
}

void x86_uncovered(struct emit *e)
{
    for (unsigned i = 0; i < e->ncovers; i++) {
        x86_target(&e->c, e->crossed[i], e->c.at);
        x86_target(&e->c, e->missed[i], e->c.at);
    }
}

const struct cover *x86_covered(const struct emit *e, const struct ir_op *op)
{
    unsigned cover = e->ncovers ? e->covered[op - e->ir->ops] : 0;
    return cover ? &e->cover[cover - 1] : NULL;
}
