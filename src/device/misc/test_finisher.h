/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The test finisher of SiFive's boards ("sifive,test0", "sifive,test1"): one register by which a guest ends or resets its machine. The
 * board maps it with test_finisher_ops, the device as self and its device.lock.
 */
#pragma once
#include "device/device.h"

enum { TEST_FINISHER_SIZE = 0x1000 };
enum test_finish { TEST_FINISH_pass, TEST_FINISH_fail, TEST_FINISH_reset };

struct test_finisher;
extern const struct mem_ops test_finisher_ops;
/* finish: called on the vCPU's thread with the device's lock held: it only notes what is wanted. code: the upper 16 bits written. */
int test_finisher_new(struct test_finisher **out, const char *id, const struct device_env *env,
                      void (*finish)(void *arg, enum test_finish how, unsigned code), void *arg, struct err *err) NODISCARD;
void test_finisher_free(struct test_finisher *finisher); /* NULL is allowed */
struct device *test_finisher_device(struct test_finisher *finisher);
