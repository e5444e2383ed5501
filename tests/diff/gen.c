/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random fields and operands of one instruction. What an instruction is comes from its table row: the names of its fields and how
 * it prints; a new stanza gets its cases without a line here.
 */
#include "gen.h"
#include "base/bits.h"
#include <stdio.h>

static const struct {
    const char *name, *why;
} excluded[] = {
    {"ecall", "a system call of the oracle"},
    {"csr cycle, time, instret, hpmcounter3-31", "they tell of the emulator, not of the program"},
    {"csr seed", "random"},
};

const char *gen_excluded(unsigned id)
{
    for (unsigned i = 0; i < ARRAY_LEN(excluded); i++)
        if (!strcmp(riscv64_insns[id].name, excluded[i].name))
            return excluded[i].why;
    return NULL;
}

void gen_show_excluded(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(excluded); i++)
        printf("not tested: %s (%s)\n", excluded[i].name, excluded[i].why);
}

static const struct riscv64_field *fields_of(unsigned id) { return &riscv64_fields[riscv64_insns[id].first_field]; }

int gen_field(unsigned id, const char *name)
{
    for (int i = 0; i < riscv64_insns[id].nfields; i++)
        if (!strcmp(fields_of(id)[i].name, name))
            return i;
    return -1;
}

bool gen_is_target(const char *field)
{
    static const char *const names[] = {"j", "b", "cj", "cb"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(field, names[i]))
            return true;
    return false;
}

static bool is_register(const struct riscv64_field *f)
{
    return strchr("dstr", f->name[0]) && !f->name[1] && (f->width == 5 || f->width == 3);
}

int gen_register(unsigned id, const int64_t *values, const char *field)
{
    int i = gen_field(id, field);
    if (i < 0 || !is_register(&fields_of(id)[i]))
        return -1;
    return (int)values[i] + (fields_of(id)[i].width == 3 ? 8 : 0);
}

bool gen_encode(const struct gen *g, struct gen_insn *insn)
{
    insn->word = riscv64_encode(insn->id, insn->values);
    if (riscv64_decode(insn->word, g->features) != insn->id)
        return false;
    riscv64_extract(insn->id, insn->word, insn->values);
    return true;
}

void gen_put(struct case_input *c, uint32_t word)
{
    le16_put(c->code + c->code_len, (uint16_t)word);
    if (gen_length(word) == 4)
        le16_put(c->code + c->code_len + 2, (uint16_t)(word >> 16));
    c->code_len += gen_length(word);
}

/* ---- fields ---- */

static int64_t random_register(struct random *r, const struct gen_registers *regs, const struct riscv64_field *f, int64_t last)
{
    if (random_percent(r, 15) && last >= 0)
        return last;
    if (f->width == 3 || !regs->npool)
        return random_percent(r, 8) ? 0 : (int64_t)random_below(r, 1u << f->width);
    return random_percent(r, 5) ? 0 : regs->pool[random_below(r, regs->npool)];
}

static int64_t random_csr(struct random *r, bool block)
{
    /* Privileged, vector and custom ones, and stacks of return addresses: nobody has them in user mode. */
    static const uint16_t refused[] = {0x300, 0x100, 0x180, 0xf14, 0x008, 0x009, 0x00a, 0x00f, 0xc20, 0x011, 0x017, 0x7c0};
    if (random_percent(r, block ? 1 : 10))
        return refused[random_below(r, ARRAY_LEN(refused))];
    return 1 + (int64_t)random_below(r, 3);
}

static int64_t random_immediate(struct random *r, const struct riscv64_field *f)
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
    const struct riscv64_field *f = fields_of(insn->id);
    int64_t last = -1;
    for (int i = 0; i < riscv64_insns[insn->id].nfields; i++) {
        int64_t *v = &insn->values[i];
        if (is_register(&f[i]))
            last = *v = random_register(r, regs, &f[i], f[i].width == 5 || last < 8 ? last : -1);
        else if (!strcmp(f[i].name, "c") && f[i].width == 12)
            *v = random_csr(r, regs->npool);
        else if (!strcmp(f[i].name, "rm"))
            *v = random_percent(r, 60) ? 7 : (int64_t)random_below(r, 5);
        else
            *v = random_immediate(r, &f[i]);
    }
    return gen_encode(g, insn);
}

/* ---- classes ---- */

