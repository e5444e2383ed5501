/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sums and differences of many words (jit/host/x86_64/carry.c), among what looks at their flags: conditions, accesses that fault, ways out,
 * traps and calls of C. Emitted code against the evaluator, on random sequences.
 */
#include "ir/build.h"
#include "ir/eval.h"
#include "ir/flags.h"
#include "jit_random.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Cells: an address, the flags, integers; none of those that the rig takes for floats. */
enum { A0 = 3, FLAGS = 6, X0 = 9, STEP = 3, INTEGERS = 4 };
enum { BLOCKS = 5000, FRAMES = 4, MAX_LENGTH = 16 };

struct fixture {
    struct rig rig;
    struct random r;
    struct ir_build *build;
    uint64_t seed;
    unsigned faults, exits; /* seen */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->seed = random_seed("jit_carry_x86_64");
    f->r.state = f->seed;
    assert_int_equal(ir_build_new(&f->build, RIG_CELLS, rig_helpers, HELPERS), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ir_build_free(f->build);
    free(f);
    return 0;
}

/* ---- insns ---- */

static unsigned pick(struct fixture *f) { return X0 + STEP * (unsigned)random_below(&f->r, INTEGERS); }
static ir_val get(struct fixture *f) { return ir_get(f->build, IR_i64, random_percent(&f->r, 10) ? RIG_CELLS : pick(f)); }
static ir_val flags(struct fixture *f) { return ir_get(f->build, IR_fl, FLAGS); }

static ir_val of_type(struct fixture *f, unsigned type) { return type == IR_i32 ? ir_TRUNC(f->build, IR_i32, get(f)) : get(f); }

static void put(struct fixture *f, ir_val v)
{
    if (!random_percent(&f->r, 10)) /* the register that is none */
        ir_put(f->build, pick(f), v.type == IR_i32 ? ir_ZEXT(f->build, IR_i64, v) : v);
}

static void begins(struct fixture *f)
{
    struct ir_build *b = f->build;
    unsigned type = random_percent(&f->r, 20) ? IR_i32 : IR_i64;
    ir_val x = of_type(f, type), y = of_type(f, type);
    switch (random_below(&f->r, 4)) {
    case 0: ir_put(b, FLAGS, ir_FLSUB(b, IR_carry, x, y)); break;
    case 1:
        put(f, ir_SUB(b, x, y));
        ir_put(b, FLAGS, ir_FLSUB(b, random_percent(&f->r, 70) ? IR_carry : IR_borrow, x, y));
        break;
    default: put(f, ir_ADD(b, x, y)); ir_put(b, FLAGS, ir_FLADD(b, x, y));
    }
}

static void chained(struct fixture *f)
{
    struct ir_build *b = f->build;
    unsigned type = random_percent(&f->r, 10) ? IR_i32 : IR_i64;
    bool difference = random_percent(&f->r, 40), makes_flags = random_percent(&f->r, 80);
    ir_val x = of_type(f, type), y = of_type(f, type), c = ir_COND(b, IR_COND_cs, flags(f));
    put(f, ir_ADD(b, ir_ADD(b, x, difference ? ir_NOT(b, y) : y), ir_ZEXT(b, type, c)));
    if (makes_flags && difference)
        ir_put(b, FLAGS, ir_FLSBC(b, random_percent(&f->r, 90) ? IR_carry : IR_borrow, x, y, c));
    else if (makes_flags)
        ir_put(b, FLAGS, ir_FLADC(b, x, y, c));
}

static void others(struct fixture *f)
{
    struct ir_build *b = f->build;
    ir_val x = get(f), y = get(f), at = ir_ADD(b, ir_get(b, IR_i64, A0), ir_k(IR_i64, 8 * random_below(&f->r, 4)));
    switch (random_below(&f->r, 10)) {
    case 0: ir_put(b, pick(f), ir_MULHU(b, x, y)); break;
    case 1: ir_put(b, pick(f), ir_ZEXT(b, IR_i64, ir_COND(b, (unsigned)random_below(&f->r, 14), flags(f)))); break;
    case 2: ir_put(b, pick(f), ir_SELECT(b, ir_COND(b, (unsigned)random_below(&f->r, 14), flags(f)), x, y)); break;
    case 3: ir_put(b, pick(f), ir_LOAD(b, IR_i64, at, MEM_rlx)); break;
    case 4: ir_STORE(b, at, x, MEM_rlx); break;
    case 5: ir_put(b, pick(f), ir_FLBITS(b, flags(f))); break;
    case 6: ir_call(b, HELPER_put, 2, (ir_val[]){x, y}); break;
    case 7: ir_put(b, FLAGS, ir_FLLOG(b, x)); break;
    default: ir_put(b, pick(f), ir_MUL(b, x, y)); break;
    }
}

static void way_out(struct fixture *f, unsigned n)
{
    struct ir_build *b = f->build;
    ir_val odd = random_percent(&f->r, 50) ? ir_BIT(b, get(f), (unsigned)random_below(&f->r, 8)) : ir_COND(b, IR_COND_cs, flags(f));
    if (random_percent(&f->r, 70))
        ir_BRANCH_IF(b, odd, (int64_t)(64 + 4 * n));
    else
        ir_TRAP_IF(b, odd, TRAP_helper, ir_k(IR_i64, n));
}

static struct ir_block *make(struct fixture *f)
{
    struct ir_build *b = f->build;
    unsigned length = 1 + (unsigned)random_below(&f->r, MAX_LENGTH), rest = (unsigned)random_below(&f->r, 60);
    ir_begin(b);
    for (unsigned n = 0; n < length; n++) {
        unsigned kind = (unsigned)random_below(&f->r, 100);
        ir_insn_begin(b, (int)(4 * n), 4);
        if (kind < rest)
            others(f);
        else if (kind < rest + 4)
            way_out(f, n);
        else if (random_percent(&f->r, 30))
            begins(f);
        else
            chained(f);
        ir_insn_end(b);
    }
    struct ir_block *block = ir_finish(b);
    ir_eval_prepare(block);
    return block;
}

/* ---- values ---- */

static void fill(struct fixture *f, uint64_t frame[RIG_CELLS])
{
    static const unsigned pages[] = {RIG_ram0, RIG_ram1, RIG_ram2, RIG_ram3, RIG_readonly, RIG_device, RIG_hole, RIG_half};
    static const uint64_t edges[] = {0, 1, UINT64_MAX, 1ull << 63, (1ull << 63) - 1, UINT32_MAX, 1ull << 31};
    random_frame(&f->r, frame);
    frame[A0] = RIG_VA + pages[random_below(&f->r, sizeof pages / sizeof *pages)] * MEM_PAGE + 8 * random_below(&f->r, 600);
    for (unsigned i = 0; i < INTEGERS; i++)
        frame[X0 + STEP * i] = random_percent(&f->r, 60) ? edges[random_below(&f->r, sizeof edges / sizeof *edges)] : random_next(&f->r);
    frame[FLAGS] = random_next(&f->r) & (FL_N | FL_Z | FL_C | FL_V);
}

static void check(struct fixture *f, bool flat, const uint16_t *pins, unsigned npins)
{
    uint64_t frame[RIG_CELLS];
    assert_int_equal((flat ? rig_init_flat : rig_init)(&f->rig, pins, npins), 0);
    for (unsigned n = 0; n < BLOCKS; n++) {
        struct ir_block *block = make(f);
        for (unsigned i = 0; i < FRAMES; i++) {
            fill(f, frame);
            if (!rig_check(&f->rig, block, frame, RIG_VA + 2 * random_below(&f->r, 1500), 0))
                fail_msg("SEED=%" PRIu64 " (see above)", f->seed);
            f->faults += f->rig.oracle.cpu->trapped;
            f->exits += f->rig.oracle.cpu->insns - 1000 < block->ninsns;
        }
    }
    assert_true(f->faults > BLOCKS / 20 && f->exits > f->faults);
    rig_fini(&f->rig);
}

static const uint16_t most[] = {A0, FLAGS, X0, X0 + STEP, X0 + 2 * STEP}, few[] = {X0};

static void in_registers(void **state) { check(*state, false, most, sizeof most / sizeof *most); }
static void in_memory(void **state) { check(*state, false, few, sizeof few / sizeof *few); }
static void flat_memory(void **state) { check(*state, true, most + 2, 2); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(in_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(flat_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
