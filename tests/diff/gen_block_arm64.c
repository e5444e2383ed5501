/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arm64's straight-line blocks of 8 to 40 instructions with forward branches: what folding, queued writes, flags and precise traps make
 * of neighbours. A few registers are used over and over; sp and one of x8 to x15 point into the data area and change by write-back only.
 */
#include "base/bits.h"
#include "gen_arm64.h"
#include "guest/arm64/sysreg.h"

enum { MIN_INSNS = 8, MAX_INSNS = 40, SP = 31 };

struct item {
    struct gen_insn insn;
    int target;  /* index of an item, or of the end; -1: none */
    int field;   /* that holds the offset to it */
    bool inside; /* no branch may lead there */
};

struct block {
    struct item items[MAX_INSNS + 4];
    int n;
    struct gen_registers regs;
    bool aligned; /* the bases are, to 16 */
};

static unsigned id_of(const char *name)
{
    for (unsigned id = 0; id < INSNS; id++)
        if (!strcmp(insn_table[id].name, name))
            return id;
    return INSNS;
}

/* By any field that may name a register which is written, but for the base of an access. */
static bool writes_base(const struct gen_insn *insn, const struct gen_registers *regs, enum gen_class class)
{
    static const char *const fields[] = {"d", "t", "u", "s"};
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
        int n = gen_register(insn->id, insn->values, fields[i]);
        if (n == regs->base || (n + 1 == regs->base && strstr(insn_table[insn->id].name, "casp")))
            return true;
        if (n == SP && class == GEN_integer)
            return true; /* perhaps it means sp */
    }
    return false;
}

static bool must_be_aligned(const char *name)
{
    return !strncmp(name, "cas", 3) || !strncmp(name, "swp", 3) || !strncmp(name, "ldar", 4) || !strncmp(name, "ldlar", 5) ||
           !strncmp(name, "ldap", 4) || !strncmp(name, "stl", 3) ||
           (!strncmp(name, "ld", 2) && (strstr(name, "add") || strstr(name, "clr") || strstr(name, "eor") || strstr(name, "set") ||
                                        strstr(name, "max") || strstr(name, "min")));
}

/* Accesses go through one of the two bases, not far from it; an index is mostly none. */
static void set_base(struct random *r, const struct block *b, struct gen_insn *insn)
{
    const char *name = insn_table[insn->id].name;
    if (name[1] == 'c' && name[2] == '.') { /* cache maintenance */
        gen_set(insn, "t", b->regs.base);
        return;
    }
    gen_set(insn, "n", random_percent(r, 50) ? b->regs.base : SP);
    if (random_percent(r, 95))
        gen_set(insn, "m", 31);
    int i = gen_field(insn->id, "i");
    if (i < 0 || random_percent(r, 5))
        return;
    int64_t offset = (int64_t)random_below(r, 64) - (gen_fields(insn->id)[i].is_signed ? 32 : 0);
    insn->values[i] = must_be_aligned(name) && random_percent(r, 90) ? offset & -8 : offset;
}

static void append(struct block *b, const struct gen_insn *insn)
{
    b->items[b->n] = (struct item){.insn = *insn, .target = -1};
    b->n++;
}

static void append_branch(struct random *r, struct block *b, const struct gen_insn *insn, int n)
{
    append(b, insn);
    struct item *item = &b->items[b->n - 1];
    for (int i = 0; i < insn_table[insn->id].nfields; i++)
        if (gen_is_target(gen_fields(insn->id)[i].name))
            item->field = i;
    item->target = b->n + (int)random_below(r, 8);
    item->target = item->target < n ? item->target : n;
}

static bool try_one(const struct gen *g, struct random *r, struct block *b, enum gen_class class, int n)
{
    if (!g->count[class])
        return false;
    struct gen_insn insn = {.id = g->ids[class][random_below(r, g->count[class])]};
    if (!gen_random(g, r, &b->regs, &insn))
        return false;
    if (class == GEN_memory)
        set_base(r, b, &insn);
    int k = class == GEN_csr ? gen_field(insn.id, "k") : -1;
    if (k >= 0 && !strcmp(insn_table[insn.id].name, "msr") && insn.values[k] != SYSREG_NZCV)
        return false; /* the value would have to fit the register */
    if (!gen_encode(g, &insn) || writes_base(&insn, &b->regs, class))
        return false;
    if (class == GEN_branch)
        append_branch(r, b, &insn, n);
    else
        append(b, &insn);
    return true;
}

