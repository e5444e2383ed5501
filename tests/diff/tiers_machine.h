/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A machine for programs of tiers.c: memory where tiers_program.h says, vCPUs in user mode, nothing that interrupts. */
#pragma once
#include "accel/accel.h"
#include "jit/compile.h"
#include "tiers_program.h"

struct machine {
    struct mem_space *space;
    struct os_vclock clock;
    struct accel_vm *vm;
    unsigned vcpus;
};

struct machine_setup {
    unsigned vcpus, threshold; /* threshold 0: interpreter only */
    size_t code_memory;
};

int machine_init(struct machine *m, const struct machine_setup *setup, struct err *err) NODISCARD;
void machine_fini(struct machine *m);
uint64_t machine_features(const struct machine *m);
/* Writes the program's bytes and readies vCPU n to run it from the start; paged: by page tables, physical code pages in another order. */
void machine_load(struct machine *m, unsigned n, const struct program *p, bool paged);
void machine_run(struct machine *m, unsigned n);           /* in this thread, to the program's end */
void machine_run_all(struct machine *m);                   /* on their threads; once in a machine's life */
struct jit_counts machine_counts(const struct machine *m); /* of its compiler */
/* What the program can have changed: says what differs; false: nothing. */
bool machine_differs(const struct machine *interpreted, const struct machine *compiled, unsigned n);
