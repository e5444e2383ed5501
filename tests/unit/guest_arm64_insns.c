/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The arm64 instruction data: every stanza's `test` clauses, at EL1, and what the clauses cannot say: permissions, models, parts of an insn. */
#include "arm64_fixture.h"

enum { KIND_MASK = ARM64_TRAP_CLASS };

static void prepare(struct fixture *t)
{
    arm64_enter_kernel(t->cpu, 0, 0, 1);
    A64(t->cpu, cpacr_el1) = 3 << 20;
    arm64_restored(t->cpu);
}

#define GUEST         arm64
#define GUEST_UPPER   ARM64
#define GUEST_INSNS_H "guest/arm64/arm64_insns.gen.h"
#include "guest_insns.h"

/* ---- what the clauses cannot say ---- */

static void every_insn_lifts_in_every_mode(void **state)
{
    struct fixture *t = fixture_new("max");
    (void)state;
    for (unsigned mode = 0; mode < 24; mode++) {
        prepare(t);
        A64(t->cpu, mode) = mode % 3 | (mode % 2 ? MODE_FPEN : 0) | (mode % 4 ? MODE_MOPS : 0) | (mode % 5 ? MODE_HYP : 0) |
                            (mode % 7 ? 0 : MODE_SA | MODE_AL);
        A64(t->cpu, fpcr) = (uint64_t)mode << FPCR_RMODE_pos;
        for (unsigned id = 0; id < ARM64_INSNS; id++) {
            int64_t values[MAX_FIELDS];
            for (unsigned f = 0; f < MAX_FIELDS; f++)
                values[f] = (int64_t)(id * 7 + f * 5 + mode);
            uint64_t key = guest_arm64.block_key(t->cpu);
            ir_begin(t->build);
            arm64_lift_insn(t->build, t->cpu, &key, 0, arm64_encode(id, values), 4);
            assert_true(ir_finish(t->build)->nops > 0);
        }
    }
    fixture_free(t);
}

static void undefined_words(void **state)
{
    struct fixture *t = fixture_new("max");
    struct guest_text text;
    (void)state;
    prepare(t);
    assert_int_equal(trap_of(t, 0), ARM64_TRAP_undef);
    assert_int_equal(trap_of(t, 0x19000440), ARM64_TRAP_undef); /* cpyfp with one register for two */
    assert_int_equal(arm64_print_insn(t->cpu, 0x19000440, 0, &text), 4);
    assert_string_equal(text.text, ".inst 0x19000440");
    fixture_free(t);
}

static void models_hide_insns(void **state)
{
    static const struct {
        const char *model;
        uint32_t word;
    } hidden[] = {
        {"armv8.0", 0xf8220020},  /* ldadd */
        {"max,-rdm", 0x6e428420}, /* sqrdmlah */
        {"max,-i8mm", 0x4e82a420}, {"max,-sm3", 0xce62c020}, {"max,-sm4", 0xcec08420}, {"max,-mops", 0x19010440},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(hidden); i++)
        for (unsigned with = 0; with < 2; with++) {
            struct fixture *t = fixture_new(with ? "max" : hidden[i].model);
            prepare(t);
            A64N(t->cpu, x, 1) = PAGE;
            assert_int_equal(trap_of(t, hidden[i].word), with ? UINT32_MAX : ARM64_TRAP_undef);
            fixture_free(t);
        }
}

/* ---- copies and sets of memory ---- */

enum { CPYFP = 0x19010440, CPYM = 0x1d410440, CPYE = 0x1d810440, SETP = 0x19c20420, SETM = 0x19c24420, SETE = 0x19c28420 };

static void memory_copies_need_leave(void **state)
{
    struct fixture *t = fixture_new("max");
    (void)state;
    prepare(t);
    A64(t->cpu, mode) = 0;
    arm64_restored(t->cpu);
    assert_int_equal(trap_of(t, CPYFP), ARM64_TRAP_undef);
    A64(t->cpu, sctlr_el1) |= SCTLR_MSCEN;
    arm64_restored(t->cpu);
    assert_int_equal(trap_of(t, CPYFP), UINT32_MAX);
    arm64_enter_kernel(t->cpu, 0, 0, 2);
    assert_int_equal(trap_of(t, CPYFP), UINT32_MAX);
    A64(t->cpu, mode) = 1;
    arm64_restored(t->cpu);
    assert_int_equal(trap_of(t, CPYFP), ARM64_TRAP_undef);
    A64(t->cpu, hcrx_el2) = HCRX_MSCEN;
    arm64_restored(t->cpu);
    assert_int_equal(trap_of(t, CPYFP), UINT32_MAX);
    fixture_free(t);
}

