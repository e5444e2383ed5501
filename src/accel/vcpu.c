/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vCPU's thread: between runs of the accelerator it serves requests, sleeps for wait insns, stands still while paused or parked. Lock
 * order: vm->lock, then vcpu->lock; never two vCPUs' locks at once.
 */
#include "accel/vcpu.h"
#include <stdlib.h>

static struct vcpu *vcpu_of(const struct cpu *cpu) { return cpu->accel; }

void vcpu_notify(struct vcpu *vcpu)
{
    os_mutex_lock(&vcpu->lock);
    os_cond_broadcast(&vcpu->cond);
    os_mutex_unlock(&vcpu->lock);
}

/* Interrupt lines change often: the lock is taken only if the vCPU sleeps. It re-checks after it has said so, see vcpu_wait_insn. */
void vcpu_wake(struct cpu *cpu)
{
    struct vcpu *vcpu = vcpu_of(cpu);
    if (__atomic_load_n(&vcpu->idle, __ATOMIC_SEQ_CST))
        vcpu_notify(vcpu);
}

/* ---- requests ---- */

static void done(struct vcpu_request *request);

static void post(struct vcpu *to, struct vcpu_request *request)
{
    os_mutex_lock(&to->lock);
    if (to->gone) { /* the machine stops */
        os_mutex_unlock(&to->lock);
        done(request);
        return;
    }
    request->next = NULL;
    *to->requests_end = request;
    to->requests_end = &request->next;
    atomic_fetch_or(&to->cpu->events, CPU_EVENT_request);
    os_cond_broadcast(&to->cond);
    os_mutex_unlock(&to->lock);
}

static void done(struct vcpu_request *request)
{
    struct vcpu *from = request->from;
    if (!from) {
        free(request);
        return;
    }
    os_mutex_lock(&from->lock);
    atomic_fetch_sub(request->left, 1);
    os_cond_broadcast(&from->cond);
    os_mutex_unlock(&from->lock);
}

void vcpu_serve(struct vcpu *vcpu)
{
    os_mutex_lock(&vcpu->lock);
    struct vcpu_request *list = vcpu->requests;
    vcpu->requests = NULL;
    vcpu->requests_end = &vcpu->requests;
    atomic_fetch_and(&vcpu->cpu->events, (uint32_t)~CPU_EVENT_request);
    os_mutex_unlock(&vcpu->lock);
    for (struct vcpu_request *next; list; list = next) {
        next = list->next;
        list->fn(vcpu->cpu, list->arg);
        done(list);
    }
}

/* While waiting, the caller serves what others ask of it: two vCPUs may ask each other. */
static void wait_served(struct vcpu *self, _Atomic uint32_t *left)
{
    for (;;) {
        os_mutex_lock(&self->lock);
        while (atomic_load(left) && !self->requests)
            os_cond_wait(&self->cond, &self->lock);
        bool finished = !atomic_load(left);
        os_mutex_unlock(&self->lock);
        if (finished)
            return;
        vcpu_serve(self);
    }
}

void accel_vm_each(struct accel_vm *vm, struct cpu *self, uint64_t mask, void (*fn)(struct cpu *cpu, void *arg), void *arg)
{
    struct vcpu_request requests[64];
    _Atomic uint32_t left = 0;
    for (unsigned i = 0; i < vm->config.vcpus; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (!(mask >> i & 1))
            continue;
        if (!self || vcpu->cpu == self) {
            fn(vcpu->cpu, arg);
            continue;
        }
        requests[i] = (struct vcpu_request){.fn = fn, .arg = arg, .from = vcpu_of(self), .left = &left};
        atomic_fetch_add(&left, 1);
        post(vcpu, &requests[i]);
    }
    if (self)
        wait_served(vcpu_of(self), &left);
}

/* ---- parking ---- */

static void park_now(struct cpu *cpu, void *arg)
{
    struct vcpu *vcpu = vcpu_of(cpu);
    (void)arg;
    os_mutex_lock(&vcpu->lock);
    vcpu->parked = true;
    os_mutex_unlock(&vcpu->lock);
    atomic_fetch_or(&cpu->events, CPU_EVENT_stop);
}

void accel_cpu_park(struct cpu *cpu) { park_now(cpu, NULL); }

struct unpark {
    struct vcpu_request request;
    void (*setup)(struct cpu *cpu, void *arg);
    void *arg;
};

static void unpark_now(struct cpu *cpu, void *arg)
{
    struct unpark *unpark = arg;
    struct vcpu *vcpu = vcpu_of(cpu);
    if (unpark->setup)
        unpark->setup(cpu, unpark->arg);
    cpu->waiting = false;
    os_mutex_lock(&vcpu->lock);
    vcpu->parked = false;
    os_mutex_unlock(&vcpu->lock);
}

