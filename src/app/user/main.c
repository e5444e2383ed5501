/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command `vm-user`: runs one program of another architecture. A program of its own because it is linked statically, so that it works in
 * foreign roots and for binfmt_misc; `vm user` is its door.
 */
#include "base/log.h"
#include "user/user.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
    struct user_options user;
    const char *argv0;
    const char *again[64]; /* what a program that it starts is run with */
    unsigned nagain;
};

static int usage(const char *fmt, const char *what)
{
    fputs("vm user: ", stderr);
    fprintf(stderr, fmt, what);
    fputs("; see 'vm help user'\n", stderr);
    return STATUS_usage;
}

struct option_row {
    const char *name;
    bool value, handed_on;
    bool (*take)(struct arguments *a, const char *value);
};

static bool take_mode(struct arguments *a, const char *value)
{
    static const struct {
        const char *name;
        enum accel_mode mode;
    } modes[] = {{"auto", ACCEL_auto}, {"interpreter", ACCEL_interpreter}, {"jit", ACCEL_jit}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(value, modes[i].name)) {
            a->user.mode = modes[i].mode;
            return true;
        }
    return false;
}

static bool take_threshold(struct arguments *a, const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    a->user.jit_threshold = (unsigned)n;
    return !*end && n && n < 1000000;
}

static bool take_sysroot(struct arguments *a, const char *value) { return (a->user.sysroot = value); }
static bool take_cpu(struct arguments *a, const char *value) { return (a->user.cpu = value); }
static bool take_argv0(struct arguments *a, const char *value) { return (a->argv0 = value); }
static bool take_strace(struct arguments *a, const char *value) { return a->user.strace = !value; }
static bool take_stats(struct arguments *a, const char *value) { return a->user.stats = !value; }

static const struct option_row rows[] = {
    {"--sysroot", true, true, take_sysroot}, {"--cpu", true, true, take_cpu},
    {"--mode", true, true, take_mode},       {"--jit-threshold", true, true, take_threshold},
    {"--strace", false, true, take_strace},  {"--stats", false, true, take_stats},
    {"--argv0", true, false, take_argv0},
};

/* Returns the index of the program's path; 0: wrong usage, which is reported. */
static int parse(struct arguments *a, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const struct option_row *row = rows;
        if (!strcmp(argv[i], "--"))
            return i + 1;
        while (row < rows + sizeof rows / sizeof *rows && strcmp(row->name, argv[i]))
            row++;
        if (row == rows + sizeof rows / sizeof *rows)
            return usage("there is no option '%s'", argv[i]), 0;
        if (row->value && i + 1 == argc)
            return usage("%s wants a value", argv[i]), 0;
        const char *value = row->value ? argv[i + 1] : NULL;
        if (!row->take(a, value))
            return usage("'%s' is not a value of this option", value), 0;
        if (row->handed_on && a->nagain + 3 < sizeof a->again / sizeof *a->again) {
            a->again[a->nagain++] = argv[i];
            if (value)
                a->again[a->nagain++] = value;
        }
        i += row->value;
    }
    return i;
}

int main(int argc, char **argv)
{
    static struct arguments a = {.user = {.program_fd = -1}};
    struct err err = {0};
    int at = parse(&a, argc, argv);
    if (!at)
        return STATUS_usage;
    if (at >= argc)
        return usage("%s", "which program?");
    if (log_new(&a.user.log, STDERR_FILENO, LOG_error, false))
        return STATUS_resource;
    a.user.program = argv[at];
    a.user.argv = argv + at;
    if (a.argv0)
        argv[at] = (char *)(uintptr_t)a.argv0;
    a.user.envp = environ;
    a.user.again = a.again;
    int rc = user_run(&a.user, &err);
    fprintf(stderr, "vm user: %s\n", err.text);
    return -rc;
}
