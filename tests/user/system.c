/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls about the system and about the process as a whole. */
#include "user.h"
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void schedule(void)
{
    cpu_set_t set;
    struct sched_param p = {.sched_priority = 3};
    SHOW(sched_getaffinity(0, sizeof set, &set));
    SHOW(CPU_COUNT(&set) > 0);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(syscall(SYS_sched_getaffinity, 0, 3, &set));
    SHOW(sched_getaffinity(999999999, sizeof set, &set));
    CPU_ZERO(&set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(sched_getscheduler(0));
    SHOW(sched_setscheduler(0, SCHED_BATCH, &p));
    p.sched_priority = 0;
    SHOW(sched_setscheduler(0, SCHED_BATCH, &p));
    SHOW(sched_getscheduler(0));
    SHOW(sched_getparam(0, &p));
    SHOW(p.sched_priority);
    SHOW(sched_get_priority_max(SCHED_FIFO));
    SHOW(sched_get_priority_min(77));
    SHOW(sched_yield());
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attr;
    SHOW(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0));
    say("%u %u %d", attr.size, attr.policy, attr.nice);
    unsigned cpu = 9999;
    SHOW(getcpu(&cpu, NULL));
    SHOW(cpu < 4096);
}

static void ids(void)
{
    uid_t r, e, s;
    gid_t list[64];
    SHOW(getresuid(&r, &e, &s));
    SHOW(r == getuid() && e == geteuid());
    SHOW(getresgid(&r, &e, &s));
    SHOW(setuid(getuid()));
    SHOW(setgid(getgid()));
    SHOW(getgroups(0, NULL) >= 0);
    SHOW(getgroups(-1, list));
    SHOW(getpgrp() == getpgid(0));
    SHOW(getsid(999999999));
    SHOW(setpgid(999999999, 0));
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2];
    SHOW(syscall(SYS_capget, &header, data));
    header.version = 1;
    SHOW(syscall(SYS_capget, &header, data));
    say("%x", header.version);
}

static void control(void)
{
    char name[16] = "";
    int signal_ = -1;
    SHOW(prctl(PR_SET_NAME, "short"));
    SHOW(prctl(PR_GET_NAME, name));
    say("%s", name);
    SHOW(prctl(PR_SET_PDEATHSIG, SIGHUP));
    SHOW(prctl(PR_GET_PDEATHSIG, &signal_));
    SHOW(signal_);
    SHOW(prctl(PR_SET_PDEATHSIG, 99));
    SHOW(prctl(PR_SET_PDEATHSIG, 0));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 7));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_GET_KEEPCAPS));
    SHOW(prctl(PR_CAPBSET_READ, 0) >= 0);
    SHOW(prctl(PR_SET_TIMERSLACK, 1000));
    SHOW(prctl(PR_GET_TIMERSLACK));
    SHOW(prctl(PR_GET_SECCOMP));
    SHOW(prctl(12345));
    SHOW(prctl(PR_GET_NAME, 8));
    SHOW(prctl(PR_SET_VMA, 99, 0, 0, 0));
}

static void system_v(void)
{
    int queue = msgget(IPC_PRIVATE, 0600), set = semget(IPC_PRIVATE, 3, 0600);
    struct {
        long type;
        char text[8];
    } m = {5, "hello"};
    SHOW(msgsnd(queue, &m, 5, 0));
    m.type = 6;
    SHOW(msgsnd(queue, &m, 3, 0));
    struct msqid_ds ds;
    SHOW(msgctl(queue, IPC_STAT, &ds));
    say("%lu messages, mode %o", (unsigned long)ds.msg_qnum, ds.msg_perm.mode);
    SHOW(msgrcv(queue, &m, 8, 6, IPC_NOWAIT));
    SHOW(msgrcv(queue, &m, 2, 0, IPC_NOWAIT));
    SHOW(msgrcv(queue, &m, 2, 0, IPC_NOWAIT | MSG_NOERROR));
    say("%ld %.2s", m.type, m.text);
    SHOW(msgrcv(queue, &m, 8, 0, IPC_NOWAIT));
    m.type = 0;
    SHOW(msgsnd(queue, &m, 3, 0));
    SHOW(msgctl(queue, IPC_RMID, NULL));
    SHOW(msgctl(queue, IPC_RMID, NULL));
    SHOW(semctl(set, 0, SETVAL, 4));
    SHOW(semctl(set, 1, SETALL, (unsigned short[]){1, 2, 3}));
    unsigned short all[3];
    SHOW(semctl(set, 0, GETALL, all));
    say("%d %d %d", all[0], all[1], all[2]);
    SHOW(semop(set, (struct sembuf[]){{0, -1, 0}, {1, -2, IPC_NOWAIT}}, 2));
    SHOW(semop(set, (struct sembuf[]){{0, -1, IPC_NOWAIT}}, 1));
    SHOW(semtimedop(set, (struct sembuf[]){{0, -1, 0}}, 1, &(struct timespec){0, 1000000}));
    SHOW(semop(set, (struct sembuf[]){{7, 1, 0}}, 1));
    struct semid_ds sem;
    SHOW(semctl(set, 0, IPC_STAT, &sem));
    say("%lu semaphores, mode %o, used %d, changed %d", (unsigned long)sem.sem_nsems, sem.sem_perm.mode, sem.sem_otime != 0,
        sem.sem_ctime != 0);
    sem.sem_perm.mode = 0640;
    SHOW(semctl(set, 0, IPC_SET, &sem));
    SHOW(semctl(set, 0, IPC_STAT, &sem));
    say("mode %o", sem.sem_perm.mode);
    SHOW(semctl(set, 0, GETPID) == getpid());
    SHOW(semctl(set, 2, GETVAL));
    SHOW(semctl(set, 0, IPC_RMID));
}

int main(void)
{
    struct utsname name;
    struct sysinfo info;
    char buf[300] = "";
    SHOW(uname(&name));
    say("%s %d", name.sysname, name.release[0] >= '1');
    SHOW(sysinfo(&info));
    SHOW(info.totalram > 0 && info.mem_unit > 0 && info.procs > 0);
    SHOW(getrandom(buf, sizeof buf, 0));
    int zeros = 0;
    for (size_t i = 0; i < sizeof buf; i++)
        zeros += !buf[i];
    SHOW(zeros < 20);
    SHOW(getrandom(buf, 1, 99));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    SHOW(syscall(SYS_membarrier, 0x4000, 0, 0));
    SHOW(personality(0xffffffff) & ~ADDR_NO_RANDOMIZE);
    SHOW(syscall(4444));
    SHOW(syscall(-1));
    SHOW(syscall(SYS_kcmp, getpid(), getpid(), 0, 1, 1) == 0);
    SHOW(syscall(SYS_ioprio_get, 1, 0) >= 0);
    OK(syscall(SYS_pidfd_open, getpid(), 0));
    OK(syscall(SYS_pidfd_open, 999999999, 0));
    OK(syscall(SYS_pidfd_open, getpid(), 77));
    schedule();
    ids();
    control();
    system_v();
    return 0;
}
