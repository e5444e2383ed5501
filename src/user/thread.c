/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads and processes. A thread of the guest is a thread of this process with a vCPU of its own. fork() is fork(), with the translator's
 * locks held; a child that shares its parent's memory until it calls execve() (vfork, posix_spawn) does so here too: it runs in the
 * parent's memory with the parent's translator, on a stack of its own, while the kernel stops the thread that made it.
 */
#include "user/calls.h"
#include "user/debug.h"
#include "user/stats.h"
#include "user/trace.h"
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif

enum { HOST_STACK = 256 << 10 };

static pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }

int user_thread_add(struct user *user, struct user_thread **out, struct err *err)
{
    struct user_thread *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, STATUS_resource, "out of memory for a thread");
    t->user = user;
    int rc = accel_thread_new(user->vm, &t->cpu, err);
    if (rc) {
        free(t);
        return rc;
    }
    t->cpu->guest->enter_user(t->cpu);
    os_mutex_lock(&user->lock);
    t->next = user->threads;
    user->threads = t;
    user->nthreads++;
    os_mutex_unlock(&user->lock);
    user_trace_take(t);
    *out = t;
    return 0;
}

void user_thread_remove(struct user_thread *t)
{
    struct user *user = t->user;
    os_mutex_lock(&user->lock);
    for (struct user_thread **link = &user->threads; *link; link = &(*link)->next)
        if (*link == t) {
            *link = t->next;
            user->nthreads--;
            break;
        }
    if (user->ended)
        user_stats_add(user->ended, t->cpu);
    os_mutex_unlock(&user->lock);
    user_trace_give(t);
    accel_thread_free(t->cpu);
    free(t);
}

