/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The gates of extensions: Smstateen, cache-block operations behind menvcfg and senvcfg, entropy behind mseccfg; hints that never trap. */
#include "paging.h"

#define VA        0x40000000ul
#define NOWHERE   0x90000000ul
#define CBO_INVAL 0x0005200fu /* of (a0) */
#define CBO_CLEAN 0x0015200fu
#define CBO_FLUSH 0x0025200fu
#define CBO_ZERO  0x0045200fu

static uint64_t page[512] ALIGNED(4096), other[512] ALIGNED(4096);

static bool runs(uint64_t mode, uint32_t word, uint64_t a0)
{
    bool ran;
    insn_in(mode, word, a0, a0, &ran);
    return ran;
}

static void gate(uint64_t mode, uint32_t word, bool allowed)
{
    row("mode %d, insn %x, menvcfg %x, senvcfg %x", mode, (uint64_t)word, csr_read(CSR_menvcfg), csr_read(CSR_senvcfg));
    if (allowed)
        CHECK(runs(mode, word, (uint64_t)page));
    else {
        runs(mode, word, (uint64_t)page);
        CHECK_TRAP(CAUSE_illegal, word);
    }
}

/* ---- cache blocks ---- */

static void cbo_gates(void)
{
    static const struct {
        uint32_t word;
        uint64_t on, field;
    } rows[] = {
        {CBO_CLEAN, ENVCFG_CBCFE, ENVCFG_CBCFE}, {CBO_FLUSH, ENVCFG_CBCFE, ENVCFG_CBCFE}, {CBO_ZERO, ENVCFG_CBZE, ENVCFG_CBZE},
        {CBO_INVAL, 1 << 4, ENVCFG_CBIE},        {CBO_INVAL, 3 << 4, ENVCFG_CBIE},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned how = 0; how < 4; how++) {
            csr_write(CSR_menvcfg, how & 1 ? rows[i].on : 0);
            csr_write(CSR_senvcfg, how & 2 ? rows[i].on : 0);
            gate(MODE_M, rows[i].word, true);
            gate(MODE_S, rows[i].word, how & 1);
            gate(MODE_U, rows[i].word, how == 3);
        }
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) { /* the others' bits do not help */
        csr_write(CSR_menvcfg, ~rows[i].field & (ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE));
        csr_write(CSR_senvcfg, ~rows[i].field & (ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE));
        gate(MODE_S, rows[i].word, false);
        gate(MODE_U, rows[i].word, false);
    }
}

static void cbo_zero(void)
{
    for (unsigned offset = 0; offset < 200; offset += 13) {
        row("offset %d", (uint64_t)offset);
        for (unsigned i = 0; i < 64; i++)
            page[i] = ~0ul;
        CHECK(runs(MODE_M, CBO_ZERO, (uint64_t)page + offset));
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(page[i], i / 8 == offset / 64 ? 0 : ~0ul);
    }
}

static void cbo_data(void) /* nothing that is cached is lost */
{
    for (unsigned i = 0; i < 64; i++)
        page[i] = i * 77;
    runs(MODE_M, CBO_CLEAN, (uint64_t)page);
    runs(MODE_M, CBO_FLUSH, (uint64_t)page + 64);
    CHECK_NO_TRAP();
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(page[i], i * 77);
}

static void fault_as_s(uint32_t word, uint64_t va, uint64_t cause)
{
    row("insn %x at %x", (uint64_t)word, va);
    insn_in(MODE_S, word, va, 0, NULL);
    if (cause)
        CHECK_TRAP(cause, va);
    else
        CHECK_NO_TRAP();
}

