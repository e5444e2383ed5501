/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The end of an insn: queued register writes take effect together. Most cost nothing, because the op that made the value is told to
 * write the register itself; that is allowed only if nothing in between could still want, or show to a trap, the register's old value.
 */
#include "ir/build_state.h"
#include <string.h>

static bool may_leave(const struct ir_op *o) { return (ir_sigs[o->op].flags & IR_F_T) || o->op == IR_BRANCH_IF || o->op == IR_CALL; }

/* The cells that are operands, without those behind them. */
static unsigned operands(const struct ir_op *o, uint16_t out[6])
{
    const uint16_t cells[6] = {o->a, o->b, o->c, (uint16_t)o->imm, (uint16_t)(o->imm >> 16), (uint16_t)(o->imm >> 32)};
    memcpy(out, cells, sizeof cells);
    return o->op == IR_CALL ? o->s[0] : 3;
}

static bool overlap(unsigned at, unsigned n, unsigned cell, unsigned cells) { return at < cell + cells && cell < at + n; }

static bool reads(const struct ir_op *o, unsigned cell, unsigned cells)
{
    uint16_t read[6];
    unsigned n = operands(o, read), each = ir_reads_pairs(o) ? 2 : 1;
    for (unsigned i = 0; i < n; i++)
        if (read[i] < IR_NONE && overlap(read[i], each, cell, cells))
            return true;
    return false;
}

/* Of `n` cells from `from` on each becomes the one at the same place from `to` on. */
static uint16_t moved(unsigned cell, unsigned from, unsigned to, unsigned n)
{
    return (uint16_t)(cell >= from && cell < from + n ? cell - from + to : cell);
}

static void replace(struct ir_op *o, unsigned from, unsigned to, unsigned n)
{
    o->a = moved(o->a, from, to, n);
    o->b = moved(o->b, from, to, n);
    o->c = moved(o->c, from, to, n);
    for (unsigned shift = 0; o->op == IR_CALL && shift < 48; shift += 16)
        o->imm = (o->imm & ~(0xffffull << shift)) | (uint64_t)moved((uint16_t)(o->imm >> shift), from, to, n) << shift;
}

static bool takes(ir_val v, unsigned cell, unsigned cells)
{
    return v.cell != IR_CONST && overlap(v.cell, ir_type_cells(v.type), cell, cells);
}

/* Does another queued write, or the op held back, still want the old value of `cell`, or of the one behind it? */
static bool wanted(const struct ir_build *b, unsigned cell, unsigned cells, unsigned put)
{
    for (unsigned i = put + 1; i < b->nputs; i++)
        if (takes(b->puts[i].v, cell, cells))
            return true;
    return b->last.op != IR_OPS && reads(&b->last, cell, cells);
}

static bool retarget(struct ir_build *b, unsigned put)
{
    unsigned temp = b->puts[put].v.cell, cell = b->puts[put].cell, n = ir_type_cells(b->puts[put].v.type);
    struct ir_op *p = ir_producer(b, temp), *end = b->ops + b->nops;
    if (!p || ir_result_cells(p) != n || (p->op == IR_CALL && n > 1)) /* the function may write half of its result before it has read all */
        return false;
    for (unsigned i = 0; i < b->nputs; i++)
        if (i != put && takes(b->puts[i].v, temp, n))
            return false;
    for (struct ir_op *q = p + 1; q < end; q++)
        if (may_leave(q) || reads(q, cell, n) || overlap(q->d, ir_result_cells(q), cell, n))
            return false;
    p->d = (uint16_t)cell;
    for (struct ir_op *q = p + 1; q < end; q++)
        replace(q, temp, cell, n);
    if (b->last.op != IR_OPS)
        replace(&b->last, temp, cell, n);
    return true;
}

