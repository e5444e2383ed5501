/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * When a block is worth machine code: one function over counters. A block's counter fades as its vCPU executes insns, so what ran now and
 * then over a long time stays in tier 0; a loop's rounds count in part; blocks of a page whose code changes again and again need more.
 */
#pragma once
#include "mem/space.h"
#include <stdatomic.h>

enum { JIT_THRESHOLD = 64 }; /* runs in tier 0, where there are no others' wishes */

/* vCPUs may lose each other's counts. */
struct jit_heat {
    _Atomic uint16_t level;  /* runs in tier 0, faded */
    _Atomic uint8_t period;  /* when it was last faded */
    _Atomic uint8_t backoff; /* the threshold is so many times doubled */
};

/* How lately a block ran in tier 0, for those who look for what may be forgotten: run once, or not since they looked, is not enough. */
enum jit_use { JIT_USE_none, JIT_USE_once, JIT_USE_again };
static inline void jit_policy_used(_Atomic uint8_t *use)
{
    uint8_t was = atomic_load_explicit(use, memory_order_relaxed);
    if (was != JIT_USE_again)
        atomic_store_explicit(use, was + 1, memory_order_relaxed);
}
/* true: it stays, but must be run again until the next look. */
static inline bool jit_policy_spare(_Atomic uint8_t *use)
{
    bool again = atomic_load_explicit(use, memory_order_relaxed) == JIT_USE_again;
    if (again)
        atomic_store_explicit(use, JIT_USE_once, memory_order_relaxed);
    return again;
}
/* What it was: less is left for the next one to ask, so that a block which is run no more is looked at twice, and goes. */
static inline enum jit_use jit_policy_fade(_Atomic uint8_t *use)
{
    uint8_t was = atomic_load_explicit(use, memory_order_relaxed);
    if (was)
        atomic_store_explicit(use, was - 1, memory_order_relaxed);
    return (enum jit_use)was;
}

/* What was forgotten lately, by hash: who translates it again has saved room at too high a price. A place that another one took is unknown. */
enum { JIT_REGRET_BITS = 15, JIT_ROOM_MIN = 4 << 20 /* bytes that nobody minds, where there are no others' wishes */ };
struct jit_regrets {
    uint16_t tag[1 << JIT_REGRET_BITS];
};
void jit_policy_forgot(struct jit_regrets *regrets, gpa at, uint64_t key);
/* A block of so many bytes was translated: how much room there is now for blocks that ran in tier 0 only. It grows where more than a fifth of
 * what is translated was forgotten before, and shrinks again to min. */
size_t jit_policy_room(const struct jit_regrets *regrets, gpa at, uint64_t key, size_t size, size_t room, size_t min);

/* The block is about to run, at the vCPU's insns: compile it now? */
bool jit_policy_run(struct jit_heat *heat, unsigned threshold, uint64_t insns);
/* That run went round the block's own loop so many times. */
void jit_policy_rounds(struct jit_heat *heat, uint64_t rounds);
/* Not worth a try for some time; backoff stays. */
static inline void jit_policy_cool(struct jit_heat *heat) { atomic_store_explicit(&heat->level, 0, memory_order_relaxed); }

/* How often a block's code came back by JIT_EXIT_uncovered within a million insns; the highest count stays. */
struct jit_uncovered {
    _Atomic uint8_t count, period;
};
enum { JIT_UNCOVERED_MAX = 32 };
/* At the vCPU's insns. true: those runs in tier 0 cost more than probes would. */
bool jit_policy_uncovered(struct jit_uncovered *u, uint64_t insns);
static inline bool jit_policy_covers(const struct jit_uncovered *u)
{
    return atomic_load_explicit(&u->count, memory_order_relaxed) < JIT_UNCOVERED_MAX;
}

/* Pages whose code was dropped lately because its bytes changed; a page that another one of the same hash pushes out is calm again. */
enum { JIT_STORMS = 64 };
struct jit_storms {
    struct jit_storm {
        gpa page;
        uint32_t drops; /* faded */
        uint64_t since; /* clock, ns */
    } storm[JIT_STORMS];
};
void jit_policy_dropped(struct jit_storms *storms, gpa page, uint64_t clock_ns);
bool jit_policy_changes(const struct jit_storms *storms, gpa page);     /* it is one of those */
unsigned jit_policy_backoff(const struct jit_storms *storms, gpa page); /* of blocks made now of what the page holds */
