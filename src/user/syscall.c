/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System calls: the row of the number says whether the host's call of the same name does it or a function here, and what its arguments are.
 * A call that waits is not begun, or is given up, when a signal for the guest comes; then it is as if it had not been made yet, or it
 * fails with EINTR, as the handler's flags and the row say.
 */
#include "base/bits.h"
#include "user/calls.h"
#include "user/strace.h"
#include "user/trace.h"
#include <errno.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

static const struct user_call calls[] = {
#define PASS(name, generic, args, flags)      [generic] = {#name, args, flags, SYS_##name, NULL, 0},
#define SAME(name, generic, args, flags)      [generic] = {#name, args, flags, generic, NULL, 0},
#define CALL(name, generic, args, flags)      [generic] = {#name, args, flags, -1, sys_##name, 0},
#define NONE(name, generic, args, error, why) [generic] = {#name, args, "", -1, NULL, error},
#include "user/syscalls.def"
#undef PASS
#undef SAME
#undef CALL
#undef NONE
};

int64_t user_call_wait(struct user_thread *t, long number, const uint64_t args[6])
{
    atomic_store(&t->held_came, false);
    accel_thread_away(t->cpu);
    atomic_store_explicit(&t->away, true, memory_order_relaxed);
    int64_t r = os_syscall_wait(number, args, &t->cpu->events, CPU_EVENT_stop);
    atomic_store_explicit(&t->away, false, memory_order_relaxed);
    accel_thread_back(t->cpu);
    return r;
}

/* Beyond the guest's memory there is nothing, for some way; what is there further up is none of its business. */
static void clip(uint64_t *at, uint64_t *size)
{
    if (*at >= MEM_FLAT_END)
        *at = MEM_FLAT_END + *at % USER_PAGE;
    if (*at + *size > MEM_FLAT_END + 2 * USER_PAGE)
        *size = MEM_FLAT_END + 2 * USER_PAGE - *at;
}

/* For a pointer to what is not the guest's: one into the kernel's half. The kernel says what it thinks of it, in its order. */
static uint64_t nowhere(uint64_t at) { return 0xffffffff80000000u | at % USER_PAGE; }

/* What lies in this program's own memory: further up there is the kernel's half, which it refuses itself. */
static bool sound(const void *start, uint64_t size)
{
    uint64_t at = (uintptr_t)start;
    return at >> 63 || (at < MEM_FLAT_END && size <= MEM_FLAT_END - at) || (!size && at < MEM_FLAT_END);
}

/* Pointers in structures. What cannot be read the kernel finds as well. */
static bool buffers_sound(uint64_t at, uint64_t count)
{
    struct iovec v;
    for (uint64_t i = 0; count <= IOV_MAX && i < count && user_read(&v, at + i * sizeof v, sizeof v); i++)
        if (!sound(v.iov_base, v.iov_len))
            return false;
    return true;
}

static bool message_sound(uint64_t at)
{
    struct msghdr m;
    return !user_read(&m, at, sizeof m) || (sound(m.msg_name, m.msg_namelen) && sound(m.msg_control, m.msg_controllen) &&
                                            sound(m.msg_iov, 0) && buffers_sound((uintptr_t)m.msg_iov, m.msg_iovlen));
}

static bool messages_sound(uint64_t at, uint64_t count)
{
    for (uint64_t i = 0; i < count && i < IOV_MAX; i++)
        if (!message_sound(at + i * sizeof(struct mmsghdr)))
            return false;
    return true;
}

/* Requests of io_submit(): a list of pointers to them. */
static bool requests_sound(uint64_t at, uint64_t count)
{
    struct iocb request;
    uint64_t item;
    for (uint64_t i = 0; i < count && i < IOV_MAX && user_read(&item, at + i * sizeof item, sizeof item); i++) {
        if (!sound((void *)(uintptr_t)item, 0))
            return false;
        if (!user_read(&request, item, sizeof request))
            continue;
        bool list = request.aio_lio_opcode == IOCB_CMD_PREADV || request.aio_lio_opcode == IOCB_CMD_PWRITEV;
        if (list ? !sound((void *)(uintptr_t)request.aio_buf, 0) || !buffers_sound(request.aio_buf, request.aio_nbytes)
                 : !sound((void *)(uintptr_t)request.aio_buf, request.aio_nbytes))
            return false;
    }
    return true;
}

