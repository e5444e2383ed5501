/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The inside of the GICv3: gicv3.c is its life and its inputs, gicv3_dist.c the registers in memory, gicv3_cpu.c the CPU interface,
 * gicv3_lpi.c the LPIs. Whoever changes what may be pending calls gicv3_update, whoever changes only a CPU interface gicv3_signal.
 */
#pragma once
#include "device/irqchip/gicv3.h"

enum { GICV3_LPI_WORDS = GICV3_LPIS / 32 };
enum { GICV3_LPIS_ENABLED = 1 }; /* GICR_CTLR */

struct gicv3_port { /* a vCPU's way in */
    struct reg_window window;
    struct gicv3 *gic;
    unsigned cpu;
};

struct gicv3 {
    struct device device;
    struct gicv3_config config;
    struct gic_lines lines;
    struct gic_cpus cpus;
    uint32_t control;                /* GICD_CTLR: group enables */
    uint64_t router[GIC_SHARED_MAX]; /* GICD_IROUTER */
    uint32_t redist_control[GIC_CPUS_MAX];
    uint8_t asleep[GIC_CPUS_MAX];                                     /* GICR_WAKER.ProcessorSleep */
    uint64_t config_table[GIC_CPUS_MAX], pending_table[GIC_CPUS_MAX]; /* GICR_PROPBASER, GICR_PENDBASER */
    uint32_t lpi_pending[GIC_CPUS_MAX * GICV3_LPI_WORDS];
    uint8_t lpi_config[GICV3_LPIS];         /* as read from the table in memory: priority, bit 0: enabled */
    struct gic_pick lpi_best[GIC_CPUS_MAX]; /* derived, as the rest */
    struct gic_pick pick[GIC_CPUS_MAX];
    uint8_t out[GIC_CPUS_MAX]; /* bit GIC_IRQ, GIC_FIQ */
    struct gicv3_port ports[GIC_CPUS_MAX];
};

static inline uint64_t gicv3_affinity(const struct gicv3 *g, unsigned cpu) /* as GICD_IROUTER has it */
{
    uint64_t aff = g->config.affinity[cpu];

    return (aff >> 24) << 32 | (aff & 0xffffff);
}

void gicv3_update(struct gicv3 *gic, unsigned cpu); /* looks for the most urgent interrupt and signals */
void gicv3_update_all(struct gicv3 *gic);
void gicv3_signal(struct gicv3 *gic, unsigned cpu); /* the pick stands; masks and running priority may have changed */
void gicv3_route(struct gicv3 *gic);                /* the targets by the routers */

/* gicv3_cpu.c */
bool gicv3_cpu_read(void *port, unsigned number, uint64_t *value);
bool gicv3_cpu_write(void *port, unsigned number, uint64_t value);

/* gicv3_lpi.c */
bool gicv3_lpi_valid(uint32_t intid);
void gicv3_lpis_enable(struct gicv3 *gic, unsigned cpu, bool on); /* reads the tables; or writes what is pending back */
void gicv3_lpi_clear(struct gicv3 *gic, unsigned cpu, uint32_t intid);
void gicv3_lpi_find_best(struct gicv3 *gic, unsigned cpu);
