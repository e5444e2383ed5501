/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Resource limits: what was set is what is read, here and in children and programs that are started; those of memory are obeyed. */
#include "user.h"
#include <sys/resource.h>

static void show(const char *what, int resource)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit))
        say("%s: %s", what, error_name(errno));
    else
        say("%s: %lld %lld", what, (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

static void set(int resource, rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = {soft, hard};
    SHOW(setrlimit((__rlimit_resource_t)resource, &limit));
}

static void stack_overflow_in_small_stack(void)
{
    set(RLIMIT_CORE, 0, 0);
    volatile char *sp = __builtin_frame_address(0);
    for (long i = 0; i < 64l << 20; i += PAGE)
        sp[-i] = 1;
}

static void file_size(void)
{
    signal(SIGXFSZ, SIG_IGN);
    set(RLIMIT_FSIZE, 100, 100);
    int fd = open("limited", O_RDWR | O_CREAT, 0600);
    static char data[200];
    SHOW(write(fd, data, sizeof data));
    SHOW(write(fd, data, sizeof data));
    SHOW(ftruncate(fd, 5000));
    signal(SIGXFSZ, SIG_DFL);
    set(RLIMIT_CORE, 0, 0);
    SHOW(write(fd, data, sizeof data));
}

static void memory(void)
{
    set(RLIMIT_AS, 1ul << 30, RLIM_INFINITY);
    show("as", RLIMIT_AS);
    SHOW(mmap(NULL, 2ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    SHOW(malloc(2ul << 30) == NULL);
    SHOW(malloc(1 << 20) != NULL);
    void *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(mremap(p, PAGE, 2ul << 30, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    set(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);
    SHOW(mmap(NULL, 2ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
    set(RLIMIT_DATA, 1 << 20, RLIM_INFINITY);
    SHOW(sbrk(64 << 20) == (void *)-1);
    show("data", RLIMIT_DATA);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (getenv("AGAIN")) {
        show("stack", RLIMIT_STACK);
        show("files", RLIMIT_NOFILE);
        show("as", RLIMIT_AS);
        SHOW(mmap(NULL, 2ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
        return 0;
    }
    set(RLIMIT_NOFILE, 50, 60);
    show("files", RLIMIT_NOFILE);
    int fd = open("/dev/null", O_RDONLY), last = fd;
    while (last >= 0 && last < 100)
        last = dup(fd);
    SHOW(last == -1 && errno == EMFILE);
    for (int i = 3; i < 60; i++)
        close(i);
    set(RLIMIT_NOFILE, 61, 60);
    set(99, 1, 1);
    show("99", 99);
    struct rlimit old, none = {0, 0};
    SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, &old));
    SHOW(syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, NULL, &old));
    say("core %lld", (long long)old.rlim_cur);
    SHOW(syscall(SYS_prlimit64, 999999999, RLIMIT_CORE, NULL, &old));
    in_child("size of files", file_size);
    in_child("memory", memory);
    set(RLIMIT_STACK, 4 << 20, RLIM_INFINITY);
    show("stack", RLIMIT_STACK);
    in_child("small stack", stack_overflow_in_small_stack);
    fflush(stdout);
    if (!fork()) {
        set(RLIMIT_AS, 1ul << 30, 1ul << 40);
        putenv((char *)(uintptr_t) "AGAIN=1");
        execv("/proc/self/exe", argv);
        _exit(9);
    }
    wait(NULL);
    struct rusage usage;
    SHOW(getrusage(RUSAGE_SELF, &usage));
    SHOW(usage.ru_maxrss > 100 && usage.ru_minflt > 0);
    SHOW(getrusage(RUSAGE_CHILDREN, &usage));
    SHOW(getrusage(RUSAGE_THREAD, &usage));
    SHOW(getrusage(55, &usage));
    errno = 0;
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 5));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(getpriority(9, 0));
    return 0;
}
