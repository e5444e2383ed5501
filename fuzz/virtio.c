/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A driver that means harm: virtio block, network, console and random-number devices behind the mmio transport. The first byte chooses
 * the device; then come commands of 8 bytes: a write of a register, of memory where the rings lie, or a chain offered to a queue. The
 * queues and some sound chains are set up before, so that most inputs reach the devices.
 */
#include "base/bits.h"
#include "device/virtio/blk.h"
#include "device/virtio/console.h"
#include "device/virtio/mmio.h"
#include "device/virtio/net.h"
#include "device/virtio/rng.h"
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define RAM    0x80000000ull
#define WINDOW 0x10001000ull
enum { RAM_SIZE = 1 << 16, DISK_SIZE = 1 << 16, COMMANDS = 512 };
enum { DESC = 0, AVAIL = 0x400, USED = 0x800, INDIRECT = 0xc00, QUEUE = 0x1000, ENTRIES = 8, QUEUES = 2 }; /* queue n: n * QUEUE from RAM */
enum { BUFFERS = 0x8000, BUFFER = 0x400 };
/* registers, virtio 1.2 table 4.1 */
enum {
    R_DRIVER_FEATURES = 0x20,
    R_DRIVER_FEATURES_SEL = 0x24,
    R_QUEUE_SEL = 0x30,
    R_QUEUE_NUM = 0x38,
    R_QUEUE_READY = 0x44,
    R_NOTIFY = 0x50,
    R_STATUS = 0x70,
    R_DESC = 0x80,
    R_AVAIL = 0x90,
    R_USED = 0xa0,
};

/* ---- a disk in memory ---- */
struct disk {
    struct block_backend backend;
    uint8_t bytes[DISK_SIZE];
};

static int disk_transfer(struct block_backend *backend, bool write, uint64_t offset, const struct iovec *iov, unsigned n)
{
    struct disk *disk = CONTAINER_OF(backend, struct disk, backend);

    for (unsigned i = 0; i < n; offset += iov[i++].iov_len) {
        if (offset > DISK_SIZE || iov[i].iov_len > DISK_SIZE - offset)
            abort(); /* the device promised to stay inside */
        if (write)
            memcpy(disk->bytes + offset, iov[i].iov_base, iov[i].iov_len);
        else
            memcpy(iov[i].iov_base, disk->bytes + offset, iov[i].iov_len);
    }
    return 0;
}

static int disk_flush(struct block_backend *backend)
{
    (void)backend;
    return 0;
}

static int disk_range(struct block_backend *backend, uint64_t offset, uint64_t len)
{
    (void)backend;
    if (offset > DISK_SIZE || len > DISK_SIZE - offset)
        abort();
    return 0;
}

static int disk_zero(struct block_backend *backend, uint64_t offset, uint64_t len, bool unmap)
{
    (void)unmap;
    return disk_range(backend, offset, len);
}

static void disk_free(struct block_backend *backend) { free(CONTAINER_OF(backend, struct disk, backend)); }

static const struct block_ops disk_ops = {disk_transfer, disk_flush, disk_range, disk_zero, disk_free};

static struct block_backend *disk_new(void)
{
    struct disk *disk = calloc(1, sizeof *disk);

    if (!disk)
        abort();
    disk->backend = (struct block_backend){&disk_ops, DISK_SIZE, false};
    return &disk->backend;
}

/* ---- a terminal that takes a part of what it gets, and types whenever there is room ---- */
struct tty {
    struct char_backend backend;
    size_t (*room)(void *dev);
    void (*receive)(void *dev, const void *buf, size_t len);
    void *dev;
};

static size_t tty_write(void *self, const void *buf, size_t len)
{
    (void)self, (void)buf;
    return len > 700 ? 700 : len;
}

static void tty_connect(void *self, struct os_loop *loop, struct os_mutex *lock, size_t (*room)(void *dev),
                        void (*receive)(void *dev, const void *buf, size_t len), void *dev)
{
    struct tty *tty = self;
    (void)loop, (void)lock;
    tty->room = room;
    tty->receive = receive;
    tty->dev = dev;
}

