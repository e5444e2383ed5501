/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Stage 1 of translation: granules and levels, faults and where they are reported, rights of EL0 and EL1, access flag and dirty state by
 * hardware, PAN, E0PD, tags, both ranges, ASIDs, contiguous leaves, every kind of TLBI, AT. Source: Arm ARM D8.
 */
#include "paging.h"

#define VA   0x5000000000ul /* nothing else is there; within 39 bits and more */
#define FREE 0x43000000ul   /* 16 MiB that no program reaches */

static uint64_t *word(uint64_t pa) { return (uint64_t *)pa; }

static bool has(const char *what, bool there)
{
    if (!there)
        skip(what);
    return there;
}

static bool has_granule(unsigned grain)
{
    uint64_t mmfr0 = sys_read("id_aa64mmfr0_el1");
    if (grain == 12)
        return (mmfr0 >> 28 & 15) != 15;
    if (grain == 16)
        return (mmfr0 >> 24 & 15) != 15;
    return (mmfr0 >> 20 & 15) != 0;
}

/* A program's own space of a granule, entered. */
static void space(unsigned grain, unsigned bits, uint64_t tcr)
{
    paging_new(grain, bits);
    paging.tcr = tcr;
    paging_map_program();
    paging_on(1);
}

static void flush_page(uint64_t va)
{
    asm volatile("dsb ishst\n tlbi vaae1is, %0\n dsb ish\n isb" ::"r"(va >> 12 & ((1ul << 44) - 1)) : "memory");
}

static uint64_t peek(uint64_t va)
{
    uint64_t v;
    TRY("ldr %0, [%1]", "=&r"(v), "r"(va));
    return v;
}
static void poke(uint64_t va, uint64_t v) { TRY("str %1, [%0]", , "r"(va), "r"(v)); }

/* ---- levels ---- */

static void levels_of(unsigned grain, unsigned bits)
{
    row("granule %d, %d bits", (uint64_t)grain, (uint64_t)bits);
    space(grain, bits, 0);
    uint64_t va = (1ul << bits) - (1ul << 30); /* shares no entry of the first table with the program */
    *word(FREE) = 0x1111;
    *word(FREE + (1ul << grain)) = 0x2222;
    paging_map(va, FREE, 3, PTE_PXN);
    paging_map(va + (1ul << grain), FREE + (1ul << grain), 3, PTE_PXN);
    flush_page(va);
    CHECK_EQ(peek(va), 0x1111);
    CHECK_EQ(peek(va + (1ul << grain)), 0x2222);
    poke(va + 8, 0x3333);
    CHECK_EQ(*word(FREE + 8), 0x3333);
    CHECK_NO_TRAP();
    /* what is missing is reported with the level of the table that lacks it */
    for (unsigned level = 3; level + 1 > paging_first() + 1; level--) {
        uint64_t *entry = paging_entry(va, level), old = *entry;
        row("granule %d, %d bits, level %d", (uint64_t)grain, (uint64_t)bits, (uint64_t)level);
        *entry = old & ~PTE_V;
        tlb_flush();
        peek(va);
        CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(level)));
        CHECK_EQ(self()->last.far, va);
        trap_clear();
        *entry = old;
        tlb_flush();
        CHECK_EQ(peek(va), 0x1111);
    }
    /* an address beyond the range: level 0, whatever the first one is */
    if (bits < 48) {
        peek(1ul << bits);
        CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(0)));
        trap_clear();
    }
    /* a leaf at level 3 without the bit of a page is none */
    *paging_entry(va, 3) &= ~PTE_TABLE;
    tlb_flush();
    peek(va);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(3)));
    trap_clear();
}

static void levels(unsigned grain)
{
    static const uint8_t bits[] = {48, 47, 42, 39, 36, 33, 32};
    if (!has("the granule is missing", has_granule(grain)))
        return;
    for (unsigned i = 0; i < ARRAY_LEN(bits); i++) {
        levels_of(grain, bits[i]);
        space_plain();
    }
}
static void levels4(void) { levels(12); }
static void levels16(void) { levels(14); }
static void levels64(void) { levels(16); }

