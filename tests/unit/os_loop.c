/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The event loop: order of posts, timers in time and in order, the promises of cancel and free under races of several threads,
 * descriptors, work. Run it under ThreadSanitizer too.
 */
#include "os/loop.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

static struct os_loop *loop;

static void rest(long us)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    nanosleep(&t, NULL);
}

/* Rests until the expression is true, ten minutes at most: a slow machine is no failure. */
#define UNTIL(expression)                                    \
    do {                                                     \
        for (int i_ = 0; i_ < 600000 && !(expression); i_++) \
            rest(1000);                                      \
    } while (0)

static int start(void **state)
{
    (void)state;
    return os_loop_new(&loop, "io/0", NULL);
}

static int stop(void **state)
{
    (void)state;
    os_loop_free(loop);
    return 0;
}

/* ---- posts ---- */
struct order {
    unsigned next, wrong;
};
struct ordered {
    struct order *order;
    unsigned number;
};

static void note_order(void *arg)
{
    struct ordered *post = arg;

    if (post->order->next++ != post->number || !os_loop_is_current(loop))
        post->order->wrong++;
}

static void posts_in_order(void **state)
{
    static struct ordered posts[5000];
    struct order order = {0};

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        posts[i] = (struct ordered){&order, i};
        os_loop_post(loop, note_order, &posts[i]);
    }
    os_loop_sync(loop);
    assert_int_equal(order.next, 5000);
    assert_int_equal(order.wrong, 0);
    assert_false(os_loop_is_current(loop));
}

/* ---- timers ---- */
struct alarm {
    struct os_mutex lock;
    struct os_timer *timer;
    _Atomic unsigned fired;
    uint64_t at;
    struct order *order;
    unsigned number;
};

static void note_fire(void *arg)
{
    struct alarm *alarm = arg;

    alarm->at = os_clock_ns();
    alarm->fired++;
    if (alarm->order && alarm->order->next++ != alarm->number)
        alarm->order->wrong++;
}

static void alarm_open(struct alarm *alarm)
{
    *alarm = (struct alarm){0};
    os_mutex_init(&alarm->lock, OS_RANK_device);
    assert_int_equal(os_timer_new(&alarm->timer, loop, &alarm->lock, note_fire, alarm), 0);
}

static void alarm_close(struct alarm *alarm)
{
    os_timer_free(alarm->timer);
    os_mutex_fini(&alarm->lock);
}

static void fires_in_time(void **state)
{
    struct alarm alarm;
    uint64_t at = os_clock_ns() + 3300000;

    (void)state;
    alarm_open(&alarm);
    os_timer_set(alarm.timer, at + 3600000000000u);
    os_timer_set(alarm.timer, at); /* earlier replaces later */
    UNTIL(alarm.fired);
    os_mutex_lock(&alarm.lock);
    assert_int_equal(alarm.fired, 1);
    assert_true(alarm.at >= at);
    os_mutex_unlock(&alarm.lock);
    os_timer_set(alarm.timer, 0); /* long past: at once */
    UNTIL(alarm.fired >= 2);
    assert_int_equal(alarm.fired, 2);
    at = os_clock_ns() + 200000000;
    os_timer_set(alarm.timer, at);
    os_timer_set(alarm.timer, at + 3600000000000u); /* later replaces earlier */
    bool replaced = os_clock_ns() < at;
    rest(250000);
    assert_true(alarm.fired == 2 || !replaced);
    os_timer_cancel(alarm.timer);
    os_timer_set(alarm.timer, UINT64_MAX);
    rest(2000);
    alarm_close(&alarm);
}

static void fires_in_order(void **state)
{
    enum { N = 200 };
    static struct alarm alarms[N];
    struct order order = {0};
    uint64_t base, ahead = 150000000;

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        alarm_open(&alarms[i]);
        alarms[i].order = &order;
        alarms[i].number = i / 2;
        if (i % 2)
            alarms[i].order = NULL; /* these are cancelled out of the middle of the heap */
    }
    do { /* all are set before the first one fires */
        ahead *= 2;
        base = os_clock_ns() + ahead;
        for (unsigned i = 0; i < N; i++)
            os_timer_cancel(alarms[i].timer);
        os_loop_sync(loop);
        for (unsigned i = 0; i < N; i++)
            alarms[i].fired = 0;
        order = (struct order){0};
        for (unsigned i = 0; i < N; i++)
            os_timer_set(alarms[i * 77 % N].timer, base + i * 77 % N * 10000);
        for (unsigned i = 1; i < N; i += 2)
            os_timer_cancel(alarms[i].timer);
    } while (os_clock_ns() >= base);
    UNTIL(alarms[N - 2].fired);
    for (unsigned i = 0; i < N; i++) {
        alarm_close(&alarms[i]);
        assert_int_equal(alarms[i].fired, i % 2 == 0);
    }
    assert_int_equal(order.wrong, 0);
    assert_int_equal(order.next, N / 2);
}

