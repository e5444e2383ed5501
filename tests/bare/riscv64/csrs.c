/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CSRs: which exist, who may touch them, what they keep of what is written. The expectations are those of the model `max`. */
#include "rt.h"

static uint32_t csrr(unsigned n) { return n << 20 | 2 << 12 | 10 << 7 | 0x73; }                 /* csrr a0, n */
static uint32_t csrw(unsigned n) { return n << 20 | 10 << 15 | 1 << 12 | 0x73; }                /* csrw n, a0 */
static uint32_t csrs_zero(unsigned n) { return n << 20 | 11 << 15 | 2 << 12 | 10 << 7 | 0x73; } /* csrrs a0, n, a1 */

/* Runs of numbers that exist. */
static const struct {
    uint16_t first, last;
} existing[] = {
    {0x001, 0x003}, {0x100, 0x100}, {0x104, 0x106}, {0x10a, 0x10a}, {0x10c, 0x10f}, {0x140, 0x144}, {0x14d, 0x14d}, {0x180, 0x180},
    {0x300, 0x306}, {0x30a, 0x30a}, {0x30c, 0x30f}, {0x320, 0x320}, {0x323, 0x33f}, {0x340, 0x344}, {0x3a0, 0x3a0}, {0x3a2, 0x3a2},
    {0x3b0, 0x3bf}, {0x747, 0x747}, {0xb00, 0xb00}, {0xb02, 0xb1f}, {0xc00, 0xc1f}, {0xda0, 0xda0}, {0xf11, 0xf15},
};

static bool exists(unsigned n)
{
    for (unsigned i = 0; i < ARRAY_LEN(existing); i++)
        if (n >= existing[i].first && n <= existing[i].last)
            return true;
    return false;
}

/* Nothing in the way but mode and number. */
static void open_all(void)
{
    csr_set(CSR_mstatus, STATUS_FS);
    csr_write(CSR_mcounteren, ~0u);
    csr_write(CSR_scounteren, ~0u);
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    for (unsigned i = 0; i < 4; i++)
        switch (i) {
        case 0: csr_write(CSR_mstateen0, ~0ul); break;
        case 1: csr_write(CSR_mstateen0 + 1, ~0ul); break;
        case 2: csr_write(CSR_mstateen0 + 2, ~0ul); break;
        case 3: csr_write(CSR_mstateen0 + 3, ~0ul); break;
        }
}

static void check_access(uint64_t mode, unsigned n, uint32_t word, bool allowed)
{
    bool ran;
    row("csr %x, mode %d, insn %x", (uint64_t)n, mode, (uint64_t)word);
    insn_in(mode, word, 0, 0, &ran);
    if (allowed)
        CHECK(ran);
    else
        CHECK_TRAP(CAUSE_illegal, word);
}

static void reads_by_mode(void)
{
    open_all();
    for (unsigned i = 0; i < ARRAY_LEN(existing); i++)
        for (unsigned n = existing[i].first; n <= existing[i].last; n++)
            for (uint64_t mode = MODE_U; mode <= MODE_M; mode += mode + 1)
                check_access(mode, n, csrr(n), mode >= (n >> 8 & 3));
}

static void writes_of_read_only(void)
{
    open_all();
    for (unsigned i = 0; i < ARRAY_LEN(existing); i++)
        for (unsigned n = existing[i].first; n <= existing[i].last; n++) {
            if (n >> 10 != 3)
                continue;
            check_access(MODE_M, n, csrw(n), false);
            check_access(MODE_M, n, csrs_zero(n), false);                       /* any register but x0 is a write, whatever it holds */
            check_access(MODE_M, n, n << 20 | 1 << 15 | 6 << 12 | 0x73, false); /* csrrsi 1 */
            check_access(MODE_M, n, n << 20 | 0 << 15 | 6 << 12 | 10 << 7 | 0x73, true);  /* csrrsi 0 */
            check_access(MODE_M, n, n << 20 | 0 << 15 | 3 << 12 | 10 << 7 | 0x73, true);  /* csrrc x0 */
            check_access(MODE_M, n, n << 20 | 0 << 15 | 5 << 12 | 10 << 7 | 0x73, false); /* csrrwi 0 */
        }
}

