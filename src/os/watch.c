/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Watching descriptors. `want` is what the caller last asked for; it is brought to libuv on the loop's thread and masks every event
 * under the caller's lock, so after os_watch_set(w, 0) with that lock held no callback comes.
 *
 * Regular files and devices that cannot be polled (/dev/null) count as always ready: a console may be fed from a file.
 */
#include "os/loop_impl.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>

struct os_watch {
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_idle_t idle; /* where the descriptor cannot be polled */
    };
    struct os_loop *loop;
    struct os_mutex *lock;
    void (*ready)(void *arg, int events);
    void *arg;
    int fd, error;
    bool always;
    _Atomic int want;
    atomic_bool posted; /* watch_apply is on its way to the loop */
    bool dead, closed;  /* on the loop's thread: os_watch_free was called; libuv has let go */
};

static void watch_deliver(struct os_watch *watch, int events)
{
    if (watch->lock)
        os_mutex_lock(watch->lock);
    events &= watch->want;
    if (events)
        watch->ready(watch->arg, events);
    if (watch->lock)
        os_mutex_unlock(watch->lock);
}

static void watch_poll(uv_poll_t *poll, int status, int events)
{
    struct os_watch *watch = poll->data;

    if (status) /* a broken connection: reading or writing will tell which; libuv has stopped watching */
        events = UV_READABLE | UV_WRITABLE;
    watch_deliver(watch, (events & UV_READABLE ? OS_READABLE : 0) | (events & UV_WRITABLE ? OS_WRITABLE : 0));
}

static void watch_idle(uv_idle_t *idle) { watch_deliver(idle->data, OS_READABLE | OS_WRITABLE); }

static void watch_apply(void *arg)
{
    struct os_watch *watch = arg;
    int want;

    watch->posted = false; /* before want is read: a later change posts again */
    want = watch->want;
    if (watch->dead) {
        if (watch->closed)
            free(watch);
        return;
    }
    if (watch->always) {
        if (want)
            uv_idle_start(&watch->idle, watch_idle);
        else
            uv_idle_stop(&watch->idle);
    } else if (want) {
        uv_poll_start(&watch->poll, (want & OS_READABLE ? UV_READABLE : 0) | (want & OS_WRITABLE ? UV_WRITABLE : 0), watch_poll);
    } else {
        uv_poll_stop(&watch->poll);
    }
}

static void watch_open(void *arg)
{
    struct os_watch *watch = arg;
    int flags = fcntl(watch->fd, F_GETFL);

    watch->error = uv_poll_init(&watch->loop->uv, &watch->poll, watch->fd);
    if (!watch->error && flags >= 0)
        fcntl(watch->fd, F_SETFL, flags); /* libuv made it non-blocking, for everyone who shares it */
    if (watch->error == UV_EPERM) {
        watch->always = true;
        watch->error = uv_idle_init(&watch->loop->uv, &watch->idle);
    }
    watch->handle.data = watch;
}

static void watch_closed(uv_handle_t *handle)
{
    struct os_watch *watch = handle->data;

    watch->closed = true;
    if (!watch->posted) /* else watch_apply frees it */
        free(watch);
}

static void watch_close(void *arg)
{
    struct os_watch *watch = arg;

    watch->dead = true;
    uv_close(&watch->handle, watch_closed);
}

int os_watch_new(struct os_watch **out, struct os_loop *loop, struct os_mutex *lock, int fd, void (*ready)(void *arg, int events),
                 void *arg, struct err *err)
{
    struct os_watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        return err_set(err, STATUS_resource, "no memory to watch a file");
    watch->loop = loop;
    watch->lock = lock;
    watch->fd = fd;
    watch->ready = ready;
    watch->arg = arg;
    loop_call(loop, watch_open, watch);
    if (watch->error) {
        int status = loop_status(err, watch->error, "cannot watch a file");

        free(watch);
        return status;
    }
    *out = watch;
    return 0;
}

void os_watch_set(struct os_watch *watch, int events)
{
    watch->want = events;
    if (os_loop_is_current(watch->loop))
        watch_apply(watch);
    else if (!atomic_exchange(&watch->posted, true))
        os_loop_post(watch->loop, watch_apply, watch);
}

void os_watch_free(struct os_watch *watch)
{
    if (!watch)
        return;
    watch->want = 0;
    loop_call(watch->loop, watch_close, watch);
}
