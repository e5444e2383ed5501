/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command `vm`: a thin user of libvm's public interface. Verbs are rows of verbs.def, a machine's options the library's own rows.
 * Verbs return the process's exit code (base/status.def; 128 + n after signal n). Data goes to standard output, messages to standard error.
 */
#pragma once
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <vm/vm.h>

struct cli_verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the first argument behind the verb */
    const char *args, *what, *example;
};
extern const struct cli_verb cli_verbs[];
extern const size_t cli_nverbs;

#define VERB(name, function, args, what, example) int function(int argc, char **argv);
#include "app/cli/verbs.def"
#undef VERB

const struct cli_verb *cli_verb_find(const char *name);
void cli_message(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "vm: ..." on standard error */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* the same, and where to find help; returns 2 */
/* The only argument that verbs without others take; -1: there was another, which is reported. */
int cli_json_flag(const char *verb, int argc, char **argv);
/* Options of the command itself, beside the machine's. */
struct cli_option {
    const char *name, *value, *help, *example; /* value: NULL takes none, [=X] may have one; help: NULL is not told of */
};
extern const struct cli_option cli_run_options[], cli_user_options[], cli_binfmt_options[]; /* name NULL at the end */

int cli_user_path(char path[PATH_MAX]); /* of vm-user; else a status, and it is reported */

/* The counters of a machine that does not run, on standard error. */
void cli_print_stats(struct vm_machine *machine, bool json);

/* ---- terminal.c: the guest's console on standard input and output ---- */
struct terminal;
enum { TERMINAL_NO_ESCAPE = 0, TERMINAL_ESCAPE = 1 /* Ctrl-A */ };
struct terminal_screen {
    atomic_bool leaving; /* what cannot be shown at once is dropped from now on */
};
void terminal_output(void *screen, const void *data, size_t len); /* for vm_config_set_console */
/* Starts to feed the machine from standard input, in raw mode if that is a terminal. escape: the control character, or TERMINAL_NO_ESCAPE. */
int terminal_start(struct terminal **out, struct vm_machine *machine, struct terminal_screen *screen, int escape, struct vm_error *error);
/* Gives the terminal back; returns the signal that asked the machine to stop, or 0. */
int terminal_stop(struct terminal *terminal);