/* A value of setsockopt() that is a pointer to a filter's insns. */
static bool option_sound(uint64_t level, uint64_t option, uint64_t at)
{
    struct sock_fprog program;
    bool filter = (int)level == SOL_SOCKET && ((int)option == SO_ATTACH_FILTER || (int)option == SO_ATTACH_REUSEPORT_CBPF);
    return !filter || !user_read(&program, at, sizeof program) || sound(program.filter, program.len * sizeof *program.filter);
}

/* Pointers that the kernel would take for this program's own memory, and paths below the sysroot. false: a structure has such a pointer. */
static bool check(const struct user_thread *t, const struct user_call *call, uint64_t args[6], char paths[2][PATH_MAX * 2])
{
    unsigned npaths = 0;
    for (unsigned i = 0; call->args[i]; i++) {
        char kind = call->args[i], path[PATH_MAX];
        bool own = kind == 'q' && args[i] >= MEM_FLAT_END && args[i] < MEM_FLAT_END * 2; /* where this program is */
        if (own || (strchr(USER_POINTERS, kind) && args[i] >= MEM_FLAT_END))
            args[i] = nowhere(args[i]);
        if ((kind == 'v' || kind == 'V') && !buffers_sound(args[i], args[i + 1]))
            return false;
        if ((kind == 'h' && !message_sound(args[i])) || (kind == 'H' && !messages_sound(args[i], args[i + 1])))
            return false;
        if ((kind == 'n' && !requests_sound(args[i], args[i - 1])) || (kind == 'e' && !option_sound(args[1], args[2], args[i])))
            return false;
        if (kind == 'A')
            clip(&args[i], &args[i + 1]);
        if (kind != 's' || !t->user->sysroot || !user_string(args[i], path, sizeof path))
            continue;
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
    memcpy(a, args, sizeof a);
    if (!check(t, call, a, paths))
        return -EFAULT;
    if (call->handler)
        return call->handler(t, a);
    int64_t r = *call->flags ? user_call_wait(t, call->host, a) : os_syscall(call->host, a);
    bool placed = call->host == SYS_pwrite64 || call->host == SYS_pwritev;
    if (t->user->tracees && r > 0 && (placed || call->host == SYS_write || call->host == SYS_writev))
        user_tracer_wrote(t->user, (int)a[0], r, placed ? (int64_t)a[3] : -1);
    return r;
}

static bool limited(int fd, int option)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;
    return !getsockopt(fd, SOL_SOCKET, option, &limit, &size) && (limit.tv_sec || limit.tv_usec);
}

/* Was it given up for a signal whose handler lets it be made again? */
static bool again(struct user_thread *t, const struct user_call *call, const uint64_t args[6], int64_t r)
{
    enum { SA_RESTART_FLAG = 0x10000000 };
    int signal = atomic_load(&t->pending);
    if (r == OS_SYSCALL_UNTRIED || (r == -EINTR && !signal && atomic_exchange(&t->held_came, false) && !t->waits))
        return true;
    return r == -EINTR && signal && call && strchr(call->flags, 'R') && (t->user->actions[signal].flags & SA_RESTART_FLAG) &&
           !(strchr(call->flags, 'r') && limited((int)args[0], SO_RCVTIMEO)) &&
           !(strchr(call->flags, 'w') && limited((int)args[0], SO_SNDTIMEO));
}

