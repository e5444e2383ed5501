/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Futexes are the kernel's own. What it would do at the end of a thread is done here before the thread's end is told: whoever joins the
 * thread may reuse its memory at once, while the kernel sees the thread end some time later.
 */
#include "user/calls.h"
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A wait with a time limit is not begun again: it would have all of its time once more. */
int64_t sys_futex(struct user_thread *t, const uint64_t a[6])
{
    unsigned command = a[1] & FUTEX_CMD_MASK;
    int64_t r = user_call_wait(t, SYS_futex, a);
    return r == -EINTR && a[3] && (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) ? USER_INTERRUPTED : r;
}

/* The owner of a lock died: marks it, and wakes one of those that wait. `begun`: the thread was about to lock or unlock it. */
static bool owner_died(const struct user_thread *t, uint64_t at, bool inherits, bool begun)
{
    uint32_t old;
    if (at % sizeof old || !user_read(&old, at, sizeof old))
        return false;
    _Atomic uint32_t *word = (_Atomic uint32_t *)(uintptr_t)at;
    if (begun && !inherits && !old) {
        syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0);
        return true;
    }
    while ((old & FUTEX_TID_MASK) == (uint32_t)t->tid)
        if (atomic_compare_exchange_strong(word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED)) {
            if (!inherits && (old & FUTEX_WAITERS))
                syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0);
            break;
        }
    return true;
}

void user_futex_end(const struct user_thread *t)
{
    enum { MOST = 2048 }; /* as the kernel: the list may be a circle */
    struct robust_list_head list, *at;
    size_t size;
    if (syscall(SYS_get_robust_list, 0, &at, &size) || !user_read(&list, (uintptr_t)at, sizeof list))
        return;
    syscall(SYS_set_robust_list, NULL, sizeof list);
    uint64_t entry = (uintptr_t)list.list.next, pending = (uintptr_t)list.list_op_pending, offset = (uint64_t)list.futex_offset;
    for (unsigned n = 0; n < MOST && (entry & ~1ull) != (uintptr_t)at; n++) {
        uint64_t next;
        bool more = user_read(&next, entry & ~1ull, sizeof next);
        if ((entry & ~1ull) != (pending & ~1ull) && !owner_died(t, (entry & ~1ull) + offset, entry & 1, false))
            break;
        if (!more)
            break;
        entry = next;
    }
    if (pending)
        owner_died(t, (pending & ~1ull) + offset, pending & 1, true);
}
