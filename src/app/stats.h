/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A table of counters: collected row by row, printed once. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <vm/vm.h>

enum { STATS_VCPUS = 64 };

struct stats_row {
    struct vm_stat stat; /* value: the sum */
    uint64_t each[STATS_VCPUS];
};

struct stats_table {
    struct stats_row *rows;
    size_t count, room;
    unsigned vcpus;
    bool failed; /* out of memory */
};

void stats_collect(void *table, const struct vm_stat *stat);
void stats_print(struct stats_table *table, bool json, FILE *out); /* sorts it */
void stats_fini(struct stats_table *table);
