/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mmap and its relatives: the kernel's own on this process, beside them the table of what the guest has. Nothing of the guest is executable
 * for the host; what it may execute it may read. Changes go to the translator, so that no block outlives its mapping.
 */
#include "base/bits.h"
#include "os/fault.h"
#include "user/calls.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#ifdef MAP_32BIT
#define HOST_ONLY_FLAGS MAP_32BIT /* of x86 */
#else
#define HOST_ONLY_FLAGS 0
#endif

static int host_prot(int prot)
{
    int r = prot & (PROT_READ | PROT_WRITE);
    return prot & PROT_EXEC ? r | PROT_READ : r;
}

/* What the table remembers. */
static int known_prot(const struct user *user, int prot)
{
    return prot & (PROT_READ | PROT_WRITE | PROT_EXEC | (user->abi->more_prot & USER_PROT_BTI));
}

static bool valid_range(uint64_t at, uint64_t size) { return at % USER_PAGE == 0 && at < MEM_FLAT_END && size <= MEM_FLAT_END - at; }

/* What /proc/self/maps says of a file, for the table. */
static void describe_file(struct user_map *map, int fd, char *buf, size_t size)
{
    char link[40];
    struct stat st;
    if (fstat(fd, &st))
        return;
    map->device = st.st_dev;
    map->inode = st.st_ino;
    if (map->name)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buf, size - 1);
    if (n > 0) {
        buf[n] = 0;
        map->name = buf;
    }
}

/* May the guest have so much more? */
static bool allowed(const struct user_memory *m, uint64_t size, int prot, int flags)
{
    uint64_t all = size, data = (prot & PROT_WRITE) && !(flags & MAP_SHARED) ? size : 0;
    uint64_t most = m->limits[USER_LIMIT_as].rlim_cur, most_data = m->limits[USER_LIMIT_data].rlim_cur;
    if (most == RLIM_INFINITY && most_data == RLIM_INFINITY)
        return true;
    for (const struct user_map *map = m->maps.list; map < m->maps.list + m->maps.count; map++) {
        all += map->end - map->start;
        data += (map->prot & PROT_WRITE) && !(map->flags & MAP_SHARED) && map->start != m->stack_start ? map->end - map->start : 0;
    }
    return all <= most && (data <= most_data || !(prot & PROT_WRITE));
}

/* Where it goes; MAP_FIXED has been handled. */
static uint64_t place(const struct user_memory *m, uint64_t hint, uint64_t size)
{
    hint = align_down(hint, USER_PAGE);
    if (hint >= USER_LOW && valid_range(hint, size)) {
        const struct user_map *next = user_maps_after(&m->maps, hint);
        if (!next || next->start >= hint + size)
            return hint;
    }
    return user_maps_room(&m->maps, USER_LOW, m->stack_start ? m->stack_start - USER_STACK_GAP : USER_TOP - USER_STACK_ROOM, size);
}

/* Others of this process may have mapped there (not the guest): next lower place then. */
static int64_t map_somewhere(const struct user_memory *m, uint64_t hint, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    for (unsigned tries = 0; tries < 64; tries++) {
        uint64_t at = place(m, hint, size);
        if (!at)
            return -ENOMEM;
        /* With checked flags this one would be an unknown one to some files. */
        int exact = (flags & MAP_TYPE) == MAP_SHARED_VALIDATE ? 0 : MAP_FIXED_NOREPLACE;
        const uint64_t args[6] = {at, size, (uint64_t)host_prot(prot), (uint64_t)(flags | exact), (uint64_t)fd, offset};
        int64_t r = os_syscall(SYS_mmap, args);
        if (r != -EEXIST && (r < 0 || (uint64_t)r == at))
            return r;
        if (r > 0)
            munmap((void *)(uintptr_t)r, size);
        hint = at - size - (uint64_t)USER_PAGE * (1 + tries);
    }
    return -ENOMEM;
}

/* Atomics on memory that other processes may write are the host's from the first such mapping on. */
static void note_shared(struct user *user, const struct user_map *map)
{
    if ((map->flags & MAP_SHARED) && (map->prot & PROT_WRITE))
        accel_thread_shared(user->vm);
}

void user_populate(uint64_t at, uint64_t size) { os_pages_populate((void *)(uintptr_t)at, size); }

/* What a program's loader maps as a segment, the flag tells, it relocates. */
static bool is_data_segment(int prot, int flags, uint64_t size)
{
    enum { MOST = 128 << 10 };
    return (prot & PROT_WRITE) && (flags & MAP_PRIVATE) && (flags & MAP_DENYWRITE) && !(flags & MAP_ANONYMOUS) && size <= MOST;
}