/* Whoever may not read may not write either, and nothing is changed. */
static void writes_from_below(void)
{
    open_all();
    for (unsigned i = 0; i < ARRAY_LEN(existing); i++)
        for (unsigned n = existing[i].first; n <= existing[i].last; n++)
            for (uint64_t mode = MODE_U; mode < (n >> 8 & 3); mode += mode + 1)
                check_access(mode, n, csrw(n), false);
}

static void nonexistent(void)
{
    static const uint16_t numbers[] = {
        0x004, 0x016, 0x040, 0x080, 0x101, 0x102, 0x107, 0x110, 0x145, 0x181, 0x1c0, 0x200, 0x3a1, 0x3a3,
        0x380, 0x400, 0x500, 0x600, 0x6c0, 0x7c0, 0x800, 0x8ff, 0x900, 0x9c0, 0xa80, 0xb01, 0xb20, 0xb80,
        0xbc0, 0xc80, 0xc82, 0xcc0, 0xd00, 0xdc0, 0xe00, 0xec0, 0xf00, 0xf16, 0xfc0, 0xfff,
    };
    open_all();
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        check_access(MODE_M, numbers[i], csrr(numbers[i]), false);
        check_access(MODE_M, numbers[i], csrw(numbers[i]), false);
        check_access(MODE_U, numbers[i], csrr(numbers[i]), false);
    }
}

static void all_others(void)
{
    open_all();
    for (unsigned n = 0; n < 4096; n++)
        if (!exists(n))
            check_access(MODE_M, n, csrr(n), false);
}

/* ---- gates ---- */

static void counter_gates(void)
{
    for (unsigned n = 0; n < 32; n++) {
        uint32_t word = csrr(0xc00 + n);
        csr_write(CSR_mcounteren, ~(1u << n));
        csr_write(CSR_scounteren, ~0u);
        check_access(MODE_S, 0xc00 + n, word, false);
        check_access(MODE_U, 0xc00 + n, word, false);
        check_access(MODE_M, 0xc00 + n, word, true);
        csr_write(CSR_mcounteren, 1u << n);
        csr_write(CSR_scounteren, ~(1u << n));
        check_access(MODE_S, 0xc00 + n, word, true);
        check_access(MODE_U, 0xc00 + n, word, false);
        csr_write(CSR_scounteren, 1u << n);
        check_access(MODE_U, 0xc00 + n, word, true);
    }
}

static void stimecmp_gates(void)
{
    for (unsigned stce = 0; stce < 2; stce++)
        for (unsigned tm = 0; tm < 2; tm++) {
            csr_write(CSR_menvcfg, stce ? ENVCFG_STCE : 0);
            csr_write(CSR_mcounteren, tm ? 2 : 0);
            check_access(MODE_S, 0x14d, csrr(0x14d), stce && tm);
            check_access(MODE_S, 0x14d, csrw(0x14d), stce && tm);
            check_access(MODE_M, 0x14d, csrr(0x14d), true);
            check_access(MODE_U, 0x14d, csrr(0x14d), false);
        }
    csr_write(CSR_stimecmp, ~0ul);
}

static void float_gate(void)
{
    for (unsigned fs = 0; fs < 4; fs++)
        for (unsigned n = 1; n <= 3; n++) {
            csr_clear(CSR_mstatus, STATUS_FS);
            csr_set(CSR_mstatus, (uint64_t)fs << 13);
            check_access(MODE_U, n, csrr(n), fs != 0);
            check_access(MODE_U, n, csrw(n), fs != 0);
            if (fs)
                CHECK_EQ(csr_read(CSR_mstatus) >> 13 & 3, 3);
        }
}

/* ---- what is kept ---- */

#define KEPT(name, number, ones, zeros)    \
    {                                      \
        uint64_t was_ = csr_read(number);  \
        row(name);                         \
        csr_write(number, ~0ul);           \
        CHECK_EQ(csr_read(number), ones);  \
        csr_write(number, 0);              \
        CHECK_EQ(csr_read(number), zeros); \
        csr_write(number, was_);           \
    }
