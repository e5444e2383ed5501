/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The core, split queues and the mmio transport, driven through the simplest device (rng): registers, handshake, hostile rings. */
#include "device/virtio/rng.h"
#include "device_virtio_rig.h"
#include <stdlib.h>

static int fill(void *arg, void *buf, size_t len)
{
    if (*(int *)arg)
        return *(int *)arg;
    memset(buf, 0x5a, len);
    return 0;
}

struct fixture {
    struct rig rig;
    int fail;
};

static void plug_rng(struct fixture *f)
{
    struct virtio_device *device;
    struct device_env env = rig_env(&f->rig);
    struct virtio_rng_config config = {.id = "rng0", .fill = fill, .arg = &f->fail};
    assert_int_equal(virtio_rng_new(&device, &env, &config, NULL), 0);
    rig_plug(&f->rig, device);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    rig_init(&f->rig);
    plug_rng(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    free(f);
    return 0;
}

static void test_registers(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    uint64_t value;
    assert_int_equal(rig_read(rig, MMIO_MAGIC), 0x74726976);
    assert_int_equal(rig_read(rig, MMIO_VERSION), 2);
    assert_int_equal(rig_read(rig, MMIO_DEVICE_ID), 4);
    assert_int_equal(rig_offered(rig), F_INDIRECT | F_EVENT | F_VERSION1);
    rig_write(rig, MMIO_DEVICE_FEATURES_SEL, 2);
    assert_int_equal(rig_read(rig, MMIO_DEVICE_FEATURES), 0);
    rig_write(rig, MMIO_QUEUE_SEL, 0);
    assert_int_equal(rig_read(rig, MMIO_QUEUE_NUM_MAX), 64);
    rig_write(rig, MMIO_QUEUE_SEL, 1);
    assert_int_equal(rig_read(rig, MMIO_QUEUE_NUM_MAX), 0);
    rig_write(rig, MMIO_QUEUE_SEL, 0xffffffff);
    assert_int_equal(rig_read(rig, MMIO_QUEUE_READY), 0);
    rig_write(rig, MMIO_QUEUE_READY, 1);
    rig_write(rig, MMIO_QUEUE_NUM, 8);
    rig_write(rig, MMIO_QUEUE_DESC, 8);
    for (unsigned i = 0; i < 3; i++) {
        rig_write(rig, MMIO_SHM_SEL, i);
        for (unsigned reg = MMIO_SHM_LEN; reg <= 0xbc; reg += 4)
            assert_int_equal(rig_read(rig, reg), 0xffffffff);
    }
    for (unsigned reg = 0; reg < VIRTIO_MMIO_SIZE; reg += 4) /* nothing crashes */
        rig_read(rig, reg);
    assert_true(mem_load(rig->space, MMIO_BASE + MMIO_STATUS, 1, &value)); /* registers are 32 bits wide */
    assert_true(mem_store(rig->space, MMIO_BASE + MMIO_STATUS, 2, 1));
    assert_int_equal(rig_read(rig, MMIO_STATUS), 0);
}

static void test_empty_slot(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    struct virtio_mmio *empty;
    uint64_t value;
    assert_int_equal(virtio_mmio_new(&empty, NULL), 0);
    assert_int_equal(mem_space_add_device(rig->space, "empty", MMIO_BASE + 0x1000, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, empty,
                                          virtio_mmio_lock(empty), NULL),
                     0);
    assert_true(mem_load(rig->space, MMIO_BASE + 0x1000, 4, &value));
    assert_int_equal(value, 0x74726976);
    for (unsigned reg = 0; reg < VIRTIO_MMIO_SIZE; reg += 4) {
        assert_true(mem_store(rig->space, MMIO_BASE + 0x1000 + reg, 4, 0xffffffff));
        assert_true(mem_load(rig->space, MMIO_BASE + 0x1000 + reg, 4, &value));
    }
    assert_true(mem_load(rig->space, MMIO_BASE + 0x1008, 4, &value));
    assert_int_equal(value, 0);
    virtio_mmio_free(empty);
}

static void test_handshake(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    assert_false(rig_negotiate(rig, 0));              /* a legacy driver */
    assert_false(rig_negotiate(rig, F_VERSION1 | 1)); /* what was not offered */
    rig_write(rig, MMIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK);
    assert_int_equal(rig_read(rig, MMIO_STATUS), VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    assert_true(rig_negotiate(rig, F_VERSION1));
    rig_write(rig, MMIO_DRIVER_FEATURES, 0xffffffff); /* too late */
    rig_driver_ok(rig);
    assert_int_equal(rig_read(rig, MMIO_STATUS), 15);
    rig_write(rig, MMIO_STATUS, VIRTIO_ACKNOWLEDGE); /* bits cannot be taken back */
    assert_int_equal(rig_read(rig, MMIO_STATUS), 15);
    rig_write(rig, MMIO_STATUS, 0);
    assert_int_equal(rig_read(rig, MMIO_STATUS), 0);
}

static void start(struct rig *rig, struct ring *ring, uint16_t size, uint64_t features)
{
    assert_true(rig_negotiate(rig, F_VERSION1 | features));
    ring_open(ring, rig, 0, size, features);
    rig_driver_ok(rig);
}

static bool irq_is_up(void *arg) { return ((struct rig *)arg)->irq; }

static void test_fill(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    static const uint64_t feature_sets[] = {0, F_INDIRECT, F_EVENT, F_EVENT | F_INDIRECT};
    for (size_t s = 0; s < ARRAY_LEN(feature_sets); s++) {
        struct ring ring;
        start(rig, &ring, 8, feature_sets[s]);
        gpa buf = rig_alloc(rig, 300);
        struct piece pieces[] = {{buf, 100}, {buf + 100, 0}, {buf + 150, 100}};
        for (unsigned round = 0; round < (s ? 50u : 66000u); round++) { /* once past the wrap of the indices */
            uint16_t head, used_head;
            uint32_t len;
            memset(rig_at(rig, buf), 0, 300);
            head = feature_sets[s] & F_INDIRECT && round < 5 ? ring_add_indirect(&ring, pieces, 0, 3) : ring_add(&ring, pieces, 0, 3);
            ring_kick(&ring);
            ring_wait(&ring, &used_head, &len);
            assert_int_equal(head, used_head);
            assert_int_equal(len, 200);
            const uint8_t *b = rig_at(rig, buf);
            assert_true(b[0] == 0x5a && b[99] == 0x5a && b[100] == 0 && b[149] == 0 && b[150] == 0x5a && b[249] == 0x5a && b[250] == 0);
            wait_until(irq_is_up, rig);
            assert_int_equal(rig_read(rig, MMIO_INTERRUPT_STATUS), 1);
            rig_write(rig, MMIO_INTERRUPT_ACK, 1);
            assert_false(rig->irq);
        }
        assert_false(rig_broken(rig));
    }
}

static void test_no_interrupt(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    struct ring ring;
    uint16_t head;
    uint32_t len;
    start(rig, &ring, 8, 0);
    struct piece piece = {rig_alloc(rig, 16), 16};
    le16_put(rig_at(rig, ring.avail), 1); /* NO_INTERRUPT */
    ring_add(&ring, &piece, 0, 1);
    ring_kick(&ring);
    ring_wait(&ring, &head, &len);
    os_loop_sync(rig->loop);
    assert_int_equal(rig_read(rig, MMIO_INTERRUPT_STATUS), 0);

    start(rig, &ring, 8, F_EVENT); /* interrupt after the third only */
    le16_put((uint8_t *)rig_at(rig, ring.avail) + 4 + 16, 2);
    ring.features = 0; /* ring_used shall not move the event index */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rig_read(rig, MMIO_INTERRUPT_STATUS), 0);
        ring_add(&ring, &piece, 0, 1);
        ring_kick_now(&ring);
        ring_wait(&ring, &head, &len);
    }
    assert_int_equal(rig_read(rig, MMIO_INTERRUPT_STATUS), 1);
}

