/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Condition flags: the ops against the arithmetic that they tell of, and conditions as the builder makes them (compared.c: comparisons of what
 * the flags were made of, as long as that still stands in registers) against the conditions on the flags themselves.
 */
#include "../lib/random.h"
#include "base/bits.h"
#include "ir/build.h"
#include "ir/eval.h"
#include "ir/flags.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { A = 1, B, RESULT, FLAGS, OTHER, CELLS = 8, ROUNDS = 4000 };

static unsigned nzcv(bool n, bool z, bool c, bool v) { return (n ? FL_N : 0) | (z ? FL_Z : 0) | (c ? FL_C : 0) | (v ? FL_V : 0); }

/* By widths that have room for every sum. */
static uint64_t expected_sum(uint64_t a, uint64_t b, bool carry, unsigned width)
{
    u128 sum = (u128)bits_get(a, 0, width) + bits_get(b, 0, width) + carry;
    s128 exact = (s128)bits_sext(bits_get(a, 0, width), width) + bits_sext(bits_get(b, 0, width), width) + carry;
    uint64_t low = bits_get((uint64_t)sum, 0, width);
    return nzcv(low >> (width - 1), !low, sum >> width, exact != bits_sext(low, width));
}

static uint64_t expected_difference(uint64_t a, uint64_t b, bool borrow, unsigned width)
{
    s128 exact = (s128)bits_sext(bits_get(a, 0, width), width) - bits_sext(bits_get(b, 0, width), width) - borrow;
    uint64_t low = bits_get(a - b - borrow, 0, width);
    return nzcv(low >> (width - 1), !low, (u128)bits_get(a, 0, width) < (u128)bits_get(b, 0, width) + borrow,
                exact != bits_sext(low, width));
}

static void flags_tell_of_sums_and_differences(void **state)
{
    struct random r = random_of(1, 0, 0);
    (void)state;
    for (unsigned i = 0; i < 20 * ROUNDS; i++) {
        uint64_t a = random_integer(&r), b = random_percent(&r, 20) ? a : random_integer(&r);
        bool c = random_percent(&r, 50);
        unsigned type = random_percent(&r, 50) ? IR_i32 : IR_i64, width = type == IR_i32 ? 32 : 64;
        uint64_t v = bits_get(a, 0, width);
        assert_int_equal(ir_flags(IR_FLADD, 0, type, a, b, 0), expected_sum(a, b, false, width));
        assert_int_equal(ir_flags(IR_FLADC, 0, type, a, b, c), expected_sum(a, b, c, width));
        assert_int_equal(ir_flags(IR_FLSUB, IR_borrow, type, a, b, 0), expected_difference(a, b, false, width));
        assert_int_equal(ir_flags(IR_FLSUB, IR_carry, type, a, b, 0), expected_difference(a, b, false, width) ^ FL_C);
        assert_int_equal(ir_flags(IR_FLSBC, IR_borrow, type, a, b, c), expected_difference(a, b, c, width));
        assert_int_equal(ir_flags(IR_FLSBC, IR_carry, type, a, b, c), expected_difference(a, b, !c, width) ^ FL_C);
        assert_int_equal(ir_flags(IR_FLLOG, 0, type, a, 0, 0), nzcv(v >> (width - 1), !v, false, false));
    }
}

static void conditions(void **state)
{
    (void)state;
    for (unsigned nibble = 0; nibble < 16; nibble++) {
        uint64_t flags = ir_flags(IR_FLPACK, 0, IR_i64, nibble, 0, 0);
        bool n = nibble & 8, z = nibble & 4, c = nibble & 2, v = nibble & 1;
        const bool holds[] = {z, c, n, v, c && !z, n == v, n == v && !z};
        assert_int_equal(flags, nzcv(n, z, c, v));
        assert_int_equal(ir_flags(IR_FLBITS, 0, IR_fl, flags, 0, 0), nibble);
        for (unsigned cond = 0; cond < IR_COND_al; cond++)
            assert_int_equal(ir_condition(cond, flags), holds[cond / 2] != (cond & 1));
        assert_true(ir_condition(IR_COND_al, flags) && ir_condition(IR_COND_nv, flags));
    }
}

