/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Console plumbing. Deliveries run on the device's loop: first the device's lock, then the ring's. Output holds a lock of its own, so that
 * the user's function may call back with input.
 */
#include "machine/console.h"
#include "base/bits.h"
#include <stdlib.h>

static size_t take(struct console *c, void *data, size_t len)
{
    size_t n = len < c->used ? len : c->used;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)data)[i] = c->ring[(c->head + i) % CONSOLE_RING];
    c->head = (c->head + n) % CONSOLE_RING;
    c->used -= n;
    return n;
}

/* On the loop: gives the device what it has room for. */
static void deliver(void *arg)
{
    struct console *c = arg;
    uint8_t bytes[256];
    os_mutex_lock(&c->lock);
    c->posted = false;
    struct os_mutex *device_lock = c->device_lock;
    os_mutex_unlock(&c->lock);
    if (!device_lock)
        return;
    os_mutex_lock(device_lock);
    for (;;) {
        os_mutex_lock(&c->lock);
        void *device = c->claimed ? NULL : c->device;
        os_mutex_unlock(&c->lock);
        size_t room = device ? c->room(device) : 0;
        if (!room)
            break;
        os_mutex_lock(&c->lock);
        size_t n = take(c, bytes, room < sizeof bytes ? room : sizeof bytes);
        os_mutex_unlock(&c->lock);
        if (!n)
            break;
        c->receive(device, bytes, n);
    }
    os_mutex_unlock(device_lock);
}

/* The lock is held. */
static void deliver_soon(struct console *c)
{
    if (!c->device || c->posted || c->claimed || !c->used)
        return;
    c->posted = true;
    os_loop_post(c->loop, deliver, c);
}

static size_t backend_write(void *self, const void *data, size_t len)
{
    console_write(self, data, len);
    return len;
}

static void backend_connect(void *self, struct os_loop *loop, struct os_mutex *lock, size_t (*room)(void *device),
                            void (*receive)(void *device, const void *data, size_t len), void *device)
{
    struct console *c = self;
    os_mutex_lock(&c->lock);
    c->loop = loop;
    c->device_lock = lock;
    c->room = room;
    c->receive = receive;
    c->device = device;
    deliver_soon(c);
    os_mutex_unlock(&c->lock);
}

static void backend_poke(void *self)
{
    struct console *c = self;
    os_mutex_lock(&c->lock);
    deliver_soon(c);
    os_mutex_unlock(&c->lock);
}

static void backend_disconnect(void *self)
{
    struct console *c = self;
    os_mutex_lock(&c->lock);
    c->device = NULL;
    struct os_loop *loop = c->loop;
    c->loop = NULL;
    os_mutex_unlock(&c->lock);
    if (loop)
        os_loop_sync(loop); /* a delivery that has begun ends before the device goes */
}

int console_init(struct console *c, void (*output)(void *arg, const void *data, size_t len), void *arg)
{
    *c = (struct console){.output = output, .arg = arg, .ring = malloc(CONSOLE_RING)};
    if (!c->ring)
        return -STATUS_resource;
    c->backend = (struct char_backend){c, backend_write, backend_connect, backend_poke, backend_disconnect};
    os_mutex_init(&c->out_lock, OS_RANK_output);
    os_mutex_init(&c->lock, OS_RANK_console);
    os_cond_init(&c->arrived);
    return 0;
}

void console_fini(struct console *c)
{
    if (!c->ring)
        return;
    os_cond_fini(&c->arrived);
    os_mutex_fini(&c->lock);
    os_mutex_fini(&c->out_lock);
    free(c->ring);
    c->ring = NULL;
}

void console_reset(struct console *c)
{
    os_mutex_lock(&c->lock);
    c->claimed = false;
    deliver_soon(c);
    os_mutex_unlock(&c->lock);
}

void console_write(struct console *c, const void *data, size_t len)
{
    if (!c->output || !len)
        return;
    os_mutex_lock(&c->out_lock);
    c->output(c->arg, data, len);
    os_mutex_unlock(&c->out_lock);
}

size_t console_input(struct console *c, const void *data, size_t len)
{
    os_mutex_lock(&c->lock);
    size_t n = CONSOLE_RING - c->used;
    n = len < n ? len : n;
    for (size_t i = 0; i < n; i++)
        c->ring[(c->head + c->used + i) % CONSOLE_RING] = ((const uint8_t *)data)[i];
    c->used += n;
    deliver_soon(c);
    os_cond_broadcast(&c->arrived);
    os_mutex_unlock(&c->lock);
    return n;
}

size_t console_read(struct console *c, void *data, size_t len, bool wait)
{
    os_mutex_lock(&c->lock);
    c->claimed = true;
    while (wait && !c->used && !c->hurry)
        os_cond_wait(&c->arrived, &c->lock);
    size_t n = take(c, data, len);
    os_mutex_unlock(&c->lock);
    return n;
}

void console_hurry(struct console *c, bool on)
{
    os_mutex_lock(&c->lock);
    c->hurry = on;
    os_cond_broadcast(&c->arrived);
    os_mutex_unlock(&c->lock);
}
