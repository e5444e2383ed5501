/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * vm_options() and vm_config_*: rows of options.def and the values that users give them. Each form is one check function here; a
 * value that passed it can be read back without errors.
 */
#include "machine/config.h"
#include "base/bits.h"
#include "device/block/block.h"
#include "device/net/net.h"
#include "guest/guest.h"
#include "machine/board.h"
#include "machine/public.h"
#include <ctype.h>
#include <stdlib.h>

struct row {
    struct vm_option option;
    int (*check)(const struct vm_option *option, const char *text, struct err *err);
};

int config_parse_number(const char *text, uint64_t *out, struct err *err)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *p = hex ? text + 2 : text;
    uint64_t n = 0;
    bool ok = *p;
    for (; ok && *p; p++) {
        unsigned digit = *p >= '0' && *p <= '9'        ? (unsigned)(*p - '0')
                         : isxdigit((unsigned char)*p) ? (unsigned)(tolower(*p) - 'a' + 10)
                                                       : 99;
        ok = digit < (hex ? 16 : 10) && !__builtin_mul_overflow(n, hex ? 16 : 10, &n) && !__builtin_add_overflow(n, digit, &n);
    }
    if (!ok)
        return err_set(err, STATUS_config, "'%.40s' is not a number", text);
    *out = n;
    return 0;
}

int config_parse_size(const char *text, uint64_t *out, struct err *err)
{
    static const char units[] = "KMGT";
    uint64_t n = 0;
    const char *p = text;
    bool ok = isdigit((unsigned char)*p);
    for (; ok && isdigit((unsigned char)*p); p++)
        ok = !__builtin_mul_overflow(n, 10, &n) && !__builtin_add_overflow(n, (unsigned)(*p - '0'), &n);
    const char *unit = *p ? strchr(units, toupper((unsigned char)*p)) : NULL;
    if (unit) {
        unsigned shift = 10 * (unsigned)(unit - units + 1);
        ok = ok && n <= UINT64_MAX >> shift;
        n <<= shift;
        p++;
        if (!strcasecmp(p, "iB") || !strcasecmp(p, "B"))
            p += strlen(p);
    }
    if (!ok || *p)
        return err_set(err, STATUS_config, "'%.40s' is not a size; write it as 512M or 4G", text);
    *out = n;
    return 0;
}

enum { TEXT_MAX = 16 << 10 };

static int check_text(const struct vm_option *option, const char *text, struct err *err)
{
    (void)option;
    return strlen(text) <= TEXT_MAX ? 0 : err_set(err, STATUS_config, "longer than %d characters", TEXT_MAX);
}

static int check_file(const struct vm_option *option, const char *text, struct err *err)
{
    return *text ? 0 : err_set(err, STATUS_config, "the name is empty; give a %s", option->value);
}

static int check_number(const struct vm_option *option, const char *text, struct err *err)
{
    uint64_t n;
    (void)option;
    return config_parse_number(text, &n, err);
}

static int check_vcpus(const struct vm_option *option, const char *text, struct err *err)
{
    uint64_t n;
    int rc = config_parse_number(text, &n, err);
    (void)option;
    if (!rc && (n < 1 || n > CONFIG_VCPUS_MAX))
        rc = err_set(err, STATUS_config, "%llu is out of range; 1 to %d are possible", (unsigned long long)n, CONFIG_VCPUS_MAX);
    return rc;
}

static int check_memory(const struct vm_option *option, const char *text, struct err *err)
{
    uint64_t n, limit = os_memory_limit();
    int rc = config_parse_size(text, &n, err);
    (void)option;
    if (rc)
        return rc;
    if (n < CONFIG_MEMORY_MIN)
        return err_set(err, STATUS_config, "%s is too small; the least is %lluM%s", text, CONFIG_MEMORY_MIN >> 20,
                       isdigit((unsigned char)text[strlen(text) - 1]) ? " (a number without K, M or G is in bytes)" : "");
    if (n > limit)
        return err_set(err, STATUS_config, "%s is more than this host has (%lluM)", text, (unsigned long long)(limit >> 20));
    if (n % (1 << 20))
        return err_set(err, STATUS_config, "%s is not a multiple of 1M", text);
    return 0;
}

static int check_threshold(const struct vm_option *option, const char *text, struct err *err)
{
    uint64_t n;
    int rc = config_parse_number(text, &n, err);
    (void)option;
    return rc ? rc : n >= 1 && n <= 65536 ? 0 : err_set(err, STATUS_config, "%s is out of range; 1 to 65536 are possible", text);
}

