/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * riscv64's straight-line blocks of 8 to 40 instructions with forward jumps: what folding, queued writes and precise traps make of neighbours. A few
 * registers are used over and over; sp and one of x8 to x15 point into the data area and are written by nothing but c.addi16sp.
 */
#include "base/bits.h"
#include "gen.h"

enum { MIN_INSNS = 8, MAX_INSNS = 40, SP = 2 };

struct item {
    struct gen_insn insn;
    int target; /* index of an item, or of the end; -1: none */
    int field;  /* that holds the offset to it */
    int from;   /* item whose address the offset counts from */
    bool inner; /* nothing may jump here */
};

struct block {
    struct item items[MAX_INSNS + 8]; /* some come in groups */
    int n;
    struct gen_registers regs;
    bool aligned; /* sp is, to 8 */
};

static unsigned id_of(const char *name)
{
    for (unsigned id = 0; id < INSNS; id++)
        if (!strcmp(insn_table[id].name, name))
            return id;
    return INSNS;
}

static bool writes_base(const struct gen_insn *insn, const struct gen_registers *regs)
{
    const char *name = insn_table[insn->id].name;
    int d = gen_register(insn->id, insn->values, "d");
    if (!strcmp(name, "c.addi16sp")) {
        int64_t by = insn->values[gen_field(insn->id, "c16")];
        return by < -128 || by > 128;
    }
    return d == SP || d == regs->base || (!strcmp(name, "amocas.q") && d + 1 == regs->base);
}

/* QEMU 10's amocas with x0 as its destination writes the constant that it uses for x0 in the rest of the block. */
static bool breaks_oracle(const struct gen_insn *insn)
{
    return !strncmp(insn_table[insn->id].name, "amocas", 6) && !gen_register(insn->id, insn->values, "d");
}

/* Accesses go through one of the two bases, not far from it; what must be aligned through the aligned one. */
static void set_base(struct random *r, const struct gen_registers *regs, struct gen_insn *insn)
{
    int s = gen_field(insn->id, "s"), i = gen_field(insn->id, "i"), st = gen_field(insn->id, "st");
    bool offset = i >= 0 || st >= 0;
    if (s < 0)
        return;
    insn->values[s] = insn_fields[insn_table[insn->id].first_field + s].width == 3 ? regs->base - 8
                      : random_percent(r, offset ? 50 : 90)                        ? regs->base
                                                                                   : SP;
    if (offset && random_percent(r, 95))
        insn->values[i >= 0 ? i : st] = (int64_t)random_below(r, 512) - 256;
}

/* Writes to frm mostly keep it valid: else everything after them traps. */
static void set_csr(struct random *r, struct gen_insn *insn)
{
    if (random_percent(r, 80) && insn->values[gen_field(insn->id, "c")] != 1)
        gen_set(insn, "s", 0);
    if (random_percent(r, 90))
        gen_set(insn, "i", (int64_t)random_below(r, 5));
}

static void append(struct block *b, const struct gen_insn *insn)
{
    b->items[b->n] = (struct item){.insn = *insn, .target = -1, .from = b->n};
    b->n++;
}

/* QEMU 10 leaves fround out, flags and all, if nothing in the block uses its result. */
static void use_result(const struct gen *g, struct random *r, struct block *b)
{
    const struct gen_insn *last = &b->items[b->n - 1].insn;
    struct gen_insn store = {.id = id_of("fsd")};
    if (strncmp(insn_table[last->id].name, "fround", 6) != 0)
        return;
    gen_set(&store, "t", gen_register(last->id, last->values, "d"));
    gen_set(&store, "s", b->regs.base);
    gen_set(&store, "st", (int64_t)random_below(r, 256) - 128);
    if (gen_encode(g, &store))
        append(b, &store);
}

static bool try_one(const struct gen *g, struct random *r, struct block *b, enum gen_class class, int n)
{
    struct gen_insn insn = {.id = g->ids[class][random_below(r, g->count[class])]};
    if (!gen_random(g, r, &b->regs, &insn))
        return false;
    if (class == GEN_memory)
        set_base(r, &b->regs, &insn);
    if (class == GEN_csr)
        set_csr(r, &insn);
    if (!gen_encode(g, &insn) || writes_base(&insn, &b->regs) || breaks_oracle(&insn))
        return false;
    append(b, &insn);
    use_result(g, r, b);
    if (class == GEN_branch) {
        struct item *item = &b->items[b->n - 1];
        for (int i = 0; i < insn_table[insn.id].nfields; i++)
            if (gen_is_target(insn_fields[insn_table[insn.id].first_field + i].name))
                item->field = i;
        item->target = b->n + (int)random_below(r, 8);
        item->target = item->target < n ? item->target : n;
    }
    return true;
}

static int pick(struct random *r, const struct gen_registers *regs)
{
    for (;;) {
        int x = regs->pool[random_below(r, regs->npool)];
        if (x && x != SP && x != regs->base)
            return x;
    }
}

