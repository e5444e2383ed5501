/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Semihosting calls. Arguments lie in guest memory as 64-bit words and are read through the vCPU's own translation, a piece at a
 * time; a bad address makes the call fail and nothing else.
 */
#include "machine/semihosting.h"
#include "base/bits.h"
#include <errno.h>
#include <stdio.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITEC = 0x03,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_READC = 0x07,
    SYS_ISERROR = 0x08,
    SYS_ISTTY = 0x09,
    SYS_SEEK = 0x0a,
    SYS_FLEN = 0x0c,
    SYS_CLOCK = 0x10,
    SYS_TIME = 0x11,
    SYS_ERRNO = 0x13,
    SYS_GET_CMDLINE = 0x15,
    SYS_HEAPINFO = 0x16,
    SYS_EXIT = 0x18,
    SYS_EXIT_EXTENDED = 0x20,
    SYS_ELAPSED = 0x30,
    SYS_TICKFREQ = 0x31,
};
enum { APPLICATION_EXIT = 0x20026, PIECE = 256, TEXT_MAX = 4096, TRANSFER_MAX = 1 << 16, NAME_MAX_LEN = 64 };
enum { HANDLE_free, HANDLE_in, HANDLE_out, HANDLE_features };

/* What ":semihosting-features" holds: magic, then SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR. */
static const uint8_t features[] = {'S', 'H', 'F', 'B', 3};

struct call {
    struct semihosting *sh;
    struct cpu *cpu;
    uint64_t arg; /* address of the words, or a character */
};

void semihosting_init(struct semihosting *sh) { os_mutex_init(&sh->lock, OS_RANK_output); }
void semihosting_fini(struct semihosting *sh) { os_mutex_fini(&sh->lock); }

void semihosting_reset(struct semihosting *sh)
{
    os_mutex_lock(&sh->lock);
    memset(sh->handles, 0, sizeof sh->handles);
    sh->errnum = 0;
    os_mutex_unlock(&sh->lock);
}

static bool copy(struct call *c, gva at, void *buf, size_t len, bool to_guest)
{
    uint8_t *bytes = buf;
    for (size_t i = 0; i < len; i++) {
        uint64_t value[2] = {bytes[i], 0};
        bool ok = to_guest ? cpu_store(c->cpu, at + i, 1, 0, value) : cpu_load(c->cpu, at + i, 1, 0, value);
        if (!ok) {
            c->cpu->trapped = false; /* the program gets an error, not a trap */
            return false;
        }
        bytes[i] = (uint8_t)value[0];
    }
    return true;
}

static bool words(struct call *c, uint64_t *out, unsigned count)
{
    uint8_t bytes[32];
    if (!copy(c, c->arg, bytes, 8 * (size_t)count, false))
        return false;
    for (unsigned i = 0; i < count; i++)
        out[i] = le64_get(bytes + 8 * i);
    return true;
}

static uint64_t fail(struct call *c, int errnum)
{
    os_mutex_lock(&c->sh->lock);
    c->sh->errnum = errnum;
    os_mutex_unlock(&c->sh->lock);
    return UINT64_MAX;
}

static uint64_t sys_open(struct call *c)
{
    uint64_t w[3];
    char name[NAME_MAX_LEN + 1] = {0};
    if (!words(c, w, 3) || w[2] > NAME_MAX_LEN || !copy(c, w[0], name, w[2], false))
        return fail(c, EFAULT);
    int kind = HANDLE_free;
    if (!strcmp(name, ":tt")) /* modes 0-3 read, 4-11 write and append */
        kind = w[1] < 4 ? HANDLE_in : HANDLE_out;
    else if (!strcmp(name, ":semihosting-features") && w[1] < 2)
        kind = HANDLE_features;
    if (kind == HANDLE_free)
        return fail(c, EACCES);
    os_mutex_lock(&c->sh->lock);
    unsigned n = 0;
    while (n < SEMIHOSTING_HANDLES && c->sh->handles[n].kind)
        n++;
    if (n < SEMIHOSTING_HANDLES) {
        c->sh->handles[n].kind = (uint8_t)kind;
        c->sh->handles[n].at = 0;
    }
    os_mutex_unlock(&c->sh->lock);
    return n < SEMIHOSTING_HANDLES ? n + 1 : fail(c, EMFILE);
}

