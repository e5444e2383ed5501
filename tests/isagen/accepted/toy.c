/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What isagen makes of toy.isa: decoder against all 16-bit and many 32-bit words, encoder, printer, tables, and the ops that the lifter
 * builds, written down by a builder that only logs. Run by tests/isagen/run.py; exits 0 if all is well.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "toy_insns.gen.h"
#include "traps.h"
#define IR_SIGS
#define IR_BUILDER_BODIES
#include "ir/ops.gen.h" /* once more, for the table and the builder's functions */

static unsigned failed;
static char text[4096]; /* the log */
static uint16_t values;

#define CHECK(c) ((c) ? (void)0 : (void)(failed++, printf("%d: %s\n", __LINE__, #c)))

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    size_t n = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, sizeof text - n, format, args);
    va_end(args);
}

static void put_value(ir_val v)
{
    if (v.known)
        put(" #%" PRId64, (int64_t)v.k);
    else
        put(" v%u", v.cell);
}

static ir_val fresh(unsigned type)
{
    put(" v%u; ", ++values);
    return (ir_val){.type = (uint8_t)type, .cell = values};
}

ir_val ir_k(unsigned type, uint64_t k) { return (ir_val){.type = (uint8_t)type, .known = true, .cell = IR_CONST, .k = k}; }

ir_val ir_get(struct ir_build *b, unsigned type, unsigned cell)
{
    (void)b;
    put("get %u", cell);
    return fresh(type);
}

ir_val ir_getl(struct ir_build *b, unsigned type, unsigned cell)
{
    (void)b;
    put("getl.%u %u", type, cell);
    return fresh(type);
}

void ir_putl(struct ir_build *b, unsigned cell, ir_val v)
{
    (void)b;
    put("putl %u", cell);
    put_value(v);
    put("; ");
}

void ir_putz(struct ir_build *b, unsigned cell, unsigned cells, ir_val v)
{
    (void)b;
    put("putz %u %u", cell, cells);
    put_value(v);
    put("; ");
}

ir_val ir_vk(unsigned e, uint64_t n)
{
    put("vk %u %" PRId64, e, (int64_t)n);
    return fresh(IR_v128);
}

struct ir_mask ir_mask_zip(unsigned e, unsigned part, unsigned bits) { return (struct ir_mask){e, (uint16_t)(part << 8 | bits)}; }

void ir_put(struct ir_build *b, unsigned cell, ir_val v)
{
    (void)b;
    put("put %u", cell);
    put_value(v);
    put("; ");
}

ir_val ir_call(struct ir_build *b, unsigned helper, unsigned nargs, const ir_val *args)
{
    (void)b;
    put("call %s", toy_helpers[helper].name);
    for (unsigned i = 0; i < nargs; i++)
        put_value(args[i]);
    return fresh(toy_helpers[helper].result);
}

ir_val ir_emit(struct ir_build *b, unsigned op, unsigned ty, const uint8_t s[4], uint64_t imm, unsigned nargs, ir_val args[3])
{
    (void)b;
    put("%s", ir_sigs[op].name);
    if (ty)
        put(".%u", ty);
    for (unsigned i = 0; i < ir_sigs[op].statics; i++)
        put(" %u", s[i]);
    for (unsigned i = 0; i < nargs; i++)
        put_value(args[i]);
    if (imm)
        put(" imm %" PRId64, (int64_t)imm);
    if (ir_sigs[op].out)
        return fresh(ty);
    put("; ");
    return (ir_val){0};
}

/* The guest's part. */
uint64_t toy_hlp_blend(struct cpu *cpu, uint64_t *out, const uint64_t *a, uint64_t n, const uint64_t *b)
{
    (void)cpu;
    out[0] = a[0] + n;
    out[1] = b[1];
    return 0;
}

uint64_t toy_hlp_count(struct cpu *cpu, const uint64_t *a)
{
    (void)cpu;
    return a[0] + a[1];
}

int64_t toy_sfn_order(const struct toy_lift *l, int64_t q, int64_t rl)
{
    (void)l;
    return q ? MEM_acq : rl ? MEM_rel : MEM_rlx;
}

ir_val toy_get_SPECIAL(const struct toy_lift *l, int64_t n)
{
    (void)l;
    put("special %" PRId64, n);
    return fresh(IR_i64);
}

void toy_put_SPECIAL(const struct toy_lift *l, int64_t n, ir_val value)
{
    (void)l;
    put("set special %" PRId64, n);
    put_value(value);
    put("; ");
}

void toy_show_shown(struct toy_text *t, int64_t w) { toy_text_put(t, "%s", w ? " wide" : ""); }

