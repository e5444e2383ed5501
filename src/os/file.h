/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whole files: read into memory up to a limit, or mapped read-only. Errors name the file and say what to do. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Reads all of path (also of a pipe or /proc file); more than max bytes is an error. *data is malloc'ed, with a zero behind its len bytes. */
int os_file_read(const char *path, size_t max, void **data, size_t *len, struct err *err) NODISCARD;

struct os_map { /* data is NULL for an empty file */
    const uint8_t *data;
    size_t len;
};
/* A regular file, read-only and private. A file that shrinks while it is mapped raises SIGBUS at the access: map what nobody edits. */
int os_file_map(struct os_map *out, const char *path, struct err *err) NODISCARD;
void os_file_unmap(struct os_map *map);
/* Writes data as the new contents of path: to a temporary file beside it, then renamed, so that a half file is never seen. */
int os_file_write(const char *path, const void *data, size_t len, struct err *err) NODISCARD;
/* Hands text to a file that the kernel reads (/proc, binfmt_misc), in one piece. 0, or -1 and errno. */
int os_file_put(const char *path, const char *text);
/* For text that grows line by line (each is written at its end). fresh: the file must not be there yet, not even as a link, and is the
 * user's alone; for names that others could guess. Else what was there is lost. */
int os_file_create(FILE **out, const char *path, bool fresh, struct err *err) NODISCARD;
