/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Floating point as the x86-64 host emits it against the evaluator: every op on crossed special and random operands, in pinned registers
 * and in memory, with any flags standing before; and random sequences of insns, which pass values and flags to each other. Results and
 * flags are the same in every bit. Insns are made as riscv's are: an f32 lives boxed in a cell of 64 bits.
 */
#include "ir/build.h"
#include "ir/eval.h"
#include "ir/text.h"
#include "jit/host/host.h"
#include "jit_rest.h"
#include "os/code.h"
#include "softfloat_cases.h"

enum { F = 0, NF = 16, X = 16, NX = 12, CELLS = 28, CODE = 1 << 20, CASES = 6000 };

struct bench {
    struct ir_build *build;
    struct os_code memory;
    size_t routines, at;
    void *scratch;
    struct cpu *native, *oracle;
    struct jit_exit exits[64];
    struct jit_jump *jumps;
    const uint8_t *entry;
    unsigned restarts; /* blocks that were left before their end */
    struct cases_random random;
};

static const uint16_t pins[] = {X + 1, X + 4, X + 2},
                      fpins[] = {F + 3, F + 1, F + 0, F + 5, F + 7, F + 2, F + 9, F + 4, F + 12, F + 10, F + 15};

static struct cpu *cpu_new(void)
{
    size_t size = align_up(sizeof(struct cpu) + (CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t), 64);
    struct cpu *cpu = aligned_alloc(64, size);
    assert_non_null(cpu);
    memset(cpu, 0, size);
    return cpu;
}

static int setup(void **state)
{
    struct bench *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_int_equal(ir_build_new(&t->build, CELLS, NULL, 0), 0);
    assert_int_equal(os_code_new(&t->memory, CODE, OS_CODE_file, NULL), 0);
    t->scratch = calloc(1, jit_host->scratch);
    t->native = cpu_new();
    t->jumps = calloc(JIT_JUMPS, sizeof *t->jumps);
    assert_non_null(t->jumps);
    for (unsigned i = 0; i < JIT_JUMPS; i++)
        t->jumps[i].pc = jit_jump_none(i);
    t->native->jumps = t->jumps;
    t->oracle = cpu_new();
    t->routines = jit_host->routines(t->memory.write, t->memory.exec, CODE, pins, ARRAY_LEN(pins), fpins, ARRAY_LEN(fpins), false);
    assert_int_not_equal(t->routines, 0);
    t->at = t->routines;
    cases_seed(&t->random);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct bench *t = *state;
    ir_build_free(t->build);
    os_code_free(&t->memory);
    free(t->scratch);
    free(t->jumps);
    free(t->native);
    free(t->oracle);
    free(t);
    return 0;
}

static void emit(struct bench *t, const struct ir_block *block)
{
    if (t->at + jit_host->code_max > CODE)
        t->at = t->routines;
    struct jit_emit_request request = {
        .ir = block,
        .round = block,
        .covers = true,
        .pins = pins,
        .npins = ARRAY_LEN(pins),
        .fpins = fpins,
        .nfpins = ARRAY_LEN(fpins),
        .fp_host = FP_HOST_canonical,
        .zero_cell = CELLS,
        .out = t->memory.write + t->at,
        .exec = t->memory.exec + t->at,
        .offset = (uint32_t)t->at,
        .room = jit_host->code_max,
        .scratch = t->scratch,
        .max_exits = ARRAY_LEN(t->exits),
        .exits = t->exits,
    };
    size_t size = jit_host->emit(t->memory.exec, &request);
    assert_int_not_equal(size, 0);
    os_code_flush(&t->memory, t->at, size);
    t->entry = t->memory.exec + t->at;
    t->at += size;
}

static void start(struct cpu *cpu, const uint64_t cells[CELLS], uint32_t fx)
{
    memcpy(cpu->cell, cells, CELLS * sizeof *cells);
    cpu->cell[CELLS] = 0;
    cpu->pc = 0x1000;
    cpu->page = 0x1000;
    cpu->fx = fx;
    cpu->insns = 0;
}

