/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals. The kernel keeps what is blocked, pending and queued: the guest's masks and dispositions are the host's, but for SIGSEGV and SIGBUS,
 * which are never blocked, because emitted code raises them. A signal that the guest handles comes to on_signal(), which leaves it with its
 * thread and blocks all others; between two insns of the guest the frame is built, and the mask is the handler's from then on.
 */
#include "base/bits.h"
#include "os/fault.h"
#include "user/calls.h"
#include "user/core.h"
#include "user/debug.h"
#include "user/trace.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define BIT(signal)  (1ull << ((signal)-1))
#define ALWAYS_OPEN  (BIT(SIGSEGV) | BIT(SIGBUS))
#define UNBLOCKABLE  (BIT(SIGKILL) | BIT(SIGSTOP))
#define FLAG_RESTART 0x10000000ull
enum { FLAG_NOCLDSTOP = 1, FLAG_NOCLDWAIT = 2, FLAG_ONSTACK = 0x08000000, FLAG_NODEFER = 0x40000000 };
#define FLAG_RESETHAND 0x80000000ull
enum { LIBRARY_FIRST = 32, LIBRARY_LAST = 33 }; /* the signals that C libraries keep for themselves */
#define AUTODISARM (int)(1u << 31)              /* SS_AUTODISARM */

_Thread_local struct user_thread *user_self;

/* The raw calls: the C library keeps two signals for itself, which are the guest's library's here. */
static void host_mask(uint64_t mask)
{
    mask &= ~ALWAYS_OPEN;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

void user_signals_mask(struct user_thread *t, uint64_t mask)
{
    t->mask = mask & ~UNBLOCKABLE;
    if (!atomic_load(&t->pending)) /* else all are blocked until it has been delivered */
        host_mask(t->mask);
    if (atomic_load(&t->held) & ~t->mask)
        atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
}

/* What the guest blocks at present. */
static uint64_t blocked_now(const struct user_thread *t) { return t->waits ? t->wait_mask : t->mask; }

static void leave_with(struct user_thread *t, int signal, const siginfo_t *info)
{
    t->info = *info;
    atomic_store(&t->pending, signal);
    atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
}

/*
 * On a thread that is not the guest's yet, or never will be, where the C library opens the two signals that it keeps for itself. What was
 * sent to the process another thread takes; to name its sender as the kernel did is the first thread's right, and its own process's any one's.
 */
static void pass_on(int signal, siginfo_t *info)
{
    if (info->si_code == SI_TKILL)
        syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal);
    else if (info->si_code == SI_USER || syscall(SYS_rt_sigqueueinfo, getpid(), signal, info))
        kill(getpid(), signal);
}

/* A call that was begun is made again. */
static void look_up(struct user_thread *t, void *context)
{
    atomic_store(&t->held_came, true);
    atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
    os_syscall_interrupt(context);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    struct user_thread *t = user_self;
    ucontext_t *uc = context;
    uint64_t all = ~ALWAYS_OPEN;
    siginfo_t sent;
    if (signal == SIGSEGV && info->si_code <= USER_TRACE_STANDS && info->si_code >= USER_TRACE_SIGNAL) {
        enum user_trace_word word = user_trace_came(t, info, &sent);
        if (word == USER_TRACE_LOOK)
            look_up(t, context);
        if (word != USER_TRACE_SIGNAL)
            return;
        info = &sent;
        signal = sent.si_signo;
    }
    if (!t) {
        pass_on(signal, info); /* it is blocked here until the handler has returned, and then all are */
        memcpy(&uc->uc_sigmask, &all, sizeof all);
        return;
    }
    if (((ALWAYS_OPEN & BIT(signal)) && (blocked_now(t) & BIT(signal))) || atomic_load(&t->pending)) {
        t->held_info[signal == SIGBUS] = *info; /* only those two can come here so */
        atomic_fetch_or(&t->held, BIT(signal));
        look_up(t, context); /* somebody waits for it, perhaps */
        return;
    }
    leave_with(t, signal, info);
    memcpy(&uc->uc_sigmask, &all, sizeof all);
    os_syscall_interrupt(context);
}

