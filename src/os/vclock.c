/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A machine's own time. State and value share one atomic word so that readers need no lock and never see a mixture; only one thread
 * (the machine's control) pauses, resumes and jumps. 63 bits of nanoseconds last 292 years.
 */
#include "os/os.h"

#define PAUSED (1ull << 63)
#define VALUE  (PAUSED - 1)

static uint64_t vclock_show(uint64_t word, uint64_t now) { return word & PAUSED ? word & VALUE : (now - word) & VALUE; }

void os_vclock_init(struct os_vclock *clock) { clock->word = PAUSED; }

uint64_t os_vclock_ns(const struct os_vclock *clock)
{
    uint64_t word = clock->word;

    return vclock_show(word, word & PAUSED ? 0 : os_clock_ns());
}

bool os_vclock_paused(const struct os_vclock *clock) { return clock->word & PAUSED; }

void os_vclock_pause(struct os_vclock *clock) { clock->word = PAUSED | os_vclock_ns(clock); }

void os_vclock_resume(struct os_vclock *clock)
{
    if (clock->word & PAUSED)
        clock->word = (os_clock_ns() - (clock->word & VALUE)) & VALUE;
}

void os_vclock_jump(struct os_vclock *clock, uint64_t ns)
{
    if (clock->word & PAUSED)
        clock->word = PAUSED | (ns & VALUE);
    else
        clock->word = (os_clock_ns() - ns) & VALUE;
}

uint64_t os_vclock_to_host(const struct os_vclock *clock, uint64_t ns)
{
    uint64_t word = clock->word, now, shown;

    if (word & PAUSED)
        return UINT64_MAX;
    now = os_clock_ns();
    shown = vclock_show(word, now);
    if (ns <= shown)
        return now;
    return ns - shown > UINT64_MAX - now ? UINT64_MAX : now + (ns - shown);
}
