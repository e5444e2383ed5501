/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The PL011 (technical reference manual DDI 0183). Differences from the chip, all of them on purpose: bytes are sent at once, and each asks
 * for the transmit interrupt; input never overruns because the backend is asked for no more than fits; the enable bits of UARTCR are kept
 * but not obeyed, because simple guests never set them. A backend that takes nothing is tried again by a timer.
 */
#include "device/serial/pl011.h"
#include "base/bits.h"
#include "device/serial/sender.h"
#include <stdlib.h>

enum {
    R_DR = 0x00,
    R_RSR = 0x04,
    R_FR = 0x18,
    R_ILPR = 0x20,
    R_IBRD = 0x24,
    R_FBRD = 0x28,
    R_LCR = 0x2c,
    R_CR = 0x30,
    R_IFLS = 0x34,
    R_IMSC = 0x38,
    R_RIS = 0x3c,
    R_MIS = 0x40,
    R_ICR = 0x44,
    R_DMACR = 0x48,
    R_ID = 0xfe0,
};
enum { FIFO = SERIAL_FIFO };
enum {
    FR_CTS = 1,
    FR_DSR = 2,
    FR_DCD = 4,
    FR_BUSY = 8,
    FR_RX_EMPTY = 0x10,
    FR_TX_FULL = 0x20,
    FR_RX_FULL = 0x40,
    FR_TX_EMPTY = 0x80,
    FR_RI = 0x100,
    MODEM_RI = 8 /* in the byte that is kept */
};
enum { LCR_BREAK = 1, LCR_FIFO = 0x10 };
enum { CR_LOOP = 0x80, CR_DTR = 0x400, CR_RTS = 0x800, CR_OUT1 = 0x1000, CR_OUT2 = 0x2000, CR_BITS = 0xff87, CR_RESET = 0x300 };
enum {
    INT_RI = 1,
    INT_CTS = 2,
    INT_DCD = 4,
    INT_DSR = 8,
    INT_RX = 0x10,
    INT_TX = 0x20,
    INT_TIMEOUT = 0x40,
    INT_BREAK = 0x200,
    INT_OVERRUN = 0x400,
    INT_BITS = 0x7ff
};
enum { CHAR_BREAK = 0x400, CHAR_OVERRUN = 0x800 }; /* beside a byte in UARTDR */
enum { IFLS_RESET = 0x12, TIMEOUT_MAX_NS = 4000000 };

struct pl011 {
    struct device device;
    struct serial_sender out;
    struct os_timer *timeout;               /* input has lain in the FIFO for 32 bits' time */
    uint16_t control, lines, mask, pending; /* UARTCR, UARTLCR_H, UARTIMSC, UARTRIS */
    uint16_t divisor;
    uint8_t fraction, levels, errors, low_power, dma, modem;
    uint16_t rx[FIFO];
    uint8_t rx_head, rx_count;
    bool paused, level;
};

static unsigned uart_depth(const struct pl011 *u) { return u->lines & LCR_FIFO ? FIFO : 1; }

static unsigned uart_room(const struct pl011 *u) { return u->rx_count < uart_depth(u) ? uart_depth(u) - u->rx_count : 0; }

static unsigned uart_trigger(const struct pl011 *u)
{
    static const uint8_t levels[] = {FIFO / 8, FIFO / 4, FIFO / 2, FIFO * 3 / 4, FIFO * 7 / 8, FIFO / 2, FIFO / 2, FIFO / 2};

    return u->lines & LCR_FIFO ? levels[u->levels >> 3] : 1;
}

static void uart_update(struct pl011 *u)
{
    bool level = u->pending & u->mask;

    if (level != u->level) {
        u->level = level;
        irq_set(&u->device.irq[0], level);
    }
}

static uint64_t uart_timeout_ns(const struct pl011 *u)
{
    uint64_t divisor = (uint64_t)u->divisor * 64 + u->fraction, ns = 32ull * 16 * divisor * 1000000000 / 64 / PL011_CLOCK_HZ;

    return ns < TIMEOUT_MAX_NS ? ns : TIMEOUT_MAX_NS;
}

