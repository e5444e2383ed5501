/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files and directories: opening, the stat family, links, renames, attributes, positions, locks, directory entries. */
#include "user.h"
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static void show_stat(const char *what, const struct stat *st)
{
    say("%s: mode %o links %lu size %ld blocks %ld blksize %ld rdev %lx mtime %ld.%09ld atime %ld", what, st->st_mode,
        (unsigned long)st->st_nlink, (long)st->st_size, (long)st->st_blocks, (long)st->st_blksize, (unsigned long)st->st_rdev,
        (long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (long)st->st_atim.tv_sec);
}

static void opening(int dir)
{
    int fd = openat(dir, "a", O_RDWR | O_CREAT | O_EXCL, 0640);
    OK(fd);
    OK(openat(dir, "a", O_RDWR | O_CREAT | O_EXCL, 0640));
    OK(openat(dir, "a", O_DIRECTORY));
    OK(openat(dir, "none", O_RDONLY));
    OK(openat(dir, "a/b", O_RDONLY));
    OK(openat(dir, "", O_RDONLY));
    OK(openat(-5, "a", O_RDONLY));
    OK(openat(fd, "a", O_RDONLY));
    SHOW(write(fd, "hello world", 11));
    SHOW(pwrite(fd, "W", 1, 6));
    SHOW(lseek(fd, 0, SEEK_SET));
    char buf[32] = "";
    SHOW(read(fd, buf, 5));
    SHOW(pread(fd, buf + 5, 20, 5));
    say("content %s", buf);
    SHOW(lseek(fd, -20, SEEK_END));
    SHOW(lseek(fd, 100, SEEK_DATA));
    SHOW(lseek(fd, 3, SEEK_HOLE));
    SHOW(ftruncate(fd, 9000));
    SHOW(fallocate(fd, 3, 4096, 4096));
    SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    SHOW(fcntl(fd, F_SETFL, O_APPEND));
    SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(999, F_GETFD));
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    OK(syscall(SYS_openat2, dir, "a", &how, sizeof how));
    OK(syscall(SYS_openat2, dir, "/etc/passwd", &how, sizeof how));
    OK(syscall(SYS_openat2, dir, "a", &how, 3));
    OK(syscall(SYS_openat2, dir, "a", &how, 5000));
    how.mode = 0777;
    OK(syscall(SYS_openat2, dir, "a", &how, sizeof how));
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    SHOW(writev(fd, out, 3));
    SHOW(pwritev(fd, out, 3, 9000));
    struct iovec in[2] = {{buf, 3}, {buf + 3, 3}};
    memset(buf, 0, sizeof buf);
    SHOW(preadv(fd, in, 2, 9000));
    say("content %s", buf);
    SHOW(preadv2(fd, in, 2, 9000, RWF_NOWAIT | 0x1000000));
    SHOW(syscall(SYS_readv, fd, in, 5000));
    SHOW(syscall(SYS_readv, fd, in, -1));
    SHOW(close(fd));
    SHOW(close(fd));
}

static void stats(int dir)
{
    struct stat st;
    struct statx sx;
    const struct timespec times[2] = {{1000000000, 5}, {1234567890, 123456789}};
    SHOW(utimensat(dir, "a", times, 0));
    SHOW(fstatat(dir, "a", &st, 0));
    show_stat("a", &st);
    SHOW(symlinkat("a", dir, "link"));
    SHOW(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW));
    say("link: mode %o size %ld", st.st_mode, (long)st.st_size);
    SHOW(fstatat(dir, "", &st, AT_EMPTY_PATH));
    say("dir: mode %o", st.st_mode);
    SHOW(fstatat(dir, "a", &st, 0x40000000));
    SHOW(statx(dir, "a", 0, STATX_BASIC_STATS, &sx));
    say("statx: %o %u %llu %llu %u", sx.stx_mode, sx.stx_nlink, (unsigned long long)sx.stx_size, (unsigned long long)sx.stx_blocks,
        sx.stx_mtime.tv_nsec);
    SHOW(statx(dir, "none", 0, STATX_BASIC_STATS, &sx));
    struct statfs fs;
    SHOW(statfs("/proc", &fs));
    say("%lx %ld", (unsigned long)fs.f_type, (long)fs.f_namelen);
    SHOW(stat("/dev/null", &st));
    show_stat("null", &(struct stat){.st_mode = st.st_mode, .st_rdev = st.st_rdev});
    char buf[16] = "";
    SHOW(readlinkat(dir, "link", buf, 16));
    SHOW(readlinkat(dir, "link", buf, 0));
    SHOW(readlinkat(dir, "a", buf, 16));
    SHOW(faccessat(dir, "a", R_OK, 0));
    SHOW(faccessat(dir, "a", X_OK, 0));
    SHOW(faccessat(dir, "none", F_OK, 0));
    SHOW(syscall(SYS_faccessat2, dir, "link", F_OK, AT_SYMLINK_NOFOLLOW));
    SHOW(fchmodat(dir, "a", 0604, 0));
    SHOW(fchownat(dir, "a", -1, -1, 0));
    SHOW(fstatat(dir, "a", &st, 0));
    say("mode %o", st.st_mode);
}

