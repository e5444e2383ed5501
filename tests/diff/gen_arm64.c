/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arm64's part of the generator. Addresses are worked out from the word: all loads and stores have theirs in the same few forms. */
#include "gen_arm64.h"
#include "base/bits.h"
#include "guest/arm64/sysreg.h"

const struct gen_exclusion gen_exclusions[] = {
    {"svc", "a system call of the oracle"},
    {"wfi", "waits"},
    {"wfe", "waits"},
    {"wfit", "waits"},
    {"wfet", "waits"},
    {"dc.zva", "the oracle's blocks are larger"},
    {"smax", "QEMU 10 does not know it, as the others of FEAT_CSSC"},
    {"umax", "likewise"},
    {"smin", "likewise"},
    {"umin", "likewise"},
    {"smax.imm", "likewise"},
    {"umax.imm", "likewise"},
    {"smin.imm", "likewise"},
    {"umin.imm", "likewise"},
    {"ctz", "likewise"},
    {"cnt", "likewise"},
    {"abs", "likewise"},
    {"cpyfp", "copies are tested as a whole, in blocks"},
    {"cpyfm", "likewise"},
    {"cpyfe", "likewise"},
    {"cpyp", "likewise"},
    {"cpym", "likewise"},
    {"cpye", "likewise"},
    {"setp", "likewise"},
    {"setm", "likewise"},
    {"sete", "likewise"},
    {"xpaclri", "codes of pointers are each emulator's own"},
    {"pacia1716", "likewise"},
    {"pacib1716", "likewise"},
    {"autia1716", "likewise"},
    {"autib1716", "likewise"},
    {"paciaz", "likewise"},
    {"paciasp", "likewise"},
    {"pacibz", "likewise"},
    {"pacibsp", "likewise"},
    {"autiaz", "likewise"},
    {"autiasp", "likewise"},
    {"autibz", "likewise"},
    {"autibsp", "likewise"},
    {"pacia", "likewise"},
    {"pacib", "likewise"},
    {"pacda", "likewise"},
    {"pacdb", "likewise"},
    {"autia", "likewise"},
    {"autib", "likewise"},
    {"autda", "likewise"},
    {"autdb", "likewise"},
    {"paciza", "likewise"},
    {"pacizb", "likewise"},
    {"pacdza", "likewise"},
    {"pacdzb", "likewise"},
    {"autiza", "likewise"},
    {"autizb", "likewise"},
    {"autdza", "likewise"},
    {"autdzb", "likewise"},
    {"xpaci", "likewise"},
    {"xpacd", "likewise"},
    {"pacga", "likewise"},
    {"braa", "likewise"},
    {"brab", "likewise"},
    {"braaz", "likewise"},
    {"brabz", "likewise"},
    {"blraa", "likewise"},
    {"blrab", "likewise"},
    {"blraaz", "likewise"},
    {"blrabz", "likewise"},
    {"retaa", "likewise"},
    {"retab", "likewise"},
    {"eretaa", "likewise"},
    {"eretab", "likewise"},
    {"ldraa", "likewise"},
    {"ldrab", "likewise"},
    {"ldraa.pre", "likewise"},
    {"ldrab.pre", "likewise"},
    {"stp.w.post.whole", "the model max is without lse2"},
    {"stp.x.post.whole", "likewise"},
    {"stp.w.off.whole", "likewise"},
    {"stp.x.off.whole", "likewise"},
    {"stp.w.pre.whole", "likewise"},
    {"stp.x.pre.whole", "likewise"},
    {"stnp.w.noalloc.whole", "likewise"},
    {"stnp.x.noalloc.whole", "likewise"},
    {"ldp.w.post.whole", "likewise"},
    {"ldp.x.post.whole", "likewise"},
    {"ldp.w.off.whole", "likewise"},
    {"ldp.x.off.whole", "likewise"},
    {"ldp.w.pre.whole", "likewise"},
    {"ldp.x.pre.whole", "likewise"},
    {"ldnp.w.noalloc.whole", "likewise"},
    {"ldnp.x.noalloc.whole", "likewise"},
    {"ldpsw.post.whole", "likewise"},
    {"ldpsw.off.whole", "likewise"},
    {"ldpsw.pre.whole", "likewise"},
    {"mrs of counters and identity", "they tell of the emulator, not of the program"},
    {0},
};

bool gen_is_target(const char *field) { return !strcmp(field, "b26") || !strcmp(field, "b19") || !strcmp(field, "b14"); }
bool gen_is_register(const struct insn_field_row *f) { return strchr("dnmatus", f->name[0]) && !f->name[1] && f->width == 5; }

