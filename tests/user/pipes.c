/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pipes and what moves data between descriptors. */
#include "user.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static volatile int broken;
static void note(int signal, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    broken = signal;
}

int main(void)
{
    int a[2], b[2], n = 0;
    char buf[64] = "";
    SHOW(pipe2(a, O_NONBLOCK | O_CLOEXEC));
    SHOW(pipe2(b, 0x12345));
    SHOW(pipe2(b, O_NONBLOCK));
    SHOW(read(a[0], buf, 1));
    SHOW(write(a[1], "hello world", 11));
    SHOW(ioctl(a[0], FIONREAD, &n));
    say("%d", n);
    SHOW(tee(a[0], b[1], 5, 0));
    SHOW(read(b[0], buf, sizeof buf));
    say("%.5s", buf);
    SHOW(splice(a[0], NULL, b[1], NULL, 6, 0));
    SHOW(read(b[0], buf, sizeof buf));
    say("%.6s", buf);
    int file = open("file", O_RDWR | O_CREAT, 0600);
    SHOW(splice(a[0], NULL, file, NULL, 100, 0));
    off64_t at = 1;
    SHOW(splice(file, &at, b[1], NULL, 100, 0));
    say("%ld", (long)at);
    SHOW(splice(file, NULL, file, NULL, 100, 0));
    SHOW(splice(a[0], &at, b[1], NULL, 100, 0));
    struct iovec v[2] = {{"abc", 3}, {"defg", 4}};
    SHOW(vmsplice(b[1], v, 2, 0));
    memset(buf, 0, sizeof buf);
    SHOW(read(b[0], buf, sizeof buf));
    say("%s", buf);
    SHOW(pwrite(file, "0123456789", 10, 0));
    off_t from = 3;
    SHOW(sendfile(b[1], file, &from, 4));
    say("%ld", (long)from);
    SHOW(sendfile(b[1], file, NULL, 100));
    int other = open("other", O_RDWR | O_CREAT, 0600);
    from = 0;
    SHOW(sendfile(other, file, &from, 100));
    loff_t to = 20;
    from = 5;
    SHOW(copy_file_range(file, &from, other, &to, 3, 0));
    say("%ld %ld", (long)from, (long)to);
    SHOW(lseek(other, 0, SEEK_END));
    SHOW(fcntl(b[0], F_SETPIPE_SZ, 5000));
    SHOW(fcntl(b[0], F_GETPIPE_SZ));
    static char much[1 << 20];
    SHOW(write(a[1], much, sizeof much));
    SHOW(write(a[1], much, 1));
    handle(SIGPIPE, note, 0);
    close(a[0]);
    SHOW(write(a[1], "x", 1));
    say("signal %d", broken);
    close(b[1]);
    while (read(b[0], buf, sizeof buf) > 0)
        ;
    SHOW(read(b[0], buf, 1));
    SHOW(read(b[0], NULL, 0));
    SHOW(write(b[0], "x", 1));
    int own = memfd_create("x", 0);
    OK(own);
    SHOW(write(own, "data", 4));
    SHOW(pread(own, buf, 10, 1));
    SHOW(process_vm_readv(getpid(), &(struct iovec){buf, 4}, 1, &(struct iovec){"over", 4}, 1, 0));
    say("%.4s", buf);
    SHOW(process_vm_readv(getpid(), &(struct iovec){buf, 4}, 1, &(struct iovec){(void *)16, 4}, 1, 0));
    return 0;
}
