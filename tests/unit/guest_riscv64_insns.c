/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The riscv64 instruction data: every stanza's `test` clauses, in M mode, and what the clauses cannot say: permissions, models, lengths.
 */
#include "riscv64_fixture.h"

enum { KIND_MASK = -1 };

static void prepare(struct fixture *t)
{
    riscv64_reset(t->cpu);
    t->cpu->cell[RISCV64_CELL_mstatus] |= 1 << STATUS_FS_pos;
}

#define GUEST         riscv64
#define GUEST_UPPER   RISCV64
#define GUEST_INSNS_H "guest/riscv64/riscv64_insns.gen.h"
#include "guest_insns.h"

/* ---- what the clauses cannot say ---- */

static void every_insn_lifts_in_every_mode(void **state)
{
    struct fixture *t = fixture_new("max");
    (void)state;
    for (unsigned mode = 0; mode < 12; mode++) {
        static const uint8_t privs[] = {PRIV_U, PRIV_S, PRIV_M};
        t->cpu->cell[RISCV64_CELL_priv] = privs[mode % 3];
        t->cpu->cell[RISCV64_CELL_mstatus] = (uint64_t)(mode / 3) << STATUS_FS_pos;
        t->cpu->cell[RISCV64_CELL_frm] = mode % 8;
        for (unsigned id = 0; id < RISCV64_INSNS; id++) {
            int64_t values[MAX_FIELDS];
            for (unsigned f = 0; f < MAX_FIELDS; f++)
                values[f] = (int64_t)(id * 7 + f * 5 + mode);
            uint64_t key = guest_riscv64.block_key(t->cpu);
            ir_begin(t->build);
            riscv64_lift_insn(t->build, t->cpu, &key, 0, riscv64_encode(id, values), 4);
            assert_true(ir_finish(t->build)->nops > 0);
        }
    }
    fixture_free(t);
}

static void lengths_and_undefined_words(void **state)
{
    struct fixture *t = fixture_new("max");
    uint64_t key = guest_riscv64.block_key(t->cpu);
    struct guest_text text;
    (void)state;
    ir_begin(t->build);
    assert_int_equal(riscv64_lift_insn(t->build, t->cpu, &key, 0, 0x0513, 2), 0); /* half of an addi */
    assert_int_equal(riscv64_lift_insn(t->build, t->cpu, &key, 0, 0, 0), 0);
    assert_int_equal(riscv64_lift_insn(t->build, t->cpu, &key, 0, 0x4501, 2), 2); /* c.li */
    assert_true(ir_finish(t->build)->ninsns > 0);
    assert_int_equal(trap_of(t, 0x00000000), RISCV64_TRAP_illegal);
    assert_int_equal(t->cpu->trap.info, 0);
    assert_int_equal(trap_of(t, 0xffff6201), RISCV64_TRAP_illegal); /* c.lui without an immediate */
    assert_int_equal(t->cpu->trap.info, 0x6201);
    assert_int_equal(trap_of(t, 0xffffffff), RISCV64_TRAP_illegal);
    assert_int_equal(t->cpu->trap.info, 0xffffffff);
    assert_int_equal(riscv64_print_insn(t->cpu, 0xffff6201, 0, &text), 2);
    assert_string_equal(text.text, ".2byte 0x6201");
    assert_int_equal(riscv64_print_insn(t->cpu, 0xffffffff, 0, &text), 4);
    assert_string_equal(text.text, ".4byte 0xffffffff");
    assert_int_equal(riscv64_print_insn(t->cpu, 0xfe000ee3, 0x80001000, &text), 4);
    assert_string_equal(text.text, "beqz zero, 0x80000ffc");
    fixture_free(t);
}

enum {
    FADD_S = 0x00c5f553,
    FADD_S_RNE = 0x00c58553,
    FSW = 0x00a5a027,
    FMV_X_W = 0xe0058553,
    CBO_ZERO = 0x0045a00f,
    CBO_CLEAN = 0x0015a00f,
    CBO_INVAL = 0x0005a00f,
    ECALL = 0x73,
    AMOADD_W = 0x00b6252f,
    AMOCAS_Q_ODD = 0x28b7452f,
    LR_W = 0x1005a52f,
    LW = 0x0005a503,
    SFENCE_VMA = 0x12000073,
    MRET = 0x30200073,
    SRET = 0x10200073,
    JAL_6 = 0x006000ef,
    BEQ_6 = 0x00000363,
    JALR_2 = 0x00250567,
};

