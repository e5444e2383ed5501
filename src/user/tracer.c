/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The tracing side of ptrace(): which threads this process traces, their blocks, and what wait4() and waitid() tell of them. A thread that
 * stands for reasons of this program's own, or for a signal that its own side has to see first, runs on before anybody is told.
 */
#include "base/bits.h"
#include "user/calls.h"
#include "user/others.h"
#include "user/trace.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STOPPED = 0x7f };

long user_ptrace(int request, pid_t pid, uint64_t address, uint64_t data)
{
    const uint64_t args[6] = {(uint64_t)request, (uint64_t)pid, address, data};
    return os_syscall(SYS_ptrace, args);
}

/* ---- which ones ---- */

struct user_tracee *user_tracee_find(struct user *user, pid_t tid)
{
    os_mutex_lock(&user->lock);
    struct user_tracee *e = user->tracees;
    while (e && e->tid != tid)
        e = e->next;
    os_mutex_unlock(&user->lock);
    return e;
}

static pid_t group_of(pid_t tid)
{
    char path[40], line[256];
    int group = tid;
    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    FILE *in = fopen(path, "re");
    while (in && fgets(line, sizeof line, in) && sscanf(line, "Tgid: %d", &group) != 1)
        ;
    if (in)
        fclose(in);
    return group;
}

struct user_tracee *user_tracee_add(struct user *user, pid_t tid)
{
    struct user_tracee *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->tid = tid;
    e->group = group_of(tid);
    os_mutex_lock(&user->lock);
    e->next = user->tracees;
    user->tracees = e;
    os_mutex_unlock(&user->lock);
    return e;
}

/* 0: all. */
void user_tracee_remove(struct user *user, pid_t tid)
{
    os_mutex_lock(&user->lock);
    for (struct user_tracee **link = &user->tracees; *link;) {
        struct user_tracee *e = *link;
        if (tid && e->tid != tid) {
            link = &e->next;
            continue;
        }
        *link = e->next;
        free(e);
    }
    os_mutex_unlock(&user->lock);
}

/* After execve() the others of its process are no more. */
static void only_one_left(struct user *user, const struct user_tracee *left)
{
    os_mutex_lock(&user->lock);
    for (struct user_tracee **link = &user->tracees; *link;) {
        struct user_tracee *e = *link;
        if (e == left || e->group != left->group) {
            link = &e->next;
            continue;
        }
        *link = e->next;
        free(e);
    }
    os_mutex_unlock(&user->lock);
}

/* ---- their memory ---- */

static bool get(pid_t tid, uint64_t at, void *to, size_t size)
{
    const struct iovec own = {to, size}, other = {(void *)(uintptr_t)at, size};
    return process_vm_readv(tid, &own, 1, &other, 1, 0) == (ssize_t)size;
}

static bool put(pid_t tid, uint64_t at, const void *from, size_t size)
{
    const struct iovec own = {(void *)(uintptr_t)from, size}, other = {(void *)(uintptr_t)at, size};
    return process_vm_writev(tid, &own, 1, &other, 1, 0) == (ssize_t)size;
}

bool user_tracee_block(struct user_tracee *e)
{
    struct {
        uint32_t magic, machine, used;
    } head;
    int32_t tids[512];
    _Static_assert(offsetof(struct user_trace_area, used) == 8 && offsetof(struct user_trace_area, tids) == sizeof head,
                   "as they are read");
    if (e->block)
        return true;
    if (!get(e->tid, USER_TRACE_AT, &head, sizeof head) || head.magic != USER_TRACE_MAGIC || head.used > USER_TRACE_SLOTS)
        return false;
    e->machine = head.machine;
    for (unsigned n = 0; n < head.used; n += ARRAY_LEN(tids)) {
        unsigned some = head.used - n < ARRAY_LEN(tids) ? head.used - n : (unsigned)ARRAY_LEN(tids);
        if (!get(e->tid, USER_TRACE_AT + offsetof(struct user_trace_area, tids) + n * sizeof *tids, tids, some * sizeof *tids))
            return false;
        for (unsigned i = 0; i < some; i++)
            if (tids[i] == e->tid)
                e->block = USER_TRACE_AT + offsetof(struct user_trace_area, slots) + (uint64_t)(n + i) * USER_TRACE_SLOT;
    }
    return e->block;
}

