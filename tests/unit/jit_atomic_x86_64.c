/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Atomic ops of two vCPUs that share memory and monitor, one after the other in random order, each in emitted code or by the evaluator.
 * A model says what every op gives: above all when SC succeeds, whichever of the two ways did LL, SC and the writes between. Then both
 * vCPUs at once, in threads: nothing that LL/SC, AMO and CAS add to a word gets lost. SEED=N repeats a run.
 */
#include "base/bits.h"
#include "ir/eval.h"
#include "jit_random.h"
#include "os/os.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h> /* after what it needs */

enum { ADDRESS, VALUE, DESIRED, RESULT, SCRATCH, CPUS = 2, WORDS = 4, LINE = 64, STEPS = 60000, ROUNDS = 200000 };

struct reservation {
    bool valid, written; /* written: by an op that ends reservations */
    unsigned line, size;
    uint64_t value;
};

struct fixture {
    struct rig rig;
    struct random r;
    uint64_t seed, word[WORDS]; /* what memory has */
    struct reservation reservation[CPUS];
};

static const uint16_t pins[] = {VALUE, RESULT};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->seed = random_seed("jit_atomic_x86_64");
    f->r.state = f->seed;
    assert_int_equal(rig_init(&f->rig, pins, ARRAY_LEN(pins)), 0);
    f->rig.shared = true;
    f->rig.oracle.cpu->space = f->rig.native.space;
    f->rig.oracle.cpu->monitor = f->rig.native.monitor;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    free(f);
    return 0;
}

static struct cpu *cpu_of(struct fixture *f, unsigned n) { return n ? f->rig.oracle.cpu : f->rig.native.cpu; }

/* Two words in each of two lines. */
static gva address(unsigned word) { return RIG_VA + word / 2 * LINE + word % 2 * 8; }

static struct ir_block *block_of(const struct ir_op *ops, unsigned n)
{
    struct ir_block *b = calloc(1, sizeof *b + (n + 1) * sizeof *b->ops + sizeof *b->insns);
    assert_non_null(b);
    *b = (struct ir_block){.nops = (uint16_t)(n + 1), .ninsns = 1, .ops = (struct ir_op *)(b + 1)};
    b->insns = (struct ir_insn *)(void *)(b->ops + n + 1);
    memcpy(b->ops, ops, n * sizeof *ops);
    b->ops[n] = (struct ir_op){.op = IR_BRANCH, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .d = 1, .imm = 4};
    ir_eval_prepare(b);
    return b;
}

static void begin(struct cpu *cpu)
{
    cpu->pc = cpu->page = 0x1000;
    cpu->trapped = false;
}

static void run(struct fixture *f, struct cpu *cpu, const struct ir_op *op, bool native)
{
    struct ir_block *b = block_of(op, 1);
    begin(cpu);
    if (native) {
        assert_true(rig_emit(&f->rig, b, 0));
        jit_host->enter(f->rig.memory.exec, cpu, f->rig.memory.exec + f->rig.code);
    } else {
        ir_eval(cpu, b);
    }
    assert_false(cpu->trapped);
    free(b);
}

/* ---- the model ---- */

static void wrote(struct fixture *f, unsigned word)
{
    for (unsigned i = 0; i < CPUS; i++)
        f->reservation[i].written |= f->reservation[i].line == word / 2;
}

static uint64_t combined(unsigned amo, unsigned size, uint64_t old, uint64_t v)
{
    int64_t a = bits_sext(old, size * 8), b = bits_sext(v, size * 8);
    switch (amo) {
    case IR_AMO_swap: return v;
    case IR_AMO_add: return old + v;
    case IR_AMO_and: return old & v;
    case IR_AMO_or: return old | v;
    case IR_AMO_xor: return old ^ v;
    case IR_AMO_clr: return old & ~v;
    case IR_AMO_smin: return a < b ? old : v;
    case IR_AMO_smax: return a > b ? old : v;
    case IR_AMO_umin: return old < v ? old : v;
    default: return old > v ? old : v;
    }
}

/* Does to the model what the op must do; returns the op's result. */
static uint64_t model(struct fixture *f, unsigned n, const struct ir_op *op, unsigned word, uint64_t value, uint64_t desired)
{
    struct reservation *r = &f->reservation[n];
    unsigned size = op->s[op->op == IR_AMO] / 8;
    uint64_t old = bits_get(f->word[word], 0, size * 8), next = old;
    bool done = true;
    value = bits_get(value, 0, size * 8);
    switch (op->op) {
    case IR_LL: *r = (struct reservation){true, false, word / 2, size, old}; return old;
    case IR_SC:
        done = r->valid && !r->written && r->line == word / 2 && r->size == size && r->value == old;
        r->valid = false;
        next = value;
        break;
    case IR_CAS:
        done = old == value;
        next = desired;
        break;
    default: next = combined(op->s[0], size, old, value);
    }
    if (done) {
        f->word[word] = bits_set(f->word[word], 0, size * 8, next);
        wrote(f, word);
    }
    return op->op == IR_SC ? done : old;
}

