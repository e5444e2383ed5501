/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The builder: folding, commit rules and fusion, checked on the text of the ops it makes and on what they compute. The guest of these tests
 * has 8 registers in cells 0..7; cell 8 is the zero, temporaries begin at 9.
 */
#include "ir/build.h"
#include "ir/eval.h"
#include "ir/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS = 8 };

/* The evaluator's way to memory is not used by these tests; the library's own needs a guest. */
static uint64_t clobber(struct cpu *cpu, uint64_t v)
{
    cpu->cell[1] = v;
    return 0;
}
static const struct ir_helper helpers[] = {
    {.name = "clobber",
     .fn = (uint64_t(*)(void *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(void (*)(void))clobber,
     .args = 1},
};

struct fixture {
    struct ir_build *b;
    struct cpu *cpu;
    char *text;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->cpu = calloc(1, sizeof *f->cpu + (CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t));
    f->cpu->helpers = helpers;
    assert_int_equal(ir_build_new(&f->b, CELLS, helpers, 1), 0);
    ir_begin(f->b);
    ir_insn_begin(f->b, 0, 4);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ir_build_free(f->b);
    free(f->text);
    free(f->cpu);
    free(f);
    return 0;
}

/* Ends insn and block, checks the block, prints it, and runs it with registers 1, 2, 3 = 100, 7, -5. */
static const char *finish(struct fixture *f)
{
    size_t len;
    unsigned bad;
    const char *why;
    ir_insn_end(f->b);
    struct ir_block *block = ir_finish(f->b);
    if (!ir_verify(block, CELLS, 1, &bad, &why)) {
        ir_print(stderr, block);
        fail_msg("op %u: %s", bad, why);
    }
    free(f->text);
    FILE *out = open_memstream(&f->text, &len);
    ir_print(out, block);
    fclose(out);
    unsigned line;
    struct ir_block *again = ir_parse(f->text, &line);
    assert_non_null(again);
    assert_int_equal(again->nops, block->nops);
    assert_memory_equal(again->ops, block->ops, block->nops * sizeof *block->ops);
    free(again);
    ir_eval_prepare(block);
    f->cpu->cell[1] = 100, f->cpu->cell[2] = 7, f->cpu->cell[3] = (uint64_t)-5;
    ir_eval(f->cpu, block);
    return f->text;
}

static ir_val x(struct fixture *f, unsigned n) { return ir_get(f->b, IR_i64, n); }
static ir_val k(uint64_t v) { return ir_k(IR_none, v); }

/* None of the first temporaries has the low bits of one of the CPU's own fields, and no more room is lost than needed. */
static void temporaries_keep_away(void **state)
{
    (void)state;
    for (unsigned cells = 0; cells < 600; cells++) {
        unsigned at = CPU_FRAME_AT(cells);
        assert_in_range(at, cells, cells + CPU_FIELDS + CPU_FIRST_TEMPS);
        for (unsigned i = 0; i < CPU_FIRST_TEMPS; i++)
            assert_true((offsetof(struct cpu, cell) + (at + i) * 8) % 2048 >= offsetof(struct cpu, cell));
    }
    assert_int_equal(CPU_FRAME_AT(172), 172);
}

static void register_is_operand(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 1), x(f, 2)));
    assert_string_equal(finish(f), "@0:\n  ADD.i64 %4 = %1 %2\n  BRANCH.none %1 = imm=0x4\n");
    assert_int_equal(f->cpu->cell[4], 107);
}

static void constants_fold(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_MUL(f->b, ir_ADD(f->b, k(5), ir_k(IR_i64, 6)), k(3)));
    finish(f);
    assert_non_null(strstr(f->text, "K.i64 %4 = imm=0x21\n"));
    assert_int_equal(f->cpu->cell[4], 33);
}

