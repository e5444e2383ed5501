/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio network device: see net.h. Both queues are handled on the loop, where the backend lives, with the device's lock: a backend
 * may answer a frame from within send. A frame is copied out of guest memory before anyone looks at it, so the guest cannot change it
 * under a parser's eyes.
 */
#include "device/virtio/net.h"
#include "base/bits.h"
#include "device/virtio/iov.h"
#include <stdlib.h>

/* features, section 5.1.3 */
enum {
    F_CSUM = 0,
    F_GUEST_CSUM = 1,
    F_MTU = 3,
    F_MAC = 5,
    F_GUEST_TSO4 = 7,
    F_GUEST_TSO6 = 8,
    F_GUEST_ECN = 9,
    F_HOST_TSO4 = 11,
    F_HOST_TSO6 = 12,
    F_HOST_ECN = 13,
    F_MRG_RXBUF = 15,
    F_STATUS = 16,
};
enum { C_mac = 0, C_status = 6, C_mtu = 10, C_end = 12, LINK_UP = 1 };
enum { Q_receive, Q_transmit, QUEUES };
enum { QUEUE_SIZE = 256, TX_BATCH = 64 /* frames with the lock held */, RX_CHAINS = 64 /* of one frame */, HDR_NUM_BUFFERS = 10 };

struct net {
    struct virtio_device virtio;
    struct net_backend *backend;
    bool link_up;
    uint8_t frame[NET_HEADER + NET_FRAME_MAX];  /* on its way out */
    uint8_t merged[NET_HEADER + NET_FRAME_MAX]; /* on its way in */
};

static const struct virtio_feature features[] = {
    {F_CSUM, -1, "CSUM"},
    {F_GUEST_CSUM, -1, "GUEST_CSUM"},
    {F_MTU, -1, "MTU"},
    {F_MAC, -1, "MAC"},
    {F_GUEST_TSO4, F_GUEST_CSUM, "GUEST_TSO4"},
    {F_GUEST_TSO6, F_GUEST_CSUM, "GUEST_TSO6"},
    {F_GUEST_ECN, -1, "GUEST_ECN"},
    {F_HOST_TSO4, F_CSUM, "HOST_TSO4"},
    {F_HOST_TSO6, F_CSUM, "HOST_TSO6"},
    {F_HOST_ECN, -1, "HOST_ECN"},
    {F_MRG_RXBUF, -1, "MRG_RXBUF"},
    {F_STATUS, -1, "STATUS"},
};

static const struct offload { /* what a backend can do, as the two directions' feature bits */
    uint8_t offload, host, guest;
} offloads[] = {
    {NET_OFFLOAD_csum, F_CSUM, F_GUEST_CSUM},
    {NET_OFFLOAD_tso4, F_HOST_TSO4, F_GUEST_TSO4},
    {NET_OFFLOAD_tso6, F_HOST_TSO6, F_GUEST_TSO6},
    {NET_OFFLOAD_ecn, F_HOST_ECN, F_GUEST_ECN},
};

/* ---- out ---- */

/* One chain: header and frame. Frames that cannot be one are dropped, as a cable would. */
static void send_chain(struct net *net, const struct virtq_chain *c)
{
    struct virtio_device *v = &net->virtio;
    size_t len = c->out_len;
    if (len <= NET_HEADER || len > sizeof net->frame) {
        log_guest(v->device.log, v->device.id, "a frame of %zu bytes with its header was dropped", len);
        return;
    }
    iov_read(virtq_out(c), c->nout, 0, net->frame, len);
    if (!net->link_up)
        return;
    if (!net->backend->header) {
        net->backend->ops->send(net->backend, net->frame + NET_HEADER, len - NET_HEADER);
        return;
    }
    if (!virtio_has(v, F_CSUM)) /* else flags and sizes of a segment that the driver may not ask for */
        memset(net->frame, 0, NET_HEADER);
    le16_put(net->frame + HDR_NUM_BUFFERS, 0);
    net->backend->ops->send(net->backend, net->frame, len);
}

static bool transmit(struct net *net)
{
    struct virtio_device *v = &net->virtio;
    struct virtq *q = &v->queues[Q_transmit];
    bool more = true;
    for (unsigned i = 0; i < TX_BATCH && (more = virtq_pop(v, q, &v->chain)); i++) {
        uint16_t head = v->chain.head;
        send_chain(net, &v->chain); /* may receive, which uses v->chain */
        virtq_push(v, q, head, 0);
    }
    virtq_signal(v, q);
    return more;
}

/* ---- in: called by the backend, lock held ---- */

static bool rx_ready(void *dev)
{
    struct virtio_device *v = dev;
    return virtio_running(v) && virtq_pending(v, &v->queues[Q_receive]);
}

