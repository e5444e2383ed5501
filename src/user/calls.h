/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System calls as rows, and the handlers of those that are not handed on as they are. Results are the kernel's: -errno, or a value. */
#pragma once
#include "os/syscall.h"
#include "user/process.h"

struct user_call { /* a row of syscalls.def, or of an architecture's own calls */
    const char *name, *args, *flags;
    long host;                                                      /* the host's number; of an architecture's own: the guest's */
    int64_t (*handler)(struct user_thread *t, const uint64_t a[6]); /* NULL: the host does it */
    int error;                                                      /* not 0: it is not there */
};

/* A handler's: the registers are as they shall be (rt_sigreturn, and what does not return). */
#define USER_NO_RESULT INT64_MIN
/* A handler's: EINTR, whatever flags the signal's handler has. */
#define USER_INTERRUPTED (INT64_MIN + 1)

/* Kinds of arguments that are pointers to what a call reads or writes. */
#define USER_POINTERS "psSbBtTzyYvVhHkKlne"

const struct user_call *user_call_find(const struct user *user, uint64_t number); /* NULL: unknown */

#define PASS(name, generic, args, flags)
#define SAME(name, generic, args, flags)
#define NONE(name, generic, args, error, why)
#define CALL(name, generic, args, flags) int64_t sys_##name(struct user_thread *t, const uint64_t a[6]);
#include "user/syscalls.def"
#undef PASS
#undef SAME
#undef NONE
#undef CALL
