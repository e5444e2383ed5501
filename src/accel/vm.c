/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The set of vCPUs of one machine: building, starting, pausing, stepping. Called by the machine's controlling thread. */
#include "accel/vcpu.h"
#include "ir/eval.h"
#include "ir/monitor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int vcpu_init(struct accel_vm *vm, struct vcpu *vcpu, unsigned n, struct err *err)
{
    const struct accel_config *config = &vm->config;
    size_t size = sizeof(struct cpu) + (config->guest->cells + IR_FRAME_EXTRA) * sizeof(uint64_t);
    size = size > config->guest->cpu_size ? size : config->guest->cpu_size;
    struct cpu *cpu = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!cpu)
        return err_set(err, STATUS_resource, "out of memory for vCPU %u", n);
    memset(cpu, 0, size);
    vcpu->cpu = cpu;
    vcpu->vm = vm;
    vcpu->idle = true;
    vcpu->requests_end = &vcpu->requests;
    atomic_store(&vcpu->deadline, UINT64_MAX);
    os_mutex_init(&vcpu->lock, OS_RANK_cpu);
    os_cond_init(&vcpu->cond);
    cpu->id = n;
    cpu->guest = config->guest;
    cpu->space = config->space;
    cpu->clock = config->clock;
    cpu->log = config->log;
    cpu->accel = vcpu;
    cpu->machine = config->machine;
    cpu->monitor = vm->monitor;
    cpu->flat = config->flat;
    cpu->stats = &vcpu->stats;
    cpu->wait_until = UINT64_MAX;
    int rc = vm->accel->vcpu_open(vcpu, err);
    if (!rc)
        rc = config->guest->init(cpu, config->model, err);
    if (!rc)
        config->guest->reset(cpu);
    return rc;
}

void vcpu_fini(struct vcpu *vcpu)
{
    if (!vcpu->cpu)
        return;
    if (vcpu->cpu->guest->fini)
        vcpu->cpu->guest->fini(vcpu->cpu);
    if (vcpu->impl)
        vcpu->vm->accel->vcpu_close(vcpu);
    os_cond_fini(&vcpu->cond);
    os_mutex_fini(&vcpu->lock);
    free(vcpu->cpu);
}

int accel_vm_new(struct accel_vm **out, const struct accel_config *config, struct err *err)
{
    struct accel_vm *vm = calloc(1, sizeof *vm);
    if (!vm)
        return err_set(err, STATUS_resource, "out of memory for the machine's vCPUs");
    vm->config = *config;
    vm->accel = &accel_emu;
    os_mutex_init(&vm->lock, OS_RANK_vcpus);
    os_cond_init(&vm->changed);
    os_cond_init(&vm->timer_cond);
    vm->vcpus = calloc(config->vcpus + 1, sizeof *vm->vcpus);
    vm->monitor = cpu_monitor_new();
    if (vm->monitor)
        vm->monitor->alone = config->vcpus == 1 || config->flat; /* flat: until it is shared */
    int rc =
        vm->vcpus && vm->monitor ? vm->accel->vm_open(vm, err) : err_set(err, STATUS_resource, "out of memory for the machine's vCPUs");
    for (unsigned i = 0; !rc && i < config->vcpus; i++)
        rc = vcpu_init(vm, &vm->vcpus[i], i, err);
    if (rc) {
        accel_vm_free(vm);
        return rc;
    }
    *out = vm;
    return 0;
}

void accel_vm_free(struct accel_vm *vm)
{
    if (!vm)
        return;
    accel_vm_stop(vm);
    for (unsigned i = 0; vm->vcpus && i < vm->config.vcpus; i++)
        vcpu_fini(&vm->vcpus[i]);
    if (vm->impl)
        vm->accel->vm_close(vm);
    os_cond_fini(&vm->timer_cond);
    os_cond_fini(&vm->changed);
    os_mutex_fini(&vm->lock);
    free(vm->monitor);
    free(vm->vcpus);
    free(vm);
}

