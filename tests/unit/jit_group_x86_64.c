/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scalar arithmetic that stands together (jit/host/x86_64/float_group.c), by the rules of both kinds of guests: operands that make NaNs and
 * results around the least normal number, registers that are overwritten, some in memory. Emitted code against the evaluator.
 */
#include "ir/eval.h"
#include "jit_random.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCKS = 12000, FRAMES = 6, MAX_LENGTH = 12, CELLS = RIG_WIDE };

struct fixture {
    struct rig rig;
    struct random r;
    uint64_t seed;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->seed = random_seed("jit_group_x86_64");
    f->r.state = f->seed;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Few registers, so that they are read and overwritten again at once. */
static unsigned cell(struct fixture *f, unsigned first, unsigned n) { return (first + (unsigned)random_below(&f->r, n)) % CELLS; }

static struct ir_block *make(struct fixture *f)
{
    static const char *const binary[] = {"FADD", "FSUB", "FMUL", "FDIV", "FADD", "FMUL"};
    char text[4096] = "";
    unsigned length = 2 + (unsigned)random_below(&f->r, MAX_LENGTH), first = cell(f, 0, CELLS), n = 0, line,
             count = 3 + (unsigned)random_below(&f->r, 6);
    const char *type = random_percent(&f->r, 50) ? "f64" : "f32";
    for (unsigned i = 0; i < length; i++) {
        unsigned d = cell(f, first, count), a = cell(f, first, count), b = cell(f, first, count), c = cell(f, first, count);
        n += (unsigned)snprintf(text + n, sizeof text - n, "@%u:\n  ", 4 * i);
        if (random_percent(&f->r, 3))
            type = random_percent(&f->r, 50) ? "f64" : "f32";
        if (random_percent(&f->r, 5))
            n += (unsigned)snprintf(text + n, sizeof text - n, "MOV.i64 %%%u = %%%u\n", d, a);
        else if (random_percent(&f->r, 5))
            n += (unsigned)snprintf(text + n, sizeof text - n, "K.i64 %%%u =\n", d);
        else if (random_percent(&f->r, 15))
            n += (unsigned)snprintf(text + n, sizeof text - n, "FMA.%s %%%u = %%%u %%%u %%%u s=%u,0,0,0\n", type, d, a, b, c,
                                    (unsigned)random_below(&f->r, 4));
        else if (random_percent(&f->r, 5))
            n += (unsigned)snprintf(text + n, sizeof text - n, "FSQRT.%s %%%u = %%%u\n", type, d, a);
        else
            n += (unsigned)snprintf(text + n, sizeof text - n, "%s.%s %%%u = %%%u %%%u\n", binary[random_below(&f->r, 6)], type, d, a, b);
    }
    snprintf(text + n, sizeof text - n, "  BRANCH.none %%%u = imm=%#x\n", length, 4 * length);
    struct ir_block *block = ir_parse(text, &line);
    assert_non_null(block);
    ir_eval_prepare(block);
    return block;
}

/* Of both formats: a single is the low half. Many products of two are the least normal number, some after they are rounded. */
static uint64_t value(struct fixture *f)
{
    static const uint32_t singles[] = {0x3f800000, 0x3f7fffff, 0x00800000, 0x80800000, 0x007fffff, 0x20000000,
                                       0x1fffffff, 0x1f800000, 0x3f000000, 0x7f800000, 0,          0x80000000,
                                       0x7fc00001, 0x7f800001, 0xffc12345, 0x4b000000, 0x00000001};
    static const uint64_t doubles[] = {0x3ff0000000000000,
                                       0x3fefffffffffffff,
                                       0x0010000000000000,
                                       0x8010000000000000,
                                       0x000fffffffffffff,
                                       0x2000000000000000,
                                       0x1fffffffffffffff,
                                       0x1ff0000000000000,
                                       0x3fe0000000000000,
                                       0x7ff0000000000000,
                                       0,
                                       0x8000000000000000,
                                       0x7ff8000000000001,
                                       0x7ff0000000000001,
                                       0xfff8123456789abc,
                                       0x4330000000000000,
                                       1};
    unsigned usual = random_percent(&f->r, 60) ? 9 : 17;
    if (random_percent(&f->r, 40))
        return singles[random_below(&f->r, usual)] | random_next(&f->r) << 32;
    if (random_percent(&f->r, 90))
        return doubles[random_below(&f->r, usual)];
    return random_value(&f->r);
}

/* Many products of two of these are the least normal number only when they are rounded, which raises underflow for one kind of guest. */
static uint64_t factor(struct fixture *f, bool single)
{
    unsigned i = (unsigned)random_below(&f->r, 8);
    if (single)
        return i > 5 ? 0x00800400 : i > 2 ? 0x3f7ff800 : 0x3f800000;
    return i > 5 ? 0x0010000001000000 : i > 2 ? 0x3feffffffe000000 : 0x3ff0000000000000;
}

static uint64_t number(struct fixture *f, unsigned i) { return 0x3ff0000000000000 | (uint64_t)(i + 1) << (random_next(&f->r) & 31); }

static void together(void **state)
{
    static const uint16_t pins[] = {3, 8, 14};
    struct fixture *f = *state;
    uint64_t frame[RIG_CELLS];
    for (unsigned n = 0; n < BLOCKS; n++) {
        if (n % 300 == 0)
            assert_int_equal(rig_init(&f->rig, pins, n / 300 % 4), 0);
        struct ir_block *block = make(f);
        for (unsigned i = 0; i < FRAMES; i++) {
            random_frame(&f->r, frame);
            for (unsigned k = 0; k < CELLS; k++)
                frame[k] = i < 2 ? value(f) : i < 4 ? factor(f, i & 1) : random_percent(&f->r, 90) ? number(f, k) : value(f);
            if (!rig_check(&f->rig, block, frame, RIG_VA, 0))
                fail_msg("SEED=%" PRIu64 " (see above)", f->seed);
        }
        free(block);
        if (n % 300 == 299)
            rig_fini(&f->rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(together, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
