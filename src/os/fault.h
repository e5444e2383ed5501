/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory that may not be there. A fault (SIGSEGV, SIGBUS that the processor raised) is taken by who guards the access in C, then by who
 * knows the faulting instruction; every other one of these signals is handed on.
 */
#pragma once
#include "base/err.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct os_fault { /* as the host told it */
    int signal, code;
    uintptr_t address;
};

struct os_fault_hooks {
    /* Where to go on instead of the instruction at the host address pc, 0: not known. In the handler, on the thread that faulted, which was
     * inside code that holds no locks if the answer is not 0. */
    uintptr_t (*resume)(uintptr_t pc);
    void (*other)(int signal, siginfo_t *info, void *context); /* what is none of these: sent by kill(), or a mistake of this program */
};

/* For the process; once. The hooks stay valid for its life. */
void os_fault_init(const struct os_fault_hooks *hooks);
/* Runs fn(arg); false: an access in it faulted, os_fault_last() tells which. fn must hold nothing that it would have to give back. */
bool os_fault_try(void (*fn)(void *arg), void *arg);
/* The same for accesses here and there in fn: a fault counts while *at is not NULL only, others are handed on as if nobody guarded them. */
bool os_fault_try_at(void (*fn)(void *arg), void *arg, const void *const volatile *at);
/* The last fault of this thread, by either way. */
const struct os_fault *os_fault_last(void);
void os_fault_set(const struct os_fault *fault); /* one that was found without an access */
