/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What these tests must know of a guest beyond the tables of its instructions: one subject_GUEST.c each. */
#pragma once
#include "guest/guest.h"
#include "report.h"

struct case_view { /* of a difference */
    const struct case_input *input;
    const struct case_result *ours, *theirs;
    uint32_t word;    /* at which we trapped; 0: none */
    const char *insn; /* its name; "": none */
    bool same_state;  /* but for where and why it ended */
};

struct subject {
    const struct guest *guest;
    const char *qemu, *gcc, *gcc_package; /* programs, and where Debian has the compiler */
    const char *cpu;                      /* all that the newest QEMU knows and this project's "max" has too */
    uint32_t stop, nop, short_nop;        /* stop: where insns are short the same one twice */
    unsigned alignment;                   /* of instructions */
    const char *x[32], *f[64], *status[CASE_STATUSES];
    uint64_t (*features)(const struct cpu *cpu); /* of its model, as the decoder numbers them */
    /* A mode in which a program may do what Linux lets it do, and the case's registers. */
    void (*set_state)(struct cpu *cpu, const struct case_state *s);
    void (*get_state)(struct cpu *cpu, struct case_state *s);
    /* As Linux tells of the trap; sets the address that belongs to it. */
    uint32_t (*signal)(const struct cpu *cpu, struct trap trap, uint64_t *address);
    /* Is the oracle wrong there by the manual, or does the manual leave it open? */
    bool (*known)(const struct case_view *v);
};
extern const struct subject subject;
