/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The virtio-mmio transport, version 2 (virtio 1.2, section 4.2): a register window and one interrupt line for a virtio device.
 * The board puts a window of VIRTIO_MMIO_SIZE bytes at its address with virtio_mmio_ops, the transport as self and
 * virtio_mmio_lock() as lock; the interrupt is the device's irq[0]. A slot without a device answers with device id 0.
 */
#pragma once
#include "device/virtio/virtio.h"

enum { VIRTIO_MMIO_SIZE = 0x200 };

struct virtio_mmio;
extern const struct mem_ops virtio_mmio_ops;

/* device: NULL for an empty slot; else it stays the caller's and must live as long as the transport. */
int virtio_mmio_new(struct virtio_mmio **out, struct virtio_device *device) NODISCARD;
void virtio_mmio_free(struct virtio_mmio *mmio);             /* before the device is freed; NULL is allowed */
struct os_mutex *virtio_mmio_lock(struct virtio_mmio *mmio); /* NULL: an empty slot needs none */
