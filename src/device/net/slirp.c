/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * User-mode network by libslirp, which is a TCP/IP stack for the guest's side and plain sockets on the host's. The library is single
 * threaded: everything here happens with the device's lock held, on the device's loop.
 * Its sockets are in a poll set; after anything that may have changed what it waits for, a round (of the timer) asks it again.
 * Frames that the device has no room for wait in a queue; while that is long, the sockets are not looked at, so the host's
 * TCP slows the senders down.
 */
#include "base/bits.h"
#include "device/net/net.h"
#include <errno.h>
#include <stdlib.h>

#if VM_HAVE_SLIRP
#include "device/net/poll_set.h"
#include <arpa/inet.h>
#include <slirp/libslirp.h>

enum { QUEUE_SLOW = 64 /* frames: sockets rest */, QUEUE_MAX = 1024 /* frames: more are lost */ };
#define NET_10_0_2(n) htonl(10u << 24 | 2u << 8 | (n))

_Static_assert(POLLSET_IN == (int)SLIRP_POLL_IN && POLLSET_OUT == (int)SLIRP_POLL_OUT && POLLSET_PRI == (int)SLIRP_POLL_PRI &&
                   POLLSET_ERR == (int)SLIRP_POLL_ERR && POLLSET_HUP == (int)SLIRP_POLL_HUP,
               "poll sets and libslirp name events alike");

struct frame {
    struct frame *next;
    size_t len;
    uint8_t data[];
};

struct slirp_timer { /* the library's own */
    struct slirp_timer *next;
    struct user *user;
    struct os_timer *timer;
    SlirpTimerId id;
    void *cb_opaque;
};

struct user {
    struct net_backend backend;
    struct net_config config;
    struct net_port port;
    Slirp *slirp;
    struct poll_set polls;
    struct os_watch *watch; /* of the poll set */
    struct os_timer *round; /* the library wants to be called, or waits for something else now */
    struct slirp_timer *timers;
    struct frame *first, **last; /* for the device */
    unsigned queued;
    bool resting; /* the queue is long */
};

/* ---- frames ---- */

static void enqueue(struct user *user, const void *data, size_t len)
{
    struct frame *frame = user->queued < QUEUE_MAX ? malloc(sizeof *frame + len) : NULL;
    if (!frame)
        return;
    frame->next = NULL;
    frame->len = len;
    memcpy(frame->data, data, len);
    *user->last = frame;
    user->last = &frame->next;
    user->queued++;
}

/* Gives the device what it takes. */
static void drain(struct user *user)
{
    while (user->first && user->port.receive(user->port.dev, user->first->data, user->first->len)) {
        struct frame *frame = user->first;
        user->first = frame->next;
        if (!user->first)
            user->last = &user->first;
        user->queued--;
        free(frame);
    }
}

static void user_send(struct net_backend *backend, const void *data, size_t len)
{
    struct user *user = (struct user *)backend;
    if (len > NET_FRAME_PLAIN) {
        log_guest(user->port.log, user->port.name, "a frame of %zu bytes is too long for the user network", len);
        return;
    }
    slirp_input(user->slirp, data, (int)len);
    os_timer_set(user->round, os_clock_ns()); /* once for all frames of a batch */
}

static void user_poke(struct net_backend *backend)
{
    struct user *user = (struct user *)backend;
    drain(user);
    if (!user->resting || user->queued >= QUEUE_SLOW / 2)
        return;
    user->resting = false;
    os_timer_set(user->round, os_clock_ns());
}

/* ---- when to call the library ---- */

static int add_poll(int fd, int events, void *opaque)
{
    struct user *user = opaque;
    poll_set_add(&user->polls, fd, (unsigned)events);
    return fd;
}

static int get_revents(int fd, void *opaque)
{
    struct user *user = opaque;
    return (int)poll_set_ready(&user->polls, fd);
}

static void prepare(struct user *user)
{
    uint32_t timeout_ms = UINT32_MAX;
    user->resting = user->queued >= QUEUE_SLOW;
    os_watch_set(user->watch, user->resting ? 0 : OS_READABLE);
    if (user->resting) {
        os_timer_cancel(user->round);
        return;
    }
    poll_set_begin(&user->polls);
    slirp_pollfds_fill(user->slirp, &timeout_ms, add_poll, user);
    poll_set_commit(&user->polls);
    if (timeout_ms == UINT32_MAX)
        os_timer_cancel(user->round);
    else
        os_timer_set(user->round, os_clock_ns() + timeout_ms * 1000000ull);
}

static void run_round(void *arg)
{
    struct user *user = arg;
    drain(user);
    if (user->queued < QUEUE_SLOW) {
        poll_set_collect(&user->polls);
        slirp_pollfds_poll(user->slirp, 0, get_revents, user);
    }
    prepare(user);
}

static void sockets_ready(void *arg, int events)
{
    (void)events;
    run_round(arg);
}

/* ---- what the library calls; opaque is the user network ---- */

static ssize_t cb_send_packet(const void *buf, size_t len, void *opaque)
{
    struct user *user = opaque;
    if (user->first || !user->port.receive(user->port.dev, buf, len))
        enqueue(user, buf, len);
    return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
    struct user *user = opaque;
    log_guest(user->port.log, user->port.name, "%s", msg);
}

static int64_t cb_clock(void *opaque)
{
    (void)opaque;
    return (int64_t)os_clock_ns();
}

static void timer_fire(void *arg)
{
    struct slirp_timer *timer = arg;
    slirp_handle_timer(timer->user->slirp, timer->id, timer->cb_opaque);
    prepare(timer->user);
}