/* What an insn computes of its page's address is one op where the block's offset in its page is known: wherever in it, and crossing it. */
static void pages_of_insns_are_one_op(void **state)
{
    struct fixture *f = *state;
    for (int offset = -8; offset <= 16; offset += 4) {
        ir_begin_at(f->b, 0xff8);
        ir_insn_begin(f->b, offset, 4);
        ir_put(f->b, 4, ir_ADD(f->b, ir_AND(f->b, ir_PC(f->b, 0), k((uint64_t)-4096)), k(0x3000)));
        ir_put(f->b, 5, ir_ADD(f->b, ir_PC(f->b, 4), k((uint64_t)-0x2000)));
        f->cpu->pc = 0x12345ff8;
        finish(f);
        uint64_t insn = 0x12345ff8 + (uint64_t)(int64_t)offset;
        assert_int_equal(f->cpu->cell[4], (insn & ~UINT64_C(0xfff)) + 0x3000);
        assert_int_equal(f->cpu->cell[5], insn + 4 - 0x2000);
        assert_null(strstr(f->text, "AND"));
        assert_null(strstr(f->text, "ADD"));
    }
}

static void pages_of_unknown_insns_are_computed(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_AND(f->b, ir_PC(f->b, 8), k((uint64_t)-4096)));
    ir_put(f->b, 5, ir_ZEXT(f->b, IR_i64, ir_ADD(f->b, ir_TRUNC(f->b, IR_i32, ir_PC(f->b, 0)), k(1))));
    f->cpu->pc = 0xffffffff;
    finish(f);
    assert_int_equal(f->cpu->cell[4], 0x100000000);
    assert_int_equal(f->cpu->cell[5], 0);
}

static void constant_is_last_operand(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_ADD(f->b, k(5), x(f, 1)));
    ir_put(f->b, 5, ir_SUB(f->b, x(f, 1), k(1)));
    ir_put(f->b, 6, ir_SUB(f->b, k(0), x(f, 1)));
    finish(f);
    assert_non_null(strstr(f->text, "ADD.i64 %4 = %1 # imm=0x5"));
    assert_non_null(strstr(f->text, "ADD.i64 %5 = %1 # imm=0xffffffffffffffff"));
    assert_non_null(strstr(f->text, "NEG.i64 %6 = %1"));
    assert_int_equal(f->cpu->cell[4], 105);
    assert_int_equal(f->cpu->cell[5], 99);
    assert_int_equal(f->cpu->cell[6], (uint64_t)-100);
}

/* Rule 2: an insn reads the state of its start. */
static void writes_commit_together(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 1, x(f, 2));
    ir_put(f->b, 2, x(f, 1));
    finish(f);
    assert_int_equal(f->cpu->cell[1], 7);
    assert_int_equal(f->cpu->cell[2], 100);
}

static void jump_to_the_old_value(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 1, ir_PC(f->b, 2));
    ir_JUMP(f->b, ir_AND(f->b, x(f, 1), k((uint64_t)-2)), IR_call);
    f->cpu->pc = 0x1000;
    finish(f);
    assert_int_equal(f->cpu->pc, 100);
    assert_int_equal(f->cpu->cell[1], 0x1002);
}

static void branch_on_the_old_value(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 1, k(0));
    ir_BRANCH_IF(f->b, ir_EQ(f->b, x(f, 1), ir_k(IR_i64, 100)), 64);
    f->cpu->pc = 0x1000;
    finish(f);
    assert_int_equal(f->cpu->pc, 0x1040);
    assert_int_equal(f->cpu->cell[1], 0);
}

/* A trap between the op and the commit must find the register's old value. */
static void trap_keeps_old_registers(void **state)
{
    struct fixture *f = *state;
    ir_val sum = ir_ADD(f->b, x(f, 1), x(f, 2));
    ir_TRAP_IF(f->b, ir_NE(f->b, x(f, 3), k(0)), 9, k(77));
    ir_put(f->b, 1, sum);
    f->cpu->pc = 0x1000;
    finish(f);
    assert_true(f->cpu->trapped);
    assert_int_equal(f->cpu->trap.kind, 9);
    assert_int_equal(f->cpu->trap.info, 77);
    assert_int_equal(f->cpu->cell[1], 100);
    assert_int_equal(f->cpu->pc, 0x1000);
}

