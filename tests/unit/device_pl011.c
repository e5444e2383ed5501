/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PL011 by its registers: interrupts, FIFOs and their levels, loopback, back-pressure both ways, snapshot. */
#include "device/serial/pl011.h"
#include "device_serial_host.h"
#include <string.h>

enum {
    DR = 0,
    RSR = 4,
    FR = 0x18,
    IBRD = 0x24,
    FBRD = 0x28,
    LCR = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44
};
enum { RX = 0x10, TX = 0x20, RT = 0x40, BE = 0x200, OE = 0x400 };

static struct bench bench;
static struct pl011 *uart;
static struct device *dev;

static int open_uart(void **state)
{
    (void)state;
    bench_open(&bench);
    memset(&host, 0, sizeof(host));
    host.take = sizeof(host.output);
    host.backend = (struct char_backend){NULL, host_write, host_connect, host_poke, host_disconnect};
    assert_int_equal(pl011_new(&uart, "uart0", &bench.env, &host.backend, NULL), 0);
    dev = pl011_device(uart);
    bench_connect(&bench, dev);
    return 0;
}

static int close_uart(void **state)
{
    (void)state;
    pl011_free(uart);
    assert_int_equal(host.connected, 0);
    pl011_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint32_t get(unsigned r) { return (uint32_t)reg(dev, &pl011_ops, r, 4); }
static void set(unsigned r, uint32_t value) { reg_set(dev, &pl011_ops, r, 4, value); }

static void resets_to_manual(void **state)
{
    static const uint8_t ids[] = {0x11, 0x10, 0x14, 0, 0x0d, 0xf0, 0x05, 0xb1};

    (void)state;
    assert_int_equal(get(CR), 0x300);
    assert_int_equal(get(IFLS), 0x12);
    assert_int_equal(get(FR), 0x97);
    assert_int_equal(get(RIS), 0);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(get(0xfe0 + 4 * i), ids[i]);
    set(IBRD, 0x12345);
    set(FBRD, 0xff);
    set(IMSC, 0xffffffff);
    set(LCR, 0xfff);
    assert_int_equal(get(IBRD), 0x2345);
    assert_int_equal(get(FBRD), 0x3f);
    assert_int_equal(get(IMSC), 0x7ff);
    assert_int_equal(get(LCR), 0xff);
    assert_int_equal(get(0x500), 0);
    set(0x500, 1);
    set(RIS, 0x7ff); /* read-only */
    assert_int_equal(get(RIS), 0);
    assert_int_equal(reg(dev, &pl011_ops, IFLS, 2), 0x12);
    assert_int_equal(reg(dev, &pl011_ops, 0xfe1, 1), 0);
    device_call(dev, dev->class->reset);
    assert_int_equal(get(IMSC), 0);
}

static void sends(void **state)
{
    (void)state;
    for (const char *at = "hello"; *at; at++)
        reg_set(dev, &pl011_ops, DR, 1, (uint8_t)*at);
    assert_int_equal(host.len, 5); /* although nobody enabled it */
    assert_memory_equal(host.output, "hello", 5);
    assert_int_equal(get(FR), 0x97);
}

static void transmitter_interrupt(void **state)
{
    (void)state;
    set(IMSC, TX); /* asks only after something has been sent */
    assert_int_equal(bench.irq, 0);
    set(DR, 'x');
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(MIS), TX);
    set(ICR, TX);
    assert_int_equal(bench.irq, 0);
    set(DR, 'y');
    assert_int_equal(bench.irq, 1);
    set(IMSC, 0);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(get(RIS), TX);
    assert_int_equal(get(MIS), 0);
}

