/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* guest_fixture.h for riscv64, and accesses to its CSRs. */
#pragma once
#include "guest/riscv64/lift.h"
#include "guest/riscv64/riscv64.h"

#define GUEST_OBJECT   guest_riscv64
#define RAM            0x80000000ull
#define FINISHES(kind) ((kind) == RISCV64_TRAP_finish)
#include "guest_fixture.h"

/* csrrw, csrrs, csrrc with rd = x5 and rs1 = x6. */
enum csr_op { CSRRW = 1, CSRRS = 2, CSRRC = 3 };
__attribute__((unused)) static uint32_t csr_insn(enum csr_op op, unsigned number)
{
    return number << 20 | 6u << 15 | (unsigned)op << 12 | 5u << 7 | 0x73;
}
__attribute__((unused)) static uint32_t csrr_insn(unsigned number) { return number << 20 | 2u << 12 | 5u << 7 | 0x73; }
