/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vCPUs of flat memory: made and run by the guest's threads, outside the machine's set, which is empty. */
#include "accel/vcpu.h"
#include <stdlib.h>

int accel_thread_new(struct accel_vm *vm, struct cpu **out, struct err *err)
{
    static _Atomic unsigned next;
    struct vcpu *vcpu = calloc(1, sizeof *vcpu);
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

static struct accel_vm *vm_of(const struct cpu *cpu) { return ((struct vcpu *)cpu->accel)->vm; }

void accel_thread_away(struct cpu *cpu) { vm_of(cpu)->accel->away(cpu->accel, true); }
void accel_thread_back(struct cpu *cpu) { vm_of(cpu)->accel->away(cpu->accel, false); }
void accel_thread_shared(struct accel_vm *vm) { vm->accel->shared(vm); }
void accel_code_changed(struct accel_vm *vm, gva from, gva to) { vm->accel->code_changed(vm, from, to); }
uintptr_t accel_fault(struct accel_vm *vm, uintptr_t pc) { return vm->accel->fault(vm, pc); }
void accel_fork_begin(struct accel_vm *vm) { vm->accel->fork(vm, true, NULL); }
void accel_fork_end(struct accel_vm *vm, struct cpu *child) { vm->accel->fork(vm, false, child ? child->accel : NULL); }
