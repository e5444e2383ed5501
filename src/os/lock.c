/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Locks and conditions. In builds with assertions every thread keeps the ranks that it holds, and taking a lock out of order ends the
 * process at the place that would one day deadlock. A condition's wait keeps its lock's rank: the thread does nothing meanwhile.
 */
#include "os/os.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef NDEBUG
enum { HELD_MAX = 16 };
static _Thread_local struct {
    unsigned count;
    const struct os_mutex *mutex[HELD_MAX];
} held;

static void held_fail(const char *what, const struct os_mutex *mutex)
{
    fprintf(stderr, "lock order: %s rank %d while holding", what, (int)mutex->rank);
    for (unsigned i = 0; i < held.count; i++)
        fprintf(stderr, " %d", (int)held.mutex[i]->rank);
    fputc('\n', stderr);
    abort();
}

static void held_check(const struct os_mutex *mutex)
{
    for (unsigned i = 0; i < held.count; i++)
        if (held.mutex[i]->rank >= mutex->rank)
            held_fail("taking", mutex);
}

static void held_push(const struct os_mutex *mutex)
{
    if (held.count == HELD_MAX)
        held_fail("too many locks, taking", mutex);
    held.mutex[held.count++] = mutex;
}

static void held_pop(const struct os_mutex *mutex)
{
    for (unsigned i = held.count; i-- > 0;) {
        if (held.mutex[i] != mutex)
            continue;
        held.mutex[i] = held.mutex[--held.count];
        return;
    }
    held_fail("releasing a lock that is not held,", mutex);
}
#else
static void held_check(const struct os_mutex *mutex) { (void)mutex; }
static void held_push(const struct os_mutex *mutex) { (void)mutex; }
static void held_pop(const struct os_mutex *mutex) { (void)mutex; }
#endif

void os_mutex_init(struct os_mutex *mutex, enum os_lock_rank rank)
{
    pthread_mutex_init(&mutex->m, NULL);
    mutex->rank = rank;
}

void os_mutex_fini(struct os_mutex *mutex) { pthread_mutex_destroy(&mutex->m); }

void os_mutex_lock(struct os_mutex *mutex)
{
    held_check(mutex);
    pthread_mutex_lock(&mutex->m);
    held_push(mutex);
}

void os_mutex_unlock(struct os_mutex *mutex)
{
    held_pop(mutex);
    pthread_mutex_unlock(&mutex->m);
}

void os_cond_init(struct os_cond *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cond->c, &attr);
    pthread_condattr_destroy(&attr);
}

void os_cond_fini(struct os_cond *cond) { pthread_cond_destroy(&cond->c); }

void os_cond_wait(struct os_cond *cond, struct os_mutex *mutex) { pthread_cond_wait(&cond->c, &mutex->m); }

bool os_cond_wait_until(struct os_cond *cond, struct os_mutex *mutex, uint64_t clock_ns)
{
    struct timespec until = {.tv_sec = (time_t)(clock_ns / 1000000000u), .tv_nsec = (long)(clock_ns % 1000000000u)};

    return pthread_cond_timedwait(&cond->c, &mutex->m, &until) == 0;
}

void os_cond_signal(struct os_cond *cond) { pthread_cond_signal(&cond->c); }

void os_cond_broadcast(struct os_cond *cond) { pthread_cond_broadcast(&cond->c); }
