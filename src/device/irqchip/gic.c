/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * States and priorities of interrupts, common to all versions of the controller (GIC architecture specification, chapters 4 and 12). A
 * level-sensitive interrupt is pending as long as its line is up; writing to set-pending latches it besides.
 */
#include "device/irqchip/gic.h"
#include <stdatomic.h>

enum {
    R_GROUP = 0x80,
    R_SET_ENABLE = 0x100,
    R_CLEAR_ENABLE = 0x180,
    R_SET_PENDING = 0x200,
    R_CLEAR_PENDING = 0x280,
    R_SET_ACTIVE = 0x300,
    R_CLEAR_ACTIVE = 0x380,
    R_PRIORITY = 0x400,
    R_TARGETS = 0x800,
    R_CONFIG = 0xc00,
    R_END = 0xd00,
};
enum { POINT_MIN = 7 - (8 - GIC_PRIORITY_SHIFT), SGI_MASK = 0xffff };

int gic_size_check(const char *id, unsigned cpus, unsigned lines, struct err *err)
{
    if (!cpus || cpus > GIC_CPUS_MAX || lines < 2 * GIC_PRIVATE || lines > GIC_LINES_MAX || lines % 32)
        return err_set(err, STATUS_config, "interrupt controller %s cannot have %u vCPUs and %u lines", id, cpus, lines);
    return 0;
}

void gic_tell(uint8_t *was, uint8_t now, unsigned cpu, gic_out_fn *out, void *arg)
{
    unsigned changed = now ^ *was;

    *was = now;
    for (unsigned line = GIC_IRQ; line <= GIC_FIQ; line++)
        if (changed >> line & 1)
            out(arg, cpu, (enum gic_output)line, now >> line & 1);
}

/* ---- states ---- */

static void mind(struct gic_lines *l, unsigned cpu) { l->minded[cpu] = l->enabled[cpu] | l->edge[cpu]; }

static bool exists(const struct gic_lines *l, unsigned word)
{
    return word < GIC_CPUS_MAX ? word < l->cpus : (word - GIC_CPUS_MAX + 2) * 32 <= l->lines;
}

void gic_lines_reset(struct gic_lines *l)
{
    memset(l->group, 0, sizeof l->group);
    memset(l->enabled, 0, sizeof l->enabled);
    memset(l->latched, 0, sizeof l->latched);
    memset(l->edge, 0, sizeof l->edge);
    memset(l->active, 0, sizeof l->active);
    memset(l->priority, 0, sizeof l->priority);
    memset(l->targets, 0, sizeof l->targets);
    for (unsigned cpu = 0; cpu < GIC_CPUS_MAX; cpu++) {
        l->edge[cpu] = SGI_MASK;
        mind(l, cpu);
    }
}

int gic_lines_check(struct gic_lines *l)
{
    for (unsigned w = 0; w < GIC_WORDS; w++) {
        if (w < GIC_CPUS_MAX)
            l->edge[w] |= SGI_MASK;
        if (exists(l, w))
            continue;
        l->group[w] = l->latched[w] = l->active[w] = 0;
        l->enabled[w] = 0;
        l->level[w] = 0;
    }
    for (unsigned i = 0; i < ARRAY_LEN(l->priority); i++)
        l->priority[i] &= GIC_PRIORITY_MASK;
    for (unsigned i = 0; i < ARRAY_LEN(l->targets); i++)
        l->targets[i] &= (uint8_t)((1u << l->cpus) - 1);
    for (unsigned cpu = 0; cpu < GIC_CPUS_MAX; cpu++)
        mind(l, cpu);
    return 0;
}

/* true: the level is another now. */
static bool level_set(struct gic_lines *l, unsigned word, uint32_t bit, bool level)
{
    uint32_t was = level ? atomic_fetch_or(&l->level[word], bit) : atomic_fetch_and(&l->level[word], ~bit);

    return !(was & bit) == level;
}

bool gic_line(struct gic_lines *l, unsigned cpu, unsigned intid, bool level)
{
    unsigned word = gic_word(cpu, intid);
    uint32_t bit = 1u << intid % 32;

    if (!level_set(l, word, bit, level))
        return false;
    if (level && l->edge[word] & bit)
        l->latched[word] |= bit;
    return true;
}

/* Who enables an interrupt stores `minded` and then looks at the level; here it is the other way round, so one of the two sees the other. */
bool gic_private_line(struct gic_lines *l, unsigned cpu, unsigned intid, bool level)
{
    uint32_t bit = 1u << intid % 32;

    return level_set(l, cpu, bit, level) && l->minded[cpu] & bit;
}