/* The old value moves into a temporary for whoever still wants it: the whole pair, if one of them wants that. */
static void rescue(struct ir_build *b, unsigned put, unsigned cell, unsigned cells)
{
    for (unsigned i = put + 1; i < b->nputs; i++)
        if (takes(b->puts[i].v, cell, cells) && ir_type_cells(b->puts[i].v.type) > cells) {
            cell = b->puts[i].v.cell;
            cells = ir_type_cells(b->puts[i].v.type);
        }
    unsigned type = cells > 1 ? IR_v128 : IR_i64, temp = ir_temp(b, type);
    struct ir_op *o = ir_append(b, IR_MOV, type);
    o->d = (uint16_t)temp;
    o->a = (uint16_t)cell;
    for (unsigned i = put + 1; i < b->nputs; i++)
        if (b->puts[i].v.cell != IR_CONST)
            b->puts[i].v.cell = moved(b->puts[i].v.cell, cell, temp, cells);
    if (b->last.op != IR_OPS)
        replace(&b->last, cell, temp, cells);
}

/*
 * A base address that moves on behind an access that may trap: the addition is done once more, into the register, which costs less than a copy of
 * a temporary that has waited in memory. The first is dropped if nobody reads it.
 */
static bool repeat(struct ir_build *b, unsigned cell, unsigned temp)
{
    struct ir_op *p = ir_producer(b, temp), *end = b->ops + b->nops;
    if (!p || (p->op != IR_ADD && p->op != IR_SUB) || p->type != IR_i64)
        return false;
    for (struct ir_op *q = p + 1; q < end; q++)
        if (overlap(q->d, ir_result_cells(q), p->a, 1) || (p->b != IR_CONST && overlap(q->d, ir_result_cells(q), p->b, 1)))
            return false;
    struct ir_op copy = *p;
    copy.d = (uint16_t)cell;
    *ir_append(b, IR_ADD, IR_i64) = copy;
    return true;
}

static uint64_t half_known(ir_val v, unsigned half) { return half && v.type != IR_v128 ? 0 : v.k; }

/* Do the cells hold it already? */
static bool holds(const struct ir_build *b, unsigned cell, ir_val v)
{
    for (unsigned i = 0; i < ir_type_cells(v.type); i++)
        if (!v.known || b->known[cell + i] != b->epoch || b->value[cell + i] != half_known(v, i))
            return false;
    return true;
}

static void write_one(struct ir_build *b, unsigned put)
{
    unsigned cell = b->puts[put].cell;
    ir_val v = b->puts[put].v;
    if (v.cell == cell || holds(b, cell, v))
        return;
    if (wanted(b, cell, ir_type_cells(v.type), put))
        rescue(b, put, cell, ir_type_cells(v.type));
    if (v.cell != IR_CONST && retarget(b, put))
        return;
    if (v.cell != IR_CONST && repeat(b, cell, v.cell))
        return;
    struct ir_op *o = ir_append(b, v.cell == IR_CONST ? IR_K : IR_MOV, v.type == IR_none ? IR_i64 : v.type);
    o->d = (uint16_t)cell;
    o->imm = v.k;
    if (v.cell != IR_CONST)
        o->a = v.cell;
}

static bool cell_is_word(struct ir_build *b, unsigned cell);
static bool fits_word(uint64_t k) { return k == (uint64_t)(int64_t)(int32_t)k; }

/* Is the result 32 bits, sign-extended? */
static bool makes_word(struct ir_build *b, const struct ir_op *p)
{
    bool both = cell_is_word(b, p->a) && (p->b == IR_CONST ? fits_word(p->imm) : cell_is_word(b, p->b));
    if (p->type == IR_i32 && ir_sigs[p->op].out == 'I')
        return p->s[0] == IR_SX;
    if (ir_sigs[p->op].out == 'b')
        return true;
    if (p->type != IR_i64)
        return false;
    switch (p->op) {
    case IR_LOADS: return p->s[0] <= 32;
    case IR_LOADZ: return p->s[0] <= 16;
    case IR_SEXT: return true;
    case IR_AND: return both || (p->b == IR_CONST && p->imm <= INT32_MAX);
    case IR_OR:
    case IR_XOR: return both;
    case IR_SHR: return p->b == IR_CONST && (p->imm & 63) > 32;
    case IR_EXTRACT: return (p->imm >> 8 & 0xff) < 32;
    case IR_SEXTRACT: return (p->imm >> 8 & 0xff) <= 32;
    case IR_MOV: return cell_is_word(b, p->a);
    case IR_SELECT: return cell_is_word(b, p->b) && cell_is_word(b, p->c);
    }
    return false;
}