/* merged[0..len) into one chain or, with MRG_RXBUF, several, which appear to the driver all at once. false: more buffers are needed. */
static bool deliver(struct net *net, size_t len)
{
    struct virtio_device *v = &net->virtio;
    struct virtq *q = &v->queues[Q_receive];
    struct virtq_chain *c = &v->chain;
    unsigned max = virtio_has(v, F_MRG_RXBUF) ? RX_CHAINS : 1, count = 0;
    struct virtq_byte num_buffers = {NULL, 0};
    size_t done = 0;
    while (done < len && count < max && virtq_pop(v, q, c)) {
        if (!count && !virtq_locate(c, HDR_NUM_BUFFERS, &num_buffers)) {
            virtio_bad(v, "a receive buffer of %zu bytes", c->in_len);
            return true;
        }
        size_t part = virtq_write(v, c, 0, net->merged + done, len - done);
        virtq_fill(v, q, count++, c->head, (uint32_t)part);
        done += part;
    }
    if (v->status & VIRTIO_NEEDS_RESET)
        return true;
    if (done < len) {
        virtq_unpop(q, count);
        if (count < max)
            return false;
        log_guest(v->device.log, v->device.id, "a frame of %zu bytes does not fit the driver's %u buffers", len - NET_HEADER, count);
        return true;
    }
    virtq_poke(v, &num_buffers, (uint8_t)count); /* at most RX_CHAINS; its high byte is 0 already */
    virtq_publish(v, q, count);
    virtq_signal(v, q);
    return true;
}

static bool rx_receive(void *dev, const void *frame, size_t len)
{
    struct virtio_device *v = dev;
    struct net *net = dev;
    size_t header = net->backend->header ? NET_HEADER : 0;
    if (v->paused && (v->status & VIRTIO_DRIVER_OK))
        return false;
    if (!virtio_running(v) || !net->link_up || len <= header || len - header > NET_FRAME_MAX)
        return true; /* nobody listens */
    memset(net->merged, 0, NET_HEADER);
    memcpy(net->merged + NET_HEADER - header, frame, len);
    if (!virtio_has(v, F_GUEST_CSUM))
        memset(net->merged, 0, HDR_NUM_BUFFERS);
    le16_put(net->merged + HDR_NUM_BUFFERS, 0);
    return deliver(net, len - header + NET_HEADER);
}

/* ---- the driver ---- */

static bool net_notify(struct virtio_device *v, unsigned queue)
{
    struct net *net = (struct net *)v;
    if (queue == Q_transmit)
        return transmit(net);
    net->backend->ops->poke(net->backend);
    return false;
}

static void net_start(struct virtio_device *v)
{
    struct net *net = (struct net *)v;
    unsigned wanted = 0;
    for (size_t i = 0; i < ARRAY_LEN(offloads); i++)
        wanted |= virtio_has(v, offloads[i].guest) ? offloads[i].offload : 0;
    if (net->backend->ops->offload)
        net->backend->ops->offload(net->backend, wanted);
}

static void net_free_device(void *self)
{
    struct net *net = self;
    virtio_stop(&net->virtio);
    net_free(net->backend);
    virtio_fini(&net->virtio);
    free(net);
}

static int net_after_load(void *self)
{
    int rc = virtio_after_load(self);
    struct virtio_device *v = self;
    if (!rc && (v->status & VIRTIO_DRIVER_OK))
        net_start(v);
    return rc;
}

static const struct virtio_kind net_kind = {
    .id = VIRTIO_ID_net,
    .queues = QUEUES,
    .queue_size = QUEUE_SIZE,
    .config_size = C_end,
    .features = features,
    .nfeatures = ARRAY_LEN(features),
    .on_loop = true,
    .start = net_start,
    .notify = net_notify,
};

static const struct state_field net_fields[] = {VIRTIO_STATE};
static const struct state_desc net_state = {"virtio-net", net_fields, ARRAY_LEN(net_fields), net_after_load};

const struct device_class virtio_net_class = {
    .name = "virtio-net",
    .doc = "network card (virtio network device)",
    .state = &net_state,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .free = net_free_device,
};

static uint64_t net_features(const struct virtio_net_config *config)
{
    uint64_t f = 1ull << F_MAC | 1ull << F_MRG_RXBUF | 1ull << F_STATUS | (uint64_t)(config->mtu != 0) << F_MTU;
    for (size_t i = 0; i < ARRAY_LEN(offloads); i++)
        if (config->take_backend->header && (config->take_backend->offloads & offloads[i].offload))
            f |= 1ull << offloads[i].host | 1ull << offloads[i].guest;
    return f;
}

int virtio_net_new(struct virtio_device **out, const struct device_env *env, const struct virtio_net_config *config, struct err *err)
{
    struct net *net = calloc(1, sizeof *net);
    if (!net)
        return err_set(err, STATUS_resource, "%s: out of memory", config->id);
    struct virtio_device *v = &net->virtio;
    virtio_init(v, &net_kind, &virtio_net_class, config->id, env, net_features(config));
    net->backend = config->take_backend;
    net->link_up = true;
    memcpy(v->config + C_mac, config->mac, NET_MAC);
    le16_put(v->config + C_status, LINK_UP);
    le16_put(v->config + C_mtu, config->mtu);
    struct net_port port = {env->loop, &v->device.lock, env->log, config->id, rx_ready, rx_receive, net};
    int rc = net->backend->ops->connect(net->backend, &port, err);
    if (rc) {
        virtio_fini(v);
        free(net);
        err_prefix(err, "%s", config->id);
        return rc;
    }
    *out = v;
    return 0;
}

void virtio_net_link(struct virtio_device *v, bool up)
{
    struct net *net = (struct net *)v;
    os_mutex_lock(&v->device.lock);
    if (net->link_up != up) {
        net->link_up = up;
        le16_put(v->config + C_status, up ? LINK_UP : 0);
        virtio_config_changed(v);
    }
    os_mutex_unlock(&v->device.lock);
}
