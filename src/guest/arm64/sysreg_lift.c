/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System registers when insns are lifted: which accesses the mode and the model allow, and the accessor SYSREG of sysregs.isa. Rows of sysregs.def
 * without hooks become ops on their cells; the rest becomes calls of sysreg.c's helpers.
 */
#include "guest/arm64/sysreg.h"

/* Linux answers programs that read an ID register. */
static bool shown_to_programs(const struct arm64_lift *l, const struct arm64_sysreg *row, int64_t number)
{
    return l->cpu->flat && row->writes == 9 && row->reads == 1 && !(number & 0x3f80);
}

static unsigned meant(const struct arm64_lift *l, int64_t number)
{
    return arm64_sysreg_meant((unsigned)number, (unsigned)l->key->el, l->key->e2h);
}

int64_t arm64_sfn_sysreg(const struct arm64_lift *l, int64_t number, int64_t writes)
{
    const struct arm64_sysreg *row = arm64_sysreg_row(l->cpu, meant(l, number));
    if (!row || (number == SYSREG_SP_EL0 && !l->key->spsel))
        return 0;
    return l->key->el >= (writes ? row->writes : row->reads) || (!writes && shown_to_programs(l, row, number));
}

/* No kernel of the guest is there: nothing may be left to arm64_enter_trap. */
int64_t arm64_sfn_flat(const struct arm64_lift *l, int64_t unused)
{
    (void)unused;
    return l->cpu->flat;
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

static bool watched(const struct arm64_lift *l, const struct arm64_sysreg *row) { return l->key->hyp && row->watch != WATCH_no; }

/* Registers whose values are known here, or made of cells by a few ops. */
static bool quick_read(const struct arm64_lift *l, unsigned number, ir_val *v)
{
    struct ir_build *b = l->b;
    switch (number) {
    case SYSREG_NZCV: *v = ir_SHL(b, ir_FLBITS(b, ir_get(b, IR_fl, ARM64_CELL_nzcv)), ir_k(IR_i64, 28)); return true;
    case SYSREG_FPCR: *v = ir_get(b, IR_i64, ARM64_CELL_fpcr); return true;
    case SYSREG_FPSR: *v = fpsr(b); return true;
    case SYSREG_SPSEL: *v = ir_k(IR_i64, l->key->spsel); return true;
    case SYSREG_CURRENTEL: *v = ir_k(IR_i64, l->key->el << PSTATE_EL_pos); return true;
    case SYSREG_CTR:
        if (!l->key->el || l->key->hyp)
            return false;
        *v = ir_k(IR_i64, arm64_read_ctr(NULL, number));
        return true;
    case SYSREG_DCZID:
        if (l->key->hyp)
            return false;
        *v = ir_k(IR_i64, arm64_dczid(l->key->zva));
        return true;
    case SYSREG_DAIF:
        if (!l->key->el)
            return false;
        *v = ir_AND(b, ir_get(b, IR_i64, ARM64_CELL_pstate), ir_k(IR_i64, PSTATE_DAIF));
        return true;
    }
    return false;
}

ir_val arm64_get_SYSREG(const struct arm64_lift *l, int64_t k)
{
    unsigned number = meant(l, k);
    const struct arm64_sysreg *row = arm64_sysreg_row(l->cpu, number);
    ir_val v;
    if (quick_read(l, number, &v))
        return v;
    if (arm64_sysreg_plain_read(row) && !watched(l, row))
        return ir_get(l->b, IR_i64, row->cell);
    const ir_val args[] = {ir_k(IR_i32, number), ir_k(IR_i64, l->insn)};
    if (arm64_sysreg_counts(number)) {
        const ir_val more[] = {args[0], args[1], ir_CLOCK(l->b, IR_insns)};
        return ir_call(l->b, ARM64_HLP_pmu_read, 3, more);
    }
    bool counter = number == SYSREG_CNTPCT || number == SYSREG_CNTVCT;
    return ir_call(l->b, counter ? ARM64_HLP_count : ARM64_HLP_sysreg_read, 2, args);
}

/* Interrupts that become open may be waiting: then the insn is left to arm64_enter_trap. */
static void put_daif(const struct arm64_lift *l, ir_val v)
{
    struct ir_build *b = l->b;
    ir_val old = ir_get(b, IR_i64, ARM64_CELL_pstate), bits = ir_AND(b, v, ir_k(IR_i64, PSTATE_DAIF));
    ir_val opened = ir_AND(b, ir_AND(b, old, ir_NOT(b, bits)), ir_k(IR_i64, PSTATE_A | PSTATE_I | PSTATE_F));
    ir_val news = ir_OR(b, ir_AND(b, opened, ir_get(b, IR_i64, ARM64_CELL_held)), ir_CLOCK(b, IR_events));
    ir_val none = ir_k(IR_i64, 0), stop = ir_SELECT(b, ir_NE(b, opened, none), news, none);
    ir_TRAP_IF(b, ir_NE(b, stop, none), ARM64_TRAP_finish, ir_k(IR_i64, l->insn));
    ir_put(b, ARM64_CELL_pstate, ir_OR(b, ir_AND(b, old, ir_k(IR_i64, ~(uint64_t)PSTATE_DAIF)), bits));
}

void arm64_put_SYSREG(const struct arm64_lift *l, int64_t k, ir_val v)
{
    unsigned number = meant(l, k);
    const struct arm64_sysreg *row = arm64_sysreg_row(l->cpu, number);
    struct ir_build *b = l->b;
    if (number == SYSREG_NZCV) {
        ir_put(b, ARM64_CELL_nzcv, ir_FLPACK(b, ir_EXTRACT(b, v, 28, 4)));
    } else if (number == SYSREG_FPSR) {
        set_fpsr(b, v);
    } else if (number == SYSREG_DAIF && l->key->el && !l->key->hyp) {
        put_daif(l, v);
    } else if (arm64_sysreg_plain_write(row) && !watched(l, row)) {
        ir_put(b, row->cell, row->mask == UINT64_MAX ? v : ir_AND(b, v, ir_k(IR_i64, row->mask)));
    } else {
        ir_val args[4] = {ir_k(IR_i32, number), v, ir_k(IR_i64, l->insn)};
        bool counts = arm64_sysreg_counts(number);
        if (counts)
            args[3] = ir_CLOCK(b, IR_insns);
        ir_call(b, counts ? ARM64_HLP_pmu_write : ARM64_HLP_sysreg_write, counts ? 4 : 3, args);
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