static int64_t map_locked(struct user *user, uint64_t at, uint64_t size, int prot, int flags, int fd, uint64_t offset, const char *name)
{
    struct user_memory *m = user->memory;
    char path[PATH_MAX];
    int64_t r;
    flags &= ~HOST_ONLY_FLAGS;
    if (!allowed(m, size, prot, flags))
        return -ENOMEM;
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (!valid_range(at, size) || at < USER_LOW)
            return at % USER_PAGE ? -EINVAL : at < USER_LOW ? -EPERM : -ENOMEM;
        const uint64_t args[6] = {at, size, (uint64_t)host_prot(prot), (uint64_t)flags, (uint64_t)fd, offset};
        r = os_syscall(SYS_mmap, args);
    } else {
        r = map_somewhere(m, at, size, prot, flags, fd, offset);
    }
    if (r < 0)
        return r;
    struct user_map map = {.start = (uint64_t)r,
                           .end = (uint64_t)r + size,
                           .prot = known_prot(user, prot),
                           .flags = flags & (MAP_SHARED | MAP_PRIVATE),
                           .offset = flags & MAP_ANONYMOUS ? 0 : offset,
                           .name = (char *)(uintptr_t)name};
    if (!(flags & MAP_ANONYMOUS))
        describe_file(&map, fd, path, sizeof path);
    if (user_maps_set(&m->maps, &map)) {
        munmap((void *)(uintptr_t)r, size);
        return -ENOMEM;
    }
    if (flags & MAP_FIXED)
        accel_code_changed(user->vm, map.start, map.end);
    if (is_data_segment(prot, flags, size))
        user_populate(map.start, size);
    note_shared(user, &map);
    return r;
}

int64_t user_mmap(struct user *user, uint64_t at, uint64_t size, int prot, int flags, int fd, uint64_t offset, const char *name)
{
    if (!size || size > MEM_FLAT_END)
        return size ? -ENOMEM : -EINVAL;
    os_mutex_lock(&user->memory->lock);
    int64_t r = map_locked(user, at, align_up(size, USER_PAGE), prot, flags, fd, offset, name);
    os_mutex_unlock(&user->memory->lock);
    return r;
}

int64_t user_munmap(struct user *user, uint64_t at, uint64_t size)
{
    size = align_up(size, USER_PAGE);
    if (!size || !valid_range(at, size))
        return -EINVAL;
    os_mutex_lock(&user->memory->lock);
    int64_t r = munmap((void *)(uintptr_t)at, size) ? -errno : 0;
    if (!r && user_maps_clear(&user->memory->maps, at, at + size))
        r = -ENOMEM;
    accel_code_changed(user->vm, at, at + size);
    os_mutex_unlock(&user->memory->lock);
    return r;
}

int64_t user_mprotect(struct user *user, uint64_t at, uint64_t size, int prot)
{
    enum { KNOWN = PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */ | PROT_GROWSDOWN | PROT_GROWSUP };
    size = align_up(size, USER_PAGE);
    if (!valid_range(at, size) || (prot & ~(KNOWN | user->abi->more_prot)))
        return at % USER_PAGE || at < MEM_FLAT_END ? -EINVAL : -ENOMEM;
    os_mutex_lock(&user->memory->lock);
    int64_t r = mprotect((void *)(uintptr_t)at, size, host_prot(prot) | (prot & (PROT_GROWSDOWN | PROT_GROWSUP))) ? -errno : 0;
    uint64_t end = r ? user_maps_hole(&user->memory->maps, at, at + size) : at + size; /* up to a hole it has been done */
    if ((!r || r == -ENOMEM) && user_maps_protect(&user->memory->maps, at, end, known_prot(user, prot)))
        r = -ENOMEM;
    const struct user_map *map = user_maps_find(&user->memory->maps, at); /* joined with its neighbours, if they are alike */
    if (!r && map)
        note_shared(user, map);
    accel_code_changed(user->vm, at, at + size);
    os_mutex_unlock(&user->memory->lock);
    return r;
}

static void touch(void *at) { (void)*(const volatile uint8_t *)at; }

