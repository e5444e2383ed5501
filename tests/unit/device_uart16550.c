/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The 16550A by its registers: interrupts and their order, FIFO and trigger, loopback, back-pressure both ways, snapshot. */
#include "device/serial/uart16550.h"
#include "device_serial_host.h"
#include <string.h>

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

static struct bench bench;
static struct uart16550 *uart;
static struct device *dev;

static int open_uart(void **state)
{
    (void)state;
    bench_open(&bench);
    memset(&host, 0, sizeof(host));
    host.take = sizeof(host.output);
    host.backend = (struct char_backend){NULL, host_write, host_connect, host_poke, host_disconnect};
    assert_int_equal(uart16550_new(&uart, "uart0", &bench.env, &host.backend, NULL), 0);
    dev = uart16550_device(uart);
    bench_connect(&bench, dev);
    return 0;
}

static int close_uart(void **state)
{
    (void)state;
    uart16550_free(uart);
    assert_int_equal(host.connected, 0);
    uart16550_free(NULL);
    bench_close(&bench);
    return 0;
}

static uint8_t get(unsigned r) { return (uint8_t)reg(dev, &uart16550_ops, r, 1); }

static void set(unsigned r, uint8_t value) { reg_set(dev, &uart16550_ops, r, 1, value); }

static void resets_to_data_sheet(void **state)
{
    uint64_t value;

    (void)state;
    assert_int_equal(get(LSR), 0x60);
    assert_int_equal(get(IIR), 0x01);
    assert_int_equal(get(MSR), 0xb0);
    assert_int_equal(get(IER), 0);
    assert_int_equal(get(LCR), 0);
    set(SCR, 0x5a);
    assert_int_equal(get(SCR), 0x5a);
    set(IER, 0xff);
    assert_int_equal(get(IER), 0x0f); /* a plain 16550A: no upper bits */
    set(MCR, 0xff);
    assert_int_equal(get(MCR), 0x1f);
    assert_false(bus_read(dev, &uart16550_ops, 8, 1, &value));
    assert_false(bus_write(dev, &uart16550_ops, 0xff, 1, 0));
    assert_int_equal(reg(dev, &uart16550_ops, SCR, 4), 0x5a);
    device_call(dev, dev->class->reset);
    assert_int_equal(get(SCR), 0);
    assert_int_equal(get(IER), 0);
}

static void divisor_hides_registers(void **state)
{
    (void)state;
    set(IER, 1);
    set(LCR, 0x83);
    set(DATA, 0x34);
    set(IER, 0x12);
    assert_int_equal(get(DATA), 0x34);
    assert_int_equal(get(IER), 0x12);
    set(LCR, 0x03);
    assert_int_equal(get(IER), 1);
    assert_int_equal(host.len, 0);
}

static void sends(void **state)
{
    (void)state;
    for (const char *at = "hello"; *at; at++)
        set(DATA, (uint8_t)*at);
    assert_int_equal(host.len, 5);
    assert_memory_equal(host.output, "hello", 5);
    assert_int_equal(get(LSR), 0x60);
}

static void transmitter_interrupt(void **state)
{
    (void)state;
    set(IER, 2); /* enabling asks at once, because nothing is to be sent */
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(IIR), 0x02); /* reading it takes it back */
    assert_int_equal(bench.irq, 0);
    assert_int_equal(get(IIR), 0x01);
    set(IER, 2); /* nothing changed: no new one */
    assert_int_equal(bench.irq, 0);
    set(IER, 0);
    set(IER, 2); /* off and on: again, as drivers probe for */
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(IIR), 0x02);
    set(DATA, 'x');
    assert_int_equal(bench.irq, 1); /* sent: empty again */
    assert_int_equal(get(IIR), 0x02);
    set(DATA, 'y');
    set(IER, 0);
    assert_int_equal(bench.irq, 0);
}

static void output_waits_for_backend(void **state)
{
    char expected[17] = "abcdefghijklmnop";

    (void)state;
    set(FCR, 1);
    set(IER, 2);
    get(IIR);
    os_mutex_lock(&dev->lock);
    host.take = 0;
    os_mutex_unlock(&dev->lock);
    for (int i = 0; i < 16; i++)
        set(DATA, (uint8_t)expected[i]);
    set(DATA, '!'); /* against the rules: lost, and nothing else */
    assert_int_equal(get(LSR) & 0x60, 0);
    assert_int_equal(bench.irq, 0);
    os_mutex_lock(&dev->lock);
    host.take = 3;
    os_mutex_unlock(&dev->lock);
    assert_true(EVENTUALLY(get(LSR) == 0x60));
    assert_int_equal(host.len, 16);
    assert_memory_equal(host.output, expected, 16);
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(IIR), 0xc2);
}

