/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The life of emitted code: links, their undoing, the jump cache, polls, and code memory that is used again and again. Random graphs of
 * blocks run in both tiers while blocks are dropped, undone and recycled under them; nothing of that may show. SEED=N repeats a run.
 */
#include "base/bits.h"
#include "ir/eval.h"
#include "jit_random.h"
#include "os/os.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PAGES = 2,
    SLOTS = 32,
    SLOT = MEM_PAGE / SLOTS,
    BLOCKS = PAGES * SLOTS,
    STOP = BLOCKS - 1,
    CODE = 3 << 20,
    BIG = 400,
    MAX_FORMS = 512
};

struct fixture {
    struct random r;
    uint64_t seed;
    struct guest guest;
    uint16_t pins[10];
    struct rig_side native, oracle;
    struct jit_jump jumps[JIT_JUMPS];
    struct jit_cache *cache;
    struct jit_compiler *compiler;
    struct jit_reader reader;
    uint64_t epoch;
    struct jit_exit *exit;
    struct ir_block *master[BLOCKS]; /* the cache gets copies */
    struct jit_block *blocks[BLOCKS];
    bool cold[BLOCKS];              /* to be left to tier 0 */
    unsigned visits[BLOCKS], links; /* of the loop below: entries by way of it, exits that asked for a link */
    unsigned hot, churn;            /* runs before a block is compiled; chance in 1000 for each turn of the loop */
    struct form forms[MAX_FORMS];
    unsigned nforms;
    gpa big_at;
};

static gva va_of(unsigned block) { return RIG_VA + (uint64_t)block * SLOT; }
static gpa pa_of(unsigned block) { return rig_translate(block / SLOTS) + (uint64_t)(block % SLOTS) * SLOT; }

static void forget_jumps(struct fixture *f)
{
    for (unsigned i = 0; i < JIT_JUMPS; i++)
        f->jumps[i].pc = jit_jump_none(i);
}

static void collect_forms(struct fixture *f)
{
    unsigned n = random_forms(f->forms, MAX_FORMS);
    for (unsigned i = 0; i < n; i++) {
        const struct form *form = &f->forms[i];
        bool stays = !(ir_sigs[form->op].flags & (IR_F_T | IR_F_E)) && form->op != IR_BRANCH_IF && form->op != IR_BRANCH_CMP;
        if (stays && form->op != IR_CALL)
            f->forms[f->nforms++] = *form;
    }
    assert_int_not_equal(f->nforms, 0);
}

