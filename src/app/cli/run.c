/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm run`: options to a configuration, the machine on this terminal until it stops, its end as an exit code. */
#include "app/cli/cli.h"
#include "base/err.h"
#include <stdio.h>
#include <string.h>

const struct cli_option cli_run_options[] = {
    {"escape", "ctrl-X|none", "key that starts a command of the console (default ctrl-a): then x stops the machine, h helps", NULL},
    {"help", NULL, "this text", NULL},
    {NULL, NULL, NULL, NULL},
};

static const struct vm_option *find_option(const char *name, size_t len)
{
    size_t count;
    const struct vm_option *options = vm_options(&count);
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == len && !strncmp(options[i].name, name, len))
            return &options[i];
    return NULL;
}

static int parse_escape(const char *text, int *escape)
{
    if (!strcmp(text, "none"))
        *escape = TERMINAL_NO_ESCAPE;
    else if (!strncmp(text, "ctrl-", 5) && text[5] >= 'a' && text[5] <= 'z' && !text[6])
        *escape = text[5] - 'a' + 1;
    else
        return cli_usage("--escape takes ctrl-a to ctrl-z or none, not '%.80s'", text);
    return 0;
}

static int set(struct vm_config *config, const char *name, const char *value)
{
    struct vm_error error;
    int rc = vm_config_set(config, name, value, &error);
    if (rc)
        cli_message("%s", error.text);
    return -rc;
}

/* One option, argv[*i], and its value from the same or the next argument. */
static int parse_option(struct vm_config *config, int argc, char **argv, int *i, int *escape)
{
    char name[64];
    const char *text = argv[*i] + 2, *equals = strchr(text, '='), *value = equals ? equals + 1 : NULL;
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    if (len >= sizeof name)
        return cli_usage("there is no option '%.80s'", argv[*i]);
    memcpy(name, text, len);
    name[len] = 0;
    const struct vm_option *option = find_option(name, len);
    bool own = !strcmp(name, "escape");
    if (!option && !own && !value && !strncmp(name, "no-", 3)) {
        option = find_option(name + 3, len - 3);
        if (option && !option->value)
            return set(config, option->name, "off");
        option = NULL;
    }
    if (!value && (own || (option && option->value))) {
        if (*i + 1 >= argc)
            return cli_usage("--%s needs a value: %s", name, own ? cli_run_options[0].value : option->value);
        value = argv[++*i];
    }
    if (own)
        return parse_escape(value, escape);
    for (const struct cli_option *o = cli_run_options; o->name && !option && len >= 3; o++)
        if (!strncmp(o->name, name, len))
            return cli_usage("unknown option '%.80s'; did you mean '%.80s'?", name, o->name);
    return set(config, name, value);
}

static int parse(struct vm_config *config, int argc, char **argv, int *escape)
{
    for (int i = 0, rc; i < argc; i++) {
        if (!strncmp(argv[i], "--", 2) && argv[i][2])
            rc = parse_option(config, argc, argv, &i, escape);
        else if (argv[i][0] == '-')
            rc = cli_usage("there is no option '%.80s'", argv[i]);
        else
            rc = vm_config_get(config, "kernel", 0) ? cli_usage("one kernel is enough: '%.80s' is left over", argv[i])
                                                    : set(config, "kernel", argv[i]);
        if (rc)
            return rc;
    }
    return 0;
}

static int exit_code(const struct vm_config *config, const struct vm_outcome *outcome, int signal)
{
    const char *from_guest = vm_config_get(config, "exit-from-guest", 0);
    if (signal)
        return 128 + signal;
    switch (outcome->why) {
    case VM_STOP_GUEST_EXIT:
        if (from_guest && !strcmp(from_guest, "on"))
            return outcome->code & 255 ? outcome->code & 255 : outcome->code ? STATUS_failed : 0; /* 256 must not look like success */
        if (outcome->code)
            cli_message("the guest ended with code %d (--exit-from-guest makes it the command's)", outcome->code);
        return outcome->code ? STATUS_failed : 0;
    case VM_STOP_PANIC: cli_message("%s", outcome->text); return STATUS_guest_panic;
    case VM_STOP_TRAP: cli_message("%s", outcome->text); return STATUS_guest_trap;
    default: return 0;
    }
}

static int run(struct vm_config *config, int escape)
{
    struct vm_machine *machine = NULL;
    struct terminal *terminal = NULL;
    struct terminal_screen screen = {false};
    struct vm_outcome outcome = {0};
    struct vm_error error = {0};
    int signal = 0;
    vm_config_set_console(config, terminal_output, &screen);
    int rc = vm_machine_new(&machine, config, &error);
    if (!rc)
        rc = terminal_start(&terminal, machine, &screen, escape, &error);
    if (!rc) {
        rc = vm_machine_start(machine, &error);
        if (!rc)
            rc = vm_machine_wait(machine, -1, &outcome, &error);
        else if (atomic_load(&screen.leaving))
            rc = 0; /* it was stopped before it began */
    }
    if (terminal)
        signal = terminal_stop(terminal);
    if (rc)
        cli_message("%s", error.text);
    int code = rc ? -rc : exit_code(config, &outcome, signal);
    const char *stats = vm_config_get(config, "stats", 0);
    if (!rc && strcmp(stats, "off"))
        cli_print_stats(machine, !strcmp(stats, "json"));
    vm_machine_free(machine);
    return code;
}

int cli_run(int argc, char **argv)
{
    struct vm_config *config;
    int escape = TERMINAL_ESCAPE;
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return cli_help(1, (char *[]){(char[]){"run"}});
    if (vm_config_new(&config)) {
        cli_message("out of memory");
        return STATUS_resource;
    }
    int rc = parse(config, argc, argv, &escape);
    if (!rc)
        rc = run(config, escape);
    vm_config_free(config);
    return rc;
}