static void word_op_is_one_op(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_SEXT(f->b, IR_i64, ir_SUB(f->b, ir_TRUNC(f->b, IR_i32, x(f, 3)), ir_TRUNC(f->b, IR_i32, x(f, 2)))));
    assert_string_equal(finish(f), "@0:\n  SUB.i32 %4 = %3 %2 s=1,0,0,0\n  BRANCH.none %1 = imm=0x4\n");
    assert_int_equal(f->cpu->cell[4], (uint64_t)-12);
}

static void zero_extension_of_a_truncation(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_ZEXT(f->b, IR_i64, ir_TRUNC(f->b, IR_i32, x(f, 3))));
    finish(f);
    assert_int_equal(f->cpu->cell[4], 0xfffffffb);
}

static void sign_and_zero_extension_of_one_op(void **state)
{
    struct fixture *f = *state;
    ir_val v = ir_ADD(f->b, ir_TRUNC(f->b, IR_i32, x(f, 3)), ir_k(IR_i32, 1));
    ir_put(f->b, 4, ir_SEXT(f->b, IR_i64, v));
    ir_put(f->b, 5, ir_ZEXT(f->b, IR_i64, v));
    finish(f);
    assert_int_equal(f->cpu->cell[4], (uint64_t)-4);
    assert_int_equal(f->cpu->cell[5], 0xfffffffc);
}

static void compare_fuses(void **state)
{
    struct fixture *f = *state;
    ir_BRANCH_IF(f->b, ir_SLT(f->b, x(f, 3), x(f, 2)), -16);
    f->cpu->pc = 0x1000;
    finish(f);
    assert_string_equal(f->text, "@0:\n  BRANCH_CMP.i64 %1 = %3 %2 imm=0xfffffff0 s=2,0,0,0\n  BRANCH.none %1 = imm=0x4\n");
    assert_int_equal(f->cpu->pc, 0xff0);
    assert_int_equal(f->cpu->insns, 1);
}

/* x <= y is y >= x, x <= 7 is x < 8, 0 < x is x >= 1. */
static void other_comparisons_fuse(void **state)
{
    struct fixture *f = *state;
    ir_BRANCH_IF(f->b, ir_ULE(f->b, x(f, 3), x(f, 2)), 16);
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 4, 4);
    ir_BRANCH_IF(f->b, ir_SLE(f->b, x(f, 3), k(7)), 16);
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 8, 4);
    ir_BRANCH_IF(f->b, ir_SLT(f->b, k(0), x(f, 3)), 16);
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 12, 4);
    ir_BRANCH_IF(f->b, ir_ULE(f->b, x(f, 3), k(UINT64_MAX)), 16);
    finish(f);
    assert_non_null(strstr(f->text, "@0:\n  BRANCH_CMP.i64 %1 = %2 %3 imm=0x10 s=5,0,0,0\n"));
    assert_non_null(strstr(f->text, "@4:\n  BRANCH_CMP.i64 %2 = %3 # imm=0x800000014 s=2,0,0,0\n"));
    assert_non_null(strstr(f->text, "@8:\n  BRANCH_CMP.i64 %3 = %3 # imm=0x100000018 s=3,0,0,0\n"));
    assert_non_null(strstr(f->text, "ULE.i64"));
}

/* The sign extension of what is sign-extended is a copy, and none at all of a register into itself. */
static void sign_extended_registers_are_known(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, ir_SEXT(f->b, IR_i64, ir_ADD(f->b, ir_TRUNC(f->b, IR_i32, x(f, 3)), ir_k(IR_i32, 1))));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 4, 4);
    ir_put(f->b, 4, ir_SEXT(f->b, IR_i64, ir_TRUNC(f->b, IR_i32, x(f, 4))));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 8, 4);
    ir_put(f->b, 5, ir_XOR(f->b, x(f, 4), k(UINT64_MAX)));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 12, 4);
    ir_put(f->b, 6, ir_SEXT(f->b, IR_i64, ir_TRUNC(f->b, IR_i32, x(f, 5))));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 16, 4);
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 4), x(f, 4)));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 20, 4);
    ir_put(f->b, 7, ir_SEXT(f->b, IR_i64, ir_TRUNC(f->b, IR_i32, x(f, 4))));
    assert_string_equal(finish(f), "@0:\n  ADD.i32 %4 = %3 # imm=0x1 s=1,0,0,0\n@4:\n@8:\n  XOR.i64 %5 = %4 # imm=0xffffffffffffffff\n"
                                   "@12:\n  MOV.i64 %6 = %5\n@16:\n  ADD.i64 %4 = %4 %4\n@20:\n  SEXT.i64 %7 = %4 s=0,0,0,2\n"
                                   "  BRANCH.none %6 = imm=0x18\n");
}

