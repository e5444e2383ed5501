/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Much at the same time: signals ten thousand times a second into everything else, threads and processes that come and go, mappings that
 * vanish under readers, code that several threads write and run, execve() while threads run. The argument multiplies the rounds.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };
static _Atomic int failures;

static void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void wrong(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    failures++;
}

static void handle(int signal, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

static void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t))
        ;
}

enum { THREADS = 4 };
static unsigned scale = 1;
static char program[4096];
extern char **environ;

static void all(void *(*work)(void *), unsigned n)
{
    pthread_t threads[16];
    for (uintptr_t i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i))
            wrong("no thread");
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* ---- signals into work ---- */

static _Atomic long ticks;
static _Thread_local volatile double disturbed;

static void tick(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    disturbed = disturbed * 1.5 + number; /* what it has of registers for numbers is not the program's */
    ticks++;
}

static double sum_up(unsigned rounds)
{
    double sum = 0;
    uint64_t mix = 1;
    for (unsigned i = 1; i < rounds; i++) {
        mix = mix * 6364136223846793005u + i;
        sum += sqrt((double)(mix >> 40)) / i;
    }
    return sum;
}

static void *compute(void *number)
{
    double first = sum_up(20000);
    for (unsigned i = 0; i < 20 * scale; i++)
        if (sum_up(20000) != first)
            wrong("another sum");
    return number;
}

