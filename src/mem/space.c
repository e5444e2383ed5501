/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The physical address space: a sorted array of regions, built before vCPUs run and read without locks afterwards.
 * The list of written code pages is the one part that changes while they run; its lock is the innermost of all.
 */
#include "mem/space.h"
#include "base/bits.h"
#include "mem/ram.h"
#include <stdatomic.h>
#include <stdlib.h>

struct mem_space {
    struct mem_region *regions;
    size_t nregions;
    size_t largest;       /* of the regions of RAM: nearly every address lies there */
    struct os_mutex lock; /* guards written */
    gpa *written;
    size_t nwritten, capacity;
    _Atomic bool any_written;
    bool lost; /* the list could not grow: the pages' flags tell */
};

int mem_space_new(struct mem_space **out)
{
    struct mem_space *space = calloc(1, sizeof *space);
    if (!space)
        return -STATUS_resource;
    os_mutex_init(&space->lock, OS_RANK_pages);
    *out = space;
    return 0;
}

void mem_space_free(struct mem_space *space)
{
    if (!space)
        return;
    for (size_t i = 0; i < space->nregions; i++) {
        free((void *)(uintptr_t)space->regions[i].pages);
        if (space->regions[i].memory.host)
            os_memory_free(&space->regions[i].memory);
    }
    os_mutex_fini(&space->lock);
    free(space->written);
    free(space->regions);
    free(space);
}

/* Inserts at its sorted place; the region is the space's from then on. */
static int add(struct mem_space *space, const struct mem_region *region, struct err *err)
{
    uint64_t unit = region->kind == MEM_DEVICE ? 4 : MEM_PAGE;
    if (!region->size || region->base % unit || region->size % unit || region->base + region->size < region->base)
        return err_set(err, STATUS_config, "region %s at 0x%llx of 0x%llx bytes is not a whole number of %s", region->name,
                       (unsigned long long)region->base, (unsigned long long)region->size, unit == 4 ? "words" : "pages");
    size_t at = 0;
    for (; at < space->nregions && space->regions[at].base < region->base + region->size; at++) {
        const struct mem_region *other = &space->regions[at];
        if (region->base < other->base + other->size)
            return err_set(err, STATUS_config, "region %s at 0x%llx overlaps %s at 0x%llx", region->name, (unsigned long long)region->base,
                           other->name, (unsigned long long)other->base);
    }
    struct mem_region *grown = realloc(space->regions, (space->nregions + 1) * sizeof *grown);
    if (!grown)
        return err_set(err, STATUS_resource, "out of memory for region %s", region->name);
    space->regions = grown;
    memmove(grown + at + 1, grown + at, (space->nregions - at) * sizeof *grown);
    grown[at] = *region;
    space->nregions++;
    for (size_t i = 0; i < space->nregions; i++)
        if (grown[i].kind == MEM_RAM && (grown[space->largest].kind != MEM_RAM || grown[i].size > grown[space->largest].size))
            space->largest = i;
    return 0;
}

static int add_memory(struct mem_space *space, struct mem_region *region, const void *data, size_t len, struct err *err)
{
    int rc = os_memory_new(&region->memory, region->name, region->size, err);
    if (rc)
        return rc;
    region->host = region->memory.host;
    if (len)
        memcpy(region->host, data, len);
    if (region->kind == MEM_RAM) {
        region->pages = calloc(region->size >> MEM_PAGE_BITS, 1);
        if (!region->pages)
            rc = err_set(err, STATUS_resource, "out of memory for the page flags of %s", region->name);
    }
    if (!rc)
        rc = add(space, region, err);
    if (rc) {
        free((void *)(uintptr_t)region->pages);
        os_memory_free(&region->memory);
    }
    return rc;
}

int mem_space_add_ram(struct mem_space *space, const char *name, gpa base, uint64_t size, struct err *err)
{
    struct mem_region region = {.kind = MEM_RAM, .base = base, .size = size, .name = name};
    return add_memory(space, &region, NULL, 0, err);
}

