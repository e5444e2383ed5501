/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The protocol's File-I/O extension (GDB's manual, "Host I/O Packets"), the part that reads. */
#include "observe/gdb/files.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd_of(const struct gdb_files *files, uint64_t n)
{
    if (n < GDB_FILES && files->fds[n])
        return files->fds[n];
    errno = EBADF;
    return -1;
}

int gdb_file_add(struct gdb_files *files, int fd)
{
    int n = 0;
    while (n < GDB_FILES && files->fds[n])
        n++;
    if (fd > 0 && n < GDB_FILES) {
        files->fds[n] = fd;
        return n;
    }
    if (fd >= 0) {
        close(fd);
        errno = EMFILE;
    }
    return -1;
}

ssize_t gdb_file_read(const struct gdb_files *files, uint64_t n, void *to, size_t size, uint64_t offset)
{
    int fd = fd_of(files, n);
    return fd < 0 ? -1 : pread(fd, to, size, (off_t)offset);
}

static uint8_t *put(uint8_t *to, unsigned size, uint64_t value) /* the most significant byte first */
{
    while (size--)
        *to++ = (uint8_t)(value >> 8 * size);
    return to;
}

int gdb_file_stat(const struct gdb_files *files, uint64_t n, uint8_t out[GDB_FILE_STAT])
{
    struct stat st;
    int fd = fd_of(files, n);
    if (fd < 0 || fstat(fd, &st))
        return -1;
    const struct {
        unsigned size;
        uint64_t value;
    } fields[] = {{4, st.st_dev},
                  {4, st.st_ino},
                  {4, st.st_mode},
                  {4, st.st_nlink},
                  {4, st.st_uid},
                  {4, st.st_gid},
                  {4, st.st_rdev},
                  {8, (uint64_t)st.st_size},
                  {8, (uint64_t)st.st_blksize},
                  {8, (uint64_t)st.st_blocks},
                  {4, (uint64_t)st.st_atime},
                  {4, (uint64_t)st.st_mtime},
                  {4, (uint64_t)st.st_ctime}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        out = put(out, fields[i].size, fields[i].value);
    return 0;
}

int gdb_file_close(struct gdb_files *files, uint64_t n)
{
    int fd = fd_of(files, n);
    if (fd < 0)
        return -1;
    files->fds[n] = 0;
    return close(fd);
}

void gdb_files_fini(struct gdb_files *files)
{
    for (unsigned n = 0; n < GDB_FILES; n++)
        if (files->fds[n])
            close(files->fds[n]);
}

int gdb_errno(int error)
{
    static const uint8_t same[] = {EPERM,   ENOENT, EINTR,  EBADF,  EACCES, EFAULT, EBUSY,  EEXIST, ENODEV,
                                   ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, EFBIG,  ENOSPC, ESPIPE, EROFS};
    for (size_t i = 0; i < sizeof same; i++)
        if (same[i] == error)
            return error;
    return error == ENAMETOOLONG ? 91 : 9999;
}
