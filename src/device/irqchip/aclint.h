/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The RISC-V ACLINT (advanced core-local interruptor): software interrupts and timers of harts, laid out as the older CLINT: MSWI at 0,
 * mtimecmp at 0x4000, mtime at 0xbff8; and, in a window of its own, SSWI. The board maps the windows with the two ops, the chip as self
 * and its device.lock. mtime is the machine's virtual time at 10 MHz; aclint_time() gives it to the CPUs' `time` without a lock.
 * The virtual clock must run again before device_class.resume is called, and be set before a state is loaded.
 */
#pragma once
#include "device/device.h"

enum { ACLINT_SIZE = 0x10000, ACLINT_SSWI_SIZE = 0x4000, ACLINT_HZ = 10000000, ACLINT_NS = 1000000000 / ACLINT_HZ, ACLINT_HARTS_MAX = 64 };
enum aclint_line { ACLINT_MSIP, ACLINT_MTIP, ACLINT_SSIP /* an edge: told with level true only */ };

struct aclint_config {
    unsigned harts; /* 1..ACLINT_HARTS_MAX */
    /* Told changes, from vCPUs' threads and the loop; the chip's lock is held: it must not call the chip. */
    void (*out)(void *arg, unsigned hart, enum aclint_line line, bool level);
    void *arg;
};

struct aclint;
extern const struct mem_ops aclint_ops, aclint_sswi_ops;
int aclint_new(struct aclint **out, const char *id, const struct device_env *env, const struct aclint_config *config,
               struct err *err) NODISCARD;
void aclint_free(struct aclint *aclint); /* NULL is allowed */
struct device *aclint_device(struct aclint *aclint);
uint64_t aclint_time(const struct aclint *aclint); /* mtime; any thread */
uint64_t aclint_to_host(const struct aclint *aclint,
                        uint64_t time); /* os_clock_ns() at which mtime gets there; UINT64_MAX: never or paused */
