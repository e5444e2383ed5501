/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Split virtqueues: see queue.h. vCPUs write the rings while we read them, so every index is read with acquire and published with
 * release order; where we write one thing and then look at another that the driver writes in the other order (event index,
 * notification), a full fence stands between.
 */
#include "device/virtio/queue.h"
#include "base/bits.h"
#include "device/virtio/iov.h"
#include "device/virtio/virtio.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ring fields are little-endian and read in place");

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 }; /* flags, section 2.7.5 */
enum { DESC_SIZE = 16, USED_SIZE = 8, RING_HEAD = 4 };     /* bytes; both rings begin with flags and idx */
enum { AVAIL_NO_INTERRUPT = 1 };

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

/* ---- the rings' fields ---- */

static uint16_t ring_load(const uint8_t *at) { return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE); }

static uint16_t ring_load_after_store(const uint8_t *at) { return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_SEQ_CST); }

static void ring_store_before_load(uint8_t *at, uint16_t v) { __atomic_store_n((uint16_t *)(void *)at, v, __ATOMIC_SEQ_CST); }

static uint16_t avail_idx(const struct virtq *q) { return ring_load(q->avail_host + 2); }

static size_t avail_bytes(const struct virtq *q) { return RING_HEAD + 2u * q->size + 2; /* the last two: used_event */ }

static size_t used_bytes(const struct virtq *q) { return RING_HEAD + (size_t)USED_SIZE * q->size + 2; /* the last two: avail_event */ }

/* Not atomic as a whole: a driver that changes it meanwhile gets a mixture, which is then checked as it is. */
static struct desc desc_read(const uint8_t *table, unsigned i)
{
    uint8_t raw[DESC_SIZE];
    memcpy(raw, table + (size_t)DESC_SIZE * i, DESC_SIZE);
    __asm__ volatile("" ::: "memory"); /* or the compiler might read the table again after the checks */
    return (struct desc){le64_get(raw), le32_get(raw + 8), le16_get(raw + 12), le16_get(raw + 14)};
}

/* ---- setting up ---- */

bool virtq_attach(struct virtio_device *v, struct virtq *q)
{
    const struct mem_space *space = v->device.space;
    if (!bits_pow2(q->size) || q->size > v->kind->queue_size) {
        virtio_bad(v, "a queue of %u entries: not a power of two up to %u", q->size, v->kind->queue_size);
        return false;
    }
    if (q->desc % 16 || q->avail % 2 || q->used % 4) {
        virtio_bad(v, "queue areas at 0x%llx 0x%llx 0x%llx are not aligned to 16, 2 and 4", (unsigned long long)q->desc,
                   (unsigned long long)q->avail, (unsigned long long)q->used);
        return false;
    }
    q->desc_host = mem_ram(space, q->desc, (uint64_t)DESC_SIZE * q->size);
    q->avail_host = mem_ram(space, q->avail, avail_bytes(q));
    q->used_host = mem_ram(space, q->used, used_bytes(q));
    if (!q->desc_host || !q->avail_host || !q->used_host) {
        virtio_bad(v, "queue areas at 0x%llx 0x%llx 0x%llx are not in RAM", (unsigned long long)q->desc, (unsigned long long)q->avail,
                   (unsigned long long)q->used);
        return false;
    }
    q->ready = true;
    return true;
}

void virtq_detach(struct virtq *q)
{
    q->ready = false;
    q->next_avail = q->next_used = q->signalled = 0;
    q->desc_host = NULL;
    q->avail_host = q->used_host = NULL;
}

/* ---- taking ---- */

