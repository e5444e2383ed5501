/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The calls about the system and the process itself that cannot be handed on as they are. */
#include "base/bits.h"
#include "user/calls.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

int64_t sys_uname(struct user_thread *t, const uint64_t a[6])
{
    struct utsname name;
    if (uname(&name))
        return -errno;
    memset(name.machine, 0, sizeof name.machine);
    snprintf(name.machine, sizeof name.machine, "%s", t->user->abi->uname);
    return user_write(a[0], &name, sizeof name) ? 0 : -EFAULT;
}

/* By the C library, which needs no system call for the common clocks. */
int64_t sys_clock_gettime(struct user_thread *t, const uint64_t a[6])
{
    struct timespec now;
    (void)t;
    return clock_gettime((clockid_t)a[0], &now) ? -errno : user_write(a[1], &now, sizeof now) ? 0 : -EFAULT;
}

int64_t sys_gettimeofday(struct user_thread *t, const uint64_t a[6])
{
    struct timeval now;
    struct timezone zone;
    (void)t;
    if (gettimeofday(&now, &zone))
        return -errno;
    return (a[0] && !user_write(a[0], &now, sizeof now)) || (a[1] && !user_write(a[1], &zone, sizeof zone)) ? -EFAULT : 0;
}

/* a[at]: for how long, a[at + 1]: where the rest goes. One that was given up goes on where it was; see struct user_thread. */
static int64_t sleep_by(struct user_thread *t, long number, const uint64_t a[6], unsigned at)
{
    struct timespec left = t->sleep_left, rest = left;
    uint64_t args[6] = {a[0], a[1], a[2], a[3]};
    if (t->sleeps_on)
        args[at] = (uintptr_t)&left;
    args[at + 1] = (uintptr_t)&rest;
    int64_t r = user_call_wait(t, number, args);
    if (r != -EINTR)
        return r;
    t->sleep_left = rest;
    return a[at + 1] && !user_write(a[at + 1], &rest, sizeof rest) ? -EFAULT : r;
}

int64_t sys_nanosleep(struct user_thread *t, const uint64_t a[6]) { return sleep_by(t, SYS_nanosleep, a, 0); }

int64_t sys_clock_nanosleep(struct user_thread *t, const uint64_t a[6])
{
    return a[1] & TIMER_ABSTIME ? user_call_wait(t, SYS_clock_nanosleep, a) : sleep_by(t, SYS_clock_nanosleep, a, 2);
}

int64_t sys_personality(struct user_thread *t, const uint64_t a[6])
{
    (void)t;
    if ((uint32_t)a[0] != 0xffffffff && (a[0] & 0xff) != PER_LINUX)
        return -EINVAL;
    return os_syscall(SYS_personality, a);
}

int64_t sys_prctl(struct user_thread *t, const uint64_t a[6])
{
    int64_t r;
    if (t->user->abi->prctl && t->user->abi->prctl(t->cpu, a, &r))
        return r;
    enum { GET_TID_ADDRESS = 40 /* PR_GET_TID_ADDRESS, of kernels with checkpoints */ };
    switch ((int)a[0]) {
    case GET_TID_ADDRESS: return user_write(a[1], &t->clear_tid, sizeof t->clear_tid) ? 0 : -EFAULT;
    case PR_SET_SECCOMP:
    case PR_SET_MM:
    case PR_SET_SYSCALL_USER_DISPATCH: return -EINVAL;
    case PR_SET_NAME:
    case PR_GET_NAME:
    case PR_SET_PDEATHSIG:
    case PR_GET_PDEATHSIG:
    case PR_SET_DUMPABLE:
    case PR_GET_DUMPABLE: break;
    }
    return os_syscall(SYS_prctl, a);
}

/* Of memory, a limit would be this program's as well, so the guest's is kept apart (memory.c obeys it). */
static struct rlimit *own_limit(struct user_thread *t, uint64_t pid, uint64_t resource)
{
    bool own = !pid || (pid_t)pid == getpid();
    struct rlimit *limits = t->user->memory->limits;
    return !own ? NULL : resource == RLIMIT_AS ? &limits[USER_LIMIT_as] : resource == RLIMIT_DATA ? &limits[USER_LIMIT_data] : NULL;
}

int64_t sys_prlimit64(struct user_thread *t, const uint64_t a[6])
{
    struct rlimit *limit = own_limit(t, a[0], (unsigned)a[1]), new, old;
    if (!limit)
        return os_syscall(SYS_prlimit64, a);
    if (a[2] && !user_read(&new, a[2], sizeof new))
        return -EFAULT;
    os_mutex_lock(&t->user->memory->lock);
    old = *limit;
    int64_t r = !a[2] ? 0 : new.rlim_cur > new.rlim_max ? -EINVAL : new.rlim_max > old.rlim_max &&geteuid() ? -EPERM : 0;
    if (a[2] && !r)
        *limit = new;
    os_mutex_unlock(&t->user->memory->lock);
    return r ? r : a[3] && !user_write(a[3], &old, sizeof old) ? -EFAULT : 0;
}

int64_t sys_getrlimit(struct user_thread *t, const uint64_t a[6]) { return sys_prlimit64(t, (const uint64_t[6]){0, a[0], 0, a[1]}); }

int64_t sys_setrlimit(struct user_thread *t, const uint64_t a[6]) { return sys_prlimit64(t, (const uint64_t[6]){0, a[0], a[1], 0}); }

/* Its structure has other gaps on x86. */
int64_t sys_semctl(struct user_thread *t, const uint64_t a[6])
{
    struct {
        uint32_t perm[12];
        uint64_t otime, ctime, nsems, unused[2];
    } generic = {0};
    (void)t;
    int command = (int)a[2] & 0xff;
    if (command != IPC_STAT && command != IPC_SET && command != SEM_STAT && command != SEM_STAT_ANY)
        return os_syscall(SYS_semctl, a);
    struct semid_ds ds;
    const uint64_t args[6] = {a[0], a[1], a[2], (uintptr_t)&ds};
    _Static_assert(sizeof generic.perm == sizeof ds.sem_perm, "the same on all newer architectures");
    if (command == IPC_SET) {
        if (!user_read(&generic, a[3], sizeof generic))
            return -EFAULT;
        memcpy(&ds.sem_perm, generic.perm, sizeof ds.sem_perm);
        return os_syscall(SYS_semctl, args);
    }
    int64_t r = os_syscall(SYS_semctl, args);
    if (r < 0)
        return r;
    memcpy(generic.perm, &ds.sem_perm, sizeof ds.sem_perm);
    generic.otime = (uint64_t)ds.sem_otime;
    generic.ctime = (uint64_t)ds.sem_ctime;
    generic.nsems = ds.sem_nsems;
    return user_write(a[3], &generic, sizeof generic) ? r : -EFAULT;
}
