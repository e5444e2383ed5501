/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Tier 1: machine code for blocks that run often, in a fixed amount of code memory. The memory is a ring of chunks: the oldest chunk's
 * blocks fall back to tier 0 when it is their turn, one chunk ahead of need, so nothing ever stops to wait. One compiler a machine.
 */
#pragma once
#include "guest/guest.h"
#include "jit/cache.h"
#include "jit/host/host.h"

struct jit_compiler;
/* For looking inside: who is told of all machine code that is made. Called under the compiler's lock, so slowly, and not back into it. */
struct jit_watch {
    void (*routine)(void *arg, const char *name, const uint8_t *code, size_t size);
    void (*block)(void *arg, struct cpu *cpu, const struct jit_block *block, const uint8_t *code, size_t size); /* at cpu->pc */
    void *arg;
    bool perf; /* code memory is to look as Linux perf wants it */
};

struct jit_setup {
    size_t size;                   /* bytes of code memory, 2 MiB or more */
    bool alone;                    /* there is one vCPU */
    bool flat;                     /* the vCPUs' memory is flat; code memory is this process's own, so that it may fork */
    bool timed;                    /* compiling is timed, two looks at the clock a block */
    const struct jit_watch *watch; /* NULL: nobody; told of the routines at once */
};
/* STATUS_unavailable: this host has no code generator. */
int jit_compiler_new(struct jit_compiler **out, struct jit_cache *cache, const struct guest *guest, const struct jit_setup *setup,
                     struct err *err) NODISCARD;
void jit_compiler_free(struct jit_compiler *compiler); /* before the cache */

/* cpu is about to run it. false: not now; tier 0 goes on. */
bool jit_compile(struct jit_compiler *compiler, struct cpu *cpu, struct jit_block *block);
/* Of a block that jit_cache_revive may bring back: nothing jumps to its code. One that jumps to itself has none afterwards. Both give the code's entry. */
const uint8_t *jit_compile_hide(struct jit_compiler *compiler, struct jit_block *block);
const uint8_t *jit_compile_undo(struct jit_compiler *compiler,
                                struct jit_block *block); /* nothing jumps into its code any more; its memory stays */
/* The block shall have no code that comes back by JIT_EXIT_uncovered. */
const uint8_t *jit_compile_uncover(struct jit_compiler *compiler, struct jit_block *block);
/* The exit goes to the block's code directly from now on, if that is right for every virtual address both may have. */
void jit_link(struct jit_compiler *compiler, struct jit_exit *exit, struct jit_block *to);
enum jit_why jit_enter(const struct jit_compiler *compiler, struct cpu *cpu, const uint8_t *entry); /* of a code; cpu->pc: its block's */

/* Flat memory: where emitted code goes on if the instruction at the host address pc faulted; 0: not one of its accesses. The thread that asks
 * has just faulted there, so it holds no lock. */
/* There is more than one vCPU from now on; true: there was not, and the code made so far must go. */
bool jit_compiler_share(struct jit_compiler *compiler);
void jit_compiler_fork(struct jit_compiler *compiler, bool begin); /* takes the lock, gives it back */
uintptr_t jit_compiler_fault(struct jit_compiler *compiler, uintptr_t pc);

struct jit_counts { /* stats.def */
#define STAT(id, unit, text) uint64_t id;
#include "jit/stats.def"
#undef STAT
};
void jit_compiler_counts(struct jit_compiler *compiler, struct jit_counts *out); /* all but the cache's */
