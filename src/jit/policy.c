/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tiering policy. What it costs falls on runs in tier 0 and on dropped pages only; no clock is read for a run: insns tell the time. */
#include "jit/policy.h"

enum {
    HALF_LIFE_BITS = 30, /* of a block's counter: 2^30 insns, about a second */
    ROUND_SHIFT = 2,     /* four rounds of a loop in tier 0 cost what one run does: there is no way from block to block in between */
    CALM = 64,           /* drops of a page within about STORM_HALF_LIFE that change nothing; each doubling doubles the threshold */
    BACKOFF_MAX = 6
};
static const uint64_t STORM_HALF_LIFE = 1000000000; /* ns */

static uint32_t fade(uint32_t count, uint64_t half_lives) { return half_lives < 32 ? count >> half_lives : 0; }

static void store(struct jit_heat *heat, uint64_t level)
{
    atomic_store_explicit(&heat->level, (uint16_t)(level < UINT16_MAX ? level : UINT16_MAX), memory_order_relaxed);
}

bool jit_policy_run(struct jit_heat *heat, unsigned threshold, uint64_t insns)
{
    uint32_t level = atomic_load_explicit(&heat->level, memory_order_relaxed);
    uint8_t now = (uint8_t)(insns >> HALF_LIFE_BITS), past = (uint8_t)(now - atomic_load_explicit(&heat->period, memory_order_relaxed));
    if (past && past < 128) { /* else another vCPU, which has executed more, was here */
        level = fade(level, past);
        atomic_store_explicit(&heat->period, now, memory_order_relaxed);
    }
    uint32_t needed = threshold << atomic_load_explicit(&heat->backoff, memory_order_relaxed);
    store(heat, ++level);
    return level >= (needed < UINT16_MAX ? needed : UINT16_MAX);
}

void jit_policy_rounds(struct jit_heat *heat, uint64_t rounds)
{
    store(heat, atomic_load_explicit(&heat->level, memory_order_relaxed) + (rounds >> ROUND_SHIFT));
}

bool jit_policy_uncovered(struct jit_uncovered *u, uint64_t insns)
{
    enum { PERIOD_BITS = 20 };
    uint8_t count = atomic_load_explicit(&u->count, memory_order_relaxed), now = (uint8_t)(insns >> PERIOD_BITS);
    if (count == JIT_UNCOVERED_MAX)
        return true;
    count = now == atomic_load_explicit(&u->period, memory_order_relaxed) ? count + 1 : 1;
    atomic_store_explicit(&u->count, count, memory_order_relaxed);
    atomic_store_explicit(&u->period, now, memory_order_relaxed);
    return count == JIT_UNCOVERED_MAX;
}

static uint64_t regret_hash(gpa at, uint64_t key) { return ((at >> 1) + (key << 40)) * 0x9e3779b97f4a7c15; }
static uint16_t regret_tag(uint64_t hash) { return (uint16_t)(hash >> (64 - JIT_REGRET_BITS - 16)) | 1; } /* 0: nothing */

void jit_policy_forgot(struct jit_regrets *regrets, gpa at, uint64_t key)
{
    uint64_t hash = regret_hash(at, key);
    regrets->tag[hash >> (64 - JIT_REGRET_BITS)] = regret_tag(hash);
}

size_t jit_policy_room(const struct jit_regrets *regrets, gpa at, uint64_t key, size_t size, size_t room, size_t min)
{
    enum { AGAIN = 16, ANEW = 4 };
    uint64_t hash = regret_hash(at, key);
    if (regrets->tag[hash >> (64 - JIT_REGRET_BITS)] == regret_tag(hash))
        return room + AGAIN * size;
    return room > min + ANEW * size ? room - ANEW * size : min;
}

static unsigned slot(gpa page) { return (page >> MEM_PAGE_BITS ^ page >> (MEM_PAGE_BITS + 6)) % JIT_STORMS; }

void jit_policy_dropped(struct jit_storms *storms, gpa page, uint64_t clock_ns)
{
    struct jit_storm *s = &storms->storm[slot(page)];
    if (s->page != page)
        *s = (struct jit_storm){.page = page, .since = clock_ns};
    uint64_t half_lives = (clock_ns - s->since) / STORM_HALF_LIFE;
    s->drops = fade(s->drops, half_lives) + 1;
    s->since += half_lives * STORM_HALF_LIFE;
}

bool jit_policy_changes(const struct jit_storms *storms, gpa page) { return storms->storm[slot(page)].page == page; }

unsigned jit_policy_backoff(const struct jit_storms *storms, gpa page)
{
    const struct jit_storm *s = &storms->storm[slot(page)];
    unsigned doublings = 0;
    while (s->page == page && doublings < BACKOFF_MAX && s->drops >> doublings >= CALM)
        doublings++;
    return doublings;
}
