/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The virtio block device: requests against a model of the disk, over a raw file and over a disk in memory that can be slow or fail;
 * resets and pauses with requests in flight.
 */
#include "device/virtio/blk.h"
#include "device_virtio_rig.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2, UNTOUCHED = 0xee };
enum { SECTORS = 4096 };
#define F_RO     (1ull << 5)
#define F_FLUSH  (1ull << 9)
#define F_WCE    (1ull << 11)
#define F_DISC   (1ull << 13)
#define F_ZEROES (1ull << 14)
#define F_COMMON (F_VERSION1 | F_FLUSH | F_DISC | F_ZEROES)

/* ---- a disk in memory ---- */

struct memdisk {
    struct block_backend backend;
    uint8_t *data;
    _Atomic bool hold; /* transfers and flushes wait */
    _Atomic unsigned delay_us;
    _Atomic int fail; /* errno */
    _Atomic unsigned transfers, running, flushes, discards;
    bool *freed;
};

static int mem_transfer(struct block_backend *backend, bool write, uint64_t offset, const struct iovec *iov, unsigned n)
{
    struct memdisk *disk = (struct memdisk *)backend;
    disk->running++;
    while (disk->hold)
        usleep(200);
    if (disk->delay_us)
        usleep(disk->delay_us);
    for (unsigned i = 0; i < n && !disk->fail; i++) {
        assert(offset + iov[i].iov_len <= backend->size);
        memcpy(write ? disk->data + offset : iov[i].iov_base, write ? iov[i].iov_base : disk->data + offset, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    disk->transfers++;
    disk->running--;
    return -disk->fail;
}

static int mem_flush(struct block_backend *backend)
{
    struct memdisk *disk = (struct memdisk *)backend;
    while (disk->hold)
        usleep(200);
    disk->flushes++;
    return -disk->fail;
}

static int mem_discard(struct block_backend *backend, uint64_t offset, uint64_t len)
{
    struct memdisk *disk = (struct memdisk *)backend;
    disk->discards++;
    memset(disk->data + offset, 0, len);
    return -disk->fail;
}

static int mem_zero(struct block_backend *backend, uint64_t offset, uint64_t len, bool unmap)
{
    (void)unmap;
    return mem_discard(backend, offset, len);
}

static void mem_free(struct block_backend *backend)
{
    struct memdisk *disk = (struct memdisk *)backend;
    *disk->freed = true;
    free(disk->data);
    free(disk);
}

static const struct block_ops mem_disk_ops = {mem_transfer, mem_flush, mem_discard, mem_zero, mem_free};

/* ---- fixture ---- */

struct fixture {
    struct rig rig;
    struct memdisk *disk; /* NULL: a file */
    bool freed;
    char path[64];
    uint8_t *model;
    struct ring ring;
    uint64_t features;
};

static void plug(struct fixture *f, struct block_backend *backend, unsigned block_size)
{
    struct err err = {0};
    struct virtio_device *device;
    struct device_env env = rig_env(&f->rig);
    struct virtio_blk_config config = {.id = "disk0", .take_backend = backend, .serial = "SERIAL-1", .block_size = block_size};
    assert_int_equal(virtio_blk_new(&device, &env, &config, &err), 0);
    rig_plug(&f->rig, device);
    f->model = calloc(SECTORS, 512);
}

static int setup_memory(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    rig_init(&f->rig);
    f->disk = calloc(1, sizeof *f->disk);
    *f->disk = (struct memdisk){.backend = {&mem_disk_ops, SECTORS * 512, false}, .data = calloc(SECTORS, 512), .freed = &f->freed};
    plug(f, &f->disk->backend, 0);
    *state = f;
    return 0;
}

static struct fixture *file_fixture(off_t size, bool read_only)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct block_backend *backend;
    struct err err = {0};
    rig_init(&f->rig);
    snprintf(f->path, sizeof f->path, "/tmp/vm-test-disk-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
    assert_int_equal(block_raw_open(&backend, f->path, read_only, f->rig.log, &err), 0);
    plug(f, backend, 0);
    return f;
}

static int setup_file(void **state)
{
    *state = file_fixture(SECTORS * 512, false);
    return 0;
}

static int setup_read_only(void **state)
{
    *state = file_fixture(SECTORS * 512, true);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->disk)
        f->disk->hold = false;
    rig_fini(&f->rig);
    assert_int_equal(f->freed, f->disk != NULL);
    if (f->path[0])
        unlink(f->path);
    free(f->model);
    free(f);
    return 0;
}

static void start(struct fixture *f, uint64_t features)
{
    f->features = features;
    assert_true(rig_negotiate(&f->rig, features));
    ring_open(&f->ring, &f->rig, 0, 128, features);
    rig_driver_ok(&f->rig);
}

/* ---- requests ---- */

struct request {
    gpa header, status;
    uint16_t head;
};

static struct request submit(struct fixture *f, uint32_t type, uint64_t sector, const struct piece *data, unsigned n, bool in,
                             bool indirect)
{
    struct request r = {.header = rig_alloc(&f->rig, 16), .status = rig_alloc(&f->rig, 1)};
    struct piece pieces[64] = {{r.header, 16}};
    uint8_t *h = rig_at(&f->rig, r.header);
    le32_put(h, type);
    le64_put(h + 8, sector);
    *(uint8_t *)rig_at(&f->rig, r.status) = UNTOUCHED;
    for (unsigned i = 0; i < n; i++)
        pieces[1 + i] = data[i];
    pieces[1 + n] = (struct piece){r.status, 1};
    unsigned nout = in ? 1 : 1 + n, nin = in ? n + 1 : 1;
    r.head = indirect ? ring_add_indirect(&f->ring, pieces, nout, nin) : ring_add(&f->ring, pieces, nout, nin);
    return r;
}

static uint8_t status_of(struct fixture *f, const struct request *r) { return *(uint8_t *)rig_at(&f->rig, r->status); }

static uint8_t one(struct fixture *f, uint32_t type, uint64_t sector, gpa data, uint32_t len, uint32_t *used_len)
{
    struct piece piece = {data, len};
    uint16_t head;
    uint32_t used;
    struct request r = submit(f, type, sector, &piece, len != 0, type == T_IN || type == T_GET_ID, false);
    ring_kick(&f->ring);
    ring_wait(&f->ring, &head, &used);
    assert_int_equal(head, r.head);
    if (used_len)
        *used_len = used;
    return status_of(f, &r);
}

static uint32_t seed = 1;
static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* Random reads and writes, up to 8 at once on disjoint parts of the disk, scattered, direct and indirect. */
static void exercise(struct fixture *f, unsigned rounds)
{
    enum { MANY = 8, SHARE = SECTORS / MANY };
    gpa base = rig_alloc(&f->rig, (uint64_t)MANY * 70000), allocated = f->rig.next_page;
    for (unsigned round = 0; round < rounds; round++) {
        struct request r[MANY];
        uint64_t sector[MANY];
        uint32_t len[MANY];
        bool write[MANY];
        f->rig.next_page = allocated;
        for (unsigned i = 0; i < MANY; i++) {
            struct piece pieces[16];
            uint32_t sectors = 1 + rnd(128), left, n = 0;
            gpa at = base + i * 70000ull;
            sector[i] = i * SHARE + rnd(SHARE - sectors);
            len[i] = sectors * 512;
            write[i] = rnd(2);
            bool indirect = (f->features & F_INDIRECT) && rnd(2);
            uint8_t *host = rig_at(&f->rig, at);
            for (uint32_t b = 0; b < len[i]; b++)
                host[b] = write[i] ? (uint8_t)rnd(256) : 0xcc;
            if (write[i])
                memcpy(f->model + sector[i] * 512, host, len[i]);
            for (left = len[i]; left; n++) { /* pieces of any length, at any address */
                uint32_t part = n == (indirect ? 15 : 4) || !rnd(4) ? left : 1 + rnd(left);
                pieces[n] = (struct piece){at, part};
                at += part;
                left -= part;
            }
            r[i] = submit(f, write[i] ? T_OUT : T_IN, sector[i], pieces, n, !write[i], indirect);
        }
        ring_kick(&f->ring);
        for (unsigned i = 0; i < MANY; i++) {
            uint16_t head;
            uint32_t used;
            ring_wait(&f->ring, &head, &used);
            unsigned which = 0;
            while (which < MANY && r[which].head != head)
                which++;
            assert_true(which < MANY);
            assert_int_equal(used, write[which] ? 1 : len[which] + 1);
        }
        for (unsigned i = 0; i < MANY; i++) {
            assert_int_equal(status_of(f, &r[i]), OK);
            assert_memory_equal(rig_at(&f->rig, base + i * 70000ull), f->model + sector[i] * 512, len[i]);
        }
    }
    f->rig.next_page = allocated;
}

static void test_integrity_memory(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sets[] = {F_COMMON, F_COMMON | F_EVENT, F_COMMON | F_INDIRECT, F_COMMON | F_EVENT | F_INDIRECT};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        start(f, sets[i]);
        exercise(f, 25);
    }
    assert_memory_equal(f->disk->data, f->model, SECTORS * 512);
    assert_int_equal(f->disk->flushes, 0);
}

