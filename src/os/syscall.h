/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Linux system calls as they are: results below 0 are -errno. For guests that are processes themselves (user mode). */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { OS_SYSCALL_UNTRIED = -512 /* no errno: the call was not begun */ };

int64_t os_syscall(long number, const uint64_t args[6]);
/* One that may block: not begun if any bit of mask is set in *events, so that no signal is slept through whose handler sets one. */
int64_t os_syscall_wait(long number, const uint64_t args[6], const _Atomic uint32_t *events, uint32_t mask);
/* For signal handlers, after they have set the event: a call of os_syscall_wait that is about to begin will not. context: ucontext_t. */
void os_syscall_interrupt(void *context);
