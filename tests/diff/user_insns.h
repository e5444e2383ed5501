/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cases of one instruction each, as files between user_insns.c, which makes them and says what must come out, and user_insns_guest.c, which
 * executes them under another emulator. Both see the same two pages at the same addresses. Little-endian, no padding.
 */
#pragma once
#include <stdint.h>

#define CASE_RAM  0x25a000000ull     /* far from the special values of operands */
#define CASE_CODE (CASE_RAM + 0x800) /* all but the insn is filled with c.ebreak */
#define CASE_PAGE (CASE_RAM + 0x1000)
#define CASE_DATA (CASE_PAGE + 0x800) /* the part of the data page that a case sets and shows */
enum { CASE_RAM_SIZE = 0x2000, CASE_BYTES = 256, CASE_C_EBREAK = 0x9002 };

struct machine_state {
    uint64_t pc, x[32], f[32];
    uint32_t fcsr;
    uint32_t trap; /* after: 0 went through, 1 illegal; before: the insn's word */
    uint8_t data[CASE_BYTES];
};
