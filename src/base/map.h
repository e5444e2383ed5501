/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A hash map from uint64_t to pointers that are not NULL. Open addressing; one allocation; the values stay the caller's.
 * Not locked. Removing while iterating is not allowed.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

struct map_slot {
    uint64_t key;
    void *value; /* NULL: free slot */
};

struct map {
    struct map_slot *slots;
    size_t room, count; /* room: 0 or a power of two */
};

void map_init(struct map *map);
void map_fini(struct map *map);
void *map_get(const struct map *map, uint64_t key);                /* NULL: not there */
int map_set(struct map *map, uint64_t key, void *value) NODISCARD; /* adds or replaces; fails only without memory */
void *map_remove(struct map *map, uint64_t key);                   /* what was there */
void map_clear(struct map *map);                                   /* keeps the memory */
/* Visits every entry in no order: `for (size_t at = 0; (slot = map_next(map, &at));)`. */
const struct map_slot *map_next(const struct map *map, size_t *at);
