/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm man`: the manual page vm(1), from the tables of verbs, options and exit codes; `make install` puts it in place. */
#include "app/cli/cli.h"
#include "base/err.h"
#include <stdio.h>

/* Text for roff: backslashes and hyphens are escaped, a leading dot or quote is made harmless. */
static void text(const char *s)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", stdout);
    for (; *s; s++)
        if (*s == '\\' || *s == '-')
            printf("\\%c", *s);
        else
            putchar(*s);
}

static void option(const char *name, const char *value, const char *help, const char *initial, const char *example)
{
    printf(".TP\n.B \\-\\-");
    text(name);
    if (value) {
        printf(*value == '[' ? "\\fI" : " \\fI");
        text(value);
        printf("\\fR");
    }
    putchar('\n');
    text(help);
    if (initial && *initial) {
        printf(" (initially ");
        text(initial);
        putchar(')');
    }
    if (value && example) {
        printf(". Example: ");
        text(example);
    }
    putchar('\n');
}

int cli_man(int argc, char **argv)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    if (cli_json_flag("man", argc, argv))
        return STATUS_usage;
    printf(".TH VM 1 \"\" \"vm %s\"\n.SH NAME\nvm \\- run machines of other architectures\n.SH SYNOPSIS\n", vm_version());
    for (size_t i = 0; i < cli_nverbs; i++) {
        printf(".B vm %s\n", cli_verbs[i].name);
        text(cli_verbs[i].args);
        printf(*cli_verbs[i].args ? "\n.br\n" : ".br\n"); /* an empty line would be a gap */
    }
    printf(".SH VERBS\n");
    for (size_t i = 0; i < cli_nverbs; i++) {
        printf(".TP\n.B %s\n", cli_verbs[i].name);
        text(cli_verbs[i].what);
        printf(".\n");
    }
    printf("Without a verb, options mean run.\n.SH OPTIONS OF RUN\n");
    for (size_t i = 0; i < count; i++)
        option(o[i].name, o[i].value, o[i].help, o[i].initial, o[i].example);
    for (const struct cli_option *own = cli_run_options; own->name; own++)
        option(own->name, own->value, own->help, NULL, NULL);
    printf(".SH OPTIONS OF USER\n");
    for (const struct cli_option *own = cli_user_options; own->name; own++)
        if (own->help)
            option(own->name, own->value, own->help, NULL, own->example);
    printf(".SH OPTIONS OF BINFMT\n");
    for (const struct cli_option *own = cli_binfmt_options; own->name; own++)
        option(own->name, own->value, own->help, NULL, own->example);
    printf(".SH EXIT STATUS\n");
#define STATUS(name, number, http, meaning) printf(".TP\n.B %d\n%s\n", number, meaning);
#include "base/status.def"
#undef STATUS
    printf(".TP\n.B 128+n\nended by signal n\n.SH EXAMPLES\n");
    for (size_t i = 0; i < cli_nverbs; i++) {
        printf(".nf\n");
        text(cli_verbs[i].example);
        printf("\n.fi\n");
    }
    return 0;
}
