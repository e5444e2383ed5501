/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sender.h. While bytes wait the timer is at it and nothing else flushes, so that order holds. */
#include "device/serial/sender.h"
#include <string.h>

enum { RETRY_NS = 1000000 };

int serial_sender_init(struct serial_sender *s, struct device *device, void (*again)(void *device))
{
    s->device = device;
    return os_timer_new(&s->retry, device->loop, &device->lock, again, device);
}

void serial_sender_fini(struct serial_sender *s)
{
    if (s->backend)
        s->backend->disconnect(s->backend->self);
    os_timer_free(s->retry);
}

size_t serial_sender_flush(struct serial_sender *s)
{
    size_t taken = s->count;

    if (!s->count)
        return 0;
    if (s->backend)
        taken = s->backend->write(s->backend->self, s->bytes, s->count);
    if (taken > s->count)
        taken = s->count;
    s->count -= (uint8_t)taken;
    memmove(s->bytes, s->bytes + taken, s->count);
    if (s->count && !s->paused)
        os_timer_set(s->retry, os_clock_ns() + RETRY_NS);
    return taken;
}

size_t serial_sender_put(struct serial_sender *s, uint8_t byte, unsigned depth)
{
    if (s->count >= depth) {
        log_guest(s->device->log, s->device->id, "byte 0x%02x written while the transmitter is full: it is lost", byte);
        return 0;
    }
    s->bytes[s->count++] = byte;
    return s->count == 1 ? serial_sender_flush(s) : 0;
}

void serial_sender_clear(struct serial_sender *s)
{
    s->count = 0;
    os_timer_cancel(s->retry);
}

void serial_sender_pause(struct serial_sender *s)
{
    s->paused = true;
    os_timer_cancel(s->retry);
}

void serial_sender_resume(struct serial_sender *s) { s->paused = false; }