static enum gen_class class_of(const struct gen *g, unsigned id)
{
    const char *name = riscv64_insns[id].name;
    struct gen_insn insn = {.id = id};
    struct gen_registers any = {0};
    struct random r = random_of(id, 0, 0);
    char text[128] = "";
    for (int i = 0; i < riscv64_insns[id].nfields; i++)
        if (gen_is_target(fields_of(id)[i].name))
            return GEN_branch;
    if (!strcmp(name, "jalr") || !strcmp(name, "c.jr") || !strcmp(name, "c.jalr"))
        return GEN_jump;
    if (gen_field(id, "c") >= 0)
        return GEN_csr;
    for (unsigned tries = 0; tries < 1000 && !gen_random(g, &r, &any, &insn); tries++)
        ;
    riscv64_print(id, insn.word, 0, text, sizeof text);
    if (strchr(text, '('))
        return GEN_memory;
    if (name[0] == 'f' && strncmp(name, "fence", 5) != 0)
        return GEN_float;
    return riscv64_insns[id].nfields && gen_register(id, insn.values, "d") >= 0 ? GEN_integer : GEN_other;
}

/* Other classes end a block nearly always, and what pairs up is put by gen_block.c itself. */
static bool fits_blocks(const struct gen *g, unsigned id)
{
    const char *name = riscv64_insns[id].name;
    if (gen_excluded(id) || g->class[id] == GEN_jump || !strncmp(name, "lr.", 3) || !strncmp(name, "sc.", 3))
        return false;
    return g->class[id] != GEN_other || !strncmp(name, "fence", 5) || strstr(name, "ebreak") || strstr(name, "nop") || strstr(name, "ntl");
}

void gen_init(struct gen *g, uint64_t features)
{
    memset(g, 0, sizeof *g);
    g->features = features;
    for (unsigned id = 0; id < RISCV64_INSNS; id++) {
        g->class[id] = (uint8_t)class_of(g, id);
        g->compressed[id] = riscv64_insns[id].length == 2;
        if (fits_blocks(g, id))
            g->ids[g->class[id]][g->count[g->class[id]]++] = (uint16_t)id;
    }
}

/* ---- operands of a single instruction ---- */

static uint64_t data_address(struct random *r)
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
    case 94: return random_next(r) | 1ull << 63;
    case 95: return CASE_DATA - 0x2000 - align_down(random_below(r, 0x100000), align);
    default: return CASE_DATA + CASE_DATA_SIZE + align_down(random_below(r, 0x100000), align);
    }
}

/* Interesting memory there, for compare-and-swap often what it expects. */
static void patch_data(struct random *r, const struct gen_insn *insn, uint64_t at, struct case_input *c)
{
    int d = gen_register(insn->id, insn->values, "d");
    bool expected = !strncmp(riscv64_insns[insn->id].name, "amocas", 6) && random_percent(r, 50);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t where = align_down(at, 8) + 8 * i, value = random_percent(r, 50) ? random_integer(r) : value_register(r);
        if (where - CASE_DATA >= CASE_DATA_SIZE)
            continue;
        if (expected && d >= 0)
            value = d + i < 32 && d ? c->before.x[d + (int)i] : 0;
        unsigned turn = (unsigned)(at & 7) * 8;
        c->patches[c->npatches++] = (struct case_word){(where - CASE_DATA) / 8, turn ? value << turn | value >> (64 - turn) : value};
    }
}

static int64_t offset_of(const struct gen_insn *insn)
{
    for (int i = 0; i < riscv64_insns[insn->id].nfields; i++)
        if (!is_register(&fields_of(insn->id)[i]) && strcmp(fields_of(insn->id)[i].name, "o") != 0)
            return insn->values[i];
    return 0;
}

static void set_memory(struct random *r, const struct gen_insn *insn, struct case_input *c)
{
    int base = gen_register(insn->id, insn->values, "s");
    uint64_t at = data_address(r), offset = (uint64_t)offset_of(insn);
    base = base < 0 ? 2 : base;
    if (base)
        c->before.x[base] = at - offset;
    else
        at = offset;
    patch_data(r, insn, at, c);
}

/* Somewhere in the code area, but not into the instruction itself; seldom beyond. */
static uint64_t jump_target(struct random *r, uint64_t pc, unsigned len)
{
    for (;;) {
        uint64_t to = CASE_CODE + align_down(random_below(r, CASE_CODE_SIZE), 2);
        if (random_percent(r, 5))
            to = random_percent(r, 50) ? CASE_CODE - 2 * random_below(r, 0x1000) : CASE_CODE + CASE_CODE_SIZE + 2 * random_below(r, 0x1000);
        if (to - pc >= len)
            return to;
    }
}

static bool set_target(const struct gen *g, struct random *r, struct gen_insn *insn, uint64_t pc)
{
    for (int i = 0; i < riscv64_insns[insn->id].nfields; i++) {
        const struct riscv64_field *f = &fields_of(insn->id)[i];
        if (!gen_is_target(f->name))
            continue;
        int64_t range = 1ll << (f->width - 1), to = (int64_t)(jump_target(r, pc, 4) - pc);
        if (random_percent(r, 10) || to < -range || to >= range)
            to = (int64_t)align_down(random_below(r, 2 * (uint64_t)range), 2) - range;
        if (to >= 0 && to < 4)
            to = range - 2;
        insn->values[i] = to;
    }
    return gen_encode(g, insn);
}

