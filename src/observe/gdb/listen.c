/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a debugger connects: never by a network, since whoever connects may do everything that the process may. */
#include "observe/gdb/gdb.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_on(const char *where, int family, const void *address, socklen_t size, struct err *err)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    mode_t before = umask(077); /* of the socket's file */
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool bad = fd < 0 || bind(fd, address, size) || listen(fd, 1);
    int error = errno;
    umask(before);
    if (!bad)
        return fd;
    if (fd >= 0)
        close(fd);
    return err_set_errno(err, error, "cannot listen for a debugger at %s", where);
}

int gdb_listen(const char *where, struct err *err)
{
    char *end;
    unsigned long port = strtoul(where, &end, 10);
    if (strchr(where, '/')) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct stat st;
        if (strlen(where) >= sizeof address.sun_path)
            return err_set(err, STATUS_config, "the path of a socket has at most %zu bytes: %s", sizeof address.sun_path - 1, where);
        memcpy(address.sun_path, where, strlen(where) + 1);
        if (!lstat(where, &st) && S_ISSOCK(st.st_mode))
            unlink(where); /* of a run before */
        return listen_on(where, AF_UNIX, &address, sizeof address, err);
    }
    if (*end || end == where || !port || port > 65535)
        return err_set(err, STATUS_config, "a debugger connects to a port, 1 to 65535, or a path with a slash, not '%s'", where);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return listen_on(where, AF_INET, &address, sizeof address, err);
}