static int setup(void **state)
{
    static const struct os_vclock stopped = {1ull << 63 | 777};
    static const uint16_t pins[10] = {3, 0, 7, RIG_BUDGET, 1, 21, 12, 27, 2, 9};
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = {0};
    assert_non_null(f);
    f->seed = f->r.state = random_seed("jit_code");
    memcpy(f->pins, pins, sizeof pins);
    rig_guest(&f->guest, f->pins, ARRAY_LEN(f->pins));
    assert_int_equal(rig_side_init(&f->native, &f->guest), 0);
    assert_int_equal(rig_side_init(&f->oracle, &f->guest), 0);
    f->native.cpu->clock = f->oracle.cpu->clock = &stopped;
    f->native.cpu->jumps = f->jumps;
    assert_int_equal(jit_cache_new(&f->cache, f->native.space, 64 << 20), 0);
    assert_int_equal(jit_compiler_new(&f->compiler, f->cache, &f->guest, &(struct jit_setup){.size = CODE}, &err), 0);
    jit_reader_add(f->cache, &f->reader);
    f->big_at = rig_translate(RIG_ram2);
    f->hot = 1;
    forget_jumps(f);
    collect_forms(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    jit_compiler_free(f->compiler);
    jit_cache_free(f->cache);
    rig_side_fini(&f->native);
    rig_side_fini(&f->oracle);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(f->master[i]);
    free(f);
    return 0;
}

/* ---- blocks ---- */

static struct ir_block *block_new(unsigned nops, unsigned ninsns)
{
    struct ir_block *b = calloc(1, sizeof *b + nops * sizeof *b->ops + ninsns * sizeof *b->insns);
    assert_non_null(b);
    b->ops = (struct ir_op *)(b + 1);
    b->insns = (struct ir_insn *)(void *)(b->ops + nops);
    return b;
}

static struct ir_op plain_op(unsigned op, unsigned type)
{
    return (struct ir_op){.op = (uint8_t)op, .type = (uint8_t)type, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .d = IR_NONE};
}

static void append(struct ir_block *b, struct ir_op o) { b->ops[b->nops++] = o; }

/* %BUDGET -= 1; 0: to STOP. Every block begins so. */
static void begin_block(struct ir_block *b, unsigned block)
{
    struct ir_op add = plain_op(IR_ADD, IR_i64), stop = plain_op(IR_BRANCH_CMP, IR_i64);
    add.a = add.d = RIG_BUDGET;
    add.b = stop.b = IR_CONST;
    add.imm = UINT64_MAX;
    stop.a = RIG_BUDGET;
    stop.d = 1;
    stop.s[0] = IR_CC_eq;
    stop.imm = (uint32_t)((STOP - (int)block) * SLOT);
    b->insns[b->ninsns++] = (struct ir_insn){0, 0};
    append(b, add);
    append(b, stop);
}

static void branch_to(struct ir_block *b, unsigned block, unsigned to, unsigned op, unsigned condition)
{
    struct ir_op o = plain_op(op, IR_none);
    o.a = (uint16_t)condition;
    o.d = b->ninsns;
    o.imm = (uint64_t)(int64_t)(((int)to - (int)block) * SLOT);
    append(b, o);
}

static void jump_to(struct ir_block *b, unsigned to)
{
    struct ir_op k = plain_op(IR_K, IR_i64), jump = plain_op(IR_JUMP, IR_none);
    k.d = jump.a = RIG_CELLS + 1;
    k.imm = va_of(to);
    jump.d = b->ninsns;
    append(b, k);
    append(b, jump);
}

static unsigned near_block(struct fixture *f, unsigned block)
{
    unsigned page = random_percent(&f->r, 80) ? block / SLOTS : (unsigned)random_below(&f->r, PAGES);
    return page * SLOTS + (unsigned)random_below(&f->r, SLOTS);
}

static struct ir_block *random_master(struct fixture *f, unsigned block)
{
    uint64_t frame[RIG_CELLS] = {0};
    struct ir_block *random = random_block(&f->r, frame, va_of(block), f->forms, f->nforms, 1 + (unsigned)random_below(&f->r, 8), NULL);
    struct ir_block *b = block_new(random->nops + 8u, random->ninsns + 1u);
    begin_block(b, block);
    unsigned nops = random->nops - 1u; /* without the op that leaves, nor a helper's call in front of it */
    while (nops && random->ops[nops - 1].op == IR_CALL)
        nops--;
    for (unsigned i = 0; i < random->ninsns; i++)
        b->insns[b->ninsns++] = (struct ir_insn){(uint16_t)(random->insns[i].op + 2), (int16_t)(random->insns[i].offset + 4)};
    for (unsigned i = 0; i < nops; i++)
        append(b, random->ops[i]);
    free(random);
    if (random_percent(&f->r, 70))
        branch_to(b, block, near_block(f, block), IR_BRANCH_IF, RIG_NARROW + (unsigned)random_below(&f->r, RIG_BOOLS - RIG_NARROW));
    if (random_percent(&f->r, 30))
        jump_to(b, near_block(f, block));
    else
        branch_to(b, block, near_block(f, block), IR_BRANCH, IR_NONE);
    ir_eval_prepare(b);
    return b;
}

static struct jit_block *block_at(struct fixture *f, gva pc)
{
    unsigned i = (unsigned)((pc - RIG_VA) / SLOT);
    assert_true(pc >= RIG_VA && i < BLOCKS && (pc - RIG_VA) % SLOT == 0 && f->master[i]);
    if (!f->blocks[i] || atomic_load(&f->blocks[i]->retired)) {
        jit_cache_watch(f->cache, align_down(pa_of(i), MEM_PAGE));
        f->blocks[i] = jit_cache_add(f->cache, pa_of(i), pa_of(i), 0, f->master[i], NULL, jit_cache_drops(f->cache));
        assert_non_null(f->blocks[i]);
    }
    f->visits[i]++;
    return f->blocks[i];
}

/* ---- what happens meanwhile ---- */

/* Fills code memory quickly: a block of BIG divisions, somewhere that nothing jumps to. */
static bool compile_big(struct fixture *f)
{
    struct ir_block *b = block_new(BIG + 1, 1);
    struct ir_op divide = plain_op(IR_STORE, IR_i64);
    divide.a = RIG_CELLS;
    divide.b = 1;
    for (unsigned i = 0; i < BIG; i++)
        append(b, divide);
    b->insns[b->ninsns++] = (struct ir_insn){0, 0};
    branch_to(b, 0, 1, IR_BRANCH, IR_NONE);
    ir_eval_prepare(b);
    struct jit_block *block = jit_cache_add(f->cache, f->big_at, f->big_at, 0, b, NULL, jit_cache_drops(f->cache));
    free(b);
    assert_non_null(block);
    f->big_at += 2;
    if (!(f->big_at & (MEM_PAGE - 1)))
        f->big_at -= MEM_PAGE;
    return jit_compile(f->compiler, NULL, block);
}

static void rewrite_page(struct fixture *f, unsigned page)
{
    mem_note_write(f->native.space, rig_translate(page), 1);
    jit_cache_renew(f->cache, NULL, NULL);
}

static void disturb(struct fixture *f)
{
    unsigned i = (unsigned)random_below(&f->r, BLOCKS);
    switch (random_below(&f->r, 4)) {
    case 0:
        if (f->blocks[i] && !atomic_load(&f->blocks[i]->retired))
            jit_compile_undo(f->compiler, f->blocks[i]);
        break;
    case 1: rewrite_page(f, i / SLOTS); break;
    default:
        for (unsigned n = 0; n < 12; n++)
            compile_big(f);
    }
    forget_jumps(f); /* jit_compile_undo alone opens no epoch */
}

/* ---- running ---- */

static void renew_epoch(struct fixture *f)
{
    uint64_t epoch = jit_cache_epoch(f->cache);
    if (epoch == f->epoch)
        return;
    forget_jumps(f);
    for (unsigned i = 0; i < BLOCKS; i++) /* retired ones may be freed from here on */
        if (f->blocks[i] && atomic_load(&f->blocks[i]->retired))
            f->blocks[i] = NULL;
    f->exit = NULL;
    f->epoch = epoch;
    jit_reader_quiet(f->cache, &f->reader, epoch);
}

static void turn(struct fixture *f)
{
    struct cpu *cpu = f->native.cpu;
    struct jit_block *block = block_at(f, cpu->pc);
    struct jit_exit *exit = f->exit;
    unsigned i = (unsigned)((cpu->pc - RIG_VA) / SLOT);
    f->exit = NULL;
    if (!atomic_load(&block->code) && !f->cold[i] && jit_policy_run(&block->heat, f->hot, 0))
        jit_compile(f->compiler, NULL, block);
    struct jit_code *code = atomic_load(&block->code);
    if (!code) {
        assert_int_not_equal(ir_eval(cpu, &block->ir), IR_EXIT_trap);
        return;
    }
    if (exit)
        jit_link(f->compiler, exit, block);
    f->jumps[jit_jump_index(cpu->pc)] = (struct jit_jump){cpu->pc, code->entry};
    enum jit_why why = jit_enter(f->compiler, cpu, code->entry);
    assert_int_not_equal(why, JIT_EXIT_trap);
    f->links += why == JIT_EXIT_link;
    if (why == JIT_EXIT_link)
        f->exit = cpu->jit_exit;
}

static void run_native(struct fixture *f)
{
    while (f->native.cpu->pc != va_of(STOP)) {
        renew_epoch(f);
        turn(f);
        if (random_below(&f->r, 1000) < f->churn)
            disturb(f);
    }
}

static void run_oracle(struct fixture *f)
{
    struct cpu *cpu = f->oracle.cpu;
    while (cpu->pc != va_of(STOP))
        ir_eval(cpu, f->master[(cpu->pc - RIG_VA) / SLOT]);
}

static void start(struct cpu *cpu, const uint64_t *frame, uint64_t budget)
{
    memcpy(cpu->cell, frame, RIG_CELLS * sizeof *frame);
    cpu->cell[RIG_CELLS] = 0;
    cpu->cell[RIG_BUDGET] = budget;
    cpu->pc = va_of(0);
    cpu->insns = cpu->fx = 0;
}

static void run_both(struct fixture *f, uint64_t budget)
{
    uint64_t frame[RIG_CELLS];
    random_frame(&f->r, frame);
    start(f->native.cpu, frame, budget);
    start(f->oracle.cpu, frame, budget);
    run_oracle(f);
    run_native(f);
    for (unsigned i = 0; i < RIG_CELLS; i++)
        if (f->native.cpu->cell[i] != f->oracle.cpu->cell[i])
            fail_msg("SEED=%" PRIu64 ": %%%u: native 0x%" PRIx64 ", evaluator 0x%" PRIx64, f->seed, i, f->native.cpu->cell[i],
                     f->oracle.cpu->cell[i]);
    assert_int_equal(f->native.cpu->insns, f->oracle.cpu->insns);
    assert_int_equal(f->native.cpu->fx, f->oracle.cpu->fx);
}

/* ---- tests ---- */

static void random_graphs(void **state)
{
    struct fixture *f = *state;
    struct jit_counts counts;
    for (unsigned graph = 0; graph < 24; graph++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            free(f->master[i]);
            f->master[i] = random_master(f, i);
        }
        rewrite_page(f, 0);
        rewrite_page(f, 1);
        f->hot = graph % 3 ? 1 + (unsigned)random_below(&f->r, 4) : 1;
        f->churn = graph % 4 ? (unsigned)random_below(&f->r, 200) : 0;
        for (unsigned i = 0; i < 6; i++)
            run_both(f, 1 + random_below(&f->r, 3000));
    }
    jit_compiler_counts(f->compiler, &counts);
    assert_true(counts.linked > 100 && counts.undone > 100 && counts.recycled > 3);
}

