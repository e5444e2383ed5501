/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The riscv64 guest's models and CSRs: what can be written, who may access what, features of models; by running single insns. */
#include "riscv64_steps.h"

enum { MRET = 0x30200073, SRET = 0x10200073, WFI = 0x10500073, SFENCE = 0x12628073 /* t0, t1 */ };

/* ---- what can be written ---- */

static void masks(void **state)
{
    static const struct {
        unsigned number;
        uint64_t ones, zeros;
    } rows[] = {
        /* read after writing all ones, all zeros, in M mode */
        {0x001, 0x1f, 0},
        {0x002, 7, 0},
        {0x003, 0xff, 0},
        {0x100, 0x80000002000c6122, 0x200000000},
        {0x104, 0, 0},
        {0x105, ~2ull, 0},
        {0x106, 0xffffffff, 0},
        {0x10a, 0xf1, 0},
        {0x10c, 0, 0},
        {0x10f, 0, 0},
        {0x140, ~0ull, 0},
        {0x141, ~1ull, 0},
        {0x142, ~0ull, 0},
        {0x143, ~0ull, 0},
        {0x144, 0, 0},
        {0x14d, ~0ull, 0},
        {0x300, 0x8000000a007e79aa, 0xa00000000},
        {0x301, 0x800000000014112f, 0x800000000014112f},
        {0x302, 0xb3ff, 0},
        {0x303, 0x2222, 0},
        {0x304, 0x2aaa, 0},
        {0x305, ~2ull, 0},
        {0x306, 0xffffffff, 0},
        {0x30a, 0xe0000000000000f1, 0},
        {0x30c, 3ull << 62, 0},
        {0x30d, 1ull << 63, 0},
        {0x30f, 1ull << 63, 0},
        {0x320, 0xfffffffd, 0},
        {0x323, 15ull << 60 & ~(0ull), 0},
        {0x340, ~0ull, 0},
        {0x341, ~1ull, 0},
        {0x342, ~0ull, 0},
        {0x343, ~0ull, 0},
        {0x747, 0x300, 0},
        {0x3b0, (1ull << 54) - 1, 0},
    };

    (void)state;
    start("max");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        csr_set(0x300, STATUS_FS);
        csr_set(rows[i].number, ~0ull);
        uint64_t ones = csr(rows[i].number);
        csr_set(rows[i].number, 0);
        if (rows[i].number == 0x300)
            RV(cpu, mstatus) |= STATUS_FS;
        uint64_t zeros = csr(rows[i].number) & ~(rows[i].number == 0x300 ? 0x8000000000006000 : 0);
        if (ones != rows[i].ones || zeros != rows[i].zeros)
            fail_msg("csr 0x%x: %llx %llx", rows[i].number, (unsigned long long)ones, (unsigned long long)zeros);
    }
    csr_set(0x300, 3 << 11);
    csr_set(0x300, 2 << 11); /* no such mode: MPP stays */
    assert_int_equal(csr(0x300) >> 11 & 3, 3);
    csr_set(0x30a, 3 << 4);
    csr_set(0x30a, 2 << 4); /* reserved CBIE */
    assert_int_equal(csr(0x30a), 3 << 4);
    stop();
}

static void rows_are_sound(void **state)
{
    uint64_t v;
    unsigned n = 0;

    (void)state;
    start("max");
    for (unsigned number = 0; number < 4096; number++)
        n += riscv64_csr_peek(cpu, number, &v);
    assert_int_equal(n, 3 + 1 + 32 + 17 + 5 + 12 + 1 + 4 + 1 + 2 + 16 + 1 + 29 + 31);
    assert_string_equal(riscv64_csr_name(0xc03), "hpmcounter3");
    assert_string_equal(riscv64_csr_name(0xb1f), "mhpmcounter31");
    assert_string_equal(riscv64_csr_name(0x33f), "mhpmevent31");
    assert_string_equal(riscv64_csr_name(0x3bf), "pmpaddr15");
    assert_string_equal(riscv64_csr_name(0x30c), "mstateen0");
    assert_string_equal(riscv64_csr_name(0x30f), "mstateen3");
    assert_string_equal(riscv64_csr_name(0x10e), "sstateen2");
    assert_string_equal(riscv64_csr_name(0x3a2), "pmpcfg2");
    assert_null(riscv64_csr_name(0x3a1));
    assert_null(riscv64_csr_name(99999));
    /* Without hooks, set and clear see what a read sees. */
    csr_set(0x340, 0xf0);
    assert_int_equal(csr_do(CSRRS, 0x340, 0x0f), 0xf0);
    assert_int_equal(csr_do(CSRRC, 0x340, 0x3c), 0xff);
    assert_int_equal(csr(0x340), 0xc3);
    csr_set(0x300, 0);
    csr_do(CSRRS, 0x100, 0x40022);
    assert_int_equal(csr(0x300), 0xa00040022);
    csr_do(CSRRC, 0x100, 0x40000);
    assert_int_equal(csr(0x300), 0xa00000022);
    stop();
}

