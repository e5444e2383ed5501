/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * User mode's target. Its thread is none of the guest's: it takes no signals, and its descriptors have high numbers, so that the program finds
 * the low ones free.
 */
#include "observe/gdb/user.h"
#include "observe/gdb/gdb.h"
#include "user/debug.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct gdb_user {
    int listener, wake;
    int fd; /* of the debugger's connection; -1: not yet */
    struct gdb_kept kept;
    uint64_t passed;
    bool takes_over;
    struct user_debug *debug;
    struct user *user;
    pid_t stopped; /* the thread of the last event */
};

enum { HIGH = 500 };

static int move_high(int fd)
{
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (high < 0)
        return fd;
    close(fd);
    return high;
}

static unsigned threads(void *target, uint64_t *ids, unsigned room)
{
    struct gdb_user *g = target;
    unsigned n = user_debug_threads(g->debug, ids, room);
    for (unsigned i = 1; i < n; i++)
        if (ids[i] == (uint64_t)g->stopped) {
            ids[i] = ids[0];
            ids[0] = (uint64_t)g->stopped;
        }
    return n;
}

static struct cpu *cpu(void *target, uint64_t thread)
{
    return thread > INT32_MAX ? NULL : user_debug_cpu(((struct gdb_user *)target)->debug, (pid_t)thread);
}

static bool read_memory(void *target, uint64_t at, void *to, size_t size)
{
    return user_debug_read(((struct gdb_user *)target)->debug, at, to, size);
}

static bool write_memory(void *target, uint64_t at, const void *from, size_t size)
{
    return user_debug_write(((struct gdb_user *)target)->debug, at, from, size);
}

static bool breakpoint(void *target, uint64_t at, unsigned size, bool set)
{
    return user_debug_breakpoint(((struct gdb_user *)target)->debug, at, size, set);
}

struct how {
    struct gdb_resume (*fn)(const void *arg, uint64_t thread);
    const void *arg;
};

static enum user_debug_action how(void *arg, pid_t thread, int *signal)
{
    static const enum user_debug_action actions[] = {
        [GDB_hold] = USER_DEBUG_hold, [GDB_continue] = USER_DEBUG_continue, [GDB_step] = USER_DEBUG_step};
    const struct how *h = arg;
    struct gdb_resume resume = h->fn(h->arg, (uint64_t)thread);
    *signal = resume.signal;
    return actions[resume.action];
}

static void resume(void *target, struct gdb_resume (*fn)(const void *arg, uint64_t thread), const void *arg)
{
    struct how h = {fn, arg};
    user_debug_resume(((struct gdb_user *)target)->debug, how, &h);
}

static void interrupt(void *target) { user_debug_interrupt(((struct gdb_user *)target)->debug); }

static bool event(void *target, struct gdb_event *to)
{
    static const enum gdb_why whys[] = {
        [USER_DEBUG_stopped] = GDB_stopped, [USER_DEBUG_exited] = GDB_exited, [USER_DEBUG_killed] = GDB_killed};
    struct gdb_user *g = target;
    struct user_debug_event e;
    bool has = user_debug_event(g->debug, &e);
    *to = (struct gdb_event){.why = whys[e.why], .thread = (uint64_t)e.thread, .number = e.number, .breakpoint = e.breakpoint};
    g->stopped = e.thread;
    return has;
}

static void pass(void *target, uint64_t signals)
{
    struct gdb_user *g = target;
    g->passed = signals;
    user_debug_pass(g->debug, signals);
}

static void keep(void *target, struct gdb_kept kept)
{
    const struct gdb_user *g = target;
    char text[64];
    snprintf(text, sizeof text, "%d,%d,%d,%llx", g->fd, kept.no_ack, kept.exec_events, (unsigned long long)g->passed);
    user_debug_keep(g->debug, g->fd, text);
}

static void detach(void *target) { user_debug_detach(((struct gdb_user *)target)->debug); }

static void kill_process(void *target)
{
    (void)target;
    kill(getpid(), SIGKILL);
}

static ssize_t auxv(void *target, uint8_t *to, size_t size)
{
    struct gdb_user *g = target;
    const struct user_memory *m = g->user->memory;
    size = m->auxv_size < size ? m->auxv_size : size;
    return user_debug_read(g->debug, m->auxv, to, size) ? (ssize_t)size : -1;
}

static const char *program(void *target) { return ((struct gdb_user *)target)->user->exe; }

static int open_file(void *target, const char *path)
{
    char buf[PATH_MAX];
    return move_high(open(user_path(((struct gdb_user *)target)->user, path, buf), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

static void connect_by(struct gdb_user *g)
{
    int fd;
    while ((fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC)) < 0 && errno == EINTR)
        ;
    close(g->listener);
    g->fd = move_high(fd);
}

static void serve(void *arg)
{
    struct gdb_user *g = arg;
    g->user = user_debug_wait(g->debug);
    const struct gdb_target target = {
        .guest = guest_find(g->user->abi->guest),
        .threads = threads,
        .cpu = cpu,
        .read = read_memory,
        .write = write_memory,
        .breakpoint = breakpoint,
        .resume = resume,
        .interrupt = interrupt,
        .event = event,
        .keep = keep,
        .pass = pass,
        .detach = detach,
        .kill = kill_process,
        .auxv = auxv,
        .program = program,
        .open = open_file,
    };
    if (!g->takes_over)
        connect_by(g);
    user_debug_pass(g->debug, g->passed);
    if (g->fd < 0)
        user_debug_detach(g->debug);
    else if (!gdb_serve(&target, g, g->fd, g->wake, g->takes_over ? &g->kept : NULL))
        shutdown(g->fd, SHUT_WR);
    user_debug_said(g->debug);
    if (g->fd >= 0)
        close(g->fd);
}

bool gdb_user_take_over(struct gdb_user **out, const char *text)
{
    struct gdb_user *g = *out = calloc(1, sizeof *g);
    int no_ack, exec_events;
    unsigned long long passed;
    if (!g || sscanf(text, "%d,%d,%d,%llx", &g->fd, &no_ack, &exec_events, &passed) != 4 || fcntl(g->fd, F_SETFD, FD_CLOEXEC))
        return false;
    g->kept = (struct gdb_kept){no_ack, exec_events};
    g->passed = passed;
    g->takes_over = true;
    g->wake = move_high(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return g->wake >= 0;
}

int gdb_user_listen(struct gdb_user **out, const char *where, struct err *err)
{
    struct gdb_user *g = *out = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, STATUS_resource, "out of memory");
    g->fd = -1;
    g->listener = gdb_listen(where, err);
    if (g->listener < 0)
        return g->listener;
    g->listener = move_high(g->listener);
    g->wake = move_high(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return g->wake < 0 ? err_set_errno(err, errno, "cannot wait for a debugger") : 0;
}

int gdb_user_start(struct gdb_user *g, struct user_debug **debug, struct err *err)
{
    struct os_thread *thread; /* ends with the process */
    uint64_t all = ~(1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1)), before;
    *debug = g->debug = user_debug_new(g->wake);
    if (!g->debug)
        return err_set(err, STATUS_resource, "out of memory");
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    int rc = os_thread_start(&thread, "gdb", serve, g, err);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return rc;
}
