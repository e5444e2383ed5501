/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loop's thread and what is posted to it. Posts run in the order in which they came; those made while posts run wait for the next
 * round, so a callback that posts itself does not starve timers and descriptors.
 */
#include "os/loop_impl.h"
#include <stdio.h>
#include <stdlib.h>

int loop_status(struct err *err, int uv_error, const char *what) { return err_set_errno(err, -uv_error, "%s", what); }

static void loop_run_posts(uv_async_t *wake)
{
    struct os_loop *loop = wake->data;
    struct loop_post *post;

    os_mutex_lock(&loop->lock);
    post = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    os_mutex_unlock(&loop->lock);
    while (post) {
        struct loop_post *next = post->next;

        post->fn(post->arg);
        free(post);
        post = next;
    }
    if (!loop->stop)
        return;
    loop_timers_close(loop);
    uv_close((uv_handle_t *)&loop->wake, NULL);
}

void os_loop_post(struct os_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct loop_post *post = malloc(sizeof(*post));
    bool wake;

    if (!post) {
        fputs("out of memory in os_loop_post\n", stderr);
        abort(); /* a lost post would hang a device for ever */
    }
    *post = (struct loop_post){.fn = fn, .arg = arg};
    os_mutex_lock(&loop->lock);
    wake = !loop->first;
    *loop->last = post;
    loop->last = &post->next;
    if (wake)
        uv_async_send(&loop->wake);
    os_mutex_unlock(&loop->lock);
}

struct loop_call {
    struct os_loop *loop;
    void (*fn)(void *arg);
    void *arg;
    bool done;
};

static void loop_call_run(void *arg)
{
    struct loop_call *call = arg;
    struct os_loop *loop = call->loop;

    if (call->fn)
        call->fn(call->arg);
    os_mutex_lock(&loop->lock);
    call->done = true;
    os_cond_broadcast(&loop->changed);
    os_mutex_unlock(&loop->lock);
}

void loop_call(struct os_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct loop_call call = {.loop = loop, .fn = fn, .arg = arg};

    if (os_loop_is_current(loop)) {
        if (fn)
            fn(arg);
        return;
    }
    os_loop_post(loop, loop_call_run, &call);
    os_mutex_lock(&loop->lock);
    while (!call.done)
        os_cond_wait(&loop->changed, &loop->lock);
    os_mutex_unlock(&loop->lock);
}

void os_loop_sync(struct os_loop *loop) { loop_call(loop, NULL, NULL); }

bool os_loop_is_current(const struct os_loop *loop) { return pthread_equal(loop->self, pthread_self()); }

static void loop_thread(void *arg)
{
    struct os_loop *loop = arg;

    os_mutex_lock(&loop->lock);
    loop->self = pthread_self();
    os_mutex_unlock(&loop->lock);
    uv_run(&loop->uv, UV_RUN_DEFAULT); /* until loop_stop, and then what still is under way */
}

static void loop_stop(void *arg)
{
    struct os_loop *loop = arg;

    loop->stop = true;
}

static int loop_open(struct os_loop *loop, struct err *err)
{
    int error = uv_loop_init(&loop->uv);

    if (error)
        return loop_status(err, error, "cannot make an event loop");
    error = uv_async_init(&loop->uv, &loop->wake, loop_run_posts);
    loop->wake.data = loop;
    if (!error) {
        error = loop_timers_init(loop);
        if (error) {
            uv_close((uv_handle_t *)&loop->wake, NULL);
            uv_run(&loop->uv, UV_RUN_DEFAULT);
        }
    }
    if (!error)
        return 0;
    uv_loop_close(&loop->uv);
    return loop_status(err, error, "cannot make an event loop");
}

static void loop_release(struct os_loop *loop)
{
    struct loop_post *post, *next;

    for (post = loop->first; post; post = next) {
        next = post->next;
        free(post);
    }
    os_cond_fini(&loop->changed);
    os_mutex_fini(&loop->lock);
    free(loop);
}

int os_loop_new(struct os_loop **out, const char *name, struct err *err)
{
    struct os_loop *loop = calloc(1, sizeof(*loop));
    int status;

    if (!loop)
        return err_set(err, STATUS_resource, "no memory for event loop %s", name);
    os_mutex_init(&loop->lock, OS_RANK_os);
    os_cond_init(&loop->changed);
    loop->last = &loop->first;
    loop->self = pthread_self(); /* until the thread runs; nobody else has the loop yet */
    status = loop_open(loop, err);
    if (!status) {
        struct loop_call started = {.loop = loop};

        status = os_thread_start(&loop->thread, name, loop_thread, loop, err);
        if (!status) {
            os_loop_post(loop, loop_call_run, &started);
            os_mutex_lock(&loop->lock);
            while (!started.done)
                os_cond_wait(&loop->changed, &loop->lock);
            os_mutex_unlock(&loop->lock);
            *out = loop;
            return 0;
        }
        loop_timers_close(loop);
        uv_close((uv_handle_t *)&loop->wake, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        uv_loop_close(&loop->uv);
        loop_timers_fini(loop);
    }
    loop_release(loop);
    return status;
}

void os_loop_free(struct os_loop *loop)
{
    if (!loop)
        return;
    os_loop_post(loop, loop_stop, loop);
    os_thread_join(loop->thread);
    uv_loop_close(&loop->uv);
    loop_timers_fini(loop);
    loop_release(loop);
}
