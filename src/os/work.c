/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Blocking work on libuv's thread pool (four threads for the process, UV_THREADPOOL_SIZE changes it). */
#include "os/loop_impl.h"
#include <stdlib.h>

struct loop_work {
    uv_work_t req;
    struct os_loop *loop;
    struct os_mutex *lock;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void work_run(uv_work_t *req)
{
    struct loop_work *work = req->data;

    work->work(work->arg);
}

static void work_done(uv_work_t *req, int status)
{
    struct loop_work *work = req->data;

    (void)status; /* nothing is ever cancelled */
    if (work->lock)
        os_mutex_lock(work->lock);
    work->done(work->arg);
    if (work->lock)
        os_mutex_unlock(work->lock);
    free(work);
}

static void work_queue(void *arg)
{
    struct loop_work *work = arg;

    uv_queue_work(&work->loop->uv, &work->req, work_run, work_done);
}

int os_work_submit(struct os_loop *loop, struct os_mutex *lock, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct loop_work *w = calloc(1, sizeof(*w));

    if (!w)
        return -STATUS_resource;
    w->req.data = w;
    w->loop = loop;
    w->lock = lock;
    w->work = work;
    w->done = done;
    w->arg = arg;
    if (os_loop_is_current(loop))
        work_queue(w);
    else
        os_loop_post(loop, work_queue, w);
    return 0;
}
