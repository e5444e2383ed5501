/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Arm's PL031 real-time clock: the host's wall time in seconds, settable by the guest, with one alarm on irq[0]. The board maps it with
 * pl031_ops, the clock as self and its device.lock.
 */
#pragma once
#include "device/device.h"

enum { PL031_SIZE = 0x1000 };

struct pl031;
extern const struct mem_ops pl031_ops;
int pl031_new(struct pl031 **out, const char *id, const struct device_env *env, struct err *err) NODISCARD;
void pl031_free(struct pl031 *rtc); /* NULL is allowed */
struct device *pl031_device(struct pl031 *rtc);