static void *allocate(void *number)
{
    unsigned char *blocks[64] = {NULL};
    uint64_t x = 88172645463325252u + (uintptr_t)number;
    for (unsigned i = 0; i < 20000 * scale; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        unsigned char **block = &blocks[x % 64];
        size_t size = 16 + (x >> 8) % 3000;
        if (*block && **block != x % 64)
            wrong("a block has changed");
        free(*block);
        *block = malloc(size);
        memset(*block, (int)(x % 64), size);
    }
    for (unsigned i = 0; i < 64; i++)
        free(blocks[i]);
    return number;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long shared;

static void *locks(void *number)
{
    for (unsigned i = 0; i < 20000 * scale; i++) {
        pthread_mutex_lock(&mutex);
        shared++;
        pthread_mutex_unlock(&mutex);
    }
    return number;
}

static void *reads(void *number)
{
    int ends[2];
    char byte = 0;
    if (pipe(ends))
        return NULL;
    for (unsigned i = 0; i < 2000 * scale; i++)
        if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
            wrong("pipe: %s", strerrorname_np(errno));
    close(ends[0]);
    close(ends[1]);
    return number;
}

static void timer_on(bool on)
{
    static timer_t timer;
    struct itimerspec often = {{0, 100000}, {0, 100000}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    if (!on) {
        timer_delete(timer);
        return;
    }
    handle(SIGUSR1, tick, SA_RESTART);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
        wrong("no timer");
}

static void signals(void)
{
    void *(*const work[])(void *) = {compute, allocate, locks, reads};
    timer_on(true);
    for (unsigned i = 0; i < 4; i++)
        all(work[i], THREADS);
    if (shared != 20000L * scale * THREADS)
        wrong("locked %ld", shared);
    while (ticks < 100)
        nap(1);
    timer_on(false);
}

/* All threads send each other signals; none may be lost but by queueing, and none comes after the end. */
static pthread_t ring[THREADS];
static pthread_barrier_t barrier;
static _Atomic long got[THREADS];
static _Thread_local uintptr_t self;

static void count(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    got[self] += info->si_value.sival_int == 7;
}

static void *send_on(void *number)
{
    self = (uintptr_t)number;
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < 500 * scale; i++)
        while (pthread_sigqueue(ring[(self + 1) % THREADS], SIGRTMIN + 1, (union sigval){.sival_int = 7}) == EAGAIN)
            sched_yield();
    while (got[self] < 500 * scale)
        sched_yield();
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void ring_of_signals(void)
{
    handle(SIGRTMIN + 1, count, SA_RESTART);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&ring[i], NULL, send_on, (void *)i);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(ring[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        if (got[i] != 500 * scale)
            wrong("queued %u: %ld", i, got[i]);
}

/* ---- threads and processes that come and go ---- */

static void *nothing(void *number) { return number; }
static volatile bool stop;

static void *work_until_stopped(void *number)
{
    while (!stop) {
        free(malloc(100 + (uintptr_t)number));
        pthread_mutex_lock(&mutex);
        shared++;
        pthread_mutex_unlock(&mutex);
    }
    return number;
}

static void *create_and_join(void *number)
{
    for (unsigned i = 0; i < 100 * scale; i++) {
        pthread_t thread;
        void *back;
        if (pthread_create(&thread, NULL, nothing, (void *)(uintptr_t)i) || pthread_join(thread, &back) || back != (void *)(uintptr_t)i)
            wrong("a thread is wrong");
    }
    return number;
}

static unsigned ended_with(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : 1000u + (unsigned)WTERMSIG(status);
}

static void *fork_often(void *number)
{
    for (unsigned i = 0; i < 10 * scale; i++) {
        pid_t pid = fork();
        if (!pid) {
            free(malloc(100000));
            _exit((int)(sum_up(1000) > 0) + 4);
        }
        unsigned end = ended_with(pid);
        if (end != 5)
            wrong("a child ended with %u", end);
    }
    return number;
}

static unsigned vforked(void)
{
    pid_t pid = vfork();
    if (!pid)
        _exit(6);
    return ended_with(pid);
}

static void *spawn_often(void *number)
{
    for (unsigned i = 0; i < 5 * scale; i++) {
        char *argv[] = {(char *)(uintptr_t) "storms", (char *)(uintptr_t) "end", NULL};
        pid_t pid;
        if (posix_spawn(&pid, program, NULL, NULL, argv, environ) || ended_with(pid) != 9)
            wrong("a spawned program is wrong");
        if (vforked() != 6)
            wrong("a child of vfork is wrong");
    }
    return number;
}

static void come_and_go(void)
{
    pthread_t busy[2];
    timer_on(true);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&busy[i], NULL, work_until_stopped, (void *)i);
    all(create_and_join, THREADS);
    all(fork_often, THREADS);
    all(spawn_often, 2);
    stop = true;
    for (unsigned i = 0; i < 2; i++)
        pthread_join(busy[i], NULL);
    timer_on(false);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        wrong("there are zombies");
}

/* execve() ends the other threads, whatever they do. */
static void exec_amid_threads(void)
{
    for (unsigned i = 0; i < 3 * scale; i++) {
        pid_t pid = fork();
        if (!pid) {
            pthread_t thread;
            stop = false;
            for (uintptr_t k = 0; k < 3; k++)
                pthread_create(&thread, NULL, k ? work_until_stopped : spawn_often, (void *)k);
            nap(5);
            char *argv[] = {(char *)(uintptr_t) "storms", (char *)(uintptr_t) "end", NULL};
            execv(program, argv);
            _exit(1);
        }
        unsigned end = ended_with(pid);
        if (end != 9)
            wrong("execve amid threads: %u", end);
    }
}

/* And exit_group() from any of them. */
static void *leave(void *number)
{
    nap(2);
    exit((int)(uintptr_t)number + 10);
}

static void exits(void)
{
    for (unsigned i = 0; i < 10 * scale; i++) {
        pid_t pid = fork();
        if (!pid) {
            pthread_t thread;
            stop = false;
            for (uintptr_t k = 0; k < 3; k++)
                pthread_create(&thread, NULL, k == 2 ? leave : work_until_stopped, (void *)k);
            work_until_stopped(NULL);
        }
        unsigned end = ended_with(pid);
        if (end != 12)
            wrong("exit amid threads: %u", end);
    }
}

/* What the flags of clone() do not ask for is not looked at: there may be anything. */
static void clones(void)
{
    for (unsigned i = 0; i < 10; i++) {
        const uint64_t junk = 0x5555555555033320;
        pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, junk, junk, junk);
        if (!pid)
            _exit(3);
        if (pid < 0 || ended_with(pid) != 3)
            wrong("clone: %s", strerrorname_np(errno));
    }
}

/* ---- memory that changes under its readers ---- */

static uint8_t *volatile moving;
enum { PAGES = 16 };
static _Thread_local volatile sig_atomic_t faults;

static void fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    uint8_t *at = info->si_addr;
    if (at < moving || at >= moving + PAGES * PAGE)
        _exit(77);
    faults++;
    nap(0);
}

