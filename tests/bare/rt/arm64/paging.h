/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Page tables of the bare programs: one tree that paging_new() begins anew, of any granule, from tables of a pool. Leaves are made by hand or by
 * paging_map(); nothing is flushed but by paging_on(). The space that programs start in is another tree: space_plain().
 */
#pragma once
#include "rt.h"

#define PTE_V        1ul
#define PTE_TABLE    2ul /* at level 3: a page */
#define PTE_ATTR(n)  ((uint64_t)(n) << 2)
#define PTE_USER     (1ul << 6) /* AP[1] */
#define PTE_RO       (1ul << 7) /* AP[2] */
#define PTE_SH       (3ul << 8)
#define PTE_AF       (1ul << 10)
#define PTE_NG       (1ul << 11)
#define PTE_DBM      (1ul << 51)
#define PTE_CONT     (1ul << 52)
#define PTE_PXN      (1ul << 53)
#define PTE_UXN      (1ul << 54)
#define PTE_BASE     (PTE_V | PTE_SH | PTE_AF)
#define TABLE_PXN    (1ul << 59)
#define TABLE_UXN    (1ul << 60)
#define TABLE_NOUSER (1ul << 61)
#define TABLE_RO     (1ul << 62)
enum { ATTR_normal, ATTR_device, ATTR_uncached, ATTR_through }; /* of MAIR */

#define TCR_EPD0  (1ul << 7)
#define TCR_A1    (1ul << 22)
#define TCR_EPD1  (1ul << 23)
#define TCR_AS    (1ul << 36)
#define TCR_TBI0  (1ul << 37)
#define TCR_TBI1  (1ul << 38)
#define TCR_HA    (1ul << 39)
#define TCR_HD    (1ul << 40)
#define TCR_E0PD0 (1ul << 55)
#define TCR_E0PD1 (1ul << 56)

struct paging {
    unsigned grain, bits; /* log2 of a page and of the range */
    uint64_t *root;
    uint64_t tcr; /* more bits of TCR, besides those that follow from grain and bits */
};
extern struct paging paging; /* the tree of the case */

void paging_new(unsigned grain, unsigned bits);
unsigned paging_first(void);                         /* the level of the root */
unsigned paging_shift(unsigned level);               /* log2 of what a leaf there covers */
uint64_t *paging_entry(uint64_t va, unsigned level); /* its descriptor; tables on the way are made */
void paging_map(uint64_t va, uint64_t pa, unsigned level, uint64_t bits);
void paging_map_program(void); /* program and devices to themselves, as space_plain() has them */
uint64_t paging_tcr(void);
void paging_on(unsigned asid);
void space_plain(void);
void space_off(void);
void tlb_flush(void);
extern char image_start[], text_end[], code_start[], code_end[], image_end[];
#define SLOT_OF_EL0 0x80000000ul /* insn_slot[] as EL0 may execute it, in space_plain() */
#define RAM         0x40000000ul
#define RAM_END     0x44000000ul /* the programs run with 64 MiB */
