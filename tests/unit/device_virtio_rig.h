/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A driver's half of virtio for tests: guest memory, a device behind the mmio transport, queues built as a driver builds them.
 * All accesses go through the guest's address space, as a vCPU's would.
 */
#pragma once
#include "base/bits.h"
#include "base/log.h"
#include "device/virtio/mmio.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define RAM_BASE  0x80000000ull
#define RAM_SIZE  0x1000000ull
#define RAM2_BASE (RAM_BASE + RAM_SIZE) /* touches the first one */
#define RAM2_SIZE 0x100000ull
#define ROM_BASE  0x1000ull
#define MMIO_BASE 0x10001000ull

/* mmio registers, virtio 1.2 table 4.1 */
enum {
    MMIO_MAGIC = 0x00,
    MMIO_VERSION = 0x04,
    MMIO_DEVICE_ID = 0x08,
    MMIO_VENDOR_ID = 0x0c,
    MMIO_DEVICE_FEATURES = 0x10,
    MMIO_DEVICE_FEATURES_SEL = 0x14,
    MMIO_DRIVER_FEATURES = 0x20,
    MMIO_DRIVER_FEATURES_SEL = 0x24,
    MMIO_QUEUE_SEL = 0x30,
    MMIO_QUEUE_NUM_MAX = 0x34,
    MMIO_QUEUE_NUM = 0x38,
    MMIO_QUEUE_READY = 0x44,
    MMIO_QUEUE_NOTIFY = 0x50,
    MMIO_INTERRUPT_STATUS = 0x60,
    MMIO_INTERRUPT_ACK = 0x64,
    MMIO_STATUS = 0x70,
    MMIO_QUEUE_DESC = 0x80,
    MMIO_QUEUE_AVAIL = 0x90,
    MMIO_QUEUE_USED = 0xa0,
    MMIO_SHM_SEL = 0xac,
    MMIO_SHM_LEN = 0xb0,
    MMIO_CONFIG_GENERATION = 0xfc,
    MMIO_CONFIG = 0x100,
};

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };
#define F_INDIRECT (1ull << VIRTIO_F_INDIRECT_DESC)
#define F_EVENT    (1ull << VIRTIO_F_EVENT_IDX)
#define F_VERSION1 (1ull << VIRTIO_F_VERSION_1)

struct rig {
    struct mem_space *space;
    struct os_loop *loop;
    struct log *log;
    struct os_vclock clock;
    struct virtio_device *device;
    struct virtio_mmio *mmio;
    uint8_t *ram;
    gpa next_page; /* of the allocator */
    _Atomic bool irq;
    _Atomic unsigned irqs;  /* rising edges */
    _Atomic unsigned lines; /* in the log */
    char line[512];         /* the last one */
};

void rig_init(struct rig *rig);
struct device_env rig_env(struct rig *rig);
void rig_plug(struct rig *rig, struct virtio_device *device); /* takes it */
void rig_fini(struct rig *rig);

gpa rig_alloc(struct rig *rig, uint64_t size); /* 16 byte aligned, zero */
static inline void *rig_at(struct rig *rig, gpa at) { return rig->ram + (at - RAM_BASE); }
uint32_t rig_read(struct rig *rig, unsigned reg);
void rig_write(struct rig *rig, unsigned reg, uint32_t value);
uint64_t rig_offered(struct rig *rig);
/* Status up to FEATURES_OK; false: the device refuses. */
bool rig_negotiate(struct rig *rig, uint64_t features);
void rig_driver_ok(struct rig *rig);
bool rig_broken(struct rig *rig); /* NEEDS_RESET */

struct ring {
    struct rig *rig;
    unsigned index;
    uint16_t size;
    gpa desc, avail, used;
    uint64_t features;
    uint16_t added, seen, kicked; /* free-running */
    uint16_t next_desc;           /* descriptors are taken in turn: no test has more in flight than there are */
};

struct piece {
    gpa at;
    uint32_t len;
};

void ring_open(struct ring *ring, struct rig *rig, unsigned index, uint16_t size, uint64_t features);
void ring_setup_only(struct ring *ring, struct rig *rig, unsigned index, uint16_t size); /* areas and registers, not ready */
void ring_desc(struct ring *ring, unsigned i, uint64_t at, uint32_t len, uint16_t flags, uint16_t next);
void ring_offer(struct ring *ring, uint16_t head); /* one entry of the available ring */
/* A chain of pieces, first nout readable and then nin writable ones; returns its head. */
uint16_t ring_add(struct ring *ring, const struct piece *pieces, unsigned nout, unsigned nin);
uint16_t ring_add_indirect(struct ring *ring, const struct piece *pieces, unsigned nout, unsigned nin);
void ring_kick(struct ring *ring);                                /* notifies, if the device wants that */
void ring_kick_now(struct ring *ring);                            /* in any case */
bool ring_used(struct ring *ring, uint16_t *head, uint32_t *len); /* takes one if there is any */
void ring_wait(struct ring *ring, uint16_t *head, uint32_t *len); /* fails the test after seconds */
void wait_until(bool (*condition)(void *arg), void *arg);
