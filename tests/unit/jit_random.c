/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes the blocks of jit_random.h, op by op: signature letters say the operands' types, the statics' kinds their values. */
#include "jit_random.h"
#include "base/bits.h"
#include "ir/flags.h"
#include "os/os.h"
#include <inttypes.h>
#include <stdlib.h>

/* ---- numbers ---- */

uint64_t random_value(struct random *r)
{
    static const uint64_t floats[] = {0x3ff0000000000000, 0xffffffff3f800000, 0x7ff0000000000000, 0xffffffff7fc00000};
    return random_percent(r, 5) ? floats[random_below(r, ARRAY_LEN(floats))] : random_integer(r);
}

void random_frame(struct random *r, uint64_t frame[RIG_CELLS])
{
    for (unsigned i = 0; i < RIG_CELLS; i++) {
        frame[i] = random_value(r);
        if (i < RIG_WIDE && random_percent(r, 30)) /* an address, mostly around the end of a page of RAM */
            frame[i] = RIG_VA + (1 + random_below(r, 4)) * MEM_PAGE - random_below(r, random_percent(r, 80) ? 256 : MEM_PAGE);
        if (i >= RIG_WIDE && i < RIG_NARROW)
            frame[i] = (uint32_t)frame[i];
        else if (i >= RIG_NARROW && i < RIG_BOOLS)
            frame[i] &= 1;
    }
}

uint64_t random_seed(const char *test)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : os_wall_ns() % 1000000007;
    fprintf(stderr, "# %s: SEED=%" PRIu64 "\n", test, seed);
    return seed;
}

/* ---- forms ---- */

struct forms {
    struct form *at, *end;
    bool seen[IR_OPS];
};

static void add(struct forms *f, unsigned op, unsigned type, unsigned source)
{
    f->seen[op] = true;
    if (f->at < f->end)
        *f->at++ = (struct form){(uint8_t)op, (uint8_t)type, (uint8_t)source};
}