bool user_tracee_get(const struct user_tracee *e, size_t offset, void *to, size_t size)
{
    return e->block && get(e->tid, e->block + offset, to, size);
}

bool user_tracee_put(const struct user_tracee *e, size_t offset, const void *from, size_t size)
{
    return e->block && put(e->tid, e->block + offset, from, size);
}

void user_tracee_wake(const struct user_tracee *e)
{
    siginfo_t info = {.si_signo = SIGSEGV, .si_code = USER_TRACE_LOOK};
    syscall(SYS_rt_tgsigqueueinfo, e->group, e->tid, SIGSEGV, &info);
}

void user_tracee_changed(struct user_tracee *e, uint64_t from, uint64_t to)
{
    uint32_t n;
    const uint64_t change[2] = {from, to};
    if (!user_tracee_block(e) || !user_tracee_get(e, offsetof(struct user_trace, nchanges), &n, sizeof n))
        return;
    bool runs = e->state == TRACEE_runs; /* then it may read what is written here */
    if (n < ARRAY_LEN(((struct user_trace *)0)->changes) && !runs)
        user_tracee_put(e, offsetof(struct user_trace, changes) + n * sizeof change, change, sizeof change);
    n = runs ? ARRAY_LEN(((struct user_trace *)0)->changes) + 1 : n + 1;
    user_tracee_put(e, offsetof(struct user_trace, nchanges), &n, sizeof n);
    if (runs)
        user_tracee_wake(e);
}

/* Is it a process of this command? After execve() that is not to be seen in its memory yet. */
static bool is_own(pid_t tid)
{
    char path[40];
    struct stat own, other;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)tid);
    if (stat("/proc/self/exe", &own) || stat(path, &other))
        return true;
    return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

uint64_t user_trace_options(uint32_t options)
{
    const uint32_t same =
        PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;
    return (options & same) | PTRACE_O_TRACEEXEC;
}

/* One that was not known to be traced, by PTRACE_TRACEME or before this process called execve(). */
static void set_options(struct user_tracee *e)
{
    uint32_t options = 0;
    if (user_tracee_block(e))
        user_tracee_get(e, offsetof(struct user_trace, options), &options, sizeof options);
    user_ptrace(PTRACE_SETOPTIONS, e->tid, 0, user_trace_options(options));
}

/* ---- what has stopped it ---- */

/* What a thread that stands at a place of the guest's own is told to wait4() as. */
static int status_of(const struct user_trace *tr)
{
    int sys = tr->options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0;
    switch (atomic_load(&tr->stop)) {
    case USER_STOP_signal: return tr->info.si_signo << 8 | STOPPED;
    case USER_STOP_exec: return PTRACE_EVENT_EXEC << 16 | SIGTRAP << 8 | STOPPED;
    case USER_STOP_event: return PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | STOPPED;
    default: return (SIGTRAP | sys) << 8 | STOPPED;
    }
}

/* Gives it the signal that came, to take it to a place of the guest's. */
static void hand_over(struct user_tracee *e, const siginfo_t *came)
{
    const uint32_t yes = 1;
    siginfo_t info = *came;
    bool put_there = user_tracee_block(e) && user_tracee_put(e, offsetof(struct user_trace, sent), came, sizeof *came) &&
                     user_tracee_put(e, offsetof(struct user_trace, came), &yes, sizeof yes);
    if (put_there) {
        user_tracee_put(e, offsetof(struct user_trace, traced), &yes, sizeof yes);
    } else if (came->si_signo != SIGSTOP) { /* a thread that begins blocks all others */
        user_ptrace(PTRACE_CONT, e->tid, 0, (uint64_t)came->si_signo);
        return;
    }
    info.si_errno = came->si_signo;
    info.si_signo = SIGSEGV;
    info.si_code = USER_TRACE_SIGNAL;
    user_ptrace(PTRACE_SETSIGINFO, e->tid, 0, (uintptr_t)&info);
    user_ptrace(PTRACE_CONT, e->tid, 0, SIGSEGV);
}