static void test_integrity_file(void **state)
{
    struct fixture *f = *state;
    start(f, F_COMMON | F_EVENT | F_INDIRECT);
    exercise(f, 40);
    assert_int_equal(one(f, T_FLUSH, 0, 0, 0, NULL), OK);
    FILE *file = fopen(f->path, "rb");
    uint8_t *now = malloc(SECTORS * 512);
    assert_int_equal(fread(now, 512, SECTORS, file), SECTORS);
    assert_memory_equal(now, f->model, SECTORS * 512);
    free(now);
    fclose(file);
}

static uint64_t config64(struct rig *rig, unsigned at)
{
    return rig_read(rig, MMIO_CONFIG + at) | (uint64_t)rig_read(rig, MMIO_CONFIG + at + 4) << 32;
}

static void test_config(void **state)
{
    struct fixture *f = *state;
    struct rig *rig = &f->rig;
    uint64_t value;
    assert_int_equal(config64(rig, 0), SECTORS);
    assert_int_equal(rig_read(rig, MMIO_CONFIG + 12), 254);
    assert_int_equal(rig_read(rig, MMIO_CONFIG + 20), 512);
    assert_true(mem_load(rig->space, MMIO_BASE + MMIO_CONFIG + 24, 1, &value));
    assert_int_equal(value, 3); /* 4096 byte physical blocks */
    assert_true(mem_load(rig->space, MMIO_BASE + MMIO_CONFIG + 26, 2, &value));
    assert_int_equal(value, 8);
    assert_int_equal(rig_read(rig, MMIO_CONFIG + 60), 0); /* past the end */
    assert_true(rig_offered(rig) & F_DISC);
    start(f, F_COMMON | F_WCE);
    assert_true(mem_load(rig->space, MMIO_BASE + MMIO_CONFIG + 32, 1, &value));
    assert_int_equal(value, 1);
    gpa buf = rig_alloc(rig, 512);
    assert_int_equal(one(f, T_OUT, 0, buf, 512, NULL), OK);
    assert_int_equal(f->disk->flushes, 0);
    assert_true(mem_store(rig->space, MMIO_BASE + MMIO_CONFIG + 32, 1, 0)); /* write through */
    assert_int_equal(one(f, T_OUT, 0, buf, 512, NULL), OK);
    assert_int_equal(f->disk->flushes, 1);
    start(f, F_VERSION1); /* a driver that does not know flushes */
    assert_int_equal(one(f, T_OUT, 0, buf, 512, NULL), OK);
    assert_int_equal(f->disk->flushes, 2);
    assert_int_equal(one(f, T_IN, 0, buf, 512, NULL), OK);
    assert_int_equal(f->disk->flushes, 2);
}