/* Of a system register: one that programs have, seldom one that they have not. */
bool gen_special_field(struct random *r, bool block, const struct insn_field_row *f, int64_t *value)
{
    static const uint16_t numbers[] = {SYSREG_NZCV, SYSREG_FPCR, SYSREG_FPSR, SYSREG_NUMBER(3, 3, 13, 0, 2), SYSREG_NZCV};
    static const uint16_t refused[] = {SYSREG_NUMBER(3, 0, 1, 0, 0), SYSREG_NUMBER(3, 0, 4, 0, 0), SYSREG_NUMBER(3, 4, 1, 1, 0)};
    if (strcmp(f->name, "k") != 0 || f->width != 15)
        return false;
    *value =
        random_percent(r, block ? 0 : 10) ? refused[random_below(r, ARRAY_LEN(refused))] : numbers[random_below(r, ARRAY_LEN(numbers))];
    return true;
}

static bool same(unsigned id, const int64_t *values, const char *a, const char *b)
{
    int x = gen_register(id, values, a), y = gen_register(id, values, b);
    return x >= 0 && x == y;
}

/* Write-back to a register that is loaded or stored, two loads to one register, a status that is also an operand. */
bool gen_defined(unsigned id, const int64_t *values)
{
    const char *name = insn_table[id].name;
    bool back = strstr(name, ".post") || strstr(name, ".pre"), sp = gen_register(id, values, "n") == 31;
    if (back && !sp && (same(id, values, "n", "t") || same(id, values, "n", "u")))
        return false;
    if ((!strncmp(name, "ldp", 3) || !strncmp(name, "ldnp", 4) || !strncmp(name, "ldxp", 4)) && same(id, values, "t", "u"))
        return false;
    if (strncmp(name, "stx", 3) != 0)
        return strcmp(name, "hlt") != 0 || values[0] != 0xf000; /* a call of the semihosting host */
    return !same(id, values, "s", "t") && !same(id, values, "s", "u") && (sp || !same(id, values, "s", "n"));
}

static bool literal(const char *name) { return strstr(name, ".literal"); }

enum gen_class gen_class_of(unsigned id, const char *text)
{
    const char *name = insn_table[id].name;
    if (!strcmp(name, "br") || !strcmp(name, "blr") || !strcmp(name, "ret"))
        return GEN_jump;
    if (!strcmp(name, "mrs") || !strcmp(name, "msr"))
        return GEN_csr;
    if (strchr(text, '[') || literal(name) || !strncmp(name, "dc.", 3) || !strncmp(name, "ic.", 3))
        return GEN_memory;
    if ((insn_table[id].match >> 25 & 7) == 7)
        return GEN_float;
    return gen_field(id, "d") >= 0 || gen_field(id, "n") >= 0 ? GEN_integer : GEN_other;
}

bool gen_fits_blocks(const char *name, enum gen_class class)
{
    if (class == GEN_jump || literal(name) || !strncmp(name, "ldx", 3) || !strncmp(name, "stx", 3))
        return false;
    return class != GEN_other || !strncmp(name, "mov", 3) || strstr(name, "flag") || !strncmp(name, "cf", 2) || !strcmp(name, "hint") ||
           !strcmp(name, "dmb") || !strcmp(name, "dsb") || !strcmp(name, "isb") || !strcmp(name, "clrex");
}

/* ---- operands ---- */

enum { FPCR_MASK = 0x07c80000, FPCR_AHP_DN = 0x06000000 };

static uint64_t random_fpcr(struct random *r) { return random_percent(r, 60) ? 0 : random_next(r) & FPCR_MASK; }

void gen_random_status(struct random *r, uint64_t status[CASE_STATUSES])
{
    status[0] = random_below(r, 16) << 28;
    status[1] = random_fpcr(r);
    status[2] = random_percent(r, 50) ? 0 : random_next(r) & 0x0800009f;
}

/* log2 of the bytes of each element: the size, or for vectors with its bit from opc. */
static unsigned scale_of(uint32_t word)
{
    bool vector = word >> 26 & 1, pair = (word >> 27 & 7) == 5 && (word >> 25 & 1) == 0;
    if (pair)
        return vector ? 2 + (word >> 30) : 2 + (word >> 31);
    return vector && (word >> 23 & 1) ? 4 : word >> 30;
}

