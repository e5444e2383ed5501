/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rows of sysregs.def as sysreg.c (accesses when the guest runs) and sysreg_lift.c (what is known when lifting) see them. */
#pragma once
#include "guest/arm64/arm64.h"

enum { SYSREG_NO_CELL = 0xffff };

#define SYSREG_NUMBER(op0, op1, n, m, op2) (((op0)&1) << 14 | (op1) << 11 | (n) << 7 | (m) << 3 | (op2))
enum {
    SYSREG_NZCV = SYSREG_NUMBER(3, 3, 4, 2, 0),
    SYSREG_FPCR = SYSREG_NUMBER(3, 3, 4, 4, 0),
    SYSREG_FPSR = SYSREG_NUMBER(3, 3, 4, 4, 1),
};

struct arm64_sysreg {
    const char *name;
    uint16_t number, cell;                          /* cell: or SYSREG_NO_CELL */
    uint8_t reads, writes;                          /* the lowest exception level that may */
    uint64_t (*read)(struct cpu *cpu);              /* NULL: the cell */
    void (*write)(struct cpu *cpu, uint64_t value); /* NULL: the cell */
};

const struct arm64_sysreg *arm64_sysreg_row(unsigned number); /* NULL: there is none */