static void *cb_timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    struct user *user = opaque;
    struct slirp_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return NULL;
    *timer = (struct slirp_timer){user->timers, user, NULL, id, cb_opaque};
    if (os_timer_new(&timer->timer, user->port.loop, user->port.lock, timer_fire, timer)) {
        free(timer);
        return NULL;
    }
    user->timers = timer;
    return timer;
}

static void cb_timer_mod(void *arg, int64_t expire_ms, void *opaque)
{
    struct slirp_timer *timer = arg;
    (void)opaque;
    if (timer && timer->timer)
        os_timer_set(timer->timer, expire_ms > 0 ? (uint64_t)expire_ms * 1000000u : 0);
}

static void cb_timer_free(void *arg, void *opaque) /* user_free frees it: here the lock may be held */
{
    struct slirp_timer *timer = arg;
    (void)opaque;
    if (timer && timer->timer)
        os_timer_cancel(timer->timer);
}

static void cb_forget_fd(int fd, void *opaque)
{
    struct user *user = opaque;
    poll_set_forget(&user->polls, fd);
}

static void cb_notify(void *opaque)
{
    struct user *user = opaque;
    os_timer_set(user->round, os_clock_ns());
}

static const SlirpCb callbacks = {
    .send_packet = cb_send_packet,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_forget_fd,
    .unregister_poll_fd = cb_forget_fd,
    .notify = cb_notify,
    .timer_new_opaque = cb_timer_new,
};

/* ---- life ---- */

static int add_forward(struct user *user, const struct net_forward *f, struct err *err)
{
    struct in_addr host = {htonl(f->host)}, guest = {htonl(f->guest)};
    char text[INET_ADDRSTRLEN];
    if (!slirp_add_hostfwd(user->slirp, f->udp, host, f->host_port, guest, f->guest_port))
        return 0;
    int errnum = errno;
    inet_ntop(AF_INET, &host, text, sizeof text);
    if (errnum == EADDRINUSE)
        return err_set(err, STATUS_conflict, "cannot forward %s port %u of %s: another program listens there", f->udp ? "UDP" : "TCP",
                       f->host_port, text);
    return err_set_errno(err, errnum, "cannot forward %s port %u of %s", f->udp ? "UDP" : "TCP", f->host_port, text);
}

static int start(struct user *user, struct err *err)
{
    SlirpConfig config = {
        .version = 4,
        .restricted = user->config.restricted,
        .in_enabled = true,
        .vnetwork.s_addr = NET_10_0_2(0),
        .vnetmask.s_addr = htonl(0xffffff00),
        .vhost.s_addr = NET_10_0_2(2),
        .vnameserver.s_addr = NET_10_0_2(3),
        .vdhcp_start.s_addr = NET_10_0_2(15),
        .in6_enabled = true,
        .vprefix_addr6.s6_addr = {0xfe, 0xc0},
        .vprefix_len = 64,
        .vhost6.s6_addr = {0xfe, 0xc0, [15] = 2},
        .vnameserver6.s6_addr = {0xfe, 0xc0, [15] = 3},
    };
    user->slirp = slirp_new(&config, &callbacks, user);
    if (!user->slirp)
        return err_set(err, STATUS_failed, "the user network (libslirp %s) does not start", slirp_version_string());
    for (unsigned i = 0; i < user->config.nforwards; i++) {
        int rc = add_forward(user, &user->config.forwards[i], err);
        if (rc)
            return rc;
    }
    prepare(user);
    return 0;
}

/* Nothing of ours is called by the loop afterwards. */
static void stop(struct user *user)
{
    os_watch_free(user->watch);
    os_timer_free(user->round);
    for (struct slirp_timer *timer = user->timers; timer; timer = timer->next) {
        os_timer_free(timer->timer);
        timer->timer = NULL; /* slirp_cleanup still gives it back */
    }
    user->watch = NULL;
    user->round = NULL;
}

static int user_connect(struct net_backend *backend, const struct net_port *port, struct err *err)
{
    struct user *user = (struct user *)backend;
    user->port = *port;
    if (os_timer_new(&user->round, port->loop, port->lock, run_round, user))
        return err_set(err, STATUS_resource, "out of memory for the user network");
    int rc = os_watch_new(&user->watch, port->loop, port->lock, user->polls.fd, sockets_ready, user, err);
    if (!rc) {
        os_mutex_lock(port->lock); /* from slirp_new on timers may fire */
        rc = start(user, err);
        os_mutex_unlock(port->lock);
    }
    if (rc)
        stop(user);
    return rc;
}

static void user_free(struct net_backend *backend)
{
    struct user *user = (struct user *)backend;
    stop(user);
    if (user->slirp)
        slirp_cleanup(user->slirp);
    for (struct slirp_timer *timer = user->timers, *next; timer; timer = next) {
        next = timer->next;
        free(timer);
    }
    for (struct frame *frame = user->first, *next; frame; frame = next) {
        next = frame->next;
        free(frame);
    }
    poll_set_fini(&user->polls);
    free(user);
}

static const struct net_ops user_ops = {.connect = user_connect, .send = user_send, .poke = user_poke, .free = user_free};

int net_slirp_open(struct net_backend **out, const struct net_config *config, struct err *err)
{
    struct user *user = calloc(1, sizeof *user);
    if (!user)
        return err_set(err, STATUS_resource, "out of memory for the user network");
    int rc = poll_set_init(&user->polls, err);
    if (rc) {
        free(user);
        return rc;
    }
    user->backend.ops = &user_ops;
    user->config = *config;
    user->last = &user->first;
    *out = &user->backend;
    return 0;
}

#else

int net_slirp_open(struct net_backend **out, const struct net_config *config, struct err *err)
{
    (void)out, (void)config;
    return err_set(err, STATUS_unavailable,
                   "built without user-mode networking: install libslirp-dev and build again, or use a tap interface");
}

#endif