static void blocks(void)
{
    static const struct {
        uint8_t grain, level;
        bool allowed;
    } kinds[] = {{12, 0, false}, {12, 1, true}, {12, 2, true}, {14, 1, false}, {14, 2, true}, {16, 1, false}, {16, 2, true}};
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        unsigned grain = kinds[i].grain, level = kinds[i].level;
        if (!has_granule(grain) || (sys_read("id_aa64mmfr0_el1") >> 28 & 15) == 1) /* 52 bits would allow more */
            continue;
        row("granule %d, level %d", (uint64_t)grain, (uint64_t)level);
        space(grain, 48, 0);
        uint64_t size = 1ul << paging_shift(level), va = 0x800000000000ul, pa = FREE & ~(size - 1);
        *word(FREE + 0x128) = 0x77;
        paging_map(va, pa, level, PTE_PXN);
        tlb_flush();
        uint64_t v = peek(va + (FREE - pa) + 0x128);
        if (kinds[i].allowed) {
            CHECK_EQ(v, 0x77);
            CHECK_NO_TRAP();
        } else {
            CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(level)));
        }
        trap_clear();
        space_plain();
    }
}

/* ---- sizes of addresses ---- */

static void sizes(void)
{
    space(12, 39, 0);
    paging_map(VA, 1ul << 47, 3, PTE_PXN); /* more than this machine has */
    tlb_flush();
    if ((sys_read("id_aa64mmfr0_el1") & 15) < 5) {
        peek(VA);
        CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_size(3)));
        trap_clear();
    }
    uint64_t tcr = sys_read("tcr_el1");
    paging_map(VA, 1ul << 36, 3, PTE_PXN);
    sys_write("tcr_el1", (tcr & ~(7ul << 32)) | 1ul << 32); /* 36 bits */
    tlb_flush();
    peek(VA);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_size(3)));
    trap_clear();
    paging_map(VA, FREE, 3, PTE_PXN);
    sys_write("tcr_el1", tcr & ~(7ul << 32)); /* 32 bits */
    tlb_flush();
    peek(VA);
    CHECK_NO_TRAP();
    /* walks into nothing; the level is the table's that could not be read */
    sys_write("tcr_el1", tcr);
    *paging_entry(VA, 2) = 0x100000000ul | PTE_TABLE | PTE_V;
    tlb_flush();
    peek(VA);
    CHECK_EQ(self()->last.esr, ESR(EC_data, 0x14 + 3));
    trap_clear();
}

/* ---- rights ---- */

static uint64_t load8(uint64_t at) { return *(volatile uint64_t *)at; }
static uint64_t store8(uint64_t at) { return *(volatile uint64_t *)at = 5; }

static uint64_t esr_of(uint64_t pstate, uint64_t fn, uint64_t at)
{
    trap_clear();
    if (pstate)
        CALL_IN(EL1h | PSTATE_DAIF, fn, at);
    else
        CALL_IN(EL0t, fn, at);
    return self()->last.count ? self()->last.esr : 0;
}

