/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files that the debugger reads through the stub: programs and libraries of a root that only the target sees. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { GDB_FILES = 16, GDB_FILE_STAT = 64 };

struct gdb_files {
    int fds[GDB_FILES]; /* 0: free */
};

/* By a number of the table; each returns -1 and errno if there is no such file. */
int gdb_file_add(struct gdb_files *files, int fd); /* takes the descriptor */
ssize_t gdb_file_read(const struct gdb_files *files, uint64_t n, void *to, size_t size, uint64_t offset);
int gdb_file_stat(const struct gdb_files *files, uint64_t n, uint8_t out[GDB_FILE_STAT]);
int gdb_file_close(struct gdb_files *files, uint64_t n);
void gdb_files_fini(struct gdb_files *files);
int gdb_errno(int error); /* in the protocol's numbers */
