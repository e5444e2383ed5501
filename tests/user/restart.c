/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which calls go on after a handler and which end with EINTR, with and without SA_RESTART (signal(7)). */
#include "user.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

static volatile int count;
static void tick(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    count++;
}

/* Sends two signals, each when the first thread waits, then ends what it waits for, if it was begun again. */
static int pipe_fds[2], pair[2], event, child, words[2], queue, semaphores, lock_fds[2];
static pthread_t main_thread;
static volatile bool done;

static bool waits(void)
{
    char path[64], text[200];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    const char *state = strrchr(text, ')');
    return state && state[1] && state[2] == 'S';
}

static void until_it_waits(void)
{
    for (int seen = 0; seen < 3 && !done; nap(1))
        seen = waits() ? seen + 1 : 0;
}

static void *helper(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 2 && !done; i++) {
        until_it_waits();
        if (!done)
            pthread_kill(main_thread, SIGUSR1);
        while (count < i && !done)
            nap(1);
    }
    until_it_waits();
    const uint64_t one = 1;
    struct {
        long type;
        char text[1];
    } message = {1, "m"};
    struct sembuf up = {0, 1, 0};
    if (write(pipe_fds[1], "x", 1) + send(pair[1], "y", 1, 0) + write(event, &one, 8) < 0)
        say("cannot end it");
    msgsnd(queue, &message, 1, 0);
    semop(semaphores, &up, 1);
    flock(lock_fds[0], LOCK_UN);
    words[0] = words[1] = 1;
    syscall(SYS_futex, &words[0], FUTEX_WAKE, 99, NULL, NULL, 0);
    kill(child, SIGKILL);
    return NULL;
}

static void drain(void)
{
    char buf[8];
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    while (read(pipe_fds[0], buf, 8) > 0 || read(pair[0], buf, 8) > 0)
        ;
    fcntl(pipe_fds[0], F_SETFL, 0);
    fcntl(pair[0], F_SETFL, 0);
    close(event);
    event = eventfd(0, 0);
    msgctl(queue, IPC_RMID, NULL);
    queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    semctl(semaphores, 0, IPC_RMID);
    semaphores = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
    flock(lock_fds[1], LOCK_UN);
    flock(lock_fds[0], LOCK_EX);
    words[0] = words[1] = 0;
    while (waitpid(-1, NULL, 0) > 0)
        ;
    child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
}

static const struct timespec longer = {5000, 0};
static char buf[8];
static struct iovec vector = {buf, 1};