/* SIGSEGV and SIGBUS that are no access of the guest's. */
static void other_fault(int signal, siginfo_t *info, void *context)
{
    if (info->si_code <= 0) {
        on_signal(signal, info, context);
        return;
    }
    static const char text[] = "vm: a mistake of vm itself: it touched memory that is not there\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(STATUS_failed);
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL); /* the instruction faults once more when this returns */
}

static struct user *the_user; /* for the handler of faults: one address space has one translator */

static uintptr_t resume(uintptr_t pc) { return accel_fault(the_user->vm, pc); }

/* The kernel's own struct; the restorer that a call needs is taken from one that the C library has installed. */
struct host_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
#ifdef __x86_64__
    void (*restorer)(void);
#endif
    uint64_t mask;
};

static int64_t host_action(int signal, const struct user_action *action)
{
    static struct host_action model;
    if (!model.flags)
        syscall(SYS_rt_sigaction, SIGSEGV, NULL, &model, sizeof model.mask);
    struct host_action to = model;
    to.mask = ~ALWAYS_OPEN;
    to.flags = (model.flags & 0x04000000 /* SA_RESTORER */) | SA_SIGINFO | (action->flags & (FLAG_NOCLDSTOP | FLAG_NOCLDWAIT));
    to.handler = on_signal;
    if (action->handler == 1 || (!action->handler && !user_core_signal(signal))) /* SIG_IGN, SIG_DFL */
        memcpy(&to.handler, &action->handler, sizeof to.handler);
    return syscall(SYS_rt_sigaction, signal, &to, NULL, sizeof to.mask) ? -errno : 0;
}

/* What was ignored when the process began stays so; it is asked when somebody wants to know. Handlers can only be the C library's. */
static struct user_action *action_of(struct user *user, int signal)
{
    struct user_action *action = &user->actions[signal];
    struct host_action old = {.flags = 0};
    if (!(user->known & BIT(signal)) && !(ALWAYS_OPEN & BIT(signal)) && !syscall(SYS_rt_sigaction, signal, NULL, &old, sizeof old.mask))
        action->handler = old.handler == (void (*)(int, siginfo_t *, void *))(uintptr_t)SIG_IGN;
    user->known |= BIT(signal);
    return action;
}

void user_signals_init(struct user *user)
{
    static const struct os_fault_hooks hooks = {resume, other_fault};
    the_user = user;
    os_fault_init(&hooks);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &user->threads->mask, sizeof user->threads->mask); /* what was blocked stays so */
    for (int signal = 1; signal <= USER_SIGNALS; signal++)
        if (user_core_signal(signal) && !(ALWAYS_OPEN & BIT(signal)) && !action_of(user, signal)->handler)
            host_action(signal, &user->actions[signal]);
    action_of(user, LIBRARY_FIRST);
    action_of(user, LIBRARY_LAST);
}

/* For cancelling threads, and for changing identifiers in all of them: the guest's C library does so for the guest. */
void user_signals_reclaim(struct user *user)
{
    os_mutex_lock(&user->lock);
    for (int signal = LIBRARY_FIRST; signal <= LIBRARY_LAST && !user->reclaimed; signal++)
        host_action(signal, &user->actions[signal]);
    user->reclaimed = true;
    os_mutex_unlock(&user->lock);
}

void user_signals_thread(struct user_thread *t)
{
    user_self = t;
    host_mask(t->mask);
}

void user_signals_default(struct user *user)
{
    os_mutex_lock(&user->lock);
    for (int signal = 1; signal <= USER_SIGNALS; signal++)
        if (user->actions[signal].handler > 1) {
            user->actions[signal] = (struct user_action){.handler = 0};
            if (!(ALWAYS_OPEN & BIT(signal)))
                host_action(signal, &user->actions[signal]);
        }
    os_mutex_unlock(&user->lock);
}

/* ---- ending ---- */

bool user_signals_end(const struct user_thread *t)
{
    host_mask(~ALWAYS_OPEN); /* words of the guest are still read and written, which may be missing */
    return !atomic_load(&t->pending);
}

