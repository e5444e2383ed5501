/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ACLINT (specification 1.0). A timer of the loop stands for each mtimecmp that lies ahead; it may ring early (the clocks are read at
 * different moments), so a ring only looks at the time again.
 */
#include "device/irqchip/aclint.h"
#include "base/bits.h"
#include <stdlib.h>

enum { R_MSIP = 0, R_MTIMECMP = 0x4000, R_MTIME = 0xbff8 };

struct aclint_hart {
    struct aclint *chip;
    struct os_timer *timer;
    bool mtip;
};

struct aclint {
    struct device device;
    struct aclint_config config;
    _Atomic uint64_t offset; /* mtime = virtual ticks + offset: what writes to mtime change */
    uint64_t saved_time;     /* for the state only */
    uint64_t mtimecmp[ACLINT_HARTS_MAX];
    uint8_t msip[ACLINT_HARTS_MAX];
    bool paused;
    struct aclint_hart harts[ACLINT_HARTS_MAX];
};

uint64_t aclint_time(const struct aclint *a) { return os_vclock_ns(a->device.clock) / ACLINT_NS + a->offset; }

uint64_t aclint_to_host(const struct aclint *a, uint64_t time)
{
    uint64_t ticks = os_vclock_ns(a->device.clock) / ACLINT_NS, now = ticks + a->offset;

    if (time <= now)
        return os_clock_ns();
    if (time - now > INT64_MAX / ACLINT_NS - ticks) /* centuries */
        return UINT64_MAX;
    return os_vclock_to_host(a->device.clock, (ticks + (time - now)) * ACLINT_NS);
}

static void aclint_timer_update(struct aclint *a, unsigned hart)
{
    struct aclint_hart *h = &a->harts[hart];
    bool due = aclint_time(a) >= a->mtimecmp[hart];
    uint64_t at = due || a->paused ? UINT64_MAX : aclint_to_host(a, a->mtimecmp[hart]);

    if (at == UINT64_MAX)
        os_timer_cancel(h->timer);
    else
        os_timer_set(h->timer, at);
    if (due != h->mtip) {
        h->mtip = due;
        a->config.out(a->config.arg, hart, ACLINT_MTIP, due);
    }
}

static void aclint_timers_update(struct aclint *a)
{
    for (unsigned i = 0; i < a->config.harts; i++)
        aclint_timer_update(a, i);
}

static void aclint_ring(void *arg)
{
    struct aclint_hart *h = arg;

    aclint_timer_update(h->chip, (unsigned)(h - h->chip->harts));
}

/* The part of a 64-bit register that an access sees. */
static uint64_t part_get(uint64_t whole, uint64_t offset, unsigned size)
{
    return size == 8 ? whole : whole >> 8 * (offset & 4) & UINT32_MAX;
}

static uint64_t part_put(uint64_t whole, uint64_t offset, unsigned size, uint64_t value)
{
    return size == 8 ? value : bits_set(whole, 8 * (offset & 4), 32, value);
}

static bool aclint_bad(struct aclint *a, const char *what, uint64_t offset)
{
    log_guest(a->device.log, a->device.id, "%s of offset 0x%llx, where no register is", what, (unsigned long long)offset);
    return true; /* reserved: reads zero, ignores writes */
}

static bool aclint_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct aclint *a = self;
    uint64_t timer = (offset - R_MTIMECMP) / 8;

    *value = 0;
    if (offset < R_MTIMECMP && offset / 4 < a->config.harts && size == 4)
        *value = a->msip[offset / 4];
    else if (offset >= R_MTIMECMP && timer < a->config.harts)
        *value = part_get(a->mtimecmp[timer], offset, size);
    else if (offset >= R_MTIME && offset < R_MTIME + 8)
        *value = part_get(aclint_time(a), offset, size);
    else
        return aclint_bad(a, "read", offset);
    return true;
}

static void aclint_set_msip(struct aclint *a, unsigned hart, bool level)
{
    if (a->msip[hart] == level)
        return;
    a->msip[hart] = level;
    a->config.out(a->config.arg, hart, ACLINT_MSIP, level);
}

static bool aclint_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct aclint *a = self;
    uint64_t timer = (offset - R_MTIMECMP) / 8, now;

    if (offset < R_MTIMECMP && offset / 4 < a->config.harts && size == 4) {
        aclint_set_msip(a, (unsigned)(offset / 4), value & 1);
    } else if (offset >= R_MTIMECMP && timer < a->config.harts) {
        a->mtimecmp[timer] = part_put(a->mtimecmp[timer], offset, size, value);
        aclint_timer_update(a, (unsigned)timer);
    } else if (offset >= R_MTIME && offset < R_MTIME + 8) {
        now = aclint_time(a);
        a->offset += part_put(now, offset, size, value) - now;
        aclint_timers_update(a);
    } else {
        return aclint_bad(a, "write", offset);
    }
    return true;
}

