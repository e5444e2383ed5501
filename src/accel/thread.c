/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * vCPUs of flat memory: made and run by the guest's threads, outside the machine's set, which is empty. Those of threads that have ended are
 * kept for the next ones: their jump caches are warm, and their memory is there.
 */
#include "accel/vcpu.h"
#include "ir/monitor.h"
#include <stdlib.h>
#include <string.h>

enum { SPARE = 16 };

/* As new; what the accelerator has found out about code stays. */
static void renew(struct vcpu *vcpu)
{
    struct cpu *cpu = vcpu->cpu;
    cpu->guest->reset(cpu);
    cpu->fx = 0;
    cpu->insns = 0;
    cpu->trapped = false;
    cpu->waiting = false;
    cpu->reservation.valid = RESERVED_no;
    atomic_store(&cpu->events, 0);
    memset(&vcpu->stats, 0, sizeof vcpu->stats);
}

static struct vcpu *take_spare(struct accel_vm *vm)
{
    os_mutex_lock(&vm->lock);
    struct vcpu *vcpu = vm->spare;
    if (vcpu) {
        vm->spare = vcpu->next_spare;
        vm->nspare--;
    }
    os_mutex_unlock(&vm->lock);
    if (vcpu)
        renew(vcpu);
    return vcpu;
}

static bool keep_spare(struct accel_vm *vm, struct vcpu *vcpu)
{
    os_mutex_lock(&vm->lock);
    bool kept = vm->nspare < SPARE;
    if (kept) {
        vcpu->next_spare = vm->spare;
        vm->spare = vcpu;
        vm->nspare++;
    }
    os_mutex_unlock(&vm->lock);
    return kept;
}

int accel_thread_new(struct accel_vm *vm, struct cpu **out, struct err *err)
{
    static _Atomic unsigned next;
    struct vcpu *vcpu = take_spare(vm);
    if (vcpu) {
        *out = vcpu->cpu;
        return 0;
    }
    vcpu = calloc(1, sizeof *vcpu);
    if (!vcpu)
        return err_set(err, STATUS_resource, "out of memory for a thread's vCPU");
    int rc = vcpu_init(vm, vcpu, atomic_fetch_add(&next, 1), err);
    *out = vcpu->cpu;
    if (rc) {
        vcpu_fini(vcpu);
        free(vcpu);
    }
    return rc;
}

void accel_thread_free(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->accel;
    vcpu->vm->accel->away(vcpu, true);
    if (keep_spare(vcpu->vm, vcpu))
        return;
    vcpu_fini(vcpu);
    free(vcpu);
}

void accel_thread_run(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->accel;
    while (!(atomic_load(&cpu->events) & CPU_EVENT_stop)) {
        cpu->waiting = false; /* nobody wakes a thread of a process but what it waits for, which it looks at again */
        vcpu->vm->accel->run(vcpu, UINT64_MAX, false);
    }
    atomic_fetch_and(&cpu->events, (uint32_t)~CPU_EVENT_stop);
}

void accel_thread_step(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->accel;
    atomic_fetch_and(&cpu->events, (uint32_t)~CPU_EVENT_stop);
    cpu->waiting = false;
    vcpu->vm->accel->run(vcpu, 1, true);
    atomic_fetch_and(&cpu->events, (uint32_t)~CPU_EVENT_stop);
}

static struct accel_vm *vm_of(const struct cpu *cpu) { return ((struct vcpu *)cpu->accel)->vm; }

void accel_thread_away(struct cpu *cpu) { vm_of(cpu)->accel->away(cpu->accel, true); }
void accel_thread_back(struct cpu *cpu) { vm_of(cpu)->accel->away(cpu->accel, false); }

void accel_thread_shared(struct accel_vm *vm)
{
    vm->monitor->alone = false;
    vm->accel->shared(vm);
}

void accel_thread_stats(struct cpu *cpu, struct cpu_stats *out) { vm_of(cpu)->accel->stats(cpu->accel, out); }
void accel_code_changed(struct accel_vm *vm, gva from, gva to) { vm->accel->code_changed(vm, from, to); }
uintptr_t accel_fault(struct accel_vm *vm, uintptr_t pc) { return vm->accel->fault(vm, pc); }

void accel_fork_begin(struct accel_vm *vm)
{
    vm->accel->fork(vm, true, NULL);
    os_mutex_lock(&vm->lock);
}

void accel_fork_end(struct accel_vm *vm, struct cpu *child)
{
    if (child) {                                        /* their readers are forgotten with those of the threads that are gone */
        for (unsigned i = 0; i < MONITOR_VERSIONS; i++) /* one of those may have held a line; no reservation outlives the call */
            atomic_store_explicit(&vm->monitor->version[i], 0, memory_order_relaxed);
        vm->spare = NULL;
        vm->nspare = 0;
    }
    os_mutex_unlock(&vm->lock);
    vm->accel->fork(vm, false, child ? child->accel : NULL);
}