/* What came before the fault is done and told; the insn, run again, finds the fault at once. */
static void memory_copies_stop_at_faults(void **state)
{
    struct fixture *t = fixture_new("max");
    uint64_t *x = &A64(t->cpu, x), last = RAM + RAM_SIZE, v = 0x1122334455667788;
    (void)state;
    prepare(t);
    assert_true(mem_write(t->cpu->space, last - 8, &v, 8));
    x[0] = PAGE + 0x800 + 0x1000; /* ends; 0x1000 bytes, of which the first 0x800 are there */
    x[1] = last - 0x800 + 0x1000;
    x[2] = (uint64_t)-0x1000;
    assert_int_equal(trap_of(t, CPYM), UINT32_MAX);
    assert_int_equal(t->cpu->pc, CODE);
    assert_int_equal(x[2], (uint64_t)-0x800);
    assert_int_equal(x[1], last + 0x800);
    assert_true(mem_read(t->cpu->space, PAGE + 0x800 + 0x800 - 8, &v, 8));
    assert_int_equal(v, 0x1122334455667788);
    assert_int_equal(trap_of(t, CPYM), ARM64_TRAP_data_abort);
    assert_int_equal(t->cpu->trap.info, last);
    assert_int_equal(x[2], (uint64_t)-0x800);
    x[0] = last - 0x10; /* backwards, the writes end first */
    x[1] = PAGE;
    x[2] = 0x20;
    assert_int_equal(trap_of(t, CPYE), ARM64_TRAP_data_abort);
    assert_int_equal(t->cpu->trap.info, last + 0xf);
    x[0] = last + 0x10;
    x[1] = (uint64_t)-0x20;
    x[2] = 0xab;
    assert_int_equal(trap_of(t, SETM), UINT32_MAX);
    assert_int_equal(x[1], (uint64_t)-0x10);
    assert_int_equal(trap_of(t, SETE), ARM64_TRAP_data_abort);
    fixture_free(t);
}

static void memory_copies_of_the_other_option(void **state)
{
    enum { EC = 0x27u << 26, IL = 1 << 25, SET = 1 << 24, EPILOGUE = 1 << 18, WRONG_A = 3 << 16 };
    struct fixture *t = fixture_new("max");
    (void)state;
    prepare(t);
    arm64_set_nzcv(t->cpu, 1u << 29);
    assert_int_equal(trap_of(t, SETE), UINT32_MAX); /* nothing is left */
    A64N(t->cpu, x, 1) = A64N(t->cpu, x, 2) = 1;
    assert_int_equal(trap_of(t, SETE), ARM64_TRAP_mops);
    assert_int_equal(t->cpu->trap.info, SETE);
    t->cpu->pc = CODE;
    run_through(t, CPYE);
    assert_int_equal(A64(t->cpu, esr_el1), EC | IL | EPILOGUE | WRONG_A | 0 << 10 | 1 << 5 | 2);
    assert_int_equal(A64(t->cpu, elr_el1), CODE);
    assert_int_equal(arm64_mops_syndrome(SETM), SET | WRONG_A | 0 << 10 | 2 << 5 | 1);
    A64N(t->cpu, x, 0) = PAGE + 8;
    A64N(t->cpu, x, 1) = PAGE + 4;
    A64N(t->cpu, x, 2) = 4;
    t->cpu->pc = CODE;
    arm64_set_nzcv(t->cpu, 5u << 29); /* backwards */
    arm64_mops_restart(t->cpu, CPYE);
    assert_int_equal(t->cpu->pc, CODE - 8);
    assert_int_equal(A64N(t->cpu, x, 0), PAGE + 4);
    assert_int_equal(A64N(t->cpu, x, 1), PAGE);
    fixture_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_words_round_trip),
        cmocka_unit_test(stanzas_do_what_their_tests_say),
        cmocka_unit_test(every_insn_lifts_in_every_mode),
        cmocka_unit_test(undefined_words),
        cmocka_unit_test(models_hide_insns),
        cmocka_unit_test(memory_copies_need_leave),
        cmocka_unit_test(memory_copies_stop_at_faults),
        cmocka_unit_test(memory_copies_of_the_other_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
