/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Another root, other identifiers, another folder to begin in: before the program is loaded, while this process has one thread. */
#pragma once
#include "base/err.h"
#include <stdint.h>

struct user_root {
    const char *dir;          /* NULL: the one that there is */
    const char *const *binds; /* "PATH" or "PATH:INSIDE"; NULL at the end */
    const char *chdir;        /* inside; NULL: "/" of a new root, else where the process is */
    int64_t uid, gid;         /* -1: as they are */
};

/* *exe_fd becomes a descriptor of this command if its file cannot be found by /proc in there. */
int user_root_enter(const struct user_root *root, int *exe_fd, struct err *err) NODISCARD;

/* A descriptor of this command's file, closed by execve(); -1: none. */
int user_exe_open(void);
/* Now that the root is another one: closes it if /proc shows the file; else returns it. */
int user_exe_keep(int fd);
