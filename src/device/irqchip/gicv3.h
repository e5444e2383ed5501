/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Version 3 of Arm's generic interrupt controller (specification IHI 0069), with one security state and affinity routing: a distributor,
 * a redistributor for each vCPU and the CPU interface, which is a window of system registers. LPIs come from gicv3_its.h. Virtual
 * interrupts (the hypervisor's ICH registers) are not there. The board maps distributor and redistributors with the two ops, the chip as
 * self and its device.lock; device locks may be held when gicv3_set is called.
 */
#pragma once
#include "device/irqchip/gic.h"
#include "mem/window.h"

enum { GICV3_DIST_SIZE = 0x10000, GICV3_REDIST_SIZE = 0x20000 /* of one vCPU; they lie one after the other */ };
enum { GICV3_LPI_FIRST = 8192, GICV3_LPIS = 8192, GICV3_ID_BITS = 14 };

struct gicv3_config {
    unsigned cpus;                   /* 1..GIC_CPUS_MAX */
    unsigned lines;                  /* interrupts in all: a multiple of 32 up to GIC_LINES_MAX; the last shared one is lines - 1 */
    uint32_t affinity[GIC_CPUS_MAX]; /* of each vCPU: Aff3.Aff2.Aff1.Aff0, a byte each */
    bool lpis;                       /* there is an ITS */
    gic_out_fn *out;
    void *arg;
};

struct gicv3;
extern const struct mem_ops gicv3_dist_ops, gicv3_redist_ops;
int gicv3_new(struct gicv3 **out, const char *id, const struct device_env *env, const struct gicv3_config *config,
              struct err *err) NODISCARD;
void gicv3_free(struct gicv3 *gic); /* NULL is allowed */
struct device *gicv3_device(struct gicv3 *gic);
void gicv3_set(void *gic, unsigned intid, bool level); /* for irq_line.set: a shared interrupt by its number, 32..; any thread */
/* The vCPU's registers ICC_*, numbered as bits 19..5 of MRS and MSR are (op0[0] op1 CRn CRm op2); who may use which at what exception level is
 * the guest's business. Its line n is private interrupt n, 16..31. Lives as long as the chip. */
const struct reg_window *gicv3_window(struct gicv3 *gic, unsigned cpu);

/* ---- for the ITS; intid is GICV3_LPI_FIRST.. , bad ones are ignored ---- */
void gicv3_lpi_set(struct gicv3 *gic, unsigned cpu, uint32_t intid, bool pending);
void gicv3_lpi_move(struct gicv3 *gic, unsigned from, unsigned to, uint32_t intid); /* only if it is pending */
void gicv3_lpi_move_all(struct gicv3 *gic, unsigned from, unsigned to);
void gicv3_lpi_reload(struct gicv3 *gic, unsigned cpu, uint32_t intid); /* its configuration in memory is another now */
void gicv3_lpi_reload_all(struct gicv3 *gic, unsigned cpu);
