/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One alarm of a loop, finer than the milliseconds of libuv's own timers. On Linux a timerfd, which any thread may set by one system
 * call without waking the loop; elsewhere uv_timer_t, set on the loop's thread.
 */
#pragma once
#include <stdint.h>
#include <uv.h>

struct os_alarm {
    void (*ring)(void *arg);
    void *arg;
#ifdef __linux__
    uv_poll_t poll;
    int fd;
#else
    uv_timer_t timer;
    uv_async_t wake;
    _Atomic uint64_t at;
#endif
};

int os_alarm_init(struct os_alarm *alarm, uv_loop_t *loop, void (*ring)(void *arg), void *arg); /* 0 or libuv's error */
void os_alarm_set(struct os_alarm *alarm, uint64_t clock_ns); /* any thread; UINT64_MAX: never; calls come one at a time */
void os_alarm_close(struct os_alarm *alarm);                  /* on the loop's thread */
