/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Split virtqueues (virtio 1.2, section 2.7), the device's side. The virtio devices take chains of buffers off a queue and put
 * them back as used; the core (virtio.h) sets queues up. Everything is called with the device's lock held.
 * What the rings hold is hostile: the first nonsense breaks the device (status NEEDS_RESET, one line in the guest log), and
 * from then on the queue looks empty. Each descriptor is read once, so what was checked is what is used.
 */
#pragma once
#include "mem/space.h"
#include <sys/uio.h>

enum {
    VIRTQ_SIZE_MAX = 256, /* entries of a ring */
    VIRTQ_PIECES = 272,   /* pieces of one chain: a full ring, and what the borders of RAM regions split; also bounds indirect tables */
    VIRTQ_BYTES_MAX = 0x7fffffff, /* of the readable and of the writable part of a chain */
};

struct virtio_device;

struct virtq {
    uint16_t size; /* the driver's choice, a power of two up to the kind's maximum; what it wrote until ready, then checked */
    bool ready;
    gpa desc, avail, used;          /* the three areas, as the driver wrote them */
    uint16_t next_avail, next_used; /* free-running, as the rings' own indices */
    uint16_t signalled;             /* next_used when the driver was last considered for an interrupt (event index) */
    /* Derived: the areas' bytes; NULL unless ready. */
    const uint8_t *desc_host;
    uint8_t *avail_host, *used_host;
};

/* One request: pieces that the device may read, then pieces that it may write. */
struct virtq_chain {
    uint16_t head;
    unsigned nout, nin;     /* readable, writable pieces */
    size_t out_len, in_len; /* their bytes */
    struct iovec iov[VIRTQ_PIECES];
    gpa at[VIRTQ_PIECES]; /* guest address of each piece, for mem_note_write */
};
static inline const struct iovec *virtq_out(const struct virtq_chain *chain) { return chain->iov; }
static inline const struct iovec *virtq_in(const struct virtq_chain *chain) { return chain->iov + chain->nout; }

/* Checks size and areas and finds their bytes; false: the driver's mistake, logged. Indices stay as they are. */
bool virtq_attach(struct virtio_device *device, struct virtq *queue) NODISCARD;
void virtq_detach(struct virtq *queue); /* not ready, indices 0; what the driver wrote stays */

/* The next chain; false: none there. Then the driver will notify when it adds one. */
bool virtq_pop(struct virtio_device *device, struct virtq *queue, struct virtq_chain *chain) NODISCARD;
void virtq_unpop(struct virtq *queue, unsigned chains);                /* gives the last ones back, as if never taken */
bool virtq_pending(struct virtio_device *device, struct virtq *queue); /* a chain is there; if not, the driver will notify */

/* Writes into the chain's writable part, from offset on; returns the bytes written and notes them. */
size_t virtq_write(struct virtio_device *device, const struct virtq_chain *chain, size_t offset, const void *buf, size_t len);

struct virtq_byte { /* one byte of a writable part, to be written when the chain is no longer at hand */
    uint8_t *host;
    gpa at;
};
bool virtq_locate(const struct virtq_chain *chain, size_t offset, struct virtq_byte *out) NODISCARD; /* false: past the end */
void virtq_poke(struct virtio_device *device, const struct virtq_byte *byte, uint8_t value);

/* Used entries: fill some at 0, 1, ... and publish them at once, then let signal interrupt the driver if it wants that. */
void virtq_fill(struct virtio_device *device, struct virtq *queue, unsigned at, uint16_t head, uint32_t written);
void virtq_publish(struct virtio_device *device, struct virtq *queue, unsigned count);
void virtq_signal(struct virtio_device *device, struct virtq *queue);
void virtq_push(struct virtio_device *device, struct virtq *queue, uint16_t head, uint32_t written); /* one entry: fill, publish */