/* 0 -> 1 -> 2 -> 0, all linked. */
static void make_ring(struct fixture *f)
{
    for (unsigned i = 0; i < 3; i++) {
        struct ir_block *b = block_new(3, 1);
        begin_block(b, i);
        branch_to(b, i, (i + 1) % 3, IR_BRANCH, IR_NONE);
        ir_eval_prepare(b);
        f->master[i] = b;
    }
    for (unsigned n = 0; n < 3; n++)
        run_both(f, 50);
    memset(f->visits, 0, sizeof f->visits);
    f->links = 0;
}

static void linked_blocks_stay_inside(void **state)
{
    struct fixture *f = *state;
    make_ring(f);
    run_both(f, 1000);
    assert_int_equal(f->visits[0] + f->visits[1] + f->visits[2], 1);
    assert_int_equal(f->links, 0);
}

static void undone_code_is_never_entered(void **state)
{
    struct fixture *f = *state;
    make_ring(f);
    f->cold[1] = true;
    jit_compile_undo(f->compiler, f->blocks[1]);
    forget_jumps(f);
    assert_null(atomic_load(&f->blocks[1]->code));
    run_both(f, 301);
    assert_int_equal(f->visits[1], 100);
    f->cold[1] = false;
    run_both(f, 30);
    f->visits[0] = f->visits[1] = f->visits[2] = 0;
    run_both(f, 1000);
    assert_int_equal(f->visits[0] + f->visits[1] + f->visits[2], 1);
}

