/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* GDB on a program of user mode. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

struct gdb_user;
struct user_debug;

/* Before the root is changed: the path of a socket is this system's. */
int gdb_user_listen(struct gdb_user **out, const char *where, struct err *err) NODISCARD;
/* Before that as well: by what the program left that called execve() (user_debug_kept). false: it makes no sense. */
bool gdb_user_take_over(struct gdb_user **out, const char *text);
/* Starts the thread that waits for the debugger; what the program is run with. */
int gdb_user_start(struct gdb_user *gdb, struct user_debug **debug, struct err *err) NODISCARD;
