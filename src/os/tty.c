/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Raw mode and its way back. Signal handlers are installed only where nobody else handles the signal; they use async-signal-safe calls
 * alone. They run on the first thread: those of os_thread_start() block what comes from outside. The state is global because handlers and
 * atexit() take no argument.
 */
#include "os/tty.h"
#include "base/bits.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct {
    volatile sig_atomic_t raw; /* the terminal is ours to restore */
    bool prepared;             /* handlers are installed */
    int fd;
    struct termios before, during;
} tty;

/* Signals that by default end the process. */
static const int deadly[] = {SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGABRT,
                             SIGSEGV, SIGBUS, SIGFPE,  SIGILL,  SIGTRAP, SIGSYS,  SIGXCPU, SIGXFSZ};

bool os_tty_is(int fd) { return isatty(fd); }

/* Of handlers that change the terminal each sees what the one before it has left; deadly ones do not return and may come at any time. */
static sigset_t stop_and_continue(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    return set;
}

void os_tty_restore(void)
{
    int error = errno;
    sigset_t set = stop_and_continue(), old;

    pthread_sigmask(SIG_BLOCK, &set, &old);
    if (tty.raw) {
        tcsetattr(tty.fd, TCSANOW, &tty.before);
        tty.raw = 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
}

/* SA_RESETHAND has put the default action back: raising the signal again ends the process with the right status. */
static void tty_on_death(int signum)
{
    os_tty_restore();
    raise(signum);
}

static void tty_on_stop(int signum);

static void tty_on_continue(int signum)
{
    int error = errno;

    (void)signum;
    if (tty.raw)
        tcsetattr(tty.fd, TCSANOW, &tty.during);
    errno = error;
}

static void tty_handle(int signum, void (*handler)(int), int flags)
{
    struct sigaction now, action = {.sa_handler = handler, .sa_flags = flags, .sa_mask = stop_and_continue()};

    if (sigaction(signum, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        sigaction(signum, &action, NULL);
}

/*
 * The terminal is raw again when this handler is installed again, not before: the next stop gives it back as well. Hence SIGCONT, whose
 * handler makes it raw for stops that nobody handles, is blocked until this one is through.
 */
static void tty_on_stop(int signum)
{
    int error = errno;
    sigset_t set, old;

    if (tty.raw)
        tcsetattr(tty.fd, TCSANOW, &tty.before);
    signal(signum, SIG_DFL);
    raise(signum);
    sigemptyset(&set);
    sigaddset(&set, signum);
    pthread_sigmask(SIG_UNBLOCK, &set, &old); /* the process stops here, unless it is where no shell could continue it */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    tty_handle(signum, tty_on_stop, SA_RESTART);
    if (tty.raw)
        tcsetattr(tty.fd, TCSANOW, &tty.during);
    errno = error;
}

static void tty_prepare(void)
{
    if (tty.prepared)
        return;
    tty.prepared = true;
    atexit(os_tty_restore);
    at_quick_exit(os_tty_restore);
    for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
        tty_handle(deadly[i], tty_on_death, (int)(SA_RESETHAND | SA_NODEFER));
    tty_handle(SIGTSTP, tty_on_stop, SA_RESTART);
    tty_handle(SIGCONT, tty_on_continue, SA_RESTART);
}

int os_tty_raw(int fd, struct err *err)
{
    if (tty.raw)
        return tty.fd == fd ? 0 : err_set(err, STATUS_conflict, "another terminal is in raw mode already");
    if (tcgetattr(fd, &tty.before))
        return err_set_errno(err, errno, "cannot read the terminal's settings");
    tty.fd = fd;
    tty.during = tty.before;
    cfmakeraw(&tty.during);
    tty.during.c_cc[VMIN] = 1;
    tty.during.c_cc[VTIME] = 0;
    tty_prepare();
    tty.raw = 1; /* first: a signal between the two lines restores what stands, which is harmless */
    if (tcsetattr(fd, TCSANOW, &tty.during) == 0)
        return 0;
    tty.raw = 0;
    return err_set_errno(err, errno, "cannot make the terminal raw");
}

bool os_tty_size(int fd, unsigned *columns, unsigned *rows)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        return false;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return true;
}