/* After every change of the receive FIFO: the timeout starts anew. */
static void uart_rx_changed(struct pl011 *u)
{
    if (u->rx_count < uart_trigger(u))
        u->pending &= (uint16_t)~INT_RX;
    if (!u->rx_count)
        u->pending &= (uint16_t)~INT_TIMEOUT;
    if (!u->paused && u->rx_count && u->lines & LCR_FIFO && !(u->pending & INT_TIMEOUT))
        os_timer_set(u->timeout, os_clock_ns() + uart_timeout_ns(u));
    else
        os_timer_cancel(u->timeout);
}

static void uart_timeout(void *self)
{
    struct pl011 *u = self;

    if (u->rx_count)
        u->pending |= INT_TIMEOUT;
    uart_update(u);
}

static void uart_put(struct pl011 *u, uint16_t character)
{
    if (!uart_room(u)) {
        u->pending |= INT_OVERRUN;
        u->errors |= CHAR_OVERRUN >> 8;
        return;
    }
    u->rx[(u->rx_head + u->rx_count++) % FIFO] = character;
    if (u->rx_count >= uart_trigger(u))
        u->pending |= INT_RX;
    if (character & CHAR_BREAK)
        u->pending |= INT_BREAK;
}

static size_t uart_backend_room(void *self)
{
    const struct pl011 *u = self;

    return u->paused || u->control & CR_LOOP ? 0 : uart_room(u);
}

static void uart_backend_receive(void *self, const void *buf, size_t len)
{
    struct pl011 *u = self;

    for (const uint8_t *at = buf; len--; at++)
        uart_put(u, *at);
    uart_rx_changed(u);
    uart_update(u);
}

static void uart_poke(struct pl011 *u)
{
    if (u->out.backend && uart_backend_room(u))
        u->out.backend->poke(u->out.backend->self);
}

static uint16_t uart_read_data(struct pl011 *u)
{
    uint16_t character = u->rx[u->rx_head];

    if (!u->rx_count)
        return 0;
    u->rx_head = (u->rx_head + 1) % FIFO;
    u->rx_count--;
    u->errors = (uint8_t)((u->errors & CHAR_OVERRUN >> 8) | character >> 8); /* an overrun stands until it is cleared */
    uart_rx_changed(u);
    uart_poke(u);
    return (uint16_t)(character | (u->errors << 8 & CHAR_OVERRUN));
}

static void uart_sent(struct pl011 *u, size_t taken)
{
    if (taken)
        u->pending |= INT_TX;
}

static void uart_flush(struct pl011 *u) { uart_sent(u, serial_sender_flush(&u->out)); }

static void uart_retry(void *self)
{
    struct pl011 *u = self;

    uart_flush(u);
    uart_update(u);
}

static void uart_write_data(struct pl011 *u, uint8_t byte)
{
    u->pending &= (uint16_t)~INT_TX;
    if (u->control & CR_LOOP) {
        uart_put(u, byte);
        uart_rx_changed(u);
        u->pending |= INT_TX;
        return;
    }
    uart_sent(u, serial_sender_put(&u->out, byte, uart_depth(u)));
}

