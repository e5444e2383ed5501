/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Version 2 of Arm's generic interrupt controller (specification IHI 0048), without the Security Extensions: a distributor and a CPU
 * interface, both in memory. What a vCPU finds there depends on which one it is, so the board maps the two ops with the banks, one for
 * each vCPU, and the chip's device.lock. Virtual interrupts (GICH, GICV) are not there. Device locks may be held when gicv2_set is called.
 */
#pragma once
#include "device/irqchip/gic.h"
#include "mem/window.h"

enum { GICV2_DIST_SIZE = 0x1000 /* what is above reads as zero */, GICV2_CPU_SIZE = 0x2000 };

struct gicv2_config {
    unsigned cpus;  /* 1..GIC_CPUS_MAX */
    unsigned lines; /* interrupts in all: a multiple of 32 up to GIC_LINES_MAX; the last shared one is lines - 1 */
    gic_out_fn *out;
    void *arg;
};

struct gicv2;
extern const struct mem_ops gicv2_dist_ops, gicv2_cpu_ops;
int gicv2_new(struct gicv2 **out, const char *id, const struct device_env *env, const struct gicv2_config *config,
              struct err *err) NODISCARD;
void gicv2_free(struct gicv2 *gic); /* NULL is allowed */
struct device *gicv2_device(struct gicv2 *gic);
void *const *gicv2_banks(struct gicv2 *gic);           /* what the ops take as self, by vCPU; they live as long as the chip */
void gicv2_set(void *gic, unsigned intid, bool level); /* for irq_line.set: a shared interrupt by its number, 32..; any thread */
/* Lines only, no registers. Line n is private interrupt n, 16..31, of the vCPU. Lives as long as the chip. */
const struct reg_window *gicv2_window(struct gicv2 *gic, unsigned cpu);