static void modes(void **state)
{
    static const struct {
        unsigned number;
        bool m, s, u, write;
    } rows[] = {
        /* who may read, and whether M may write */
        {0x300, 1, 0, 0, 1}, {0x100, 1, 1, 0, 1}, {0x001, 1, 1, 1, 1}, {0xf14, 1, 0, 0, 0}, {0xc00, 1, 1, 1, 0}, {0xc01, 1, 1, 1, 0},
        {0xc02, 1, 1, 1, 0}, {0xc1f, 1, 1, 1, 0}, {0xda0, 1, 1, 0, 0}, {0x180, 1, 1, 0, 1}, {0x14d, 1, 1, 0, 1}, {0x10a, 1, 1, 0, 1},
        {0x10c, 1, 1, 0, 1}, {0x015, 0, 0, 0, 1}, {0x200, 0, 0, 0, 0}, {0x7a0, 0, 0, 0, 0}, {0xc20, 0, 0, 0, 0}, {0xb01, 0, 0, 0, 0},
        {0x008, 0, 0, 0, 0}, {0x600, 0, 0, 0, 0}, {0x301, 1, 0, 0, 1},
    };

    (void)state;
    start("max");
    RV(cpu, mcounteren) = RV(cpu, scounteren) = ~0u;
    RV(cpu, menvcfg) = ENVCFG_STCE;
    RVN(cpu, mstateen, 0) = 3ull << 62;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RV(cpu, mstatus) = STATUS_FS;
        bool ok = csr_may(PRIV_M, csrr_insn(rows[i].number)) == rows[i].m && csr_may(PRIV_S, csrr_insn(rows[i].number)) == rows[i].s &&
                  csr_may(PRIV_U, csrr_insn(rows[i].number)) == rows[i].u &&
                  csr_may(PRIV_M, csr_insn(CSRRS, rows[i].number)) == rows[i].write;
        if (!ok)
            fail_msg("csr 0x%x", rows[i].number);
    }
    RV(cpu, mstatus) = 0; /* FS off */
    assert_false(csr_may(PRIV_M, csrr_insn(3)));
    stop();
}

static void conditions(void **state)
{
    (void)state;
    start("max");
    /* counters: mcounteren for S, both for U, each its bit */
    for (unsigned n = 0; n < 32; n++)
        for (unsigned bits = 0; bits < 4; bits++) {
            RV(cpu, mcounteren) = bits & 1 ? 1u << n : ~(1u << n);
            RV(cpu, scounteren) = bits & 2 ? 1u << n : ~(1u << n);
            assert_true(csr_may(PRIV_M, csrr_insn(0xc00 + n)));
            assert_int_equal(csr_may(PRIV_S, csrr_insn(0xc00 + n)), bits & 1);
            assert_int_equal(csr_may(PRIV_U, csrr_insn(0xc00 + n)), bits == 3);
        }
    for (unsigned bits = 0; bits < 4; bits++) { /* stimecmp: TM and STCE */
        RV(cpu, mcounteren) = bits & 1 ? 2 : ~2u;
        RV(cpu, menvcfg) = bits & 2 ? ENVCFG_STCE : 0;
        assert_int_equal(csr_may(PRIV_S, csr_insn(CSRRW, 0x14d)), bits == 3);
        assert_true(csr_may(PRIV_M, csr_insn(CSRRW, 0x14d)));
    }
    /* TVM: satp; TSR, TW; U never waits */
    RVN(cpu, x, 6) = 0;
    for (unsigned on = 0; on < 2; on++) {
        RV(cpu, mstatus) = on ? STATUS_TVM | STATUS_TW | STATUS_TSR : 0;
        assert_int_equal(csr_may(PRIV_S, csrr_insn(0x180)), !on);
        assert_int_equal(csr_may(PRIV_S, csr_insn(CSRRW, 0x180)), !on);
        assert_true(csr_may(PRIV_M, csrr_insn(0x180)));
        assert_int_equal(csr_may(PRIV_S, SFENCE), !on);
        assert_int_equal(csr_may(PRIV_S, SRET), !on);
        assert_int_equal(csr_may(PRIV_S, WFI), !on);
        assert_true(csr_may(PRIV_M, WFI));
        assert_false(csr_may(PRIV_U, WFI));
        assert_false(csr_may(PRIV_U, SFENCE));
        assert_false(csr_may(PRIV_U, SRET));
        assert_false(csr_may(PRIV_S, MRET));
    }
    /* Smstateen: senvcfg by ENVCFG, sstateen by SE */
    for (unsigned bits = 0; bits < 4; bits++) {
        RVN(cpu, mstateen, 0) = (uint64_t)bits << 62;
        RVN(cpu, mstateen, 2) = (uint64_t)(bits & 2) << 62;
        assert_int_equal(csr_may(PRIV_S, csr_insn(CSRRW, 0x10a)), bits & 1);
        assert_int_equal(csr_may(PRIV_S, csrr_insn(0x10c)), bits >> 1);
        assert_int_equal(csr_may(PRIV_S, csrr_insn(0x10e)), bits >> 1);
        assert_true(csr_may(PRIV_M, csrr_insn(0x10a)));
    }
    /* Zkr: only accesses that write; SSEED, USEED */
    for (unsigned bits = 0; bits < 4; bits++) {
        RV(cpu, mseccfg) = bits << 8;
        assert_true(csr_may(PRIV_M, csr_insn(CSRRW, 0x15)));
        assert_int_equal(RVN(cpu, x, 5) >> 30, 2);
        assert_int_equal(RVN(cpu, x, 5) >> 16 & 0x3fff, 0);
        assert_int_equal(csr_may(PRIV_S, csr_insn(CSRRS, 0x15)), bits >> 1);
        assert_int_equal(csr_may(PRIV_U, csr_insn(CSRRW, 0x15)), bits & 1);
        assert_int_equal(csr_may(PRIV_U, csr_insn(CSRRW, 0x15) & ~(31u << 7)), bits & 1); /* also without a result */
        assert_false(csr_may(PRIV_M, csrr_insn(0x15)));
    }
    stop();
}

