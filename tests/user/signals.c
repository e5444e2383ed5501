/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals: masks, nesting, flags of handlers, other stacks, queues, waiting for them, leaving handlers by a jump. */
#include "user.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <ucontext.h>

static volatile int depth, raises, count, order[32], norder;
static volatile siginfo_t last;

static sigset_t only(int a, int b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a);
    if (b)
        sigaddset(&set, b);
    return set;
}

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    last = *info;
    if (norder < 32)
        order[norder++] = signal;
    count++;
}

static void show_order(const char *what)
{
    char text[256] = "";
    for (int i = 0; i < norder; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), " %d", order[i]);
    say("%s:%s", what, text);
    norder = 0;
}

static void show_mask(const char *what)
{
    sigset_t set;
    char text[256] = "";
    sigprocmask(SIG_SETMASK, NULL, &set);
    for (int i = 1; i < 65; i++)
        if (sigismember(&set, i) == 1)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %d", i);
    say("%s: blocked%s", what, text);
}

static void nest(int signal, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    order[norder++] = signal;
    depth++;
    if (raises++ < 3)
        raise(SIGUSR1);
    if (signal == SIGUSR1 && depth == 1)
        raise(SIGUSR2);
    order[norder++] = -signal;
    depth--;
}

static void nesting(void)
{
    handle(SIGUSR1, nest, 0);
    handle(SIGUSR2, nest, 0);
    raise(SIGUSR1);
    show_order("blocked in its own handler");
    handle(SIGUSR1, nest, SA_NODEFER);
    raises = 0;
    raise(SIGUSR1);
    show_order("not deferred");
    struct sigaction action = {.sa_sigaction = nest, .sa_flags = SA_SIGINFO};
    action.sa_mask = only(SIGUSR2, SIGTERM);
    sigaction(SIGUSR1, &action, NULL);
    raises = 0;
    raise(SIGUSR1);
    show_order("with a mask");
    show_mask("after");
    handle(SIGUSR1, note, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction old;
    SHOW(sigaction(SIGUSR1, NULL, &old));
    SHOW(old.sa_handler == SIG_DFL);
    SHOW(old.sa_flags & ~0x04000000); /* SA_RESTORER, which not all architectures have */
    show_order("once");
    SHOW(sigaction(SIGKILL, &old, NULL));
    SHOW(sigaction(SIGKILL, NULL, &old));
    SHOW(sigaction(65, NULL, &old));
    SHOW(sigaction(0, NULL, &old));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 4));
    SHOW(syscall(SYS_rt_sigprocmask, 77, &old.sa_mask, NULL, 8));
    SHOW(syscall(SYS_rt_sigprocmask, 77, NULL, NULL, 8));
}

static void masks(void)
{
    sigset_t set = only(SIGUSR1, SIGKILL), pending;
    handle(SIGUSR1, note, 0);
    SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
    show_mask("kill cannot be");
    raise(SIGUSR1);
    raise(SIGUSR1);
    SHOW(sigpending(&pending));
    SHOW(sigismember(&pending, SIGUSR1));
    count = 0;
    SHOW(sigprocmask(SIG_UNBLOCK, &set, NULL));
    SHOW(count);
    for (int i = SIGRTMIN; i < SIGRTMIN + 3; i++)
        handle(i, note, 0);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    norder = 0;
    for (int i = 0; i < 3; i++) {
        sigqueue(getpid(), SIGRTMIN + 2 - i, (union sigval){.sival_int = i});
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10 + i});
    }
    raise(SIGUSR1);
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    for (int i = 0; i < norder; i++)
        order[i] -= order[i] > 31 ? SIGRTMIN - 100 : 0;
    show_order("queued");
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 77});
    say("value %d code %d own %d", last.si_value.sival_int, last.si_code, last.si_pid == getpid() && last.si_uid == getuid());
    raise(SIGUSR1);
    say("code %d own %d", last.si_code, last.si_pid == getpid());
    kill(getpid(), SIGUSR1);
    say("code %d own %d", last.si_code, last.si_pid == getpid());
    /* faults' signals that were sent */
    handle(SIGSEGV, note, 0);
    set = only(SIGSEGV, SIGBUS);
    sigprocmask(SIG_BLOCK, &set, NULL);
    count = 0;
    kill(getpid(), SIGSEGV);
    SHOW(sigpending(&pending));
    say("%d pending %d", count, sigismember(&pending, SIGSEGV));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("%d signal %d code %d own %d", count, last.si_signo, last.si_code, last.si_pid == getpid());
    SHOW(kill(getpid(), 65));
    SHOW(kill(getpid(), 0));
    SHOW(kill(999999999, 0));
    signal(SIGSEGV, SIG_DFL);
}

