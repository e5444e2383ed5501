/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * execve(): programs of the guest's architecture, and scripts, by this command once more with the same options; programs of the host as
 * they are. What the kernel would refuse is refused before anything is lost.
 */
#include "user/calls.h"
#include "user/debug.h"
#include "user/procfs.h"
#include "user/root.h"
#include "user/trace.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
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

/* Is the interpreter there that it names? What else is wrong with it, the loader says. */
static bool has_interpreter(const struct user *user, int fd)
{
    enum { HEADERS_MAX = 64 };
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    char path[PATH_MAX], found[PATH_MAX], other[PATH_MAX + 64];
    if (pread(fd, &header, sizeof header, 0) != sizeof header)
        return true;
    for (unsigned i = 0; i < header.e_phnum && i < HEADERS_MAX; i++) {
        if (pread(fd, &segment, sizeof segment, (off_t)(header.e_phoff + i * sizeof segment)) != sizeof segment)
            return true;
        if (segment.p_type != PT_INTERP || segment.p_filesz >= sizeof path)
            continue;
        ssize_t n = pread(fd, path, segment.p_filesz, (off_t)segment.p_offset);
        path[n < 0 ? 0 : n] = 0;
        snprintf(other, sizeof other, "%s%s", user->abi->sysroot, path);
        return !access(user_path(user, path, found), F_OK) || (!user->sysroot && !access(other, F_OK));
    }
    return true;
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

/* What is to be started. */
struct exec {
    char path[PATH_MAX + 40]; /* of the file, for this process */
    char name[PATH_MAX + 40]; /* as the program names it, or a script of it */
    char **argv;              /* OWN_ARGS places before it are free */
    size_t argc;
    int fd;      /* its descriptor is what is started; -1: none */
    bool closes; /* and nobody finds it by its name afterwards */
};

enum { OWN_ARGS = 160 }; /* for what scripts and this command put before the program's arguments */

static int64_t exec_call(const char *path, char *const *argv, char *const *envp)
{
    const uint64_t args[6] = {(uintptr_t)path, (uintptr_t)argv, (uintptr_t)envp};
    return os_syscall_wait(SYS_execve, args, &user_self->cpu->events, CPU_EVENT_stop); /* else a signal would be lost with its handler */
}

/* By /proc, or by the descriptor that is kept for roots without it. */
static int64_t exec_self(const struct user *user, char **argv, char **envp)
{
    if (user->exe_fd < 0)
        return exec_call("/proc/self/exe", argv, envp);
    const uint64_t args[6] = {(uint64_t)user->exe_fd, (uintptr_t) "", (uintptr_t)argv, (uintptr_t)envp, AT_EMPTY_PATH};
    fcntl(user->exe_fd, F_SETFD, 0);
    int64_t r = os_syscall_wait(SYS_execveat, args, &user_self->cpu->events, CPU_EVENT_stop);
    fcntl(user->exe_fd, F_SETFD, FD_CLOEXEC);
    return r;
}

static void push(struct exec *e, const char *text)
{
    *--e->argv = (char *)(uintptr_t)text;
    e->argc++;
}

/* The guest's limits of memory, where they are not this process's: no, or as the option has them. */
static bool other_limits(const struct user_memory *m, char *text, size_t size)
{
    struct rlimit own[2];
    getrlimit(RLIMIT_AS, &own[USER_LIMIT_as]);
    getrlimit(RLIMIT_DATA, &own[USER_LIMIT_data]);
    const struct rlimit *as = &m->limits[USER_LIMIT_as], *data = &m->limits[USER_LIMIT_data];
    snprintf(text, size, "%llu,%llu,%llu,%llu", (unsigned long long)as->rlim_cur, (unsigned long long)as->rlim_max,
             (unsigned long long)data->rlim_cur, (unsigned long long)data->rlim_max);
    return memcmp(own, m->limits, sizeof own) != 0;
}

/* In the order of the command line from its end on. */
static int64_t exec_again(struct user *user, struct exec *e, char **envp)
{
    char exe_fd[16], program_fd[16], limits[96], traced[48], debugged[64];
    size_t n = 0;
    const char *argv0 = e->argc ? *e->argv++ : "";
    e->argc -= e->argc > 0;
    int fd = e->fd >= 0 ? open(e->path, O_RDONLY) : -1;
    push(e, fd >= 0 ? e->name : e->path);
    push(e, "--");
    push(e, argv0);
    push(e, "--child");
    push(e, e->name);
    push(e, "--exec-name");
    if (fd >= 0) {
        snprintf(program_fd, sizeof program_fd, "%d", fd);
        push(e, program_fd);
        push(e, "--program-fd");
    }
    if (other_limits(user->memory, limits, sizeof limits)) {
        push(e, limits);
        push(e, "--limits");
    }
    user_trace_text(user_self, traced, sizeof traced);
    if (*traced) {
        push(e, traced);
        push(e, "--traced");
    }
    int debugger = user_debug_kept(user, debugged, sizeof debugged);
    if (*debugged) {
        push(e, debugged);
        push(e, "--gdb-kept");
        fcntl(debugger, F_SETFD, 0);
    }
    if (user->exe_fd >= 0) {
        snprintf(exe_fd, sizeof exe_fd, "%d", user->exe_fd);
        push(e, exe_fd);
        push(e, "--exe-fd");
    }
    while (user->options->again[n])
        n++;
    while (n-- > 0)
        push(e, user->options->again[n]);
    push(e, "vm-user");
    int64_t r = exec_self(user, e->argv, envp);
    if (*debugged)
        fcntl(debugger, F_SETFD, FD_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return r;
}

/*
 * Has anybody a file open for writing? The kernel says so of what it would execute, from 6.14 on without doing it; before that by refusing a
 * lease, which only the owner may ask for. If the lease is broken in the moment that it lasts, nobody hears of SIGURG.
 */
static bool being_written(int fd)
{
    enum { EXECVE_CHECK = 0x10000 /* AT_EXECVE_CHECK */ };
    static const char *const none[] = {NULL};
    if (!syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH | EXECVE_CHECK))
        return false;
    if (errno != EINVAL)
        return errno == ETXTBSY;
    if (fcntl(fd, F_SETSIG, SIGURG) || fcntl(fd, F_SETLEASE, F_RDLCK))
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

/* Can it be opened, and may it be executed? Returns what it is, or -errno. */
static int64_t look(const struct user *user, const char *path, char line[USER_SCRIPT_LINE])
{
    struct stat st;
    if (stat(path, &st))
        return -errno;
    if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
        return -EACCES;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return KIND_host; /* not to be read: only the kernel can start it */
    if (being_written(fd)) {
        close(fd);
        return -ETXTBSY;
    }
    enum kind kind = kind_of(user, fd);
    ssize_t n = pread(fd, line, USER_SCRIPT_LINE - 1, 0);
    line[n < 0 ? 0 : n] = 0;
    bool whole = kind != KIND_guest || has_interpreter(user, fd);
    close(fd);
    return whole ? (int64_t)kind : -ENOENT;
}

/* The script's interpreter becomes what is started, the script its argument. */
static int64_t follow_script(const struct user *user, struct exec *e, char *line)
{
    char *interpreter, *argument, buf[PATH_MAX];
    if (!user_script_parse(line, &interpreter, &argument))
        return -ENOEXEC;
    if (e->closes)
        return -ENOENT;
    if (e->argc) {
        e->argv++;
        e->argc--;
    }
    char *script = strdup(e->name), *texts = script ? strdup(interpreter) : NULL, *extra = argument ? strdup(argument) : NULL;
    if (!texts || (argument && !extra))
        return -ENOMEM; /* what has been taken stays so: the program has no memory anyway */
    push(e, script);
    if (extra)
        push(e, extra);
    push(e, texts);
    snprintf(e->path, sizeof e->path, "%s", user_path(user, texts, buf));
    snprintf(e->name, sizeof e->name, "%s", texts);
    e->fd = -1;
    return 0;
}

static int64_t start(struct user_thread *t, struct exec *e, char **envp)
{
    enum { DEPTH = 5 };
    char line[USER_SCRIPT_LINE], name[sizeof e->name];
    bool by_kernel = t->user->options->by_kernel; /* only the kernel can give what set-user-ID programs have */
    memcpy(name, e->name, sizeof name);
    for (unsigned depth = 0; depth <= DEPTH; depth++) {
        int64_t kind = look(t->user, e->path, line);
        if (kind < 0)
            return kind;
        if (kind == KIND_other)
            return -ENOEXEC;
        int64_t r = kind == KIND_host || by_kernel ? exec_call(e->path, e->argv, envp) : -ENOEXEC;
        if (kind == KIND_host || r != -ENOEXEC) /* else it has been told since to start such programs no more */
            return r;
        if (kind == KIND_guest) {
            memcpy(e->name, name, sizeof name);
            return exec_again(t->user, e, envp);
        }
        r = follow_script(t->user, e, line);
        if (r)
            return r;
    }
    return -ELOOP;
}

static int64_t exec_file(struct user_thread *t, struct exec *e, uint64_t argv_at, uint64_t envp_at)
{
    char **argv, **envp, line[USER_SCRIPT_LINE], to[PATH_MAX];
    if (user_procfs_link(t->user, AT_FDCWD, e->path, to))
        snprintf(e->path, sizeof e->path, "%s", to);
    int64_t r = look(t->user, e->path, line);
    if (r < 0)
        return r;
    int64_t n = read_list(argv_at, &argv, OWN_ARGS);
    if (n < 0)
        return n;
    r = read_list(envp_at, &envp, 0);
    if (r >= 0) {
        e->argv = argv + OWN_ARGS;
        e->argc = (size_t)n;
        r = start(t, e, envp);
        free(envp);
    }
    free(argv);
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

/* at: the guest's, or a path of the sysroot already. */
static int64_t read_path(uint64_t at, char *out, size_t size)
{
    if (at < MEM_FLAT_END || at >> 63)
        return user_string_error(at, out, size);
    return snprintf(out, size, "%s", (const char *)(uintptr_t)at) < (int)size ? 0 : -ENAMETOOLONG;
}

int64_t sys_execve(struct user_thread *t, const uint64_t a[6])
{
    struct exec e = {.fd = -1};
    int64_t r = read_path(a[0], e.path, PATH_MAX);
    if (r || !*e.path)
        return r ? r : -ENOENT;
    memcpy(e.name, e.path, sizeof e.name);
    return exec_file(t, &e, a[1], a[2]);
}

int64_t sys_execveat(struct user_thread *t, const uint64_t a[6])
{
    struct exec e = {.fd = -1};
    char given[PATH_MAX];
    struct stat st;
    int dir = (int)a[0];
    if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    int64_t r = read_path(a[1], given, sizeof given);
    if (r)
        return r;
    if (!*given && !(a[4] & AT_EMPTY_PATH))
        return -ENOENT;
    bool plain = *given == '/' || (dir == AT_FDCWD && *given);
    int flags = plain ? 0 : fcntl(dir, F_GETFD);
    if (flags < 0)
        return -EBADF;
    snprintf(e.path, sizeof e.path, plain ? "%.0d%s" : *given ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d", plain ? 0 : dir, given);
    snprintf(e.name, sizeof e.name, plain ? "%.0d%s" : *given ? "/dev/fd/%d/%s" : "/dev/fd/%d", plain ? 0 : dir, given);
    e.fd = plain ? -1 : dir;
    e.closes = flags & FD_CLOEXEC;
    if ((a[4] & AT_SYMLINK_NOFOLLOW) && *given && !lstat(e.path, &st) && S_ISLNK(st.st_mode))
        return -ELOOP;
    return exec_file(t, &e, a[2], a[3]);
}