struct cpu *accel_vm_cpu(struct accel_vm *vm, unsigned n) { return n < vm->config.vcpus ? vm->vcpus[n].cpu : NULL; }

int accel_vm_start(struct accel_vm *vm, struct err *err)
{
    int rc = os_thread_start(&vm->timer, "timer", vcpu_timer_main, vm, err);
    vm->started = true;
    for (unsigned i = 0; !rc && i < vm->config.vcpus; i++) {
        char name[16];
        snprintf(name, sizeof name, "vcpu/%u", i);
        rc = os_thread_start(&vm->vcpus[i].thread, name, vcpu_main, &vm->vcpus[i], err);
    }
    if (rc)
        accel_vm_stop(vm);
    return rc;
}

static void set_state(struct accel_vm *vm, bool pausing, bool stopping)
{
    os_mutex_lock(&vm->lock);
    vm->pausing = pausing;
    vm->stopping = stopping;
    os_cond_broadcast(&vm->timer_cond);
    os_mutex_unlock(&vm->lock);
    for (unsigned i = 0; i < vm->config.vcpus; i++) {
        atomic_fetch_or(&vm->vcpus[i].cpu->events, CPU_EVENT_stop);
        vcpu_notify(&vm->vcpus[i]);
    }
}

static bool stands_still(struct vcpu *vcpu)
{
    os_mutex_lock(&vcpu->lock);
    bool still = vcpu->idle && !vcpu->sleeping;
    os_mutex_unlock(&vcpu->lock);
    return still;
}

void accel_vm_pause(struct accel_vm *vm)
{
    set_state(vm, true, false);
    os_mutex_lock(&vm->lock);
    for (unsigned i = 0; vm->started && i < vm->config.vcpus;) {
        if (stands_still(&vm->vcpus[i]))
            i++;
        else
            os_cond_wait(&vm->changed, &vm->lock);
    }
    os_mutex_unlock(&vm->lock);
}

void accel_vm_resume(struct accel_vm *vm) { set_state(vm, false, false); }

void accel_vm_stop(struct accel_vm *vm)
{
    if (!vm->started)
        return;
    set_state(vm, false, true);
    for (unsigned i = 0; i < vm->config.vcpus; i++) {
        os_thread_join(vm->vcpus[i].thread);
        vm->vcpus[i].thread = NULL;
    }
    os_thread_join(vm->timer);
    vm->timer = NULL;
    vm->started = vm->stopping = false;
}

uint64_t accel_vm_step(struct accel_vm *vm, unsigned n, uint64_t count)
{
    struct vcpu *vcpu = &vm->vcpus[n];
    uint64_t before = vcpu->cpu->insns;
    vcpu_serve(vcpu);
    while (vcpu->cpu->insns - before < count && !vcpu->parked) {
        atomic_fetch_and(&vcpu->cpu->events, (uint32_t) ~(CPU_EVENT_stop | CPU_EVENT_request));
        if (vcpu->cpu->waiting && vcpu->cpu->wait_until == UINT64_MAX && !vcpu->cpu->guest->wakes(vcpu->cpu))
            break; /* bounded waits are over at once: the clock may stand still between steps */
        vcpu->cpu->waiting = false;
        uint64_t at = vcpu->cpu->insns;
        vm->accel->run(vcpu, count - (at - before), true);
        if (vcpu->cpu->insns == at)
            break;
    }
    return vcpu->cpu->insns - before;
}

void accel_vm_stats(struct accel_vm *vm, unsigned n, struct cpu_stats *out) { vm->accel->stats(&vm->vcpus[n], out); }
void accel_vm_counts(struct accel_vm *vm, struct jit_counts *out) { vm->accel->counts(vm, out); }

void accel_vm_memory_changed(struct accel_vm *vm) { vm->accel->memory_changed(vm); }
