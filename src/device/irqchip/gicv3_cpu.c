/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv3's CPU interface as system registers (IHI 0069, 12.2). Each call comes on the thread of its vCPU. With one security state group
 * 0 is signalled as FIQ, group 1 as IRQ; binary point 1 counts as the non-secure one does, one higher than binary point 0.
 */
#include "device/irqchip/gicv3_impl.h"

#define ICC(op1, n, m, op2) (1 << 14 | (op1) << 11 | (n) << 7 | (m) << 3 | (op2))
enum {
    ICC_PMR = ICC(0, 4, 6, 0),
    ICC_IAR0 = ICC(0, 12, 8, 0),
    ICC_EOIR0 = ICC(0, 12, 8, 1),
    ICC_HPPIR0 = ICC(0, 12, 8, 2),
    ICC_BPR0 = ICC(0, 12, 8, 3),
    ICC_AP0R0 = ICC(0, 12, 8, 4),
    ICC_AP1R0 = ICC(0, 12, 9, 0),
    ICC_DIR = ICC(0, 12, 11, 1),
    ICC_RPR = ICC(0, 12, 11, 3),
    ICC_SGI1R = ICC(0, 12, 11, 5),
    ICC_ASGI1R = ICC(0, 12, 11, 6),
    ICC_SGI0R = ICC(0, 12, 11, 7),
    ICC_IAR1 = ICC(0, 12, 12, 0),
    ICC_EOIR1 = ICC(0, 12, 12, 1),
    ICC_HPPIR1 = ICC(0, 12, 12, 2),
    ICC_BPR1 = ICC(0, 12, 12, 3),
    ICC_CTLR = ICC(0, 12, 12, 4),
    ICC_SRE = ICC(0, 12, 12, 5),
    ICC_IGRPEN0 = ICC(0, 12, 12, 6),
    ICC_IGRPEN1 = ICC(0, 12, 12, 7),
    ICC_SRE_EL2 = ICC(4, 12, 9, 5),
};
enum { CTLR_CBPR = 1, CTLR_EOIMODE = 2, CTLR_PRIBITS = 4 << 8 /* one less than there are */, CTLR_A3V = 1 << 15 };
enum { SRE_EL1 = 7, SRE_EL2_BITS = 15 /* system registers always, no bypass */ };

static unsigned read_point1(const struct gicv3 *g, unsigned cpu)
{
    unsigned point = g->cpus.common_point[cpu] ? gic_point(&g->cpus, cpu, 0) + 1 : gic_point(&g->cpus, cpu, 1);

    return point < 7 ? point : 7;
}

static void write_point(struct gicv3 *g, unsigned cpu, unsigned group, unsigned value)
{
    if (!group || !g->cpus.common_point[cpu])
        gic_point_set(&g->cpus, cpu, group, value);
}

static uint64_t highest_pending(const struct gicv3 *g, unsigned cpu, unsigned group)
{
    struct gic_pick pick = g->pick[cpu];

    return pick.group == group ? pick.intid : GIC_NONE;
}

static uint64_t acknowledge(struct gicv3 *g, unsigned cpu, unsigned group)
{
    struct gic_pick pick = g->pick[cpu];

    if (pick.group != group || !gic_preempts(&g->cpus, cpu, pick))
        return GIC_NONE;
    gic_activate(&g->cpus, &g->lines, cpu, pick);
    if (gicv3_lpi_valid(pick.intid))
        gicv3_lpi_clear(g, cpu, pick.intid);
    gicv3_update(g, cpu);
    return pick.intid;
}

/* Deactivating a shared interrupt may let it be pending again for the vCPU that it goes to. */
static void deactivate(struct gicv3 *g, unsigned cpu, uint32_t intid)
{
    if (intid >= g->config.lines)
        return;
    gic_deactivate(&g->lines, cpu, intid);
    if (intid >= GIC_PRIVATE)
        for (unsigned other = 0; other < g->config.cpus; other++)
            if (other != cpu && g->lines.targets[intid - GIC_PRIVATE] >> other & 1)
                gicv3_update(g, other);
}

static void end(struct gicv3 *g, unsigned cpu, unsigned group, uint32_t intid)
{
    if ((intid >= g->config.lines && !gicv3_lpi_valid(intid)) || gic_running_group(&g->cpus, cpu) != (int)group)
        return;
    gic_drop(&g->cpus, cpu, group);
    if (!g->cpus.split_end[cpu])
        deactivate(g, cpu, intid);
    gicv3_update(g, cpu);
}

