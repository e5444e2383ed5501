/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes: fork, vfork, spawn, clone with its flags, waiting for them, groups, orphans. */
#include "user.h"
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;
static volatile int value = 1;

static void forks(void)
{
    int fds[2], status, got = 0;
    SHOW(pipe(fds));
    pid_t pid = fork();
    if (!pid) {
        value = 2;
        int mine = getppid() > 0 && getpid() == gettid();
        _exit(write(fds[1], &mine, sizeof mine) == sizeof mine ? 12 : 1);
    }
    SHOW(waitpid(pid, &status, 0) == pid);
    show_status("child", status);
    SHOW(read(fds[0], &got, sizeof got));
    say("got %d value %d", got, value);
    SHOW(waitpid(pid, &status, 0));
    SHOW(waitpid(-1, &status, WNOHANG));
    SHOW(wait4(-1, &status, 0x1234, NULL));
    pid = vfork();
    if (!pid) {
        value = 3;
        _exit(5);
    }
    SHOW(waitpid(pid, &status, 0) == pid);
    show_status("vfork", status);
    say("value %d", value);
    pid = vfork();
    if (!pid) {
        execl("/nowhere", "nowhere", (char *)NULL);
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    say("exec after vfork: %s", error_name(WEXITSTATUS(status)));
    for (volatile int i = 0; i < 20; i++)
        if (!(pid = vfork()))
            _exit(i);
        else if (waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) != i)
            say("vfork %d: %d", i, status);
}

static void spawns(void)
{
    pid_t pid;
    int status;
    char *args[] = {"sh", "-c", "exit 4", NULL}, *bad[] = {"x", NULL};
    SHOW(posix_spawn(&pid, "/bin/sh", NULL, NULL, args, environ));
    waitpid(pid, &status, 0);
    show_status("spawned", status);
    say("%s", error_name(posix_spawn(&pid, "/nowhere", NULL, NULL, bad, environ)));
    say("%s", error_name(posix_spawn(&pid, "/etc/passwd", NULL, NULL, bad, environ)));
    say("%s", error_name(posix_spawn(&pid, "/etc", NULL, NULL, bad, environ)));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/nowhere", O_RDONLY, 0);
    say("%s", error_name(posix_spawn(&pid, "/bin/sh", &actions, NULL, args, environ)));
    posix_spawnattr_t attr;
    sigset_t set;
    sigfillset(&set);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &set);
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    char *mask[] = {"sh", "-c", "grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status", NULL};
    signal(SIGUSR1, SIG_IGN);
    int result = posix_spawn(&pid, "/bin/sh", NULL, &attr, mask, environ); /* which prints as well */
    waitpid(pid, &status, 0);
    SHOW(result);
    show_status("spawned", status);
    result = posix_spawn(&pid, "/bin/sh", NULL, NULL, mask, environ);
    waitpid(pid, &status, 0);
    SHOW(result);
    signal(SIGUSR1, SIG_DFL);
}

static long raw_clone(uint64_t flags, pid_t *parent, pid_t *child)
{
#ifdef __riscv
    return syscall(SYS_clone, flags, 0, parent, 0, child);
#else
    return syscall(SYS_clone, flags, 0, parent, child, 0);
#endif
}

static void clones(void)
{
    int status;
    pid_t in_parent = 0, in_child_ = 0;
    long pid = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, &in_parent, &in_child_);
    if (!pid)
        _exit(in_child_ == getpid() ? 3 : 4);
    waitpid((pid_t)pid, &status, 0);
    show_status("settid", status);
    say("%d %d", in_parent == pid, in_child_);
    signal(SIGUSR1, SIG_IGN);
    pid = raw_clone(SIGUSR1, NULL, NULL);
    if (!pid)
        _exit(2);
    SHOW(waitpid((pid_t)pid, &status, 0));
    SHOW(waitpid((pid_t)pid, &status, __WALL) == pid);
    show_status("other signal", status);
    SHOW(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL));
    SHOW(raw_clone(CLONE_THREAD | SIGCHLD, NULL, NULL));
    SHOW(raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL));
    int fd = -1;
    struct clone_args args = {.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
    signal(SIGUSR2, SIG_IGN);
    handle(SIGUSR1, (void (*)(int, siginfo_t *, void *))(uintptr_t)abort, 0);
    pid = syscall(SYS_clone3, &args, sizeof args);
    if (!pid) {
        struct sigaction one, two;
        sigaction(SIGUSR1, NULL, &one);
        sigaction(SIGUSR2, NULL, &two);
        _exit((one.sa_handler == SIG_DFL) + 2 * (two.sa_handler == SIG_IGN));
    }
    SHOW(poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1));
    siginfo_t info = {.si_pid = 0};
    SHOW(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT));
    say("code %d status %d own %d", info.si_code, info.si_status, info.si_pid == pid);
    SHOW(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    SHOW(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    args.flags = CLONE_THREAD;
    SHOW(syscall(SYS_clone3, &args, sizeof args));
    args.flags = 0;
    args.stack = 16;
    SHOW(syscall(SYS_clone3, &args, sizeof args));
    SHOW(syscall(SYS_clone3, &args, 8));
    SHOW(syscall(SYS_clone3, &args, 8192));
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

static char stack[1 << 16] __attribute__((aligned(16)));
static int on_stack(void *arg)
{
    char here;
    return *(int *)arg + (&here > stack && &here < stack + sizeof stack);
}

static void waits(void)
{
    int status, one = 40;
    siginfo_t info;
    pid_t pid = clone(on_stack, stack + sizeof stack, SIGCHLD, &one);
    waitpid(pid, &status, 0);
    show_status("clone with a stack", status);
    pid = clone(on_stack, stack + sizeof stack, CLONE_VFORK | CLONE_VM | SIGCHLD, &one);
    waitpid(pid, &status, 0);
    show_status("vfork with a stack", status);
    pid = fork();
    if (!pid) {
        setpgid(0, 0);
        pause();
    }
    setpgid(pid, pid);
    SHOW(waitpid(-pid, &status, WNOHANG));
    SHOW(getpgid(pid) == pid);
    SHOW(kill(-pid, SIGSTOP));
    SHOW(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
    say("code %d status %d", info.si_code, info.si_status);
    SHOW(kill(-pid, SIGCONT));
    SHOW(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
    say("code %d", info.si_code);
    SHOW(kill(-pid, SIGHUP));
    struct rusage usage;
    SHOW(wait4(-pid, &status, 0, &usage) == pid);
    show_status("group", status);
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, 0));
    pid = fork();
    if (!pid) {
        SHOW(setsid() == getpid());
        SHOW(setsid());
        SHOW(getsid(0) == getpid());
        _exit(0);
    }
    waitpid(pid, &status, 0);
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid = fork();
    if (!pid) {
        if (!fork()) {
            nap(10);
            _exit(33);
        }
        _exit(0);
    }
    waitpid(pid, &status, 0);
    SHOW(waitpid(-1, &status, 0) > 0);
    show_status("orphan", status);
}

int main(void)
{
    forks();
    spawns();
    clones();
    waits();
    return 0;
}
