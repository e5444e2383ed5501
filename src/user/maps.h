/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the guest has mapped: sorted, never overlapping, neighbours that continue each other are one. The kernel holds the truth about bytes;
 * this knows what it cannot tell: the guest's own protection (nothing of it is executable for the host) and where there is room.
 * Not locked.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { USER_PROT_BTI = 0x10 }; /* of arm64: landings are looked at */

struct user_map {
    uint64_t start, end;
    int prot;               /* PROT_*, as the guest asked; or USER_PROT_BTI */
    int flags;              /* MAP_SHARED, MAP_PRIVATE, MAP_GROWSDOWN */
    uint64_t offset;        /* in the file */
    uint64_t device, inode; /* 0: no file */
    char *name;             /* owned; NULL: anonymous */
};

struct user_maps {
    struct user_map *list;
    size_t count, room;
};

void user_maps_fini(struct user_maps *maps);
const struct user_map *user_maps_find(const struct user_maps *maps, uint64_t at);  /* NULL: nothing there */
const struct user_map *user_maps_after(const struct user_maps *maps, uint64_t at); /* the first that ends beyond at; NULL: none */
/* Replaces what [map->start, map->end) held; name is copied. */
int user_maps_set(struct user_maps *maps, const struct user_map *map) NODISCARD;
int user_maps_clear(struct user_maps *maps, uint64_t start, uint64_t end) NODISCARD;
/* of all mappings within; the parts become mappings of their own */
int user_maps_protect(struct user_maps *maps, uint64_t start, uint64_t end, int prot) NODISCARD;
bool user_maps_covers(const struct user_maps *maps, uint64_t start, uint64_t end);   /* without a hole */
uint64_t user_maps_hole(const struct user_maps *maps, uint64_t start, uint64_t end); /* where the first hole begins; end: there is none */
/* The highest free range of `size` bytes (a multiple of a page) in [low, high); 0: none. */
uint64_t user_maps_room(const struct user_maps *maps, uint64_t low, uint64_t high, uint64_t size);
