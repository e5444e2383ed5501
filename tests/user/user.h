/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the programs of this folder share. They print what they found, and nothing that depends on the machine, its architecture, process
 * numbers or addresses: the same source built for the host must print the same.
 */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static inline void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void say(const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    line[n] = '\n';
    if (write(1, line, (size_t)n + 1) != n + 1)
        _exit(99);
}

static inline const char *error_name(int error) { return strerrorname_np(error) ? strerrorname_np(error) : "?"; }

static inline long shown(const char *what, long result)
{
    int error = errno;
    if (result == -1)
        say("%s: %s", what, error_name(error));
    else
        say("%s: %ld", what, result);
    return result;
}

static inline long shown_ok(const char *what, long result)
{
    int error = errno;
    say("%s: %s", what, result == -1 ? error_name(error) : "ok");
    return result;
}

/* The call's text and its result; the second: only whether it worked, for descriptors, addresses, process numbers. */
#define SHOW(call) shown(#call, (long)(call))
#define OK(call)   shown_ok(#call, (long)(call))

static inline void show_status(const char *what, int status)
{
    if (WIFEXITED(status))
        say("%s: exit %d", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        say("%s: killed by SIG%s", what, sigabbrev_np(WTERMSIG(status)));
    else if (WIFSTOPPED(status))
        say("%s: stopped by SIG%s", what, sigabbrev_np(WSTOPSIG(status)));
    else
        say("%s: %s", what, WIFCONTINUED(status) ? "continued" : "?");
}

/* How fn ends as a process of its own. */
static inline void in_child(const char *what, void (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        fn();
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid)
        say("%s: no child", what);
    show_status(what, status);
}

static inline void handle(int signal, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

static inline void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t))
        ;
}
