/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio entropy device (virtio 1.2, section 5.4): fills the guest's buffers from the host's random source. */
#pragma once
#include "device/virtio/virtio.h"

extern const struct device_class virtio_rng_class;

struct virtio_rng_config {
    const char *id; /* "rng0"; must outlive the device */
    /* Where the bytes come from; 0 or a negative status. NULL: os_random. It must not block. */
    int (*fill)(void *arg, void *buf, size_t len);
    void *arg;
};
/* Freed by virtio_free(). */
int virtio_rng_new(struct virtio_device **out, const struct device_env *env, const struct virtio_rng_config *config,
                   struct err *err) NODISCARD;
