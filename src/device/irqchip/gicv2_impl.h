/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The inside of the GICv2: gicv2.c is its life and its inputs, gicv2_regs.c its registers. Whoever changes what may be pending calls
 * gicv2_update, whoever changes only a CPU interface gicv2_signal.
 */
#pragma once
#include "device/irqchip/gicv2.h"

enum { GICV2_ENABLES = 3, GICV2_ACK_CONTROL = 1 << 2, GICV2_FIQ = 1 << 3, GICV2_COMMON_POINT = 1 << 4, GICV2_SPLIT_END = 1 << 9 };

struct gicv2_port { /* a vCPU's way in */
    struct reg_window window;
    struct gicv2 *gic;
    unsigned cpu;
};

struct gicv2 {
    struct device device;
    struct gicv2_config config;
    struct gic_lines lines;
    struct gic_cpus cpus;
    uint32_t control;                         /* GICD_CTLR: group enables */
    uint32_t cpu_control[GIC_CPUS_MAX];       /* GICC_CTLR; what `cpus` has of it is derived */
    uint8_t senders[GIC_CPUS_MAX * GIC_SGIS]; /* of the pending messages: bit n: vCPU n. A message is latched while there are any */
    struct gic_pick pick[GIC_CPUS_MAX];       /* derived, as the rest */
    uint8_t out[GIC_CPUS_MAX];                /* bit GIC_IRQ, GIC_FIQ */
    struct gicv2_port ports[GIC_CPUS_MAX];
    void *banks[GIC_CPUS_MAX];
};

void gicv2_update(struct gicv2 *gic, unsigned cpu); /* looks for the most urgent interrupt and signals */
void gicv2_update_all(struct gicv2 *gic);
void gicv2_update_for(struct gicv2 *gic, unsigned cpu, unsigned intid); /* all vCPUs that this one's interrupt concerns */
void gicv2_signal(struct gicv2 *gic, unsigned cpu);                     /* the pick stands; masks and running priority may have changed */
void gicv2_control(struct gicv2 *gic, unsigned cpu);                    /* cpu_control is another now */
void gicv2_senders(struct gicv2 *gic, unsigned cpu);                    /* senders are others now: the vCPU's latched messages follow */