/* The modem lines as they are now, from the loopback or from a partner that is always there; changes ask for their interrupts. */
static void uart_modem(struct pl011 *u)
{
    static const struct {
        uint16_t flag, interrupt;
    } inputs[] = {{FR_CTS, INT_CTS}, {FR_DSR, INT_DSR}, {FR_DCD, INT_DCD}};
    uint16_t now = FR_CTS | FR_DSR | FR_DCD, ring = 0;

    if (u->control & CR_LOOP) {
        now = (uint16_t)((u->control & CR_RTS ? FR_CTS : 0) | (u->control & CR_DTR ? FR_DSR : 0) | (u->control & CR_OUT1 ? FR_DCD : 0));
        ring = u->control & CR_OUT2 ? MODEM_RI : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
        if ((u->modem ^ now) & inputs[i].flag)
            u->pending |= inputs[i].interrupt;
    if ((u->modem ^ ring) & MODEM_RI)
        u->pending |= INT_RI;
    u->modem = (uint8_t)(now | ring);
}

static uint16_t uart_flags(const struct pl011 *u)
{
    return (uint16_t)((u->modem & 7) | (u->modem & MODEM_RI ? FR_RI : 0) | (u->rx_count ? 0 : FR_RX_EMPTY) |
                      (uart_room(u) ? 0 : FR_RX_FULL) | (u->out.count ? 0 : FR_TX_EMPTY) | (u->out.count < uart_depth(u) ? 0 : FR_TX_FULL) |
                      (u->out.count ? FR_BUSY : 0));
}

static void uart_write_lines(struct pl011 *u, uint16_t value)
{
    bool begins = value & ~u->lines & LCR_BREAK;

    if ((u->lines ^ value) & LCR_FIFO) { /* switching the mode empties both */
        u->rx_count = 0;
        serial_sender_clear(&u->out);
    }
    u->lines = value & 0xff;
    if (u->control & CR_LOOP && begins)
        uart_put(u, CHAR_BREAK);
    uart_rx_changed(u);
    uart_poke(u);
}

static void uart_write_control(struct pl011 *u, uint16_t value)
{
    u->control = value & CR_BITS;
    uart_modem(u);
    uart_poke(u);
}

static bool uart_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    static const uint8_t ids[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct pl011 *u = self;

    (void)size;
    *value = 0;
    switch (offset) {
    case R_DR: *value = uart_read_data(u); break;
    case R_RSR: *value = u->errors; break;
    case R_FR: *value = uart_flags(u); break;
    case R_ILPR: *value = u->low_power; break;
    case R_IBRD: *value = u->divisor; break;
    case R_FBRD: *value = u->fraction; break;
    case R_LCR: *value = u->lines; break;
    case R_CR: *value = u->control; break;
    case R_IFLS: *value = u->levels; break;
    case R_IMSC: *value = u->mask; break;
    case R_RIS: *value = u->pending; break;
    case R_MIS: *value = u->pending & u->mask; break;
    case R_DMACR: *value = u->dma; break;
    default:
        if (offset >= R_ID)
            *value = offset % 4 ? 0 : ids[(offset - R_ID) / 4];
        else
            log_guest(u->device.log, u->device.id, "read of offset 0x%llx, where no register is", (unsigned long long)offset);
    }
    uart_update(u);
    return true;
}

static bool uart_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct pl011 *u = self;

    (void)size;
    switch (offset) {
    case R_DR: uart_write_data(u, (uint8_t)value); break;
    case R_RSR: u->errors = 0; break;
    case R_ILPR: u->low_power = (uint8_t)value; break;
    case R_IBRD: u->divisor = (uint16_t)value; break;
    case R_FBRD: u->fraction = value & 0x3f; break;
    case R_LCR: uart_write_lines(u, (uint16_t)value); break;
    case R_CR: uart_write_control(u, (uint16_t)value); break;
    case R_IFLS:
        u->levels = value & 0x3f;
        if (u->rx_count && u->rx_count >= uart_trigger(u))
            u->pending |= INT_RX;
        uart_rx_changed(u);
        break;
    case R_IMSC: u->mask = value & INT_BITS; break;
    case R_ICR: u->pending &= (uint16_t)~value; break;
    case R_DMACR: u->dma = value & 7; break; /* there is no DMA controller */
    default: log_guest(u->device.log, u->device.id, "write to offset 0x%llx, where no register is", (unsigned long long)offset);
    }
    uart_update(u);
    return true;
}

const struct mem_ops pl011_ops = {.read = uart_read, .write = uart_write, .sizes = 1 | 2 | 4};