static void floating_point_may_be_off_or_clean(void **state)
{
    struct fixture *t = fixture_new("max");
    uint64_t *mstatus = &t->cpu->cell[RISCV64_CELL_mstatus], *frm = &t->cpu->cell[RISCV64_CELL_frm];
    (void)state;
    t->cpu->cell[RISCV64_CELL_x + 11] = PAGE;
    assert_int_equal(trap_of(t, FADD_S), RISCV64_TRAP_illegal);
    assert_int_equal(t->cpu->trap.info, FADD_S);
    assert_int_equal(trap_of(t, FSW), RISCV64_TRAP_illegal);
    *mstatus = 2 << STATUS_FS_pos;
    assert_int_equal(trap_of(t, FSW), UINT32_MAX);
    assert_int_equal(trap_of(t, FMV_X_W), UINT32_MAX);
    assert_int_equal(*mstatus & STATUS_FS, 2 << STATUS_FS_pos); /* reading leaves it clean */
    assert_int_equal(trap_of(t, FADD_S), UINT32_MAX);
    assert_int_equal(*mstatus & STATUS_FS, 3 << STATUS_FS_pos);
    for (*frm = 5; *frm < 8; ++*frm) {
        assert_int_equal(trap_of(t, FADD_S), RISCV64_TRAP_illegal);
        assert_int_equal(trap_of(t, FADD_S_RNE), UINT32_MAX);
    }
    fixture_free(t);
}

static void permissions(void **state)
{
    struct fixture *t = fixture_new("max");
    uint64_t *cell = t->cpu->cell;
    (void)state;
    cell[RISCV64_CELL_x + 11] = PAGE + 8;
    cell[RISCV64_CELL_pmpcfg] = PMP_NAPOT | PMP_R | PMP_W | PMP_X;
    cell[RISCV64_CELL_pmpaddr] = UINT64_MAX >> 10;
    riscv64_pmp_decode(t->cpu);
    static const uint32_t calls[] = {RISCV64_TRAP_ecall_u, RISCV64_TRAP_ecall_s, 0, RISCV64_TRAP_ecall_m};
    for (unsigned priv = PRIV_U; priv <= PRIV_M; priv += 1 + (priv == PRIV_S)) {
        uint32_t refused = priv == PRIV_M ? UINT32_MAX : RISCV64_TRAP_illegal;
        cell[RISCV64_CELL_priv] = priv;
        cell[RISCV64_CELL_menvcfg] = cell[RISCV64_CELL_senvcfg] = 0;
        assert_int_equal(trap_of(t, ECALL), calls[priv]);
        assert_int_equal(trap_of(t, CBO_ZERO), refused);
        assert_int_equal(trap_of(t, CBO_CLEAN), refused);
        assert_int_equal(trap_of(t, CBO_INVAL), refused);
        assert_int_equal(trap_of(t, SFENCE_VMA), priv == PRIV_U ? RISCV64_TRAP_illegal : UINT32_MAX);
        cell[RISCV64_CELL_menvcfg] = ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE;
        assert_int_equal(trap_of(t, CBO_ZERO), priv == PRIV_U ? RISCV64_TRAP_illegal : UINT32_MAX);
        cell[RISCV64_CELL_senvcfg] = cell[RISCV64_CELL_menvcfg];
        assert_int_equal(trap_of(t, CBO_ZERO), UINT32_MAX);
        assert_int_equal(trap_of(t, CBO_CLEAN), UINT32_MAX);
        assert_int_equal(trap_of(t, CBO_INVAL), UINT32_MAX);
    }
    cell[RISCV64_CELL_priv] = PRIV_S;
    assert_int_equal(trap_of(t, MRET), RISCV64_TRAP_illegal);
    cell[RISCV64_CELL_priv] = PRIV_U;
    assert_int_equal(trap_of(t, SRET), RISCV64_TRAP_illegal);
    fixture_free(t);
}

