/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * User mode: one Linux program of another architecture runs as an ordinary process. Its memory is this process's own (flat: a guest
 * address is a host address), its threads are threads, its file descriptors, identifiers and signal masks are the kernel's; system calls are
 * handed on, translated where the two architectures differ (syscalls.def).
 */
#pragma once
#include "accel/accel.h"
#include <sys/resource.h>

struct user_options {
    const char *program; /* path, as the guest sees it; without a slash it is looked for in PATH, but for `child` */
    char **argv, **envp; /* of the guest; NULL at the end */
    const char *sysroot; /* NULL, or: absolute paths are looked for below it first */
    const char *const
        *again;      /* arguments of this command, without its name, that run a program the same way: for execve; NULL at the end */
    const char *cpu; /* model and features; NULL: the default */
    enum accel_mode mode;
    unsigned jit_threshold;  /* 0: the default */
    const char *strace_file; /* NULL: standard error */
    bool strace, stats, stats_json;
    struct user_debug *debug; /* NULL: nobody debugs it */
    struct log *log;
    /* Before the process ends, if not NULL: counters of all its threads together. */
    void (*finished)(const struct user_options *options, const struct guest *guest, const struct cpu_stats *all,
                     const struct jit_counts *shared);
    int program_fd;          /* already open; -1: open program */
    const char *exec_name;   /* what it was started by, if it is not program (a script of it); or NULL */
    int exe_fd;              /* of this command, where /proc does not show it; -1: none. Closed by execve() */
    struct rlimit limits[2]; /* of address space and of data, if limited: the guest's are not this process's */
    bool limited;
    const char *traced; /* by whom a program was that called execve(), and how it goes on (user_trace_text); NULL: nobody */
    bool child;         /* started by another program's execve(), whose path it is */
    bool by_kernel;     /* started by the kernel, which starts children likewise (binfmt_misc) */
};

/* Where --strace goes; before user_run(), and before the root changes. */
int user_strace_open(const struct user_options *options, struct err *err) NODISCARD;
/* Loads and runs it; does not return if that worked: the process ends as the program does. */
int user_run(const struct user_options *options, struct err *err);
