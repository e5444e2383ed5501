/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm completion`: scripts for the shells, from the tables of verbs and options. */
#include "app/cli/cli.h"
#include "base/err.h"
#include <stdio.h>
#include <string.h>

static void words(const char *separator)
{
    for (size_t i = 0; i < cli_nverbs; i++)
        printf("%s%s", i ? separator : "", cli_verbs[i].name);
}

static void own_options(const struct cli_option *own)
{
    for (; own->name; own++)
        if (own->help)
            printf(" --%s", own->name);
}

static void options(void)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    for (size_t i = 0; i < count; i++)
        printf("%s--%s", i ? " " : "", o[i].name);
    own_options(cli_run_options);
}

/* "a|b|c" values are offered as words; everything else is a file name. */
static bool is_choice(const char *value) { return value && strchr(value, '|') && !strpbrk(value, "[ABCDEFGHIJKLMNOPQRSTUVWXYZ"); }

static void choice_words(const char *value)
{
    for (const char *p = value; *p; p++)
        putchar(*p == '|' ? ' ' : *p);
}

static void bash(void)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    printf("_vm() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n    case $prev in\n");
    for (size_t i = 0; i < count; i++)
        if (is_choice(o[i].value)) {
            printf("    --%s) COMPREPLY=($(compgen -W '", o[i].name);
            choice_words(o[i].value);
            printf("' -- \"$cur\")); return;;\n");
        }
    printf(
        "    esac\n    if [[ $COMP_CWORD == 2 && ${COMP_WORDS[1]} == binfmt ]]; then COMPREPLY=($(compgen -W 'install remove status print'"
        " -- \"$cur\"))\n    elif [[ $cur == -* && ${COMP_WORDS[1]} == binfmt ]]; then COMPREPLY=($(compgen -W '");
    own_options(cli_binfmt_options);
    printf("' -- \"$cur\"))\n    elif [[ $cur == -* && ${COMP_WORDS[1]} == user ]]; then COMPREPLY=($(compgen -W '");
    own_options(cli_user_options);
    printf("' -- \"$cur\"))\n    elif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '");
    options();
    printf("' -- \"$cur\"))\n    elif [[ $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W '");
    words(" ");
    printf("' -- \"$cur\"))\n    else local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$cur\")); fi\n}\ncomplete -o filenames -F _vm vm\n");
}

static void quoted(const char *text) /* for single quotes and zsh's own colons and brackets */
{
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (*text == ':' || *text == '[' || *text == ']')
            printf("\\%c", *text);
        else
            putchar(*text);
}

/* Options of `user` that `run` does not have as well: the shells are told of each name once. */
static bool only_users(const struct cli_option *own)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(o[i].name, own->name))
            return false;
    return own->help;
}

static void zsh(void)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    printf("#compdef vm\n_vm() {\n    _arguments '1:verb:(");
    words(" ");
    printf(")'");
    for (size_t i = 0; i < count; i++) {
        printf(" \\\n        '%s--%s[", o[i].repeats ? "*" : "", o[i].name);
        quoted(o[i].help);
        printf("]%s", o[i].value ? ":value:" : "");
        if (is_choice(o[i].value)) {
            putchar('(');
            choice_words(o[i].value);
            putchar(')');
        } else if (o[i].value) {
            fputs("_files", stdout);
        }
        putchar('\'');
    }
    for (const struct cli_option *own = cli_user_options; own->name; own++)
        if (only_users(own)) {
            printf(" \\\n        '*--%s[", own->name);
            quoted(own->help);
            printf("]%s'", own->value && *own->value != '[' ? ":value:_files" : "");
        }
    printf(" \\\n        '*:file:_files'\n}\n_vm \"$@\"\n");
}

static void fish_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++)
        printf(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('\'');
}

static void fish(void)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    for (size_t i = 0; i < cli_nverbs; i++) {
        printf("complete -c vm -n __fish_use_subcommand -f -a %s -d ", cli_verbs[i].name);
        fish_quoted(cli_verbs[i].what);
        putchar('\n');
    }
    for (size_t i = 0; i < count; i++) {
        printf("complete -c vm -l %s%s -d ", o[i].name, o[i].value ? " -r" : "");
        fish_quoted(o[i].help);
        if (is_choice(o[i].value)) {
            printf(" -f -a '");
            choice_words(o[i].value);
            putchar('\'');
        }
        putchar('\n');
    }
    for (const struct cli_option *own = cli_user_options; own->name; own++)
        if (only_users(own)) {
            printf("complete -c vm -n '__fish_seen_subcommand_from user' -l %s%s -d ", own->name,
                   own->value && *own->value != '[' ? " -r" : "");
            fish_quoted(own->help);
            putchar('\n');
        }
}

int cli_completion(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; argc == 1 && i < sizeof shells / sizeof *shells; i++)
        if (!strcmp(argv[0], shells[i].name)) {
            shells[i].print();
            return 0;
        }
    return cli_usage("completion takes one shell: bash, zsh or fish");
}
