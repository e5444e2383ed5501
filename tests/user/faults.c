/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Faults: what the handler is told, that it may repair the cause or go on elsewhere, and how a process ends that has none. */
#include "user.h"
#include <setjmp.h>
#include <sys/resource.h>
#include <ucontext.h>

static volatile int signal_got, code_got;
static volatile uintptr_t address_got;
static sigjmp_buf back;
static char *volatile page;

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    signal_got = signal;
    code_got = info->si_code;
    address_got = (uintptr_t)info->si_addr;
    siglongjmp(back, 1);
}

static void touch(const char *what, char *at, bool store)
{
    signal_got = 0;
    if (!sigsetjmp(back, 1)) {
        if (store)
            *(volatile char *)at = 1;
        else
            (void)*(volatile char *)at;
    }
    say("%s: signal %d code %d address %s", what, signal_got, code_got, address_got == (uintptr_t)at ? "exact" : "other");
}

static void wide(const char *what, char *at, uintptr_t expected)
{
    signal_got = 0;
    if (!sigsetjmp(back, 1))
        (void)*(volatile uint64_t *)at;
    say("%s: signal %d code %d address %s", what, signal_got, code_got, address_got == expected ? "exact" : "other");
}

static void jump(const char *what, uintptr_t to)
{
    signal_got = 0;
    if (!sigsetjmp(back, 1))
        ((void (*)(void))to)();
    say("%s: signal %d code %d address %s", what, signal_got, code_got, address_got == to ? "exact" : "other");
}

static void accesses(void)
{
    page = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + PAGE, PAGE);
    mprotect(page + 2 * PAGE, PAGE, PROT_READ);
    mprotect(page + 3 * PAGE, PAGE, PROT_NONE);
    for (int round = 0; round < 3; round++) { /* the first runs are interpreted, the later ones translated */
        touch("unmapped load", page + PAGE + 5, false);
        touch("unmapped store", page + PAGE + 7, true);
        touch("read-only store", page + 2 * PAGE + 1, true);
        touch("read-only load", page + 2 * PAGE + 1, false);
        touch("no access", page + 3 * PAGE, false);
        touch("null", NULL, false);
        touch("null store", (char *)8, true);
        wide("across", page + PAGE - 4, (uintptr_t)page + PAGE);
        jump("jump to null", 0);
        jump("jump to data", (uintptr_t)page + 2 * PAGE);
        jump("jump to nothing", (uintptr_t)page + PAGE);
    }
    int fd = open("short", O_RDWR | O_CREAT, 0600);
    char *file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    touch("beyond the file", file + 1, false);
    touch("beyond the file, store", file + PAGE, true);
    if (!ftruncate(fd, 1))
        touch("within the file", file + PAGE - 1, true);
    touch("beyond the file's page", file + PAGE, true);
}

/* Makes the page writable and lets the store be done again. */
static void repair(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    signal_got++;
    mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
}

static void repairs(void)
{
    handle(SIGSEGV, repair, 0);
    char *p = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal_got = 0;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 64 * PAGE; i += 256)
            p[i] = (char)(p[i] + 1);
    int sum = 0;
    for (int i = 0; i < 64 * PAGE; i += 256)
        sum += p[i];
    say("repaired %d, sum %d", signal_got, sum);
}

/* The handler changes a register in the context: the load's result comes from a page that the pointer did not name. */
static void skip(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)signal, (void)info;
    signal_got++;
#ifdef __riscv
    uc->uc_mcontext.__gregs[REG_PC] += 4;
    uc->uc_mcontext.__gregs[REG_A0] = 42;
#else
    uc->uc_mcontext.gregs[REG_RIP] += 3;
    uc->uc_mcontext.gregs[REG_RAX] = 42;
#endif
}

static long load_or_skip(const long *at)
{
#ifdef __riscv
    register long r __asm__("a0") = (long)at;
    __asm__ volatile(".option push\n.option norvc\n ld a0, 0(a0)\n.option pop" : "+r"(r)::"memory");
#else
    register long r __asm__("rax") = (long)at;
    __asm__ volatile("mov (%%rax), %%rax" : "+r"(r)::"memory");
#endif
    return r;
}

static void contexts(void)
{
    handle(SIGSEGV, skip, 0);
    static const long here = 7;
    signal_got = 0;
    long sum = 0;
    for (int i = 0; i < 100; i++)
        sum += load_or_skip(i & 1 ? &here : (const long *)16);
    say("skipped %d, sum %ld", signal_got, sum);
}

static char *volatile nowhere = (char *)8;
static void die_by_load(void) { (void)*(volatile char *)nowhere; }
static void die_blocked(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, NULL);
    die_by_load();
}
static void die_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    die_by_load();
}
static void die_default(void)
{
    signal(SIGSEGV, SIG_DFL);
    die_by_load();
}
static void again(int signal)
{
    (void)signal;
    die_by_load();
}
static void die_in_handler(void)
{
    signal(SIGSEGV, again);
    die_by_load();
}
static void die_by_bus(void)
{
    int fd = open("short2", O_RDWR | O_CREAT, 0600);
    (void)*(volatile char *)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
}
static void die_by_trap(void)
{
#ifdef __riscv
    __asm__ volatile("unimp");
#else
    __asm__ volatile("ud2");
#endif
}
static void die_by_stack(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    volatile char *sp = __builtin_frame_address(0);
    for (size_t i = 0; i < (64ul << 20) + limit.rlim_cur; i += PAGE)
        sp[-(long)i] = 1;
}

static void deaths(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    in_child("load", die_by_load);
    in_child("blocked", die_blocked);
    in_child("ignored", die_ignored);
    in_child("default", die_default);
    in_child("in its handler", die_in_handler);
    in_child("bus", die_by_bus);
    in_child("illegal", die_by_trap);
    in_child("stack", die_by_stack);
    in_child("abort", abort);
}

/* A stack overflow is handled on another stack. */
static char alt[64 << 10];

static int deeper(int n)
{
    volatile char frame[4096];
    frame[0] = (char)n;
    return n > (1 << 18) ? 0 : deeper(n + 1) + frame[0];
}

static void on_overflow(int signal, siginfo_t *info, void *context)
{
    char here;
    (void)info, (void)context;
    signal_got = &here > alt && &here < alt + sizeof alt ? signal : -1;
    siglongjmp(back, 1);
}

static void overflow(void)
{
    const stack_t stack = {.ss_sp = alt, .ss_size = sizeof alt};
    sigaltstack(&stack, NULL);
    handle(SIGSEGV, on_overflow, SA_ONSTACK);
    for (int i = 0; i < 2; i++) {
        signal_got = 0;
        if (!sigsetjmp(back, 1))
            deeper(0);
        say("overflow: signal %d", signal_got);
    }
}

int main(void)
{
    handle(SIGSEGV, note, 0);
    handle(SIGBUS, note, 0);
    accesses();
    repairs();
    contexts();
    overflow();
    deaths();
    return 0;
}
