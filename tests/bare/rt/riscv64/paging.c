/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Page tables and accesses in another mode's name: paging.h. */
#include "paging.h"

enum { POOL = 96, ENTRIES = 512 };

static uint64_t pool[POOL][ENTRIES] ALIGNED(4096);
static unsigned used, mode_now;
static uint64_t *root;

void paging_new(unsigned mode)
{
    mode_now = mode;
    used = 0;
    paging_another();
}

static uint64_t *new_table(void)
{
    if (used == POOL)
        rt_panic("no page table is left");
    memset(pool[used], 0, sizeof pool[0]);
    return pool[used++];
}

uint64_t paging_another(void)
{
    root = new_table();
    return (uint64_t)root;
}

unsigned paging_levels(void) { return mode_now - SV39 + 3; }
uint64_t paging_satp(unsigned asid) { return (uint64_t)mode_now << 60 | (uint64_t)asid << 44 | (uint64_t)root >> 12; }

bool paging_on(unsigned asid)
{
    csr_write(CSR_satp, paging_satp(asid));
    sfence_vma();
    return csr_read(CSR_satp) >> 60 == mode_now;
}

volatile uint64_t *paging_entry(uint64_t va, unsigned level)
{
    uint64_t *table = root;
    for (unsigned l = paging_levels() - 1; l > level; l--) {
        uint64_t *entry = &table[va >> (12 + 9 * l) & (ENTRIES - 1)];
        if (!(*entry & PTE_V))
            *entry = pte_make((uint64_t)new_table(), PTE_V);
        if (*entry & PTE_RWX)
            rt_panic("%x is in a larger page already", va);
        table = (uint64_t *)(*entry >> 10 << 12);
    }
    return &table[va >> (12 + 9 * level) & (ENTRIES - 1)];
}

void paging_map(uint64_t va, uint64_t pa, unsigned level, uint64_t flags)
{
    *paging_entry(va, level) = pte_make(pa, flags | PTE_V | PTE_AD);
}

void paging_map_program(void)
{
    paging_map(0x80000000, 0x80000000, 2, PTE_RWX);
    paging_map(0, 0, 2, PTE_R | PTE_W);
}

#define ACCESS(insn) TRY_AFTER("csrs mstatus, %2", insn "\ncsrc mstatus, %3", "+r"(value), "r"(va), "r"(bits), "r"(bits | STATUS_MPP))

uint64_t load_with(uint64_t status, uint64_t mode, uint64_t va, unsigned size)
{
    uint64_t value = 0xdeadbeefdeadbeef, bits = status | mode << 11 | STATUS_MPRV;
    csr_clear(CSR_mstatus, STATUS_MPP | STATUS_SUM | STATUS_MXR);
    switch (size) {
    case 1: ACCESS("lbu %0, (%1)"); break;
    case 2: ACCESS("lhu %0, (%1)"); break;
    case 4: ACCESS("lwu %0, (%1)"); break;
    default: ACCESS("ld %0, (%1)");
    }
    csr_clear(CSR_mstatus, STATUS_MPP | STATUS_SUM | STATUS_MXR);
    return value;
}

void store_with(uint64_t status, uint64_t mode, uint64_t va, unsigned size, uint64_t value)
{
    uint64_t bits = status | mode << 11 | STATUS_MPRV;
    csr_clear(CSR_mstatus, STATUS_MPP | STATUS_SUM | STATUS_MXR);
    switch (size) {
    case 1: ACCESS("sb %0, (%1)"); break;
    case 2: ACCESS("sh %0, (%1)"); break;
    case 4: ACCESS("sw %0, (%1)"); break;
    default: ACCESS("sd %0, (%1)");
    }
    csr_clear(CSR_mstatus, STATUS_MPP | STATUS_SUM | STATUS_MXR);
}

uint64_t load_as(uint64_t mode, uint64_t va, unsigned size) { return load_with(0, mode, va, size); }
void store_as(uint64_t mode, uint64_t va, unsigned size, uint64_t value) { store_with(0, mode, va, size, value); }