/* Zeroing is a store; management traps as a store where neither loads nor stores are allowed. */
static void cbo_faults(void)
{
    static const uint32_t management[] = {CBO_INVAL, CBO_CLEAN, CBO_FLUSH};
    csr_write(CSR_menvcfg, ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE);
    csr_write(CSR_senvcfg, ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE);
    paging_new(SV39);
    paging_map_program();
    paging_map(VA, (uint64_t)page, 0, PTE_R | PTE_W);
    paging_map(VA + PAGE, (uint64_t)page, 0, PTE_R);
    paging_map(VA + 2 * PAGE, (uint64_t)page, 0, PTE_X);
    paging_map(VA + 3 * PAGE, (uint64_t)page, 0, PTE_R | PTE_W | PTE_U);
    paging_map(VA + 5 * PAGE, NOWHERE, 0, PTE_R | PTE_W);
    if (!paging_on(0))
        return skip("no Sv39");
    for (unsigned i = 0; i < ARRAY_LEN(management); i++) {
        fault_as_s(management[i], VA + 5, 0);
        fault_as_s(management[i], VA + PAGE + 70, 0);
        fault_as_s(management[i], VA + 2 * PAGE + 70, CAUSE_store_page);
        fault_as_s(management[i], VA + 3 * PAGE + 70, CAUSE_store_page);
        fault_as_s(management[i], VA + 4 * PAGE + 70, CAUSE_store_page);
        fault_as_s(management[i], VA + 5 * PAGE + 70, CAUSE_store_access);
    }
    fault_as_s(CBO_ZERO, VA + 5, 0);
    fault_as_s(CBO_ZERO, VA + PAGE + 70, CAUSE_store_page);
    fault_as_s(CBO_ZERO, VA + 2 * PAGE + 70, CAUSE_store_page);
    fault_as_s(CBO_ZERO, VA + 4 * PAGE + 70, CAUSE_store_page);
    fault_as_s(CBO_ZERO, VA + 5 * PAGE + 70, CAUSE_store_access);
    csr_write(CSR_satp, 0);
}

/* Prefetches of anywhere. */
static void prefetches(void)
{
    static const uint32_t words[] = {0x00056013, 0x00156013, 0x00356013, 0xfe356013}; /* prefetch.i r w, an offset */
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1) {
            row("insn %x, mode %d", (uint64_t)words[i], mode);
            CHECK_EQ(insn_in(mode, words[i], NOWHERE, 0, NULL), NOWHERE);
            CHECK_NO_TRAP();
        }
}

/* ---- Smstateen ---- */

static uint32_t csrr(unsigned n) { return n << 20 | 2 << 12 | 10 << 7 | 0x73; }

static void stateen(void)
{
    for (uint64_t bits = 0; bits < 4; bits++) {
        row("mstateen0 bits %x", bits);
        csr_write(CSR_mstateen0, bits << 62);
        if (csr_read(CSR_mstateen0) >> 62 != bits)
            return skip("no Smstateen");
        CHECK_EQ(runs(MODE_S, csrr(CSR_senvcfg), 0), (bits & 1) != 0);
        CHECK_EQ(runs(MODE_S, csrr(CSR_sstateen0), 0), (bits & 2) != 0);
        CHECK(runs(MODE_M, csrr(CSR_senvcfg), 0));
        CHECK(runs(MODE_M, csrr(CSR_sstateen0), 0));
        CHECK(!runs(MODE_U, csrr(CSR_sstateen0), 0));
        CHECK(runs(MODE_S, csrr(CSR_sscratch), 0));
    }
    for (unsigned i = 1; i < 4; i++) {
        row("mstateen%d", (uint64_t)i);
        switch (i) {
        case 1: csr_write(CSR_mstateen0 + 1, 0); break;
        case 2: csr_write(CSR_mstateen0 + 2, 0); break;
        case 3: csr_write(CSR_mstateen0 + 3, 0); break;
        }
        CHECK(!runs(MODE_S, csrr(CSR_sstateen0 + i), 0));
        switch (i) {
        case 1: csr_write(CSR_mstateen0 + 1, 1ul << 63); break;
        case 2: csr_write(CSR_mstateen0 + 2, 1ul << 63); break;
        case 3: csr_write(CSR_mstateen0 + 3, 1ul << 63); break;
        }
        CHECK(runs(MODE_S, csrr(CSR_sstateen0 + i), 0));
    }
}

/* ---- entropy ---- */

#define SEED_RW   0x01501573u /* csrrw a0, seed, x0 */
#define SEED_READ 0x01502573u /* csrrs a0, seed, x0: not allowed */

static void seed_gates(void)
{
    if (!runs(MODE_M, SEED_RW, 0))
        return skip("no Zkr");
    for (uint64_t bits = 0; bits < 4; bits++) {
        csr_write(CSR_mseccfg, bits << 8);
        row("mseccfg %x", bits << 8);
        CHECK(runs(MODE_M, SEED_RW, 0));
        CHECK_EQ(runs(MODE_S, SEED_RW, 0), (bits & 2) != 0);
        CHECK_EQ(runs(MODE_U, SEED_RW, 0), (bits & 1) != 0);
        runs(MODE_S, SEED_READ, 0);
        CHECK_TRAP(CAUSE_illegal, SEED_READ);
    }
    csr_write(CSR_mseccfg, 0);
}

