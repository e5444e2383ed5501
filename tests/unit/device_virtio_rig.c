/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The driver's half of virtio for tests: see device_virtio_rig.h. */
#include "device_virtio_rig.h"
#include <stdio.h>
#include <unistd.h>

static void on_line(void *arg, enum log_level level, const char *component, const char *text)
{
    struct rig *rig = arg;
    (void)level;
    snprintf(rig->line, sizeof rig->line, "%s: %s", component, text);
    rig->lines++;
}

static void on_irq(void *self, unsigned n, bool level)
{
    struct rig *rig = self;
    (void)n;
    if (level && !rig->irq)
        rig->irqs++;
    rig->irq = level;
}

void rig_init(struct rig *rig)
{
    static const char rom[16] = "read only memory";
    memset(rig, 0, sizeof *rig);
    assert_int_equal(log_new_sink(&rig->log, LOG_debug, on_line, rig), 0);
    assert_int_equal(os_loop_new(&rig->loop, "io/test", NULL), 0);
    assert_int_equal(mem_space_new(&rig->space), 0);
    assert_int_equal(mem_space_add_ram(rig->space, "ram", RAM_BASE, RAM_SIZE, NULL), 0);
    assert_int_equal(mem_space_add_ram(rig->space, "ram2", RAM2_BASE, RAM2_SIZE, NULL), 0);
    assert_int_equal(mem_space_add_rom(rig->space, "rom", ROM_BASE, 0x1000, rom, sizeof rom, NULL), 0);
    os_vclock_init(&rig->clock);
    rig->ram = mem_ram(rig->space, RAM_BASE, RAM_SIZE);
    rig->next_page = RAM_BASE + 0x1000;
}

struct device_env rig_env(struct rig *rig) { return (struct device_env){rig->space, rig->loop, rig->log, &rig->clock}; }

void rig_plug(struct rig *rig, struct virtio_device *device)
{
    struct err err = {0};
    rig->device = device;
    device->device.irq[0] = (struct irq_line){on_irq, rig, 1};
    assert_int_equal(virtio_mmio_new(&rig->mmio, device), 0);
    assert_int_equal(mem_space_add_device(rig->space, "virtio", MMIO_BASE, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, rig->mmio,
                                          virtio_mmio_lock(rig->mmio), &err),
                     0);
}

void rig_fini(struct rig *rig)
{
    virtio_mmio_free(rig->mmio);
    virtio_free(rig->device);
    os_loop_free(rig->loop);
    mem_space_free(rig->space);
    log_free(rig->log);
}

gpa rig_alloc(struct rig *rig, uint64_t size)
{
    gpa at = rig->next_page;
    rig->next_page = align_up(at + size, 16);
    assert_true(rig->next_page <= RAM_BASE + RAM_SIZE);
    memset(rig_at(rig, at), 0, size);
    return at;
}

uint32_t rig_read(struct rig *rig, unsigned reg)
{
    uint64_t value = 0;
    assert_true(mem_load(rig->space, MMIO_BASE + reg, 4, &value));
    return (uint32_t)value;
}

void rig_write(struct rig *rig, unsigned reg, uint32_t value) { assert_true(mem_store(rig->space, MMIO_BASE + reg, 4, value)); }

uint64_t rig_offered(struct rig *rig)
{
    rig_write(rig, MMIO_DEVICE_FEATURES_SEL, 1);
    uint64_t features = (uint64_t)rig_read(rig, MMIO_DEVICE_FEATURES) << 32;
    rig_write(rig, MMIO_DEVICE_FEATURES_SEL, 0);
    return features | rig_read(rig, MMIO_DEVICE_FEATURES);
}

