/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A board: which devices a machine has, at which addresses, and how it starts. One const object each, listed in boards.def; build.c and
 * run.c drive it. Everything that is particular to an architecture outside of guest/ is behind these functions.
 */
#pragma once
#include "accel/accel.h"
#include "base/err.h"

struct vm_machine;
struct semihosting_abi;

struct board {
    const char *name; /* "virt" */
    const char *arch; /* guest's name */
    const char *doc;  /* one line */
    unsigned machine; /* ELF machine number of programs for it */
    bool boots_flash; /* without firmware and kernel the first flash file is the firmware, if it is read only */
    int (*build)(struct vm_machine *machine, struct err *err); /* memory, vCPUs, devices; on failure free() follows */
    int (*boot)(struct vm_machine *machine, struct err *err);  /* nothing runs: loads kernel and firmware, puts the vCPUs at their start */
    void (*free)(struct vm_machine *machine);                  /* the board's own part; also of a half-built machine */
    bool (*firmware_call)(struct vm_machine *machine, struct cpu *cpu);
    void (*resized)(struct vm_machine *machine, unsigned columns, unsigned rows); /* the console's terminal; loop thread */
    void (*press_power)(struct vm_machine *machine); /* NULL: the machine has no such button. Any thread, the machine's lock held */
    const struct semihosting_abi *semihosting;
    /* Registers that are no plain cells, by name; false: not such a one. */
    bool (*register_read)(struct cpu *cpu, const char *name, uint64_t *value);
    bool (*register_write)(struct cpu *cpu, const char *name, uint64_t value);
    void (*registers_written)(struct cpu *cpu); /* cells or pc were written from outside */
};

extern const struct board *const boards[];                          /* NULL at the end */
const struct board *board_find(const char *arch, const char *name); /* arch NULL: whatever it is; NULL: there is none */
