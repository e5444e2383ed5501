/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Arm's PL011 serial port (PrimeCell UART, r1p1: FIFOs of 16). The board maps PL011_SIZE bytes with pl011_ops, the port as self and its
 * device.lock; the combined interrupt is irq[0]. Transmission takes no time; input waits in the backend until the guest makes room.
 */
#pragma once
#include "device/device.h"

enum { PL011_SIZE = 0x1000, PL011_CLOCK_HZ = 24000000 /* for the device tree */ };

struct pl011;
extern const struct mem_ops pl011_ops;
/* backend: stays the caller's and outlives the port; NULL: nothing is connected, output vanishes. */
int pl011_new(struct pl011 **out, const char *id, const struct device_env *env, struct char_backend *backend, struct err *err) NODISCARD;
void pl011_free(struct pl011 *uart); /* NULL is allowed */
struct device *pl011_device(struct pl011 *uart);
