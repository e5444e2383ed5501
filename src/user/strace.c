/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A line is put together and written at once, so that threads and processes do not mix theirs. */
#include "user/strace.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct line {
    char text[1024];
    size_t len;
};

static void add(struct line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line->text + line->len, sizeof line->text - line->len, fmt, args);
    va_end(args);
    line->len += n < 0 ? 0 : (size_t)n;
    line->len = line->len < sizeof line->text ? line->len : sizeof line->text - 1;
}

static void string(struct line *line, uint64_t at)
{
    char buf[256];
    if (!at) {
        add(line, "NULL");
        return;
    }
    if (!user_string(at, buf, sizeof buf)) {
        add(line, "0x%llx", (unsigned long long)at);
        return;
    }
    add(line, "\"");
    for (const char *p = buf; *p; p++)
        add(line, *p >= 32 && *p < 127 && *p != '"' && *p != '\\' ? "%c" : "\\x%02x", (unsigned char)*p);
    add(line, "\"");
}

static void argument(struct line *line, char kind, uint64_t v)
{
    switch (kind) {
    case 'd': add(line, "%lld", (long long)(int64_t)(int32_t)v == (long long)v ? (long long)v : (long long)(int32_t)v); return;
    case 'u': add(line, "%llu", (unsigned long long)v); return;
    case 'f': add(line, "%d", (int)v); return;
    case 'a': add(line, (int)v == AT_FDCWD ? "AT_FDCWD" : "%d", (int)v); return;
    case 'm': add(line, "0%o", (unsigned)v); return;
    case 'g': add(line, "SIG%s", sigabbrev_np((int)v) ? sigabbrev_np((int)v) : "?"); return;
    case 's':
    case 'S': string(line, v); return;
    case 'p':
    case 'P':
        if (!v) {
            add(line, "NULL");
            return;
        } /* fall through */
    default: add(line, "0x%llx", (unsigned long long)v);
    }
}

static void begin(struct line *line, const struct user_thread *t, const struct user_call *call, uint64_t number, const uint64_t args[6])
{
    add(line, "%d ", (int)t->tid);
    if (!call) {
        add(line, "syscall_%llu(0x%llx, 0x%llx, 0x%llx)", (unsigned long long)number, (unsigned long long)args[0],
            (unsigned long long)args[1], (unsigned long long)args[2]);
        return;
    }
    add(line, "%s(", call->name);
    for (unsigned i = 0; call->args[i]; i++) {
        add(line, i ? ", " : "");
        argument(line, call->args[i], args[i]);
    }
    add(line, ")");
}

static void put(struct line *line)
{
    add(line, "\n");
    if (write(STDERR_FILENO, line->text, line->len) < 0)
        return; /* nowhere to say it */
}

/* Calls that do not come back, or change what their arguments point to, are printed before they are made. */
static bool early(const struct user_call *call)
{
    return call && (!strncmp(call->name, "exec", 4) || !strncmp(call->name, "exit", 4) || !strcmp(call->name, "rt_sigreturn"));
}

void user_strace_begin(const struct user_thread *t, const struct user_call *call, uint64_t number, const uint64_t args[6])
{
    struct line line = {.len = 0};
    if (!early(call) && call)
        return;
    begin(&line, t, call, number, args);
    put(&line);
}

void user_strace_end(const struct user_thread *t, const struct user_call *call, const uint64_t args[6], int64_t result)
{
    struct line line = {.len = 0};
    if (!call || (early(call) && result == USER_NO_RESULT))
        return;
    begin(&line, t, call, 0, args);
    if (result == OS_SYSCALL_UNTRIED)
        add(&line, " = ? (again after a signal)");
    else if (result < 0 && result > -4096)
        add(&line, " = -1 %s (%s)", strerrorname_np((int)-result) ? strerrorname_np((int)-result) : "?", strerror((int)-result));
    else
        add(&line, result > 0xffff ? " = 0x%llx" : " = %lld", (long long)result);
    put(&line);
}
