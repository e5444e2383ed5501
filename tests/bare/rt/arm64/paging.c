/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* paging.h. Tables may be 64 KiB each, so the pool hands out granules. */
#include "paging.h"

enum { POOL = 4 << 20 };
static uint8_t pool[POOL] ALIGNED(65536), plain_pool[65536] ALIGNED(65536);
static struct {
    uint8_t *at, *end;
} source;
struct paging paging;
static struct paging plain;

static uint64_t *table_new(void)
{
    uint8_t *t = source.at;
    if (t + (1ul << paging.grain) > source.end)
        rt_panic("no more page tables");
    source.at += 1ul << paging.grain;
    memset(t, 0, 1ul << paging.grain);
    return (uint64_t *)(void *)t;
}

static void begin(unsigned grain, unsigned bits)
{
    paging = (struct paging){.grain = grain, .bits = bits};
    paging.root = table_new();
}

void paging_new(unsigned grain, unsigned bits)
{
    source.at = pool;
    source.end = pool + sizeof pool;
    begin(grain, bits);
}

unsigned paging_first(void) { return 4 - (paging.bits - 4) / (paging.grain - 3); }
unsigned paging_shift(unsigned level) { return paging.grain + (paging.grain - 3) * (3 - level); }

uint64_t *paging_entry(uint64_t va, unsigned level)
{
    uint64_t *table = paging.root;
    va &= (1ul << paging.bits) - 1;
    for (unsigned l = paging_first();; l++) {
        uint64_t index = va >> paging_shift(l);
        if (l > paging_first())
            index &= (1ul << (paging.grain - 3)) - 1;
        if (l == level)
            return &table[index];
        if (!(table[index] & PTE_V))
            table[index] = (uint64_t)table_new() | PTE_TABLE | PTE_V;
        table = (uint64_t *)(table[index] & ((1ul << 48) - 1) & ~((1ul << paging.grain) - 1));
    }
}

void paging_map(uint64_t va, uint64_t pa, unsigned level, uint64_t bits)
{
    *paging_entry(va, level) = pa | bits | PTE_BASE | (level == 3 ? PTE_TABLE : 0);
}

/* What programs and lower levels may execute is read only, what they may write is not executable; code in .code is this level's alone. */
static uint64_t rights(uint64_t pa)
{
    if (pa >= (uint64_t)image_start && pa < (uint64_t)text_end)
        return PTE_RO | PTE_USER;
    if (pa >= (uint64_t)code_start && pa < (uint64_t)code_end)
        return PTE_UXN;
    return PTE_USER | PTE_UXN | PTE_PXN;
}

/* The program by pages, what follows it by blocks. */
static void map_ram(void)
{
    uint64_t page = 1ul << paging.grain, block = 1ul << paging_shift(2);
    for (uint64_t pa = RAM; pa < RAM_END;) {
        bool small = pa % block || pa < (uint64_t)image_end || RAM_END - pa < block;
        paging_map(pa, pa, small ? 3 : 2, rights(pa));
        pa += small ? page : block;
    }
}

void paging_map_program(void)
{
    static const struct {
        uint64_t base, size;
    } devices[] = {{0x8000000, 0x1000000}, {0x9000000, 0x40000}};
    uint64_t page = 1ul << paging.grain;
    map_ram();
    for (unsigned i = 0; i < ARRAY_LEN(devices); i++)
        for (uint64_t pa = devices[i].base; pa < devices[i].base + devices[i].size; pa += page)
            paging_map(pa, pa, 3, PTE_ATTR(ATTR_device) | PTE_USER | PTE_UXN | PTE_PXN);
}

static uint64_t tcr_of(const struct paging *p)
{
    uint64_t tg = p->grain == 12 ? 0 : p->grain == 14 ? 2 : 1;
    return p->tcr | (64 - p->bits) | 1 << 8 | 1 << 10 | 3 << 12 | tg << 14 | TCR_EPD1 | 5ul << 32;
}

void tlb_flush(void)
{
    asm volatile("dsb ish\n tlbi vmalle1is" ::: "memory");
    if (current_el() == 2)
        asm volatile("tlbi alle2is\n tlbi alle1is" ::: "memory");
    asm volatile("dsb ish\n isb" ::: "memory");
}

void space_off(void)
{
    sys_write("sctlr_el1", SCTLR_BASE | SCTLR_I | SCTLR_C);
    tlb_flush();
}

uint64_t paging_tcr(void) { return tcr_of(&paging); }

static void enter(const struct paging *p, unsigned asid)
{
    asm volatile("dsb sy" ::: "memory");
    sys_write("sctlr_el1", SCTLR_BASE | SCTLR_I | SCTLR_C); /* what is half changed is no space to run in */
    sys_write("mair_el1", 0xbb4400fful);
    sys_write("tcr_el1", tcr_of(p));
    sys_write("ttbr0_el1", (uint64_t)p->root | (uint64_t)asid << 48);
    tlb_flush();
    sys_write("sctlr_el1", SCTLR_BASE | SCTLR_I | SCTLR_C | SCTLR_M);
}

void paging_on(unsigned asid) { enter(&paging, asid); }

/* Made once, by the first vCPU; the others only enter it. */
void space_plain(void)
{
    if (!plain.root) {
        struct paging own = paging;
        source.at = plain_pool;
        source.end = plain_pool + sizeof plain_pool;
        begin(12, 39);
        paging_map(0, 0, 1, PTE_ATTR(ATTR_device) | PTE_USER | PTE_UXN | PTE_PXN);
        map_ram();
        paging_map(SLOT_OF_EL0, (uint64_t)insn_slot, 3, PTE_USER | PTE_RO);
        plain = paging;
        paging = own;
    }
    enter(&plain, 0);
}
