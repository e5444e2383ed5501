/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Locks, conditions with a time, threads; and, where assertions are on, that a wrong order ends the process. */
#include "os/os.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

struct shared {
    struct os_mutex lock;
    struct os_cond cond;
    unsigned count, turns;
    bool go;
};

static void count_up(void *arg)
{
    struct shared *shared = arg;

    os_mutex_lock(&shared->lock);
    while (!shared->go)
        os_cond_wait(&shared->cond, &shared->lock);
    os_mutex_unlock(&shared->lock);
    for (int i = 0; i < 10000; i++) {
        os_mutex_lock(&shared->lock);
        shared->count++;
        os_mutex_unlock(&shared->lock);
    }
}

static void excludes(void **state)
{
    struct shared shared = {0};
    struct os_thread *threads[4];

    (void)state;
    os_mutex_init(&shared.lock, OS_RANK_device);
    os_cond_init(&shared.cond);
    for (int i = 0; i < 4; i++)
        assert_int_equal(os_thread_start(&threads[i], "counter", count_up, &shared, NULL), 0);
    os_mutex_lock(&shared.lock);
    shared.go = true;
    os_cond_broadcast(&shared.cond);
    os_mutex_unlock(&shared.lock);
    for (int i = 0; i < 4; i++)
        os_thread_join(threads[i]);
    os_thread_join(NULL);
    assert_int_equal(shared.count, 40000);
    os_cond_fini(&shared.cond);
    os_mutex_fini(&shared.lock);
}

static void wait_ends_in_time(void **state)
{
    struct shared shared = {0};
    uint64_t until = os_clock_ns() + 3000000;

    (void)state;
    os_mutex_init(&shared.lock, OS_RANK_device);
    os_cond_init(&shared.cond);
    os_mutex_lock(&shared.lock);
    while (os_cond_wait_until(&shared.cond, &shared.lock, until))
        ;
    assert_true(os_clock_ns() >= until);
    os_mutex_unlock(&shared.lock);
    os_cond_fini(&shared.cond);
    os_mutex_fini(&shared.lock);
}

/* The status of a child that takes two locks in this order. */
static int child_takes(enum os_lock_rank first, enum os_lock_rank second)
{
    struct os_mutex a, b;
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);

        signal(SIGABRT, SIG_DFL);
        dup2(null, 2);
        os_mutex_init(&a, first);
        os_mutex_init(&b, second);
        os_mutex_lock(&a);
        os_mutex_lock(&b);
        os_mutex_unlock(&a); /* not the reverse order: allowed */
        os_mutex_unlock(&b);
        os_mutex_lock(&a);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status;
}

static void order_is_asserted(void **state)
{
    (void)state;
    assert_int_equal(child_takes(OS_RANK_device, OS_RANK_irqchip), 0);
#ifdef NDEBUG
    print_message("# this build does not check\n");
#else
    assert_true(WIFSIGNALED(child_takes(OS_RANK_irqchip, OS_RANK_device)));
    assert_true(WIFSIGNALED(child_takes(OS_RANK_device, OS_RANK_device)));
#endif
}

static void signals_stay_out(void *arg)
{
    sigset_t set;

    pthread_sigmask(SIG_SETMASK, NULL, &set);
    *(bool *)arg = sigismember(&set, SIGINT) && sigismember(&set, SIGWINCH) && !sigismember(&set, SIGSEGV);
}

static void threads_block_signals(void **state)
{
    struct os_thread *thread;
    bool blocked = false;

    (void)state;
    assert_int_equal(os_thread_start(&thread, "a name that is too long", signals_stay_out, &blocked, NULL), 0);
    os_thread_join(thread);
    assert_true(blocked);
    assert_true(os_cpu_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excludes),
        cmocka_unit_test(wait_ends_in_time),
        cmocka_unit_test(order_is_asserted),
        cmocka_unit_test(threads_block_signals),
    };

    return cmocka_run_group_tests_name("os_lock", tests, NULL, NULL);
}
