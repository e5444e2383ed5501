/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A sorted array: programs have tens to thousands of mappings, and look them up far more often than they change them. */
#include "user/maps.h"
#include <stdlib.h>
#include <string.h>

void user_maps_fini(struct user_maps *maps)
{
    for (size_t i = 0; i < maps->count; i++)
        free(maps->list[i].name);
    free(maps->list);
    *maps = (struct user_maps){0};
}

/* The first that ends beyond at. */
static size_t index_after(const struct user_maps *maps, uint64_t at)
{
    size_t low = 0, high = maps->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (maps->list[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct user_map *user_maps_after(const struct user_maps *maps, uint64_t at)
{
    size_t i = index_after(maps, at);
    return i < maps->count ? &maps->list[i] : NULL;
}

const struct user_map *user_maps_find(const struct user_maps *maps, uint64_t at)
{
    const struct user_map *map = user_maps_after(maps, at);
    return map && map->start <= at ? map : NULL;
}

/* Room for two more: what any change needs at most. */
static int reserve(struct user_maps *maps)
{
    if (maps->count + 2 <= maps->room)
        return 0;
    size_t room = maps->room ? maps->room * 2 : 64;
    struct user_map *list = realloc(maps->list, room * sizeof *list);
    if (!list)
        return -STATUS_resource;
    maps->list = list;
    maps->room = room;
    return 0;
}

static void insert(struct user_maps *maps, size_t at, const struct user_map *map)
{
    memmove(&maps->list[at + 1], &maps->list[at], (maps->count - at) * sizeof *map);
    maps->list[at] = *map;
    maps->count++;
}

static void erase(struct user_maps *maps, size_t at, size_t n)
{
    memmove(&maps->list[at], &maps->list[at + n], (maps->count - at - n) * sizeof *maps->list);
    maps->count -= n;
}

/* Cuts a mapping in two at the address, if one spans it. */
static int split(struct user_maps *maps, uint64_t at)
{
    size_t i = index_after(maps, at);
    if (i == maps->count || maps->list[i].start >= at)
        return 0;
    if (reserve(maps))
        return -STATUS_resource;
    struct user_map *low = &maps->list[i], high = *low;
    high.name = low->name ? strdup(low->name) : NULL;
    if (low->name && !high.name)
        return -STATUS_resource;
    high.offset += at - high.start;
    high.start = at;
    low->end = at;
    insert(maps, i + 1, &high);
    return 0;
}

static bool continues(const struct user_map *a, const struct user_map *b)
{
    bool named = a->name && b->name ? !strcmp(a->name, b->name) : a->name == b->name;
    bool file = a->inode || b->inode;
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags && named && a->device == b->device && a->inode == b->inode &&
           (!file || a->offset + (a->end - a->start) == b->offset);
}

/* Joins the mappings around the addresses where they continue each other. */
static void join(struct user_maps *maps, uint64_t start, uint64_t end)
{
    size_t i = index_after(maps, start ? start - 1 : 0);
    while (i + 1 < maps->count && maps->list[i].start <= end) {
        if (!continues(&maps->list[i], &maps->list[i + 1])) {
            i++;
            continue;
        }
        maps->list[i].end = maps->list[i + 1].end;
        free(maps->list[i + 1].name);
        erase(maps, i + 1, 1);
    }
}

int user_maps_clear(struct user_maps *maps, uint64_t start, uint64_t end)
{
    if (split(maps, start) || split(maps, end))
        return -STATUS_resource;
    size_t first = index_after(maps, start), n = 0;
    for (; first + n < maps->count && maps->list[first + n].start < end; n++)
        free(maps->list[first + n].name);
    erase(maps, first, n);
    return 0;
}

int user_maps_set(struct user_maps *maps, const struct user_map *map)
{
    struct user_map copy = *map;
    copy.name = map->name ? strdup(map->name) : NULL;
    if ((map->name && !copy.name) || user_maps_clear(maps, map->start, map->end) || reserve(maps)) {
        free(copy.name);
        return -STATUS_resource;
    }
    insert(maps, index_after(maps, map->start), &copy);
    join(maps, map->start, map->end);
    return 0;
}

int user_maps_protect(struct user_maps *maps, uint64_t start, uint64_t end, int prot)
{
    if (split(maps, start) || split(maps, end))
        return -STATUS_resource;
    for (size_t i = index_after(maps, start); i < maps->count && maps->list[i].start < end; i++)
        maps->list[i].prot = prot;
    join(maps, start, end);
    return 0;
}

uint64_t user_maps_hole(const struct user_maps *maps, uint64_t start, uint64_t end)
{
    for (size_t i = index_after(maps, start); start < end; i++) {
        if (i == maps->count || maps->list[i].start > start)
            return start;
        start = maps->list[i].end;
    }
    return end;
}

bool user_maps_covers(const struct user_maps *maps, uint64_t start, uint64_t end) { return user_maps_hole(maps, start, end) == end; }

uint64_t user_maps_room(const struct user_maps *maps, uint64_t low, uint64_t high, uint64_t size)
{
    size_t i = index_after(maps, high - 1);
    uint64_t top = high;
    if (i < maps->count && maps->list[i].start < top)
        top = maps->list[i].start;
    for (;; i--) {
        uint64_t bottom = i ? maps->list[i - 1].end : low;
        bottom = bottom < low ? low : bottom;
        if (top > bottom && top - bottom >= size)
            return top - size;
        if (!i || maps->list[i - 1].start <= low)
            return 0;
        top = maps->list[i - 1].start;
    }
}
