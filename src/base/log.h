/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Log lines: who says what about which machine. A struct log belongs to one machine (or to the command) and is handed to
 * whoever may write; it may be used from every thread. A NULL log drops the line.
 * LOG_guest is for what the guest's own programming did wrong; it never ends the process and is rate limited per call site.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_error, LOG_warn, LOG_guest, LOG_info, LOG_debug };

struct log;
int log_new(struct log **out, int fd, enum log_level max, bool json) NODISCARD; /* writes to fd; does not own it */
/* Lines go to a function instead, one at a time (the log's lock is held: it must not log itself). */
int log_new_sink(struct log **out, enum log_level max,
                 void (*line)(void *arg, enum log_level level, const char *component, const char *text), void *arg) NODISCARD;
/* Replaces the monotonic clock (nanoseconds) of the rate limit; for tests. Before the first line. */
void log_use_clock(struct log *log, uint64_t (*now)(void *arg), void *arg);
void log_free(struct log *log);                                /* first writes the summaries that are due; NULL is allowed */
bool log_enabled(const struct log *log, enum log_level level); /* to skip building a costly line */
const char *log_level_name(enum log_level level);
void log_write(struct log *log, enum log_level level, const char *component, const char *fmt, ...) PRINTF(4, 5);
/* As log_write, at most 10 lines in 5 seconds for each (component, fmt) pair, then one summary. */
void log_guest(struct log *log, const char *component, const char *fmt, ...) PRINTF(3, 4);
