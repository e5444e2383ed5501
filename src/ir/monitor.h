/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The monitor of LL/SC, as C (ir/atomic.c) and emitted code see it: every line of 64 bytes of host memory hashes to a version that each
 * successful SC, AMO and CAS advances by two. An odd version is held by an SC at work.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { MONITOR_LINE_BITS = 6, MONITOR_BITS = 10, MONITOR_VERSIONS = 1 << MONITOR_BITS };

struct cpu_monitor {
    _Atomic uint32_t version[MONITOR_VERSIONS];
};

static inline unsigned monitor_index(uintptr_t host)
{
    uintptr_t line = host >> MONITOR_LINE_BITS;
    return (line ^ line >> MONITOR_BITS) & (MONITOR_VERSIONS - 1);
}