uint64_t toy_hlp_mul3(struct cpu *cpu, uint64_t a, uint64_t b)
{
    (void)cpu;
    return 3 * a * b;
}

uint64_t toy_hlp_set_status(struct cpu *cpu, uint64_t v)
{
    (void)cpu, (void)v;
    return 0;
}

uint64_t toy_hlp_nothing(struct cpu *cpu)
{
    (void)cpu;
    return 0;
}

static const uint64_t all = (1ull << TOY_FEATURE_base) | (1ull << TOY_FEATURE_one) | (1ull << TOY_FEATURE_two);

static void lifts(uint32_t word, unsigned level, unsigned wide, const char *want)
{
    struct toy_keys key = {(uint8_t)level, (uint8_t)wide};
    struct toy_lift l = {NULL, &key, NULL, word, (word & 3) == 3 ? 4 : 2};
    unsigned id = toy_decode(word, all);
    text[0] = 0;
    values = 0;
    if (id < TOY_INSNS)
        toy_lift(&l, id);
    put("level %u", key.level);
    if (strcmp(text, want)) {
        failed++;
        printf("%08x lifts to\n    %s\nnot\n    %s\n", word, text, want);
    }
}

static void prints(uint32_t word, uint64_t pc, const char *want)
{
    char buf[64];
    unsigned id = toy_decode(word, all);
    size_t n = toy_print(id, word, pc, buf, sizeof buf);
    if (n != strlen(want) || strcmp(buf, want)) {
        failed++;
        printf("%08x prints %s, not %s\n", word, buf, want);
    }
}

/* Whatever decodes has its mask and match, encodes back, and prints. */
static unsigned round_trip(uint32_t word, uint64_t features)
{
    int64_t fields[16];
    char buf[64];
    unsigned id = toy_decode(word, features);
    if (id == TOY_INSNS)
        return id;
    const struct toy_insn *insn = &toy_insns[id];
    uint32_t own = insn->length == 2 ? word & 0xffff : word;
    CHECK((own & insn->mask) == insn->match);
    CHECK((features & insn->need) == insn->need && !(features & insn->never) && (!insn->any || features & insn->any));
    toy_extract(id, own, fields);
    CHECK(toy_encode(id, fields) == own);
    CHECK(toy_print(id, own, 0, buf, sizeof buf) > 0);
    return id;
}

static void decoding(void)
{
    unsigned counts[TOY_INSNS + 1] = {0};
    for (uint32_t w = 0; w < 0x10000; w++) {
        if ((w & 3) == 3)
            continue;
        unsigned id = round_trip(w, all);
        counts[id]++;
        CHECK(toy_decode(w | 0xabcd0000, all) == id); /* what follows a 16-bit insn is not part of it */
    }
    CHECK(counts[TOY_INSN_jump] == 2 * 4 * 64 * 4 * 4);
    CHECK(counts[TOY_INSN_outer] == 63 * 64);
    CHECK(counts[TOY_INSN_inner] == 63);
    CHECK(counts[TOY_INSN_inmost] == 1);
    CHECK(counts[TOY_INSN_either] == 256 && counts[TOY_INSN_three] == 0);
    CHECK(counts[TOY_INSN_add_c] == 128 && counts[TOY_INSN_guarded] == 8);
    CHECK(toy_decode(0x4025, 1ull << TOY_FEATURE_one) == TOY_INSN_inner); /* without the feature the wider one */
    CHECK(toy_decode(0x4025, all) == TOY_INSN_inmost);
    CHECK(toy_decode(0x8001, 1ull << TOY_FEATURE_two) == TOY_INSN_either);
    CHECK(toy_decode(0x8001, 1ull << TOY_FEATURE_base) == TOY_INSNS);
    CHECK(toy_decode(0x8001, all | 1ull << TOY_FEATURE_three) == TOY_INSN_three);
    CHECK(round_trip(0x8005, all | 1ull << TOY_FEATURE_three) == TOY_INSN_three); /* the ignored bit comes back */
    CHECK(toy_decode(0x0005c043, 0) == TOY_INSNS);
    CHECK(toy_decode(0x0025c043, all) == TOY_INSNS); /* s = 9: not by where */
    uint32_t w = 1;
    for (unsigned i = 0; i < 2000000; i++) {
        w = w * 1664525 + 1013904223;
        round_trip(((w >> 4 & 7) << 24) | (w >> 5 & 0xffffff) | 3, all);
        round_trip(w >> 3 | 3, all);
    }
}

