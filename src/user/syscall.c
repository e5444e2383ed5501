/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System calls: the row of the number says whether the host's call of the same name does it or a function here, and what its arguments are.
 * A call that waits is not begun, or is given up, when a signal for the guest comes; then it is as if it had not been made yet, or it
 * fails with EINTR, as the handler's flags and the row say.
 */
#include "base/bits.h"
#include "user/calls.h"
#include "user/strace.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

static const struct user_call calls[] = {
#define PASS(name, generic, args, flags) [generic] = {#name, args, flags, SYS_##name, NULL},
#define CALL(name, generic, args, flags) [generic] = {#name, args, flags, -1, sys_##name},
#include "user/syscalls.def"
#undef PASS
#undef CALL
};

int64_t user_call_wait(struct user_thread *t, long number, const uint64_t args[6])
{
    accel_thread_away(t->cpu);
    int64_t r = os_syscall_wait(number, args, &t->cpu->events, CPU_EVENT_stop);
    accel_thread_back(t->cpu);
    return r;
}

/* Pointers that the kernel would take for this program's own memory, and paths below the sysroot. false: *error. */
static bool check(const struct user_thread *t, const struct user_call *call, uint64_t args[6], char paths[2][PATH_MAX * 2], int64_t *error)
{
    unsigned npaths = 0;
    *error = -EFAULT;
    for (unsigned i = 0; call->args[i]; i++) {
        char kind = call->args[i];
        if ((kind == 'p' || kind == 's' || kind == 'S') && args[i] >= MEM_FLAT_END)
            return false;
        if (kind != 's' || !t->user->sysroot || !args[i])
            continue;
        char path[PATH_MAX];
        if (!user_string(args[i], path, sizeof path))
            return false; /* too long ends as ENAMETOOLONG would: not at all below */
        const char *to = user_path(t->user, path, paths[npaths]);
        if (to == path)
            continue;
        args[i] = (uintptr_t)to;
        npaths++;
    }
    return true;
}

static int64_t run(struct user_thread *t, const struct user_call *call, const uint64_t args[6])
{
    char paths[2][PATH_MAX * 2];
    uint64_t a[6];
    int64_t error;
    memcpy(a, args, sizeof a);
    if (!check(t, call, a, paths, &error))
        return error;
    if (call->handler)
        return call->handler(t, a);
    return *call->flags ? user_call_wait(t, call->host, a) : os_syscall(call->host, a);
}

/* Was it given up for a signal whose handler lets it be made again? */
static bool again(const struct user_thread *t, const struct user_call *call, int64_t r)
{
    enum { SA_RESTART_FLAG = 0x10000000 };
    int signal = atomic_load(&t->pending);
    if (r == OS_SYSCALL_UNTRIED)
        return true;
    return r == -EINTR && signal && call && strchr(call->flags, 'R') && (t->user->actions[signal].flags & SA_RESTART_FLAG);
}

static void unknown(struct user_thread *t, uint64_t number)
{
    static _Atomic uint64_t told[16];
    unsigned i = number / 64 % 16;
    if (!(atomic_fetch_or(&told[i], 1ull << number % 64) >> number % 64 & 1))
        log_write(t->user->log, LOG_warn, "user", "system call %llu is not there (ENOSYS)", (unsigned long long)number);
}

const struct user_call *user_call_find(const struct user *user, uint64_t number)
{
    if (number < ARRAY_LEN(calls) && calls[number].name)
        return &calls[number];
    for (const struct user_call *own = user->abi->calls; own && own->name; own++)
        if ((uint64_t)own->host == number)
            return own;
    return NULL;
}

void user_syscall(struct user_thread *t)
{
    const struct user_abi *abi = t->user->abi;
    struct cpu *cpu = t->cpu;
    uint64_t number = abi->number(cpu), args[6], pc = cpu->pc;
    const struct user_call *call = user_call_find(t->user, number);
    int64_t r = -ENOSYS;
    abi->arguments(cpu, args);
    cpu->pc = pc + abi->call_size;
    if (t->user->options->strace)
        user_strace_begin(t, call, number, args);
    if (call)
        r = run(t, call, args);
    else
        unknown(t, number);
    if (t->user->options->strace)
        user_strace_end(t, call, args, r);
    if (again(t, call, r))
        cpu->pc = pc;
    else if (r != USER_NO_RESULT)
        abi->result(cpu, r);
}
