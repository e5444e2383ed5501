/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stopping, running on and breakpoints; observe/gdb speaks to the debugger. */
#include "user/debug.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BREAKPOINTS = 1024, INSN_MAX = 4 };

struct breakpoint {
    uint64_t at;
    unsigned size; /* 0: none */
    uint8_t old[INSN_MAX];
};

struct user_debug {
    struct os_mutex lock;
    struct os_cond changed;
    struct user *user;
    int wake, memory;
    bool ready, halted, gone, said;
    bool has_event;
    struct user_debug_event event;
    uint64_t pass;
    int kept_fd;
    char kept[64];
    struct breakpoint breakpoints[BREAKPOINTS];
};

struct user_debug *user_debug_new(int wake)
{
    struct user_debug *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    os_mutex_init(&d->lock, OS_RANK_vcpus);
    os_cond_init(&d->changed);
    d->wake = wake;
    d->memory = -1;
    d->halted = true;
    return d;
}

/* ---- the guest's threads ---- */

static void wake_debugger(struct user_debug *d)
{
    const uint64_t one = 1;
    ssize_t n = write(d->wake, &one, sizeof one);
    (void)n;
}

/* Under user->lock. */
static void stop_others(struct user *user)
{
    for (struct user_thread *t = user->threads; t; t = t->next)
        atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
}

/* Both locks held. */
static void halt(struct user_debug *d, const struct user_debug_event *event)
{
    d->halted = d->has_event = true;
    d->event = *event;
    wake_debugger(d);
}

static void stand(struct user_debug *d, struct user_thread *t)
{
    atomic_store(&t->away, true);
    os_cond_broadcast(&d->changed);
    while (!d->gone && (d->halted || t->debug.action == USER_DEBUG_hold))
        os_cond_wait(&d->changed, &d->lock);
    atomic_store(&t->away, false);
}

/*
 * Stops all and waits. Returns the signal to go on with; 0: none. If another thread has stopped them just before, this one's turn is next,
 * but a breakpoint may have gone meanwhile: its insn is tried again.
 */
static int report(struct user_thread *t, int signal, bool breakpoint)
{
    struct user_debug *d = t->user->debug;
    for (;;) {
        os_mutex_lock(&t->user->lock);
        os_mutex_lock(&d->lock);
        bool mine = !d->halted, gone = d->gone;
        if (!gone && mine) {
            const struct user_debug_event event = {.thread = t->tid, .number = signal, .breakpoint = breakpoint};
            t->debug.signal = 0;
            stop_others(t->user);
            halt(d, &event);
        }
        os_mutex_unlock(&t->user->lock);
        if (!gone)
            stand(d, t);
        int with = t->debug.signal;
        os_mutex_unlock(&d->lock);
        if (gone || mine)
            return gone ? signal : with;
        if (breakpoint)
            return 0;
    }
}

static const struct breakpoint *find(const struct user_debug *d, uint64_t at)
{
    for (const struct breakpoint *b = d->breakpoints; b < d->breakpoints + BREAKPOINTS; b++)
        if (b->size && b->at == at)
            return b;
    return NULL;
}

/* What its last insn raised is told of here, outside of translated code. */
void user_debug_point(struct user_thread *t)
{
    struct user_debug *d = t->user->debug;
    os_mutex_lock(&d->lock);
    if (!d->ready) {
        d->user = t->user;
        d->ready = d->has_event = true;
        d->event = (struct user_debug_event){.thread = t->tid, .number = SIGTRAP};
        os_cond_broadcast(&d->changed);
    }
    stand(d, t);
    os_mutex_unlock(&d->lock);
    if (!t->debug.trapped)
        return;
    siginfo_t info = t->debug.info;
    t->debug.trapped = false;
    int signal = report(t, info.si_signo, t->debug.own);
    if (!signal || (t->debug.own && signal == SIGTRAP))
        return; /* the insn is tried again: it is the program's own again, or the debugger steps over it */
    if (signal != info.si_signo)
        info = (siginfo_t){.si_signo = signal};
    user_signals_fault(t, &info);
}

bool user_debug_steps(const struct user_thread *t) { return !t->user->debug->gone && t->debug.action == USER_DEBUG_step; }

void user_debug_stepped(struct user_thread *t)
{
    if (t->debug.trapped || t->exiting || !user_debug_steps(t))
        return; /* the trap is the event */
    int signal = report(t, SIGTRAP, false);
    if (!signal || signal == SIGTRAP)
        return;
    siginfo_t info = {.si_signo = signal};
    user_signals_fault(t, &info);
}

