/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The 16550A serial port (PC16550D data sheet). Differences from the chip, all of them on purpose: bytes are sent at once; input never
 * overruns because the backend is asked for no more than fits (only the guest's own loopback can overrun); the word length does not cut
 * bytes, because simple guests print without ever setting it. A backend that takes nothing is tried again by a timer.
 */
#include "device/serial/uart16550.h"
#include "base/bits.h"
#include "device/serial/sender.h"
#include <stdlib.h>

enum { R_DATA, R_IER, R_IIR_FCR, R_LCR, R_MCR, R_LSR, R_MSR, R_SCR, REGISTERS };
enum { FIFO = SERIAL_FIFO };
enum { IER_RX = 1, IER_TX = 2, IER_LINE = 4, IER_MODEM = 8 };
enum { IIR_MODEM = 0x0, IIR_NONE = 0x1, IIR_TX = 0x2, IIR_RX = 0x4, IIR_LINE = 0x6, IIR_TIMEOUT = 0xc, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4 };
enum { LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10 };
enum { LSR_READY = 1, LSR_OVERRUN = 2, LSR_BREAK = 0x10, LSR_TX_EMPTY = 0x20, LSR_TX_IDLE = 0x40, LSR_ERRORS = 0x1e };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_DELTA_RI = 0x04 };
enum { TIMEOUT_MAX_NS = 4000000 };

struct uart16550 {
    struct device device;
    struct serial_sender out;
    struct os_timer *timeout; /* input has lain below the trigger for four characters' time */
    uint8_t ier, fcr, lcr, mcr, msr, scr;
    uint8_t errors; /* LSR_ERRORS bits that stand */
    uint16_t divisor;
    uint8_t rx[FIFO], rx_break[FIFO];
    uint8_t rx_head, rx_count;
    bool tx_pending;      /* the "transmitter empty" interrupt */
    bool timeout_pending; /* the character timeout */
    bool paused, level;
};

static unsigned uart_room(const struct uart16550 *u)
{
    unsigned room = u->fcr & FCR_ENABLE ? FIFO : 1;

    return u->rx_count < room ? room - u->rx_count : 0;
}

static unsigned uart_trigger(const struct uart16550 *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return u->fcr & FCR_ENABLE ? levels[u->fcr >> 6] : 1;
}

static unsigned uart_interrupt(const struct uart16550 *u)
{
    if (u->ier & IER_LINE && u->errors)
        return IIR_LINE;
    if (u->ier & IER_RX && u->rx_count >= uart_trigger(u))
        return IIR_RX;
    if (u->ier & IER_RX && u->timeout_pending)
        return IIR_TIMEOUT;
    if (u->ier & IER_TX && u->tx_pending)
        return IIR_TX;
    if (u->ier & IER_MODEM && u->msr & 0xf)
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_update(struct uart16550 *u)
{
    bool level = uart_interrupt(u) != IIR_NONE;

    if (level != u->level) {
        u->level = level;
        irq_set(&u->device.irq[0], level);
    }
}

/* Four characters of ten bits, as the divisor says. */
static uint64_t uart_timeout_ns(const struct uart16550 *u)
{
    uint64_t ns = 4ull * 10 * 16 * (u->divisor ? u->divisor : 1) * 1000000000 / UART16550_CLOCK_HZ;

    return ns < TIMEOUT_MAX_NS ? ns : TIMEOUT_MAX_NS;
}

/* After every change of the receive FIFO: the timeout starts anew. */
static void uart_rx_changed(struct uart16550 *u)
{
    u->timeout_pending = false;
    if (!u->paused && u->fcr & FCR_ENABLE && u->rx_count && u->rx_count < uart_trigger(u))
        os_timer_set(u->timeout, os_clock_ns() + uart_timeout_ns(u));
    else
        os_timer_cancel(u->timeout);
}

static void uart_timeout(void *self)
{
    struct uart16550 *u = self;

    u->timeout_pending = u->rx_count > 0;
    uart_update(u);
}

static void uart_put(struct uart16550 *u, uint8_t byte, bool is_break)
{
    unsigned at;

    if (!uart_room(u)) {
        u->errors |= LSR_OVERRUN;
        return;
    }
    at = (u->rx_head + u->rx_count++) % FIFO;
    u->rx[at] = byte;
    u->rx_break[at] = is_break;
    if (u->rx_count == 1 && is_break)
        u->errors |= LSR_BREAK; /* shown when the character is the next to be read */
}

static size_t uart_backend_room(void *self)
{
    const struct uart16550 *u = self;

    return u->paused || u->mcr & MCR_LOOP ? 0 : uart_room(u);
}

static void uart_backend_receive(void *self, const void *buf, size_t len)
{
    struct uart16550 *u = self;

    for (const uint8_t *at = buf; len--; at++)
        uart_put(u, *at, false);
    uart_rx_changed(u);
    uart_update(u);
}

static void uart_poke(struct uart16550 *u)
{
    if (u->out.backend && uart_backend_room(u))
        u->out.backend->poke(u->out.backend->self);
}

static uint8_t uart_read_data(struct uart16550 *u)
{
    uint8_t byte = u->rx[u->rx_head];

    if (!u->rx_count)
        return 0;
    u->rx_head = (u->rx_head + 1) % FIFO;
    u->rx_count--;
    if (u->rx_count && u->rx_break[u->rx_head])
        u->errors |= LSR_BREAK;
    uart_rx_changed(u);
    uart_poke(u);
    return byte;
}

static void uart_sent(struct uart16550 *u, size_t taken)
{
    if (taken && !u->out.count)
        u->tx_pending = true;
}

static void uart_flush(struct uart16550 *u) { uart_sent(u, serial_sender_flush(&u->out)); }

static void uart_retry(void *self)
{
    struct uart16550 *u = self;

    uart_flush(u);
    uart_update(u);
}

static void uart_write_data(struct uart16550 *u, uint8_t byte)
{
    u->tx_pending = false;
    if (u->mcr & MCR_LOOP) {
        uart_put(u, byte, false);
        uart_rx_changed(u);
        u->tx_pending = true;
        return;
    }
    uart_sent(u, serial_sender_put(&u->out, byte, u->fcr & FCR_ENABLE ? FIFO : 1));
}

static void uart_write_fcr(struct uart16550 *u, uint8_t value)
{
    uint8_t clear = value;

    if ((value ^ u->fcr) & FCR_ENABLE)
        clear = FCR_CLEAR_RX | FCR_CLEAR_TX; /* switching the mode clears both */
    else if (!(value & FCR_ENABLE))
        return; /* the other bits count only with this one */
    if (clear & FCR_CLEAR_RX)
        u->rx_count = 0;
    if (clear & FCR_CLEAR_TX && u->out.count) {
        serial_sender_clear(&u->out);
        u->tx_pending = true;
    }
    u->fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | 0xc0) : 0;
    uart_rx_changed(u);
    uart_poke(u);
}

