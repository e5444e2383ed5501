/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What --strace prints: a line for each system call, on standard error or into a file, in the style of strace(1). */
#pragma once
#include "user/calls.h"

void user_strace_begin(const struct user_thread *t, const struct user_call *call, uint64_t number, const uint64_t args[6]);
void user_strace_end(const struct user_thread *t, const struct user_call *call, const uint64_t args[6], int64_t result);

/* decode.c: the text of a line. What does not fit is left out. */
struct strace_line {
    char text[2048];
    size_t len;
};

void strace_add(struct strace_line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Argument i; result: 0 or less if the call has written nothing. */
void strace_argument(struct strace_line *line, const char *kinds, unsigned i, const uint64_t args[6], int64_t result);
