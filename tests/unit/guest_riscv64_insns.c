/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The riscv64 instruction data: every stanza's `test` clauses (word to text and back, and what the insn does on the evaluator), and what
 * the clauses cannot say: permissions, models, lengths. One vCPU in M mode without paging; the test page is the second of its RAM.
 */
#include "base/bits.h"
#include "riscv64_fixture.h"

enum { MAX_FIELDS = 16 };
#define CODE (RAM + 0x100)
#define PAGE (RAM + MEM_PAGE) /* the test page */

static struct fixture *bench_new(const char *model)
{
    struct fixture *t = fixture_new(model);
    t->cpu->monitor = cpu_monitor_new();
    assert_non_null(t->cpu->monitor);
    return t;
}

static void bench_free(struct fixture *t)
{
    free(t->cpu->monitor);
    fixture_free(t);
}

/* Lifts one insn at CODE with the keys of the current state and executes it; the trap it takes, UINT32_MAX: none. */
static uint32_t trap_of(struct fixture *t, uint32_t word)
{
    t->cpu->pc = CODE;
    return run_insn(t, word) ? UINT32_MAX : t->cpu->trap.kind;
}

/* ---- the stanzas' own tests ---- */

static uint64_t value_of(const struct riscv64_cell *c) { return c->value + (c->relative ? PAGE : 0); }

static void set(struct fixture *t, const struct riscv64_cell *c)
{
    uint64_t v = value_of(c);
    if (c->at == RISCV64_AT_cell)
        t->cpu->cell[c->number] = v;
    else if (c->at == RISCV64_AT_mem)
        assert_true(mem_write(t->cpu->space, PAGE + c->number, &v, c->bytes)); /* the host is little-endian, as the guest */
    else if (c->at == RISCV64_AT_fx)
        t->cpu->fx = (uint32_t)v;
    else
        fail_msg("a key cannot be set before a test: set its slot");
}

static bool holds(struct fixture *t, const struct riscv64_cell *c, uint32_t trap, uint64_t *have)
{
    *have = 0;
    switch (c->at) {
    case RISCV64_AT_cell: *have = t->cpu->cell[c->number]; break;
    case RISCV64_AT_mem:
        assert_true(mem_read(t->cpu->space, PAGE + c->number, have, c->bytes));
        return *have == bits_get(value_of(c), 0, c->bytes * 8u);
    case RISCV64_AT_pc: *have = t->cpu->pc - CODE; break;
    case RISCV64_AT_fx: *have = t->cpu->fx; break;
    case RISCV64_AT_trap: *have = trap; break;
    }
    return *have == value_of(c);
}

static bool test_holds(struct fixture *t, const struct riscv64_insn *insn, const struct riscv64_test *test)
{
    const struct riscv64_cell *cells = &riscv64_cells[test->first_cell];
    static const uint8_t zeros[MEM_PAGE];
    bool traps = false, good = true;

    riscv64_reset(t->cpu);
    t->cpu->cell[RISCV64_CELL_mstatus] |= 1 << STATUS_FS_pos;
    assert_true(mem_write(t->cpu->space, PAGE, zeros, MEM_PAGE));
    for (unsigned i = 0; i < test->nbefore; i++)
        set(t, &cells[i]);
    uint32_t trap = trap_of(t, test->word);
    for (unsigned i = test->nbefore; i < test->nbefore + test->nafter; i++) {
        uint64_t have;
        traps |= cells[i].at == RISCV64_AT_trap;
        if (!holds(t, &cells[i], trap, &have)) {
            print_message("%s: \"%s\": cell %u of its test: 0x%llx, expected 0x%llx\n", insn->name, test->text, i - test->nbefore,
                          (unsigned long long)have, (unsigned long long)value_of(&cells[i]));
            good = false;
        }
    }
    if (!traps && test->nbefore + test->nafter && trap != UINT32_MAX) {
        print_message("%s: \"%s\": trapped: %s\n", insn->name, test->text, riscv64_trap_name(trap));
        good = false;
    }
    return good;
}

