/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The queue of char_queue.h: a ring under a lock of its own, emptied into the device on the device's loop. At most one delivery is posted
 * at a time; posting happens under the lock so that disconnect(), which waits for the loop, never misses one.
 */
#include "device/serial/char_queue.h"
#include "base/bits.h"
#include <stdlib.h>

enum { RING = 65536, CHUNK = 256 };

struct char_queue {
    struct char_backend backend;
    void (*output)(void *arg, const void *data, size_t len);
    void *output_arg;
    struct os_mutex lock;
    bool connected, posted;
    struct os_loop *loop;
    struct os_mutex *device_lock;
    size_t (*room)(void *dev);
    void (*receive)(void *dev, const void *buf, size_t len);
    void *dev;
    size_t head, count;
    uint8_t ring[RING];
};

static size_t queue_write(void *self, const void *buf, size_t len)
{
    struct char_queue *q = self;

    if (q->output)
        q->output(q->output_arg, buf, len);
    return len;
}

/* Takes at most max bytes out; stops where the ring wraps. */
static size_t queue_take(struct char_queue *q, uint8_t *buf, size_t max)
{
    size_t n;

    os_mutex_lock(&q->lock);
    n = q->connected ? q->count : 0;
    if (n > max)
        n = max;
    if (n > RING - q->head)
        n = RING - q->head;
    memcpy(buf, q->ring + q->head, n);
    q->head = (q->head + n) % RING;
    q->count -= n;
    os_mutex_unlock(&q->lock);
    return n;
}

static void queue_deliver(void *self)
{
    struct char_queue *q = self;
    struct os_mutex *device_lock;
    uint8_t buf[CHUNK];
    size_t n;

    os_mutex_lock(&q->lock);
    q->posted = false;
    device_lock = q->connected ? q->device_lock : NULL;
    os_mutex_unlock(&q->lock);
    if (!device_lock)
        return;
    os_mutex_lock(device_lock);
    while ((n = q->room(q->dev)) && (n = queue_take(q, buf, n < CHUNK ? n : CHUNK)))
        q->receive(q->dev, buf, n);
    os_mutex_unlock(device_lock);
}

/* The lock is held. */
static void queue_post(struct char_queue *q)
{
    if (!q->connected || q->posted || !q->count)
        return;
    q->posted = true;
    os_loop_post(q->loop, queue_deliver, q);
}

static void queue_poke(void *self)
{
    struct char_queue *q = self;

    os_mutex_lock(&q->lock);
    queue_post(q);
    os_mutex_unlock(&q->lock);
}

static void queue_connect(void *self, struct os_loop *loop, struct os_mutex *lock, size_t (*room)(void *dev),
                          void (*receive)(void *dev, const void *buf, size_t len), void *dev)
{
    struct char_queue *q = self;

    os_mutex_lock(&q->lock);
    q->loop = loop;
    q->device_lock = lock;
    q->room = room;
    q->receive = receive;
    q->dev = dev;
    q->connected = true;
    queue_post(q);
    os_mutex_unlock(&q->lock);
}

static void queue_disconnect(void *self)
{
    struct char_queue *q = self;
    bool was;

    os_mutex_lock(&q->lock);
    was = q->connected;
    q->connected = false;
    os_mutex_unlock(&q->lock);
    if (was)
        os_loop_sync(q->loop); /* a delivery that was posted has come to its end */
}

size_t char_queue_input(struct char_queue *q, const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t taken = 0;

    os_mutex_lock(&q->lock);
    while (taken < len && q->count < RING) {
        size_t tail = (q->head + q->count) % RING;
        size_t n = tail < q->head ? q->head - tail : RING - tail;

        if (n > len - taken)
            n = len - taken;
        memcpy(q->ring + tail, at + taken, n);
        q->count += n;
        taken += n;
    }
    queue_post(q);
    os_mutex_unlock(&q->lock);
    return taken;
}

struct char_backend *char_queue_backend(struct char_queue *q) { return &q->backend; }

int char_queue_new(struct char_queue **out, void (*output)(void *arg, const void *data, size_t len), void *arg)
{
    struct char_queue *q = calloc(1, sizeof(*q));

    if (!q)
        return -STATUS_resource;
    q->backend = (struct char_backend){
        .self = q,
        .write = queue_write,
        .connect = queue_connect,
        .poke = queue_poke,
        .disconnect = queue_disconnect,
    };
    q->output = output;
    q->output_arg = arg;
    os_mutex_init(&q->lock, OS_RANK_queue);
    *out = q;
    return 0;
}

void char_queue_free(struct char_queue *q)
{
    if (!q)
        return;
    os_mutex_fini(&q->lock);
    free(q);
}
