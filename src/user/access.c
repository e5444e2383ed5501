/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The guest's memory and paths from system calls: it is this process's own, but may be missing, and what is not the guest's is refused. */
#include "os/fault.h"
#include "user/process.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct copy {
    void *to;
    const void *from;
    size_t size;
};

static void copy(void *arg)
{
    const struct copy *c = arg;
    memcpy(c->to, c->from, c->size);
}

static bool in_guest(uint64_t at, size_t size) { return at < MEM_FLAT_END && size <= MEM_FLAT_END - at; }

bool user_read(void *to, uint64_t from, size_t size)
{
    struct copy c = {to, (const void *)(uintptr_t)from, size};
    return in_guest(from, size) && os_fault_try(copy, &c);
}

bool user_write(uint64_t to, const void *from, size_t size)
{
    struct copy c = {(void *)(uintptr_t)to, from, size};
    return in_guest(to, size) && os_fault_try(copy, &c);
}

/* Up to the terminator, or size bytes. */
static void copy_string(void *arg)
{
    const struct copy *c = arg;
    char *to = c->to;
    const char *from = c->from;
    for (size_t i = 0; i < c->size && (to[i] = from[i]); i++)
        ;
}

int64_t user_string_error(uint64_t at, char *buf, size_t size)
{
    struct copy c = {buf, (const void *)(uintptr_t)at, size};
    buf[size - 1] = 1;
    if (!in_guest(at, 1) || !os_fault_try(copy_string, &c))
        return -EFAULT;
    return memchr(buf, 0, size) ? 0 : -ENAMETOOLONG;
}

bool user_string(uint64_t at, char *buf, size_t size) { return !user_string_error(at, buf, size); }

/* Absolute paths are looked for below the sysroot first, unless they lead there already. */
const char *user_path(const struct user *user, const char *path, char *buf)
{
    const char *sysroot = user->sysroot;
    if (!sysroot || *path != '/' || !strncmp(path, sysroot, strlen(sysroot)))
        return path;
    if (snprintf(buf, PATH_MAX, "%s%s", sysroot, path) >= PATH_MAX || faccessat(AT_FDCWD, buf, F_OK, AT_SYMLINK_NOFOLLOW))
        return path;
    return buf;
}