/* The modem lines as they are now, from the loopback or from a partner that is always there; notes what changed. */
static void uart_modem(struct uart16550 *u)
{
    uint8_t old = u->msr & 0xf0, now = MSR_DCD | MSR_DSR | MSR_CTS;

    if (u->mcr & MCR_LOOP)
        now = (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) | (u->mcr & MCR_OUT1 ? MSR_RI : 0) |
                        (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
    u->msr |= (old ^ now) >> 4 & ~MSR_DELTA_RI;
    if (old & MSR_RI && !(now & MSR_RI))
        u->msr |= MSR_DELTA_RI; /* only the end of a ring counts */
    u->msr = (uint8_t)(now | (u->msr & 0xf));
}

static void uart_write_ier(struct uart16550 *u, uint8_t value)
{
    uint8_t changed = u->ier ^ value;

    u->ier = value & 0xf;
    if (changed & IER_TX)
        u->tx_pending = u->ier & IER_TX && !u->out.count; /* enabling asks at once when there is nothing to send */
}

static void uart_write_lcr(struct uart16550 *u, uint8_t value)
{
    if (u->mcr & MCR_LOOP && value & ~u->lcr & LCR_BREAK) {
        uart_put(u, 0, true);
        uart_rx_changed(u);
    }
    u->lcr = value;
}

static uint8_t uart_read_iir(struct uart16550 *u)
{
    unsigned id = uart_interrupt(u);

    if (id == IIR_TX)
        u->tx_pending = false;
    return (uint8_t)(id | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0));
}

static uint8_t uart_read_lsr(struct uart16550 *u)
{
    uint8_t value = u->errors | (u->rx_count ? LSR_READY : 0) | (u->out.count ? 0 : LSR_TX_EMPTY | LSR_TX_IDLE);

    for (unsigned i = 0; u->fcr & FCR_ENABLE && i < u->rx_count; i++)
        if (u->rx_break[(u->rx_head + i) % FIFO])
            value |= 0x80; /* an error is somewhere in the FIFO */
    u->errors = 0;
    return value;
}

static uint8_t uart_read_msr(struct uart16550 *u)
{
    uint8_t value = u->msr;

    u->msr &= 0xf0;
    return value;
}

static bool uart_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct uart16550 *u = self;
    bool dlab = u->lcr & LCR_DLAB;

    (void)size; /* wider accesses meet the one register */
    switch (offset) {
    case R_DATA: *value = dlab ? u->divisor & 0xff : uart_read_data(u); break;
    case R_IER: *value = dlab ? u->divisor >> 8 : u->ier; break;
    case R_IIR_FCR: *value = uart_read_iir(u); break;
    case R_LCR: *value = u->lcr; break;
    case R_MCR: *value = u->mcr; break;
    case R_LSR: *value = uart_read_lsr(u); break;
    case R_MSR: *value = uart_read_msr(u); break;
    case R_SCR: *value = u->scr; break;
    default: return false;
    }
    uart_update(u);
    return true;
}

