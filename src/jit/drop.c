/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What goes from the block cache: blocks whose bytes were written, and those that make room. Of a page that is written again and again the
 * blocks remember their bytes: those that are still the same stay, and some of the others are hidden for the case that theirs come back, as they
 * do where jumps are patched.
 */
#include "base/bits.h"
#include "jit/cache_impl.h"
#include "jit/compile.h"
#include "mem/ram.h"
#include <stdlib.h>
#include <string.h>

enum { COLD_STEP = 256 << 10 /* bytes that are looked for at once */, ROOM = 8 /* the part of the limit that a full cache frees */ };

static void unlink_block(struct jit_cache *cache, struct jit_block *block)
{
    struct jit_block *_Atomic *at = jit_cache_bucket(cache, block->at, block->key);
    for (struct jit_block *b = atomic_load(at); b; at = &b->next, b = atomic_load(at))
        if (b == block) {
            atomic_store(at, atomic_load(&block->next)); /* block->next stays: a reader may stand on it */
            break;
        }
    cache->blocks--;
}

/* Readers learn of it one by one as long as there are few. */
static void tell(struct jit_cache *cache, const struct jit_block *block, const uint8_t *entry)
{
    struct gone_ring *ring = &cache->gone[entry != NULL];
    struct jit_gone *gone = &ring->gone[ring->n % GONE];
    if (ring->n >= GONE && gone->epoch > ring->from)
        ring->from = gone->epoch;
    *gone = (struct jit_gone){.block = block, .entry = entry, .at = block->at, .epoch = atomic_load(&cache->epoch) + 1};
    ring->n++;
    cache->retiring = true;
}

/* Adds to the n of out; -1: too many. */
static int list_gone(const struct gone_ring *ring, uint64_t since, struct jit_gone *out, int n)
{
    if (ring->from > since)
        return -1;
    for (uint64_t i = 1; i <= GONE && i <= ring->n && ring->gone[(ring->n - i) % GONE].epoch > since; i++) {
        if (n == JIT_GONE_MAX)
            return -1;
        out[n++] = ring->gone[(ring->n - i) % GONE];
    }
    return n;
}

int jit_cache_gone(struct jit_cache *cache, uint64_t since, struct jit_gone out[JIT_GONE_MAX], bool *cold)
{
    os_mutex_lock(&cache->lock);
    int n = atomic_load(&cache->untold) > since ? -1 : list_gone(&cache->gone[true], since, out, 0);
    int all = n < 0 ? n : list_gone(&cache->gone[false], since, out, n);
    os_mutex_unlock(&cache->lock);
    *cold = all < 0;
    return *cold ? n : all;
}

void jit_cache_uncover(struct jit_cache *cache, struct jit_block *block)
{
    os_mutex_lock(&cache->lock);
    const uint8_t *entry = jit_compile_uncover(cache->compiler, block);
    if (entry)
        tell(cache, block, entry);
    jit_cache_close_drops(cache);
    os_mutex_unlock(&cache->lock);
}

/* Nothing finds it any more; freed when all readers have seen the next epoch. The entry of the code that it had. */
static const uint8_t *discard(struct jit_cache *cache, struct jit_block *block)
{
    cache->bytes -= jit_block_size(block);
    atomic_store(&block->retired, UINT64_MAX); /* nobody compiles it or links to it from here on */
    const uint8_t *entry = cache->compiler ? jit_compile_undo(cache->compiler, block) : NULL;
    /* Only now: until it was unlinked it could be entered by a vCPU that had seen an epoch which somebody else opened meanwhile. */
    atomic_store(&block->retired, atomic_load(&cache->epoch) + 1);
    block->page_next = cache->retired;
    cache->retired = block;
    cache->retiring = true;
    return entry;
}