static void *touch(void *number)
{
    for (unsigned i = 0; i < 3000 * scale || (!faults && i < 1000000); i++) {
        volatile uint64_t *at = (volatile uint64_t *)(void *)(moving + i * 7 % PAGES * PAGE + (uintptr_t)number * 8);
        if (i & 1)
            *at = i;
        else
            (void)*at;
    }
    return faults ? number : (void *)-1;
}

static void *change(void *number)
{
    for (unsigned i = 0; !stop; i++) {
        uint8_t *page = moving + i * 5 % PAGES * PAGE;
        if (i % 3 == 0)
            mprotect(page, PAGE, PROT_NONE);
        else if (i % 3 == 1)
            munmap(page, PAGE);
        nap(0);
        if (mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page)
            wrong("mmap: %s", strerrorname_np(errno));
    }
    return number;
}

static void races(void)
{
    pthread_t changer, readers[2];
    handle(SIGSEGV, fault, SA_NODEFER);
    moving = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stop = false;
    pthread_create(&changer, NULL, change, NULL);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&readers[i], NULL, touch, (void *)i);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    stop = true;
    pthread_join(changer, NULL);
    signal(SIGSEGV, SIG_DFL);
}

/* ---- code that several threads write and run ---- */

static uint8_t *code;
enum { SLOT = 64, SLOTS = 128 };

/* int f(void) { return value; }, value below 2048 */
static void write_function(uint8_t *at, uint32_t value)
{
#if defined __riscv
    const uint32_t insns[] = {value << 20 | 0x00000513 /* li a0, value */, 0x00008067 /* ret */};
    memcpy(at, insns, sizeof insns);
#elif defined __x86_64__
    const uint8_t insns[] = {0xb8, (uint8_t)value, (uint8_t)(value >> 8), 0, 0, 0xc3};
    memcpy(at, insns, sizeof insns);
#else
#error no functions for this architecture
#endif
    __builtin___clear_cache((char *)at, (char *)at + SLOT);
}

static unsigned call(const uint8_t *at)
{
    int (*function)(void);
    memcpy(&function, &at, sizeof function);
    return (unsigned)function();
}

static void *write_and_run(void *number)
{
    uintptr_t me = (uintptr_t)number;
    unsigned stale = 0;
    for (unsigned i = 0; i < 2000 * scale; i++) {
        uint8_t *at = code + (i * THREADS + me) % SLOTS * SLOT; /* neighbours are other threads' */
        write_function(at, (i + (unsigned)me) % 2000);
        for (unsigned k = 0; k < 3; k++)
            stale += call(at) != (i + me) % 2000;
    }
    if (stale)
        wrong("stale code: %u", stale);
    return number;
}

static void written_code(void)
{
    code = mmap(NULL, SLOT * SLOTS, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    all(write_and_run, THREADS);
}

/* ---- locks whose owners die, locks that lend priority ---- */

static pthread_mutex_t robust, lender;

static void *die_with_lock(void *number)
{
    int r = pthread_mutex_lock(&robust);
    if (r == EOWNERDEAD)
        pthread_mutex_consistent(&robust);
    return r && r != EOWNERDEAD ? (void *)-1 : number;
}

static void *lend(void *number)
{
    for (unsigned i = 0; i < 3000 * scale; i++) {
        pthread_mutex_lock(&lender);
        shared++;
        pthread_mutex_unlock(&lender);
    }
    return number;
}

static void special_locks(void)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_STALLED);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&lender, &attr);
    all(die_with_lock, 16);
    int r = pthread_mutex_lock(&robust);
    if (r != EOWNERDEAD)
        wrong("robust: %s", strerrorname_np(r));
    shared = 0;
    all(lend, THREADS);
    if (shared != 3000L * scale * THREADS)
        wrong("lent: %ld", shared);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } parts[] = {{"signals", signals}, {"ring", ring_of_signals}, {"go", come_and_go},    {"exec", exec_amid_threads}, {"exits", exits},
                 {"clones", clones},   {"races", races},          {"code", written_code}, {"locks", special_locks}};
    if (argc > 1 && !strcmp(argv[1], "end"))
        return 9;
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        return 1;
    scale = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (argc < 3 || !strcmp(argv[2], parts[i].name)) {
            pid_t pid = fork();
            if (!pid) {
                parts[i].fn();
                exit(failures != 0);
            }
            unsigned end = ended_with(pid);
            if (end)
                wrong("%s: ended with %u", parts[i].name, end);
        }
    return failures != 0;
}
