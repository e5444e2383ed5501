/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio network device (virtio 1.2, section 5.1), one pair of queues, over a network backend. Offloads as far as the backend has them. */
#pragma once
#include "device/net/net.h"
#include "device/virtio/virtio.h"

extern const struct device_class virtio_net_class;

struct virtio_net_config {
    const char *id;                   /* "net0"; must outlive the device */
    struct net_backend *take_backend; /* the device's once virtio_net_new returns 0 */
    uint8_t mac[NET_MAC];
    uint16_t mtu; /* told to the guest; 0: not */
};
/* Connects the backend; its errors are this function's. Freed by virtio_free(). */
int virtio_net_new(struct virtio_device **out, const struct device_env *env, const struct virtio_net_config *config,
                   struct err *err) NODISCARD;
void virtio_net_link(struct virtio_device *device, bool up); /* the cable; any thread, the device's lock not held */
