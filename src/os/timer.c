/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Timers of a loop: a heap by time, and one alarm for the earliest. Setting a timer later than the alarm does not touch the alarm (it
 * then rings without cause once), so a guest that keeps moving its timer away costs no system calls.
 *
 * A due timer leaves the heap before its device's lock is taken (the lock may take long, and its holder may be in os_timer_set): it is
 * then `due` and loop->timers.running. os_timer_set and os_timer_cancel clear `due`, so that they also stop a firing that waits for the
 * lock: with the lock held, after os_timer_cancel no fire comes.
 */
#include "os/loop_impl.h"
#include <stdlib.h>

struct os_timer {
    struct os_loop *loop;
    struct os_mutex *lock;
    void (*fire)(void *arg);
    void *arg;
    uint64_t when;
    size_t at;      /* index in the heap + 1; 0: not in it */
    bool due, dead; /* dead: os_timer_free waits for a fire that may want to set it again */
};

static void heap_put(struct loop_timers *t, size_t i, struct os_timer *timer)
{
    t->heap[i] = timer;
    timer->at = i + 1;
}

/* Moves the timer at i to where its time belongs. */
static void heap_fix(struct loop_timers *t, size_t i)
{
    struct os_timer *timer = t->heap[i];
    size_t child;

    for (; i && t->heap[(i - 1) / 2]->when > timer->when; i = (i - 1) / 2)
        heap_put(t, i, t->heap[(i - 1) / 2]);
    for (; (child = 2 * i + 1) < t->count; i = child) {
        if (child + 1 < t->count && t->heap[child + 1]->when < t->heap[child]->when)
            child++;
        if (t->heap[child]->when >= timer->when)
            break;
        heap_put(t, i, t->heap[child]);
    }
    heap_put(t, i, timer);
}

static void heap_remove(struct loop_timers *t, struct os_timer *timer)
{
    size_t i = timer->at - 1;
    struct os_timer *last = t->heap[--t->count];

    timer->at = 0;
    if (last == timer)
        return;
    heap_put(t, i, last);
    heap_fix(t, i);
}

static void timers_arm(struct loop_timers *t, uint64_t when)
{
    t->armed = when;
    os_alarm_set(&t->alarm, when);
}

/* Takes the next due timer out of the heap, or arms the alarm for the next one and returns NULL. */
static struct os_timer *timers_next(struct loop_timers *t, uint64_t now)
{
    struct os_timer *timer = NULL;

    os_mutex_lock(&t->lock);
    if (t->count && t->heap[0]->when <= now) {
        timer = t->heap[0];
        heap_remove(t, timer);
        timer->due = true;
        t->running = timer;
    } else {
        timers_arm(t, t->count ? t->heap[0]->when : UINT64_MAX);
    }
    os_mutex_unlock(&t->lock);
    return timer;
}

static bool timer_take_due(struct loop_timers *t, struct os_timer *timer)
{
    bool due;

    os_mutex_lock(&t->lock);
    due = timer->due;
    timer->due = false;
    os_mutex_unlock(&t->lock);
    return due;
}

static void timers_ring(void *arg)
{
    struct os_loop *loop = arg;
    struct loop_timers *t = &loop->timers;
    uint64_t now = os_clock_ns(); /* once: a timer that sets itself to the past must not keep the loop here */
    struct os_timer *timer;

    while ((timer = timers_next(t, now))) {
        struct os_mutex *lock = timer->lock; /* fire may free the timer when it has no lock */

        if (lock)
            os_mutex_lock(lock);
        if (timer_take_due(t, timer))
            timer->fire(timer->arg);
        if (lock)
            os_mutex_unlock(lock);
        os_mutex_lock(&t->lock);
        t->running = NULL;
        os_cond_broadcast(&t->idle);
        os_mutex_unlock(&t->lock);
    }
}

int os_timer_new(struct os_timer **out, struct os_loop *loop, struct os_mutex *lock, void (*fire)(void *arg), void *arg)
{
    struct loop_timers *t = &loop->timers;
    struct os_timer *timer = calloc(1, sizeof(*timer));
    int status = timer ? 0 : -STATUS_resource;

    if (status)
        return status;
    *timer = (struct os_timer){.loop = loop, .lock = lock, .fire = fire, .arg = arg};
    os_mutex_lock(&t->lock);
    if (t->timers == t->room) {
        size_t room = t->room ? t->room * 2 : 16;
        struct os_timer **heap = realloc(t->heap, room * sizeof(*heap));

        if (heap) {
            t->heap = heap;
            t->room = room;
        } else {
            status = -STATUS_resource;
        }
    }
    if (!status)
        t->timers++;
    os_mutex_unlock(&t->lock);
    if (status)
        free(timer);
    else
        *out = timer;
    return status;
}

void os_timer_set(struct os_timer *timer, uint64_t clock_ns)
{
    struct loop_timers *t = &timer->loop->timers;

    os_mutex_lock(&t->lock);
    timer->due = false;
    if (!timer->dead) {
        timer->when = clock_ns;
        if (!timer->at)
            heap_put(t, t->count++, timer);
        heap_fix(t, timer->at - 1);
        if (clock_ns < t->armed)
            timers_arm(t, clock_ns);
    }
    os_mutex_unlock(&t->lock);
}

void os_timer_cancel(struct os_timer *timer)
{
    struct loop_timers *t = &timer->loop->timers;

    os_mutex_lock(&t->lock);
    timer->due = false;
    if (timer->at)
        heap_remove(t, timer);
    os_mutex_unlock(&t->lock);
}

void os_timer_free(struct os_timer *timer)
{
    struct loop_timers *t;
    bool here;

    if (!timer)
        return;
    t = &timer->loop->timers;
    here = os_loop_is_current(timer->loop); /* then only its own fire can be running: this call comes from it */
    os_mutex_lock(&t->lock);
    timer->due = false;
    timer->dead = true;
    if (timer->at)
        heap_remove(t, timer);
    while (!here && t->running == timer)
        os_cond_wait(&t->idle, &t->lock);
    t->timers--;
    os_mutex_unlock(&t->lock);
    free(timer);
}

int loop_timers_init(struct os_loop *loop)
{
    int error = os_alarm_init(&loop->timers.alarm, &loop->uv, timers_ring, loop);

    if (error)
        return error;
    os_mutex_init(&loop->timers.lock, OS_RANK_os);
    os_cond_init(&loop->timers.idle);
    loop->timers.armed = UINT64_MAX;
    return 0;
}

void loop_timers_close(struct os_loop *loop) { os_alarm_close(&loop->timers.alarm); }

void loop_timers_fini(struct os_loop *loop)
{
    os_cond_fini(&loop->timers.idle);
    os_mutex_fini(&loop->timers.lock);
    free(loop->timers.heap);
}