static void check(struct bench *t, struct ir_block *block, const uint64_t cells[CELLS], uint32_t fx)
{
    start(t->native, cells, fx);
    start(t->oracle, cells, fx);
    ir_eval(t->oracle, block);
    enum ir_exit exit;
    if (jit_host->enter(t->memory.exec, t->native, t->entry) == JIT_EXIT_branch)
        t->restarts += jit_rest(t->native, block, 0x1000, 0, &exit);
    if (t->native->pc == t->oracle->pc && t->native->insns == t->oracle->insns && t->native->fx == t->oracle->fx && !t->native->fp_live &&
        !memcmp(t->native->cell, t->oracle->cell, (CELLS + 1) * sizeof(uint64_t)))
        return;
    ir_print(stderr, block);
    fprintf(stderr, "# flags before 0x%x, native 0x%x, evaluator 0x%x\n", fx, t->native->fx, t->oracle->fx);
    for (unsigned i = 0; i <= CELLS; i++)
        fprintf(stderr, "# %%%u: before %016" PRIx64 ", native %016" PRIx64 ", evaluator %016" PRIx64 "%s\n", i, i < CELLS ? cells[i] : 0,
                t->native->cell[i], t->oracle->cell[i], t->native->cell[i] == t->oracle->cell[i] ? "" : " <--");
    fail_msg("the results differ (SEED=0x%" PRIx64 ")", t->random.seed);
}

/* ---- insns ---- */

struct insn {
    uint8_t op, type, from, rm, how; /* from: the operand's type of conversions; how: signed, signalling, fneg, exact */
    uint8_t d, a, b, c;              /* numbers of registers, of X for integers */
};

static ir_val get(struct ir_build *b, unsigned type, unsigned n)
{
    if (type == IR_i64)
        return ir_get(b, IR_i64, X + n % NX);
    if (type == IR_i32)
        return ir_TRUNC(b, IR_i32, ir_get(b, IR_i64, X + n % NX));
    ir_val v = ir_get(b, IR_f64, F + n % NF);
    return type == IR_f32 ? ir_FUNBOX(b, IR_f32, v) : v;
}

static void put(struct ir_build *b, unsigned n, ir_val v)
{
    if (v.type == IR_f32)
        ir_put(b, F + n % NF, ir_FBOX(b, v));
    else if (v.type == IR_f64)
        ir_put(b, F + n % NF, v);
    else
        ir_put(b, X + n % NX, v.type == IR_i32 ? ir_SEXT(b, IR_i64, v) : ir_ZEXT(b, IR_i64, v));
}

static ir_val flip(struct ir_build *b, ir_val v) { return ir_SHR(b, ir_BITREV(b, v), ir_k(IR_i64, 59)); }

static ir_val compute(struct ir_build *b, const struct insn *i)
{
    ir_val x = get(b, i->from ? i->from : i->type, i->a);
    switch (i->op) {
    case IR_FADD: return ir_FADD(b, x, get(b, i->type, i->b), i->rm);
    case IR_FSUB: return ir_FSUB(b, x, get(b, i->type, i->b), i->rm);
    case IR_FMUL: return ir_FMUL(b, x, get(b, i->type, i->b), i->rm);
    case IR_FDIV: return ir_FDIV(b, x, get(b, i->type, i->b), i->rm);
    case IR_FSQRT: return ir_FSQRT(b, x, i->rm);
    case IR_FMA: {
        ir_val y = get(b, i->type, i->b);
        return ir_FMA(b, x, y, get(b, i->type, i->c), i->how, i->rm);
    }
    case IR_FMIN: return ir_FMIN(b, i->how, x, get(b, i->type, i->b));
    case IR_FMAX: return ir_FMAX(b, i->how, x, get(b, i->type, i->b));
    case IR_FABS: return ir_FABS(b, x);
    case IR_FNEG: return ir_FNEG(b, x);
    case IR_FROUND: return ir_FROUND(b, x, i->rm, i->how);
    case IR_FEQ: return ir_FEQ(b, x, get(b, i->type, i->b), i->how);
    case IR_FLT: return ir_FLT(b, x, get(b, i->type, i->b), i->how);
    case IR_FLE: return ir_FLE(b, x, get(b, i->type, i->b), i->how);
    case IR_FCLASS: return ir_FCLASS(b, x);
    case IR_FTOF: return ir_FTOF(b, i->type, x, i->rm);
    case IR_FTOI: return ir_FTOI(b, i->type, i->how, x, i->rm, IR_nanmax);
    case IR_ITOF: return ir_ITOF(b, i->type, i->how, x, i->rm);
    case IR_MOV: return x;
    case IR_BITS: return ir_BITS(b, x);
    case IR_FROM: return ir_FROM(b, i->type, x);
    case IR_INSERT: { /* the sign of another */
        ir_val y = get(b, i->type, i->b);
        unsigned sign = i->type == IR_f32 ? 31 : 63;
        ir_val bits = ir_SHR(b, ir_BITS(b, y), ir_k(i->type == IR_f32 ? IR_i32 : IR_i64, sign));
        return ir_FROM(b, i->type, ir_INSERT(b, ir_BITS(b, x), bits, sign, 1));
    }
    case IR_FXGET: return i->how ? flip(b, ir_FXGET(b)) : ir_FXGET(b);
    default: return ir_ADD(b, get(b, IR_i64, i->a), get(b, IR_i64, i->b));
    }
}

