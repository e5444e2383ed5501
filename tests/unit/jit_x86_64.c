/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Emitted code against the evaluator: random blocks over random frames, with other pinned registers for each series. SEED=N repeats a run.
 */
#include "base/bits.h"
#include "ir/eval.h"
#include "jit_random.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_FORMS = 512 };

struct fixture {
    struct rig rig;
    struct random r;
    struct form forms[MAX_FORMS], plain[MAX_FORMS], native[MAX_FORMS]; /* plain: those that nothing can stop */
    unsigned nforms, nplain;
    bool flat;   /* memory, of the rigs to come */
    bool floats; /* frames have vectors of floats that matter */
    uint64_t seed;
};

/* Pins of every class, but most of the wide registers. */
static void begin(struct fixture *f, unsigned npins)
{
    uint16_t pins[RIG_PINS];
    bool taken[RIG_CELLS] = {false};
    for (unsigned i = 0; i < npins;) {
        unsigned cell = (unsigned)random_below(&f->r, random_percent(&f->r, 80) ? RIG_WIDE : RIG_CELLS);
        if (taken[cell])
            continue;
        taken[cell] = true;
        pins[i++] = (uint16_t)cell;
    }
    assert_int_equal((f->flat ? rig_init_flat : rig_init)(&f->rig, pins, npins), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->seed = random_seed("jit_x86_64");
    f->r.state = f->seed;
    f->nforms = random_forms(f->forms, MAX_FORMS);
    assert_int_not_equal(f->nforms, 0);
    for (unsigned i = 0; i < f->nforms; i++) {
        const struct ir_sig *sig = &ir_sigs[f->forms[i].op];
        if ((sig->flags & IR_F_P) || sig->in[0] == 'F' || !(sig->flags & (IR_F_T | IR_F_E)))
            if (f->forms[i].op != IR_BRANCH_IF && f->forms[i].op != IR_BRANCH_CMP && f->forms[i].op != IR_CALL)
                f->plain[f->nplain++] = f->forms[i];
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static gva random_pc(struct fixture *f)
{
    gva page = random_percent(&f->r, 80)   ? RIG_VA
               : random_percent(&f->r, 50) ? UINT64_C(0xffffffff80204000)
                                           : align_down(random_value(&f->r), MEM_PAGE);
    return page + 2 * random_below(&f->r, MEM_PAGE / 2);
}

static void forget_tlb(struct fixture *f)
{
    rig_tlb_forget(&f->rig.native, f->rig.native.cpu->tlb);
    rig_tlb_forget(&f->rig.oracle, f->rig.oracle.cpu->tlb);
}

/* by_op: the evaluator has no short cuts, every op is ir_op_run's. */
static void prepare(struct ir_block *block, bool by_op)
{
    ir_eval_prepare(block);
    for (unsigned i = 0; by_op && i < block->nops; i++) {
        const struct ir_op *o = &block->ops[i];
        if (!(ir_sigs[o->op].flags & IR_F_E) && o->op != IR_TRAP_IF && o->op != IR_BRANCH_IF && o->op != IR_BRANCH_CMP)
            block->ops[i].handler = 0;
    }
}

/* It might never come back: an event ends the first round. */
static bool goes_round(const struct ir_block *block)
{
    for (unsigned i = 0; i < block->nops; i++) {
        const struct ir_op *o = &block->ops[i];
        if ((o->op == IR_BRANCH || o->op == IR_BRANCH_IF) ? !o->imm : o->op == IR_BRANCH_CMP && !(uint32_t)o->imm)
            return true;
    }
    return false;
}

static uint64_t float_lane(struct random *r, bool wide)
{
    static const uint32_t singles[] = {0,          1,          0x007fffff, 0x00800000, 0x00800001, 0x3f800000, 0x3f7fffff, 0x3f800001,
                                       0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f812345, 0x20000000, 0x1f800000, 0x4f000000, 0x3f000000};
    static const uint64_t doubles[] = {0,
                                       1,
                                       0x000fffffffffffff,
                                       0x0010000000000000,
                                       0x0010000000000001,
                                       0x3ff0000000000000,
                                       0x3fefffffffffffff,
                                       0x7fefffffffffffff,
                                       0x7ff0000000000000,
                                       0x7ff8000000000000,
                                       0x7ff0000012345678,
                                       0x2000000000000000,
                                       0x3810000000000000,
                                       0x380fffffffffffff,
                                       0x3fe0000000000000,
                                       0x1ff0000000000000};
    uint64_t sign = random_below(r, 2) << (wide ? 63 : 31);
    if (random_percent(r, 25))
        return wide ? random_next(r) : (uint32_t)random_next(r);
    return sign | (wide ? doubles[random_below(r, ARRAY_LEN(doubles))] : singles[random_below(r, ARRAY_LEN(singles))]);
}

/* Vectors of floats; half of the frames have no NaN. */
static void float_frame(struct fixture *f, uint64_t *frame)
{
    bool nan_free = random_percent(&f->r, 50);
    for (unsigned i = RIG_BOOLS; i < RIG_PAIRS; i++) {
        bool wide = random_percent(&f->r, 50);
        do
            frame[i] = wide ? float_lane(&f->r, true) : float_lane(&f->r, false) << 32 | float_lane(&f->r, false);
        while (nan_free && ((frame[i] >> 52 & 0x7ff) == 0x7ff || (frame[i] >> 55 & 0xff) == 0xff || (frame[i] >> 23 & 0xff) == 0xff));
    }
}

static void one(struct fixture *f, const struct form *forms, unsigned nforms, unsigned nops, const struct form *sure)
{
    uint64_t frame[RIG_CELLS];
    unsigned bad;
    const char *why;
    random_frame(&f->r, frame);
    if (f->floats)
        float_frame(f, frame);
    gva pc = random_pc(f);
    struct ir_block *block = random_block(&f->r, frame, pc, forms, nforms, nops, sure);
    assert_non_null(block);
    if (!ir_verify(block, RIG_CELLS, HELPERS, &bad, &why)) {
        ir_print(stderr, block);
        fail_msg("op %u: %s", bad, why);
    }
    prepare(block, random_percent(&f->r, 50));
    if (random_percent(&f->r, 20))
        forget_tlb(f);
    bool event = random_percent(&f->r, 20) || goes_round(block);
    if (!rig_check(&f->rig, block, frame, pc, event ? 1u << random_below(&f->r, 32) : 0))
        fail_msg("SEED=%" PRIu64 " (see above)", f->seed);
    free(block);
}

/* Each op in each type, among ops that surely run up to it. */
static void every_form(void **state)
{
    struct fixture *f = *state;
    for (unsigned series = 0; series < 6; series++) {
        begin(f, (unsigned)(series == 0 ? 0 : series == 1 ? RIG_PINS : random_below(&f->r, RIG_PINS)));
        for (unsigned i = 0; i < f->nforms * 16; i++)
            one(f, f->plain, f->nplain, 1 + (unsigned)random_below(&f->r, 6), &f->forms[i / 16]);
        rig_fini(&f->rig);
    }
}

static void random_blocks(void **state)
{
    struct fixture *f = *state;
    for (unsigned series = 0; series < 30; series++) {
        begin(f, (unsigned)random_below(&f->r, RIG_PINS + 1));
        for (unsigned i = 0; i < 500; i++)
            one(f, f->forms, f->nforms, 1 + (unsigned)random_below(&f->r, 12), NULL);
        rig_fini(&f->rig);
    }
}

/* Integer ops, memory and branches only, most of them lowered without C: values stay in registers for long. With some calls between. */
static void native_blocks(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;
    for (unsigned i = 0; i < f->nforms; i++) {
        const struct form *form = &f->forms[i];
        bool narrow = !form->source && (form->type == IR_i32 || form->type == IR_i64);
        if (form->op < IR_FADD && narrow && form->op != IR_TRAP && (ir_sigs[form->op].flags & (IR_F_P | IR_F_R | IR_F_W)))
            f->native[n++] = *form;
    }
    for (unsigned i = 0; i < 4; i++)
        f->native[n++] = (struct form){.op = IR_CALL};
    for (unsigned series = 0; series < 10; series++) {
        begin(f, 10);
        for (unsigned i = 0; i < 800; i++)
            one(f, f->native, n, 2 + (unsigned)random_below(&f->r, 24), NULL);
        rig_fini(&f->rig);
    }
}

/* Accesses through the same registers, which one look at the TLB is for. */
static void many_accesses(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;
    for (unsigned i = 0; i < f->nforms; i++) {
        const struct form *form = &f->forms[i];
        bool access = form->op == IR_LOAD || form->op == IR_LOADZ || form->op == IR_LOADS || form->op == IR_STORE || form->op == IR_STOREN;
        if (access || (form->type == IR_i64 && !form->source && (form->op == IR_MOV || form->op == IR_XOR || form->op == IR_BRANCH_CMP)))
            f->native[n++] = *form;
    }
    for (unsigned series = 0; series < 10; series++) {
        begin(f, (unsigned)random_below(&f->r, RIG_PINS + 1));
        for (unsigned i = 0; i < 1000; i++)
            one(f, f->native, n, 4 + (unsigned)random_below(&f->r, 24), NULL);
        rig_fini(&f->rig);
    }
}

/* Faults at accesses of all kinds, among ops that leave values in registers. */
static void flat_memory(void **state)
{
    struct fixture *f = *state;
    f->flat = RIG_FLAT;
    every_form(state);
    random_blocks(state);
    native_blocks(state);
}

static void float_lanes(void **state)
{
    struct fixture *f = *state;
    struct form forms[16];
    unsigned n = 0;
    f->floats = true;
    for (unsigned op = IR_VFADD; op < IR_OPS; op++)
        forms[n++] = (struct form){.op = (uint8_t)op, .type = IR_v128};
    for (unsigned series = 0; series < 4; series++) {
        begin(f, (unsigned)random_below(&f->r, RIG_PINS + 1));
        for (unsigned i = 0; i < 4000; i++)
            one(f, forms, n, 1 + (unsigned)random_below(&f->r, 4), &forms[i % n]);
        rig_fini(&f->rig);
    }
}

static void long_blocks(void **state)
{
    struct fixture *f = *state;
    begin(f, 10);
    for (unsigned i = 0; i < 40; i++)
        one(f, f->plain, f->nplain, 300 + (unsigned)random_below(&f->r, 300), NULL);
    rig_fini(&f->rig);
}

/* ---- the fast path of memory: nothing but the TLB knows these pages, so a miss would trap ---- */

enum { HIT_PAGES = 4, HIT_SIZE = HIT_PAGES * MEM_PAGE };
#define HIT_VA UINT64_C(0xffffffd801fff000) /* kernels live there; the index wraps behind the first page */

static void fill_tlb(struct rig_side *side, const uint8_t *buffer)
{
    struct tlb *tlb = side->cpu->tlb;
    rig_tlb_forget(side, tlb);
    for (unsigned i = 0; i < HIT_PAGES; i++) {
        gva page = HIT_VA + (uint64_t)i * MEM_PAGE;
        struct tlb_entry e = {page, (uintptr_t)buffer + (uint64_t)i * MEM_PAGE - page};
        tlb->read[tlb_index(page)] = tlb->write[tlb_index(page)] = e;
    }
}

/* Only the second level knows them, and the last of them only to be read. `buffer` is at a page. */
static void fill_tlb2(struct rig_side *side, const uint8_t *buffer)
{
    struct tlb *tlb = side->cpu->tlb;
    rig_tlb_forget(side, tlb);
    for (unsigned i = 0; i < HIT_PAGES; i++) {
        gva page = HIT_VA + (uint64_t)i * MEM_PAGE;
        uint64_t addend = (uintptr_t)buffer + (uint64_t)i * MEM_PAGE - page;
        side->tlb2[tlb2_index(tlb, page)] = (struct tlb_entry){tlb2_tag(tlb, page), addend | (i == HIT_PAGES - 1 ? TLB2_READ_ONLY : 0)};
    }
}

static struct ir_block *access_block(const struct ir_op *access)
{
    struct ir_block *b = calloc(1, sizeof *b + 2 * sizeof *b->ops + sizeof *b->insns);
    assert_non_null(b);
    *b = (struct ir_block){.nops = 2, .ninsns = 1, .ops = (struct ir_op *)(b + 1)};
    b->insns = (struct ir_insn *)(void *)(b->ops + 2);
    b->ops[0] = *access;
    b->ops[1] = (struct ir_op){.op = IR_BRANCH, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .d = 1, .imm = 4};
    ir_eval_prepare(b);
    return b;
}

static void check_access(struct fixture *f, struct ir_op access, gva at, uint8_t *const buffers[2], bool hits)
{
    uint64_t frame[RIG_CELLS];
    struct random *r = &f->r;
    random_frame(r, frame);
    access.a = (uint16_t)(random_percent(r, 10) ? (uint64_t)RIG_CELLS : random_below(r, RIG_WIDE));
    access.b = ir_sigs[access.op].in[1] ? (uint16_t)random_below(r, RIG_WIDE) : (uint16_t)IR_NONE;
    access.c = IR_NONE;
    access.d =
        ir_sigs[access.op].out ? (uint16_t)(random_percent(r, 20) ? access.a % RIG_WIDE : random_below(r, RIG_WIDE)) : (uint16_t)IR_NONE;
    access.imm = random_percent(r, 30) ? random_value(r) : random_below(r, 4096) - 2048;
    if (access.a == RIG_CELLS)
        access.imm = at;
    else
        frame[access.a] = at - access.imm;
    struct ir_block *block = access_block(&access);
    bool ok =
        rig_check(&f->rig, block, frame, RIG_VA, 0) && f->rig.native.cpu->trapped == !hits && !memcmp(buffers[0], buffers[1], HIT_SIZE);
    free(block);
    if (!ok)
        fail_msg("SEED=%" PRIu64 ": %s.%s w %u at 0x%" PRIx64 " should have %s, or differs", f->seed, ir_op_name(access.op),
                 ir_type_name(access.type), access.s[0], at, hits ? "hit" : "missed");
}

static struct ir_op random_access(struct fixture *f, unsigned *size)
{
    static const struct ir_op accesses[] = {{.op = IR_LOAD, .type = IR_i64},  {.op = IR_LOAD, .type = IR_i32},
                                            {.op = IR_LOAD, .type = IR_f64},  {.op = IR_LOAD, .type = IR_f32},
                                            {.op = IR_STORE, .type = IR_i64}, {.op = IR_STORE, .type = IR_i32},
                                            {.op = IR_STORE, .type = IR_f64}, {.op = IR_STORE, .type = IR_f32}};
    static const uint8_t narrow[] = {IR_LOADZ, IR_LOADS, IR_STOREN};
    struct ir_op access = accesses[random_below(&f->r, ARRAY_LEN(accesses))];
    *size = access.type == IR_i64 || access.type == IR_f64 ? 8 : 4;
    if (random_percent(&f->r, 60)) {
        *size = 1u << random_below(&f->r, 3); /* the evaluator has no short cut for 64 */
        access = (struct ir_op){.op = narrow[random_below(&f->r, 3)], .type = IR_i64, .s = {(uint8_t)(8 * *size)}};
        if (access.op != IR_LOADS && random_percent(&f->r, 50))
            access.type = IR_i32;
    }
    return access;
}

static void buffers_new(struct fixture *f, uint8_t *buffers[2])
{
    buffers[0] = aligned_alloc(MEM_PAGE, HIT_SIZE);
    buffers[1] = aligned_alloc(MEM_PAGE, HIT_SIZE);
    assert_true(buffers[0] && buffers[1]);
    for (unsigned i = 0; i < HIT_SIZE; i++)
        buffers[0][i] = buffers[1][i] = (uint8_t)random_next(&f->r);
}

static void memory_hits(void **state)
{
    struct fixture *f = *state;
    uint8_t *buffers[2];
    buffers_new(f, buffers);
    for (unsigned series = 0; series < 8; series++) {
        begin(f, (unsigned)random_below(&f->r, RIG_PINS + 1));
        fill_tlb(&f->rig.native, buffers[0]);
        fill_tlb(&f->rig.oracle, buffers[1]);
        for (unsigned i = 0; i < 600; i++) {
            unsigned size;
            struct ir_op access = random_access(f, &size);
            unsigned page = (unsigned)random_below(&f->r, HIT_PAGES);
            gva in_page = random_percent(&f->r, 30) ? MEM_PAGE - size : random_below(&f->r, MEM_PAGE - size + 1);
            check_access(f, access, HIT_VA + (uint64_t)page * MEM_PAGE + in_page, buffers, true);
        }
        rig_fini(&f->rig);
    }
    free(buffers[0]);
    free(buffers[1]);
}

/* The evaluator looks at the first level only: filled, it says what a hit gives; empty, that the access traps. */
static void second_level(void **state)
{
    struct fixture *f = *state;
    uint8_t *buffers[2];
    buffers_new(f, buffers);
    for (unsigned series = 0; series < 4; series++) {
        begin(f, (unsigned)random_below(&f->r, RIG_PINS + 1));
        for (unsigned i = 0; i < 600; i++) {
            unsigned size, page = (unsigned)random_below(&f->r, HIT_PAGES);
            struct ir_op access = random_access(f, &size);
            bool crosses = size > 1 && random_percent(&f->r, 20);
            bool hits = !crosses && !((access.op == IR_STORE || access.op == IR_STOREN) && page == HIT_PAGES - 1);
            fill_tlb2(&f->rig.native, buffers[0]);
            if (hits)
                fill_tlb(&f->rig.oracle, buffers[1]);
            else
                rig_tlb_forget(&f->rig.oracle, f->rig.oracle.cpu->tlb);
            unsigned in_page = crosses ? MEM_PAGE - size / 2 : (unsigned)random_below(&f->r, MEM_PAGE - size + 1);
            check_access(f, access, HIT_VA + (uint64_t)page * MEM_PAGE + in_page, buffers, hits);
        }
        rig_fini(&f->rig);
    }
    free(buffers[0]);
    free(buffers[1]);
}

/* ---- ops that are emitted together, and what only looks like them ---- */

/* The ops, then a branch; on random frames, with random pins. */
static void check_text(struct fixture *f, const char *ops, unsigned times)
{
    char text[1024];
    unsigned line;
    snprintf(text, sizeof text, "@0:\n%s  BRANCH.none %%1 = imm=0x4\n", ops);
    struct ir_block *block = ir_parse(text, &line);
    assert_non_null(block);
    ir_eval_prepare(block);
    begin(f, (unsigned)random_below(&f->r, RIG_PINS + 1));
    for (unsigned i = 0; i < times; i++) {
        uint64_t frame[RIG_CELLS];
        random_frame(&f->r, frame);
        if (!rig_check(&f->rig, block, frame, RIG_VA, 0))
            fail_msg("SEED=%" PRIu64 ":\n%s", f->seed, text);
    }
    rig_fini(&f->rig);
    free(block);
}

/* Both halves of a round, one behind the other as ciphers have them. */
static void aes_halves(void **state)
{
    static const char *const rows[] = {
        "AES.i64 %%4 = %%1 %%2 s=%u,0,0,0\n  AES.i64 %%5 = %%2 %%1 s=%u,0,0,0\n",
        "AES.i64 %%4 = %%1 %%2 s=%u,0,0,0\n  AES.i64 %%2 = %%2 %%1 s=%u,0,0,0\n",
        "AES.i64 %%2 = %%1 %%2 s=%u,0,0,0\n  AES.i64 %%5 = %%2 %%1 s=%u,0,0,0\n",
        "AES.i64 %%1 = %%1 %%2 s=%u,0,0,0\n  AES.i64 %%5 = %%2 %%1 s=%u,0,0,0\n",
        "AES.i64 %%4 = %%1 %%2 s=%u,0,0,0\n  AES.i64 %%5 = %%1 %%2 s=%u,0,0,0\n",
        "AES.i64 %%45 = %%1 %%2 s=%u,0,0,0\n  AES.i64 %%5 = %%2 %%1 s=%u,0,0,0\n  XOR.i64 %%6 = %%45 %%5\n",
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows) * 25; i++) {
        char text[256];
        snprintf(text, sizeof text, rows[i % ARRAY_LEN(rows)], i / ARRAY_LEN(rows) % 5, i / ARRAY_LEN(rows) / 5);
        check_text(*state, text, 4);
    }
}

static void shifts_that_extend(void **state)
{
    static const char *const rows[] = {
        "SHL.i64 %%1 = %%2 # imm=%#x\n  %s.i64 %%1 = %%1 # imm=%#x\n", "SHL.i64 %%1 = %%1 # imm=%#x\n  %s.i64 %%1 = %%1 # imm=%#x\n",
        "SHL.i64 %%1 = %%2 # imm=%#x\n  %s.i64 %%3 = %%1 # imm=%#x\n", "SHL.i32 %%1 = %%2 # imm=%#x\n  %s.i64 %%1 = %%1 # imm=%#x\n",
        "SHL.i64 %%1 = %%2 # imm=%#x\n  %s.i32 %%1 = %%1 # imm=%#x\n", "SHL.i64 %%1 = %%2 # imm=%#x\n  %s.i64 %%1 = %%2 # imm=%#x\n"};
    static const unsigned left[] = {32, 48, 56, 31, 96}, right[] = {1, 24, 29, 31, 32, 33, 40, 48, 52, 56, 60, 63};
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned l = 0; l < ARRAY_LEN(left); l++)
            for (unsigned r = 0; r < 2 * ARRAY_LEN(right); r++) {
                char text[256];
                snprintf(text, sizeof text, rows[i], left[l], r & 1 ? "SAR" : "SHR", right[r / 2]);
                check_text(*state, text, 2);
            }
}

static void quotient_and_rest(void **state)
{
    static const char *const rows[] = {
        "DIV%1$c.%2$s %%3 = %%1 %%2\n  REM%1$c.%2$s %%4 = %%1 %%2\n",
        "REM%1$c.%2$s %%3 = %%1 %%2\n  ADD.i64 %%5 = %%5 %%3\n  DIV%1$c.%2$s %%1 = %%1 %%2\n",
        "REM%1$c.%2$s %%1 = %%1 %%2\n  DIV%1$c.%2$s %%3 = %%1 %%2\n",
        "DIV%1$c.%2$s %%2 = %%1 %%2\n  REM%1$c.%2$s %%3 = %%1 %%2\n",
        "DIV%1$c.%2$s %%3 = %%1 %%2\n  ADD.i64 %%2 = %%2 # imm=0x1\n  REM%1$c.%2$s %%4 = %%1 %%2\n",
        "DIV%1$c.%2$s %%3 = %%1 %%2\n  REM%1$c.%2$s %%4 = %%2 %%1\n",
        "DIVU.%2$s %%3 = %%1 %%2\n  REMS.%2$s %%4 = %%1 %%2\n",
        "DIV%1$c.%2$s %%3 = %%1 %%2 s=0,0,0,0\n  REM%1$c.i32 %%4 = %%1 %%2 s=1,0,0,0\n",
        "DIV%1$c.%2$s %%3 = %%1 # imm=0xa\n  REM%1$c.%2$s %%4 = %%1 # imm=0xa\n",
        "DIV%1$c.%2$s %%3 = %%1 # imm=0xa\n  REM%1$c.%2$s %%4 = %%1 # imm=0xb\n",
        "DIV%1$c.%2$s %%3 = %%1 %%2\n  REM%1$c.%2$s %%4 = %%1 %%2\n  DIV%1$c.%2$s %%5 = %%1 %%2\n  REM%1$c.%2$s %%6 = %%1 %%2\n",
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows) * 4; i++) {
        char text[256];
        snprintf(text, sizeof text, rows[i / 4], i & 1 ? 'U' : 'S', i & 2 ? "i32" : "i64");
        check_text(*state, text, 100);
    }
}