static void add_conversions(struct forms *f)
{
    static const struct form rows[] = {
        {IR_ZEXT, IR_i32, IR_i1},    {IR_ZEXT, IR_i64, IR_i1},     {IR_ZEXT, IR_i64, IR_i32},   {IR_ZEXT, IR_i128, IR_i64},
        {IR_SEXT, IR_i32, IR_i1},    {IR_SEXT, IR_i64, IR_i1},     {IR_SEXT, IR_i64, IR_i32},   {IR_SEXT, IR_i128, IR_i64},
        {IR_TRUNC, IR_i1, IR_i32},   {IR_TRUNC, IR_i1, IR_i64},    {IR_TRUNC, IR_i32, IR_i64},  {IR_TRUNC, IR_i64, IR_i128},
        {IR_CONCAT, IR_i64, IR_i32}, {IR_CONCAT, IR_i128, IR_i64}, {IR_HI, IR_i32, IR_i64},     {IR_CLMUL, IR_i128, IR_i64},
        {IR_BITS, IR_i32, IR_f32},   {IR_BITS, IR_i64, IR_f64},    {IR_FROM, IR_f32, IR_i32},   {IR_FROM, IR_f64, IR_i64},
        {IR_FROM, IR_f16, IR_i32},   {IR_FCLASS, IR_i64, IR_f16},  {IR_FCLASS, IR_i64, IR_f32}, {IR_FCLASS, IR_i64, IR_f64},
        {IR_FTOF, IR_f32, IR_f64},   {IR_FTOF, IR_f64, IR_f32},    {IR_FTOF, IR_f16, IR_f64},   {IR_FTOF, IR_f32, IR_f16},
        {IR_FTOI, IR_i32, IR_f32},   {IR_FTOI, IR_i64, IR_f32},    {IR_FTOI, IR_i32, IR_f64},   {IR_FTOI, IR_i64, IR_f64},
        {IR_ITOF, IR_f32, IR_i32},   {IR_ITOF, IR_f32, IR_i64},    {IR_ITOF, IR_f64, IR_i32},   {IR_ITOF, IR_f64, IR_i64},
        {IR_FBOX, IR_f64, IR_f16},   {IR_FBOX, IR_f64, IR_f32},    {IR_FUNBOX, IR_f16, IR_f64}, {IR_FUNBOX, IR_f32, IR_f64},
        {IR_VDUP, IR_v128, IR_i64},  {IR_VGETE, IR_i64, IR_v128},  {IR_VMASK, IR_i64, IR_v128}, {IR_VREDUCE, IR_i64, IR_v128},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        add(f, rows[i].op, rows[i].type, rows[i].source);
}

static void add_plain(struct forms *f)
{
    static const struct form rows[] = {
        {IR_LOADZ, IR_i32, 0}, {IR_LOADZ, IR_i64, 0},   {IR_LOADS, IR_i32, 0},  {IR_LOADS, IR_i64, 0}, {IR_STOREN, IR_i32, 0},
        {IR_LL, IR_i64, 0},    {IR_LL, IR_i128, 0},     {IR_SC, IR_i64, 0},     {IR_SC, IR_i128, 0},   {IR_STOREN, IR_i64, 0},
        {IR_AMO, IR_i64, 0},   {IR_CAS, IR_i64, 0},     {IR_CAS, IR_i128, 0},   {IR_CLOCK, IR_i64, 0}, {IR_PC, IR_i64, 0},
        {IR_FXGET, IR_i64, 0}, {IR_FXSET, IR_i64, 0},   {IR_FXOR, IR_i64, 0},   {IR_BIT, IR_i32, 0},   {IR_BIT, IR_i64, 0},
        {IR_TRAP, IR_i64, 0},  {IR_TRAP_IF, IR_i64, 0}, {IR_BRANCH, 0, 0},      {IR_BRANCH_IF, 0, 0},  {IR_BRANCH_CMP, IR_i32, 0},
        {IR_JUMP, 0, 0},       {IR_END, 0, 0},          {IR_CALL, 0, 0},        {IR_PROBE, 0, 0},      {IR_BRANCH_CMP, IR_i64, 0},
        {IR_CLREX, 0, 0},      {IR_FENCE, 0, 0},        {IR_FLPACK, IR_i64, 0}, {IR_FLBITS, IR_fl, 0}, {IR_COND, IR_fl, 0},
        {IR_AES, IR_i64, 0},   {IR_SKIP, IR_i1, 0},
    };
    static const uint8_t any[] = {IR_i1, IR_i32, IR_i64, IR_i128, IR_f32, IR_f64, IR_v128, IR_fl};
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        add(f, rows[i].op, rows[i].type, rows[i].source);
    for (unsigned i = 0; i < ARRAY_LEN(any); i++) {
        add(f, IR_MOV, any[i], 0);
        add(f, IR_K, any[i], 0);
        add(f, IR_SELECT, any[i], 0);
        if (any[i] != IR_i1 && any[i] != IR_fl) {
            add(f, IR_LOAD, any[i], 0);
            add(f, IR_STORE, any[i], 0);
        }
    }
}

/* The rest follow from their signature: letters I, W, F and V. */
static void add_signed(struct forms *f)
{
    for (unsigned op = 0; op < IR_OPS; op++) {
        char letter = ir_sigs[op].in[0];
        bool builder_only = op == IR_RETRY_IF || op == IR_AGAIN_IF || op == IR_COMMIT, divides = op >= IR_DIVU && op <= IR_REMS;
        if (f->seen[op] || builder_only)
            continue;
        if (letter == 'W' && !divides)
            add(f, op, IR_i1, 0);
        if (letter == 'I' || letter == 'W') {
            add(f, op, IR_i32, 0);
            add(f, op, IR_i64, 0);
        }
        if (letter == 'W')
            add(f, op, IR_i128, 0);
        for (unsigned type = IR_f16; letter == 'F' && type <= IR_f64; type++)
            add(f, op, type, 0);
        if (letter == 'V')
            add(f, op, IR_v128, 0);
        if (!f->seen[op]) {
            fprintf(stderr, "# no form of %s\n", ir_op_name(op));
            f->end = NULL;
        }
    }
}

unsigned random_forms(struct form *out, unsigned max)
{
    struct forms f = {out, out + max, {0}};
    add_conversions(&f);
    add_plain(&f);
    add_signed(&f);
    return !f.end || f.at == f.end ? 0 : (unsigned)(f.at - out);
}

/* ---- operands ---- */

static unsigned pick(struct random *r, unsigned from, unsigned to) { return from + (unsigned)random_below(r, to - from); }

/* May a temporary of the one type be read as the other? As the builder's views may. */
static bool readable(unsigned have, unsigned want)
{
    switch (want) {
    case IR_i32: return have == IR_i32 || have == IR_i64 || have == IR_i1;
    case IR_i64: return (have >= IR_i1 && have <= IR_f64 && have != IR_f16 && have != IR_f32) || have == IR_v128;
    case IR_f32: return have == IR_f32 || have == IR_i32;
    case IR_f64: return have == IR_f64 || have == IR_i64;
    case IR_i128:
    case IR_v128: return have == IR_i128 || have == IR_v128;
    default: return have == want;
    }
}

static unsigned operand(struct maker *m, unsigned type)
{
    struct random *r = m->r;
    if (m->ntemps && random_percent(r, 60)) { /* the last one most often: it may be in no cell but a register */
        unsigned i = random_percent(r, 70) ? m->ntemps - 1 : (unsigned)random_below(r, m->ntemps);
        if (readable(m->temps[i].type, type)) /* of two cells either may be meant */
            return m->temps[i].cell + (ir_type_cells(m->temps[i].type) > 1 && type == IR_i64 && random_percent(r, 50) ? 1 : 0);
    }
    for (unsigned i = m->ntemps; type == IR_fl && i-- > 0;) /* no register has flags for sure */
        if (m->temps[i].type == IR_fl && random_percent(r, 80))
            return m->temps[i].cell;
    switch (type) {
    case IR_fl: return RIG_CELLS;
    case IR_i1: return random_percent(r, 8) ? RIG_CELLS : pick(r, RIG_NARROW, RIG_BOOLS);
    case IR_i32: return random_percent(r, 8) ? RIG_CELLS : random_percent(r, 60) ? pick(r, 0, RIG_WIDE) : pick(r, RIG_WIDE, RIG_NARROW);
    case IR_f32: return pick(r, RIG_WIDE, RIG_NARROW);
    case IR_f16: return RIG_CELLS; /* no register holds one without a box */
    case IR_i128:
    case IR_v128: return RIG_BOOLS + 2 * pick(r, 0, (RIG_PAIRS - RIG_BOOLS) / 2);
    default: return random_percent(r, 8) ? RIG_CELLS : random_percent(r, 5) ? pick(r, RIG_BOOLS, RIG_PAIRS) : pick(r, 0, RIG_WIDE);
    }
}

static void written(struct maker *m, unsigned cell, unsigned type)
{
    for (unsigned i = 0; i < ir_type_cells(type) && cell + i < RIG_CELLS; i++)
        m->changed[cell + i] = true;
}

static unsigned temporary(struct maker *m, unsigned type)
{
    unsigned cell = (unsigned)align_up(m->next_temp, ir_type_cells(type));
    m->next_temp = cell + ir_type_cells(type);
    m->temps[m->ntemps].cell = (uint16_t)cell;
    m->temps[m->ntemps++].type = (uint8_t)type;
    return cell;
}

/* Where a result of the type goes. sign_extended: it fills its cell. */
static unsigned result(struct maker *m, unsigned type, bool sign_extended)
{
    struct random *r = m->r;
    unsigned cell, kept = sign_extended ? (unsigned)IR_i64 : type;
    if (m->ntemps < ARRAY_LEN(m->temps) && (type == IR_f16 || random_percent(r, 50)))
        return temporary(m, kept);
    if (kept == IR_i1 && random_percent(r, 50))
        cell = pick(r, RIG_NARROW, RIG_BOOLS);
    else if ((kept == IR_i32 || kept == IR_f32) && random_percent(r, 50))
        cell = pick(r, RIG_WIDE, RIG_NARROW);
    else if (ir_type_cells(type) > 1)
        cell = RIG_BOOLS + 2 * pick(r, 0, (RIG_PAIRS - RIG_BOOLS) / 2);
    else
        cell = random_percent(r, 8) ? pick(r, RIG_BOOLS, RIG_PAIRS) /* half of a pair */ : pick(r, 0, RIG_WIDE);
    written(m, cell, type);
    return cell;
}

/* The destination is often an operand too. */
static unsigned result_near(struct maker *m, const struct ir_op *o, unsigned type, bool sign_extended)
{
    const uint16_t near[3] = {o->a, o->b, o->c};
    unsigned cell = near[random_below(m->r, 3)];
    bool fits = ir_type_cells(type) > 1 ? cell >= RIG_BOOLS && cell < RIG_PAIRS && !(cell & 1) : type != IR_f16 && cell < RIG_WIDE;
    if (!fits || !random_percent(m->r, 35))
        return result(m, type, sign_extended);
    written(m, cell, type);
    return cell;
}

/* ---- statics and immediates ---- */

static uint8_t static_value(struct random *r, const char *kind, size_t len, unsigned type)
{
    static const struct {
        const char *name;
        uint8_t count;
    } kinds[] = {{"kind", 16}, {"hint", 4},  {"cc", 6},   {"why", 4}, {"which", 2}, {"acc", 3},     {"amo", 10},   {"rm", 6},
                 {"exact", 2}, {"fneg", 4},  {"mm", 4},   {"sig", 2}, {"sgn", 2},   {"pol", 3},     {"mask", 255}, {"aes", 6},
                 {"sha", 4},   {"sense", 2}, {"half", 2}, {"how", 4}, {"fcc", 4},   {"bytes", 255}, {"cond", 16},  {"car", 2}};
    static const uint8_t orders[] = {MEM_acq, MEM_rel, MEM_seq, MEM_natural, MEM_natural | MEM_acq, MEM_natural | MEM_seq, MEM_user};
    if (len == 2 && !memcmp(kind, "at", 2))
        return random_percent(r, 75) ? 0 : orders[random_below(r, ARRAY_LEN(orders))];
    if (len == 1 && *kind == 'w')
        return type == IR_i128 ? 128 : (uint8_t)(8u << random_below(r, type == IR_i32 ? 3 : 4));
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
        if (strlen(kinds[i].name) == len && !memcmp(kind, kinds[i].name, len))
            return (uint8_t)random_below(r, kinds[i].count);
    return 0;
}

/* That an op of vectors has. */
static uint8_t lane_width(struct random *r, unsigned op)
{
    bool doubles = op == IR_VMULE || op == IR_VWIDEN;
    unsigned least = op >= IR_VFADD || op == IR_VNARROW ? 16 : 8;
    return (uint8_t)(least << random_below(r, doubles || least == 16 ? 3 : 4));
}

static uint64_t lane_conversion(struct random *r, unsigned op)
{
    unsigned from = 16u << random_below(r, 3), to = 16u << random_below(r, 3);
    if (op == IR_VFTOF && (from == to || from * to == 16 * 64))
        from = to == 32 ? 64 : 32;
    return from | to << 8;
}

static void set_statics(struct maker *m, struct ir_op *o)
{
    const char *at = ir_sigs[o->op].words;
    for (unsigned i = 0; i < ir_sigs[o->op].statics; i++) {
        size_t len = strcspn(at, ",");
        o->s[i] = static_value(m->r, at, len, o->type);
        if (len == 1 && *at == 'e')
            o->s[i] = lane_width(m->r, o->op);
        if (len == 4 && !memcmp(at, "lane", 4))
            o->s[i] = (uint8_t)random_below(m->r, 128 / o->s[0]);
        at += len + 1;
    }
}

static uint64_t field_word(struct random *r, unsigned width)
{
    unsigned pos = random_percent(r, 25) ? 0 : (unsigned)random_below(r, width);
    unsigned len = random_percent(r, 25) ? width - pos : 1 + (unsigned)random_below(r, width - pos);
    return pos | len << 8;
}

static uint64_t constant(struct random *r, unsigned type)
{
    uint64_t v = random_value(r);
    return type == IR_i1                      ? v & 1
           : type == IR_fl                    ? v & (FL_N | FL_Z | FL_C | FL_V)
           : type == IR_i32 || type == IR_f32 ? (uint32_t)v
           : type == IR_f16                   ? (uint16_t)v
                                              : v;
}

/* From the block's start: mostly in its page, sometimes behind its ends, seldom far away. */
static int64_t offset(struct maker *m, bool narrow)
{
    int64_t in_page = 2 * (int64_t)random_below(m->r, MEM_PAGE / 2) - (int64_t)(m->pc & (MEM_PAGE - 1));
    switch (random_below(m->r, 10)) {
    case 0: return in_page - MEM_PAGE;
    case 1: return in_page + MEM_PAGE;
    case 3: return 0; /* round again */
    case 2: return narrow ? (int32_t)random_next(m->r) & ~1 : (int64_t)(random_value(m->r) & ~1ull);
    default: return in_page;
    }
}

/* ---- addresses ---- */

/* Somewhere of interest in the rig's pages; atomics stay in one page of RAM, most others too. */
static gva address(struct maker *m, unsigned size, bool atomic)
{
    struct random *r = m->r;
    gva page = RIG_VA + (random_percent(r, 80) ? random_below(r, 4) : random_below(r, RIG_PAGES)) * MEM_PAGE, at;
    if (atomic && random_percent(r, 95))
        page = RIG_VA;
    if (random_percent(r, 2))
        return random_value(r);
    switch (random_below(r, 5)) {
    case 0: at = page + MEM_PAGE - 1 - random_below(r, 16); break;
    case 1: at = page + random_below(r, 16); break;
    case 2: at = page + align_down(random_below(r, MEM_PAGE), 16); break;
    default: at = page + random_below(r, MEM_PAGE);
    }
    return atomic && random_percent(r, 90) ? align_down(at, size) : at;
}

static struct ir_op *append(struct maker *m)
{
    struct ir_op *o = &m->block->ops[m->block->nops++];
    *o = (struct ir_op){.d = IR_NONE, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE};
    return o;
}

/* Base cell and displacement that lead to an address: the cell's value is known as long as nothing has written it. */
static void set_address(struct maker *m, struct ir_op *o, gva to)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        unsigned cell = pick(m->r, 0, RIG_WIDE);
        if (m->changed[cell] || (cell == m->near && m->near_at))
            continue;
        o->a = (uint16_t)cell;
        o->imm = to - m->frame[cell];
        return;
    }
    o->a = RIG_CELLS;
    o->imm = to;
}

