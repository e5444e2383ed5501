/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The terminal is put right on every way out: a child makes a pseudo terminal raw and leaves in many manners. */
#include "os/tty.h"
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

static int outer, inner; /* the two ends of the pseudo terminal; its settings are seen through either */

static int make(void **state)
{
    struct winsize size = {.ws_col = 91, .ws_row = 33};

    (void)state;
    return openpty(&outer, &inner, NULL, NULL, &size);
}

static bool is_raw(void)
{
    struct termios now;

    assert_int_equal(tcgetattr(inner, &now), 0);
    return !(now.c_lflag & (ICANON | ECHO | ISIG)) && !(now.c_oflag & OPOST);
}

enum leave { LEAVE_exit, LEAVE_quick_exit, LEAVE_restore, LEAVE_signal, LEAVE_abort };

/* Runs a child that goes raw, checks it, waits for a byte and leaves. Returns its wait status. */
static int child_leaves(enum leave how, int signum)
{
    struct timespec ms = {.tv_nsec = 1000000};
    int ready[2], status;
    char byte = 'n';
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        for (int i = 1; i < 32; i++)
            signal(i, SIG_DFL); /* the test frame's own handlers are not the subject */
        if (os_tty_raw(inner, NULL) == 0 && os_tty_raw(inner, NULL) == 0 && is_raw())
            byte = 'y';
        if (write(ready[1], &byte, 1) != 1)
            _exit(99);
        if (how == LEAVE_exit)
            exit(7);
        if (how == LEAVE_quick_exit)
            quick_exit(7);
        if (how == LEAVE_abort)
            abort();
        if (how == LEAVE_restore) {
            os_tty_restore();
            _exit(7);
        }
        for (;;)
            nanosleep(&ms, NULL);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    if (how == LEAVE_signal)
        kill(child, signum);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ready[0]);
    close(ready[1]);
    assert_false(is_raw());
    return status;
}

static void restored_on_exit(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(child_leaves(LEAVE_exit, 0)), 7);
    assert_int_equal(WEXITSTATUS(child_leaves(LEAVE_quick_exit, 0)), 7);
    assert_int_equal(WEXITSTATUS(child_leaves(LEAVE_restore, 0)), 7);
}

static void restored_on_signals(void **state)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGUSR1};

    (void)state;
    assert_int_equal(WTERMSIG(child_leaves(LEAVE_abort, 0)), SIGABRT);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        assert_int_equal(WTERMSIG(child_leaves(LEAVE_signal, signals[i])), signals[i]);
}

static void stops_and_continues(void **state)
{
    struct timespec ms = {.tv_nsec = 1000000};
    int ready[2], status;
    char byte;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        setpgid(0, 0); /* a group whose parent lives in another one of the session: it may be stopped */
        for (int i = 1; i < 32; i++)
            signal(i, SIG_DFL);
        if (os_tty_raw(inner, NULL) || write(ready[1], "y", 1) != 1)
            _exit(99);
        for (;;)
            nanosleep(&ms, NULL);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    for (int round = 0; round < 300; round++) { /* each stops it as soon as the terminal is raw again */
        kill(child, SIGTSTP);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(WIFSTOPPED(status));
        assert_false(is_raw());
        kill(child, SIGCONT);
        while (!is_raw())
            sched_yield();
    }
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    assert_false(is_raw());
    close(ready[0]);
    close(ready[1]);
}

static void answers_about_terminals(void **state)
{
    unsigned columns = 0, rows = 0;
    int ends[2];

    (void)state;
    assert_true(os_tty_is(inner));
    assert_true(os_tty_size(inner, &columns, &rows));
    assert_int_equal(columns, 91);
    assert_int_equal(rows, 33);
    assert_int_equal(pipe(ends), 0);
    assert_false(os_tty_is(ends[0]));
    assert_false(os_tty_size(ends[0], &columns, &rows));
    assert_true(os_tty_raw(ends[0], NULL) < 0);
    os_tty_restore();
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restored_on_exit),
        cmocka_unit_test(restored_on_signals),
        cmocka_unit_test(stops_and_continues),
        cmocka_unit_test(answers_about_terminals),
    };

    return cmocka_run_group_tests_name("os_tty", tests, make, NULL);
}