static void addresses_that_trap(void **state)
{
    struct fixture *t = fixture_new("max");
    uint64_t *x = &t->cpu->cell[RISCV64_CELL_x];
    (void)state;
    x[11] = x[12] = PAGE + 2;
    x[10] = 77;
    assert_int_equal(trap_of(t, AMOADD_W), RISCV64_TRAP_store_misaligned);
    assert_int_equal(t->cpu->trap.info, PAGE + 2);
    assert_int_equal(trap_of(t, LR_W), RISCV64_TRAP_load_misaligned);
    assert_int_equal(trap_of(t, LW), UINT32_MAX); /* plain accesses need no alignment */
    x[10] = 77;
    x[11] = 0x1003; /* nothing is there */
    assert_int_equal(trap_of(t, LW), RISCV64_TRAP_load_access);
    assert_int_equal(trap_of(t, CBO_CLEAN), RISCV64_TRAP_store_access);
    assert_int_equal(t->cpu->trap.info, 0x1003);
    assert_int_equal(trap_of(t, CBO_ZERO), RISCV64_TRAP_store_access);
    assert_int_equal(t->cpu->trap.info, 0x1003);
    assert_int_equal(x[10], 77);
    assert_int_equal(trap_of(t, AMOCAS_Q_ODD), RISCV64_TRAP_illegal);
    fixture_free(t);
}

static void models_hide_insns(void **state)
{
    static const struct {
        const char *model;
        uint32_t word;
    } hidden[] = {
        {"rva22", 0x28c5252f}, /* amocas.w */
        {"rv64", 0x20b52533},  /* sh1add */
        {"max,-m", 0x02b50533}, {"max,-a", AMOADD_W}, {"max,-c", 0x4501}, {"max,-zcb", 0x9d61}, {"max,-d", 0x02b50553},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(hidden); i++) {
        struct fixture *t = fixture_new(hidden[i].model);
        t->cpu->cell[RISCV64_CELL_mstatus] = STATUS_FS;
        t->cpu->cell[RISCV64_CELL_x + 12] = t->cpu->cell[RISCV64_CELL_x + 10] = PAGE;
        assert_int_equal(trap_of(t, hidden[i].word), RISCV64_TRAP_illegal);
        fixture_free(t);
        t = fixture_new("max");
        t->cpu->cell[RISCV64_CELL_mstatus] = STATUS_FS;
        t->cpu->cell[RISCV64_CELL_x + 12] = t->cpu->cell[RISCV64_CELL_x + 10] = PAGE;
        assert_int_equal(trap_of(t, hidden[i].word), UINT32_MAX);
        fixture_free(t);
    }
}

static void without_c_jumps_keep_four_byte_alignment(void **state)
{
    struct fixture *t = fixture_new("max,-c");
    uint64_t *x = &t->cpu->cell[RISCV64_CELL_x];
    (void)state;
    assert_int_equal(trap_of(t, JAL_6), RISCV64_TRAP_insn_misaligned);
    assert_int_equal(t->cpu->trap.info, CODE + 6);
    assert_int_equal(x[1], 0);
    assert_int_equal(trap_of(t, BEQ_6), RISCV64_TRAP_insn_misaligned);
    assert_int_equal(trap_of(t, BEQ_6 | 1 << 12), UINT32_MAX); /* bne: not taken */
    x[10] = CODE;
    assert_int_equal(trap_of(t, JALR_2), RISCV64_TRAP_insn_misaligned);
    fixture_free(t);
    t = fixture_new("max");
    assert_int_equal(trap_of(t, JAL_6), UINT32_MAX);
    assert_int_equal(t->cpu->pc, CODE + 6);
    fixture_free(t);
}

static void load_reserved_store_conditional(void **state)
{
    struct fixture *t = fixture_new("max");
    uint64_t *x = &t->cpu->cell[RISCV64_CELL_x], stored;
    enum { SC_W = 0x18d5a52f }; /* sc.w a0, a3, (a1) */
    (void)state;
    x[11] = PAGE;
    x[13] = 0x123456789;
    assert_int_equal(trap_of(t, LR_W), UINT32_MAX);
    assert_int_equal(trap_of(t, SC_W), UINT32_MAX);
    assert_int_equal(x[10], 0);
    assert_true(mem_load(t->cpu->space, PAGE, 8, &stored));
    assert_int_equal(stored, 0x23456789);
    assert_int_equal(trap_of(t, SC_W), UINT32_MAX); /* the reservation is used up */
    assert_int_equal(x[10], 1);
    fixture_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_words_round_trip),
        cmocka_unit_test(stanzas_do_what_their_tests_say),
        cmocka_unit_test(every_insn_lifts_in_every_mode),
        cmocka_unit_test(lengths_and_undefined_words),
        cmocka_unit_test(floating_point_may_be_off_or_clean),
        cmocka_unit_test(permissions),
        cmocka_unit_test(addresses_that_trap),
        cmocka_unit_test(models_hide_insns),
        cmocka_unit_test(without_c_jumps_keep_four_byte_alignment),
        cmocka_unit_test(load_reserved_store_conditional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