static void tty_poke(void *self)
{
    static const char keys[64] = "typed";
    struct tty *tty = self;
    size_t room = tty->room(tty->dev);

    if (room)
        tty->receive(tty->dev, keys, room < sizeof keys ? room : sizeof keys);
}

static void tty_disconnect(void *self) { (void)self; }

/* ---- a network that sends every frame back ---- */
struct wire {
    struct net_backend backend;
    struct net_port port;
};

static int wire_connect(struct net_backend *backend, const struct net_port *port, struct err *err)
{
    (void)err;
    CONTAINER_OF(backend, struct wire, backend)->port = *port;
    return 0;
}

static void wire_send(struct net_backend *backend, const void *frame, size_t len)
{
    struct wire *wire = CONTAINER_OF(backend, struct wire, backend);
    wire->port.receive(wire->port.dev, frame, len);
}

static void wire_poke(struct net_backend *backend)
{
    static const uint8_t frame[NET_HEADER + 1500];
    struct wire *wire = CONTAINER_OF(backend, struct wire, backend);

    if (wire->port.ready(wire->port.dev))
        wire->port.receive(wire->port.dev, frame, sizeof frame);
}

static void wire_offload(struct net_backend *backend, unsigned offloads) { (void)backend, (void)offloads; }
static void wire_free(struct net_backend *backend) { free(CONTAINER_OF(backend, struct wire, backend)); }

static const struct net_ops wire_ops = {wire_connect, wire_send, wire_poke, wire_offload, wire_free};

static struct net_backend *wire_new(bool header)
{
    struct wire *wire = calloc(1, sizeof *wire);

    if (!wire)
        abort();
    wire->backend = (struct net_backend){&wire_ops, header ? NET_OFFLOAD_csum | NET_OFFLOAD_tso4 : 0, header};
    return &wire->backend;
}

/* ---- random bytes that repeat ---- */
static int fill_zero(void *arg, void *buf, size_t len)
{
    (void)arg;
    memset(buf, 0, len);
    return 0;
}

static struct virtio_device *make_device(unsigned kind, const struct device_env *env, struct tty *tty)
{
    struct virtio_device *device = NULL;
    int rc;

    tty->backend = (struct char_backend){tty, tty_write, tty_connect, tty_poke, tty_disconnect};
    switch (kind % 5) {
    case 0: rc = virtio_blk_new(&device, env, &(struct virtio_blk_config){.id = "disk0", .take_backend = disk_new()}, NULL); break;
    case 1: rc = virtio_console_new(&device, env, &(struct virtio_console_config){.id = "console0", .backend = &tty->backend}, NULL); break;
    case 2: rc = virtio_rng_new(&device, env, &(struct virtio_rng_config){.id = "rng0", .fill = fill_zero}, NULL); break;
    default: rc = virtio_net_new(&device, env, &(struct virtio_net_config){.id = "net0", .take_backend = wire_new(kind % 5 == 3)}, NULL);
    }
    if (rc)
        abort();
    return device;
}

static void put(struct mem_space *space, unsigned reg, uint64_t value) { mem_store(space, WINDOW + reg, 4, value & 0xffffffff); }

static void put_desc(struct mem_space *space, uint64_t at, uint64_t buffer, uint32_t len, uint16_t flags, uint16_t next)
{
    uint8_t raw[16];

    le64_put(raw, buffer);
    le32_put(raw + 8, len);
    le16_put(raw + 12, flags);
    le16_put(raw + 14, next);
    if (!mem_write(space, RAM + at, raw, sizeof raw))
        abort();
}

/* 0-1-2: to read, to write, a byte to write (a disk request); 3: to read; 4-5: to write; 6: indirect, as 0-1-2; 7: to write. */
static void put_chains(struct mem_space *space, uint64_t queue)
{
    static const struct {
        uint32_t len;
        uint16_t flags, next;
    } rows[] = {{16, 1, 1}, {512, 3, 2}, {1, 2, 0}, {900, 0, 0}, {100, 3, 5}, {1000, 2, 0}, {48, 4, 0}, {1024, 2, 0}};

    for (uint16_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t buffer = RAM + BUFFERS + (queue + i) * BUFFER;
        put_desc(space, queue * QUEUE + DESC + 16u * i, i == 6 ? RAM + queue * QUEUE + INDIRECT : buffer, rows[i].len, rows[i].flags,
                 rows[i].next);
        if (i < 3)
            put_desc(space, queue * QUEUE + INDIRECT + 16u * i, buffer, rows[i].len, rows[i].flags, rows[i].next);
    }
}

