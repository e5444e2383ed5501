/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv2's registers: distributor (IHI 0048, 4.3) and CPU interface (4.4), as the vCPU sees them whose bank is accessed. Without the
 * Security Extensions every access counts as a secure one: an acknowledge by the plain register of an interrupt of group 1 says 1022 unless
 * GICC_CTLR.AckCtl is set. Reserved registers read as zero and ignore writes.
 */
#include "device/irqchip/gicv2_impl.h"

enum {
    D_CTLR = 0x0,
    D_TYPER = 0x4,
    D_IIDR = 0x8,
    D_LINES = 0x80,
    D_ENABLE = 0x100,
    D_ACTIVE = 0x300, /* up to here: enable and pending, set and clear */
    D_TARGETS = 0x800,
    D_CONFIG = 0xc00,
    D_LINES_END = 0xd00,
    D_SGIR = 0xf00,
    D_CLEAR_SENDERS = 0xf10,
    D_SET_SENDERS = 0xf20,
    D_SENDERS_END = 0xf30,
    D_ID = 0xfd0,
};
enum {
    C_CTLR = 0x0,
    C_PMR = 0x4,
    C_BPR = 0x8,
    C_IAR = 0xc,
    C_EOIR = 0x10,
    C_RPR = 0x14,
    C_HPPIR = 0x18,
    C_ABPR = 0x1c, /* the A... ones: for group 1 only */
    C_AIAR = 0x20,
    C_AEOIR = 0x24,
    C_AHPPIR = 0x28,
    C_APR = 0xd0,
    C_NSAPR = 0xe0,
    C_IIDR = 0xfc,
    C_DIR = 0x1000,
};
enum { IMPLEMENTER = 0x43b, C_IIDR_VALUE = 0x2 << 16 | IMPLEMENTER, SGI_MASK = 0xffff, GROUP_1 = 1022 /* for the other register */ };

static unsigned all_cpus(const struct gicv2 *g) { return (1u << g->config.cpus) - 1; }
static uint32_t merge(uint32_t old, uint32_t value, uint32_t mask) { return (old & ~mask) | (value & mask); }
static bool is_lines(uint64_t offset) { return (offset >= D_LINES && offset < D_TARGETS) || (offset >= D_CONFIG && offset < D_LINES_END); }

static void bad(struct gicv2 *g, const char *what, uint64_t offset)
{
    log_guest(g->device.log, g->device.id, "write to the %s offset 0x%llx, where no register is", what, (unsigned long long)offset);
}

/* ---- distributor ---- */

/* PIDR4..7, PIDR0..3 (2 in the upper half of PIDR2's low byte: architecture 2), CIDR0..3. */
static uint32_t read_id(uint64_t offset)
{
    static const uint8_t ids[] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1};

    return ids[(offset - D_ID) / 4];
}

/* The targets of four interrupts, by the first one's number. With one vCPU there are no such registers. */
static uint32_t read_targets(const struct gicv2 *g, unsigned cpu, unsigned intid)
{
    if (g->config.cpus == 1 || intid >= g->config.lines)
        return 0;
    return intid < GIC_PRIVATE ? 0x01010101u << cpu : le32_get(g->lines.targets + intid - GIC_PRIVATE);
}

static void write_targets(struct gicv2 *g, unsigned intid, uint32_t value, uint32_t mask)
{
    uint8_t *at = g->lines.targets + intid - GIC_PRIVATE;

    if (g->config.cpus == 1 || intid >= g->config.lines || intid < GIC_PRIVATE)
        return;
    le32_put(at, merge(le32_get(at), value & all_cpus(g) * 0x01010101u, mask));
}

static uint8_t *senders_at(struct gicv2 *g, unsigned cpu, uint64_t offset) { return g->senders + cpu * GIC_SGIS + (offset & 0xc); }

