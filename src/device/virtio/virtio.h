/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A virtio 1.2 device as every transport sees it: status, features, configuration space, queues (virtio 1.2, section 2).
 * The kinds of device (blk, net, ...) fill in a struct virtio_kind; a transport (mmio.h) turns register accesses into the calls
 * below. Neither knows the other. Modern only: without VIRTIO_F_VERSION_1 the driver gets no FEATURES_OK.
 *
 * All functions but init, fini and stop want the device's lock held. A kind's notify runs on a vCPU's thread or, if the kind says
 * on_loop or returned true, on the device's loop.
 */
#pragma once
#include "device/device.h"
#include "device/virtio/queue.h"

enum { VIRTIO_QUEUES = 4, VIRTIO_CONFIG = 64 }; /* the most that a kind has: queues, bytes of configuration space */

enum { VIRTIO_ID_net = 1, VIRTIO_ID_blk = 2, VIRTIO_ID_console = 3, VIRTIO_ID_rng = 4 };

/* status, section 2.1 */
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

enum { VIRTIO_F_INDIRECT_DESC = 28, VIRTIO_F_EVENT_IDX = 29, VIRTIO_F_VERSION_1 = 32 }; /* bits that all kinds offer, section 6 */
enum { VIRTIO_ISR_queue = 1, VIRTIO_ISR_config = 2 };
enum { VIRTIO_IRQ_config = -1, VIRTIO_IRQ_clear = -2 }; /* instead of a queue: configuration changed; isr was cleared */

struct virtio_feature {
    uint8_t bit;
    int8_t needs; /* a bit that the driver must accept with this one; -1: none */
    const char *name;
};

struct virtio_kind {
    uint32_t id; /* VIRTIO_ID_* */
    unsigned queues;
    uint16_t queue_size;                   /* maximum, a power of two */
    unsigned config_size;                  /* bytes */
    const struct virtio_feature *features; /* the kind's own */
    size_t nfeatures;
    bool on_loop;                                /* notify is long or may call back: never on a vCPU's thread */
    void (*start)(struct virtio_device *device); /* the driver is ready (DRIVER_OK); NULL: nothing to do */
    /* Chains may be in the queue. Handles a bounded number; true: there is more to do, call again from the loop. */
    bool (*notify)(struct virtio_device *device, unsigned queue);
    /* The driver writes len (1, 2, 4) bytes of the configuration space; false: not writable. NULL: nothing is. */
    bool (*config_write)(struct virtio_device *device, unsigned offset, unsigned len, uint32_t value);
    /* Finishes the requests in flight, or (drop) forgets them. Afterwards nothing touches guest memory until the next notify. NULL: none are. */
    void (*quiesce)(struct virtio_device *device, bool drop);
};

struct virtio_device {
    struct device device;
    const struct virtio_kind *kind;
    /* The transport: there are used buffers in a queue, or VIRTIO_IRQ_*; isr says the same. May be NULL. */
    void (*interrupt)(void *transport, int queue);
    void *transport;

    uint64_t offered;              /* features; fixed by the kind's x_new */
    uint8_t config[VIRTIO_CONFIG]; /* little-endian, as the driver sees it */

    /* The registers. */
    uint64_t accepted;
    uint8_t status, isr;
    uint32_t generation; /* of the configuration space */
    uint32_t device_features_sel, driver_features_sel, queue_sel;
    struct virtq queues[VIRTIO_QUEUES];

    /* Ours. */
    uint32_t waiting; /* queues whose notify the loop will call, a bit each */
    bool posted;      /* ... and it is on its way */
    bool paused, stopped;
    struct virtq_chain chain; /* scratch for the kind's notify */
};

/* offered: the kind's feature bits of this device; those that all kinds have are added. */
void virtio_init(struct virtio_device *device, const struct virtio_kind *kind, const struct device_class *class, const char *id,
                 const struct device_env *env, uint64_t offered);