/* Every combination of AP, PXN, UXN and WXN; tables' bits on top. */
static void rights(void)
{
    for (unsigned table = 0; table < 16; table++)
        for (unsigned bits = 0; bits < 32; bits++) {
            bool user = bits & 1, ro = bits & 2, pxn = bits & 4, uxn = bits & 8, wxn = bits & 16;
            row("leaf %x, table %x", (uint64_t)bits, (uint64_t)table);
            paging_new(12, 39);
            paging_map_program();
            paging_map(VA, (uint64_t)insn_slot, 3, (user ? PTE_USER : 0) | (ro ? PTE_RO : 0) | (pxn ? PTE_PXN : 0) | (uxn ? PTE_UXN : 0));
            *paging_entry(VA, 2) |= (uint64_t)table << 59;
            insn_slot[0] = 0xd65f03c0;
            code_sync(insn_slot, 4);
            paging_on(1);
            if (wxn)
                sys_write("sctlr_el1", sys_read("sctlr_el1") | SCTLR_WXN);
            tlb_flush();
            pxn |= table & 1;
            uxn |= !!(table & 2);
            user &= !(table & 4);
            ro |= !!(table & 8);
            bool here = !pxn && !(user && !ro) && !(wxn && !ro), there = !uxn && !(wxn && user && !ro);
            if (!wxn) { /* which would take the program's own pages away for writers */
                CHECK_EQ(esr_of(1, (uint64_t)load8, VA + 64), 0);
                CHECK_EQ(esr_of(1, (uint64_t)store8, VA + 64), ro ? ESR(EC_data, FSC_permission(3) | ISS_WNR) : 0);
            }
            CHECK_EQ(esr_of(0, (uint64_t)load8, VA + 64), user ? 0 : ESR(EC_data_lower, FSC_permission(3)));
            CHECK_EQ(esr_of(0, (uint64_t)store8, VA + 64), user && !ro ? 0 : ESR(EC_data_lower, FSC_permission(3) | ISS_WNR));
            CHECK_EQ(esr_of(1, VA, 0), here ? 0 : ESR(EC_fetch, FSC_permission(3)));
            CHECK_EQ(esr_of(0, VA, 0), there ? 0 : ESR(EC_fetch_lower, FSC_permission(3)));
            space_plain();
        }
}

static void pan_and_uao(void)
{
    uint64_t v;
    space(12, 39, 0);
    paging_map(VA, FREE, 3, PTE_USER | PTE_PXN);
    paging_map(VA + 4096, FREE, 3, PTE_PXN);
    tlb_flush();
    *word(FREE) = 99;
    /* Only registers in between, because PAN takes the program's own data away: the result is compared afterwards. */
    uint64_t esr[4], old = sys_read("vbar_el1");
    extern char skip_vectors[];
    sys_write("vbar_el1", skip_vectors);
    asm volatile("mov x9, xzr\n msr s0_0_c4_c1_4, xzr\n ldr x10, [%1]\n mov %0, x9\n msr s0_0_c4_c0_4, xzr"
                 : "=&r"(esr[0])
                 : "r"(VA)
                 : "x9", "x10", "x11");
    asm volatile("mov x9, xzr\n msr s0_0_c4_c1_4, xzr\n str xzr, [%1]\n mov %0, x9\n msr s0_0_c4_c0_4, xzr"
                 : "=&r"(esr[1])
                 : "r"(VA)
                 : "x9", "x10", "x11");
    asm volatile("mov x9, xzr\n msr s0_0_c4_c1_4, xzr\n ldtr x10, [%1]\n mov %0, x9\n msr s0_0_c4_c0_4, xzr"
                 : "=&r"(esr[2])
                 : "r"(VA)
                 : "x9", "x10", "x11");
    asm volatile("mov x9, xzr\n ldtr x10, [%1]\n mov %0, x9" : "=&r"(esr[3]) : "r"(VA + 4096) : "x9", "x10", "x11");
    asm volatile("mov x9, xzr\n msr s0_0_c4_c1_3, xzr\n ldtr x10, [%1]\n mov %0, x9\n msr s0_0_c4_c0_3, xzr"
                 : "=&r"(v)
                 : "r"(VA + 4096)
                 : "x9", "x10", "x11");
    sys_write("vbar_el1", old);
    CHECK_EQ(esr[0], ESR(EC_data, FSC_permission(3)));
    CHECK_EQ(esr[1], ESR(EC_data, FSC_permission(3) | ISS_WNR));
    CHECK_EQ(esr[2], 0);
    CHECK_EQ(esr[3], ESR(EC_data, FSC_permission(3)));
    CHECK_EQ(v, 0); /* UAO: with the rights of EL1 */
}
/* Handlers without memory: x9 is the syndrome, and the insn is left out. */
asm(".text\n .balign 2048\nskip_vectors:\n .space 0x200\n mrs x9, esr_el1\n mrs x11, elr_el1\n add x11, x11, #4\n msr elr_el1, x11\n eret\n"
    ".balign 2048\n");

