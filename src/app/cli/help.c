/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm help`: from the tables of verbs and options. */
#include "app/cli/cli.h"
#include "base/err.h"
#include <stdio.h>
#include <string.h>

enum { COLUMN = 34 };

static void row(const char *left, const char *right)
{
    if (strlen(left) >= COLUMN)
        printf("  %s\n  %*s%s\n", left, COLUMN, "", right);
    else
        printf("  %-*s%s\n", COLUMN, left, right);
}

static void option_row(const char *name, const char *value, const char *help, const char *initial, bool repeats)
{
    char left[96], right[400];
    snprintf(left, sizeof left, "--%s%s%s%s", name, value && *value != '[' ? " " : "", value ? value : "", repeats ? " ..." : "");
    snprintf(right, sizeof right, initial && *initial ? "%s [%s]" : "%s", help, initial);
    row(left, right);
}

static void user_options(void)
{
    puts("\nOptions, before the program:");
    for (const struct cli_option *o = cli_user_options; o->name; o++)
        if (o->help)
            option_row(o->name, o->value, o->help, NULL, false);
    puts(
        "\nIts exit code is the program's, 128 + n if signal n ended it; what could not be started: 2 wrong usage, 3 not a program for this,\n"
        "4 not found, 6 permission, 7 out of resource.");
}

static void binfmt_options(void)
{
    puts("\nOptions:");
    for (const struct cli_option *o = cli_binfmt_options; o->name; o++)
        option_row(o->name, o->value, o->help, NULL, false);
    puts("\ninstall: until the next boot; remove: undo it; status: who runs such programs, and whether it works;\n"
         "print: the line for a file below /etc/binfmt.d, from which systemd registers at every boot.");
}

static void run_options(void)
{
    size_t count;
    const struct vm_option *options = vm_options(&count);
    puts("\nOptions (sizes are binary: 512M, 4G; [initial values]):");
    for (size_t i = 0; i < count; i++)
        option_row(options[i].name, options[i].value, options[i].help, options[i].initial, options[i].repeats);
    for (const struct cli_option *o = cli_run_options; o->name; o++)
        option_row(o->name, o->value, o->help, NULL, false);
    puts("\nConsole keys: Ctrl-A x stops the machine, Ctrl-A h lists the others.\n"
         "Exit codes: 0 powered off, 2 wrong usage, 3 bad configuration, 4 not found, 5 in use, 6 permission, 7 out of resource,\n"
         "9 not available, 10 guest panic, 11 unhandled trap, 14 corrupt data, 128+n signal n; 1 any other error.");
}

int cli_help(int argc, char **argv)
{
    if (argc > 0) {
        const struct cli_verb *verb = cli_verb_find(argv[0]);
        if (!verb)
            return cli_usage("there is no verb '%.80s'", argv[0]);
        printf("Usage: vm %s %s\n  %s\n\nExample:\n  %s\n", verb->name, verb->args, verb->what, verb->example);
        if (verb->run == cli_run)
            run_options();
        if (verb->run == cli_user)
            user_options();
        if (verb->run == cli_binfmt)
            binfmt_options();
        return 0;
    }
    puts("vm runs machines of other architectures.\n\nUsage: vm VERB ...; without a verb, options mean run.\n");
    for (size_t i = 0; i < cli_nverbs; i++) {
        char left[96];
        snprintf(left, sizeof left, "%s %s", cli_verbs[i].name, cli_verbs[i].args);
        row(left, cli_verbs[i].what);
    }
    printf("\nExample:\n  %s\n\n'vm help VERB' tells more.\n", cli_verbs[0].example);
    return 0;
}