/* What is overwritten is seen by a way out in between. */
static void results_overwritten(void **state)
{
    static const char *const rows[] = {
        "ADD.i64 %1 = %2 %3\n  SUB.i64 %1 = %2 %3\n",
        "ADD.i64 %1 = %2 %3\n  BRANCH_CMP.i64 %0 = %4 %5 s=2,0,0,0 imm=0x8\n  SUB.i64 %1 = %2 %3\n",
        "ADD.i64 %1 = %2 %3\n  LOAD.i64 %4 = %5\n  SUB.i64 %1 = %2 %3\n",
        "ADD.i64 %1 = %2 %3\n  TRAP_IF.i1 - = %26 # imm=0x5\n  SUB.i64 %1 = %2 %3\n",
        "ADD.i64 %1 = %2 %3\n  CALL.i64 %7 = %1 %2 imm=0x1000000000000 s=2,0,0,0\n  SUB.i64 %1 = %2 %3\n",
        "ADD.i32 %1 = %2 %3 s=1,0,0,0\n  XOR.i64 %1 = %1 %4\n  SUB.i32 %1 = %1 %2 s=1,0,0,0\n",
        "ADD.i32 %1 = %2 %3 s=1,0,0,0\n  XOR.i64 %4 = %1 %4\n  SUB.i32 %1 = %1 %2 s=1,0,0,0\n",
        "ADD.i32 %1 = %2 %3 s=1,0,0,0\n  SHR.i64 %4 = %1 # imm=0x4\n  SUB.i32 %1 = %1 %2 s=1,0,0,0\n",
        "ADD.i32 %1 = %2 %3 s=1,0,0,0\n  EXTRACT.i64 %4 = %1 imm=0x1010\n  SUB.i32 %1 = %1 %2 s=1,0,0,0\n",
        "ADD.i32 %1 = %2 %3 s=1,0,0,0\n  EXTRACT.i64 %4 = %1 imm=0x1020\n  SUB.i32 %1 = %1 %2 s=1,0,0,0\n",
        "ADD.i32 %1 = %2 %3 s=1,0,0,0\n  SHL.i64 %4 = %5 %1\n  SUB.i32 %1 = %1 %2 s=1,0,0,0\n",
        "SEXT.i64 %1 = %2 s=0,0,0,2\n  SELECT.i64 %1 = %26 %1 %3\n  ADD.i32 %1 = %1 # imm=0x1 s=1,0,0,0\n",
        "SEXT.i64 %1 = %2 s=0,0,0,2\n  CONCAT.i64 %1 = %1 %1 s=0,0,0,2\n",
        "SEXT.i64 %30 = %2 s=0,0,0,2\n  XOR.i128 %32 = %30 %34\n  SEXT.i64 %30 = %3 s=0,0,0,2\n",
        "SEXT.i64 %31 = %2 s=0,0,0,2\n  XOR.i128 %32 = %30 %34\n  SEXT.i64 %31 = %3 s=0,0,0,2\n",
        "SHR.i32 %1 = %2 # imm=0x20 s=1,0,0,0\n  SHR.i32 %3 = %2 # imm=0x1 s=1,0,0,0\n",
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        check_text(*state, rows[i], 60);
}

static void choices(void **state)
{
    static const char *const compares[] = {"EQ", "NE", "SLT", "SLE", "ULT", "ULE"};
    static const char *const rows[] = {
        "%1$s.%2$s %%50 = %%1 %%2\n  SKIP.i1 - = %%50 imm=%3$#x s=%4$u,0,0,0\n  SELECT.i64 %%3 = %%50 %%3 %%4\n",
        "%1$s.%2$s %%50 = %%1 %%2\n  SKIP.i1 - = %%50 imm=%3$#x s=%4$u,0,0,0\n  SELECT.i64 %%3 = %%50 %%4 %%3\n",
        "%1$s.%2$s %%50 = %%1 # imm=0x7\n  SELECT.i64 %%3 = %%50 %%4 %%5\n  SKIP.i1 - = %%50 imm=%3$#x s=%4$u,0,0,0\n",
        ("ADD.i64 %%51 = %%1 %%2\n  %1$s.%2$s %%50 = %%1 %%2\n  SELECT.i64 %%1 = %%50 %%51 %%1\n  SELECT.i32 %%2 = %%50 %%1 %%51\n"
         "  SKIP.i1 - = %%50 imm=%3$#x s=%4$u,0,0,0\n"),
        "K.i64 %%51 = imm=0x%3$u7\n  %1$s.%2$s %%50 = %%1 # imm=0x%4$x\n  SELECT.i64 %%1 = %%50 %%1 %%51\n",
        "ADD.i64 %%51 = %%1 %%2\n  %1$s.%2$s %%50 = %%51 %%2\n  SELECT.i64 %%1 = %%50 %%1 %%51\n",
        "ADD.i64 %%51 = %%1 %%2\n  %1$s.%2$s %%50 = %%1 %%2\n  SELECT.i64 %%1 = %%50 %%1 %%51\n  XOR.i64 %%3 = %%51 %%50\n",
        "ADD.i64 %%51 = %%1 %%2\n  %1$s.%2$s %%50 = %%1 %%2\n  SELECT.i64 %%1 = %%50 %%1 %%51\n  XOR.i64 %%3 = %%51 %%1\n",
        "%1$s.%2$s %%50 = %%1 %%2\n  SKIP.i1 - = %%50 imm=%3$#x s=%4$u,0,0,0\n  SKIP.i1 - = %%50 imm=%3$#x s=%4$u,0,0,0\n",
        "%1$s.%2$s %%50 = %%1 %%2\n  SELECT.i64 %%3 = %%50 %%3 %%4\n  SELECT.i64 %%3 = %%50 %%3 %%5\n",
        "%1$s.%2$s %%50 = %%1 %%2\n  SELECT.i64 %%3 = %%50 %%3 %%50\n",
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows) * 96; i++) {
        char text[512];
        unsigned form = i / ARRAY_LEN(rows);
        snprintf(text, sizeof text, rows[i % ARRAY_LEN(rows)], compares[form % 6], form / 6 & 1 ? "i32" : "i64", form / 12 & 3,
                 form / 48 & 1);
        check_text(*state, text, 8);
    }
}