/* ---- conditions as the builder makes them ---- */

enum maker { SUM, SUM_K, DIFFERENCE, DIFFERENCE_K, LOGIC, LOGIC_K, VALUE, WITH_CARRY, MAKERS };

struct sequence {
    enum maker maker;
    unsigned type, cond;
    uint64_t a, b, k;
    unsigned result;  /* the register that gets the sum, difference ...; 0: none does */
    unsigned spoiled; /* written in between; 0: none is */
    bool same;        /* both operands are A */
};

static uint64_t cut(const struct sequence *s, uint64_t v) { return s->type == IR_i32 ? (uint32_t)v : v; }

static ir_val operand(struct ir_build *b, const struct sequence *s, unsigned cell) { return ir_TRUNC(b, s->type, ir_get(b, IR_i64, cell)); }

/* Puts the flags, and the result that goes with them. */
static void make(struct ir_build *b, const struct sequence *s)
{
    ir_val x = operand(b, s, A), y = operand(b, s, s->same ? A : B), k = ir_k(s->type, s->k), v, flags;
    switch (s->maker) {
    case SUM: v = ir_ADD(b, x, y), flags = ir_FLADD(b, x, y); break;
    case SUM_K: v = ir_ADD(b, x, k), flags = ir_FLADD(b, x, k); break;
    case DIFFERENCE: v = ir_SUB(b, x, y), flags = ir_FLSUB(b, IR_carry, x, y); break;
    case DIFFERENCE_K: v = ir_SUB(b, x, k), flags = ir_FLSUB(b, IR_carry, x, k); break;
    case LOGIC: v = ir_AND(b, x, y), flags = ir_FLLOG(b, v); break;
    case LOGIC_K: v = ir_AND(b, x, k), flags = ir_FLLOG(b, v); break;
    case VALUE: v = x, flags = ir_FLLOG(b, x); break;
    default: v = ir_SUB(b, x, y), flags = ir_FLSBC(b, IR_carry, x, y, ir_COND(b, IR_COND_cs, ir_get(b, IR_fl, FLAGS)));
    }
    if (s->result)
        ir_put(b, s->result, ir_ZEXT(b, IR_i64, v));
    ir_put(b, FLAGS, flags);
}

static uint64_t expected(const struct sequence *s, uint64_t old)
{
    uint64_t b = s->same ? s->a : s->b;
    switch (s->maker) {
    case SUM: return ir_flags(IR_FLADD, 0, s->type, s->a, b, 0);
    case SUM_K: return ir_flags(IR_FLADD, 0, s->type, s->a, s->k, 0);
    case DIFFERENCE: return ir_flags(IR_FLSUB, IR_carry, s->type, s->a, b, 0);
    case DIFFERENCE_K: return ir_flags(IR_FLSUB, IR_carry, s->type, s->a, s->k, 0);
    case LOGIC: return ir_flags(IR_FLLOG, 0, s->type, s->a & b, 0, 0);
    case LOGIC_K: return ir_flags(IR_FLLOG, 0, s->type, s->a & s->k, 0, 0);
    case VALUE: return ir_flags(IR_FLLOG, 0, s->type, s->a, 0, 0);
    default: return ir_flags(IR_FLSBC, IR_carry, s->type, s->a, b, ir_condition(IR_COND_cs, old));
    }
}

