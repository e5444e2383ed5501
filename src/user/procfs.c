/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made-up files are written into memory of their own when they are opened, as the kernel makes them when they are read. */
#include "user/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

typedef void put_fn(struct user *user, FILE *out);
typedef void link_fn(const struct user *user, char *to);

static void link_exe(const struct user *user, char *to) { snprintf(to, PATH_MAX, "%s", user->exe); }

static void put_maps(struct user *user, FILE *out)
{
    os_mutex_lock(&user->memory->lock);
    for (const struct user_map *m = user->memory->maps.list; m < user->memory->maps.list + user->memory->maps.count; m++) {
        int n = fprintf(out, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu", (unsigned long long)m->start, (unsigned long long)m->end,
                        m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-',
                        m->flags & MAP_SHARED ? 's' : 'p', (unsigned long long)m->offset, major(m->device), minor(m->device),
                        (unsigned long long)m->inode);
        if (m->name)
            fprintf(out, "%*s%s", n < 73 ? 73 - n : 1, "", m->name);
        putc('\n', out);
    }
    os_mutex_unlock(&user->memory->lock);
}

static void put_memory(uint64_t at, uint64_t end, FILE *out)
{
    for (uint8_t buf[1024]; at < end;) {
        size_t n = end - at < sizeof buf ? end - at : sizeof buf;
        if (!user_read(buf, at, n))
            return;
        fwrite(buf, 1, n, out);
        at += n;
    }
}

static void put_auxv(struct user *user, FILE *out) { put_memory(user->memory->auxv, user->memory->auxv + user->memory->auxv_size, out); }
static void put_cmdline(struct user *user, FILE *out) { put_memory(user->memory->arg_start, user->memory->arg_end, out); }
static void put_environ(struct user *user, FILE *out) { put_memory(user->memory->env_start, user->memory->env_end, out); }
static void put_cpuinfo(struct user *user, FILE *out)
{
    for (unsigned n = 0; n < os_cpu_count(); n++)
        user->abi->cpuinfo(user->threads->cpu, n, out);
}

static const struct row {
    const char *path;
    put_fn *put;
    link_fn *link;
} rows[] = {
#define FILE(path, fn) {path, fn, NULL},
#define LINK(path, fn) {path, NULL, fn},
#include "user/procfs.def"
#undef FILE
#undef LINK
};

/* "/proc/PID/x" of this process, and "/proc/thread-self/x", are "self/x". */
static const struct row *find(const char *path)
{
    char own[32], rest[64];
    if (strncmp(path, "/proc/", 6))
        return NULL;
    path += 6;
    snprintf(own, sizeof own, "%d/", (int)getpid());
    if (!strncmp(path, own, strlen(own)))
        path += strlen(own);
    else if (!strncmp(path, "thread-self/", 12))
        path += 12;
    else if (!strncmp(path, "self/", 5))
        path += 5;
    else
        own[0] = 0;
    if (snprintf(rest, sizeof rest, "%s%s", own[0] ? "self/" : "", path) >= (int)sizeof rest)
        return NULL;
    for (const struct row *row = rows; row < rows + sizeof rows / sizeof *rows; row++)
        if (!strcmp(row->path, rest))
            return row;
    return NULL;
}

bool user_procfs_knows(const struct user *user, const char *path)
{
    const struct row *row = find(path);
    (void)user;
    return row;
}

bool user_procfs_link(const struct user *user, const char *path, char *to)
{
    const struct row *row = find(path);
    if (!row || !row->link)
        return false;
    row->link(user, to);
    return true;
}

int64_t user_procfs_open(struct user *user, const char *path, int flags)
{
    const struct row *row = find(path);
    if (row->link) {
        char to[PATH_MAX];
        row->link(user, to);
        int fd = open(to, flags, 0);
        return fd < 0 ? -errno : fd;
    }
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    int fd = memfd_create(row->path, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd < 0)
        return -errno;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    if (!out) {
        close(fd);
        if (copy >= 0)
            close(copy);
        return -EMFILE;
    }
    row->put(user, out);
    fclose(out);
    lseek(fd, 0, SEEK_SET);
    return fd;
}