/* The same where tier 0 has seen them go one way only: whatever may leave the block behind that, or counts insns, must not notice. */
static void expected_choices(void **state)
{
    static const char *const seen[] = {"0,255", "255,0", "15,240", "240,15", "9,9"};
    static const char *const rows[] = {
        "  %1$s.i64 %%50 = %%1 %%2\n  SKIP.i1 - = %%50 imm=%4$u s=%2$u,%3$s,0\n  SELECT.i64 %%3 = %%50 %%3 %%4\n",
        "  ADD.i64 %%51 = %%1 %%2\n  %1$s.i64 %%50 = %%51 %%2\n  SELECT.i64 %%1 = %%50 %%1 %%51\n  SKIP.i1 - = %%50 imm=%4$u s=%2$u,%3$s,0\n",
        ("  ADD.i64 %%51 = %%1 %%2\n  %1$s.i32 %%50 = %%1 # imm=0x7\n  SKIP.i1 - = %%50 imm=%4$u s=%2$u,%3$s,0\n"
         "  SELECT.i64 %%1 = %%50 %%51 %%1\n  SELECT.i32 %%2 = %%50 %%1 %%51\n"),
    };
    static const char *const tails[] = {
        "",
        "@8:\n  LOAD.i64 %4 = %5\n",
        "@8:\n  LOAD.i64 %4 = %39\n  STORE.i64 - = %39 %4\n",
        "@8:\n  TRAP_IF.i1 - = %26 # imm=0x5\n",
        "@8:\n  CALL.i64 %7 = %1 %2 imm=0x1000000000000 s=2,0,0,0\n",
        "@8:\n  CALL.i64 %7 = %1 imm=0x2000000000000 s=1,0,0,0\n",
        "@8:\n  CLOCK.i64 %7 = imm=0x2 s=1,0,0,0\n",
        "@8:\n  BRANCH_CMP.i64 %2 = %4 %5 s=2,0,0,0 imm=0x8\n@12:\n  ADD.i64 %1 = %1 # imm=0x1\n",
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(tails) * 20; i++) {
        char head[300], text[1000];
        unsigned form = i / ARRAY_LEN(rows) / ARRAY_LEN(tails);
        snprintf(head, sizeof head, rows[i % ARRAY_LEN(rows)], form / 5 & 1 ? "SLT" : "ULE", form / 10 & 1, seen[form % 5], i % 3 + 1);
        snprintf(text, sizeof text, "  ADD.i64 %%6 = %%6 %%1\n@4:\n%s%s%s", head, tails[i / ARRAY_LEN(rows) % ARRAY_LEN(tails)], head);
        check_text(*state, text, 16);
    }
}

