/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The write-back of a flash. One block at a time is copied under the device's lock and written by a worker; when it is done the next one
 * follows. A failure to write is logged once and the block stays marked, so that the last flush tries again. What a file that grows gets
 * below a block is erased flash.
 */
#include "device/flash/cfi_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELAY_NS 500000000ull

struct cfi_file {
    struct device *device;
    const struct os_memory *memory;
    char *path;
    int fd;
    size_t block, blocks;
    uint64_t length; /* of the file */
    struct os_timer *timer;
    struct os_cond idle; /* busy has become false */
    bool busy, failed;
    size_t writing; /* the block that the worker has */
    int error;      /* of the worker */
    uint8_t *copy;  /* what it writes */
    uint8_t *dirty; /* a flag for each block */
};

static void file_copy(struct cfi_file *f, size_t block)
{
    const uint8_t *from = f->memory->host + block * f->block;

    for (size_t i = 0; i < f->block; i++)
        f->copy[i] = (uint8_t)~from[i];
    f->writing = block;
    f->dirty[block] = 0;
}

static int file_put(struct cfi_file *f, const uint8_t *data, size_t len, uint64_t at)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(f->fd, data + done, len - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        done += (size_t)n;
    }
    if (f->length < at + len)
        f->length = at + len;
    return 0;
}

/* Without locks: on a worker, or on whoever flushes. */
static void file_write(void *arg)
{
    struct cfi_file *f = arg;
    uint64_t at = (uint64_t)f->writing * f->block;
    uint8_t erased[4096];

    memset(erased, 0xff, sizeof erased);
    f->error = 0;
    while (!f->error && f->length < at)
        f->error = file_put(f, erased, at - f->length < sizeof erased ? (size_t)(at - f->length) : sizeof erased, f->length);
    if (!f->error)
        f->error = file_put(f, f->copy, f->block, at);
}

static void file_result(struct cfi_file *f)
{
    if (!f->error)
        return;
    f->dirty[f->writing] = 1;
    if (!f->failed)
        log_write(f->device->log, LOG_error, f->device->id, "cannot write to %s: %s", f->path, strerror(f->error));
    f->failed = true;
}

static void file_next(struct cfi_file *f);

static void file_done(void *arg)
{
    struct cfi_file *f = arg;

    f->busy = false;
    file_result(f);
    os_cond_broadcast(&f->idle);
    if (!f->error)
        file_next(f);
}

static void file_next(struct cfi_file *f)
{
    uint8_t *dirty = f->busy ? NULL : memchr(f->dirty, 1, f->blocks);

    if (!dirty)
        return;
    file_copy(f, (size_t)(dirty - f->dirty));
    f->busy = os_work_submit(f->device->loop, &f->device->lock, file_write, file_done, f) == 0;
    if (!f->busy)
        f->dirty[f->writing] = 1; /* no memory just now: the next change or flush tries again */
}

static void file_ring(void *arg) { file_next(arg); }

void cfi_file_changed(struct cfi_file *f, uint64_t block)
{
    bool first = !memchr(f->dirty, 1, f->blocks);

    f->dirty[block] = 1;
    if (first)
        os_timer_set(f->timer, os_clock_ns() + DELAY_NS);
}

void cfi_file_flush(struct cfi_file *f)
{
    uint8_t *dirty;

    os_timer_cancel(f->timer);
    for (;;) {
        while (f->busy)
            os_cond_wait(&f->idle, &f->device->lock);
        dirty = memchr(f->dirty, 1, f->blocks);
        if (!dirty)
            break;
        file_copy(f, (size_t)(dirty - f->dirty));
        file_write(f);
        file_result(f);
        if (f->error)
            break;
    }
}

static int file_check(struct cfi_file *f, bool grow, struct err *err)
{
    struct stat st;

    if (fstat(f->fd, &st))
        return err_set_errno(err, errno, "cannot look at %s", f->path);
    f->length = (uint64_t)st.st_size;
    if (f->length != f->memory->size && !(grow && f->length < f->memory->size))
        return err_set(err, STATUS_config, "%s must be exactly %llu bytes large to take a flash's changes (truncate -s %llu makes it so)",
                       f->path, (unsigned long long)f->memory->size, (unsigned long long)f->memory->size);
    f->copy = malloc(f->block);
    f->dirty = calloc(f->blocks, 1);
    if (!f->copy || !f->dirty || os_timer_new(&f->timer, f->device->loop, &f->device->lock, file_ring, f))
        return err_set(err, STATUS_resource, "no memory for flash %s", f->device->id);
    return 0;
}

static void file_release(struct cfi_file *f)
{
    os_timer_free(f->timer);
    os_cond_fini(&f->idle);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f->copy);
    free(f->dirty);
    free(f);
}

int cfi_file_new(struct cfi_file **out, const char *path, struct device *device, const struct os_memory *memory, size_t block, bool grow,
                 struct err *err)
{
    struct cfi_file *f = calloc(1, sizeof(*f));
    int status;

    if (!f)
        return err_set(err, STATUS_resource, "no memory for flash %s", device->id);
    f->device = device;
    f->memory = memory;
    f->path = strdup(path);
    f->block = block;
    f->blocks = (size_t)(memory->size / block);
    os_cond_init(&f->idle);
    f->fd = open(path, O_RDWR | O_CLOEXEC | (grow ? O_CREAT : 0), 0666);
    if (f->fd < 0)
        status = err_set_errno(err, errno, "cannot open %s for writing", path);
    else
        status = f->path ? file_check(f, grow, err) : err_set(err, STATUS_resource, "no memory for flash %s", device->id);
    if (status)
        file_release(f);
    else
        *out = f;
    return status;
}

void cfi_file_free(struct cfi_file *f)
{
    if (!f)
        return;
    os_mutex_lock(&f->device->lock);
    cfi_file_flush(f);
    os_mutex_unlock(&f->device->lock);
    file_release(f);
}