void user_die(struct user_thread *t, siginfo_t *info)
{
    int signal = info->si_signo;
    const struct sigaction action = {.sa_handler = SIG_DFL};
    user_core_write(t, info);
    if (t->user->debug)
        user_debug_ended(t->user, USER_DEBUG_killed, signal);
    user_finished(t->user);
    sigaction(signal, &action, NULL);
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none); /* one of this program would help nobody */
    host_mask(~BIT(signal));
    user_trace_raise(t, signal);
    for (;;)
        _exit(128 + signal);
}

/* ---- delivering ---- */

static bool on_alt_stack(const struct user_thread *t)
{
    uint64_t sp = t->user->abi->stack(t->cpu), low = (uintptr_t)t->alt.ss_sp;
    return t->alt.ss_size && !(t->alt.ss_flags & AUTODISARM) && sp > low && sp - low <= t->alt.ss_size;
}

static uint64_t handler_stack(const struct user_thread *t, const struct user_action *action)
{
    if ((action->flags & FLAG_ONSTACK) && t->alt.ss_size && !on_alt_stack(t))
        return (uintptr_t)t->alt.ss_sp + t->alt.ss_size;
    return t->user->abi->stack(t->cpu);
}

static void force_segv(struct user_thread *t)
{
    siginfo_t info = {.si_signo = SIGSEGV, .si_code = SI_KERNEL};
    user_die(t, &info);
}

/* A call of a traced thread stands as one that will be made again until a handler decides. */
static void end_call(struct user_thread *t, const struct user_action *action)
{
    enum { RESTARTSYS = 512, RESTARTNOHAND = 514, RESTART_RESTARTBLOCK = 516 };
    int code = t->again.code;
    bool ends = code == RESTARTNOHAND || code == RESTART_RESTARTBLOCK || (code == RESTARTSYS && !(action->flags & FLAG_RESTART));
    t->again.code = 0;
    if (!ends || t->cpu->pc != t->again.pc)
        return;
    t->sleeps_on = false;
    t->user->abi->result(t->cpu, -EINTR);
    t->cpu->pc += t->user->abi->call_size;
}

static void enter_handler(struct user_thread *t, siginfo_t *info, const struct user_action *action)
{
    int signal = info->si_signo;
    end_call(t, action);
    uint64_t blocked = blocked_now(t);
    if (!t->user->abi->frame_push(t, handler_stack(t, action), info, action, t->mask))
        force_segv(t);
    if (t->alt.ss_flags & AUTODISARM)
        t->alt = (stack_t){.ss_flags = SS_DISABLE};
    t->waits = false;
    t->cpu->reservation.valid = RESERVED_no; /* as after every way through the kernel */
    user_signals_mask(t, blocked | action->mask | (action->flags & FLAG_NODEFER ? 0 : BIT(signal)));
    t->changed = true;
    if (user_trace_steps(t))
        user_trace_entered(t);
}

static struct user_action take_action(struct user *user, int signal)
{
    os_mutex_lock(&user->lock);
    struct user_action action = user->actions[signal];
    if (action.handler > 1 && (action.flags & FLAG_RESETHAND)) {
        user->actions[signal].handler = 0;
        if (!(ALWAYS_OPEN & BIT(signal)))
            host_action(signal, &user->actions[signal]);
    }
    os_mutex_unlock(&user->lock);
    return action;
}

static void deliver(struct user_thread *t, siginfo_t *info)
{
    if (t->user->debug && !user_debug_signal(t, info)) {
        user_signals_mask(t, t->mask);
        return;
    }
    if (user_traced(t) && !user_trace_signal(t, info)) {
        user_signals_mask(t, t->mask);
        return;
    }
    user_signals_act(t, info);
}

