/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Arguments of system calls as text, by the letters of their row (syscalls.def). Everything is the guest's, so nothing needs to be there. */
#include "base/bits.h"
#include "user/strace.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

enum { SHOWN = 32, LIST = 8 }; /* bytes of a buffer, items of a list */

void strace_add(struct strace_line *line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line->text + line->len, sizeof line->text - line->len, fmt, args);
    va_end(args);
    line->len += n < 0 ? 0 : (size_t)n;
    line->len = line->len < sizeof line->text ? line->len : sizeof line->text - 1;
}

static void address(struct strace_line *line, uint64_t at)
{
    if (at)
        strace_add(line, "0x%llx", (unsigned long long)at);
    else
        strace_add(line, "NULL");
}

static void text(struct strace_line *line, const char *bytes, size_t n, bool more)
{
    strace_add(line, "\"");
    for (size_t i = 0; i < n; i++) {
        const char *escaped = strchr("\nn\tt\rr\"\"\\\\", bytes[i]);
        if (bytes[i] && escaped && (escaped - "\nn\tt\rr\"\"\\\\") % 2 == 0)
            strace_add(line, "\\%c", escaped[1]);
        else
            strace_add(line, bytes[i] >= 32 && bytes[i] < 127 ? "%c" : "\\x%02x", (unsigned char)bytes[i]);
    }
    strace_add(line, more ? "\"..." : "\"");
}

static void string(struct strace_line *line, uint64_t at)
{
    char buf[256];
    if (user_string(at, buf, sizeof buf))
        text(line, buf, strlen(buf), false);
    else if (user_read(buf, at, sizeof buf))
        text(line, buf, sizeof buf, true);
    else
        address(line, at);
}

static void bytes(struct strace_line *line, uint64_t at, uint64_t size)
{
    char buf[SHOWN];
    uint64_t n = size < SHOWN ? size : SHOWN;
    if (at && user_read(buf, at, n))
        text(line, buf, n, size > SHOWN);
    else
        address(line, at);
}

/* ---- numbers with names ---- */

struct name {
    uint64_t value;
    const char *name;
};

#define NAME(value)   \
    {                 \
        value, #value \
    }

/* Each bit or group of bits that is set, then what is left. */
static void flags(struct strace_line *line, uint64_t v, const struct name *names, size_t n, const char *none)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        if (names[i].value && (v & names[i].value) == names[i].value) {
            strace_add(line, any ? "|%s" : "%s", names[i].name);
            v &= ~names[i].value;
            any = true;
        }
    if (v)
        strace_add(line, any ? "|0x%llx" : "0x%llx", (unsigned long long)v);
    else if (!any)
        strace_add(line, "%s", none);
}

static void open_flags(struct strace_line *line, uint64_t v)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    static const struct name names[] = {NAME(O_CREAT),   NAME(O_EXCL),      NAME(O_NOCTTY),   NAME(O_TRUNC),
                                        NAME(O_APPEND),  NAME(O_NONBLOCK),  NAME(O_SYNC),     NAME(O_DSYNC),
                                        NAME(O_TMPFILE), NAME(O_DIRECTORY), NAME(O_NOFOLLOW), NAME(O_PATH),
                                        NAME(O_CLOEXEC), NAME(O_DIRECT),    NAME(O_NOATIME),  {0100000, "O_LARGEFILE"}};
    strace_add(line, "%s", modes[v & O_ACCMODE]);
    if (v & ~(uint64_t)O_ACCMODE) {
        strace_add(line, "|");
        flags(line, v & ~(uint64_t)O_ACCMODE, names, ARRAY_LEN(names), "0");
    }
}

static void protection(struct strace_line *line, uint64_t v)
{
    static const struct name names[] = {NAME(PROT_READ), NAME(PROT_WRITE), NAME(PROT_EXEC), NAME(PROT_GROWSDOWN), NAME(PROT_GROWSUP)};
    flags(line, v, names, ARRAY_LEN(names), "PROT_NONE");
}

static void map_flags(struct strace_line *line, uint64_t v)
{
    static const struct name names[] = {NAME(MAP_SHARED_VALIDATE), NAME(MAP_SHARED),    NAME(MAP_PRIVATE),
                                        NAME(MAP_FIXED),           NAME(MAP_ANONYMOUS), NAME(MAP_GROWSDOWN),
                                        NAME(MAP_NORESERVE),       NAME(MAP_POPULATE),  NAME(MAP_STACK),
                                        NAME(MAP_HUGETLB),         NAME(MAP_LOCKED),    {0x100000, "MAP_FIXED_NOREPLACE"}};
    flags(line, v, names, ARRAY_LEN(names), "0");
}