static void floating_point(void **state)
{
    (void)state;
    start("max");
    RV(cpu, mstatus) = 1 << STATUS_FS_pos;
    cpu->fx = FX_nv | FX_nx;
    assert_int_equal(csr(1), 0x11);
    cpu->fx = FX_dz;
    assert_int_equal(csr(1), 8);
    cpu->fx = FX_of | FX_uf;
    assert_int_equal(csr(1), 6);
    assert_int_equal(RV(cpu, mstatus) >> STATUS_FS_pos, 1); /* reads do not dirty */
    csr_set(1, 0);                                          /* goes on in the same block: the key must follow */
    assert_int_equal(RV(cpu, mstatus) >> STATUS_FS_pos, 3);
    RV(cpu, mstatus) = 1 << STATUS_FS_pos;
    csr_set(3, 0xe9);
    assert_int_equal(cpu->fx, FX_dz | FX_nx);
    assert_int_equal(RV(cpu, frm), 7);
    assert_int_equal(RV(cpu, mstatus) >> STATUS_FS_pos, 3);
    assert_int_equal(csr(3), 0xe9);
    assert_int_equal(csr_do(CSRRC, 1, 1), 9);
    assert_int_equal(cpu->fx, FX_dz);
    assert_int_equal(csr_do(CSRRS, 2, 0), 7); /* rs1 is not x0: a write of the same */
    csr_set(2, 3);
    assert_int_equal(csr(3), 0x68);
    assert_int_equal(csr(0x300) >> 63, 1);
    stop();
}

static void unknown_values(void **state)
{
    (void)state;
    start("max,-sv57");
    csr_set(0x180, 9ull << 60 | 0x123);
    assert_int_equal(csr(0x180), 9ull << 60 | 0x123);
    for (unsigned mode = 1; mode < 16; mode++)
        if (mode != 8 && mode != 9)
            csr_set(0x180, (uint64_t)mode << 60 | 0x456);
    assert_int_equal(csr(0x180), 9ull << 60 | 0x123);
    csr_set(0x180, 8ull << 60 | 0xffffull << 44 | 0xfffffffffffull);
    assert_int_equal(csr(0x180), 8ull << 60 | 0xffffull << 44 | 0x3ffffffffffull);
    seen.contexts = 0;
    csr_set(0x180, 0);
    assert_true(seen.contexts > 0);
    stop();
}

/* ---- models ---- */