static char other[64 << 10];
static volatile bool on_other;

static void where(int signal, siginfo_t *info, void *context)
{
    char here;
    stack_t stack;
    const ucontext_t *uc = context;
    (void)info, (void)signal;
    on_other = &here >= other && &here < other + sizeof other;
    sigaltstack(NULL, &stack);
    say("handler: on it %d, flags %d, in the context %d", on_other, stack.ss_flags, uc->uc_stack.ss_sp == other);
    stack.ss_flags = 0;
    SHOW(sigaltstack(&stack, NULL));
    if (signal == SIGUSR1)
        raise(SIGUSR2);
}

static void stacks(void)
{
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other}, old;
    SHOW(sigaltstack(NULL, &old));
    say("flags %d", old.ss_flags);
    SHOW(sigaltstack(&(stack_t){.ss_sp = other, .ss_size = 100}, NULL));
    SHOW(sigaltstack(&(stack_t){.ss_sp = other, .ss_size = sizeof other, .ss_flags = 77}, NULL));
    SHOW(sigaltstack(&stack, NULL));
    SHOW(sigaltstack(NULL, &old));
    say("flags %d size %zu", old.ss_flags, old.ss_size);
    handle(SIGUSR1, where, SA_ONSTACK);
    handle(SIGUSR2, where, SA_ONSTACK);
    raise(SIGUSR1);
    handle(SIGUSR1, where, 0);
    handle(SIGUSR2, where, 0);
    raise(SIGUSR2);
    stack.ss_flags = (int)(1u << 31); /* SS_AUTODISARM */
    SHOW(sigaltstack(&stack, NULL));
    handle(SIGUSR2, where, SA_ONSTACK);
    raise(SIGUSR2);
    SHOW(sigaltstack(NULL, &old));
    say("flags %x", (unsigned)old.ss_flags);
    SHOW(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, &old));
}

