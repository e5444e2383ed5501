/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The virtio console over a character backend of the test's own: both directions, a backend that is full, resize, emergency write. */
#include "device/virtio/console.h"
#include "device_virtio_rig.h"
#include <stdlib.h>

enum { RX = 0, TX = 1 };
#define F_SIZE  (1ull << 0)
#define F_EMERG (1ull << 2)

struct fixture {
    struct rig rig;
    struct char_backend backend;
    struct os_mutex *lock;
    size_t (*room)(void *dev);
    void (*receive)(void *dev, const void *buf, size_t len);
    void *dev;
    uint8_t out[1 << 20];
    _Atomic size_t written, limit;
    _Atomic unsigned pokes;
    bool disconnected;
    struct ring rx, tx;
};

static size_t on_write(void *self, const void *buf, size_t len)
{
    struct fixture *f = self;
    size_t room = f->limit - f->written;
    len = len < room ? len : room;
    memcpy(f->out + f->written, buf, len);
    f->written += len;
    return len;
}

static void on_connect(void *self, struct os_loop *loop, struct os_mutex *lock, size_t (*room)(void *),
                       void (*receive)(void *, const void *, size_t), void *dev)
{
    struct fixture *f = self;
    (void)loop;
    f->lock = lock;
    f->room = room;
    f->receive = receive;
    f->dev = dev;
}

static void on_poke(void *self) { ((struct fixture *)self)->pokes++; }
static void on_disconnect(void *self) { ((struct fixture *)self)->disconnected = true; }

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct virtio_device *device;
    rig_init(&f->rig);
    struct device_env env = rig_env(&f->rig);
    f->backend = (struct char_backend){f, on_write, on_connect, on_poke, on_disconnect};
    f->limit = sizeof f->out;
    struct virtio_console_config config = {.id = "console0", .backend = &f->backend, .columns = 80, .rows = 25};
    assert_int_equal(virtio_console_new(&device, &env, &config, NULL), 0);
    rig_plug(&f->rig, device);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    assert_true(f->disconnected);
    free(f);
    return 0;
}

static void start(struct fixture *f, uint64_t features)
{
    assert_true(rig_negotiate(&f->rig, F_VERSION1 | F_SIZE | features));
    ring_open(&f->rx, &f->rig, RX, 16, features);
    ring_open(&f->tx, &f->rig, TX, 16, features);
    rig_driver_ok(&f->rig);
    os_loop_sync(f->rig.loop);
}

static size_t room(struct fixture *f)
{
    os_mutex_lock(f->lock);
    size_t n = f->room(f->dev);
    os_mutex_unlock(f->lock);
    return n;
}

static void test_output(void **state)
{
    struct fixture *f = *state;
    uint16_t head;
    uint32_t used;
    start(f, F_EVENT);
    gpa at = rig_alloc(&f->rig, 100000);
    uint8_t *text = rig_at(&f->rig, at);
    for (unsigned i = 0; i < 100000; i++)
        text[i] = (uint8_t)(i * 11);
    for (unsigned len = 0; len <= 100000; len += len ? 99999 : 1) { /* 0, 1, 100000 bytes */
        size_t before = f->written;
        ring_add(&f->tx, (struct piece[]){{at, len / 3}, {at + len / 3, len - len / 3}}, 2, 0);
        ring_kick(&f->tx);
        ring_wait(&f->tx, &head, &used);
        assert_int_equal(used, 0);
        assert_int_equal(f->written - before, len);
        assert_memory_equal(f->out + before, text, len);
    }
}

