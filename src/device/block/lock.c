/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Keeps a disk from being used twice. Open-file-description locks, because those of a process would not hold between two machines in
 * one process and would vanish when any descriptor of the file is closed. Such locks do not tell who holds them, so the message looks
 * through the processes' open files; it may see only our own user's. Where a file system knows no locks, the disk is used without.
 */
#include "device/block/block.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_set(int fd, bool shared)
{
#ifdef F_OFD_SETLK
    struct flock lock = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET}; /* length 0: the whole file */
    return fcntl(fd, F_OFD_SETLK, &lock);
#else
    return flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
#endif
}

/* Has process pid another descriptor (not our_fd) of the same file open? */
static bool process_has(const char *pid, const struct stat *file, int our_fd)
{
    char path[64];
    bool self = strtol(pid, NULL, 10) == getpid(), found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        struct stat st;
        if (!isdigit((unsigned char)entry->d_name[0]) || (self && strtol(entry->d_name, NULL, 10) == our_fd))
            continue;
        found = !fstatat(dirfd(dir), entry->d_name, &st, 0) && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
    }
    closedir(dir);
    return found;
}

/* "process 123 (vm)", or less if that cannot be seen. */
static void find_owner(int fd, char *text, size_t size)
{
    struct stat file;
    DIR *proc = opendir("/proc");
    snprintf(text, size, "another process");
    if (!proc || fstat(fd, &file)) {
        if (proc)
            closedir(proc);
        return;
    }
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[64], name[32] = "?";
        if (!isdigit((unsigned char)entry->d_name[0]) || !process_has(entry->d_name, &file, fd))
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/comm", entry->d_name);
        FILE *comm = fopen(path, "re");
        if (comm) {
            if (fgets(name, sizeof name, comm))
                name[strcspn(name, "\n")] = 0;
            fclose(comm);
        }
        bool self = strtol(entry->d_name, NULL, 10) == getpid();
        snprintf(text, size, "%sprocess %.20s (%.20s)", self ? "this " : "", entry->d_name, name);
        if (!self)
            break; /* of several the others are the better guess */
    }
    closedir(proc);
}

int disk_lock(int fd, bool read_only, const char *path, struct log *log, struct err *err)
{
    char owner[96];
    if (!lock_set(fd, read_only))
        return 0;
    if (errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK) {
        find_owner(fd, owner, sizeof owner);
        return err_set(err, STATUS_conflict, "disk %s is in use by %s", path, owner);
    }
    log_write(log, LOG_warn, "disk", "%s cannot be locked against other use: %s", path, strerror(errno));
    return 0;
}
