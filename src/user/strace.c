/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A line is put together and written at once, so that threads and processes do not mix theirs. */
#include "user/strace.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_FD = 900 }; /* from here on the file's descriptor is looked for, where programs seldom have theirs */

static int strace_fd = STDERR_FILENO; /* of the process: system calls are its own, too */

/* It is added to if this program is another one's child. */
int user_strace_open(const struct user_options *options, struct err *err)
{
    if (!options->strace_file)
        return 0;
    int fd = open(options->strace_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (options->child ? 0 : O_TRUNC), 0666);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot write the system calls to %s", options->strace_file);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FILE_FD);
    if (high >= 0)
        close(fd);
    strace_fd = high >= 0 ? high : fd;
    return 0;
}

static void begin(struct strace_line *line, const struct user_thread *t, const struct user_call *call, uint64_t number,
                  const uint64_t args[6], int64_t result)
{
    strace_add(line, "%d ", (int)t->tid);
    if (!call) {
        strace_add(line, "syscall_%llu(0x%llx, 0x%llx, 0x%llx)", (unsigned long long)number, (unsigned long long)args[0],
                   (unsigned long long)args[1], (unsigned long long)args[2]);
        return;
    }
    strace_add(line, "%s(", call->name);
    for (unsigned i = 0; call->args[i]; i++) {
        strace_add(line, i ? ", " : "");
        strace_argument(line, call->args, i, args, result);
    }
    strace_add(line, ")");
}

static void put(struct strace_line *line)
{
    if (line->len > sizeof line->text - 2)
        line->len = sizeof line->text - 2;
    line->text[line->len++] = '\n';
    if (write(strace_fd, line->text, line->len) < 0)
        return; /* nowhere to say it */
}

/* Calls that do not come back, or change what their arguments point to, are printed before they are made. */
static bool early(const struct user_call *call)
{
    return call && (!strncmp(call->name, "exec", 4) || !strncmp(call->name, "exit", 4) || !strcmp(call->name, "rt_sigreturn"));
}

void user_strace_begin(const struct user_thread *t, const struct user_call *call, uint64_t number, const uint64_t args[6])
{
    struct strace_line line = {.len = 0};
    if (!early(call) && call)
        return;
    begin(&line, t, call, number, args, -1);
    put(&line);
}

void user_strace_end(const struct user_thread *t, const struct user_call *call, const uint64_t args[6], int64_t result)
{
    struct strace_line line = {.len = 0};
    if (!call || (early(call) && (result == USER_NO_RESULT || result >= 0)))
        return;
    if (result == USER_INTERRUPTED)
        result = -EINTR;
    begin(&line, t, call, 0, args, result == OS_SYSCALL_UNTRIED ? -1 : result);
    if (result == OS_SYSCALL_UNTRIED)
        strace_add(&line, " = ? (again after a signal)");
    else if (result < 0 && result > -4096)
        strace_add(&line, " = -1 %s (%s)", strerrorname_np((int)-result) ? strerrorname_np((int)-result) : "?", strerror((int)-result));
    else
        strace_add(&line, result > 0xffff ? " = 0x%llx" : " = %lld", (long long)result);
    put(&line);
}