/* Adds one descriptor's memory; it may lie in several regions of RAM that touch. */
static bool add_pieces(struct virtio_device *v, struct virtq_chain *c, const struct desc *d)
{
    bool write = d->flags & DESC_WRITE;
    uint64_t at = d->addr, len = d->len;
    size_t *sum = write ? &c->in_len : &c->out_len;
    if (!write && c->nin) {
        virtio_bad(v, "a readable descriptor after a writable one");
        return false;
    }
    if (at + len < at || *sum + len > VIRTQ_BYTES_MAX) {
        virtio_bad(v, "a chain of more than %u bytes", (unsigned)VIRTQ_BYTES_MAX);
        return false;
    }
    while (len) {
        const struct mem_region *region = mem_space_find(v->device.space, at);
        if (!region || region->kind == MEM_DEVICE || (region->kind == MEM_ROM && write)) {
            virtio_bad(v, "a descriptor of 0x%llx, %u bytes: 0x%llx is not %s", (unsigned long long)d->addr, d->len, (unsigned long long)at,
                       write ? "RAM" : "memory");
            return false;
        }
        unsigned n = c->nout + c->nin;
        if (n == VIRTQ_PIECES) {
            virtio_bad(v, "a chain of more than %u pieces", (unsigned)VIRTQ_PIECES);
            return false;
        }
        uint64_t offset = at - region->base, part = region->size - offset;
        if (part > len)
            part = len;
        c->iov[n] = (struct iovec){region->host + offset, part};
        c->at[n] = at;
        *(write ? &c->nin : &c->nout) += 1;
        *sum += part;
        at += part;
        len -= part;
    }
    return true;
}

