/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command line: options up to the first other word, which is the program. When the kernel starts this command for a program
 * (binfmt_misc), nothing on the command line is an option: a program's name must not become one.
 */
#include "app/user/options.h"
#include "base/bits.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#ifndef AT_FLAGS_PRESERVE_ARGV0
#define AT_FLAGS_PRESERVE_ARGV0 1
#endif

static int usage(const char *fmt, const char *a, const char *b)
{
    fputs("vm user: ", stderr);
    fprintf(stderr, fmt, a, b);
    fputs("; see 'vm help user'\n", stderr);
    return STATUS_usage;
}

/* ---- the environment ---- */

static size_t env_count(char *const *env)
{
    size_t n = 0;
    while (env[n])
        n++;
    return n;
}

/* All variables but those of this name; room: for one more. NULL: out of memory. */
static char **env_without(char *const *env, const char *name, size_t len)
{
    char **out = calloc(env_count(env) + 2, sizeof *out);
    size_t n = 0;
    for (; out && *env; env++)
        if (strncmp(*env, name, len) || (*env)[len] != '=')
            out[n++] = *env;
    return out;
}

static bool take_env(struct arguments *a, const char *value)
{
    const char *equals = strchr(value, '=');
    char **env = equals && equals > value ? env_without(a->user.envp, value, (size_t)(equals - value)) : NULL;
    if (!env)
        return false;
    env[env_count(env)] = (char *)(uintptr_t)value;
    a->user.envp = env;
    return true;
}

static bool take_unset_env(struct arguments *a, const char *value)
{
    char **env = *value && !strchr(value, '=') ? env_without(a->user.envp, value, strlen(value)) : NULL;
    if (env)
        a->user.envp = env;
    return env;
}

static bool take_clear_env(struct arguments *a, const char *value)
{
    static char *none[1];
    (void)value;
    a->user.envp = none;
    return true;
}

/* ---- the others ---- */

static bool number(const char *text, unsigned long most, unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= most;
}

static bool take_id(const char *value, int64_t *out)
{
    unsigned long n;
    bool good = number(value, UINT32_MAX - 1, &n);
    *out = good ? (int64_t)n : -1;
    return good;
}

static bool take_mode(struct arguments *a, const char *value)
{
    static const struct {
        const char *name;
        enum accel_mode mode;
    } modes[] = {{"auto", ACCEL_auto}, {"interpreter", ACCEL_interpreter}, {"jit", ACCEL_jit}};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (!strcmp(value, modes[i].name)) {
            a->user.mode = modes[i].mode;
            return true;
        }
    return false;
}

static bool take_jit_threshold(struct arguments *a, const char *value)
{
    unsigned long n;
    bool good = number(value, 65536, &n) && n;
    a->user.jit_threshold = (unsigned)n;
    return good;
}

static bool take_stats(struct arguments *a, const char *value)
{
    a->user.stats = true;
    a->user.stats_json = value && !strcmp(value, "json");
    return !value || a->user.stats_json;
}

static bool take_bind(struct arguments *a, const char *value)
{
    if (a->nbinds == ARGUMENTS_BINDS || !*value)
        return false;
    a->binds[a->nbinds++] = value;
    return true;
}

static bool take_exe_fd(struct arguments *a, const char *value)
{
    unsigned long n;
    bool good = number(value, INT_MAX, &n) && !fcntl((int)n, F_SETFD, FD_CLOEXEC);
    a->user.exe_fd = good ? (int)n : -1;
    return good;
}

static bool take_program_fd(struct arguments *a, const char *value)
{
    unsigned long n;
    bool good = number(value, INT_MAX, &n) && !fcntl((int)n, F_SETFD, FD_CLOEXEC);
    a->user.program_fd = good ? (int)n : -1;
    return good;
}

static bool take_limits(struct arguments *a, const char *value)
{
    uint64_t n[4];
    char *end = (char *)(uintptr_t)value;
    for (unsigned i = 0; i < 4; i++) {
        n[i] = strtoull(value, &end, 10);
        if (*value < '0' || *value > '9' || *end != (i < 3 ? ',' : 0))
            return false;
        value = end + 1;
    }
    a->user.limits[0] = (struct rlimit){n[0], n[1]};
    a->user.limits[1] = (struct rlimit){n[2], n[3]};
    return (a->user.limited = true);
}

static bool take_gdb_kept(struct arguments *a, const char *value) { return (a->gdb_kept = value); }
static bool take_traced(struct arguments *a, const char *value) { return (a->user.traced = value); }
static bool take_exec_name(struct arguments *a, const char *value) { return (a->user.exec_name = value); }

static bool take_child(struct arguments *a, const char *value)
{
    a->user.child = true;
    return (a->argv0 = value);
}

