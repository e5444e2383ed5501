/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The file helpers of file.h. All blocking: for start-up, never from a loop or a vCPU. */
#include "os/file.h"
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_open(const char *path, struct stat *st, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = 0;

    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    if (fstat(fd, st))
        status = err_set_errno(err, errno, "cannot look at %s", path);
    else if (S_ISDIR(st->st_mode))
        status = err_set(err, STATUS_config, "%s is a directory, not a file", path);
    if (!status)
        return fd;
    close(fd);
    return status;
}

static int file_too_large(const char *path, size_t max, struct err *err)
{
    return err_set(err, STATUS_config, "%s is larger than the %zu bytes that are allowed here", path, max);
}

/* For a moment only: large pages cost less to get. */
static char *file_room(size_t size)
{
    enum { LARGE = 4 << 20, LARGE_PAGE = 2 << 20 };
    char *buf = size < LARGE ? malloc(size) : aligned_alloc(LARGE_PAGE, (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE);

#ifdef MADV_HUGEPAGE
    if (buf && size >= LARGE)
        (void)madvise(buf, size, MADV_HUGEPAGE);
#endif
    if (buf)
        os_pages_populate(buf, size);
    return buf;
}

/* Reads fd to its end; guess is what stat said. */
static int file_drain(int fd, const char *path, size_t guess, size_t max, void **data, size_t *len, struct err *err)
{
    size_t room = (guess < max ? guess : max) + 2, have = 0; /* one byte to see the end, one for the zero */
    char *buf = file_room(room), *more;

    while (buf) {
        ssize_t n = read(fd, buf + have, room - 1 - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int error = errno;

            free(buf);
            return err_set_errno(err, error, "cannot read %s", path);
        }
        if (!n) {
            buf[have] = 0;
            *data = buf;
            *len = have;
            return 0;
        }
        have += (size_t)n;
        if (have > max) {
            free(buf);
            return file_too_large(path, max, err);
        }
        if (have < room - 1)
            continue;
        room = room > max / 2 ? max + 2 : room * 2;
        more = realloc(buf, room);
        if (!more)
            free(buf);
        buf = more;
    }
    return err_set(err, STATUS_resource, "no memory to read %s", path);
}

int os_file_read(const char *path, size_t max, void **data, size_t *len, struct err *err)
{
    struct stat st;
    int fd = file_open(path, &st, err), status;

    if (fd < 0)
        return fd;
    if (max > SIZE_MAX / 2)
        max = SIZE_MAX / 2;
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max)
        status = file_too_large(path, max, err);
    else
        status = file_drain(fd, path, S_ISREG(st.st_mode) ? (size_t)st.st_size : 4096, max, data, len, err);
    close(fd);
    return status;
}

int os_file_map(struct os_map *out, const char *path, struct err *err)
{
    struct stat st;
    int fd = file_open(path, &st, err), status = 0;
    void *data = NULL;

    if (fd < 0)
        return fd;
    if (!S_ISREG(st.st_mode))
        status = err_set(err, STATUS_config, "%s is not a regular file", path);
    else if (st.st_size && (data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        status = err_set_errno(err, errno, "cannot map %s", path);
    close(fd);
    if (!status)
        *out = (struct os_map){.data = data, .len = (size_t)st.st_size};
    return status;
}

void os_file_unmap(struct os_map *map)
{
    void *data;

    if (!map->data)
        return;
    memcpy(&data, &map->data, sizeof(data)); /* munmap() wants what mmap() gave, without const */
    munmap(data, map->len);
    *map = (struct os_map){0};
}

static int file_put(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

int os_file_write(const char *path, const void *data, size_t len, struct err *err)
{
    char temporary[4096];
    struct stat st;
    int fd, status = 0;

    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
        return err_set(err, STATUS_config, "file name is too long: %.80s...", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot write beside %s", path);
    if (stat(path, &st) == 0)
        (void)!fchmod(fd, st.st_mode & 07777);
    if (file_put(fd, data, len))
        status = err_set_errno(err, errno, "cannot write %s", path);
    if (close(fd) && !status)
        status = err_set_errno(err, errno, "cannot write %s", path);
    if (!status && rename(temporary, path))
        status = err_set_errno(err, errno, "cannot replace %s", path);
    if (status)
        unlink(temporary);
    return status;
}

int os_file_put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), error;
    ssize_t n;

    if (fd < 0)
        return -1;
    n = write(fd, text, strlen(text));
    error = errno;
    close(fd);
    errno = error;
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

int os_file_create(FILE **out, const char *path, bool fresh, struct err *err)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (fresh ? O_EXCL | O_NOFOLLOW : O_TRUNC);
    int fd = open(path, flags, fresh ? 0600 : 0666);

    if (fd < 0 && fresh && errno == EEXIST)
        return err_set(err, STATUS_conflict, "%s exists already; if no other machine writes it, remove it", path);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot create %s", path);
    *out = fdopen(fd, "w");
    if (!*out) {
        close(fd);
        return err_set(err, STATUS_resource, "no memory to write %s", path);
    }
    setvbuf(*out, NULL, _IOLBF, 1 << 16);
    return 0;
}
