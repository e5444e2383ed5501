/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A string that grows up to a stated maximum. Nothing needs checking on the way: once memory or the maximum is exhausted, what
 * does not fit is dropped and text_ok() is false. text_str() is always a valid string.
 */
#pragma once
#include "base/err.h"
#include <stdarg.h>
#include <stdbool.h>

struct text {
    char *data; /* NULL while empty */
    size_t len, room, max;
    bool full; /* something was dropped */
};

void text_init(struct text *text, size_t max); /* max: bytes without the terminating zero */
void text_fini(struct text *text);
void text_clear(struct text *text); /* empty and ok again; keeps the memory */
void text_add(struct text *text, const void *data, size_t len);
void text_puts(struct text *text, const char *string);
void text_putc(struct text *text, char c);
void text_printf(struct text *text, const char *fmt, ...) PRINTF(2, 3);
void text_vprintf(struct text *text, const char *fmt, va_list ap) PRINTF(2, 0);
/* The bytes as the inside of a JSON string (no quotes); bytes that are not ASCII pass as they are. */
void text_json(struct text *text, const char *string);
const char *text_str(const struct text *text);
char *text_take(struct text *text); /* the string becomes the caller's to free(); NULL if text_ok() is false or memory is out */
static inline bool text_ok(const struct text *text) { return !text->full; }
