/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rotations put together from shifts: random ops among few registers give the same as before, and some of them are rotations. */
#include "../lib/random.h"
#include "base/bits.h"
#include "ir/eval.h"
#include "ir/rotate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS = 6, OPS = 12, ROUNDS = 200000 };

/* Mostly shifts by two counts, one the other's rest. */
static struct ir_op random_op(struct random *r)
{
    static const uint8_t ops[] = {IR_SHL, IR_SHL, IR_SHL, IR_SHR, IR_SHR, IR_SHR, IR_OR, IR_XOR, IR_ADD, IR_AND, IR_SAR, IR_MOV};
    struct ir_op o = {
        .op = ops[random_below(r, ARRAY_LEN(ops))], .type = random_percent(r, 50) ? IR_i32 : IR_i64, .b = IR_NONE, .c = IR_NONE};
    unsigned width = o.type == IR_i32 ? 32 : 64, count = (unsigned)random_below(r, 2) ? 7 : width - 7;
    o.d = (uint16_t)random_below(r, CELLS);
    o.a = (uint16_t)random_below(r, CELLS);
    if (o.type == IR_i32)
        o.s[0] = random_percent(r, 60) ? IR_SX : 0;
    if (o.op == IR_SHL || o.op == IR_SHR || o.op == IR_SAR) {
        o.a = random_percent(r, 70) ? 0 : o.a;
        o.b = IR_CONST;
        o.imm = random_percent(r, 90) ? count : random_below(r, width);
    } else if (o.op != IR_MOV) {
        o.b = (uint16_t)random_below(r, CELLS);
        o.type = random_percent(r, 50) ? IR_i64 : o.type;
        o.s[0] = o.type == IR_i64 ? 0 : o.s[0];
    } else {
        o.type = IR_i64;
        o.s[0] = 0;
    }
    return o;
}

static void run(struct cpu *cpu, const struct ir_op *ops, const uint64_t *frame)
{
    memcpy(cpu->cell, frame, CELLS * sizeof *frame);
    for (unsigned i = 0; i < OPS; i++)
        assert_true(ir_op_run(cpu, &ops[i]));
}

static void same_as_before(void **state)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : 1;
    struct random r = random_of(seed, 0, 0);
    struct cpu *a = calloc(1, sizeof *a + 64 * sizeof a->cell[0]), *b = calloc(1, sizeof *b + 64 * sizeof b->cell[0]);
    unsigned rotations[IR_i64 + 1] = {0};
    (void)state;
    assert_true(a && b);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ir_op ops[OPS], before[OPS];
        uint64_t frame[CELLS];
        for (unsigned i = 0; i < CELLS; i++)
            frame[i] = random_integer(&r);
        for (unsigned i = 0; i < OPS; i++)
            before[i] = ops[i] = random_op(&r);
        ir_rotate(ops, OPS);
        run(a, before, frame);
        run(b, ops, frame);
        for (unsigned i = 0; i < OPS; i++)
            rotations[ops[i].type] += ops[i].op == IR_ROTR;
        if (memcmp(a->cell, b->cell, sizeof frame))
            fail_msg("round %u of SEED=%llu", round, (unsigned long long)seed);
    }
    assert_true(rotations[IR_i32] > ROUNDS / 1000 && rotations[IR_i64] > ROUNDS / 1000);
    free(a);
    free(b);
}

/* A helper may write any register. */
static void calls_between(void **state)
{
    (void)state;
    for (unsigned call = 0; call <= 3; call++) {
        struct ir_op ops[4] = {{.op = IR_SHL, .type = IR_i64, .d = 2, .a = 1, .b = IR_CONST, .c = IR_NONE, .imm = 5},
                               {.op = IR_SHR, .type = IR_i64, .d = 3, .a = 1, .b = IR_CONST, .c = IR_NONE, .imm = 59},
                               {.op = IR_OR, .type = IR_i64, .d = 2, .a = 2, .b = 3, .c = IR_NONE}};
        memmove(ops + call + 1, ops + call, (3 - call) * sizeof *ops);
        ops[call] = (struct ir_op){.op = IR_CALL, .d = IR_NONE, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE};
        ir_rotate(ops, 4);
        assert_int_equal(ops[call == 3 ? 2 : 3].op, call == 0 || call == 3 ? IR_ROTR : IR_OR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_before), cmocka_unit_test(calls_between)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