/* Often around the end of a page. */
static gva near_address(struct maker *m)
{
    gva at = address(m, 8, false);
    return random_percent(m->r, 50) ? align_down(at, MEM_PAGE) + MEM_PAGE - random_below(m->r, 256) : at;
}

/* Near the other accesses through a register that only moves on by constants. */
static bool set_near(struct maker *m, struct ir_op *o)
{
    if (!m->near_at || m->changed[m->near]) {
        m->near = pick(m->r, 0, RIG_WIDE);
        m->near_at = m->frame[m->near] - RIG_VA < RIG_PAGES * MEM_PAGE ? m->frame[m->near] : near_address(m);
        m->moved = 0;
    }
    if (m->changed[m->near])
        return false;
    o->a = (uint16_t)m->near;
    o->imm = m->near_at + random_below(m->r, 200) - m->frame[m->near] - m->moved;
    if (random_percent(m->r, 15)) /* or not so near */
        o->imm += random_percent(m->r, 50) ? MEM_PAGE : 0ull - MEM_PAGE;
    return true;
}

/* By a little, or to another place. */
static void move_near(struct maker *m)
{
    struct ir_op *o = append(m);
    uint64_t by = random_below(m->r, 64);
    *o = (struct ir_op){
        .op = IR_ADD, .type = IR_i64, .d = (uint16_t)m->near, .a = (uint16_t)m->near, .b = IR_CONST, .c = IR_NONE, .imm = by};
    if (random_percent(m->r, 30)) {
        m->near_at = near_address(m);
        by = m->near_at - m->frame[m->near] - m->moved;
        *o =
            (struct ir_op){.op = IR_K, .type = IR_i64, .d = (uint16_t)m->near, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .imm = m->near_at};
    }
    m->moved += by;
}

