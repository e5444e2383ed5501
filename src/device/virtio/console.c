/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio console: see console.h. Input goes straight into the driver's buffers; the backend keeps what finds no room. Output that the
 * backend does not take stays in its chain: the chain is taken again, from where it stopped, when a timer fires.
 */
#include "device/virtio/console.h"
#include "base/bits.h"
#include "device/virtio/iov.h"
#include <stdlib.h>

enum { F_SIZE = 0, F_EMERG_WRITE = 2 };
enum { C_cols = 0, C_rows = 2, C_max_ports = 4, C_emerg = 8, C_end = 12 };
enum { Q_receive, Q_transmit, QUEUES };
enum { QUEUE_SIZE = 128, TX_BUFFER = 4096, TX_CHAINS = 64, TX_BYTES = 1 << 16 }; /* the last two: of one call */
#define TX_RETRY_NS 10000000ull

struct console {
    struct virtio_device virtio;
    struct char_backend *backend;
    struct os_timer *retry; /* the backend took less than all */
    uint32_t sent;          /* bytes of the transmit queue's next chain that are through already */
};

/* ---- output ---- */

enum sent { SENT_ALL, SENT_BUDGET, SENT_FULL /* the backend takes no more for now */ };

static enum sent send_chain(struct console *con, const struct virtq_chain *c, size_t *budget)
{
    uint8_t buf[TX_BUFFER];
    while (con->sent < c->out_len) {
        if (!*budget)
            return SENT_BUDGET;
        size_t len = iov_read(virtq_out(c), c->nout, con->sent, buf, sizeof buf < *budget ? sizeof buf : *budget);
        size_t took = con->backend->write(con->backend->self, buf, len);
        con->sent += (uint32_t)took;
        *budget -= took;
        if (took < len)
            return SENT_FULL;
    }
    return SENT_ALL;
}

static bool transmit(struct console *con)
{
    struct virtio_device *v = &con->virtio;
    struct virtq *q = &v->queues[Q_transmit];
    size_t budget = TX_BYTES;
    enum sent sent = SENT_ALL;
    bool empty = false;
    for (unsigned i = 0; i < TX_CHAINS && sent == SENT_ALL; i++) {
        empty = !virtq_pop(v, q, &v->chain);
        if (empty)
            break;
        sent = send_chain(con, &v->chain, &budget);
        if (sent != SENT_ALL) {
            virtq_unpop(q, 1);
            break;
        }
        con->sent = 0;
        virtq_push(v, q, v->chain.head, 0);
    }
    virtq_signal(v, q);
    if (sent == SENT_FULL)
        os_timer_set(con->retry, os_clock_ns() + TX_RETRY_NS);
    return !empty && sent != SENT_FULL;
}

static void retry(void *arg)
{
    struct console *con = arg;
    virtio_defer(&con->virtio, Q_transmit);
}

static bool emergency_write(struct virtio_device *v, unsigned offset, unsigned len, uint32_t value)
{
    struct console *con = (struct console *)v;
    uint8_t c = (uint8_t)value;
    if (offset != C_emerg || (len != 4 && len != 1))
        return false;
    con->backend->write(con->backend->self, &c, 1); /* allowed before the driver has set up anything; section 5.3.4 */
    return true;
}

/* ---- input: on the loop, lock held ---- */

static size_t input_room(void *dev)
{
    struct virtio_device *v = dev;
    struct virtq *q = &v->queues[Q_receive];
    if (!virtio_running(v) || !virtq_pop(v, q, &v->chain))
        return 0;
    virtq_unpop(q, 1);
    if (!v->chain.in_len) { /* useless, and would be in the way for ever */
        virtio_bad(v, "a receive buffer without room");
        return 0;
    }
    return v->chain.in_len;
}

static void input(void *dev, const void *buf, size_t len)
{
    struct virtio_device *v = dev;
    struct virtq *q = &v->queues[Q_receive];
    const uint8_t *from = buf;
    while (len && virtio_running(v) && virtq_pop(v, q, &v->chain)) {
        size_t took = virtq_write(v, &v->chain, 0, from, len);
        virtq_push(v, q, v->chain.head, (uint32_t)took);
        from += took;
        len -= took;
        if (!took)
            break;
    }
    virtq_signal(v, q);
}

static bool console_notify(struct virtio_device *v, unsigned queue)
{
    struct console *con = (struct console *)v;
    if (queue == Q_transmit)
        return transmit(con);
    con->backend->poke(con->backend->self);
    return false;
}

/* ---- life ---- */

static void console_start(struct virtio_device *v) { ((struct console *)v)->sent = 0; }

static void console_free(void *self)
{
    struct console *con = self;
    virtio_stop(&con->virtio);
    con->backend->disconnect(con->backend->self);
    os_timer_free(con->retry);
    virtio_fini(&con->virtio);
    free(con);
}

static const struct virtio_feature features[] = {{F_SIZE, -1, "SIZE"}, {F_EMERG_WRITE, -1, "EMERG_WRITE"}};

static const struct virtio_kind console_kind = {
    .id = VIRTIO_ID_console,
    .queues = QUEUES,
    .queue_size = QUEUE_SIZE,
    .config_size = C_end,
    .features = features,
    .nfeatures = ARRAY_LEN(features),
    .start = console_start,
    .notify = console_notify,
    .config_write = emergency_write,
};

static const struct state_field console_fields[] = {VIRTIO_STATE, STATE_FIELD(200, struct console, sent, u32, 1)};
static const struct state_desc console_state = {"virtio-console", console_fields, ARRAY_LEN(console_fields), virtio_after_load};

const struct device_class virtio_console_class = {
    .name = "virtio-console",
    .doc = "console (virtio console with a single port)",
    .state = &console_state,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .free = console_free,
};

int virtio_console_new(struct virtio_device **out, const struct device_env *env, const struct virtio_console_config *config,
                       struct err *err)
{
    struct console *con = calloc(1, sizeof *con);
    if (!con)
        return err_set(err, STATUS_resource, "%s: out of memory", config->id);
    virtio_init(&con->virtio, &console_kind, &virtio_console_class, config->id, env, 1u << F_SIZE | 1u << F_EMERG_WRITE);
    con->backend = config->backend;
    le16_put(con->virtio.config + C_cols, config->columns);
    le16_put(con->virtio.config + C_rows, config->rows);
    le32_put(con->virtio.config + C_max_ports, 1);
    int rc = os_timer_new(&con->retry, env->loop, &con->virtio.device.lock, retry, con);
    if (rc) {
        virtio_fini(&con->virtio);
        free(con);
        return err_set(err, STATUS_resource, "%s: out of memory", config->id);
    }
    con->backend->connect(con->backend->self, env->loop, &con->virtio.device.lock, input_room, input, con);
    *out = &con->virtio;
    return 0;
}

void virtio_console_resize(struct virtio_device *v, uint16_t columns, uint16_t rows)
{
    os_mutex_lock(&v->device.lock);
    if (le16_get(v->config + C_cols) != columns || le16_get(v->config + C_rows) != rows) {
        le16_put(v->config + C_cols, columns);
        le16_put(v->config + C_rows, rows);
        virtio_config_changed(v);
    }
    os_mutex_unlock(&v->device.lock);
}
