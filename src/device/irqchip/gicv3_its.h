/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv3's interrupt translation service (IHI 0069, chapter 5): messages of devices (a device's number and an event) become LPIs at
 * vCPUs, by tables in the guest's memory that only its command queue changes. The board maps both frames with gicv3_its_ops, the ITS as
 * self and its device.lock; it keeps no copy of the tables, so there is nothing to become stale.
 */
#pragma once
#include "device/irqchip/gicv3.h"

enum { GICV3_ITS_SIZE = 0x20000, GICV3_ITS_MESSAGE = 0x10040 /* where devices write their events: GITS_TRANSLATER */ };

struct gicv3_its;
extern const struct mem_ops gicv3_its_ops;
/* gic: outlives the ITS. */
int gicv3_its_new(struct gicv3_its **out, const char *id, const struct device_env *env, struct gicv3 *gic, unsigned cpus,
                  struct err *err) NODISCARD;
void gicv3_its_free(struct gicv3_its *its); /* NULL is allowed */
struct device *gicv3_its_device(struct gicv3_its *its);
void gicv3_its_message(struct gicv3_its *its, uint32_t device, uint32_t event); /* any thread; device locks may be held */
