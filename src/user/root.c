/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A folder as the program's root, as containers do it: a mount namespace of its own, with a user namespace around it for those who are not
 * root; pivot_root(), or chroot() where that cannot be (a root in memory, a process that lives in a chroot itself). Paths inside are looked
 * up as the program will: a symbolic link of the foreign root never leads out of it.
 */
#include "user/root.h"
#include "base/bits.h"
#include "os/file.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- namespaces ---- */

static int map_ids(unsigned uid, unsigned inner_uid, unsigned gid, unsigned inner_gid, struct err *err)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "%u %u 1", inner_uid, uid);
    snprintf(groups, sizeof groups, "%u %u 1", inner_gid, gid);
    if (os_file_put("/proc/self/setgroups", "deny") && errno != ENOENT)
        return err_set_errno(err, errno, "cannot set up a user namespace");
    return os_file_put("/proc/self/uid_map", users) || os_file_put("/proc/self/gid_map", groups)
               ? err_set_errno(err, errno, "cannot set up a user namespace")
               : 0;
}

static int new_user_namespace(const struct user_root *root, int flags, struct err *err)
{
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER | flags))
        return err_set_errno(err, errno,
                             "--root, --uid and --gid need root or user namespaces, which this system does not allow (sysctl "
                             "user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)");
    return map_ids(uid, root->uid < 0 ? uid : (unsigned)root->uid, gid, root->gid < 0 ? gid : (unsigned)root->gid, err);
}

/* As execve() would for a user who is not root in the namespace: what the program gets is what its user may. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};
    syscall(SYS_capset, &header, none);
}

/* ---- mounts ---- */

/* A path of the new root, links within it; -1 and errno. */
static int open_inside(int root, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* 0; -1 and errno if it cannot be shown: either of both is not there, or they are not of one kind. */
static int bind_inside(int root, const char *path, const char *inside)
{
    char to[40];
    struct stat from_st, to_st;
    int fd = open_inside(root, inside);
    if (fd < 0)
        return -1;
    snprintf(to, sizeof to, "/proc/self/fd/%d", fd);
    int rc = stat(path, &from_st) || fstat(fd, &to_st) ? -1 : 0;
    if (!rc && S_ISDIR(from_st.st_mode) != S_ISDIR(to_st.st_mode)) {
        errno = S_ISDIR(from_st.st_mode) ? ENOTDIR : EISDIR;
        rc = -1;
    }
    if (!rc)
        rc = mount(path, to, NULL, MS_BIND | MS_REC, NULL);
    int error = errno;
    close(fd);
    errno = error;
    return rc;
}

static int bind_wanted(int root, const char *wanted, struct err *err)
{
    char path[PATH_MAX];
    const char *colon = strchr(wanted, ':'), *inside = colon ? colon + 1 : path;
    if (snprintf(path, sizeof path, "%.*s", colon ? (int)(colon - wanted) : INT_MAX, wanted) >= (int)sizeof path || !*path || !*inside)
        return err_set(err, STATUS_config, "--bind does not take '%s'", wanted);
    if (bind_inside(root, path, inside))
        return err_set_errno(err, errno, "--bind %s: cannot be shown as %s (both must be there, both folders or both files)", path, inside);
    return 0;
}

static int bind_all(const struct user_root *r, int root, struct err *err)
{
    static const char *const usual[] = {"/proc", "/sys", "/dev", "/etc/resolv.conf"};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (bind_inside(root, usual[i], usual[i]) && errno == EPERM)
            return err_set_errno(err, errno, "--root: cannot show %s inside", usual[i]);
    for (const char *const *bind = r->binds; !rc && bind && *bind; bind++)
        rc = bind_wanted(root, *bind, err);
    return rc;
}

/* The folder that this process stands in becomes the root. */
static int change_root(struct err *err)
{
    if (!syscall(SYS_pivot_root, ".", ".")) /* the old root lies on the new one for a moment */
        return umount2(".", MNT_DETACH) || chdir("/") ? err_set_errno(err, errno, "--root: cannot leave the old root") : 0;
    return chroot(".") || chdir("/") ? err_set_errno(err, errno, "--root: cannot change the root") : 0;
}

static int with_mounts(const struct user_root *r, const char *dir, struct err *err)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) || mount(dir, dir, NULL, MS_BIND | MS_REC, NULL) || chdir(dir))
        return err_set_errno(err, errno, "--root %s: cannot be mounted", dir);
    int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = root < 0 ? err_set_errno(err, errno, "--root %s", dir) : bind_all(r, root, err);
    if (root >= 0)
        close(root);
    return rc ? rc : change_root(err);
}

/* Root without the right to mount, in a container: what a plain chroot can do. */
static int without_mounts(const struct user_root *r, const char *dir, struct err *err)
{
    if (r->binds && *r->binds)
        return err_set(err, STATUS_permission, "--bind: this process may not mount anything");
    return chdir(dir) || chroot(".") ? err_set_errno(err, errno, "--root %s", dir) : 0;
}

static int enter_dir(const struct user_root *r, bool *new_user, struct err *err)
{
    char dir[PATH_MAX];
    struct stat st;
    if (!realpath(r->dir, dir) || stat(dir, &st))
        return err_set_errno(err, errno, "--root %s", r->dir);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, STATUS_config, "--root %s: is not a folder", r->dir);
    if (!geteuid() && !unshare(CLONE_NEWNS))
        return with_mounts(r, dir, err);
    int rc = new_user_namespace(r, CLONE_NEWNS, err);
    if (rc && !geteuid())
        return without_mounts(r, dir, err);
    *new_user = !rc;
    return rc ? rc : with_mounts(r, dir, err);
}

static int change_ids(const struct user_root *r, bool *new_user, struct err *err)
{
    unsigned uid = r->uid < 0 ? getuid() : (unsigned)r->uid, gid = r->gid < 0 ? getgid() : (unsigned)r->gid;
    if ((r->uid < 0 || uid == getuid()) && (r->gid < 0 || gid == getgid()))
        return 0;
    if (geteuid()) {
        *new_user = true;
        return new_user_namespace(r, 0, err);
    }
    if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
        return err_set_errno(err, errno, "cannot become user %u of group %u", uid, gid);
    return 0;
}

int user_exe_open(void)
{
    int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC), high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 500);
    if (high < 0)
        return fd;
    close(fd); /* low numbers are the program's */
    return high;
}

int user_exe_keep(int fd)
{
    if (fd < 0 || access("/proc/self/exe", F_OK))
        return fd;
    close(fd);
    return -1;
}

int user_root_enter(const struct user_root *r, int *exe_fd, struct err *err)
{
    bool new_user = false;
    int rc = 0;
    if (r->dir) {
        int exe = user_exe_open();
        rc = enter_dir(r, &new_user, err);
        *exe_fd = user_exe_keep(exe);
    }
    if (!rc && r->dir && chdir("/"))
        rc = err_set_errno(err, errno, "--root %s", r->dir);
    if (!rc && !new_user)
        rc = change_ids(r, &new_user, err);
    if (!rc && r->chdir && chdir(r->chdir))
        rc = err_set_errno(err, errno, "--chdir %s", r->chdir);
    if (!rc && new_user && geteuid())
        drop_capabilities();
    return rc;
}