/* ---- branches over a few insns ---- */

static void next_insn(struct fixture *f, int offset)
{
    ir_insn_end(f->b);
    assert_int_equal(ir_follow(f->b, -4096, 4096), offset);
    ir_insn_begin(f->b, offset, 4);
}

/* Insns of four bytes: a branch to 12 by the condition, two insns, one more. */
static void branch_over(struct fixture *f, ir_val condition)
{
    ir_BRANCH_IF(f->b, condition, 12);
    next_insn(f, 4);
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 1), x(f, 2)));
    next_insn(f, 8);
    ir_put(f->b, 1, ir_XOR(f->b, x(f, 4), x(f, 1)));
    next_insn(f, 12);
    ir_put(f->b, 5, ir_ADD(f->b, x(f, 1), x(f, 4)));
    f->cpu->cell[4] = 1000;
    f->cpu->insns = 0;
    finish(f);
}

static void check_branch_over(struct fixture *f, bool taken)
{
    uint64_t one = taken ? 100 : 107 ^ 100, four = taken ? 1000 : 107;
    assert_int_equal(f->cpu->cell[1], one);
    assert_int_equal(f->cpu->cell[4], four);
    assert_int_equal(f->cpu->cell[5], one + four);
    assert_int_equal(f->cpu->insns, taken ? 2 : 4);
    assert_null(strstr(f->text, "BRANCH_CMP"));
    assert_non_null(strstr(f->text, "@0:\n@4:\n  ADD.i64"));
    assert_non_null(strstr(f->text, "@12:\n  ADD.i64 %5"));
    assert_non_null(strstr(f->text, "SKIP"));
}

static void insns_branched_over_become_choices(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 12; i++) { /* x3 = -5, x2 = 7 */
        ir_val a = x(f, 3), b = i & 1 ? x(f, 2) : k(7);
        static const bool taken[] = {false, true, true, false, false, true};
        branch_over(f, i / 2 == 0   ? ir_EQ(f->b, a, b)
                       : i / 2 == 1 ? ir_NE(f->b, a, b)
                       : i / 2 == 2 ? ir_SLT(f->b, a, b)
                       : i / 2 == 3 ? ir_SLE(f->b, x(f, 2), a)
                       : i / 2 == 4 ? ir_ULT(f->b, a, b)
                                    : ir_ULE(f->b, x(f, 2), a));
        check_branch_over(f, taken[i / 2]);
        ir_begin(f->b);
        ir_insn_begin(f->b, 0, 4);
    }
}

static void one_copy_is_chosen_from_its_register(void **state)
{
    struct fixture *f = *state;
    ir_BRANCH_IF(f->b, ir_SLT(f->b, x(f, 3), x(f, 2)), 8);
    next_insn(f, 4);
    ir_put(f->b, 4, x(f, 2));
    next_insn(f, 8);
    const char *text = finish(f), *select = strstr(text, "SELECT.i64 %4 = ");
    assert_non_null(select);
    assert_non_null(strstr(select, " %4 %2\n"));
    assert_null(strstr(text, "MOV"));
}

static void a_condition_stands_before_its_choice(void **state)
{
    struct fixture *f = *state;
    ir_val less = ir_SLT(f->b, x(f, 3), x(f, 2)), sum = ir_ADD(f->b, x(f, 3), k(1));
    ir_put(f->b, 4, ir_SELECT(f->b, less, sum, k(5)));
    const char *slt = strstr(finish(f), "SLT.i64");
    assert_non_null(slt);
    assert_true(!strncmp(strchr(slt, '\n') + 1, "  SELECT.i64 %4 = ", 18));
}

