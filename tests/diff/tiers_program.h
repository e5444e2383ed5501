/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Programs for tiers.c: a dispatcher that jumps, some hundred times, to one of a few random fragments (gen_block.c), so that all of it
 * becomes hot. What traps goes on at the dispatcher. Some turns write instructions and run them after a fence.
 */
#pragma once
#include "gen.h"

/* Virtual addresses; without paging also the physical ones of vCPU 0. What is private lies PRIVATE_STEP apart for each vCPU. */
#define CODE_AT    UINT64_C(0x10000000) /* shared */
#define DATA_AT    UINT64_C(0x20000000) /* private */
#define PRIVATE_AT UINT64_C(0x30000000) /* one page of private code that changes */
#define TABLES_AT  UINT64_C(0x40000000) /* private: page tables, physical only */
#define HANDLER_AT UINT64_C(0x50000000) /* the traps'; behind it a page with a flag of 8 bytes for each vCPU that has finished */
enum { CODE_PAGES = 4, CODE_SIZE = CODE_PAGES * 4096, DATA_SIZE = 2 * 4096, PRIVATE_STEP = 0x10000, HANDLER_WORDS = 24 };
enum { PROGRAM_COUNTER = 27 }; /* x27 counts the turns down */

struct program {
    uint8_t code[CODE_SIZE], private_code[64];
    struct case_state before; /* pc: the dispatcher; also where what traps goes on */
};

/* smp: what the shared code says does not change, and there is no store-conditional, which may fail when another vCPU is busy. */
void program_make(const struct gen *g, struct random *r, bool smp, struct program *out);
