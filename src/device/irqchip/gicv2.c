/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv2's life and inputs, and which interrupt is signalled to which vCPU. A shared interrupt that goes to several vCPUs is signalled
 * to all of them; the first that acknowledges it takes it away from the others. Messages are always enabled.
 */
#include "device/irqchip/gicv2_impl.h"
#include <stdlib.h>

enum { SGI_MASK = 0xffff };

void gicv2_signal(struct gicv2 *g, unsigned cpu)
{
    struct gic_pick pick = g->pick[cpu];
    enum gic_output line = !pick.group && g->cpu_control[cpu] & GICV2_FIQ ? GIC_FIQ : GIC_IRQ;

    gic_tell(&g->out[cpu], gic_preempts(&g->cpus, cpu, pick) ? (uint8_t)(1 << line) : 0, cpu, g->config.out, g->config.arg);
}

void gicv2_update(struct gicv2 *g, unsigned cpu)
{
    g->pick[cpu] = gic_best(&g->lines, cpu, g->control & g->cpus.groups_enabled[cpu]);
    gicv2_signal(g, cpu);
}

void gicv2_update_all(struct gicv2 *g)
{
    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++)
        gicv2_update(g, cpu);
}

void gicv2_update_for(struct gicv2 *g, unsigned cpu, unsigned intid)
{
    unsigned targets = 1u << cpu;

    if (intid >= GIC_PRIVATE)
        targets |= g->lines.targets[intid - GIC_PRIVATE];
    for (unsigned n = 0; n < g->config.cpus; n++)
        if (targets >> n & 1)
            gicv2_update(g, n);
}

void gicv2_control(struct gicv2 *g, unsigned cpu)
{
    uint32_t control = g->cpu_control[cpu];

    g->cpus.groups_enabled[cpu] = control & GICV2_ENABLES;
    g->cpus.common_point[cpu] = (control & GICV2_COMMON_POINT) != 0;
    g->cpus.split_end[cpu] = (control & GICV2_SPLIT_END) != 0;
}

void gicv2_senders(struct gicv2 *g, unsigned cpu)
{
    uint32_t latched = g->lines.latched[cpu] & ~(uint32_t)SGI_MASK;

    for (unsigned n = 0; n < GIC_SGIS; n++)
        latched |= g->senders[cpu * GIC_SGIS + n] ? 1u << n : 0;
    g->lines.latched[cpu] = latched;
}

void gicv2_set(void *self, unsigned intid, bool level)
{
    struct gicv2 *g = self;

    if (intid < GIC_PRIVATE || intid >= g->config.lines)
        return;
    os_mutex_lock(&g->device.lock);
    if (gic_line(&g->lines, 0, intid, level))
        gicv2_update_for(g, 0, intid);
    os_mutex_unlock(&g->device.lock);
}

static void port_line(void *self, unsigned n, bool level)
{
    struct gicv2_port *port = self;
    struct gicv2 *g = port->gic;

    if (n < GIC_SGIS || n >= GIC_PRIVATE || !gic_private_line(&g->lines, port->cpu, n, level))
        return;
    os_mutex_lock(&g->device.lock);
    gic_private_changed(&g->lines, port->cpu, n, level);
    gicv2_update(g, port->cpu);
    os_mutex_unlock(&g->device.lock);
}

const struct reg_window *gicv2_window(struct gicv2 *g, unsigned cpu) { return &g->ports[cpu].window; }
void *const *gicv2_banks(struct gicv2 *g) { return g->banks; }

/* ---- life ---- */

/* What cannot be otherwise: messages are enabled, and the only vCPU gets everything. */
static void settle(struct gicv2 *g)
{
    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++) {
        g->lines.enabled[cpu] |= SGI_MASK;
        gicv2_control(g, cpu);
        gicv2_senders(g, cpu);
    }
    if (g->config.cpus == 1)
        memset(g->lines.targets, 1, sizeof g->lines.targets);
    gicv2_update_all(g);
}

