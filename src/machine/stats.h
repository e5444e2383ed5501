/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine's tables of counters as rows, for whoever has a vCPU: machines, and processes in user mode. */
#pragma once
#include <vm/vm.h>

struct cpu_stats;
struct guest;
struct jit_counts;

typedef void machine_stats_fn(void *arg, const struct vm_stat *stat);

void machine_stats_shared(machine_stats_fn *visit, void *arg, const struct jit_counts *counts);
void machine_stats_vcpu(machine_stats_fn *visit, void *arg, const struct guest *guest, unsigned vcpu, const struct cpu_stats *stats);
