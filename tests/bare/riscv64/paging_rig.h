/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For the programs about page tables: pages, address spaces, an address to try. */
#pragma once
#include "paging.h"

#define VA      0x40000000ul
#define NOWHERE 0x90000000ul

static uint64_t page_a[512] ALIGNED(4096), page_b[512] ALIGNED(4096), sixteen[16][512] ALIGNED(65536);
static const unsigned modes[] = {SV39, SV48, SV57};
#define EACH_MODE(m) for (unsigned i_ = 0, m; i_ < 3 && (m = modes[i_], 1); i_++)

/* li a7, CALL_MAGIC; ecall: code that ends call_in() wherever it is mapped. */
static inline void put_code(uint64_t *page)
{
    uint32_t *at = (uint32_t *)page;
    at[0] = (CALL_MAGIC + 0x800) >> 12 << 12 | 17 << 7 | 0x37;       /* lui a7 */
    at[1] = (CALL_MAGIC & 0xfffu) << 20 | 17 << 15 | 17 << 7 | 0x1b; /* addiw a7, a7 */
    at[2] = 0x73;
    fence_i();
}

static inline void fetch_in(uint64_t mode, uint64_t va)
{
    trap_clear();
    self()->site = va;
    CALL_IN(mode, va, 0);
}

static inline void fresh(unsigned mode)
{
    paging_new(mode);
    paging_map_program();
    if (!paging_on(0))
        rt_panic("paging mode %d is not there", (uint64_t)mode);
    trap_clear();
}

static inline void set(volatile uint64_t *pte, uint64_t value)
{
    *pte = value;
    sfence_vma();
    trap_clear();
}
