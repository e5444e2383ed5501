/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Core files of the guest. */
#pragma once
#include "user/process.h"

bool user_core_signal(int signal);                                    /* does it end a process with one? */
void user_core_write(struct user_thread *t, const siginfo_t *signal); /* if the limit allows, before t's process dies */
void user_core_hold(struct user_thread *t); /* between two insns: does not return while another thread writes one */
