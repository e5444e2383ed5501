/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What all virtio devices share: see virtio.h. Status bits can only be added by the driver; writing 0 resets. Queue notifications
 * are handled at once or by the loop; while the machine is paused they wait, and resume looks at every queue again.
 */
#include "device/virtio/virtio.h"
#include "base/bits.h"

static const struct virtio_feature common_features[] = {
    {VIRTIO_F_INDIRECT_DESC, -1, "INDIRECT_DESC"},
    {VIRTIO_F_EVENT_IDX, -1, "EVENT_IDX"},
    {VIRTIO_F_VERSION_1, -1, "VERSION_1"},
};

/* ---- life ---- */

void virtio_init(struct virtio_device *v, const struct virtio_kind *kind, const struct device_class *class, const char *id,
                 const struct device_env *env, uint64_t offered)
{
    device_init(&v->device, class, id, env);
    v->kind = kind;
    v->offered = offered;
    for (size_t i = 0; i < ARRAY_LEN(common_features); i++)
        v->offered |= 1ull << common_features[i].bit;
    for (unsigned i = 0; i < kind->queues; i++)
        v->queues[i].size = kind->queue_size;
}

void virtio_stop(struct virtio_device *v)
{
    os_mutex_lock(&v->device.lock);
    v->stopped = true;
    if (v->kind->quiesce)
        v->kind->quiesce(v, true);
    os_mutex_unlock(&v->device.lock);
    os_loop_sync(v->device.loop); /* a posted run_waiting is over then; stopped lets no other be posted */
}

void virtio_fini(struct virtio_device *v) { device_fini(&v->device); }

void virtio_reset(void *self)
{
    struct virtio_device *v = self;
    if (v->kind->quiesce)
        v->kind->quiesce(v, true);
    v->accepted = 0;
    v->status = v->isr = 0;
    v->device_features_sel = v->driver_features_sel = v->queue_sel = 0;
    v->waiting = 0;
    for (unsigned i = 0; i < v->kind->queues; i++)
        v->queues[i] = (struct virtq){.size = v->kind->queue_size};
    if (v->interrupt)
        v->interrupt(v->transport, VIRTIO_IRQ_clear);
}

void virtio_pause(void *self)
{
    struct virtio_device *v = self;
    v->paused = true;
    if (v->kind->quiesce)
        v->kind->quiesce(v, false);
}

void virtio_resume(void *self)
{
    struct virtio_device *v = self;
    v->paused = false;
    for (unsigned i = 0; i < v->kind->queues; i++)
        virtio_defer(v, i);
}

/* The values come from a file that nobody may trust: a queue that is ready must be one that a driver could have made. */
int virtio_after_load(void *self)
{
    struct virtio_device *v = self;
    bool good = !(v->accepted & ~v->offered);
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        struct virtq *q = &v->queues[i];
        bool ready = q->ready;
        q->ready = false;
        if (ready && (i >= v->kind->queues || (uint16_t)(q->next_used - q->signalled) > q->size || !virtq_attach(v, q)))
            good = false;
    }
    for (unsigned i = 0; i < VIRTIO_QUEUES && !good; i++)
        virtq_detach(&v->queues[i]);
    v->waiting &= (1u << v->kind->queues) - 1;
    return good ? 0 : -STATUS_corrupt;
}

/* ---- notifications ---- */

static void run_waiting(void *arg)
{
    struct virtio_device *v = arg;
    os_mutex_lock(&v->device.lock);
    v->posted = false;
    uint32_t waiting = v->waiting;
    v->waiting = 0;
    for (unsigned i = 0; i < v->kind->queues; i++)
        if ((waiting >> i & 1) && virtio_running(v) && v->queues[i].ready && v->kind->notify(v, i))
            virtio_defer(v, i);
    os_mutex_unlock(&v->device.lock);
}

void virtio_defer(struct virtio_device *v, unsigned queue)
{
    v->waiting |= 1u << queue;
    if (v->posted || !virtio_running(v))
        return;
    v->posted = true;
    os_loop_post(v->device.loop, run_waiting, v);
}

void virtio_notify(struct virtio_device *v, uint32_t queue)
{
    if (queue >= v->kind->queues) {
        log_guest(v->device.log, v->device.id, "a notification for queue %u of %u", queue, v->kind->queues);
        return;
    }
    if (!virtio_running(v) || !v->queues[queue].ready)
        return;
    if (v->kind->on_loop || v->kind->notify(v, queue))
        virtio_defer(v, queue);
}

/* ---- features and status ---- */

/* Which of the accepted features may not be; NULL: all is well. */
static const char *refused(const struct virtio_device *v, const struct virtio_feature *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (virtio_has(v, rows[i].bit) && rows[i].needs >= 0 && !virtio_has(v, (unsigned)rows[i].needs))
            return rows[i].name;
    return NULL;
}

