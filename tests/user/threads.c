/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads: locks of all kinds, owners that die, thread-local variables, ends in every order, signals to threads. */
#include "user.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long shared;
static _Thread_local long own = 5;
static _Thread_local char big[3000] = {7};

static void *add(void *arg)
{
    own += (long)(intptr_t)arg;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        shared++;
        pthread_mutex_unlock(&mutex);
        __atomic_fetch_add(&own, 1, __ATOMIC_RELAXED);
    }
    return (void *)(intptr_t)(own + big[0] + big[2999]);
}

static void counters(void)
{
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, add, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(threads[i], &r);
        say("thread %d: %ld", i, (long)(intptr_t)r);
    }
    say("shared %ld own %ld", shared, own);
}

static int turn;
static void *ping(void *arg)
{
    int me = (int)(intptr_t)arg;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != me)
            pthread_cond_wait(&condition, &mutex);
        turn = !me;
        shared++;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void turns(void)
{
    pthread_t a, b;
    shared = 0;
    pthread_create(&a, NULL, ping, (void *)0);
    pthread_create(&b, NULL, ping, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    say("turns %ld", shared);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    pthread_mutex_lock(&mutex);
    say("timed wait: %s", error_name(pthread_cond_timedwait(&condition, &mutex, &until)));
    pthread_mutex_unlock(&mutex);
}

static void *die_with(void *arg)
{
    pthread_mutex_lock(arg);
    return NULL;
}

static void robust(const char *what, int protocol, int pshared)
{
    pthread_mutexattr_t attr;
    pthread_t thread;
    pthread_mutex_t *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setprotocol(&attr, protocol);
    pthread_mutexattr_setpshared(&attr, pshared);
    pthread_mutex_init(m, &attr);
    for (int i = 0; i < 20; i++) {
        if (pshared == PTHREAD_PROCESS_SHARED) {
            if (!fork()) {
                pthread_mutex_lock(m);
                _exit(0);
            }
            wait(NULL);
        } else {
            pthread_create(&thread, NULL, die_with, m);
            pthread_join(thread, NULL);
        }
        int r = pthread_mutex_lock(m);
        if (r != EOWNERDEAD)
            say("%s: lock %s", what, error_name(r));
        pthread_mutex_consistent(m);
        pthread_mutex_unlock(m);
    }
    pthread_create(&thread, NULL, die_with, m);
    pthread_join(thread, NULL);
    say("%s: lock %s", what, error_name(pthread_mutex_lock(m)));
    pthread_mutex_unlock(m);
    say("%s: lock %s", what, error_name(pthread_mutex_lock(m)));
}

static pthread_mutex_t pi;
static void *contend(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&pi);
        shared++;
        pthread_mutex_unlock(&pi);
    }
    return NULL;
}

static void inheritance(void)
{
    pthread_mutexattr_t attr;
    pthread_t a, b;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&pi, &attr);
    shared = 0;
    pthread_create(&a, NULL, contend, NULL);
    pthread_create(&b, NULL, contend, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    say("with inheritance %ld", shared);
    pthread_mutex_lock(&pi);
    say("again: %s", error_name(pthread_mutex_lock(&pi)));
    pthread_mutex_unlock(&pi);
    say("not locked: %s", error_name(pthread_mutex_unlock(&pi)));
}

