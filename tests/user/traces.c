/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ptrace: a tracer and what it traces in one program: system calls, signals, memory, events of processes and threads, attaching. */
#include "user.h"
#include <elf.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#define INFO 0x420e /* PTRACE_GET_SYSCALL_INFO */

struct call { /* struct ptrace_syscall_info */
    uint8_t kind, reserved;
    uint16_t flags;
    uint32_t arch;
    uint64_t pc, sp, values[7];
};

static const char *name_of(uint64_t number)
{
    static const struct {
        long number;
        const char *name;
    } names[] = {{SYS_getppid, "getppid"}, {SYS_write, "write"},   {SYS_exit_group, "exit_group"},  {SYS_kill, "kill"},
                 {SYS_getpid, "getpid"},   {SYS_tgkill, "tgkill"}, {SYS_rt_sigreturn, "sigreturn"}, {SYS_execve, "execve"},
                 {SYS_clone, "clone"},     {SYS_read, "read"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((uint64_t)names[i].number == number)
            return names[i].name;
    return "?";
}

static long trace(int request, pid_t pid, uintptr_t address, uintptr_t data) { return ptrace(request, pid, (void *)address, (void *)data); }

/* What wait says, in words. */
static int told(const char *what, pid_t pid)
{
    int status = 0;
    pid_t got = waitpid(pid, &status, __WALL);
    if (got < 0) {
        say("%s: %s", what, error_name(errno));
        return -1;
    }
    if (WIFSTOPPED(status) && status >> 16) {
        static const char *const events[] = {"", "fork", "vfork", "clone", "exec", "vfork done", "exit", "seccomp"};
        say("%s: event %s, SIG%s", what, status >> 16 == PTRACE_EVENT_STOP ? "stop" : events[status >> 16],
            sigabbrev_np(status >> 8 & 0xff));
    } else if (WIFSTOPPED(status) && (WSTOPSIG(status) & 0x80)) {
        struct call c = {0};
        long size = trace(INFO, pid, sizeof c, (uintptr_t)&c);
        if (c.kind == 1)
            say("%s: call %s, %ld bytes", what, name_of(c.values[0]), size);
        else
            say("%s: end %s, %ld bytes", what, c.kind != 2 ? "?" : (c.values[1] & 0xff) ? error_name((int)-c.values[0]) : "well", size);
    } else {
        show_status(what, status);
    }
    return status;
}

static pid_t child_of(void (*fn)(void), unsigned options)
{
    pid_t pid = fork();
    if (!pid) {
        if (trace(PTRACE_TRACEME, 0, 0, 0))
            _exit(98);
        raise(SIGSTOP);
        fn();
        _exit(7);
    }
    told("begins", pid);
    OK(trace(PTRACE_SETOPTIONS, pid, 0, options));
    return pid;
}

/* ---- system calls ---- */

static void some_calls(void)
{
    syscall(SYS_getppid);
    if (write(1, "one\n", 4) != 4)
        say("write: other result");
}

static void calls(void)
{
    int status;
    pid_t pid = child_of(some_calls, PTRACE_O_TRACESYSGOOD);
    for (int i = 0; i < 12; i++) {
        trace(PTRACE_SYSCALL, pid, 0, 0);
        status = told("call", pid);
        if (!WIFSTOPPED(status))
            return;
    }
}

/* ---- signals ---- */

static volatile int handled, value, *volatile nowhere = (int *)16;

static void on(int signal, siginfo_t *info, void *context)
{
    (void)context;
    handled++;
    value = info->si_value.sival_int;
    if (signal == SIGSEGV)
        _exit(5);
}

static void some_signals(void)
{
    handle(SIGUSR1, on, 0);
    handle(SIGUSR2, on, 0);
    handle(SIGSEGV, on, 0);
    raise(SIGUSR1);
    say("handled %d", handled);
    raise(SIGUSR1);
    say("handled %d", handled);
    raise(SIGCHLD);
    raise(SIGTERM);
    union sigval v = {.sival_int = 5};
    sigqueue(getpid(), SIGUSR2, v);
    say("handled %d, value %d", handled, value);
    *nowhere = 1;
}

static void show_info(pid_t pid)
{
    siginfo_t info = {0};
    if (!SHOW(trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info)))
        say("signal %d code %d, from it: %d", info.si_signo, info.si_code, info.si_pid == pid);
}

static void signals(void)
{
    siginfo_t info = {0};
    pid_t pid = child_of(some_signals, 0);
    trace(PTRACE_CONT, pid, 0, 0);
    told("first", pid);
    show_info(pid);
    trace(PTRACE_CONT, pid, 0, SIGUSR1);
    told("second, taken away", pid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("ignored", pid);
    trace(PTRACE_CONT, pid, 0, SIGCHLD);
    told("deadly, becomes another", pid);
    trace(PTRACE_CONT, pid, 0, SIGUSR1);
    told("queued", pid);
    show_info(pid);
    trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info);
    info.si_value.sival_int++;
    trace(PTRACE_SETSIGINFO, pid, 0, (uintptr_t)&info);
    trace(PTRACE_CONT, pid, 0, SIGUSR2);
    told("fault", pid);
    trace(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info);
    say("code %d at %lx", info.si_code, (long)info.si_addr);
    trace(PTRACE_CONT, pid, 0, SIGSEGV);
    told("end", pid);
    pid = child_of(some_signals, 0);
    trace(PTRACE_CONT, pid, 0, SIGSTOP);
    told("stopped as a group", pid);
    show_info(pid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("runs on", pid);
    trace(PTRACE_CONT, pid, 0, SIGTERM);
    told("killed", pid);
}

/* ---- memory ---- */

static volatile long words[2] = {1, 2};

static void look(void) { say("word %lx %lx", words[0], words[1]); }

static void memory(void)
{
    char path[40];
    long two[2] = {0x1111, 0x2222}, other = 0;
    pid_t pid = child_of(look, PTRACE_O_EXITKILL);
    errno = 0;
    say("peeked %ld %s", trace(PTRACE_PEEKDATA, pid, (uintptr_t)&words[1], 0), error_name(errno));
    trace(PTRACE_PEEKDATA, pid, 16, 0);
    say("nowhere: %s", error_name(errno));
    OK(trace(PTRACE_POKEDATA, pid, (uintptr_t)&words[0], 0x7f5555550000));
    OK(trace(PTRACE_POKEDATA, pid, 16, 1));
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDWR);
    SHOW(pread(fd, &other, sizeof other, (off_t)(uintptr_t)&words[0]));
    say("read %lx", other);
    SHOW(pwrite(fd, &two[1], sizeof two[1], (off_t)(uintptr_t)&words[1]));
    const struct iovec mine = {&other, sizeof other}, theirs = {(void *)(uintptr_t)&words[1], sizeof other};
    SHOW(process_vm_readv(pid, &mine, 1, &theirs, 1, 0));
    say("read %lx", other);
    trace(PTRACE_CONT, pid, 0, 0);
    told("end", pid);
}

/* ---- code ---- */

#if defined __riscv
static const uint8_t trap[] = {0x73, 0, 0x10, 0};
enum { PC = 0, ARGUMENT = 11 /* a1: a0 is the kernel's own */, BACK = 0 };
#elif defined __aarch64__
static const uint8_t trap[] = {0, 0, 0x20, 0xd4};
enum { PC = 32, ARGUMENT = 1, BACK = 0 };
#else
static const uint8_t trap[] = {0xcc};
enum { PC = 16, ARGUMENT = 13 /* rsi */, BACK = 1 /* the counter stands behind the insn */ };
#endif

static uint64_t registers[64];

static size_t get(pid_t pid)
{
    struct iovec v = {registers, sizeof registers};
    return trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v) ? 0 : v.iov_len;
}