/* Text around the page that is fetched, of a file: programs run through all of theirs, and a fault costs as much as a hundred such pages. */
static void warm(struct user_memory *m, const struct user_map *map, uint64_t page)
{
    uint64_t number = page >> USER_WINDOW_BITS, start = number << USER_WINDOW_BITS, end = start + (1ull << USER_WINDOW_BITS);
    uint32_t *known = &m->warm[number % USER_WINDOWS];
    if (!map->inode || (map->prot & PROT_WRITE) || *known == (uint32_t)number)
        return;
    *known = (uint32_t)number;
    start = start < map->start ? map->start : start;
    os_pages_prefetch((void *)(uintptr_t)start, (end < map->end ? end : map->end) - start);
}

enum accel_fetch user_fetchable(void *machine, struct cpu *cpu, gva page)
{
    struct user *user = machine;
    struct os_fault fault = {.signal = SIGSEGV, .code = SEGV_MAPERR, .address = cpu->pc};
    os_mutex_lock(&user->memory->lock);
    const struct user_map *map = user_maps_find(&user->memory->maps, page);
    bool may = map && (map->prot & PROT_EXEC), guarded = may && (map->prot & USER_PROT_BTI);
    if (may)
        warm(user->memory, map, page);
    if (map)
        fault.code = SEGV_ACCERR;
    os_mutex_unlock(&user->memory->lock);
    if (may)
        return !os_fault_try(touch, (void *)(uintptr_t)page) ? ACCEL_FETCH_no : guarded ? ACCEL_FETCH_guarded : ACCEL_FETCH_yes;
    os_fault_set(&fault);
    return ACCEL_FETCH_no;
}

/* ---- system calls ---- */

int64_t sys_mmap(struct user_thread *t, const uint64_t a[6])
{
    return user_mmap(t->user, a[0], a[1], (int)a[2], (int)a[3], (int)a[4], a[5], NULL);
}

int64_t sys_munmap(struct user_thread *t, const uint64_t a[6]) { return user_munmap(t->user, a[0], a[1]); }
int64_t sys_mprotect(struct user_thread *t, const uint64_t a[6]) { return user_mprotect(t->user, a[0], a[1], (int)a[2]); }

int64_t sys_madvise(struct user_thread *t, const uint64_t a[6])
{
    int64_t r = os_syscall(SYS_madvise, a);
    bool drops = a[2] == MADV_DONTNEED || a[2] == MADV_FREE || a[2] == MADV_REMOVE || a[2] == MADV_DONTNEED_LOCKED;
    if (drops && a[0] < MEM_FLAT_END)
        accel_code_changed(t->user->vm, a[0], a[0] + a[1] < MEM_FLAT_END ? a[0] + a[1] : MEM_FLAT_END);
    return r;
}

/* Grows in place where nothing is in the way; the result says where it ends, also if nothing changed. */
int64_t sys_brk(struct user_thread *t, const uint64_t a[6])
{
    enum { BEGINNING = 16 << 10 };
    struct user_memory *m = t->user->memory;
    os_mutex_lock(&m->lock);
    uint64_t old_end = align_up(m->brk, USER_PAGE), end = align_up(a[0], USER_PAGE);
    bool done = a[0] >= m->brk_start && a[0] < MEM_FLAT_END;
    if (done && end > old_end) {
        const struct user_map *next = user_maps_after(&m->maps, old_end);
        done = (!next || next->start >= end) && map_locked(t->user, old_end, end - old_end, PROT_READ | PROT_WRITE,
                                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0, "[heap]") >= 0;
        if (done) /* it is used from there on */
            user_populate(old_end, end - old_end < BEGINNING ? end - old_end : BEGINNING);
    } else if (done && end < old_end) {
        done = !munmap((void *)(uintptr_t)end, old_end - end) && !user_maps_clear(&m->maps, end, old_end);
    }
    if (done)
        m->brk = a[0];
    int64_t r = (int64_t)m->brk;
    os_mutex_unlock(&m->lock);
    return r;
}

/* Moves go by the table's choice of place: the kernel's could be beyond the guest's addresses. */
static int64_t remap_locked(struct user *user, const struct user_map *old, uint64_t at, uint64_t old_size, uint64_t size, int flags,
                            uint64_t to)
{
    struct user_memory *m = user->memory;
    const struct user_map *next = user_maps_after(&m->maps, at + old_size);
    if (size > old_size && !allowed(m, size - old_size, old->prot, old->flags))
        return -ENOMEM;
    bool fits = size <= old_size || ((!next || next->start >= at + size) && valid_range(at, size) && old->end == at + old_size);
    if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && fits && old_size) {
        int64_t r = (int64_t)(intptr_t)mremap((void *)(uintptr_t)at, old_size, size, 0);
        if (r != -1)
            return r;
        if (errno != ENOMEM)
            return -errno;
    }
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    if (!(flags & MREMAP_FIXED))
        to = place(m, 0, size);
    if (!to)
        return -ENOMEM;
    void *r = mremap((void *)(uintptr_t)at, old_size, size, flags | MREMAP_MAYMOVE | MREMAP_FIXED, (void *)(uintptr_t)to);
    return r == MAP_FAILED ? -errno : (int64_t)(intptr_t)r;
}