static void test_buffers_before_driver_ok(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    struct ring ring;
    uint16_t head;
    uint32_t len;
    assert_true(rig_negotiate(rig, F_VERSION1));
    ring_open(&ring, rig, 0, 8, 0);
    struct piece piece = {rig_alloc(rig, 16), 16};
    ring_add(&ring, &piece, 0, 1);
    ring_kick_now(&ring);
    os_loop_sync(rig->loop);
    assert_false(ring_used(&ring, &head, &len));
    rig_driver_ok(rig);
    ring_wait(&ring, &head, &len);
}

static void test_large_and_split(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    struct ring ring;
    uint16_t head;
    uint32_t len;
    start(rig, &ring, 8, 0);
    struct piece crossing = {RAM2_BASE - 8, 16}; /* two regions that touch */
    ring_add(&ring, &crossing, 0, 1);
    ring_kick(&ring);
    ring_wait(&ring, &head, &len);
    assert_int_equal(len, 16);
    uint8_t bytes[18];
    assert_true(mem_read(rig->space, RAM2_BASE - 9, bytes, 18));
    assert_true(bytes[0] == 0 && bytes[1] == 0x5a && bytes[16] == 0x5a && bytes[17] == 0);
    struct piece large = {RAM_BASE + 0x100000, 0x800000}; /* the device gives what it thinks right */
    ring_add(&ring, &large, 0, 1);
    ring_kick(&ring);
    ring_wait(&ring, &head, &len);
    assert_int_equal(len, 4096);
}

