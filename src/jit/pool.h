/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory for many things of a few hundred bytes that come and go: no headers, and fresh pages are asked for some at a time, which costs a
 * fraction of faults one by one. Who gives back says the size again. Not for several threads at once.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JIT_POOL_UNIT = 32, JIT_POOL_LARGE = 4096 /* from there on it is malloc's */, JIT_POOL_CLASSES = JIT_POOL_LARGE / JIT_POOL_UNIT };

struct jit_pool {
    struct jit_pool_slab *slabs;
    size_t nslabs;
    bool large;                                    /* in large pages, once it has grown: more speed for more memory */
    uint8_t *at, *ready, *end;                     /* of the newest slab: not taken yet; has pages; all */
    struct jit_pool_piece *free[JIT_POOL_CLASSES]; /* by size in units, */
    uint64_t some[JIT_POOL_CLASSES / 64];          /* and a bit for each list that has any */
};

void *jit_pool_take(struct jit_pool *pool, size_t size); /* of any contents, aligned to 16 bytes; NULL: out of memory */
void jit_pool_give(struct jit_pool *pool, void *piece, size_t size);
void jit_pool_fini(struct jit_pool *pool); /* small pieces need not be given back before */
