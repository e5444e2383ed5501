/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The block cache. Pages are the unit of dropping (changed bytes, or oldest first when the cache is full); the unit of reclaiming is an
 * epoch: drops made together open a new one, and what was dropped before is freed when all readers have seen it. An epoch costs every vCPU
 * what it had found, so a full cache makes room for many blocks at once.
 */
#include "base/bits.h"
#include "jit/cache_impl.h"
#include "jit/compile.h"
#include "os/os.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

enum { TABLE_BITS = 12, TABLE_BITS_MAX = 18, TABLE_STEP = 2 /* bits that it grows by */ };

static size_t table_size(unsigned bits) { return sizeof(struct table) + (sizeof(struct jit_block *) << bits); }

/* Small at first, and there at once: most programs are small, and end soon. */
static struct table *table_new(unsigned bits)
{
    struct table *table = os_pages_new(table_size(bits));
    if (!table)
        return NULL;
    if (bits == TABLE_BITS)
        os_pages_populate(table, table_size(bits));
    table->bits = bits;
    return table;
}

static void tables_free(struct table *table)
{
    for (struct table *former; table; table = former) {
        former = table->former;
        os_pages_free(table, table_size(table->bits));
    }
}

/* Blocks of one page have neighbouring buckets: what is not used of the table is not touched. */
static struct jit_block *_Atomic *bucket_in(struct table *table, gpa at, uint64_t key)
{
    enum { NEAR_BITS = 6 };
    uint64_t page = ((at >> MEM_PAGE_BITS ^ key << 20) * 0x9e3779b97f4a7c15) >> (64 - table->bits + NEAR_BITS);
    return &table->buckets[page << NEAR_BITS | ((at >> 1 ^ at >> 7) & ((1 << NEAR_BITS) - 1))];
}

struct jit_block *_Atomic *jit_cache_bucket(const struct jit_cache *cache, gpa at, uint64_t key)
{
    return bucket_in(atomic_load_explicit(&cache->table, memory_order_acquire), at, key);
}

static void table_put(struct table *table, struct jit_block *block)
{
    struct jit_block *_Atomic *bucket = bucket_in(table, block->at, block->key);
    atomic_store(&block->next, atomic_load(bucket));
    atomic_store_explicit(bucket, block, memory_order_release);
}

/* The former ones stay: readers may stand in them, and all together they are less than the new one. */
static void table_grow(struct jit_cache *cache)
{
    struct table *former = atomic_load(&cache->table), *table;
    if (former->bits >= TABLE_BITS_MAX || !(table = table_new(former->bits + TABLE_STEP)))
        return;
    table->former = former;
    for (struct page *page = cache->oldest; page; page = page->newer)
        for (struct jit_block *block = page->blocks; block; block = block->page_next)
            table_put(table, block);
    atomic_store(&cache->table, table);
}

void jit_cache_keep(struct jit_cache *cache, size_t bytes)
{
    cache->look_at = cache->room = cache->room_min = bytes;
    cache->pool.large = bytes > JIT_ROOM_MIN;
}

int jit_cache_new(struct jit_cache **out, struct mem_space *space, size_t limit)
{
    struct jit_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return -STATUS_resource;
    struct table *table = table_new(TABLE_BITS);
    if (!table) {
        free(cache);
        return -STATUS_resource;
    }
    atomic_store(&cache->table, table);
    os_mutex_init(&cache->lock, OS_RANK_code);
    map_init(&cache->pages);
    cache->space = space;
    cache->limit = limit;
    jit_cache_keep(cache, JIT_ROOM_MIN);
    *out = cache;
    return 0;
}

static size_t ops_size(const struct ir_block *ir) { return ir->nops * sizeof *ir->ops; }
static size_t insns_size(const struct ir_block *ir) { return ir->ninsns * sizeof *ir->insns; }

static size_t size_of(const struct ir_block *ir, unsigned nspans, unsigned nbytes)
{
    return sizeof(struct jit_block) + ops_size(ir) + insns_size(ir) + nspans * sizeof(struct jit_span) + nbytes;
}

size_t jit_block_size(const struct jit_block *block) { return size_of(&block->ir, block->nspans, block->nbytes); }

const struct jit_span *jit_block_spans(const struct jit_block *block) { return (const void *)(block->ir.insns + block->ir.ninsns); }

static struct jit_block *block_new(struct jit_cache *cache, const struct ir_block *ir, const struct jit_source *source)
{
    unsigned nspans = source ? source->nspans : 0, nbytes = source ? source->nbytes : 0;
    struct jit_block *block = jit_pool_take(&cache->pool, size_of(ir, nspans, nbytes));
    if (!block)
        return NULL;
    *block = (struct jit_block){.ir = *ir, .nspans = (uint8_t)nspans, .nbytes = (uint16_t)nbytes};
    block->ir.ops = (struct ir_op *)(void *)(block + 1);
    block->ir.insns = (struct ir_insn *)(void *)((char *)block->ir.ops + ops_size(ir));
    if (ir->nops)
        memcpy(block->ir.ops, ir->ops, ops_size(ir));
    if (ir->ninsns)
        memcpy(block->ir.insns, ir->insns, insns_size(ir));
    if (nspans) {
        struct jit_span *spans = (void *)(block->ir.insns + ir->ninsns);
        memcpy(spans, source->spans, nspans * sizeof *spans);
        memcpy(spans + nspans, source->bytes, nbytes);
    }
    return block;
}

