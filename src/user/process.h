/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the files of this room share. One struct user is one process: the command has one, a child of vfork() that has not yet called
 * execve() another beside its parent's. Locks: user->lock, then memory->lock.
 */
#pragma once
#include "user/maps.h"
#include "user/user.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { USER_PAGE = 4096, USER_SIGNALS = 64 };

/* Where things go without a hint: as in 39-bit address spaces, which every program of the 64-bit guests has seen. */
#define USER_TOP        (1ull << 38)
#define USER_PIE_BASE   0x2aaaaaa000ull
#define USER_LOW        0x10000ull
#define USER_STACK_ROOM (1ull << 31) /* kept free for the stack below USER_TOP until there is one, */
#define USER_STACK_GAP  (1ull << 20) /* and below it */

struct user_thread;
struct user_trace;
struct user_trace_area;
struct user_tracee;
struct user_action;
struct user_call;

/* What differs between guest architectures; user/<guest>/. */
struct user_abi {
    const char *guest;    /* struct guest's name */
    const char *uname;    /* machine of uname() */
    const char *platform; /* AT_PLATFORM, or NULL */
    uint16_t elf_machine;
    const char *sysroot;                                  /* where Debian's cross compiler keeps this architecture's libraries */
    bool (*elf_flags)(uint32_t flags);                    /* is the program for this ABI? NULL: any */
    uint64_t (*hwcap)(const struct cpu *cpu, unsigned n); /* AT_HWCAP, and AT_HWCAP2 for n = 1 */
    /* Registers of system calls. */
    uint64_t (*number)(const struct cpu *cpu);
    void (*arguments)(const struct cpu *cpu, uint64_t args[6]);
    void (*result)(struct cpu *cpu, int64_t value);
    unsigned call_size; /* bytes of the insn that calls; cpu->pc is at it */
    uint64_t (*stack)(const struct cpu *cpu);
    void (*start)(struct cpu *cpu, uint64_t pc, uint64_t sp);           /* of a program */
    bool (*prctl)(struct cpu *cpu, const uint64_t args[6], int64_t *r); /* false: one that all architectures have; NULL: all are */
    void (*child)(struct cpu *cpu, const struct cpu *parent, uint64_t stack,
                  const uint64_t *tls); /* of clone: its result is 0; 0, NULL: as it is */
    /* Traps: what they mean to a process. kind: cpu->trap. */
    bool (*is_call)(uint32_t trap);
    /* si_signo 0: it was put right, and the program goes on at cpu->pc. */
    void (*trap_signal)(struct cpu *cpu, struct trap trap, siginfo_t *info);
    /* Signal frames. push: false if the stack cannot take it. info has the kernel's layout, which is the same for all guests and hosts of 64 bits. */
    size_t frame_size;
    bool (*frame_push)(struct user_thread *t, uint64_t sp, const siginfo_t *info, const struct user_action *action, uint64_t mask);
    bool (*frame_pop)(struct user_thread *t, uint64_t *mask); /* sp points at it; false: it cannot be read */
    /* Core files: general registers as NT_PRSTATUS has them, floating point ones as NT_FPREGSET, which has core_floats bytes. */
    size_t core_registers, core_floats;
    void (*core_put)(struct cpu *cpu, uint64_t *registers, void *floats);
    /* ptrace(): the way back, NULL: not those; the register of NT_ARM_TLS; what else arm64's kernel has that riscv64's has not. */
    void (*core_take)(struct cpu *cpu, const uint64_t *registers, const void *floats);
    uint64_t *(*tls)(struct cpu *cpu);
    bool arm64_trace;
    void (*cpuinfo)(const struct cpu *cpu, unsigned n, FILE *out); /* of /proc/cpuinfo, for processor n */
    const struct user_call *calls;                                 /* its own system calls; name NULL at the end, or NULL */
    const uint8_t *(*trap_insn)(unsigned size);                    /* of breakpoints, in place of an insn of so many bytes; NULL: none */
    uint64_t (*open_flags)(uint64_t flags, bool to_host);          /* NULL: they are the host's */
    bool has_restorer;                                             /* struct sigaction has a function that ends handlers */
    int more_prot;                                                 /* flags of mprotect() that it knows beside those of all */
    const uint8_t *vdso;                                           /* an ELF library of at most a page, */
    size_t vdso_size, vdso_sigreturn;                              /* and the offset of the insns that end a handler */
};
extern const struct user_abi *const user_abis[]; /* NULL at the end */