static int check_jit_cache(const struct vm_option *option, const char *text, struct err *err)
{
    uint64_t n;
    int rc = config_parse_size(text, &n, err);
    (void)option;
    return rc ? rc : n >= 2 << 20 && n <= 1 << 30 ? 0 : err_set(err, STATUS_config, "%s is out of range; 2M to 1G are possible", text);
}

/* Position of a word in "a|b|c"; -1: not one of them. */
static int choice_find(const char *words, const char *text, size_t len)
{
    int at = 0;
    for (const char *word = words;; at++) {
        size_t n = strcspn(word, "|");
        if (n == len && !memcmp(word, text, n))
            return at;
        if (!word[n])
            return -1;
        word += n + 1;
    }
}

static int check_choice(const struct vm_option *option, const char *text, struct err *err)
{
    if (choice_find(option->value, text, strlen(text)) >= 0)
        return 0;
    return err_set(err, STATUS_config, "'%.40s' is not one of %s", text, option->value);
}

static int check_switch(const struct vm_option *option, const char *text, struct err *err)
{
    (void)option;
    return choice_find("on|off", text, strlen(text)) >= 0 ? 0 : err_set(err, STATUS_config, "'%.40s' is neither on nor off", text);
}

static int check_stats(const struct vm_option *option, const char *text, struct err *err)
{
    (void)option;
    return choice_find("on|off|json", text, strlen(text)) >= 0 ? 0
                                                               : err_set(err, STATUS_config, "'%.40s' is not one of on, off, json", text);
}

static int check_dump_block(const struct vm_option *option, const char *text, struct err *err)
{
    uint64_t n;
    (void)option;
    if (!strcmp(text, "all") || !config_parse_number(text, &n, NULL))
        return 0;
    return err_set(err, STATUS_config, "'%.40s' is neither an address nor all; write it as 0x80000000", text);
}

static int check_arch(const struct vm_option *option, const char *text, struct err *err)
{
    (void)option;
    return guest_find(text) ? 0 : err_set(err, STATUS_config, "'%.40s' is not an architecture of this build", text);
}

static int check_board(const struct vm_option *option, const char *text, struct err *err)
{
    (void)option;
    return board_find(NULL, text) ? 0 : err_set(err, STATUS_config, "there is no board '%.40s'", text);
}

bool config_flash(const char *text, char path[CONFIG_PATH_MAX])
{
    size_t len = strlen(text);
    bool read_only = len >= 3 && !strcmp(text + len - 3, ",ro");
    len -= read_only ? 3 : 0;
    len = len < CONFIG_PATH_MAX ? len : CONFIG_PATH_MAX - 1;
    memcpy(path, text, len);
    path[len] = 0;
    return read_only;
}

static int check_flash(const struct vm_option *option, const char *text, struct err *err)
{
    char path[CONFIG_PATH_MAX];
    config_flash(text, path);
    return strlen(text) < CONFIG_PATH_MAX ? check_file(option, path, err) : err_set(err, STATUS_config, "the name is too long");
}

static int check_disk(const struct vm_option *option, const char *text, struct err *err)
{
    struct disk_config disk;
    (void)option;
    return disk_config_parse(&disk, text, err);
}

static int check_net(const struct vm_option *option, const char *text, struct err *err)
{
    struct net_config net;
    (void)option;
    return net_config_parse(&net, text, err);
}

static const struct row rows[] = {
#define OPTION(id, name, value, initial, repeats, form, help, example) {{name, value, initial, repeats, help, example}, check_##form},
#include "machine/options.def"
#undef OPTION
};

const struct vm_option *vm_options(size_t *count)
{
    static const struct vm_option options[] = {
#define OPTION(id, name, value, initial, repeats, form, help, example) {name, value, initial, repeats, help, example},
#include "machine/options.def"
#undef OPTION
    };
    if (count)
        *count = ARRAY_LEN(options);
    return options;
}

const char *config_name(enum config_option option) { return rows[option].option.name; }

int config_prefix(struct err *err, enum config_option option)
{
    const char *name = config_name(option);
    if (err && !strncmp(err->text, name, strlen(name)))
        return err->status;
    return err_prefix(err, "%s", name);
}

static int row_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcmp(rows[i].option.name, name))
            return (int)i;
    return -1;
}