static void test_errors(void **state)
{
    struct fixture *f = *state;
    gpa buf = rig_alloc(&f->rig, 4096);
    uint32_t used;
    start(f, F_COMMON);
    assert_int_equal(one(f, T_IN, SECTORS, buf, 512, &used), IOERR);
    assert_int_equal(used, 0);
    assert_int_equal(one(f, T_IN, SECTORS - 1, buf, 1024, NULL), IOERR);
    assert_int_equal(one(f, T_IN, SECTORS - 1, buf, 512, &used), OK);
    assert_int_equal(used, 513);
    assert_int_equal(one(f, T_OUT, UINT64_MAX, buf, 512, NULL), IOERR);
    assert_int_equal(one(f, T_OUT, UINT64_MAX / 512 + 1, buf, 512, NULL), IOERR);
    assert_int_equal(one(f, T_OUT, 1ull << 55, buf, 512, NULL), IOERR);
    assert_int_equal(one(f, T_IN, 0, buf, 511, NULL), IOERR);
    assert_int_equal(one(f, T_IN, 0, buf, 0, NULL), OK);
    assert_int_equal(one(f, 99, 0, buf, 512, NULL), UNSUPP);
    assert_int_equal(one(f, T_GET_ID, 0, buf, 20, &used), OK);
    assert_int_equal(used, 21);
    assert_memory_equal(rig_at(&f->rig, buf), "SERIAL-1\0\0\0\0\0\0\0\0\0\0\0", 20);
    assert_int_equal(one(f, T_GET_ID, 0, buf, 19, NULL), IOERR);
    f->disk->fail = EIO;
    assert_int_equal(one(f, T_IN, 0, buf, 512, &used), IOERR);
    assert_int_equal(used, 0);
    assert_int_equal(one(f, T_OUT, 0, buf, 512, NULL), IOERR);
    assert_int_equal(one(f, T_FLUSH, 0, 0, 0, NULL), IOERR);
    f->disk->fail = 0;
    assert_int_equal(one(f, T_FLUSH, 0, 0, 0, NULL), OK);
    assert_false(rig_broken(&f->rig));

    struct piece small[] = {{buf, 15}, {buf + 16, 1}}; /* a header that is cut off */
    ring_add(&f->ring, small, 1, 1);
    ring_kick(&f->ring);
    assert_true(rig_broken(&f->rig));
    start(f, F_COMMON);
    ring_add(&f->ring, (struct piece[]){{buf, 16}}, 1, 0); /* no status */
    ring_kick(&f->ring);
    assert_true(rig_broken(&f->rig));
    start(f, F_COMMON); /* the header in two halves, the status behind the data in one descriptor: any layout goes */
    uint8_t *h = rig_at(&f->rig, buf);
    memset(h, 0, 1024);
    le64_put(h + 8, 7);
    memset(f->disk->data + 7 * 512, 0x77, 512);
    ring_add(&f->ring, (struct piece[]){{buf, 5}, {buf + 5, 11}, {buf + 256, 513}}, 2, 1);
    ring_kick(&f->ring);
    uint16_t head;
    ring_wait(&f->ring, &head, &used);
    assert_int_equal(used, 513);
    assert_true(h[255] == 0 && h[256] == 0x77 && h[767] == 0x77 && h[768] == OK);
}