void gic_private_changed(struct gic_lines *l, unsigned cpu, unsigned intid, bool level)
{
    uint32_t bit = 1u << intid % 32;

    if (level && l->edge[cpu] & bit)
        l->latched[cpu] |= bit;
}

static void best_of_word(const struct gic_lines *l, unsigned cpu, unsigned word, unsigned groups, struct gic_pick *best)
{
    uint32_t bits = gic_pending(l, word) & l->enabled[word] & ~l->active[word];

    bits &= (groups & 1 ? ~l->group[word] : 0) | (groups & 2 ? l->group[word] : 0);
    for (; bits; bits &= bits - 1) {
        unsigned bit = (unsigned)__builtin_ctz(bits), shared = (word - GIC_CPUS_MAX) * 32 + bit;
        uint8_t priority = l->priority[word * 32 + bit];

        if (priority >= best->priority || (word >= GIC_CPUS_MAX && !(l->targets[shared] >> cpu & 1)))
            continue;
        best->intid = (uint16_t)(word < GIC_CPUS_MAX ? bit : GIC_PRIVATE + shared);
        best->priority = priority;
        best->group = l->group[word] >> bit & 1;
    }
}

struct gic_pick gic_best(const struct gic_lines *l, unsigned cpu, unsigned groups)
{
    struct gic_pick best = {GIC_NONE, GIC_IDLE, 0};

    best_of_word(l, cpu, cpu, groups, &best);
    for (unsigned word = GIC_CPUS_MAX; exists(l, word) && word < GIC_WORDS; word++)
        best_of_word(l, cpu, word, groups, &best);
    return best;
}

/* ---- registers ---- */

/* The word that number n of a view is; -1: reserved. */
static int word_of(const struct gic_lines *l, unsigned cpu, bool shared, uint64_t n)
{
    if (!n)
        return cpu < l->cpus ? (int)cpu : -1;
    return shared && n < l->lines / 32 ? (int)(GIC_CPUS_MAX + n - 1) : -1;
}

static uint32_t read_priorities(const uint8_t *at) { return le32_get(at); }

/* Two bits for each of 16 interrupts; the upper one says edge. */
static uint32_t read_config(uint32_t edge, unsigned half)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 16; i++)
        value |= (edge >> (16 * half + i) & 1) << (2 * i + 1);
    return value;
}

uint32_t gic_lines_read(const struct gic_lines *l, unsigned cpu, bool shared, uint64_t offset)
{
    int w;

    if (offset >= R_CONFIG && offset < R_END) {
        w = word_of(l, cpu, shared, (offset - R_CONFIG) / 8);
        return w < 0 ? 0 : read_config(l->edge[w], offset >> 2 & 1);
    }
    if (offset >= R_PRIORITY && offset < R_TARGETS) {
        w = word_of(l, cpu, shared, (offset - R_PRIORITY) / 32);
        return w < 0 ? 0 : read_priorities(l->priority + 32 * w + (offset & 0x1c));
    }
    w = word_of(l, cpu, shared, (offset & 0x7f) / 4);
    if (w < 0)
        return 0;
    switch (offset & ~0x7full) {
    case R_GROUP: return l->group[w];
    case R_SET_ENABLE:
    case R_CLEAR_ENABLE: return l->enabled[w];
    case R_SET_PENDING:
    case R_CLEAR_PENDING: return gic_pending(l, (unsigned)w);
    case R_SET_ACTIVE:
    case R_CLEAR_ACTIVE: return l->active[w];
    }
    return 0;
}

static void write_priorities(uint8_t *at, uint32_t value, uint32_t mask)
{
    le32_put(at, ((le32_get(at) & ~mask) | (value & mask)) & GIC_PRIORITY_MASK * 0x01010101u);
}

static void write_config(uint32_t *edge, unsigned half, uint32_t value, uint32_t mask)
{
    for (unsigned i = 0; i < 16; i++)
        if (mask >> (2 * i + 1) & 1)
            *edge = (uint32_t)bits_set(*edge, 16 * half + i, 1, value >> (2 * i + 1));
}

static void write_word(struct gic_lines *l, int w, uint64_t kind, uint32_t value, uint32_t mask)
{
    switch (kind) {
    case R_GROUP: l->group[w] = (l->group[w] & ~mask) | (value & mask); break;
    case R_SET_ENABLE: l->enabled[w] |= value & mask; break;
    case R_CLEAR_ENABLE: l->enabled[w] &= ~(value & mask); break;
    case R_SET_PENDING: l->latched[w] |= value & mask; break;
    case R_CLEAR_PENDING: l->latched[w] &= ~(value & mask); break;
    case R_SET_ACTIVE: l->active[w] |= value & mask; break;
    case R_CLEAR_ACTIVE: l->active[w] &= ~(value & mask); break;
    }
}