static long read_pipe(void) { return read(pipe_fds[0], buf, 1); }
static long readv_pipe(void) { return readv(pipe_fds[0], &vector, 1); }
static long read_event(void) { return read(event, buf, 8); }
static long receive(void) { return recv(pair[0], buf, 1, 0); }
static long receive_message(void) { return recvmsg(pair[0], &(struct msghdr){.msg_iov = &vector, .msg_iovlen = 1}, 0); }
static long receive_limited(void)
{
    const struct timeval limit = {5000, 0}, none = {0, 0};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    long r = recv(pair[0], buf, 1, 0);
    int error = errno;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    errno = error;
    return r;
}
static long wait_child(void) { return waitpid(child, NULL, 0) == child ? 0 : -1; }
static long wait_id(void)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)child, &info, WEXITED);
}
static long lock_file(void) { return flock(lock_fds[1], LOCK_EX); }
static long wait_word(void) { return syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, NULL, NULL, 0); }
static long wait_word_limited(void) { return syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, &longer, NULL, 0); }
static long wait_poll(void) { return poll(&(struct pollfd){pipe_fds[0], POLLIN, 0}, 1, 5000000); }
static long wait_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_fds[0], &set);
    return select(pipe_fds[0] + 1, &set, NULL, NULL, &(struct timeval){5000, 0});
}
static long wait_epoll(void)
{
    int fd = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN}, got;
    epoll_ctl(fd, EPOLL_CTL_ADD, pipe_fds[0], &e);
    long r = epoll_wait(fd, &got, 1, 5000000);
    close(fd);
    return r;
}
static long sleep_ns(void) { return nanosleep(&longer, NULL); }
static long sleep_clock(void)
{
    struct timespec rest = {0, 0};
    int r = clock_nanosleep(CLOCK_MONOTONIC, 0, &longer, &rest);
    say("rest %d", rest.tv_nsec > 0 || rest.tv_sec > 0);
    errno = r;
    return r ? -1 : 0;
}
static long receive_queue(void)
{
    struct {
        long type;
        char text[1];
    } message;
    return msgrcv(queue, &message, 1, 0, 0);
}
static long down(void) { return semop(semaphores, &(struct sembuf){0, -1, 0}, 1); }
static long wait_suspend(void)
{
    sigset_t set;
    sigemptyset(&set);
    return sigsuspend(&set);
}
static long wait_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, NULL, &longer);
}
static long write_pipe(void)
{
    static char much[1 << 17];
    int fds[2];
    if (pipe(fds))
        return -2;
    long r = write(fds[1], much, sizeof much); /* twice what it takes: some is written when the signal comes */
    close(fds[0]);
    close(fds[1]);
    return r;
}
static long accept_one(void)
{
    struct sockaddr_un at = {AF_UNIX, "\0restart"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(at.sun_path + 1, 40, "restart%d", (int)getpid());
    bind(fd, (struct sockaddr *)&at, sizeof at);
    listen(fd, 1);
    const struct timeval limit = {5000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    long r = accept(fd, NULL, NULL);
    close(fd);
    return r;
}
static long read_inotify(void)
{
    int fd = inotify_init1(0);
    inotify_add_watch(fd, ".", IN_CREATE);
    long r = poll(&(struct pollfd){fd, POLLIN, 0}, 1, 5000000);
    close(fd);
    return r;
}
static pthread_mutex_t pi;
static long lock_pi(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 150000000;
    if (until.tv_nsec >= 1000000000)
        until.tv_sec++, until.tv_nsec -= 1000000000;
    errno = pthread_mutex_timedlock(&pi, &until);
    return errno ? -1 : 0;
}

static const struct {
    const char *name;
    long (*fn)(void);
} rows[] = {
#define ROW(fn) \
    {           \
#fn, fn \
    }
    ROW(read_pipe),    ROW(readv_pipe),  ROW(read_event), ROW(receive),     ROW(receive_message),   ROW(receive_limited),
    ROW(wait_child),   ROW(wait_id),     ROW(lock_file),  ROW(wait_word),   ROW(wait_word_limited), ROW(wait_poll),
    ROW(wait_select),  ROW(wait_epoll),  ROW(sleep_ns),   ROW(sleep_clock), ROW(receive_queue),     ROW(down),
    ROW(wait_suspend), ROW(wait_signal), ROW(write_pipe), ROW(accept_one),  ROW(read_inotify),      ROW(lock_pi),
};

static void *hold(void *arg)
{
    pthread_mutex_lock(arg);
    pause();
    return NULL;
}

int main(void)
{
    pthread_t thread, holder;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&pi, &attr);
    main_thread = pthread_self();
    pthread_create(&holder, NULL, hold, &pi);
    if (pipe(pipe_fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return 1;
    lock_fds[0] = open("lock", O_RDWR | O_CREAT, 0600);
    lock_fds[1] = open("lock", O_RDWR);
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        handle(SIGUSR1, tick, flags);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            drain();
            count = 0;
            done = false;
            pthread_create(&thread, NULL, helper, NULL);
            long r = rows[i].fn();
            int error = errno, seen = count;
            done = true;
            pthread_join(thread, NULL);
            int times = r == -1 ? 1 : seen; /* what fails may do so before the second */
            say("%s%s: %ld %s after %d", rows[i].name, flags ? ", SA_RESTART" : "", r, r == -1 ? error_name(error) : "ok", times);
        }
    }
    kill(child, SIGKILL);
    msgctl(queue, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
    return 0;
}
