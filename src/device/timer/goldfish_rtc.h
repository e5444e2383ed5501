/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The Goldfish real-time clock ("google,goldfish-rtc"): the host's wall time in nanoseconds, settable by the guest, with one alarm on
 * irq[0]. The board maps it with goldfish_rtc_ops, the clock as self and its device.lock.
 */
#pragma once
#include "device/device.h"

enum { GOLDFISH_RTC_SIZE = 0x1000 };

struct goldfish_rtc;
extern const struct mem_ops goldfish_rtc_ops;
int goldfish_rtc_new(struct goldfish_rtc **out, const char *id, const struct device_env *env, struct err *err) NODISCARD;
void goldfish_rtc_free(struct goldfish_rtc *rtc); /* NULL is allowed */
struct device *goldfish_rtc_device(struct goldfish_rtc *rtc);
