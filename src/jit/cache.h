/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Blocks of one machine, shared by its vCPUs: found by physical address and mode key without a lock, added and dropped under one.
 * A dropped block stays in memory until every reader has said that it holds no pointer any more (jit_reader_quiet).
 */
#pragma once
#include "ir/build.h"
#include "jit/policy.h"
#include "mem/space.h"

/* The guest's bytes that a block was made of: pieces of its page, which the block's insns lie in. */
struct jit_span {
    int16_t offset; /* from the block's first byte */
    uint16_t size;
};
struct jit_source {
    unsigned nspans, nbytes; /* nspans 0: not known */
    struct jit_span spans[IR_MAX_INSNS];
    uint8_t bytes[IR_MAX_INSNS * 8];
};

struct jit_block {
    struct jit_block *_Atomic next; /* of the hash chain */
    gpa at, second;                 /* physical address; of the second page if the insn straddles two, else at */
    uint64_t key;
    struct jit_code *_Atomic code; /* NULL: tier 0 only */
    struct jit_heat heat;          /* of its runs in tier 0 */
    _Atomic uint8_t use;           /* enum jit_use */
    struct jit_uncovered uncovered;
    uint8_t nspans; /* of its source, which is kept where code changes: behind ir's insns */
    uint16_t nbytes;
    struct jit_block *page_next; /* blocks of the same page; under the cache's lock */
    _Atomic uint64_t retired;    /* epoch; 0: it is in use */
    struct ir_block ir;          /* in the same piece of memory */
};

static inline struct jit_block *jit_block_of(const struct ir_block *ir)
{
    return (struct jit_block *)((uintptr_t)ir - offsetof(struct jit_block, ir));
}

struct jit_reader {        /* one per vCPU */
    _Atomic uint64_t seen; /* epoch up to which it holds no dropped block; UINT64_MAX: it holds no block at all */
    struct jit_reader *next;
};

struct jit_cache;
struct jit_compiler;
/* The compiler whose code the blocks have is told before they go. */
void jit_cache_set_compiler(struct jit_cache *cache, struct jit_compiler *compiler);
/* Opens an epoch for something else that readers may still use; the number that all must have seen: jit_cache_seen. */
uint64_t jit_cache_open_epoch(struct jit_cache *cache);
bool jit_cache_seen(struct jit_cache *cache, uint64_t epoch);
int jit_cache_new(struct jit_cache **out, struct mem_space *space, size_t limit) NODISCARD; /* limit: bytes of IR to keep, about */
/* Of an empty one: nothing is forgotten as long as it is so little, however seldom it runs. */
void jit_cache_keep(struct jit_cache *cache, size_t bytes);
void jit_cache_free(struct jit_cache *cache);

void jit_reader_add(struct jit_cache *cache, struct jit_reader *reader);
void jit_reader_remove(struct jit_cache *cache, struct jit_reader *reader);
/* The reader must drop its pointers to blocks, then call jit_reader_quiet, when this differs from reader->seen. */
uint64_t jit_cache_epoch(const struct jit_cache *cache);
void jit_reader_quiet(struct jit_cache *cache, struct jit_reader *reader, uint64_t epoch);

struct jit_block *jit_cache_find(const struct jit_cache *cache, gpa at, gpa second, uint64_t key);
/* How many pages were dropped so far; read before jit_cache_watch, for jit_cache_add. */
uint64_t jit_cache_drops(const struct jit_cache *cache);
/* Copies ir, and source if it may be of use (NULL: not known). If another vCPU was faster, its block. NULL: out of memory, or a page was dropped meanwhile, so that this one may be watched no
 * longer. */
struct jit_block *jit_cache_add(struct jit_cache *cache, gpa at, gpa second, uint64_t key, const struct ir_block *ir,
                                const struct jit_source *source, uint64_t drops);
/* As jit_cache_add: a block that was dropped because its bytes had changed comes back, for they are there again. NULL: there is none. */
struct jit_block *jit_cache_revive(struct jit_cache *cache, gpa at, uint64_t key, uint64_t drops);
/* Before the bytes are read: stores to the page must be noted from now on. true: some TLB may still write it unnoticed; see jit_cache_shoot. */
bool jit_cache_watch(struct jit_cache *cache, gpa page);
/* Drops the blocks of pages that were written: what fence.i asks. watch_again: stores to the page, which is marked as written, must be noted from
 * now on (mem_page_code_again); then blocks whose bytes are the same stay. Called under the cache's lock. NULL: all go. */
void jit_cache_renew(struct jit_cache *cache, void (*watch_again)(void *arg, gpa page), void *arg);
/* Drops the blocks of the pages that [from, to) touches: flat memory, of which nobody notes what is written. */
void jit_cache_drop(struct jit_cache *cache, gpa from, gpa to);
/* Around fork(), the compiler's lock included: begin takes all locks, its opposite gives them back. only: in the child, the one reader left. */
void jit_cache_fork(struct jit_cache *cache, bool begin, struct jit_reader *only);

/* Its accesses are no longer looked up together: it gets other machine code when it runs again, and readers are told to forget what it had. */
void jit_cache_uncover(struct jit_cache *cache, struct jit_block *block);

/* Dropped: a reader must forget that it found the block, and its code. The block may have been freed. */
struct jit_gone {
    const struct jit_block *block;
    const uint8_t *entry; /* NULL: it had no code */
    gpa at;
    uint64_t epoch;
};
enum { JIT_GONE_MAX = 32 };
/* All of them since that epoch; a negative number: too many, or nobody knows. *cold: too many blocks, but of those with code all are there. */
int jit_cache_gone(struct jit_cache *cache, uint64_t since, struct jit_gone out[JIT_GONE_MAX], bool *cold);
size_t jit_cache_blocks(const struct jit_cache *cache);
uint64_t jit_cache_kept(const struct jit_cache *cache);      /* blocks of written pages whose bytes were the same, */
uint64_t jit_cache_revived(const struct jit_cache *cache);   /* or became so again */
uint64_t jit_cache_forgotten(const struct jit_cache *cache); /* blocks that made room because they ran in tier 0 only, and not lately */
