/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Raw disks: see block_raw_open in block.h. A file's size is rounded up to whole sectors: the missing bytes read as zero, and a write
 * to the last sector makes the file that much longer; every byte that the user gave is visible to the guest.
 */
#include "device/block/block.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/falloc.h>
#endif

enum { TRANSFER_PIECES = 64, ZERO_BYTES = 1 << 16 };

struct raw {
    struct block_backend backend;
    int fd;
    uint64_t file_size;                     /* bytes when it was opened; at most backend.size */
    _Atomic bool cannot_punch, cannot_zero; /* the file system said so once */
};

/* Moves iov on by len bytes. */
static void advance(struct iovec **iov, unsigned *n, size_t len)
{
    while (*n && len >= (*iov)->iov_len) {
        len -= (*iov)->iov_len;
        ++*iov;
        --*n;
    }
    if (len) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + len;
        (*iov)->iov_len -= len;
    }
}

/* All of local (which is used up), or an error. */
static int transfer_some(struct raw *raw, bool write, uint64_t offset, struct iovec *local, unsigned n)
{
    while (n) {
        ssize_t got = write ? pwritev(raw->fd, local, (int)n, (off_t)offset) : preadv(raw->fd, local, (int)n, (off_t)offset);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (!got && write)
            return -EIO;
        if (!got) {
            if (offset < raw->file_size) /* somebody has cut the file off since */
                return -EIO;
            for (; n; n--, local++)
                memset(local->iov_base, 0, local->iov_len);
            return 0;
        }
        offset += (uint64_t)got;
        advance(&local, &n, (size_t)got);
    }
    return 0;
}

static int raw_transfer(struct block_backend *backend, bool write, uint64_t offset, const struct iovec *iov, unsigned n)
{
    struct raw *raw = (struct raw *)backend;
    struct iovec local[TRANSFER_PIECES];
    for (unsigned done = 0; done < n;) {
        unsigned count = 0;
        uint64_t len = 0;
        for (; count < TRANSFER_PIECES && done < n; done++) {
            if (!iov[done].iov_len)
                continue;
            local[count++] = iov[done];
            len += iov[done].iov_len;
        }
        int rc = transfer_some(raw, write, offset, local, count);
        if (rc)
            return rc;
        offset += len;
    }
    return 0;
}

static int raw_flush(struct block_backend *backend)
{
    struct raw *raw = (struct raw *)backend;
    return backend->read_only || !fdatasync(raw->fd) ? 0 : -errno;
}

#ifdef __linux__
static int allocate(struct raw *raw, int mode, uint64_t offset, uint64_t len)
{
    int rc;
    do
        rc = fallocate(raw->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) ? -errno : 0;
    while (rc == -EINTR);
    return rc;
}

static int punch(struct raw *raw, uint64_t offset, uint64_t len) { return allocate(raw, FALLOC_FL_PUNCH_HOLE, offset, len); }

static int zero_range(struct raw *raw, uint64_t offset, uint64_t len) { return allocate(raw, FALLOC_FL_ZERO_RANGE, offset, len); }
#else
static int punch(struct raw *raw, uint64_t offset, uint64_t len)
{
    (void)raw, (void)offset, (void)len;
    return -EOPNOTSUPP;
}

static int zero_range(struct raw *raw, uint64_t offset, uint64_t len) { return punch(raw, offset, len); }
#endif

/* Does it unless it is known to be impossible; true: done, or *rc is a real error. */
static bool try_range(struct raw *raw, int (*fn)(struct raw *, uint64_t, uint64_t), _Atomic bool *cannot, uint64_t offset, uint64_t len,
                      int *rc)
{
    if (atomic_load_explicit(cannot, memory_order_relaxed))
        return false;
    *rc = fn(raw, offset, len);
    if (*rc != -EOPNOTSUPP && *rc != -ENOSYS && *rc != -EINVAL && *rc != -ENODEV && *rc != -ENOTTY)
        return true;
    atomic_store_explicit(cannot, *rc != -EINVAL, memory_order_relaxed); /* EINVAL: only this range, by its alignment */
    return false;
}

static int raw_discard(struct block_backend *backend, uint64_t offset, uint64_t len)
{
    struct raw *raw = (struct raw *)backend;
    int rc = 0;
    return try_range(raw, punch, &raw->cannot_punch, offset, len, &rc) ? rc : 0;
}

static int raw_zero(struct block_backend *backend, uint64_t offset, uint64_t len, bool unmap)
{
    static const uint8_t zeros[ZERO_BYTES];
    struct raw *raw = (struct raw *)backend;
    int rc = 0;
    if (unmap && try_range(raw, punch, &raw->cannot_punch, offset, len, &rc))
        return rc;
    if (try_range(raw, zero_range, &raw->cannot_zero, offset, len, &rc))
        return rc;
    while (len) {
        struct iovec iov = {(void *)(uintptr_t)zeros, len < ZERO_BYTES ? len : ZERO_BYTES};
        uint64_t part = iov.iov_len;
        rc = transfer_some(raw, true, offset, &iov, 1);
        if (rc)
            return rc;
        offset += part;
        len -= part;
    }
    return 0;
}

static void raw_free(struct block_backend *backend)
{
    struct raw *raw = (struct raw *)backend;
    close(raw->fd);
    free(raw);
}

static const struct block_ops raw_ops = {
    .transfer = raw_transfer, .flush = raw_flush, .discard = raw_discard, .zero = raw_zero, .free = raw_free};

static int raw_measure(int fd, const char *path, uint64_t *size, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_set_errno(err, errno, "disk %s", path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(err, STATUS_config, "disk %s is %s, not a file or a block device", path,
                       S_ISDIR(st.st_mode) ? "a directory" : "something else");
    off_t end = lseek(fd, 0, SEEK_END); /* block devices have no st_size */
    if (end < 0)
        return err_set_errno(err, errno, "size of disk %s", path);
    if (!end)
        return err_set(err, STATUS_config, "disk %s is empty: make it larger, for example by truncate -s 1G", path);
    *size = (uint64_t)end;
    return 0;
}

static int raw_open(const char *path, bool read_only, struct err *err)
{
    /* Not blocking, for a FIFO by mistake; regular files and block devices do not care. */
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    if (errno == EISDIR)
        return err_set(err, STATUS_config, "disk %s is a directory, not a file or a block device", path);
    if (!read_only && (errno == EACCES || errno == EPERM || errno == EROFS))
        return err_set_errno(err, errno, "disk %s cannot be written (add ,ro to only read it)", path);
    return err_set_errno(err, errno, "disk %s", path);
}

int block_raw_open(struct block_backend **out, const char *path, bool read_only, struct log *log, struct err *err)
{
    int fd = raw_open(path, read_only, err);
    uint64_t size = 0;
    if (fd < 0)
        return fd;
    int rc = raw_measure(fd, path, &size, err);
    if (!rc)
        rc = disk_lock(fd, read_only, path, log, err);
    struct raw *raw = rc ? NULL : calloc(1, sizeof *raw);
    if (!rc && !raw)
        rc = err_set(err, STATUS_resource, "out of memory for disk %s", path);
    if (rc) {
        close(fd);
        return rc;
    }
    raw->backend = (struct block_backend){&raw_ops, (size + BLOCK_SECTOR - 1) / BLOCK_SECTOR * BLOCK_SECTOR, read_only};
    raw->fd = fd;
    raw->file_size = size;
    *out = &raw->backend;
    return 0;
}