static void block_free(struct jit_cache *cache, struct jit_block *block) { jit_pool_give(&cache->pool, block, jit_block_size(block)); }

static void blocks_free(struct jit_cache *cache, struct jit_block *block)
{
    for (struct jit_block *next; block; block = next) {
        next = block->page_next;
        block_free(cache, block);
    }
}

void jit_cache_free(struct jit_cache *cache)
{
    if (!cache)
        return;
    for (struct page *page = cache->oldest, *newer; page; page = newer) {
        newer = page->newer;
        blocks_free(cache, page->blocks);
        blocks_free(cache, page->hidden);
        free(page);
    }
    blocks_free(cache, cache->retired);
    for (struct straddler *s = cache->straddlers, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    tables_free(atomic_load(&cache->table));
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

uint64_t jit_cache_open_epoch(struct jit_cache *cache)
{
    uint64_t epoch = atomic_load(&cache->epoch);
    do
        atomic_store(&cache->untold, epoch + 1); /* before anybody can see it */
    while (!atomic_compare_exchange_weak(&cache->epoch, &epoch, epoch + 1));
    return epoch + 1;
}

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
    struct jit_block *block = atomic_load_explicit(jit_cache_bucket(cache, at, key), memory_order_acquire);
    while (block && (block->at != at || block->key != key || block->second != second))
        block = atomic_load_explicit(&block->next, memory_order_acquire);
    return block;
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

static bool note_straddler(struct jit_cache *cache, struct jit_block *block)
{
    struct straddler *s = malloc(sizeof *s);
    if (!s)
        return false;
    *s = (struct straddler){.block = block, .next = cache->straddlers};
    cache->straddlers = s;
    return true;
}

uint64_t jit_cache_drops(const struct jit_cache *cache) { return atomic_load(&cache->drops); }

void jit_cache_put(struct jit_cache *cache, struct page *page, struct jit_block *block)
{
    if (cache->blocks >> atomic_load(&cache->table)->bits)
        table_grow(cache);
    table_put(atomic_load(&cache->table), block);
    block->page_next = page->blocks;
    page->blocks = block;
    page->idle = 0;
    cache->blocks++;
}

static struct jit_block *add(struct jit_cache *cache, struct page *page, gpa at, gpa second, uint64_t key, const struct ir_block *ir,
                             const struct jit_source *source)
{
    bool changes = jit_policy_changes(&cache->storms, page->at);
    struct jit_block *block = block_new(cache, ir, changes && second == at ? source : NULL);
    if (!block)
        return NULL;
    block->at = at;
    block->second = second;
    block->key = key;
    block->heat.backoff = (uint8_t)jit_policy_backoff(&cache->storms, page->at);
    if (second != at && !note_straddler(cache, block)) {
        block_free(cache, block);
        return NULL;
    }
    jit_cache_put(cache, page, block);
    cache->bytes += jit_block_size(block);
    cache->room = jit_policy_room(&cache->regrets, at, key, jit_block_size(block), cache->room, cache->room_min);
    return block;
}

struct jit_block *jit_cache_add(struct jit_cache *cache, gpa at, gpa second, uint64_t key, const struct ir_block *ir,
                                const struct jit_source *source, uint64_t drops)
{
    os_mutex_lock(&cache->lock);
    bool alone = cache->readers && !cache->readers->next; /* the one that has looked just now */
    struct jit_block *block = alone ? NULL : jit_cache_find(cache, at, second, key);
    struct page *page = !block && atomic_load(&cache->drops) == drops ? page_of(cache, align_down(at, MEM_PAGE)) : NULL;
    if (page)
        block = add(cache, page, at, second, key, ir, source);
    if (page)
        jit_cache_make_room(cache, page);
    jit_cache_close_drops(cache);
    os_mutex_unlock(&cache->lock);
    return block;
}

struct jit_block *jit_cache_revive(struct jit_cache *cache, gpa at, uint64_t key, uint64_t drops)
{
    if (!atomic_load(&cache->nhidden))
        return NULL;
    os_mutex_lock(&cache->lock);
    struct jit_block *block = jit_cache_find(cache, at, at, key);
    struct page *page = !block && atomic_load(&cache->drops) == drops ? map_get(&cache->pages, align_down(at, MEM_PAGE)) : NULL;
    for (struct jit_block **link = page ? &page->hidden : NULL; link && *link; link = &(*link)->page_next) {
        if ((*link)->at != at || (*link)->key != key || !jit_cache_same_bytes(cache, *link))
            continue;
        block = *link;
        *link = block->page_next;
        page->nhidden--;
        atomic_fetch_sub(&cache->nhidden, 1);
        atomic_store(&block->retired, 0);
        jit_cache_put(cache, page, block);
        cache->revived++;
        break;
    }
    os_mutex_unlock(&cache->lock);
    return block;
}

bool jit_cache_watch(struct jit_cache *cache, gpa page) { return mem_page_code(cache->space, page); }

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
uint64_t jit_cache_kept(const struct jit_cache *cache) { return cache->kept; }
uint64_t jit_cache_revived(const struct jit_cache *cache) { return cache->revived; }
uint64_t jit_cache_forgotten(const struct jit_cache *cache) { return cache->forgotten; }