#define FULL(name, number) KEPT(name, number, ~0ul, 0)

static void warl_traps(void)
{
    KEPT("mtvec", CSR_mtvec, ~2ul, 0);
    KEPT("stvec", CSR_stvec, ~2ul, 0);
    KEPT("medeleg", CSR_medeleg, 0xb3ff, 0);
    KEPT("mideleg", CSR_mideleg, 0x2222, 0);
    KEPT("mie", CSR_mie, 0x2aaa, 0);
    KEPT("mip", CSR_mip, 0x2222, 0);
    FULL("mscratch", CSR_mscratch);
    FULL("sscratch", CSR_sscratch);
    FULL("mtval", CSR_mtval);
    FULL("stval", CSR_stval);
    KEPT("mcounteren", CSR_mcounteren, 0xffffffff, 0);
    KEPT("scounteren", CSR_scounteren, 0xffffffff, 0);
    KEPT("mcountinhibit", CSR_mcountinhibit, 0xfffffffd, 0);
}

static void warl_status(void)
{
    uint64_t fixed = 2ul << 32 | 2ul << 34;
    uint64_t all = STATUS_SIE | STATUS_MIE | STATUS_SPIE | STATUS_MPIE | STATUS_SPP | STATUS_MPP | STATUS_FS | STATUS_MPRV | STATUS_SUM |
                   STATUS_MXR | STATUS_TVM | STATUS_TW | STATUS_TSR | STATUS_SD;
    KEPT("mstatus", CSR_mstatus, all | fixed, fixed);
    KEPT("sstatus", CSR_sstatus, STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_FS | STATUS_SUM | STATUS_MXR | STATUS_SD | 2ul << 32,
         2ul << 32);
    for (uint64_t mpp = 0; mpp < 4; mpp++) {
        row("MPP %d", mpp);
        csr_clear(CSR_mstatus, STATUS_MPP);
        csr_clear(CSR_mstatus, STATUS_MPRV);
        csr_set(CSR_mstatus, mpp << 11);
        if (mpp == 2)
            CHECK(csr_read(CSR_mstatus) >> 11 != 2);
        else
            CHECK_EQ(csr_read(CSR_mstatus) >> 11 & 3, mpp);
    }
    row("sstatus shows what mstatus has");
    csr_write(CSR_mstatus, STATUS_SUM | STATUS_TVM | STATUS_MIE << 4);
    CHECK_EQ(csr_read(CSR_sstatus), STATUS_SUM | 2ul << 32);
    csr_write(CSR_sstatus, STATUS_MXR);
    CHECK_EQ(csr_read(CSR_mstatus), STATUS_MXR | STATUS_TVM | STATUS_MPIE | fixed);
    csr_write(CSR_mstatus, 0);
}

static void warl_config(void)
{
    KEPT("menvcfg", CSR_menvcfg, ENVCFG_STCE | ENVCFG_PBMTE | ENVCFG_ADUE | ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE | ENVCFG_FIOM, 0);
    KEPT("senvcfg", CSR_senvcfg, ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE | ENVCFG_FIOM, 0);
    row("CBIE 2 is reserved");
    csr_write(CSR_menvcfg, 2 << 4);
    CHECK(csr_read(CSR_menvcfg) != 2 << 4);
    csr_write(CSR_menvcfg, 0);
    KEPT("mstateen0", CSR_mstateen0, 3ul << 62, 0);
    KEPT("mstateen1", CSR_mstateen0 + 1, 1ul << 63, 0);
    KEPT("mstateen2", CSR_mstateen0 + 2, 1ul << 63, 0);
    KEPT("mstateen3", CSR_mstateen0 + 3, 1ul << 63, 0);
    KEPT("sstateen0", CSR_sstateen0, 0, 0);
    KEPT("mseccfg", CSR_mseccfg, 3 << 8, 0);
}

