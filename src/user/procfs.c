/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made-up files are written into memory of their own when they are opened, as the kernel makes them when they are read. */
#include "user/procfs.h"
#include "base/bits.h"
#include "user/others.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

typedef void put_fn(struct user *user, const char *real, FILE *out);
typedef bool link_fn(const struct user *user, int other, char *to);

static bool link_exe(const struct user *user, int other, char *to)
{
    return other ? user_others_exe(other, to) : snprintf(to, PATH_MAX, "%s", user->exe) < PATH_MAX;
}

static int put_head(const struct user_map *m, uint64_t start, uint64_t end, FILE *out)
{
    int n = fprintf(out, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu", (unsigned long long)start, (unsigned long long)end,
                    m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-',
                    m->flags & MAP_SHARED ? 's' : 'p', (unsigned long long)(m->inode ? m->offset + (start - m->start) : 0),
                    major(m->device), minor(m->device), (unsigned long long)m->inode);
    if (m->name)
        n += fprintf(out, "%*s%s", n < 73 ? 73 - n : 1, "", m->name);
    putc('\n', out);
    return n;
}

static void put_maps(struct user *user, const char *real, FILE *out)
{
    (void)real;
    os_mutex_lock(&user->memory->lock);
    for (const struct user_map *m = user->memory->maps.list; m < user->memory->maps.list + user->memory->maps.count; m++)
        put_head(m, m->start, m->end, out);
    os_mutex_unlock(&user->memory->lock);
}

/* Of what the kernel has as one there may be several here; what it counts is told of the last. */
static bool put_heads(const struct user *user, uint64_t start, uint64_t end, FILE *out)
{
    const struct user_map *map = user_maps_after(&user->memory->maps, start), *last = user->memory->maps.list + user->memory->maps.count;
    bool any = false;
    for (; map && map < last && map->start < end; map++) {
        uint64_t from = map->start > start ? map->start : start, to = map->end < end ? map->end : end;
        if (any)
            fprintf(out, "Rss:                   0 kB\n");
        put_head(map, from, to, out);
        any = true;
    }
    return any;
}

/* The kernel's, of what is the guest's, with heads as the guest has them: it counts pages, and knows no more of protection than it was told. */
static void put_smaps(struct user *user, const char *real, FILE *out)
{
    FILE *in = fopen(real, "re");
    char line[PATH_MAX + 128];
    bool shown = false;
    if (!in)
        return;
    while (fgets(line, sizeof line, in)) {
        unsigned long long start, end;
        if (sscanf(line, "%llx-%llx ", &start, &end) == 2) {
            os_mutex_lock(&user->memory->lock);
            shown = put_heads(user, start, end, out);
            os_mutex_unlock(&user->memory->lock);
        } else if (shown) {
            fputs(line, out);
        }
    }
    fclose(in);
}

