/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Semihosting (Arm's "Semihosting for AArch32 and AArch64", RISC-V's binding of it): console and exit calls of bare programs. Files of the
 * host stay out of reach: opening anything but the console fails as a file without permission does.
 */
#pragma once
#include "guest/guest.h"
#include "machine/console.h"

struct semihosting_abi { /* which cells of the vCPU carry a call */
    unsigned operation, argument, result;
};

enum { SEMIHOSTING_HANDLES = 16 };

struct semihosting {
    struct console *console;
    const char *command_line; /* borrowed; NULL: empty */
    uint64_t ram, ram_size;   /* for the heap's bounds */
    void (*exit)(void *arg, int code);
    void *arg;
    struct os_mutex lock; /* the fields below */
    struct {
        uint8_t kind;
        uint32_t at;
    } handles[SEMIHOSTING_HANDLES]; /* enum in semihosting.c; at: position */
    int errnum;                     /* of the last failed call */
};

void semihosting_init(struct semihosting *semihosting);
void semihosting_fini(struct semihosting *semihosting);
void semihosting_reset(struct semihosting *semihosting);
/* On the vCPU's thread; true: done, the result is in its cell. */
bool semihosting_serve(struct semihosting *semihosting, const struct semihosting_abi *abi, struct cpu *cpu);
