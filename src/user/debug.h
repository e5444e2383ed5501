/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A debugger's hold on the process. When anything stops, all threads do: between two insns, or in a system call, at whose end they would run
 * on. Locks: user->lock, then the debug's own.
 */
#pragma once
#include "user/process.h"

struct user_debug;

enum user_debug_why { USER_DEBUG_stopped, USER_DEBUG_exited, USER_DEBUG_killed };

struct user_debug_event {
    enum user_debug_why why;
    pid_t thread;
    int number; /* signal, or exit status */
    bool breakpoint;
};

enum user_debug_action { USER_DEBUG_continue /* new threads do */, USER_DEBUG_step, USER_DEBUG_hold };

/* ---- the guest's threads ---- */
void user_debug_point(struct user_thread *t);                          /* before it runs: waits as long as it has to stand */
bool user_debug_steps(const struct user_thread *t);                    /* runs one insn only */
void user_debug_stepped(struct user_thread *t);                        /* and has */
bool user_debug_trapped(struct user_thread *t, const siginfo_t *info); /* a signal by its own insn: false: nobody wants to know */
bool user_debug_signal(struct user_thread *t, siginfo_t *info);        /* one that came: false: it is taken away; may become another */
void user_debug_ended(struct user *user, enum user_debug_why why, int number);
/* For execve(): what to say by --gdb-kept, empty: nobody debugs it. Returns the descriptor that has to stay open. */
int user_debug_kept(const struct user *user, char *text, size_t size);
void user_debug_forked(struct user *user); /* in the child, which nobody debugs */

/* ---- the debugger's thread; all but the first two, the event and interrupt while the process stands ---- */
/* wake: an eventfd that is written when there is an event. The process stands from its first insn on. */
struct user_debug *user_debug_new(int wake);
struct user *user_debug_wait(struct user_debug *d); /* until the program is there and stands before its first insn */
bool user_debug_event(struct user_debug *d, struct user_debug_event *event);
void user_debug_interrupt(struct user_debug *d);
void user_debug_resume(struct user_debug *d, enum user_debug_action (*how)(void *arg, pid_t thread, int *signal), void *arg);
unsigned user_debug_threads(struct user_debug *d, uint64_t *ids, unsigned room);
struct cpu *user_debug_cpu(struct user_debug *d, pid_t thread);
bool user_debug_read(struct user_debug *d, uint64_t at, void *to, size_t size);
bool user_debug_write(struct user_debug *d, uint64_t at, const void *from, size_t size);
bool user_debug_breakpoint(struct user_debug *d, uint64_t at, unsigned size, bool set);
void user_debug_pass(struct user_debug *d, uint64_t signals);
/* What the program is told that this one becomes by execve(), by --gdb-kept: text has the debugger's connection in it, which stays open then. */
void user_debug_keep(struct user_debug *d, int fd, const char *text);
void user_debug_detach(struct user_debug *d);
void user_debug_said(struct user_debug *d); /* the end has been told of: the process may go */
