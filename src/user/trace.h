/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ptrace(): a process of the guest is traced by another one, both by this command. The kernel's own ptrace() carries it: it knows who traces
 * whom, stops threads, tells of it by wait4(), and ends it when the tracer ends. It stops this program at any instruction, so a
 * stop that the guest shall see happens between two insns or around a system call instead: the thread writes what there is to see of it into
 * its struct user_trace, which lies at the same address in every process of this command, and sends itself a SIGSEGV that says so.
 * The tracer's side passes on silently what stops for this program's own reasons.
 */
#pragma once
#include "user/process.h"

/* What SIGSEGVs among the processes of this command mean; as si_code, below those of everybody else. */
enum user_trace_word {
    USER_TRACE_STANDS = -0x564d0001, /* from the traced thread: its block says why */
    USER_TRACE_LOOK = -0x564d0002,   /* to it: something has been asked for in its block */
    USER_TRACE_SIGNAL = -0x564d0003, /* to it: a signal that came, now in its block; si_errno: its number */
    USER_TRACE_OWN = -0x564d0004,    /* of any signal that it sends itself: the guest's tracer has seen it, the kernel shall act */
};

enum user_trace_stop { USER_STOP_none, USER_STOP_signal, USER_STOP_entry, USER_STOP_exit, USER_STOP_exec, USER_STOP_event };
enum user_trace_mode { USER_TRACE_cont, USER_TRACE_syscall, USER_TRACE_step, USER_TRACE_sysemu, USER_TRACE_sysemu_step };
enum { USER_DIRTY_registers = 1, USER_DIRTY_floats = 2, USER_DIRTY_tls = 4, USER_DIRTY_mask = 8 };

/* A thread, as its tracer sees and changes it while it stands. Its fields have the same places in all processes. */
struct user_trace {
    _Atomic uint32_t traced, options, mode, seized; /* together: written at once */
    _Atomic uint32_t interrupt;                     /* PTRACE_INTERRUPT: a stop is wanted */
    _Atomic uint32_t came;                          /* sent has a signal */
    _Atomic uint32_t stop, answered;                /* enum user_trace_stop; may it run on */
    _Atomic uint32_t fresh;                         /* the registers are those of now */
    uint32_t dirty;                                 /* what the tracer has changed */
    int32_t signal, tracer;                         /* to go on with; who says so */
    _Atomic uint32_t nchanges;                      /* code that was written; more than there is room for: anywhere */
    int32_t call_number;                            /* arm64: NT_ARM_SYSTEM_CALL */
    uint64_t changes[8][2];
    siginfo_t sent, info; /* info: of the stop */
    uint64_t number, args[6], pc, sp, tls, mask;
    int64_t result;
    uint64_t registers[64];
    uint8_t floats[1024];
};

enum { USER_TRACE_SLOTS = 1 << 14, USER_TRACE_SLOT = 4096, USER_TRACE_MAGIC = 0x65636172 };
#define USER_TRACE_AT 0x500000000000ull /* above the guest's memory, below where kernels put programs, libraries and stacks */

struct user_trace_area {
    _Atomic uint32_t magic;                 /* when the process can be traced */
    uint32_t machine;                       /* of its program */
    _Atomic uint32_t used;                  /* slots that have ever been */
    _Atomic int32_t tids[USER_TRACE_SLOTS]; /* 0: free; -1: its thread has no number yet */
    _Alignas(USER_TRACE_SLOT) uint8_t slots[USER_TRACE_SLOTS][USER_TRACE_SLOT];
};
_Static_assert(sizeof(struct user_trace) <= USER_TRACE_SLOT, "a slot");

static inline bool user_traced(const struct user_thread *t)
{
    return t->trace && atomic_load_explicit(&t->trace->traced, memory_order_relaxed);
}

/* ---- trace.c: the traced side ---- */
void user_trace_init(struct user *user);        /* before there are threads; without memory nobody can trace it */
void user_trace_ready(const struct user *user); /* signals are handled, the program is there */
void user_trace_take(struct user_thread *t);    /* a slot; user->lock held, as in give */
void user_trace_give(struct user_thread *t);
void user_trace_named(struct user_thread *t);                                         /* its number is known */
void user_trace_forked(struct user_thread *t);                                        /* in the child: only it is there */
void user_trace_born(struct user_thread *t, const struct user_trace *of, int option); /* by a thread that is traced with options */
void user_trace_text(const struct user_thread *t, char *text, size_t size);           /* for execve(): --traced; empty: nobody does */
void user_trace_begun(struct user_thread *t, const char *text);                       /* after execve() */
enum user_trace_word user_trace_came(struct user_thread *t, const siginfo_t *info, siginfo_t *sent); /* in the handler; 0: nothing to do */
bool user_trace_waits(const struct user_thread *t);              /* may there be anything for user_trace_point() or user_trace_stopped()? */
void user_trace_point(struct user_thread *t);                    /* between two insns: what has been asked for */
bool user_trace_stopped(struct user_thread *t, siginfo_t *info); /* has a signal come that cannot be blocked? */
bool user_trace_signal(struct user_thread *t, siginfo_t *info);  /* false: it is taken away; may become another */
void user_trace_raise(struct user_thread *t, int signal);        /* to itself, for the kernel to act */
bool user_trace_steps(const struct user_thread *t);
void user_trace_entered(struct user_thread *t);                                  /* by a step, a signal's handler */
void user_trace_stepped(struct user_thread *t, uint32_t stops);                  /* stops: t->trace_stops before */
bool user_trace_call(struct user_thread *t, uint64_t *number, uint64_t args[6]); /* before a system call; false: it is not made */
void user_trace_made(struct user_thread *t);   /* what was changed while it was made; before its result is there */
void user_trace_return(struct user_thread *t); /* after it */

/* ---- tracer.c: the tracing side; by the thread that traces ---- */
struct user_tracee {
    struct user_tracee *next;
    pid_t tid, group;
    uint64_t block; /* address; 0: not known yet */
    unsigned machine;
    bool foreign; /* no process of this command */
    bool listens;
    enum { TRACEE_runs, TRACEE_host /* where the kernel stopped it */, TRACEE_group /* by a stop signal */, TRACEE_guest } state;
    uint64_t message; /* of PTRACE_EVENT_EXEC */
};

struct user_tracee *user_tracee_find(struct user *user, pid_t tid); /* NULL: none of ours */
struct user_tracee *user_tracee_add(struct user *user, pid_t tid);
void user_tracee_remove(struct user *user, pid_t tid);
bool user_tracee_block(struct user_tracee *e);                                           /* looks for it */
bool user_tracee_get(const struct user_tracee *e, size_t offset, void *to, size_t size); /* of its block */
bool user_tracee_put(const struct user_tracee *e, size_t offset, const void *from, size_t size);
void user_tracee_wake(const struct user_tracee *e);                          /* so that it looks at its block */
void user_tracee_changed(struct user_tracee *e, uint64_t from, uint64_t to); /* its memory has been written */
void user_tracer_wrote(struct user *user, int fd, int64_t size,
                       int64_t offset);        /* a file, perhaps another's memory; offset -1: up to where it is */
uint64_t user_trace_options(uint32_t options); /* the kernel's, for what the guest asks for */
long user_ptrace(int request, pid_t pid, uint64_t address, uint64_t data); /* the kernel's; -errno */