static void *kick(void *arg)
{
    nap(30);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

static void waiting(void)
{
    pthread_t self = pthread_self(), helper;
    sigset_t set = only(SIGUSR1, 0), none, all;
    sigemptyset(&none);
    sigfillset(&all);
    handle(SIGUSR1, note, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    count = 0;
    raise(SIGUSR1);
    SHOW(sigsuspend(&none));
    say("%d", count);
    show_mask("after sigsuspend");
    raise(SIGUSR1);
    SHOW(ppoll(NULL, 0, &(struct timespec){5, 0}, &none));
    say("%d", count);
    raise(SIGUSR1);
    SHOW(pselect(0, NULL, NULL, NULL, &(struct timespec){5, 0}, &none));
    say("%d", count);
    SHOW(ppoll(NULL, 0, &(struct timespec){0, 1000}, &none));
    show_mask("after ppoll");
    pthread_create(&helper, NULL, kick, &self);
    SHOW(sigsuspend(&none));
    pthread_join(helper, NULL);
    siginfo_t info;
    union sigval value = {.sival_int = 5};
    sigqueue(getpid(), SIGUSR1, value);
    SHOW(sigtimedwait(&set, &info, &(struct timespec){5, 0}) == SIGUSR1);
    say("value %d code %d", info.si_value.sival_int, info.si_code);
    SHOW(sigtimedwait(&set, &info, &(struct timespec){0, 1000}));
    pthread_create(&helper, NULL, kick, &self);
    SHOW(sigwaitinfo(&set, &info) == SIGUSR1);
    pthread_join(helper, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct signalfd_siginfo from;
    OK(fd);
    SHOW(read(fd, &from, sizeof from));
    sigqueue(getpid(), SIGUSR1, value);
    SHOW(read(fd, &from, sizeof from));
    say("signal %u code %d value %d", from.ssi_signo, from.ssi_code, from.ssi_int);
    SHOW(poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0));
    close(fd);
    count = 0;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("%d", count);
}

static sigjmp_buf back;

static void leave(int signal, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    siglongjmp(back, signal);
}

static void jumps(void)
{
    handle(SIGUSR1, leave, 0);
    volatile int times = 0;
    for (volatile int i = 0; i < 1000; i++) {
        if (!sigsetjmp(back, 1))
            raise(SIGUSR1);
        else
            times++;
    }
    say("jumped %d", times);
    show_mask("after jumps");
    if (!sigsetjmp(back, 0))
        raise(SIGUSR1);
    show_mask("without the mask");
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the handler does to floating point does not reach what it interrupted; the context's mask counts when it returns. */
static volatile double sink;
static void compute(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)signal, (void)info;
    double x = count;
    for (int i = 1; i < 50; i++)
        x = x / 3 + i * 1.5;
    sink = x;
    count++;
    sigaddset(&uc->uc_sigmask, SIGWINCH);
}

static void floats(void)
{
    handle(SIGALRM, compute, 0);
    const timer_t none = 0;
    timer_t timer = none;
    count = 0;
    SHOW(timer_create(CLOCK_MONOTONIC, NULL, &timer));
    SHOW(timer_settime(timer, 0, &(struct itimerspec){{0, 300000}, {0, 300000}}, NULL));
    double wrong = 0;
    uint64_t sum = 0;
    while (count < 100) {
        double a = 1, b = 0.5;
        uint64_t n = 1;
        for (int i = 0; i < 1000; i++) {
            a = a * 1.0000001 + b;
            b = b * 0.999;
            n = n * 6364136223846793005u + 1442695040888963407u;
        }
        static double expected;
        static uint64_t expected_n;
        if (expected == 0)
            expected = a, expected_n = n;
        wrong += a != expected;
        sum += n != expected_n;
    }
    SHOW(timer_delete(timer));
    say("wrong %g %d", wrong, (int)sum);
    show_mask("from the context");
}

static void kill_self(void) { kill(getpid(), SIGTERM); }
static void stop_self(void) { raise(SIGSTOP); }

static void ends(void)
{
    int status, hold[2];
    in_child("term", kill_self);
    SHOW(pipe(hold));
    pid_t pid = fork();
    if (!pid) {
        char c;
        close(hold[1]);
        stop_self();
        _exit(3 + (int)read(hold[0], &c, 1)); /* not before its parent has seen it go on */
    }
    SHOW(waitpid(pid, &status, WUNTRACED) == pid);
    show_status("it", status);
    kill(pid, SIGCONT);
    SHOW(waitpid(pid, &status, WCONTINUED) == pid);
    show_status("it", status);
    close(hold[0]);
    close(hold[1]);
    SHOW(waitpid(pid, &status, 0) == pid);
    show_status("it", status);
    norder = 0;
    handle(SIGCHLD, note, SA_NOCLDSTOP);
    if (!fork())
        _exit(9);
    while (!norder)
        nap(1);
    say("code %d status %d", last.si_code, last.si_status);
    show_status("child", (wait(&status), status));
    signal(SIGCHLD, SIG_IGN);
    if (!fork())
        _exit(0);
    SHOW(wait(&status));
    signal(SIGCHLD, SIG_DFL);
}

static volatile sig_atomic_t segv;

static void on_segv(int signal, siginfo_t *info, void *context)
{
    (void)context;
    segv = signal * 100 + (info->si_code == SI_USER);
}

static void later(int signal, pid_t to)
{
    if (fork())
        return;
    nap(30);
    kill(to, signal);
    _exit(0);
}

/* Signals that faults raise, sent while they are blocked: whoever waits for them gets them, and nothing else is disturbed. */
static void held(void)
{
    const struct timespec soon = {.tv_nsec = 20000000}, late = {.tv_sec = 20};
    sigset_t set, none;
    siginfo_t info = {0};
    char byte = 0;
    int fds[2], status;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigaddset(&set, SIGBUS);
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &set, NULL);
    SHOW(sigtimedwait(&set, &info, &soon));
    kill(getpid(), SIGBUS);
    SHOW(sigtimedwait(&set, &info, &late));
    say("%d %d %d", info.si_signo == SIGBUS, info.si_code == SI_USER, info.si_pid == getpid());
    later(SIGSEGV, getpid());
    SHOW(sigtimedwait(&set, &info, &late));
    wait(&status);
    later(SIGSEGV, getpid());
    if (pipe(fds) || !fork()) {
        nap(80);
        _exit(write(fds[1], "x", 1) != 1);
    }
    SHOW(read(fds[0], &byte, 1)); /* nothing interrupts it */
    wait(&status);
    wait(&status);
    handle(SIGSEGV, on_segv, 0);
    SHOW(sigsuspend(&none));
    say("handled %d", (int)segv);
    segv = 0;
    later(SIGSEGV, getpid());
    SHOW(sigsuspend(&none));
    say("handled %d", (int)segv);
    wait(&status);
    SHOW(sigpending(&set));
    say("pending %d", sigismember(&set, SIGSEGV));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    nesting();
    masks();
    stacks();
    waiting();
    jumps();
    floats();
    in_child("held", held);
    ends();
    return 0;
}
