/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Clocks, sleeps and timers. */
#include "user.h"
#include <sys/time.h>
#include <sys/times.h>

static volatile int count, code, value, overrun;
static void note(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    count++;
    code = info->si_code;
    value = info->si_value.sival_int;
    overrun = info->si_overrun;
}

static bool before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

int main(void)
{
    struct timespec a, b, resolution;
    struct timeval tv;
    struct tms tms;
    for (int clock = 0; clock < 12; clock++) {
        int r = clock_gettime(clock, &a), error = errno;
        say("clock %d: %s", clock, r ? error_name(error) : "ok");
        r = clock_getres(clock, &resolution);
        say("  resolution %s", r ? "none" : resolution.tv_nsec == 1 ? "1" : "more");
    }
    SHOW(clock_gettime(99, &a));
    clock_gettime(CLOCK_REALTIME, &a);
    SHOW(gettimeofday(&tv, NULL));
    time_t seconds = time(NULL); /* of a clock that is behind by a tick */
    clock_gettime(CLOCK_REALTIME, &b);
    say("agree %d %d", a.tv_sec <= tv.tv_sec && tv.tv_sec <= b.tv_sec, a.tv_sec - 1 <= seconds && seconds <= b.tv_sec);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 1000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &b);
        if (!before(&a, &b))
            say("time goes back");
        a = b;
    }
    SHOW(nanosleep(&(struct timespec){0, 1000000}, &b));
    SHOW(nanosleep(&(struct timespec){0, 1000000000}, NULL));
    SHOW(nanosleep(&(struct timespec){-1, 0}, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL));
    SHOW(times(&tms) > 0);
    clockid_t own;
    SHOW(clock_getcpuclockid(0, &own));
    clock_gettime(own, &a);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    clock_gettime(own, &resolution);
    say("same %d", before(&a, &b) && before(&b, &resolution));
    handle(SIGALRM, note, 0);
    handle(SIGRTMIN, note, 0);
    struct itimerval it = {{0, 1000}, {0, 1000}};
    SHOW(setitimer(ITIMER_REAL, &it, NULL));
    while (count < 5)
        pause();
    say("code %d", code);
    SHOW(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {100000, 0}}, &it));
    say("interval %ld %ld", it.it_interval.tv_sec, it.it_interval.tv_usec);
    SHOW(getitimer(ITIMER_REAL, &it));
    say("left %d", it.it_value.tv_sec >= 90000 && it.it_value.tv_sec < 100000);
    SHOW(alarm(0) >= 90000);
    SHOW(getitimer(7, &it));
    SHOW(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 2000000}}, &it));
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 33};
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    count = 0;
    SHOW(timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 1000000}}, NULL));
    while (!count)
        nap(1);
    say("code %d value %d overrun %d", code, value, overrun);
    struct itimerspec left;
    SHOW(timer_gettime(timer, &left));
    say("%ld %ld", left.it_value.tv_sec, left.it_value.tv_nsec);
    SHOW(timer_getoverrun(timer));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    timer_settime(timer, 0, &(struct itimerspec){{0, 500000}, {0, 500000}}, NULL);
    nap(10);
    SHOW(timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 0}}, NULL));
    count = 0;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    SHOW(timer_delete(timer));
    say("delivered at most once %d", count <= 1);
    event.sigev_notify = SIGEV_THREAD_ID;
    event._sigev_un._tid = gettid();
    SHOW(timer_create(CLOCK_REALTIME, &event, &timer));
    count = 0;
    SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, {1, 0}}, NULL));
    while (!count)
        nap(1);
    say("value %d", value);
    timer_delete(timer);
    event.sigev_signo = 99;
    SHOW(timer_create(CLOCK_REALTIME, &event, &timer));
    SHOW(timer_create(77, NULL, &timer));
    return 0;
}