static uint32_t dist_get(struct gicv2 *g, unsigned cpu, uint64_t offset)
{
    if (is_lines(offset))
        return gic_lines_read(&g->lines, cpu, true, offset);
    if (offset >= D_TARGETS && offset < D_CONFIG)
        return read_targets(g, cpu, (unsigned)(offset - D_TARGETS));
    if (offset >= D_CLEAR_SENDERS && offset < D_SENDERS_END)
        return le32_get(senders_at(g, cpu, offset));
    if (offset >= D_ID && offset < GICV2_DIST_SIZE)
        return read_id(offset);
    switch (offset) {
    case D_CTLR: return g->control;
    case D_TYPER: return (g->config.lines / 32 - 1) | (g->config.cpus - 1) << 5;
    case D_IIDR: return IMPLEMENTER;
    }
    return 0;
}

static void send(struct gicv2 *g, unsigned self, uint32_t value)
{
    enum { LISTED, OTHERS, SELF };
    unsigned intid = value & 15, to = 0;

    switch (value >> 24 & 3) {
    case LISTED: to = value >> 16 & all_cpus(g); break;
    case OTHERS: to = all_cpus(g) & ~(1u << self); break;
    case SELF: to = 1u << self; break;
    }
    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++)
        if (to >> cpu & 1) {
            g->senders[cpu * GIC_SGIS + intid] |= (uint8_t)(1u << self);
            gicv2_senders(g, cpu);
        }
}

static void write_senders(struct gicv2 *g, unsigned cpu, uint64_t offset, uint32_t value, uint32_t mask)
{
    uint8_t *at = senders_at(g, cpu, offset);
    uint32_t named = value & mask & all_cpus(g) * 0x01010101u;

    le32_put(at, offset < D_SET_SENDERS ? le32_get(at) & ~named : le32_get(at) | named);
    gicv2_senders(g, cpu);
}

/* Messages stay enabled, and are pending as long as they have senders. */
static uint32_t lines_mask(uint64_t offset, uint32_t mask)
{
    bool fixed = offset >= D_ENABLE && offset < D_ACTIVE && !(offset & 0x7c);

    return fixed ? mask & ~(uint32_t)SGI_MASK : mask;
}

static void dist_put(struct gicv2 *g, unsigned cpu, uint64_t offset, uint32_t value, uint32_t mask)
{
    if (is_lines(offset))
        gic_lines_write(&g->lines, cpu, true, offset, value, lines_mask(offset, mask));
    else if (offset >= D_TARGETS && offset < D_CONFIG)
        write_targets(g, (unsigned)(offset - D_TARGETS), value, mask);
    else if (offset >= D_CLEAR_SENDERS && offset < D_SENDERS_END)
        write_senders(g, cpu, offset, value, mask);
    else if (offset == D_CTLR)
        g->control = merge(g->control, value, mask) & GICV2_ENABLES;
    else if (offset == D_SGIR && mask == UINT32_MAX)
        send(g, cpu, value);
    else
        bad(g, "distributor's", offset); /* read-only ones too */
    gicv2_update_all(g);
}

static bool dist_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct gicv2_port *port = self;

    *value = bits_get(dist_get(port->gic, port->cpu, offset & ~3ull), 8 * (offset & 3), 8 * size);
    return true;
}

static bool dist_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct gicv2_port *port = self;
    unsigned shift = 8 * (offset & 3);

    dist_put(port->gic, port->cpu, offset & ~3ull, (uint32_t)(value << shift), size == 1 ? 0xffu << shift : UINT32_MAX);
    return true;
}

/* ---- CPU interface ---- */

/* The pick's number as the register of all groups, or of group 1 (alias) gives it; messages come with their first sender. */
static uint32_t pick_number(const struct gicv2 *g, unsigned cpu, bool alias)
{
    struct gic_pick pick = g->pick[cpu];

    if (pick.intid == GIC_NONE || (alias && !pick.group))
        return GIC_NONE;
    if (!alias && pick.group && !(g->cpu_control[cpu] & GICV2_ACK_CONTROL))
        return GROUP_1;
    if (pick.intid >= GIC_SGIS)
        return pick.intid;
    return pick.intid | (uint32_t)__builtin_ctz(g->senders[cpu * GIC_SGIS + pick.intid]) << 10;
}

