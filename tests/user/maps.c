/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mappings: places, overlaps, moves, protection, files, the break, shared memory. */
#include "user.h"
#include <sys/ipc.h>
#include <sys/shm.h>

static const int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

static bool readable(const void *at)
{
    int fds[2];
    if (pipe(fds))
        return false;
    bool r = write(fds[1], at, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return r;
}

#define PAGES(p, from, n)                 \
    for (int i = from; i < from + n; i++) \
    say(#p " page %d: %s", i, readable((char *)(p) + i * PAGE) ? "there" : "not there")

static void places(void)
{
    char *p = mmap(NULL, 8 * PAGE, rw, anonymous, -1, 0);
    SHOW(p != MAP_FAILED && (uintptr_t)p % PAGE == 0);
    SHOW(munmap(p + 2 * PAGE, 2 * PAGE));
    PAGES(p, 0, 8);
    SHOW(mmap(p + 2 * PAGE, PAGE, rw, anonymous, -1, 0) == p + 2 * PAGE);
    SHOW(mmap(p, PAGE, rw, anonymous, -1, 0) == p);
    SHOW(mmap(p, PAGE, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? errno == EEXIST : 2);
    SHOW(mmap(p + 3 * PAGE, PAGE, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0) == p + 3 * PAGE);
    p[0] = 1;
    SHOW(mmap(p, PAGE, rw, anonymous | MAP_FIXED, -1, 0) == p);
    SHOW(p[0]);
    SHOW(mmap(p + 1, PAGE, rw, anonymous | MAP_FIXED, -1, 0) == p);
    OK(mmap(NULL, 0, rw, anonymous, -1, 0));
    OK(mmap(NULL, PAGE, rw, MAP_PRIVATE, -1, 0));
    OK(mmap(NULL, PAGE, rw, MAP_PRIVATE, 99, 0));
    OK(mmap(NULL, PAGE, rw, MAP_ANONYMOUS, -1, 0));
    OK(mmap(NULL, PAGE, rw, anonymous, -1, 3));
    OK(mmap(NULL, ~0ul, rw, anonymous, -1, 0));
    OK(mmap(NULL, 1ul << 50, rw, anonymous, -1, 0));
    SHOW(munmap(p + 1, PAGE));
    SHOW(munmap(p, 0));
    SHOW(munmap(p, ~0ul));
    SHOW(munmap(p + 3 * PAGE, 100));
    PAGES(p, 0, 8);
    SHOW(munmap(p, 100 * PAGE - 100 * PAGE + 8 * PAGE));
    SHOW(munmap(p, 8 * PAGE));
}

static void protections(void)
{
    char *p = mmap(NULL, 4 * PAGE, rw, anonymous, -1, 0);
    SHOW(mprotect(p + PAGE, PAGE, PROT_NONE));
    PAGES(p, 0, 4);
    SHOW(mprotect(p, 4 * PAGE, PROT_READ));
    PAGES(p, 0, 4);
    int fds[2];
    SHOW(pipe(fds));
    SHOW(write(fds[1], "ab", 2));
    SHOW(read(fds[0], p, 1));
    SHOW(mprotect(p, PAGE, rw));
    SHOW(read(fds[0], p, 1));
    SHOW(p[0]);
    SHOW(mprotect(p + 1, PAGE, rw));
    SHOW(mprotect(p, 0, rw));
    munmap(p + 2 * PAGE, PAGE);
    SHOW(mprotect(p, 4 * PAGE, rw));
    SHOW(mprotect(p, PAGE, 0x40));
    SHOW(msync(p, PAGE, MS_SYNC));
    SHOW(msync(p, 4 * PAGE, MS_SYNC));
    SHOW(msync(p + 1, PAGE, MS_SYNC));
    SHOW(msync(p, PAGE, MS_SYNC | MS_ASYNC));
    p[0] = 5;
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(p[0]);
    SHOW(madvise(p, PAGE, 12345));
    SHOW(madvise(p + 1, PAGE, MADV_NORMAL));
    SHOW(madvise(p, 4 * PAGE, MADV_WILLNEED));
    unsigned char there[4] = {9, 9, 9, 9};
    p[0] = 1;
    SHOW(mincore(p, PAGE, there));
    SHOW(there[0] & 1);
    SHOW(mincore(p, 4 * PAGE, there));
    SHOW(mlock(p, PAGE));
    SHOW(munlock(p, PAGE));
    SHOW(mlock(p, 4 * PAGE));
    SHOW(munmap(p, 4 * PAGE));
}

static void moves(void)
{
    char *p = mmap(NULL, 8 * PAGE, rw, anonymous, -1, 0);
    for (int i = 0; i < 8; i++)
        p[i * PAGE] = (char)('a' + i);
    SHOW(munmap(p + 4 * PAGE, 4 * PAGE));
    SHOW(mremap(p, 4 * PAGE, 6 * PAGE, 0) == p);
    SHOW(p[3 * PAGE] + p[4 * PAGE]);
    SHOW(mremap(p, 6 * PAGE, 3 * PAGE, 0) == p);
    PAGES(p, 0, 5);
    SHOW(mmap(p + 3 * PAGE, PAGE, PROT_READ, anonymous | MAP_FIXED, -1, 0) == p + 3 * PAGE);
    OK(mremap(p, 3 * PAGE, 9 * PAGE, 0));
    char *q = mremap(p, 3 * PAGE, 90 * PAGE, MREMAP_MAYMOVE);
    SHOW(q != p && q[0] == 'a' && q[2 * PAGE] == 'c' && q[3 * PAGE] == 0);
    PAGES(p, 0, 4);
    char *r = mmap(NULL, 10 * PAGE, PROT_NONE, anonymous, -1, 0);
    SHOW(mremap(q, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r + PAGE) == r + PAGE);
    PAGES(r, 0, 6);
    PAGES(q, 0, 3);
    OK(mremap(q, PAGE, PAGE, MREMAP_MAYMOVE));
    OK(mremap(q + 1, PAGE, PAGE, 0));
    OK(mremap(r, PAGE, 0, 0));
    OK(mremap(r, PAGE, PAGE, MREMAP_FIXED, r));
    OK(mremap(r, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r + PAGE));
    OK(mremap(r, 3 * PAGE, 20 * PAGE, MREMAP_MAYMOVE));
    SHOW(r[PAGE] == 'a');
    char *kept = (char *)syscall(SYS_mremap, r + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, 0);
    SHOW(kept != MAP_FAILED && kept != r + PAGE && kept[0] == 'a' && !r[PAGE]);
}

static void files(void)
{
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    char page[PAGE];
    memset(page, 'x', sizeof page);
    SHOW(write(fd, page, 100));
    char *p = mmap(NULL, 2 * PAGE, rw, MAP_SHARED, fd, 0);
    SHOW(p[99] + p[100]);
    p[0] = 'y';
    SHOW(msync(p, PAGE, MS_SYNC));
    SHOW(pread(fd, page, 1, 0));
    SHOW(page[0]);
    PAGES(p, 0, 2);
    SHOW(ftruncate(fd, PAGE + 1));
    PAGES(p, 0, 2);
    char *private = mmap(NULL, PAGE, rw, MAP_PRIVATE, fd, 0);
    private[0] = 'z';
    SHOW(p[0]);
    p[1] = 'w';
    SHOW(private[1] != 0);
    SHOW(mmap(NULL, PAGE, rw, MAP_SHARED, open("f", O_RDONLY), 0) == MAP_FAILED);
    SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("f", O_WRONLY), 0) == MAP_FAILED);
    char *readonly = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("f", O_RDONLY), 0);
    SHOW(mprotect(readonly, PAGE, rw));
    OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100));
    OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x40000000, fd, 0));
    SHOW(close(fd));
    SHOW(p[0]);
    int memory = memfd_create("it", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    SHOW(ftruncate(memory, PAGE));
    SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
    OK(mmap(NULL, PAGE, rw, MAP_SHARED, memory, 0));
    OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, memory, 0));
}