/* The backend takes part; the rest goes out later, in order, and the buffer stays the device's until then. */
static void test_output_stuck(void **state)
{
    struct fixture *f = *state;
    uint16_t head;
    uint32_t used;
    start(f, 0);
    gpa at = rig_alloc(&f->rig, 10000);
    uint8_t *text = rig_at(&f->rig, at);
    for (unsigned i = 0; i < 10000; i++)
        text[i] = (uint8_t)(i * 7 + (i >> 8));
    f->limit = 5000;
    ring_add(&f->tx, &(struct piece){at, 9000}, 1, 0);
    ring_add(&f->tx, &(struct piece){at + 9000, 1000}, 1, 0);
    ring_kick(&f->tx);
    os_loop_sync(f->rig.loop);
    assert_int_equal(f->written, 5000);
    assert_false(ring_used(&f->tx, &head, &used));
    f->limit = sizeof f->out;
    ring_wait(&f->tx, &head, &used);
    ring_wait(&f->tx, &head, &used);
    assert_int_equal(f->written, 10000);
    assert_memory_equal(f->out, text, 10000);

    f->limit = f->written + 10; /* and a reset in the middle */
    ring_add(&f->tx, &(struct piece){at, 100}, 1, 0);
    ring_kick(&f->tx);
    os_loop_sync(f->rig.loop);
    start(f, 0);
    f->limit = sizeof f->out;
    size_t before = f->written;
    ring_add(&f->tx, &(struct piece){at, 100}, 1, 0);
    ring_kick(&f->tx);
    ring_wait(&f->tx, &head, &used);
    assert_int_equal(f->written, before + 100);
}

static void test_input(void **state)
{
    struct fixture *f = *state;
    uint16_t head;
    uint32_t used;
    assert_int_equal(room(f), 0);
    start(f, 0);
    assert_int_equal(room(f), 0);
    gpa at = rig_alloc(&f->rig, 64);
    unsigned pokes = f->pokes;
    ring_add(&f->rx, (struct piece[]){{at, 6}, {at + 8, 4}}, 0, 2);
    ring_add(&f->rx, &(struct piece){at + 32, 32}, 0, 1);
    ring_kick(&f->rx);
    assert_true(f->pokes > pokes);
    assert_int_equal(room(f), 10);
    os_mutex_lock(f->lock);
    f->receive(f->dev, "hello", 5);
    f->receive(f->dev, "world", 5);
    f->receive(f->dev, "lost", 4);
    os_mutex_unlock(f->lock);
    ring_wait(&f->rx, &head, &used);
    assert_int_equal(used, 5);
    assert_memory_equal(rig_at(&f->rig, at), "hello", 5);
    ring_wait(&f->rx, &head, &used);
    assert_memory_equal(rig_at(&f->rig, at + 32), "world", 5);
    assert_false(ring_used(&f->rx, &head, &used));
    ring_add(&f->rx, &(struct piece){at, 0}, 0, 1); /* a buffer without room */
    ring_kick(&f->rx);
    assert_int_equal(room(f), 0);
    assert_true(rig_broken(&f->rig));
}

static void test_config(void **state)
{
    struct fixture *f = *state;
    struct rig *rig = &f->rig;
    uint64_t value;
    assert_int_equal(rig_read(rig, MMIO_DEVICE_ID), 3);
    assert_int_equal(rig_offered(rig), F_VERSION1 | F_EVENT | F_INDIRECT | F_SIZE | F_EMERG);
    rig_write(rig, MMIO_CONFIG + 8, 'E'); /* before any set-up */
    assert_true(mem_store(rig->space, MMIO_BASE + MMIO_CONFIG + 8, 1, '!'));
    assert_int_equal(f->written, 2);
    assert_memory_equal(f->out, "E!", 2);
    rig_write(rig, MMIO_CONFIG, 0); /* not writable */
    assert_int_equal(rig_read(rig, MMIO_CONFIG), 80 | 25 << 16);
    virtio_console_resize(rig->device, 100, 30);
    assert_false(rig->irq); /* nobody listens yet */
    start(f, 0);
    uint32_t generation = rig_read(rig, MMIO_CONFIG_GENERATION);
    virtio_console_resize(rig->device, 120, 40);
    assert_true(rig->irq);
    assert_int_equal(rig_read(rig, MMIO_INTERRUPT_STATUS), 2);
    assert_true(rig_read(rig, MMIO_CONFIG_GENERATION) != generation);
    assert_true(mem_load(rig->space, MMIO_BASE + MMIO_CONFIG, 2, &value));
    assert_int_equal(value, 120);
    assert_true(mem_load(rig->space, MMIO_BASE + MMIO_CONFIG + 2, 2, &value));
    assert_int_equal(value, 40);
    rig_write(rig, MMIO_INTERRUPT_ACK, 2);
    virtio_console_resize(rig->device, 120, 40); /* the same: no interrupt */
    assert_false(rig->irq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output, setup, teardown),
        cmocka_unit_test_setup_teardown(test_output_stuck, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_config, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
