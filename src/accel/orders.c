/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What vCPUs tell each other without waiting: to forget translations. An order lies with its vCPU until that runs insns again or comes by between
 * two; one that stands still or sleeps is not woken for it. Who must know that all have obeyed settles, once for many orders.
 */
#include "accel/vcpu.h"

enum { SPINS = 1000 };

static void nothing(struct cpu *cpu, void *arg) { (void)cpu, (void)arg; }

/* There are too many: one of each function, for all that it can do. */
static void merge_orders(struct vcpu *to)
{
    unsigned kept = 0;
    for (unsigned i = 0, k; i < to->norders; i++) {
        for (k = 0; k < kept && to->orders[k].fn != to->orders[i].fn;)
            k++;
        to->orders[k] = (struct cpu_order){to->orders[i].fn, 0, 0};
        kept += k == kept;
    }
    to->norders = kept;
}

static void leave_order(struct vcpu *to, const struct cpu_order *order)
{
    os_mutex_lock(&to->lock);
    if (to->norders == VCPU_ORDERS)
        merge_orders(to);
    to->orders[to->norders++] = *order; /* the functions are far fewer */
    atomic_fetch_add(&to->told, 1);
    atomic_fetch_or(&to->cpu->events, CPU_EVENT_order);
    os_mutex_unlock(&to->lock);
}

void vcpu_tell(struct cpu *cpu, struct cpu_order order)
{
    struct vcpu *self = cpu->accel;
    struct accel_vm *vm = self->vm;
    for (unsigned i = 0; i < vm->config.vcpus; i++)
        if (&vm->vcpus[i] != self) {
            leave_order(&vm->vcpus[i], &order);
            self->owing = true;
        }
}

void vcpu_obey(struct vcpu *vcpu)
{
    struct cpu_order orders[VCPU_ORDERS];
    os_mutex_lock(&vcpu->lock);
    unsigned n = vcpu->norders;
    uint64_t told = atomic_load(&vcpu->told);
    for (unsigned i = 0; i < n; i++)
        orders[i] = vcpu->orders[i];
    vcpu->norders = 0;
    atomic_fetch_and(&vcpu->cpu->events, (uint32_t)~CPU_EVENT_order);
    os_mutex_unlock(&vcpu->lock);
    for (unsigned i = 0; i < n; i++)
        orders[i].fn(vcpu->cpu, orders[i].what, orders[i].value);
    atomic_store(&vcpu->obeyed, told);
}

/* This is heard while they sleep, too. */
void vcpu_raise(struct cpu *cpu, unsigned n)
{
    struct vcpu *self = cpu->accel;
    struct accel_vm *vm = self->vm;
    for (unsigned i = 0; i < vm->config.vcpus; i++)
        if (&vm->vcpus[i] != self)
            cpu_line_set(vm->vcpus[i].cpu, n, true);
}

/* Whether insns of it may still run by what it was told to forget. One seen idle looks at its events, set before, when it goes on. */
static bool unsettled(struct vcpu *vcpu, uint64_t told)
{
    return !__atomic_load_n(&vcpu->idle, __ATOMIC_SEQ_CST) && atomic_load(&vcpu->obeyed) < told;
}

/* Those that do not come by soon (their threads have no processor) are asked by requests: meanwhile this vCPU obeys as well. */
void vcpu_settle(struct cpu *cpu)
{
    struct vcpu *self = cpu->accel;
    struct accel_vm *vm = self->vm;
    uint64_t mask = 0;
    if (!self->owing)
        return;
    self->owing = false;
    for (unsigned i = 0; i < vm->config.vcpus; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        uint64_t told = atomic_load(&vcpu->told);
        for (unsigned spins = 0; vcpu != self && spins < SPINS && unsettled(vcpu, told);)
            spins++;
        if (vcpu != self && unsettled(vcpu, told))
            mask |= 1ull << i;
    }
    if (mask)
        accel_vm_each(vm, cpu, mask, nothing, NULL);
}