static int pick(struct random *r, const struct gen_registers *regs)
{
    for (;;) {
        int x = regs->pool[random_below(r, regs->npool)];
        if (x != SP && x != regs->base)
            return x;
    }
}

/* ldxr, something in between, stxr: to the same place. */
static void reserve(const struct gen *g, struct random *r, struct block *b, int n)
{
    static const char *const loads[] = {"ldxrb.w", "ldxrh.w", "ldxr.w", "ldxr.x", "ldxp.w", "ldxp.x"};
    static const char *const stores[] = {"stxrb.w", "stxrh.w", "stxr.w", "stxr.x", "stxp.w", "stxp.x"};
    unsigned kind = (unsigned)random_below(r, ARRAY_LEN(loads));
    struct gen_insn load = {.id = id_of(loads[kind])}, store = {.id = id_of(stores[kind])};
    gen_random(g, r, &b->regs, &load);
    gen_random(g, r, &b->regs, &store);
    gen_set(&load, "n", b->regs.base);
    gen_set(&store, "n", b->regs.base);
    gen_set(&load, "t", pick(r, &b->regs));
    gen_set(&load, "u", 31);
    gen_set(&store, "s", pick(r, &b->regs));
    if (!gen_encode(g, &load) || !gen_encode(g, &store) || writes_base(&load, &b->regs, GEN_memory))
        return;
    append(b, &load);
    for (uint64_t between = random_below(r, 3); between--;)
        (void)!try_one(g, r, b, GEN_integer, n);
    append(b, &store);
}

static struct gen_insn made(const char *name) { return (struct gen_insn){.id = id_of(name)}; }

static bool put(const struct gen *g, struct block *b, struct gen_insn *insn)
{
    bool good = gen_encode(g, insn);
    if (!good)
        return false;
    append(b, insn);
    b->items[b->n - 1].inside = true;
    return true;
}

/* An address near a base: add xR, xBASE, #offset. */
static bool point(const struct gen *g, struct block *b, int r, int base, int64_t offset)
{
    struct gen_insn insn = made("add.imm");
    gen_set(&insn, "sf", 1);
    gen_set(&insn, "d", r);
    gen_set(&insn, "n", base);
    gen_set(&insn, "i", offset);
    return put(g, b, &insn);
}

/*
 * A copy or set of memory as a whole, never from its middle, where it might touch anything: how the work is shared among its parts is open. So is what a copy that only goes forwards does
 * with areas that would want it otherwise.
 */
static void copy(const struct gen *g, struct random *r, struct block *b)
{
    static const char *const names[][3] = {{"cpyfp", "cpyfm", "cpyfe"}, {"cpyp", "cpym", "cpye"}, {"setp", "setm", "sete"}};
    unsigned kind = (unsigned)random_below(r, ARRAY_LEN(names));
    int d = pick(r, &b->regs), s = pick(r, &b->regs), n = pick(r, &b->regs), base = random_percent(r, 50) ? b->regs.base : SP;
    int64_t to = (int64_t)random_below(r, 1024), from = (int64_t)random_below(r, 1024), options = (int64_t)random_below(r, 16);
    struct gen_insn size = made("movz");
    if (d == s || d == n || s == n)
        return;
    gen_set(&size, "sf", 1);
    gen_set(&size, "d", n);
    gen_set(&size, "i", (int64_t)random_below(r, random_percent(r, 50) ? 32 : 1500));
    if (!put(g, b, &size) || !point(g, b, d, base, to) || (kind < 2 && !point(g, b, s, base, kind || from > to ? from : to)))
        return;
    for (unsigned part = 0; part < 3; part++) {
        struct gen_insn insn = made(names[kind][part]);
        gen_set(&insn, "d", d);
        gen_set(&insn, "s", s);
        gen_set(&insn, "n", n);
        gen_set(&insn, "o", kind == 2 ? options & 3 : options);
        put(g, b, &insn);
    }
}