static unsigned access_size(const struct ir_op *o)
{
    switch (o->op) {
    case IR_LOAD:
    case IR_STORE: return ir_type_cells(o->type) > 1 ? 16 : o->type == IR_i32 || o->type == IR_f32 ? 4 : 8;
    case IR_AMO: return o->s[1] / 8;
    case IR_PROBE: return 8;
    default: return o->s[0] / 8;
    }
}

/* A base that is a temporary needs an op in front of the access. */
static void base_in_temporary(struct maker *m, gva to, uint64_t displacement)
{
    struct ir_op *k = append(m);
    k->op = IR_K;
    k->type = IR_i64;
    k->imm = to - displacement;
    k->d = (uint16_t)temporary(m, IR_i64);
}

static void memory(struct maker *m, const struct form *form)
{
    struct ir_op o = {.op = form->op, .type = form->type, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .d = IR_NONE};
    const struct ir_sig *sig = &ir_sigs[form->op];
    set_statics(m, &o);
    unsigned size = access_size(&o);
    bool atomic = o.op == IR_LL || o.op == IR_SC || o.op == IR_AMO || o.op == IR_CAS;
    gva to = address(m, size, atomic);
    if (o.op == IR_SC && m->linked && random_percent(m->r, 70)) { /* else it would hardly ever be done */
        to = m->linked;
        o.s[0] = form->type == IR_i128 || m->width > 64 || random_percent(m->r, 10) ? o.s[0] : m->width;
    }
    if (o.op == IR_LL) {
        m->linked = to;
        m->width = o.s[0];
    }
    if (m->near_at && !m->changed[m->near] && random_percent(m->r, 15))
        move_near(m);
    if (!atomic && o.op != IR_PROBE && random_percent(m->r, 40) && set_near(m, &o)) {
        /* set */
    } else if (o.op == IR_PROBE) {
        o.a = (uint16_t)operand(m, IR_i64);
        o.imm = 1 + random_below(m->r, 16);
    } else if (m->ntemps < ARRAY_LEN(m->temps) && random_percent(m->r, 20)) {
        o.imm = random_percent(m->r, 50) ? random_below(m->r, 4096) - 2048 : random_value(m->r);
        base_in_temporary(m, to, o.imm);
        o.a = m->temps[m->ntemps - 1].cell;
    } else {
        set_address(m, &o, to);
    }
    if (sig->in[1])
        o.b = (uint16_t)operand(m, form->type);
    if (sig->in[1] && sig->in[2])
        o.c = (uint16_t)operand(m, form->type);
    if (sig->out)
        o.d = (uint16_t)result_near(m, &o, o.op == IR_SC ? (unsigned)IR_i1 : form->type, false);
    *append(m) = o;
}

