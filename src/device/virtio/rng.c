/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio entropy device: see rng.h. A buffer gets at most RNG_CHAIN bytes, however long it is, so a guest cannot keep a vCPU's thread
 * here; the used length tells the driver how much it got.
 */
#include "device/virtio/rng.h"
#include "base/bits.h"
#include <stdlib.h>

enum { RNG_CHAIN = 4096, RNG_BATCH = 16 /* chains per call of notify */, RNG_QUEUE_SIZE = 64 };

struct rng {
    struct virtio_device virtio;
    int (*fill)(void *arg, void *buf, size_t len);
    void *arg;
};

static bool rng_notify(struct virtio_device *v, unsigned queue)
{
    struct rng *rng = (struct rng *)v;
    struct virtq *q = &v->queues[queue];
    uint8_t buf[RNG_CHAIN];
    bool more = true;
    for (unsigned i = 0; i < RNG_BATCH && more; i++) {
        more = virtq_pop(v, q, &v->chain);
        if (!more)
            break;
        size_t len = v->chain.in_len < sizeof buf ? v->chain.in_len : sizeof buf;
        int rc = rng->fill ? rng->fill(rng->arg, buf, len) : os_random(buf, len, NULL);
        if (rc) {
            log_write(v->device.log, LOG_error, v->device.id, "no random numbers from the host: %s", status_meaning(rc));
            virtio_break(v);
            return false;
        }
        virtq_push(v, q, v->chain.head, (uint32_t)virtq_write(v, &v->chain, 0, buf, len));
    }
    virtq_signal(v, q);
    return more;
}

static void rng_free(void *self)
{
    virtio_stop(self);
    virtio_fini(self);
    free(self);
}

static const struct virtio_kind rng_kind = {.id = VIRTIO_ID_rng, .queues = 1, .queue_size = RNG_QUEUE_SIZE, .notify = rng_notify};
static const struct state_field rng_fields[] = {VIRTIO_STATE};
static const struct state_desc rng_state = {"virtio-rng", rng_fields, ARRAY_LEN(rng_fields), virtio_after_load};

const struct device_class virtio_rng_class = {
    .name = "virtio-rng",
    .doc = "random numbers from the host (virtio entropy device)",
    .state = &rng_state,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .free = rng_free,
};

int virtio_rng_new(struct virtio_device **out, const struct device_env *env, const struct virtio_rng_config *config, struct err *err)
{
    struct rng *rng = calloc(1, sizeof *rng);
    if (!rng)
        return err_set(err, STATUS_resource, "%s: out of memory", config->id);
    virtio_init(&rng->virtio, &rng_kind, &virtio_rng_class, config->id, env, 0);
    rng->fill = config->fill;
    rng->arg = config->arg;
    *out = &rng->virtio;
    return 0;
}
