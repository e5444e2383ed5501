/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An event loop in a thread of its own (libuv underneath). Devices and backends own timers and watches on a loop;
 * their callbacks run on the loop's thread with the lock that was given at creation held, so a device is written as if
 * alone. All functions may be called from any thread unless they say otherwise.
 */
#pragma once
#include "base/err.h"
#include "os/os.h"

struct os_loop;
int os_loop_new(struct os_loop **out, const char *name, struct err *err) NODISCARD; /* starts the thread */
void os_loop_free(struct os_loop *loop); /* stops and joins it; timers and watches must be freed before; not from its own thread */
void os_loop_post(struct os_loop *loop, void (*fn)(void *arg), void *arg); /* runs fn on the loop soon, in order; never blocks */
void os_loop_sync(struct os_loop *loop); /* returns when everything posted before has run; not from its own thread */
bool os_loop_is_current(const struct os_loop *loop);

struct os_timer; /* fires once for each os_timer_set */
int os_timer_new(struct os_timer **out, struct os_loop *loop, struct os_mutex *lock, void (*fire)(void *arg), void *arg) NODISCARD;
void os_timer_free(struct os_timer *timer);                   /* after it returns, fire neither runs nor will run; lock must not be held */
void os_timer_set(struct os_timer *timer, uint64_t clock_ns); /* by os_clock_ns(); replaces the time that stood; cheap */
void os_timer_cancel(struct os_timer *timer);

enum { OS_READABLE = 1, OS_WRITABLE = 2 };
struct os_watch; /* a file descriptor (socket, pipe, tty, tap); the descriptor stays the caller's */
int os_watch_new(struct os_watch **out, struct os_loop *loop, struct os_mutex *lock, int fd, void (*ready)(void *arg, int events),
                 void *arg, struct err *err) NODISCARD;
void os_watch_set(struct os_watch *watch, int events); /* 0 stops watching */
void os_watch_free(struct os_watch *watch);            /* as os_timer_free */

/* Blocking work (file reads, fsync) on the thread pool: work runs there without locks, then done runs on the loop with lock held. */
int os_work_submit(struct os_loop *loop, struct os_mutex *lock, void (*work)(void *arg), void (*done)(void *arg), void *arg) NODISCARD;

/* A signal sent to the process (SIGWINCH, SIGTERM), told on the loop without a lock. It replaces what handled the signal before.
 * Threads of os_thread_start block signals: some other thread, usually the main one, must leave it open. */
struct os_signal;
int os_signal_new(struct os_signal **out, struct os_loop *loop, int signum, void (*came)(void *arg), void *arg, struct err *err) NODISCARD;
void os_signal_free(struct os_signal *watch); /* the default action is back; afterwards no call comes */