/* What is written to the ring breaks the device: it says so, leaves memory alone, and works again after a reset. */
static void expect_broken(struct rig *rig, struct ring *ring)
{
    unsigned lines = rig->lines;
    ring_kick_now(ring);
    os_loop_sync(rig->loop);
    assert_true(rig_broken(rig));
    assert_int_equal(rig_read(rig, MMIO_INTERRUPT_STATUS) & 2, 2);
    assert_true(rig->irq);
    assert_true(rig->lines > lines || lines >= 10); /* the log is rate limited */
    ring_kick_now(ring);
    os_loop_sync(rig->loop);
    assert_int_equal(le16_get((uint8_t *)rig_at(rig, ring->used) + 2), 0);

    struct ring again;
    uint16_t head;
    uint32_t len;
    start(rig, &again, 4, 0);
    assert_false(rig_broken(rig));
    assert_false(rig->irq);
    struct piece piece = {rig_alloc(rig, 16), 16};
    ring_add(&again, &piece, 0, 1);
    ring_kick(&again);
    ring_wait(&again, &head, &len);
}

static void test_hostile_chains(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    gpa ok = rig_alloc(rig, 4096);
    static const struct {
        uint64_t at;
        uint32_t len;
    } bad[] = {{0, 16},
               {RAM_BASE - 1, 2},
               {RAM2_BASE + RAM2_SIZE - 8, 16},
               {RAM2_BASE + RAM2_SIZE, 1},
               {MMIO_BASE, 4},
               {ROM_BASE, 4}, /* writable descriptor */
               {UINT64_MAX, 1},
               {UINT64_MAX - 3, 0xffffffff},
               {RAM_BASE, 0xffffffff},
               {RAM_BASE, 0x80000000},
               {0x8000000000000000, 0xfffffff0}};
    struct ring ring;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        start(rig, &ring, 8, 0);
        ring_desc(&ring, 0, ok, 64, DESC_WRITE | DESC_NEXT, 1);
        ring_desc(&ring, 1, bad[i].at, bad[i].len, DESC_WRITE, 0);
        ring_offer(&ring, 0);
        expect_broken(rig, &ring);
    }
    start(rig, &ring, 8, 0); /* a loop */
    ring_desc(&ring, 0, ok, 1, DESC_WRITE | DESC_NEXT, 1);
    ring_desc(&ring, 1, ok, 1, DESC_WRITE | DESC_NEXT, 0);
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, 0); /* a loop of nothing */
    ring_desc(&ring, 3, ok, 0, DESC_NEXT, 3);
    ring_offer(&ring, 3);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, 0); /* next past the table */
    ring_desc(&ring, 0, ok, 1, DESC_WRITE | DESC_NEXT, 8);
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, 0); /* head past the table */
    ring_offer(&ring, 8);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, 0); /* readable after writable */
    ring_desc(&ring, 0, ok, 1, DESC_WRITE | DESC_NEXT, 1);
    ring_desc(&ring, 1, ok, 1, 0, 0);
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, 0); /* the index runs away */
    ring.added = 8;
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, 0); /* ... backwards */
    ring.added = 0xfffe;
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
}