static void output_waits_for_backend(void **state)
{
    char expected[17] = "abcdefghijklmnop";

    (void)state;
    set(LCR, 0x10);
    set(IMSC, TX);
    os_mutex_lock(&dev->lock);
    host.take = 0;
    os_mutex_unlock(&dev->lock);
    for (int i = 0; i < 16; i++)
        set(DR, (uint8_t)expected[i]);
    assert_int_equal(get(FR) & 0xa8, 0x28); /* full and busy */
    set(DR, '!');                           /* against the rules: lost, and nothing else */
    assert_int_equal(bench.irq, 0);
    os_mutex_lock(&dev->lock);
    host.take = 3;
    os_mutex_unlock(&dev->lock);
    assert_true(EVENTUALLY((get(FR) & 0xa8) == 0x80));
    assert_int_equal(host.len, 16);
    assert_memory_equal(host.output, expected, 16);
    assert_int_equal(bench.irq, 1);
}

static void receives_without_fifo(void **state)
{
    unsigned pokes;

    (void)state;
    set(IMSC, RX);
    assert_int_equal(host_input("ab", 2), 1); /* one holding register */
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(FR), 0xc7);
    pokes = host.pokes;
    assert_int_equal(get(DR), 'a');
    assert_true(host.pokes > pokes); /* the backend is told that there is room */
    assert_int_equal(bench.irq, 0);
    assert_int_equal(host_input("b", 1), 1);
    assert_int_equal(get(DR), 'b');
    assert_int_equal(get(DR), 0);
    assert_int_equal(get(FR), 0x97);
}

static void fifo_levels(void **state)
{
    static const uint8_t triggers[] = {2, 4, 8, 12, 14};

    (void)state;
    set(LCR, 0x10);
    set(IMSC, RX);
    for (unsigned t = 0; t < 5; t++) {
        set(IFLS, t << 3);
        for (unsigned i = 1; i <= 16; i++) {
            assert_int_equal(host_input(&"0123456789abcdef"[i - 1], 1), 1);
            assert_int_equal(bench.irq, i >= triggers[t]);
        }
        assert_int_equal(host_input("more", 4), 0);
        assert_int_equal(get(FR) & 0x50, 0x40);
        for (unsigned i = 0; i < 16; i++) {
            assert_int_equal(bench.irq, 16 - i >= triggers[t]);
            assert_int_equal(get(DR), "0123456789abcdef"[i]);
        }
    }
    assert_int_equal(host_input("abcde", 5), 5);
    assert_int_equal(bench.irq, 0);
    set(IFLS, 1 << 3); /* a lower level is reached at once */
    assert_int_equal(bench.irq, 1);
    set(ICR, RX);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(host_input("f", 1), 1);
    assert_int_equal(bench.irq, 1);
}

static void timeout_tells_of_few_bytes(void **state)
{
    (void)state;
    set(LCR, 0x10);
    set(IBRD, 13);
    set(IMSC, RT);
    assert_int_equal(host_input("abc", 3), 3);
    assert_true(EVENTUALLY(bench.irq));
    assert_int_equal(get(MIS), RT);
    assert_int_equal(get(DR), 'a');
    assert_int_equal(bench.irq, 1); /* until it is empty, or cleared */
    set(ICR, RT);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(host_input("d", 1), 1);
    assert_true(EVENTUALLY(bench.irq));
    assert_int_equal(get(DR), 'b');
    assert_int_equal(get(DR), 'c');
    assert_int_equal(get(DR), 'd');
    assert_int_equal(bench.irq, 0);
    rest_us(6000);
    assert_int_equal(bench.irq, 0); /* nothing is left to tell of */
}

static void switching_fifos_empties_them(void **state)
{
    (void)state;
    set(LCR, 0x10);
    assert_int_equal(host_input("abc", 3), 3);
    set(LCR, 0x70);
    assert_int_equal(get(FR) & 0x10, 0);
    set(LCR, 0);
    assert_int_equal(get(FR) & 0x10, 0x10);
    assert_int_equal(get(RIS), 0);
}

