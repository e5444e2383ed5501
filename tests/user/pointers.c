/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every system call with every pointer argument bad in every way, one by one: the result is the kernel's, and nobody crashes or hangs. Each
 * call is made in a process of its own, with descriptors of several kinds. What would change the system is left out.
 */
#include "user.h"
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

static const struct row {
    const char *name, *args;
    long number;
} rows[] = {
#ifdef __riscv
#define PASS(name, generic, args, flags) {#name, args, generic},
#else
#define PASS(name, generic, args, flags) {#name, args, SYS_##name},
#endif
#define CALL(name, generic, args, flags) PASS(name, generic, args, flags)
#define SAME(name, generic, args, flags)
#define NONE(name, generic, args, error, why)
#include "user/syscalls.def"
};

/* What ends the world, the test, or has another meaning on another architecture. */
static const char *const left_out =
    " acct adjtimex clock_adjtime clock_settime clone clone3 exit exit_group kill pivot_root ptrace reboot rt_sigreturn sethostname setdomainname "
    "settimeofday swapoff swapon syslog tgkill tkill umount2 vhangup mount unshare setns seccomp rt_sigqueueinfo rt_tgsigqueueinfo personality "
    "renameat getrlimit setrlimit brk munmap mmap mremap mprotect shmat shmdt set_tid_address rt_sigsuspend sync syncfs quotactl quotactl_fd "
    "rt_sigaction io_destroy io_submit io_cancel io_getevents io_pgetevents fanotify_mark move_pages migrate_pages set_mempolicy mbind get_mempolicy "
    "open_by_handle_at name_to_handle_at fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr add_key request_key keyctl "
    "remap_file_pages set_mempolicy_home_node ioctl fcntl process_mrelease process_madvise kcmp prctl set_robust_list get_robust_list futex_waitv "
    "prlimit64 sched_setaffinity msgctl shmctl semctl nfsservctl mq_open mq_unlink mq_notify capset io_setup lookup_dcookie ";

#define POINTERS "psSbBtTzyYvVhHkKlneA"

static bool leave_out(const char *name)
{
    char word[64];
    snprintf(word, sizeof word, " %s ", name);
    return strstr(left_out, word);
}

static char *edge, *readonly, *unmapped;
static char buffer[8192] __attribute__((aligned(4096)));
static int kinds[4];

static const struct {
    const char *name;
    int what;
} bad[] = {{"null", 0}, {"one", 1}, {"unmapped", 2}, {"read-only", 3}, {"kernel", 4}, {"above", 5}, {"edge", 6}};

static uint64_t bad_pointer(int what)
{
    switch (what) {
    case 0: return 0;
    case 1: return 1;
    case 2: return (uintptr_t)unmapped;
    case 3: return (uintptr_t)readonly;
    case 4: return 0xffffffff80000000u;
    case 5: return 1ull << 47;
    default: return (uintptr_t)edge - 1;
    }
}

static void tick(int signal) { (void)signal; }

/* A call that waits is interrupted each time; another one now and then, on a slow machine. */
static const char *outcome(const struct row *row, const uint64_t a[6])
{
    long r = -1;
    int error = EINTR;
    for (int tries = 0; tries < 5 && r == -1 && error == EINTR; tries++) {
        struct itimerval soon = {{0, 20000}, {0, 20000}};
        setitimer(ITIMER_REAL, &soon, NULL);
        r = syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        error = errno;
        soon = (struct itimerval){{0, 0}, {0, 0}};
        setitimer(ITIMER_REAL, &soon, NULL);
    }
    return r == -1 ? error_name(error) : "ok";
}

static void attempt(const struct row *row, unsigned position, int kind)
{
    char line[500];
    int n = snprintf(line, sizeof line, "%s %u fd %d:", row->name, position, kind);
    for (unsigned b = 0; b < sizeof bad / sizeof *bad; b++) {
        uint64_t a[6] = {0};
        memset(buffer, 0, sizeof buffer);
        for (unsigned i = 0; row->args[i]; i++)
            switch (row->args[i]) {
            case 's':
            case 'S':
                snprintf(buffer + 4096, 8, "/");
                a[i] = (uintptr_t)buffer + 4096;
                break;
            case 'f': a[i] = (uint64_t)kinds[kind]; break;
            case 'a': a[i] = (uint64_t)AT_FDCWD; break;
            case 'u': a[i] = 8; break;
            case 'g':
            case 'd':
            case 'x':
            case 'o':
            case 'm':
            case 'O':
            case 'F':
            case 'c':
            case 'w':
            case 'G':
            case 'q': a[i] = 0; break;
            default: a[i] = (uintptr_t)buffer; break;
            }
        a[position] = bad_pointer(bad[b].what);
        n += snprintf(line + n, sizeof line - (size_t)n, " %s %s", bad[b].name, outcome(row, a));
    }
    say("%s", line);
}

static void call(const struct row *row)
{
    bool descriptor = strchr(row->args, 'f');
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (unsigned i = 0; row->args[i]; i++)
        if (strchr(POINTERS, row->args[i]))
            for (int kind = 0; kind < (descriptor ? 4 : 1); kind++)
                attempt(row, i, kind);
}