void user_signals_act(struct user_thread *t, siginfo_t *info)
{
    int signal = info->si_signo;
    struct user_action action = take_action(t->user, signal);
    if (action.handler > 1)
        enter_handler(t, info, &action);
    else if (action.handler == 1 || signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT)
        user_signals_mask(t, t->mask); /* ignored, since it came */
    else if ((ALWAYS_OPEN & BIT(signal)) || user_core_signal(signal))
        user_die(t, info);
    else { /* the default, since it came: the kernel's */
        user_signals_mask(t, t->mask);
        user_trace_raise(t, signal);
    }
}

/* One of those that were sent while the guest blocked them. */
static bool take_held(struct user_thread *t, uint64_t of, siginfo_t *info)
{
    uint64_t held = atomic_load(&t->held) & of;
    if (!held)
        return false;
    *info = t->held_info[!(held & BIT(SIGSEGV))];
    atomic_fetch_and(&t->held, ~BIT(info->si_signo));
    return true;
}

void user_signals_deliver(struct user_thread *t)
{
    user_core_hold(t);
    int signal = atomic_exchange(&t->pending, 0);
    siginfo_t info = t->info;
    info.si_signo = signal;
    if (signal)
        deliver(t, &info);
    siginfo_t sent;
    if (t->trace) {
        user_trace_point(t);
        while (user_trace_stopped(t, &sent))
            deliver(t, &sent);
    }
    if (!atomic_load(&t->pending) && take_held(t, ~blocked_now(t), &sent))
        deliver(t, &sent);
    t->waits = false;
    t->again.code = 0;
}

/* As the kernel has it: one that cannot be handled is its default. false: the tracer has taken it away, or acts by another one. */
static bool traced_fault(struct user_thread *t, siginfo_t *info)
{
    int signal = info->si_signo;
    if (t->mask & BIT(signal)) {
        os_mutex_lock(&t->user->lock);
        t->user->actions[signal].handler = 0;
        os_mutex_unlock(&t->user->lock);
        t->mask &= ~BIT(signal);
    }
    if (!user_trace_signal(t, info))
        return false;
    if (info->si_signo == signal)
        return true;
    user_signals_act(t, info);
    return false;
}

void user_signals_fault(struct user_thread *t, siginfo_t *info)
{
    if (user_traced(t) && !traced_fault(t, info))
        return;
    int signal = info->si_signo;
    struct user_action action = take_action(t->user, signal);
    if (action.handler <= 1 || (t->mask & BIT(signal)))
        user_die(t, info);
    enter_handler(t, info, &action);
}

/* ---- system calls ---- */

int64_t sys_rt_sigaction(struct user_thread *t, const uint64_t a[6])
{
    struct user *user = t->user;
    uint64_t signal = a[0];
    uint64_t new[4], old[4]; /* handler, flags, the restorer if the architecture has one, mask */
    bool restorer = user->abi->has_restorer;
    size_t size = (restorer ? 4 : 3) * sizeof *new;
    if (a[3] != 8 || signal < 1 || signal > USER_SIGNALS || (a[1] && (BIT(signal) & UNBLOCKABLE)))
        return -EINVAL;
    if (a[1] && !user_read(new, a[1], size))
        return -EFAULT;
    os_mutex_lock(&user->lock);
    struct user_action *action = action_of(user, (int)signal);
    old[0] = action->handler;
    old[1] = action->flags;
    old[2] = action->restorer;
    old[2 + restorer] = action->mask;
    int64_t r = 0;
    if (a[1]) {
        *action = (struct user_action){new[0], new[1], restorer ? new[2] : 0, new[2 + restorer] & ~UNBLOCKABLE};
        if (!(ALWAYS_OPEN & BIT(signal)))
            r = host_action((int)signal, action);
    }
    os_mutex_unlock(&user->lock);
    return r ? r : a[2] && !user_write(a[2], old, size) ? -EFAULT : 0;
}

int64_t sys_rt_sigprocmask(struct user_thread *t, const uint64_t a[6])
{
    uint64_t old = t->mask, set;
    if (a[3] != 8)
        return -EINVAL;
    if (a[1]) {
        if (!user_read(&set, a[1], sizeof set))
            return -EFAULT;
        switch ((int)a[0]) {
        case SIG_BLOCK: set |= old; break;
        case SIG_UNBLOCK: set = old & ~set; break;
        case SIG_SETMASK: break;
        default: return -EINVAL;
        }
        user_signals_mask(t, set);
    }
    return a[2] && !user_write(a[2], &old, sizeof old) ? -EFAULT : 0;
}

