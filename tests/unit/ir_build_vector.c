/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The builder with values of two cells: random insns that read and write registers, vectors, and halves and low parts of vectors, are
 * built and run by the evaluator; beside each value its meaning is computed here. All writes of an insn see the registers of its start.
 * SEED=N repeats a run. The guest has 6 registers in cells 0..5 and 5 vectors in cells 6..15; cell 16 is the zero.
 */
#include "ir/build.h"
#include "ir/eval.h"
#include "ir/text.h"
#include "os/os.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REGISTERS = 6, VECTORS = 5, CELLS = REGISTERS + 2 * VECTORS, BLOCKS = 4000 };

typedef unsigned __int128 wide;

struct value { /* what the builder has of it, and what it is */
    ir_val v;
    wide is;
};

struct fixture {
    struct ir_build *b;
    struct cpu *cpu;
    uint64_t old[CELLS], new[CELLS]; /* registers at the insn's start, and at its end as far as they are written */
    uint64_t seed;
};

static uint64_t mix(struct cpu *cpu, uint64_t *out, const uint64_t *a, uint64_t n, const uint64_t *b)
{
    (void)cpu;
    out[0] = a[1] + n;
    out[1] = a[0] ^ b[0] ^ b[1];
    return 0;
}

#define FN(f) ((uint64_t(*)(void *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(void (*)(void))(f))
static const struct ir_helper helpers[] = {
    {.name = "mix", .fn = FN(mix), .args = 3, .result = IR_v128, .pure = true, .vectors = 5},
};