struct user_action { /* as the guest gave it; handler: SIG_DFL, SIG_IGN or an address */
    uint64_t handler, flags, restorer, mask;
};

enum { USER_LIMIT_as, USER_LIMIT_data };

enum { USER_WINDOW_BITS = 20, USER_WINDOWS = 64 };

struct user_memory { /* shared with the child of a vfork() */
    struct os_mutex lock;
    struct user_maps maps;
    uint32_t warm[USER_WINDOWS]; /* of a window of addresses (hashed): its number, if its program text has been asked for at once */
    uint64_t brk_start, brk;
    uint64_t vdso;      /* address of the vDSO; 0: none */
    uint64_t sigreturn; /* of the insns that end a signal handler */
    uint64_t stack_start, stack_end;
    uint64_t arg_start, arg_end, env_start, env_end;
    uint32_t elf_flags;                                               /* of the program */
    uint64_t code_start, code_end, data_start, data_end, stack_first; /* the program's as it was loaded; its first stack pointer */
    uint64_t auxv, auxv_size;                                         /* on the stack */
    struct rlimit limits[2];                                          /* USER_LIMIT_*: the guest's, not this process's */
};

struct user {
    const struct user_options *options;
    const struct user_abi *abi;
    struct accel_vm *vm;
    struct mem_space *space;
    struct os_vclock clock;
    struct log *log;
    struct user_memory *memory;
    const char *exec_name; /* what it was started by: its path, or a script's */
    char *exe;             /* absolute path of the program, as the guest sees it */
    const char *sysroot;   /* the option's, or the one that was found to have the program's libraries; NULL: none */
    int exe_fd;            /* of this command, where /proc does not show it; -1: none */
    struct os_mutex lock;
    struct user_thread *threads; /* under lock */
    unsigned nthreads;
    struct user_action actions[USER_SIGNALS + 1]; /* under lock, */
    uint64_t known;                               /* and of which signals: the others are as this process found them */
    bool reclaimed;                               /* user_signals_reclaim() has been called */
    struct user_thread *_Atomic held_by;          /* writes a core file; the others stop */
    struct user_debug *debug;                     /* NULL: nobody debugs it */
    struct user_trace_area *trace_area;           /* trace.h; NULL: nobody can trace it */
    struct user_tracee *tracees;                  /* under lock: threads that this process traces */
    bool vforked;                                 /* its memory and vm are the parent's */
    struct cpu_stats *ended;                      /* counters of threads that have ended; NULL: nobody wants to know */
};

struct user_thread {
    struct user *user;
    struct cpu *cpu;
    struct user_thread *next;
    pid_t tid;
    uint64_t mask;      /* blocked, as the guest set it: bit n - 1 for signal n */
    uint64_t wait_mask; /* blocked while a call waits (ppoll and its like), if `waits` */
    bool waits;
    stack_t alt;
    uint64_t clear_tid;     /* address of a word that becomes 0 when the thread ends; 0: none */
    _Atomic int pending;    /* a signal that waits for the guest's next safe place; 0: none. The host blocks all others until then */
    siginfo_t info;         /* of it */
    _Atomic uint64_t held;  /* SIGSEGV and SIGBUS that were sent while the guest blocks them, */
    siginfo_t held_info[2]; /* and what they said */
    _Atomic bool held_came; /* one since the last call of the kernel */
    _Atomic bool away;      /* in a call of the kernel that may wait, or stands for a debugger */
    _Atomic bool held_here; /* for good: another thread writes a core file */
    struct {
        bool trapped, own;  /* by its own insn, with info; at a breakpoint */
        int action, signal; /* what it shall do, and with which signal */
        siginfo_t info;
    } debug;                  /* user->debug's */
    struct user_trace *trace; /* NULL: there was no room for it, nobody can trace it */
    uint32_t trace_stops;     /* how often it has stood for its tracer */
    bool trace_returns;       /* the call may end with a stop: it began with one, or the tracer has been told of what it made */
    bool born_traced;         /* begins with a stop */
    _Atomic bool stop_came;   /* a signal that cannot be blocked, for the tracer to see, */
    siginfo_t stop_info;      /* and what it said */
    struct {
        int code;               /* the kernel's ERESTART*, by which a handler may end it; 0: none */
        uint64_t pc;            /* of the call */
    } again;                    /* a call that was given up for a signal, while it is traced */
    bool sleeps_on;             /* the call that is made again is a sleep, of which there is */
    struct timespec sleep_left; /* still so much */
    bool exiting, changed;      /* changed: the rounding mode may be another one */
};