static void uart_reset(void *self)
{
    struct pl011 *u = self;

    os_timer_cancel(u->timeout);
    serial_sender_clear(&u->out);
    u->control = CR_RESET;
    u->levels = IFLS_RESET;
    u->lines = u->mask = u->pending = u->divisor = 0;
    u->fraction = u->errors = u->low_power = u->dma = 0;
    u->modem = FR_CTS | FR_DSR | FR_DCD;
    u->rx_head = u->rx_count = 0;
    uart_update(u);
    uart_poke(u);
}

static void uart_pause(void *self)
{
    struct pl011 *u = self;

    u->paused = true;
    os_timer_cancel(u->timeout);
    serial_sender_pause(&u->out);
}

static void uart_resume(void *self)
{
    struct pl011 *u = self;

    u->paused = false;
    serial_sender_resume(&u->out);
    uart_rx_changed(u);
    uart_flush(u);
    uart_update(u);
    uart_poke(u);
}

static int uart_after_load(void *self)
{
    struct pl011 *u = self;

    if (u->rx_head >= FIFO || u->rx_count > FIFO || u->out.count > FIFO)
        return -STATUS_corrupt;
    u->control &= CR_BITS;
    u->lines &= 0xff;
    u->mask &= INT_BITS;
    u->pending &= INT_BITS;
    u->levels &= 0x3f;
    u->fraction &= 0x3f;
    uart_update(u);
    return 0;
}

static const struct state_field uart_fields[] = {
    STATE_FIELD(1, struct pl011, control, u16, 1),
    STATE_FIELD(2, struct pl011, lines, u16, 1),
    STATE_FIELD(3, struct pl011, mask, u16, 1),
    STATE_FIELD(4, struct pl011, pending, u16, 1),
    STATE_FIELD(5, struct pl011, divisor, u16, 1),
    STATE_FIELD(6, struct pl011, fraction, u8, 1),
    STATE_FIELD(7, struct pl011, levels, u8, 1),
    STATE_FIELD(8, struct pl011, errors, u8, 1),
    STATE_FIELD(9, struct pl011, low_power, u8, 1),
    STATE_FIELD(10, struct pl011, dma, u8, 1),
    STATE_FIELD(11, struct pl011, modem, u8, 1),
    STATE_FIELD(12, struct pl011, rx, u16, FIFO),
    STATE_FIELD(13, struct pl011, rx_head, u8, 1),
    STATE_FIELD(14, struct pl011, rx_count, u8, 1),
    STATE_FIELD(15, struct pl011, out.bytes, bytes, FIFO),
    STATE_FIELD(16, struct pl011, out.count, u8, 1),
};

static const struct state_desc uart_state = {"pl011", uart_fields, ARRAY_LEN(uart_fields), uart_after_load};

static void uart_free(void *self) { pl011_free(self); }

const struct device_class pl011_class = {
    .name = "pl011",
    .doc = "Arm PL011 serial port with 16-byte FIFOs",
    .state = &uart_state,
    .reset = uart_reset,
    .pause = uart_pause,
    .resume = uart_resume,
    .free = uart_free,
};

int pl011_new(struct pl011 **out, const char *id, const struct device_env *env, struct char_backend *backend, struct err *err)
{
    struct pl011 *u = calloc(1, sizeof *u);

    if (!u)
        return err_set(err, STATUS_resource, "no memory for serial port %s", id);
    device_init(&u->device, &pl011_class, id, env);
    if (os_timer_new(&u->timeout, env->loop, &u->device.lock, uart_timeout, u) || serial_sender_init(&u->out, &u->device, uart_retry)) {
        pl011_free(u);
        return err_set(err, STATUS_resource, "no memory for serial port %s", id);
    }
    uart_reset(u);
    if (backend) {
        u->out.backend = backend;
        backend->connect(backend->self, env->loop, &u->device.lock, uart_backend_room, uart_backend_receive, u);
    }
    *out = u;
    return 0;
}

void pl011_free(struct pl011 *u)
{
    if (!u)
        return;
    serial_sender_fini(&u->out);
    os_timer_free(u->timeout);
    device_fini(&u->device);
    free(u);
}

struct device *pl011_device(struct pl011 *u) { return &u->device; }
