/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Faults as values: a guard is a place to jump back to. The signals are not blocked in their handler, so leaving it needs no restoring. */
#include "os/fault.h"
#include "os/context.h"
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

static const struct os_fault_hooks *hooks;
struct guard {
    const void *const volatile *at; /* NULL, or where NULL says that there is no guard */
    jmp_buf here;
};
static _Thread_local struct guard *volatile guard;
static _Thread_local struct os_fault last;

static void handle(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uintptr_t to;
    if (info->si_code <= 0) { /* sent by somebody */
        hooks->other(signal, info, context);
        return;
    }
    last = (struct os_fault){signal, info->si_code, (uintptr_t)info->si_addr};
    if (guard && (!guard->at || *guard->at))
        _longjmp(guard->here, 1);
    to = hooks->resume((uintptr_t)CONTEXT_PC(uc));
    if (!to) {
        hooks->other(signal, info, context);
        return;
    }
    memcpy(&CONTEXT_PC(uc), &to, sizeof to);
}

void os_fault_init(const struct os_fault_hooks *h)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    hooks = h;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

bool os_fault_try_at(void (*fn)(void *arg), void *arg, const void *const volatile *at)
{
    struct guard own, *volatile outer = guard;
    own.at = at;
    bool done = !_setjmp(own.here);
    if (done) {
        guard = &own;
        fn(arg);
    }
    guard = outer;
    return done;
}

bool os_fault_try(void (*fn)(void *arg), void *arg) { return os_fault_try_at(fn, arg, NULL); }

const struct os_fault *os_fault_last(void) { return &last; }
void os_fault_set(const struct os_fault *fault) { last = *fault; }
