/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The Goldfish clock. Reading the low half latches the high half; writing ALARM_LOW arms what stands in both halves. The alarm's timer
 * runs by the monotonic clock while the alarm is a wall time, so it rings at least once an hour to look again.
 */
#include "device/timer/goldfish_rtc.h"
#include "base/bits.h"
#include <stdlib.h>

enum {
    R_TIME_LOW = 0x00,
    R_TIME_HIGH = 0x04,
    R_ALARM_LOW = 0x08,
    R_ALARM_HIGH = 0x0c,
    R_IRQ_ENABLED = 0x10,
    R_CLEAR_ALARM = 0x14,
    R_ALARM_STATUS = 0x18,
    R_CLEAR_INTERRUPT = 0x1c,
};
#define LOOK_AGAIN_NS 3600000000000ull

struct goldfish_rtc {
    struct device device;
    struct os_timer *timer;
    uint64_t offset; /* guest's time = wall time + offset */
    uint64_t alarm;
    uint32_t time_high; /* latched */
    bool armed, pending, enabled;
    bool paused, level;
};

static uint64_t rtc_now(const struct goldfish_rtc *r) { return os_wall_ns() + r->offset; }

static void rtc_update(struct goldfish_rtc *r)
{
    bool level = r->pending && r->enabled;

    if (level != r->level) {
        r->level = level;
        irq_set(&r->device.irq[0], level);
    }
}

/* Rings if the alarm is due, else sets the timer for it. */
static void rtc_alarm(struct goldfish_rtc *r)
{
    uint64_t now = rtc_now(r), ahead = r->alarm - now;

    if (!r->armed || r->paused) {
        os_timer_cancel(r->timer);
    } else if (r->alarm <= now) {
        os_timer_cancel(r->timer);
        r->armed = false;
        r->pending = true;
    } else {
        os_timer_set(r->timer, os_clock_ns() + (ahead < LOOK_AGAIN_NS ? ahead : LOOK_AGAIN_NS));
    }
    rtc_update(r);
}

static void rtc_ring(void *self) { rtc_alarm(self); }

static bool rtc_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct goldfish_rtc *r = self;
    uint64_t now;

    (void)size;
    *value = 0;
    switch (offset) {
    case R_TIME_LOW:
        now = rtc_now(r);
        r->time_high = (uint32_t)(now >> 32);
        *value = (uint32_t)now;
        break;
    case R_TIME_HIGH: *value = r->time_high; break;
    case R_ALARM_LOW: *value = (uint32_t)r->alarm; break;
    case R_ALARM_HIGH: *value = r->alarm >> 32; break;
    case R_IRQ_ENABLED: *value = r->enabled; break;
    case R_ALARM_STATUS: *value = r->armed; break;
    default: log_guest(r->device.log, r->device.id, "read of offset 0x%llx, where no register is", (unsigned long long)offset); break;
    }
    return true;
}

static void rtc_set_time(struct goldfish_rtc *r, unsigned pos, uint64_t value)
{
    uint64_t now = rtc_now(r);

    r->offset += bits_set(now, pos, 32, value) - now;
    rtc_alarm(r);
}

static bool rtc_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct goldfish_rtc *r = self;

    (void)size;
    switch (offset) {
    case R_TIME_LOW: rtc_set_time(r, 0, value); break;
    case R_TIME_HIGH: rtc_set_time(r, 32, value); break;
    case R_ALARM_LOW:
        r->alarm = bits_set(r->alarm, 0, 32, value);
        r->armed = true;
        rtc_alarm(r);
        break;
    case R_ALARM_HIGH: r->alarm = bits_set(r->alarm, 32, 32, value); break;
    case R_IRQ_ENABLED: r->enabled = value & 1; break;
    case R_CLEAR_ALARM:
        r->armed = false;
        os_timer_cancel(r->timer);
        break;
    case R_CLEAR_INTERRUPT: r->pending = false; break;
    default: log_guest(r->device.log, r->device.id, "write to offset 0x%llx, where no register is", (unsigned long long)offset); break;
    }
    rtc_update(r);
    return true;
}

const struct mem_ops goldfish_rtc_ops = {.read = rtc_read, .write = rtc_write, .sizes = 4};

/* A reset does not stop a real-time clock: the time that the guest set stays. */
static void rtc_reset(void *self)
{
    struct goldfish_rtc *r = self;

    os_timer_cancel(r->timer);
    r->alarm = 0;
    r->time_high = 0;
    r->armed = r->pending = r->enabled = false;
    rtc_update(r);
}

static void rtc_pause(void *self)
{
    struct goldfish_rtc *r = self;

    r->paused = true;
    rtc_alarm(r);
}

static void rtc_resume(void *self)
{
    struct goldfish_rtc *r = self;

    r->paused = false;
    rtc_alarm(r);
}

static int rtc_after_load(void *self)
{
    rtc_alarm(self);
    return 0;
}

static const struct state_field rtc_fields[] = {
    STATE_FIELD(1, struct goldfish_rtc, offset, u64, 1),    STATE_FIELD(2, struct goldfish_rtc, alarm, u64, 1),
    STATE_FIELD(3, struct goldfish_rtc, time_high, u32, 1), STATE_FIELD(4, struct goldfish_rtc, armed, bool, 1),
    STATE_FIELD(5, struct goldfish_rtc, pending, bool, 1),  STATE_FIELD(6, struct goldfish_rtc, enabled, bool, 1),
};

static const struct state_desc rtc_state = {"goldfish_rtc", rtc_fields, ARRAY_LEN(rtc_fields), rtc_after_load};

static void rtc_free(void *self) { goldfish_rtc_free(self); }

const struct device_class goldfish_rtc_class = {
    .name = "goldfish_rtc",
    .doc = "real-time clock with an alarm (google,goldfish-rtc)",
    .state = &rtc_state,
    .reset = rtc_reset,
    .pause = rtc_pause,
    .resume = rtc_resume,
    .free = rtc_free,
};

int goldfish_rtc_new(struct goldfish_rtc **out, const char *id, const struct device_env *env, struct err *err)
{
    struct goldfish_rtc *r = calloc(1, sizeof(*r));

    if (!r)
        return err_set(err, STATUS_resource, "no memory for clock %s", id);
    device_init(&r->device, &goldfish_rtc_class, id, env);
    if (os_timer_new(&r->timer, env->loop, &r->device.lock, rtc_ring, r)) {
        goldfish_rtc_free(r);
        return err_set(err, STATUS_resource, "no memory for clock %s", id);
    }
    *out = r;
    return 0;
}

void goldfish_rtc_free(struct goldfish_rtc *r)
{
    if (!r)
        return;
    os_timer_free(r->timer);
    device_fini(&r->device);
    free(r);
}

struct device *goldfish_rtc_device(struct goldfish_rtc *r) { return &r->device; }
