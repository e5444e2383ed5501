/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sending half of serial ports: a FIFO whose bytes go to the backend at once. What it does not take stays, and a timer tries again. All calls
 * but init and fini come with the device's lock held.
 */
#pragma once
#include "device/device.h"

enum { SERIAL_FIFO = 16 };

struct serial_sender {
    struct device *device;
    struct char_backend *backend; /* NULL: bytes go nowhere */
    struct os_timer *retry;
    uint8_t bytes[SERIAL_FIFO];
    uint8_t count; /* at most SERIAL_FIFO: a device checks it after a load */
    bool paused;
};

/* again: called with the device when it is time to try, for serial_sender_flush and what follows of it. */
int serial_sender_init(struct serial_sender *sender, struct device *device, void (*again)(void *device)) NODISCARD;
void serial_sender_fini(struct serial_sender *sender);    /* lock not held; also after an init that failed, or none */
size_t serial_sender_flush(struct serial_sender *sender); /* how many bytes the backend took now */
/* A byte behind the others, of which there may be `depth`; the result as of a flush. */
size_t serial_sender_put(struct serial_sender *sender, uint8_t byte, unsigned depth);
void serial_sender_clear(struct serial_sender *sender); /* what waits is lost */
void serial_sender_pause(struct serial_sender *sender); /* until serial_sender_resume, which is to be followed by a flush */
void serial_sender_resume(struct serial_sender *sender);