/* ---- ops that do not fit the pattern ---- */

static void call(struct maker *m)
{
    struct ir_op *o = append(m);
    unsigned helper = (unsigned)random_below(m->r, HELPER_goto), cells[6] = {0};
    const struct ir_helper *row = &rig_helpers[helper];
    for (unsigned i = 0; i < row->args; i++)
        cells[i] = operand(m, row->vectors >> i & 1 ? IR_v128 : IR_i64);
    o->op = IR_CALL;
    o->type = row->result;
    o->s[0] = row->args;
    o->a = (uint16_t)cells[0];
    o->b = (uint16_t)cells[1];
    o->c = (uint16_t)cells[2];
    o->imm = (uint64_t)helper << 48 | cells[3] | (uint64_t)cells[4] << 16 | (uint64_t)cells[5] << 32;
    if (row->result)
        o->d = (uint16_t)result(m, row->result, false);
    for (unsigned i = 0; i < 3; i++)
        m->changed[i] = true;
}

static void branch(struct maker *m, const struct form *form)
{
    struct ir_op *o = append(m);
    o->op = form->op;
    o->type = form->type;
    o->d = (uint16_t)(m->block->ninsns - (random_percent(m->r, 10) ? 1 : 0));
    set_statics(m, o);
    o->imm = (uint64_t)offset(m, form->op == IR_BRANCH_CMP);
    if (form->op == IR_BRANCH_IF)
        o->a = (uint16_t)operand(m, IR_i1);
    if (form->op != IR_BRANCH_CMP)
        return;
    o->a = (uint16_t)operand(m, form->type);
    o->b = (uint16_t)(random_percent(m->r, 50) ? (unsigned)IR_CONST : operand(m, form->type));
    o->imm = (uint32_t)o->imm | (o->b == IR_CONST ? random_value(m->r) << 32 : 0);
}