static void dropped_blocks_are_unlinked(void **state)
{
    struct fixture *f = *state;
    make_ring(f);
    rewrite_page(f, 0);
    assert_true(atomic_load(&f->blocks[0]->retired) && !atomic_load(&f->blocks[0]->code));
    assert_false(jit_compile(f->compiler, NULL, f->blocks[0])); /* it has gone */
    run_both(f, 50);
    run_both(f, 50);
    f->visits[0] = f->visits[1] = f->visits[2] = 0;
    run_both(f, 1000);
    assert_int_equal(f->visits[0] + f->visits[1] + f->visits[2], 1);
}

/* A block that may not be linked to: another mode, two pages, the wrong place, another page, none at all. */
static void links_that_would_be_wrong(void **state)
{
    struct fixture *f = *state;
    struct jit_counts counts;
    const struct {
        gpa at, second;
        uint64_t key;
    } wrong[] = {{pa_of(1), pa_of(1), 5}, {pa_of(1), pa_of(1) + 4096, 0}, {pa_of(2), pa_of(2), 0}, {pa_of(1 + SLOTS), pa_of(1 + SLOTS), 0}};
    make_ring(f);
    jit_compile_undo(f->compiler, f->blocks[1]);
    forget_jumps(f);
    start(f->native.cpu, (uint64_t[RIG_CELLS]){0}, 100);
    turn(f);
    assert_ptr_equal(f->exit, f->native.cpu->jit_exit);
    struct jit_exit *exit = f->exit;
    jit_compiler_counts(f->compiler, &counts);
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
        struct jit_block *to = f->blocks[2];
        if (i != 2)
            to = jit_cache_add(f->cache, wrong[i].at, wrong[i].second, wrong[i].key, f->master[1], NULL, jit_cache_drops(f->cache));
        assert_true(jit_compile(f->compiler, NULL, to));
        jit_link(f->compiler, exit, to);
        assert_null(exit->to);
    }
    jit_link(f->compiler, exit, f->blocks[1]); /* without code */
    assert_null(exit->to);
    assert_true(jit_compile(f->compiler, NULL, f->blocks[1]));
    jit_link(f->compiler, exit, f->blocks[1]);
    assert_ptr_equal(exit->to, atomic_load(&f->blocks[1]->code));
    jit_link(f->compiler, exit, f->blocks[1]); /* again: nothing */
    struct jit_counts after;
    jit_compiler_counts(f->compiler, &after);
    assert_int_equal(after.linked, counts.linked + 1);
    /* Its own block's chunk is emptied while it is kept: nothing may be written there any more. */
    do {
        compile_big(f);
        jit_compiler_counts(f->compiler, &after);
    } while (after.recycled == counts.recycled);
    assert_null(exit->to);
    assert_true(jit_compile(f->compiler, NULL, f->blocks[1]));
    jit_link(f->compiler, exit, f->blocks[1]);
    assert_null(exit->to);
}

