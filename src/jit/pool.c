/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A list of free pieces for each size, in units; a piece of a larger size is cut when there is none. Pieces are never joined again. */
#include "jit/pool.h"
#include "os/os.h"
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) };
#else
enum { SANITIZED = 0 };
#endif
enum {
    SLAB = 1 << 20,
    SMALL = 4 /* slabs, before the others are large pages */,
    STEP = 1 << 16 /* bytes of fresh memory at once */,
    CUT = 8 /* units: the least that is left of a cut piece */
};

struct jit_pool_slab {
    struct jit_pool_slab *next;
    size_t size;
    uint8_t pad[JIT_POOL_UNIT - sizeof(void *) - sizeof(size_t)];
};

struct jit_pool_piece {
    struct jit_pool_piece *next;
};

/* The sanitizer sees what malloc does only. */
static bool by_malloc(size_t n) { return SANITIZED || n >= JIT_POOL_CLASSES; }
static size_t units(size_t size) { return size ? (size + JIT_POOL_UNIT - 1) / JIT_POOL_UNIT : 1; }

static void put(struct jit_pool *pool, void *at, size_t n)
{
    struct jit_pool_piece *piece = at;
    piece->next = pool->free[n];
    pool->free[n] = piece;
    pool->some[n / 64] |= 1ull << n % 64;
}

static void *get(struct jit_pool *pool, size_t n)
{
    struct jit_pool_piece *piece = pool->free[n];
    if (piece && !(pool->free[n] = piece->next))
        pool->some[n / 64] &= ~(1ull << n % 64);
    return piece;
}

static void *cut(struct jit_pool *pool, size_t n)
{
    for (size_t larger = n + CUT; larger < JIT_POOL_CLASSES; larger = (larger | 63) + 1) {
        uint64_t some = pool->some[larger / 64] >> larger % 64;
        if (!some)
            continue;
        larger += (size_t)__builtin_ctzll(some);
        uint8_t *piece = get(pool, larger);
        put(pool, piece + n * JIT_POOL_UNIT, larger - n);
        return piece;
    }
    return NULL;
}

static bool new_slab(struct jit_pool *pool)
{
    bool large = pool->large && pool->nslabs >= SMALL;
    size_t size = large ? (size_t)OS_LARGE_PAGE : SLAB;
    struct jit_pool_slab *slab = large ? os_pages_new_large(size) : os_pages_new(size);
    if (!slab)
        return false;
    os_pages_populate(slab, STEP);
    size_t left = (size_t)(pool->end - pool->at) / JIT_POOL_UNIT;
    if (left) /* less than what was asked for */
        put(pool, pool->at, left);
    slab->next = pool->slabs;
    slab->size = size;
    pool->slabs = slab;
    pool->nslabs++;
    pool->ready = (uint8_t *)slab + STEP;
    pool->at = (uint8_t *)(slab + 1);
    pool->end = (uint8_t *)slab + size;
    return true;
}

static void *fresh(struct jit_pool *pool, size_t n)
{
    size_t size = n * JIT_POOL_UNIT;
    if ((size_t)(pool->end - pool->at) < size && !new_slab(pool))
        return NULL;
    uint8_t *piece = pool->at;
    pool->at += size;
    while (pool->at > pool->ready) {
        os_pages_populate(pool->ready, STEP);
        pool->ready += STEP;
    }
    return piece;
}

void *jit_pool_take(struct jit_pool *pool, size_t size)
{
    size_t n = units(size);
    if (by_malloc(n))
        return malloc(size);
    void *piece = get(pool, n);
    if (!piece)
        piece = cut(pool, n);
    return piece ? piece : fresh(pool, n);
}

void jit_pool_give(struct jit_pool *pool, void *piece, size_t size)
{
    size_t n = units(size);
    if (!piece)
        return;
    if (by_malloc(n))
        free(piece);
    else
        put(pool, piece, n);
}

void jit_pool_fini(struct jit_pool *pool)
{
    for (struct jit_pool_slab *slab = pool->slabs, *next; slab; slab = next) {
        next = slab->next;
        os_pages_free(slab, slab->size);
    }
    *pool = (struct jit_pool){0};
}
