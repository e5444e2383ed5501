/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Building a machine from a configuration, and taking it apart: the one place where its parts meet. Parts are freed in the reverse
 * order of creation; a half-built machine takes the same way out.
 */
#include "base/bits.h"
#include "machine/machine.h"
#include "machine/public.h"
#include <stdlib.h>
#include <unistd.h>

static void log_line(void *arg, enum log_level level, const char *component, const char *text)
{
    const struct vm_config *config = arg;
    config->log_line(config->log_arg, log_level_name(level), component, text);
}

static int make_log(struct vm_machine *m)
{
    enum log_level max = (enum log_level)config_choice(m->config, CONFIG_log);
    return m->config->log_line ? log_new_sink(&m->log, max, log_line, m->config) : log_new(&m->log, STDERR_FILENO, max, false);
}

/* What one option alone cannot know. */
static int check_config(const struct vm_machine *m, struct err *err)
{
    const char *kernel = machine_option(m, CONFIG_kernel), *bios = machine_option(m, CONFIG_bios);
    char path[CONFIG_PATH_MAX];
    bool flash =
        m->board->boots_flash && config_count(m->config, CONFIG_flash) && config_flash(config_text(m->config, CONFIG_flash, 0), path);
    if (!kernel && !bios && !flash)
        return err_set(err, STATUS_config, "nothing to boot: give kernel FILE, or bios FILE, or bios none");
    if (!kernel && machine_option(m, CONFIG_initrd))
        return err_set(err, STATUS_config, "initrd is given without a kernel");
    return 0;
}

static void semihosting_exit(void *arg, int code) { machine_request(arg, VM_STOP_GUEST_EXIT, code, "the guest ended with code %d", code); }

static int build_parts(struct vm_machine *m, struct err *err)
{
    const struct vm_config *config = m->config;
    m->board = board_find(config_text(config, CONFIG_arch, 0), config_text(config, CONFIG_board, 0));
    if (!m->board)
        return err_set(err, STATUS_config, "architecture %s has no board '%s'", config_text(config, CONFIG_arch, 0),
                       config_text(config, CONFIG_board, 0));
    int rc = check_config(m, err);
    if (rc)
        return rc;
    if (make_log(m) || mem_space_new(&m->space) || console_init(&m->console, config->console_output, config->console_arg))
        return err_set(err, STATUS_resource, "no memory for the machine");
    m->vcpus = (unsigned)config_number(config, CONFIG_vcpus);
    m->semihosting.console = &m->console;
    m->semihosting.command_line = machine_option(m, CONFIG_append);
    m->semihosting.exit = semihosting_exit;
    m->semihosting.arg = m;
    rc = os_loop_new(&m->io, "io/0", err);
    if (!rc)
        rc = os_loop_new(&m->control, "control", err);
    if (!rc)
        rc = inspect_init(&m->inspect, config, m->space, m->log, err);
    if (!rc)
        rc = m->board->build(m, err);
    return rc ? rc : machine_boot(m, err);
}

int vm_machine_new(struct vm_machine **out, const struct vm_config *config, struct vm_error *error)
{
    struct err err = {0};
    struct vm_machine *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return public_error(-STATUS_resource, NULL, error);
    os_mutex_init(&m->lock, OS_RANK_machine);
    os_cond_init(&m->changed);
    os_vclock_init(&m->clock);
    semihosting_init(&m->semihosting);
    int rc = config_copy(&m->config, config);
    if (!rc)
        rc = build_parts(m, &err);
    if (rc) {
        vm_machine_free(m);
        return public_error(rc, &err, error);
    }
    *out = m;
    return public_error(0, NULL, error);
}

void vm_machine_free(struct vm_machine *m)
{
    if (!m)
        return;
    if (m->accel) {
        vm_machine_stop(m, NULL);
        os_loop_sync(m->control); /* a request of the guest that is being served */
    }
    if (m->board)
        m->board->free(m);
    while (m->ndevices) {
        struct device *device = m->devices[--m->ndevices];
        device->class->free(device);
    }
    accel_vm_free(m->accel);
    inspect_fini(&m->inspect);
    if (m->control)
        os_loop_free(m->control);
    if (m->io)
        os_loop_free(m->io);
    console_fini(&m->console);
    mem_space_free(m->space);
    log_free(m->log);
    vm_config_free(m->config);
    semihosting_fini(&m->semihosting);
    os_cond_fini(&m->changed);
    os_mutex_fini(&m->lock);
    free(m);
}

int machine_own_device(struct vm_machine *m, struct device *take_device, struct err *err)
{
    if (m->ndevices == ARRAY_LEN(m->devices)) {
        take_device->class->free(take_device);
        return err_set(err, STATUS_config, "too many devices; %zu are possible", ARRAY_LEN(m->devices));
    }
    m->devices[m->ndevices++] = take_device;
    return 0;
}

struct device_env machine_device_env(struct vm_machine *m)
{
    return (struct device_env){.space = m->space, .loop = m->io, .log = m->log, .clock = &m->clock};
}

struct cpu *machine_cpu(struct vm_machine *m, unsigned n) { return accel_vm_cpu(m->accel, n); }
const char *machine_option(const struct vm_machine *m, enum config_option option) { return config_text(m->config, option, 0); }