static void receives_without_fifo(void **state)
{
    unsigned pokes;

    (void)state;
    set(IER, 1);
    assert_int_equal(host_input("ab", 2), 1); /* one holding register */
    assert_int_equal(bench.irq, 1);
    assert_int_equal(get(IIR), 0x04);
    assert_int_equal(get(LSR), 0x61);
    pokes = host.pokes;
    assert_int_equal(get(DATA), 'a');
    assert_true(host.pokes > pokes); /* the backend is told that there is room */
    assert_int_equal(bench.irq, 0);
    assert_int_equal(host_input("b", 1), 1);
    assert_int_equal(get(DATA), 'b');
    assert_int_equal(get(LSR), 0x60);
}

static void fifo_holds_sixteen(void **state)
{
    static const uint8_t triggers[] = {1, 4, 8, 14};

    (void)state;
    set(LCR, 0x80);
    set(DATA, 0xff); /* slow: the timeout must not come in between */
    set(IER, 0xff);
    set(LCR, 0x03);
    for (unsigned t = 0; t < 4; t++) {
        set(FCR, (uint8_t)(t << 6 | 3));
        set(IER, 1);
        for (unsigned i = 1; i <= 16; i++) {
            assert_int_equal(host_input(&"0123456789abcdef"[i - 1], 1), 1);
            if (i >= triggers[t])
                assert_int_equal(get(IIR), 0xc4);
            else
                assert_int_not_equal(get(IIR), 0xc4);
        }
        assert_int_equal(host_input("more", 4), 0);
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(get(DATA), "0123456789abcdef"[i]);
        assert_int_equal(get(LSR), 0x60);
        set(IER, 0);
    }
}

static void timeout_tells_of_few_bytes(void **state)
{
    unsigned calls;

    (void)state;
    set(FCR, 0xc1); /* trigger 14 */
    set(IER, 1);
    assert_int_equal(host_input("abc", 3), 3);
    assert_true(EVENTUALLY(bench.irq));
    assert_int_equal(get(IIR), 0xcc);
    calls = bench.irq_calls;
    assert_int_equal(get(DATA), 'a');
    assert_true(bench.irq_calls > calls); /* a read takes it back and starts the timeout anew */
    assert_true(EVENTUALLY(bench.irq));
    assert_int_equal(get(DATA), 'b');
    assert_int_equal(get(DATA), 'c');
    rest_us(6000);
    assert_int_equal(bench.irq, 0); /* nothing is left to tell of */
}

static void clearing_fifos(void **state)
{
    (void)state;
    set(FCR, 1);
    assert_int_equal(host_input("abc", 3), 3);
    set(FCR, 0); /* the mode changes: emptied */
    assert_int_equal(get(LSR), 0x60);
    assert_int_equal(get(IIR), 0x01);
    set(FCR, 1);
    assert_int_equal(host_input("abc", 3), 3);
    set(FCR, 3);
    assert_int_equal(get(LSR), 0x60);
    set(FCR, 0);
    assert_int_equal(host_input("abc", 3), 1);
    set(FCR, 2); /* without bit 0 the others do not count */
    assert_int_equal(get(LSR), 0x61);
}

static void loopback(void **state)
{
    (void)state;
    set(FCR, 1);
    set(MCR, 0x10);
    assert_int_equal(get(MSR) & 0xf0, 0);
    set(MCR, 0x1a); /* RTS and OUT2 come back as CTS and DCD: how drivers find a port */
    assert_int_equal(get(MSR) & 0xf0, 0x90);
    set(MCR, 0x1f);
    assert_int_equal(get(MSR), 0xf2); /* DSR changed; RI rising does not count */
    set(MCR, 0x1b);
    assert_int_equal(get(MSR), 0xb4); /* RI fell */
    assert_int_equal(get(MSR), 0xb0);
    assert_int_equal(host_input("x", 1), 0); /* the outside is cut off, but nothing is lost */
    for (unsigned i = 0; i < 17; i++)
        set(DATA, (uint8_t)i);
    assert_int_equal(get(LSR), 0x63); /* the 17th overran; told once */
    assert_int_equal(get(LSR), 0x61);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(get(DATA), i);
    set(LCR, 0x40); /* a break comes back as one */
    assert_int_equal(get(LSR), 0xf1);
    assert_int_equal(get(DATA), 0);
    assert_int_equal(get(LSR), 0x60);
    assert_int_equal(host.len, 0);
    set(MCR, 0);
    assert_int_equal(host_input("x", 1), 1);
}