/* Follows a chain from descriptor i of a table, which is the queue's or an indirect one. */
static bool walk(struct virtio_device *v, struct virtq_chain *c, const uint8_t *table, uint32_t count, uint32_t i, bool indirect)
{
    uint32_t limit = count < VIRTQ_PIECES ? count : VIRTQ_PIECES;
    for (uint32_t steps = 0; steps < limit; steps++) {
        struct desc d = desc_read(table, i);
        if (d.flags & DESC_INDIRECT) {
            if (indirect || !virtio_has(v, VIRTIO_F_INDIRECT_DESC) || (d.flags & DESC_NEXT) || !d.len || d.len % DESC_SIZE) {
                virtio_bad(v, "an indirect descriptor with flags 0x%x of %u bytes%s", d.flags, d.len,
                           indirect                                 ? " inside an indirect table"
                           : !virtio_has(v, VIRTIO_F_INDIRECT_DESC) ? " without the feature"
                                                                    : "");
                return false;
            }
            const uint8_t *inner = mem_ram(v->device.space, d.addr, d.len);
            if (!inner) {
                virtio_bad(v, "an indirect table at 0x%llx of %u bytes is not in RAM", (unsigned long long)d.addr, d.len);
                return false;
            }
            return walk(v, c, inner, d.len / DESC_SIZE, 0, true);
        }
        if (!add_pieces(v, c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        i = d.next;
        if (i >= count) {
            virtio_bad(v, "descriptor %u of a table of %u", i, count);
            return false;
        }
    }
    virtio_bad(v, "a chain of more than %u descriptors", limit);
    return false;
}

static bool usable(const struct virtio_device *v, const struct virtq *q) { return q->ready && !(v->status & VIRTIO_NEEDS_RESET); }

bool virtq_pending(struct virtio_device *v, struct virtq *q)
{
    if (!usable(v, q))
        return false;
    if (avail_idx(q) != q->next_avail)
        return true;
    if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
        return false; /* flags stay 0: the driver always notifies */
    uint8_t *event = q->used_host + used_bytes(q) - 2;
    if (ring_load(event) != q->next_avail) {
        ring_store_before_load(event, q->next_avail);
        mem_note_write(v->device.space, q->used + used_bytes(q) - 2, 2);
    }
    return ring_load_after_store(q->avail_host + 2) != q->next_avail; /* the driver: idx, fence, avail_event */
}

bool virtq_pop(struct virtio_device *v, struct virtq *q, struct virtq_chain *c)
{
    if (!virtq_pending(v, q))
        return false;
    uint16_t ahead = (uint16_t)(avail_idx(q) - q->next_avail);
    if (ahead > q->size) {
        virtio_bad(v, "the available ring of %u entries claims %u", q->size, ahead);
        return false;
    }
    c->head = ring_load(q->avail_host + RING_HEAD + 2 * (q->next_avail & (q->size - 1)));
    c->nout = c->nin = 0;
    c->out_len = c->in_len = 0;
    if (c->head >= q->size) {
        virtio_bad(v, "descriptor %u of a table of %u", c->head, q->size);
        return false;
    }
    if (!walk(v, c, q->desc_host, q->size, c->head, false))
        return false;
    q->next_avail++;
    return true;
}

void virtq_unpop(struct virtq *q, unsigned chains) { q->next_avail = (uint16_t)(q->next_avail - chains); }

size_t virtq_write(struct virtio_device *v, const struct virtq_chain *c, size_t offset, const void *buf, size_t len)
{
    size_t done = iov_write(virtq_in(c), c->nin, offset, buf, len), left = done;
    for (unsigned i = c->nout; i < c->nout + c->nin && left; i++) {
        size_t size = c->iov[i].iov_len;
        if (offset >= size) {
            offset -= size;
            continue;
        }
        size_t part = size - offset < left ? size - offset : left;
        mem_note_write(v->device.space, c->at[i] + offset, part);
        left -= part;
        offset = 0;
    }
    return done;
}

bool virtq_locate(const struct virtq_chain *c, size_t offset, struct virtq_byte *out)
{
    for (unsigned i = c->nout; i < c->nout + c->nin; i++) {
        if (offset < c->iov[i].iov_len) {
            *out = (struct virtq_byte){(uint8_t *)c->iov[i].iov_base + offset, c->at[i] + offset};
            return true;
        }
        offset -= c->iov[i].iov_len;
    }
    return false;
}

void virtq_poke(struct virtio_device *v, const struct virtq_byte *byte, uint8_t value)
{
    *byte->host = value;
    mem_note_write(v->device.space, byte->at, 1);
}

/* ---- giving back ---- */

void virtq_fill(struct virtio_device *v, struct virtq *q, unsigned at, uint16_t head, uint32_t written)
{
    if (!usable(v, q))
        return;
    size_t offset = RING_HEAD + (size_t)USED_SIZE * ((q->next_used + at) & (q->size - 1u));
    le32_put(q->used_host + offset, head);
    le32_put(q->used_host + offset + 4, written);
    mem_note_write(v->device.space, q->used + offset, USED_SIZE);
}

void virtq_publish(struct virtio_device *v, struct virtq *q, unsigned count)
{
    if (!usable(v, q))
        return;
    q->next_used = (uint16_t)(q->next_used + count);
    ring_store_before_load(q->used_host + 2, q->next_used);
    mem_note_write(v->device.space, q->used, RING_HEAD);
}

void virtq_push(struct virtio_device *v, struct virtq *q, uint16_t head, uint32_t written)
{
    virtq_fill(v, q, 0, head, written);
    virtq_publish(v, q, 1);
}

void virtq_signal(struct virtio_device *v, struct virtq *q)
{
    if (!usable(v, q) || q->signalled == q->next_used)
        return;
    uint16_t before = q->signalled, now = q->next_used;
    q->signalled = now;
    if (virtio_has(v, VIRTIO_F_EVENT_IDX)) { /* the driver: used_event or flags, fence, used idx */
        uint16_t event = ring_load_after_store(q->avail_host + avail_bytes(q) - 2);
        if ((uint16_t)(now - event - 1) >= (uint16_t)(now - before)) /* section 2.7.7.2: event was not passed */
            return;
    } else if (ring_load_after_store(q->avail_host) & AVAIL_NO_INTERRUPT) {
        return;
    }
    virtio_raise(v, (int)(q - v->queues));
}
