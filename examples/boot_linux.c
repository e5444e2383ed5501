/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Boots a Linux kernel, shows its console, and types a command when a word appears there.
 *
 *     boot_linux KERNEL INITRD [PROMPT COMMAND [SECONDS]]     for example: boot_linux Image initramfs.gz '# ' 'poweroff -f'
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vm/vm.h>

struct session {
    struct vm_machine *machine;
    const char *prompt, *command; /* NULL: nothing to type; command becomes NULL when it was typed */
    size_t matched;               /* characters of the prompt that the last output ended with */
};

/* Called from threads of the machine, one call at a time. */
static void show(void *arg, const void *data, size_t len)
{
    struct session *session = arg;
    const char *text = data;

    fwrite(data, 1, len, stdout);
    fflush(stdout);
    for (size_t i = 0; i < len && session->command; i++) {
        session->matched = text[i] == session->prompt[session->matched] ? session->matched + 1 : text[i] == session->prompt[0];
        if (session->prompt[session->matched])
            continue;
        vm_console_input(session->machine, session->command, strlen(session->command));
        vm_console_input(session->machine, "\n", 1);
        session->command = NULL;
    }
}

static int set(struct vm_config *config, const char *name, const char *value, struct vm_error *error)
{
    return value ? vm_config_set(config, name, value, error) : 0;
}

static int configure(struct vm_config *config, char **argv, struct session *session, struct vm_error *error)
{
    vm_config_set_console(config, show, session);
    if (set(config, "arch", "riscv64", error) || set(config, "memory", "512M", error))
        return -1;
    if (set(config, "kernel", argv[1], error) || set(config, "initrd", argv[2], error))
        return -1;
    return set(config, "append", "console=ttyS0", error);
}

static int run(struct session *session, int64_t seconds, struct vm_error *error)
{
    struct vm_outcome outcome;

    if (vm_machine_start(session->machine, error) || vm_machine_wait(session->machine, seconds * 1000, &outcome, error))
        return -1;
    printf("\nboot_linux: stopped (%d): %s\n", (int)outcome.why, outcome.text);
    return outcome.why == VM_STOP_POWEROFF ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct session session = {0};
    struct vm_config *config;
    struct vm_error error = {0};
    int failed = 1;

    if (argc < 3 || argc == 4 || vm_config_new(&config)) {
        fprintf(stderr, "usage: boot_linux KERNEL INITRD [PROMPT COMMAND [SECONDS]]\n");
        return 2;
    }
    if (argc > 4 && argv[3][0]) {
        session.prompt = argv[3];
        session.command = argv[4];
    }
    if (!configure(config, argv, &session, &error) && !vm_machine_new(&session.machine, config, &error))
        failed = run(&session, argc > 5 ? strtol(argv[5], NULL, 10) : 600, &error);
    if (failed)
        fprintf(stderr, "boot_linux: %s\n", error.text);
    vm_machine_free(session.machine);
    vm_config_free(config);
    return failed ? 1 : 0;
}