static struct ir_op random_op(struct fixture *f, uint8_t width)
{
    struct ir_op op = {.type = IR_i64, .a = ADDRESS, .b = VALUE, .c = IR_NONE, .d = RESULT};
    op.s[0] = width;
    op.s[1] = MEM_natural;
    switch (random_below(&f->r, 7)) {
    case 0:
    case 1:
        op.op = IR_LL;
        op.b = IR_NONE;
        break;
    case 2:
    case 3:
    case 4: op.op = IR_SC; break;
    case 5:
        op.op = IR_CAS;
        op.c = DESIRED;
        break;
    default:
        op.op = IR_AMO;
        op.s[0] = (uint8_t)random_below(&f->r, 10);
        op.s[1] = width;
        op.s[2] = MEM_natural | MEM_acq;
    }
    return op;
}

static void interleaved(void **state)
{
    struct fixture *f = *state;
    unsigned done[2] = {0}, n = 0, word = 0;
    uint8_t width = 64;
    memset(f->rig.native.ram + (rig_translate(0) - rig_translate(1)), 0, MEM_PAGE); /* page 1 is the first in RAM */
    for (unsigned i = 0; i < STEPS; i++) {
        if (random_percent(&f->r, 40))
            n = (unsigned)random_below(&f->r, CPUS);
        if (random_percent(&f->r, 20))
            word = (unsigned)random_below(&f->r, random_percent(&f->r, 70) ? 2 : WORDS);
        if (random_percent(&f->r, 20))
            width ^= 32 ^ 64;
        bool native = random_percent(&f->r, 60);
        struct cpu *cpu = cpu_of(f, n);
        struct ir_op op = random_op(f, width);
        uint64_t value = random_percent(&f->r, 50) ? random_below(&f->r, 3) : random_value(&f->r), desired = random_below(&f->r, 3);
        cpu->cell[ADDRESS] = address(word);
        cpu->cell[VALUE] = value;
        cpu->cell[DESIRED] = desired;
        uint64_t expected = model(f, n, &op, word, value, desired);
        run(f, cpu, &op, native);
        uint64_t memory = le64_get(f->rig.native.ram + (rig_translate(0) - rig_translate(1)) + (address(word) - RIG_VA));
        if (cpu->cell[RESULT] != expected || memory != f->word[word])
            fail_msg("SEED=%" PRIu64 ", step %u: %s by vCPU %u, native %d, width %u: result 0x%" PRIx64 ", not 0x%" PRIx64
                     "; memory 0x%" PRIx64 ", not 0x%" PRIx64,
                     f->seed, i, ir_op_name(op.op), n, native, op.s[op.op == IR_AMO], cpu->cell[RESULT], expected, memory, f->word[word]);
        if (op.op == IR_SC)
            done[native] += expected != 0;
    }
    assert_true(done[0] > STEPS / 100 && done[1] > STEPS / 100); /* SC was tested both ways */
}

/* LL, a way out that is taken, SC: one of another block fails once, and then the LLs arm what it needs. */
static void left_between(void **state)
{
    struct fixture *f = *state;
    struct cpu *cpu = f->rig.native.cpu;
    const struct ir_op pair[] = {
        {.op = IR_LL, .type = IR_i64, .s = {64, MEM_natural}, .a = ADDRESS, .b = IR_NONE, .c = IR_NONE, .d = SCRATCH},
        {.op = IR_BRANCH_CMP, .type = IR_i64, .s = {IR_CC_eq}, .a = VALUE, .b = VALUE, .c = IR_NONE, .d = 1, .imm = 8},
        {.op = IR_SC, .type = IR_i64, .s = {64, MEM_natural}, .a = ADDRESS, .b = VALUE, .c = IR_NONE, .d = RESULT},
    };
    const struct ir_op add = {
        .op = IR_AMO, .type = IR_i64, .s = {IR_AMO_add, 64, MEM_natural}, .a = ADDRESS, .b = VALUE, .c = IR_NONE, .d = DESIRED};
    const struct ir_op load = {.op = IR_LOAD, .type = IR_i64, .a = ADDRESS, .b = IR_NONE, .c = IR_NONE, .d = SCRATCH};
    struct ir_block *block = block_of(pair, ARRAY_LEN(pair));
    for (unsigned i = 0; i < 16; i++) {
        bool native = i & 1, between = i & 2;
        unsigned tries = 0;
        cpu->reservation.strict = 0;
        cpu->cell[ADDRESS] = address(i / 4);
        cpu->cell[VALUE] = 0;
        run(f, cpu, &load, false); /* the TLB has the page */
        for (cpu->cell[RESULT] = 0; !cpu->cell[RESULT] && tries < 4; tries++) {
            begin(cpu);
            assert_true(rig_emit(&f->rig, block, 0));
            jit_host->enter(f->rig.memory.exec, cpu, f->rig.memory.exec + f->rig.code);
            assert_int_equal(cpu->reservation.valid, tries ? RESERVED_armed : RESERVED_open);
            if (between)
                run(f, cpu, &add, false);
            run(f, cpu, &pair[2], native);
        }
        assert_int_equal(tries, between ? 4 : 2);
        assert_int_equal(cpu->reservation.strict, RESERVED_STRICT - (tries - 1));
    }
    free(block);
}

