/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's console on this process's standard input and output. A thread reads the input, finds the escape key, and passes on what the
 * guest has room for; signals reach it through a pipe, the only thing a handler may touch.
 */
#include "app/cli/cli.h"
#include "base/err.h"
#include "os/os.h"
#include "os/tty.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct terminal {
    struct vm_machine *machine;
    struct terminal_screen *screen;
    struct os_thread *thread;
    int escape, wake[2];
    bool tty, escaped;
    atomic_bool end;
    int signal; /* that stopped the machine, the first one */
    char pending[4096];
    size_t npending;
};

static int signal_pipe = -1; /* part of the signal table: handlers know nothing else */

static void on_signal(int number)
{
    int saved = errno;
    char byte = (char)number;
    ssize_t n = write(signal_pipe, &byte, 1);
    (void)n;
    errno = saved;
}

/* Waits until some bytes can be written without blocking. Looks up now and then: a reader that is stuck must not keep the machine alive. */
static bool screen_ready(struct terminal_screen *screen)
{
    enum { LOOK_UP_MS = 100 };
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    while (poll(&out, 1, LOOK_UP_MS) <= 0)
        if (atomic_load(&screen->leaving))
            return false;
    return true;
}

void terminal_output(void *arg, const void *data, size_t len)
{
    enum { PIECE = 256 /* pipes and terminals that are ready take as much at once */ };
    for (const char *p = data; len && screen_ready(arg);) {
        ssize_t n = write(STDOUT_FILENO, p, len < PIECE ? len : PIECE);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return; /* nobody reads any more */
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

static void say(struct terminal *t, const char *text) { terminal_output(t->screen, text, strlen(text)); }

static void stop_machine(struct terminal *t)
{
    struct vm_error error;
    atomic_store(&t->screen->leaving, true);
    if (vm_machine_stop(t->machine, &error))
        cli_message("%s", error.text);
}

static void press_power(struct terminal *t)
{
    struct vm_error error;
    if (!vm_machine_press_power(t->machine, &error))
        return;
    say(t, "\r\n[vm] ");
    say(t, error.text);
    say(t, "\r\n");
}

static void command(struct terminal *t, char key)
{
    char help[300];
    const int c = t->escape + '@';
    switch (key) {
    case 'x': stop_machine(t); break;
    case 'p': press_power(t); break;
    case 'h':
    case '?':
        snprintf(help, sizeof help,
                 "\r\n[vm] Ctrl-%c x  stop the machine\r\n[vm] Ctrl-%c p  press its power button\r\n[vm] Ctrl-%c h  this help\r\n"
                 "[vm] Ctrl-%c Ctrl-%c  send Ctrl-%c to the guest\r\n",
                 c, c, c, c, c, c);
        say(t, help);
        break;
    default:
        if (key == t->escape)
            t->pending[t->npending++] = key;
        else
            say(t, "\r\n[vm] no such command; h lists them\r\n");
    }
}

static void take_input(struct terminal *t, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (t->escaped) {
            t->escaped = false;
            command(t, data[i]);
        } else if (t->escape && data[i] == t->escape) {
            t->escaped = true;
        } else {
            t->pending[t->npending++] = data[i];
        }
    }
}

/* Passes on what the guest takes; true: all. */
static bool flush_input(struct terminal *t)
{
    size_t taken = vm_console_input(t->machine, t->pending, t->npending);
    memmove(t->pending, t->pending + taken, t->npending - taken);
    t->npending -= taken;
    return !t->npending;
}

static void resize(struct terminal *t)
{
    unsigned columns, rows;
    if (os_tty_size(STDOUT_FILENO, &columns, &rows))
        vm_console_resize(t->machine, columns, rows);
}

/* Bytes of the pipe: numbers of signals, or 0 to wake up. */
static void take_signals(struct terminal *t)
{
    char numbers[16];
    ssize_t n = read(t->wake[0], numbers, sizeof numbers);
    for (ssize_t i = 0; i < n; i++) {
        if (numbers[i] == SIGWINCH) {
            resize(t);
        } else if (numbers[i] && !atomic_load(&t->screen->leaving)) { /* else it stops already */
            t->signal = numbers[i];
            stop_machine(t);
        }
    }
}

static void terminal_main(void *arg)
{
    struct terminal *t = arg;
    bool open = true;
    resize(t);
    while (!atomic_load(&t->end)) {
        bool clear = flush_input(t);
        struct pollfd fds[2] = {{.fd = t->wake[0], .events = POLLIN}, {.fd = open && clear ? STDIN_FILENO : -1, .events = POLLIN}};
        if (poll(fds, 2, clear ? -1 : 5) < 0)
            continue;
        if (fds[0].revents)
            take_signals(t);
        if (!fds[1].revents)
            continue;
        char data[sizeof t->pending / 2];
        ssize_t n = read(STDIN_FILENO, data, sizeof data);
        if (n > 0)
            take_input(t, data, (size_t)n);
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            open = false; /* the machine runs on */
    }
}

static void set_handlers(void (*handler)(int))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, now;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &now) || now.sa_handler != SIG_IGN) /* whoever started this may want it so, as nohup does */
            sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* The process ends, with the code that is known by now: a signal changes it no more. */
static void end_signals(struct terminal *t)
{
    set_handlers(SIG_IGN); /* handlers run on this thread alone: none is about to write to the pipe */
    signal_pipe = -1;
    close(t->wake[0]);
    close(t->wake[1]);
}

static int fail(struct terminal *t, struct vm_error *error, const struct err *err)
{
    error->status = err->status;
    snprintf(error->text, sizeof error->text, "%s", err->text);
    if (t->wake[1] >= 0)
        end_signals(t);
    free(t);
    return error->status;
}

int terminal_start(struct terminal **out, struct vm_machine *machine, struct terminal_screen *screen, int escape, struct vm_error *error)
{
    struct terminal *t = calloc(1, sizeof *t);
    struct err err = {0};
    if (!t) {
        *error = (struct vm_error){.status = -STATUS_resource, .text = "out of memory"};
        return error->status;
    }
    t->machine = machine;
    t->screen = screen;
    t->wake[1] = -1;
    t->tty = os_tty_is(STDIN_FILENO);
    t->escape = t->tty ? escape : TERMINAL_NO_ESCAPE; /* a file's bytes are the guest's, all of them */
    if (pipe2(t->wake, O_CLOEXEC | O_NONBLOCK)) {
        err_set_errno(&err, errno, "cannot make a pipe for signals");
        return fail(t, error, &err);
    }
    signal_pipe = t->wake[1];
    set_handlers(on_signal);
    if (t->tty && os_tty_raw(STDIN_FILENO, &err))
        return fail(t, error, &err);
    if (os_thread_start(&t->thread, "terminal", terminal_main, t, &err)) {
        os_tty_restore();
        return fail(t, error, &err);
    }
    *out = t;
    return 0;
}

int terminal_stop(struct terminal *t)
{
    atomic_store(&t->end, true);
    ssize_t n = write(t->wake[1], "", 1); /* a pipe that is full wakes the thread, too */
    (void)n;
    os_thread_join(t->thread);
    os_tty_restore();
    end_signals(t);
    int number = t->signal;
    free(t);
    return number;
}