/* With the lock held: after cancel no fire, after set no fire before the new time. Several threads hammer the same timers. */
enum { HAMMERS = 3, TARGETS = 6 };
struct target {
    struct os_mutex lock;
    struct os_timer *timer;
    uint64_t when; /* 0: must not fire */
    unsigned fired, wrong;
};
struct hammer {
    struct target *targets;
    unsigned seed;
    unsigned steps;
};

static void target_fire(void *arg)
{
    struct target *target = arg;

    target->fired++;
    if (!target->when || os_clock_ns() < target->when)
        target->wrong++;
    target->when = 0;
}

static void hammer_run(void *arg)
{
    struct hammer *hammer = arg;
    unsigned random = hammer->seed;

    for (unsigned i = 0; i < hammer->steps; i++) {
        struct target *target;

        random = random * 1664525 + 1013904223;
        target = &hammer->targets[(random >> 20) % TARGETS];
        os_mutex_lock(&target->lock);
        if (random >> 30 == 0) {
            os_timer_cancel(target->timer);
            target->when = 0;
        } else {
            target->when = os_clock_ns() + ((random >> 8) % 64) * 2000;
            os_timer_set(target->timer, target->when);
        }
        os_mutex_unlock(&target->lock);
        if (i % 64 == 0)
            rest(50);
    }
}

static void promises_hold_under_races(void **state)
{
    struct target targets[TARGETS] = {0};
    struct hammer hammers[HAMMERS];
    struct os_thread *threads[HAMMERS];
    unsigned fired = 0;

    (void)state;
    for (int i = 0; i < TARGETS; i++) {
        os_mutex_init(&targets[i].lock, OS_RANK_device);
        assert_int_equal(os_timer_new(&targets[i].timer, loop, &targets[i].lock, target_fire, &targets[i]), 0);
    }
    for (unsigned i = 0; i < HAMMERS; i++) {
        hammers[i] = (struct hammer){targets, i * 77 + 1, 20000};
        assert_int_equal(os_thread_start(&threads[i], "hammer", hammer_run, &hammers[i], NULL), 0);
    }
    for (unsigned i = 0; i < HAMMERS; i++)
        os_thread_join(threads[i]);
    rest(5000);
    for (int i = 0; i < TARGETS; i++) {
        os_mutex_lock(&targets[i].lock);
        assert_int_equal(targets[i].wrong, 0);
        fired += targets[i].fired;
        os_mutex_unlock(&targets[i].lock);
        os_timer_free(targets[i].timer);
        os_mutex_fini(&targets[i].lock);
    }
    assert_true(fired > 100);
}

/* Timers that are freed while they are about to fire or fire: the memory behind them must not be touched any more. */
struct mortal {
    struct os_mutex lock;
    struct os_timer *timer;
    unsigned fired;
};

static void mortal_fire(void *arg)
{
    struct mortal *mortal = arg;

    mortal->fired++;
    if (mortal->fired < 3)
        os_timer_set(mortal->timer, 0);
}

static void mortals_run(void *arg)
{
    unsigned random = *(unsigned *)arg;

    for (int i = 0; i < 3000; i++) {
        struct mortal *mortal = calloc(1, sizeof(*mortal));

        random = random * 1664525 + 1013904223;
        os_mutex_init(&mortal->lock, OS_RANK_device);
        if (os_timer_new(&mortal->timer, loop, random >> 31 ? &mortal->lock : NULL, mortal_fire, mortal))
            abort();
        os_timer_set(mortal->timer, os_clock_ns() + (random >> 20) % 64 * 1000);
        if (random >> 29 & 1)
            rest(random >> 24 & 63);
        os_timer_free(mortal->timer);
        os_mutex_fini(&mortal->lock);
        memset(mortal, 0xdd, sizeof(*mortal));
        free(mortal);
    }
}