/* proc(5): some fields are addresses. */
static void put_stat(struct user *user, const char *real, FILE *out)
{
    const struct user_memory *m = user->memory;
    const struct {
        int field;
        uint64_t value;
    } own[] = {{26, m->code_start},
               {27, m->code_end},
               {28, m->stack_first},
               {29, 0},
               {30, 0},
               {45, m->data_start},
               {46, m->data_end},
               {47, m->brk_start},
               {48, m->arg_start},
               {49, m->arg_end},
               {50, m->env_start},
               {51, m->env_end}};
    char text[2048], *at, *next;
    FILE *in = fopen(real, "re");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    if (in)
        fclose(in);
    text[n] = 0;
    at = strrchr(text, ')'); /* the name before it may have anything in it */
    if (!at)
        return;
    fprintf(out, "%.*s", (int)(at + 1 - text), text);
    at[strcspn(at, "\n")] = 0;
    at = strtok_r(at + 1, " ", &next);
    for (int field = 3; at; field++, at = strtok_r(NULL, " ", &next)) {
        size_t i = 0;
        while (i < ARRAY_LEN(own) && own[i].field != field)
            i++;
        if (i < ARRAY_LEN(own))
            fprintf(out, " %llu", (unsigned long long)own[i].value);
        else
            fprintf(out, " %s", at);
    }
    putc('\n', out);
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

static void put_auxv(struct user *user, const char *real, FILE *out)
{
    (void)real;
    put_memory(user->memory->auxv, user->memory->auxv + user->memory->auxv_size, out);
}

static void put_cmdline(struct user *user, const char *real, FILE *out)
{
    (void)real;
    put_memory(user->memory->arg_start, user->memory->arg_end, out);
}

static void put_environ(struct user *user, const char *real, FILE *out)
{
    (void)real;
    put_memory(user->memory->env_start, user->memory->env_end, out);
}

static void put_cpuinfo(struct user *user, const char *real, FILE *out)
{
    (void)real;
    for (unsigned n = 0; n < os_cpu_count(); n++)
        user->abi->cpuinfo(user->threads->cpu, n, out);
}

static const struct user_procfs_row {
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

/* ---- which one ---- */

static const struct user_procfs_row *row_named(const char *folder, const char *name)
{
    for (const struct user_procfs_row *row = rows; row < rows + ARRAY_LEN(rows); row++) {
        const char *base = strrchr(row->path, '/') ? strrchr(row->path, '/') + 1 : row->path;
        if (!strcmp(base, name) && (!folder || (size_t)(base - row->path) == strlen(folder)))
            return row;
    }
    return NULL;
}

/* Is it the folder of this process, or of a thread of it? */
static bool own_folder(const char *folder)
{
    char task[48];
    int pid, tid, end = 0;
    if (!strcmp(folder, "/proc/self") || !strcmp(folder, "/proc/thread-self"))
        return true;
    if (sscanf(folder, "/proc/%d/task/%d%n", &pid, &tid, &end) == 2 && !folder[end])
        return pid == getpid();
    end = 0;
    if (sscanf(folder, "/proc/%d%n", &pid, &end) != 1 || folder[end])
        return false;
    snprintf(task, sizeof task, "/proc/self/task/%d", pid);
    return pid == getpid() || !access(task, F_OK);
}

/* Of which process is the folder, if not of this one? 0: of none. */
static int other_process(const char *folder)
{
    int pid, end = 0;
    return sscanf(folder, "/proc/%d%n", &pid, &end) == 1 && !folder[end] && pid > 0 ? pid : 0;
}

/* The path of a folder, or of what a descriptor is of. */
static bool path_of(int fd, char *out, size_t size)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, size - 1);
    out[n < 0 ? 0 : n] = 0;
    return n > 0;
}

/* Splits it at its last slash. name: points into path. */
static bool find_folder(int dir, const char *path, const char *name, char folder[PATH_MAX])
{
    size_t len = (size_t)(name - path);
    snprintf(folder, PATH_MAX, "%.*s", len > 1 ? (int)len - 1 : (int)len, path);
    if (own_folder(folder) || !strcmp(folder, "/proc")) /* as most programs name them: also where there is no /proc */
        return true;
    int fd = openat(dir, len ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool found = fd >= 0 && path_of(fd, folder, PATH_MAX);
    if (fd >= 0)
        close(fd);
    return found;
}

bool user_procfs_find(int dir, const char *path, struct user_procfs *found)
{
    char own[PATH_MAX], folder[PATH_MAX];
    if (!*path) {
        if (!path_of(dir, own, sizeof own) || strncmp(own, "/proc/", 6))
            return false;
        path = own;
        dir = AT_FDCWD;
    }
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (!row_named(NULL, name) || !find_folder(dir, path, name, folder))
        return false;
    bool of_self = own_folder(folder);
    found->other = of_self ? 0 : other_process(folder);
    found->row = of_self || found->other ? row_named("self/", name) : !strcmp(folder, "/proc") ? row_named("", name) : NULL;
    if (found->other && found->row && !found->row->link)
        return false;
    return found->row && snprintf(found->real, sizeof found->real, "%s/%s", folder, name) < (int)sizeof found->real;
}

bool user_procfs_link(const struct user *user, int dir, const char *path, char *to)
{
    struct user_procfs found;
    return user_procfs_find(dir, path, &found) && found.row->link && found.row->link(user, found.other, to);
}

static int64_t open_made(struct user *user, const struct user_procfs *found, int flags)
{
    int fd = memfd_create(found->row->path, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
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
    found->row->put(user, found->real, out);
    fclose(out);
    fchmod(fd, 0444);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

int64_t user_procfs_open(struct user *user, const struct user_procfs *found, int dir, const char *path, int flags, int mode)
{
    char to[PATH_MAX];
    if (found->row->link && !(flags & O_NOFOLLOW) && found->row->link(user, found->other, to)) {
        int fd = open(to, flags, mode);
        return fd < 0 ? -errno : fd;
    }
    if (found->row->put && !(flags & (O_PATH | O_DIRECTORY | O_ACCMODE)))
        return open_made(user, found, flags);
    int fd = openat(dir, path, flags, mode); /* the kernel's own says what it is, or refuses */
    return fd < 0 ? -errno : fd;
}