static void hidden(void)
{
    if (!has("no E0PD", sys_read("s3_0_c0_c7_2") >> 60))
        return;
    paging_new(12, 39);
    paging_map_program();
    paging_map(VA, FREE, 3, PTE_USER | PTE_PXN);
    paging.tcr = TCR_E0PD0;
    paging_on(1);
    CHECK_EQ(esr_of(1, (uint64_t)load8, VA), 0);
    CHECK_EQ(esr_of(0, (uint64_t)load8, VA), ESR(EC_fetch_lower, FSC_translation(0))); /* not even its code is there */
}

/* ---- access flag, dirty state ---- */

static void access_flag(void)
{
    space(12, 39, 0);
    paging_map(VA, FREE, 3, PTE_PXN);
    uint64_t *entry = paging_entry(VA, 3);
    *entry &= ~PTE_AF;
    flush_page(VA);
    peek(VA);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_access(3)));
    CHECK_EQ(*entry & PTE_AF, 0);
    trap_clear();
    /* before that, nothing is remembered: no flush is needed after the flag is set */
    *entry |= PTE_AF;
    asm volatile("dsb ishst\n isb");
    peek(VA);
    CHECK_NO_TRAP();
    /* by hardware */
    sys_write("tcr_el1", sys_read("tcr_el1") | TCR_HA);
    *entry &= ~PTE_AF;
    flush_page(VA);
    peek(VA);
    CHECK_NO_TRAP();
    CHECK(*entry & PTE_AF);
    /* blocks too */
    paging_map(VA + (1ul << 30), FREE, 2, PTE_PXN);
    entry = paging_entry(VA + (1ul << 30), 2);
    *entry &= ~PTE_AF;
    tlb_flush();
    peek(VA + (1ul << 30));
    CHECK(*entry & PTE_AF);
    CHECK_NO_TRAP();
}

static void dirty(void)
{
    space(12, 39, TCR_HA | TCR_HD);
    paging_map(VA, FREE, 3, PTE_PXN | PTE_DBM | PTE_RO);
    uint64_t *entry = paging_entry(VA, 3);
    flush_page(VA);
    peek(VA);
    CHECK(*entry & PTE_RO);
    poke(VA, 4);
    CHECK_NO_TRAP();
    CHECK(!(*entry & PTE_RO));
    CHECK_EQ(*word(FREE), 4);
    /* a read-only page without the bit stays so */
    *entry = (*entry & ~PTE_DBM) | PTE_RO;
    flush_page(VA);
    poke(VA, 5);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_permission(3) | ISS_WNR));
    CHECK(*entry & PTE_RO);
    trap_clear();
    /* without HD the bit says nothing */
    *entry |= PTE_DBM;
    sys_write("tcr_el1", sys_read("tcr_el1") & ~TCR_HD);
    tlb_flush();
    poke(VA, 5);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_permission(3) | ISS_WNR));
    trap_clear();
}

/* ---- tags, the upper range ---- */

static void tags(void)
{
    space(12, 39, TCR_TBI0);
    paging_map(VA, FREE, 3, PTE_PXN);
    tlb_flush();
    *word(FREE + 16) = 1234;
    CHECK_EQ(peek(VA + 16 + (0x5aul << 56)), 1234);
    CHECK_NO_TRAP();
    peek(VA + 16 + (1ul << 52)); /* not in the tag */
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(0)));
    trap_clear();
    peek(VA + 4096 + (0x12ul << 56)); /* FAR has the tag */
    CHECK_EQ(self()->last.far, VA + 4096 + (0x12ul << 56));
    trap_clear();
    sys_write("tcr_el1", sys_read("tcr_el1") & ~TCR_TBI0);
    tlb_flush();
    peek(VA + 16 + (0x5aul << 56));
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(0)));
    trap_clear();
}