static void run(struct ir_build *b, struct cpu *cpu, const struct sequence *s)
{
    uint64_t old = s->k & 1 ? FL_C | FL_N : FL_Z;
    cpu->cell[A] = s->a;
    cpu->cell[B] = s->b;
    cpu->cell[FLAGS] = old;
    ir_begin(b);
    ir_insn_begin(b, 0, 4);
    make(b, s);
    ir_insn_end(b);
    ir_insn_begin(b, 4, 4);
    if (s->spoiled)
        ir_put(b, s->spoiled, ir_k(IR_i64, s->k * 3 + 1));
    ir_insn_end(b);
    ir_insn_begin(b, 8, 4);
    ir_put(b, OTHER, ir_ZEXT(b, IR_i64, ir_COND(b, s->cond, ir_get(b, IR_fl, FLAGS))));
    ir_insn_end(b);
    struct ir_block *block = ir_finish(b);
    ir_eval_prepare(block);
    ir_eval(cpu, block);
    uint64_t flags = expected(s, old);
    if (cpu->cell[FLAGS] != flags || cpu->cell[OTHER] != ir_condition(s->cond, flags))
        print_message("maker %u, type %u, condition %u, result %u, spoiled %u, same %u: a 0x%llx b 0x%llx k 0x%llx\n", s->maker, s->type,
                      s->cond, s->result, s->spoiled, s->same, (unsigned long long)s->a, (unsigned long long)s->b,
                      (unsigned long long)s->k);
    assert_int_equal(cpu->cell[FLAGS], flags);
    assert_int_equal(cpu->cell[OTHER], ir_condition(s->cond, flags));
}

static void conditions_of_what_stands_in_registers(void **state)
{
    static const unsigned results[] = {0, 0, RESULT, A, A, B}, spoiled[] = {0, 0, 0, A, B, RESULT, OTHER};
    struct random r = random_of(2, 0, 0);
    struct ir_build *b;
    struct cpu *cpu = calloc(1, sizeof *cpu + (CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t));
    (void)state;
    assert_non_null(cpu);
    assert_int_equal(ir_build_new(&b, CELLS, NULL, 0), 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        for (unsigned cond = 0; cond < 16; cond++) {
            struct sequence s = {
                .maker = (enum maker)random_below(&r, MAKERS), .type = random_percent(&r, 50) ? IR_i32 : IR_i64, .cond = cond};
            s.a = random_integer(&r);
            s.b = random_percent(&r, 25) ? s.a + random_below(&r, 3) - 1 : random_integer(&r);
            s.k = cut(&s, random_percent(&r, 25) ? s.a + random_below(&r, 3) - 1 : random_integer(&r));
            s.result = results[random_below(&r, ARRAY_LEN(results))];
            s.spoiled = spoiled[random_below(&r, ARRAY_LEN(spoiled))];
            s.same = random_percent(&r, 10);
            run(b, cpu, &s);
        }
    ir_build_free(b);
    free(cpu);
}

/* The insns that a branch on a bit of a register skips have temporaries of their own. */
static void choices_keep_what_their_branch_compares(void **state)
{
    struct ir_build *b;
    struct cpu *cpu = calloc(1, sizeof *cpu + (CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t));
    (void)state;
    assert_non_null(cpu);
    assert_int_equal(ir_build_new(&b, CELLS, NULL, 0), 0);
    for (unsigned taken = 0; taken < 2; taken++) {
        ir_begin(b);
        ir_insn_begin(b, 0, 4);
        ir_BRANCH_IF(b, ir_EQ(b, ir_AND(b, ir_get(b, IR_i64, A), ir_k(IR_i64, 1ull << 63)), ir_k(IR_i64, 0)), 8);
        ir_insn_end(b);
        ir_follow(b, 0, 100);
        ir_insn_begin(b, 4, 4);
        ir_val v = ir_SHR(b, ir_get(b, IR_i64, B), ir_k(IR_i64, 4));
        ir_put(b, RESULT, ir_OR(b, ir_AND(b, v, ir_k(IR_i64, 0xff)), ir_SHL(b, v, ir_k(IR_i64, 8))));
        ir_insn_end(b);
        ir_follow(b, 0, 100);
        struct ir_block *block = ir_finish(b);
        assert_int_equal(block->ninsns, 2);
        ir_eval_prepare(block);
        cpu->cell[A] = taken ? 1 : 1ull << 63 | 1;
        cpu->cell[B] = 0x120;
        cpu->cell[RESULT] = 77;
        ir_eval(cpu, block);
        assert_int_equal(cpu->cell[RESULT], taken ? 77 : 0x1212);
    }
    ir_build_free(b);
    free(cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_tell_of_sums_and_differences),
        cmocka_unit_test(conditions),
        cmocka_unit_test(conditions_of_what_stands_in_registers),
        cmocka_unit_test(choices_keep_what_their_branch_compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
