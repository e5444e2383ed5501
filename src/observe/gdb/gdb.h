/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The remote serial protocol of GDB (manual of GDB, appendix E), stub side, for whatever can be stopped, looked at and run: a target is a table
 * of functions. All-stop: when one thread stops, all do. One thread of its own serves one connection; what the other side sends is hostile.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cpu;
struct guest;

enum gdb_why { GDB_stopped, GDB_exited, GDB_killed };

struct gdb_event { /* the target is stopped, or has ended */
    enum gdb_why why;
    uint64_t thread;
    int number;       /* signal, or exit status */
    bool breakpoint;  /* SIGTRAP by one that was set */
    bool new_program; /* it has called execve() */
};

struct gdb_kept { /* what the two sides have agreed on, for a target that another one takes over from */
    bool no_ack, exec_events;
};

enum gdb_action { GDB_hold, GDB_continue, GDB_step };

struct gdb_resume { /* of one thread */
    enum gdb_action action;
    int signal; /* to go on with; 0: none */
};

struct gdb_target {
    const struct guest *guest;
    /* All but event, wanted and interrupt are called while it is stopped. Threads have numbers above 0. */
    unsigned (*threads)(void *target, uint64_t *ids, unsigned room); /* the first is the one that stopped */
    struct cpu *(*cpu)(void *target, uint64_t thread);               /* NULL: there is no such thread */
    bool (*read)(void *target, uint64_t at, void *to, size_t size);
    bool (*write)(void *target, uint64_t at, const void *from, size_t size);
    bool (*breakpoint)(void *target, uint64_t at, unsigned size, bool set); /* size: of the insn that it replaces */
    void (*resume)(void *target, struct gdb_resume (*how)(const void *arg, uint64_t thread), const void *arg);
    void (*interrupt)(void *target);                         /* it runs: an event comes soon */
    bool (*event)(void *target, struct gdb_event *event);    /* false: none; takes it */
    void (*keep)(void *target, struct gdb_kept kept);        /* before it runs on; NULL: nobody takes over */
    void (*pass)(void *target, uint64_t signals);            /* bit n - 1: signal n does not stop it */
    void (*detach)(void *target);                            /* it goes on alone, without breakpoints */
    void (*kill)(void *target);                              /* may not return */
    ssize_t (*auxv)(void *target, uint8_t *to, size_t size); /* bytes; NULL: a target that is no process */
    const char *(*program)(void *target);                    /* its path; NULL likewise */
    int (*open)(void *target, const char *path);             /* a file as it sees it, to be read; -1 and errno. NULL likewise */
};

/* "PORT" on this host's loopback, or the path of a socket, which has a slash. Returns a descriptor that listens. */
int gdb_listen(const char *where, struct err *err) NODISCARD;
/*
 * Serves the connection until it or the target ends, or the debugger detaches; closes neither descriptor. wake: can be read when event() may
 * have something. The target is stopped when it begins. kept: of the one before, whose last stop the debugger waits for; NULL: it begins.
 * true: detached or lost, the target goes on.
 */
bool gdb_serve(const struct gdb_target *target, void *arg, int fd, int wake, const struct gdb_kept *kept);

/* ---- signals.c: between Linux's numbers and the protocol's; 0: none ---- */
int gdb_signal_out(int signal);
int gdb_signal_in(int number);

/* ---- registers.c ---- */
char *gdb_registers_text(const struct guest *guest); /* the target description, to be freed; NULL: out of memory */
unsigned gdb_registers_count(const struct guest *guest);
unsigned gdb_register_read(struct cpu *cpu, unsigned n, uint8_t out[8]);                    /* bytes, little endian; 0: there is none */
unsigned gdb_register_write(struct cpu *cpu, unsigned n, const uint8_t *from, size_t size); /* likewise, from as many bytes */
