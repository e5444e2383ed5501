/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What --strace prints: a line for each system call, on standard error, in the style of strace(1). */
#pragma once
#include "user/calls.h"

void user_strace_begin(const struct user_thread *t, const struct user_call *call, uint64_t number, const uint64_t args[6]);
void user_strace_end(const struct user_thread *t, const struct user_call *call, const uint64_t args[6], int64_t result);
