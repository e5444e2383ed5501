/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The PL031 (technical reference manual DDI 0224). The counter has 32 bits, so a match value behind it lies a century ahead. The alarm's
 * timer runs by the monotonic clock while the alarm is a wall time, so it rings at least once an hour to look again.
 */
#include "device/timer/pl031.h"
#include "base/bits.h"
#include <stdlib.h>

enum {
    R_DATA = 0x00,
    R_MATCH = 0x04,
    R_LOAD = 0x08,
    R_CONTROL = 0x0c,
    R_MASK = 0x10,
    R_RAW = 0x14,
    R_MASKED = 0x18,
    R_CLEAR = 0x1c,
    R_ID = 0xfe0,
};
#define SECOND_NS     1000000000ull
#define LOOK_AGAIN_NS (3600 * SECOND_NS)

struct pl031 {
    struct device device;
    struct os_timer *timer;
    uint32_t offset; /* guest's time = wall time + offset, in seconds */
    uint32_t match, load;
    uint64_t due; /* wall time of the alarm in seconds */
    bool armed, pending, enabled;
    bool paused, level;
};

static uint32_t rtc_now(const struct pl031 *r) { return (uint32_t)(os_wall_ns() / SECOND_NS) + r->offset; }

static void rtc_update(struct pl031 *r)
{
    bool level = r->pending && r->enabled;

    if (level != r->level) {
        r->level = level;
        irq_set(&r->device.irq[0], level);
    }
}

/* Rings if the alarm is due, else sets the timer for it. */
static void rtc_alarm(struct pl031 *r)
{
    uint64_t now = os_wall_ns(), ahead = r->due * SECOND_NS - now;

    if (!r->armed || r->paused) {
        os_timer_cancel(r->timer);
    } else if (now / SECOND_NS >= r->due) {
        os_timer_cancel(r->timer);
        r->armed = false;
        r->pending = true;
    } else {
        os_timer_set(r->timer, os_clock_ns() + (ahead < LOOK_AGAIN_NS ? ahead : LOOK_AGAIN_NS));
    }
    rtc_update(r);
}

static void rtc_ring(void *self) { rtc_alarm(self); }

/* Match value or time are others now: when will they meet? */
static void rtc_arm(struct pl031 *r)
{
    uint64_t now = os_wall_ns() / SECOND_NS;

    r->due = now + (uint32_t)(r->match - ((uint32_t)now + r->offset));
    r->armed = true;
    rtc_alarm(r);
}

/* Firmware reads the identification by bytes: a narrow access is a part of its register. */
static bool rtc_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    static const uint8_t ids[] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct pl031 *r = self;
    unsigned shift = offset % 4 * 8;

    offset -= offset % 4;
    *value = 0;
    switch (offset) {
    case R_DATA: *value = rtc_now(r); break;
    case R_MATCH: *value = r->match; break;
    case R_LOAD: *value = r->load; break;
    case R_CONTROL: *value = 1; break; /* it always runs */
    case R_MASK: *value = r->enabled; break;
    case R_RAW: *value = r->pending; break;
    case R_MASKED: *value = r->pending && r->enabled; break;
    default:
        if (offset >= R_ID)
            *value = ids[(offset - R_ID) / 4];
        else
            log_guest(r->device.log, r->device.id, "read of offset 0x%llx, where no register is", (unsigned long long)offset);
    }
    *value = bits_get(*value, shift, 8 * size);
    return true;
}

static bool rtc_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct pl031 *r = self;

    (void)size;
    switch (offset) {
    case R_MATCH:
        r->match = (uint32_t)value;
        rtc_arm(r);
        break;
    case R_LOAD:
        r->load = (uint32_t)value;
        r->offset += (uint32_t)value - rtc_now(r);
        if (r->armed)
            rtc_arm(r);
        break;
    case R_CONTROL: break;
    case R_MASK: r->enabled = value & 1; break;
    case R_CLEAR: r->pending &= !(value & 1); break;
    default: log_guest(r->device.log, r->device.id, "write to offset 0x%llx, where no register is", (unsigned long long)offset);
    }
    rtc_update(r);
    return true;
}

const struct mem_ops pl031_ops = {.read = rtc_read, .write = rtc_write, .sizes = 1 | 2 | 4};

/* A reset does not stop a real-time clock: the time that the guest set stays. */
static void rtc_reset(void *self)
{
    struct pl031 *r = self;

    os_timer_cancel(r->timer);
    r->match = r->load = 0;
    r->due = 0;
    r->armed = r->pending = r->enabled = false;
    rtc_update(r);
}

static void rtc_pause(void *self)
{
    struct pl031 *r = self;

    r->paused = true;
    rtc_alarm(r);
}

static void rtc_resume(void *self)
{
    struct pl031 *r = self;

    r->paused = false;
    rtc_alarm(r);
}

static int rtc_after_load(void *self)
{
    struct pl031 *r = self;

    if (r->due > UINT64_MAX / SECOND_NS)
        return -STATUS_corrupt;
    rtc_alarm(r);
    return 0;
}

static const struct state_field rtc_fields[] = {
    STATE_FIELD(1, struct pl031, offset, u32, 1),   STATE_FIELD(2, struct pl031, match, u32, 1),
    STATE_FIELD(3, struct pl031, due, u64, 1),      STATE_FIELD(4, struct pl031, armed, bool, 1),
    STATE_FIELD(5, struct pl031, pending, bool, 1), STATE_FIELD(6, struct pl031, enabled, bool, 1),
    STATE_FIELD(7, struct pl031, load, u32, 1),
};

static const struct state_desc rtc_state = {"pl031", rtc_fields, ARRAY_LEN(rtc_fields), rtc_after_load};

static void rtc_free(void *self) { pl031_free(self); }

const struct device_class pl031_class = {
    .name = "pl031",
    .doc = "Arm PL031 real-time clock with an alarm",
    .state = &rtc_state,
    .reset = rtc_reset,
    .pause = rtc_pause,
    .resume = rtc_resume,
    .free = rtc_free,
};

int pl031_new(struct pl031 **out, const char *id, const struct device_env *env, struct err *err)
{
    struct pl031 *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(err, STATUS_resource, "no memory for clock %s", id);
    device_init(&r->device, &pl031_class, id, env);
    if (os_timer_new(&r->timer, env->loop, &r->device.lock, rtc_ring, r)) {
        pl031_free(r);
        return err_set(err, STATUS_resource, "no memory for clock %s", id);
    }
    *out = r;
    return 0;
}

void pl031_free(struct pl031 *r)
{
    if (!r)
        return;
    os_timer_free(r->timer);
    device_fini(&r->device);
    free(r);
}

struct device *pl031_device(struct pl031 *r) { return &r->device; }