static void descriptors(void)
{
    int pair[2];
    kinds[0] = memfd_create("file", 0);
    if (ftruncate(kinds[0], 100) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
        exit(1);
    kinds[1] = pair[0];
    if (write(pair[1], buffer, 1000) != 1000)
        exit(1);
    kinds[2] = epoll_create1(0);
    if (pipe2(pair, O_NONBLOCK) || write(pair[1], buffer, 100) != 100)
        exit(1);
    kinds[3] = pair[0];
}

/* Pointers within structures. */
static void nested(void)
{
    for (unsigned b = 0; b < sizeof bad / sizeof *bad; b++) {
        void *at = (void *)(uintptr_t)bad_pointer(bad[b].what);
        struct iovec v[2] = {{buffer, 1}, {at, 2}}, w[1] = {{at, 2}};
        struct msghdr m = {.msg_iov = w, .msg_iovlen = 1};
        char line[500];
        int n = snprintf(line, sizeof line, "nested %s:", bad[b].name);
#define NEXT(call) n += snprintf(line + n, sizeof line - (size_t)n, " %s", ((call) == -1) ? error_name(errno) : "ok")
        NEXT(preadv(kinds[0], v, 2, 0));
        NEXT(preadv(kinds[0], w, 1, 0));
        NEXT(pwritev(kinds[0], w, 1, 50));
        NEXT(writev(kinds[1], w, 1));
        NEXT(readv(kinds[1], w, 1));
        NEXT(sendmsg(kinds[1], &m, MSG_DONTWAIT));
        NEXT(recvmsg(kinds[1], &m, MSG_DONTWAIT));
        m = (struct msghdr){.msg_iov = v, .msg_iovlen = 1, .msg_control = at, .msg_controllen = 16};
        NEXT(sendmsg(kinds[1], &m, MSG_DONTWAIT));
        m = (struct msghdr){.msg_iov = v, .msg_iovlen = 1, .msg_name = at, .msg_namelen = 16};
        NEXT(sendmsg(kinds[1], &m, MSG_DONTWAIT));
        m = (struct msghdr){.msg_iov = at, .msg_iovlen = 1};
        NEXT(sendmsg(kinds[1], &m, MSG_DONTWAIT));
        struct mmsghdr mm[1] = {{.msg_hdr = {.msg_iov = w, .msg_iovlen = 1}}};
        NEXT(sendmmsg(kinds[1], mm, 1, MSG_DONTWAIT));
        NEXT(recvmmsg(kinds[1], mm, 1, MSG_DONTWAIT, NULL));
        NEXT(process_vm_readv(getpid(), w, 1, v, 1, 0));
        NEXT(process_vm_readv(getpid(), v, 1, w, 1, 0));
        NEXT(ioctl(kinds[1], FIONREAD, at));
        NEXT(fcntl(kinds[0], F_OFD_GETLK, at));
        NEXT(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &(struct timespec){0, 1}, (void *[2]){at, (void *)8}));
        say("%s", line);
    }
}

/*
 * The stack that the kernel sees: this program's own, or that of whoever runs it, whose memory no call may read or write for us, also where the
 * pointer stands in a structure.
 */
static void somebody_elses(void)
{
    char text[512] = "", here[8], *at = text;
    int fd = open("/proc/self/syscall", O_RDONLY), file = open("aio", O_RDWR | O_CREAT, 0600), udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (read(fd, text, sizeof text - 1) < 1)
        return;
    for (int field = 0; field < 7 && at; field++) /* number, six arguments; stack pointer, program counter */
        at = strchr(at + 1, ' ');
    char *stack = at ? (char *)(uintptr_t)strtoull(at, NULL, 16) : NULL;
    bool own = (uintptr_t)stack >> 24 == (uintptr_t)here >> 24;
    struct iovec to = {here, sizeof here}, from = {stack, sizeof here};
    say("read %d", (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof here) == own);
    struct iocb request = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (unsigned)file, .aio_buf = (uintptr_t)stack, .aio_nbytes = 8};
    struct iocb list = {.aio_lio_opcode = IOCB_CMD_PWRITEV, .aio_fildes = (unsigned)file, .aio_buf = (uintptr_t)&from, .aio_nbytes = 1};
    aio_context_t context = 0;
    OK(syscall(SYS_io_setup, 4, &context));
    say("submitted %d", (syscall(SYS_io_submit, context, 1, (struct iocb *[]){&request}) == 1) == own);
    say("a list %d", (syscall(SYS_io_submit, context, 1, (struct iocb *[]){&list}) == 1) == own);
    struct sock_fprog program = {.len = 1, .filter = (struct sock_filter *)(void *)stack};
    int r = setsockopt(udp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    say("a filter %d", (r && errno == EFAULT) == !own);
    unlink("aio");
}

int main(void)
{
    edge = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + PAGE, PAGE);
    edge += PAGE;
    unmapped = edge;
    readonly = edge + PAGE;
    mprotect(readonly, PAGE, PROT_READ);
    struct sigaction action = {.sa_handler = tick};
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    descriptors();
    nested();
    in_child("elsewhere", somebody_elses);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (leave_out(rows[i].name) || !strpbrk(rows[i].args, POINTERS))
            continue;
        int status = 0;
        pid_t pid = fork();
        if (!pid) {
            descriptors();
            call(&rows[i]);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        if (status)
            show_status(rows[i].name, status);
    }
    return 0;
}