/* What the kernel does when a thread ends whose set_tid_address() said so. */
static void announce_end(const struct user_thread *t)
{
    const uint32_t zero = 0;
    if (t->clear_tid && user_write(t->clear_tid, &zero, sizeof zero))
        syscall(SYS_futex, t->clear_tid, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Until something has come, or one insn. */
static void go_on(struct user_thread *t)
{
    bool by_debug = false;
    if (t->user->debug) {
        user_debug_point(t);
        by_debug = user_debug_steps(t);
    }
    bool by_tracer = user_trace_steps(t);
    uint32_t stops = t->trace_stops;
    (by_debug || by_tracer ? accel_thread_step : accel_thread_run)(t->cpu);
    if (!t->exiting)
        user_signals_deliver(t);
    if (by_debug)
        user_debug_stepped(t);
    if (by_tracer)
        user_trace_stepped(t, stops);
}

/* Until the thread ends; then it is no more. */
static void run(struct user_thread *t)
{
    if (user_trace_waits(t))
        user_signals_deliver(t); /* it begins with a stop */
    while (!t->exiting)
        go_on(t);
    user_self = NULL;
    user_futex_end(t);
    announce_end(t);
    user_thread_remove(t);
}

void user_thread_loop(struct user_thread *t)
{
    t->tid = own_tid();
    user_trace_named(t);
    user_signals_thread(t);
    if (t->user->options->traced)
        user_trace_begun(t, t->user->options->traced);
    run(t);
    for (;;) /* the first thread: the process goes on with the others */
        syscall(SYS_exit, 0);
}

bool user_trap(void *machine, struct cpu *cpu)
{
    struct user_thread *t = user_self;
    const struct user_abi *abi = t->user->abi;
    (void)machine;
    if (abi->is_call(cpu->trap.kind)) {
        user_syscall(t);
    } else {
        siginfo_t info;
        abi->trap_signal(cpu, cpu->trap, &info);
        if (info.si_signo && (!t->user->debug || !user_debug_trapped(t, &info)))
            user_signals_fault(t, &info);
    }
    if ((t->user->debug && user_debug_steps(t)) || user_trace_steps(t)) /* which may be new since it began to run */
        atomic_fetch_or(&cpu->events, CPU_EVENT_stop);
    bool changed = t->changed;
    t->changed = false;
    return changed;
}

/* ---- ending ---- */

void user_exit_group(struct user_thread *t, int status)
{
    if (t->user->debug)
        user_debug_ended(t->user, USER_DEBUG_exited, status);
    user_finished(t->user);
    for (;;)
        syscall(SYS_exit_group, status);
}

int64_t sys_exit_group(struct user_thread *t, const uint64_t a[6]) { user_exit_group(t, (int)a[0]); }

int64_t sys_exit(struct user_thread *t, const uint64_t a[6])
{
    if (!user_signals_end(t))
        return OS_SYSCALL_UNTRIED;
    os_mutex_lock(&t->user->lock);
    bool last = true;
    t->exiting = true;
    for (const struct user_thread *other = t->user->threads; other; other = other->next)
        last &= other->exiting;
    os_mutex_unlock(&t->user->lock);
    if (last) /* its status is the process's */
        user_exit_group(t, (int)a[0]);
    atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
    return 0;
}

int64_t sys_set_tid_address(struct user_thread *t, const uint64_t a[6])
{
    t->clear_tid = a[0];
    return t->tid;
}

/* ---- beginning ---- */

struct clone {
    uint64_t flags, stack, parent_tid, child_tid, tls, pidfd;
    int signal;
};

static void set_up_child(struct user_thread *child, const struct user_thread *parent, const struct clone *c)
{
    parent->user->abi->child(child->cpu, parent->cpu, c->stack, c->flags & CLONE_SETTLS ? &c->tls : NULL);
    child->mask = parent->mask;
    if (!(c->flags & CLONE_VM) || (c->flags & CLONE_VFORK))
        child->alt = parent->alt;
    else
        child->alt.ss_flags = SS_DISABLE;
    child->clear_tid = c->flags & CLONE_CHILD_CLEARTID ? c->child_tid : 0;
}

static void write_tid(uint64_t at, pid_t tid)
{
    if (!user_write(at, &tid, sizeof tid))
        return; /* the kernel does not mind either */
}

struct start {
    struct user_thread *thread, *parent;
    const struct clone *clone;
    pid_t tid;
    sem_t begun;
};

static void *thread_main(void *arg)
{
    struct start *start = arg;
    struct user_thread *t = start->thread;
    start->tid = t->tid = own_tid();
    user_trace_born(t, start->parent->trace, PTRACE_O_TRACECLONE);
    user_trace_named(t);
    if (start->clone->flags & CLONE_PARENT_SETTID)
        write_tid(start->clone->parent_tid, t->tid);
    if (start->clone->flags & CLONE_CHILD_SETTID)
        write_tid(start->clone->child_tid, t->tid);
    sem_post(&start->begun);
    user_signals_thread(t);
    run(t);
    return NULL;
}

static int64_t new_thread(struct user_thread *t, const struct clone *c)
{
    struct start start = {.parent = t, .clone = c};
    pthread_attr_t attr;
    pthread_t thread;
    const uint64_t all = ~0ull;
    accel_thread_shared(t->user->vm);
    if (user_thread_add(t->user, &start.thread, NULL))
        return -EAGAIN;
    set_up_child(start.thread, t, c);
    sem_init(&start.begun, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, HOST_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all); /* it begins with all blocked */
    int rc = pthread_create(&thread, &attr, thread_main, &start);
    user_signals_reclaim(t->user);
    user_signals_mask(t, t->mask); /* if one of the C library's own has come, it opened them: all stay blocked */
    pthread_attr_destroy(&attr);
    if (rc) {
        user_thread_remove(start.thread);
        sem_destroy(&start.begun);
        return -rc;
    }
    while (sem_wait(&start.begun))
        ;
    sem_destroy(&start.begun);
    return start.tid;
}

/* In the child of a fork: only this thread is left. */
static void alone(struct user_thread *t)
{
    struct user *user = t->user;
    for (struct user_thread *other = user->threads, *next; other; other = next) {
        next = other->next;
        if (other != t)
            free(other); /* its vCPU stays: nobody can tell what its thread did to it */
    }
    t->next = NULL;
    user->threads = t;
    user->nthreads = 1;
    t->tid = own_tid();
    user_trace_forked(t);
    atomic_store(&t->held, 0);
    if (user->ended)
        user_stats_forked(user, t->cpu);
}

/* With namespaces or another signal than SIGCHLD it cannot be the C library's. */
static pid_t fork_as(const struct clone *c)
{
    const uint64_t namespaces = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS;
    const uint64_t kept = c->flags & (namespaces | CLONE_FS | CLONE_FILES | CLONE_IO | CLONE_PARENT | CLONE_SYSVSEM);
    if (!kept && c->signal == SIGCHLD)
        return fork();
    return (pid_t)syscall(SYS_clone, kept | (unsigned)c->signal, 0, 0, 0, 0);
}

/* A new process: if it is traced, that is by the tracer of the one that it comes from, of whose block it has a copy. */
static void begin_traced(struct user_thread *t, int signal)
{
    if (!t->trace || !user_traced(t))
        return;
    const struct user_trace parent = *t->trace;
    user_trace_born(t, &parent, signal == SIGCHLD ? PTRACE_O_TRACEFORK : PTRACE_O_TRACECLONE);
}

static int64_t new_process(struct user_thread *t, const struct clone *c)
{
    struct user *user = t->user;
    uint64_t all = ~0ull, before;
    os_mutex_lock(&user->lock);
    os_mutex_lock(&user->memory->lock);
    accel_fork_begin(user->vm);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    bool first = atomic_load(&t->pending); /* else the child had the signal as well */
    pid_t pid = first ? -1 : fork_as(c);
    int64_t r = first ? OS_SYSCALL_UNTRIED : pid < 0 ? -errno : pid;
    if (!pid)
        alone(t);
    accel_fork_end(user->vm, pid ? NULL : t->cpu);
    os_mutex_unlock(&user->memory->lock);
    os_mutex_unlock(&user->lock);
    if (!pid && user->debug)
        user_debug_forked(user);
    if (!pid) {
        user_tracee_remove(user, 0);
        set_up_child(t, t, c);
        begin_traced(t, c->signal);
        if (c->flags & CLONE_CLEAR_SIGHAND)
            user_signals_default(user);
        if (c->flags & CLONE_CHILD_SETTID)
            write_tid(c->child_tid, t->tid);
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return r;
}

struct guest_child {
    struct user user;
    struct user_thread *thread, *parent;
    const struct clone *clone;
};

static int run_in_parents_memory(void *arg)
{
    struct guest_child *child = arg;
    struct user_thread *t = child->thread;
    t->tid = own_tid();
    user_trace_born(t, child->parent->trace, PTRACE_O_TRACEVFORK);
    user_trace_named(t);
    if (child->clone->flags & CLONE_CHILD_SETTID)
        write_tid(child->clone->child_tid, t->tid);
    if (child->clone->flags & CLONE_CLEAR_SIGHAND)
        user_signals_default(t->user);
    user_signals_thread(t);
    if (user_trace_waits(t))
        user_signals_deliver(t);
    while (!t->exiting) /* it ends as a process: without another thread exit() is exit_group() */
        go_on(t);
    user_exit_group(t, 0);
}

static int64_t vfork_as(struct guest_child *child, uint8_t *stack)
{
    struct user_thread *t = user_self;
    accel_thread_away(t->cpu);
    atomic_store(&t->away, true);
    int pid = clone(run_in_parents_memory, stack, CLONE_VM | CLONE_VFORK | child->clone->signal, child);
    int64_t r = pid < 0 ? -errno : pid;
    user_self = t; /* the child shared this thread's variables */
    atomic_store(&t->away, false);
    accel_thread_back(t->cpu);
    return r;
}

/* Returns when the child has called execve() or has ended: only then its stack, thread and vCPU may go. */
static int64_t new_vfork(struct user_thread *t, const struct clone *c)
{
    enum { STACK = 1 << 20 };
    struct guest_child *child = calloc(1, sizeof *child);
    uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int64_t r = -ENOMEM;
    if (child && stack != MAP_FAILED) {
        os_mutex_lock(&t->user->lock);
        child->user = *t->user;
        os_mutex_unlock(&t->user->lock);
        os_mutex_init(&child->user.lock, OS_RANK_machine);
        child->user.threads = NULL;
        child->user.nthreads = 0;
        child->user.vforked = true;
        child->user.debug = NULL;
        child->user.tracees = NULL;
        child->parent = t;
        child->clone = c;
        r = user_thread_add(&child->user, &child->thread, NULL) ? -EAGAIN : 0;
    }
    if (!r) {
        uint64_t all = ~0ull, before;
        set_up_child(child->thread, t, c);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
        r = atomic_load(&t->pending) ? OS_SYSCALL_UNTRIED : vfork_as(child, stack + STACK);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
        user_thread_remove(child->thread);
    }
    if (stack != MAP_FAILED)
        munmap(stack, STACK);
    free(child);
    return r;
}

static int64_t clone_by(struct user_thread *t, const struct clone *c)
{
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    int64_t r;
    if ((c->flags & thread) == thread)
        return new_thread(t, c);
    if (c->flags & (CLONE_THREAD | CLONE_SIGHAND))
        return -EINVAL; /* halves of threads: nobody's programs */
    if ((c->flags & CLONE_VM) && !(c->flags & CLONE_VFORK))
        return -EINVAL; /* two processes in one memory for ever */
    r = c->flags & CLONE_VFORK ? new_vfork(t, c) : new_process(t, c);
    if (r > 0 && (c->flags & CLONE_PARENT_SETTID))
        write_tid(c->parent_tid, (pid_t)r);
    if (r > 0 && (c->flags & CLONE_PIDFD))
        write_tid(c->pidfd, (int)syscall(SYS_pidfd_open, (pid_t)r, 0));
    return r;
}

int64_t sys_clone(struct user_thread *t, const uint64_t a[6])
{
    const struct clone c = {
        .flags = a[0] & ~0xffull,
        .signal = (int)(a[0] & 0xff),
        .stack = a[1],
        .parent_tid = a[2],
        .pidfd = a[2],
        .tls = a[3],
        .child_tid = a[4],
    };
    return clone_by(t, &c);
}

int64_t sys_clone3(struct user_thread *t, const uint64_t a[6])
{
    struct { /* struct clone_args, as far as its first version goes */
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args;
    if (a[1] < sizeof args || a[1] > USER_PAGE)
        return a[1] > USER_PAGE ? -E2BIG : -EINVAL;
    if (!user_read(&args, a[0], sizeof args))
        return -EFAULT;
    if (args.exit_signal > USER_SIGNALS || (args.flags & 0xff) || (args.stack && !args.stack_size))
        return -EINVAL;
    const struct clone c = {
        .flags = args.flags,
        .signal = (int)args.exit_signal,
        .stack = args.stack ? args.stack + args.stack_size : 0,
        .parent_tid = args.parent_tid,
        .child_tid = args.child_tid,
        .tls = args.tls,
        .pidfd = args.pidfd,
    };
    return clone_by(t, &c);
}