/* A comparison, others that depend on it, and who asks for what came out: choices and a branch. */
static void conditions(const struct gen *g, struct random *r, struct block *b, int n)
{
    static const char *const first[] = {"subs", "subs.imm", "adds.imm", "ands"}, *const then[] = {"ccmp", "ccmp.imm", "ccmn", "ccmn.imm"},
                             *const last[] = {"b.cond", "b.cond", "csel", "csinc"};
    unsigned thens = 1 + (unsigned)random_below(r, 3), lasts = 1 + (unsigned)random_below(r, 2);
    for (unsigned i = 0; i < 1 + thens + lasts && b->n < n; i++) {
        bool asks = i > thens;
        struct gen_insn insn = made((!i ? first : asks ? last : then)[random_below(r, 4)]);
        if (!gen_random(g, r, &b->regs, &insn))
            continue;
        if (!i && random_percent(r, 70))
            gen_set(&insn, "d", 31); /* of these it means the zero register */
        if (!gen_encode(g, &insn) || (!(i && !asks) && writes_base(&insn, &b->regs, GEN_memory)))
            continue;
        if (!strcmp(insn_table[insn.id].name, "b.cond"))
            append_branch(r, b, &insn, n);
        else
            append(b, &insn);
        if (random_percent(r, 20) && b->n < n)
            (void)!try_one(g, r, b, random_percent(r, 70) ? GEN_integer : GEN_memory, n);
    }
}

static void fill(const struct gen *g, struct random *r, struct block *b, int n)
{
    while (b->n < n) {
        unsigned way = (unsigned)random_below(r, 1000);
        if (way < 30)
            reserve(g, r, b, n);
        else if (way < 45 && b->n + 6 <= n)
            copy(g, r, b);
        else if (way < 90)
            conditions(g, r, b, n);
        else
            (void)!try_one(g, r, b,
                           way < 500   ? GEN_integer
                           : way < 680 ? (g->count[GEN_float] ? GEN_float : GEN_integer)
                           : way < 850 ? GEN_memory
                           : way < 950 ? GEN_branch
                           : way < 980 ? GEN_csr
                                       : GEN_other,
                           n);
    }
}

static void link_block(const struct gen *g, struct block *b, struct case_input *out)
{
    for (int i = 0; i < b->n; i++) {
        struct item *item = &b->items[i];
        if (item->target >= 0) {
            int target = item->target < b->n ? item->target : b->n;
            while (target < b->n && b->items[target].inside)
                target++;
            item->insn.values[item->field] = 4 * (target - i);
            (void)!gen_encode(g, &item->insn);
        }
        gen_put(out, item->insn.word);
    }
}

static void set_state(struct random *r, const struct block *b, struct case_state *s)
{
    const struct format *f = random_percent(r, 50) ? &format_single : &format_double;
    for (unsigned i = 0; i < 31; i++)
        s->x[i] = random_integer(r);
    for (unsigned i = 0; i < 64; i++)
        s->f[i] = random_percent(r, 80) ? value_float(r, f) : random_next(r);
    s->x[b->regs.base] = CASE_DATA + 0x1000 - 512 + 16 * random_below(r, 64) + (b->aligned ? 0 : random_below(r, 16));
    s->x[SP] = CASE_DATA + 0x1000 - 1024 + 16 * random_below(r, 64) + (b->aligned ? 0 : random_below(r, 16));
    if (random_percent(r, 5)) /* some accesses hit the guards */
        s->x[SP] += CASE_DATA_SIZE / 2;
    gen_random_status(r, s->status);
}

void gen_block(const struct gen *g, struct random *r, struct case_input *out)
{
    struct block b = {0};
    int n = MIN_INSNS + (int)random_below(r, MAX_INSNS - MIN_INSNS + 1);
    b.regs.base = (uint8_t)(8 + random_below(r, 8));
    b.aligned = random_percent(r, 85);
    b.regs.npool = sizeof b.regs.pool;
    for (unsigned i = 0; i < b.regs.npool; i++)
        b.regs.pool[i] = (uint8_t)(i % 2 ? random_below(r, 8) : random_below(r, 32));
    b.regs.pool[0] = 1; /* so that pick() finds one */
    memset(out, 0, sizeof *out);
    fill(g, r, &b, n);
    set_state(r, &b, &out->before);
    out->before.pc = CASE_CODE + 0x1000 - align_down(random_below(r, 0x200), 4);
    link_block(g, &b, out);
}
