/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sockets: unix with descriptors and credentials in messages, inet on loopback, many messages at once, options. */
#include "user.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void controls(void)
{
    int pair[2], one = 1;
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    int file = open("sent", O_RDWR | O_CREAT, 0600);
    SHOW(write(file, "through", 7));
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control = {.bytes = ""};
    struct iovec v = {"data", 4};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(2 * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(c), (int[]){file, file}, 2 * sizeof(int));
    SHOW(sendmsg(pair[0], &m, 0));
    char buf[16] = "";
    v = (struct iovec){buf, sizeof buf};
    m.msg_controllen = sizeof control;
    SHOW(recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC));
    say("%s flags %x", buf, (unsigned)m.msg_flags & ~(unsigned)MSG_CMSG_CLOEXEC);
    for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        say("level %d type %d len %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
        if (c->cmsg_type == SCM_RIGHTS) {
            int fds[2];
            memcpy(fds, CMSG_DATA(c), sizeof fds);
            memset(buf, 0, sizeof buf);
            SHOW(pread(fds[1], buf, 7, 0));
            say("%s cloexec %d", buf, fcntl(fds[0], F_GETFD));
        } else {
            struct ucred own;
            memcpy(&own, CMSG_DATA(c), sizeof own);
            say("own %d", own.pid == getpid() && own.uid == getuid() && own.gid == getgid());
        }
    }
    m.msg_iovlen = 5000;
    SHOW(sendmsg(pair[0], &m, 0));
    m.msg_iovlen = 1;
    m.msg_controllen = 5;
    SHOW(recvmsg(pair[1], &m, MSG_DONTWAIT));
    struct ucred peer;
    socklen_t size = sizeof peer;
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size));
    say("own %d", peer.pid == getpid());
}

static void names(void)
{
    struct sockaddr_un at = {AF_UNIX, "./socket"}, got;
    socklen_t size = sizeof got;
    int server = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    SHOW(bind(server, (struct sockaddr *)&at, sizeof at));
    SHOW(bind(client, (struct sockaddr *)&at, sizeof at));
    SHOW(connect(client, (struct sockaddr *)&at, sizeof at));
    SHOW(listen(server, 5));
    SHOW(connect(client, (struct sockaddr *)&at, sizeof at));
    int accepted = accept4(server, (struct sockaddr *)&got, &size, SOCK_NONBLOCK);
    OK(accepted);
    say("size %u", size);
    size = sizeof got;
    SHOW(getsockname(accepted, (struct sockaddr *)&got, &size));
    say("%u %s", size, got.sun_path);
    size = 4;
    SHOW(getpeername(client, (struct sockaddr *)&got, &size));
    say("size %u", size);
    char buf[8];
    SHOW(recv(accepted, buf, 8, 0));
    SHOW(send(client, "packet", 6, MSG_EOR));
    SHOW(recv(accepted, buf, 3, MSG_PEEK));
    SHOW(recv(accepted, buf, 3, MSG_TRUNC));
    SHOW(shutdown(client, SHUT_WR));
    SHOW(recv(accepted, buf, 8, 0));
    SHOW(shutdown(client, 9));
    size = sizeof got;
    SHOW(accept(client, (struct sockaddr *)&got, &size));
    SHOW(getsockname(0, (struct sockaddr *)&got, &size));
}

static void inet(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), one = 1, got = 0;
    SHOW(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    SHOW(bind(server, (struct sockaddr *)&at, sizeof at));
    SHOW(listen(server, 1));
    SHOW(getsockname(server, (struct sockaddr *)&at, &size));
    say("%u %d %d", size, at.sin_family, at.sin_port != 0);
    SHOW(connect(client, (struct sockaddr *)&at, sizeof at));
    int accepted = accept(server, NULL, NULL);
    SHOW(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    size = sizeof got;
    SHOW(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &got, &size));
    say("%d %u", got, size);
    SHOW(getsockopt(client, SOL_SOCKET, SO_TYPE, &got, &size));
    say("%d", got);
    SHOW(setsockopt(client, 77, 77, &one, sizeof one));
    SHOW(setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &one, 1));
    const struct timeval limit = {0, 2000};
    SHOW(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    char buf[16];
    SHOW(recv(client, buf, 1, 0));
    SHOW(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 0}, sizeof limit));
    SHOW(send(accepted, "abcdef", 6, MSG_NOSIGNAL));
    SHOW(recv(client, buf, 6, MSG_WAITALL));
    close(accepted);
    SHOW(recv(client, buf, 1, 0));
    SHOW(connect(client, (struct sockaddr *)&at, sizeof at));
    at.sin_family = 99;
    SHOW(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof at));
    SHOW(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, 2));
    OK(socket(77, SOCK_STREAM, 0));
    OK(socket(AF_INET, 77, 0));
    OK(socket(AF_INET, SOCK_STREAM, 77));
    close(server);
    at.sin_family = AF_INET;
    SHOW(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof at));
}

static void datagrams(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from;
    socklen_t size = sizeof at;
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    SHOW(bind(a, (struct sockaddr *)&at, sizeof at));
    SHOW(getsockname(a, (struct sockaddr *)&at, &size));
    SHOW(sendto(b, "one", 3, 0, (struct sockaddr *)&at, sizeof at));
    char buf[4][8] = {""};
    size = sizeof from;
    SHOW(recvfrom(a, buf[0], 8, 0, (struct sockaddr *)&from, &size));
    say("%.3s %u %d", buf[0], size, from.sin_addr.s_addr == at.sin_addr.s_addr);
    struct iovec v[4] = {{"ab", 2}, {"cde", 3}, {"f", 1}, {"ghij", 4}};
    struct mmsghdr out[4], in[4];
    memset(out, 0, sizeof out);
    for (int i = 0; i < 4; i++)
        out[i].msg_hdr = (struct msghdr){.msg_name = &at, .msg_namelen = sizeof at, .msg_iov = &v[i], .msg_iovlen = 1};
    SHOW(sendmmsg(b, out, 4, 0));
    say("%u %u %u %u", out[0].msg_len, out[1].msg_len, out[2].msg_len, out[3].msg_len);
    struct iovec w[4];
    memset(in, 0, sizeof in);
    for (int i = 0; i < 4; i++) {
        w[i] = (struct iovec){buf[i], 3};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &w[i], .msg_iovlen = 1};
    }
    SHOW(recvmmsg(a, in, 4, 0, &(struct timespec){1000, 0}));
    for (int i = 0; i < 4; i++)
        say("%u %.3s %x", in[i].msg_len, buf[i], (unsigned)in[i].msg_hdr.msg_flags);
    SHOW(sendmmsg(b, out, 1, 0));
    SHOW(recvmmsg(a, in, 4, MSG_WAITFORONE, &(struct timespec){1000, 0}));
    SHOW(recv(b, buf, 8, 0));
    SHOW(recvfrom(a, buf[0], 8, MSG_DONTWAIT, NULL, NULL));
    SHOW(sendto(b, buf, 70000, 0, (struct sockaddr *)&at, sizeof at));
    SHOW(send(b, "x", 1, 0));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    controls();
    names();
    inet();
    datagrams();
    return 0;
}