static void seed_read_only(void)
{
    static const uint32_t words[] = {SEED_READ, 0x01503573, 0x01506573, 0x01507573}; /* csrrs, csrrc of x0; csrrsi, csrrci of 0 */
    if (!runs(MODE_M, SEED_RW, 0))
        return skip("no Zkr");
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        row("insn %x", (uint64_t)words[i]);
        runs(MODE_M, words[i], 0);
        CHECK_TRAP(CAUSE_illegal, words[i]);
    }
    CHECK(runs(MODE_M, 0x0155a573, 0)); /* csrrs a0, seed, a1 */
    CHECK(runs(MODE_M, 0x0150d573, 0)); /* csrrwi a0, seed, 1 */
}

static void seed_values(void)
{
    unsigned got = 0;
    uint64_t ored = 0, anded = 0xffff;
    if (!runs(MODE_M, SEED_RW, 0))
        return skip("no Zkr");
    for (unsigned i = 0; i < 300 && got < 200; i++) {
        uint64_t v = insn_in(MODE_M, SEED_RW, 0, 0, NULL);
        CHECK_EQ(v >> 32, 0);
        CHECK_EQ(v >> 24 & 0x3f, 0); /* reserved */
        if (v >> 30 == 2) {
            got++;
            ored |= v & 0xffff;
            anded &= v & 0xffff;
        } else {
            CHECK_EQ(v & 0xffff, 0); /* no entropy with any other state */
        }
    }
    CHECK_EQ(got, 200);
    CHECK_EQ(ored, 0xffff); /* each bit was 1 and 0: wrong once in 10^58 */
    CHECK_EQ(anded, 0);
}

/* ---- waits and may-be operations ---- */

static void wait_on_reservation(void)
{
    static const uint32_t words[] = {0x00d00073, 0x01d00073}; /* wrs.nto, wrs.sto */
    for (unsigned i = 0; i < 2; i++) {
        row("insn %x", (uint64_t)words[i]);
        CHECK(runs(MODE_M, words[i], 0));
        insn_slot[0] = 0x100522af; /* lr.w t0, (a0) */
        insn_slot[1] = words[i];
        insn_slot[2] = 0x00008067;
        fence_i();
        for (unsigned n = 0; n < 20; n++)
            asm volatile("mv a0, %0\n jalr %1" ::"r"(page), "r"(insn_slot) : "a0", "t0", "ra", "memory");
    }
}

static void may_be(void)
{
    bool ran;
    CHECK_EQ(insn_in(MODE_U, 0x81c54573, 5, 0, &ran), 0); /* mop.r.0 a0, a0 */
    CHECK(ran);
    CHECK_EQ(insn_in(MODE_U, 0x82b54573, 5, 7, &ran), 0); /* mop.rr.0 a0, a0, a1 */
    CHECK(ran);
    CHECK_EQ(insn_in(MODE_U, 0x6081 | 0x00010000, 5, 0, &ran), 5); /* c.mop.1 */
    CHECK(ran);
}

/* Another page behind the same address right after a cbo.zero: the fast path of plain stores must not be confused. */
static void zero_and_remap(void)
{
    csr_write(CSR_menvcfg, ENVCFG_CBZE);
    paging_new(SV39);
    paging_map_program();
    paging_map(VA, (uint64_t)page, 0, PTE_R | PTE_W);
    if (!paging_on(0))
        return skip("no Sv39");
    for (unsigned i = 0; i < 10; i++) {
        page[8] = other[8] = 5;
        insn_in(MODE_S, CBO_ZERO, VA + 64, 0, NULL);
        CHECK_EQ(page[8], 0);
        paging_map(VA, (uint64_t)other, 0, PTE_R | PTE_W);
        sfence_vma();
        insn_in(MODE_S, CBO_ZERO, VA + 64, 0, NULL);
        CHECK_EQ(other[8], 0);
        paging_map(VA, (uint64_t)page, 0, PTE_R | PTE_W);
        sfence_vma();
    }
    csr_write(CSR_satp, 0);
}

const struct test tests[] = {
    TEST("gates of cache-block operations", cbo_gates),
    TEST("cbo.zero", cbo_zero),
    TEST("management keeps data", cbo_data),
    TEST("faults of cache-block operations", cbo_faults),
    TEST("cbo.zero under changing pages", zero_and_remap),
    TEST("prefetches", prefetches),
    TEST("Smstateen", stateen),
    TEST("seed by mode", seed_gates),
    TEST("seed must be written", seed_read_only),
    TEST("seed's values", seed_values),
    TEST("waits on reservations", wait_on_reservation),
    TEST("may-be operations", may_be),
    {NULL, NULL},
};
