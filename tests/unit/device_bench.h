/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A bench for device tests: a loop and a running clock, registers read and written as the bus does (under the device's lock, checks
 * included), interrupt lines that are watched, and a state that is saved and loaded back.
 */
#pragma once
#include "device/device.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h> /* wants the others first */

struct bench {
    struct os_loop *loop;
    struct os_vclock clock;
    struct device_env env;
    _Atomic int irq;            /* level of the one line */
    _Atomic unsigned irq_calls; /* changes that were told */
};

static inline void bench_irq(void *self, unsigned n, bool level)
{
    struct bench *bench = self;

    (void)n;
    bench->irq = level;
    bench->irq_calls++;
}

static inline void bench_open(struct bench *bench)
{
    *bench = (struct bench){0};
    assert_int_equal(os_loop_new(&bench->loop, "io/0", NULL), 0);
    os_vclock_init(&bench->clock);
    os_vclock_resume(&bench->clock);
    bench->env = (struct device_env){.loop = bench->loop, .clock = &bench->clock};
}

static inline void bench_close(struct bench *bench) { os_loop_free(bench->loop); }

static inline void bench_connect(struct bench *bench, struct device *device) { device->irq[0] = (struct irq_line){bench_irq, bench, 0}; }

static inline void rest_us(long us)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    nanosleep(&t, NULL);
}

/* true as soon as the expression is, ten minutes later at most: a slow machine is no failure. */
#define EVENTUALLY(expression)                                                          \
    ({                                                                                  \
        bool eventually_ = (expression);                                                \
        for (int i_ = 0; i_ < 600000 && !eventually_; i_++, eventually_ = (expression)) \
            rest_us(1000);                                                              \
        eventually_;                                                                    \
    })

static inline bool bus_read(struct device *device, const struct mem_ops *ops, uint64_t offset, unsigned size, uint64_t *value)
{
    bool ok;

    if (!(ops->sizes & size))
        return false;
    os_mutex_lock(&device->lock);
    ok = ops->read(device, offset, size, value);
    os_mutex_unlock(&device->lock);
    return ok;
}

static inline bool bus_write(struct device *device, const struct mem_ops *ops, uint64_t offset, unsigned size, uint64_t value)
{
    bool ok;

    if (!(ops->sizes & size))
        return false;
    os_mutex_lock(&device->lock);
    ok = ops->write(device, offset, size, value);
    os_mutex_unlock(&device->lock);
    return ok;
}

static inline uint64_t reg(struct device *device, const struct mem_ops *ops, uint64_t offset, unsigned size)
{
    uint64_t value = 0xdeadbeefdeadbeef;

    assert_true(bus_read(device, ops, offset, size, &value));
    return value;
}

static inline void reg_set(struct device *device, const struct mem_ops *ops, uint64_t offset, unsigned size, uint64_t value)
{
    assert_true(bus_write(device, ops, offset, size, value));
}

static inline void device_call(struct device *device, void (*fn)(void *self))
{
    if (!fn)
        return;
    os_mutex_lock(&device->lock);
    fn(device);
    os_mutex_unlock(&device->lock);
}

static inline void device_save(struct device *device, struct text *out)
{
    text_init(out, 1 << 20);
    os_mutex_lock(&device->lock);
    state_save(device->class->state, device, out);
    os_mutex_unlock(&device->lock);
    assert_true(text_ok(out));
}

static inline int device_load(struct device *device, const struct text *from)
{
    struct err err = {0};
    int status;

    os_mutex_lock(&device->lock);
    status = state_load(device->class->state, device, text_str(from), from->len, &err);
    os_mutex_unlock(&device->lock);
    return status;
}

/* Loads the saved state with every byte spoiled in turn: the device may refuse, but must stay sound (sanitizers watch). */
static inline void device_load_spoiled(struct device *device, struct text *saved)
{
    for (size_t i = 0; i < saved->len; i++) {
        char byte = saved->data[i];

        saved->data[i] = (char)~byte;
        (void)!device_load(device, saved);
        saved->data[i] = byte;
    }
    assert_int_equal(device_load(device, saved), 0);
}
