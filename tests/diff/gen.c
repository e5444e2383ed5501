/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random fields and operands of one instruction. What an instruction is comes from its table row: the names of its fields and how
 * it prints; a new stanza gets its cases without a line here.
 */
#include "gen.h"
#include "base/bits.h"
#include <stdio.h>

const char *gen_excluded(unsigned id)
{
    for (unsigned i = 0; gen_exclusions[i].name; i++)
        if (!strcmp(insn_table[id].name, gen_exclusions[i].name))
            return gen_exclusions[i].why;
    return NULL;
}

void gen_show_excluded(void)
{
    for (unsigned i = 0; gen_exclusions[i].name; i++)
        printf("not tested: %s (%s)\n", gen_exclusions[i].name, gen_exclusions[i].why);
}

int gen_field(unsigned id, const char *name)
{
    for (int i = 0; i < insn_table[id].nfields; i++)
        if (!strcmp(gen_fields(id)[i].name, name))
            return i;
    return -1;
}

void gen_set(struct gen_insn *insn, const char *field, int64_t value)
{
    int i = gen_field(insn->id, field);
    if (i >= 0)
        insn->values[i] = value;
}

int gen_register(unsigned id, const int64_t *values, const char *field)
{
    int i = gen_field(id, field);
    if (i < 0 || !gen_is_register(&gen_fields(id)[i]))
        return -1;
    return (int)values[i] + (gen_fields(id)[i].width == 3 ? 8 : 0);
}

bool gen_encode(const struct gen *g, struct gen_insn *insn)
{
    insn->word = insn_encode(insn->id, insn->values);
    if (insn_decode(insn->word, g->features) != insn->id)
        return false;
    insn_extract(insn->id, insn->word, insn->values);
    return gen_defined(insn->id, insn->values);
}

uint32_t gen_named(unsigned id, uint32_t word)
{
    int64_t values[GEN_MAX_FIELDS];
    uint32_t mask = gen_length(word) == 2 ? 1u << 2 : 0;
    insn_extract(id, word, values);
    for (int i = 0; i < insn_table[id].nfields; i++) {
        int n = gen_register(id, values, gen_fields(id)[i].name);
        if (n >= 0)
            mask |= 1u << n;
    }
    return strstr(insn_table[id].name, "cas") ? mask | mask << 1 : mask; /* of pairs */
}

void gen_put(struct case_input *c, uint32_t word)
{
    le16_put(c->code + c->code_len, (uint16_t)word);
    if (gen_length(word) == 4)
        le16_put(c->code + c->code_len + 2, (uint16_t)(word >> 16));
    c->code_len += gen_length(word);
}

/* ---- fields ---- */

static int64_t random_register(struct random *r, const struct gen_registers *regs, const struct insn_field_row *f, int64_t last)
{
    if (random_percent(r, 15) && last >= 0)
        return last;
    if (f->width == 3 || !regs->npool)
        return random_percent(r, 8) ? 0 : (int64_t)random_below(r, 1u << f->width);
    return random_percent(r, 5) ? 0 : regs->pool[random_below(r, regs->npool)];
}

static int64_t random_immediate(struct random *r, const struct insn_field_row *f)
{
    switch (random_below(r, 8)) {
    case 0: return 0;
    case 1: return -1;
    case 2: return 1ll << random_below(r, f->width);
    case 3: return (1ll << random_below(r, f->width)) - 1;
    default: return (int64_t)random_next(r);
    }
}

bool gen_random(const struct gen *g, struct random *r, const struct gen_registers *regs, struct gen_insn *insn)
{
    const struct insn_field_row *f = gen_fields(insn->id);
    int64_t last = -1;
    for (int i = 0; i < insn_table[insn->id].nfields; i++) {
        int64_t *v = &insn->values[i];
        if (gen_is_register(&f[i]))
            last = *v = random_register(r, regs, &f[i], f[i].width == 5 || last < 8 ? last : -1);
        else if (!gen_special_field(r, regs->npool, &f[i], v))
            *v = random_immediate(r, &f[i]);
    }
    return gen_encode(g, insn);
}