void virtio_stop(struct virtio_device *device);              /* lock not held: no notify runs afterwards; requests in flight are dropped */
void virtio_fini(struct virtio_device *device);              /* after virtio_stop */
static inline void virtio_free(struct virtio_device *device) /* frees the whole device by its class; NULL is allowed */
{
    if (device)
        device->device.class->free(device);
}

/* For every kind's struct device_class. */
void virtio_reset(void *self);
void virtio_pause(void *self);
void virtio_resume(void *self);
int virtio_after_load(void *self);

/* For transports. */
void virtio_attach(struct virtio_device *device, void (*interrupt)(void *transport, int queue), void *transport);
void virtio_set_status(struct virtio_device *device, uint8_t status);
void virtio_accept(struct virtio_device *device, unsigned word, uint32_t features); /* word 0: bits 0-31, 1: 32-63 */
void virtio_set_queue_size(struct virtio_device *device, unsigned queue, uint32_t size);
void virtio_set_queue_ready(struct virtio_device *device, unsigned queue, bool ready);
void virtio_notify(struct virtio_device *device, uint32_t queue);
uint32_t virtio_config_read(struct virtio_device *device, uint64_t offset, unsigned len);
void virtio_config_write(struct virtio_device *device, uint64_t offset, unsigned len, uint32_t value);

/* For kinds. */
static inline bool virtio_has(const struct virtio_device *device, unsigned feature) { return device->accepted >> feature & 1; }
static inline bool virtio_running(const struct virtio_device *device) /* the driver has set it up, and it may work */
{
    return (device->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK && !device->paused && !device->stopped;
}
void virtio_config_changed(struct virtio_device *device);        /* after config[] was changed by us */
void virtio_raise(struct virtio_device *device, int queue);      /* interrupts the driver: a queue or VIRTIO_IRQ_config */
void virtio_defer(struct virtio_device *device, unsigned queue); /* the loop calls notify for the queue, soon */
/* Sets NEEDS_RESET; the caller has logged why. */
void virtio_break(struct virtio_device *device);
#define virtio_bad(v, ...) (log_guest((v)->device.log, (v)->device.id, __VA_ARGS__), virtio_break(v))

/* Rows of a kind's state_desc: every struct of a kind starts with its struct virtio_device. Its own numbers start at 200. */
#define VIRTIO_STATE_QUEUE(n)                                                            \
    STATE_FIELD(100 + 16 * (n), struct virtio_device, queues[n].size, u16, 1),           \
        STATE_FIELD(101 + 16 * (n), struct virtio_device, queues[n].ready, bool, 1),     \
        STATE_FIELD(102 + 16 * (n), struct virtio_device, queues[n].desc, u64, 1),       \
        STATE_FIELD(103 + 16 * (n), struct virtio_device, queues[n].avail, u64, 1),      \
        STATE_FIELD(104 + 16 * (n), struct virtio_device, queues[n].used, u64, 1),       \
        STATE_FIELD(105 + 16 * (n), struct virtio_device, queues[n].next_avail, u16, 1), \
        STATE_FIELD(106 + 16 * (n), struct virtio_device, queues[n].next_used, u16, 1),  \
        STATE_FIELD(107 + 16 * (n), struct virtio_device, queues[n].signalled, u16, 1)
#define VIRTIO_STATE                                                                                                                \
    STATE_FIELD(1, struct virtio_device, accepted, u64, 1), STATE_FIELD(2, struct virtio_device, status, u8, 1),                    \
        STATE_FIELD(3, struct virtio_device, isr, u8, 1), STATE_FIELD(4, struct virtio_device, generation, u32, 1),                 \
        STATE_FIELD(5, struct virtio_device, device_features_sel, u32, 1),                                                          \
        STATE_FIELD(6, struct virtio_device, driver_features_sel, u32, 1), STATE_FIELD(7, struct virtio_device, queue_sel, u32, 1), \
        STATE_FIELD(8, struct virtio_device, waiting, u32, 1), VIRTIO_STATE_QUEUE(0), VIRTIO_STATE_QUEUE(1), VIRTIO_STATE_QUEUE(2), \
        VIRTIO_STATE_QUEUE(3)
