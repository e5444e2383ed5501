/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The life of a machine: start, pause, resume, reset, stop, wait, step, and what the guest itself asks for. The order of standing still is
 * vCPUs, clock, devices; of going on: clock, devices (whose timers want the time), vCPUs.
 */
#include "machine/machine.h"
#include "machine/public.h"
#include <stdarg.h>
#include <stdio.h>

static const char *const state_names[] = {
    [VM_CREATED] = "not started yet", [VM_RUNNING] = "running", [VM_PAUSED] = "paused", [VM_STOPPED] = "stopped"};

static int wrong_state(const struct vm_machine *m, const char *what, struct err *err)
{
    return err_set(err, STATUS_conflict, "cannot %s: the machine is %s", what, state_names[m->state]);
}

enum device_call { DEVICE_reset, DEVICE_pause, DEVICE_resume };

/* Devices pause in the reverse order of their creation. */
static void devices_do(struct vm_machine *m, enum device_call call)
{
    for (size_t i = 0; i < m->ndevices; i++) {
        struct device *d = m->devices[call == DEVICE_pause ? m->ndevices - 1 - i : i];
        void (*fn)(void *self) = call == DEVICE_reset ? d->class->reset : call == DEVICE_pause ? d->class->pause : d->class->resume;
        if (!fn)
            continue;
        os_mutex_lock(&d->lock);
        fn(d);
        os_mutex_unlock(&d->lock);
    }
}

static void stand_still(struct vm_machine *m)
{
    console_hurry(&m->console, true);
    accel_vm_pause(m->accel);
    os_vclock_pause(&m->clock);
    devices_do(m, DEVICE_pause);
}

static void go_on(struct vm_machine *m)
{
    console_hurry(&m->console, false);
    os_vclock_resume(&m->clock);
    devices_do(m, DEVICE_resume);
    accel_vm_resume(m->accel);
}

int machine_boot(struct vm_machine *m, struct err *err)
{
    devices_do(m, DEVICE_reset);
    console_reset(&m->console);
    semihosting_reset(&m->semihosting);
    int rc = m->board->boot(m, err);
    accel_vm_memory_changed(m->accel);
    return rc;
}

void machine_halt(struct vm_machine *m, const struct machine_request *why)
{
    if (m->state == VM_STOPPED)
        return;
    console_hurry(&m->console, true);
    accel_vm_stop(m->accel);
    os_vclock_pause(&m->clock);
    if (m->state == VM_RUNNING)
        devices_do(m, DEVICE_pause);
    m->outcome = (struct vm_outcome){.why = why->why, .code = why->code};
    snprintf(m->outcome.text, sizeof m->outcome.text, "%s", why->text);
    m->state = VM_STOPPED;
    os_cond_broadcast(&m->changed);
}

static void reset_now(struct vm_machine *m)
{
    struct err err = {0};
    bool running = m->state == VM_RUNNING;
    if (running)
        stand_still(m);
    if (machine_boot(m, &err)) {
        struct machine_request why = {.why = VM_STOP_PANIC};
        snprintf(why.text, sizeof why.text, "cannot boot again: %.180s", err.text);
        log_write(m->log, LOG_error, "machine", "%s", why.text);
        machine_halt(m, &why);
        return;
    }
    atomic_store(&m->request_state, REQUEST_none); /* before the guest can make the next one */
    if (running)
        go_on(m);
}

/* ---- what the guest asks for ---- */

void machine_serve_request(struct vm_machine *m)
{
    if (atomic_load(&m->request_state) != REQUEST_made)
        return;
    struct machine_request request = m->request;
    if (m->state == VM_STOPPED)
        return;
    if (request.why == VM_STOP_NONE && config_switch(m->config, CONFIG_no_reboot))
        request.why = VM_STOP_POWEROFF;
    if (request.why == VM_STOP_NONE)
        reset_now(m);
    else
        machine_halt(m, &request);
}

static void on_control(void *arg)
{
    struct vm_machine *m = arg;
    os_mutex_lock(&m->lock);
    machine_serve_request(m);
    os_mutex_unlock(&m->lock);
}

static void make_request(struct vm_machine *m, const struct machine_request *request)
{
    int none = REQUEST_none;
    for (unsigned n = 0; n < m->vcpus; n++)
        accel_cpu_park(accel_vm_cpu(m->accel, n));
    if (!atomic_compare_exchange_strong(&m->request_state, &none, REQUEST_being_written))
        return;
    m->request = *request;
    atomic_store(&m->request_state, REQUEST_made);
    os_loop_post(m->control, on_control, m);
}

void machine_request(struct vm_machine *m, enum vm_stop why, int code, const char *fmt, ...)
{
    struct machine_request request = {.why = why, .code = code};
    va_list args;
    va_start(args, fmt);
    vsnprintf(request.text, sizeof request.text, fmt, args);
    va_end(args);
    make_request(m, &request);
}

void machine_request_reset(struct vm_machine *m) { make_request(m, &(struct machine_request){.why = VM_STOP_NONE}); }

bool machine_firmware_call(void *machine, struct cpu *cpu)
{
    struct vm_machine *m = machine;
    return m->board->firmware_call && m->board->firmware_call(m, cpu);
}