/* ---- classes ---- */

static enum gen_class class_of(const struct gen *g, unsigned id)
{
    struct gen_insn insn = {.id = id};
    struct gen_registers any = {0};
    struct random r = random_of(id, 0, 0);
    char text[128] = "";
    for (int i = 0; i < insn_table[id].nfields; i++)
        if (gen_is_target(gen_fields(id)[i].name))
            return GEN_branch;
    for (unsigned tries = 0; tries < 1000 && !gen_random(g, &r, &any, &insn); tries++)
        ;
    insn_print(id, insn.word, 0, text, sizeof text);
    return gen_class_of(id, text);
}

void gen_init(struct gen *g, uint64_t features)
{
    memset(g, 0, sizeof *g);
    g->features = features;
    for (unsigned id = 0; id < INSNS; id++) {
        g->class[id] = (uint8_t)class_of(g, id);
        g->compressed[id] = insn_table[id].length == 2;
        if (!gen_excluded(id) && gen_fits_blocks(insn_table[id].name, g->class[id]))
            g->ids[g->class[id]][g->count[g->class[id]]++] = (uint16_t)id;
    }
}

/* ---- operands of a single instruction ---- */

uint64_t gen_data_address(struct random *r)
{
    uint64_t align = 1ull << random_below(r, 5);
    unsigned way = (unsigned)random_below(r, 100);
    if (way < 65)
        return CASE_DATA + 64 + align_down(random_below(r, CASE_DATA_SIZE - 192), align);
    if (way < 80)
        return CASE_DATA + 0x1000 - 20 + random_below(r, 40);
    if (way < 86)
        return CASE_DATA - 20 + random_below(r, 40);
    if (way < 92)
        return CASE_DATA + CASE_DATA_SIZE - 20 + random_below(r, 40);
    switch (way) {
    case 92: return random_below(r, 0x1000);
    case 93: return 0 - align_down(random_below(r, 0x1000), align);
    case 94: return random_next(r) | 0xff8ull << 52; /* none of a program, on no guest */
    case 95: return CASE_DATA - 0x2000 - align_down(random_below(r, 0x100000), align);
    default: return CASE_DATA + CASE_DATA_SIZE + align_down(random_below(r, 0x100000), align);
    }
}

void gen_patch(struct random *r, uint64_t at, const uint64_t expected[2], struct case_input *c)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t where = align_down(at, 8) + 8 * i, value = random_percent(r, 50) ? random_integer(r) : value_register(r);
        if (where - CASE_DATA >= CASE_DATA_SIZE)
            continue;
        if (expected)
            value = expected[i];
        unsigned turn = (unsigned)(at & 7) * 8;
        c->patches[c->npatches++] = (struct case_word){(where - CASE_DATA) / 8, turn ? value << turn | value >> (64 - turn) : value};
    }
}

/* Somewhere in the code area, but not into the instruction itself; seldom beyond. */
static uint64_t jump_target(struct random *r, uint64_t pc, unsigned len)
{
    for (;;) {
        uint64_t to = CASE_CODE + align_down(random_below(r, CASE_CODE_SIZE), subject.alignment);
        if (random_percent(r, 5))
            to = random_percent(r, 50) ? CASE_CODE - 4 * random_below(r, 0x800) : CASE_CODE + CASE_CODE_SIZE + 4 * random_below(r, 0x800);
        if (to - pc >= len)
            return to;
    }
}

static bool set_target(const struct gen *g, struct random *r, struct gen_insn *insn, uint64_t pc)
{
    for (int i = 0; i < insn_table[insn->id].nfields; i++) {
        const struct insn_field_row *f = &gen_fields(insn->id)[i];
        if (!gen_is_target(f->name))
            continue;
        int64_t range = 1ll << (f->width - 1), to = (int64_t)(jump_target(r, pc, 4) - pc);
        if (random_percent(r, 10) || to < -range || to >= range)
            to = (int64_t)align_down(random_below(r, 2 * (uint64_t)range), subject.alignment) - range;
        if (to >= 0 && to < 4)
            to = range - (int64_t)subject.alignment;
        insn->values[i] = to;
    }
    return gen_encode(g, insn);
}