static void interrupts_have_an_order(void **state)
{
    (void)state;
    set(FCR, 1);
    set(MCR, 0x10);
    get(MSR);
    set(MCR, 0x11);
    set(LCR, 0x40);
    set(IER, 0x0f);
    assert_int_equal(get(IIR), 0xc6); /* break */
    get(LSR);
    assert_int_equal(get(IIR), 0xc4); /* a byte */
    get(DATA);
    assert_int_equal(get(IIR), 0xc2); /* transmitter */
    assert_int_equal(get(IIR), 0xc0); /* modem */
    assert_int_equal(bench.irq, 1);
    get(MSR);
    assert_int_equal(get(IIR), 0xc1);
    assert_int_equal(bench.irq, 0);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    set(FCR, 0x81);
    set(IER, 1);
    set(LCR, 0x83);
    set(DATA, 0x55);
    set(LCR, 0x03);
    set(SCR, 0x77);
    assert_int_equal(host_input("0123456789", 10), 10);
    get(DATA);
    device_call(dev, dev->class->pause);
    assert_int_equal(host_input("x", 1), 0); /* paused: input waits outside */
    device_save(dev, &saved);
    device_call(dev, dev->class->reset);
    assert_int_equal(bench.irq, 0);
    assert_int_equal(device_load(dev, &saved), 0);
    assert_int_equal(bench.irq, 1); /* nine bytes, trigger 8 */
    device_load_spoiled(dev, &saved);
    device_call(dev, dev->class->resume);
    assert_int_equal(get(IIR), 0xc4);
    assert_int_equal(get(SCR), 0x77);
    for (int i = 1; i < 10; i++)
        assert_int_equal(get(DATA), '0' + i);
    set(LCR, 0x80);
    assert_int_equal(get(DATA), 0x55);
    text_fini(&saved);
}

static void queue_loses_nothing(void **state)
{
    struct console queue;
    struct os_thread *thread;
    struct uart16550 *other;
    unsigned wrong = 0;

    (void)state;
    assert_int_equal(console_init(&queue, take_output, NULL), 0);
    assert_int_equal(console_input(&queue, "\0", 1), 1); /* before anyone is connected; the first of the sequence */
    assert_int_equal(uart16550_new(&other, "uart1", &bench.env, &queue.backend, NULL), 0);
    uart16550_free(uart);
    uart = other;
    dev = uart16550_device(uart);
    set(DATA, 'o');
    assert_memory_equal(host.output, "o", 1);
    assert_true(EVENTUALLY(get(LSR) & 1));
    assert_int_equal(get(DATA), 0);
    set(FCR, 1); /* not before: it clears what has been received */
    assert_int_equal(os_thread_start(&thread, "feeder", feed, &queue, NULL), 0);
    for (unsigned i = 0; i < FED; i++) {
        for (unsigned tries = 0; !(get(LSR) & 1) && tries < 10000000; tries++)
            rest_us(20);
        wrong += get(DATA) != i % 251;
    }
    os_thread_join(thread);
    assert_int_equal(wrong, 0);
    assert_int_equal(console_input(&queue, "left over", 9), 9); /* freed while a delivery is under way */
    uart16550_free(uart);
    uart = NULL;
    console_fini(&queue);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_uart, close_uart)
    const struct CMUnitTest tests[] = {
        CASE(resets_to_data_sheet),
        CASE(divisor_hides_registers),
        CASE(sends),
        CASE(transmitter_interrupt),
        CASE(output_waits_for_backend),
        CASE(receives_without_fifo),
        CASE(fifo_holds_sixteen),
        CASE(timeout_tells_of_few_bytes),
        CASE(clearing_fifos),
        CASE(loopback),
        CASE(interrupts_have_an_order),
        CASE(snapshot),
        CASE(queue_loses_nothing),
    };

    return cmocka_run_group_tests_name("device_uart16550", tests, NULL, NULL);
}