static void models(void **state)
{
    static const struct {
        const char *model, *has, *lacks;
    } good[] = {
        {NULL, "i m a f d c b zicsr zba zacas zkr sstc svadu sv57 zcd", "svade"},
        {"max,+svade", "svade svadu", ""},
        {"rva23", "zcb zcmop zfa zawrs sstc svade svnapot", "zacas svadu zkr zbc"},
        {"rva22", "zba zbb zbs b zfhmin svpbmt svinval", "zcb zicond sstc svnapot"},
        {"rv64", "m a f d c zca zcd zifencei", "zba b zicbom sstc"},
        {"rv64,-c", "m d", "c zca zcd"},
        {"rv64,-m", "a", "m zmmul"},
        {"max,-f", "m zca", "f d zcd zfa zfhmin"},
        {"max,-d", "f c zca zcb zfa", "d zcd"},
        {"max,-zcb", "zca c", "zcb"},
        {"max,-zbb", "zba zbs", "zbb b"},
        {"rv64,+zba,+zbb,+zbs", "b", ""},
        {"rv64,+b", "zba zbb zbs b", ""},
        {"+zba", "zba zkr", ""},
        {"rv64,-d,+zfa", "f zfa", "d"},
        {"rv64,-d,+d", "d zcd", ""},
    };
    static const struct {
        const char *model, *says;
    } bad[] = {
        {"rva24", "\"rva24\" is no model"}, {"max,+zbz", "no feature is called \"zbz\""}, {"max,-", "no feature"},
        {"max,rv64", "must stand first"},   {"max,-i", "cannot be taken away"},           {"max,,+zba", "is no model"},
        {"max,zba", "is no model"},
    };
    static const char *const names[] = {
#define FEATURE(name, models, needs, shown) #name,
#include "guest/riscv64/features.def"
#undef FEATURE
    };

    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        start(good[i].model);
        for (unsigned n = 0; n < RISCV64_OPTIONS; n++) {
            char word[64], list[256];
            snprintf(word, sizeof word, " %s ", names[n]);
            snprintf(list, sizeof list, " %s ", good[i].has);
            if (strstr(list, word) && !riscv64_has(cpu, n))
                fail_msg("%s lacks %s", good[i].model, names[n]);
            snprintf(list, sizeof list, " %s ", good[i].lacks);
            if (strstr(list, word) && riscv64_has(cpu, n))
                fail_msg("%s has %s", good[i].model, names[n]);
        }
        stop();
    }
    start("rv64");
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        struct cpu *other = calloc(1, sizeof *other);
        assert_int_equal(riscv64_init(other, bad[i].model, &err), -STATUS_config);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].model, err.text);
        free(other);
    }
    assert_string_equal(riscv64_isa_string(cpu), "rv64imafdc_zicntr_zicsr_zifencei_zihpm");
    size_t len;
    const char *list = riscv64_isa_extensions(cpu, &len);
    assert_int_equal(len, 2 * 6 + 7 + 6 + 9 + 6);
    assert_string_equal(list, "i");
    assert_string_equal(list + 2, "m");
    assert_int_equal(list[len - 1], 0);
    assert_int_equal(csr(0x301), 2ull << 62 | 0x14112d);
    assert_string_equal(riscv64_mmu_type(cpu), "riscv,sv57");
    stop();
    /* Every feature that an insn asks for is one that a model can have. */
    for (unsigned i = 0; i < RISCV64_FEATURES; i++) {
        unsigned n = 0;
        while (n < RISCV64_OPTIONS && strcmp(names[n], riscv64_feature_names[i]))
            n++;
        if (n == RISCV64_OPTIONS)
            fail_msg("%s is no row of features.def", riscv64_feature_names[i]);
    }
}

static void gates(void **state)
{
    static const struct {
        const char *model;
        unsigned number;
    } rows[] = {
        {"max,-sstc", 0x14d},      {"max,-zkr", 0x15},        {"max,-zkr", 0x747},
        {"max,-smstateen", 0x30c}, {"max,-smstateen", 0x10c}, {"max,-zihpm", 0xc03},
        {"max,-zicntr", 0xc00},    {"rv64", 0x14d},           {"max,-f", 3},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(rows[i].model);
        RV(cpu, mstatus) |= STATUS_FS;
        assert_false(csr_may(PRIV_M, csr_insn(CSRRW, rows[i].number)));
        stop();
    }
    start("max,-f");
    csr_set(0x300, STATUS_FS);
    assert_int_equal(csr(0x300) & STATUS_FS, 0);
    stop();
    start("rv64,-c"); /* IALIGN is 32: bit 1 of mepc is hidden, and masked on return */
    csr_set(0x341, 0x80000002);
    assert_int_equal(csr(0x341), 0x80000000);
    assert_true(run_insn(f, MRET));
    assert_int_equal(cpu->pc, 0x80000000);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),          cmocka_unit_test(rows_are_sound), cmocka_unit_test(modes),  cmocka_unit_test(conditions),
        cmocka_unit_test(floating_point), cmocka_unit_test(unknown_values), cmocka_unit_test(models), cmocka_unit_test(gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
