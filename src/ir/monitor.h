/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The monitor of LL/SC, as C (ir/atomic.c) and emitted code see it. Every line of 64 bytes of host memory hashes to a version, a count
 * that never goes back, in steps of 2: LL makes it odd in those steps (armed) and remembers it; whoever writes the line by SC, AMO or CAS
 * looks at it after the write and counts on if it is armed. So a version that is still what LL saw means that nobody has written.
 * Bit 0: held by an SC at work.
 * A vCPU that is alone needs no versions: its SC succeeds if the value is still what its LL saw. So does emitted code for an LL and an SC that stand
 * together (RESERVED_pair): a version that every LL arms and every write counts on is a second line that vCPUs take from each other.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { MONITOR_LINE_BITS = 6, MONITOR_BITS = 10, MONITOR_VERSIONS = 1 << MONITOR_BITS, MONITOR_HELD = 1, MONITOR_ARMED = 2 };

struct cpu_monitor {
    _Atomic uint32_t version[MONITOR_VERSIONS];
    bool alone; /* there is one vCPU; changes only while it has no reservation, and with the code that was made for it */
};

static inline unsigned monitor_index(uintptr_t host)
{
    uintptr_t line = host >> MONITOR_LINE_BITS;
    return (line ^ line >> MONITOR_BITS) & (MONITOR_VERSIONS - 1);
}
