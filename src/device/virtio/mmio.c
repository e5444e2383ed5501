/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio-mmio: see mmio.h. It keeps no state of its own: selectors and interrupt status are in the virtio device, because the PCI
 * transport has the same ones and a snapshot then holds one section per device.
 */
#include "device/virtio/mmio.h"
#include "base/bits.h"
#include <stdlib.h>

enum { MAGIC = 0x74726976 /* "virt" */, VERSION = 2, VENDOR = 0x4d56 /* "VM" */ };

/* offsets, table 4.1 */
enum {
    R_magic = 0x00,
    R_version = 0x04,
    R_device_id = 0x08,
    R_vendor_id = 0x0c,
    R_device_features = 0x10,
    R_device_features_sel = 0x14,
    R_driver_features = 0x20,
    R_driver_features_sel = 0x24,
    R_queue_sel = 0x30,
    R_queue_size_max = 0x34,
    R_queue_size = 0x38,
    R_queue_ready = 0x44,
    R_queue_notify = 0x50,
    R_interrupt_status = 0x60,
    R_interrupt_ack = 0x64,
    R_status = 0x70,
    R_desc_low = 0x80,
    R_desc_high = 0x84,
    R_avail_low = 0x90,
    R_avail_high = 0x94,
    R_used_low = 0xa0,
    R_used_high = 0xa4,
    R_shm_sel = 0xac,
    R_shm_len_low = 0xb0,
    R_shm_base_high = 0xbc,
    R_generation = 0xfc,
    R_config = 0x100,
};

struct virtio_mmio {
    struct virtio_device *device;
};

static void mmio_interrupt(void *transport, int queue)
{
    struct virtio_mmio *mmio = transport;
    (void)queue; /* one line for all */
    irq_set(&mmio->device->device.irq[0], mmio->device->isr != 0);
}

int virtio_mmio_new(struct virtio_mmio **out, struct virtio_device *device)
{
    struct virtio_mmio *mmio = calloc(1, sizeof *mmio);
    if (!mmio)
        return -STATUS_resource;
    mmio->device = device;
    if (device)
        virtio_attach(device, mmio_interrupt, mmio);
    *out = mmio;
    return 0;
}

void virtio_mmio_free(struct virtio_mmio *mmio)
{
    if (mmio && mmio->device) {
        os_mutex_lock(&mmio->device->device.lock);
        virtio_attach(mmio->device, NULL, NULL);
        os_mutex_unlock(&mmio->device->device.lock);
    }
    free(mmio);
}

struct os_mutex *virtio_mmio_lock(struct virtio_mmio *mmio) { return mmio->device ? &mmio->device->device.lock : NULL; }

static struct virtq *selected(struct virtio_device *v) { return v->queue_sel < v->kind->queues ? &v->queues[v->queue_sel] : NULL; }

static uint32_t register_read(struct virtio_device *v, uint64_t offset)
{
    struct virtq *q = selected(v);
    switch (offset) {
    case R_device_id: return v->kind->id;
    case R_device_features: return v->device_features_sel < 2 ? (uint32_t)(v->offered >> 32 * v->device_features_sel) : 0;
    case R_queue_size_max: return q ? v->kind->queue_size : 0;
    case R_queue_ready: return q && q->ready;
    case R_interrupt_status: return v->isr;
    case R_status: return v->status;
    case R_generation: return v->generation;
    default:
        if (offset >= R_shm_len_low && offset <= R_shm_base_high)
            return UINT32_MAX; /* no shared memory has this id: length and base are -1 */
        log_guest(v->device.log, v->device.id, "register 0x%llx read, which is not readable", (unsigned long long)offset);
        return 0;
    }
}

static bool mmio_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct virtio_mmio *mmio = self;
    struct virtio_device *v = mmio->device;
    *value = 0;
    if (offset >= R_config) {
        if (v)
            *value = virtio_config_read(v, offset - R_config, size);
        return true;
    }
    if (size != 4) {
        if (v)
            log_guest(v->device.log, v->device.id, "register 0x%llx read with %u bytes", (unsigned long long)offset, size);
        return true;
    }
    if (offset == R_magic)
        *value = MAGIC;
    else if (offset == R_version)
        *value = VERSION;
    else if (offset == R_vendor_id)
        *value = VENDOR;
    else if (v)
        *value = register_read(v, offset);
    return true;
}

/* Half of an area's address; ignored while the queue uses it. */
static void set_area(struct virtio_device *v, size_t member, bool high, uint32_t value)
{
    struct virtq *q = selected(v);
    if (!q || q->ready) {
        log_guest(v->device.log, v->device.id, "an address of queue %u written, which is %s", v->queue_sel, q ? "in use" : "not there");
        return;
    }
    gpa *area = (gpa *)(void *)((char *)q + member);
    *area = bits_set(*area, high ? 32 : 0, 32, value);
}

static void interrupt_ack(struct virtio_mmio *mmio, uint32_t value)
{
    mmio->device->isr &= (uint8_t)~value;
    mmio_interrupt(mmio, VIRTIO_IRQ_clear);
}

static void register_write(struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
    struct virtio_device *v = mmio->device;
    switch (offset) {
    case R_device_features_sel: v->device_features_sel = value; break;
    case R_driver_features: virtio_accept(v, v->driver_features_sel, value); break;
    case R_driver_features_sel: v->driver_features_sel = value; break;
    case R_queue_sel: v->queue_sel = value; break;
    case R_queue_size: virtio_set_queue_size(v, v->queue_sel, value); break;
    case R_queue_ready: virtio_set_queue_ready(v, v->queue_sel, value & 1); break;
    case R_queue_notify: virtio_notify(v, value); break;
    case R_interrupt_ack: interrupt_ack(mmio, value); break;
    case R_status: virtio_set_status(v, (uint8_t)value); break;
    case R_desc_low:
    case R_desc_high: set_area(v, offsetof(struct virtq, desc), offset == R_desc_high, value); break;
    case R_avail_low:
    case R_avail_high: set_area(v, offsetof(struct virtq, avail), offset == R_avail_high, value); break;
    case R_used_low:
    case R_used_high: set_area(v, offsetof(struct virtq, used), offset == R_used_high, value); break;
    case R_shm_sel: break; /* no shared memory, whatever the id */
    default: log_guest(v->device.log, v->device.id, "register 0x%llx written, which is not writable", (unsigned long long)offset);
    }
}

static bool mmio_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_mmio *mmio = self;
    struct virtio_device *v = mmio->device;
    if (!v)
        return true;
    if (offset >= R_config)
        virtio_config_write(v, offset - R_config, size, (uint32_t)value);
    else if (size == 4)
        register_write(mmio, offset, (uint32_t)value);
    else
        log_guest(v->device.log, v->device.id, "register 0x%llx written with %u bytes", (unsigned long long)offset, size);
    return true;
}

const struct mem_ops virtio_mmio_ops = {.read = mmio_read, .write = mmio_write, .sizes = 1 | 2 | 4};
