/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sets of descriptors: see poll_set.h. The system forgets a closed descriptor by itself, and its number comes back for another file:
 * what we believe to be registered may be wrong either way, so each call falls back on its opposite.
 */
#include "device/net/poll_set.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64 };

int poll_set_init(struct poll_set *set, struct err *err)
{
    memset(set, 0, sizeof *set);
    set->fd = epoll_create1(EPOLL_CLOEXEC);
    return set->fd < 0 ? err_set_errno(err, errno, "cannot make a poll set") : 0;
}

void poll_set_fini(struct poll_set *set)
{
    if (set->fd >= 0)
        close(set->fd);
    free(set->entries);
    free(set->active);
}

void poll_set_begin(struct poll_set *set)
{
    for (unsigned i = 0; i < set->nactive; i++)
        set->entries[set->active[i]].want = 0;
}

/* Room for descriptor fd in both arrays; 0: no memory, the descriptor is then not waited for until the next round. */
static int make_room(struct poll_set *set, unsigned fd)
{
    if (fd >= set->nentries) {
        unsigned n = (fd + 64) & ~63u;
        struct poll_entry *grown = realloc(set->entries, n * sizeof *grown);
        if (!grown)
            return 0;
        memset(grown + set->nentries, 0, (n - set->nentries) * sizeof *grown);
        set->entries = grown;
        set->nentries = n;
    }
    if (set->nactive == set->room) {
        unsigned n = set->room ? 2 * set->room : 32;
        int *grown = realloc(set->active, n * sizeof *grown);
        if (!grown)
            return 0;
        set->active = grown;
        set->room = n;
    }
    return 1;
}

void poll_set_add(struct poll_set *set, int fd, unsigned events)
{
    if (fd < 0 || !make_room(set, (unsigned)fd))
        return;
    struct poll_entry *entry = &set->entries[fd];
    entry->want |= (uint8_t)(events & (POLLSET_IN | POLLSET_OUT | POLLSET_PRI));
    if (!entry->active)
        set->active[set->nactive++] = fd;
    entry->active = 1;
}

static void tell(struct poll_set *set, int fd, unsigned want)
{
    struct epoll_event event = {
        .events = (want & POLLSET_IN ? EPOLLIN : 0u) | (want & POLLSET_OUT ? EPOLLOUT : 0u) | (want & POLLSET_PRI ? EPOLLPRI : 0u),
        .data.fd = fd,
    };
    struct poll_entry *entry = &set->entries[fd];
    int rc = 0;
    if (!want)
        epoll_ctl(set->fd, EPOLL_CTL_DEL, fd, &event);
    else if (epoll_ctl(set->fd, entry->have ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
        rc = epoll_ctl(set->fd, entry->have ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    entry->have = rc ? 0 : (uint8_t)want;
}

void poll_set_commit(struct poll_set *set)
{
    for (unsigned i = 0; i < set->nactive;) {
        int fd = set->active[i];
        struct poll_entry *entry = &set->entries[fd];
        if (entry->want != entry->have)
            tell(set, fd, entry->want);
        if (entry->want) {
            i++;
            continue;
        }
        entry->active = 0;
        set->active[i] = set->active[--set->nactive];
    }
}

void poll_set_forget(struct poll_set *set, int fd)
{
    if (fd < 0 || (unsigned)fd >= set->nentries)
        return;
    if (set->entries[fd].have)
        tell(set, fd, 0);
    set->entries[fd].ready = 0;
}

void poll_set_collect(struct poll_set *set)
{
    struct epoll_event events[EVENTS];
    for (unsigned i = 0; i < set->nactive; i++)
        set->entries[set->active[i]].ready = 0;
    int n = epoll_wait(set->fd, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        uint32_t e = events[i].events;
        set->entries[events[i].data.fd].ready =
            (uint8_t)((e & EPOLLIN ? POLLSET_IN : 0) | (e & EPOLLOUT ? POLLSET_OUT : 0) | (e & EPOLLPRI ? POLLSET_PRI : 0) |
                      (e & EPOLLERR ? POLLSET_ERR : 0) | (e & EPOLLHUP ? POLLSET_HUP : 0));
    }
}

unsigned poll_set_ready(const struct poll_set *set, int fd) { return fd >= 0 && (unsigned)fd < set->nentries ? set->entries[fd].ready : 0; }