static void set(pid_t pid, size_t size)
{
    struct iovec v = {registers, size};
    SHOW(trace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v));
}

static int __attribute__((noinline, noclone)) stepped(int n)
{
    __asm__ volatile("" : "+r"(n));
    return n + 1;
}

static void hot(void)
{
    int n = 0;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 10000; k++)
            n = stepped(n);
        raise(SIGUSR2);
    }
    say("counted %d", n);
}

/* A breakpoint in code that has been translated long ago: hit, taken out, hit no more. */
static void breakpoints(void)
{
    pid_t pid = child_of(hot, 0);
    uint64_t old, new;
    uintptr_t at = (uintptr_t)stepped;
    trace(PTRACE_CONT, pid, 0, 0);
    told("warm", pid);
    old = (uint64_t)trace(PTRACE_PEEKTEXT, pid, at, 0);
    new = old;
    memcpy(&new, trap, sizeof trap);
    SHOW(trace(PTRACE_POKETEXT, pid, at, new));
    trace(PTRACE_CONT, pid, 0, 0);
    told("breakpoint", pid);
    size_t size = get(pid);
    say("there: %d", registers[PC] == at + BACK);
    registers[PC] = at;
    set(pid, size);
    SHOW(trace(PTRACE_POKETEXT, pid, at, old));
    trace(PTRACE_CONT, pid, 0, 0);
    told("later", pid);
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/task/%d/mem", pid, pid);
    int fd = open(path, O_RDWR);
    SHOW(pwrite(fd, &new, sizeof new, (off_t)at));
    trace(PTRACE_CONT, pid, 0, 0);
    told("breakpoint", pid);
    get(pid);
    registers[PC] = at;
    set(pid, size);
    lseek(fd, (off_t)at, SEEK_SET);
    SHOW(write(fd, &old, sizeof old));
    close(fd);
    for (int status = 0x7f; WIFSTOPPED(status);) {
        trace(PTRACE_CONT, pid, 0, 0);
        status = told("on", pid);
    }
}

