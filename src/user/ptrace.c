/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The requests of ptrace(2), by the thread that traces. What the kernel would say of registers and stops the traced thread's block says. */
#include "base/bits.h"
#include "user/calls.h"
#include "user/trace.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU            31
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif

enum { OPTIONS = 0x3000ff, MACHINE_ARM64 = 183 };

#define FIELD(name) offsetof(struct user_trace, name)

/* ---- running on ---- */

static int64_t resume(struct user_tracee *e, int request, uint64_t signal)
{
    struct {
        uint32_t traced, options, mode;
    } head;
    static const struct {
        int request;
        enum user_trace_mode mode;
    } modes[] = {{PTRACE_CONT, USER_TRACE_cont},       {PTRACE_DETACH, USER_TRACE_cont},
                 {PTRACE_SYSCALL, USER_TRACE_syscall}, {PTRACE_SINGLESTEP, USER_TRACE_step},
                 {PTRACE_SYSEMU, USER_TRACE_sysemu},   {PTRACE_SYSEMU_SINGLESTEP, USER_TRACE_sysemu_step}};
    bool ends = request == PTRACE_DETACH;
    unsigned i = 0;
    while (modes[i].request != request)
        i++;
    bool steps = modes[i].mode == USER_TRACE_step || modes[i].mode == USER_TRACE_sysemu_step;
    if (signal > USER_SIGNALS || (steps && e->machine != MACHINE_ARM64))
        return -EIO;
    if (!e->foreign && user_tracee_block(e)) {
        if (!user_tracee_get(e, 0, &head, sizeof head))
            return -ESRCH;
        head.traced = !ends;
        head.mode = modes[i].mode;
        user_tracee_put(e, 0, &head, sizeof head);
    }
    bool stands = e->state == TRACEE_guest;
    if (stands) {
        const int32_t how[2] = {(int32_t)signal, getpid()};
        const uint32_t yes = 1;
        user_tracee_put(e, FIELD(signal), how, sizeof how);
        user_tracee_put(e, FIELD(answered), &yes, sizeof yes);
    }
    e->state = TRACEE_runs;
    return user_ptrace(ends ? PTRACE_DETACH : PTRACE_CONT, e->tid, 0, stands ? 0 : signal);
}

/* ---- what it shows ---- */

/* Registers by the number of their note. */
static const struct regset {
    unsigned machine, note; /* machine 0: all */
    size_t at, size;
    uint32_t dirty; /* 0: they are only read */
} regsets[] = {
    {243, 1, FIELD(registers), 32 * 8, USER_DIRTY_registers}, /* NT_PRSTATUS */
    {243, 2, FIELD(floats), 264, USER_DIRTY_floats},          /* NT_PRFPREG */
    {MACHINE_ARM64, 1, FIELD(registers), 34 * 8, USER_DIRTY_registers},
    {MACHINE_ARM64, 2, FIELD(floats), 528, USER_DIRTY_floats},
    {MACHINE_ARM64, 0x401, FIELD(tls), 8, USER_DIRTY_tls},   /* NT_ARM_TLS */
    {MACHINE_ARM64, 0x404, FIELD(call_number), 4, 1u << 31}, /* NT_ARM_SYSTEM_CALL */
    {MACHINE_ARM64, 0x402, 0, 8, 0},                         /* NT_ARM_HW_BREAK, NT_ARM_HW_WATCH: there are none */
    {MACHINE_ARM64, 0x403, 0, 8, 0},
};

static const struct regset *regset_of(const struct user_tracee *e, uint64_t note)
{
    for (const struct regset *r = regsets; r < regsets + ARRAY_LEN(regsets); r++)
        if (r->machine == e->machine && r->note == note)
            return r;
    return NULL;
}

static int64_t registers(struct user_tracee *e, bool set, uint64_t note, uint64_t vector_at)
{
    struct iovec v;
    uint8_t values[1024] = {0, 6 /* the version of arm64's debug architecture, with no registers */};
    uint32_t fresh = 0, dirty = 0;
    if (!user_read(&v, vector_at, sizeof v))
        return -EFAULT;
    if (!user_tracee_block(e) || !user_tracee_get(e, FIELD(fresh), &fresh, sizeof fresh) || !fresh)
        return -EIO; /* a stop signal has stopped it anywhere in this program */
    const struct regset *r = regset_of(e, note);
    if (!r || v.iov_len % (r->size % 8 ? 4 : 8))
        return -EINVAL;
    size_t size = v.iov_len < r->size ? v.iov_len : r->size;
    if (set && !r->dirty)
        return -ENOSPC;
    if (r->at && !user_tracee_get(e, r->at, values, r->size))
        return -ESRCH;
    if (set) {
        if (!user_read(values, (uintptr_t)v.iov_base, size))
            return -EFAULT;
        user_tracee_get(e, FIELD(dirty), &dirty, sizeof dirty);
        dirty |= r->dirty;
        user_tracee_put(e, r->at, values, r->size);
        user_tracee_put(e, FIELD(dirty), &dirty, sizeof dirty);
    } else if (!user_write((uintptr_t)v.iov_base, values, size)) {
        return -EFAULT;
    }
    v.iov_len = size;
    return user_write(vector_at, &v, sizeof v) ? 0 : -EFAULT;
}

