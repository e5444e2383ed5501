/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files below /proc that would tell of this program instead of the guest's: rows of procfs.def. */
#pragma once
#include "user/process.h"

bool user_procfs_knows(const struct user *user, const char *path);
/* A descriptor of what the guest should see, or -errno. */
int64_t user_procfs_open(struct user *user, const char *path, int flags);
/* Symbolic links; to: PATH_MAX bytes. false: not one of these. */
bool user_procfs_link(const struct user *user, const char *path, char *to);