/* As a driver starts, but with every feature accepted that can be (or, odd, few). */
static void start(struct mem_space *space, const struct virtio_device *device, bool few)
{
    uint64_t features = few ? 1ull << VIRTIO_F_VERSION_1 : device->offered;

    put(space, R_STATUS, 3);
    for (unsigned word = 0; word < 2; word++) {
        put(space, R_DRIVER_FEATURES_SEL, word);
        put(space, R_DRIVER_FEATURES, features >> 32 * word);
    }
    put(space, R_STATUS, 11);
    for (unsigned queue = 0; queue < QUEUES; queue++) {
        put_chains(space, queue);
        put(space, R_QUEUE_SEL, queue);
        put(space, R_QUEUE_NUM, ENTRIES);
        put(space, R_DESC, RAM + queue * QUEUE + DESC);
        put(space, R_AVAIL, RAM + queue * QUEUE + AVAIL);
        put(space, R_USED, RAM + queue * QUEUE + USED);
        put(space, R_QUEUE_READY, queue < device->kind->queues);
    }
    put(space, R_STATUS, 15);
}

/* The next entry of an available ring, as a driver would add it. */
static void offer(struct mem_space *space, unsigned queue, uint16_t head)
{
    uint64_t avail = RAM + (uint64_t)queue * QUEUE + AVAIL, idx = 0;

    mem_load(space, avail + 2, 2, &idx);
    mem_store(space, avail + 4 + 2 * (idx % ENTRIES), 2, head);
    mem_store(space, avail + 2, 2, idx + 1);
    put(space, R_NOTIFY, queue);
}

static void command(struct mem_space *space, const uint8_t *c)
{
    uint64_t value;

    switch (c[0] & 3) {
    case 0: mem_store(space, RAM + (le16_get(c + 2) & 0x1ffc), 4, le32_get(c + 4)); break; /* the rings */
    case 1: mem_store(space, RAM + BUFFERS + (le16_get(c + 2) & 0x3ffc), 4, le32_get(c + 4)); break;
    case 2:
        put(space, (c[0] & 4 ? 0x100u : 0) + (c[2] & 0xfcu), le32_get(c + 4));
        mem_load(space, WINDOW + (c[1] << 1), c[0] & 8 ? 1 : c[0] & 16 ? 2 : 4, &value);
        break;
    case 3: offer(space, c[1] % QUEUES, c[0] & 0x80 ? le16_get(c + 2) : c[2] % ENTRIES); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct os_loop *loop;   /* one thread for all runs */
    static struct os_vclock clock; /* stands still */
    struct mem_space *space;
    struct virtio_mmio *mmio;
    struct tty tty;

    if (!len)
        return 0;
    if (!loop && os_loop_new(&loop, "io", NULL))
        abort();
    if (mem_space_new(&space) || mem_space_add_ram(space, "ram", RAM, RAM_SIZE, NULL))
        abort();
    struct virtio_device *device = make_device(data[0] & 0x7f, &(struct device_env){space, loop, NULL, &clock}, &tty);
    if (virtio_mmio_new(&mmio, device) ||
        mem_space_add_device(space, "virtio", WINDOW, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, mmio, virtio_mmio_lock(mmio), NULL))
        abort();
    start(space, device, data[0] & 0x80);
    data++, len--;
    for (unsigned i = 0; i < COMMANDS && len >= 8; i++, data += 8, len -= 8)
        command(space, data);
    for (unsigned queue = 0; queue < QUEUES; queue++)
        put(space, R_NOTIFY, queue);
    os_loop_sync(loop);
    virtio_mmio_free(mmio);
    virtio_free(device);
    mem_space_free(space);
    return 0;
}