static bool take_root(struct arguments *a, const char *value) { return *(a->root.dir = value); }
static bool take_chdir(struct arguments *a, const char *value) { return *(a->root.chdir = value); }
static bool take_uid(struct arguments *a, const char *value) { return take_id(value, &a->root.uid); }
static bool take_gid(struct arguments *a, const char *value) { return take_id(value, &a->root.gid); }
static bool take_sysroot(struct arguments *a, const char *value) { return *(a->user.sysroot = value); }
static bool take_cpu(struct arguments *a, const char *value) { return *(a->user.cpu = value); }
static bool take_argv0(struct arguments *a, const char *value) { return (a->argv0 = value); }
static bool take_strace(struct arguments *a, const char *value)
{
    a->user.strace_file = value;
    return (a->user.strace = !value || *value);
}

static bool take_log(struct arguments *a, const char *value)
{
    for (int level = LOG_error; level <= LOG_debug; level++)
        if (!strcmp(value, log_level_name((enum log_level)level))) {
            a->log_level = (enum log_level)level;
            return true;
        }
    return false;
}
static bool take_gdb(struct arguments *a, const char *value) { return *(a->gdb = value); }
static bool take_help(struct arguments *a, const char *value) { return a->help = !value; }

static const struct row {
    const char *name, *value;
    bool kept;
    bool (*take)(struct arguments *a, const char *value);
    const char *help, *example;
} rows[] = {
#define OPTION(id, name, value, kept, help, example) {name, value, kept, take_##id, help, example},
#include "app/user/options.def"
#undef OPTION
};

static const struct row *find(const char *name, size_t len)
{
    for (const struct row *row = rows; row < rows + ARRAY_LEN(rows); row++)
        if (!strncmp(row->name, name, len) && !row->name[len])
            return row;
    return NULL;
}

static bool optional(const struct row *row) { return row->value && *row->value == '['; }

/* One option and its value, from the same word or the next, which *i then is the index of. */
static int take(struct arguments *a, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    const struct row *row = strncmp(word, "--", 2) ? NULL : find(word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
    bool apart = row && row->value && !value && !optional(row);
    if (!row && !strcmp(word, "-h"))
        return take_help(a, NULL) ? 0 : STATUS_usage;
    if (!row)
        return usage("there is no option '%.80s'", word, NULL);
    if (value && !row->value)
        return usage("--%s takes no value", row->name, NULL);
    if (apart && *i + 1 == argc)
        return usage("--%s needs a value: %s", row->name, row->value);
    if (apart)
        value = argv[++*i];
    if (!row->take(a, value))
        return usage("--%s does not take '%.80s'", row->name, value);
    if (row->kept && a->nagain + 2 > ARGUMENTS_AGAIN)
        return usage("too many options%.0s%.0s", "", "");
    if (row->kept)
        a->again[a->nagain++] = word;
    if (row->kept && apart)
        a->again[a->nagain++] = value;
    return 0;
}

/* "interpreter program argv0 ..." with flag P of binfmt_misc, "interpreter program ..." without it. */
static bool by_kernel(struct arguments *a, int argc, char **argv, int *at)
{
    bool argv0 = getauxval(AT_FLAGS) & AT_FLAGS_PRESERVE_ARGV0;
    errno = 0;
    unsigned long fd = getauxval(AT_EXECFD);
    bool opened = fd || errno != ENOENT;
    if ((!argv0 && !opened) || argc < 2 + argv0)
        return false;
    if (opened && !fcntl((int)fd, F_SETFD, FD_CLOEXEC))
        a->user.program_fd = (int)fd;
    a->user.by_kernel = a->user.child = true;
    a->user.program = argv[1];
    *at = 1 + argv0;
    return true;
}

int arguments_parse(struct arguments *a, int argc, char **argv)
{
    int at = 1;
    *a = (struct arguments){.user = {.program_fd = -1, .exe_fd = -1, .envp = environ}, .root = {.uid = -1, .gid = -1}};
    a->user.again = a->again;
    a->root.binds = a->binds;
    if (!by_kernel(a, argc, argv, &at)) {
        for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
            if (!strcmp(argv[at], "--")) {
                at++;
                break;
            }
            int rc = take(a, argc, argv, &at);
            if (rc || a->help)
                return rc;
        }
        a->user.program = argv[at];
    }
    if (at >= argc)
        return usage("which program? vm user [OPTIONS] PROGRAM [ARGS]%.0s%.0s", "", "");
    if (a->nbinds && !a->root.dir)
        return usage("--bind needs --root%.0s%.0s", "", "");
    a->user.argv = argv + at;
    if (a->argv0)
        argv[at] = (char *)(uintptr_t)a->argv0;
    return 0;
}

void arguments_help(void)
{
    puts("Usage: vm-user [OPTIONS] PROGRAM [ARGS]\n");
    for (const struct row *row = rows; row < rows + ARRAY_LEN(rows); row++)
        if (row->help)
            printf("  --%s%s%s\n      %s\n", row->name, row->value && !optional(row) ? " " : "", row->value ? row->value : "", row->help);
}