static void a_condition_is_of_the_registers_it_saw(void **state)
{
    struct fixture *f = *state;
    ir_val less = ir_SLT(f->b, x(f, 3), x(f, 2)); /* -5 and 7 */
    ir_put(f->b, 3, k(9));
    ir_COMMIT(f->b);
    ir_put(f->b, 4, ir_SELECT(f->b, less, k(1), k(5)));
    finish(f);
    assert_int_equal(f->cpu->cell[4], 1);
}

/* ---- loops with two tails ---- */

/*
 * A loop of insns of four bytes: x4 += 1; if x5 < x7 go to 100, or unless; `first` times x5 += 3; back while x4 != x6. At 100: x5 ^= x4, `second`
 * more with x1, a jump to 200 if `jumps`, back while x4 != `until`.
 */
struct tails {
    unsigned first, second;
    bool inverse, jumps;
    unsigned until;
};

static void same_insn(struct fixture *f, int *at)
{
    ir_insn_end(f->b);
    *at = ir_follow(f->b, -4096, 4096);
    if (!ir_ended(f->b))
        ir_insn_begin(f->b, *at, 4);
}

static void loop_of_tails(struct fixture *f, const struct tails *t)
{
    int at = 4;
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 4), k(1)));
    next_insn(f, 4);
    ir_BRANCH_IF(f->b, t->inverse ? ir_SLE(f->b, x(f, 7), x(f, 5)) : ir_SLT(f->b, x(f, 5), x(f, 7)), 96);
    same_insn(f, &at);
    for (unsigned i = 0; i < t->first; i++, same_insn(f, &at))
        ir_put(f->b, 5, ir_ADD(f->b, x(f, 5), k(3)));
    ir_BRANCH_IF(f->b, ir_NE(f->b, x(f, 4), x(f, 6)), (uint64_t)-at);
    same_insn(f, &at);
    if (ir_ended(f->b))
        return;
    assert_int_equal(at, 100);
    ir_put(f->b, 5, ir_XOR(f->b, x(f, 5), x(f, 4)));
    same_insn(f, &at);
    for (unsigned i = 0; i < t->second && !ir_ended(f->b); i++, same_insn(f, &at))
        ir_put(f->b, 1, ir_ADD(f->b, x(f, 1), x(f, 5)));
    if (t->jumps && !ir_ended(f->b)) {
        ir_BRANCH(f->b, 200 - at, IR_jump);
        same_insn(f, &at);
        if (!ir_ended(f->b))
            assert_int_equal(at, 200);
    }
    if (ir_ended(f->b))
        return;
    ir_BRANCH_IF(f->b, ir_NE(f->b, x(f, 4), x(f, t->until)), (uint64_t)-at);
    same_insn(f, &at);
}

static void check_tails(struct fixture *f, const struct tails *t)
{
    uint64_t *cell = f->cpu->cell, one = 100, five = (uint64_t)-2, insns = 0;
    struct ir_block *block = ir_finish(f->b);
    unsigned bad;
    const char *why;
    assert_true(ir_verify(block, CELLS, 1, &bad, &why));
    ir_eval_prepare(block);
    cell[1] = one, cell[4] = 0, cell[5] = five, cell[6] = 20, cell[7] = 9;
    f->cpu->insns = f->cpu->pc = 0;
    for (unsigned rounds = 0; f->cpu->pc == 0; rounds++) {
        assert_true(rounds < 21);
        ir_eval(f->cpu, block);
    }
    for (unsigned i = 1; i < 20; i++) { /* the last round is left before the branch */
        bool away = t->inverse ? (int64_t)five >= 9 : (int64_t)five < 9;
        five = away ? five ^ i : five + 3 * t->first;
        for (unsigned n = 0; away && n < t->second; n++)
            one += five;
        insns += 3 + (away ? 1 + t->second + t->jumps : t->first);
    }
    assert_int_equal(f->cpu->pc, 4);
    assert_int_equal(f->cpu->insns, insns + 1);
    assert_int_equal(cell[1], one);
    assert_int_equal(cell[4], 20);
    assert_int_equal(cell[5], five);
}