int mem_space_add_rom(struct mem_space *space, const char *name, gpa base, uint64_t size, const void *data, size_t len, struct err *err)
{
    struct mem_region region = {.kind = MEM_ROM, .base = base, .size = size, .name = name};
    if (len > size)
        return err_set(err, STATUS_config, "%s holds %llu bytes, %zu do not fit", name, (unsigned long long)size, len);
    return add_memory(space, &region, data, len, err);
}

int mem_space_add_flat(struct mem_space *space, struct err *err)
{
    struct mem_region region = {.kind = MEM_RAM, .base = MEM_FLAT_BASE, .size = MEM_FLAT_END - MEM_FLAT_BASE, .name = "process"};
    region.host = (uint8_t *)(uintptr_t)MEM_FLAT_BASE;
    return add(space, &region, err);
}

int mem_space_add_device(struct mem_space *space, const char *name, gpa base, uint64_t size, const struct mem_ops *ops, void *self,
                         struct os_mutex *lock, struct err *err)
{
    struct mem_region region = {.kind = MEM_DEVICE, .base = base, .size = size, .name = name, .ops = ops, .self = self, .lock = lock};
    return add(space, &region, err);
}

int mem_space_add_banked(struct mem_space *space, const char *name, gpa base, uint64_t size, const struct mem_ops *ops, void *const *banks,
                         unsigned nbanks, struct os_mutex *lock, struct err *err)
{
    struct mem_region region = {.kind = MEM_DEVICE, .base = base, .size = size, .name = name, .ops = ops, .lock = lock};
    region.banks = banks;
    region.nbanks = nbanks;
    return add(space, &region, err);
}

const struct mem_region *mem_space_find(const struct mem_space *space, gpa at)
{
    size_t low = 0, high = space->nregions;
    if (high && at - space->regions[space->largest].base < space->regions[space->largest].size)
        return &space->regions[space->largest];
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct mem_region *region = &space->regions[middle];
        if (at < region->base)
            high = middle;
        else if (at - region->base >= region->size)
            low = middle + 1;
        else
            return region;
    }
    return NULL;
}

size_t mem_space_regions(const struct mem_space *space, const struct mem_region **out)
{
    *out = space->regions;
    return space->nregions;
}

static bool device_takes(const struct mem_region *region, uint64_t offset, unsigned size)
{
    return bits_pow2(size) && (region->ops->sizes & size) && offset % size == 0;
}

/* Accessors without a bank of their own get the first one. */
static void *device_self(const struct mem_region *region, unsigned who)
{
    return region->banks ? region->banks[who < region->nbanks ? who : 0] : region->self;
}

bool mem_load_by(const struct mem_space *space, unsigned who, gpa at, unsigned size, uint64_t *value)
{
    const struct mem_region *region = mem_space_find(space, at);
    if (!region || size > 8 || size > region->size - (at - region->base))
        return false;
    uint64_t offset = at - region->base;
    *value = 0;
    if (region->kind != MEM_DEVICE) {
        ram_read(value, region->host + offset, size);
        return true;
    }
    if (!device_takes(region, offset, size))
        return false;
    if (region->lock)
        os_mutex_lock(region->lock);
    bool ok = region->ops->read(device_self(region, who), offset, size, value);
    if (region->lock)
        os_mutex_unlock(region->lock);
    if (size < 8)
        *value &= (1ull << size * 8) - 1;
    return ok;
}

bool mem_store_by(const struct mem_space *space, unsigned who, gpa at, unsigned size, uint64_t value)
{
    const struct mem_region *region = mem_space_find(space, at);
    if (!region || size > 8 || size > region->size - (at - region->base) || region->kind == MEM_ROM)
        return false;
    uint64_t offset = at - region->base;
    if (region->kind == MEM_RAM) {
        ram_write(region->host + offset, &value, size);
        mem_note_write(space, at, size);
        return true;
    }
    if (!device_takes(region, offset, size))
        return false;
    if (region->lock)
        os_mutex_lock(region->lock);
    bool ok = region->ops->write(device_self(region, who), offset, size, value);
    if (region->lock)
        os_mutex_unlock(region->lock);
    return ok;
}