static void add(struct ir_build *b, const struct insn *i, unsigned n)
{
    ir_insn_begin(b, 4 * n, 4);
    if (i->op == IR_FXSET)
        ir_FXSET(b, i->how ? flip(b, get(b, IR_i64, i->a)) : get(b, IR_i64, i->a));
    else if (i->op == IR_FXOR)
        ir_FXOR(b, get(b, IR_i64, i->a));
    else
        put(b, i->d, compute(b, i));
    ir_insn_end(b);
}

static struct ir_block *finish(struct ir_build *b)
{
    struct ir_block *block = ir_finish(b);
    ir_eval_prepare(block);
    return block;
}

static struct ir_block *one(struct bench *t, const struct insn *i)
{
    ir_begin(t->build);
    add(t->build, i, 0);
    struct ir_block *block = finish(t->build);
    emit(t, block);
    return block;
}

/* ---- operands ---- */

static uint64_t boxed(unsigned type, uint64_t v) { return type == IR_f32 ? v | 0xffffffff00000000 : v; }

static uint64_t random_integer(struct cases_random *r)
{
    uint64_t v = cases_next(r) >> cases_below(r, 64);
    switch (cases_below(r, 4)) {
    case 0: return 0 - v;
    case 1: return (1ull << cases_below(r, 64)) + cases_below(r, 3) - 1;
    default: return v;
    }
}

static void random_cells(struct cases_random *r, uint64_t cells[CELLS])
{
    for (unsigned i = 0; i < NF; i++) {
        unsigned type = cases_below(r, 2) ? IR_f32 : IR_f64;
        cells[F + i] = boxed(type, cases_random(r, type));
        if (cases_below(r, 12) == 0) {
            uint64_t special[CASES_MAX];
            cells[F + i] = boxed(type, special[cases_below(r, cases_special(type, special))]);
        }
    }
    for (unsigned i = 0; i < NX; i++)
        cells[X + i] = random_integer(r);
}

/* Registers in pins (0 1 2 3 4 5 of F; 1 2 4 of X) and outside, the same one twice or thrice, the result in an operand's. */
static const uint8_t places[][4] = {
    {3, 1, 0, 5}, {6, 1, 8, 11}, {3, 6, 8, 11}, {1, 1, 0, 2}, {0, 1, 0, 2}, {2, 1, 0, 2},  {1, 1, 1, 1},
    {6, 6, 8, 6}, {8, 6, 8, 0},  {3, 6, 1, 8},  {3, 1, 6, 0}, {6, 6, 6, 6}, {9, 2, 12, 6}, {4, 8, 8, 8},
};

static unsigned integer_type(unsigned type) { return type == IR_i32 || type == IR_i64; }

static void set_operand(struct bench *t, uint64_t cells[CELLS], const struct insn *i, unsigned reg, uint64_t v)
{
    unsigned type = i->from ? i->from : i->type;
    if (integer_type(type))
        cells[X + reg % NX] = random_integer(&t->random);
    else
        cells[F + reg % NF] = boxed(type, v);
}

/* One op in all places: special operands crossed, random ones, and f32 operands that are not boxed. */
static void check_op(struct bench *t, struct insn i, unsigned operands, bool all)
{
    uint64_t special[CASES_MAX], cells[CELLS], v[3];
    unsigned type = i.from ? i.from : i.type;
    unsigned n = integer_type(type) ? 0 : cases_special(type, special);
    for (unsigned p = 0; p < ARRAY_LEN(places); p++) {
        i.d = places[p][0], i.a = places[p][1], i.b = places[p][2], i.c = places[p][3];
        struct ir_block *block = one(t, &i);
        random_cells(&t->random, cells);
        for (unsigned j = 0; j < n * (operands > 1 ? n : 1); j++) {
            unsigned third = operands > 2 ? all && p == 0 ? n : 3 : 1;
            for (unsigned k = 0; k < third; k++) {
                if (operands > 2)
                    set_operand(t, cells, &i, i.c, third == n ? special[k] : special[cases_below(&t->random, n)]);
                if (operands > 1)
                    set_operand(t, cells, &i, i.b, special[j / n]);
                set_operand(t, cells, &i, i.a, special[j % n]);
                check(t, block, cells, cases_next(&t->random) & 31);
            }
        }
        for (unsigned j = 0; j < CASES / 4; j++) {
            if (n)
                cases_operands(&t->random, type, operands, v);
            if (j % 16 == 0)
                random_cells(&t->random, cells);
            if (operands > 2)
                set_operand(t, cells, &i, i.c, v[2]);
            if (operands > 1)
                set_operand(t, cells, &i, i.b, v[1]);
            set_operand(t, cells, &i, i.a, n ? v[0] : 0);
            if (type == IR_f32 && j % 8 == 0)
                cells[F + (j & 8 ? i.a : j & 16 ? i.b : i.c) % NF] ^= 1ull << (32 + cases_below(&t->random, 32));
            check(t, block, cells, cases_next(&t->random) & 31);
        }
    }
}