static uint64_t next(struct fixture *f)
{
    uint64_t v = f->seed += 0x9e3779b97f4a7c15;
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

static unsigned below(struct fixture *f, unsigned n) { return (unsigned)(next(f) % n); }

/* ---- values ---- */

static wide pair(uint64_t high, uint64_t low) { return (wide)high << 64 | low; }
static unsigned vector_cell(unsigned n) { return REGISTERS + 2 * n; }
static wide old_vector(const struct fixture *f, unsigned cell) { return pair(f->old[cell + 1], f->old[cell]); }

static struct value vector(struct fixture *f, unsigned depth);

static struct value word(struct fixture *f)
{
    unsigned cell = vector_cell(below(f, VECTORS));
    if (below(f, 2)) {
        ir_val v = ir_getl(f->b, IR_f32, cell);
        if (below(f, 2))
            return (struct value){ir_BITS(f->b, v), (uint32_t)f->old[cell]};
        return (struct value){ir_BITS(f->b, ir_FNEG(f->b, v)), (uint32_t)f->old[cell] ^ 0x80000000};
    }
    return (struct value){ir_getl(f->b, IR_i32, cell), (uint32_t)f->old[cell]};
}

static struct value scalar(struct fixture *f, unsigned depth)
{
    struct ir_build *b = f->b;
    unsigned cell = below(f, CELLS);
    struct value x, y;
    switch (below(f, depth ? 10 : 4)) {
    case 0: return (struct value){ir_get(b, IR_i64, cell), f->old[cell]};
    case 1: cell = vector_cell(below(f, VECTORS)); return (struct value){ir_getl(b, IR_i64, cell), f->old[cell]};
    case 2: x.is = below(f, 2) ? below(f, 3) : next(f); return (struct value){ir_k(IR_i64, (uint64_t)x.is), x.is};
    case 3: cell = vector_cell(below(f, VECTORS)); return (struct value){ir_BITS(b, ir_getl(b, IR_f64, cell)), f->old[cell]};
    case 4:
    case 5: x = scalar(f, depth - 1), y = scalar(f, depth - 1); return (struct value){ir_XOR(b, x.v, y.v), x.is ^ y.is};
    case 6: x = word(f); return (struct value){ir_ZEXT(b, IR_i64, x.v), x.is};
    case 7: x = vector(f, depth - 1); return (struct value){ir_HI(b, ir_BITS(b, x.v)), x.is >> 64};
    case 8: x = vector(f, depth - 1); return (struct value){ir_TRUNC(b, IR_i64, ir_BITS(b, x.v)), (uint64_t)x.is};
    default: x = vector(f, depth - 1); return (struct value){ir_VGETE(b, 32, 1, x.v), (uint32_t)(x.is >> 32)};
    }
}

static struct value call_mix(struct fixture *f, unsigned depth)
{
    struct value x = vector(f, depth), n = scalar(f, depth), y = vector(f, depth);
    ir_val args[] = {x.v, n.v, y.v};
    uint64_t low = (uint64_t)(x.is >> 64) + (uint64_t)n.is;
    return (struct value){ir_call(f->b, 0, 3, args), pair((uint64_t)x.is ^ (uint64_t)y.is ^ (uint64_t)(y.is >> 64), low)};
}

static struct value vector(struct fixture *f, unsigned depth)
{
    struct ir_build *b = f->b;
    unsigned cell = vector_cell(below(f, VECTORS));
    struct value x, y;
    switch (below(f, depth ? 11 : 2)) {
    case 0: return (struct value){ir_get(b, IR_v128, cell), old_vector(f, cell)};
    case 1: x.is = below(f, 2) ? 0 : next(f); return (struct value){ir_vk(64, (uint64_t)x.is), pair((uint64_t)x.is, (uint64_t)x.is)};
    case 2:
    case 3: x = vector(f, depth - 1), y = vector(f, depth - 1); return (struct value){ir_VXOR(b, x.v, y.v), x.is ^ y.is};
    case 4:
        x = scalar(f, depth - 1), y = scalar(f, depth - 1);
        return (struct value){ir_FROM(b, IR_v128, ir_CONCAT(b, x.v, y.v)), pair((uint64_t)x.is, (uint64_t)y.is)};
    case 5: x = scalar(f, depth - 1); return (struct value){ir_FROM(b, IR_v128, ir_ZEXT(b, IR_i128, x.v)), x.is};
    case 6: x = scalar(f, depth - 1); return (struct value){ir_VDUP(b, 64, x.v), pair((uint64_t)x.is, (uint64_t)x.is)};
    case 7: return call_mix(f, depth - 1);
    case 8:
        x = vector(f, depth - 1), y = word(f);
        return (struct value){ir_VSETE(b, 32, 2, x.v, y.v), (x.is & ~((wide)UINT32_MAX << 64)) | y.is << 64};
    case 9:
        x = vector(f, depth - 1), y = vector(f, depth - 1);
        cell = below(f, CELLS);
        return (struct value){ir_SELECT(b, ir_BIT(b, ir_get(b, IR_i64, cell), 3), x.v, y.v), f->old[cell] >> 3 & 1 ? x.is : y.is};
    default: x = vector(f, depth - 1); return (struct value){ir_FROM(b, IR_v128, ir_NOT(b, ir_BITS(b, x.v))), ~x.is};
    }
}

/* ---- insns ---- */

static void write_low(struct fixture *f, bool zeroes)
{
    unsigned cell = vector_cell(below(f, VECTORS));
    struct value x = below(f, 2) ? scalar(f, 1) : word(f);
    uint64_t v = (uint64_t)x.is, keep = x.v.type == IR_i32 && !zeroes ? UINT64_C(0xffffffff00000000) : 0;
    if (x.v.type == IR_i32 && below(f, 2))
        x.v = ir_FROM(f->b, IR_f32, x.v);
    if (zeroes)
        ir_putz(f->b, cell, 2, x.v);
    else
        ir_putl(f->b, cell, x.v);
    f->new[cell] = (f->old[cell] & keep) | v;
    if (zeroes)
        f->new[cell + 1] = 0;
}

static void write(struct fixture *f)
{
    unsigned n;
    struct value x;
    switch (below(f, 8)) {
    case 0:
    case 1:
        x = scalar(f, 2), n = below(f, REGISTERS);
        ir_put(f->b, n, x.v);
        f->new[n] = (uint64_t)x.is;
        break;
    case 2: write_low(f, true); break;
    case 3: write_low(f, false); break;
    case 4: /* a trap that does not come: what is built before must not be seen in a register */
        ir_TRAP_IF(f->b, ir_NE(f->b, ir_get(f->b, IR_i64, 0), ir_get(f->b, IR_i64, 0)), 1, ir_k(IR_i64, 0));
        break;
    default:
        x = vector(f, 2), n = vector_cell(below(f, VECTORS));
        ir_put(f->b, n, x.v);
        f->new[n] = (uint64_t)x.is;
        f->new[n + 1] = (uint64_t)(x.is >> 64);
    }
}

static void one_block(struct fixture *f)
{
    uint64_t start[CELLS], seed = f->seed;
    unsigned bad = 0;
    const char *why = "";
    for (unsigned i = 0; i < CELLS; i++)
        f->old[i] = start[i] = f->cpu->cell[i] = below(f, 3) ? next(f) : below(f, 2);
    ir_begin(f->b);
    for (unsigned insn = 0, n = 1 + below(f, 4); insn < n; insn++) {
        memcpy(f->new, f->old, sizeof f->new);
        ir_insn_begin(f->b, 4 * (int)insn, 4);
        for (unsigned i = 1 + below(f, 4); i-- > 0;)
            write(f);
        ir_insn_end(f->b);
        memcpy(f->old, f->new, sizeof f->new);
    }
    struct ir_block *block = ir_finish(f->b);
    bool sound = ir_verify(block, CELLS, 1, &bad, &why);
    ir_eval_prepare(block);
    f->cpu->cell[CELLS] = 0;
    ir_eval(f->cpu, block);
    if (sound && !f->cpu->trapped && !memcmp(f->cpu->cell, f->new, sizeof f->new))
        return;
    ir_print(stderr, block);
    for (unsigned i = 0; i < CELLS; i++)
        fprintf(stderr, "# %2u: %016" PRIx64 " %016" PRIx64 " should be %016" PRIx64 "\n", i, start[i], f->cpu->cell[i], f->new[i]);
    fail_msg("SEED=%" PRIu64 ": %s %u", seed, why, bad);
}

static void random_insns(void **state)
{
    struct fixture f = {.cpu = calloc(1, sizeof *f.cpu + (CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t))};
    const char *text = getenv("SEED");
    (void)state;
    f.cpu->helpers = helpers;
    f.seed = text ? strtoull(text, NULL, 0) : os_wall_ns() % 1000000007;
    fprintf(stderr, "# ir_build_vector: SEED=%" PRIu64 "\n", f.seed);
    assert_int_equal(ir_build_new(&f.b, CELLS, helpers, 1), 0);
    for (unsigned i = 0; i < BLOCKS; i++)
        one_block(&f);
    ir_build_free(f.b);
    free(f.cpu);
}

/* ---- what is built ---- */

static const char *built(struct ir_build *b, char **text)
{
    size_t len;
    free(*text);
    ir_insn_end(b);
    FILE *out = open_memstream(text, &len);
    ir_print(out, ir_finish(b));
    fclose(out);
    ir_begin(b);
    ir_insn_begin(b, 0, 4);
    return *text;
}

static void ops(void **state)
{
    struct ir_build *b;
    char *text = NULL;
    (void)state;
    assert_int_equal(ir_build_new(&b, CELLS, helpers, 1), 0);
    ir_begin(b);
    ir_insn_begin(b, 0, 4);
    /* the op writes the register */
    ir_put(b, 8, ir_VADD(b, 16, ir_get(b, IR_v128, 6), ir_get(b, IR_v128, 8)));
    assert_string_equal(built(b, &text), "@0:\n  VADD.v128 %8 = %6 %8 s=16,0,0,0\n  BRANCH.none %1 = imm=0x4\n");
    ir_put(b, 8, ir_VSHL(b, 32, ir_get(b, IR_v128, 6), ir_k(IR_none, 5)));
    assert_string_equal(built(b, &text), "@0:\n  VSHL.v128 %8 = %6 # imm=0x5 s=32,0,0,0\n  BRANCH.none %1 = imm=0x4\n");
    /* the low half of 64 bits is an operand */
    ir_putz(b, 8, 2, ir_FADD(b, ir_getl(b, IR_f64, 6), ir_getl(b, IR_f64, 10), IR_rne));
    assert_string_equal(built(b, &text), "@0:\n  FADD.f64 %8 = %6 %10\n  K.i64 %9 =\n  BRANCH.none %1 = imm=0x4\n");
    /* so is what float ops and integer ops cut */
    ir_putz(b, 8, 2, ir_FADD(b, ir_getl(b, IR_f32, 6), ir_getl(b, IR_f32, 10), IR_rne));
    assert_string_equal(built(b, &text), "@0:\n  FADD.f32 %8 = %6 %10\n  K.i64 %9 =\n  BRANCH.none %1 = imm=0x4\n");
    ir_put(b, 1, ir_ZEXT(b, IR_i64, ir_BITS(b, ir_getl(b, IR_f32, 6))));
    assert_string_equal(built(b, &text), "@0:\n  ZEXT.i64 %1 = %6 s=0,0,0,2\n  BRANCH.none %1 = imm=0x4\n");
    ir_putl(b, 8, ir_getl(b, IR_f32, 6));
    assert_string_equal(built(b, &text), "@0:\n  INSERT.i64 %8 = %8 %6 imm=0x2000\n  BRANCH.none %1 = imm=0x4\n");
    /* constants of two halves */
    ir_put(b, 8, ir_vk(16, 0x12345));
    assert_string_equal(built(b, &text), "@0:\n  K.v128 %8 = imm=0x2345234523452345\n  BRANCH.none %1 = imm=0x4\n");
    ir_put(b, 8, ir_vk(8, 1));
    ir_insn_end(b);
    ir_insn_begin(b, 4, 4);
    ir_put(b, 1, ir_get(b, IR_i64, 9));
    assert_string_equal(
        built(b, &text),
        "@0:\n  K.v128 %8 = imm=0x101010101010101\n@4:\n  MOV.i64 %1 = %9 imm=0x101010101010101\n  BRANCH.none %2 = imm=0x8\n");
    /* a register with itself */
    ir_put(b, 8, ir_VOR(b, ir_get(b, IR_v128, 6), ir_get(b, IR_v128, 6)));
    assert_string_equal(built(b, &text), "@0:\n  MOV.v128 %8 = %6\n  BRANCH.none %1 = imm=0x4\n");
    ir_put(b, 8, ir_VXOR(b, ir_get(b, IR_v128, 6), ir_get(b, IR_v128, 6)));
    assert_string_equal(built(b, &text), "@0:\n  K.v128 %8 =\n  BRANCH.none %1 = imm=0x4\n");
    /* what is written again in part */
    ir_put(b, 8, ir_VNEG(b, 8, ir_get(b, IR_v128, 6)));
    ir_putl(b, 8, ir_get(b, IR_i64, 1));
    assert_string_equal(built(b, &text),
                        "@0:\n  VNEG.v128 %18 = %6 s=8,0,0,0\n  MOV.i64 %9 = %19\n  MOV.i64 %8 = %1\n  BRANCH.none %1 = imm=0x4\n");
    free(text);
    ir_build_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_insns), cmocka_unit_test(ops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