static void upper_range(void)
{
    static uint64_t root[512] ALIGNED(4096);
    space(12, 39, 0);
    paging_map(0, FREE, 3, PTE_PXN); /* within the lower tree; its second half serves the upper one */
    memcpy(root, paging.root, 4096);
    sys_write("ttbr1_el1", root);
    uint64_t tcr = (sys_read("tcr_el1") & ~TCR_EPD1) | 25ul << 16 | 1ul << 24 | 1ul << 26 | 3ul << 28 | 2ul << 30;
    sys_write("tcr_el1", tcr);
    tlb_flush();
    *word(FREE) = 42;
    CHECK_EQ(peek(0xffffff8000000000ul), 42);
    CHECK_NO_TRAP();
    peek(0xffffff7ffffffff8ul);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(0)));
    trap_clear();
    sys_write("tcr_el1", tcr | TCR_EPD1);
    tlb_flush();
    peek(0xffffff8000000000ul);
    CHECK_EQ(self()->last.esr, ESR(EC_data, FSC_translation(0)));
    trap_clear();
}

/* ---- ASIDs ---- */

static void enter_asid(uint64_t asid) { sys_write("ttbr0_el1", (uint64_t)paging.root | asid << 48); }

static void asids(void)
{
    space(12, 39, TCR_AS);
    uint64_t global = VA + 4096;
    for (unsigned round = 0; round < 8; round++) {
        row("round %d", (uint64_t)round);
        uint64_t a = 1 + round * 300, b = a + 256; /* differ above bit 8 alone */
        *word(FREE) = 100 + round;
        *word(FREE + 4096) = 200 + round;
        paging_map(VA, FREE, 3, PTE_PXN | PTE_NG);
        paging_map(global, FREE, 3, PTE_PXN);
        enter_asid(a);
        tlb_flush();
        CHECK_EQ(peek(VA), 100 + round);
        CHECK_EQ(peek(global), 100 + round);
        enter_asid(b);
        paging_map(VA, FREE + 4096, 3, PTE_PXN | PTE_NG); /* b has not seen it: no flush */
        asm volatile("dsb ishst\n isb");
        CHECK_EQ(peek(VA), 200 + round);
        /* by address and ASID: b's is gone, then by ASID alone */
        paging_map(VA, FREE, 3, PTE_PXN | PTE_NG);
        asm volatile("dsb ishst\n tlbi vae1, %0\n dsb ish\n isb" ::"r"(VA >> 12 | b << 48) : "memory");
        CHECK_EQ(peek(VA), 100 + round);
        paging_map(VA, FREE + 4096, 3, PTE_PXN | PTE_NG);
        asm volatile("dsb ishst\n tlbi aside1is, %0\n dsb ish\n isb" ::"r"(b << 48) : "memory");
        CHECK_EQ(peek(VA), 200 + round);
    }
    CHECK_NO_TRAP();
}

/* ---- TLBI ---- */

#define OP(name, code) \
    static void name(uint64_t x) { asm volatile("dsb ishst\n " code "\n dsb ish\n isb" ::"r"(x) : "memory"); }
OP(t_vmalle1, "tlbi vmalle1")
OP(t_vmalle1is, "tlbi vmalle1is")
OP(t_vae1, "tlbi vae1, %0")
OP(t_vae1is, "tlbi vae1is, %0")
OP(t_vaae1, "tlbi vaae1, %0")
OP(t_vaae1is, "tlbi vaae1is, %0")
OP(t_vale1, "tlbi vale1, %0")
OP(t_vale1is, "tlbi vale1is, %0")
OP(t_vaale1, "tlbi vaale1, %0")
OP(t_vaale1is, "tlbi vaale1is, %0")
OP(t_aside1, "tlbi aside1, %0")
OP(t_aside1is, "tlbi aside1is, %0")
OP(t_vmalle1os, "sys #0, c8, c1, #0")
OP(t_vae1os, "sys #0, c8, c1, #1, %0")
OP(t_aside1os, "sys #0, c8, c1, #2, %0")
OP(t_vaae1os, "sys #0, c8, c1, #3, %0")
OP(t_vale1os, "sys #0, c8, c1, #5, %0")
OP(t_vaale1os, "sys #0, c8, c1, #7, %0")
OP(t_rvae1is, "sys #0, c8, c2, #1, %0")
OP(t_rvaae1is, "sys #0, c8, c2, #3, %0")
OP(t_rvale1is, "sys #0, c8, c2, #5, %0")
OP(t_rvaale1is, "sys #0, c8, c2, #7, %0")
OP(t_rvae1os, "sys #0, c8, c5, #1, %0")
OP(t_rvae1, "sys #0, c8, c6, #1, %0")
OP(t_rvaae1, "sys #0, c8, c6, #3, %0")
OP(t_rvale1, "sys #0, c8, c6, #5, %0")
OP(t_rvaale1, "sys #0, c8, c6, #7, %0")

