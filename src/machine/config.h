/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A machine's configuration inside the library: values are kept as the text that was given, already checked for form and range, and
 * read through the typed functions below. options.def is the one list of options.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <vm/vm.h>

enum config_option {
#define OPTION(id, name, value, initial, repeats, form, help, example) CONFIG_##id,
#include "machine/options.def"
#undef OPTION
    CONFIG_OPTIONS
};

enum { CONFIG_VCPUS_MAX = 8, CONFIG_REPEATS_MAX = 64, CONFIG_PATH_MAX = 4096 };
#define CONFIG_MEMORY_MIN (16ull << 20)

struct config_values {
    char **text;
    size_t count;
};

struct vm_config {
    struct config_values values[CONFIG_OPTIONS];
    void (*console_output)(void *arg, const void *data, size_t len);
    void *console_arg;
    void (*log_line)(void *arg, const char *level, const char *component, const char *text);
    void *log_arg;
};

int config_copy(struct vm_config **out, const struct vm_config *from) NODISCARD;
const char *config_name(enum config_option option);
size_t config_count(const struct vm_config *config, enum config_option option);                   /* of values that were set */
const char *config_text(const struct vm_config *config, enum config_option option, size_t index); /* NULL: not set and no initial */
bool config_switch(const struct vm_config *config, enum config_option option);
uint64_t config_number(const struct vm_config *config, enum config_option option); /* of sizes: bytes */
unsigned config_choice(const struct vm_config *config, enum config_option option); /* position in the value column */

/* Puts the option's name before the text that stands, unless it begins with it; returns err->status. */
int config_prefix(struct err *err, enum config_option option);
bool config_flash(const char *text, char path[CONFIG_PATH_MAX]); /* of a checked value; true: read-only */

/* Text forms; they report what is wrong with `text` and how to write it. */
int config_parse_size(const char *text, uint64_t *out, struct err *err) NODISCARD;   /* "512M", "4G", "4GiB", bytes */
int config_parse_number(const char *text, uint64_t *out, struct err *err) NODISCARD; /* decimal or 0x */
