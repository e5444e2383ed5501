/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The inside of the virtio block device, shared by blk.c and blk_request.c only. */
#pragma once
#include "device/virtio/blk.h"
#include <stdatomic.h>

/* features, section 5.2.3 */
enum {
    BLK_F_SEG_MAX = 2,
    BLK_F_RO = 5,
    BLK_F_BLK_SIZE = 6,
    BLK_F_FLUSH = 9,
    BLK_F_TOPOLOGY = 10,
    BLK_F_CONFIG_WCE = 11,
    BLK_F_DISCARD = 13,
    BLK_F_WRITE_ZEROES = 14,
};
enum {
    BLK_QUEUE_SIZE = 256,          /* also the most requests in flight */
    BLK_RANGES = 16,               /* of one discard or write-zeroes request */
    BLK_DISCARD_SECTORS = 1 << 22, /* of one range: 2 GiB */
    BLK_ZERO_SECTORS = 1 << 17,    /* 64 MiB: may have to be written in full */
};

struct blk_request;

struct blk {
    struct virtio_device virtio;
    struct block_backend *backend;
    unsigned block_size;
    char serial[BLOCK_SERIAL_MAX]; /* padded with zeros */
    bool writeback;                /* the driver asks for flushes; else every write is followed by one */
    /* Device's lock: */
    struct blk_request *inflight; /* list: to be given back to the driver */
    unsigned jobs;                /* requests that the pool knows, dropped ones too */
    struct os_cond no_jobs;
    bool starved; /* chains may wait in the queue because too many are in flight */
    /* Between the device and the pool's threads: */
    struct os_mutex run_lock; /* guards a request's change to BLK_RAN while somebody waits for it */
    struct os_cond ran;
    _Atomic unsigned errors; /* of the backend; only the first ones are logged */
};

void blk_start(struct virtio_device *v);
bool blk_notify(struct virtio_device *v, unsigned queue);
bool blk_config_write(struct virtio_device *v, unsigned offset, unsigned len, uint32_t value);
void blk_quiesce(struct virtio_device *v, bool drop);