static uint8_t ranges(struct fixture *f, uint32_t type, const uint64_t (*r)[3], unsigned n)
{
    gpa buf = rig_alloc(&f->rig, 16 * 32);
    uint8_t *b = rig_at(&f->rig, buf);
    for (unsigned i = 0; i < n; i++) {
        le64_put(b + 16 * i, r[i][0]);
        le32_put(b + 16 * i + 8, (uint32_t)r[i][1]);
        le32_put(b + 16 * i + 12, (uint32_t)r[i][2]);
    }
    return one(f, type, 0, buf, 16 * n, NULL);
}

static void test_ranges(void **state)
{
    struct fixture *f = *state;
    start(f, F_COMMON | F_INDIRECT);
    exercise(f, 30);
    memset(f->model + 100 * 512, 0, 50 * 512);
    memset(f->model + 300 * 512, 0, 8 * 512);
    assert_int_equal(ranges(f, T_WRITE_ZEROES, (const uint64_t[][3]){{100, 50, 0}, {300, 8, 1}}, 2), OK);
    memset(f->model + 1024 * 512, 0, 1024 * 512);
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{1024, 1024, 0}}, 1), OK);
    gpa all = rig_alloc(&f->rig, SECTORS * 512);
    assert_int_equal(one(f, T_IN, 0, all, SECTORS * 512, NULL), OK);
    assert_memory_equal(rig_at(&f->rig, all), f->model, SECTORS * 512);
    if (f->path[0]) { /* the hole gives space back */
        struct stat st;
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_size, SECTORS * 512);
        assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{0, SECTORS, 0}}, 1), OK);
        assert_int_equal(stat(f->path, &st), 0);
        assert_true(st.st_blocks < SECTORS / 4);
    }
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{0, 8, 1}}, 1), UNSUPP); /* unmap is not for discard */
    assert_int_equal(ranges(f, T_WRITE_ZEROES, (const uint64_t[][3]){{0, 8, 2}}, 1), UNSUPP);
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{SECTORS - 1, 2, 0}}, 1), IOERR);
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{UINT64_MAX, 1, 0}}, 1), IOERR);
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{0, UINT32_MAX, 0}}, 1), IOERR);
    assert_int_equal(ranges(f, T_DISCARD, NULL, 0), IOERR);
    uint64_t many[17][3] = {{0}};
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t(*)[3])many, 17), IOERR);
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t(*)[3])many, 16), OK);
    start(f, F_VERSION1); /* not negotiated */
    assert_int_equal(ranges(f, T_DISCARD, (const uint64_t[][3]){{0, 8, 0}}, 1), UNSUPP);
}