static void gicv2_reset(void *self)
{
    struct gicv2 *g = self;

    gic_lines_reset(&g->lines);
    gic_cpus_reset(&g->cpus);
    g->control = 0;
    memset(g->cpu_control, 0, sizeof g->cpu_control);
    memset(g->senders, 0, sizeof g->senders);
    settle(g);
}

static int gicv2_after_load(void *self)
{
    struct gicv2 *g = self;
    int rc = gic_lines_check(&g->lines);

    if (!rc)
        rc = gic_cpus_check(&g->cpus);
    if (rc)
        return rc;
    g->control &= GICV2_ENABLES;
    for (unsigned i = 0; i < ARRAY_LEN(g->senders); i++)
        g->senders[i] &= (uint8_t)((1u << g->config.cpus) - 1);
    settle(g);
    return 0;
}

static const struct state_field gicv2_fields[] = {
    STATE_FIELD(1, struct gicv2, lines.group, u32, GIC_WORDS),         STATE_FIELD(2, struct gicv2, lines.enabled, u32, GIC_WORDS),
    STATE_FIELD(3, struct gicv2, lines.latched, u32, GIC_WORDS),       STATE_FIELD(4, struct gicv2, lines.edge, u32, GIC_WORDS),
    STATE_FIELD(5, struct gicv2, lines.active, u32, GIC_WORDS),        STATE_FIELD(6, struct gicv2, lines.level, u32, GIC_WORDS),
    STATE_FIELD(7, struct gicv2, lines.priority, u8, GIC_WORDS * 32),  STATE_FIELD(8, struct gicv2, lines.targets, u8, GIC_SHARED_MAX),
    STATE_FIELD(9, struct gicv2, cpus.mask, u8, GIC_CPUS_MAX),         STATE_FIELD(10, struct gicv2, cpus.point, u8, 2 * GIC_CPUS_MAX),
    STATE_FIELD(11, struct gicv2, cpus.active, u32, 2 * GIC_CPUS_MAX), STATE_FIELD(12, struct gicv2, control, u32, 1),
    STATE_FIELD(13, struct gicv2, cpu_control, u32, GIC_CPUS_MAX),     STATE_FIELD(14, struct gicv2, senders, u8, GIC_CPUS_MAX *GIC_SGIS),
};

static const struct state_desc gicv2_state = {"gicv2", gicv2_fields, ARRAY_LEN(gicv2_fields), gicv2_after_load};

static void gicv2_free_self(void *self) { gicv2_free(self); }

const struct device_class gicv2_class = {
    .name = "gicv2",
    .doc = "Arm generic interrupt controller, version 2",
    .state = &gicv2_state,
    .reset = gicv2_reset,
    .free = gicv2_free_self,
    .rank = OS_RANK_irqchip,
};

int gicv2_new(struct gicv2 **out, const char *id, const struct device_env *env, const struct gicv2_config *config, struct err *err)
{
    struct gicv2 *g;
    int rc = gic_size_check(id, config->cpus, config->lines, err);

    if (rc)
        return rc;
    g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, STATUS_resource, "no memory for interrupt controller %s", id);
    device_init(&g->device, &gicv2_class, id, env);
    g->config = *config;
    g->lines.cpus = config->cpus;
    g->lines.lines = config->lines;
    for (unsigned cpu = 0; cpu < GIC_CPUS_MAX; cpu++) {
        g->ports[cpu] = (struct gicv2_port){{.line = port_line, .self = &g->ports[cpu]}, g, cpu};
        g->banks[cpu] = &g->ports[cpu];
    }
    gicv2_reset(g);
    *out = g;
    return 0;
}

void gicv2_free(struct gicv2 *g)
{
    if (!g)
        return;
    device_fini(&g->device);
    free(g);
}

struct device *gicv2_device(struct gicv2 *g) { return &g->device; }