/* lr, something in between, sc: to the same place or far from it; what sc does nearby is left open by the manual. */
static void reserve(const struct gen *g, struct random *r, struct block *b, int n)
{
    bool wide = random_percent(r, 50), far = b->aligned && random_percent(r, 15);
    struct gen_insn lr = {.id = id_of(wide ? "lr.d" : "lr.w")}, sc = {.id = id_of(wide ? "sc.d" : "sc.w")};
    gen_random(g, r, &b->regs, &lr);
    gen_random(g, r, &b->regs, &sc);
    gen_set(&lr, "d", pick(r, &b->regs));
    gen_set(&sc, "d", pick(r, &b->regs));
    gen_set(&lr, "s", b->regs.base);
    gen_set(&sc, "s", far ? SP : b->regs.base);
    if (!gen_encode(g, &lr) || !gen_encode(g, &sc))
        return;
    append(b, &lr);
    for (uint64_t between = random_below(r, 3); between--;)
        (void)!try_one(g, r, b, random_percent(r, 60) ? GEN_integer : GEN_float, n);
    append(b, &sc);
}

/* auipc and a jump by register to a later instruction: always together, for what else the register holds is no address of code. */
static void jump(const struct gen *g, struct random *r, struct block *b, int n)
{
    struct gen_insn auipc = {.id = id_of("auipc")}, addi = {.id = id_of("addi")}, to = {.id = id_of("jalr")};
    int x = pick(r, &b->regs), link = random_percent(r, 30) ? 0 : pick(r, &b->regs), first = b->n;
    bool compressed = random_percent(r, 40);
    gen_set(&auipc, "d", x);
    gen_set(&addi, "d", x);
    gen_set(&addi, "s", x);
    if (compressed)
        to.id = id_of(link ? "c.jalr" : "c.jr");
    gen_set(&to, "d", link);
    gen_set(&to, "s", x);
    append(b, &auipc);
    if (compressed)
        append(b, &addi);
    int holder = compressed ? b->n - 1 : b->n;
    append(b, &to);
    b->items[holder].field = gen_field(b->items[holder].insn.id, "i");
    b->items[holder].from = first;
    b->items[holder].target = b->n + (int)random_below(r, 6);
    if (b->items[holder].target > n)
        b->items[holder].target = n > b->n ? n : b->n;
    for (int i = first; i < b->n; i++) {
        b->items[i].inner = i > first;
        (void)!gen_encode(g, &b->items[i].insn);
    }
}

static void fill(const struct gen *g, struct random *r, struct block *b, int n)
{
    while (b->n < n) {
        unsigned way = (unsigned)random_below(r, 1000);
        if (way < 30)
            reserve(g, r, b, n);
        else if (way < 45)
            jump(g, r, b, n);
        else
            (void)!try_one(g, r, b,
                           way < 475   ? GEN_integer
                           : way < 675 ? GEN_float
                           : way < 885 ? GEN_memory
                           : way < 960 ? GEN_branch
                           : way < 992 ? GEN_csr
                                       : GEN_other,
                           n);
    }
}

/* Lays the items out and puts the offsets in. */
static void link_block(const struct gen *g, struct block *b, struct case_input *out)
{
    int64_t at[MAX_INSNS + 9] = {0};
    for (int i = 0; i < b->n; i++)
        at[i + 1] = at[i] + gen_length(b->items[i].insn.word);
    for (int i = 0; i < b->n; i++) {
        struct item *item = &b->items[i];
        if (item->target >= 0) {
            int target = item->target;
            while (target < b->n && b->items[target].inner)
                target++;
            target = target < b->n ? target : b->n;
            item->insn.values[item->field] = at[target] - at[item->from];
            (void)!gen_encode(g, &item->insn);
        }
        gen_put(out, item->insn.word);
    }
}

static void set_state(struct random *r, const struct block *b, struct case_state *s)
{
    const struct format *f = random_percent(r, 50) ? &format_single : &format_double;
    s->x[0] = 0;
    for (unsigned i = 1; i < 32; i++)
        s->x[i] = random_integer(r);
    for (unsigned i = 0; i < 32; i++)
        s->f[i] = random_percent(r, 80) ? value_box(r, f, value_float(r, f)) : value_register(r);
    s->x[b->regs.base] = CASE_DATA + 0x1000 - 512 + 16 * random_below(r, 64) + (random_percent(r, 85) ? 0 : random_below(r, 16));
    s->x[SP] = CASE_DATA + 0x1000 - 1024 + 8 * random_below(r, 64) + (b->aligned ? 0 : random_below(r, 16));
    if (random_percent(r, 5)) /* some accesses hit the guards */
        s->x[SP] += CASE_DATA_SIZE / 2;
    s->status[0] = random_below(r, 32) | (random_percent(r, 98) ? random_below(r, 5) : random_below(r, 8)) << 5;
}

void gen_block(const struct gen *g, struct random *r, struct case_input *out)
{
    struct block b = {0};
    int n = MIN_INSNS + (int)random_below(r, MAX_INSNS - MIN_INSNS + 1);
    b.regs.base = (uint8_t)(8 + random_below(r, 8));
    b.aligned = random_percent(r, 70);
    b.regs.npool = sizeof b.regs.pool;
    for (unsigned i = 0; i < b.regs.npool; i++)
        b.regs.pool[i] = (uint8_t)(i % 2 ? 8 + random_below(r, 8) : random_below(r, 32));
    b.regs.pool[0] = b.regs.base == 8 ? 9 : 8; /* so that pick() finds one */
    memset(out, 0, sizeof *out);
    fill(g, r, &b, n);
    set_state(r, &b, &out->before);
    out->before.pc = CASE_CODE + 0x1000 - align_down(random_below(r, 0x200), 2);
    link_block(g, &b, out);
}