static void futexes(void)
{
    static uint32_t word = 5, other = 6;
    const struct timespec soon = {0, 1000000};
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 4, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &soon, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &(struct timespec){-1, 0}, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 4));
    SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 5));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 6)));
    say("%u", other);
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &(struct timespec){1, 0}, NULL, 1));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, 99, 5, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, NULL, FUTEX_WAIT, 5, NULL, NULL, 0));
    word = 0;
    SHOW(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(word == (uint32_t)gettid());
    SHOW(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    void *head;
    size_t size;
    SHOW(syscall(SYS_get_robust_list, 0, &head, &size));
    say("size %zu", size);
    SHOW(syscall(SYS_set_robust_list, head, 5));
}

static volatile int got;
static pthread_t expected;
static void note(int signal, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    if (pthread_equal(pthread_self(), expected))
        got += signal;
}

static void *spin(void *arg)
{
    while (!__atomic_load_n((int *)arg, __ATOMIC_RELAXED))
        ;
    return NULL;
}

static void *wait_there(void *arg)
{
    (void)arg;
    pause();
    return (void *)3;
}

/* Signals to the process while its threads begin and end: none is lost. */
enum { STRAYS = 300 };
static int strays_got;
static void count_stray(int signal) { __atomic_fetch_add(&strays_got, signal != 0, __ATOMIC_SEQ_CST); }

static void *end_at_once(void *arg)
{
    const uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    syscall(SYS_exit, 0); /* pthread_exit() would block all */
    return arg;
}

static void strays(int number)
{
    struct { /* more than any kernel's struct sigaction: the C library refuses its own signals */
        void *words[8];
    } action;
    const uint64_t blocked = 1ull << (number - 1);
    pthread_t threads[4];
    uint64_t before;
    strays_got = 0;
    sigaction(SIGRTMAX, &(struct sigaction){.sa_handler = count_stray}, NULL);
    syscall(SYS_rt_sigaction, SIGRTMAX, NULL, &action, sizeof blocked);
    syscall(SYS_rt_sigaction, number, &action, NULL, sizeof blocked);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, &before, sizeof blocked);
    for (int sent = 0, n = 0; sent < STRAYS; n++) {
        if (n >= 4)
            pthread_join(threads[n % 4], NULL);
        pthread_create(&threads[n % 4], NULL, end_at_once, NULL);
        for (int i = 0; i < 3; i++)
            sent += !kill(getpid(), number);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof blocked);
    say("signal %d to threads that come and go: %d of %d lost", number, STRAYS - strays_got, STRAYS);
}

static void to_threads(void)
{
    static int stop;
    pthread_t thread;
    strays(SIGRTMAX);
    strays(32);
    handle(SIGUSR1, note, 0);
    pthread_create(&thread, NULL, spin, &stop);
    expected = thread;
    for (int i = 1; i <= 50; i++) {
        pthread_kill(thread, SIGUSR1);
        while (got != i * SIGUSR1)
            sched_yield();
    }
    stop = 1;
    pthread_join(thread, NULL);
    say("to a thread that computes: %d", got / SIGUSR1);
    void *r;
    pthread_create(&thread, NULL, wait_there, NULL);
    expected = thread;
    do { /* the first ones may come before it waits */
        pthread_kill(thread, SIGUSR1);
        nap(1);
    } while (pthread_tryjoin_np(thread, &r));
    say("to one that waits: %d %d", got / SIGUSR1 > 50, (int)(intptr_t)r);
    pthread_create(&thread, NULL, wait_there, NULL);
    nap(5);
    pthread_cancel(thread);
    pthread_join(thread, &r);
    say("cancelled: %d", r == PTHREAD_CANCELED);
    SHOW(syscall(SYS_tgkill, getpid(), 999999999, 0));
    SHOW(syscall(SYS_tgkill, -1, gettid(), 0));
    SHOW(syscall(SYS_tkill, gettid(), 0));
}

/* ---- ends ---- */

static void *exit_later(void *arg)
{
    nap(20);
    exit((int)(intptr_t)arg);
}

static void main_first(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, exit_later, (void *)4);
    pthread_exit(NULL);
}

static void *end_later(void *arg)
{
    nap(20);
    return arg;
}

static pid_t first_one; /* 0 when it is no more */
static void *end_after_first(void *arg)
{
    while (__atomic_load_n(&first_one, __ATOMIC_ACQUIRE))
        nap(1);
    return arg;
}

static void all_by_themselves(void)
{
    pthread_t thread;
    first_one = gettid();
    syscall(SYS_set_tid_address, &first_one);
    pthread_create(&thread, NULL, end_after_first, NULL);
    pthread_create(&thread, NULL, end_after_first, NULL);
    syscall(SYS_exit, 6);
}

static void group_from_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, exit_later, (void *)8);
    for (;;)
        pause();
}

static void while_others_run(void)
{
    static int never;
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        pthread_create(&thread, NULL, spin, &never);
    nap(5);
    _exit(5);
}

