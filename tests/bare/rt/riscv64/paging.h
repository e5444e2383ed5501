/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Page tables for the bare programs: built in M mode from a pool, entry by entry, so that a case can put anything into any level. */
#pragma once
#include "rt.h"

#define PTE_V        1ul
#define PTE_R        2ul
#define PTE_W        4ul
#define PTE_X        8ul
#define PTE_U        0x10ul
#define PTE_G        0x20ul
#define PTE_A        0x40ul
#define PTE_D        0x80ul
#define PTE_N        (1ul << 63)
#define PTE_PBMT_pos 61
#define PTE_AD       (PTE_A | PTE_D)
#define PTE_RWX      (PTE_R | PTE_W | PTE_X)

#define PAGE 4096ul
enum { SV39 = 8, SV48 = 9, SV57 = 10 };

void paging_new(unsigned mode);      /* an empty address space of this mode; forgets the last one */
uint64_t paging_another(void);       /* an empty root beside those there are; the functions below are about it */
uint64_t paging_satp(unsigned asid); /* of the present one */
bool paging_on(unsigned asid);       /* into satp, with sfence.vma; false: the mode is not there */
unsigned paging_levels(void);
/* The entry for va at a level (0: 4 KiB); makes the tables above it. */
volatile uint64_t *paging_entry(uint64_t va, unsigned level);
static inline uint64_t pte_make(uint64_t pa, uint64_t flags) { return pa >> 12 << 10 | flags; }
void paging_map(uint64_t va, uint64_t pa, unsigned level, uint64_t flags); /* flags without V A D: those are added */
void paging_map_program(void);                                             /* the GiB of RAM to itself, for S mode; the UART's too */

/* Accesses from M mode with the permissions of another (mstatus.MPRV); the trap is recorded with the access as its site. */
uint64_t load_as(uint64_t mode, uint64_t va, unsigned size);
void store_as(uint64_t mode, uint64_t va, unsigned size, uint64_t value);
uint64_t load_with(uint64_t status, uint64_t mode, uint64_t va, unsigned size); /* and more bits of mstatus set: SUM, MXR */
void store_with(uint64_t status, uint64_t mode, uint64_t va, unsigned size, uint64_t value);
