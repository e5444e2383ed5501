/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The virtio network device with a backend of the test's own: frames both ways, merged buffers, back-pressure, offloads, pause. */
#include "device_virtio_net_rig.h"

/* ---- a backend that records and injects ---- */

struct fake {
    struct net_backend backend;
    struct net_port port;
    _Atomic unsigned sent, pokes;
    size_t last_len;
    uint8_t last[70000];
    unsigned offloads;
    bool answer; /* every frame is answered with itself, from within send */
    bool refused;
    bool *freed;
};

static int fake_connect(struct net_backend *backend, const struct net_port *port, struct err *err)
{
    struct fake *fake = (struct fake *)backend;
    (void)err;
    fake->port = *port;
    return 0;
}

static void fake_send(struct net_backend *backend, const void *frame, size_t len)
{
    struct fake *fake = (struct fake *)backend;
    assert_true(os_loop_is_current(fake->port.loop));
    memcpy(fake->last, frame, len);
    fake->last_len = len;
    if (fake->answer)
        fake->refused |= !fake->port.receive(fake->port.dev, frame, len);
    fake->sent++;
}

static void fake_poke(struct net_backend *backend) { ((struct fake *)backend)->pokes++; }
static void fake_offload(struct net_backend *backend, unsigned offloads) { ((struct fake *)backend)->offloads = offloads; }

static void fake_free(struct net_backend *backend)
{
    *((struct fake *)backend)->freed = true;
    free(backend);
}

static const struct net_ops fake_ops = {fake_connect, fake_send, fake_poke, fake_offload, fake_free};

/* ---- fixture ---- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    rig_init(&f->rig);
    f->fake = calloc(1, sizeof *f->fake);
    *f->fake = (struct fake){.backend = {.ops = &fake_ops}, .freed = &f->freed};
    assert_int_equal(plug(f, &f->fake->backend, NULL), 0);
    *state = f;
    return 0;
}

static int setup_offload(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    rig_init(&f->rig);
    f->fake = calloc(1, sizeof *f->fake);
    *f->fake =
        (struct fake){.backend = {.ops = &fake_ops, .header = true, .offloads = NET_OFFLOAD_csum | NET_OFFLOAD_tso4}, .freed = &f->freed};
    assert_int_equal(plug(f, &f->fake->backend, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    assert_int_equal(f->freed, f->fake != NULL);
    free(f);
    return 0;
}

static bool inject(struct fixture *f, const void *frame, size_t len)
{
    struct net_port *port = &f->fake->port;
    os_mutex_lock(port->lock);
    bool took = port->receive(port->dev, frame, len);
    os_mutex_unlock(port->lock);
    return took;
}

/* ---- tests ---- */

static void test_config(void **state)
{
    struct fixture *f = *state;
    uint64_t offered = rig_offered(&f->rig), value;
    assert_int_equal(rig_read(&f->rig, MMIO_DEVICE_ID), 1);
    assert_int_equal(offered & 0xffffff, F_MAC | F_MRG | F_STATUS | F_MTU);
    for (unsigned i = 0; i < 6; i++) {
        assert_true(mem_load(f->rig.space, MMIO_BASE + MMIO_CONFIG + i, 1, &value));
        assert_int_equal(value, guest_mac[i]);
    }
    assert_true(mem_load(f->rig.space, MMIO_BASE + MMIO_CONFIG + 10, 2, &value));
    assert_int_equal(value, 1400);
    start(f, F_COMMON, 0, 0);
    uint32_t generation = rig_read(&f->rig, MMIO_CONFIG_GENERATION);
    virtio_net_link(f->rig.device, false);
    assert_int_equal(rig_read(&f->rig, MMIO_INTERRUPT_STATUS), 2);
    assert_true(rig_read(&f->rig, MMIO_CONFIG_GENERATION) != generation);
    assert_true(mem_load(f->rig.space, MMIO_BASE + MMIO_CONFIG + 6, 2, &value));
    assert_int_equal(value, 0);
    assert_true(mem_store(f->rig.space, MMIO_BASE + MMIO_CONFIG, 1, 9)); /* read only: ignored */
    assert_true(mem_load(f->rig.space, MMIO_BASE + MMIO_CONFIG, 1, &value));
    assert_int_equal(value, 0x52);
}

static void fill_frame(uint8_t *frame, size_t len, unsigned tag)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(i * 7 + tag);
}