static void *crash(void *arg)
{
    nap(5);
    return (void *)(intptr_t) * (volatile char *)arg;
}

static void crash_in_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, crash, (void *)8);
    for (;;)
        pause();
}

static void *exec_it(void *arg)
{
    execl("/bin/sh", "sh", "-c", "exit 11", (char *)NULL);
    return arg;
}

static void exec_from_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, exec_it, NULL);
    for (;;)
        pause();
}

static void *fork_it(void *arg)
{
    (void)arg;
    int status;
    pid_t pid = fork();
    if (!pid) {
        pthread_t thread;
        void *r;
        pthread_create(&thread, NULL, end_later, (void *)21);
        pthread_join(thread, &r);
        exit((int)(intptr_t)r);
    }
    waitpid(pid, &status, 0);
    return (void *)(intptr_t)status;
}

static void ends(void)
{
    static int stop;
    in_child("first thread ends first", main_first);
    in_child("all end by themselves", all_by_themselves);
    in_child("a thread ends all", group_from_thread);
    in_child("while others run", while_others_run);
    in_child("a thread crashes", crash_in_thread);
    in_child("a thread calls exec", exec_from_thread);
    pthread_t forking, spinning;
    void *r;
    pthread_create(&spinning, NULL, spin, &stop);
    pthread_create(&forking, NULL, fork_it, NULL);
    pthread_join(forking, &r);
    show_status("fork in a thread", (int)(intptr_t)r);
    stop = 1;
    pthread_join(spinning, NULL);
}

static void *nothing(void *arg) { return arg; }

static void many(void)
{
    long sum = 0;
    for (intptr_t i = 0; i < 300; i++) {
        pthread_t thread;
        void *r;
        if (pthread_create(&thread, NULL, nothing, (void *)i))
            break;
        pthread_join(thread, &r);
        sum += (long)(intptr_t)r;
    }
    say("many: %ld", sum);
    pthread_t all[40];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1 << 16);
    for (int i = 0; i < 40; i++)
        pthread_create(&all[i], &attr, end_later, NULL);
    char name[16] = "";
    prctl(PR_SET_NAME, "a name that is too long");
    prctl(PR_GET_NAME, name);
    say("name %s", name);
    for (int i = 0; i < 40; i++)
        pthread_join(all[i], NULL);
    pthread_create(&all[3], NULL, wait_there, NULL);
    say("%d", pthread_setname_np(all[3], "third"));
    say("%d %s", pthread_getname_np(all[3], name, sizeof name), name);
    pthread_cancel(all[3]);
    pthread_join(all[3], NULL);
    SHOW(syscall(SYS_gettid) == getpid());
    SHOW(syscall(SYS_set_tid_address, NULL) == gettid());
}

/* The C library tells all other threads by a signal of its own. */
static void *see_group(void *arg)
{
    while (!*(volatile int *)arg)
        nap(1);
    return (void *)(intptr_t)getegid();
}

static void identifiers(void)
{
    static volatile int set;
    pthread_t thread;
    void *group;
    gid_t to = getegid() ? getegid() : 4321;
    pthread_create(&thread, NULL, see_group, (void *)(uintptr_t)&set);
    nap(5);
    SHOW(setegid(to));
    set = 1;
    pthread_join(thread, &group);
    say("in the thread: %d", (gid_t)(intptr_t)group == to);
}

static void *leave_nowhere(void *arg)
{
    syscall(SYS_set_robust_list, arg, 24);
    return NULL;
}

/* The kernel does not mind where the list of locks of a thread that ends should be. */
static void no_list(void)
{
    static void *const places[] = {NULL, (void *)16};
    for (unsigned i = 0; i < 2; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, leave_nowhere, places[i]);
        pthread_join(thread, NULL);
    }
    say("a list of locks that is nowhere: it ends");
}

int main(void)
{
    counters();
    turns();
    inheritance();
    futexes();
    robust("robust", PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
    robust("robust, shared", PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
    robust("robust, inherits", PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
    to_threads();
    ends();
    no_list();
    many();
    in_child("identifiers", identifiers);
    return 0;
}