static void both_types(struct bench *t, struct insn i, unsigned operands, bool all)
{
    i.type = IR_f64;
    check_op(t, i, operands, all);
    i.type = IR_f32;
    check_op(t, i, operands, all);
}

static void test_arithmetic(void **state)
{
    static const uint8_t ops[] = {IR_FADD, IR_FSUB, IR_FMUL, IR_FDIV};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
        both_types(*state, (struct insn){.op = ops[i]}, 2, false);
    both_types(*state, (struct insn){.op = IR_FSQRT}, 1, false);
    for (unsigned rm = IR_rtz; rm <= IR_rmm; rm++) /* by the evaluator, among emitted code */
        both_types(*state, (struct insn){.op = IR_FADD, .rm = (uint8_t)rm}, 2, false);
}

static void test_multiply_add(void **state)
{
    for (unsigned neg = IR_pos; neg <= IR_negpc; neg++)
        both_types(*state, (struct insn){.op = IR_FMA, .how = (uint8_t)neg}, 3, neg == IR_pos);
}

static void test_extremes_signs(void **state)
{
    for (unsigned kind = IR_num; kind <= IR_nan; kind++) {
        both_types(*state, (struct insn){.op = IR_FMIN, .how = (uint8_t)kind}, 2, false);
        both_types(*state, (struct insn){.op = IR_FMAX, .how = (uint8_t)kind}, 2, false);
    }
    both_types(*state, (struct insn){.op = IR_FABS}, 1, false);
    both_types(*state, (struct insn){.op = IR_FNEG}, 1, false);
    both_types(*state, (struct insn){.op = IR_MOV}, 1, false);
    both_types(*state, (struct insn){.op = IR_BITS}, 1, false);
    both_types(*state, (struct insn){.op = IR_INSERT}, 2, false);
    both_types(*state, (struct insn){.op = IR_FCLASS}, 1, false);
    check_op(*state, (struct insn){.op = IR_FROM, .type = IR_f64, .from = IR_i64}, 1, false);
    check_op(*state, (struct insn){.op = IR_FROM, .type = IR_f32, .from = IR_i32}, 1, false);
}

static void test_compare(void **state)
{
    static const uint8_t ops[] = {IR_FEQ, IR_FLT, IR_FLE};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
        for (unsigned how = IR_quiet; how <= IR_signalling; how++)
            both_types(*state, (struct insn){.op = ops[i], .how = (uint8_t)how}, 2, false);
}

static void test_convert(void **state)
{
    static const uint8_t words[] = {IR_i32, IR_i64}, floats[] = {IR_f32, IR_f64};
    for (unsigned w = 0; w < 2; w++)
        for (unsigned f = 0; f < 2; f++)
            for (unsigned is_signed = 0; is_signed < 2; is_signed++)
                for (unsigned rm = IR_rne; rm <= IR_rmm; rm++) {
                    check_op(
                        *state,
                        (struct insn){.op = IR_FTOI, .type = words[w], .from = floats[f], .how = (uint8_t)is_signed, .rm = (uint8_t)rm}, 1,
                        false);
                    check_op(
                        *state,
                        (struct insn){.op = IR_ITOF, .type = floats[f], .from = words[w], .how = (uint8_t)is_signed, .rm = (uint8_t)rm}, 1,
                        false);
                }
    for (unsigned rm = IR_rne; rm <= IR_rmm; rm++) {
        check_op(*state, (struct insn){.op = IR_FTOF, .type = IR_f32, .from = IR_f64, .rm = (uint8_t)rm}, 1, false);
        check_op(*state, (struct insn){.op = IR_FTOF, .type = IR_f64, .from = IR_f32, .rm = (uint8_t)rm}, 1, false);
        both_types(*state, (struct insn){.op = IR_FROUND, .rm = (uint8_t)rm, .how = 0}, 1, false);
        both_types(*state, (struct insn){.op = IR_FROUND, .rm = (uint8_t)rm, .how = 1}, 1, false);
    }
}

/* ---- flags ---- */

