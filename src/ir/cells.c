/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The builder's cells: registers read and written, constants put into one. Writes of an insn are queued until it ends (commit.c); a later one
 * takes the place of what it covers.
 */
#include "ir/build_state.h"
#include <assert.h>
#include <stddef.h>

ir_val ir_get(struct ir_build *b, unsigned type, unsigned cell)
{
    ir_val v = {.type = (uint8_t)type, .cell = (uint16_t)cell};
    if (ir_type_cells(type) == 1 && b->known[cell] == b->epoch) {
        v.known = true;
        v.k = b->value[cell];
    }
    return v;
}

ir_val ir_copy(struct ir_build *b, ir_val v)
{
    if (v.cell > b->zero || v.known)
        return v;
    struct ir_op *o = ir_append(b, IR_MOV, v.type);
    o->a = v.cell;
    v.cell = o->d = (uint16_t)ir_temp(b, v.type);
    return v;
}

ir_val ir_getl(struct ir_build *b, unsigned type, unsigned cell)
{
    ir_val v = ir_get(b, IR_i64, cell);
    assert(ir_type_cells(type) == 1);
    if (type == IR_i64)
        return v;
    if (type == IR_i32 || type == IR_i1)
        return ir_TRUNC(b, type, v);
    v.type = (uint8_t)type;
    v.wide = type != IR_f64;
    v.k = ir_k(type, v.k).k;
    return v;
}

ir_val ir_whole(struct ir_build *b, ir_val v)
{
    if (!v.wide)
        return v;
    if (v.known)
        return ir_k(v.type, v.k);
    if (v.type == IR_i32)
        v.cell = (uint16_t)ir_place(b, ir_ZEXT(b, IR_i64, v));
    else
        v = ir_FROM(b, v.type, (ir_val){.type = IR_i32, .wide = true, .cell = v.cell});
    v.wide = false;
    return v;
}

static ir_val half_of(ir_val v, unsigned half)
{
    if (v.cell == IR_CONST)
        return ir_k(IR_i64, half && v.type != IR_v128 ? 0 : v.k);
    return (ir_val){.type = IR_i64, .cell = (uint16_t)(v.cell + half)};
}

/* Queued writes of what the new one overlaps: those that it covers go, of one that it covers in part the other half stays. */
static void make_room(struct ir_build *b, unsigned cell, unsigned cells)
{
    for (unsigned i = b->nputs; i-- > 0;) {
        unsigned at = b->puts[i].cell, n = ir_type_cells(b->puts[i].v.type);
        if (at >= cell + cells || cell >= at + n)
            continue;
        if (n > cells) {
            unsigned half = cell == at;
            b->puts[i].v = half_of(b->puts[i].v, half);
            b->puts[i].cell = (uint16_t)(at + half);
        } else {
            b->puts[i] = b->puts[--b->nputs];
        }
    }
}

/* Half of a vector that is a constant. */
static ir_val known_half(struct ir_build *b, ir_val v)
{
    const struct ir_op *p = v.type == IR_i64 && !v.known ? ir_producer(b, v.cell) : NULL;
    return p && p->op == IR_K && p->type == IR_v128 ? ir_k(IR_i64, p->imm) : v;
}

void ir_put(struct ir_build *b, unsigned cell, ir_val v)
{
    v = known_half(b, ir_whole(b, v));
    make_room(b, cell, ir_type_cells(v.type));
    assert(b->nputs < IR_MAX_PUTS);
    b->puts[b->nputs].cell = (uint16_t)cell;
    b->puts[b->nputs++].v = v;
}

void ir_putl(struct ir_build *b, unsigned cell, ir_val v)
{
    unsigned bits = ir_type_bits(v.type);
    assert(ir_type_cells(v.type) == 1);
    if (bits < 64) {
        v = v.type == IR_i1 ? ir_ZEXT(b, IR_i64, v) : ir_is_int(v.type) ? v : ir_BITS(b, v);
        ir_val low = {.type = IR_i64, .known = v.known, .cell = v.cell, .k = v.k}; /* INSERT does not look above it */
        v = ir_INSERT(b, ir_get(b, IR_i64, cell), low, 0, bits);
    }
    ir_put(b, cell, v);
}

void ir_putz(struct ir_build *b, unsigned cell, unsigned cells, ir_val v)
{
    assert(ir_type_cells(v.type) == 1);
    ir_put(b, cell, v);
    for (unsigned i = 1; i < cells; i++)
        ir_put(b, cell + i, ir_k(IR_i64, 0));
}

unsigned ir_place(struct ir_build *b, ir_val v)
{
    if (v.cell != IR_CONST)
        return v.cell;
    if (v.k == 0 && ir_type_cells(v.type) == 1)
        return b->zero;
    unsigned cell = ir_temp(b, v.type);
    struct ir_op *o = ir_append(b, IR_K, v.type);
    o->imm = v.k;
    o->d = (uint16_t)cell;
    return cell;
}
