/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What runner.c asks of a guest: runner_GUEST.c. */
#pragma once
#include "case.h"
#include <signal.h>
#include <ucontext.h>

extern const uint32_t case_stop; /* two short breakpoints, or one */
void frame_put(ucontext_t *u, const struct case_state *s);
void frame_get(const ucontext_t *u, struct case_state *s);
void case_begins(void);     /* no reservation is left of the last case, the code is a new one */
void remember_thread(void); /* its pointer, which cases change */
/* The way in: puts the registers right that C needs, then handler(). */
void enter(int number, siginfo_t *info, void *frame);
void handler(int number, siginfo_t *info, void *frame);