void accel_cpu_unpark(struct cpu *cpu, void (*setup)(struct cpu *cpu, void *arg), void *arg)
{
    struct vcpu *vcpu = vcpu_of(cpu);
    struct unpark *unpark = calloc(1, sizeof *unpark); /* freed as its first member by done() */
    if (!unpark)
        return;
    unpark->setup = setup;
    unpark->arg = arg;
    unpark->request.fn = unpark_now;
    unpark->request.arg = unpark;
    if (vcpu->vm->started)
        post(vcpu, &unpark->request);
    else {
        unpark_now(cpu, unpark);
        free(unpark);
    }
}

bool accel_cpu_parked(const struct cpu *cpu)
{
    struct vcpu *vcpu = vcpu_of(cpu);
    os_mutex_lock(&vcpu->lock);
    bool parked = vcpu->parked;
    os_mutex_unlock(&vcpu->lock);
    return parked;
}

/* ---- sleeping ---- */

static uint64_t host_time(const struct cpu *cpu, uint64_t vclock_ns)
{
    uint64_t now = os_vclock_ns(cpu->clock);
    return vclock_ns == UINT64_MAX ? UINT64_MAX : os_clock_ns() + (vclock_ns > now ? vclock_ns - now : 0);
}

void vcpu_wait_insn(struct vcpu *vcpu)
{
    struct cpu *cpu = vcpu->cpu;
    uint64_t until = atomic_load(&vcpu->deadline), start = os_clock_ns();
    until = host_time(cpu, cpu->wait_until < until ? cpu->wait_until : until);
    os_mutex_lock(&vcpu->lock);
    __atomic_store_n(&vcpu->idle, true, __ATOMIC_SEQ_CST);
    vcpu->sleeping = true;
    while (!(atomic_load(&cpu->events) & (CPU_EVENT_stop | CPU_EVENT_request)) && !cpu->guest->wakes(cpu)) {
        if (until == UINT64_MAX)
            os_cond_wait(&vcpu->cond, &vcpu->lock);
        else if (!os_cond_wait_until(&vcpu->cond, &vcpu->lock, until))
            break;
    }
    vcpu->sleeping = false;
    __atomic_store_n(&vcpu->idle, false, __ATOMIC_SEQ_CST);
    os_mutex_unlock(&vcpu->lock);
    vcpu->stats.n[CPU_STAT_waits]++;
    vcpu->stats.n[CPU_STAT_wait_ns] += os_clock_ns() - start;
    bool over = cpu->guest->wakes(cpu) || (until != UINT64_MAX && os_clock_ns() >= until);
    if (over)
        cpu->waiting = false;
    atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
}

/* ---- the thread ---- */

/*
 * Stands still while paused or parked. false: the machine stops. What is asked of all vCPUs is read, and idle is written, under both locks:
 * who asks either is seen here or finds this vCPU not idle, and the event that it raises afterwards is not the one cleared here.
 */
static bool may_run(struct vcpu *vcpu)
{
    struct accel_vm *vm = vcpu->vm;
    for (;;) {
        vcpu_serve(vcpu);
        os_mutex_lock(&vm->lock);
        os_mutex_lock(&vcpu->lock);
        atomic_fetch_and(&vcpu->cpu->events, (uint32_t)~CPU_EVENT_stop);
        bool stopping = vm->stopping, stand = !stopping && (vm->pausing || vcpu->parked), news = stand && !vcpu->idle;
        __atomic_store_n(&vcpu->idle, stand || stopping, __ATOMIC_SEQ_CST);
        if (news)
            os_cond_broadcast(&vm->changed);
        os_mutex_unlock(&vm->lock);
        if (stand && !vcpu->requests && !(atomic_load(&vcpu->cpu->events) & CPU_EVENT_stop))
            os_cond_wait(&vcpu->cond, &vcpu->lock);
        os_mutex_unlock(&vcpu->lock);
        if (!stand)
            return !stopping;
    }
}

void vcpu_main(void *arg)
{
    struct vcpu *vcpu = arg;
    while (may_run(vcpu)) {
        if (vcpu->cpu->waiting)
            vcpu_wait_insn(vcpu);
        else
            vcpu->vm->accel->run(vcpu, UINT64_MAX, false);
    }
    os_mutex_lock(&vcpu->lock);
    vcpu->gone = true;
    os_mutex_unlock(&vcpu->lock);
    vcpu_serve(vcpu); /* nobody waits for it for ever */
    os_mutex_lock(&vcpu->vm->lock);
    os_cond_broadcast(&vcpu->vm->changed);
    os_mutex_unlock(&vcpu->vm->lock);
}
