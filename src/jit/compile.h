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
/* size: bytes of code memory, 2 MiB or more. STATUS_unavailable: this host has no code generator. */
int jit_compiler_new(struct jit_compiler **out, struct jit_cache *cache, const struct guest *guest, size_t size, struct err *err) NODISCARD;
void jit_compiler_free(struct jit_compiler *compiler); /* before the cache */

bool jit_compile(struct jit_compiler *compiler, struct jit_block *block);      /* false: not now; tier 0 goes on */
void jit_compile_undo(struct jit_compiler *compiler, struct jit_block *block); /* nothing jumps into its code any more; its memory stays */
/* The exit goes to the block's code directly from now on, if that is right for every virtual address both may have. */
void jit_link(struct jit_compiler *compiler, struct jit_exit *exit, struct jit_block *to);
enum jit_why jit_enter(const struct jit_compiler *compiler, struct cpu *cpu, const struct jit_code *code); /* cpu->pc: the block's */

struct jit_counts { /* stats.def */
#define STAT(id, unit, text) uint64_t id;
#include "jit/stats.def"
#undef STAT
};
void jit_compiler_counts(struct jit_compiler *compiler, struct jit_counts *out); /* all but the cache's */
void jit_compiler_set_timed(struct jit_compiler *compiler); /* before it is used: compiling is timed, two looks at the clock a block */