int64_t sys_rt_sigpending(struct user_thread *t, const uint64_t a[6])
{
    uint64_t set;
    if (a[1] > sizeof set)
        return -EINVAL;
    syscall(SYS_rt_sigpending, &set, sizeof set);
    set = (set | atomic_load(&t->held)) & t->mask;
    return user_write(a[0], &set, a[1]) ? 0 : -EFAULT;
}

int64_t sys_rt_sigreturn(struct user_thread *t, const uint64_t a[6])
{
    uint64_t mask;
    (void)a;
    if (!t->user->abi->frame_pop(t, &mask))
        force_segv(t);
    user_signals_mask(t, mask);
    t->changed = true;
    return USER_NO_RESULT;
}

static int64_t set_alt_stack(struct user_thread *t, const stack_t *new)
{
    int mode = new->ss_flags & ~AUTODISARM;
    if (on_alt_stack(t))
        return -EPERM;
    if (new->ss_sp == t->alt.ss_sp &&new->ss_size == t->alt.ss_size &&new->ss_flags == t->alt.ss_flags)
        return 0;
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode)
        return -EINVAL;
    if (mode != SS_DISABLE && new->ss_size < 2048)
        return -ENOMEM;
    t->alt = mode == SS_DISABLE ? (stack_t){.ss_flags = new->ss_flags} : *new;
    return 0;
}

int64_t sys_sigaltstack(struct user_thread *t, const uint64_t a[6])
{
    stack_t old = t->alt, new;
    old.ss_flags = (on_alt_stack(t) ? SS_ONSTACK : old.ss_size ? 0 : SS_DISABLE) | (old.ss_flags & AUTODISARM);
    if (a[0]) {
        if (!user_read(&new, a[0], sizeof new))
            return -EFAULT;
        int64_t r = set_alt_stack(t, &new);
        if (r)
            return r;
    }
    return a[1] && !user_write(a[1], &old, sizeof old) ? -EFAULT : 0;
}

/* A call that waits with another mask: the handler that ends it runs with that one blocked as well. */
int64_t user_call_masked(struct user_thread *t, long number, const uint64_t args[6], uint64_t mask_at)
{
    uint64_t mask;
    if (mask_at) {
        if (!user_read(&mask, mask_at, sizeof mask))
            return -EFAULT;
        t->wait_mask = mask & ~UNBLOCKABLE;
        t->waits = true;
    }
    bool open = t->waits && (atomic_load(&t->held) & ~t->wait_mask);
    int64_t r = open ? -EINTR : user_call_wait(t, number, args);
    if (open)
        atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
    t->waits = t->waits && r == -EINTR && (open || atomic_load(&t->pending));
    return r;
}

/* What is held nobody but this process knows of. */
int64_t sys_rt_sigtimedwait(struct user_thread *t, const uint64_t a[6])
{
    uint64_t set;
    siginfo_t info;
    if (a[3] == sizeof set && user_read(&set, a[0], sizeof set) && take_held(t, set, &info))
        return a[1] && !user_write(a[1], &info, sizeof info) ? -EFAULT : info.si_signo;
    return user_call_wait(t, SYS_rt_sigtimedwait, a);
}

int64_t sys_rt_sigsuspend(struct user_thread *t, const uint64_t a[6])
{
    return a[1] != 8 ? -EINVAL : user_call_masked(t, SYS_rt_sigsuspend, a, a[0]);
}

int64_t sys_ppoll(struct user_thread *t, const uint64_t a[6]) { return user_call_masked(t, SYS_ppoll, a, a[3]); }

int64_t sys_pselect6(struct user_thread *t, const uint64_t a[6])
{
    uint64_t set[2] = {0};
    if (a[5] && !user_read(set, a[5], sizeof set))
        return -EFAULT;
    return user_call_masked(t, SYS_pselect6, a, set[0]);
}