extern _Thread_local struct user_thread *user_self;

/* load.c, stack.c */
struct user_image {                        /* a program as it was mapped */
    uint64_t entry, entry_first;           /* of the program; of its interpreter, if it has one */
    uint64_t base, headers, nheaders, end; /* headers: their address; end: of its highest segment */
};
/* Program, interpreter, stack, the first registers. fd: the program, user->exe its name. */
int user_load(struct user *user, struct cpu *cpu, int fd, char *const *argv, struct err *err) NODISCARD;
/* Returns the stack pointer; 0: the arguments do not fit. */
uint64_t user_stack_fill(struct user *user, const struct cpu *cpu, char *const *argv, const struct user_image *program,
                         uint64_t interpreter);

/* memory.c: with the table; errors are -errno */
void user_populate(uint64_t at, uint64_t size); /* will be written soon: its pages now, and not by a fault each; a wish */
int64_t user_mmap(struct user *user, uint64_t at, uint64_t size, int prot, int flags, int fd, uint64_t offset, const char *name);
int64_t user_munmap(struct user *user, uint64_t at, uint64_t size);
int64_t user_mprotect(struct user *user, uint64_t at, uint64_t size, int prot);
enum accel_fetch user_fetchable(void *user, struct cpu *cpu, gva page);

/* signal.c */
void user_signals_init(struct user *user);
void user_signals_thread(struct user_thread *t);                 /* on the thread, before it runs guest code */
void user_signals_fault(struct user_thread *t, siginfo_t *info); /* raised by its own insn: cannot be blocked */
void user_signals_act(struct user_thread *t, siginfo_t *info);   /* a signal that its tracer has let pass */
void user_signals_deliver(struct user_thread *t);                /* what is pending; between insns */
void user_signals_mask(struct user_thread *t, uint64_t mask);    /* blocks these, and no others */
bool user_signals_end(const struct user_thread *t);              /* of a thread: none comes any more; false: deliver first what has come */
void user_signals_reclaim(struct user *user);                    /* what the C library took with the first thread that it made */
void user_signals_default(struct user *user);                    /* instead of handlers */
_Noreturn void user_die(struct user_thread *t, siginfo_t *info); /* as a signal that nobody handles ends a process */

/* syscall.c */
void user_syscall(struct user_thread *t);
int64_t user_call_wait(struct user_thread *t, long number, const uint64_t args[6]); /* the host's, which may block */
/* Likewise one that waits with the signals blocked that the mask at an address of the guest says; 0: none. */
int64_t user_call_masked(struct user_thread *t, long number, const uint64_t args[6], uint64_t mask_at);

/* futex.c */
void user_futex_end(const struct user_thread *t); /* of a thread: of what it locked the others learn */

/* thread.c */
int user_thread_add(struct user *user, struct user_thread **out, struct err *err) NODISCARD;
void user_thread_remove(struct user_thread *t);
void user_finished(struct user *user);                  /* before the process ends */
_Noreturn void user_thread_loop(struct user_thread *t); /* on its own thread, until it ends */
bool user_trap(void *user, struct cpu *cpu);            /* accel_callbacks.trap */
_Noreturn void user_exit_group(struct user_thread *t, int status);

/* run.c: "#!" and what follows; line is cut in parts. argument: NULL if there is none. false: it names no interpreter. */
enum { USER_SCRIPT_LINE = 256 };
bool user_script_parse(char *line, char **interpreter, char **argument);

/* Where a guest's path leads; buf has PATH_MAX bytes. */
const char *user_path(const struct user *user, const char *path, char *buf);
/* ---- access.c: the guest's memory; false: not all of it is there ---- */
bool user_read(void *to, uint64_t from, size_t size);
bool user_write(uint64_t to, const void *from, size_t size);
bool user_string(uint64_t at, char *buf, size_t size);          /* a string; false also if it is longer */
int64_t user_string_error(uint64_t at, char *buf, size_t size); /* likewise: 0, -EFAULT, or -ENAMETOOLONG */
