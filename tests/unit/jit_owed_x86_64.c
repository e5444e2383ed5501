/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Registers that still owe something of their value (jit/host/x86_64/owed.c) where the guest can see them: arithmetic that makes NaNs and
 * singles, among loads and stores that fault or go to a device, ways out in the middle of a block, traps and calls of C. Emitted code
 * against the evaluator, on random sequences.
 */
#include "ir/build.h"
#include "ir/eval.h"
#include "jit_random.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Cells: addresses, integers; most others of the wide ones are floating-point registers, many of them pinned by the rig. */
enum {
    CHANGED = 1 /* by HELPER_put */,
    A0 = 3,
    ADDRESSES = 2,
    X0 = A0 + ADDRESSES,
    INTEGERS = 2,
    F0 = X0 + INTEGERS,
    FLOATS = RIG_WIDE - F0
};
enum { BLOCKS = 6000, FRAMES = 4, MAX_LENGTH = 20 };

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
    f->seed = random_seed("jit_owed_x86_64");
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

static unsigned pick(struct fixture *f) { return random_percent(&f->r, 15) ? CHANGED : F0 + (unsigned)random_below(&f->r, FLOATS); }
static unsigned pick_integer(struct fixture *f) { return X0 + (unsigned)random_below(&f->r, INTEGERS); }

static ir_val get(struct fixture *f, unsigned type)
{
    ir_val v = ir_get(f->build, IR_f64, pick(f));
    return type == IR_f32 ? ir_FUNBOX(f->build, IR_f32, v) : v;
}

static void put(struct fixture *f, ir_val v) { ir_put(f->build, pick(f), v.type == IR_f32 ? ir_FBOX(f->build, v) : v); }

static void arithmetic(struct fixture *f, unsigned type)
{
    struct ir_build *b = f->build;
    ir_val x = get(f, type), y = get(f, type);
    switch (random_below(&f->r, 12)) {
    case 0: put(f, ir_FADD(b, x, y, IR_rne)); break;
    case 1: put(f, ir_FSUB(b, x, y, IR_rne)); break;
    case 2: put(f, ir_FMUL(b, x, y, IR_rne)); break;
    case 3: put(f, ir_FDIV(b, x, y, IR_rne)); break;
    case 4: put(f, ir_FSQRT(b, x, IR_rne)); break;
    case 5: put(f, ir_FMA(b, x, y, get(f, type), IR_pos, IR_rne)); break;
    case 6: put(f, ir_FNEG(b, x)); break;
    case 7: put(f, ir_FABS(b, x)); break;
    case 8: put(f, ir_FMIN(b, IR_num, x, y)); break;
    case 9: put(f, ir_FTOF(b, type == IR_f32 ? IR_f64 : IR_f32, x, IR_rne)); break;
    case 10: put(f, ir_FSUB(b, x, y, IR_rtz)); break; /* by the evaluator */
    default: put(f, x); break;
    }
}

static ir_val address(struct fixture *f)
{
    return ir_ADD(f->build, ir_get(f->build, IR_i64, A0 + random_below(&f->r, ADDRESSES)), ir_k(IR_i64, 8 * random_below(&f->r, 4)));
}

static void access(struct fixture *f)
{
    struct ir_build *b = f->build;
    ir_val at = address(f);
    switch (random_below(&f->r, 6)) {
    case 0: put(f, ir_LOAD(b, IR_f64, at, MEM_rlx)); break;
    case 1: put(f, ir_LOAD(b, IR_f32, at, MEM_rlx)); break;
    case 2: ir_STORE(b, at, get(f, IR_f64), MEM_rlx); break;
    case 3: ir_STOREN(b, 32, at, ir_get(b, IR_i64, pick(f)), MEM_rlx); break;
    case 4: ir_put(b, pick_integer(f), ir_LOADS(b, IR_i64, 32, at, MEM_rlx)); break;
    default: ir_STORE(b, at, ir_get(b, IR_i64, pick_integer(f)), MEM_rlx); break;
    }
}

/* Between the register files, and to C. */
static void move(struct fixture *f)
{
    struct ir_build *b = f->build;
    ir_val args[2] = {ir_get(b, IR_i64, pick(f)), ir_get(b, IR_i64, pick_integer(f))};
    switch (random_below(&f->r, 8)) {
    case 6:
    case 0: ir_put(b, pick_integer(f), ir_BITS(b, get(f, IR_f64))); break;
    case 1: ir_put(b, pick_integer(f), ir_SEXT(b, IR_i64, ir_TRUNC(b, IR_i32, args[0]))); break;
    case 2: put(f, ir_FROM(b, IR_f64, args[1])); break;
    case 3: put(f, ir_FROM(b, IR_f32, ir_TRUNC(b, IR_i32, args[1]))); break;
    case 4: ir_put(b, pick_integer(f), ir_ZEXT(b, IR_i64, ir_FLT(b, get(f, IR_f64), get(f, IR_f64), IR_signalling))); break;
    case 5: ir_call(b, HELPER_put, 2, args); break;
    default: ir_put(b, pick_integer(f), ir_ADD(b, args[0], args[1])); break;
    }
}

static void way_out(struct fixture *f, unsigned n)
{
    struct ir_build *b = f->build;
    ir_val odd = ir_BIT(b, ir_get(b, IR_i64, pick_integer(f)), (unsigned)random_below(&f->r, 8));
    if (random_percent(&f->r, 70))
        ir_BRANCH_IF(b, odd, (int64_t)(64 + 4 * n));
    else
        ir_TRAP_IF(b, odd, TRAP_helper, ir_k(IR_i64, n));
}

