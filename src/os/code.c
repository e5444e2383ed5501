/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Code memory: two mappings of one memfd or of shared memory without a name, or a private one. */
#include "os/code.h"
#include "os/os.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_file(struct os_code *out, size_t size, struct err *err)
{
    int fd = memfd_create("vm-code", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size)) {
        int rc = err_set_errno(err, errno, "cannot make memory for generated code");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    uint8_t *write = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint8_t *exec = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    int rc = write == MAP_FAILED || exec == MAP_FAILED ? err_set_errno(err, errno, "cannot map memory for generated code") : 0;
    close(fd);
    *out = (struct os_code){write == MAP_FAILED ? NULL : write, exec == MAP_FAILED ? NULL : exec, size};
    return rc;
}

/* mremap() of 0 bytes of shared memory maps it once more. */
static int map_anonymous(struct os_code *out, size_t size, struct err *err)
{
    uint8_t *write = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *exec = MAP_FAILED;
    if (write != MAP_FAILED)
        exec = mremap(write, 0, size, MREMAP_MAYMOVE);
    bool failed = exec == MAP_FAILED || mprotect(exec, size, PROT_READ | PROT_EXEC);
    *out = (struct os_code){write == MAP_FAILED ? NULL : write, exec == MAP_FAILED ? NULL : exec, size};
    return failed ? err_set_errno(err, errno, "cannot map memory for generated code") : 0;
}

static int map_private(struct os_code *out, size_t size, struct err *err)
{
    const size_t large = OS_LARGE_PAGE;
    uint8_t *at = mmap(NULL, size + large, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return err_set_errno(err, errno, "cannot map memory that may be written and run; --mode interpreter needs none");
    size_t before = (large - (uintptr_t)at % large) % large;
    if (before)
        munmap(at, before);
    at += before;
    if (before < large)
        munmap(at + size, large - before);
#ifdef MADV_HUGEPAGE
    if (size > large) /* most programs need no more than that */
        (void)madvise(at + large, size - large, MADV_HUGEPAGE);
#endif
    *out = (struct os_code){at, at, size};
    return 0;
}

int os_code_new(struct os_code *out, size_t size, enum os_code_kind kind, struct err *err)
{
    static int (*const map[])(struct os_code *, size_t, struct err *) = {
        [OS_CODE_file] = map_file, [OS_CODE_anonymous] = map_anonymous, [OS_CODE_private] = map_private};
    *out = (struct os_code){0};
    int rc = map[kind](out, size, err);
    if (rc)
        os_code_free(out);
    return rc;
}

void os_code_free(struct os_code *code)
{
    if (code->write)
        munmap(code->write, code->size);
    if (code->exec && code->exec != code->write)
        munmap((void *)(uintptr_t)code->exec, code->size);
    *code = (struct os_code){0};
}

void os_code_populate(const struct os_code *code, size_t offset, size_t size)
{
#ifdef MADV_POPULATE_READ
    (void)madvise(code->write + offset, size, MADV_POPULATE_WRITE); /* since Linux 5.14 */
    if (code->exec != code->write)
        (void)madvise((void *)(uintptr_t)(code->exec + offset), size, MADV_POPULATE_READ);
#else
    (void)code;
    (void)offset;
    (void)size;
#endif
}

void os_code_flush(const struct os_code *code, size_t offset, size_t size)
{
    char *at = (char *)(uintptr_t)(code->exec + offset);
    __builtin___clear_cache(at, at + size);
}
