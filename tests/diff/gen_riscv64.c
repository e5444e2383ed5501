/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* riscv64's part of the generator. Its operands: addresses of memory, operands of floating point that belong together. */
#include "base/bits.h"
#include "gen.h"

const struct gen_exclusion gen_exclusions[] = {
    {"ecall", "a system call of the oracle"},
    {"csr cycle, time, instret, hpmcounter3-31", "they tell of the emulator, not of the program"},
    {"csr seed", "random"},
    {0},
};

bool gen_is_target(const char *field)
{
    static const char *const names[] = {"j", "b", "cj", "cb"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(field, names[i]))
            return true;
    return false;
}

bool gen_is_register(const struct insn_field_row *f)
{
    return strchr("dstr", f->name[0]) && !f->name[1] && (f->width == 5 || f->width == 3);
}

bool gen_defined(unsigned id, const int64_t *values)
{
    (void)id, (void)values;
    return true;
}

static int64_t random_csr(struct random *r, bool block)
{
    /* Privileged, vector and custom ones, and stacks of return addresses: nobody has them in user mode. */
    static const uint16_t refused[] = {0x300, 0x100, 0x180, 0xf14, 0x008, 0x009, 0x00a, 0x00f, 0xc20, 0x011, 0x017, 0x7c0};
    if (random_percent(r, block ? 1 : 10))
        return refused[random_below(r, ARRAY_LEN(refused))];
    return 1 + (int64_t)random_below(r, 3);
}

bool gen_special_field(struct random *r, bool block, const struct insn_field_row *f, int64_t *value)
{
    if (!strcmp(f->name, "c") && f->width == 12)
        *value = random_csr(r, block);
    else if (!strcmp(f->name, "rm"))
        *value = random_percent(r, 60) ? 7 : (int64_t)random_below(r, 5);
    else
        return false;
    return true;
}

enum gen_class gen_class_of(unsigned id, const char *text)
{
    const char *name = insn_table[id].name;
    const int64_t zeros[GEN_MAX_FIELDS] = {0};
    if (!strcmp(name, "jalr") || !strcmp(name, "c.jr") || !strcmp(name, "c.jalr"))
        return GEN_jump;
    if (gen_field(id, "c") >= 0)
        return GEN_csr;
    if (strchr(text, '('))
        return GEN_memory;
    if (name[0] == 'f' && strncmp(name, "fence", 5) != 0)
        return GEN_float;
    return insn_table[id].nfields && gen_register(id, zeros, "d") >= 0 ? GEN_integer : GEN_other;
}

/* Other classes end a block nearly always, and what pairs up is put by gen_block_riscv64.c itself. */
bool gen_fits_blocks(const char *name, enum gen_class class)
{
    if (class == GEN_jump || !strncmp(name, "lr.", 3) || !strncmp(name, "sc.", 3))
        return false;
    return class != GEN_other || !strncmp(name, "fence", 5) || strstr(name, "ebreak") || strstr(name, "nop") || strstr(name, "ntl");
}

/* ---- operands of a single instruction ---- */

void gen_random_status(struct random *r, uint64_t status[CASE_STATUSES])
{
    status[0] = random_below(r, 32) | (random_percent(r, 94) ? random_below(r, 5) : random_below(r, 8)) << 5;
}

static int64_t offset_of(const struct gen_insn *insn)
{
    for (int i = 0; i < insn_table[insn->id].nfields; i++)
        if (!gen_is_register(&gen_fields(insn->id)[i]) && strcmp(gen_fields(insn->id)[i].name, "o") != 0)
            return insn->values[i];
    return 0;
}

/* What a compare-and-swap expects. */
static void expected_words(const struct gen_insn *insn, const struct case_input *c, uint64_t words[2])
{
    int d = gen_register(insn->id, insn->values, "d");
    for (int i = 0; i < 2; i++)
        words[i] = d > 0 && d + i < 32 ? c->before.x[d + i] : 0;
}

static void set_memory(struct random *r, const struct gen_insn *insn, struct case_input *c)
{
    int base = gen_register(insn->id, insn->values, "s");
    uint64_t at = gen_data_address(r), offset = (uint64_t)offset_of(insn), words[2];
    bool expected = !strncmp(insn_table[insn->id].name, "amocas", 6) && random_percent(r, 50);
    base = base < 0 ? 2 : base;
    if (base)
        c->before.x[base] = at - offset;
    else
        at = offset;
    expected_words(insn, c, words);
    gen_patch(r, at, expected ? words : NULL, c);
}

/* By the letter after a point in the name: the last one is the sources', fcvt's first one the result's. */
static const struct format *format_of(char letter)
{
    return letter == 's' ? &format_single : letter == 'h' ? &format_half : letter == 'd' ? &format_double : NULL;
}

static void set_floats(struct random *r, const struct gen_insn *insn, struct case_input *c)
{
    static const char *const names[] = {"s", "t", "r"};
    const char *name = insn_table[insn->id].name, *last = strrchr(name, '.');
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

bool gen_operands(struct random *r, enum gen_class class, struct gen_insn *insn, struct case_input *c)
{
    c->before.x[0] = 0;
    if (class == GEN_float)
        set_floats(r, insn, c);
    if (class == GEN_memory)
        set_memory(r, insn, c);
    return true;
}

bool gen_jump_register(struct gen_insn *insn, uint64_t target, struct case_input *c)
{
    int s = gen_register(insn->id, insn->values, "s");
    if (s <= 0)
        return false; /* it would jump to where programs may be */
    c->before.x[s] = target - (gen_field(insn->id, "i") >= 0 ? (uint64_t)offset_of(insn) : 0);
    return true;
}
