/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv3's life and inputs, and which interrupt is signalled to which vCPU. A redistributor that was put to sleep (GICR_WAKER) signals
 * nevertheless: nothing here ever powers a vCPU down, and programs exist that never wake theirs.
 */
#include "device/irqchip/gicv3_impl.h"
#include <stdlib.h>

void gicv3_signal(struct gicv3 *g, unsigned cpu)
{
    struct gic_pick pick = g->pick[cpu];
    uint8_t out = gic_preempts(&g->cpus, cpu, pick) ? (uint8_t)(1 << (pick.group ? GIC_IRQ : GIC_FIQ)) : 0;

    gic_tell(&g->out[cpu], out, cpu, g->config.out, g->config.arg);
}

void gicv3_update(struct gicv3 *g, unsigned cpu)
{
    unsigned groups = g->control & g->cpus.groups_enabled[cpu];
    struct gic_pick pick = gic_best(&g->lines, cpu, groups);

    if (groups & 2 && g->lpi_best[cpu].priority < pick.priority)
        pick = g->lpi_best[cpu];
    g->pick[cpu] = pick;
    gicv3_signal(g, cpu);
}

void gicv3_update_all(struct gicv3 *g)
{
    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++)
        gicv3_update(g, cpu);
}

void gicv3_route(struct gicv3 *g)
{
    for (unsigned i = 0; i < GIC_SHARED_MAX; i++) {
        g->lines.targets[i] = 0; /* an affinity that nobody has reaches nobody */
        for (unsigned cpu = 0; cpu < g->config.cpus; cpu++)
            if (gicv3_affinity(g, cpu) == g->router[i])
                g->lines.targets[i] |= (uint8_t)(1 << cpu);
    }
}

void gicv3_set(void *self, unsigned intid, bool level)
{
    struct gicv3 *g = self;

    if (intid < GIC_PRIVATE || intid >= g->config.lines)
        return;
    os_mutex_lock(&g->device.lock);
    if (gic_line(&g->lines, 0, intid, level)) {
        unsigned targets = g->lines.targets[intid - GIC_PRIVATE];
        for (unsigned cpu = 0; targets >> cpu; cpu++)
            if (targets >> cpu & 1)
                gicv3_update(g, cpu);
    }
    os_mutex_unlock(&g->device.lock);
}

static void port_line(void *self, unsigned n, bool level)
{
    struct gicv3_port *port = self;
    struct gicv3 *g = port->gic;

    if (n < GIC_SGIS || n >= GIC_PRIVATE || !gic_private_line(&g->lines, port->cpu, n, level))
        return;
    os_mutex_lock(&g->device.lock);
    gic_private_changed(&g->lines, port->cpu, n, level);
    gicv3_update(g, port->cpu);
    os_mutex_unlock(&g->device.lock);
}

const struct reg_window *gicv3_window(struct gicv3 *g, unsigned cpu) { return &g->ports[cpu].window; }

/* ---- life ---- */

static void gicv3_reset(void *self)
{
    struct gicv3 *g = self;

    gic_lines_reset(&g->lines);
    gic_cpus_reset(&g->cpus);
    g->control = 0;
    memset(g->router, 0, sizeof g->router);
    memset(g->redist_control, 0, sizeof g->redist_control);
    memset(g->asleep, 1, sizeof g->asleep);
    memset(g->config_table, 0, sizeof g->config_table);
    memset(g->pending_table, 0, sizeof g->pending_table);
    memset(g->lpi_pending, 0, sizeof g->lpi_pending);
    memset(g->lpi_config, 0, sizeof g->lpi_config);
    gicv3_route(g);
    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++)
        gicv3_lpi_find_best(g, cpu);
    gicv3_update_all(g);
}

static int gicv3_after_load(void *self)
{
    struct gicv3 *g = self;
    int rc = gic_lines_check(&g->lines);

    if (!rc)
        rc = gic_cpus_check(&g->cpus);
    if (rc)
        return rc;
    g->control &= 3;
    for (unsigned cpu = 0; cpu < GIC_CPUS_MAX; cpu++) {
        g->redist_control[cpu] &= g->config.lpis && cpu < g->config.cpus ? GICV3_LPIS_ENABLED : 0;
        g->asleep[cpu] &= 1;
    }
    gicv3_route(g);
    for (unsigned cpu = 0; cpu < g->config.cpus; cpu++)
        gicv3_lpi_find_best(g, cpu);
    gicv3_update_all(g);
    return 0;
}

