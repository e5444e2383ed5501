/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What diff.c and runner.c agree on: where a case's code and data are, the state before it and what came out. Both sides see the same
 * pages at the same addresses. Records are little-endian without padding; a result is followed by its changed words.
 * The addresses are far from every special value of values.c, so that a register never points there by accident.
 */
#pragma once
#include <stdint.h>

#define CASE_CODE  UINT64_C(0x1234560000) /* two pages, all breakpoints but for the case's code */
#define CASE_DATA  UINT64_C(0x1235560000) /* two pages of data; nothing else can be touched within CASE_GUARD of either */
#define CASE_GUARD UINT64_C(0x200000)     /* farther than a direct jump reaches */

enum {
    CASE_CODE_SIZE = 0x2000,
    CASE_DATA_SIZE = 0x2000,
    CASE_WORDS = CASE_DATA_SIZE / 8,
    CASE_MAX_CODE = 256,
    CASE_MAX_PATCHES = 4,
    CASE_STATUSES = 3,
};

struct case_word { /* of the data pages */
    uint64_t index, value;
};

struct case_state { /* riscv64: x[0] is not used, f[32..] neither; status: fcsr. arm64: x[31] is sp, f two words each; nzcv fpcr fpsr */
    uint64_t x[32], f[64];
    uint64_t pc;
    uint64_t status[CASE_STATUSES];
};

struct case_input {
    struct case_state before;
    uint32_t code_len, npatches;                /* bytes; the code is at before.pc */
    struct case_word patches[CASE_MAX_PATCHES]; /* on top of case_pattern */
    uint8_t code[CASE_MAX_CODE];
};

struct case_result {
    struct case_state after; /* pc: of the insn that trapped */
    uint64_t address;        /* of the access that trapped */
    uint32_t signal;         /* as Linux numbers them; SIGTRAP is the normal end */
    uint32_t nchanged;       /* words that follow, by rising index */
};

enum { CASE_SIGILL = 4, CASE_SIGTRAP = 5, CASE_SIGBUS = 7, CASE_SIGSEGV = 11, CASE_ENDLESS = 14 /* SIGALRM */ };

/* What the data pages hold before every case: random bits, narrow floats in their boxes, small integers, doubles near 1. */
static inline uint64_t case_pattern(uint64_t index)
{
    uint64_t v = (index + 1) * 0x9e3779b97f4a7c15;
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    v ^= v >> 31;
    switch (index & 3) {
    case 1: return 0xffffffff00000000 | (v & 0x80ffffff) | 0x3f000000;
    case 2: return (uint64_t)((int64_t)v >> 50);
    case 3: return (v & 0x803fffffffffffff) | 0x3fc0000000000000;
    default: return v;
    }
}
