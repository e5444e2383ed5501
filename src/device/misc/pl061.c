/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The PL061 (technical reference manual DDI 0190). Address bits 9..2 of the data register mask its bits, so a driver changes one pin
 * without reading. Interrupts of edges are latched until they are cleared; those of levels follow the pin.
 */
#include "device/misc/pl061.h"
#include "base/bits.h"
#include <stdlib.h>

enum {
    R_DATA_END = 0x400,
    R_DIRECTION = 0x400,
    R_LEVEL = 0x404,
    R_BOTH = 0x408,
    R_EVENT = 0x40c,
    R_MASK = 0x410,
    R_RAW = 0x414,
    R_MASKED = 0x418,
    R_CLEAR = 0x41c,
    R_ALTERNATE = 0x420,
    R_ID = 0xfe0,
};

struct pl061 {
    struct device device;
    uint8_t in, out;        /* what is driven from outside; what the guest drives */
    uint8_t direction;      /* 1: output */
    uint8_t by_level, both; /* interrupts: 1: by level; 1: by both edges */
    uint8_t event;          /* 1: by the high level or the rising edge */
    uint8_t mask, latched, alternate;
    uint8_t last; /* the pins when they were last looked at */
    uint8_t held; /* inputs that pl061_press drives, until the timer */
    bool level;
    struct os_timer *timer;
};

static const uint64_t PRESS_NS = 100000000; /* longer than drivers wait for a key to settle */

static uint8_t pins(const struct pl061 *p) { return (uint8_t)((p->out & p->direction) | (p->in & ~p->direction)); }

static uint8_t raw(const struct pl061 *p)
{
    return (uint8_t)((p->latched & ~p->by_level) | (~(pins(p) ^ p->event) & p->by_level & ~p->direction));
}

/* After every change: edges of inputs since the last look, then the line. */
static void gpio_update(struct pl061 *p)
{
    uint8_t now = pins(p), changed = (uint8_t)((now ^ p->last) & ~p->direction & ~p->by_level);
    bool level;

    p->last = now;
    p->latched |= (uint8_t)(changed & (p->both | ~(now ^ p->event)));
    level = raw(p) & p->mask;
    if (level != p->level) {
        p->level = level;
        irq_set(&p->device.irq[0], level);
    }
}

void pl061_set(void *self, unsigned pin, bool level)
{
    struct pl061 *p = self;

    if (pin >= PL061_PINS)
        return;
    os_mutex_lock(&p->device.lock);
    p->in = (uint8_t)bits_set(p->in, pin, 1, level);
    gpio_update(p);
    os_mutex_unlock(&p->device.lock);
}

/* The timer's, and before a reset. */
static void release(void *self)
{
    struct pl061 *p = self;

    os_timer_cancel(p->timer);
    p->in &= (uint8_t)~p->held;
    p->held = 0;
    gpio_update(p);
}

void pl061_press(struct pl061 *p, unsigned pin)
{
    if (pin >= PL061_PINS)
        return;
    os_mutex_lock(&p->device.lock);
    p->in |= (uint8_t)(1 << pin);
    p->held |= (uint8_t)(1 << pin);
    os_timer_set(p->timer, os_clock_ns() + PRESS_NS);
    gpio_update(p);
    os_mutex_unlock(&p->device.lock);
}

static bool gpio_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    static const uint8_t ids[] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct pl061 *p = self;

    (void)size;
    *value = 0;
    switch (offset & ~3ull) {
    case R_DIRECTION: *value = p->direction; break;
    case R_LEVEL: *value = p->by_level; break;
    case R_BOTH: *value = p->both; break;
    case R_EVENT: *value = p->event; break;
    case R_MASK: *value = p->mask; break;
    case R_RAW: *value = raw(p); break;
    case R_MASKED: *value = raw(p) & p->mask; break;
    case R_ALTERNATE: *value = p->alternate; break;
    default:
        if (offset < R_DATA_END)
            *value = pins(p) & offset >> 2;
        else if (offset >= R_ID)
            *value = ids[(offset - R_ID) / 4];
        else
            log_guest(p->device.log, p->device.id, "read of offset 0x%llx, where no register is", (unsigned long long)offset);
    }
    return true;
}