/* LL and SC in one block: with what may stand between them, and what may not. */
static void pairs(void **state)
{
    static const char *const rows[] = {
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        "  LL.i64 %%3 = %%9 s=32,8,0,0\n@8:\n  ADD.i64 %%3 = %%3 %%5\n@12:\n  SC.i64 %%4 = %%9 %%3 s=32,8,0,0\n  LOAD.i64 %%6 = %%9\n",
        ("  LL.i64 %%3 = %%9 s=64,8,0,0\n@8:\n  BRANCH_CMP.i64 %%2 = %%1 %%2 s=2,0,0,0 imm=0x20\n@12:\n  XOR.i64 %%3 = %%3 %%5\n@16:\n"
         "  SC.i64 %%4 = %%9 %%3 s=64,8,0,0\n@20:\n  BRANCH_CMP.i64 %%5 = %%4 # imm=0x40 s=1,0,0,0\n"),
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  ADD.i64 %%9 = %%9 # imm=0x%1$x\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        "  LL.i64 %%9 = %%9 s=64,8,0,0\n  AND.i64 %%9 = %%9 # imm=0x8\n  ADD.i64 %%9 = %%9 # imm=0x7fdfe000\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0 imm=0x%1$x\n",
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  SC.i64 %%4 = %%9 %%5 s=32,8,0,0\n",
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  STORE.i64 - = %%9 %%5\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  AMO.i64 %%4 = %%9 %%5 s=1,64,8,0\n  AMO.i64 %%4 = %%9 %%3 s=0,64,8,0\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  CLREX.none -\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  TRAP_IF.i1 - = %%26 # imm=0x5\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n",
        ("  LL.i64 %%3 = %%9 s=64,8,0,0\n  SC.i64 %%4 = %%9 %%5 s=64,8,0,0\n  LL.i64 %%6 = %%9 s=64,8,0,0\n  SC.i64 %%7 = %%9 %%3 s=64,8,0,0\n"
         "  SC.i64 %%8 = %%9 %%3 s=64,8,0,0\n"),
        "  LL.i64 %%3 = %%9 s=64,8,0,0\n  LL.i64 %%6 = %%9 s=64,8,0,0\n  SC.i64 %%7 = %%9 %%5 s=64,8,0,0\n",
    };
    /* Of RAM, the readonly page, a hole, not aligned. */
    static const unsigned at[] = {0x8, 0xff8, RIG_readonly << 12, RIG_hole << 12, 0x3};
    for (unsigned i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(at) * 4; i++) {
        char body[512], text[640];
        snprintf(body, sizeof body, rows[i % ARRAY_LEN(rows)], i & 1 ? 8 : 128);
        snprintf(text, sizeof text, "  K.i64 %%9 = imm=%#x\n@4:\n%s", (unsigned)RIG_VA + at[i / ARRAY_LEN(rows) % ARRAY_LEN(at)], body);
        check_text(*state, text, 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(expected_choices, setup, teardown),
        cmocka_unit_test_setup_teardown(every_form, setup, teardown),
        cmocka_unit_test_setup_teardown(random_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(native_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(many_accesses, setup, teardown),
        cmocka_unit_test_setup_teardown(long_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(float_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_hits, setup, teardown),
        cmocka_unit_test_setup_teardown(flat_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(aes_halves, setup, teardown),
        cmocka_unit_test_setup_teardown(shifts_that_extend, setup, teardown),
        cmocka_unit_test_setup_teardown(quotient_and_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(results_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(choices, setup, teardown),
        cmocka_unit_test_setup_teardown(second_level, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