static void write_twice(void)
{
    for (int i = 0; i < 2; i++)
        SHOW(write(1, i ? "abc\n" : "xyz\n", 4));
}

/* Another buffer for a call, then no call at all. */
static void other_arguments(void)
{
    static char text[] = "other text\n";
    pid_t pid = child_of(write_twice, PTRACE_O_TRACESYSGOOD);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    told("before", pid);
    size_t size = get(pid);
    registers[ARGUMENT] = (uintptr_t)text;
    set(pid, size);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    told("after", pid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("end", pid);
}

/* ---- events ---- */

static void *in_thread(void *arg)
{
    say("in the thread");
    return arg;
}

static void make(void)
{
    pthread_t thread;
    pid_t pid = fork();
    if (!pid)
        _exit(3);
    waitpid(pid, NULL, 0);
    pid = vfork();
    if (!pid)
        _exit(4);
    waitpid(pid, NULL, 0);
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    char *args[] = {"traces", "again", NULL};
    execv("/proc/self/exe", args);
}

/* Each child is waited for by its number, so that the order is one. */
static void events(unsigned options)
{
    pid_t pid = child_of(make, options);
    int status = 0x7f;
    say("-- options %x", options);
    for (int i = 0; i < 20 && WIFSTOPPED(status); i++) {
        trace(PTRACE_CONT, pid, 0, status >> 8 == SIGCHLD ? SIGCHLD : 0);
        status = told("parent", pid);
        int event = status >> 16;
        unsigned long other = 0;
        if (!WIFSTOPPED(status) || !event)
            continue;
        trace(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&other);
        if (event == PTRACE_EVENT_EXEC || event == PTRACE_EVENT_EXIT || event == PTRACE_EVENT_VFORK_DONE) {
            say("message: itself %d", other == (unsigned long)pid);
            continue;
        }
        int child = told("child", (pid_t)other);
        for (int k = 0; k < 5 && WIFSTOPPED(child); k++) {
            trace(PTRACE_CONT, (pid_t)other, 0, 0);
            if (event == PTRACE_EVENT_CLONE && !(options & PTRACE_O_TRACEEXIT))
                break; /* its end the parent waits for */
            child = told("child", (pid_t)other);
        }
        if (event == PTRACE_EVENT_CLONE && !(options & PTRACE_O_TRACEEXIT))
            told("thread", (pid_t)other);
    }
}

/* ---- attaching ---- */

static volatile int ready;

static void spin(void)
{
    for (volatile uint64_t n = 0;; n++)
        ;
}

static void *sleeper(void *arg)
{
    int fds[2];
    if (!pipe(fds))
        *(volatile pid_t *)arg = (pid_t)syscall(SYS_gettid);
    while (read(fds[0], fds, 1) < 0)
        ;
    return arg;
}

static volatile pid_t *tids;

static pid_t running(bool with_threads)
{
    tids = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (!pid) {
        pthread_t a;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (with_threads)
            pthread_create(&a, NULL, sleeper, (void *)(uintptr_t)&tids[1]);
        while (with_threads && !tids[1])
            nap(1);
        nap(2);
        ready = 1;
        tids[0] = 1;
        spin();
    }
    while (!tids[0])
        nap(1);
    return pid;
}

static void attaching(void)
{
    pid_t pid = running(false);
    SHOW(trace(PTRACE_ATTACH, pid, 0, 0));
    told("attached", pid);
    say("registers: %d", get(pid) > 0);
    say("counts: %d", trace(PTRACE_PEEKDATA, pid, (uintptr_t)&ready, 0) == 1);
    SHOW(trace(PTRACE_ATTACH, pid, 0, 0));
    SHOW(trace(PTRACE_DETACH, pid, 0, 0));
    SHOW(trace(PTRACE_CONT, pid, 0, 0));
    SHOW(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    SHOW(waitpid(pid, NULL, WNOHANG));
    SHOW(trace(PTRACE_INTERRUPT, pid, 0, 0));
    told("interrupted", pid);
    say("registers: %d", get(pid) > 0);
    trace(PTRACE_CONT, pid, 0, 0);
    kill(pid, SIGSTOP);
    told("signal", pid);
    trace(PTRACE_CONT, pid, 0, SIGSTOP);
    told("group", pid);
    SHOW(trace(PTRACE_LISTEN, pid, 0, 0));
    kill(pid, SIGCONT);
    told("listened", pid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("continued", pid);
    trace(PTRACE_CONT, pid, 0, 0);
    kill(pid, SIGKILL);
    told("end", pid);
}

static void threads(void)
{
    pid_t pid = running(true), other = tids[1];
    SHOW(trace(PTRACE_SEIZE, pid, 0, 0));
    SHOW(trace(PTRACE_SEIZE, other, 0, PTRACE_O_TRACESYSGOOD));
    SHOW(trace(PTRACE_INTERRUPT, other, 0, 0));
    told("sleeper", other);
    SHOW(trace(PTRACE_INTERRUPT, pid, 0, 0));
    told("spinner", pid);
    trace(PTRACE_CONT, pid, 0, 0);
    trace(PTRACE_SYSCALL, other, 0, 0);
    told("sleeper sleeps on", other);
    trace(PTRACE_SYSCALL, other, 0, 0);
    syscall(SYS_tgkill, pid, other, SIGSTOP);
    told("sleeper", other);
    trace(PTRACE_SYSCALL, other, 0, 0);
    told("sleeper", other);
    SHOW(trace(PTRACE_DETACH, other, 0, 0));
    kill(pid, SIGKILL);
    told("end", pid);
}

/* Its tracer ends while it stands before a call. */
static void orphan(void)
{
    int fds[2], status;
    char text[8] = "";
    pid_t begun = pipe(fds) ? -1 : fork();
    if (!begun) {
        raise(SIGSTOP);
        if (write(fds[1], "alive", 5) != 5)
            _exit(1);
        _exit(0);
    }
    waitpid(begun, &status, WUNTRACED);
    pid_t tracer = fork();
    if (!tracer) {
        trace(PTRACE_SEIZE, begun, 0, PTRACE_O_TRACESYSGOOD);
        told("seized", begun);
        SHOW(trace(PTRACE_LISTEN, begun, 0, 0));
        kill(begun, SIGCONT);
        told("continued", begun);
        trace(PTRACE_SYSCALL, begun, 0, 0);
        told("signal", begun);
        trace(PTRACE_SYSCALL, begun, 0, SIGCONT);
        told("call", begun);
        _exit(0);
    }
    waitpid(tracer, &status, 0);
    close(fds[1]);
    for (ssize_t n = 0, more; (more = read(fds[0], text + n, sizeof text - 1 - (size_t)n)) > 0; n += more)
        ;
    say("it is %s", text);
    waitpid(begun, &status, 0);
    show_status("orphan", status);
}

static void sleep_a_second(void)
{
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    const struct timespec second = {1, 0};
    long r = nanosleep(&second, NULL);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double took = (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
    say("slept: %ld, once: %d", r, took >= 1 && took < 1.75);
}

/* A sleep that is stopped again and again sleeps no longer for it. */
static void sleeping(void)
{
    pid_t pid = child_of(sleep_a_second, 0);
    trace(PTRACE_CONT, pid, 0, 0);
    for (int i = 0; i < 8; i++) {
        nap(40);
        kill(pid, SIGUSR1);
        told("signal", pid);
        trace(PTRACE_CONT, pid, 0, 0);
    }
    told("end", pid);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        say("once more");
        return 6;
    }
    calls();
    signals();
    memory();
    breakpoints();
    other_arguments();
    events(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE);
    events(0);
    attaching();
    threads();
    orphan();
    sleeping();
    return 0;
}