enum { ARG_none, ARG_page, ARG_asid, ARG_range };
static const struct {
    const char *name;
    void (*op)(uint64_t);
    uint8_t arg, level; /* level: 0 always there, else ID_AA64ISAR0_EL1.TLB */
} flushes[] = {
    {"vmalle1", t_vmalle1, ARG_none, 0},      {"vmalle1is", t_vmalle1is, ARG_none, 0}, {"vae1", t_vae1, ARG_page, 0},
    {"vae1is", t_vae1is, ARG_page, 0},        {"vaae1", t_vaae1, ARG_page, 0},         {"vaae1is", t_vaae1is, ARG_page, 0},
    {"vale1", t_vale1, ARG_page, 0},          {"vale1is", t_vale1is, ARG_page, 0},     {"vaale1", t_vaale1, ARG_page, 0},
    {"vaale1is", t_vaale1is, ARG_page, 0},    {"aside1", t_aside1, ARG_asid, 0},       {"aside1is", t_aside1is, ARG_asid, 0},
    {"vmalle1os", t_vmalle1os, ARG_none, 1},  {"vae1os", t_vae1os, ARG_page, 1},       {"aside1os", t_aside1os, ARG_asid, 1},
    {"vaae1os", t_vaae1os, ARG_page, 1},      {"vale1os", t_vale1os, ARG_page, 1},     {"vaale1os", t_vaale1os, ARG_page, 1},
    {"rvae1is", t_rvae1is, ARG_range, 2},     {"rvaae1is", t_rvaae1is, ARG_range, 2},  {"rvale1is", t_rvale1is, ARG_range, 2},
    {"rvaale1is", t_rvaale1is, ARG_range, 2}, {"rvae1os", t_rvae1os, ARG_range, 2},    {"rvae1", t_rvae1, ARG_range, 2},
    {"rvaae1", t_rvaae1, ARG_range, 2},       {"rvale1", t_rvale1, ARG_range, 2},      {"rvaale1", t_rvaale1, ARG_range, 2},
};

/* After each kind the new mapping is what counts, for several pages where the kind covers them. */
static void tlbi_kinds(void)
{
    enum { ASID = 7, PAGES = 4 };
    paging_new(12, 39);
    paging_map_program();
    paging_on(ASID);
    for (unsigned i = 0; i < ARRAY_LEN(flushes); i++) {
        if (flushes[i].level > (sys_read("id_aa64isar0_el1") >> 56 & 15))
            continue;
        row("%s", flushes[i].name);
        for (unsigned turn = 0; turn < 4; turn++) {
            for (unsigned p = 0; p < PAGES; p++) {
                *word(FREE + 8192 * p) = 10 + p;
                *word(FREE + 8192 * p + 4096) = 20 + p;
                paging_map(VA + 4096 * p, FREE + 8192 * p + (turn & 1 ? 4096 : 0), 3, PTE_PXN | PTE_NG);
            }
            uint64_t asid = (uint64_t)ASID << 48;
            if (flushes[i].arg == ARG_page)
                for (unsigned p = 0; p < PAGES; p++)
                    flushes[i].op((VA >> 12) + p + asid);
            else if (flushes[i].arg == ARG_range) /* NUM 1, SCALE 0: 4 pages; TG 4 KiB */
                flushes[i].op(asid | 1ul << 46 | 1ul << 39 | (VA >> 12));
            else
                flushes[i].op(asid);
            for (unsigned p = 0; p < PAGES; p++)
                CHECK_EQ(peek(VA + 4096 * p), (turn & 1 ? 20 : 10) + p);
        }
    }
    CHECK_NO_TRAP();
}

