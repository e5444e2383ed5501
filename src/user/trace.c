/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The traced side of ptrace(): where a thread stands for its tracer, what it shows of itself, and what it takes back. */
#include "user/trace.h"
#include "base/bits.h"
#include "user/calls.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MARK = 7 }; /* arm64's register that tells the stop before a call from the one after it */
enum { CALL_SIGRETURN = 139, CALL_CLONE = 220, CALL_EXECVE = 221, CALL_FLUSH_ICACHE = 259 /* riscv64's own */, CALL_CLONE3 = 435 };

static struct user_trace_area *area_of(const struct user *user) { return user->trace_area; }

/* ---- slots ---- */

void user_trace_init(struct user *user)
{
    void *at = mmap((void *)(uintptr_t)USER_TRACE_AT, sizeof(struct user_trace_area), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == (void *)(uintptr_t)USER_TRACE_AT)
        user->trace_area = at;
    else if (at != MAP_FAILED)
        munmap(at, sizeof(struct user_trace_area));
}

void user_trace_ready(const struct user *user)
{
    struct user_trace_area *area = area_of(user);
    if (!area)
        return;
    area->machine = user->abi->elf_machine;
    atomic_store(&area->magic, USER_TRACE_MAGIC);
}

static struct user_trace *slot(struct user_trace_area *area, unsigned n) { return (struct user_trace *)(void *)area->slots[n]; }

static unsigned slot_of(const struct user_thread *t)
{
    return (unsigned)(((uint8_t *)t->trace - area_of(t->user)->slots[0]) / USER_TRACE_SLOT);
}

/* A child of vfork() has another user->lock than its parent, which stands still meanwhile, but for its other threads: a slot is taken at once. */
void user_trace_take(struct user_thread *t)
{
    struct user_trace_area *area = area_of(t->user);
    for (unsigned n = 0; area && n < USER_TRACE_SLOTS; n++) {
        int32_t nobody = 0;
        if (atomic_load_explicit(&area->tids[n], memory_order_relaxed) || !atomic_compare_exchange_strong(&area->tids[n], &nobody, -1))
            continue;
        unsigned used = atomic_load(&area->used);
        while (used <= n && !atomic_compare_exchange_weak(&area->used, &used, n + 1))
            ;
        t->trace = slot(area, n);
        return;
    }
}

void user_trace_give(struct user_thread *t)
{
    if (!t->trace)
        return;
    unsigned n = slot_of(t);
    if (user_traced(t))
        memset(t->trace, 0, sizeof *t->trace);
    atomic_store(&area_of(t->user)->tids[n], 0);
    t->trace = NULL;
}

void user_trace_named(struct user_thread *t)
{
    if (t->trace)
        atomic_store(&area_of(t->user)->tids[slot_of(t)], t->tid);
}

void user_trace_forked(struct user_thread *t)
{
    struct user_trace_area *area = area_of(t->user);
    unsigned own = t->trace ? slot_of(t) : USER_TRACE_SLOTS;
    for (unsigned n = 0; area && n < area->used; n++)
        if (n != own && atomic_load_explicit(&area->tids[n], memory_order_relaxed)) {
            if (atomic_load(&slot(area, n)->traced))
                memset(slot(area, n), 0, sizeof *slot(area, n));
            atomic_store(&area->tids[n], 0);
        }
    user_trace_named(t);
}

/* ---- standing ---- */

static void publish(struct user_thread *t, enum user_trace_stop stop)
{
    struct user_trace *tr = t->trace;
    const struct user_abi *abi = t->user->abi;
    abi->core_put(t->cpu, tr->registers, tr->floats);
    if (abi->arm64_trace && (stop == USER_STOP_entry || stop == USER_STOP_exit))
        tr->registers[MARK] = stop == USER_STOP_exit;
    tr->pc = t->cpu->pc;
    tr->sp = abi->stack(t->cpu);
    tr->tls = abi->tls ? *abi->tls(t->cpu) : 0;
    tr->mask = t->mask;
    tr->dirty = 0;
    atomic_store(&tr->fresh, 1);
}