static void test_read_only(void **state)
{
    struct fixture *f = *state;
    gpa buf = rig_alloc(&f->rig, 512);
    assert_true(rig_offered(&f->rig) & F_RO);
    assert_false(rig_offered(&f->rig) & (F_DISC | F_ZEROES));
    start(f, F_VERSION1 | F_RO | F_FLUSH);
    assert_int_equal(one(f, T_OUT, 0, buf, 512, NULL), IOERR);
    assert_int_equal(ranges(f, T_WRITE_ZEROES, (const uint64_t[][3]){{0, 8, 0}}, 1), IOERR);
    assert_int_equal(one(f, T_IN, 0, buf, 512, NULL), OK);
    assert_int_equal(one(f, T_FLUSH, 0, 0, 0, NULL), OK);
}

/* ---- in flight ---- */

static bool is_running(void *arg) { return ((struct memdisk *)arg)->running > 0; }

static void *release_later(void *arg)
{
    usleep(20000);
    ((struct memdisk *)arg)->hold = false;
    return NULL;
}

/* Reset with requests queued, running and done: afterwards nothing changes memory, and the device works. */
static void test_reset_in_flight(void **state)
{
    struct fixture *f = *state;
    memset(f->disk->data, 0x11, SECTORS * 512);
    for (unsigned round = 0; round < 10; round++) {
        start(f, F_COMMON | F_INDIRECT);
        gpa buf = rig_alloc(&f->rig, 32 * 4096);
        f->disk->hold = round & 1;
        for (unsigned i = 0; i < 32; i++)
            submit(f, T_IN, 8 * i, &(struct piece){buf + i * 4096ull, 4096}, 1, true, round & 2);
        ring_kick(&f->ring);
        pthread_t thread;
        if (f->disk->hold) {
            wait_until(is_running, f->disk);
            pthread_create(&thread, NULL, release_later, f->disk);
        }
        rig_write(&f->rig, MMIO_STATUS, 0);
        uint8_t *host = rig_at(&f->rig, buf), *used = rig_at(&f->rig, f->ring.used);
        memset(host, 0xaa, 32 * 4096);
        uint16_t idx = le16_get(used + 2);
        if (round & 1)
            pthread_join(thread, NULL);
        start(f, F_COMMON);
        gpa other = rig_alloc(&f->rig, 512);
        assert_int_equal(one(f, T_IN, 1, other, 512, NULL), OK);
        assert_int_equal(*(uint8_t *)rig_at(&f->rig, other), 0x11);
        for (unsigned i = 0; i < 32 * 4096; i++)
            assert_int_equal(host[i], 0xaa);
        assert_int_equal(le16_get(used + 2), idx);
    }
}

