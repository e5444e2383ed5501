/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Lists of options in one word, as users write them for devices: "first,name=value,switch". A comma that belongs to an item is
 * written twice. The parsers of each kind of device use these; what they report names the option.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct option_cursor {
    const char *at; /* NULL: at the end */
};

/* The next item into buf; 1, or 0 at the end, or a negative status (too long). */
int option_next(struct option_cursor *cursor, char *buf, size_t size, struct err *err) NODISCARD;
char *option_split(char *item); /* cuts at the first '='; the value, NULL if there is none */
int option_switch(bool *out, const char *name, const char *value, struct err *err) NODISCARD; /* no value: on */
int option_number(uint64_t *out, const char *name, const char *value, uint64_t min, uint64_t max, struct err *err) NODISCARD; /* decimal */
