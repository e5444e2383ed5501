/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * CSRs when insns are lifted: which accesses the mode and the model allow, and the accessors CSRR, CSRW, CSRS and CSRC of csrs.isa. Rows
 * of csrs.def without hooks become ops on their cells; the rest becomes calls of csr.c's helpers, which check what only running decides.
 */
#include "guest/riscv64/csr.h"

enum how { WRITE, SET, CLEAR };

int64_t riscv64_sfn_csr(const struct riscv64_lift *l, int64_t number, int64_t reads, int64_t writes)
{
    const struct riscv64_csr *row = riscv64_csr_row((unsigned)number);

    (void)reads;
    if (!row || !riscv64_has(l->cpu, row->feature) || (number >> 8 & 3) > l->key->priv || (writes && number >> 10 == 3))
        return 0;
    if (number == CSR_SEED)
        return writes != 0;
    return !riscv64_csr_is_fp((unsigned)number) || l->key->fs != 0;
}

/* Writes go through a helper unless all is known here. */
static bool plain_write(const struct riscv64_csr *row) { return !row->allow && (!row->write || row->write == riscv64_csr_ignore); }

/* Between FX_* and fflags either way: the low five bits in opposite order. */
static ir_val flip_flags(struct ir_build *b, ir_val v) { return ir_SHR(b, ir_BITREV(b, v), ir_k(IR_i64, 59)); }

static ir_val fp_read(const struct riscv64_lift *l, int64_t number)
{
    uint64_t frm = l->key->frm;

    if (number == CSR_FRM)
        return ir_k(IR_i64, frm);
    ir_val flags = flip_flags(l->b, ir_FXGET(l->b));
    return number == CSR_FFLAGS ? flags : ir_OR(l->b, flags, ir_k(IR_i64, frm << 5));
}

ir_val riscv64_get_CSRR(const struct riscv64_lift *l, int64_t number)
{
    const struct riscv64_csr *row = riscv64_csr_row((unsigned)number);

    if (riscv64_csr_is_fp((unsigned)number))
        return fp_read(l, number);
    if (row->allow || row->read) {
        const ir_val args[] = {ir_k(IR_i32, (uint64_t)number), ir_k(IR_i64, l->insn), ir_CLOCK(l->b, IR_insns)};
        return ir_call(l->b, RISCV64_HLP_csr_read, 3, args);
    }
    struct riscv64_csr_view view = riscv64_csr_view(l->cpu, row);
    if (row->cell == RISCV64_CELL_mstatus && l->key->fs == 3)
        view.ones |= STATUS_SD;
    ir_val v = ir_copy(l->b, ir_get(l->b, IR_i64, riscv64_csr_cell(row, (unsigned)number))); /* the write that follows may be a helper's */
    if (view.mask != UINT64_MAX)
        v = ir_AND(l->b, v, ir_k(IR_i64, view.mask));
    return view.ones ? ir_OR(l->b, v, ir_k(IR_i64, view.ones)) : v;
}

/* The new value of a CSR that reads as `old`. */
static ir_val modified(struct ir_build *b, ir_val old, ir_val v, enum how how)
{
    return how == SET ? ir_OR(b, old, v) : how == CLEAR ? ir_AND(b, old, ir_NOT(b, v)) : v;
}

static void fp_write(const struct riscv64_lift *l, int64_t number, ir_val v, enum how how)
{
    struct ir_build *b = l->b;

    if (how != WRITE)
        v = modified(b, fp_read(l, number), v, how);
    if (number != CSR_FRM)
        ir_FXSET(b, flip_flags(b, v));
    if (number != CSR_FFLAGS)
        ir_put(b, RISCV64_CELL_frm, ir_EXTRACT(b, v, number == CSR_FCSR ? 5 : 0, 3));
    if (l->key->fs != 3) {
        ir_put(b, RISCV64_CELL_mstatus, ir_OR(b, ir_get(b, IR_i64, RISCV64_CELL_mstatus), ir_k(IR_i64, STATUS_FS)));
        l->key->fs = 3;
    }
}

