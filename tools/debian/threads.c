/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program that the Debian guest compiles and runs: threads, atomics of every width, floating point, signals, and code that is written
 * while other threads run it. What it prints is the same on every machine (compiled with -ffp-contract=off); tools/test-debian knows it.
 */
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 100000, TURNS = 5000, PATCHES = 2000 };

static struct {
    uint8_t byte;
    uint16_t half;
    uint32_t word;
    uint64_t wide, locked, spun;
    char spin;
    pthread_mutex_t mutex;
} shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void *count(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        __atomic_fetch_add(&shared.byte, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&shared.half, 3, __ATOMIC_ACQ_REL);
        __atomic_fetch_xor(&shared.word, UINT32_C(0x9e3779b9), __ATOMIC_SEQ_CST);
        uint64_t old = __atomic_load_n(&shared.wide, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&shared.wide, &old, old + 7, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            ;
        pthread_mutex_lock(&shared.mutex);
        shared.locked++;
        pthread_mutex_unlock(&shared.mutex);
        while (__atomic_test_and_set(&shared.spin, __ATOMIC_ACQUIRE))
            sched_yield();
        shared.spun += 2;
        __atomic_clear(&shared.spin, __ATOMIC_RELEASE);
    }
    return unused;
}

static void each(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, body, (void *)i))
            exit(3);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static pthread_mutex_t turn_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn, turns;

static void *take_turns(void *self)
{
    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&turn_mutex);
        while (turn != (int)(intptr_t)self)
            pthread_cond_wait(&turn_changed, &turn_mutex);
        turn = (turn + 1) % THREADS;
        turns++;
        pthread_cond_broadcast(&turn_changed);
        pthread_mutex_unlock(&turn_mutex);
    }
    return NULL;
}

/* Each thread's sum is its own and exact to the bit, however the threads are moved about. */
static double sums[THREADS];

static void *add_up(void *self)
{
    double sum = 0, x = 1 + (double)(intptr_t)self;
    float single = 0;
    for (int i = 1; i <= 300000; i++) {
        sum += sqrt(x * i) / (x + i);
        sum = fma(sum, 0.999999, -0.5 / i);
        single += (float)sum * 1e-3f;
        if (i % 1000 == 0)
            sum = sum / 2 + (double)single * 1e-3 + (double)(int64_t)(sum * 1e6) * 1e-7;
    }
    sums[(intptr_t)self] = sum;
    return NULL;
}

static void round_every_way(void)
{
    static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    volatile double one = 1, three = -3, half = 2.5, huge = 1e308;
    for (int i = 0; i < 4; i++) {
        fesetround(modes[i]);
        feclearexcept(FE_ALL_EXCEPT);
        double third = one / three, rounded = rint(half);
        int inexact = !!fetestexcept(FE_INEXACT);
        volatile double over = huge * 10;
        printf("round %d: %a %g %d %g %d\n", i, third, rounded, inexact, over, !!fetestexcept(FE_OVERFLOW));
    }
    fesetround(FE_TONEAREST);
    volatile double nothing = 0;
    printf("special: %d %d %d\n", isnan(nothing / nothing), isinf(one / nothing), signbit(-nothing) != 0);
}

static volatile sig_atomic_t ticks, faults;
static sigjmp_buf after_fault;
static char *page;

static void on_tick(int number)
{
    (void)number;
    ticks++;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    faults++;
    if (info->si_addr == page)
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
    else
        siglongjmp(after_fault, 1);
}

static void take_signals(void)
{
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, NULL);
    signal(SIGALRM, on_tick);
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *volatile nowhere = (int *)8;
    for (volatile int i = 0; i < 1000; i++) {
        mprotect(page, 4096, PROT_NONE);
        *(volatile char *)page = (char)i;
        if (!sigsetjmp(after_fault, 1))
            *nowhere = 1;
    }
    struct itimerval timer = {{0, 2000}, {0, 2000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    double kept = 1.5;
    uint64_t work = 88172645463325252u;
    while (ticks < 100) {
        for (int i = 0; i < 1000; i++)
            work ^= work << 13, work ^= work >> 7, work ^= work << 17;
        kept = kept * 3 / 3;
    }
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    printf("signals: %d faults, %d or more ticks, %g\n", (int)faults, 100, kept);
}

/* The function is written anew while the other threads wait at a barrier; each must see the new one. */
static int (*volatile written)(void);
static pthread_barrier_t barrier;
static int stale;

static void write_function(int value)
{
#if defined(__riscv)
    /* lui a0, high; addiw a0, a0, low; ret */
    uint32_t u = (uint32_t)value, code[] = {0x537 | ((u + 0x800) & 0xfffff000), 0x5051b | u << 20, 0x8067};
#elif defined(__aarch64__)
    /* mov w0, low; movk w0, high, lsl 16; ret */
    uint32_t u = (uint32_t)value, code[] = {0x52800000 | (u & 0xffff) << 5, 0x72a00000 | u >> 16 << 5, 0xd65f03c0};
#else
    uint8_t code[] = {0xb8, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24), 0xc3};
#endif
    char *at = (char *)(uintptr_t)written;
    memcpy(at, code, sizeof code);
    __builtin___clear_cache(at, at + sizeof code);
}

static void *run_written(void *self)
{
    for (int i = 0; i < PATCHES; i++) {
        int value = i * 65537 + 1;
        if (!self)
            write_function(value);
        pthread_barrier_wait(&barrier);
#ifdef __aarch64__
        __asm__ volatile("isb" ::: "memory"); /* each processor has to ask for new code itself */
#endif
        for (int k = 0; k < 50; k++)
            if (written() != value)
                __atomic_fetch_add(&stale, 1, __ATOMIC_RELAXED);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void)
{
    each(count);
    printf("atomics: %d %d %u %llu %llu %llu\n", shared.byte, shared.half, shared.word, (unsigned long long)shared.wide,
           (unsigned long long)shared.locked, (unsigned long long)shared.spun);
    each(take_turns);
    printf("turns: %d\n", turns);
    each(add_up);
    for (int i = 0; i < THREADS; i++)
        printf("sum %d: %a\n", i, sums[i]);
    round_every_way();
    take_signals();
    written = (int (*)(void))(uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_barrier_init(&barrier, NULL, THREADS);
    each(run_written);
    printf("written code: %d stale\n", stale);
    return 0;
}