/* Handles count from 1. */
static int handle_kind(struct call *c, uint64_t handle)
{
    int kind = HANDLE_free;
    os_mutex_lock(&c->sh->lock);
    if (handle - 1 < SEMIHOSTING_HANDLES)
        kind = c->sh->handles[handle - 1].kind;
    os_mutex_unlock(&c->sh->lock);
    return kind;
}

static uint64_t sys_close(struct call *c)
{
    uint64_t w[1];
    if (!words(c, w, 1) || handle_kind(c, w[0]) == HANDLE_free)
        return fail(c, EBADF);
    os_mutex_lock(&c->sh->lock);
    c->sh->handles[w[0] - 1].kind = HANDLE_free;
    os_mutex_unlock(&c->sh->lock);
    return 0;
}

/* Returns how many bytes were not written. */
static uint64_t sys_write(struct call *c)
{
    uint64_t w[3];
    uint8_t bytes[PIECE];
    if (!words(c, w, 3))
        return fail(c, EFAULT);
    if (handle_kind(c, w[0]) != HANDLE_out) {
        fail(c, EBADF);
        return w[2];
    }
    uint64_t done = 0, want = w[2] < TRANSFER_MAX ? w[2] : TRANSFER_MAX;
    while (done < want) {
        size_t n = want - done < PIECE ? (size_t)(want - done) : PIECE;
        if (!copy(c, w[1] + done, bytes, n, false))
            break;
        console_write(c->sh->console, bytes, n);
        done += n;
    }
    return w[2] - done;
}

static size_t read_features(struct call *c, uint64_t handle, uint8_t *bytes, size_t len)
{
    os_mutex_lock(&c->sh->lock);
    uint32_t at = c->sh->handles[handle - 1].at;
    size_t n = at < sizeof features ? sizeof features - at : 0;
    n = n < len ? n : len;
    memcpy(bytes, features + (n ? at : 0), n);
    c->sh->handles[handle - 1].at += (uint32_t)n;
    os_mutex_unlock(&c->sh->lock);
    return n;
}

/* Returns how many bytes were not read; all of them at the end. */
static uint64_t sys_read(struct call *c)
{
    uint64_t w[3];
    uint8_t bytes[PIECE];
    if (!words(c, w, 3))
        return fail(c, EFAULT);
    int kind = handle_kind(c, w[0]);
    size_t want = w[2] < PIECE ? (size_t)w[2] : PIECE, n = 0;
    if (kind == HANDLE_in && want)
        n = console_read(c->sh->console, bytes, want, true);
    else if (kind == HANDLE_features)
        n = read_features(c, w[0], bytes, want);
    else if (kind != HANDLE_in)
        fail(c, EBADF);
    if (!copy(c, w[1], bytes, n, true))
        fail(c, EFAULT);
    return w[2] - n;
}

static uint64_t sys_write0(struct call *c)
{
    uint8_t bytes[PIECE];
    size_t n = 0;
    for (size_t i = 0; i < TEXT_MAX; i++) {
        if (!copy(c, c->arg + i, bytes + n, 1, false) || !bytes[n])
            break;
        if (++n == PIECE) {
            console_write(c->sh->console, bytes, n);
            n = 0;
        }
    }
    console_write(c->sh->console, bytes, n);
    return 0;
}

static uint64_t sys_seek(struct call *c)
{
    uint64_t w[2];
    if (!words(c, w, 2) || handle_kind(c, w[0]) != HANDLE_features || w[1] > sizeof features)
        return fail(c, EBADF);
    os_mutex_lock(&c->sh->lock);
    c->sh->handles[w[0] - 1].at = (uint32_t)w[1];
    os_mutex_unlock(&c->sh->lock);
    return 0;
}