static void test_send(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[1514];
    start(f, F_COMMON | F_EVENT, 0, 0);
    for (unsigned i = 0; i < 100; i++) {
        size_t len = 14 + i * 15;
        fill_frame(frame, len, i);
        send_frame(f, frame, len);
        assert_int_equal(f->fake->sent, i + 1);
        assert_int_equal(f->fake->last_len, len);
        assert_memory_equal(f->fake->last, frame, len);
    }
    gpa at = rig_alloc(&f->rig, 64);
    uint16_t head;
    uint32_t used;
    ring_add(&f->tx, &(struct piece){at, HDR}, 1, 0); /* nothing behind the header; far too long: dropped, given back */
    ring_add(&f->tx, &(struct piece){RAM_BASE, 100000}, 1, 0);
    ring_add(&f->tx, &(struct piece){at, 5}, 1, 0);
    ring_kick(&f->tx);
    for (unsigned i = 0; i < 3; i++)
        ring_wait(&f->tx, &head, &used);
    assert_int_equal(f->fake->sent, 100);
    assert_false(rig_broken(&f->rig));
}

static void test_receive(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sets[] = {F_COMMON, F_COMMON | F_MRG, F_COMMON | F_MRG | F_EVENT};
    uint8_t frame[1514], got[BUFFER * 8];
    for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
        fill_frame(frame, sizeof frame, 0);
        assert_true(inject(f, frame, 64)); /* nobody is there: lost */
        start(f, sets[s], 4, 1600);
        for (unsigned i = 0; i < 50; i++) {
            unsigned buffers;
            size_t len = 14 + i * 30;
            fill_frame(frame, len, i);
            assert_true(inject(f, frame, len));
            assert_int_equal(receive_frame(f, got, &buffers), len);
            assert_int_equal(buffers, 1);
            assert_memory_equal(got, frame, len);
        }
        rig_write(&f->rig, MMIO_STATUS, 0);
    }
}

static void test_merged(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[1514], got[BUFFER * 8];
    unsigned buffers;
    start(f, F_COMMON | F_MRG, 16, 100);
    for (unsigned i = 0; i < 50; i++) {
        size_t len = 14 + i * 30;
        fill_frame(frame, len, i);
        assert_true(inject(f, frame, len));
        assert_int_equal(receive_frame(f, got, &buffers), len);
        assert_int_equal(buffers, (len + HDR + 99) / 100);
        assert_memory_equal(got, frame, len);
    }
    rig_write(&f->rig, MMIO_STATUS, 0);

    start(f, F_COMMON | F_MRG, 4, 100); /* too few: it must wait and then come whole */
    uint16_t head;
    uint32_t used;
    unsigned pokes = f->fake->pokes;
    assert_false(inject(f, frame, 1000));
    assert_false(ring_used(&f->rx, &head, &used));
    for (unsigned i = 4; i < 16; i++)
        add_buffer(f, i);
    ring_kick(&f->rx);
    os_loop_sync(f->rig.loop);
    assert_true(f->fake->pokes > pokes);
    assert_true(inject(f, frame, 1000));
    assert_int_equal(receive_frame(f, got, &buffers), 1000);
    assert_memory_equal(got, frame, 1000);
    rig_write(&f->rig, MMIO_STATUS, 0);

    start(f, F_COMMON, 4, 100); /* not merged and too long: lost, the buffers stay */
    assert_true(inject(f, frame, 1000));
    assert_true(inject(f, frame, 60));
    assert_int_equal(receive_frame(f, got, &buffers), 60);
    assert_false(rig_broken(&f->rig));
    rig_write(&f->rig, MMIO_STATUS, 0);

    start(f, F_COMMON, 4, 8); /* no room for a header */
    assert_true(inject(f, frame, 60));
    assert_true(rig_broken(&f->rig));
}

static void test_back_pressure(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[60] = {0}, got[BUFFER * 2];
    start(f, F_COMMON | F_EVENT, 2, 1600);
    assert_true(inject(f, frame, 60));
    assert_true(inject(f, frame, 60));
    os_mutex_lock(f->fake->port.lock);
    assert_false(f->fake->port.ready(f->fake->port.dev));
    os_mutex_unlock(f->fake->port.lock);
    assert_false(inject(f, frame, 60));
    os_loop_sync(f->rig.loop); /* start's own notification is over */
    unsigned pokes = f->fake->pokes;
    receive_frame(f, got, NULL);
    os_loop_sync(f->rig.loop);
    assert_int_equal(f->fake->pokes, pokes + 1);
    assert_true(inject(f, frame, 60));
}