static void stanzas_do_what_their_tests_say(void **state)
{
    struct fixture *t = bench_new("max");
    unsigned bad = 0, run = 0;
    (void)state;
    for (unsigned id = 0; id < RISCV64_INSNS; id++) {
        const struct riscv64_insn *insn = &riscv64_insns[id];
        for (unsigned n = 0; n < insn->ntests; n++, run++)
            bad += !test_holds(t, insn, &riscv64_tests[insn->first_test + n]);
    }
    bench_free(t);
    assert_true(run > 300);
    assert_int_equal(bad, 0);
}

static void texts_and_words_round_trip(void **state)
{
    (void)state;
    for (unsigned id = 0; id < RISCV64_INSNS; id++) {
        const struct riscv64_insn *insn = &riscv64_insns[id];
        for (unsigned n = 0; n < insn->ntests; n++) {
            const struct riscv64_test *test = &riscv64_tests[insn->first_test + n];
            char text[128];
            int64_t values[MAX_FIELDS];
            assert_int_equal(riscv64_decode(test->word, UINT64_MAX), id);
            assert_int_equal(riscv64_print(id, test->word, 0, text, sizeof text), strlen(test->text));
            assert_string_equal(text, test->text);
            assert_true(insn->nfields <= MAX_FIELDS);
            riscv64_extract(id, test->word, values);
            assert_int_equal(riscv64_encode(id, values), test->word);
        }
    }
}

/* ---- what the clauses cannot say ---- */

static void every_insn_lifts_in_every_mode(void **state)
{
    struct fixture *t = bench_new("max");
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
    bench_free(t);
}

static void lengths_and_undefined_words(void **state)
{
    struct fixture *t = bench_new("max");
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
    bench_free(t);
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
    struct fixture *t = bench_new("max");
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
    bench_free(t);
}

static void permissions(void **state)
{
    struct fixture *t = bench_new("max");
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
    bench_free(t);
}

static void addresses_that_trap(void **state)
{
    struct fixture *t = bench_new("max");
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
    bench_free(t);
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
        struct fixture *t = bench_new(hidden[i].model);
        t->cpu->cell[RISCV64_CELL_mstatus] = STATUS_FS;
        t->cpu->cell[RISCV64_CELL_x + 12] = t->cpu->cell[RISCV64_CELL_x + 10] = PAGE;
        assert_int_equal(trap_of(t, hidden[i].word), RISCV64_TRAP_illegal);
        bench_free(t);
        t = bench_new("max");
        t->cpu->cell[RISCV64_CELL_mstatus] = STATUS_FS;
        t->cpu->cell[RISCV64_CELL_x + 12] = t->cpu->cell[RISCV64_CELL_x + 10] = PAGE;
        assert_int_equal(trap_of(t, hidden[i].word), UINT32_MAX);
        bench_free(t);
    }
}

static void without_c_jumps_keep_four_byte_alignment(void **state)
{
    struct fixture *t = bench_new("max,-c");
    uint64_t *x = &t->cpu->cell[RISCV64_CELL_x];
    (void)state;
    assert_int_equal(trap_of(t, JAL_6), RISCV64_TRAP_insn_misaligned);
    assert_int_equal(t->cpu->trap.info, CODE + 6);
    assert_int_equal(x[1], 0);
    assert_int_equal(trap_of(t, BEQ_6), RISCV64_TRAP_insn_misaligned);
    assert_int_equal(trap_of(t, BEQ_6 | 1 << 12), UINT32_MAX); /* bne: not taken */
    x[10] = CODE;
    assert_int_equal(trap_of(t, JALR_2), RISCV64_TRAP_insn_misaligned);
    bench_free(t);
    t = bench_new("max");
    assert_int_equal(trap_of(t, JAL_6), UINT32_MAX);
    assert_int_equal(t->cpu->pc, CODE + 6);
    bench_free(t);
}

static void load_reserved_store_conditional(void **state)
{
    struct fixture *t = bench_new("max");
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
    bench_free(t);
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