static void free_is_final(void **state)
{
    struct os_thread *threads[3];
    unsigned seeds[3] = {1, 2, 3};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(os_thread_start(&threads[i], "mortals", mortals_run, &seeds[i], NULL), 0);
    for (int i = 0; i < 3; i++)
        os_thread_join(threads[i]);
}

/* A fire that sets its timer again while os_timer_free waits for its end. */
struct stubborn {
    struct os_timer *timer;
    _Atomic unsigned fired;
};

static void stubborn_fire(void *arg)
{
    struct stubborn *stubborn = arg;

    stubborn->fired++;
    rest(5000);
    os_timer_set(stubborn->timer, 0);
}

static void free_wins_over_set(void **state)
{
    struct stubborn stubborn = {0};
    unsigned fired;

    (void)state;
    assert_int_equal(os_timer_new(&stubborn.timer, loop, NULL, stubborn_fire, &stubborn), 0);
    os_timer_set(stubborn.timer, 0);
    UNTIL(stubborn.fired);
    os_timer_free(stubborn.timer);
    fired = stubborn.fired; /* 1, unless this thread was slow */
    rest(10000);
    assert_int_equal(stubborn.fired, fired);
}

static void self_fire(void *arg)
{
    struct mortal *mortal = arg;

    os_timer_free(mortal->timer);
    __atomic_store_n(&mortal->timer, NULL, __ATOMIC_SEQ_CST);
}

static void may_free_itself(void **state)
{
    struct mortal mortal = {0};

    (void)state;
    assert_int_equal(os_timer_new(&mortal.timer, loop, NULL, self_fire, &mortal), 0);
    os_timer_set(mortal.timer, 0);
    UNTIL(!__atomic_load_n(&mortal.timer, __ATOMIC_SEQ_CST));
    os_loop_sync(loop);
    assert_null(mortal.timer);
}

/* ---- descriptors ---- */
struct reader {
    struct os_mutex lock;
    struct os_watch *watch;
    int fd;
    size_t got;
    bool end;
    unsigned calls;
};

static void reader_ready(void *arg, int events)
{
    struct reader *reader = arg;
    char buf[100];
    ssize_t n;

    reader->calls++;
    if (!(events & OS_READABLE))
        return;
    n = read(reader->fd, buf, sizeof(buf));
    if (n > 0) {
        reader->got += (size_t)n;
    } else {
        reader->end = true;
        os_watch_set(reader->watch, 0);
    }
}

static bool reader_ended(struct reader *reader)
{
    bool end;

    os_mutex_lock(&reader->lock);
    end = reader->end;
    os_mutex_unlock(&reader->lock);
    return end;
}

static void read_all(struct reader *reader, int fd)
{
    os_mutex_init(&reader->lock, OS_RANK_device);
    reader->fd = fd;
    assert_int_equal(os_watch_new(&reader->watch, loop, &reader->lock, fd, reader_ready, reader, NULL), 0);
    os_watch_set(reader->watch, OS_READABLE);
}

static void reader_close(struct reader *reader)
{
    UNTIL(reader_ended(reader));
    os_watch_free(reader->watch);
    close(reader->fd);
    os_mutex_fini(&reader->lock);
    assert_true(reader->end);
}

static void watches_pipe(void **state)
{
    struct reader reader = {0};
    unsigned calls;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    read_all(&reader, ends[0]);
    assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK); /* left as it was */
    for (int i = 0; i < 50; i++)
        assert_int_equal(write(ends[1], "0123456789", 10), 10);
    rest(5000);
    os_mutex_lock(&reader.lock); /* back-pressure: with the lock held, off means off */
    assert_int_equal(write(ends[1], "0123456789", 10), 10);
    rest(5000); /* the loop has seen it and waits for the lock */
    os_watch_set(reader.watch, 0);
    calls = reader.calls;
    os_mutex_unlock(&reader.lock);
    assert_int_equal(write(ends[1], "0123456789", 10), 10);
    rest(5000);
    os_mutex_lock(&reader.lock);
    assert_int_equal(reader.calls, calls);
    os_mutex_unlock(&reader.lock);
    os_watch_set(reader.watch, OS_READABLE);
    close(ends[1]);
    reader_close(&reader);
    assert_int_equal(reader.got, 520);
}