static const struct state_field gicv3_fields[] = {
    STATE_FIELD(1, struct gicv3, lines.group, u32, GIC_WORDS),
    STATE_FIELD(2, struct gicv3, lines.enabled, u32, GIC_WORDS),
    STATE_FIELD(3, struct gicv3, lines.latched, u32, GIC_WORDS),
    STATE_FIELD(4, struct gicv3, lines.edge, u32, GIC_WORDS),
    STATE_FIELD(5, struct gicv3, lines.active, u32, GIC_WORDS),
    STATE_FIELD(6, struct gicv3, lines.level, u32, GIC_WORDS),
    STATE_FIELD(7, struct gicv3, lines.priority, u8, GIC_WORDS * 32),
    STATE_FIELD(8, struct gicv3, cpus.mask, u8, GIC_CPUS_MAX),
    STATE_FIELD(9, struct gicv3, cpus.point, u8, 2 * GIC_CPUS_MAX),
    STATE_FIELD(10, struct gicv3, cpus.active, u32, 2 * GIC_CPUS_MAX),
    STATE_FIELD(11, struct gicv3, cpus.groups_enabled, u8, GIC_CPUS_MAX),
    STATE_FIELD(12, struct gicv3, cpus.common_point, bool, GIC_CPUS_MAX),
    STATE_FIELD(13, struct gicv3, cpus.split_end, bool, GIC_CPUS_MAX),
    STATE_FIELD(14, struct gicv3, control, u32, 1),
    STATE_FIELD(15, struct gicv3, router, u64, GIC_SHARED_MAX),
    STATE_FIELD(16, struct gicv3, redist_control, u32, GIC_CPUS_MAX),
    STATE_FIELD(17, struct gicv3, asleep, u8, GIC_CPUS_MAX),
    STATE_FIELD(18, struct gicv3, config_table, u64, GIC_CPUS_MAX),
    STATE_FIELD(19, struct gicv3, pending_table, u64, GIC_CPUS_MAX),
    STATE_FIELD(20, struct gicv3, lpi_pending, u32, GIC_CPUS_MAX *GICV3_LPI_WORDS),
    STATE_FIELD(21, struct gicv3, lpi_config, u8, GICV3_LPIS),
};

static const struct state_desc gicv3_state = {"gicv3", gicv3_fields, ARRAY_LEN(gicv3_fields), gicv3_after_load};

static void gicv3_free_self(void *self) { gicv3_free(self); }

const struct device_class gicv3_class = {
    .name = "gicv3",
    .doc = "Arm generic interrupt controller, version 3",
    .state = &gicv3_state,
    .reset = gicv3_reset,
    .free = gicv3_free_self,
    .rank = OS_RANK_irqchip,
};

int gicv3_new(struct gicv3 **out, const char *id, const struct device_env *env, const struct gicv3_config *config, struct err *err)
{
    struct gicv3 *g;
    int rc = gic_size_check(id, config->cpus, config->lines, err);

    if (rc)
        return rc;
    g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, STATUS_resource, "no memory for interrupt controller %s", id);
    device_init(&g->device, &gicv3_class, id, env);
    g->config = *config;
    g->lines.cpus = config->cpus;
    g->lines.lines = config->lines;
    for (unsigned cpu = 0; cpu < GIC_CPUS_MAX; cpu++)
        g->ports[cpu] = (struct gicv3_port){{gicv3_cpu_read, gicv3_cpu_write, port_line, &g->ports[cpu]}, g, cpu};
    gicv3_reset(g);
    *out = g;
    return 0;
}

void gicv3_free(struct gicv3 *g)
{
    if (!g)
        return;
    device_fini(&g->device);
    free(g);
}

struct device *gicv3_device(struct gicv3 *g) { return &g->device; }