/* Is all of [at, at+len) covered by memory that may be read (written: RAM only)? Regions may be adjacent. */
static bool covered(const struct mem_space *space, gpa at, uint64_t len, bool write)
{
    if (at + len < at)
        return false;
    while (len) {
        const struct mem_region *region = mem_space_find(space, at);
        if (!region || region->kind == MEM_DEVICE || (write && region->kind != MEM_RAM))
            return false;
        uint64_t part = region->size - (at - region->base);
        if (part >= len)
            return true;
        at += part;
        len -= part;
    }
    return true;
}

bool mem_read(const struct mem_space *space, gpa at, void *buf, uint64_t len)
{
    if (!covered(space, at, len, false))
        return false;
    for (uint8_t *to = buf; len;) {
        const struct mem_region *region = mem_space_find(space, at);
        uint64_t part = region->size - (at - region->base);
        part = part < len ? part : len;
        ram_read(to, region->host + (at - region->base), part);
        at += part, to += part, len -= part;
    }
    return true;
}

bool mem_write(const struct mem_space *space, gpa at, const void *buf, uint64_t len)
{
    enum { LARGE = 1 << 18 };
    if (!covered(space, at, len, true))
        return false;
    for (const uint8_t *from = buf; len;) {
        const struct mem_region *region = mem_space_find(space, at);
        uint64_t part = region->size - (at - region->base);
        part = part < len ? part : len;
        if (part >= LARGE && region->memory.host)
            os_memory_put(&region->memory, at - region->base, from, part);
        else
            ram_write(region->host + (at - region->base), from, part);
        mem_note_write(space, at, part);
        at += part, from += part, len -= part;
    }
    return true;
}

uint8_t *mem_ram(const struct mem_space *space, gpa at, uint64_t len)
{
    const struct mem_region *region = mem_space_find(space, at);
    if (!region || region->kind != MEM_RAM || len > region->size - (at - region->base))
        return NULL;
    return region->host + (at - region->base);
}

/* ---- pages with translated code ---- */

static void push_written(struct mem_space *space, gpa page)
{
    os_mutex_lock(&space->lock);
    if (space->nwritten == space->capacity) {
        size_t capacity = space->capacity ? space->capacity * 2 : 64;
        gpa *grown = realloc(space->written, capacity * sizeof *grown);
        if (grown) {
            space->written = grown;
            space->capacity = capacity;
        }
    }
    if (space->nwritten < space->capacity)
        space->written[space->nwritten++] = page;
    else
        space->lost = true;
    atomic_store(&space->any_written, true);
    os_mutex_unlock(&space->lock);
}

void mem_note_write(const struct mem_space *space, gpa at, uint64_t len)
{
    const struct mem_region *region = mem_space_find(space, at);
    if (!region || region->kind != MEM_RAM || !region->pages || !len)
        return;
    uint64_t offset = at - region->base;
    if (len > region->size - offset)
        len = region->size - offset;
    atomic_thread_fence(memory_order_seq_cst); /* the bytes stand before the flags are read: whoever sets MEM_PAGE_code next reads them */
    for (uint64_t i = offset >> MEM_PAGE_BITS; i <= (offset + len - 1) >> MEM_PAGE_BITS; i++) {
        if ((atomic_load_explicit(&region->pages[i], memory_order_relaxed) & (MEM_PAGE_code | MEM_PAGE_written)) != MEM_PAGE_code)
            continue;
        if (!(atomic_fetch_or(&region->pages[i], MEM_PAGE_written) & MEM_PAGE_written))
            push_written((struct mem_space *)(uintptr_t)space, region->base + (i << MEM_PAGE_BITS));
    }
}

static _Atomic uint8_t *page_flags(const struct mem_space *space, gpa page)
{
    const struct mem_region *region = mem_space_find(space, page);
    return region && region->kind == MEM_RAM && region->pages ? &region->pages[(page - region->base) >> MEM_PAGE_BITS] : NULL;
}