/* Bits of sstatus that decide about nothing until the next sret, and SIE. */
#define QUIET ((uint64_t)(STATUS_SIE | STATUS_SPIE | STATUS_SPP))

/*
 * Kernels lock by clearing SIE and setting it again. Both are done here, and what they rarely meet is left to riscv64_finish_status: other
 * bits that change, or SIE while an interrupt waits. False: nothing has been built.
 */
static bool quick_status(const struct riscv64_lift *l, int64_t number, ir_val v, enum how how)
{
    struct ir_build *b = l->b;

    if (number != CSR_SSTATUS || how == WRITE || (v.known && (v.k & STATUS_S & ~QUIET)))
        return false;
    ir_val old = ir_get(b, IR_i64, RISCV64_CELL_mstatus), bits = v.known ? ir_k(IR_i64, v.k & QUIET) : ir_AND(b, v, ir_k(IR_i64, STATUS_S));
    ir_val stop = ir_k(IR_i64, 0);
    if (!v.known)
        stop = ir_AND(b, how == SET ? ir_AND(b, bits, ir_NOT(b, old)) : ir_AND(b, bits, old), ir_k(IR_i64, ~QUIET));
    if (how == SET && (!v.known || (v.k & STATUS_SIE)))
        stop = ir_OR(b, stop, ir_OR(b, ir_get(b, IR_i64, RISCV64_CELL_held), ir_CLOCK(b, IR_events)));
    ir_TRAP_IF(b, ir_NE(b, stop, ir_k(IR_i64, 0)), RISCV64_TRAP_finish, ir_k(IR_i64, l->insn));
    ir_put(b, RISCV64_CELL_mstatus, modified(b, old, bits, how));
    return true;
}

/* Rights to data only: the block goes on, with another TLB. */
static bool changes_data_only(int64_t number, ir_val v, enum how how)
{
    uint64_t quiet = STATUS_SUM | STATUS_MXR | (QUIET & ~(uint64_t)(how == SET ? STATUS_SIE : 0));
    return number == CSR_SSTATUS && how != WRITE && v.known && !(v.k & STATUS_S & ~quiet);
}

static void write(const struct riscv64_lift *l, int64_t number, ir_val v, enum how how)
{
    const struct riscv64_csr *row = riscv64_csr_row((unsigned)number);
    struct ir_build *b = l->b;

    if (riscv64_csr_is_fp((unsigned)number)) {
        fp_write(l, number, v, how);
        if (number != CSR_FFLAGS)
            ir_END(b, IR_key);
    } else if (quick_status(l, number, v, how)) {
        return;
    } else if (!plain_write(row)) {
        const ir_val args[] = {ir_k(IR_i32, (uint64_t)number), v, ir_k(IR_i32, how), ir_k(IR_i64, l->insn), ir_CLOCK(b, IR_insns)};
        ir_call(b, RISCV64_HLP_csr_write, 5, args);
        if (!changes_data_only(number, v, how))
            ir_END(b, IR_key);
    } else if (!row->write) {
        unsigned cell = riscv64_csr_cell(row, (unsigned)number);
        if (how != WRITE)
            v = modified(b, riscv64_get_CSRR(l, number), v, how);
        /* Bits that cannot be written are 0 in the cells of plain rows. */
        ir_put(b, cell, row->wmask == UINT64_MAX ? v : ir_AND(b, v, ir_k(IR_i64, row->wmask)));
    }
}

void riscv64_put_CSRW(const struct riscv64_lift *l, int64_t number, ir_val v) { write(l, number, v, WRITE); }
void riscv64_put_CSRS(const struct riscv64_lift *l, int64_t number, ir_val v) { write(l, number, v, SET); }
void riscv64_put_CSRC(const struct riscv64_lift *l, int64_t number, ir_val v) { write(l, number, v, CLEAR); }