/* Edits (insert, remove, change a letter) between two short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[32];
    size_t na = strlen(a), nb = strlen(b);
    if (na >= ARRAY_LEN(row) || nb >= ARRAY_LEN(row))
        return 99;
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            best = corner + 1 < best ? corner + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[nb];
}

static int unknown_option(const char *name, struct err *err)
{
    unsigned best = 3; /* more than two slips are another word */
    const char *nearest = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned d = distance(name, rows[i].option.name);
        if (strlen(name) >= 3 && !strncmp(name, rows[i].option.name, strlen(name)))
            d = 0;
        if (d < best) {
            best = d;
            nearest = rows[i].option.name;
        }
    }
    if (nearest)
        return err_set(err, STATUS_usage, "unknown option '%.40s'; did you mean '%s'?", name, nearest);
    return err_set(err, STATUS_usage, "unknown option '%.40s'", name);
}

int vm_config_new(struct vm_config **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -STATUS_resource;
}

static void values_clear(struct config_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        free(values->text[i]);
    free(values->text);
    *values = (struct config_values){0};
}

void vm_config_free(struct vm_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < CONFIG_OPTIONS; i++)
        values_clear(&config->values[i]);
    free(config);
}

static int values_add(struct config_values *values, const char *text)
{
    char **grown = realloc(values->text, (values->count + 1) * sizeof *grown);
    if (!grown)
        return -STATUS_resource;
    values->text = grown;
    grown[values->count] = strdup(text);
    if (!grown[values->count])
        return -STATUS_resource;
    values->count++;
    return 0;
}

static int config_set(struct vm_config *config, const char *name, const char *value, struct err *err)
{
    int at = row_find(name);
    if (at < 0)
        return unknown_option(name, err);
    const struct vm_option *option = &rows[at].option;
    if (!value && option->value)
        return err_set(err, STATUS_usage, "option '%s' needs a value (%s), for example %s", name, option->value, option->example);
    if (!value)
        value = "on";
    int rc = rows[at].check(option, value, err);
    if (rc) {
        config_prefix(err, (enum config_option)at);
        return rc;
    }
    struct config_values *values = &config->values[at];
    if (!option->repeats)
        values_clear(values);
    if (values->count >= CONFIG_REPEATS_MAX)
        return err_set(err, STATUS_config, "option '%s' is given more than %d times", name, CONFIG_REPEATS_MAX);
    rc = values_add(values, value);
    return rc ? err_set(err, STATUS_resource, "no memory for option '%s'", name) : 0;
}

int vm_config_set(struct vm_config *config, const char *name, const char *value, struct vm_error *error)
{
    struct err err = {0};
    return public_error(config_set(config, name, value, &err), &err, error);
}

const char *vm_config_get(const struct vm_config *config, const char *name, size_t index)
{
    int at = row_find(name);
    return at < 0 ? NULL : config_text(config, (enum config_option)at, index);
}

void vm_config_set_console(struct vm_config *config, void (*output)(void *arg, const void *data, size_t len), void *arg)
{
    config->console_output = output;
    config->console_arg = arg;
}

void vm_config_set_log(struct vm_config *config, void (*line)(void *arg, const char *level, const char *component, const char *text),
                       void *arg)
{
    config->log_line = line;
    config->log_arg = arg;
}

int config_copy(struct vm_config **out, const struct vm_config *from)
{
    int rc = vm_config_new(out);
    for (size_t i = 0; !rc && i < CONFIG_OPTIONS; i++)
        for (size_t n = 0; !rc && n < from->values[i].count; n++)
            rc = values_add(&(*out)->values[i], from->values[i].text[n]);
    if (rc) {
        vm_config_free(*out);
        *out = NULL;
        return rc;
    }
    vm_config_set_console(*out, from->console_output, from->console_arg);
    vm_config_set_log(*out, from->log_line, from->log_arg);
    return 0;
}

size_t config_count(const struct vm_config *config, enum config_option option) { return config->values[option].count; }

const char *config_text(const struct vm_config *config, enum config_option option, size_t index)
{
    const struct config_values *values = &config->values[option];
    if (index < values->count)
        return values->text[index];
    return index ? NULL : rows[option].option.initial;
}

bool config_switch(const struct vm_config *config, enum config_option option) { return !strcmp(config_text(config, option, 0), "on"); }

uint64_t config_number(const struct vm_config *config, enum config_option option)
{
    uint64_t n = 0;
    const char *text = config_text(config, option, 0);
    if (text && config_parse_size(text, &n, NULL) && config_parse_number(text, &n, NULL))
        return 0;
    return n;
}

unsigned config_choice(const struct vm_config *config, enum config_option option)
{
    const char *text = config_text(config, option, 0);
    return (unsigned)choice_find(rows[option].option.value, text, strlen(text));
}
