/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Many descriptors seen as one that an os_watch can wait for. The user network's library opens and closes sockets by itself, from
 * within any call, so a watch each would outlive its descriptor. Not locked. Linux: an epoll descriptor, level triggered.
 */
#pragma once
#include "base/err.h"
#include <stdint.h>

enum { POLLSET_IN = 1, POLLSET_OUT = 2, POLLSET_PRI = 4, POLLSET_ERR = 8, POLLSET_HUP = 16 };

struct poll_entry {
    uint8_t want, have, ready; /* events: asked for since begin, known to the system, seen by collect */
    uint8_t active;            /* in the list */
};

struct poll_set {
    int fd;
    struct poll_entry *entries; /* by descriptor */
    unsigned nentries;
    int *active; /* descriptors that have or want something */
    unsigned nactive, room;
};

int poll_set_init(struct poll_set *set, struct err *err) NODISCARD;
void poll_set_fini(struct poll_set *set);
/* begin, add for each descriptor of interest, commit: what is not added again is waited for no more. */
void poll_set_begin(struct poll_set *set);
void poll_set_add(struct poll_set *set, int fd, unsigned events);
void poll_set_commit(struct poll_set *set);
void poll_set_forget(struct poll_set *set, int fd); /* it was opened just now, or will be closed */
/* What is ready now, without waiting; poll_set_ready() tells of each descriptor until the next collect. */
void poll_set_collect(struct poll_set *set);
unsigned poll_set_ready(const struct poll_set *set, int fd);