/* A message to the vCPUs that the value names, as far as the interrupt is of one of these groups there. */
static void send(struct gicv3 *g, unsigned self, uint64_t value, unsigned groups)
{
    uint64_t affinity = bits_get(value, 48, 8) << 32 | bits_get(value, 32, 8) << 16 | bits_get(value, 16, 8) << 8;
    unsigned intid = (unsigned)bits_get(value, 24, 4), first = (unsigned)bits_get(value, 44, 4) * 16;
    bool others = value >> 40 & 1;

    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++) {
        uint64_t aff = gicv3_affinity(g, cpu);
        unsigned aff0 = aff & 0xff;
        bool named = (aff & ~0xffull) == affinity && aff0 >= first && aff0 < first + 16 && value >> (aff0 - first) & 1;

        if ((others ? cpu == self : !named) || !(groups >> (g->lines.group[cpu] >> intid & 1) & 1))
            continue;
        g->lines.latched[cpu] |= 1u << intid;
        gicv3_update(g, cpu);
    }
}

static void write_control(struct gicv3 *g, unsigned cpu, uint64_t value)
{
    g->cpus.common_point[cpu] = value & CTLR_CBPR;
    g->cpus.split_end[cpu] = (value & CTLR_EOIMODE) != 0;
}

static void enable_group(struct gicv3 *g, unsigned cpu, unsigned group, bool on)
{
    g->cpus.groups_enabled[cpu] = (uint8_t)bits_set(g->cpus.groups_enabled[cpu], group, 1, on);
    gicv3_update(g, cpu);
}

static bool cpu_read(struct gicv3 *g, unsigned cpu, unsigned number, uint64_t *value)
{
    const struct gic_cpus *c = &g->cpus;

    switch (number) {
    case ICC_PMR: *value = c->mask[cpu]; break;
    case ICC_IAR0: *value = acknowledge(g, cpu, 0); break;
    case ICC_IAR1: *value = acknowledge(g, cpu, 1); break;
    case ICC_HPPIR0: *value = highest_pending(g, cpu, 0); break;
    case ICC_HPPIR1: *value = highest_pending(g, cpu, 1); break;
    case ICC_BPR0: *value = gic_point(c, cpu, 0); break;
    case ICC_BPR1: *value = read_point1(g, cpu); break;
    case ICC_AP0R0: *value = c->active[2 * cpu]; break;
    case ICC_AP1R0: *value = c->active[2 * cpu + 1]; break;
    case ICC_RPR: *value = gic_running(c, cpu); break;
    case ICC_CTLR:
        *value = CTLR_PRIBITS | CTLR_A3V | (c->common_point[cpu] ? CTLR_CBPR : 0) | (c->split_end[cpu] ? CTLR_EOIMODE : 0);
        break;
    case ICC_SRE: *value = SRE_EL1; break;
    case ICC_SRE_EL2: *value = SRE_EL2_BITS; break;
    case ICC_IGRPEN0: *value = c->groups_enabled[cpu] & 1; break;
    case ICC_IGRPEN1: *value = c->groups_enabled[cpu] >> 1; break;
    default: return false;
    }
    return true;
}

static bool cpu_write(struct gicv3 *g, unsigned cpu, unsigned number, uint64_t value)
{
    switch (number) {
    case ICC_PMR: g->cpus.mask[cpu] = value & GIC_PRIORITY_MASK; break;
    case ICC_EOIR0: end(g, cpu, 0, value & 0xffffff); break;
    case ICC_EOIR1: end(g, cpu, 1, value & 0xffffff); break;
    case ICC_DIR:
        if (g->cpus.split_end[cpu])
            deactivate(g, cpu, value & 0xffffff);
        gicv3_update(g, cpu);
        return true;
    case ICC_BPR0: write_point(g, cpu, 0, (unsigned)value); break;
    case ICC_BPR1: write_point(g, cpu, 1, (unsigned)value); break;
    case ICC_AP0R0: g->cpus.active[2 * cpu] = (uint32_t)value; break;
    case ICC_AP1R0: g->cpus.active[2 * cpu + 1] = (uint32_t)value; break;
    case ICC_SGI1R: send(g, cpu, value, 2); break;
    case ICC_SGI0R:
    case ICC_ASGI1R: send(g, cpu, value, 1); break; /* the other security state's group 1 is group 0 here */
    case ICC_CTLR: write_control(g, cpu, value); break;
    case ICC_SRE:
    case ICC_SRE_EL2: return true;
    case ICC_IGRPEN0: enable_group(g, cpu, 0, value & 1); return true;
    case ICC_IGRPEN1: enable_group(g, cpu, 1, value & 1); return true;
    default: return false;
    }
    gicv3_signal(g, cpu);
    return true;
}

bool gicv3_cpu_read(void *self, unsigned number, uint64_t *value)
{
    struct gicv3_port *port = self;

    os_mutex_lock(&port->gic->device.lock);
    bool known = cpu_read(port->gic, port->cpu, number, value);
    os_mutex_unlock(&port->gic->device.lock);
    return known;
}

bool gicv3_cpu_write(void *self, unsigned number, uint64_t value)
{
    struct gicv3_port *port = self;

    os_mutex_lock(&port->gic->device.lock);
    bool known = cpu_write(port->gic, port->cpu, number, value);
    os_mutex_unlock(&port->gic->device.lock);
    return known;
}
