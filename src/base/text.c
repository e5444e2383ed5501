/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The growing string of text.h: one buffer, doubled up to its maximum, always zero terminated once it exists. */
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_init(struct text *text, size_t max) { *text = (struct text){.max = max}; }

void text_fini(struct text *text)
{
    free(text->data);
    *text = (struct text){.max = text->max};
}

void text_clear(struct text *text)
{
    text->len = 0;
    text->full = false;
    if (text->data)
        text->data[0] = 0;
}

/* Makes room for len more bytes and a zero; returns how many of them fit. */
static size_t text_reserve(struct text *text, size_t len)
{
    size_t room = text->room ? text->room : 64;
    char *data;

    if (len > text->max - text->len) {
        len = text->max - text->len;
        text->full = true;
    }
    if (text->data && len < text->room - text->len)
        return len;
    while (room - text->len <= len)
        room = room > text->max / 2 ? text->max + 1 : room * 2;
    data = realloc(text->data, room);
    if (!data) {
        text->full = true;
        return 0;
    }
    text->data = data;
    text->room = room;
    return len;
}

void text_add(struct text *text, const void *data, size_t len)
{
    if (text->full)
        return;
    len = text_reserve(text, len);
    if (!text->data)
        return;
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = 0;
}

void text_puts(struct text *text, const char *string) { text_add(text, string, strlen(string)); }

void text_putc(struct text *text, char c) { text_add(text, &c, 1); }

void text_printf(struct text *text, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_vprintf(text, fmt, ap);
    va_end(ap);
}

void text_vprintf(struct text *text, const char *fmt, va_list ap)
{
    char small[256], *big;
    va_list again;
    int len;

    va_copy(again, ap);
    len = vsnprintf(small, sizeof(small), fmt, ap);
    if (len >= 0 && (size_t)len < sizeof(small)) {
        text_add(text, small, (size_t)len);
    } else if (len >= 0 && (big = malloc((size_t)len + 1))) {
        vsnprintf(big, (size_t)len + 1, fmt, again);
        text_add(text, big, (size_t)len);
        free(big);
    } else {
        text->full = true;
    }
    va_end(again);
}

void text_json(struct text *text, const char *string)
{
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;

        if (c == '"' || c == '\\')
            text_printf(text, "\\%c", c);
        else if (c == '\n')
            text_puts(text, "\\n");
        else if (c < 0x20 || c == 0x7f)
            text_printf(text, "\\u%04x", c);
        else
            text_putc(text, (char)c);
    }
}

const char *text_str(const struct text *text) { return text->data ? text->data : ""; }

char *text_take(struct text *text)
{
    char *data;

    text_add(text, "", 0); /* an empty text still gives a string */
    data = text->full ? NULL : text->data;
    if (!data)
        free(text->data);
    *text = (struct text){.max = text->max};
    return data;
}