static void test_hostile_indirect(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    gpa ok = rig_alloc(rig, 64), table = rig_alloc(rig, 16 * 4096);
    struct ring ring;
    static const struct {
        uint64_t features;
        uint32_t len;
        uint16_t flags;
    } bad[] = {{0, 16, DESC_INDIRECT},
               {F_INDIRECT, 0, DESC_INDIRECT},
               {F_INDIRECT, 15, DESC_INDIRECT},
               {F_INDIRECT, 17, DESC_INDIRECT},
               {F_INDIRECT, 16, DESC_INDIRECT | DESC_NEXT},
               {F_INDIRECT, 0xfffffff0, DESC_INDIRECT},
               {F_INDIRECT, 16 * 4096, DESC_INDIRECT}}; /* too many */
    uint8_t *t = rig_at(rig, table);
    for (unsigned i = 0; i < 4096; i++) {
        le64_put(t + 16 * i, ok);
        le32_put(t + 16 * i + 8, 1);
        le16_put(t + 16 * i + 12, DESC_WRITE | DESC_NEXT);
        le16_put(t + 16 * i + 14, (uint16_t)(i + 1));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        start(rig, &ring, 8, bad[i].features);
        ring_desc(&ring, 0, table, bad[i].len, bad[i].flags, 1);
        ring_offer(&ring, 0);
        expect_broken(rig, &ring);
    }
    start(rig, &ring, 8, F_INDIRECT); /* a table that is not there */
    ring_desc(&ring, 0, 0x1234, 32, DESC_INDIRECT, 0);
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, F_INDIRECT); /* inside another: a loop by indirection */
    le64_put(t, table);
    le32_put(t + 8, 16);
    le16_put(t + 12, DESC_INDIRECT);
    ring_desc(&ring, 0, table, 16, DESC_INDIRECT, 0);
    ring_offer(&ring, 0);
    expect_broken(rig, &ring);
    start(rig, &ring, 8, F_INDIRECT); /* direct ones first are allowed */
    le64_put(t, ok);
    le16_put(t + 12, DESC_WRITE);
    le32_put(t + 8, 8);
    ring_desc(&ring, 0, ok + 8, 8, DESC_WRITE | DESC_NEXT, 1);
    ring_desc(&ring, 1, table, 16, DESC_INDIRECT, 0);
    ring_offer(&ring, 0);
    ring_kick(&ring);
    uint16_t head;
    uint32_t len;
    ring_wait(&ring, &head, &len);
    assert_int_equal(len, 16);
}

static void test_bad_areas(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    static const struct {
        unsigned reg;
        uint32_t low;
    } bad[] = {{MMIO_QUEUE_DESC, 0x80001008}, {MMIO_QUEUE_AVAIL, 0x80001001}, {MMIO_QUEUE_USED, 0x80001002},
               {MMIO_QUEUE_DESC, 0},          {MMIO_QUEUE_AVAIL, ROM_BASE},   {MMIO_QUEUE_USED, ROM_BASE},
               {MMIO_QUEUE_USED, 0x810ffff0}, {MMIO_QUEUE_DESC, 0x80fffff0},  {MMIO_QUEUE_NUM, 3},
               {MMIO_QUEUE_NUM, 0},           {MMIO_QUEUE_NUM, 128},          {MMIO_QUEUE_NUM, 0x10008}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct ring ring;
        assert_true(rig_negotiate(rig, F_VERSION1));
        ring_setup_only(&ring, rig, 0, 8);
        rig_write(rig, bad[i].reg, bad[i].low);
        rig_write(rig, MMIO_QUEUE_READY, 1);
        assert_int_equal(rig_read(rig, MMIO_QUEUE_READY), 0);
        assert_true(rig_broken(rig));
        rig_driver_ok(rig);
        ring_kick_now(&ring);
    }
    struct ring ring;
    start(rig, &ring, 8, 0);
    rig_write(rig, MMIO_QUEUE_DESC, 0); /* ignored while in use */
    rig_write(rig, MMIO_QUEUE_NUM, 64);
    rig_write(rig, MMIO_QUEUE_NOTIFY, 0xffffffff);
    rig_write(rig, MMIO_QUEUE_NOTIFY, 1);
    assert_false(rig_broken(rig));
    struct piece piece = {rig_alloc(rig, 16), 16};
    uint16_t head;
    uint32_t len;
    ring_add(&ring, &piece, 0, 1);
    ring_kick(&ring);
    ring_wait(&ring, &head, &len);
    rig_write(rig, MMIO_QUEUE_SEL, 0);
    rig_write(rig, MMIO_QUEUE_READY, 0);
    ring_kick_now(&ring);
    assert_int_equal(rig_read(rig, MMIO_QUEUE_READY), 0);
}

