/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The block cache. Pages are the unit of dropping (changed bytes, or oldest first when the cache is full); the unit of reclaiming is an
 * epoch: drops made together open a new one, and what was dropped before is freed when all readers have seen it. An epoch costs every vCPU
 * what it had found, so a full cache makes room for many blocks at once.
 */
#include "jit/cache.h"
#include "base/bits.h"
#include "base/map.h"
#include "jit/compile.h"
#include "jit/pool.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKET_BITS = 16,
    BUCKETS = 1 << BUCKET_BITS,
    ROOM = 8,             /* the part of the limit that a full cache frees */
    COLD_MIN = 4 << 20,   /* bytes of blocks without machine code that nobody minds, */
    COLD_STEP = 256 << 10 /* and how many are looked for at once, where there are more */
};

struct page {
    gpa at;
    struct jit_block *blocks;
    struct page *newer, *older; /* in the order of their first block */
};

struct straddler { /* a block whose one insn lies on two pages: kept with the first, dropped with either */
    struct jit_block *block;
    struct straddler *next;
};

struct jit_cache {
    struct jit_block *_Atomic buckets[BUCKETS];
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
    size_t look_at; /* bytes at which blocks are looked for that may be forgotten */
    uint64_t forgotten;
    struct jit_storms storms;
    struct jit_pool pool; /* of blocks */
    bool retiring;        /* something was retired in the epoch that is still open */
};

/* Blocks of one page have neighbouring buckets: what is not used of the table is not touched. */
static size_t hash(gpa at, uint64_t key)
{
    enum { NEAR_BITS = 6 };
    uint64_t page = ((at >> MEM_PAGE_BITS ^ key << 20) * 0x9e3779b97f4a7c15) >> (64 - BUCKET_BITS + NEAR_BITS);
    return (size_t)(page << NEAR_BITS | ((at >> 1 ^ at >> 7) & ((1 << NEAR_BITS) - 1)));
}

int jit_cache_new(struct jit_cache **out, struct mem_space *space, size_t limit)
{
    struct jit_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return -STATUS_resource;
    os_mutex_init(&cache->lock, OS_RANK_code);
    map_init(&cache->pages);
    cache->space = space;
    cache->limit = limit;
    cache->look_at = COLD_MIN;
    *out = cache;
    return 0;
}

static size_t ops_size(const struct ir_block *ir) { return ir->nops * sizeof *ir->ops; }
static size_t insns_size(const struct ir_block *ir) { return ir->ninsns * sizeof *ir->insns; }
static size_t block_size(const struct ir_block *ir) { return sizeof(struct jit_block) + ops_size(ir) + insns_size(ir); }

static struct jit_block *block_new(struct jit_cache *cache, const struct ir_block *ir)
{
    struct jit_block *block = jit_pool_take(&cache->pool, block_size(ir));
    if (!block)
        return NULL;
    *block = (struct jit_block){.ir = *ir};
    block->ir.ops = (struct ir_op *)(void *)(block + 1);
    block->ir.insns = (struct ir_insn *)(void *)((char *)block->ir.ops + ops_size(ir));
    memcpy(block->ir.ops, ir->ops, ops_size(ir));
    memcpy(block->ir.insns, ir->insns, insns_size(ir));
    return block;
}

static void block_free(struct jit_cache *cache, struct jit_block *block) { jit_pool_give(&cache->pool, block, block_size(&block->ir)); }