static bool uart_write(void *self, uint64_t offset, unsigned size, uint64_t wide)
{
    struct uart16550 *u = self;
    bool dlab = u->lcr & LCR_DLAB;
    uint8_t value = (uint8_t)wide;

    (void)size;
    switch (offset) {
    case R_DATA:
        if (dlab)
            u->divisor = (uint16_t)((u->divisor & 0xff00) | value);
        else
            uart_write_data(u, value);
        break;
    case R_IER:
        if (dlab)
            u->divisor = (uint16_t)((u->divisor & 0xff) | value << 8);
        else
            uart_write_ier(u, value);
        break;
    case R_IIR_FCR: uart_write_fcr(u, value); break;
    case R_LCR: uart_write_lcr(u, value); break;
    case R_MCR:
        u->mcr = value & 0x1f;
        uart_modem(u);
        uart_poke(u);
        break;
    case R_LSR: /* factory tests only */
    case R_MSR: break;
    case R_SCR: u->scr = value; break;
    default: return false;
    }
    uart_update(u);
    return true;
}

const struct mem_ops uart16550_ops = {.read = uart_read, .write = uart_write, .sizes = 1 | 2 | 4};

static void uart_reset(void *self)
{
    struct uart16550 *u = self;

    os_timer_cancel(u->timeout);
    serial_sender_clear(&u->out);
    u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->errors = 0;
    u->msr = MSR_DCD | MSR_DSR | MSR_CTS;
    u->divisor = 12;
    u->rx_head = u->rx_count = 0;
    u->tx_pending = u->timeout_pending = false;
    uart_update(u);
    uart_poke(u);
}

static void uart_pause(void *self)
{
    struct uart16550 *u = self;

    u->paused = true;
    os_timer_cancel(u->timeout);
    serial_sender_pause(&u->out);
}

static void uart_resume(void *self)
{
    struct uart16550 *u = self;

    u->paused = false;
    serial_sender_resume(&u->out);
    if (!u->timeout_pending)
        uart_rx_changed(u);
    uart_flush(u);
    uart_update(u);
    uart_poke(u);
}

static int uart_after_load(void *self)
{
    struct uart16550 *u = self;

    if (u->rx_head >= FIFO || u->rx_count > FIFO || u->out.count > FIFO)
        return -STATUS_corrupt;
    u->ier &= 0xf;
    u->mcr &= 0x1f;
    u->errors &= LSR_ERRORS;
    u->fcr &= FCR_ENABLE | 0xc0;
    uart_update(u);
    return 0;
}

static const struct state_field uart_fields[] = {
    STATE_FIELD(1, struct uart16550, ier, u8, 1),
    STATE_FIELD(2, struct uart16550, fcr, u8, 1),
    STATE_FIELD(3, struct uart16550, lcr, u8, 1),
    STATE_FIELD(4, struct uart16550, mcr, u8, 1),
    STATE_FIELD(5, struct uart16550, msr, u8, 1),
    STATE_FIELD(6, struct uart16550, scr, u8, 1),
    STATE_FIELD(7, struct uart16550, errors, u8, 1),
    STATE_FIELD(8, struct uart16550, divisor, u16, 1),
    STATE_FIELD(9, struct uart16550, rx, bytes, FIFO),
    STATE_FIELD(10, struct uart16550, rx_break, bytes, FIFO),
    STATE_FIELD(11, struct uart16550, rx_head, u8, 1),
    STATE_FIELD(12, struct uart16550, rx_count, u8, 1),
    STATE_FIELD(13, struct uart16550, out.bytes, bytes, FIFO),
    STATE_FIELD(14, struct uart16550, out.count, u8, 1),
    STATE_FIELD(15, struct uart16550, tx_pending, bool, 1),
    STATE_FIELD(16, struct uart16550, timeout_pending, bool, 1),
};

static const struct state_desc uart_state = {"uart16550", uart_fields, ARRAY_LEN(uart_fields), uart_after_load};

static void uart_free(void *self) { uart16550_free(self); }

const struct device_class uart16550_class = {
    .name = "uart16550",
    .doc = "16550A serial port with 16-byte FIFOs",
    .state = &uart_state,
    .reset = uart_reset,
    .pause = uart_pause,
    .resume = uart_resume,
    .free = uart_free,
};

int uart16550_new(struct uart16550 **out, const char *id, const struct device_env *env, struct char_backend *backend, struct err *err)
{
    struct uart16550 *u = calloc(1, sizeof(*u));

    if (!u)
        return err_set(err, STATUS_resource, "no memory for serial port %s", id);
    device_init(&u->device, &uart16550_class, id, env);
    if (os_timer_new(&u->timeout, env->loop, &u->device.lock, uart_timeout, u) || serial_sender_init(&u->out, &u->device, uart_retry)) {
        uart16550_free(u);
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

void uart16550_free(struct uart16550 *u)
{
    if (!u)
        return;
    serial_sender_fini(&u->out);
    os_timer_free(u->timeout);
    device_fini(&u->device);
    free(u);
}

struct device *uart16550_device(struct uart16550 *u) { return &u->device; }
