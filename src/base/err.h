/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Errors that a person will read.
 *
 * A fallible function returns 0 or a negative status (-STATUS_config, ...). Where a person will read the reason, its last
 * parameter is a struct err on the caller's stack: the function that fails sets it once, callers add context outward.
 * err may be NULL everywhere: the status alone is then the answer.
 */
#pragma once
#include <stddef.h>

#define NODISCARD         __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum status {
#define STATUS(name, number, http, text) STATUS_##name = number,
#include "base/status.def"
#undef STATUS
};

struct err {
    int status;     /* negative; 0 while nothing failed */
    char text[504]; /* one line, no full stop, no newline */
};

/* Both return the (negative) status, so that a failing function can end with `return err_set(...)`. */
int err_set(struct err *err, enum status status, const char *fmt, ...) PRINTF(3, 4);
int err_set_errno(struct err *err, int errnum, const char *fmt, ...) PRINTF(3, 4); /* appends ": <strerror>"; picks the status */
/* Puts "context: " before the text that stands; returns err->status. */
int err_prefix(struct err *err, const char *fmt, ...) PRINTF(2, 3);

const char *status_name(int status);    /* of a status or its negation: "config" */
const char *status_meaning(int status); /* "bad configuration" */
int status_http(int status);