/* The backend answers from within send, as the user network does. */
static void test_answer_inside_send(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[600], got[BUFFER * 2];
    f->fake->answer = true;
    start(f, F_COMMON | F_MRG | F_EVENT, 8, 1600);
    for (unsigned i = 0; i < 200; i++) {
        fill_frame(frame, sizeof frame, i);
        send_frame(f, frame, sizeof frame);
        assert_int_equal(receive_frame(f, got, NULL), sizeof frame);
        assert_memory_equal(got, frame, sizeof frame);
    }
    assert_false(f->fake->refused);
}

static void test_offloads(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[HDR + 3000] = {0}, got[BUFFER * 8];
    unsigned buffers;
    assert_int_equal(rig_offered(&f->rig) & 0xffff, F_CSUM | F_GCSUM | F_GTSO4 | 1ull << 11 | F_MAC | F_MTU | F_MRG);
    assert_false(rig_negotiate(&f->rig, F_COMMON | F_GTSO4)); /* lacks GUEST_CSUM */
    start(f, F_COMMON | F_MRG | F_CSUM | F_GCSUM | F_GTSO4, 8, 1600);
    assert_int_equal(f->fake->offloads, NET_OFFLOAD_csum | NET_OFFLOAD_tso4);
    frame[0] = 1; /* NEEDS_CSUM */
    frame[1] = 1; /* TCPv4 */
    le16_put(frame + 4, 1448);
    le16_put(frame + 10, 7);
    assert_true(inject(f, frame, sizeof frame));
    assert_int_equal(receive_frame(f, got, &buffers), 3000);
    assert_int_equal(buffers, 2);
    uint8_t *first = rig_at(&f->rig, f->buffers);
    assert_true(first[0] == 1 && first[1] == 1 && le16_get(first + 4) == 1448);
    rig_write(&f->rig, MMIO_STATUS, 0);

    start(f, F_COMMON, 4, 1600); /* the driver knows none: no header goes either way */
    assert_int_equal(f->fake->offloads, 0);
    assert_true(inject(f, frame, HDR + 100));
    assert_int_equal(receive_frame(f, got, &buffers), 100);
    first = rig_at(&f->rig, f->buffers);
    assert_true(first[0] == 0 && first[1] == 0);
    gpa at = rig_alloc(&f->rig, HDR + 100);
    memset(rig_at(&f->rig, at), 0xff, HDR + 100);
    uint16_t head;
    uint32_t used;
    ring_add(&f->tx, &(struct piece){at, HDR + 100}, 1, 0);
    ring_kick(&f->tx);
    ring_wait(&f->tx, &head, &used);
    assert_int_equal(f->fake->last_len, HDR + 100);
    assert_true(f->fake->last[0] == 0 && f->fake->last[HDR] == 0xff);
}

static void test_pause(void **state)
{
    struct fixture *f = *state;
    const struct device_class *class = f->rig.device->device.class;
    uint8_t frame[60] = {1, 2, 3}, got[BUFFER];
    start(f, F_COMMON, 4, 1600);
    os_loop_sync(f->rig.loop);
    os_mutex_lock(f->fake->port.lock);
    class->pause(f->rig.device);
    os_mutex_unlock(f->fake->port.lock);
    assert_false(inject(f, frame, 60));
    gpa at = rig_alloc(&f->rig, HDR + 60);
    ring_add(&f->tx, &(struct piece){at, HDR + 60}, 1, 0);
    ring_kick(&f->tx);
    os_loop_sync(f->rig.loop);
    assert_int_equal(f->fake->sent, 0);
    unsigned pokes = f->fake->pokes;
    os_mutex_lock(f->fake->port.lock);
    class->resume(f->rig.device);
    os_mutex_unlock(f->fake->port.lock);
    uint16_t head;
    uint32_t used;
    ring_wait(&f->tx, &head, &used);
    assert_int_equal(f->fake->sent, 1);
    assert_true(f->fake->pokes > pokes);
    assert_true(inject(f, frame, 60));
    assert_int_equal(receive_frame(f, got, NULL), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config, setup, teardown),
        cmocka_unit_test_setup_teardown(test_send, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer_inside_send, setup, teardown),
        cmocka_unit_test_setup_teardown(test_offloads, setup_offload, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
