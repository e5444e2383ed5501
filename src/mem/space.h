/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's physical address space: RAM, ROM and device windows. The machine builds it; vCPUs and devices read it
 * without locks. Regions never overlap; nothing may be added while vCPUs run (what hot-plugs owns a window from the start).
 */
#pragma once
#include "base/err.h"
#include "os/os.h"
#include <stdbool.h>
#include <stdint.h>

typedef uint64_t gva; /* guest virtual address */
typedef uint64_t gpa; /* guest physical address */

enum { MEM_PAGE_BITS = 12, MEM_PAGE = 1 << MEM_PAGE_BITS };

/* Flat memory (user mode): guest addresses are the host's; those from here on are vm's own. The first page is nobody's. */
#define MEM_FLAT_BASE 0x1000ull
#define MEM_FLAT_END  (1ull << 46)

/* A device's registers. offset is from the start of its window; size is 1, 2, 4 or 8 and offset is a multiple of it
 * (the space splits or refuses others). false: the device refuses, the guest gets an access fault. The device's lock is held. */
struct mem_ops {
    bool (*read)(void *self, uint64_t offset, unsigned size, uint64_t *value);
    bool (*write)(void *self, uint64_t offset, unsigned size, uint64_t value);
    unsigned sizes; /* OR of the sizes (1 2 4 8) that the device takes; others are refused */
};

enum mem_kind { MEM_RAM, MEM_ROM, MEM_DEVICE };

struct mem_region {
    enum mem_kind kind;
    gpa base;
    uint64_t size;
    const char *name;          /* borrowed */
    uint8_t *host;             /* RAM and ROM: where its bytes are */
    _Atomic uint8_t *pages;    /* RAM: MEM_PAGE_* flags of each page; NULL: flat memory */
    struct os_memory memory;   /* RAM and ROM */
    const struct mem_ops *ops; /* device */
    void *self;
    void *const *banks; /* device: instead of self one for each accessor, borrowed; NULL: all see the same */
    unsigned nbanks;
    struct os_mutex *lock; /* device: taken around ops; NULL if the device does its own locking */
};

/*
 * Flags of a RAM page: how translated code learns of changed bytes without a check on every store. A CPU's fast path may write a page
 * only while it is not (code and not written); both sides decide by one atomic read-modify-write of this byte, so none can be missed.
 */
enum {
    MEM_PAGE_code = 1,    /* code translated from it exists */
    MEM_PAGE_written = 2, /* written since that code was made, and noted in the space's list */
    MEM_PAGE_fast = 4,    /* some TLB may hold an entry that writes it without coming by here */
    MEM_PAGE_first = 8,   /* the first of several that the host has been asked for together */
};

struct mem_space;
int mem_space_new(struct mem_space **out) NODISCARD;
void mem_space_free(struct mem_space *space);
/* base and size: multiples of MEM_PAGE (device windows: of 4). An overlap is an error that names both. */
int mem_space_add_ram(struct mem_space *space, const char *name, gpa base, uint64_t size, struct err *err) NODISCARD;
int mem_space_add_rom(struct mem_space *space, const char *name, gpa base, uint64_t size, const void *data, size_t len,
                      struct err *err) NODISCARD;
/* The process's own memory from MEM_FLAT_BASE to MEM_FLAT_END, whatever is mapped there. Its pages have no flags: who changes code says so. */
int mem_space_add_flat(struct mem_space *space, struct err *err) NODISCARD;
int mem_space_add_device(struct mem_space *space, const char *name, gpa base, uint64_t size, const struct mem_ops *ops, void *self,
                         struct os_mutex *lock, struct err *err) NODISCARD;
/* A window with registers of each vCPU at the same addresses: ops get banks[accessor]. */
int mem_space_add_banked(struct mem_space *space, const char *name, gpa base, uint64_t size, const struct mem_ops *ops, void *const *banks,
                         unsigned nbanks, struct os_mutex *lock, struct err *err) NODISCARD;

const struct mem_region *mem_space_find(const struct mem_space *space, gpa at);         /* NULL: nothing there */
size_t mem_space_regions(const struct mem_space *space, const struct mem_region **out); /* sorted by base */

/* One access by vCPU number `who`: size 1..8 bytes; false is a bus error. Any alignment within one region. */
bool mem_load_by(const struct mem_space *space, unsigned who, gpa at, unsigned size, uint64_t *value);
bool mem_store_by(const struct mem_space *space, unsigned who, gpa at, unsigned size, uint64_t value);
static inline bool mem_load(const struct mem_space *space, gpa at, unsigned size, uint64_t *value)
{
    return mem_load_by(space, 0, at, size, value);
}
static inline bool mem_store(const struct mem_space *space, gpa at, unsigned size, uint64_t value)
{
    return mem_store_by(space, 0, at, size, value);
}

/* Copies by devices and loaders: RAM only (reads also ROM). false: part of the range is not RAM; then nothing was written. */
bool mem_read(const struct mem_space *space, gpa at, void *buf, uint64_t len);
bool mem_write(const struct mem_space *space, gpa at, const void *buf, uint64_t len);
/* The host's view of [at, at+len), all in one RAM region, else NULL. Whoever writes there calls mem_note_write afterwards. */
uint8_t *mem_ram(const struct mem_space *space, gpa at, uint64_t len);
void mem_note_write(const struct mem_space *space, gpa at, uint64_t len); /* marks the pages dirty and their code stale */

/* Code pages. mem_page_code: page (a multiple of MEM_PAGE) now has translated code; returns whether some TLB may still write it fast. */
bool mem_page_code(const struct mem_space *space, gpa page);
/* A page with code, marked as written, counts as not written from now on; the result as mem_page_code. */
bool mem_page_code_again(const struct mem_space *space, gpa page);
/* No TLB holds a fast write entry for the page. */
void mem_page_slow_writes(const struct mem_space *space, gpa page);
/* May a TLB hold a fast write entry for the page? Notes that one may. */
bool mem_page_fast_write(const struct mem_space *space, gpa page);
/* Is it one of those, and without code? Notes nothing. */
bool mem_page_plain(const struct mem_space *space, gpa page);
bool mem_any_written(const struct mem_space *space); /* a cheap look whether mem_take_written would give any */
/* Pages with code that were written since the last call: takes at most max of them. The taker drops their code
 * and then calls mem_page_code_gone. */
size_t mem_take_written(struct mem_space *space, gpa *pages, size_t max);
void mem_page_code_gone(const struct mem_space *space, gpa page); /* no translated code of the page is left */