static void links(int dir)
{
    struct stat st;
    SHOW(linkat(dir, "a", dir, "b", 0));
    SHOW(linkat(dir, "a", dir, "b", 0));
    SHOW(fstatat(dir, "b", &st, 0));
    say("links %lu", (unsigned long)st.st_nlink);
    SHOW(mkdirat(dir, "d", 0755));
    SHOW(mkdirat(dir, "d", 0755));
    SHOW(renameat(dir, "b", dir, "d"));
    SHOW(renameat(dir, "b", dir, "d/c"));
    SHOW(syscall(SYS_renameat2, dir, "a", dir, "d/c", 1));
    SHOW(syscall(SYS_renameat2, dir, "link", dir, "d/c", 2));
    SHOW(unlinkat(dir, "d", 0));
    SHOW(unlinkat(dir, "d", AT_REMOVEDIR));
    SHOW(unlinkat(dir, "a", AT_REMOVEDIR));
    SHOW(mknodat(dir, "fifo", S_IFIFO | 0600, 0));
    SHOW(fstatat(dir, "fifo", &st, 0));
    say("mode %o", st.st_mode);
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[299] = 0;
    SHOW(mkdirat(dir, name, 0700));
    static char longest[5000];
    memset(longest, '/', sizeof longest - 1);
    SHOW(mkdirat(dir, longest, 0700));
    SHOW(symlinkat("loop", dir, "loop"));
    OK(openat(dir, "loop", O_RDONLY));
    OK(openat(dir, "loop", O_RDONLY | O_NOFOLLOW));
    OK(openat(dir, "loop", O_PATH | O_NOFOLLOW));
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void entries(int dir)
{
    char buf[2048], *names[32];
    unsigned n = 0;
    SHOW(lseek(dir, 0, SEEK_SET));
    long size = syscall(SYS_getdents64, dir, buf, sizeof buf);
    for (long at = 0; at < size && n < 32;) {
        struct dirent64 *e = (struct dirent64 *)(buf + at);
        names[n++] = e->d_name;
        at += e->d_reclen;
    }
    qsort(names, n, sizeof *names, by_name);
    for (unsigned i = 0; i < n; i++)
        say("entry %s", names[i]);
    SHOW(syscall(SYS_getdents64, dir, buf, sizeof buf));
    SHOW(lseek(dir, 0, SEEK_SET));
    SHOW(syscall(SYS_getdents64, dir, buf, 8));
}

static void attributes(int dir)
{
    char buf[64] = "";
    int fd = openat(dir, "a", O_RDWR);
    OK(fsetxattr(fd, "user.x", "value", 5, 0));
    SHOW(fgetxattr(fd, "user.x", buf, sizeof buf));
    SHOW(fgetxattr(fd, "user.x", buf, 2));
    SHOW(fgetxattr(fd, "user.y", buf, 2));
    SHOW(fsetxattr(fd, "user.x", "value", 5, XATTR_CREATE));
    SHOW(flistxattr(fd, NULL, 0));
    SHOW(fremovexattr(fd, "user.x"));
    SHOW(getxattr("a", "nothing", buf, 5));
    close(fd);
}

static void locks(int dir)
{
    int fd = openat(dir, "a", O_RDWR), other = openat(dir, "a", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    SHOW(fcntl(fd, F_OFD_SETLK, &lock));
    lock = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 0};
    SHOW(fcntl(other, F_OFD_GETLK, &lock));
    say("type %d start %ld len %ld", lock.l_type, (long)lock.l_start, (long)lock.l_len);
    SHOW(fcntl(other, F_OFD_SETLK, &(struct flock){.l_type = F_RDLCK}));
    SHOW(flock(fd, LOCK_EX));
    SHOW(flock(other, LOCK_EX | LOCK_NB));
    int n = -1;
    SHOW(ioctl(fd, FIONREAD, &n));
    say("%d", n);
    SHOW(ioctl(fd, 0x5401, &n));
    SHOW(fcntl(fd, F_DUPFD, 100));
    SHOW(dup3(fd, 101, O_CLOEXEC));
    SHOW(fcntl(101, F_GETFD));
    SHOW(dup3(fd, fd, 0));
    SHOW(dup2(fd, fd) == fd);
    SHOW(syscall(SYS_close_range, 100, 101, 0));
    SHOW(fcntl(101, F_GETFD));
    SHOW(fsync(fd));
    SHOW(fdatasync(fd));
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    SHOW(sync_file_range(fd, 0, 0, 0));
    SHOW(readahead(fd, 0, 4096));
    close(fd);
    close(other);
}

int main(void)
{
    char buf[4096];
    umask(022);
    SHOW(umask(027));
    SHOW(umask(022));
    OK(mkdir("room", 0755));
    int dir = open("room", O_RDONLY | O_DIRECTORY);
    opening(dir);
    SHOW(chdir("room"));
    stats(dir);
    links(dir);
    entries(dir);
    attributes(dir);
    locks(dir);
    SHOW(syscall(SYS_getcwd, buf, 2));
    SHOW(getcwd(buf, sizeof buf) && strlen(buf) > 5 && !strcmp(buf + strlen(buf) - 5, "/room"));
    SHOW(chdir("none"));
    SHOW(chdir("d/c"));
    SHOW(fchdir(dir));
    SHOW(truncate("a", 3));
    SHOW(truncate("a", -3));
    SHOW(truncate(".", 3));
    SHOW(sethostname((const char *)8, 0) == 0 || errno == EPERM || errno == EFAULT);
    return 7;
}