bool rig_negotiate(struct rig *rig, uint64_t features)
{
    rig_write(rig, MMIO_STATUS, 0);
    rig_write(rig, MMIO_STATUS, VIRTIO_ACKNOWLEDGE);
    rig_write(rig, MMIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    rig_write(rig, MMIO_DRIVER_FEATURES_SEL, 1);
    rig_write(rig, MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
    rig_write(rig, MMIO_DRIVER_FEATURES_SEL, 0);
    rig_write(rig, MMIO_DRIVER_FEATURES, (uint32_t)features);
    rig_write(rig, MMIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    return rig_read(rig, MMIO_STATUS) & VIRTIO_FEATURES_OK;
}

void rig_driver_ok(struct rig *rig) { rig_write(rig, MMIO_STATUS, rig_read(rig, MMIO_STATUS) | VIRTIO_DRIVER_OK); }

bool rig_broken(struct rig *rig) { return rig_read(rig, MMIO_STATUS) & VIRTIO_NEEDS_RESET; }

static void write_area(struct rig *rig, unsigned reg, gpa at)
{
    rig_write(rig, reg, (uint32_t)at);
    rig_write(rig, reg + 4, (uint32_t)(at >> 32));
}

void ring_setup_only(struct ring *ring, struct rig *rig, unsigned index, uint16_t size)
{
    memset(ring, 0, sizeof *ring);
    ring->rig = rig;
    ring->index = index;
    ring->size = size;
    ring->desc = rig_alloc(rig, 16u * size);
    ring->avail = rig_alloc(rig, 6 + 2u * size);
    ring->used = rig_alloc(rig, 6 + 8u * size);
    rig_write(rig, MMIO_QUEUE_SEL, index);
    rig_write(rig, MMIO_QUEUE_NUM, size);
    write_area(rig, MMIO_QUEUE_DESC, ring->desc);
    write_area(rig, MMIO_QUEUE_AVAIL, ring->avail);
    write_area(rig, MMIO_QUEUE_USED, ring->used);
}

void ring_open(struct ring *ring, struct rig *rig, unsigned index, uint16_t size, uint64_t features)
{
    ring_setup_only(ring, rig, index, size);
    ring->features = features;
    assert_true(size <= rig_read(rig, MMIO_QUEUE_NUM_MAX));
    rig_write(rig, MMIO_QUEUE_READY, 1);
    assert_int_equal(rig_read(rig, MMIO_QUEUE_READY), 1);
}

static void put_desc(struct rig *rig, gpa table, unsigned i, uint64_t at, uint32_t len, uint16_t flags, uint16_t next)
{
    uint8_t *d = rig_at(rig, table + 16ull * i);
    le64_put(d, at);
    le32_put(d + 8, len);
    le16_put(d + 12, flags);
    le16_put(d + 14, next);
}

void ring_desc(struct ring *ring, unsigned i, uint64_t at, uint32_t len, uint16_t flags, uint16_t next)
{
    put_desc(ring->rig, ring->desc, i, at, len, flags, next);
}

void ring_offer(struct ring *ring, uint16_t head)
{
    uint8_t *avail = rig_at(ring->rig, ring->avail);
    le16_put(avail + 4 + 2 * (ring->added & (ring->size - 1)), head);
    ring->added++;
    __atomic_store_n((uint16_t *)(void *)(avail + 2), ring->added, __ATOMIC_SEQ_CST);
}

uint16_t ring_add(struct ring *ring, const struct piece *pieces, unsigned nout, unsigned nin)
{
    unsigned n = nout + nin;
    uint16_t head = ring->next_desc & (ring->size - 1);
    for (unsigned i = 0; i < n; i++) {
        unsigned d = (head + i) & (ring->size - 1u), next = (d + 1) & (ring->size - 1u);
        ring_desc(ring, d, pieces[i].at, pieces[i].len, (uint16_t)((i >= nout ? DESC_WRITE : 0) | (i + 1 < n ? DESC_NEXT : 0)),
                  (uint16_t)next);
    }
    ring->next_desc = (uint16_t)(ring->next_desc + n);
    ring_offer(ring, head);
    return head;
}

uint16_t ring_add_indirect(struct ring *ring, const struct piece *pieces, unsigned nout, unsigned nin)
{
    unsigned n = nout + nin;
    gpa table = rig_alloc(ring->rig, 16ull * n);
    uint16_t head = ring->next_desc++ & (ring->size - 1);
    for (unsigned i = 0; i < n; i++)
        put_desc(ring->rig, table, i, pieces[i].at, pieces[i].len, (uint16_t)((i >= nout ? DESC_WRITE : 0) | (i + 1 < n ? DESC_NEXT : 0)),
                 (uint16_t)(i + 1));
    ring_desc(ring, head, table, 16 * n, DESC_INDIRECT, 0);
    ring_offer(ring, head);
    return head;
}

void ring_kick_now(struct ring *ring)
{
    ring->kicked = ring->added;
    rig_write(ring->rig, MMIO_QUEUE_NOTIFY, ring->index);
}

void ring_kick(struct ring *ring)
{
    if (ring->features & F_EVENT) {
        uint16_t event =
            __atomic_load_n((uint16_t *)(void *)((uint8_t *)rig_at(ring->rig, ring->used) + 4 + 8 * ring->size), __ATOMIC_SEQ_CST);
        if ((uint16_t)(ring->added - event - 1) >= (uint16_t)(ring->added - ring->kicked)) {
            ring->kicked = ring->added;
            return;
        }
    }
    ring_kick_now(ring);
}

bool ring_used(struct ring *ring, uint16_t *head, uint32_t *len)
{
    uint8_t *used = rig_at(ring->rig, ring->used);
    uint16_t idx = __atomic_load_n((uint16_t *)(void *)(used + 2), __ATOMIC_ACQUIRE);
    if (idx == ring->seen)
        return false;
    const uint8_t *entry = used + 4 + 8 * (ring->seen++ & (ring->size - 1));
    assert_true(le32_get(entry) < ring->size);
    *head = (uint16_t)le32_get(entry);
    *len = le32_get(entry + 4);
    if (ring->features & F_EVENT) /* an interrupt for the next one, please */
        __atomic_store_n((uint16_t *)(void *)((uint8_t *)rig_at(ring->rig, ring->avail) + 4 + 2 * ring->size), ring->seen,
                         __ATOMIC_RELEASE);
    return true;
}

void wait_until(bool (*condition)(void *arg), void *arg)
{
    uint64_t end = os_clock_ns() + 600000000000u; /* a slow machine is no failure */
    while (!condition(arg)) {
        assert_true(os_clock_ns() < end);
        usleep(100);
    }
}

struct waiting {
    struct ring *ring;
    uint16_t *head;
    uint32_t *len;
};

static bool came(void *arg)
{
    struct waiting *w = arg;
    return ring_used(w->ring, w->head, w->len);
}

void ring_wait(struct ring *ring, uint16_t *head, uint32_t *len)
{
    struct waiting w = {ring, head, len};
    wait_until(came, &w);
}