/* Anywhere in the code area, often at the ends of its pages. */
static uint64_t code_address(struct random *r, unsigned len)
{
    uint64_t at, step = subject.alignment;
    switch (random_below(r, 16)) {
    case 0:
    case 1: at = 0x1000 - len; break;
    case 2: at = 0x1000 - step; break;
    case 3: at = random_percent(r, 50) ? 0 : CASE_CODE_SIZE - len; break;
    case 4: at = random_percent(r, 20) ? CASE_CODE_SIZE - step : 0x1000; break;
    default: at = align_down(random_below(r, CASE_CODE_SIZE - len), step);
    }
    if (at + len == CASE_CODE_SIZE - 6) /* QEMU 10 looks beyond the area, for what may follow a c.ebreak there */
        at -= 2;
    return CASE_CODE + at;
}

static void random_state(struct random *r, struct case_state *s)
{
    for (unsigned i = 0; i < 32; i++)
        s->x[i] = i && random_percent(r, 12) ? s->x[random_below(r, i)] : random_integer(r);
    for (unsigned i = 0; i < 64 && subject.f[i]; i++)
        s->f[i] = value_register(r);
    gen_random_status(r, s->status);
}

/* What of the instruction lies beyond the area's end is not there. */
static void put_first(struct case_input *c, uint32_t word)
{
    uint64_t room = CASE_CODE + CASE_CODE_SIZE - c->before.pc;
    gen_put(c, word);
    if (c->code_len > room)
        c->code_len = (uint32_t)room;
}

bool gen_single(const struct gen *g, struct random *r, unsigned id, struct case_input *out)
{
    struct gen_registers any = {0};
    struct gen_insn insn = {.id = id};
    memset(out, 0, sizeof *out);
    if (!gen_random(g, r, &any, &insn))
        return false;
    unsigned len = gen_length(insn.word);
    out->before.pc = code_address(r, len);
    random_state(r, &out->before);
    if (!gen_operands(r, g->class[id], &insn, out) || (g->class[id] == GEN_branch && !set_target(g, r, &insn, out->before.pc)) ||
        (g->class[id] == GEN_jump && !gen_jump_register(&insn, jump_target(r, out->before.pc, len), out)) || !gen_encode(g, &insn))
        return false;
    put_first(out, insn.word);
    return true;
}

/* Words near those that mean something, and any others. Should the oracle know one, it finds only pointers to data. */
bool gen_undefined(const struct gen *g, struct random *r, struct case_input *out)
{
    struct gen_registers any = {0};
    struct gen_insn insn = {.id = (unsigned)random_below(r, INSNS)};
    memset(out, 0, sizeof *out);
    if (random_percent(r, 70) && gen_random(g, r, &any, &insn)) {
        for (uint64_t flips = 1 + random_below(r, 3); flips--;)
            insn.word ^= 1u << random_below(r, gen_length(insn.word) * 8);
    } else {
        insn.word = (uint32_t)random_next(r) | (random_percent(r, 60) ? 3 : 0);
    }
    if (gen_length(insn.word) == 2)
        insn.word &= 0xffff;
    if (insn_decode(insn.word, g->features) != INSNS)
        return false;
    random_state(r, &out->before);
    for (unsigned i = subject.x[0][0] == 'z'; i < 32; i++) /* not the zero register */
        out->before.x[i] = CASE_DATA + 0x1000 + 64 * random_below(r, 8);
    /* Not at the very end: QEMU reads on behind a word whose rounding mode is reserved, and faults where nothing is mapped. */
    out->before.pc = CASE_CODE + align_down(random_below(r, CASE_CODE_SIZE - 512), subject.alignment);
    put_first(out, insn.word);
    return true;
}