bool user_debug_trapped(struct user_thread *t, const siginfo_t *info)
{
    struct user_debug *d = t->user->debug;
    os_mutex_lock(&d->lock);
    t->debug.own = info->si_signo == SIGTRAP && find(d, t->cpu->pc);
    bool gone = d->gone;
    os_mutex_unlock(&d->lock);
    if (gone)
        return false;
    t->debug.trapped = true;
    t->debug.info = *info;
    atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
    return true;
}

bool user_debug_signal(struct user_thread *t, siginfo_t *info)
{
    struct user_debug *d = t->user->debug;
    int signal = info->si_signo;
    if (d->gone || d->pass >> (signal - 1) & 1)
        return true;
    int with = report(t, signal, false);
    if (with && with != signal)
        *info = (siginfo_t){.si_signo = with};
    return with;
}

void user_debug_ended(struct user *user, enum user_debug_why why, int number)
{
    enum { PATIENCE_NS = 2000000000 };
    struct user_debug *d = user->debug;
    os_mutex_lock(&user->lock);
    os_mutex_lock(&d->lock);
    if (!d->gone) {
        const struct user_debug_event event = {.why = why, .thread = getpid(), .number = number};
        stop_others(user);
        halt(d, &event);
    }
    os_mutex_unlock(&user->lock);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t until = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + PATIENCE_NS;
    while (!d->gone && !d->said && os_cond_wait_until(&d->changed, &d->lock, until))
        ;
    os_mutex_unlock(&d->lock);
}

static bool poke(int memory, const struct user *user, uint64_t at, const void *from, size_t size)
{
    bool good = pwrite(memory, from, size, (off_t)at) == (ssize_t)size;
    accel_code_changed(user->vm, at, at + size);
    return good;
}

int user_debug_kept(const struct user *user, char *text, size_t size)
{
    struct user_debug *d = user->debug;
    int fd = -1;
    *text = 0;
    if (!d)
        return fd;
    os_mutex_lock(&d->lock);
    if (!d->gone && *d->kept) {
        snprintf(text, size, "%s", d->kept);
        fd = d->kept_fd;
    }
    os_mutex_unlock(&d->lock);
    return fd;
}

void user_debug_forked(struct user *user)
{
    struct user_debug *d = user->debug;
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    for (struct breakpoint *b = d->breakpoints; b < d->breakpoints + BREAKPOINTS && memory >= 0; b++)
        if (b->size)
            poke(memory, user, b->at, b->old, b->size);
    if (memory >= 0)
        close(memory);
    user->debug = NULL; /* its lock may be held by a thread that is not here */
}

/* ---- the debugger's thread ---- */

struct user *user_debug_wait(struct user_debug *d)
{
    os_mutex_lock(&d->lock);
    while (!d->ready)
        os_cond_wait(&d->changed, &d->lock);
    os_mutex_unlock(&d->lock);
    d->memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    return d->user;
}

/* Threads that stand, or wait in the kernel. */
static bool all_stand(const struct user *user)
{
    for (const struct user_thread *t = user->threads; t; t = t->next)
        if (!atomic_load(&t->away) && !t->exiting)
            return false;
    return true;
}

static void wait_for_all(struct user_debug *d)
{
    const struct timespec moment = {.tv_nsec = 200000};
    enum { ROUNDS = 10000 };
    for (unsigned i = 0; i < ROUNDS; i++) {
        os_mutex_lock(&d->user->lock);
        os_mutex_lock(&d->lock);
        bool all = all_stand(d->user);
        os_mutex_unlock(&d->lock);
        os_mutex_unlock(&d->user->lock);
        if (all)
            return;
        nanosleep(&moment, NULL);
    }
}

bool user_debug_event(struct user_debug *d, struct user_debug_event *event)
{
    os_mutex_lock(&d->lock);
    bool has = d->has_event;
    *event = d->event;
    d->has_event = false;
    os_mutex_unlock(&d->lock);
    if (has && event->why == USER_DEBUG_stopped)
        wait_for_all(d);
    return has;
}

void user_debug_interrupt(struct user_debug *d)
{
    os_mutex_lock(&d->user->lock);
    os_mutex_lock(&d->lock);
    if (!d->halted && !d->gone && d->user->threads) {
        const struct user_debug_event event = {.thread = d->user->threads->tid, .number = SIGINT};
        stop_others(d->user);
        halt(d, &event);
    }
    os_mutex_unlock(&d->lock);
    os_mutex_unlock(&d->user->lock);
}