static void trap_if(struct maker *m)
{
    struct ir_op *o = append(m);
    o->op = IR_TRAP_IF;
    o->type = IR_i64;
    set_statics(m, o);
    o->a = (uint16_t)operand(m, IR_i1);
    o->b = (uint16_t)(random_percent(m->r, 50) ? (unsigned)IR_CONST : operand(m, IR_i64));
    o->imm = o->b == IR_CONST ? random_value(m->r) : 0;
}

/* Pure and float ops, by their signature. */
static void compute(struct maker *m, const struct form *form)
{
    struct ir_op o = {.op = form->op, .type = form->type, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE, .d = IR_NONE};
    const struct ir_sig *sig = &ir_sigs[form->op];
    uint16_t *const places[3] = {&o.a, &o.b, &o.c};
    unsigned source = form->source ? form->source : form->type, width = source == IR_i32 ? 32 : 64;
    bool integer = source >= IR_i1 && source <= IR_i64 && !form->source, pure = sig->flags & IR_F_P;
    set_statics(m, &o);
    o.s[3] = form->source ? form->source : o.s[3];
    for (unsigned i = 0; sig->in[i]; i++)
        *places[i] = (uint16_t)operand(m, sig->in[i] == 'b'                                               ? (unsigned)IR_i1
                                          : sig->in[i] == 'A' || (sig->in[i] == 'I' && source == IR_v128) ? (unsigned)IR_i64
                                                                                                          : source);
    bool vector = sig->in[0] == 'V' && sig->in[1] == 'I';
    bool takes_constant = pure && integer && sig->in[0] && sig->in[1] && !sig->in[2] && (sig->in[0] == 'I' || sig->in[0] == 'W') &&
                          (sig->out == 'b' || sig->out == 'L' || sig->out == sig->in[0]) && o.op != IR_INSERT;
    if (o.op == IR_MOV && form->type == IR_i32) /* the only one that does not cut its operand */
        o.a = (uint16_t)pick(m->r, RIG_WIDE, RIG_NARROW);
    if ((takes_constant || vector) && random_percent(m->r, 45)) {
        o.b = IR_CONST;
        o.imm = vector && random_percent(m->r, 80) ? random_below(m->r, o.s[0] + 1u) : constant(m->r, source);
    }
    if (o.op == IR_VSHUF)
        o.imm = random_next(m->r);
    if (o.op >= IR_VFTOI)
        o.imm = lane_conversion(m->r, o.op);
    if (o.op == IR_EXTRACT || o.op == IR_SEXTRACT || o.op == IR_INSERT || o.op == IR_BIT)
        o.imm = o.op == IR_BIT ? random_below(m->r, width) : field_word(m->r, width);
    if (o.op == IR_K)
        o.imm = constant(m->r, form->type);
    if (o.op == IR_PC)
        o.imm = random_percent(m->r, 80) ? random_below(m->r, 1 << 20) - (1 << 19) : random_value(m->r);
    if (o.op == IR_SKIP) {
        o.imm = random_below(m->r, 5);
        o.s[1] = random_percent(m->r, 50) ? 0 : 200; /* as if it had been run so often */
        o.s[2] = random_percent(m->r, 50) ? 0 : 200;
    }
    if (o.op == IR_CLOCK)
        o.imm = m->block->ninsns - 1u;
    bool extend = form->type == IR_i32 && pure && sig->out == 'I' && random_percent(m->r, 50);
    if (extend)
        o.s[0] = IR_SX;
    unsigned type = sig->out == 'b' ? (unsigned)IR_i1 : sig->out == 'L' ? (unsigned)IR_fl : sig->out == 'A' ? (unsigned)IR_i64 : form->type;
    if (sig->out)
        o.d = (uint16_t)result_near(m, &o, type, extend);
    *append(m) = o;
}