static void tails_of_a_loop_become_choices(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 48; i++) {
        struct tails t = {.first = i % 3, .second = i / 3 % 4, .inverse = i / 12 & 1, .jumps = i / 24, .until = 6};
        if (t.second + t.jumps > 3)
            continue;
        loop_of_tails(f, &t);
        check_tails(f, &t);
        ir_begin(f->b);
        ir_insn_begin(f->b, 0, 4);
    }
}

static void other_tails_stay_branches(void **state)
{
    struct fixture *f = *state;
    static const struct tails tails[] = {{.second = 4, .until = 6}, {.until = 5}, {.second = 4, .jumps = true, .until = 6}};
    for (unsigned i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        loop_of_tails(f, &tails[i]);
        struct ir_block *block = ir_finish(f->b);
        assert_int_equal(block->ninsns, 3);
        assert_int_equal(block->nops, 4);
        assert_int_equal(block->ops[1].op, IR_BRANCH_CMP);
        assert_int_equal(block->ops[3].op, IR_BRANCH);
        assert_int_equal(block->ops[3].d, 3);
        ir_begin(f->b);
        ir_insn_begin(f->b, 0, 4);
    }
}

/* A loop that begins at 0 and is left, at 4, to before it; `back` is where the branch at 12 leads. */
static const char *two_ways_back(struct fixture *f, int64_t back, unsigned more)
{
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 4), k(1)));
    next_insn(f, 4);
    ir_BRANCH_IF(f->b, ir_EQ(f->b, x(f, 1), x(f, 2)), -20);
    for (unsigned i = 0; i < more; i++) {
        next_insn(f, 8 + 4 * (int)i);
        ir_put(f->b, 5, ir_ADD(f->b, x(f, 5), k(1)));
    }
    next_insn(f, 8 + 4 * (int)more);
    ir_BRANCH_IF(f->b, ir_NE(f->b, x(f, 3), x(f, 2)), back - 8 - 4 * (int64_t)more);
    ir_insn_end(f->b);
    ir_follow(f->b, -4096, 4096);
    struct ir_block *block = ir_finish(f->b);
    size_t len;
    free(f->text);
    FILE *out = open_memstream(&f->text, &len);
    ir_print(out, block);
    fclose(out);
    return f->text;
}

static void a_loop_may_be_left_backwards(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(two_ways_back(f, 0, 1), "@0:\n  ADD.i64 %4 = %4 # imm=0x1\n@4:\n  BRANCH_CMP.i64 %2 = %1 %2 imm=0xfffffff0\n"
                                                "@8:\n  ADD.i64 %5 = %5 # imm=0x1\n@12:\n  BRANCH_CMP.i64 %4 = %3 %2 imm=0x10\n"
                                                "  BRANCH.none %4 =\n");
    const char *first_only = "@0:\n  ADD.i64 %4 = %4 # imm=0x1\n@4:\n  BRANCH_CMP.i64 %2 = %1 %2 imm=0x8 s=1,0,0,0\n"
                             "  BRANCH.none %2 = imm=0xfffffffffffffff0\n";
    ir_begin(f->b);
    ir_insn_begin(f->b, 0, 4);
    assert_string_equal(two_ways_back(f, 4, 1), first_only);
    ir_begin(f->b);
    ir_insn_begin(f->b, 0, 4);
    assert_string_equal(two_ways_back(f, -20, 1), first_only);
    ir_begin(f->b);
    ir_insn_begin(f->b, 0, 4);
    assert_string_equal(two_ways_back(f, 100, 1), first_only);
    ir_begin(f->b);
    ir_insn_begin(f->b, 0, 4);
    assert_non_null(strstr(two_ways_back(f, 0, 11), "BRANCH.none %14 =\n"));
}

/* The value that a choice leaves is not known, though each of the two was. */
static void choices_are_not_known(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, k(1));
    next_insn(f, 4);
    ir_BRANCH_IF(f->b, ir_SLT(f->b, x(f, 3), x(f, 2)), 8);
    next_insn(f, 8);
    ir_put(f->b, 4, k(2));
    next_insn(f, 12);
    ir_put(f->b, 5, ir_ADD(f->b, x(f, 4), k(1)));
    finish(f);
    assert_int_equal(f->cpu->cell[5], 2);
}