static void warl_pmp(void)
{
    KEPT("pmpaddr0", CSR_pmpaddr0, ~0ul >> 10, 0);
    KEPT("pmpaddr14", CSR_pmpaddr0 + 14, ~0ul >> 10, 0);
    row("pmpcfg");
    csr_write(CSR_pmpcfg0, 0x6060606060606060);
    CHECK_EQ(csr_read(CSR_pmpcfg0), 0); /* bits 5 and 6 */
    csr_write(CSR_pmpcfg0, PMP_W | PMP_R << 8 | (PMP_R | PMP_W | PMP_X | PMP_TOR) << 16);
    CHECK_EQ(csr_read(CSR_pmpcfg0) & 2, 0); /* W without R is reserved */
    CHECK_EQ(csr_read(CSR_pmpcfg0) & ~0xfful, 0xf0100);
    csr_write(CSR_pmpcfg0, 0);
}

static void warl_satp(void)
{
    csr_write(CSR_satp, 8ul << 60 | 0xffffull << 44 | 0x80000);
    CHECK_EQ(csr_read(CSR_satp), 8ul << 60 | 0xffffull << 44 | 0x80000);
    for (uint64_t mode = 1; mode < 16; mode++) { /* a mode that is not there voids the whole write */
        if (mode >= 8 && mode <= 10)
            continue;
        row("mode %d", mode);
        csr_write(CSR_satp, mode << 60 | 0x1234ull << 44 | 0x81000);
        CHECK_EQ(csr_read(CSR_satp), 8ul << 60 | 0xffffull << 44 | 0x80000);
    }
    for (uint64_t mode = 8; mode <= 10; mode++) {
        row("mode %d", mode);
        csr_write(CSR_satp, mode << 60 | 0x80000);
        CHECK_EQ(csr_read(CSR_satp), mode << 60 | 0x80000);
    }
    csr_write(CSR_satp, 0);
    CHECK_EQ(csr_read(CSR_satp), 0);
}

static void warl_float(void)
{
    csr_set(CSR_mstatus, STATUS_FS);
    KEPT("fcsr", CSR_fcsr, 0xff, 0);
    KEPT("frm", CSR_frm, 7, 0);
    KEPT("fflags", CSR_fflags, 0x1f, 0);
    csr_write(CSR_fcsr, 0xa5);
    CHECK_EQ(csr_read(CSR_frm), 5);
    CHECK_EQ(csr_read(CSR_fflags), 5);
    csr_write(CSR_frm, 3);
    csr_set(CSR_fflags, 0x10);
    CHECK_EQ(csr_read(CSR_fcsr), 0x75);
    csr_write(CSR_fcsr, 0);
}

static void identity(void)
{
    uint64_t letters = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12 | 1 << 18 | 1 << 20; /* A C D F I M S U */
    CHECK_EQ(csr_read(CSR_mhartid), 0);
    CHECK_EQ(csr_read(CSR_misa) >> 62, 2);
    CHECK_EQ(csr_read(CSR_misa) & letters, letters);
    uint64_t was = csr_read(CSR_misa);
    csr_write(CSR_misa, 0); /* may be accepted by a hart that can drop extensions; ours does not */
    CHECK_EQ(csr_read(CSR_misa), was);
    csr_write(CSR_misa, was);
    CHECK_EQ(csr_read(CSR_mconfigptr), 0);
}

/* sie and sip are views through mideleg. */
static void supervisor_views(void)
{
    csr_write(CSR_mie, ~0ul);
    csr_write(CSR_mip, 1 << IRQ_S_SOFT | 1 << IRQ_S_TIMER | 1 << IRQ_S_EXT);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t bit = 1ul << (1 + 4 * i);
        row("mideleg %x", bit);
        csr_write(CSR_mideleg, bit);
        CHECK_EQ(csr_read(CSR_sie), bit);
        CHECK_EQ(csr_read(CSR_sip), bit);
        csr_write(CSR_sie, 0);
        CHECK_EQ(csr_read(CSR_mie), 0x2aaa & ~bit);
        csr_write(CSR_sie, ~0ul);
        CHECK_EQ(csr_read(CSR_mie), 0x2aaa);
        csr_write(CSR_sip, 0); /* software clears SSIP only */
        CHECK_EQ(csr_read(CSR_mip) & bit, bit == 2 ? 0 : bit);
        csr_write(CSR_mip, 1 << IRQ_S_SOFT | 1 << IRQ_S_TIMER | 1 << IRQ_S_EXT);
    }
    csr_write(CSR_mideleg, 0);
    CHECK_EQ(csr_read(CSR_sie), 0);
    CHECK_EQ(csr_read(CSR_sip), 0);
}