static int64_t extended(unsigned o, uint64_t m) { return o == 2 ? (int64_t)(uint32_t)m : o == 6 ? (int64_t)(int32_t)m : (int64_t)m; }

/* What is added to the base register before the access. x: the registers. */
static int64_t offset_of(uint32_t word, const uint64_t x[32])
{
    unsigned scale = scale_of(word), m = word >> 16 & 31;
    if ((word >> 27 & 7) == 5 && !(word >> 25 & 1)) /* pairs */
        return (word >> 23 & 3) == 1 ? 0 : (int64_t)((uint64_t)bits_sext(word >> 15 & 127, 7) << scale);
    if ((word >> 27 & 7) != 7)
        return (word >> 24 & 0x3f) == 0x19 && !(word >> 21 & 1) ? bits_sext(word >> 12 & 511, 9) : 0; /* ldapur; exclusives have none */
    if (word >> 24 & 1)
        return (int64_t)(word >> 10 & 0xfff) << scale;
    if (!(word >> 21 & 1))
        return (word >> 10 & 3) == 1 ? 0 : bits_sext(word >> 12 & 511, 9);
    if ((word >> 10 & 3) != 2)
        return 0; /* atomics */
    return (int64_t)((uint64_t)extended(word >> 13 & 7, m == 31 ? 0 : x[m]) << (word >> 12 & 1 ? scale : 0));
}

bool gen_arm64_base(struct random *r, unsigned base, const struct gen_insn *insn, uint64_t at, struct case_state *s)
{
    int m = gen_register(insn->id, insn->values, "m");
    if (m >= 0 && (unsigned)m == base && m != 31)
        return false;
    if (m >= 0 && m != 31 && random_percent(r, 80))
        s->x[m] = random_percent(r, 50) ? random_below(r, 0x100) : -random_below(r, 0x100);
    uint64_t offset = (uint64_t)offset_of(insn->word, s->x);
    if (offset >> 55 && offset >> 55 != 511)
        return false; /* it would change the address's tag */
    s->x[base] = at - offset;
    return true;
}

/* What a compare-and-swap expects. */
static void expected_words(const struct gen_insn *insn, const struct case_input *c, uint64_t words[2])
{
    int s = gen_register(insn->id, insn->values, "s");
    for (int i = 0; i < 2; i++)
        words[i] = s >= 0 && s + i < 31 ? c->before.x[s + i] : 0;
    if (!strcmp(insn_table[insn->id].name, "casp.w"))
        words[0] = (uint32_t)words[0] | words[1] << 32;
}

static bool set_memory(struct random *r, struct gen_insn *insn, struct case_input *c)
{
    const char *name = insn_table[insn->id].name;
    uint64_t at = gen_data_address(r), words[2];
    int base = gen_register(insn->id, insn->values, name[1] == 'c' ? "t" : "n");
    if (base < 0) { /* a literal: of this code */
        gen_set(insn, "b19", ((int64_t)(CASE_CODE + random_below(r, CASE_CODE_SIZE)) - (int64_t)c->before.pc) & -4);
        return true;
    }
    if (name[1] == 'c' && base == 31)
        return false;
    if (strchr(name, 'x') || !strncmp(name, "cas", 3) || strstr(name, "ar") || strstr(name, "stl") ||
        strstr(name, "lap")) /* must be aligned */
        at = random_percent(r, 85) ? align_down(at, 16) : at;
    if (!gen_arm64_base(r, (unsigned)base, insn, at, &c->before))
        return false;
    expected_words(insn, c, words);
    gen_patch(r, at, !strncmp(name, "cas", 3) && random_percent(r, 60) ? words : NULL, c);
    return true;
}

bool gen_operands(struct random *r, enum gen_class class, struct gen_insn *insn, struct case_input *c)
{
    int t = gen_register(insn->id, insn->values, "t"), k = gen_field(insn->id, "k");
    if (class == GEN_csr && t >= 0 && t < 31) {
        if (insn->values[k] == SYSREG_FPCR)
            c->before.x[t] = random_fpcr(r);
        if (insn->values[k] == SYSREG_FPSR)
            c->before.x[t] &= 0x0800009f;
    }
    return class != GEN_memory || set_memory(r, insn, c);
}

bool gen_jump_register(struct gen_insn *insn, uint64_t target, struct case_input *c)
{
    int n = gen_register(insn->id, insn->values, "n");
    if (n < 0 || n == 31)
        return false; /* it would jump to where programs may be */
    c->before.x[n] = target;
    return true;
}