static bool features_fine(struct virtio_device *v)
{
    uint64_t unknown = v->accepted & ~v->offered;
    if (unknown || !virtio_has(v, VIRTIO_F_VERSION_1)) {
        log_guest(v->device.log, v->device.id, "the driver's features 0x%llx: %s", (unsigned long long)v->accepted,
                  unknown ? "not all were offered" : "it does not know virtio 1 (VERSION_1)");
        return false;
    }
    const char *name = refused(v, v->kind->features, v->kind->nfeatures);
    if (name)
        log_guest(v->device.log, v->device.id, "the driver's features 0x%llx: %s lacks one that it needs", (unsigned long long)v->accepted,
                  name);
    return !name;
}

void virtio_accept(struct virtio_device *v, unsigned word, uint32_t features)
{
    if (v->status & VIRTIO_FEATURES_OK)
        log_guest(v->device.log, v->device.id, "features written after FEATURES_OK");
    else if (word < 2)
        v->accepted = bits_set(v->accepted, 32 * word, 32, features);
    else if (features)
        log_guest(v->device.log, v->device.id, "feature word %u written", word);
}

void virtio_set_status(struct virtio_device *v, uint8_t status)
{
    if (!status) {
        virtio_reset(v);
        return;
    }
    uint8_t added = status & (uint8_t) ~(v->status | VIRTIO_NEEDS_RESET);
    if ((added & VIRTIO_FEATURES_OK) && !features_fine(v))
        added &= (uint8_t)~VIRTIO_FEATURES_OK;
    if ((added & VIRTIO_DRIVER_OK) && !((v->status | added) & VIRTIO_FEATURES_OK)) {
        log_guest(v->device.log, v->device.id, "DRIVER_OK without FEATURES_OK");
        added &= (uint8_t)~VIRTIO_DRIVER_OK;
    }
    v->status |= added;
    if (!(added & VIRTIO_DRIVER_OK))
        return;
    if (v->kind->start)
        v->kind->start(v);
    for (unsigned i = 0; i < v->kind->queues; i++)
        virtio_defer(v, i); /* drivers may have added buffers before */
}

/* ---- queues ---- */

void virtio_set_queue_size(struct virtio_device *v, unsigned queue, uint32_t size)
{
    if (queue >= v->kind->queues || v->queues[queue].ready)
        log_guest(v->device.log, v->device.id, "the size of queue %u written, which is %s", queue,
                  queue >= v->kind->queues ? "not there" : "in use");
    else
        v->queues[queue].size = size <= v->kind->queue_size ? (uint16_t)size : 0; /* 0 is refused when it gets ready */
}

void virtio_set_queue_ready(struct virtio_device *v, unsigned queue, bool ready)
{
    if (queue >= v->kind->queues) {
        if (ready)
            log_guest(v->device.log, v->device.id, "queue %u made ready, which is not there", queue);
        return;
    }
    struct virtq *q = &v->queues[queue];
    if (ready == q->ready)
        return;
    if (!ready) {
        if (v->kind->quiesce)
            v->kind->quiesce(v, false);
        virtq_detach(q);
    } else if (!virtq_attach(v, q)) {
        virtq_detach(q);
    } else if (v->status & VIRTIO_DRIVER_OK) {
        virtio_defer(v, queue);
    }
}

/* ---- configuration space and interrupts ---- */

uint32_t virtio_config_read(struct virtio_device *v, uint64_t offset, unsigned len)
{
    uint32_t value = 0;
    if (offset < v->kind->config_size && len <= v->kind->config_size - offset)
        memcpy(&value, v->config + offset, len);
    return value;
}

void virtio_config_write(struct virtio_device *v, uint64_t offset, unsigned len, uint32_t value)
{
    if (offset >= v->kind->config_size || len > v->kind->config_size - offset || !v->kind->config_write ||
        !v->kind->config_write(v, (unsigned)offset, len, value))
        log_guest(v->device.log, v->device.id, "configuration byte %llu is not writable", (unsigned long long)offset);
}

void virtio_attach(struct virtio_device *v, void (*interrupt)(void *transport, int queue), void *transport)
{
    v->interrupt = interrupt;
    v->transport = transport;
}

void virtio_raise(struct virtio_device *v, int queue)
{
    v->isr |= queue == VIRTIO_IRQ_config ? VIRTIO_ISR_config : VIRTIO_ISR_queue;
    if (v->interrupt)
        v->interrupt(v->transport, queue);
}

void virtio_config_changed(struct virtio_device *v)
{
    v->generation++;
    if (v->status & VIRTIO_DRIVER_OK)
        virtio_raise(v, VIRTIO_IRQ_config);
}

void virtio_break(struct virtio_device *v)
{
    if (v->status & VIRTIO_NEEDS_RESET)
        return;
    v->status |= VIRTIO_NEEDS_RESET;
    if (v->status & VIRTIO_DRIVER_OK) /* section 2.1.2 */
        virtio_raise(v, VIRTIO_IRQ_config);
}