/* With Sstc switched on STIP is the comparison's: software cannot write it. */
static void stip_of_sstc(void)
{
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    csr_write(CSR_stimecmp, ~0ul);
    csr_write(CSR_mip, 1 << IRQ_S_TIMER);
    CHECK_EQ(csr_read(CSR_mip) & 1 << IRQ_S_TIMER, 0);
    csr_write(CSR_stimecmp, 0);
    CHECK_EQ(csr_read(CSR_mip) & 1 << IRQ_S_TIMER, 1 << IRQ_S_TIMER);
    csr_write(CSR_mip, 0);
    CHECK_EQ(csr_read(CSR_mip) & 1 << IRQ_S_TIMER, 1 << IRQ_S_TIMER);
    csr_write(CSR_stimecmp, ~0ul);
    CHECK_EQ(csr_read(CSR_mip) & 1 << IRQ_S_TIMER, 0);
}

/* csrrw, csrrs, csrrc give the old value and modify by bits; rd = rs1 works. */
static void read_modify_write(void)
{
    uint64_t v = 0xff00;
    csr_write(CSR_sscratch, 0x0ff0);
    asm volatile("csrrs %0, sscratch, %0" : "+r"(v));
    CHECK_EQ(v, 0x0ff0);
    CHECK_EQ(csr_read(CSR_sscratch), 0xfff0);
    v = 0xf0;
    asm volatile("csrrc %0, sscratch, %0" : "+r"(v));
    CHECK_EQ(v, 0xfff0);
    CHECK_EQ(csr_read(CSR_sscratch), 0xff00);
    v = 1;
    asm volatile("csrrw %0, sscratch, %0" : "+r"(v));
    CHECK_EQ(v, 0xff00);
    asm volatile("csrrsi %0, sscratch, 30" : "=r"(v));
    CHECK_EQ(v, 1);
    asm volatile("csrrci %0, sscratch, 3" : "=r"(v));
    CHECK_EQ(v, 31);
    asm volatile("csrrwi %0, sscratch, 9" : "=r"(v));
    CHECK_EQ(v, 28);
    CHECK_EQ(csr_read(CSR_sscratch), 9);
    /* the same through a CSR with side effects: the old value, though it is the register that is written */
    csr_write(CSR_mie, 1 << IRQ_M_SOFT);
    v = 1 << IRQ_M_TIMER;
    asm volatile("csrrw %0, mie, %0" : "+r"(v));
    CHECK_EQ(v, 1 << IRQ_M_SOFT);
    CHECK_EQ(csr_read(CSR_mie), 1 << IRQ_M_TIMER);
}

const struct test tests[] = {
    TEST("reads by every mode", reads_by_mode),
    TEST("writes of read-only CSRs", writes_of_read_only),
    TEST("writes from modes below", writes_from_below),
    TEST("CSRs that do not exist", nonexistent),
    TEST("every other number", all_others),
    TEST("counters behind mcounteren and scounteren", counter_gates),
    TEST("stimecmp behind menvcfg and mcounteren", stimecmp_gates),
    TEST("floating point CSRs behind FS", float_gate),
    TEST("kept bits: traps and interrupts", warl_traps),
    TEST("kept bits: mstatus and sstatus", warl_status),
    TEST("kept bits: environment, stateen, seccfg", warl_config),
    TEST("kept bits: PMP", warl_pmp),
    TEST("kept bits: satp", warl_satp),
    TEST("kept bits: floating point", warl_float),
    TEST("identity", identity),
    TEST("sie and sip through mideleg", supervisor_views),
    TEST("STIP of stimecmp", stip_of_sstc),
    TEST("read, modify, write", read_modify_write),
    {NULL, NULL},
};
