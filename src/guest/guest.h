/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the engine asks of a guest architecture: one const object each, listed in guest/guests.def.
 * A vCPU is a struct cpu (ir/cpu.h) whose cells are the guest's registers in the order of its regs.isa.
 */
#pragma once
#include "ir/build.h"
#include "ir/cpu.h"
#include "mem/tlb.h"

struct guest_reg { /* a register as users name it: gdb, REST, libvm */
    const char *name;
    uint16_t cell; /* first cell of its slot */
    uint16_t bits;
    const char *group; /* general, float, system */
};

struct guest_text {
    char text[128];
};

/* What guest->land says of an insn that was jumped to: it traps; it may be landed on this once; it may, from anywhere, as long as page and insn are the same. */
enum guest_landing { LAND_trap, LAND_once, LAND_always };

struct guest {
    const char *name;            /* "riscv64" */
    size_t cpu_size;             /* bytes of the guest's vCPU, which starts with struct cpu */
    unsigned cells;              /* CPU_FRAME_AT(those of the registers): the temporaries follow */
    unsigned min_insn, max_insn; /* bytes */
    const uint16_t *pins;        /* cells that deserve a host register, most used first */
    unsigned npins;
    const uint16_t *fpins; /* likewise, of cells with floating-point values */
    unsigned nfpins;
    unsigned (*fp_host)(uint64_t key); /* enum fp_host, in blocks of that key; NULL: none */
    bool tagged;                       /* flat memory: bits 56 to 63 of an address of data mean nothing where bit 55 is 0 */
    const struct ir_helper *helpers;   /* what CALL numbers */
    unsigned nhelpers;
    const struct guest_reg *regs;
    size_t nregs;

    /* model: a name and features, "max,-zba"; NULL for the default. Says which name is unknown. */
    int (*init)(struct cpu *cpu, const char *model, struct err *err);
    void (*fini)(struct cpu *cpu);
    void (*reset)(struct cpu *cpu);

    /* After reset: the mode and the rights in which Linux runs a program of this guest. */
    void (*enter_user)(struct cpu *cpu);
    /* Walks the page tables for one access to va; false: *trap says what the guest gets. Sets accessed and dirty bits. */
    bool (*translate)(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap);
    /* cpu->pc was jumped to with cpu->landing, word stands there, the page is guarded (struct tlb_page) or not. Clears cpu->landing, unless the
     * insn itself traps and its handler is to see it. NULL: no insn has the hints land1 to land3. */
    enum guest_landing (*land)(struct cpu *cpu, bool guarded, uint32_t word);
    /* The trap of an access whose physical address nobody answers (bus error) or that the order of the machine forbids. */
    struct trap (*bus_error)(struct cpu *cpu, gva va, enum mem_access access);
    struct trap (*misaligned)(struct cpu *cpu, gva va, enum mem_access access);
    bool misaligned_devices; /* where a device refuses a misaligned access, it is the misalignment that is reported */
    /* An access to a page that translate calls watched: true, and *trap, if it must not be done. NULL: no page is. */
    bool (*watch)(struct cpu *cpu, gva va, unsigned size, enum mem_access access, struct trap *trap);
    /* Delivers a trap: cpu->pc is the address of the insn that trapped; afterwards it is the handler's. */
    void (*enter_trap)(struct cpu *cpu, struct trap trap);
    /* The deadline has come, or the vCPU stood still meanwhile: reads the clock, which take_interrupt does not. */
    void (*clock_event)(struct cpu *cpu);
    /* Takes the most urgent interrupt that is pending and enabled, if any, as enter_trap does; true if one was taken. */
    bool (*take_interrupt)(struct cpu *cpu);
    /* An interrupt is pending so that a wait ends (whether or not it would be taken). */
    bool (*wakes)(struct cpu *cpu);
    uint64_t (*block_key)(const struct cpu *cpu); /* the mode bits that change what code means; ir_block's key */
    uint64_t (*context)(const struct cpu *cpu);   /* equal numbers: the same translation of every address (root, ASID, privilege …) */
    /* The same number for all address spaces that have the upper half's global pages in common, if accesses to others are rare in the present
     * context; 0: none. NULL: never. */
    uint64_t (*shared_context)(const struct cpu *cpu);
    uint64_t (*user_context)(const struct cpu *cpu); /* likewise, of accesses with the attribute user; NULL: no insn has it */
    int64_t (*asid)(const struct cpu *cpu);          /* of that context, for flushes by ASID; -1: none, every flush is meant */
    /* Likewise for fetches only. shared: the same number for all address spaces that have their global pages in common. */
    uint64_t (*code_space)(const struct cpu *cpu, bool shared);
    /* Whatever changes an answer of these six tells cpu->ops->context_changed; else nobody need tell who ends the block or traps. */
    bool announces;

    /* Lifts one insn, ir_insn_begin (offset from the block's start) to ir_insn_end. word: `have` = min(4, what the page holds) bytes at it,
     * zero extended. Returns its length; 0: it needs more bytes than that, nothing was built. */
    unsigned (*lift)(struct ir_build *b, const struct cpu *cpu, uint64_t *key, int offset, uint32_t word, unsigned have);
    unsigned (*print)(const struct cpu *cpu, uint32_t word, gva pc, struct guest_text *out); /* returns the length */
    const char *(*trap_name)(uint32_t kind);
    const char *(*irq_name)(uint32_t number); /* of interrupts as cpu_stats numbers them */
};

extern const struct guest *const guests[]; /* NULL at the end */
const struct guest *guest_find(const char *name);