static void watches_files(void **state)
{
    struct reader reader = {0}, nothing = {0};
    char path[] = "/tmp/os_loop.XXXXXX", text[1000] = {0};
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
    lseek(fd, 0, SEEK_SET);
    unlink(path);
    read_all(&reader, fd);
    reader_close(&reader);
    assert_int_equal(reader.got, 1000);
    read_all(&nothing, open("/dev/null", O_RDONLY));
    reader_close(&nothing);
    assert_int_equal(nothing.got, 0);
}

static void watch_free_races(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct reader reader = {0};
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        read_all(&reader, ends[0]);
        assert_int_equal(write(ends[1], "x", 1), 1);
        os_watch_set(reader.watch, i % 2 ? OS_READABLE : 0);
        os_watch_free(reader.watch);
        close(ends[0]);
        close(ends[1]);
        os_mutex_fini(&reader.lock);
        memset(&reader, 0xdd, sizeof(reader));
    }
}

static void watch_reports_errors(void **state)
{
    struct os_watch *watch;
    struct err err;

    (void)state;
    assert_true(os_watch_new(&watch, loop, NULL, 9999, reader_ready, NULL, &err) < 0);
}

/* ---- work ---- */
struct job {
    struct os_mutex *lock;
    unsigned *done;
    bool worked_outside;
};

static void job_work(void *arg)
{
    struct job *job = arg;

    job->worked_outside = !os_loop_is_current(loop);
    rest(200);
}

static void job_done(void *arg)
{
    struct job *job = arg;

    if (os_loop_is_current(loop) && job->worked_outside)
        ++*job->done;
}

static void work_is_done(void **state)
{
    enum { N = 100 };
    struct job jobs[N];
    struct os_mutex lock;
    unsigned done = 0, seen = 0;

    (void)state;
    os_mutex_init(&lock, OS_RANK_device);
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct job){&lock, &done, false};
        assert_int_equal(os_work_submit(loop, &lock, job_work, job_done, &jobs[i]), 0);
    }
    while (seen < N) {
        rest(1000);
        os_mutex_lock(&lock);
        seen = done;
        os_mutex_unlock(&lock);
    }
    assert_int_equal(seen, N);
    os_mutex_fini(&lock);
}

static void free_waits_for_work(void **state)
{
    struct os_loop *other;
    unsigned done = 0;
    struct job job = {NULL, &done, false};

    (void)state;
    assert_int_equal(os_loop_new(&other, "io/1", NULL), 0);
    assert_int_equal(os_work_submit(other, NULL, job_work, job_done, &job), 0);
    os_loop_free(other);
    os_loop_free(NULL);
    assert_true(job.worked_outside);
}

static void signal_count(void *arg) { __atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_SEQ_CST); }

static void signals_reach_loop(void **state)
{
    struct os_signal *watch;
    unsigned count = 0;

    (void)state;
    assert_int_equal(os_signal_new(&watch, loop, SIGWINCH, signal_count, &count, NULL), 0);
    kill(getpid(), SIGWINCH);
    UNTIL(__atomic_load_n(&count, __ATOMIC_SEQ_CST));
    assert_int_equal(count, 1);
    os_signal_free(watch);
    assert_true(os_signal_new(&watch, loop, SIGKILL, signal_count, &count, NULL) < 0);
}

static void idle_costs_nothing(void **state)
{
    struct timespec a, b;
    struct alarm alarm;

    (void)state;
    alarm_open(&alarm);
    os_timer_set(alarm.timer, os_clock_ns() + 3600000000000ull);
    os_loop_sync(loop);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    rest(50000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    assert_true((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < 10000000);
    alarm_close(&alarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_in_order),       cmocka_unit_test(fires_in_time),
        cmocka_unit_test(fires_in_order),       cmocka_unit_test(promises_hold_under_races),
        cmocka_unit_test(free_is_final),        cmocka_unit_test(free_wins_over_set),
        cmocka_unit_test(may_free_itself),      cmocka_unit_test(watches_pipe),
        cmocka_unit_test(watches_files),        cmocka_unit_test(watch_free_races),
        cmocka_unit_test(watch_reports_errors), cmocka_unit_test(work_is_done),
        cmocka_unit_test(free_waits_for_work),  cmocka_unit_test(signals_reach_loop),
        cmocka_unit_test(idle_costs_nothing),
    };

    return cmocka_run_group_tests_name("os_loop", tests, start, stop);
}
