/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The software TLB: one layout, read by C and by emitted code. A probe for an access of `size` bytes at `va` is
 *     e = &tlb->read[tlb_index(va)];  hit if (va + size - 1 & ~0xfff) == e->tag;  host = va + e->addend
 * An access that crosses a page never hits: its last byte's page is not the one that the index chose. Tags with any low bit set (not
 * cached, device, page with code, watchpoint) never match, so the slow path sees all of those.
 * Behind the indexed entries stand TLB_COPIES more, which emitted code fills with copies: the page that accesses through one register
 * found last. Who drops entries drops those of the same pages; no index leads there, so a probe of such a copy must compare the page of
 * the first byte and be for an access that is aligned, or ends in that page.
 * The index is the plain number of the page: arrays a multiple of 2 MiB apart share entries, but loops have copies and the second level has
 * both, and every probe has three instructions less than one that adds higher bits. Two pages in a row must never have the same index,
 * see the rule above.
 *
 * The second level is one table of a vCPU for all its TLBs, looked at where the first misses, by emitted code too. Its tags name the TLB
 * in their low bits (tlb->id, never 0; an empty entry is all 0), so that a TLB is flushed there by giving it a new id; one entry serves
 * reads and, without TLB2_READ_ONLY in its addend, writes. The rule about pages with code holds for it as for the first level, and more: what it
 * gets for a page that has code, written or not, is for reads only. So who watches such a page again need not look there.
 */
#pragma once
#include "mem/space.h"

enum { TLB2_BITS = 13, TLB2_SIZE = 1 << TLB2_BITS, TLB2_READ_ONLY = 1, TLB2_IDS = 4094, TLB2_NO_ID = 4095 /* what it is never given */ };
enum { TLB_BITS = 9, TLB_SIZE = 1 << TLB_BITS, TLB_RECENT = 32, TLB_LARGE = 1024 };
enum {
    TLB_COPIES = 2 * TLB_RECENT /* the second half: what is looked up once for several accesses */,
    TLB_ENTRIES = TLB_SIZE + TLB_COPIES
};

struct tlb_entry {
    uint64_t tag;    /* page address, or with low bits set: no match */
    uint64_t addend; /* host address - guest virtual address */
};

#define TLB_NONE (~0ull)
enum { TLB_PART = TLB_SIZE / 64 };

/* How far a flush of one address must look around. The upper half of the addresses, where kernels map memory in large pages, is by itself. */
struct tlb_spans {
    uint64_t max[2]; /* of all translations, by half */
    uint64_t large[2][2]
                  [TLB_LARGE / 64]; /* by half: a bit (by hash) for each 2 MiB, and each 1 GiB, that has pages of larger translations */
};

/* A multiple of 64 bytes long, so that they can stand in an array. */
struct tlb {
    _Alignas(64) struct tlb_entry read[TLB_ENTRIES];
    struct tlb_entry write[TLB_ENTRIES];
    uint64_t id;     /* 1..TLB2_IDS; TLB2_NO_ID: the second level knows nothing of it */
    uint64_t salt;   /* spreads TLBs over the second level */
    uint64_t shared; /* 1: it keeps nothing but global pages of the upper half, for all address spaces */
    uint64_t code;   /* a bit for each TLB_PART of write[] that an entry of a page with code came into */
    struct tlb_spans spans;
};

/* What a kernel maps as a whole, its image and the rest of its addresses differ in high bits only. */
static inline unsigned tlb_large_bit(gva va, unsigned level)
{
    unsigned shift = level ? 30 : 21;
    return (va >> shift ^ va >> (shift + 10) ^ va >> 38) & (TLB_LARGE - 1);
}

/* A page of a translation of `span` bytes comes in. */
static inline void tlb_note_span(struct tlb_spans *spans, gva va, uint64_t span)
{
    if (span <= MEM_PAGE)
        return;
    uint64_t *max = &spans->max[va >> 63];
    *max = span > *max ? span : *max;
    unsigned level = span > 1u << 21, bit = tlb_large_bit(va, level);
    spans->large[va >> 63][level][bit / 64] |= 1ull << bit % 64;
}

/* How many bytes around va a flush of it concerns: all that lie in one translation with it, at least. */
static inline uint64_t tlb_span(const struct tlb_spans *spans, gva va)
{
    const uint64_t(*large)[TLB_LARGE / 64] = spans->large[va >> 63];
    unsigned small = tlb_large_bit(va, 0), big = tlb_large_bit(va, 1);
    uint64_t max = spans->max[va >> 63];
    bool found = max > 1u << 30 || (large[0][small / 64] >> small % 64 & 1) || (large[1][big / 64] >> big % 64 & 1);
    return found ? max : MEM_PAGE;
}

static inline unsigned tlb_index(gva va) { return (unsigned)((va >> 12) & (TLB_SIZE - 1)); }
static inline void tlb_note_code(struct tlb *tlb, gva va) { tlb->code |= 1ull << tlb_index(va) / TLB_PART; }
static inline bool tlb_hit(const struct tlb_entry *e, gva va, unsigned size) { return ((va + size - 1) & ~0xfffull) == e->tag; }

/* Where the second level has the page, if it has it. */
static inline unsigned tlb2_index(const struct tlb *tlb, gva va)
{
    return (unsigned)((va >> 12) + (va >> (12 + TLB2_BITS)) + tlb->salt) & (TLB2_SIZE - 1);
}
static inline uint64_t tlb2_tag(const struct tlb *tlb, gva page) { return page | tlb->id; }

enum mem_access { ACCESS_read = 0, ACCESS_write = 1, ACCESS_fetch = 2 };

/* What a walk of the guest's page tables answers for one page. */
struct tlb_page {
    gpa page;                            /* physical address of the 4 KiB page */
    bool readable, writable, executable; /* writable only if the dirty bit is already set, so that the first store walks again */
    bool whole;                          /* the answer holds for the whole 4 KiB page (physical memory protection can be finer) */
    uint16_t last; /* offset in the page of the last byte for which it holds, 4095 if whole; an access beyond gets the bus error */
    bool watched;  /* accesses ask guest->watch, each of them */
    bool strict;   /* accesses must be aligned (attributes natural, unit, cached), so that each of them is looked at */
    bool global;   /* in every address space, as far as those that have a number (ASID) are concerned */
    bool guarded;  /* landings in it are looked at (guest->land) */
    uint64_t span; /* bytes of the translation it is part of (a large page), for exact flushes; at least 4096 */
};