static void retire(struct jit_cache *cache, struct jit_block *block)
{
    unlink_block(cache, block);
    tell(cache, block, discard(cache, block));
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

static void discard_hidden(struct jit_cache *cache, struct page *page, unsigned keep)
{
    struct jit_block **link = &page->hidden;
    for (unsigned i = 0; i < keep && *link; i++)
        link = &(*link)->page_next;
    for (struct jit_block *block; (block = *link);) {
        *link = block->page_next;
        discard(cache, block);
        page->nhidden--;
        atomic_fetch_sub(&cache->nhidden, 1);
    }
}

/* The caller ends its drops by jit_cache_close_drops. */
static void drop_page(struct jit_cache *cache, gpa at)
{
    drop_straddlers(cache, at);
    struct page *page = map_remove(&cache->pages, at);
    for (struct jit_block *block = page ? page->blocks : NULL, *next; block; block = next) {
        next = block->page_next;
        retire(cache, block);
    }
    if (page) {
        discard_hidden(cache, page, 0);
        forget_page(cache, page);
    }
    atomic_fetch_add(&cache->drops, 1);
    mem_page_code_gone(cache->space, at);
}

void jit_cache_close_drops(struct jit_cache *cache)
{
    if (cache->retiring) /* readers must not keep pointers to what went; where nothing went they keep what they have */
        atomic_fetch_add(&cache->epoch, 1);
    cache->retiring = false;
}

/* ---- changed bytes ---- */

bool jit_cache_same_bytes(const struct jit_cache *cache, const struct jit_block *block)
{
    const struct jit_span *spans = jit_block_spans(block);
    const uint8_t *bytes = (const uint8_t *)(spans + block->nspans),
                  *page = mem_ram(cache->space, align_down(block->at, MEM_PAGE), MEM_PAGE);
    bool same = page && block->nspans;
    for (unsigned i = 0; same && i < block->nspans; i++) {
        uint8_t now[sizeof((struct jit_source *)0)->bytes];
        ram_read(now, page + (block->at & (MEM_PAGE - 1)) + spans[i].offset, spans[i].size);
        same = !memcmp(bytes, now, spans[i].size);
        bytes += spans[i].size;
    }
    return same;
}

static void hide(struct jit_cache *cache, struct page *page, struct jit_block *block)
{
    unlink_block(cache, block);
    atomic_store(&block->retired, UINT64_MAX); /* as long as it is hidden */
    tell(cache, block, cache->compiler ? jit_compile_hide(cache->compiler, block) : NULL);
    block->page_next = page->hidden;
    page->hidden = block;
    page->nhidden++;
    atomic_fetch_add(&cache->nhidden, 1);
}

/* The page is watched again. What vCPUs translate meanwhile is refused, for `drops` counts. */
static void renew_page(struct jit_cache *cache, struct page *page)
{
    drop_straddlers(cache, page->at);
    for (struct jit_block **link = &page->blocks, *block; (block = *link);) {
        enum jit_use use = atomic_load(&block->code) ? JIT_USE_again : jit_policy_fade(&block->use);
        if (use && jit_cache_same_bytes(cache, block)) {
            link = &block->page_next;
            cache->kept++;
            continue;
        }
        *link = block->page_next;
        if (block->nspans && use == JIT_USE_again)
            hide(cache, page, block);
        else
            retire(cache, block);
    }
    if (page->nhidden > HIDDEN_MAX)
        discard_hidden(cache, page, HIDDEN_MAX);
    atomic_fetch_add(&cache->drops, 1);
}

void jit_cache_renew(struct jit_cache *cache, void (*watch_again)(void *arg, gpa page), void *arg)
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
            struct page *page = map_get(&cache->pages, pages[i]);
            if (watch_again && page && jit_policy_changes(&cache->storms, pages[i])) {
                watch_again(arg, pages[i]);
                renew_page(cache, page);
                if (!page->blocks && ++page->idle > IDLE_MAX)
                    drop_page(cache, pages[i]);
            } else {
                drop_page(cache, pages[i]);
            }
            jit_policy_dropped(&cache->storms, pages[i], now);
        }
    jit_cache_close_drops(cache);
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
    jit_cache_close_drops(cache);
    os_mutex_unlock(&cache->lock);
}

/* ---- room ---- */

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
    discard_hidden(cache, page, 0);
    for (struct jit_block **link = &page->blocks, *block; (block = *link);) {
        if (block->second != block->at || atomic_load(&block->code) || jit_policy_spare(&block->use)) {
            stay += jit_block_size(block);
            link = &block->page_next;
            continue;
        }
        *link = block->page_next;
        jit_policy_forgot(&cache->regrets, block->at, block->key);
        retire(cache, block);
        cache->forgotten++;
    }
    return stay;
}

/* Most code of a boot, or of a program's start, runs once. Looked for a little at a time, so that nobody waits; the longer, the more stays. */
static void forget_cold(struct jit_cache *cache, const struct page *but)
{
    size_t before = cache->bytes, stayed = 0;
    while (before - cache->bytes < COLD_STEP && stayed < 2 * COLD_STEP && cache->oldest && cache->oldest != but) {
        struct page *page = cache->oldest;
        stayed += forget_cold_of(cache, page);
        if (page->blocks)
            requeue(cache, page);
        else
            drop_page(cache, page->at);
    }
    cache->look_at = cache->bytes + COLD_STEP > cache->room ? cache->bytes + COLD_STEP : cache->room;
}

void jit_cache_make_room(struct jit_cache *cache, const struct page *but)
{
    if (cache->bytes > cache->look_at)
        forget_cold(cache, but);
    if (cache->bytes > cache->limit)
        while (cache->bytes > cache->limit - cache->limit / ROOM && cache->oldest && cache->oldest != but)
            drop_page(cache, cache->oldest->at);
}