static void tables(void)
{
    const struct toy_insn *add = &toy_insns[TOY_INSN_add_w];
    CHECK(!strcmp(add->name, "add.w") && !strcmp(add->ref, "toy 1") && add->length == 4 && add->nfields == 3);
    CHECK(add->ntests == 3 && toy_insns[TOY_INSN_sub_d].ntests == 2 && toy_insns[TOY_INSN_sub_w].ntests == 0);
    const struct toy_test *t = &toy_tests[add->first_test];
    CHECK(t->word == 0x0005c043 && !strcmp(t->text, "add.w ra, ra, t3") && t->nbefore == 2 && t->nafter == 1);
    const struct toy_cell *c = &toy_cells[t->first_cell];
    CHECK(c[0].at == TOY_AT_cell && c[0].number == TOY_CELL_x + 1 && c[0].value == 5 && c[1].value == (uint64_t)-6);
    CHECK(c[2].value == (uint64_t)-1 && !c[2].relative);
    const struct toy_field *off = &toy_fields[toy_insns[TOY_INSN_jump].first_field];
    CHECK(!strcmp(off->name, "off") && off->width == 12 && off->is_signed && off->bits == 0xffe);
    CHECK(!strcmp(toy_feature_names[TOY_FEATURE_one], "one") && !toy_feature_names[TOY_FEATURES]);
    CHECK(TOY_CELL_pair % 2 == 0 && TOY_CELL_vec == TOY_CELL_single + 2 && TOY_CELLS == TOY_CELL_total + 2 &&
          TOY_CELL_single == TOY_CELL_pair + 4);
    CHECK(offsetof(struct toy_state, pair) == 8 * TOY_CELL_pair && sizeof(struct toy_state) == 8 * TOY_CELLS);
    CHECK(toy_helpers[TOY_HLP_mul3].pure && toy_helpers[TOY_HLP_set_status].traps && toy_helpers[TOY_HLP_mul3].args == 2);
    CHECK(toy_helpers[TOY_HLP_mul3].fn(NULL, 2, 7, 0, 0, 0, 0) == 42);
    const struct ir_helper *blend = &toy_helpers[TOY_HLP_blend];
    uint64_t out[2], a[2] = {1, 2}, b[2] = {3, 4};
    CHECK(blend->args == 3 && blend->vectors == 5 && blend->result == IR_v128 && toy_helpers[TOY_HLP_count].vectors == 1);
    CHECK(blend->fn(NULL, (uintptr_t)out, (uintptr_t)a, 5, (uintptr_t)b, 0, 0) == 0 && out[0] == 6 && out[1] == 4);
    CHECK(!toy_helpers[TOY_HLP_mul3].vectors && offsetof(struct toy_state, total) == 8 * TOY_CELL_total);
    struct toy_state state = {.status = 0xe};
    struct toy_keys key = {0, 1};
    toy_keys_read(&state, &key);
    CHECK(key.level == 2 && key.wide == 1 && toy_keys_pack(&key) == 6);
    toy_keys_unpack(&key, 3);
    CHECK(key.level == 3 && key.wide == 0);
}

static void printing(void)
{
    char buf[8];
    prints(0x0005c043, 0, "add.w ra, ra, t3");
    prints(0x000401c3, 0, "{mv}.w t3, ra");
    prints(0x00c1c043, 0, "neg.d ra, t3");
    prints(0x1010, 0x1000, "jump ra, 0x1002");
    prints(0x8000 | 0x1ff << 4, 0, "jump ra, 0xffffffffffffffce");
    prints(0xc001 | 1 << 11 | 4, 0, "guarded ra.rl");
    prints(0x01c00023 | 1 << 9, 0, "");
    prints(0x01c00023, 0, "atom.aqrl zero, zero, (zero)");
    prints(0x02800003, 0, "memory zero, zero, (zero) wide");
    prints(0x8ff1, 0, "");
    prints(0x8fc1, 0, "either 0x3f");
    CHECK(toy_print(TOY_INSN_add_w, 0x0005c043, 0, buf, sizeof buf) == 16 && !strcmp(buf, "add.w r"));
    CHECK(toy_print(TOY_INSNS, 0, 0, buf, sizeof buf) == 0 && !buf[0]);
}