static void make(struct maker *m, const struct form *form)
{
    unsigned flags = ir_sigs[form->op].flags;
    if (form->op == IR_CALL)
        call(m);
    else if (form->op == IR_TRAP_IF)
        trap_if(m);
    else if (form->op == IR_BRANCH_IF || form->op == IR_BRANCH_CMP)
        branch(m, form);
    else if ((flags & (IR_F_R | IR_F_W)) && form->op != IR_FENCE)
        memory(m, form);
    else
        compute(m, form);
}

/* ---- blocks ---- */

static void begin_insn(struct maker *m)
{
    struct ir_block *b = m->block;
    b->insns[b->ninsns++] = (struct ir_insn){b->nops, (int16_t)m->offset};
    m->offset += random_percent(m->r, 50) ? 2 : 4;
    m->ntemps = 0;
    m->next_temp = RIG_CELLS + 1 + (random_percent(m->r, 10) ? 250 : 0);
}

static void leave(struct maker *m, unsigned op)
{
    if (op == IR_BRANCH) {
        branch(m, &(struct form){.op = IR_BRANCH});
        return;
    }
    struct ir_op o = {.op = (uint8_t)op, .d = m->block->ninsns, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE};
    set_statics(m, &o);
    if (op == IR_JUMP)
        o.a = (uint16_t)operand(m, IR_i64);
    if (op == IR_END)
        o.imm = m->offset;
    if (op == IR_TRAP) {
        o.type = IR_i64;
        o.d = IR_NONE;
        o.a = (uint16_t)(random_percent(m->r, 50) ? (unsigned)IR_CONST : operand(m, IR_i64));
        o.imm = o.a == IR_CONST ? random_value(m->r) : 0;
    }
    if (op == IR_END && random_percent(m->r, 30)) {
        o.s[1] = true;
        struct ir_op *c = append(m);
        *c = (struct ir_op){.op = IR_CALL, .s = {1}, .a = (uint16_t)operand(m, IR_i64), .d = IR_NONE, .imm = (uint64_t)HELPER_goto << 48};
    }
    *append(m) = o;
}