static uint64_t sys_about_handle(struct call *c, unsigned operation)
{
    uint64_t w[1];
    int kind = words(c, w, 1) ? handle_kind(c, w[0]) : HANDLE_free;
    if (kind == HANDLE_free)
        return fail(c, EBADF);
    if (operation == SYS_ISTTY)
        return kind != HANDLE_features;
    return kind == HANDLE_features ? sizeof features : 0;
}

static uint64_t sys_command_line(struct call *c)
{
    uint64_t w[2];
    uint8_t size[8];
    const char *text = c->sh->command_line ? c->sh->command_line : "";
    size_t len = strlen(text);
    char buf[TEXT_MAX];
    if (len >= sizeof buf || !words(c, w, 2) || w[1] <= len)
        return fail(c, E2BIG);
    memcpy(buf, text, len + 1);
    le64_put(size, len);
    return copy(c, w[0], buf, len + 1, true) && copy(c, c->arg + 8, size, sizeof size, true) ? 0 : fail(c, EFAULT);
}

/* Heap base, heap limit, stack base, stack limit; zero leaves the choice to the program. */
static uint64_t sys_heapinfo(struct call *c)
{
    uint64_t w[1];
    uint8_t block[32] = {0};
    if (!words(c, w, 1))
        return fail(c, EFAULT);
    le64_put(block + 8, c->sh->ram + c->sh->ram_size);
    le64_put(block + 16, c->sh->ram + c->sh->ram_size);
    return copy(c, w[0], block, sizeof block, true) ? 0 : fail(c, EFAULT);
}

static uint64_t sys_exit(struct call *c)
{
    uint64_t w[2] = {0, 1};
    int code = 1;
    if (words(c, w, 2) && w[0] == APPLICATION_EXIT)
        code = (int)(uint32_t)w[1];
    c->sh->exit(c->sh->arg, code);
    return 0;
}

static uint64_t sys_elapsed(struct call *c)
{
    uint8_t ticks[8];
    le64_put(ticks, os_vclock_ns(c->cpu->clock));
    return copy(c, c->arg, ticks, sizeof ticks, true) ? 0 : fail(c, EFAULT);
}

static uint64_t serve(struct call *c, unsigned operation)
{
    uint64_t w[1];
    uint8_t byte = 0;
    switch (operation) {
    case SYS_OPEN: return sys_open(c);
    case SYS_CLOSE: return sys_close(c);
    case SYS_WRITEC:
        if (copy(c, c->arg, &byte, 1, false))
            console_write(c->sh->console, &byte, 1);
        return 0;
    case SYS_WRITE0: return sys_write0(c);
    case SYS_WRITE: return sys_write(c);
    case SYS_READ: return sys_read(c);
    case SYS_READC: return console_read(c->sh->console, &byte, 1, true) ? byte : UINT64_MAX;
    case SYS_ISERROR: return words(c, w, 1) ? w[0] >> 63 : 1;
    case SYS_ISTTY:
    case SYS_FLEN: return sys_about_handle(c, operation);
    case SYS_SEEK: return sys_seek(c);
    case SYS_CLOCK: return os_vclock_ns(c->cpu->clock) / 10000000;
    case SYS_TIME: return os_wall_ns() / 1000000000;
    case SYS_ERRNO: return (uint64_t)c->sh->errnum;
    case SYS_GET_CMDLINE: return sys_command_line(c);
    case SYS_HEAPINFO: return sys_heapinfo(c);
    case SYS_EXIT:
    case SYS_EXIT_EXTENDED: return sys_exit(c);
    case SYS_ELAPSED: return sys_elapsed(c);
    case SYS_TICKFREQ: return 1000000000;
    }
    log_guest(c->cpu->log, "semihosting", "operation %#x is not supported", operation);
    return fail(c, ENOSYS);
}

bool semihosting_serve(struct semihosting *sh, const struct semihosting_abi *abi, struct cpu *cpu)
{
    struct call c = {sh, cpu, cpu->cell[abi->argument]};
    cpu->cell[abi->result] = serve(&c, (unsigned)cpu->cell[abi->operation]);
    return true;
}