static void signal_name(struct strace_line *line, uint64_t v)
{
    const char *name = sigabbrev_np((int)v);
    if (name)
        strace_add(line, "SIG%s", name);
    else
        strace_add(line, (int)v > 31 && (int)v < 65 ? "SIGRT_%d" : "%d", (int)v > 31 && (int)v < 65 ? (int)v - 32 : (int)v);
}

static void clone_flags(struct strace_line *line, uint64_t v)
{
    static const struct name names[] = {NAME(CLONE_VM),
                                        NAME(CLONE_FS),
                                        NAME(CLONE_FILES),
                                        NAME(CLONE_SIGHAND),
                                        NAME(CLONE_PIDFD),
                                        NAME(CLONE_VFORK),
                                        NAME(CLONE_PARENT),
                                        NAME(CLONE_THREAD),
                                        NAME(CLONE_NEWNS),
                                        NAME(CLONE_SYSVSEM),
                                        NAME(CLONE_SETTLS),
                                        NAME(CLONE_PARENT_SETTID),
                                        NAME(CLONE_NEWUTS),
                                        NAME(CLONE_NEWIPC),
                                        NAME(CLONE_NEWUSER),
                                        NAME(CLONE_CHILD_CLEARTID),
                                        NAME(CLONE_CHILD_SETTID),
                                        NAME(CLONE_NEWPID),
                                        NAME(CLONE_NEWNET),
                                        NAME(CLONE_NEWCGROUP),
                                        NAME(CLONE_IO)};
    flags(line, v & ~0xffull, names, ARRAY_LEN(names), "0");
    if (v & 0xff) {
        strace_add(line, "|");
        signal_name(line, v & 0xff);
    }
}

static void wait_options(struct strace_line *line, uint64_t v)
{
    static const struct name names[] = {NAME(WNOHANG), NAME(WUNTRACED),          NAME(WEXITED),         NAME(WCONTINUED),
                                        NAME(WNOWAIT), {0x80000000, "__WCLONE"}, {0x40000000, "__WALL"}};
    flags(line, (uint32_t)v, names, ARRAY_LEN(names), "0");
}

/* ---- structures ---- */

static void time_at(struct strace_line *line, uint64_t at)
{
    struct timespec t;
    if (at && user_read(&t, at, sizeof t))
        strace_add(line, "{%lld.%09ld}", (long long)t.tv_sec, t.tv_nsec);
    else
        address(line, at);
}

static void stat_at(struct strace_line *line, uint64_t at)
{
    struct { /* its beginning, on all newer architectures */
        uint64_t dev, ino;
        uint32_t mode, nlink, uid, gid;
        uint64_t rdev, pad;
        int64_t size;
    } st;
    static const struct name kinds[] = {NAME(S_IFREG), NAME(S_IFDIR), NAME(S_IFLNK), NAME(S_IFCHR),
                                        NAME(S_IFBLK), NAME(S_IFIFO), NAME(S_IFSOCK)};
    if (!at || !user_read(&st, at, sizeof st)) {
        address(line, at);
        return;
    }
    const char *kind = "?";
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        kind = (st.mode & S_IFMT) == kinds[i].value ? kinds[i].name : kind;
    strace_add(line, "{%s|0%03o, size %lld}", kind, st.mode & 07777, (long long)st.size);
}

static void signals_at(struct strace_line *line, uint64_t at)
{
    uint64_t set;
    if (!at || !user_read(&set, at, sizeof set)) {
        address(line, at);
        return;
    }
    bool all_but = set >> 32 == 0xffffffff, any = false;
    strace_add(line, all_but ? "~[" : "[");
    for (unsigned signal = 1; signal <= 64; signal++)
        if ((set >> (signal - 1) & 1) != all_but) {
            strace_add(line, any ? " " : "");
            any = true;
            const char *name = sigabbrev_np((int)signal);
            strace_add(line, name ? "%s" : "%.0sRT_%u", name ? name : "", signal - 32);
        }
    strace_add(line, "]");
}

/* left: how many bytes of it all count. */
static void buffers_at(struct strace_line *line, uint64_t at, uint64_t count, bool shown, uint64_t left)
{
    struct iovec v;
    strace_add(line, "[");
    for (uint64_t i = 0; i < count && i < LIST && user_read(&v, at + i * sizeof v, sizeof v); i++) {
        strace_add(line, i ? ", {" : "{");
        if (shown)
            bytes(line, (uintptr_t)v.iov_base, v.iov_len < left ? v.iov_len : left);
        else
            address(line, (uintptr_t)v.iov_base);
        left -= v.iov_len < left ? v.iov_len : left;
        strace_add(line, ", %zu}", v.iov_len);
    }
    strace_add(line, count > LIST ? ", ...]" : "]");
}