struct ir_block *random_block(struct random *r, const uint64_t frame[RIG_CELLS], gva pc, const struct form *forms, unsigned nforms,
                              unsigned nops, const struct form *sure)
{
    static const uint8_t ends[] = {IR_BRANCH, IR_BRANCH, IR_BRANCH, IR_JUMP, IR_END, IR_TRAP};
    size_t max = nops * 3 + 8;
    struct ir_block *b = calloc(1, sizeof *b + max * (sizeof *b->ops + sizeof *b->insns));
    struct maker m = {.r = r, .frame = frame, .pc = pc, .block = b};
    if (!b)
        return NULL;
    b->ops = (struct ir_op *)(b + 1);
    b->insns = (struct ir_insn *)(void *)(b->ops + max);
    b->straddles = random_percent(r, 5);
    begin_insn(&m);
    unsigned at_sure = (unsigned)random_below(r, nops);
    unsigned end = ends[random_below(r, ARRAY_LEN(ends))];
    for (unsigned i = 0; i < nops; i++) {
        if (m.ntemps > 40 || (i && b->ninsns < IR_MAX_INSNS && random_percent(r, 35)))
            begin_insn(&m);
        const struct form *form = sure && i == at_sure ? sure : &forms[random_below(r, nforms)];
        if (!(ir_sigs[form->op].flags & IR_F_E))
            make(&m, form);
        else if (form == sure)
            end = form->op;
    }
    leave(&m, end);
    return b;
}
