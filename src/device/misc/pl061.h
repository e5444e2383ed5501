/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Arm's PL061 general-purpose inputs and outputs: eight pins, of which the board drives the inputs by pl061_set. The board maps it with
 * pl061_ops, the chip as self and its device.lock; the combined interrupt is irq[0].
 */
#pragma once
#include "device/device.h"

enum { PL061_SIZE = 0x1000, PL061_PINS = 8 };

struct pl061;
extern const struct mem_ops pl061_ops;
int pl061_new(struct pl061 **out, const char *id, const struct device_env *env, struct err *err) NODISCARD;
void pl061_free(struct pl061 *gpio); /* NULL is allowed */
struct device *pl061_device(struct pl061 *gpio);
void pl061_press(struct pl061 *gpio, unsigned pin);   /* high for a tenth of a second, as a key makes it; any thread */
void pl061_set(void *gpio, unsigned pin, bool level); /* what drives an input, as irq_line.set; any thread */
