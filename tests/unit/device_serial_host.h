/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The host's side of a serial port under test: a backend that the test steers. */
#pragma once
#include "device_bench.h"
#include "machine/console.h"

/* A backend that the test steers: takes `take` bytes at most, gives what is put in `input`. */
static struct {
    struct char_backend backend;
    char output[1000];
    size_t len, take;
    struct os_mutex *lock;
    size_t (*room)(void *dev);
    void (*receive)(void *dev, const void *buf, size_t len);
    void *dev;
    _Atomic unsigned pokes, connected;
} host;

static size_t host_write(void *self, const void *buf, size_t len)
{
    (void)self;
    if (len > host.take)
        len = host.take;
    assert_true(host.len + len <= sizeof(host.output));
    memcpy(host.output + host.len, buf, len);
    host.len += len;
    return len;
}

static void host_connect(void *self, struct os_loop *loop, struct os_mutex *lock, size_t (*room)(void *dev),
                         void (*receive)(void *dev, const void *buf, size_t len), void *d)
{
    (void)self;
    (void)loop;
    host.lock = lock;
    host.room = room;
    host.receive = receive;
    host.dev = d;
    host.connected++;
}

static void host_poke(void *self)
{
    (void)self;
    host.pokes++;
}

static void host_disconnect(void *self)
{
    (void)self;
    host.connected--;
}

/* As a backend does: never more than the device has room for. Returns what it took. */
static size_t host_input(const char *data, size_t len)
{
    size_t room;

    os_mutex_lock(host.lock);
    room = host.room(host.dev);
    if (len > room)
        len = room;
    if (len)
        host.receive(host.dev, data, len);
    os_mutex_unlock(host.lock);
    return len;
}

/* ---- with the queue that the library uses ---- */
static void take_output(void *arg, const void *data, size_t len)
{
    (void)arg;
    assert_true(host.len + len <= sizeof(host.output));
    memcpy(host.output + host.len, data, len);
    host.len += len;
}

enum { FED = 30000 };

static void feed(void *arg)
{
    struct console *queue = arg;

    for (unsigned i = 0; i < FED;) {
        uint8_t chunk[100];
        unsigned n = i % 100 + 1;

        for (unsigned b = 0; b < n; b++)
            chunk[b] = (uint8_t)((i + b) % 251);
        n = (unsigned)console_input(queue, chunk, n);
        i += n;
        if (!n)
            rest_us(100);
    }
}
