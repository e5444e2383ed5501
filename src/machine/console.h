/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The machine's console: output of serial port, virtio console, firmware calls and semihosting goes to one function of the user's; input
 * waits in a ring until the connected device, or a firmware call, takes it. As long as firmware calls read, the device gets nothing.
 */
#pragma once
#include "device/device.h"

enum { CONSOLE_RING = 1 << 16 };

struct console {
    struct char_backend backend; /* for the device; self is this struct */
    void (*output)(void *arg, const void *data, size_t len);
    void *arg;
    struct os_mutex out_lock, lock; /* order of output; the fields below */
    struct os_cond arrived;         /* input came, or waiting is to end */
    uint8_t *ring;
    size_t head, used;
    bool claimed; /* firmware calls read the input */
    bool posted;  /* a delivery waits on the loop */
    bool hurry;   /* nobody may wait for input now: the machine pauses or stops */
    struct os_loop *loop;
    struct os_mutex *device_lock;
    size_t (*room)(void *device);
    void (*receive)(void *device, const void *data, size_t len);
    void *device;
};

int console_init(struct console *console, void (*output)(void *arg, const void *data, size_t len), void *arg) NODISCARD;
void console_fini(struct console *console); /* after the device is gone */
void console_reset(struct console *console);
void console_write(struct console *console, const void *data, size_t len);
size_t console_input(struct console *console, const void *data, size_t len); /* any thread; what fits */
/* Takes input away from the device. wait: until there is some or console_hurry(true); 0: none. */
size_t console_read(struct console *console, void *data, size_t len, bool wait);
void console_hurry(struct console *console, bool on);
