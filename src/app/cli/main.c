/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* main() of the command: finds the verb; without one, options mean `run`. */
#include "app/cli/cli.h"
#include "base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct cli_verb cli_verbs[] = {
#define VERB(name, function, args, what, example) {name, function, args, what, example},
#include "app/cli/verbs.def"
#undef VERB
};
const size_t cli_nverbs = sizeof cli_verbs / sizeof *cli_verbs;

const struct cli_verb *cli_verb_find(const char *name)
{
    for (size_t i = 0; i < cli_nverbs; i++)
        if (!strcmp(cli_verbs[i].name, name))
            return &cli_verbs[i];
    return NULL;
}

static void message(const char *fmt, va_list args, const char *end)
{
    fputs("vm: ", stderr);
    vfprintf(stderr, fmt, args);
    fputs(end, stderr);
}

void cli_message(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    message(fmt, args, "\n");
    va_end(args);
}

int cli_usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    message(fmt, args, "; see 'vm help'\n");
    va_end(args);
    return STATUS_usage;
}

int cli_json_flag(const char *verb, int argc, char **argv)
{
    bool json = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json")) {
            cli_usage("%s does not take '%.80s'", verb, argv[i]);
            return -1;
        }
        json = true;
    }
    return json;
}

int cli_version(int argc, char **argv)
{
    int json = cli_json_flag("version", argc, argv);
    if (json < 0)
        return STATUS_usage;
    printf(json ? "{\"version\":\"%s\",\"abi\":%u}\n" : "vm %s (library interface %u)\n", vm_version(), vm_abi());
    return 0;
}

/* A closed standard descriptor would become the next file that is opened, and a disk would get what is meant for the terminal. */
static void open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(STATUS_failed);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        cli_help(0, NULL);
        return STATUS_usage;
    }
    const char *first = argv[1];
    if (!strcmp(first, "--version"))
        return cli_version(argc - 2, argv + 2);
    if (!strcmp(first, "--help") || !strcmp(first, "-h"))
        return cli_help(0, NULL);
    if (*first == '-')
        return cli_run(argc - 1, argv + 1);
    const struct cli_verb *verb = cli_verb_find(first);
    if (!verb)
        return cli_usage("there is no verb '%.80s'", first);
    if (argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
        return cli_help(1, argv + 1);
    return verb->run(argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    open_standard();
    int rc = dispatch(argc, argv);
    if (fflush(stdout) || ferror(stdout)) { /* of `run` only the guest writes there, past stdout's buffer */
        cli_message("cannot write the answer: %s", strerror(errno));
        return rc ? rc : STATUS_failed;
    }
    return rc;
}
