/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The map of map.h: linear probing at a load of at most 3/4; removal shifts the entries behind back, so there are no
 * tombstones and a probe always ends at a free slot.
 */
#include "base/map.h"
#include "base/bits.h"
#include <stdlib.h>

static size_t map_home(const struct map *map, uint64_t key)
{
    /* Addresses differ in few bits: the multiplication spreads them into the high half, which the fold brings down. */
    uint64_t h = key * 0x9e3779b97f4a7c15ull;

    return (size_t)(h ^ h >> 32) & (map->room - 1);
}

/* The slot that holds key, or the free one where it would go. room must not be 0. */
static struct map_slot *map_probe(const struct map *map, uint64_t key)
{
    size_t i = map_home(map, key);

    while (map->slots[i].value && map->slots[i].key != key)
        i = (i + 1) & (map->room - 1);
    return &map->slots[i];
}

void map_init(struct map *map) { *map = (struct map){0}; }

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

void *map_get(const struct map *map, uint64_t key) { return map->room ? map_probe(map, key)->value : NULL; }

static int map_grow(struct map *map)
{
    struct map bigger = {.room = map->room ? map->room * 2 : 16, .count = map->count};

    bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -STATUS_resource;
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i].value)
            *map_probe(&bigger, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = bigger;
    return 0;
}

int map_set(struct map *map, uint64_t key, void *value)
{
    struct map_slot *slot = map->room ? map_probe(map, key) : NULL;

    if (!slot || (!slot->value && (map->count + 1) * 4 > map->room * 3)) {
        int status = map_grow(map);

        if (status)
            return status;
        slot = map_probe(map, key);
    }
    if (!slot->value)
        map->count++;
    *slot = (struct map_slot){key, value};
    return 0;
}

void *map_remove(struct map *map, uint64_t key)
{
    struct map_slot *slot = map->room ? map_probe(map, key) : NULL;
    size_t hole, mask = map->room - 1;
    void *value;

    if (!slot || !slot->value)
        return NULL;
    value = slot->value;
    hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        size_t home = map_home(map, map->slots[i].key);

        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its home is not behind the hole: it may move there */
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].value = NULL;
    map->count--;
    return value;
}

void map_clear(struct map *map)
{
    if (map->room)
        memset(map->slots, 0, map->room * sizeof(*map->slots));
    map->count = 0;
}

const struct map_slot *map_next(const struct map *map, size_t *at)
{
    while (*at < map->room) {
        const struct map_slot *slot = &map->slots[(*at)++];

        if (slot->value)
            return slot;
    }
    return NULL;
}