/* struct ptrace_syscall_info */
static int64_t syscall_info(struct user_tracee *e, uint64_t room, uint64_t to)
{
    enum { NONE, ENTRY, EXIT };
    struct {
        uint8_t kind, reserved;
        uint16_t flags;
        uint32_t arch;
        uint64_t pc, sp, values[7];
    } info = {.arch = e->machine | 0xc0000000u /* AUDIT_ARCH_*: 64 bits, little-endian */};
    struct user_trace tr;
    if (!user_tracee_block(e) || !user_tracee_get(e, 0, &tr, sizeof tr))
        return -EIO;
    size_t size = offsetof(__typeof__(info), values);
    bool call = e->state == TRACEE_guest && (tr.options & PTRACE_O_TRACESYSGOOD);
    info.pc = tr.pc;
    info.sp = tr.sp;
    if (call && tr.stop == USER_STOP_entry) {
        info.kind = ENTRY;
        info.values[0] = tr.number;
        memcpy(info.values + 1, tr.args, sizeof tr.args);
        size = sizeof info;
    } else if (call && tr.stop == USER_STOP_exit) {
        bool failed = tr.result < 0 && tr.result >= -4095;
        info.kind = EXIT;
        info.values[0] = (uint64_t)tr.result;
        info.values[1] = failed;
        size += sizeof info.values[0] + 1;
    }
    return user_write(to, &info, room < size ? room : size) ? (int64_t)size : -EFAULT;
}

static int64_t event_message(struct user_tracee *e, uint64_t to)
{
    uint64_t message = 0;
    uint32_t stop = 0;
    if (e->state == TRACEE_guest)
        user_tracee_get(e, FIELD(stop), &stop, sizeof stop);
    if (stop == USER_STOP_exec)
        message = e->message;
    else if (stop == USER_STOP_entry || stop == USER_STOP_exit)
        message = stop == USER_STOP_entry ? 1 : 2; /* PTRACE_EVENTMSG_SYSCALL_* */
    else
        user_ptrace(PTRACE_GETEVENTMSG, e->tid, 0, (uintptr_t)&message);
    return user_write(to, &message, sizeof message) ? 0 : -EFAULT;
}

static int64_t signal_info(struct user_tracee *e, bool set, uint64_t at)
{
    siginfo_t info;
    if (e->state != TRACEE_guest) {
        int64_t r = set && !user_read(&info, at, sizeof info)
                        ? -EFAULT
                        : user_ptrace(set ? PTRACE_SETSIGINFO : PTRACE_GETSIGINFO, e->tid, 0, (uintptr_t)&info);
        return r || set ? r : user_write(at, &info, sizeof info) ? 0 : -EFAULT;
    }
    if (set)
        return !user_read(&info, at, sizeof info) ? -EFAULT : user_tracee_put(e, FIELD(info), &info, sizeof info) ? 0 : -ESRCH;
    return !user_tracee_get(e, FIELD(info), &info, sizeof info) ? -ESRCH : user_write(at, &info, sizeof info) ? 0 : -EFAULT;
}

static int64_t signal_mask(struct user_tracee *e, bool set, uint64_t size, uint64_t at)
{
    uint64_t mask;
    uint32_t dirty;
    if (size != sizeof mask)
        return -EINVAL;
    if (e->state != TRACEE_guest || !user_tracee_get(e, FIELD(mask), &mask, sizeof mask))
        return -EIO;
    if (!set)
        return user_write(at, &mask, sizeof mask) ? 0 : -EFAULT;
    if (!user_read(&mask, at, sizeof mask))
        return -EFAULT;
    user_tracee_get(e, FIELD(dirty), &dirty, sizeof dirty);
    dirty |= USER_DIRTY_mask;
    user_tracee_put(e, FIELD(mask), &mask, sizeof mask);
    user_tracee_put(e, FIELD(dirty), &dirty, sizeof dirty);
    return 0;
}

/* ---- its memory ---- */

static int64_t word(struct user_tracee *e, bool set, uint64_t at, uint64_t data)
{
    uint64_t value;
    if (at >= MEM_FLAT_END || at > MEM_FLAT_END - sizeof value)
        return -EIO;
    if (!set) {
        int64_t r = user_ptrace(PTRACE_PEEKDATA, e->tid, at, (uintptr_t)&value);
        return r ? r : user_write(data, &value, sizeof value) ? 0 : -EFAULT;
    }
    int64_t r = user_ptrace(PTRACE_POKEDATA, e->tid, at, data);
    if (!r && !e->foreign)
        user_tracee_changed(e, at, at + sizeof value);
    return r;
}

