/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System registers when insns are lifted: which accesses the mode and the model allow, and the accessor SYSREG of sysregs.isa. Rows of sysregs.def
 * without hooks become ops on their cells; the rest becomes calls of sysreg.c's helpers.
 */
#include "guest/arm64/sysreg.h"

/* Linux answers programs that read an ID register. */
static bool shown_to_programs(const struct arm64_lift *l, const struct arm64_sysreg *row)
{
    return l->cpu->flat && row->writes == 9 && row->reads == 1 && !(row->number & 0x3f80);
}

int64_t arm64_sfn_sysreg(const struct arm64_lift *l, int64_t number, int64_t writes)
{
    const struct arm64_sysreg *row = arm64_sysreg_row((unsigned)number);
    if (!row)
        return 0;
    return l->key->el >= (writes ? row->writes : row->reads) || (!writes && shown_to_programs(l, row));
}

static ir_val fpsr(struct ir_build *b)
{
    ir_val fx = ir_FXGET(b), low = ir_AND(b, fx, ir_k(IR_i64, 31)), idc = ir_SHL(b, ir_AND(b, fx, ir_k(IR_i64, FX_dn)), ir_k(IR_i64, 2));
    ir_val qc = ir_OR(b, ir_get(b, IR_i64, ARM64_CELL_qc), ir_get(b, IR_i64, ARM64_CELL_qc + 1));
    qc = ir_SHL(b, ir_ZEXT(b, IR_i64, ir_NE(b, qc, ir_k(IR_i64, 0))), ir_k(IR_i64, 27));
    return ir_OR(b, ir_OR(b, low, idc), qc);
}

static void set_fpsr(struct ir_build *b, ir_val v)
{
    ir_val idc = ir_AND(b, ir_SHR(b, v, ir_k(IR_i64, 2)), ir_k(IR_i64, FX_dn));
    ir_FXSET(b, ir_OR(b, ir_AND(b, v, ir_k(IR_i64, 31)), idc));
    ir_put(b, ARM64_CELL_qc, ir_EXTRACT(b, v, 27, 1));
    ir_put(b, ARM64_CELL_qc + 1, ir_k(IR_i64, 0));
}

ir_val arm64_get_SYSREG(const struct arm64_lift *l, int64_t number)
{
    const struct arm64_sysreg *row = arm64_sysreg_row((unsigned)number);
    struct ir_build *b = l->b;
    if (number == SYSREG_NZCV)
        return ir_SHL(b, ir_FLBITS(b, ir_get(b, IR_fl, ARM64_CELL_nzcv)), ir_k(IR_i64, 28));
    if (number == SYSREG_FPCR)
        return ir_get(b, IR_i64, ARM64_CELL_fpcr);
    if (number == SYSREG_FPSR)
        return fpsr(b);
    if (!row->read)
        return ir_get(b, IR_i64, row->cell);
    const ir_val args[] = {ir_k(IR_i32, (uint64_t)number), ir_k(IR_i64, l->insn)};
    return ir_call(b, ARM64_HLP_sysreg_read, 2, args);
}

void arm64_put_SYSREG(const struct arm64_lift *l, int64_t number, ir_val v)
{
    const struct arm64_sysreg *row = arm64_sysreg_row((unsigned)number);
    struct ir_build *b = l->b;
    if (number == SYSREG_NZCV) {
        ir_put(b, ARM64_CELL_nzcv, ir_FLPACK(b, ir_EXTRACT(b, v, 28, 4)));
    } else if (number == SYSREG_FPSR) {
        set_fpsr(b, v);
    } else if (!row->write && row->cell != SYSREG_NO_CELL) {
        ir_put(b, row->cell, v);
    } else {
        const ir_val args[] = {ir_k(IR_i32, (uint64_t)number), v, ir_k(IR_i64, l->insn)};
        ir_call(b, ARM64_HLP_sysreg_write, 3, args);
        ir_END(b, IR_key);
    }
}

void arm64_show_sysreg(struct arm64_text *t, int64_t number)
{
    const char *name = arm64_sysreg_name((unsigned)number);
    if (name)
        arm64_text_put(t, "%s", name);
    else
        arm64_text_put(t, "s%u_%u_c%u_c%u_%u", 2 + ((unsigned)number >> 14), (unsigned)number >> 11 & 7, (unsigned)number >> 7 & 15,
                       (unsigned)number >> 3 & 15, (unsigned)number & 7);
}