static uint32_t acknowledge(struct gicv2 *g, unsigned cpu, bool alias)
{
    struct gic_pick pick = g->pick[cpu];
    uint32_t number = gic_preempts(&g->cpus, cpu, pick) ? pick_number(g, cpu, alias) : GIC_NONE;

    if ((number & 0x3ff) >= GROUP_1)
        return number;
    gic_activate(&g->cpus, &g->lines, cpu, pick);
    if (pick.intid < GIC_SGIS) {
        g->senders[cpu * GIC_SGIS + pick.intid] &= (uint8_t) ~(1u << (number >> 10));
        gicv2_senders(g, cpu); /* the same message of another vCPU is still pending */
    }
    gicv2_update_for(g, cpu, pick.intid);
    return number;
}

static void end(struct gicv2 *g, unsigned cpu, bool alias, uint32_t intid)
{
    if (intid >= g->config.lines)
        return;
    unsigned group = g->lines.group[gic_word(cpu, intid)] >> intid % 32 & 1;
    if ((alias && !group) || gic_running_group(&g->cpus, cpu) != (int)group)
        return;
    gic_drop(&g->cpus, cpu, group);
    if (!g->cpus.split_end[cpu])
        gic_deactivate(&g->lines, cpu, intid);
    gicv2_update_for(g, cpu, intid);
}

static void deactivate(struct gicv2 *g, unsigned cpu, uint32_t intid)
{
    if (intid >= g->config.lines || !g->cpus.split_end[cpu])
        return;
    gic_deactivate(&g->lines, cpu, intid);
    gicv2_update_for(g, cpu, intid);
}

static bool cpu_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct gicv2_port *port = self;
    struct gicv2 *g = port->gic;
    unsigned cpu = port->cpu;

    (void)size;
    switch (offset) {
    case C_CTLR: *value = g->cpu_control[cpu]; break;
    case C_PMR: *value = g->cpus.mask[cpu]; break;
    case C_BPR: *value = gic_point(&g->cpus, cpu, 0); break;
    case C_ABPR: *value = gic_point(&g->cpus, cpu, 1); break;
    case C_IAR: *value = acknowledge(g, cpu, false); break;
    case C_AIAR: *value = acknowledge(g, cpu, true); break;
    case C_RPR: *value = gic_running(&g->cpus, cpu); break;
    case C_HPPIR: *value = pick_number(g, cpu, false); break;
    case C_AHPPIR: *value = pick_number(g, cpu, true); break;
    case C_APR: *value = g->cpus.active[2 * cpu]; break;
    case C_NSAPR: *value = g->cpus.active[2 * cpu + 1]; break;
    case C_IIDR: *value = C_IIDR_VALUE; break;
    default: *value = 0;
    }
    return true;
}

static bool cpu_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    enum { CONTROL = GICV2_ENABLES | GICV2_ACK_CONTROL | GICV2_FIQ | GICV2_COMMON_POINT | GICV2_SPLIT_END };
    struct gicv2_port *port = self;
    struct gicv2 *g = port->gic;
    unsigned cpu = port->cpu;

    (void)size;
    switch (offset) {
    case C_CTLR:
        g->cpu_control[cpu] = (uint32_t)value & CONTROL;
        gicv2_control(g, cpu);
        gicv2_update(g, cpu);
        return true;
    case C_PMR: g->cpus.mask[cpu] = value & GIC_PRIORITY_MASK; break;
    case C_BPR: gic_point_set(&g->cpus, cpu, 0, (unsigned)value); break;
    case C_ABPR: gic_point_set(&g->cpus, cpu, 1, (unsigned)value); break;
    case C_EOIR: end(g, cpu, false, value & 0x3ff); return true;
    case C_AEOIR: end(g, cpu, true, value & 0x3ff); return true;
    case C_DIR: deactivate(g, cpu, value & 0x3ff); return true;
    case C_APR: g->cpus.active[2 * cpu] = (uint32_t)value; break;
    case C_NSAPR: g->cpus.active[2 * cpu + 1] = (uint32_t)value; break;
    default: bad(g, "CPU interface's", offset); return true;
    }
    gicv2_signal(g, cpu);
    return true;
}

const struct mem_ops gicv2_dist_ops = {.read = dist_read, .write = dist_write, .sizes = 1 | 4};
const struct mem_ops gicv2_cpu_ops = {.read = cpu_read, .write = cpu_write, .sizes = 4};
