/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Accesses of 16 bytes at any address, near the ends of pages above all, through registers and temporaries that remember the page they found
 * last: pages that stand side by side for the guest do not for the host, and some trap.
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

enum { BASE = 3, INDEX = 4, BLOCKS = 40, FRAMES = 250 };

struct fixture {
    struct rig rig;
    struct random r;
    uint64_t seed;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->seed = random_seed("jit_probe_x86_64");
    f->r.state = f->seed;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Float arithmetic is why the block remembers pages; half of the displacements lead to another page than the register. */
static struct ir_block *make(struct fixture *f)
{
    static const char *const accesses[] = {"LOAD.v128 %%30 = %%%u imm=%#x", "LOAD.v128 %%32 = %%%u imm=%#x",
                                           "STORE.v128 - = %%%u %%34 imm=%#x"};
    char text[1024] = "@0:\n  FADD.f64 %10 = %11 %12\n";
    unsigned line, n = (unsigned)strlen(text);
    for (unsigned i = 1; i < 7; i++) {
        bool indexed = random_percent(&f->r, 40);
        n += (unsigned)snprintf(text + n, sizeof text - n, "@%u:\n%s  ", 4 * i, indexed ? "  ADD.i64 %50 = %3 %4\n" : "");
        n += (unsigned)snprintf(text + n, sizeof text - n, accesses[random_below(&f->r, 3)], indexed ? 50u : BASE,
                                (unsigned)random_below(&f->r, 4) * 0x800);
        n += (unsigned)snprintf(text + n, sizeof text - n, "\n");
    }
    snprintf(text + n, sizeof text - n, "  BRANCH.none %%7 = imm=0x1c\n");
    struct ir_block *block = ir_parse(text, &line);
    assert_non_null(block);
    ir_eval_prepare(block);
    return block;
}

static void anywhere(void **state)
{
    static const uint16_t pins[] = {BASE, 6, INDEX};
    struct fixture *f = *state;
    unsigned traps = 0, runs = 0;
    for (unsigned n = 0; n < BLOCKS; n++) {
        struct ir_block *block = make(f);
        assert_int_equal(rig_init(&f->rig, pins, n % 4), 0);
        for (unsigned i = 0; i < FRAMES; i++, runs++) {
            uint64_t frame[RIG_CELLS];
            random_frame(&f->r, frame);
            frame[BASE] = RIG_VA + random_below(&f->r, 4) * 0x800 + (random_percent(&f->r, 60) ? 2032 + random_below(&f->r, 24) : 8 * i);
            frame[INDEX] = 8 * random_below(&f->r, 4);
            if (random_percent(&f->r, 5))
                frame[BASE] = random_below(&f->r, MEM_PAGE) - 8; /* what an empty entry must not be taken for */
            if (!rig_check(&f->rig, block, frame, RIG_VA, 0))
                fail_msg("SEED=%" PRIu64 " (see above)", f->seed);
            traps += f->rig.oracle.cpu->trapped;
        }
        rig_fini(&f->rig);
        free(block);
    }
    assert_true(traps > runs / 50 && traps < runs / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(anywhere, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