static void self_loop(struct fixture *f, bool indirect)
{
    struct ir_block *b = block_new(4, 1);
    begin_block(b, 0);
    if (indirect)
        jump_to(b, 0);
    else
        branch_to(b, 0, 0, IR_BRANCH, IR_NONE);
    ir_eval_prepare(b);
    f->master[0] = b;
    run_both(f, 10);
    run_both(f, 10);
    memset(f->visits, 0, sizeof f->visits);
    run_both(f, 1000);
    assert_int_equal(f->visits[0], 1);
}

static void send_event(void *arg)
{
    struct cpu *cpu = arg;
    usleep(5000);
    atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
}

/* A loop that goes on for ever by itself ends when an event comes, and pc and count are right. */
static void events_end_loops(void **state)
{
    struct fixture *f = *state;
    struct cpu *cpu = f->native.cpu;
    for (unsigned indirect = 0; indirect < 2; indirect++) {
        struct os_thread *thread;
        struct err err = {0};
        self_loop(f, indirect);
        start(cpu, (uint64_t[RIG_CELLS]){0}, UINT64_MAX);
        atomic_store(&cpu->events, 0);
        f->jumps[jit_jump_index(cpu->pc)] = (struct jit_jump){cpu->pc, atomic_load(&f->blocks[0]->code)->entry};
        assert_int_equal(os_thread_start(&thread, "event", send_event, cpu, &err), 0);
        enum jit_why why = jit_enter(f->compiler, cpu, atomic_load(&f->blocks[0]->code)->entry);
        os_thread_join(thread);
        assert_int_equal(why, indirect ? JIT_EXIT_branch : JIT_EXIT_poll);
        assert_int_equal(cpu->pc, va_of(0));
        assert_int_equal(cpu->insns, UINT64_MAX - cpu->cell[RIG_BUDGET]);
        atomic_store(&cpu->events, 0);
        free(f->master[0]);
        f->master[0] = NULL;
        rewrite_page(f, 0);
    }
}