static void message_at(struct strace_line *line, uint64_t at)
{
    struct msghdr m;
    if (!at || !user_read(&m, at, sizeof m)) {
        address(line, at);
        return;
    }
    strace_add(line, "{name %u, ", m.msg_namelen);
    buffers_at(line, (uintptr_t)m.msg_iov, m.msg_iovlen, true, UINT64_MAX);
    strace_add(line, ", control %zu}", (size_t)m.msg_controllen);
}

static void socket_at(struct strace_line *line, uint64_t at)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } a = {.any = {.ss_family = AF_UNSPEC}};
    char buf[INET6_ADDRSTRLEN];
    size_t size = sizeof a.any;
    while (size > sizeof a.any.ss_family && !user_read(&a, at, size)) /* it may be a short one at the end of a page */
        size /= 2;
    if (!at || size <= sizeof a.any.ss_family)
        address(line, at);
    else if (a.any.ss_family == AF_UNIX)
        strace_add(line, "{AF_UNIX, \"%s%.100s\"}", *a.un.sun_path ? "" : "@", a.un.sun_path + !*a.un.sun_path);
    else if (a.any.ss_family == AF_INET)
        strace_add(line, "{AF_INET, %s:%u}", inet_ntop(AF_INET, &a.in.sin_addr, buf, sizeof buf), ntohs(a.in.sin_port));
    else if (a.any.ss_family == AF_INET6)
        strace_add(line, "{AF_INET6, [%s]:%u}", inet_ntop(AF_INET6, &a.in6.sin6_addr, buf, sizeof buf), ntohs(a.in6.sin6_port));
    else
        strace_add(line, "{family %u}", a.any.ss_family);
}

static void strings_at(struct strace_line *line, uint64_t at)
{
    uint64_t item = 0;
    unsigned n = 0;
    strace_add(line, "[");
    for (; at && user_read(&item, at + n * sizeof item, sizeof item) && item; n++) {
        if (n == LIST) {
            strace_add(line, ", ...");
            break;
        }
        strace_add(line, n ? ", " : "");
        string(line, item);
    }
    strace_add(line, "]");
}

/* ---- ---- */

static void number(struct strace_line *line, char kind, uint64_t v)
{
    static const char *const how[] = {"SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"};
    switch (kind) {
    case 'd': strace_add(line, "%lld", (int64_t)(int32_t)v == (int64_t)v || v >> 32 ? (long long)v : (long long)(int32_t)v); return;
    case 'u': strace_add(line, "%llu", (unsigned long long)v); return;
    case 'f': strace_add(line, "%d", (int)v); return;
    case 'a': strace_add(line, (int)v == AT_FDCWD ? "AT_FDCWD" : "%d", (int)v); return;
    case 'm': strace_add(line, "0%o", (unsigned)v); return;
    case 'o': open_flags(line, v); return;
    case 'O': protection(line, v); return;
    case 'F': map_flags(line, v); return;
    case 'c': clone_flags(line, v); return;
    case 'w': wait_options(line, v); return;
    case 'g': signal_name(line, v); return;
    case 'G': strace_add(line, v < 3 ? "%s" : "%.0s%llu", v < 3 ? how[v] : "", (unsigned long long)v); return;
    case 'P':
    case 'A':
    case 'p': address(line, v); return;
    default: strace_add(line, "0x%llx", (unsigned long long)v);
    }
}

void strace_argument(struct strace_line *line, const char *kinds, unsigned i, const uint64_t args[6], int64_t result)
{
    uint64_t v = args[i], next = i < 5 ? args[i + 1] : 0, written = result > 0 ? (uint64_t)result : 0;
    bool done = result >= 0;
    switch (kinds[i]) {
    case 's':
    case 'S': string(line, v); return;
    case 'b': bytes(line, v, next); return;
    case 'l': strings_at(line, v); return;
    case 't': time_at(line, v); return;
    case 'y': signals_at(line, v); return;
    case 'k': socket_at(line, v); return;
    case 'v': buffers_at(line, v, next, true, UINT64_MAX); return;
    case 'V': buffers_at(line, v, next, done, written); return;
    case 'h': message_at(line, v); return;
    case 'B':
        if (written && written <= next)
            bytes(line, v, written);
        else
            address(line, v);
        return;
    case 'T':
    case 'z':
    case 'Y':
    case 'K':
        if (!done)
            address(line, v);
        else if (kinds[i] == 'T')
            time_at(line, v);
        else if (kinds[i] == 'z')
            stat_at(line, v);
        else if (kinds[i] == 'Y')
            signals_at(line, v);
        else
            socket_at(line, v);
        return;
    case 'n':
    case 'e':
    case 'H': address(line, v); return;
    default: number(line, kinds[i], v);
    }
}
