/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line of `vm-user`. */
#pragma once
#include "base/log.h"
#include "user/root.h"
#include "user/user.h"

enum { ARGUMENTS_AGAIN = 64, ARGUMENTS_BINDS = 32 };

struct arguments {
    struct user_options user;
    struct user_root root;
    const char *argv0, *gdb, *gdb_kept;
    const char *again[ARGUMENTS_AGAIN + 1]; /* what a program that it starts is run with */
    const char *binds[ARGUMENTS_BINDS + 1];
    unsigned nagain, nbinds;
    enum log_level log_level;
    bool help;
};

/* 0, or a status that has been told of on standard error. */
int arguments_parse(struct arguments *a, int argc, char **argv);
void arguments_help(void);
