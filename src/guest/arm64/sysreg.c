/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System registers when the guest runs: the table, the two helpers that lifted code calls with their permission checks, and access for
 * debuggers. What the hooks mean is sysreg_state.c, sysreg_id.c, timer.c. Level, model and read-only numbers were checked when lifting.
 */
#include "guest/arm64/sysreg.h"
#include "base/bits.h"
#include <stdlib.h>

/* ---- the table ---- */

#define ARM64_CELL_none SYSREG_NO_CELL

static const struct arm64_sysreg rows[] = {
#define SYSREG(name, op0, op1, n, m, op2, reads, writes, needs, may, watch, slot, mask, get, put) \
    {#name,                                                                                       \
     SYSREG_NUMBER(op0, op1, n, m, op2),                                                          \
     ARM64_CELL_##slot,                                                                           \
     reads,                                                                                       \
     writes,                                                                                      \
     ARM64_HAS_##needs,                                                                           \
     WATCH_##watch,                                                                               \
     mask,                                                                                        \
     arm64_allow_##may,                                                                           \
     arm64_read_##get,                                                                            \
     arm64_write_##put},
#include "guest/arm64/sysregs.def"
#undef SYSREG
};

static uint64_t read_window(struct cpu *cpu, unsigned number);
static void write_window(struct cpu *cpu, unsigned number, uint64_t value);

/* Registers that have no row of their own. */
static const struct arm64_sysreg unnamed_id = {
    NULL, 0, SYSREG_NO_CELL, 1, 9, ARM64_HAS_base, WATCH_tid3, 0, arm64_allow_no, arm64_read_zero, arm64_write_no};
static const struct arm64_sysreg window[2] = {
    {NULL, 0, SYSREG_NO_CELL, 1, 1, ARM64_HAS_base, WATCH_no, 0, arm64_allow_no, read_window, write_window},
    {NULL, 0, SYSREG_NO_CELL, 2, 2, ARM64_HAS_base, WATCH_no, 0, arm64_allow_no, read_window, write_window},
};

static int by_number(const void *a, const void *b)
{
    return (int)((const struct arm64_sysreg *)a)->number - (int)((const struct arm64_sysreg *)b)->number;
}

static const struct arm64_sysreg *find(unsigned number)
{
    const struct arm64_sysreg key = {.number = (uint16_t)number};
    return bsearch(&key, rows, ARRAY_LEN(rows), sizeof *rows, by_number);
}

/* The CPU interface of the interrupt controller: op0 3; CRn 12, CRm 8 and up (ICC, ICH), or CRn 4, CRm 6 (PMR). */
static bool in_window(unsigned number)
{
    unsigned op1 = number >> 11 & 7, n = number >> 7 & 15, m = number >> 3 & 15;
    return number >> 14 && (op1 == 0 || op1 == 4) && ((n == 12 && m >= 8) || (n == 4 && m == 6 && !op1 && !(number & 7)));
}

const struct arm64_sysreg *arm64_sysreg_row(const struct cpu *cpu, unsigned number)
{
    const struct arm64_sysreg *row = find(number);
    if (row)
        return arm64_has(cpu, row->needs) ? row : NULL;
    if (cpu->window && cpu->window->read && in_window(number))
        return &window[(number >> 11 & 7) == 4];
    bool id = number >> 14 && !(number >> 7 & 0x7f) && (number >> 3 & 15) && (number >> 3 & 15) < 8;
    return id ? &unnamed_id : NULL;
}

/* Registers of EL1 that a host at EL2 reaches as ..._EL12 and ..._EL02, and whose own names are EL2's. */
static bool of_host(unsigned number)
{
    static const uint16_t list[] = {
        SYSREG_NUMBER(3, 0, 1, 0, 0),  SYSREG_NUMBER(3, 0, 1, 0, 2),  SYSREG_NUMBER(3, 0, 2, 0, 0),  SYSREG_NUMBER(3, 0, 2, 0, 1),
        SYSREG_NUMBER(3, 0, 2, 0, 2),  SYSREG_NUMBER(3, 0, 4, 0, 0),  SYSREG_NUMBER(3, 0, 4, 0, 1),  SYSREG_NUMBER(3, 0, 5, 1, 0),
        SYSREG_NUMBER(3, 0, 5, 1, 1),  SYSREG_NUMBER(3, 0, 5, 2, 0),  SYSREG_NUMBER(3, 0, 6, 0, 0),  SYSREG_NUMBER(3, 0, 10, 2, 0),
        SYSREG_NUMBER(3, 0, 10, 3, 0), SYSREG_NUMBER(3, 0, 12, 0, 0), SYSREG_NUMBER(3, 0, 13, 0, 1), SYSREG_NUMBER(3, 0, 14, 1, 0),
        SYSREG_NUMBER(3, 3, 14, 2, 0), SYSREG_NUMBER(3, 3, 14, 2, 1), SYSREG_NUMBER(3, 3, 14, 2, 2), SYSREG_NUMBER(3, 3, 14, 3, 0),
        SYSREG_NUMBER(3, 3, 14, 3, 1), SYSREG_NUMBER(3, 3, 14, 3, 2),
    };
    for (unsigned i = 0; i < ARRAY_LEN(list); i++)
        if (list[i] == number)
            return true;
    return false;
}

unsigned arm64_sysreg_meant(unsigned number, unsigned el, bool e2h)
{
    enum { OP1 = 7 << 11, EL12 = 5 << 11, EL2 = 4 << 11, EL0 = 3 << 11, NOWHERE = 0x7fff };
    bool timer = (number >> 7 & 15) == 14 && (number >> 3 & 15) >= 2;
    if ((number & OP1) == EL12 && number >> 14) {
        unsigned old = (number & ~(unsigned)OP1) | (timer ? EL0 : 0);
        return el == 2 && e2h && of_host(old) ? old : NOWHERE;
    }
    if (el != 2 || !e2h || !of_host(number))
        return number;
    if (number == SYSREG_NUMBER(3, 0, 1, 0, 2)) /* CPACR is CPTR */
        return SYSREG_NUMBER(3, 4, 1, 1, 2);
    return (number & ~(unsigned)OP1) | EL2;
}

const char *arm64_sysreg_name(unsigned number)
{
    const struct arm64_sysreg *row = find(number);
    return row ? row->name : NULL;
}

bool arm64_sysreg_counts(unsigned number)
{
    unsigned op1 = number >> 11 & 7, n = number >> 7 & 15, m = number >> 3 & 15;
    bool monitors = (n == 9 && m >= 12 && m <= 14 && (op1 == 0 || op1 == 3)) || (n == 14 && m >= 8 && op1 == 3);
    return number >> 14 && (monitors || number == SYSREG_MDCR_EL2);
}

/* ---- accesses ---- */

unsigned arm64_allow_no(struct cpu *cpu, unsigned number, bool write)
{
    (void)cpu, (void)number, (void)write;
    return SYSREG_ALLOWED;
}

uint64_t arm64_read_no(struct cpu *cpu, unsigned number)
{
    const struct arm64_sysreg *row = find(number);
    return row->cell == SYSREG_NO_CELL ? 0 : cpu->cell[row->cell];
}

void arm64_write_no(struct cpu *cpu, unsigned number, uint64_t value)
{
    const struct arm64_sysreg *row = find(number);
    if (row->cell != SYSREG_NO_CELL)
        cpu->cell[row->cell] = value & row->mask;
}

uint64_t arm64_read_zero(struct cpu *cpu, unsigned number)
{
    (void)cpu, (void)number;
    return 0;
}

void arm64_write_nothing(struct cpu *cpu, unsigned number, uint64_t value) { (void)cpu, (void)number, (void)value; }

/* What the controller does not know of EL2's are its virtual interrupts (ICH): hosts set them up, whether they have guests or not. */
static bool virtual(unsigned number) { return (number >> 11 & 7) == 4; }

static uint64_t read_window(struct cpu *cpu, unsigned number)
{
    uint64_t value = 0;
    if (!cpu->window->read(cpu->window->self, number, &value) && !virtual(number))
        cpu_trap(cpu, ARM64_TRAP_undef, number);
    return value;
}

static void write_window(struct cpu *cpu, unsigned number, uint64_t value)
{
    if (!cpu->window->write(cpu->window->self, number, value) && !virtual(number))
        cpu_trap(cpu, ARM64_TRAP_undef, number);
}

static bool watched(const struct cpu *cpu, const struct arm64_sysreg *row, bool write)
{
    static const uint64_t bits[][2] = {
        [WATCH_vm] = {HCR_TRVM, HCR_TVM},    [WATCH_tid1] = {HCR_TID1, HCR_TID1},  [WATCH_tid2] = {HCR_TID2, HCR_TID2},
        [WATCH_tid3] = {HCR_TID3, HCR_TID3}, [WATCH_actlr] = {HCR_TACR, HCR_TACR},
    };
    if (!(A64(cpu, mode) & MODE_HYP) || row->watch == WATCH_no || (!arm64_el(cpu) && row->watch != WATCH_tid2))
        return false;
    return A64(cpu, hcr_el2) & bits[row->watch][write];
}

/* NULL: refused. */
static const struct arm64_sysreg *permitted(struct cpu *cpu, unsigned number, bool write, uint64_t insn)
{
    const struct arm64_sysreg *row = arm64_sysreg_row(cpu, number);
    unsigned verdict = row ? row->allow(cpu, number, write) : SYSREG_UNDEFINED;
    if (verdict == SYSREG_ALLOWED && watched(cpu, row, write))
        verdict = SYSREG_WATCHED;
    if (verdict == SYSREG_ALLOWED)
        return row;
    if (verdict == SYSREG_UNDEFINED)
        cpu_trap(cpu, ARM64_TRAP_undef, insn);
    else
        arm64_refuse(cpu, ARM64_TRAP_sysreg, insn, verdict == SYSREG_WATCHED);
    return NULL;
}

uint64_t arm64_hlp_sysreg_read(struct cpu *cpu, uint64_t number, uint64_t insn)
{
    const struct arm64_sysreg *row = permitted(cpu, (unsigned)number, false, insn);
    return row ? row->read(cpu, (unsigned)number) : 0;
}

uint64_t arm64_hlp_sysreg_write(struct cpu *cpu, uint64_t number, uint64_t value, uint64_t insn)
{
    const struct arm64_sysreg *row = permitted(cpu, (unsigned)number, true, insn);
    if (row)
        row->write(cpu, (unsigned)number, value);
    return 0;
}

bool arm64_sysreg_peek(struct cpu *cpu, unsigned number, uint64_t *value)
{
    const struct arm64_sysreg *row = find(number);
    if (!row || row->reads == 9 || !arm64_has(cpu, row->needs))
        return false;
    arm64_arch(cpu)->insns_now = cpu->insns;
    *value = row->read(cpu, number);
    return true;
}

bool arm64_sysreg_poke(struct cpu *cpu, unsigned number, uint64_t value)
{
    const struct arm64_sysreg *row = find(number);
    if (!row || row->writes == 9 || !arm64_has(cpu, row->needs))
        return false;
    arm64_arch(cpu)->insns_now = cpu->insns;
    row->write(cpu, number, value);
    return true;
}