/* A process of this command that has not begun yet: a signal comes once more when it has. */
static void send_later(struct user_tracee *e, const siginfo_t *came)
{
    enum { ROUNDS = 2000 };
    const struct timespec moment = {.tv_nsec = 1000000};
    user_ptrace(PTRACE_CONT, e->tid, 0, 0);
    for (unsigned i = 0; i < ROUNDS && !user_tracee_block(e) && !kill(e->tid, 0); i++)
        nanosleep(&moment, NULL);
    if (syscall(SYS_rt_tgsigqueueinfo, e->group, e->tid, came->si_signo, came))
        syscall(SYS_tgkill, e->group, e->tid, came->si_signo);
}

/* execve() is over for the kernel; the new program will stand where it begins. true: one of the host's, which does not. */
static bool after_exec(struct user *user, struct user_tracee *e)
{
    unsigned long former = 0;
    user_ptrace(PTRACE_GETEVENTMSG, e->tid, 0, (uintptr_t)&former);
    e->message = former;
    e->block = 0;
    e->machine = 0;
    only_one_left(user, e);
    e->foreign = !is_own(e->tid);
    if (e->foreign)
        e->state = TRACEE_host;
    else
        user_ptrace(PTRACE_CONT, e->tid, 0, 0);
    return e->foreign;
}

static bool by_kernel(int signal, const siginfo_t *info) { return (signal == SIGSEGV || signal == SIGBUS) && info->si_code > 0; }

/* Stopped for a signal. Returns whether the guest is told. */
static bool at_signal(struct user_tracee *e, bool born, const siginfo_t *info, int *status)
{
    int signal = info->si_signo;
    struct user_trace tr;
    if (e->foreign) {
        e->state = TRACEE_host;
        return true;
    }
    if (signal == SIGSEGV && info->si_code == USER_TRACE_STANDS && user_tracee_block(e) && user_tracee_get(e, 0, &tr, sizeof tr) &&
        tr.stop) {
        *status = status_of(&tr);
        e->state = TRACEE_guest;
        return true;
    }
    bool own = info->si_code == USER_TRACE_OWN || by_kernel(signal, info) ||
               (signal == SIGSEGV && info->si_code <= USER_TRACE_STANDS && info->si_code >= USER_TRACE_SIGNAL);
    bool ready = user_tracee_block(e);
    bool exec = signal == SIGTRAP && info->si_code == SI_USER && info->si_pid == e->group && !ready;
    if (own || born || exec)
        user_ptrace(PTRACE_CONT, e->tid, 0, own ? (uint64_t)signal : 0);
    else if (ready || e->machine) /* if only its number is not known there yet, it is about to begin */
        hand_over(e, info);
    else
        send_later(e, info);
    return false;
}