/* riscv's comparison that leaves the flags alone: frflags, flt or fle, fsflags; after an op that may have raised some, before one more. */
static void test_quiet_compare(void **state)
{
    struct bench *t = *state;
    uint64_t special[CASES_MAX], cells[CELLS];
    unsigned n = cases_special(IR_f64, special);
    for (unsigned p = 0; p < ARRAY_LEN(places) * 6; p++) {
        const uint8_t *place = places[p % ARRAY_LEN(places)];
        uint8_t keep = (uint8_t)(p / ARRAY_LEN(places) % 3), result = (uint8_t)(keep + 1 + (p & 1));
        ir_begin(t->build);
        add(t->build, &(struct insn){.op = IR_FDIV, .type = IR_f64, .d = 13, .a = place[0], .b = place[3]}, 0);
        add(t->build, &(struct insn){.op = IR_FXGET, .how = 1, .d = keep}, 1);
        add(t->build,
            &(struct insn){.op = p & 1 ? IR_FLE : IR_FLT, .type = IR_f64, .how = IR_signalling, .d = result, .a = place[1], .b = place[2]},
            2);
        add(t->build, &(struct insn){.op = IR_FXSET, .how = 1, .a = p >= ARRAY_LEN(places) * 3 && p % 5 == 0 ? result : keep}, 3);
        add(t->build, &(struct insn){.op = IR_FMUL, .type = IR_f64, .d = 14, .a = place[1], .b = place[3]}, 4);
        struct ir_block *block = finish(t->build);
        emit(t, block);
        for (unsigned j = 0; j < n * n; j++) {
            if (j % 64 == 0)
                random_cells(&t->random, cells);
            cells[F + place[2]] = special[j / n];
            cells[F + place[1]] = special[j % n];
            check(t, block, cells, cases_next(&t->random) & 31);
        }
    }
}

static struct insn random_insn(struct cases_random *r)
{
    static const uint8_t floats[] = {IR_FADD, IR_FSUB, IR_FMUL, IR_FDIV, IR_FSQRT, IR_FMA,  IR_FMIN,   IR_FMAX,  IR_FABS,
                                     IR_FNEG, IR_FEQ,  IR_FLT,  IR_FLE,  IR_MOV,   IR_BITS, IR_INSERT, IR_FROUND},
                         others[] = {IR_FTOF, IR_FTOI, IR_ITOF, IR_FROM, IR_FXGET, IR_FXSET, IR_FXOR, IR_ADD, IR_FCLASS};
    struct insn i = {.type = cases_below(r, 2) ? IR_f32 : IR_f64,
                     .d = (uint8_t)cases_below(r, 16),
                     .a = (uint8_t)cases_below(r, 16),
                     .b = (uint8_t)cases_below(r, 16),
                     .c = (uint8_t)cases_below(r, 16)};
    bool other = cases_below(r, 3) == 0;
    i.op = other ? others[cases_below(r, ARRAY_LEN(others))] : floats[cases_below(r, ARRAY_LEN(floats))];
    i.how = (uint8_t)(i.op == IR_FMA ? cases_below(r, 4) : cases_below(r, 2));
    i.rm = (uint8_t)(cases_below(r, 8) ? IR_rne : cases_below(r, 5));
    unsigned word = cases_below(r, 2) ? IR_i32 : IR_i64;
    if (i.op == IR_FTOF) {
        i.from = i.type == IR_f32 ? IR_f64 : IR_f32;
    } else if (i.op == IR_FTOI) {
        i.from = i.type;
        i.type = (uint8_t)word;
        i.rm = cases_below(r, 3) ? IR_rtz : i.rm;
    } else if (i.op == IR_ITOF || i.op == IR_FROM) {
        i.from = (uint8_t)(i.op == IR_ITOF ? word : i.type == IR_f32 ? IR_i32 : IR_i64);
    }
    return i;
}

static void test_sequences(void **state)
{
    struct bench *t = *state;
    uint64_t cells[CELLS];
    for (unsigned n = 0; n < 3000; n++) {
        ir_begin(t->build);
        for (unsigned i = 0, length = 1 + cases_below(&t->random, 24); i < length; i++) {
            struct insn insn = random_insn(&t->random);
            add(t->build, &insn, i);
        }
        struct ir_block *block = finish(t->build);
        emit(t, block);
        for (unsigned j = 0; j < 20; j++) {
            random_cells(&t->random, cells);
            check(t, block, cells, cases_next(&t->random) & 31);
        }
    }
    assert_int_not_equal(t->restarts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arithmetic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiply_add, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extremes_signs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_convert, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quiet_compare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sequences, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
