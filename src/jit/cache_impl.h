/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the cache's files share: cache.c (finding, adding, readers), drop.c (what goes, and what stays after all). Nobody else includes it. */
#pragma once
#include "base/map.h"
#include "jit/cache.h"
#include "jit/pool.h"

enum { GONE = 64 /* dropped blocks that readers are told one by one */, HIDDEN_MAX = 16, IDLE_MAX = 8 /* of a page */ };

struct page {
    gpa at;
    struct jit_block *blocks;
    struct jit_block *hidden;   /* of other bytes than are there now; the last one first */
    unsigned nhidden, idle;     /* idle: renewed so many times without a block to be found */
    struct page *newer, *older; /* in the order of their first block */
};

struct straddler { /* a block whose one insn lies on two pages: kept with the first, dropped with either */
    struct jit_block *block;
    struct straddler *next;
};

/* Where blocks are found. It grows: who looks into one that is the former by now may miss a block, and finds it under the lock. */
struct table {
    unsigned bits;
    struct table *former;
    struct jit_block *_Atomic buckets[];
};

struct gone_ring {
    struct jit_gone gone[GONE];
    uint64_t n;    /* all that were ever written into it, */
    uint64_t from; /* and the epoch from which on it is complete */
};

struct jit_cache {
    struct table *_Atomic table;
    _Atomic uint64_t epoch;
    _Atomic uint64_t drops; /* pages dropped, ever */
    _Atomic bool renewing;  /* written pages were taken from the space, and their blocks may still be found */
    struct os_mutex lock;   /* all below */
    struct mem_space *space;
    struct jit_compiler *compiler; /* NULL: none */
    struct map pages;              /* by page address */
    struct page *oldest, *newest;
    struct straddler *straddlers;
    struct jit_block *retired;
    struct jit_reader *readers;
    size_t bytes, limit, blocks;
    size_t look_at; /* bytes at which blocks are looked for that may be forgotten: at least room */
    size_t room, room_min;
    struct jit_regrets regrets;
    uint64_t forgotten, kept, revived;
    struct gone_ring gone[2]; /* of blocks without machine code, and with it */
    _Atomic uint64_t untold;  /* the last epoch that others opened: what went with it is in no list */
    _Atomic unsigned nhidden;
    struct jit_storms storms;
    struct jit_pool pool; /* of blocks */
    bool retiring;        /* something was retired in the epoch that is still open */
};

struct jit_block *_Atomic *jit_cache_bucket(const struct jit_cache *cache, gpa at, uint64_t key);
size_t jit_block_size(const struct jit_block *block);                  /* bytes of memory */
const struct jit_span *jit_block_spans(const struct jit_block *block); /* the bytes stand behind them */

/* drop.c; the lock is held, and jit_cache_close_drops comes before it is given back */
void jit_cache_make_room(struct jit_cache *cache, const struct page *but);
void jit_cache_close_drops(struct jit_cache *cache);
bool jit_cache_same_bytes(const struct jit_cache *cache, const struct jit_block *block);
void jit_cache_put(struct jit_cache *cache, struct page *page, struct jit_block *block); /* where it is found */
