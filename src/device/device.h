/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A device: registers at an offset of its window, interrupt lines, a loop, a backend. It never knows its address, the CPU, the board.
 * Its class is one const object, listed in device/devices.def. Every call comes with the device's lock held.
 */
#pragma once
#include "base/log.h"
#include "mem/space.h"
#include "os/loop.h"
#include "state/state.h"

struct irq_line {                                    /* where a device's interrupt goes; set by the board */
    void (*set)(void *self, unsigned n, bool level); /* any thread; NULL: not connected */
    void *self;
    unsigned n;
};
static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set)
        line->set(line->self, line->n, level);
}

struct device_class {
    const char *name;               /* "uart16550" */
    const char *doc;                /* one line for `vm help devices` */
    const struct state_desc *state; /* what a snapshot holds; &state_none if nothing */
    void (*reset)(void *self);
    void (*pause)(void *self); /* NULL: nothing to do. After it the device starts no work and changes no guest memory */
    void (*resume)(void *self);
    void (*free)(void *self); /* lock not held; no vCPU runs, loop callbacks may still come until it returns */
    enum os_lock_rank rank;   /* of its lock; 0: OS_RANK_device. Interrupt controllers come after the devices that call them */
};
extern const struct device_class *const device_classes[];       /* every class (devices.def); NULL ends */
const struct device_class *device_class_find(const char *name); /* NULL: there is none */

/* Every device's struct starts with this. */
struct device {
    const struct device_class *class;
    const char *id;          /* given by the user or the board, unique in the machine: "disk0"; borrowed */
    struct os_mutex lock;    /* rank device */
    struct mem_space *space; /* for DMA */
    struct os_loop *loop;
    struct log *log;
    const struct os_vclock *clock;
    struct irq_line irq[4];
};

struct device_env { /* what the board hands to every x_new() */
    struct mem_space *space;
    struct os_loop *loop;
    struct log *log;
    const struct os_vclock *clock;
};
void device_init(struct device *device, const struct device_class *class, const char *id, const struct device_env *env);
void device_fini(struct device *device);

/* A byte stream to the outside (terminal, file, socket): the host side of serial ports and consoles. */
struct char_backend {
    void *self;
    size_t (*write)(void *self, const void *buf, size_t len); /* never blocks long; returns what it took */
    /* The device says that it can take input; the backend then calls the receiver, on the device's loop, with the lock given. */
    void (*connect)(void *self, struct os_loop *loop, struct os_mutex *lock, size_t (*room)(void *dev),
                    void (*receive)(void *dev, const void *buf, size_t len), void *dev);
    void (*poke)(void *self);       /* there may be room again */
    void (*disconnect)(void *self); /* lock not held; afterwards no receive comes */
};
