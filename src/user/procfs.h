/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Files below /proc that would tell of this program instead of the guest's: rows of procfs.def. A path is looked at only if its last part is
 * the name of one; then the folder is asked for what it is, so that links, dots and descriptors of folders lead to them as well.
 */
#pragma once
#include "user/process.h"
#include <limits.h>

struct user_procfs {
    const struct user_procfs_row *row;
    char real[80]; /* its path in the kernel's /proc */
    int other;     /* of this process, which is another one; 0: of this */
};

/* Is it one of them? An empty path: what dir is a descriptor of. */
bool user_procfs_find(int dir, const char *path, struct user_procfs *found);
/* A descriptor of what the guest should see, or -errno. */
int64_t user_procfs_open(struct user *user, const struct user_procfs *found, int dir, const char *path, int flags, int mode);
/* Symbolic links; to: PATH_MAX bytes. false: not one of these. */
bool user_procfs_link(const struct user *user, int dir, const char *path, char *to);
