/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio block device (virtio 1.2, section 5.2) over a block backend. Requests run on the thread pool, up to a queue's size at once. */
#pragma once
#include "device/block/block.h"
#include "device/virtio/virtio.h"

extern const struct device_class virtio_blk_class;

struct virtio_blk_config {
    const char *id;                     /* "disk0"; must outlive the device */
    struct block_backend *take_backend; /* the device's once virtio_blk_new returns 0 */
    const char *serial;                 /* what the guest reads as the disk's id, at most BLOCK_SERIAL_MAX characters; NULL: id */
    unsigned block_size;                /* logical block, 512 to 4096; 0: 512 */
    bool no_discard;                    /* do not offer discard */
};
/* Freed by virtio_free(). */
int virtio_blk_new(struct virtio_device **out, const struct device_env *env, const struct virtio_blk_config *config,
                   struct err *err) NODISCARD;