void jit_cache_free(struct jit_cache *cache)
{
    if (!cache)
        return;
    for (struct page *page = cache->oldest, *newer; page; page = newer) {
        newer = page->newer;
        for (struct jit_block *block = page->blocks, *next; block; block = next) {
            next = block->page_next;
            block_free(cache, block);
        }
        free(page);
    }
    for (struct jit_block *block = cache->retired, *next; block; block = next) {
        next = block->page_next;
        block_free(cache, block);
    }
    for (struct straddler *s = cache->straddlers, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    jit_pool_fini(&cache->pool);
    map_fini(&cache->pages);
    os_mutex_fini(&cache->lock);
    free(cache);
}

/* ---- readers and reclaiming ---- */

uint64_t jit_cache_epoch(const struct jit_cache *cache) { return atomic_load_explicit(&cache->epoch, memory_order_acquire); }

void jit_reader_add(struct jit_cache *cache, struct jit_reader *reader)
{
    os_mutex_lock(&cache->lock);
    atomic_store(&reader->seen, UINT64_MAX);
    reader->next = cache->readers;
    cache->readers = reader;
    os_mutex_unlock(&cache->lock);
}

void jit_reader_remove(struct jit_cache *cache, struct jit_reader *reader)
{
    os_mutex_lock(&cache->lock);
    for (struct jit_reader **link = &cache->readers; *link; link = &(*link)->next)
        if (*link == reader) {
            *link = reader->next;
            break;
        }
    os_mutex_unlock(&cache->lock);
}

static uint64_t seen_by_all(const struct jit_cache *cache)
{
    uint64_t oldest = UINT64_MAX;
    for (const struct jit_reader *r = cache->readers; r; r = r->next) {
        uint64_t seen = atomic_load(&r->seen);
        oldest = seen < oldest ? seen : oldest;
    }
    return oldest;
}

uint64_t jit_cache_open_epoch(struct jit_cache *cache) { return atomic_fetch_add(&cache->epoch, 1) + 1; }

bool jit_cache_seen(struct jit_cache *cache, uint64_t epoch) { return seen_by_all(cache) >= epoch; }

void jit_cache_set_compiler(struct jit_cache *cache, struct jit_compiler *compiler) { cache->compiler = compiler; }

static void reclaim(struct jit_cache *cache)
{
    uint64_t oldest = seen_by_all(cache);
    for (struct jit_block **at = &cache->retired; *at;) {
        struct jit_block *block = *at;
        if (block->retired > oldest) {
            at = &block->page_next;
            continue;
        }
        *at = block->page_next;
        block_free(cache, block);
    }
}

void jit_reader_quiet(struct jit_cache *cache, struct jit_reader *reader, uint64_t epoch)
{
    atomic_store(&reader->seen, epoch);
    if (epoch == UINT64_MAX)
        return;
    os_mutex_lock(&cache->lock);
    reclaim(cache);
    os_mutex_unlock(&cache->lock);
}

/* ---- finding, adding, dropping ---- */

struct jit_block *jit_cache_find(const struct jit_cache *cache, gpa at, gpa second, uint64_t key)
{
    struct jit_block *block = atomic_load_explicit(&cache->buckets[hash(at, key)], memory_order_acquire);
    while (block && (block->at != at || block->key != key || block->second != second))
        block = atomic_load_explicit(&block->next, memory_order_acquire);
    return block;
}

static void unlink_block(struct jit_cache *cache, struct jit_block *block)
{
    struct jit_block *_Atomic *at = &cache->buckets[hash(block->at, block->key)];
    for (struct jit_block *b = atomic_load(at); b; at = &b->next, b = atomic_load(at))
        if (b == block) {
            atomic_store(at, atomic_load(&block->next)); /* block->next stays: a reader may stand on it */
            return;
        }
}

static struct page *page_of(struct jit_cache *cache, gpa at)
{
    struct page *page = map_get(&cache->pages, at);
    if (page)
        return page;
    page = calloc(1, sizeof *page);
    if (!page || map_set(&cache->pages, at, page)) {
        free(page);
        return NULL;
    }
    page->at = at;
    page->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = page;
    else
        cache->oldest = page;
    cache->newest = page;
    return page;
}

/* Out of the hash and of every list; freed when all readers have seen the next epoch. */
static void retire(struct jit_cache *cache, struct jit_block *block)
{
    unlink_block(cache, block);
    cache->bytes -= block_size(&block->ir);
    cache->blocks--;
    cache->retiring = true;
    atomic_store(&block->retired, UINT64_MAX); /* nobody compiles it or links to it from here on */
    if (cache->compiler)
        jit_compile_undo(cache->compiler, block);
    /* Only now: until it was unlinked it could be entered by a vCPU that had seen an epoch which somebody else opened meanwhile. */
    atomic_store(&block->retired, atomic_load(&cache->epoch) + 1);
    block->page_next = cache->retired;
    cache->retired = block;
}

static void forget_page(struct jit_cache *cache, struct page *page)
{
    *(page->older ? &page->older->newer : &cache->oldest) = page->newer;
    *(page->newer ? &page->newer->older : &cache->newest) = page->older;
    free(page);
}

/* The blocks of other pages whose last insn ends in this one, and the entries of this page's own. */
static void drop_straddlers(struct jit_cache *cache, gpa at)
{
    for (struct straddler **link = &cache->straddlers, *s; (s = *link);) {
        gpa first = align_down(s->block->at, MEM_PAGE);
        if (first != at && align_down(s->block->second, MEM_PAGE) != at) {
            link = &s->next;
            continue;
        }
        if (first != at) {
            struct page *page = map_get(&cache->pages, first);
            struct jit_block **b = &page->blocks;
            while (*b != s->block)
                b = &(*b)->page_next;
            *b = s->block->page_next;
            retire(cache, s->block);
        }
        *link = s->next;
        free(s);
    }
}

/* The caller ends its drops by close_drops, before it gives the lock back. */
static void drop_page(struct jit_cache *cache, gpa at)
{
    drop_straddlers(cache, at);
    struct page *page = map_remove(&cache->pages, at);
    for (struct jit_block *block = page ? page->blocks : NULL, *next; block; block = next) {
        next = block->page_next;
        retire(cache, block);
    }
    if (page)
        forget_page(cache, page);
    atomic_fetch_add(&cache->drops, 1);
    mem_page_code_gone(cache->space, at);
}

static void close_drops(struct jit_cache *cache)
{
    if (cache->retiring) /* readers must not keep pointers to what went; where nothing went they keep what they have */
        atomic_fetch_add_explicit(&cache->epoch, 1, memory_order_release);
    cache->retiring = false;
}

static bool note_straddler(struct jit_cache *cache, struct jit_block *block)
{
    struct straddler *s = malloc(sizeof *s);
    if (!s)
        return false;
    *s = (struct straddler){.block = block, .next = cache->straddlers};
    cache->straddlers = s;
    return true;
}

/* Back to the end of the queue. */
static void requeue(struct jit_cache *cache, struct page *page)
{
    if (page == cache->newest)
        return;
    *(page->older ? &page->older->newer : &cache->oldest) = page->newer;
    page->newer->older = page->older;
    page->older = cache->newest;
    page->newer = NULL;
    cache->newest->newer = page;
    cache->newest = page;
}

/* The blocks of the page that ran in tier 0 only, and not lately, go; bytes that stay. A block on two pages goes with them. */
static size_t forget_cold_of(struct jit_cache *cache, struct page *page)
{
    size_t stay = 0;
    for (struct jit_block **link = &page->blocks, *block; (block = *link);) {
        if (block->second != block->at || atomic_load(&block->code) || jit_policy_spare(&block->use)) {
            stay += block_size(&block->ir);
            link = &block->page_next;
            continue;
        }
        *link = block->page_next;
        retire(cache, block);
        cache->forgotten++;
    }
    return stay;
}

/* Most code of a boot, or of a program's start, runs once. Looked for a little at a time, so that nobody waits; the longer, the more stays. */
static void forget_cold(struct jit_cache *cache, const struct page *but)
{
    size_t before = cache->bytes, stayed = 0;
    while (before - cache->bytes < COLD_STEP && stayed < 2 * COLD_STEP && cache->oldest != but) {
        struct page *page = cache->oldest;
        stayed += forget_cold_of(cache, page);
        if (page->blocks)
            requeue(cache, page);
        else
            drop_page(cache, page->at);
    }
    cache->look_at = cache->bytes + COLD_STEP;
}

uint64_t jit_cache_drops(const struct jit_cache *cache) { return atomic_load(&cache->drops); }

struct jit_block *jit_cache_add(struct jit_cache *cache, gpa at, gpa second, uint64_t key, const struct ir_block *ir, uint64_t drops)
{
    os_mutex_lock(&cache->lock);
    struct jit_block *other = jit_cache_find(cache, at, second, key);
    struct page *page = !other && atomic_load(&cache->drops) == drops ? page_of(cache, align_down(at, MEM_PAGE)) : NULL;
    struct jit_block *block = page ? block_new(cache, ir) : NULL;
    if (!block || (second != at && !note_straddler(cache, block))) {
        if (block)
            block_free(cache, block);
        os_mutex_unlock(&cache->lock);
        return other;
    }
    block->at = at;
    block->second = second;
    block->key = key;
    block->heat.backoff = (uint8_t)jit_policy_backoff(&cache->storms, page->at);
    block->page_next = page->blocks;
    page->blocks = block;
    struct jit_block *_Atomic *bucket = &cache->buckets[hash(at, key)];
    atomic_store(&block->next, atomic_load(bucket));
    atomic_store_explicit(bucket, block, memory_order_release);
    cache->bytes += block_size(&block->ir);
    cache->blocks++;
    if (cache->bytes > cache->look_at)
        forget_cold(cache, page);
    if (cache->bytes > cache->limit)
        while (cache->bytes > cache->limit - cache->limit / ROOM && cache->oldest != page)
            drop_page(cache, cache->oldest->at);
    close_drops(cache);
    os_mutex_unlock(&cache->lock);
    return block;
}

bool jit_cache_watch(struct jit_cache *cache, gpa page) { return mem_page_code(cache->space, page); }

void jit_cache_renew(struct jit_cache *cache)
{
    gpa pages[64];
    size_t n;
    if (!mem_any_written(cache->space) && !atomic_load(&cache->renewing))
        return;
    uint64_t now = os_clock_ns();
    os_mutex_lock(&cache->lock); /* another vCPU that has taken our pages from the list has dropped them when we get it */
    atomic_store(&cache->renewing, true);
    while ((n = mem_take_written(cache->space, pages, ARRAY_LEN(pages))))
        for (size_t i = 0; i < n; i++) {
            jit_policy_dropped(&cache->storms, pages[i], now);
            drop_page(cache, pages[i]);
        }
    close_drops(cache);
    atomic_store(&cache->renewing, false);
    os_mutex_unlock(&cache->lock);
}

void jit_cache_drop(struct jit_cache *cache, gpa from, gpa to)
{
    os_mutex_lock(&cache->lock);
    from = align_down(from, MEM_PAGE);
    if ((to - from) / MEM_PAGE < cache->pages.count) {
        for (; from < to; from += MEM_PAGE)
            if (map_get(&cache->pages, from) || cache->straddlers)
                drop_page(cache, from);
    } else {
        for (struct page *page = cache->oldest, *newer; page; page = newer) {
            newer = page->newer;
            if (page->at + MEM_PAGE >= from && page->at < to) /* the page before: an insn of it may straddle */
                drop_page(cache, page->at);
        }
    }
    close_drops(cache);
    os_mutex_unlock(&cache->lock);
}

void jit_cache_fork(struct jit_cache *cache, bool begin, struct jit_reader *only)
{
    if (begin) {
        os_mutex_lock(&cache->lock);
        if (cache->compiler)
            jit_compiler_fork(cache->compiler, true);
        return;
    }
    if (only) {
        only->next = NULL;
        cache->readers = only;
    }
    if (cache->compiler)
        jit_compiler_fork(cache->compiler, false);
    os_mutex_unlock(&cache->lock);
}

size_t jit_cache_blocks(const struct jit_cache *cache) { return cache->blocks; }
uint64_t jit_cache_forgotten(const struct jit_cache *cache) { return cache->forgotten; }