static bool cell_is_word(struct ir_build *b, unsigned cell)
{
    if (cell <= b->zero)
        return cell == b->zero || b->word[cell] == b->epoch;
    const struct ir_op *p = ir_is_temp(b, cell) ? ir_producer(b, cell) : NULL;
    return p && makes_word(b, p);
}

static bool is_word(struct ir_build *b, ir_val v)
{
    return v.known ? fits_word(v.k) : (v.type == IR_i64 || v.type == IR_i1) && cell_is_word(b, v.cell);
}

static void commit(struct ir_build *b)
{
    bool word[IR_MAX_PUTS];
    for (unsigned i = 0; i < b->nputs; i++)
        word[i] = is_word(b, b->puts[i].v);
    ir_compared_commit(b);
    ir_aligned_commit(b);
    for (unsigned i = 0; i < b->nputs; i++)
        write_one(b, i);
    for (unsigned i = 0; i < b->nputs; i++)
        for (unsigned half = 0; half < ir_type_cells(b->puts[i].v.type); half++) {
            unsigned cell = b->puts[i].cell + half;
            b->known[cell] = b->puts[i].v.known ? b->epoch : 0;
            b->value[cell] = half_known(b->puts[i].v, half);
            b->word[cell] = word[i] ? b->epoch : 0;
        }
    b->nputs = 0;
}

/* Pure ops whose temporary nobody reads go: additions that became displacements, conditions that became branches. */
static void drop_dead(struct ir_build *b)
{
    uint8_t used[IR_MAX_TEMPS + 16];
    unsigned base = b->zero + 1;
    if (b->next_temp == base || b->nops == b->first_op)
        return;
    if (b->nops == b->first_op + 1) { /* as of most insns */
        const struct ir_op *o = &b->ops[b->first_op];
        b->nops -= (ir_sigs[o->op].flags & IR_F_P) && ir_is_temp(b, o->d);
        return;
    }
    memset(used, 0, b->next_temp - base + 4); /* values of several cells end beyond */
    for (unsigned i = b->nops; i-- > b->first_op;) {
        struct ir_op *o = &b->ops[i];
        unsigned cells = ir_result_cells(o);
        bool pure = ir_sigs[o->op].flags & IR_F_P, live = !pure || !ir_is_temp(b, o->d);
        for (unsigned n = 0; !live && n < cells; n++)
            live = used[o->d - base + n];
        if (!live) {
            o->op = IR_OPS;
            continue;
        }
        uint16_t read[6];
        for (unsigned n = operands(o, read); n-- > 0;)
            if (ir_is_temp(b, read[n]))
                used[read[n] - base] = 1;
    }
    unsigned n = b->first_op;
    while (n < b->nops && b->ops[n].op != IR_OPS)
        n++;
    for (unsigned i = n; i < b->nops; i++)
        if (b->ops[i].op != IR_OPS)
            b->ops[n++] = b->ops[i];
    b->nops = n;
}

void ir_COMMIT(struct ir_build *b)
{
    if (!b->ended)
        commit(b);
}

void ir_insn_end(struct ir_build *b)
{
    if (!b->ended) {
        commit(b);
        if (b->last.op != IR_OPS) {
            if (b->last.op == IR_END)
                b->last.s[1] = b->pc_written;
            b->ops[b->nops++] = b->last;
            b->ended = ir_sigs[b->last.op].flags & IR_F_E;
        }
    }
    drop_dead(b);
}