static void loopback(void **state)
{
    (void)state;
    set(LCR, 0x10);
    set(CR, 0x380);
    assert_int_equal(get(FR) & 0x107, 0);
    assert_int_equal(get(RIS), 0xe); /* the three lines fell */
    set(CR, 0x380 | 0x3c00);
    assert_int_equal(get(FR) & 0x107, 0x107);
    assert_int_equal(get(RIS), 0xf);
    set(ICR, 0x7ff);
    assert_int_equal(host_input("x", 1), 0); /* the outside is cut off, but nothing is lost */
    for (unsigned i = 0; i < 17; i++)
        set(DR, i);
    assert_int_equal(get(RSR), 8); /* the 17th overran */
    assert_int_equal(get(RIS) & OE, OE);
    assert_int_equal(get(DR), 0x800);
    set(RSR, 0);
    for (unsigned i = 1; i < 16; i++)
        assert_int_equal(get(DR), i);
    set(LCR, 0x11); /* a break comes back as one */
    assert_int_equal(get(RIS) & BE, BE);
    assert_int_equal(get(DR), 0x400);
    assert_int_equal(get(RSR), 4);
    set(RSR, 0xff);
    assert_int_equal(get(RSR), 0);
    assert_int_equal(host.len, 0);
    set(CR, 0x300);
    assert_int_equal(host_input("x", 1), 1);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    set(LCR, 0x10);
    set(IMSC, RX);
    set(IBRD, 0x55);
    assert_int_equal(host_input("0123456789", 10), 10);
    get(DR);
    device_call(dev, dev->class->pause);
    assert_int_equal(host_input("x", 1), 0); /* paused: input waits outside */
    device_save(dev, &saved);
    device_call(dev, dev->class->reset);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_int_equal(bench.irq, 1); /* nine bytes, trigger 8 */
    device_load_spoiled(dev, &saved);
    device_call(dev, dev->class->resume);
    for (int i = 1; i < 10; i++)
        assert_int_equal(get(DR), '0' + i);
    assert_int_equal(get(IBRD), 0x55);
    text_fini(&saved);
}

static void queue_loses_nothing(void **state)
{
    struct console queue;
    struct os_thread *thread;
    struct pl011 *other;
    unsigned wrong = 0;

    (void)state;
    assert_int_equal(console_init(&queue, take_output, NULL), 0);
    assert_int_equal(console_input(&queue, "\0", 1), 1); /* before anyone is connected; the first of the sequence */
    assert_int_equal(pl011_new(&other, "uart1", &bench.env, &queue.backend, NULL), 0);
    pl011_free(uart);
    uart = other;
    dev = pl011_device(uart);
    set(DR, 'o');
    assert_memory_equal(host.output, "o", 1);
    assert_true(EVENTUALLY(!(get(FR) & 0x10)));
    assert_int_equal(get(DR), 0);
    set(LCR, 0x10); /* not before: it clears what has been received */
    assert_int_equal(os_thread_start(&thread, "feeder", feed, &queue, NULL), 0);
    for (unsigned i = 0; i < FED; i++) {
        for (unsigned tries = 0; (get(FR) & 0x10) && tries < 100000; tries++)
            rest_us(20);
        wrong += get(DR) != i % 251;
    }
    os_thread_join(thread);
    assert_int_equal(wrong, 0);
    assert_int_equal(console_input(&queue, "left over", 9), 9); /* freed while a delivery is under way */
    pl011_free(uart);
    uart = NULL;
    console_fini(&queue);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_uart, close_uart)
    const struct CMUnitTest tests[] = {
        CASE(resets_to_manual),
        CASE(sends),
        CASE(transmitter_interrupt),
        CASE(output_waits_for_backend),
        CASE(receives_without_fifo),
        CASE(fifo_levels),
        CASE(timeout_tells_of_few_bytes),
        CASE(switching_fifos_empties_them),
        CASE(loopback),
        CASE(snapshot),
        CASE(queue_loses_nothing),
    };

    return cmocka_run_group_tests_name("device_pl011", tests, NULL, NULL);
}