/* What may leave the block, and what writes many registers, stays behind its branch; so does what is only partly skipped. */
static void other_branches_stay(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 4; i++) {
        ir_BRANCH_IF(f->b, ir_SLT(f->b, x(f, 2), x(f, 3)), i == 3 ? 10 : 12);
        next_insn(f, 4);
        ir_put(f->b, 4, i == 0 ? ir_LOAD(f->b, IR_i64, x(f, 1), 0) : i == 1 ? ir_DIVU(f->b, x(f, 1), x(f, 2)) : x(f, 1));
        next_insn(f, 8);
        ir_put(f->b, 5, x(f, 1));
        if (i == 2)
            ir_put(f->b, 6, x(f, 1));
        next_insn(f, 12);
        ir_insn_end(f->b);
        struct ir_block *block = ir_finish(f->b);
        assert_int_equal(block->ops[0].op, IR_BRANCH_CMP);
        ir_begin(f->b);
        ir_insn_begin(f->b, 0, 4);
    }
}

static void known_registers_cross_insns(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 4, k(0x12000));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 4, 4);
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 4), k(0x34)));
    ir_put(f->b, 5, ir_ADD(f->b, x(f, 1), x(f, 4)));
    finish(f);
    assert_non_null(strstr(f->text, "ADD.i64 %5 = %1 # imm=0x12000"));
    assert_int_equal(f->cpu->cell[4], 0x12034);
}

static void helpers_end_knowledge(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 1, k(3));
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 4, 4);
    ir_call(f->b, 0, 1, (const ir_val[]){k(50)});
    ir_insn_end(f->b);
    ir_insn_begin(f->b, 8, 4);
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 1), k(1)));
    finish(f);
    assert_int_equal(f->cpu->cell[4], 51);
}

/* The swap of a CSR by a helper: what was read before the call is the old value. */
static void copy_outlives_a_helper(void **state)
{
    struct fixture *f = *state;
    ir_val old = ir_copy(f->b, x(f, 1));
    ir_call(f->b, 0, 1, (const ir_val[]){k(50)});
    ir_put(f->b, 4, old);
    finish(f);
    assert_int_equal(f->cpu->cell[1], 50);
    assert_int_equal(f->cpu->cell[4], 100);
}

static void wide_values(void **state)
{
    struct fixture *f = *state;
    ir_val pair = ir_CONCAT(f->b, x(f, 2), x(f, 1)), square = ir_CLMUL(f->b, x(f, 3), x(f, 3));
    ir_put(f->b, 4, ir_HI(f->b, pair));
    ir_put(f->b, 5, ir_TRUNC(f->b, IR_i64, pair));
    ir_put(f->b, 6, ir_HI(f->b, square));
    ir_put(f->b, 7, ir_ZEXT(f->b, IR_i64, ir_EQ(f->b, pair, pair)));
    finish(f);
    assert_int_equal(f->cpu->cell[4], 7);
    assert_int_equal(f->cpu->cell[5], 100);
    assert_int_equal(f->cpu->cell[6], 0x5555555555555555);
    assert_int_equal(f->cpu->cell[7], 1);
}

static void retry_drops_writes(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 1, k(1));
    ir_RETRY_IF(f->b, ir_NE(f->b, x(f, 2), k(0)));
    f->cpu->pc = 0x1000;
    finish(f);
    assert_int_equal(f->cpu->pc, 0x1000);
    assert_int_equal(f->cpu->cell[1], 100);
    assert_int_equal(f->cpu->insns, 0);
}

static void again_keeps_writes(void **state)
{
    struct fixture *f = *state;
    ir_put(f->b, 1, k(1));
    ir_AGAIN_IF(f->b, ir_NE(f->b, x(f, 2), k(0)));
    f->cpu->pc = 0x1000;
    finish(f);
    assert_int_equal(f->cpu->pc, 0x1000);
    assert_int_equal(f->cpu->cell[1], 1);
    assert_int_equal(f->cpu->insns, 0);
}

static void parser_names_the_line(void **state)
{
    unsigned line;
    (void)state;
    assert_null(ir_parse("@0:\n  ADD.i64 %1 = %2 %3\n  FROB.i64 %1\n", &line));
    assert_int_equal(line, 3);
    assert_null(ir_parse("  ADD.i64 %1 = %2 %3 %4 %5\n", &line));
    assert_int_equal(line, 1);
}

