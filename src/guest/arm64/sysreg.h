/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rows of sysregs.def as sysreg.c (accesses when the guest runs) and sysreg_lift.c (what is known when lifting) see them. */
#pragma once
#include "guest/arm64/arm64.h"

enum { SYSREG_NO_CELL = 0xffff };

#define SYSREG_NUMBER(op0, op1, n, m, op2) (((op0)&1) << 14 | (op1) << 11 | (n) << 7 | (m) << 3 | (op2))
enum {
    SYSREG_SP_EL0 = SYSREG_NUMBER(3, 0, 4, 1, 0),
    SYSREG_SPSEL = SYSREG_NUMBER(3, 0, 4, 2, 0),
    SYSREG_CURRENTEL = SYSREG_NUMBER(3, 0, 4, 2, 2),
    SYSREG_CTR = SYSREG_NUMBER(3, 3, 0, 0, 1),
    SYSREG_DCZID = SYSREG_NUMBER(3, 3, 0, 0, 7),
    SYSREG_NZCV = SYSREG_NUMBER(3, 3, 4, 2, 0),
    SYSREG_DAIF = SYSREG_NUMBER(3, 3, 4, 2, 1),
    SYSREG_FPCR = SYSREG_NUMBER(3, 3, 4, 4, 0),
    SYSREG_PMCCNTR = SYSREG_NUMBER(3, 3, 9, 13, 0),
    SYSREG_MDCR_EL2 = SYSREG_NUMBER(3, 4, 1, 1, 1),
    SYSREG_CNTPCT = SYSREG_NUMBER(3, 3, 14, 0, 1),
    SYSREG_CNTVCT = SYSREG_NUMBER(3, 3, 14, 0, 2),
    SYSREG_FPSR = SYSREG_NUMBER(3, 3, 4, 4, 1),
};

/* What a condition says that only running decides: go on; a trap to who rules EL0; to a hypervisor; no such register. */
enum { SYSREG_ALLOWED, SYSREG_TRAPPED, SYSREG_WATCHED, SYSREG_UNDEFINED };

/* What a hypervisor watches: registers of virtual memory, groups of ID registers, ACTLR. */
enum sysreg_watch { WATCH_no, WATCH_vm, WATCH_tid1, WATCH_tid2, WATCH_tid3, WATCH_actlr };

struct arm64_sysreg {
    const char *name;
    uint16_t number, cell; /* cell: or SYSREG_NO_CELL */
    uint8_t reads, writes; /* the lowest exception level that may; 9: none */
    uint8_t needs, watch;  /* ARM64_HAS_*, enum sysreg_watch */
    uint64_t mask;         /* what a write keeps, where it is a plain one */
    unsigned (*allow)(struct cpu *cpu, unsigned number, bool write);
    uint64_t (*read)(struct cpu *cpu, unsigned number);
    void (*write)(struct cpu *cpu, unsigned number, uint64_t value);
};

/* NULL: there is none. Registers of cpu->window have a common row. */
const struct arm64_sysreg *arm64_sysreg_row(const struct cpu *cpu, unsigned number);
/* What an insn's number means at EL2: of a host (e2h) the names of EL1's registers are EL2's, and those of others lead to EL1's; else the number. */
unsigned arm64_sysreg_meant(unsigned number, unsigned el, bool e2h);

bool arm64_sysreg_counts(unsigned number); /* one of the performance monitors, which want to know how many insns have been */

/* The hooks; those called no are none. */
#define SYSREG(name, op0, op1, n, m, op2, reads, writes, needs, may, watch, slot, mask, get, put) \
    unsigned arm64_allow_##may(struct cpu *cpu, unsigned number, bool write);                     \
    uint64_t arm64_read_##get(struct cpu *cpu, unsigned number);                                  \
    void arm64_write_##put(struct cpu *cpu, unsigned number, uint64_t value);
#include "guest/arm64/sysregs.def"
#undef SYSREG

void arm64_reset_id(struct cpu *cpu);
uint64_t arm64_dczid(bool allowed); /* may DC ZVA be used? */

static inline bool arm64_sysreg_plain_read(const struct arm64_sysreg *row)
{
    return row->allow == arm64_allow_no && row->read == arm64_read_no && row->cell != SYSREG_NO_CELL;
}
static inline bool arm64_sysreg_plain_write(const struct arm64_sysreg *row)
{
    return row->allow == arm64_allow_no && row->write == arm64_write_no && row->cell != SYSREG_NO_CELL;
}
