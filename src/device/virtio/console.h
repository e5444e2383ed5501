/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio console with a single port (virtio 1.2, section 5.3): a byte stream over a char_backend, window size, emergency write. */
#pragma once
#include "device/virtio/virtio.h"

extern const struct device_class virtio_console_class;

struct virtio_console_config {
    const char *id;               /* "console0"; must outlive the device */
    struct char_backend *backend; /* stays the caller's, lives longer than the device */
    uint16_t columns, rows;       /* 0: not known */
};
/* Freed by virtio_free(). */
int virtio_console_new(struct virtio_device **out, const struct device_env *env, const struct virtio_console_config *config,
                       struct err *err) NODISCARD;
/* The terminal has another size now. Any thread, the device's lock not held. */
void virtio_console_resize(struct virtio_device *device, uint16_t columns, uint16_t rows);
