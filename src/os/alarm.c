/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The alarm of alarm.h. It may ring early or without cause: whoever listens looks at the clock. */
#include "os/alarm.h"
#include "os/os.h"
#ifdef __linux__
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void alarm_ready(uv_poll_t *poll, int status, int events)
{
    struct os_alarm *alarm = poll->data;
    uint64_t times;

    (void)status;
    (void)events;
    if (read(alarm->fd, &times, sizeof(times)) < 0 && errno == EAGAIN)
        return; /* it was set anew meanwhile */
    alarm->ring(alarm->arg);
}

int os_alarm_init(struct os_alarm *alarm, uv_loop_t *loop, void (*ring)(void *arg), void *arg)
{
    int error;

    alarm->ring = ring;
    alarm->arg = arg;
    alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (alarm->fd < 0)
        return uv_translate_sys_error(errno);
    error = uv_poll_init(loop, &alarm->poll, alarm->fd);
    if (!error) {
        alarm->poll.data = alarm;
        error = uv_poll_start(&alarm->poll, UV_READABLE, alarm_ready);
    }
    if (error)
        close(alarm->fd);
    return error;
}

void os_alarm_set(struct os_alarm *alarm, uint64_t clock_ns)
{
    struct itimerspec spec = {0};

    if (clock_ns != UINT64_MAX) {
        spec.it_value.tv_sec = (time_t)(clock_ns / 1000000000u);
        spec.it_value.tv_nsec = (long)(clock_ns % 1000000000u);
        if (!clock_ns)
            spec.it_value.tv_nsec = 1; /* zero would disarm */
    }
    timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void os_alarm_close(struct os_alarm *alarm)
{
    uv_close((uv_handle_t *)&alarm->poll, NULL);
    close(alarm->fd);
    alarm->fd = -1; /* whoever still sets the alarm must not meet another file */
}
#else

static void alarm_ring(uv_timer_t *timer)
{
    struct os_alarm *alarm = timer->data;

    alarm->ring(alarm->arg);
}

static void alarm_arm(uv_async_t *wake)
{
    struct os_alarm *alarm = wake->data;
    uint64_t at = alarm->at, now = os_clock_ns();

    if (at == UINT64_MAX) {
        uv_timer_stop(&alarm->timer);
        return;
    }
    uv_update_time(alarm->timer.loop);
    uv_timer_start(&alarm->timer, alarm_ring, at > now ? (at - now + 999999) / 1000000 : 0, 0);
}

int os_alarm_init(struct os_alarm *alarm, uv_loop_t *loop, void (*ring)(void *arg), void *arg)
{
    int error;

    alarm->ring = ring;
    alarm->arg = arg;
    alarm->at = UINT64_MAX;
    error = uv_timer_init(loop, &alarm->timer);
    if (error)
        return error;
    alarm->timer.data = alarm->wake.data = alarm;
    return uv_async_init(loop, &alarm->wake, alarm_arm);
}

void os_alarm_set(struct os_alarm *alarm, uint64_t clock_ns)
{
    alarm->at = clock_ns;
    uv_async_send(&alarm->wake);
}

void os_alarm_close(struct os_alarm *alarm)
{
    uv_close((uv_handle_t *)&alarm->timer, NULL);
    uv_close((uv_handle_t *)&alarm->wake, NULL);
}
#endif