bool mem_page_code(const struct mem_space *space, gpa page)
{
    _Atomic uint8_t *flags = page_flags(space, page);
    return flags && (atomic_fetch_or(flags, MEM_PAGE_code) & (MEM_PAGE_code | MEM_PAGE_fast)) == MEM_PAGE_fast;
}

bool mem_page_code_again(const struct mem_space *space, gpa page)
{
    _Atomic uint8_t *flags = page_flags(space, page);
    return flags && (atomic_fetch_and(flags, (uint8_t)~MEM_PAGE_written) & MEM_PAGE_fast);
}

void mem_page_slow_writes(const struct mem_space *space, gpa page)
{
    _Atomic uint8_t *flags = page_flags(space, page);
    if (flags)
        atomic_fetch_and(flags, (uint8_t)~MEM_PAGE_fast);
}

/* Pages of the host that the guest is about to write are got several at a time: faults for each of them took a quarter of a kernel's boot. */
static void get_neighbours(const struct mem_space *space, gpa page)
{
    enum { TOGETHER = 16 << MEM_PAGE_BITS };
    const struct mem_region *region = mem_space_find(space, page);
    uint64_t first = align_down(page - region->base, TOGETHER), left = region->size - first;
    if (!(atomic_fetch_or(&region->pages[first >> MEM_PAGE_BITS], MEM_PAGE_first) & MEM_PAGE_first))
        os_pages_populate(region->host + first, left < TOGETHER ? left : TOGETHER);
}

bool mem_page_fast_write(const struct mem_space *space, gpa page)
{
    _Atomic uint8_t *flags = page_flags(space, page);
    if (!flags)
        return false;
    uint8_t was = atomic_load(flags);
    do {
        if ((was & (MEM_PAGE_code | MEM_PAGE_written)) == MEM_PAGE_code)
            return false;
    } while (!(was & MEM_PAGE_fast) && !atomic_compare_exchange_weak(flags, &was, was | MEM_PAGE_fast));
    if (!(was & MEM_PAGE_fast))
        get_neighbours(space, page);
    return true;
}

bool mem_page_plain(const struct mem_space *space, gpa page)
{
    _Atomic uint8_t *flags = page_flags(space, page);
    return flags && (atomic_load_explicit(flags, memory_order_relaxed) & (MEM_PAGE_code | MEM_PAGE_fast)) == MEM_PAGE_fast;
}

void mem_page_code_gone(const struct mem_space *space, gpa page)
{
    _Atomic uint8_t *flags = page_flags(space, page);
    if (flags)
        atomic_fetch_and(flags, (uint8_t) ~(MEM_PAGE_code | MEM_PAGE_written));
}

bool mem_any_written(const struct mem_space *space) { return atomic_load(&space->any_written); }

/* The list could not grow once: every page is asked. */
static size_t scan_written(const struct mem_space *space, gpa *pages, size_t max)
{
    size_t n = 0;
    for (const struct mem_region *r = space->regions; r < space->regions + space->nregions; r++)
        for (uint64_t i = 0; r->kind == MEM_RAM && r->pages && i < r->size >> MEM_PAGE_BITS && n < max; i++)
            if ((atomic_load(&r->pages[i]) & (MEM_PAGE_code | MEM_PAGE_written)) == (MEM_PAGE_code | MEM_PAGE_written))
                pages[n++] = r->base + (i << MEM_PAGE_BITS);
    return n;
}

size_t mem_take_written(struct mem_space *space, gpa *pages, size_t max)
{
    size_t n = 0;
    os_mutex_lock(&space->lock);
    while (n < max && space->nwritten)
        pages[n++] = space->written[--space->nwritten];
    if (!n && space->lost) {
        n = scan_written(space, pages, max);
        space->lost = n == max;
    }
    atomic_store(&space->any_written, space->nwritten || space->lost);
    os_mutex_unlock(&space->lock);
    return n;
}