/* What the tracer has changed. mark: of the register that it saw another value of. */
static void take_back(struct user_thread *t, const uint64_t *mark)
{
    struct user_trace *tr = t->trace;
    const struct user_abi *abi = t->user->abi;
    if (mark)
        tr->registers[MARK] = *mark;
    abi->core_take(t->cpu, tr->dirty & USER_DIRTY_registers ? tr->registers : NULL, tr->dirty & USER_DIRTY_floats ? tr->floats : NULL);
    if (abi->tls && (tr->dirty & USER_DIRTY_tls))
        *abi->tls(t->cpu) = tr->tls;
    if (tr->dirty & USER_DIRTY_mask)
        user_signals_mask(t, tr->mask);
    t->changed |= tr->dirty != 0;
    tr->dirty = 0;
}

static void forget_code(struct user_thread *t)
{
    struct user_trace *tr = t->trace;
    uint32_t n = atomic_exchange(&tr->nchanges, 0);
    for (uint32_t i = 0; i < n && n <= ARRAY_LEN(tr->changes); i++)
        if (tr->changes[i][0] < tr->changes[i][1] && tr->changes[i][1] <= MEM_FLAT_END)
            accel_code_changed(t->user->vm, tr->changes[i][0], tr->changes[i][1]);
    if (n > ARRAY_LEN(tr->changes))
        accel_code_changed(t->user->vm, 0, MEM_FLAT_END);
}

/* Does the kernel still know of a tracer? */
static bool has_tracer(void)
{
    char text[1024];
    int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = 0;
    const char *at = strstr(text, "TracerPid:");
    return at && strtol(at + strlen("TracerPid:"), NULL, 10);
}

static void send_itself(const struct user_thread *t, int signal, int code)
{
    siginfo_t info = {.si_signo = signal, .si_code = code};
    info.si_pid = getpid();
    info.si_uid = getuid();
    syscall(SYS_rt_tgsigqueueinfo, getpid(), t->tid, signal, &info);
}

/*
 * Until the tracer lets it go on. Returns the signal to go on with. A SIGSEGV that the kernel drops, because one waits already, is sent again;
 * without a tracer it comes back as a signal that says nothing.
 */
static int stand(struct user_thread *t, enum user_trace_stop stop, const siginfo_t *info)
{
    struct user_trace *tr = t->trace;
    uint64_t mark = 0;
    bool marked = t->user->abi->arm64_trace && (stop == USER_STOP_entry || stop == USER_STOP_exit);
    publish(t, USER_STOP_none);
    if (marked)
        mark = tr->registers[MARK];
    publish(t, stop);
    tr->info = *info;
    tr->signal = 0;
    atomic_store(&tr->interrupt, 0);
    atomic_store(&tr->answered, 0);
    atomic_store(&tr->stop, stop);
    t->trace_stops++;
    accel_thread_away(t->cpu);
    atomic_store(&t->away, true);
    do
        send_itself(t, SIGSEGV, USER_TRACE_STANDS);
    while (!atomic_load(&tr->answered) && has_tracer());
    atomic_store(&t->away, false);
    accel_thread_back(t->cpu);
    bool gone = !atomic_load(&tr->answered);
    if (gone) {
        atomic_store(&tr->traced, 0);
        tr->signal = stop == USER_STOP_signal ? info->si_signo : 0;
    }
    atomic_store(&tr->stop, USER_STOP_none);
    atomic_store(&tr->fresh, 0);
    t->cpu->reservation.valid = RESERVED_no;
    take_back(t, marked ? &mark : NULL);
    forget_code(t);
    return tr->signal;
}

static siginfo_t trap_info(int code)
{
    siginfo_t info = {.si_signo = SIGTRAP, .si_code = code};
    info.si_pid = getpid();
    info.si_uid = getuid();
    return info;
}

static void stand_for(struct user_thread *t, int event)
{
    const siginfo_t info = trap_info(SIGTRAP | event << 8);
    stand(t, event == PTRACE_EVENT_EXEC ? USER_STOP_exec : USER_STOP_event, &info);
}

/* ---- signals ---- */

