/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Guest RAM: a memfd (shareable with other processes, copy-on-write restorable) mapped without reserving swap, so a guest may have
 * more memory than is free as long as it does not touch it. Without memfd the mapping is anonymous.
 */
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory_fd(const char *name, uint64_t size)
{
    int fd = -1;

#ifdef MFD_CLOEXEC
    fd = memfd_create(name, MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)size)) {
        close(fd);
        fd = -1;
    }
#else
    (void)name;
    (void)size;
#endif
    return fd;
}

int os_memory_new(struct os_memory *out, const char *name, uint64_t size, struct err *err)
{
    int fd;
    void *host;

    if (!size || size > INT64_MAX || size > SIZE_MAX)
        return err_set(err, STATUS_config, "memory %s cannot be %llu bytes", name, (unsigned long long)size);
    fd = memory_fd(name, size);
    host = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    if (host == MAP_FAILED) {
        int error = errno;

        if (fd >= 0)
            close(fd);
        return err_set_errno(err, error, "cannot map %llu MiB of memory for %s", (unsigned long long)size >> 20, name);
    }
    *out = (struct os_memory){.host = host, .size = size, .fd = fd};
    return 0;
}

void os_memory_free(struct os_memory *memory)
{
    if (!memory->host)
        return;
    munmap(memory->host, (size_t)memory->size);
    if (memory->fd >= 0)
        close(memory->fd);
    *memory = (struct os_memory){.fd = -1};
}

void os_memory_discard(struct os_memory *memory, uint64_t offset, uint64_t size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), first, last;

    if (offset > memory->size)
        return;
    if (size > memory->size - offset)
        size = memory->size - offset;
    first = (offset + page - 1) / page * page;
    last = (offset + size) / page * page;
    if (first >= last) {
        memset(memory->host + offset, 0, (size_t)size);
        return;
    }
    memset(memory->host + offset, 0, (size_t)(first - offset));
    memset(memory->host + last, 0, (size_t)(offset + size - last));
#ifdef FALLOC_FL_PUNCH_HOLE /* not madvise(MADV_REMOVE), which qemu's user mode answers with success and ignores */
    if (memory->fd >= 0 && fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first, (off_t)(last - first)) == 0)
        return;
#endif
    memset(memory->host + first, 0, (size_t)(last - first));
}

void os_memory_put(const struct os_memory *memory, uint64_t offset, const void *data, uint64_t size)
{
    const uint8_t *from = data;

    while (memory->fd >= 0 && size) {
        ssize_t n = pwrite(memory->fd, from, (size_t)size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        offset += (uint64_t)n, from += n, size -= (uint64_t)n;
    }
    if (!size)
        return;
    os_pages_populate(memory->host + offset, (size_t)size);
    memcpy(memory->host + offset, from, (size_t)size);
}

void *os_pages_new(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void *os_pages_new_large(size_t size)
{
    uint8_t *at = os_pages_new(size + OS_LARGE_PAGE), *first;
    if (!at)
        return NULL;
    first = (uint8_t *)(((uintptr_t)at + OS_LARGE_PAGE - 1) / OS_LARGE_PAGE * OS_LARGE_PAGE);
    if (first > at)
        munmap(at, (size_t)(first - at));
    munmap(first + size, (size_t)(at + OS_LARGE_PAGE - first));
#ifdef MADV_HUGEPAGE
    (void)madvise(first, size, MADV_HUGEPAGE);
#endif
    return first;
}

void os_pages_free(void *at, size_t size) { munmap(at, size); }

static void advise(void *at, size_t size, int how)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = ((uintptr_t)at + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)at + size) / page * page;

    if (first < end)
        (void)madvise((void *)first, end - first, how);
}

#ifdef MADV_POPULATE_WRITE /* since Linux 5.14 */
void os_pages_populate(void *at, size_t size) { advise(at, size, MADV_POPULATE_WRITE); }
void os_pages_prefetch(void *at, size_t size) { advise(at, size, MADV_POPULATE_READ); }
#else
void os_pages_populate(void *at, size_t size) { (void)at, (void)size; }
void os_pages_prefetch(void *at, size_t size) { advise(at, size, MADV_WILLNEED); }
#endif

void os_heap_populate(size_t size)
{
#ifdef M_TOP_PAD
    mallopt(M_TOP_PAD, (int)size);
#endif
    char *piece = malloc(1), *end = sbrk(0);
    if (piece && piece < end && (size_t)(end - piece) <= 2 * size)
        os_pages_populate(piece, (size_t)(end - piece));
    free(piece);
}