/* ---- both at once ---- */

struct worker {
    struct fixture *f;
    struct cpu *cpu;
    const uint8_t *adds[3];
    struct ir_block *blocks[3];
    uint64_t added;
};

/* Adds by LL/SC, AMO and CAS in turns; which of the tiers, too. */
static void work(void *arg)
{
    struct worker *w = arg;
    struct cpu *cpu = w->cpu;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned how = i % 3;
        cpu->cell[ADDRESS] = address(0);
        cpu->cell[SCRATCH] = i % 5;
        begin(cpu);
        if (i % 7)
            jit_host->enter(w->f->rig.memory.exec, cpu, w->adds[how]);
        else
            ir_eval(cpu, w->blocks[how]);
        /* SC says whether it is done; AMO always is; CAS if it found what was loaded. */
        if (how == 0 ? cpu->cell[RESULT] != 0 : how == 1 || cpu->cell[RESULT] == cpu->cell[VALUE])
            w->added += i % 5;
    }
}

static void make_adds(struct fixture *f, struct worker *w)
{
    const struct ir_op ll[] = {
        {.op = IR_LL, .type = IR_i64, .s = {64, MEM_natural}, .a = ADDRESS, .b = IR_NONE, .c = IR_NONE, .d = VALUE},
        {.op = IR_ADD, .type = IR_i64, .a = VALUE, .b = SCRATCH, .c = IR_NONE, .d = VALUE},
        {.op = IR_SC, .type = IR_i64, .s = {64, MEM_natural}, .a = ADDRESS, .b = VALUE, .c = IR_NONE, .d = RESULT},
    };
    const struct ir_op amo[] = {
        {.op = IR_AMO, .type = IR_i64, .s = {IR_AMO_add, 64, MEM_natural}, .a = ADDRESS, .b = SCRATCH, .c = IR_NONE, .d = RESULT},
    };
    const struct ir_op cas[] = {
        {.op = IR_LOAD, .type = IR_i64, .a = ADDRESS, .b = IR_NONE, .c = IR_NONE, .d = VALUE},
        {.op = IR_ADD, .type = IR_i64, .a = VALUE, .b = SCRATCH, .c = IR_NONE, .d = DESIRED},
        {.op = IR_CAS, .type = IR_i64, .s = {64, MEM_natural}, .a = ADDRESS, .b = VALUE, .c = DESIRED, .d = RESULT},
    };
    w->blocks[0] = block_of(ll, ARRAY_LEN(ll));
    w->blocks[1] = block_of(amo, ARRAY_LEN(amo));
    w->blocks[2] = block_of(cas, ARRAY_LEN(cas));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(rig_emit(&f->rig, w->blocks[i], 0));
        w->adds[i] = f->rig.memory.exec + f->rig.code;
    }
}

static void together(void **state)
{
    struct fixture *f = *state;
    struct worker workers[CPUS] = {{.f = f, .cpu = f->rig.native.cpu}, {.f = f, .cpu = f->rig.oracle.cpu}};
    struct os_thread *threads[CPUS];
    uint8_t *word = f->rig.native.ram + (rig_translate(0) - rig_translate(1)), buffer[8] = {0};
    memcpy(word, buffer, sizeof buffer);
    make_adds(f, &workers[0]);
    memcpy(workers[1].adds, workers[0].adds, sizeof workers[0].adds);
    memcpy(workers[1].blocks, workers[0].blocks, sizeof workers[0].blocks);
    for (unsigned i = 0; i < CPUS; i++)
        assert_int_equal(os_thread_start(&threads[i], "adder", work, &workers[i], NULL), 0);
    for (unsigned i = 0; i < CPUS; i++)
        os_thread_join(threads[i]);
    assert_int_equal(le64_get(word), workers[0].added + workers[1].added);
    for (unsigned i = 0; i < 3; i++)
        free(workers[0].blocks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(interleaved, setup, teardown),
        cmocka_unit_test_setup_teardown(left_between, setup, teardown),
        cmocka_unit_test_setup_teardown(together, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
