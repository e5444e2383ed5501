/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Requests of the virtio block device: taken from the queue with the device's lock held, run on the thread pool straight from and to
 * guest memory, given back on the loop. Whoever moves a request's phase from BLK_QUEUED to BLK_RUNNING runs it: a thread of the pool, or
 * blk_quiesce, which so never waits for more than what is running at that moment.
 */
#include "base/bits.h"
#include "device/virtio/blk_impl.h"
#include "device/virtio/iov.h"
#include <errno.h>
#include <stdlib.h>

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 }; /* section 5.2.6 */
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER = 16, RANGE = 16, RANGE_UNMAP = 1 }; /* bytes; flag */
enum { SLICE_PIECES = 64, SLICE_BYTES = 4 << 20 }; /* what a dropped transfer may still do */

enum phase { BLK_QUEUED, BLK_RUNNING, BLK_RAN };

struct range {
    uint64_t offset, len; /* bytes */
    bool unmap;
};

/* A chain as a request. */
struct parsed {
    uint32_t type;
    uint64_t sector;
    size_t out_len, in_len; /* data, without header and status */
    uint16_t head;
    struct virtq_byte status;
};

struct blk_request {
    struct blk *blk;
    struct parsed p;
    struct blk_request *prev, *next; /* in flight */
    _Atomic int phase;
    _Atomic bool stop; /* dropped: end early */
    bool given_back;   /* or dropped; the pool is the last that knows it */
    bool through;      /* a flush follows the write */
    uint8_t status;
    uint64_t offset;  /* on the disk */
    size_t len;       /* of the data */
    unsigned npieces; /* of the data */
    unsigned nranges;
    struct range *ranges;
    gpa *at;            /* of each piece */
    struct iovec iov[]; /* data; behind it at[] and ranges[] */
};

/* ---- running: any thread, no lock ---- */

static int run_transfer(struct blk_request *r)
{
    struct block_backend *backend = r->blk->backend;
    struct iovec slice[SLICE_PIECES];
    /* first and skip: where the next slice begins, so that a request of many pieces is walked once */
    unsigned first = 0;
    size_t skip = 0, got;
    for (size_t done = 0; done < r->len && !atomic_load(&r->stop); done += got) {
        unsigned n = iov_slice(r->iov + first, r->npieces - first, skip, SLICE_BYTES, slice, SLICE_PIECES, &got);
        int rc = backend->ops->transfer(backend, r->p.type == T_OUT, r->offset + done, slice, n);
        if (rc)
            return rc;
        for (skip += got; first < r->npieces && skip >= r->iov[first].iov_len; first++)
            skip -= r->iov[first].iov_len;
    }
    return r->through ? backend->ops->flush(backend) : 0;
}

static int run_ranges(struct blk_request *r)
{
    struct block_backend *backend = r->blk->backend;
    int rc = 0;
    for (struct range *range = r->ranges; range < r->ranges + r->nranges && !rc && !atomic_load(&r->stop); range++)
        rc = r->p.type == T_DISCARD ? backend->ops->discard(backend, range->offset, range->len)
                                    : backend->ops->zero(backend, range->offset, range->len, range->unmap);
    return !rc && r->through ? backend->ops->flush(backend) : rc;
}

static void run(struct blk_request *r)
{
    struct blk *blk = r->blk;
    int rc;
    if (r->p.type == T_IN || r->p.type == T_OUT)
        rc = run_transfer(r);
    else if (r->p.type == T_FLUSH)
        rc = blk->backend->ops->flush(blk->backend);
    else
        rc = run_ranges(r);
    r->status = rc ? S_IOERR : S_OK;
    if (rc && atomic_fetch_add(&blk->errors, 1) < 10)
        log_write(blk->virtio.device.log, LOG_error, blk->virtio.device.id, "request type %u at byte %llu of the disk: %s", r->p.type,
                  (unsigned long long)r->offset, strerror(-rc));
}

/* Runs it if nobody else has begun to. */
static void run_once(struct blk_request *r, bool dropped)
{
    struct blk *blk = r->blk;
    int queued = BLK_QUEUED;
    if (!atomic_compare_exchange_strong(&r->phase, &queued, BLK_RUNNING))
        return;
    if (!dropped)
        run(r);
    os_mutex_lock(&blk->run_lock);
    atomic_store(&r->phase, BLK_RAN);
    os_cond_broadcast(&blk->ran);
    os_mutex_unlock(&blk->run_lock);
}

static void work(void *arg) { run_once(arg, false); }

/* ---- giving back ---- */

