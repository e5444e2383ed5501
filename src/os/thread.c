/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads with a name. They start with every asynchronous signal blocked, so that signals sent to the process reach the thread that
 * created the machine (the command's main thread, or the program that uses the library) and never a vCPU or a loop.
 */
#include "os/os.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct os_thread {
    pthread_t thread;
    void (*run)(void *arg);
    void *arg;
    char name[16]; /* what Linux keeps of it */
};

static void *thread_main(void *arg)
{
    struct os_thread *thread = arg;

#ifdef __linux__
    pthread_setname_np(pthread_self(), thread->name);
#endif
    thread->run(thread->arg);
    return NULL;
}

/* A fault must still end the process, and with a core: the signals that an insn of the thread itself raises stay open. */
static void thread_signals(sigset_t *set)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};

    sigfillset(set);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(set, own[i]);
}

int os_thread_start(struct os_thread **out, const char *name, void (*run)(void *arg), void *arg, struct err *err)
{
    struct os_thread *thread = calloc(1, sizeof(*thread));
    sigset_t blocked, old;
    int error;

    if (!thread)
        return err_set(err, STATUS_resource, "no memory for thread %s", name);
    thread->run = run;
    thread->arg = arg;
    strncpy(thread->name, name, sizeof(thread->name) - 1);
    thread_signals(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &old);
    error = pthread_create(&thread->thread, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error) {
        free(thread);
        return err_set_errno(err, error == EAGAIN ? ENOMEM : error, "cannot start thread %s", name);
    }
    *out = thread;
    return 0;
}

void os_thread_join(struct os_thread *thread)
{
    if (!thread)
        return;
    pthread_join(thread->thread, NULL);
    free(thread);
}

unsigned os_cpu_count(void)
{
    long n;
#ifdef __linux__
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
#endif
    n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}
