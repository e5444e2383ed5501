/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * execve(): programs of the guest's architecture, and scripts, by this command once more with the same options; programs of the host as
 * they are. What the kernel would refuse is refused before anything is lost.
 */
#include "user/calls.h"
#include "user/root.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGS_MAX = 1 << 20 };

enum kind { KIND_guest, KIND_host, KIND_script, KIND_other };

static enum kind kind_of(const struct user *user, int fd)
{
    Elf64_Ehdr header;
    ssize_t n = pread(fd, &header, sizeof header, 0);
    if (n >= 2 && !memcmp(&header, "#!", 2))
        return KIND_script;
    if (n != sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG))
        return KIND_other;
    return header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == user->abi->elf_machine ? KIND_guest : KIND_host;
}

/* A list of strings in the guest's memory. Returns the number, or -errno. */
static int64_t read_list(uint64_t at, char ***out, size_t before)
{
    size_t n = 0, room = 64;
    char **list = malloc((before + room + 1) * sizeof *list);
    for (uint64_t item; list && at; at += sizeof item) {
        if (!user_read(&item, at, sizeof item) || item >= MEM_FLAT_END) {
            free(list);
            return -EFAULT;
        }
        if (!item)
            break;
        if (n == room) {
            room *= 2;
            char **grown = room > ARGS_MAX ? NULL : realloc(list, (before + room + 1) * sizeof *list);
            if (!grown) {
                free(list);
                return -E2BIG;
            }
            list = grown;
        }
        list[before + n++] = (char *)(uintptr_t)item; /* the kernel copies it, and finds what is not there */
    }
    if (!list)
        return -ENOMEM;
    list[before + n] = NULL;
    *out = list;
    return (int64_t)n;
}

/* By /proc, or by the descriptor that is kept for roots without it. */
static int64_t exec_self(const struct user *user, char **argv, char **envp)
{
    if (user->exe_fd < 0) {
        execve("/proc/self/exe", argv, envp);
        return -errno;
    }
    fcntl(user->exe_fd, F_SETFD, 0);
    execveat(user->exe_fd, "", argv, envp, AT_EMPTY_PATH);
    int64_t r = -errno;
    fcntl(user->exe_fd, F_SETFD, FD_CLOEXEC);
    return r;
}

static int64_t exec_again(struct user *user, const char *path, uint64_t argv_at, char **envp)
{
    size_t before = 6; /* this command, --exe-fd and its value, --child and its value, path */
    char exe_fd[16];
    char **argv;
    while (user->options->again[before - 6])
        before++;
    int64_t n = read_list(argv_at, &argv, before);
    if (n < 0)
        return n;
    size_t at = 0;
    argv[at++] = (char *)(uintptr_t) "vm-user";
    for (size_t i = 0; user->options->again[i]; i++)
        argv[at++] = (char *)(uintptr_t)user->options->again[i];
    if (user->exe_fd >= 0) {
        snprintf(exe_fd, sizeof exe_fd, "%d", user->exe_fd);
        argv[at++] = (char *)(uintptr_t) "--exe-fd";
        argv[at++] = exe_fd;
    }
    argv[at++] = (char *)(uintptr_t) "--child";
    argv[at++] = n ? argv[before] : (char *)(uintptr_t) "";
    argv[at] = (char *)(uintptr_t)path;
    if (n) /* its place has become the path's */
        memmove(&argv[at + 1], &argv[before + 1], (size_t)n * sizeof *argv);
    else
        argv[at + 1] = NULL;
    int64_t r = exec_self(user, argv, envp);
    free(argv);
    return r;
}

static int64_t exec_native(const char *path, uint64_t argv_at, char **envp)
{
    char **argv;
    int64_t n = read_list(argv_at, &argv, 0);
    if (n < 0)
        return n;
    execve(path, argv, envp);
    int64_t r = -errno;
    free(argv);
    return r;
}

static int64_t exec_path(struct user_thread *t, const char *path, uint64_t argv, uint64_t envp_at)
{
    struct stat st;
    char **envp;
    if (access(path, X_OK))
        return -errno;
    if (stat(path, &st))
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum kind kind = fd < 0 ? KIND_host : kind_of(t->user, fd);
    if (fd >= 0)
        close(fd);
    if (kind == KIND_other)
        return -ENOEXEC;
    int64_t r = read_list(envp_at, &envp, 0);
    if (r < 0)
        return r;
    bool native = kind == KIND_host || t->user->options->by_kernel; /* only the kernel can give what set-user-ID programs have */
    r = native ? exec_native(path, argv, envp) : -ENOEXEC;
    if (kind != KIND_host && r == -ENOEXEC) /* or it has been told since to start such programs no more */
        r = exec_again(t->user, path, argv, envp);
    free(envp);
    return r;
}

/* ---- another root, where the file of this command may be nowhere ---- */

static int64_t change_root(struct user *user, long number, const uint64_t a[6])
{
    int fd = user->exe_fd < 0 ? user_exe_open() : -1;
    int64_t r = os_syscall(number, a);
    if (fd >= 0)
        user->exe_fd = user_exe_keep(fd);
    return r;
}

int64_t sys_chroot(struct user_thread *t, const uint64_t a[6]) { return change_root(t->user, SYS_chroot, a); }
int64_t sys_pivot_root(struct user_thread *t, const uint64_t a[6]) { return change_root(t->user, SYS_pivot_root, a); }

int64_t sys_execve(struct user_thread *t, const uint64_t a[6])
{
    char path[PATH_MAX];
    if (a[0] < MEM_FLAT_END && !user_string(a[0], path, sizeof path)) /* else it is a path of the sysroot already */
        return -EFAULT;
    return exec_path(t, a[0] < MEM_FLAT_END ? path : (const char *)(uintptr_t)a[0], a[1], a[2]);
}

int64_t sys_execveat(struct user_thread *t, const uint64_t a[6])
{
    char name[PATH_MAX] = "", path[PATH_MAX + 40];
    const char *given = a[1] < MEM_FLAT_END ? name : (const char *)(uintptr_t)a[1];
    if (given == name && !user_string(a[1], name, sizeof name))
        return -EFAULT;
    if (*given == '/' || ((int)a[0] == AT_FDCWD && *given))
        return exec_path(t, given, a[2], a[3]);
    if (!*given && !(a[4] & AT_EMPTY_PATH))
        return -ENOENT;
    snprintf(path, sizeof path, *given ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d", (int)a[0], given);
    return exec_path(t, path, a[2], a[3]);
}
