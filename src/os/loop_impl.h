/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The inside of a loop, shared by loop.c, timer.c, watch.c, work.c and signal.c only. Everything that libuv owns is touched on the
 * loop's thread alone; the post queue and the timers have one lock each, both leaves (rank os).
 */
#pragma once
#include "os/alarm.h"
#include "os/loop.h"
#include <uv.h>

struct loop_post {
    struct loop_post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop_timers { /* timer.c */
    struct os_mutex lock;
    struct os_cond idle;        /* running has become another */
    struct os_timer **heap;     /* heap[0] is due first */
    size_t count, timers, room; /* waiting in the heap; existing; room >= timers, so os_timer_set() cannot fail */
    struct os_timer *running;   /* whose fire is about to run or runs */
    struct os_alarm alarm;
    uint64_t armed; /* when the alarm goes off; UINT64_MAX: not at all */
};

struct os_loop {
    uv_loop_t uv;
    uv_async_t wake;
    struct os_thread *thread;
    pthread_t self;
    bool stop; /* on the loop's thread */
    struct os_mutex lock;
    struct os_cond changed; /* a synchronous call is done */
    struct loop_post *first, **last;
    struct loop_timers timers;
};

/* Runs fn on the loop's thread and waits for it; at once when this is that thread. */
void loop_call(struct os_loop *loop, void (*fn)(void *arg), void *arg);
int loop_timers_init(struct os_loop *loop);
void loop_timers_close(struct os_loop *loop); /* on the loop's thread */
void loop_timers_fini(struct os_loop *loop);
int loop_status(struct err *err, int uv_error, const char *what);