/* Pausing finishes what is in flight, so that a snapshot holds no request. */
static void test_pause_in_flight(void **state)
{
    struct fixture *f = *state;
    const struct device_class *class = f->rig.device->device.class;
    pthread_t thread;
    start(f, F_COMMON);
    gpa buf = rig_alloc(&f->rig, 32 * 4096);
    f->disk->hold = true;
    for (unsigned i = 0; i < 32; i++)
        submit(f, T_IN, 8 * i, &(struct piece){buf + i * 4096ull, 4096}, 1, true, false);
    ring_kick(&f->ring);
    wait_until(is_running, f->disk);
    pthread_create(&thread, NULL, release_later, f->disk);
    os_mutex_lock(&f->rig.device->device.lock);
    class->pause(f->rig.device);
    assert_int_equal(le16_get((uint8_t *)rig_at(&f->rig, f->ring.used) + 2), 32);
    assert_true(f->rig.irq);
    class->resume(f->rig.device);
    os_mutex_unlock(&f->rig.device->device.lock);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < 32; i++) {
        uint16_t head;
        uint32_t used;
        assert_true(ring_used(&f->ring, &head, &used));
        assert_int_equal(used, 4097);
    }
    assert_int_equal(one(f, T_IN, 0, buf, 512, NULL), OK);
}

static void test_free_in_flight(void **state)
{
    struct fixture *f = *state;
    start(f, F_COMMON);
    gpa buf = rig_alloc(&f->rig, 32 * 4096);
    f->disk->delay_us = 3000;
    for (unsigned i = 0; i < 32; i++)
        submit(f, i & 1 ? T_OUT : T_IN, 8 * i, &(struct piece){buf + i * 4096ull, 4096}, 1, !(i & 1), false);
    ring_kick(&f->ring);
    wait_until(is_running, f->disk); /* and the teardown frees it */
}

/* A driver that reuses descriptors in flight: more requests than the device keeps at once; the rest waits in the ring. */
static bool all_used(void *arg)
{
    struct fixture *f = arg;
    const uint8_t *used = rig_at(&f->rig, f->ring.used);
    return __atomic_load_n((const uint16_t *)(const void *)(used + 2), __ATOMIC_ACQUIRE) == f->ring.added;
}