static void unlist(struct blk_request *r)
{
    *(r->prev ? &r->prev->next : &r->blk->inflight) = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->given_back = true;
}

/* The status, and the used entry: it counts what was written from the beginning on, so the status only if no data is missing. */
static void finish(struct blk *blk, const struct parsed *p, uint8_t status, size_t data_written)
{
    struct virtio_device *v = &blk->virtio;
    virtq_poke(v, &p->status, status);
    virtq_push(v, &v->queues[0], p->head, (uint32_t)data_written + (data_written == p->in_len));
}

static void give_back(struct blk_request *r)
{
    struct blk *blk = r->blk;
    bool in = r->p.type == T_IN;
    for (unsigned i = 0; in && i < r->npieces; i++)
        mem_note_write(blk->virtio.device.space, r->at[i], r->iov[i].iov_len);
    unlist(r);
    finish(blk, &r->p, r->status, in && r->status == S_OK ? r->len : 0);
}

static void done(void *arg)
{
    struct blk_request *r = arg;
    struct blk *blk = r->blk;
    struct virtio_device *v = &blk->virtio;
    if (!r->given_back) {
        give_back(r);
        virtq_signal(v, &v->queues[0]);
    }
    free(r);
    if (!--blk->jobs)
        os_cond_signal(&blk->no_jobs);
    if (blk->starved && virtio_running(v) && v->queues[0].ready) {
        if (blk_notify(v, 0))
            virtio_defer(v, 0);
    }
}

void blk_quiesce(struct virtio_device *v, bool drop)
{
    struct blk *blk = (struct blk *)v;
    for (struct blk_request *r = blk->inflight; r; r = r->next) {
        if (drop)
            atomic_store(&r->stop, true);
        run_once(r, drop);
    }
    os_mutex_lock(&blk->run_lock);
    for (struct blk_request *r = blk->inflight; r; r = r->next)
        while (atomic_load(&r->phase) != BLK_RAN)
            os_cond_wait(&blk->ran, &blk->run_lock);
    os_mutex_unlock(&blk->run_lock);
    while (blk->inflight) {
        if (drop)
            unlist(blk->inflight);
        else
            give_back(blk->inflight);
    }
    if (!drop)
        virtq_signal(v, &v->queues[0]);
}

/* ---- taking ---- */

/* The pieces of [offset, offset+len) of n pieces with their guest addresses; returns how many. out and at have room for n. */
static unsigned cut(const struct iovec *iov, const gpa *from, unsigned n, size_t offset, size_t len, struct iovec *out, gpa *at)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n && len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = iov[i].iov_len - offset < len ? iov[i].iov_len - offset : len;
        out[count] = (struct iovec){(uint8_t *)iov[i].iov_base + offset, part};
        at[count++] = from[i] + offset;
        len -= part;
        offset = 0;
    }
    return count;
}

static bool parse(struct virtio_device *v, const struct virtq_chain *c, struct parsed *p)
{
    uint8_t header[HEADER];
    if (c->in_len < 1 || iov_read(virtq_out(c), c->nout, 0, header, HEADER) != HEADER) {
        virtio_bad(v, "a request with %zu bytes to read and %zu to write: its header and status do not fit", c->out_len, c->in_len);
        return false;
    }
    p->head = c->head;
    p->type = le32_get(header);
    p->sector = le64_get(header + 8);
    p->out_len = c->out_len - HEADER;
    p->in_len = c->in_len - 1;
    return virtq_locate(c, p->in_len, &p->status);
}

/* Bytes len from a sector on lie on the disk, in whole sectors? */
static bool on_disk(const struct blk *blk, uint64_t sector, uint64_t len)
{
    uint64_t size = blk->backend->size;
    return len % BLOCK_SECTOR == 0 && sector <= size / BLOCK_SECTOR && len <= size - sector * BLOCK_SECTOR;
}

/* Discard and write zeroes: section 5.2.6.2 says when each status is due. */
static uint8_t parse_ranges(struct blk *blk, const struct virtq_chain *c, const struct parsed *p, struct blk_request *r)
{
    bool discard = p->type == T_DISCARD;
    uint32_t max = discard ? BLK_DISCARD_SECTORS : BLK_ZERO_SECTORS;
    if (!p->out_len || p->out_len % RANGE || p->out_len / RANGE > BLK_RANGES)
        return S_IOERR;
    r->nranges = (unsigned)(p->out_len / RANGE);
    for (unsigned i = 0; i < r->nranges; i++) {
        uint8_t raw[RANGE];
        iov_read(virtq_out(c), c->nout, HEADER + (size_t)RANGE * i, raw, RANGE);
        uint64_t sector = le64_get(raw), len = (uint64_t)le32_get(raw + 8) * BLOCK_SECTOR;
        uint32_t flags = le32_get(raw + 12);
        if (flags & ~(discard ? 0u : (uint32_t)RANGE_UNMAP))
            return S_UNSUPP;
        if (le32_get(raw + 8) > max || !on_disk(blk, sector, len))
            return S_IOERR;
        r->ranges[i] = (struct range){sector * BLOCK_SECTOR, len, flags & RANGE_UNMAP};
    }
    return S_OK;
}