const struct mem_ops aclint_ops = {.read = aclint_read, .write = aclint_write, .sizes = 4 | 8};

static bool sswi_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct aclint *a = self;

    (void)size;
    *value = 0; /* SETSSIP registers always read zero */
    return offset / 4 < a->config.harts || aclint_bad(a, "read", offset);
}

static bool sswi_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct aclint *a = self;

    (void)size;
    if (offset / 4 >= a->config.harts)
        return aclint_bad(a, "write", offset);
    if (value & 1)
        a->config.out(a->config.arg, (unsigned)(offset / 4), ACLINT_SSIP, true);
    return true;
}

const struct mem_ops aclint_sswi_ops = {.read = sswi_read, .write = sswi_write, .sizes = 4};

static void aclint_reset(void *self)
{
    struct aclint *a = self;

    for (unsigned i = 0; i < ACLINT_HARTS_MAX; i++)
        a->mtimecmp[i] = UINT64_MAX; /* the specification leaves it open: never due is the kindest */
    for (unsigned i = 0; i < a->config.harts; i++)
        aclint_set_msip(a, i, false);
    a->offset = -(os_vclock_ns(a->device.clock) / ACLINT_NS); /* mtime restarts at 0 */
    aclint_timers_update(a);
}

static void aclint_pause(void *self)
{
    struct aclint *a = self;

    a->paused = true;
    for (unsigned i = 0; i < a->config.harts; i++)
        os_timer_cancel(a->harts[i].timer);
    a->saved_time = aclint_time(a);
}

static void aclint_resume(void *self)
{
    struct aclint *a = self;

    a->paused = false;
    aclint_timers_update(a);
}

static int aclint_after_load(void *self)
{
    struct aclint *a = self;

    a->offset += a->saved_time - aclint_time(a);
    for (unsigned i = 0; i < ACLINT_HARTS_MAX; i++)
        if (a->msip[i] > 1)
            return -STATUS_corrupt;
    for (unsigned i = 0; i < a->config.harts; i++)
        a->config.out(a->config.arg, i, ACLINT_MSIP, a->msip[i]);
    aclint_timers_update(a);
    return 0;
}

static const struct state_field aclint_fields[] = {
    STATE_FIELD(1, struct aclint, saved_time, u64, 1),
    STATE_FIELD(2, struct aclint, mtimecmp, u64, ACLINT_HARTS_MAX),
    STATE_FIELD(3, struct aclint, msip, u8, ACLINT_HARTS_MAX),
};

static const struct state_desc aclint_state = {"aclint", aclint_fields, ARRAY_LEN(aclint_fields), aclint_after_load};

static void aclint_free_self(void *self) { aclint_free(self); }

const struct device_class aclint_class = {
    .name = "aclint",
    .doc = "RISC-V timers and software interrupts (ACLINT, CLINT layout)",
    .state = &aclint_state,
    .reset = aclint_reset,
    .pause = aclint_pause,
    .resume = aclint_resume,
    .free = aclint_free_self,
    .rank = OS_RANK_irqchip,
};

int aclint_new(struct aclint **out, const char *id, const struct device_env *env, const struct aclint_config *config, struct err *err)
{
    struct aclint *a;

    if (!config->harts || config->harts > ACLINT_HARTS_MAX)
        return err_set(err, STATUS_config, "timer %s cannot have %u harts", id, config->harts);
    a = calloc(1, sizeof(*a));
    if (!a)
        return err_set(err, STATUS_resource, "no memory for timer %s", id);
    device_init(&a->device, &aclint_class, id, env);
    a->config = *config;
    for (unsigned i = 0; i < config->harts; i++) {
        a->harts[i].chip = a;
        if (os_timer_new(&a->harts[i].timer, env->loop, &a->device.lock, aclint_ring, &a->harts[i])) {
            aclint_free(a);
            return err_set(err, STATUS_resource, "no memory for timer %s", id);
        }
    }
    aclint_reset(a);
    *out = a;
    return 0;
}

void aclint_free(struct aclint *a)
{
    if (!a)
        return;
    for (unsigned i = 0; i < a->config.harts; i++)
        os_timer_free(a->harts[i].timer);
    device_fini(&a->device);
    free(a);
}

struct device *aclint_device(struct aclint *a) { return &a->device; }