void user_debug_resume(struct user_debug *d, enum user_debug_action (*how)(void *arg, pid_t thread, int *signal), void *arg)
{
    os_mutex_lock(&d->user->lock);
    os_mutex_lock(&d->lock);
    for (struct user_thread *t = d->user->threads; t; t = t->next) {
        t->debug.signal = 0;
        t->debug.action = how(arg, t->tid, &t->debug.signal);
    }
    d->halted = false;
    os_cond_broadcast(&d->changed);
    os_mutex_unlock(&d->lock);
    os_mutex_unlock(&d->user->lock);
}

unsigned user_debug_threads(struct user_debug *d, uint64_t *ids, unsigned room)
{
    unsigned n = 0;
    os_mutex_lock(&d->user->lock);
    for (struct user_thread *t = d->user->threads; t && n < room; t = t->next)
        if (t->tid)
            ids[n++] = (uint64_t)t->tid;
    os_mutex_unlock(&d->user->lock);
    return n;
}

struct cpu *user_debug_cpu(struct user_debug *d, pid_t thread)
{
    struct cpu *cpu = NULL;
    os_mutex_lock(&d->user->lock);
    for (struct user_thread *t = d->user->threads; t; t = t->next)
        if (t->tid == thread)
            cpu = t->cpu;
    os_mutex_unlock(&d->user->lock);
    return cpu;
}

static bool in_guest(uint64_t at, size_t size) { return at < MEM_FLAT_END && size <= MEM_FLAT_END - at; }

bool user_debug_read(struct user_debug *d, uint64_t at, void *to, size_t size)
{
    if (!in_guest(at, size) || pread(d->memory, to, size, (off_t)at) != (ssize_t)size)
        return false;
    for (const struct breakpoint *b = d->breakpoints; b < d->breakpoints + BREAKPOINTS; b++)
        for (unsigned i = 0; i < b->size; i++)
            if (b->at + i - at < size)
                ((uint8_t *)to)[b->at + i - at] = b->old[i];
    return true;
}

bool user_debug_write(struct user_debug *d, uint64_t at, const void *from, size_t size)
{
    bool good = in_guest(at, size) && poke(d->memory, d->user, at, from, size);
    for (struct breakpoint *b = d->breakpoints; good && b < d->breakpoints + BREAKPOINTS; b++) {
        bool hit = false;
        for (unsigned i = 0; i < b->size; i++)
            if (b->at + i - at < size) {
                b->old[i] = ((const uint8_t *)from)[b->at + i - at];
                hit = true;
            }
        if (hit)
            good = poke(d->memory, d->user, b->at, d->user->abi->trap_insn(b->size), b->size);
    }
    return good;
}

static bool insert(struct user_debug *d, uint64_t at, unsigned size)
{
    const uint8_t *insn = d->user->abi->trap_insn(size);
    struct breakpoint *b = d->breakpoints, new = {.at = at, .size = size};
    while (b < d->breakpoints + BREAKPOINTS && b->size)
        b++;
    if (!insn || b == d->breakpoints + BREAKPOINTS || !user_debug_read(d, at, new.old, size) || !poke(d->memory, d->user, at, insn, size))
        return false;
    os_mutex_lock(&d->lock);
    *b = new;
    os_mutex_unlock(&d->lock);
    return true;
}

static bool take_out(struct user_debug *d, struct breakpoint *b)
{
    bool good = poke(d->memory, d->user, b->at, b->old, b->size); /* false: its memory has gone, and it with it */
    os_mutex_lock(&d->lock);
    b->size = 0;
    os_mutex_unlock(&d->lock);
    return good;
}

bool user_debug_breakpoint(struct user_debug *d, uint64_t at, unsigned size, bool set)
{
    struct breakpoint *b = d->breakpoints, *end = b + BREAKPOINTS;
    while (b < end && !(b->size && b->at == at))
        b++;
    if (set)
        return b < end || insert(d, at, size);
    return b == end || take_out(d, b);
}

void user_debug_pass(struct user_debug *d, uint64_t signals) { d->pass = signals; }

void user_debug_keep(struct user_debug *d, int fd, const char *text)
{
    os_mutex_lock(&d->lock);
    d->kept_fd = fd;
    snprintf(d->kept, sizeof d->kept, "%s", text);
    os_mutex_unlock(&d->lock);
}

void user_debug_detach(struct user_debug *d)
{
    for (struct breakpoint *b = d->breakpoints; b < d->breakpoints + BREAKPOINTS; b++)
        if (b->size)
            take_out(d, b);
    os_mutex_lock(&d->lock);
    d->gone = true;
    d->halted = false;
    os_cond_broadcast(&d->changed);
    os_mutex_unlock(&d->lock);
}

void user_debug_said(struct user_debug *d)
{
    os_mutex_lock(&d->lock);
    d->said = true;
    os_cond_broadcast(&d->changed);
    os_mutex_unlock(&d->lock);
}
