/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a bare program asks of the machine it runs on: the file of that name beside this one has the answers. Pages are 4 KiB, as small as
 * an operating system's, so that memory programs pay for page walks on every emulator alike.
 */
#pragma once
#include "bench.h"

enum { SLEEP_MS = 60 /* bench/measure.py knows it */, MEMORY_MIB = 64, TABLES = MEMORY_MIB / 2, ENTRIES = 512 };

extern const uint64_t machine_call; /* the cause of a trap by which user mode asks for something */

void machine_prepare(void); /* first hart: page tables, interrupts */
void machine_translate(void);
void machine_put(char c);
void machine_sleep(void); /* SLEEP_MS, with the CPU idle */
void machine_start_others(void);
void machine_wait_for_start(uint64_t hart); /* the others, before anything else */
void machine_finish(int good) __attribute__((noreturn));
void machine_idle(void);

/* Of start-*.S: calls work() in user mode, instructions are counted from there to the call that ends it. */
void run_user(uint64_t hart, uint64_t rounds) __attribute__((noreturn));