static int64_t missing(struct user_thread *t, const struct user_call *call, uint64_t number)
{
    static _Atomic uint64_t told[16];
    unsigned i = number / 64 % 16;
    if (!(atomic_fetch_or(&told[i], 1ull << number % 64) >> number % 64 & 1))
        log_write(t->user->log, LOG_warn, "user", "system call %llu (%s) is not there", (unsigned long long)number,
                  call ? call->name : "unknown");
    return call ? -call->error : -ENOSYS;
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

enum { RESTARTSYS = 512, RESTARTNOINTR, RESTARTNOHAND, RESTART_RESTARTBLOCK = 516 };

/* What a traced thread shows of a call that was given up for a signal: the kernel's ERESTART* (include/linux/errno.h). 0: it was not. */
static int restart_code(struct user_thread *t, const struct user_call *call, const uint64_t args[6], int64_t r)
{
    static const char *const ends[] = {"epoll_pwait", "epoll_pwait2", "rt_sigtimedwait", "semop", "semtimedop", "io_getevents"};
    bool came = atomic_exchange(&t->held_came, false) || atomic_load(&t->pending);
    if (r == OS_SYSCALL_UNTRIED)
        return RESTARTNOINTR;
    if (r != -EINTR || !came || !call || (strchr(call->flags, 'r') && limited((int)args[0], SO_RCVTIMEO)) ||
        (strchr(call->flags, 'w') && limited((int)args[0], SO_SNDTIMEO)))
        return 0;
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++)
        if (!strcmp(call->name, ends[i]))
            return 0;
    return strchr(call->flags, 'R') ? RESTARTSYS : strstr(call->name, "nanosleep") ? RESTART_RESTARTBLOCK : RESTARTNOHAND;
}

/* first: the call's first argument, in the register that has its result now. */
static void end_traced(struct user_thread *t, const struct user_call *call, const uint64_t args[6], uint64_t first, int64_t r,
                       bool slept_on)
{
    const struct user_abi *abi = t->user->abi;
    struct cpu *cpu = t->cpu;
    uint64_t now[6], end = cpu->pc;
    int code = restart_code(t, call, args, r);
    user_trace_made(t);
    if (code || r != USER_NO_RESULT)
        abi->result(cpu, code ? -code : r == USER_INTERRUPTED ? -EINTR : r);
    user_trace_return(t);
    abi->arguments(cpu, now);
    if (!code || (int64_t)now[0] != -code || cpu->pc != end)
        return;
    abi->result(cpu, (int64_t)first);
    cpu->pc -= abi->call_size;
    t->again.code = code;
    t->again.pc = cpu->pc;
    t->sleeps_on = code == RESTART_RESTARTBLOCK || (code == RESTARTNOINTR && slept_on);
}

/* Flags of open() are an architecture's own. */
static void translate_flags(const struct user_abi *abi, const struct user_call *call, uint64_t args[6])
{
    for (unsigned i = 0; call && abi->open_flags && call->args[i]; i++)
        if (call->args[i] == 'o')
            args[i] = abi->open_flags(args[i], true);
}

void user_syscall(struct user_thread *t)
{
    const struct user_abi *abi = t->user->abi;
    struct cpu *cpu = t->cpu;
    uint64_t number = abi->number(cpu), args[6], pc = cpu->pc;
    abi->arguments(cpu, args);
    cpu->pc = pc + abi->call_size;
    uint64_t first = args[0];
    bool traced = user_traced(t), made = !traced || user_trace_call(t, &number, args);
    const struct user_call *call = user_call_find(t->user, number);
    int64_t r;
    translate_flags(abi, call, args);
    if (t->user->options->strace)
        user_strace_begin(t, call, number, args);
    if (!made)
        r = USER_NO_RESULT;
    else if (call && !call->error)
        r = run(t, call, args);
    else
        r = missing(t, call, number);
    if (t->user->options->strace)
        user_strace_end(t, call, args, r);
    bool slept_on = t->sleeps_on;
    t->sleeps_on = false;
    if (traced || user_traced(t)) {
        end_traced(t, call, args, first, r, slept_on);
    } else if (again(t, call, args, r)) {
        cpu->pc = pc;
        t->sleeps_on = call && strstr(call->name, "nanosleep") && (r == -EINTR || slept_on);
    } else if (r == USER_INTERRUPTED)
        abi->result(cpu, -EINTR);
    else if (r != USER_NO_RESULT)
        abi->result(cpu, r);
}