/* By the letter after a point in the name: the last one is the sources', fcvt's first one the result's. */
static const struct format *format_of(char letter)
{
    return letter == 's' ? &format_single : letter == 'h' ? &format_half : letter == 'd' ? &format_double : NULL;
}

static void set_floats(struct random *r, const struct gen_insn *insn, struct case_input *c)
{
    static const char *const names[] = {"s", "t", "r"};
    const char *name = riscv64_insns[insn->id].name, *last = strrchr(name, '.');
    const struct format *f = last ? format_of(last[1]) : NULL, *to = !strncmp(name, "fcvt.", 5) ? format_of(name[5]) : NULL;
    uint64_t v[3];
    f = f && random_percent(r, 96) ? f : random_percent(r, 50) ? &format_single : &format_double;
    for (unsigned i = 0; i < 3; i++)
        v[i] = value_float(r, f);
    if (to && to->fraction < f->fraction && random_percent(r, 50))
        v[0] = value_narrowed(r, f, to);
    else if (random_percent(r, 50))
        value_related(r, f, v);
    for (unsigned i = 0; i < 3; i++) {
        int n = gen_register(insn->id, insn->values, names[i]);
        if (n >= 0)
            c->before.f[n] = value_box(r, f, v[i]);
    }
}

/* Anywhere in the code area, often at the ends of its pages. */
static uint64_t code_address(struct random *r, unsigned len)
{
    uint64_t at;
    switch (random_below(r, 16)) {
    case 0:
    case 1: at = 0x1000 - len; break;
    case 2: at = 0x1000 - 2; break;
    case 3: at = random_percent(r, 50) ? 0 : CASE_CODE_SIZE - len; break;
    case 4: at = random_percent(r, 20) ? CASE_CODE_SIZE - 2 : 0x1000; break;
    default: at = align_down(random_below(r, CASE_CODE_SIZE - len), 2);
    }
    if (at + len == CASE_CODE_SIZE - 6) /* QEMU 10 looks beyond the area, for what may follow a c.ebreak there */
        at -= 2;
    return CASE_CODE + at;
}

static void random_state(struct random *r, struct case_state *s)
{
    s->x[0] = 0;
    for (unsigned i = 1; i < 32; i++)
        s->x[i] = random_percent(r, 12) ? s->x[random_below(r, i)] : random_integer(r);
    for (unsigned i = 0; i < 32; i++)
        s->f[i] = value_register(r);
    s->fcsr = random_below(r, 32) | (random_percent(r, 94) ? random_below(r, 5) : random_below(r, 8)) << 5;
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
    if (g->class[id] == GEN_float)
        set_floats(r, &insn, out);
    if (g->class[id] == GEN_memory)
        set_memory(r, &insn, out);
    if (g->class[id] == GEN_branch && !set_target(g, r, &insn, out->before.pc))
        return false;
    int s = gen_register(id, insn.values, "s");
    if (g->class[id] == GEN_jump) {
        if (s <= 0)
            return false; /* it would jump to where programs may be */
        out->before.x[s] = jump_target(r, out->before.pc, len) - (gen_field(id, "i") >= 0 ? (uint64_t)offset_of(&insn) : 0);
    }
    put_first(out, insn.word);
    return true;
}

/* Words near those that mean something, and any others. Should the oracle know one, it finds only pointers to data. */
bool gen_undefined(const struct gen *g, struct random *r, struct case_input *out)
{
    struct gen_registers any = {0};
    struct gen_insn insn = {.id = (unsigned)random_below(r, RISCV64_INSNS)};
    memset(out, 0, sizeof *out);
    if (random_percent(r, 70) && gen_random(g, r, &any, &insn)) {
        for (uint64_t flips = 1 + random_below(r, 3); flips--;)
            insn.word ^= 1u << random_below(r, gen_length(insn.word) * 8);
    } else {
        insn.word = (uint32_t)random_next(r) | (random_percent(r, 60) ? 3 : 0);
    }
    if (gen_length(insn.word) == 2)
        insn.word &= 0xffff;
    if (riscv64_decode(insn.word, g->features) != RISCV64_INSNS)
        return false;
    random_state(r, &out->before);
    for (unsigned i = 1; i < 32; i++)
        out->before.x[i] = CASE_DATA + 0x1000 + 64 * random_below(r, 8);
    /* Not at the very end: QEMU reads on behind a word whose rounding mode is reserved, and faults where nothing is mapped. */
    out->before.pc = CASE_CODE + align_down(random_below(r, CASE_CODE_SIZE - 512), 2);
    put_first(out, insn.word);
    return true;
}