void user_trace_raise(struct user_thread *t, int signal)
{
    if (user_traced(t))
        send_itself(t, signal, USER_TRACE_OWN);
    else
        syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal);
}

bool user_trace_signal(struct user_thread *t, siginfo_t *info)
{
    struct user_trace *tr = t->trace;
    int with = stand(t, USER_STOP_signal, info);
    if (!with)
        return false;
    *info = tr->info;
    if (with != info->si_signo) {
        *info = (siginfo_t){.si_signo = with, .si_code = SI_USER};
        info->si_pid = tr->tracer;
        info->si_uid = getuid();
    }
    uint64_t blocked = t->waits ? t->wait_mask : t->mask;
    if (!(blocked >> (with - 1) & 1) || with == SIGKILL || with == SIGSTOP)
        return true;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), t->tid, with, info); /* until it is blocked no more */
    return false;
}

static _Thread_local bool stop_early; /* SIGSTOP has come to a thread that is not the guest's yet */

enum user_trace_word user_trace_came(struct user_thread *t, const siginfo_t *info, siginfo_t *sent)
{
    if (!t) {
        stop_early |= info->si_code == USER_TRACE_SIGNAL && info->si_errno == SIGSTOP;
        return 0;
    }
    struct user_trace *tr = t->trace;
    if (!tr || info->si_code == USER_TRACE_STANDS)
        return 0;
    if (info->si_code == USER_TRACE_LOOK || !atomic_exchange(&tr->came, 0))
        return USER_TRACE_LOOK;
    *sent = tr->sent;
    if (sent->si_signo != SIGSTOP)
        return USER_TRACE_SIGNAL;
    t->stop_info = *sent;
    atomic_store(&t->stop_came, true);
    return USER_TRACE_LOOK;
}

bool user_trace_waits(const struct user_thread *t) { return user_traced(t) || stop_early || atomic_load(&t->stop_came); }

bool user_trace_stopped(struct user_thread *t, siginfo_t *info)
{
    bool early = stop_early;
    stop_early = false;
    if (!atomic_exchange(&t->stop_came, false) && !early)
        return false;
    *info = early ? (siginfo_t){.si_signo = SIGSTOP} : t->stop_info;
    return true;
}

void user_trace_point(struct user_thread *t)
{
    struct user_trace *tr = t->trace;
    if (t->born_traced) {
        t->born_traced = false;
        if (atomic_load(&tr->seized)) {
            stand_for(t, PTRACE_EVENT_STOP);
        } else {
            t->stop_info = (siginfo_t){.si_signo = SIGSTOP};
            atomic_store(&t->stop_came, true);
        }
    }
    if (user_traced(t) && atomic_load(&tr->interrupt))
        stand_for(t, PTRACE_EVENT_STOP);
    if (atomic_load(&tr->nchanges))
        forget_code(t);
}

bool user_trace_steps(const struct user_thread *t)
{
    return user_traced(t) && (t->trace->mode == USER_TRACE_step || t->trace->mode == USER_TRACE_sysemu_step);
}

void user_trace_entered(struct user_thread *t)
{
    const siginfo_t info = trap_info(SIGTRAP);
    stand(t, USER_STOP_signal, &info);
}

void user_trace_stepped(struct user_thread *t, uint32_t stops)
{
    enum { TRACE = 2 /* TRAP_TRACE */ };
    if (t->exiting || t->trace_stops != stops || !user_trace_steps(t))
        return;
    siginfo_t info = {.si_signo = SIGTRAP, .si_code = TRACE, .si_addr = (void *)(uintptr_t)t->cpu->pc};
    if (user_trace_signal(t, &info))
        user_signals_act(t, &info);
}

/* ---- system calls ---- */

static bool stands_at_calls(const struct user_thread *t, bool entry)
{
    uint32_t mode = t->trace->mode;
    return user_traced(t) && (mode == USER_TRACE_syscall || (entry && (mode == USER_TRACE_sysemu || mode == USER_TRACE_sysemu_step)));
}