static bool gpio_write(void *self, uint64_t offset, unsigned size, uint64_t wide)
{
    struct pl061 *p = self;
    uint8_t value = (uint8_t)wide, chosen = (uint8_t)(offset >> 2) & p->direction;

    (void)size;
    switch (offset) {
    case R_DIRECTION: p->direction = value; break;
    case R_LEVEL: p->by_level = value; break;
    case R_BOTH: p->both = value; break;
    case R_EVENT: p->event = value; break;
    case R_MASK: p->mask = value; break;
    case R_CLEAR: p->latched &= (uint8_t)~value; break;
    case R_ALTERNATE: p->alternate = value; break; /* the pins have no other function */
    default:
        if (offset < R_DATA_END)
            p->out = (uint8_t)((p->out & ~chosen) | (value & chosen));
        else
            log_guest(p->device.log, p->device.id, "write to offset 0x%llx, where no register is", (unsigned long long)offset);
    }
    gpio_update(p);
    return true;
}

const struct mem_ops pl061_ops = {.read = gpio_read, .write = gpio_write, .sizes = 1 | 2 | 4};

/* What drives the inputs stays, but for keys. */
static void gpio_reset(void *self)
{
    struct pl061 *p = self;

    release(p);
    p->out = p->direction = p->by_level = p->both = p->event = p->mask = p->alternate = 0;
    p->last = pins(p);
    p->latched = 0;
    gpio_update(p);
}

static int gpio_after_load(void *self)
{
    struct pl061 *p = self;

    p->last = pins(p);
    gpio_update(p);
    if (p->held)
        os_timer_set(p->timer, os_clock_ns() + PRESS_NS);
    return 0;
}

static const struct state_field gpio_fields[] = {
    STATE_FIELD(1, struct pl061, in, u8, 1),        STATE_FIELD(2, struct pl061, out, u8, 1),
    STATE_FIELD(3, struct pl061, direction, u8, 1), STATE_FIELD(4, struct pl061, by_level, u8, 1),
    STATE_FIELD(5, struct pl061, both, u8, 1),      STATE_FIELD(6, struct pl061, event, u8, 1),
    STATE_FIELD(7, struct pl061, mask, u8, 1),      STATE_FIELD(8, struct pl061, latched, u8, 1),
    STATE_FIELD(9, struct pl061, alternate, u8, 1), STATE_FIELD(10, struct pl061, held, u8, 1),
};

static const struct state_desc gpio_state = {"pl061", gpio_fields, ARRAY_LEN(gpio_fields), gpio_after_load};

static void gpio_free(void *self) { pl061_free(self); }

const struct device_class pl061_class = {
    .name = "pl061",
    .doc = "Arm PL061 general-purpose inputs and outputs, eight pins",
    .state = &gpio_state,
    .reset = gpio_reset,
    .free = gpio_free,
};

int pl061_new(struct pl061 **out, const char *id, const struct device_env *env, struct err *err)
{
    struct pl061 *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(err, STATUS_resource, "no memory for inputs and outputs %s", id);
    device_init(&p->device, &pl061_class, id, env);
    if (os_timer_new(&p->timer, env->loop, &p->device.lock, release, p)) {
        device_fini(&p->device);
        free(p);
        return err_set(err, STATUS_resource, "no memory for inputs and outputs %s", id);
    }
    *out = p;
    return 0;
}

void pl061_free(struct pl061 *p)
{
    if (!p)
        return;
    os_timer_free(p->timer);
    device_fini(&p->device);
    free(p);
}

struct device *pl061_device(struct pl061 *p) { return &p->device; }