static void test_backend_fails(void **state)
{
    struct fixture *f = *state;
    struct ring ring;
    start(&f->rig, &ring, 8, 0);
    f->fail = -STATUS_resource;
    struct piece piece = {rig_alloc(&f->rig, 16), 16};
    ring_add(&ring, &piece, 0, 1);
    ring_kick_now(&ring);
    f->fail = 0;
    assert_true(rig_broken(&f->rig));
    assert_int_equal(f->rig.lines, 1);
}

static void lock(struct rig *rig) { os_mutex_lock(&rig->device->device.lock); }
static void unlock(struct rig *rig) { os_mutex_unlock(&rig->device->device.lock); }

static void test_pause(void **state)
{
    struct rig *rig = &((struct fixture *)*state)->rig;
    const struct device_class *class = rig->device->device.class;
    struct ring ring;
    uint16_t head;
    uint32_t len;
    start(rig, &ring, 8, 0);
    lock(rig);
    class->pause(rig->device);
    unlock(rig);
    struct piece piece = {rig_alloc(rig, 16), 16};
    ring_add(&ring, &piece, 0, 1);
    ring_kick(&ring);
    os_loop_sync(rig->loop);
    assert_false(ring_used(&ring, &head, &len));
    lock(rig);
    class->resume(rig->device);
    unlock(rig);
    ring_wait(&ring, &head, &len);
}

static void test_state(void **state)
{
    struct fixture *f = *state, other = {0};
    struct rig *rig = &f->rig;
    const struct device_class *class = rig->device->device.class;
    struct ring ring;
    struct text saved;
    struct err err = {0};
    uint16_t head;
    uint32_t len;
    start(rig, &ring, 8, F_EVENT);
    struct piece piece = {rig_alloc(rig, 16), 16};
    for (unsigned i = 0; i < 11; i++) {
        ring_add(&ring, &piece, 0, 1);
        ring_kick(&ring);
        ring_wait(&ring, &head, &len);
    }
    lock(rig);
    class->pause(rig->device);
    text_init(&saved, 1 << 16);
    state_save(class->state, rig->device, &saved);
    unlock(rig);
    assert_true(text_ok(&saved));

    rig_init(&other.rig); /* the same memory in another machine, and its device from the file */
    plug_rng(&other);
    memcpy(other.rig.ram, rig->ram, RAM_SIZE);
    lock(&other.rig);
    class->pause(other.rig.device);
    assert_int_equal(state_load(class->state, other.rig.device, saved.data, saved.len, &err), 0);
    class->resume(other.rig.device);
    unlock(&other.rig);
    ring.rig = &other.rig;
    assert_int_equal(rig_read(&other.rig, MMIO_STATUS), 15);
    for (unsigned i = 0; i < 11; i++) {
        ring_add(&ring, &piece, 0, 1);
        ring_kick(&ring);
        ring_wait(&ring, &head, &len);
    }
    /* A state that no driver could have made. */
    unsigned refused = 0;
    for (size_t i = 0; i < saved.len; i++) {
        saved.data[i] ^= 0x41;
        lock(&other.rig);
        refused += state_load(class->state, other.rig.device, saved.data, saved.len, NULL) != 0;
        class->reset(other.rig.device);
        unlock(&other.rig);
        saved.data[i] ^= 0x41;
    }
    assert_true(refused > 10);
    text_fini(&saved);
    rig_fini(&other.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_slot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_interrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_buffers_before_driver_ok, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_and_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_chains, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_indirect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_areas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backend_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
