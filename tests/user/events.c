/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Descriptors that tell of events: epoll, eventfd, timerfd, inotify, poll, select. */
#include "user.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/timerfd.h>

static void epolls(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC), fds[2], event = eventfd(0, EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x123456789abcdef0}, got[4];
    OK(fd);
    SHOW(pipe(fds));
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, fds[0], &e));
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, fds[0], &e));
    SHOW(epoll_ctl(fd, EPOLL_CTL_MOD, fds[1], &e));
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, fd, &e));
    SHOW(epoll_ctl(fd, 99, fds[0], &e));
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, open(".", O_RDONLY), &e));
    e.data.u64 = 7;
    e.events = EPOLLOUT | EPOLLONESHOT;
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, fds[1], &e));
    e.data.u64 = 9;
    e.events = EPOLLIN;
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, event, &e));
    for (int round = 0; round < 3; round++) {
        if (round == 1 && write(fds[1], "x", 1) + eventfd_write(event, 3) != 1)
            say("cannot write");
        int n = epoll_wait(fd, got, 4, 0);
        say("round %d: %d", round, n);
        for (int i = 0; i < n; i++)
            say("  %x %llx", got[i].events, (unsigned long long)got[i].data.u64);
    }
    SHOW(epoll_ctl(fd, EPOLL_CTL_DEL, event, NULL));
    SHOW(epoll_ctl(fd, EPOLL_CTL_DEL, event, NULL));
    SHOW(epoll_wait(fd, got, 0, 0));
    SHOW(epoll_wait(fd, got, -1, 0));
    SHOW(epoll_wait(fds[0], got, 1, 0));
    SHOW(syscall(SYS_epoll_pwait2, fd, got, 4, &(struct timespec){0, 1000}, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait, fd, got, 4, 0, &e, 3));
    close(fds[1]);
    int n = epoll_wait(fd, got, 4, 1000);
    say("%d %x", n, got[0].events);
}

static void eventfds(void)
{
    int fd = eventfd(5, EFD_NONBLOCK | EFD_SEMAPHORE);
    eventfd_t v = 0;
    SHOW(eventfd_read(fd, &v));
    say("%llu", (unsigned long long)v);
    SHOW(eventfd_write(fd, 3));
    int n = 0;
    while (!eventfd_read(fd, &v))
        n++;
    say("%d %s", n, error_name(errno));
    SHOW(eventfd_write(fd, ~0ull));
    SHOW(eventfd_write(fd, ~0ull - 1));
    SHOW(eventfd_write(fd, 1));
    SHOW(read(fd, &v, 4));
    OK(eventfd(0, 0x1234));
}

static void timerfds(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec spec = {{0, 1000000}, {0, 1000000}}, old;
    uint64_t n;
    OK(fd);
    SHOW(read(fd, &n, 8));
    SHOW(timerfd_settime(fd, 0, &spec, NULL));
    SHOW(poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1));
    nap(5);
    SHOW(read(fd, &n, 8));
    say("several %d", n >= 4);
    SHOW(timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {100000, 0}}, &old));
    say("%ld", old.it_interval.tv_nsec);
    SHOW(timerfd_gettime(fd, &old));
    say("%d", old.it_value.tv_sec >= 90000 && old.it_value.tv_sec < 100000);
    OK(timerfd_create(77, 0));
}

static void watches(void)
{
    int fd = inotify_init1(IN_NONBLOCK), watch;
    char buf[1024];
    OK(fd);
    SHOW(watch = inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE | IN_MOVE));
    SHOW(inotify_add_watch(fd, "none", IN_CREATE));
    close(open("made", O_CREAT | O_WRONLY, 0600));
    rename("made", "moved");
    unlink("moved");
    ssize_t size = read(fd, buf, sizeof buf);
    for (ssize_t at = 0; at < size;) {
        const struct inotify_event *e = (const struct inotify_event *)(buf + at);
        say("event %x %s", e->mask, e->name);
        at += (ssize_t)(sizeof *e + e->len);
    }
    SHOW(inotify_rm_watch(fd, watch));
    SHOW(inotify_rm_watch(fd, 99));
    SHOW(read(fd, buf, 5));
}

static void polls(void)
{
    int fds[2];
    SHOW(pipe(fds));
    struct pollfd set[4] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT | POLLIN, 0}, {-1, POLLIN, 9}, {999, POLLIN, 0}};
    SHOW(poll(set, 4, 0));
    say("%x %x %x %x", set[0].revents, set[1].revents, set[2].revents, set[3].revents);
    SHOW(poll(NULL, 0, 1));
    SHOW(write(fds[1], "x", 1));
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fds[0], &in);
    FD_SET(fds[1], &out);
    struct timeval limit = {0, 1000};
    SHOW(select(fds[1] + 1, &in, &out, NULL, &limit));
    say("%d %d", !!FD_ISSET(fds[0], &in), !!FD_ISSET(fds[1], &out));
    FD_ZERO(&in);
    SHOW(select(fds[1] + 1, &in, NULL, NULL, &limit));
    say("left %ld", limit.tv_sec * 1000000 + limit.tv_usec);
    close(fds[0]);
    FD_SET(fds[0], &in);
    SHOW(select(fds[1] + 1, &in, NULL, NULL, &limit));
    SHOW(select(-1, &in, NULL, NULL, &limit));
    SHOW(pselect(0, NULL, NULL, NULL, &(struct timespec){0, -1}, NULL));
}

int main(void)
{
    epolls();
    eventfds();
    timerfds();
    watches();
    polls();
    return 0;
}