static void lifting(void)
{
    lifts(0x0005c043, 0, 0, "get 1 v1; get 7 v2; ADD v1 v2 v3; TRUNC.2 v3 v4; SEXT.3 v4 v5; put 1 v5; level 0");
    lifts(0x0041c043, 0, 0, "get 7 v1; ADD #0 v1 v2; put 1 v2; level 0");
    lifts(0x1010, 0, 0, "put 1 #0; BRANCH 0 imm 2; level 0");
    lifts(0x1c00, 0, 0, "put 1 #0; BRANCH 0 imm -1024; level 0");
    lifts(0x1800, 0, 0, "PC imm 2 v1; put 1 v1; BRANCH 1 imm -2048; level 0");
    lifts(0xc801, 0, 1, "TRAP 2 #51201; level 0");
    lifts(0xc801, 1, 0, "TRAP 2 #51201; level 1");
    lifts(0xc805, 1, 1, "TRAP 22 #51205; level 1");
    lifts(0xd801, 1, 1, "get 16 v1; OR v1 #4 v2; put 16 v2; get 16 v3; put 3 v3; level 3");
    lifts(0x018b0063, 0, 0, "get 1 v1; get 3 v2; AMO 1 64 9 v1 v2 v3; put 1 v3; level 0");
    lifts(0x028c0023, 0, 0,
          "PROBE 1 0 #0 imm 8; get 6 v1; LOAD.3 0 v1 v2; STORE 0 #0 v2; LOADZ.3 8 32 #0 v3; ADD v3 v3 v4; "
          "put 1 v4; level 0");
    lifts(0x021c0023, 0, 0,
          "get 1 v1; PROBE 1 0 v1 imm 8; get 1 v2; get 6 v3; LOAD.2 0 v3 v4; STORE 0 v2 v4; get 1 v5; "
          "LOADZ.3 8 32 v5 v6; ADD v6 v6 v7; put 1 v7; level 0");
    lifts(0x03280063, 0, 0,
          "get 1 v1; BIT v1 imm 256 v2; TRAP_IF 2 v2 #52953187; get 1 v3; call mul3 v3 #7 v4; special 3 v5; "
          "ADD v4 v5 v6; set special 2 v6; put 3 v4; call nothing v7; level 0");
    lifts(0x0440002b, 0, 0, "get 0 v1; ADD #0 v1 v2; get 2 v3; ADD v2 v3 v4; get 1 v5; XOR v4 v5 v6; put 1 v6; level 0");
    lifts(0x04c0002b, 0, 0,
          "get 0 v1; ADD #0 v1 v2; get 2 v3; ADD v2 v3 v4; get 1 v5; XOR v4 v5 v6; get 2 v7; XOR v6 v7 v8; "
          "get 3 v9; XOR v8 v9 v10; put 1 v10; level 0");
    lifts(0x05800003, 0, 0, "get 1 v1; get 2 v2; CONCAT v1 v2 v3; put 20 v3; get 11 v4; FTOF.6 0 v4 v5; put 22 v5; level 0");
    lifts(0x06380003, 0, 0, "getl.2 26 v1; putl 30 v1; getl.7 30 v2; putz 32 2 v2; level 0");
    lifts(0x06b80003, 0, 0, "getl.3 26 v1; putl 30 v1; getl.7 30 v2; putz 32 2 v2; level 0");
    lifts(0x07340003, 0, 0,
          "get 30 v1; vk 16 -2 v2; VADD 8 v1 v2 v3; get 1 v4; VDUP 8 v4 v5; VSHUF 128 1 v3 v5 imm 8 v6; put 26 v6; "
          "get 26 v7; VGETE 32 3 v7 v8; put 1 v8; get 32 v9; get 30 v10; VFTOI 1 1 0 v10 imm 8256 v11; VOR v9 v11 v12; "
          "put 32 v12; level 0");
    lifts(0x07f40003, 0, 0,
          "vk 64 1 v1; get 1 v2; VDUP 64 v2 v3; VSHUF 128 1 v1 v3 imm 64 v4; put 26 v4; get 26 v5; VGETE 32 3 v5 v6; "
          "put 1 v6; get 32 v7; get 30 v8; VFTOI 1 1 0 v8 imm 8256 v9; VOR v7 v9 v10; put 32 v10; level 0");
    lifts(0x08600003, 0, 0,
          "get 26 v1; get 1 v2; get 2 v3; get 3 v4; CONCAT v3 v4 v5; FROM.9 v5 v6; call blend v1 v2 v6 v7; put 28 v7; "
          "get 28 v8; call count v8 v9; get 26 v10; BITS v10 v11; HI v11 v12; ADD v9 v12 v13; put 1 v13; level 0");
    lifts(0xe6c2, 0, 0, "get 6 v1; get 7 v2; ADD v1 v2 v3; put 1 v3; level 0");
    lifts(0xe001, 3, 1, "get 16 v1; OR v1 #4 v2; put 16 v2; get 16 v3; put 3 v3; level 3");
}

int main(void)
{
    decoding();
    tables();
    printing();
    lifting();
    if (failed)
        printf("%u checks failed\n", failed);
    return failed > 0;
}