void gic_lines_write(struct gic_lines *l, unsigned cpu, bool shared, uint64_t offset, uint32_t value, uint32_t mask)
{
    int w;

    if (offset >= R_CONFIG && offset < R_END) {
        w = word_of(l, cpu, shared, (offset - R_CONFIG) / 8);
        if (w >= 0 && (w >= GIC_CPUS_MAX || offset & 4)) /* messages always are edges */
            write_config(&l->edge[w], offset >> 2 & 1, value, mask);
    } else if (offset >= R_PRIORITY && offset < R_TARGETS) {
        w = word_of(l, cpu, shared, (offset - R_PRIORITY) / 32);
        if (w >= 0)
            write_priorities(l->priority + 32 * w + (offset & 0x1c), value, mask);
    } else {
        w = word_of(l, cpu, shared, (offset & 0x7f) / 4);
        if (w >= 0)
            write_word(l, w, offset & ~0x7full, value, mask);
    }
    if (cpu < l->cpus)
        mind(l, cpu);
}

/* ---- CPU interfaces ---- */

void gic_cpus_reset(struct gic_cpus *c)
{
    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < ARRAY_LEN(c->point); i++)
        c->point[i] = POINT_MIN;
}

int gic_cpus_check(struct gic_cpus *c)
{
    for (unsigned cpu = 0; cpu < GIC_CPUS_MAX; cpu++) {
        c->mask[cpu] &= GIC_PRIORITY_MASK;
        c->groups_enabled[cpu] &= 3;
    }
    for (unsigned i = 0; i < ARRAY_LEN(c->point); i++)
        if (c->point[i] < POINT_MIN || c->point[i] > 7)
            return -STATUS_corrupt;
    return 0;
}

unsigned gic_point(const struct gic_cpus *c, unsigned cpu, unsigned group)
{
    unsigned point = c->point[2 * cpu + group] + group;

    return point < 7 ? point : 7;
}

void gic_point_set(struct gic_cpus *c, unsigned cpu, unsigned group, unsigned value)
{
    unsigned point = value & 7;

    point -= point && group;
    c->point[2 * cpu + group] = (uint8_t)(point > POINT_MIN ? point : POINT_MIN);
}

unsigned gic_running(const struct gic_cpus *c, unsigned cpu)
{
    uint32_t active = c->active[2 * cpu] | c->active[2 * cpu + 1];

    return active ? (unsigned)__builtin_ctz(active) << GIC_PRIORITY_SHIFT : GIC_IDLE;
}

/* The bits of priorities that decide whether an interrupt of the group preempts. */
static unsigned group_mask(const struct gic_cpus *c, unsigned cpu, unsigned group)
{
    return 0xff << (c->point[2 * cpu + (c->common_point[cpu] ? 0 : group)] + 1) & 0xff;
}

bool gic_preempts(const struct gic_cpus *c, unsigned cpu, struct gic_pick pick)
{
    unsigned running = gic_running(c, cpu), mask = group_mask(c, cpu, pick.group);

    return pick.intid != GIC_NONE && pick.priority < c->mask[cpu] && (running == GIC_IDLE || (pick.priority & mask) < (running & mask));
}

void gic_activate(struct gic_cpus *c, struct gic_lines *l, unsigned cpu, struct gic_pick pick)
{
    c->active[2 * cpu + pick.group] |= 1u << ((pick.priority & group_mask(c, cpu, pick.group)) >> GIC_PRIORITY_SHIFT);
    if (pick.intid < l->lines) {
        unsigned word = gic_word(cpu, pick.intid);

        l->active[word] |= 1u << pick.intid % 32;
        l->latched[word] &= ~(1u << pick.intid % 32);
    }
}

int gic_running_group(const struct gic_cpus *c, unsigned cpu)
{
    uint32_t zero = c->active[2 * cpu], one = c->active[2 * cpu + 1];

    if (!zero && !one)
        return -1;
    return !zero || (one && __builtin_ctz(one) < __builtin_ctz(zero));
}

void gic_drop(struct gic_cpus *c, unsigned cpu, unsigned group) { c->active[2 * cpu + group] &= c->active[2 * cpu + group] - 1; }

void gic_deactivate(struct gic_lines *l, unsigned cpu, unsigned intid) { l->active[gic_word(cpu, intid)] &= ~(1u << intid % 32); }