static void test_flood(void **state)
{
    struct fixture *f = *state;
    start(f, F_COMMON);
    gpa header = rig_alloc(&f->rig, 16), status = rig_alloc(&f->rig, 1);
    le32_put(rig_at(&f->rig, header), T_FLUSH);
    ring_desc(&f->ring, 0, header, 16, DESC_NEXT, 1);
    ring_desc(&f->ring, 1, status, 1, DESC_WRITE, 0);
    f->disk->hold = true;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 110; k++)
            ring_offer(&f->ring, 0);
        ring_kick(&f->ring);
    }
    f->disk->hold = false;
    wait_until(all_used, f);
    assert_int_equal(f->ring.added, 330);
    assert_int_equal(f->disk->flushes, 330);
    assert_false(rig_broken(&f->rig));
}

/* ---- raw files ---- */

static void test_raw_sizes(void **state)
{
    struct block_backend *backend;
    struct err err = {0};
    char path[] = "/tmp/vm-test-disk-XXXXXX";
    uint8_t data[1024];
    struct iovec iov = {data, sizeof data};
    int fd = mkstemp(path);
    (void)state;
    assert_int_equal(block_raw_open(&backend, path, false, NULL, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "empty"));
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_int_equal(ftruncate(fd, 700), 0);
    assert_int_equal(block_raw_open(&backend, path, false, NULL, &err), 0);
    assert_int_equal(backend->size, 1024);
    memset(data, 0xff, sizeof data);
    assert_int_equal(backend->ops->transfer(backend, false, 0, &iov, 1), 0);
    assert_memory_equal(data, "hello", 5);
    for (unsigned i = 5; i < 1024; i++)
        assert_int_equal(data[i], 0);
    memset(data, 0x33, sizeof data);
    assert_int_equal(backend->ops->transfer(backend, true, 0, &iov, 1), 0);
    memset(data, 0, sizeof data);
    assert_int_equal(backend->ops->transfer(backend, false, 0, &iov, 1), 0);
    assert_int_equal(data[1023], 0x33);
    assert_int_equal(ftruncate(fd, 100), 0); /* by somebody else */
    assert_int_equal(backend->ops->transfer(backend, false, 0, &iov, 1), -EIO);

    struct block_backend *second;
    err = (struct err){0};
    assert_int_equal(block_raw_open(&second, path, false, NULL, &err), -STATUS_conflict);
    assert_non_null(strstr(err.text, "in use by this process"));
    assert_int_equal(block_raw_open(&second, path, true, NULL, &err), -STATUS_conflict);
    block_free(backend);
    assert_int_equal(block_raw_open(&backend, path, true, NULL, &err), 0);
    assert_int_equal(block_raw_open(&second, path, true, NULL, &err), 0); /* readers share */
    block_free(second);
    assert_int_equal(block_raw_open(&second, path, false, NULL, &err), -STATUS_conflict);
    block_free(backend);
    close(fd);
    unlink(path);
    assert_int_equal(block_raw_open(&backend, path, false, NULL, &err), -STATUS_not_found);
    assert_int_equal(block_raw_open(&backend, "/tmp", false, NULL, &err), -STATUS_config);
    assert_int_equal(block_raw_open(&backend, "/tmp", true, NULL, &err), -STATUS_config);
    assert_int_equal(block_raw_open(&backend, "/dev/null", false, NULL, &err), -STATUS_config);
}

static void test_bad_block_size(void **state)
{
    struct fixture *f = *state;
    struct virtio_device *device;
    struct device_env env = rig_env(&f->rig);
    struct err err = {0};
    struct block_backend odd = {&mem_disk_ops, 512 * 3, false};
    struct virtio_blk_config config = {.id = "disk1", .take_backend = &odd, .block_size = 4096};
    assert_int_equal(virtio_blk_new(&device, &env, &config, &err), -STATUS_config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_integrity_memory, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_integrity_file, setup_file, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_ranges, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_ranges, setup_file, teardown),
        cmocka_unit_test_setup_teardown(test_read_only, setup_read_only, teardown),
        cmocka_unit_test_setup_teardown(test_reset_in_flight, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_pause_in_flight, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_free_in_flight, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_flood, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_bad_block_size, setup_memory, teardown),
        cmocka_unit_test(test_raw_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