/* The jump cache starts empty: a jump to any address, 0 above all, comes back. */
static void jumps_to_nowhere(void **state)
{
    struct fixture *f = *state;
    static const gva places[] = {0, 1, 2, 3, UINT64_MAX, MEM_PAGE * 2, MEM_PAGE * 2 + 2};
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        struct ir_block *b = block_new(2, 1);
        struct ir_op jump = plain_op(IR_JUMP, IR_none);
        jump.a = 0;
        jump.d = 1;
        append(b, jump);
        b->insns[b->ninsns++] = (struct ir_insn){0, 0};
        f->master[i] = b;
        start(f->native.cpu, (uint64_t[RIG_CELLS]){0}, 1);
        f->native.cpu->cell[0] = places[i];
        f->native.cpu->pc = va_of(i);
        struct jit_block *block = block_at(f, va_of(i));
        assert_true(jit_compile(f->compiler, NULL, block));
        assert_int_equal(jit_enter(f->compiler, f->native.cpu, atomic_load(&block->code)->entry), JIT_EXIT_branch);
        assert_int_equal(f->native.cpu->pc, places[i]);
        assert_int_equal(f->native.cpu->insns, 1);
    }
}

/* But for displacements: links are undone. */
static bool unchanged(const uint8_t *a, const uint8_t *b, unsigned n)
{
    unsigned differing = 0;
    for (unsigned i = 0; i < n; i++)
        differing += a[i] != b[i];
    return differing <= 8;
}

/* Code memory goes round many times; whoever is behind stops it, nobody else. */
static void memory_is_used_again(void **state)
{
    struct fixture *f = *state;
    struct jit_counts counts, after;
    make_ring(f);
    for (unsigned i = 0; i < 1200; i++) {
        compile_big(f);
        run_both(f, 20);
    }
    jit_compiler_counts(f->compiler, &counts);
    assert_true(counts.recycled > 20);
    while (atomic_load(&f->blocks[0]->code)) { /* so that it is among the newest from here on */
        renew_epoch(f);
        compile_big(f);
    }
    do {
        renew_epoch(f);
        run_both(f, 20);
    } while (!atomic_load(&f->blocks[0]->code));
    for (jit_compiler_counts(f->compiler, &counts), after = counts; after.recycled == counts.recycled;) { /* to the chunk behind its */
        compile_big(f);
        jit_compiler_counts(f->compiler, &after);
    }
    renew_epoch(f); /* from here on the reader does not look any more: it may still be in this code */
    const uint8_t *entry = atomic_load(&f->blocks[0]->code)->entry;
    uint8_t bytes[64];
    memcpy(bytes, entry, sizeof bytes);
    bool refused = false;
    for (unsigned i = 0; i < 200; i++)
        refused |= !compile_big(f);
    assert_true(refused);
    assert_null(atomic_load(&f->blocks[0]->code));      /* nobody gets there, */
    assert_true(unchanged(bytes, entry, sizeof bytes)); /* but it stands */
    for (unsigned i = 0; i < 100; i++) {
        renew_epoch(f);
        refused = !compile_big(f);
    }
    assert_false(refused);
}

/* A block whose code does not fit costs neither memory nor time at each run. */
static void too_long_a_block(void **state)
{
    struct fixture *f = *state;
    struct ir_block *b = block_new(3001, 1);
    struct jit_counts before, after;
    for (unsigned i = 0; i < 3000; i++) {
        struct ir_op load = plain_op(IR_LOAD, IR_i64);
        load.a = RIG_CELLS;
        load.d = 1;
        append(b, load);
    }
    b->insns[b->ninsns++] = (struct ir_insn){0, 0};
    branch_to(b, 0, 1, IR_BRANCH, IR_NONE);
    ir_eval_prepare(b);
    struct jit_block *block = jit_cache_add(f->cache, pa_of(0), pa_of(0), 0, b, NULL, jit_cache_drops(f->cache));
    free(b);
    jit_compiler_counts(f->compiler, &before);
    for (unsigned i = 0; i < 100; i++) {
        block->heat.level = 100;
        assert_false(jit_compile(f->compiler, NULL, block));
        assert_int_equal(block->heat.level, 0);
    }
    assert_null(atomic_load(&block->code));
    jit_compiler_counts(f->compiler, &after);
    assert_int_equal(after.compiled, before.compiled);
    assert_int_equal(after.code_bytes, before.code_bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(random_graphs),
        TEST(linked_blocks_stay_inside),
        TEST(undone_code_is_never_entered),
        TEST(dropped_blocks_are_unlinked),
        TEST(events_end_loops),
        TEST(links_that_would_be_wrong),
        TEST(jumps_to_nowhere),
        TEST(memory_is_used_again),
        TEST(too_long_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