static void stand_at_call(struct user_thread *t, enum user_trace_stop stop)
{
    const siginfo_t info = trap_info(t->trace->options & PTRACE_O_TRACESYSGOOD ? SIGTRAP | 0x80 : SIGTRAP);
    int signal = stand(t, stop, &info);
    if (signal)
        syscall(SYS_tgkill, getpid(), t->tid, signal); /* as if it had been sent now */
}

/* By a function of the vDSO, which is no system call on a kernel of the guest's. */
static bool in_vdso(const struct user_thread *t, uint64_t number)
{
    uint64_t at = t->user->memory->vdso, pc = t->cpu->pc - t->user->abi->call_size;
    return at && pc >= at && pc - at < USER_PAGE && number != CALL_SIGRETURN && number != CALL_FLUSH_ICACHE;
}

bool user_trace_call(struct user_thread *t, uint64_t *number, uint64_t args[6])
{
    struct user_trace *tr = t->trace;
    const struct user_abi *abi = t->user->abi;
    uint64_t first = args[0];
    tr->number = *number;
    tr->call_number = (int32_t)*number;
    memcpy(tr->args, args, sizeof tr->args);
    bool made = true;
    bool quiet = in_vdso(t, *number);
    t->trace_returns = (tr->mode == USER_TRACE_syscall && !quiet) || *number == CALL_CLONE || *number == CALL_CLONE3;
    if (!quiet && stands_at_calls(t, true)) {
        if (!abi->arm64_trace || (int32_t)*number == -1)
            abi->result(t->cpu, -ENOSYS);
        stand_at_call(t, USER_STOP_entry);
        *number = abi->arm64_trace ? (uint64_t)(int64_t)tr->call_number : abi->number(t->cpu);
        abi->arguments(t->cpu, args);
        if (!abi->arm64_trace)
            args[0] = first; /* the kernel keeps it apart */
        made = (int64_t)*number != -1 && tr->mode != USER_TRACE_sysemu && tr->mode != USER_TRACE_sysemu_step;
    }
    publish(t, USER_STOP_none); /* for stops within the call */
    return made;
}

void user_trace_return(struct user_thread *t)
{
    struct user_trace *tr = t->trace;
    uint64_t args[6];
    t->user->abi->arguments(t->cpu, args);
    tr->result = (int64_t)args[0];
    if (t->trace_returns && stands_at_calls(t, false))
        stand_at_call(t, USER_STOP_exit);
    t->trace_returns = false;
    atomic_store(&tr->fresh, 0);
}

void user_trace_made(struct user_thread *t)
{
    if (t->trace->dirty)
        take_back(t, NULL);
    forget_code(t);
}

/* ---- beginning ---- */

void user_trace_born(struct user_thread *t, const struct user_trace *of, int option)
{
    struct user_trace *tr = t->trace;
    if (!tr)
        return;
    uint32_t traced = of && atomic_load(&of->traced) && (atomic_load(&of->options) & (uint32_t)option), options = of ? of->options : 0,
             seized = of ? of->seized : 0;
    memset(tr, 0, sizeof *tr);
    if (!traced)
        return;
    tr->options = options;
    tr->seized = seized;
    atomic_store(&tr->traced, 1);
    t->born_traced = true;
    atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
}

void user_trace_text(const struct user_thread *t, char *text, size_t size)
{
    *text = 0;
    if (user_traced(t))
        snprintf(text, size, "%u,%u,%u", t->trace->options, t->trace->mode, t->trace->seized);
}

void user_trace_begun(struct user_thread *t, const char *text)
{
    struct user_trace *tr = t->trace;
    unsigned options, mode, seized;
    if (!tr || sscanf(text, "%u,%u,%u", &options, &mode, &seized) != 3)
        return;
    tr->options = options;
    tr->mode = mode;
    tr->seized = seized;
    tr->number = CALL_EXECVE;
    atomic_store(&tr->traced, 1);
    bool event = options & PTRACE_O_TRACEEXEC;
    if (event)
        stand_for(t, PTRACE_EVENT_EXEC);
    t->trace_returns = true;
    user_trace_return(t);
    if (event || seized)
        return;
    t->stop_info = trap_info(SI_USER);
    atomic_store(&t->stop_came, true);
}