static struct ir_block *make(struct fixture *f)
{
    struct ir_build *b = f->build;
    unsigned length = 1 + (unsigned)random_below(&f->r, MAX_LENGTH), outs = (unsigned)random_below(&f->r, 4),
             arithmetics = random_percent(&f->r, 50) ? 60 : 20, accesses = arithmetics + 20;
    ir_begin(b);
    for (unsigned n = 0; n < length; n++) {
        unsigned kind = (unsigned)random_below(&f->r, 100);
        ir_insn_begin(b, (int)(4 * n), 4);
        if (kind < arithmetics)
            arithmetic(f, random_percent(&f->r, 50) ? IR_f32 : IR_f64);
        else if (kind < accesses)
            access(f);
        else if (kind < 92 || !outs)
            move(f);
        else
            way_out(f, n);
        ir_insn_end(b);
    }
    if (random_percent(&f->r, 20)) {
        ir_insn_begin(b, (int)(4 * length), 4);
        ir_TRAP(b, TRAP_helper, ir_k(IR_i64, length));
        ir_insn_end(b);
    }
    struct ir_block *block = ir_finish(b);
    ir_eval_prepare(block);
    return block;
}

/* ---- values ---- */

static uint64_t value(struct fixture *f)
{
    static const uint64_t singles[] = {0x3f800000, 0x7f800000, 0xff800000, 0, 0x80000000, 0x7fc00001, 0xffc12345, 0x7f800001, 0x00000001},
                          doubles[] = {0x3ff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0, 0x8000000000000000,
                                       0x7ff8000000000001, 0xfff8123456789abc, 0x7ff0000000000001, 1};
    if (random_percent(&f->r, 45))
        return singles[random_below(&f->r, sizeof singles / sizeof *singles)] | 0xffffffff00000000;
    if (random_percent(&f->r, 70))
        return doubles[random_below(&f->r, sizeof doubles / sizeof *doubles)];
    return random_value(&f->r);
}

static void fill(struct fixture *f, uint64_t frame[RIG_CELLS])
{
    static const unsigned pages[] = {RIG_ram0, RIG_ram1, RIG_ram2, RIG_ram3, RIG_ram0, RIG_readonly, RIG_device, RIG_hole, RIG_half};
    random_frame(&f->r, frame);
    for (unsigned i = 0; i < ADDRESSES; i++)
        frame[A0 + i] = RIG_VA + pages[random_below(&f->r, sizeof pages / sizeof *pages)] * MEM_PAGE + 8 * random_below(&f->r, 600);
    for (unsigned i = 0; i < FLOATS; i++)
        frame[F0 + i] = value(f);
    frame[CHANGED] = value(f);
    for (unsigned i = 0; i < INTEGERS; i++)
        frame[X0 + i] = random_percent(&f->r, 50) ? 0 : random_next(&f->r) << random_below(&f->r, 60);
}

static void check(struct fixture *f, bool flat)
{
    static const uint16_t pins[] = {A0, X0, A0 + 1};
    uint64_t frame[RIG_CELLS];
    assert_int_equal((flat ? rig_init_flat : rig_init)(&f->rig, pins, sizeof pins / sizeof *pins), 0);
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

static void sequences(void **state) { check(*state, false); }
static void flat_memory(void **state) { check(*state, true); }

static void insn(struct ir_build *b, int n, unsigned cell, ir_val v)
{
    ir_put(b, cell, v);
    ir_insn_end(b);
    ir_insn_begin(b, 4 * n, 4);
}

/* A block is left before the insn that finds no box: what the insns before it made is there, though a later one would overwrite it. */
static void left_whole(void **state)
{
    static const uint16_t pins[] = {A0, X0};
    struct fixture *f = *state;
    struct ir_build *b = f->build;
    assert_int_equal(rig_init(&f->rig, pins, sizeof pins / sizeof *pins), 0);
    unsigned single = f->rig.fpins[0];
    struct cpu *cpu = f->rig.native.cpu;
    ir_begin(b);
    ir_insn_begin(b, 0, 4);
    insn(b, 1, X0, ir_ADD(b, ir_get(b, IR_i64, A0), ir_k(IR_i64, 1)));
    insn(b, 2, single, ir_FBOX(b, ir_FNEG(b, ir_FUNBOX(b, IR_f32, ir_get(b, IR_f64, single)))));
    insn(b, 3, X0, ir_ADD(b, ir_get(b, IR_i64, A0), ir_k(IR_i64, 2)));
    ir_insn_end(b);
    assert_true(rig_emit(&f->rig, ir_finish(b), 0));
    cpu->pc = cpu->page = RIG_VA;
    cpu->cell[A0] = 40;
    cpu->cell[single] = 0x3ff0000000000000;
    cpu->insns = 0;
    assert_int_equal(jit_host->enter(f->rig.memory.exec, cpu, f->rig.memory.exec + f->rig.code), JIT_EXIT_branch);
    assert_int_equal(cpu->pc, RIG_VA + 4);
    assert_int_equal(cpu->insns, 1);
    assert_int_equal(cpu->cell[X0], 41);
    rig_fini(&f->rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sequences, setup, teardown),
        cmocka_unit_test_setup_teardown(flat_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(left_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