/* ---- beginning, and the request ---- */

static int64_t trace_me(struct user_thread *t)
{
    int64_t r = user_ptrace(PTRACE_TRACEME, 0, 0, 0);
    if (r || !t->trace)
        return r;
    t->trace->options = t->trace->mode = t->trace->seized = 0;
    atomic_store(&t->trace->traced, 1);
    return 0;
}

static int64_t attach(struct user_thread *t, int request, pid_t tid, uint64_t address, uint64_t options)
{
    bool seize = request == PTRACE_SEIZE;
    if (seize && (address || options & ~(uint64_t)OPTIONS))
        return -EIO;
    struct user_tracee *e = user_tracee_find(t->user, tid) ? NULL : user_tracee_add(t->user, tid);
    int64_t r = user_ptrace(request, tid, 0, seize ? user_trace_options((uint32_t)options) : 0);
    if (r) {
        if (e)
            user_tracee_remove(t->user, tid);
        return r;
    }
    const uint32_t head[4] = {1, seize ? (uint32_t)options : 0, USER_TRACE_cont, seize};
    if (e && user_tracee_block(e))
        user_tracee_put(e, 0, head, sizeof head);
    return 0;
}

static int64_t set_options(struct user_tracee *e, uint64_t options)
{
    const uint32_t value = (uint32_t)options;
    if (options & ~(uint64_t)OPTIONS)
        return -EINVAL;
    int64_t r = user_ptrace(PTRACE_SETOPTIONS, e->tid, 0, user_trace_options(value));
    if (!r && user_tracee_block(e))
        user_tracee_put(e, FIELD(options), &value, sizeof value);
    return r;
}

static int64_t interrupt(struct user_tracee *e)
{
    const uint32_t yes = 1;
    uint32_t seized = 0;
    if (e->foreign || e->listens || !user_tracee_block(e))
        return user_ptrace(PTRACE_INTERRUPT, e->tid, 0, 0);
    user_tracee_get(e, FIELD(seized), &seized, sizeof seized);
    if (!seized)
        return -EIO;
    user_tracee_put(e, FIELD(interrupt), &yes, sizeof yes);
    user_tracee_wake(e);
    return 0;
}

static int64_t listen(struct user_tracee *e)
{
    int64_t r = user_ptrace(PTRACE_LISTEN, e->tid, 0, 0);
    if (!r) {
        e->listens = true;
        e->state = TRACEE_runs;
    }
    return r;
}

static int64_t when_stopped(struct user_tracee *e, int request, uint64_t address, uint64_t data)
{
    enum { GETSIGMASK = 0x420a, SETSIGMASK, GET_SYSCALL_INFO = 0x420e };
    if (e->state == TRACEE_runs)
        return -ESRCH;
    switch (request) {
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_SINGLESTEP:
    case PTRACE_SYSEMU:
    case PTRACE_SYSEMU_SINGLESTEP:
    case PTRACE_DETACH: return resume(e, request, data);
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA: return word(e, false, address, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA: return word(e, true, address, data);
    case PTRACE_GETREGSET: return registers(e, false, address, data);
    case PTRACE_SETREGSET: return registers(e, true, address, data);
    case PTRACE_GETSIGINFO: return signal_info(e, false, data);
    case PTRACE_SETSIGINFO: return signal_info(e, true, data);
    case GETSIGMASK: return signal_mask(e, false, address, data);
    case SETSIGMASK: return signal_mask(e, true, address, data);
    case PTRACE_GETEVENTMSG: return event_message(e, data);
    case PTRACE_SETOPTIONS: return set_options(e, data);
    case GET_SYSCALL_INFO: return syscall_info(e, address, data);
    case PTRACE_LISTEN: return listen(e);
    default: return -EIO;
    }
}

int64_t sys_ptrace(struct user_thread *t, const uint64_t a[6])
{
    int request = (int)a[0];
    pid_t tid = (pid_t)a[1];
    if (request == PTRACE_TRACEME)
        return trace_me(t);
    if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
        return attach(t, request, tid, a[2], a[3]);
    struct user_tracee *e = user_tracee_find(t->user, tid);
    if (!e)
        return -ESRCH;
    if (request == PTRACE_KILL)
        return user_ptrace(PTRACE_KILL, tid, 0, 0);
    if (request == PTRACE_INTERRUPT)
        return interrupt(e);
    int64_t r = when_stopped(e, request, a[2], a[3]);
    if (request == PTRACE_DETACH && !r)
        user_tracee_remove(t->user, tid);
    return r;
}
