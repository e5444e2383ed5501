/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals as events of a loop; libuv keeps the process's table and hands each signal to the loop's thread. */
#include "os/loop_impl.h"
#include <stdlib.h>

struct os_signal {
    uv_signal_t handle;
    struct os_loop *loop;
    int signum;
    void (*came)(void *arg);
    void *arg;
};

static void signal_came(uv_signal_t *handle, int signum)
{
    struct os_signal *watch = handle->data;

    (void)signum;
    watch->came(watch->arg);
}

static void signal_closed(uv_handle_t *handle) { free(handle->data); }

static void signal_close(void *arg)
{
    struct os_signal *watch = arg;

    uv_close((uv_handle_t *)&watch->handle, signal_closed);
}

struct signal_open {
    struct os_signal *watch;
    int error;
};

static void signal_open(void *arg)
{
    struct signal_open *open = arg;
    struct os_signal *watch = open->watch;

    uv_signal_init(&watch->loop->uv, &watch->handle);
    watch->handle.data = watch;
    open->error = uv_signal_start(&watch->handle, signal_came, watch->signum);
    if (open->error)
        signal_close(watch);
}

int os_signal_new(struct os_signal **out, struct os_loop *loop, int signum, void (*came)(void *arg), void *arg, struct err *err)
{
    struct os_signal *watch = calloc(1, sizeof(*watch));
    struct signal_open open = {.watch = watch};

    if (!watch)
        return err_set(err, STATUS_resource, "no memory to watch signal %d", signum);
    watch->loop = loop;
    watch->signum = signum;
    watch->came = came;
    watch->arg = arg;
    loop_call(loop, signal_open, &open);
    if (open.error)
        return loop_status(err, open.error, "cannot watch a signal");
    *out = watch;
    return 0;
}

void os_signal_free(struct os_signal *watch)
{
    if (watch)
        loop_call(watch->loop, signal_close, watch);
}