static void breaks(void)
{
    char *start = sbrk(0);
    SHOW(sbrk(3 * PAGE) == start);
    start[0] = 1;
    start[3 * PAGE - 1] = 1;
    SHOW(sbrk(-2 * PAGE) == start + 3 * PAGE);
    SHOW(readable(start));
    SHOW(readable((char *)(((uintptr_t)start + PAGE + PAGE - 1) / PAGE * PAGE)));
    SHOW(sbrk(0) == start + PAGE);
    SHOW(sbrk(1l << 46) == (void *)-1);
    SHOW(syscall(SYS_brk, 0) == (long)(intptr_t)sbrk(0));
    SHOW(syscall(SYS_brk, 16) == (long)(intptr_t)sbrk(0));
    char *p = sbrk(2 * PAGE);
    bool zero = true;
    for (int i = 0; i < 2 * PAGE; i++)
        zero &= !p[i];
    SHOW(zero);
}

static void shared(void)
{
    int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
    char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
    SHOW(p != (void *)-1 && q != (void *)-1 && p != q);
    p[4999] = 'm';
    SHOW(q[4999]);
    struct shmid_ds ds;
    SHOW(shmctl(id, IPC_STAT, &ds));
    say("size %zu attached %lu", ds.shm_segsz, (unsigned long)ds.shm_nattch);
    OK(shmat(id, p + 1, 0));
    OK(shmat(id, p + 1, SHM_RND));
    OK(shmat(-1, NULL, 0));
    SHOW(shmdt(p + PAGE));
    SHOW(shmdt(p));
    SHOW(readable(p));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(q[4999]);
    pid_t pid = fork();
    if (!pid) {
        say("child sees %c", q[4999]);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    int *both = mmap(NULL, PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *own = mmap(NULL, PAGE, rw, anonymous, -1, 0);
    *both = *own = 1;
    if (!fork()) {
        *both = *own = 2;
        _exit(0);
    }
    wait(NULL);
    say("shared %d own %d", *both, *own);
}

int main(void)
{
    places();
    protections();
    moves();
    files();
    breaks();
    shared();
    return 0;
}
