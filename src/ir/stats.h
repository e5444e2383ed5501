/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is counted for each vCPU: the rows of stats.def, and counts by kind. Plain numbers, written by the vCPU's thread alone. */
#pragma once
#include <stdint.h>

enum cpu_stat {
#define STAT(id, unit, text) CPU_STAT_##id,
#include "ir/stats.def"
#undef STAT
    CPU_STATS
};

enum { CPU_STATS_KINDS = 64, CPU_STATS_OPS = 256, CPU_STATS_HELPERS = 128 };

struct cpu_stats {
    uint64_t n[CPU_STATS];
    uint64_t traps[CPU_STATS_KINDS], interrupts[CPU_STATS_KINDS]; /* by the guest's numbers; the last: all that are higher */
    /* Ops that emitted code left to ir_op_run, also of accesses that missed the TLB; CALLs again by the guest's helper. */
    uint64_t ops[CPU_STATS_OPS], helpers[CPU_STATS_HELPERS];
};