bool machine_semihosting(void *machine, struct cpu *cpu)
{
    struct vm_machine *m = machine;
    return m->board->semihosting && semihosting_serve(&m->semihosting, m->board->semihosting, cpu);
}

void machine_stuck(void *machine, struct cpu *cpu, const char *text)
{
    machine_request(machine, VM_STOP_TRAP, 0, "vcpu %u cannot go on: %s", cpu->id, text);
}

/* ---- vm.h ---- */

static int start(struct vm_machine *m, struct err *err)
{
    if (m->state != VM_CREATED)
        return wrong_state(m, "start", err);
    console_hurry(&m->console, false);
    os_vclock_resume(&m->clock);
    int rc = accel_vm_start(m->accel, err);
    if (rc) {
        os_vclock_pause(&m->clock);
        return rc;
    }
    m->state = VM_RUNNING;
    return 0;
}

static int pause_machine(struct vm_machine *m, struct err *err)
{
    if (m->state == VM_PAUSED)
        return 0;
    if (m->state != VM_RUNNING)
        return wrong_state(m, "pause", err);
    stand_still(m);
    m->state = VM_PAUSED;
    return 0;
}

static int resume(struct vm_machine *m, struct err *err)
{
    if (m->state == VM_RUNNING)
        return 0;
    if (m->state != VM_PAUSED)
        return wrong_state(m, "resume", err);
    go_on(m);
    m->state = VM_RUNNING;
    return 0;
}

static int reset(struct vm_machine *m, struct err *err)
{
    if (m->state == VM_STOPPED)
        return wrong_state(m, "reset", err);
    reset_now(m);
    if (m->state == VM_STOPPED)
        return err_set(err, STATUS_failed, "%s", m->outcome.text);
    return 0;
}

static int stop(struct vm_machine *m, struct err *err)
{
    (void)err;
    machine_halt(m, &(struct machine_request){.why = VM_STOP_REQUEST});
    return 0;
}

static int press_power(struct vm_machine *m, struct err *err)
{
    if (!m->board->press_power)
        return err_set(err, STATUS_unavailable, "the board %s for %s has no power button", m->board->name, m->board->arch);
    if (m->state != VM_RUNNING)
        return wrong_state(m, "press the power button", err);
    m->board->press_power(m);
    return 0;
}

static int controlled(struct vm_machine *m, int (*call)(struct vm_machine *, struct err *), struct vm_error *error)
{
    struct err err = {0};
    os_mutex_lock(&m->lock);
    int rc = call(m, &err);
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

int vm_machine_start(struct vm_machine *m, struct vm_error *error) { return controlled(m, start, error); }
int vm_machine_pause(struct vm_machine *m, struct vm_error *error) { return controlled(m, pause_machine, error); }
int vm_machine_resume(struct vm_machine *m, struct vm_error *error) { return controlled(m, resume, error); }
int vm_machine_reset(struct vm_machine *m, struct vm_error *error) { return controlled(m, reset, error); }
int vm_machine_stop(struct vm_machine *m, struct vm_error *error) { return controlled(m, stop, error); }
int vm_machine_press_power(struct vm_machine *m, struct vm_error *error) { return controlled(m, press_power, error); }

int vm_machine_wait(struct vm_machine *m, int64_t timeout_ms, struct vm_outcome *outcome, struct vm_error *error)
{
    struct err err = {0};
    int rc = 0;
    uint64_t end = timeout_ms < 0 ? UINT64_MAX : os_clock_ns() + (uint64_t)timeout_ms * 1000000;
    os_mutex_lock(&m->lock);
    while (!rc && m->state != VM_STOPPED) {
        if (m->state == VM_CREATED && timeout_ms < 0)
            rc = wrong_state(m, "wait", &err);
        else if (timeout_ms < 0)
            os_cond_wait(&m->changed, &m->lock);
        else if (!os_cond_wait_until(&m->changed, &m->lock, end) && m->state != VM_STOPPED)
            rc = err_set(&err, STATUS_timeout, "the machine is still %s after %lld ms", state_names[m->state], (long long)timeout_ms);
    }
    if (!rc && outcome)
        *outcome = m->outcome;
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

enum vm_state vm_machine_state(const struct vm_machine *machine)
{
    struct vm_machine *m = (struct vm_machine *)(uintptr_t)machine;
    os_mutex_lock(&m->lock);
    enum vm_state state = m->state;
    os_mutex_unlock(&m->lock);
    return state;
}

int vm_step(struct vm_machine *m, unsigned vcpu, uint64_t count, uint64_t *done, struct vm_error *error)
{
    struct err err = {0};
    int rc = 0;
    uint64_t n = 0;
    os_mutex_lock(&m->lock);
    if (vcpu >= m->vcpus)
        rc = err_set(&err, STATUS_not_found, "there is no vcpu %u; the machine has %u", vcpu, m->vcpus);
    else if (m->state != VM_CREATED && m->state != VM_PAUSED)
        rc = wrong_state(m, "step", &err);
    if (!rc) {
        console_hurry(&m->console, true); /* the lock is held: nobody waits for input here */
        os_vclock_resume(&m->clock);
        n = accel_vm_step(m->accel, vcpu, count);
        os_vclock_pause(&m->clock);
        machine_serve_request(m);
    }
    if (done)
        *done = n;
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}
