/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The terminal that the command runs on. Raw mode is undone on every way out of the process: exit(), signals that end or stop it, abort()
 * and faults. One terminal per process: it is the process's, like the signal table. For the command, not for the library.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>

bool os_tty_is(int fd);
int os_tty_raw(int fd, struct err *err) NODISCARD;           /* every byte comes and goes as it is, Ctrl-C included */
void os_tty_restore(void);                                   /* as it was before os_tty_raw; harmless if it was not called */
bool os_tty_size(int fd, unsigned *columns, unsigned *rows); /* false: unknown */
