/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The 16550A serial port, registers one byte apart. The board maps UART16550_SIZE bytes (or more) with uart16550_ops, the port as self and
 * its device.lock; the interrupt is irq[0]. Transmission takes no time; input waits in the backend until the guest makes room.
 */
#pragma once
#include "device/device.h"

enum { UART16550_SIZE = 0x100, UART16550_CLOCK_HZ = 3686400 /* for the device tree: 16 x baud at divisor 1 */ };

struct uart16550;
extern const struct mem_ops uart16550_ops;
/* backend: stays the caller's and outlives the port; NULL: nothing is connected, output vanishes. */
int uart16550_new(struct uart16550 **out, const char *id, const struct device_env *env, struct char_backend *backend,
                  struct err *err) NODISCARD;
void uart16550_free(struct uart16550 *uart); /* NULL is allowed */
struct device *uart16550_device(struct uart16550 *uart);
