/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A network card with a driver's rings, for the tests of the device and of the user network. */
#pragma once
#include "device/virtio/net.h"
#include "device_virtio_rig.h"
#include <stdlib.h>

#define F_CSUM   (1ull << 0)
#define F_GCSUM  (1ull << 1)
#define F_MTU    (1ull << 3)
#define F_MAC    (1ull << 5)
#define F_GTSO4  (1ull << 7)
#define F_MRG    (1ull << 15)
#define F_STATUS (1ull << 16)
#define F_COMMON (F_VERSION1 | F_MAC | F_STATUS)
enum { HDR = 12, RX = 0, TX = 1, BUFFERS = 64, BUFFER = 2048 };

struct fake;

struct fixture {
    struct rig rig;
    struct fake *fake; /* the test's own backend; NULL: another */
    bool freed;
    struct ring rx, tx;
    gpa buffers;
    uint32_t buffer_len;
};

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 1, 2, 3};

static inline int plug(struct fixture *f, struct net_backend *backend, struct err *err)
{
    struct virtio_device *device;
    struct device_env env = rig_env(&f->rig);
    struct virtio_net_config config = {.id = "net0", .take_backend = backend, .mtu = 1400};
    memcpy(config.mac, guest_mac, 6);
    int rc = virtio_net_new(&device, &env, &config, err);
    if (!rc)
        rig_plug(&f->rig, device);
    return rc;
}

static inline void add_buffer(struct fixture *f, unsigned i)
{
    ring_add(&f->rx, &(struct piece){f->buffers + (uint64_t)i * BUFFER, f->buffer_len}, 0, 1);
}

static inline void start(struct fixture *f, uint64_t features, unsigned buffers, uint32_t buffer_len)
{
    assert_true(rig_negotiate(&f->rig, features));
    ring_open(&f->rx, &f->rig, RX, BUFFERS, features);
    ring_open(&f->tx, &f->rig, TX, BUFFERS, features);
    f->buffers = rig_alloc(&f->rig, BUFFERS * BUFFER);
    f->buffer_len = buffer_len;
    for (unsigned i = 0; i < buffers; i++)
        add_buffer(f, i);
    rig_driver_ok(&f->rig);
    ring_kick(&f->rx);
}

static inline void send_frame(struct fixture *f, const void *frame, size_t len)
{
    uint16_t head;
    uint32_t used;
    gpa at = rig_alloc(&f->rig, HDR + len);
    memcpy((uint8_t *)rig_at(&f->rig, at) + HDR, frame, len);
    uint32_t cut = len > 20 ? 20 : 1;
    struct piece pieces[] = {{at, 7}, {at + 7, HDR - 7}, {at + HDR, cut}, {at + HDR + cut, (uint32_t)len - cut}};
    ring_add(&f->tx, pieces, 4, 0);
    ring_kick(&f->tx);
    ring_wait(&f->tx, &head, &used);
    assert_int_equal(used, 0);
}

/* One frame from the receive queue into out; its length. Buffers are given back to the device. */
static inline size_t receive_frame(struct fixture *f, uint8_t *out, unsigned *buffers)
{
    uint16_t head;
    uint32_t used;
    size_t len = 0;
    unsigned n = 1;
    for (unsigned i = 0; i < n; i++) {
        if (i) /* all of a merged frame appear at once */
            assert_true(ring_used(&f->rx, &head, &used));
        else
            ring_wait(&f->rx, &head, &used);
        const uint8_t *desc = rig_at(&f->rig, f->rx.desc + 16u * head), *b = rig_at(&f->rig, le64_get(desc));
        if (!i) {
            n = le16_get(b + 10);
            assert_true(n >= 1 && n <= BUFFERS);
        }
        unsigned skip = i ? 0 : HDR;
        memcpy(out + len, b + skip, used - skip);
        len += used - skip;
        ring_offer(&f->rx, head);
    }
    ring_kick(&f->rx);
    if (buffers)
        *buffers = n;
    return len;
}