/* Contiguous leaves are ordinary ones as long as they agree. */
static void contiguous(void)
{
    space(12, 39, 0);
    for (unsigned i = 0; i < 16; i++) {
        *word(FREE + 4096 * i) = i;
        paging_map(VA + 4096 * i, FREE + 4096 * i, 3, PTE_PXN | PTE_CONT);
    }
    tlb_flush();
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(peek(VA + 4096 * i), i);
    for (unsigned i = 0; i < 16; i++) {
        *word(FREE + 0x10000 + 4096 * i) = 100 + i;
        paging_map(VA + 4096 * i, FREE + 0x10000 + 4096 * i, 3, PTE_PXN | PTE_CONT);
    }
    for (unsigned i = 0; i < 16; i++)
        flush_page(VA + 4096 * i);
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(peek(VA + 4096 * i), 100 + i);
    CHECK_NO_TRAP();
}

/* ---- AT ---- */

#define AT(op, va)                                                            \
    ({                                                                        \
        asm volatile("at " op ", %0\n isb" ::"r"((uint64_t)(va)) : "memory"); \
        sys_read("par_el1");                                                  \
    })
enum { PAR_F = 1 };
#define PAR_PA(par) ((par)&0xfffffffff000ul)

static void at_insns(void)
{
    space(12, 39, 0);
    paging_map(VA, FREE, 3, PTE_PXN | PTE_RO | PTE_USER);
    paging_map(VA + 4096, FREE + 4096, 3, PTE_PXN);
    paging_map(VA + 8192, FREE, 3, PTE_PXN | PTE_ATTR(ATTR_uncached));
    tlb_flush();
    uint64_t par = AT("s1e1r", VA + 0x123);
    CHECK_EQ(par & PAR_F, 0);
    CHECK_EQ(PAR_PA(par), FREE);
    CHECK_EQ(par >> 56, 0xff);
    CHECK_EQ(AT("s1e1w", VA) & 0x7f, PAR_F | FSC_permission(3) << 1);
    CHECK_EQ(AT("s1e0r", VA) & PAR_F, 0);
    CHECK_EQ(AT("s1e0w", VA) & 0x7f, PAR_F | FSC_permission(3) << 1);
    CHECK_EQ(AT("s1e0r", VA + 4096) & 0x7f, PAR_F | FSC_permission(3) << 1);
    CHECK_EQ(PAR_PA(AT("s1e1w", VA + 4096)), FREE + 4096);
    CHECK_EQ(AT("s1e1r", VA + 8192) >> 56, 0x44);
    CHECK_EQ(AT("s1e1r", VA + (1ul << 30)) & 0x7f, PAR_F | FSC_translation(1) << 1);
    CHECK_EQ(AT("s1e1r", 1ul << 45) & 0x7f, PAR_F | FSC_translation(0) << 1);
    CHECK_EQ(AT("s1e1r", UART) >> 56, 0);
    CHECK_NO_TRAP();
}

const struct test tests[] = {
    TEST("levels of 4 KiB pages", levels4),
    TEST("levels of 16 KiB pages", levels16),
    TEST("levels of 64 KiB pages", levels64),
    TEST("blocks", blocks),
    TEST("sizes of physical addresses", sizes),
    TEST("rights", rights),
    TEST("PAN and UAO", pan_and_uao),
    TEST("E0PD", hidden),
    TEST("access flag", access_flag),
    TEST("dirty state", dirty),
    TEST("tags", tags),
    TEST("the upper range", upper_range),
    TEST("ASIDs", asids),
    TEST("TLBI of every kind", tlbi_kinds),
    TEST("contiguous leaves", contiguous),
    TEST("AT and PAR_EL1", at_insns),
    {NULL, NULL},
};
