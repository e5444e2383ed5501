/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One thread for the deadlines of all vCPUs that run: it raises CPU_EVENT_irq when one is due, so that running code needs no look at the
 * clock. A vCPU that sleeps in a wait insn watches its own deadline.
 */
#include "accel/vcpu.h"

void vcpu_set_deadline(struct cpu *cpu, uint64_t vclock_ns)
{
    struct vcpu *vcpu = cpu->accel;
    struct accel_vm *vm = vcpu->vm;
    atomic_store(&vcpu->deadline, vclock_ns);
    uint64_t now = os_vclock_ns(cpu->clock);
    if (vclock_ns <= now) {
        atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
        return;
    }
    if (vclock_ns == UINT64_MAX)
        return;
    uint64_t host = os_clock_ns() + (vclock_ns - now);
    if (host >= __atomic_load_n(&vm->timer_wakes, __ATOMIC_SEQ_CST))
        return;
    os_mutex_lock(&vm->lock);
    os_cond_signal(&vm->timer_cond);
    os_mutex_unlock(&vm->lock);
}

/* Raises what is due; the host time of the next deadline. */
static uint64_t look(struct accel_vm *vm)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < vm->config.vcpus; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        uint64_t deadline = atomic_load(&vcpu->deadline), now = os_vclock_ns(vcpu->cpu->clock);
        if (deadline == UINT64_MAX)
            continue;
        if (deadline <= now) {
            atomic_compare_exchange_strong(&vcpu->deadline, &deadline, UINT64_MAX);
            atomic_fetch_or(&vcpu->cpu->events, CPU_EVENT_irq);
            vcpu_wake(vcpu->cpu);
        } else {
            uint64_t host = os_clock_ns() + (deadline - now);
            next = host < next ? host : next;
        }
    }
    return next;
}

void vcpu_timer_main(void *arg)
{
    struct accel_vm *vm = arg;
    os_mutex_lock(&vm->lock);
    while (!vm->stopping) {
        /* From here on every earlier deadline signals; those set before are seen by look(). */
        __atomic_store_n(&vm->timer_wakes, UINT64_MAX, __ATOMIC_SEQ_CST);
        uint64_t next = vm->pausing ? UINT64_MAX : look(vm);
        __atomic_store_n(&vm->timer_wakes, next, __ATOMIC_SEQ_CST);
        if (next == UINT64_MAX)
            os_cond_wait(&vm->timer_cond, &vm->lock);
        else
            os_cond_wait_until(&vm->timer_cond, &vm->lock, next);
    }
    os_mutex_unlock(&vm->lock);
}
