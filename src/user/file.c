/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files: the calls whose structures differ between architectures, and the files below /proc that tell of this program instead of the guest. */
#include "user/calls.h"
#include "user/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* struct stat of all newer architectures (include/uapi/asm-generic/stat.h). */
struct generic_stat {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad1;
    int64_t size;
    int32_t blksize, pad2;
    int64_t blocks;
    int64_t atime;
    uint64_t atime_ns;
    int64_t mtime;
    uint64_t mtime_ns;
    int64_t ctime;
    uint64_t ctime_ns;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct generic_stat) == 128, "the kernel's");

static int64_t give_stat(uint64_t to, const struct stat *st)
{
    const struct generic_stat g = {
        .dev = st->st_dev,
        .ino = st->st_ino,
        .mode = st->st_mode,
        .nlink = (uint32_t)st->st_nlink,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .rdev = st->st_rdev,
        .size = st->st_size,
        .blksize = (int32_t)st->st_blksize,
        .blocks = st->st_blocks,
        .atime = st->st_atim.tv_sec,
        .atime_ns = (uint64_t)st->st_atim.tv_nsec,
        .mtime = st->st_mtim.tv_sec,
        .mtime_ns = (uint64_t)st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec,
        .ctime_ns = (uint64_t)st->st_ctim.tv_nsec,
    };
    return user_write(to, &g, sizeof g) ? 0 : -EFAULT;
}

int64_t sys_fstat(struct user_thread *t, const uint64_t a[6])
{
    struct stat st;
    (void)t;
    return fstat((int)a[0], &st) ? -errno : give_stat(a[1], &st);
}

/* The path argument: the guest's, or one that was found below the sysroot. */
static bool path_of(uint64_t at, char *buf, size_t size)
{
    if (at < MEM_FLAT_END || at >> 63) /* else it was found below the sysroot */
        return user_string(at, buf, size);
    return snprintf(buf, size, "%s", (const char *)(uintptr_t)at) < (int)size;
}

int64_t sys_openat(struct user_thread *t, const uint64_t a[6])
{
    char path[PATH_MAX];
    struct user_procfs found;
    if (path_of(a[1], path, sizeof path) && *path && user_procfs_find((int)a[0], path, &found))
        return user_procfs_open(t->user, &found, (int)a[0], path, (int)a[2], (int)a[3]);
    return user_call_wait(t, SYS_openat, a);
}

/* Flags of open files are an architecture's own. */
int64_t sys_fcntl(struct user_thread *t, const uint64_t a[6])
{
    uint64_t args[6] = {a[0], a[1], a[2]};
    uint64_t (*flags)(uint64_t, bool) = t->user->abi->open_flags;
    if (flags && (int)a[1] == F_SETFL)
        args[2] = flags(a[2], true);
    int64_t r = user_call_wait(t, SYS_fcntl, args);
    return flags && (int)a[1] == F_GETFL && r >= 0 ? (int64_t)flags((uint64_t)r, false) : r;
}

int64_t sys_openat2(struct user_thread *t, const uint64_t a[6])
{
    char path[PATH_MAX];
    struct open_how how = {0};
    struct user_procfs found;
    bool known = a[3] >= sizeof how && user_read(&how, a[2], sizeof how);
    if (known && t->user->abi->open_flags)
        how.flags = t->user->abi->open_flags(how.flags, true);
    if (known && !how.resolve && path_of(a[1], path, sizeof path) && *path && user_procfs_find((int)a[0], path, &found))
        return user_procfs_open(t->user, &found, (int)a[0], path, (int)how.flags, (int)how.mode);
    const uint64_t args[6] = {a[0], a[1], (uintptr_t)&how, sizeof how};
    return user_call_wait(t, SYS_openat2, known && a[3] == sizeof how ? args : a);
}

int64_t sys_readlinkat(struct user_thread *t, const uint64_t a[6])
{
    char path[PATH_MAX], to[PATH_MAX];
    if (!path_of(a[1], path, sizeof path) || !user_procfs_link(t->user, (int)a[0], path, to))
        return os_syscall(SYS_readlinkat, a);
    size_t len = strlen(to) < a[3] ? strlen(to) : a[3];
    return (int32_t)a[3] <= 0 ? -EINVAL : user_write(a[2], to, len) ? (int64_t)len : -EFAULT;
}

/* Calls that follow links: of a link that is made up they get what it leads to. */
static int64_t through_link(struct user_thread *t, long number, const uint64_t a[6], uint64_t flags)
{
    char path[PATH_MAX], to[PATH_MAX];
    uint64_t args[6] = {a[0], a[1], a[2], a[3], a[4], a[5]};
    bool leads = !(flags & AT_SYMLINK_NOFOLLOW) && path_of(a[1], path, sizeof path) && *path;
    if (leads && user_procfs_link(t->user, (int)a[0], path, to)) {
        args[0] = (uint64_t)AT_FDCWD;
        args[1] = (uintptr_t)to;
    }
    return os_syscall(number, args);
}

int64_t sys_newfstatat(struct user_thread *t, const uint64_t a[6])
{
    struct stat st;
    const uint64_t args[6] = {a[0], a[1], (uintptr_t)&st, a[3]};
    int64_t r = through_link(t, SYS_newfstatat, args, a[3]);
    return r ? r : give_stat(a[2], &st);
}

int64_t sys_statx(struct user_thread *t, const uint64_t a[6]) { return through_link(t, SYS_statx, a, a[2]); }
int64_t sys_faccessat(struct user_thread *t, const uint64_t a[6]) { return through_link(t, SYS_faccessat, a, 0); }
int64_t sys_faccessat2(struct user_thread *t, const uint64_t a[6]) { return through_link(t, SYS_faccessat2, a, a[3]); }

/* ---- epoll: its structure is packed on x86 only ---- */

struct generic_event {
    uint32_t events, padding;
    uint64_t data;
};

int64_t sys_epoll_ctl(struct user_thread *t, const uint64_t a[6])
{
    struct generic_event event = {0};
    (void)t;
    if (a[3] && !user_read(&event, a[3], sizeof event))
        return -EFAULT;
    struct epoll_event host = {.events = event.events, .data.u64 = event.data};
    const uint64_t args[6] = {a[0], a[1], a[2], a[3] ? (uintptr_t)&host : 0};
    return os_syscall(SYS_epoll_ctl, args);
}

static int64_t epoll_wait_by(struct user_thread *t, long number, const uint64_t a[6])
{
    enum { MOST = 1024 };
    int max = (int)a[2];
    if (max <= 0)
        return os_syscall(number, a); /* fails, by what it looks at first */
    max = max < MOST ? max : MOST;
    struct epoll_event *host = malloc((size_t)max * sizeof *host);
    if (!host)
        return -ENOMEM;
    const uint64_t args[6] = {a[0], (uintptr_t)host, (uint64_t)max, a[3], a[4], a[5]};
    int64_t r = user_call_masked(t, number, args, a[4]);
    for (int64_t i = 0; i < r; i++) {
        const struct generic_event event = {.events = host[i].events, .data = host[i].data.u64};
        if (!user_write(a[1] + (uint64_t)i * sizeof event, &event, sizeof event))
            r = -EFAULT;
    }
    free(host);
    return r;
}

int64_t sys_epoll_pwait(struct user_thread *t, const uint64_t a[6]) { return epoll_wait_by(t, SYS_epoll_pwait, a); }
int64_t sys_epoll_pwait2(struct user_thread *t, const uint64_t a[6]) { return epoll_wait_by(t, SYS_epoll_pwait2, a); }