/* May a request of this kind be made at all? S_OK: yes. */
static uint8_t check(const struct blk *blk, const struct parsed *p)
{
    const struct virtio_device *v = &blk->virtio;
    switch (p->type) {
    case T_FLUSH: return S_OK;
    case T_IN: return on_disk(blk, p->sector, p->in_len) ? S_OK : S_IOERR;
    case T_OUT: return !blk->backend->read_only && on_disk(blk, p->sector, p->out_len) ? S_OK : S_IOERR;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        if (!virtio_has(v, p->type == T_DISCARD ? BLK_F_DISCARD : BLK_F_WRITE_ZEROES))
            return blk->backend->read_only ? S_IOERR : S_UNSUPP;
        return S_OK;
    default: return S_UNSUPP;
    }
}

static struct blk_request *request_new(struct blk *blk, const struct virtq_chain *c, const struct parsed *p)
{
    bool in = p->type == T_IN, data = in || p->type == T_OUT;
    unsigned n = !data ? 0 : in ? c->nin : c->nout;
    bool ranges = p->type == T_DISCARD || p->type == T_WRITE_ZEROES;
    size_t size = sizeof(struct blk_request) + n * (sizeof(struct iovec) + sizeof(gpa)) + (ranges ? BLK_RANGES * sizeof(struct range) : 0);
    struct blk_request *r = calloc(1, size);
    if (!r)
        return NULL;
    r->blk = blk;
    r->p = *p;
    r->at = (gpa *)(void *)(r->iov + n);
    r->ranges = (struct range *)(void *)(r->at + n);
    if (data) {
        r->offset = p->sector * BLOCK_SECTOR;
        r->len = in ? p->in_len : p->out_len;
        r->npieces = in ? cut(virtq_in(c), c->at + c->nout, c->nin, 0, r->len, r->iov, r->at)
                        : cut(virtq_out(c), c->at, c->nout, HEADER, r->len, r->iov, r->at);
    }
    r->through = !blk->writeback && p->type != T_IN && p->type != T_FLUSH;
    return r;
}

static void submit(struct blk_request *r)
{
    struct blk *blk = r->blk;
    r->next = blk->inflight;
    if (r->next)
        r->next->prev = r;
    blk->inflight = r;
    if (!os_work_submit(blk->virtio.device.loop, &blk->virtio.device.lock, work, done, r)) {
        blk->jobs++;
        return;
    }
    run_once(r, false); /* no memory for a job: here and now */
    give_back(r);
    free(r);
}

static void take(struct blk *blk, const struct virtq_chain *c)
{
    struct virtio_device *v = &blk->virtio;
    struct parsed p;
    if (!parse(v, c, &p))
        return;
    if (p.type == T_GET_ID) {
        size_t written = virtq_write(v, c, 0, blk->serial, p.in_len < sizeof blk->serial ? p.in_len : sizeof blk->serial);
        finish(blk, &p, p.in_len < sizeof blk->serial ? S_IOERR : S_OK, written);
        return;
    }
    uint8_t status = check(blk, &p);
    struct blk_request *r = status ? NULL : request_new(blk, c, &p);
    if (!status && !r)
        status = S_IOERR; /* out of memory */
    if (!status && (p.type == T_DISCARD || p.type == T_WRITE_ZEROES))
        status = parse_ranges(blk, c, &p, r);
    if (!status) {
        submit(r);
        return;
    }
    free(r);
    finish(blk, &p, status, 0);
}

bool blk_notify(struct virtio_device *v, unsigned queue)
{
    struct blk *blk = (struct blk *)v;
    (void)queue;
    for (unsigned i = 0; i < BLK_QUEUE_SIZE; i++) {
        blk->starved = blk->jobs >= BLK_QUEUE_SIZE;
        if (blk->starved || !virtq_pop(v, &v->queues[0], &v->chain)) {
            virtq_signal(v, &v->queues[0]);
            return false;
        }
        take(blk, &v->chain);
    }
    virtq_signal(v, &v->queues[0]);
    return true;
}
