/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ptrace's single steps, which riscv64's kernel has not: through code, a system call, into a signal's handler, and from a fault on. */
#include "user.h"
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifdef __aarch64__
enum { PC = 32 };
#else
enum { PC = 16 };
#endif

static volatile int count;

static void on(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    count += 10;
}

static void __attribute__((noinline, noclone)) marker(void)
{
    __asm__ volatile("" ::: "memory");
    count++;
}

static void work(void)
{
    handle(SIGUSR1, on, 0);
    raise(SIGUSR2);
    for (int i = 0; i < 3; i++) {
        marker();
        syscall(SYS_getppid);
    }
    raise(SIGUSR1);
    say("count %d", count);
    *(volatile int *)(uintptr_t)count = 1; /* no such address */
}

static void __attribute__((noinline, noclone)) instead(void)
{
    count += 2;
    _exit(count);
}

static long trace(int request, pid_t pid, uintptr_t data) { return ptrace(request, pid, NULL, (void *)data); }

static uint64_t pc_of(pid_t pid)
{
    uint64_t registers[64] = {0};
    struct iovec v = {registers, sizeof registers};
    return ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)NT_PRSTATUS, &v) ? 0 : registers[PC];
}

static void set_pc(pid_t pid, void (*fn)(void))
{
    uint64_t registers[64] = {0};
    struct iovec v = {registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)NT_PRSTATUS, &v);
    registers[PC] = (uintptr_t)fn;
    SHOW(ptrace(PTRACE_SETREGSET, pid, (void *)(uintptr_t)NT_PRSTATUS, &v));
}

static bool inside(uint64_t pc, void (*fn)(void)) { return pc == (uintptr_t)fn; }

int main(void)
{
    siginfo_t info;
    int status, steps = 0, marks = 0, others = 0, calm = 0;
    pid_t pid = fork();
    if (!pid) {
        if (trace(PTRACE_TRACEME, 0, 0))
            _exit(98);
        work();
    }
    waitpid(pid, &status, 0);
    show_status("before", status);
    SHOW(trace(PTRACE_SINGLESTEP, pid, 0));
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP && steps++ < 5000) {
        uint64_t pc = pc_of(pid);
        marks += inside(pc, marker);
        trace(PTRACE_GETSIGINFO, pid, (uintptr_t)&info);
        others += info.si_signo != SIGTRAP || info.si_code <= 0;
        trace(PTRACE_SINGLESTEP, pid, 0);
    }
    say("steps: %d, marks %d, other stops %d", steps > 50, marks, others);
    show_status("the signal", status);
    SHOW(trace(PTRACE_SINGLESTEP, pid, SIGUSR1));
    waitpid(pid, &status, 0);
    show_status("in the handler", status);
    say("at its first insn: %d", pc_of(pid) == (uintptr_t)on);
    while (calm < 20 && trace(PTRACE_SINGLESTEP, pid, 0) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
        calm++;
    say("steps on: %d", calm);
    trace(PTRACE_CONT, pid, 0);
    waitpid(pid, &status, 0);
    show_status("a fault", status);
    set_pc(pid, instead);
    SHOW(trace(PTRACE_SINGLESTEP, pid, 0));
    waitpid(pid, &status, 0);
    show_status("one step from there", status);
    uint64_t past = pc_of(pid) - (uintptr_t)instead;
    say("at the second insn: %d", past > 0 && past <= 10);
    trace(PTRACE_CONT, pid, 0);
    waitpid(pid, &status, 0);
    show_status("end", status);
    return 0;
}