static void verifier_refuses(void **state)
{
    static const char *const bad[] = {
        "@0:\n ADD.i64 %4 = %1 %2\n",                              /* never leaves */
        "@0:\n BRANCH.none %1 = imm=4\n BRANCH.none %1 = imm=4\n", /* leaves twice */
        "@0:\n ADD.i64 %4 = # %2\n BRANCH.none %1 = imm=4\n",      /* constant in front */
        "@0:\n ADD.i64 %4 = %1 %60000\n BRANCH.none %1 = imm=4\n", /* outside the frame */
        "@0:\n ADD.i64 - = %1 %2\n BRANCH.none %1 = imm=4\n",      /* no result */
        "@0:\n BRANCH.none %9 = imm=4\n",                          /* more insns than there are */
        "@0:\n CALL.none - = %1 imm=0x5000000000000\n BRANCH.none %1 = imm=4\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned line, op;
        const char *why;
        struct ir_block *block = ir_parse(bad[i], &line);
        assert_non_null(block);
        if (ir_verify(block, CELLS, 1, &op, &why))
            fail_msg("accepted:\n%s", bad[i]);
        free(block);
    }
}

/* Of register 4, with 0 in it: nothing traps. */
static void check_aligned(struct fixture *f, uint64_t mask)
{
    ir_TRAP_IF(f->b, ir_NE(f->b, ir_AND(f->b, x(f, 4), k(mask)), k(0)), 3, k(0));
}

static unsigned occurrences(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        n++;
    return n;
}

static void a_register_is_found_aligned_once(void **state)
{
    struct fixture *f = *state;
    check_aligned(f, 15); /* 1 */
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 4), k(-32ull)));
    next_insn(f, 4);
    check_aligned(f, 15);
    check_aligned(f, 7);
    check_aligned(f, 31); /* 2: more than was known */
    ir_put(f->b, 3, x(f, 4));
    next_insn(f, 8);
    check_aligned(f, 31);
    ir_put(f->b, 4, ir_ADD(f->b, x(f, 4), k(16)));
    next_insn(f, 12);
    check_aligned(f, 15); /* 3 */
    ir_put(f->b, 4, x(f, 5));
    next_insn(f, 16);
    check_aligned(f, 15); /* 4 */
    ir_call(f->b, 0, 1, (ir_val[]){x(f, 1)});
    next_insn(f, 20);
    check_aligned(f, 15); /* 5: the function may have written it */
    ir_put(f->b, 4, k(64));
    next_insn(f, 24);
    check_aligned(f, 15);
    assert_int_equal(occurrences(finish(f), "TRAP_IF"), 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(register_is_operand),
        T(constants_fold),
        T(pages_of_insns_are_one_op),
        T(pages_of_unknown_insns_are_computed),
        T(constant_is_last_operand),
        T(writes_commit_together),
        T(jump_to_the_old_value),
        T(branch_on_the_old_value),
        T(trap_keeps_old_registers),
        T(word_op_is_one_op),
        T(zero_extension_of_a_truncation),
        T(sign_and_zero_extension_of_one_op),
        T(compare_fuses),
        T(other_comparisons_fuse),
        T(sign_extended_registers_are_known),
        T(insns_branched_over_become_choices),
        T(one_copy_is_chosen_from_its_register),
        T(a_condition_stands_before_its_choice),
        T(a_condition_is_of_the_registers_it_saw),
        T(tails_of_a_loop_become_choices),
        T(other_tails_stay_branches),
        T(a_loop_may_be_left_backwards),
        T(choices_are_not_known),
        T(other_branches_stay),
        T(known_registers_cross_insns),
        T(helpers_end_knowledge),
        T(copy_outlives_a_helper),
        T(wide_values),
        T(retry_drops_writes),
        T(again_keeps_writes),
        cmocka_unit_test(temporaries_keep_away),
        cmocka_unit_test(parser_names_the_line),
        cmocka_unit_test(verifier_refuses),
        T(a_register_is_found_aligned_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