/* status: as wait4() has it, of a thread that stands; becomes what the guest is told. false: it runs on. */
static bool tell_stop(struct user *user, pid_t tid, int *status)
{
    struct user_tracee *e = user_tracee_find(user, tid);
    siginfo_t info;
    int event = *status >> 16, signal = *status >> 8 & 0xff;
    long asked = user_ptrace(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)&info);
    bool new = !e;
    if (asked == -ESRCH || (new && !(e = user_tracee_add(user, tid))))
        return true; /* a child that is not traced, at least not by this thread */
    if (new)
        e->foreign = !is_own(tid);
    if (event == PTRACE_EVENT_EXEC) {
        e->group = tid;
        return after_exec(user, e);
    }
    bool born = event == PTRACE_EVENT_STOP || (!asked && info.si_signo == SIGSTOP && info.si_code == SI_USER && !info.si_pid);
    if (new && !e->foreign && !born)
        set_options(e);
    if (event == PTRACE_EVENT_STOP && signal == SIGTRAP && !e->listens && !e->foreign) {
        user_ptrace(PTRACE_CONT, tid, 0, 0); /* a thread that begins: its own side stands */
        return false;
    }
    e->listens = false;
    if (event || asked == -EINVAL) {
        e->state = asked == -EINVAL || event == PTRACE_EVENT_STOP ? TRACEE_group : TRACEE_host;
        return true;
    }
    return at_signal(e, new &&born, &info, status); /* its own side makes a stop of that */
}

/* ---- system calls ---- */

int64_t sys_wait4(struct user_thread *t, const uint64_t a[6])
{
    int status = 0;
    const uint64_t args[6] = {a[0], (uintptr_t)&status, a[2], a[3]};
    int64_t r;
    do
        r = user_call_wait(t, SYS_wait4, args);
    while (r > 0 && WIFSTOPPED(status) && !tell_stop(t->user, (pid_t)r, &status));
    if (r <= 0)
        return r;
    if (t->user->tracees && (WIFEXITED(status) || WIFSIGNALED(status)))
        user_tracee_remove(t->user, (pid_t)r);
    return a[1] && !user_write(a[1], &status, sizeof status) ? -EFAULT : r;
}

/* The kernel writes these fields, and them also if it fails. */
static bool put_waited(uint64_t to, const siginfo_t *info)
{
    const struct {
        int32_t signal, error, code, gap, pid, uid, status;
    } out = {info->si_signo, info->si_errno, info->si_code, 0, info->si_pid, (int32_t)info->si_uid, info->si_status};
    return !to || user_write(to, &out, sizeof out);
}

int64_t sys_waitid(struct user_thread *t, const uint64_t a[6])
{
    siginfo_t info;
    const uint64_t args[6] = {a[0], a[1], (uintptr_t)&info, a[3], a[4]};
    for (;;) {
        memset(&info, 0, sizeof info);
        int64_t r = user_call_wait(t, SYS_waitid, args);
        if (r == OS_SYSCALL_UNTRIED)
            return r;
        bool stopped = !r && (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED);
        int status = info.si_status << 8 | STOPPED;
        if (stopped && !tell_stop(t->user, info.si_pid, &status))
            continue;
        if (stopped)
            info.si_status = status >> 8;
        else if (!r && t->user->tracees && info.si_pid && info.si_code != CLD_CONTINUED && !(a[3] & WNOWAIT))
            user_tracee_remove(t->user, info.si_pid);
        return put_waited(a[2], &info) ? r : -EFAULT;
    }
}

/* Debuggers write through /proc/PID/mem, or that of a thread. */
void user_tracer_wrote(struct user *user, int fd, int64_t size, int64_t offset)
{
    char link[40], path[64];
    int tid = 0, end = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    if (sscanf(path, "/proc/%*d/task/%d/mem%n", &tid, &end) != 1 && sscanf(path, "/proc/%d/mem%n", &tid, &end) != 1)
        return;
    if (!end || path[end] || size <= 0)
        return;
    uint64_t from = (uint64_t)(offset < 0 ? lseek(fd, 0, SEEK_CUR) - size : offset);
    pid_t group = group_of(tid);
    struct user_tracee *best = NULL;
    os_mutex_lock(&user->lock);
    for (struct user_tracee *e = user->tracees; e; e = e->next)
        if (e->group == group && (!best || best->state == TRACEE_runs))
            best = e;
    os_mutex_unlock(&user->lock);
    if (best && from < MEM_FLAT_END)
        user_tracee_changed(best, from, from + (uint64_t)size);
}