int64_t sys_mremap(struct user_thread *t, const uint64_t a[6])
{
    struct user_memory *m = t->user->memory;
    uint64_t at = a[0], old_size = align_up(a[1], USER_PAGE), size = align_up(a[2], USER_PAGE);
    int flags = (int)a[3];
    bool fixed = flags & MREMAP_FIXED;
    if (!size || !valid_range(at, old_size) || (fixed && (!valid_range(a[4], size) || a[4] < USER_LOW)) ||
        (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (flags > MREMAP_MAYMOVE && !(flags & MREMAP_MAYMOVE)) ||
        (fixed && at < a[4] + size && a[4] < at + old_size) || ((flags & MREMAP_DONTUNMAP) && size != old_size))
        return -EINVAL;
    os_mutex_lock(&m->lock);
    const struct user_map *old = user_maps_find(&m->maps, at);
    if (!old || old->end < at + old_size) {
        os_mutex_unlock(&m->lock);
        return -EFAULT;
    }
    struct user_map map = *old;
    map.name = old->name ? strdup(old->name) : NULL;
    int64_t r = remap_locked(t->user, old, at, old_size, size, flags, a[4]);
    if (r >= 0) {
        map.offset += at - map.start;
        map.start = (uint64_t)r;
        map.end = (uint64_t)r + size;
        bool kept = flags & MREMAP_DONTUNMAP;
        int rc = old_size && !kept ? user_maps_clear(&m->maps, at, at + old_size) : 0;
        if (rc || user_maps_set(&m->maps, &map))
            r = -ENOMEM;
        accel_code_changed(t->user->vm, at, at + old_size);
        accel_code_changed(t->user->vm, map.start, map.end);
    }
    free(map.name);
    os_mutex_unlock(&m->lock);
    return r;
}

int64_t sys_shmat(struct user_thread *t, const uint64_t a[6])
{
    struct user_memory *m = t->user->memory;
    struct shmid_ds ds;
    if (shmctl((int)a[0], IPC_STAT, &ds))
        return -errno;
    uint64_t size = align_up(ds.shm_segsz, USER_PAGE), at = a[1];
    os_mutex_lock(&m->lock);
    if (at && (a[2] & SHM_RND))
        at = align_down(at, USER_PAGE);
    if (at ? !valid_range(at, size) || at < USER_LOW : !(at = place(m, 0, size))) {
        os_mutex_unlock(&m->lock);
        return a[1] ? -EINVAL : -ENOMEM;
    }
    int64_t r = (int64_t)(intptr_t)shmat((int)a[0], (void *)(uintptr_t)at, (int)a[2] & ~SHM_EXEC);
    r = r == -1 ? -errno : r;
    if (r >= 0) {
        struct user_map map = {.start = at, .end = at + size, .flags = MAP_SHARED, .name = (char *)(uintptr_t) "/SYSV", .inode = 1};
        map.prot = PROT_READ | (a[2] & SHM_RDONLY ? 0 : PROT_WRITE) | (a[2] & SHM_EXEC ? PROT_EXEC : 0);
        map.device = (uint64_t)(unsigned)a[0];
        if (user_maps_set(&m->maps, &map))
            r = -ENOMEM;
        note_shared(t->user, &map);
    }
    os_mutex_unlock(&m->lock);
    return r;
}

int64_t sys_shmdt(struct user_thread *t, const uint64_t a[6])
{
    struct user_memory *m = t->user->memory;
    os_mutex_lock(&m->lock);
    const struct user_map *map = user_maps_find(&m->maps, a[0]);
    uint64_t end = map ? map->end : 0;
    int64_t r = !map || map->start != a[0] ? -EINVAL : shmdt((void *)(uintptr_t)a[0]) ? -errno : 0;
    if (!r && user_maps_clear(&m->maps, a[0], end))
        r = -ENOMEM;
    os_mutex_unlock(&m->lock);
    return r;
}
