/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* PSCI calls (DEN 0022, chapter 5). What is not known answers NOT_SUPPORTED, as the SMC calling convention (DEN 0028) wants it. */
#include "machine/psci/psci.h"
#include "base/bits.h"

enum { VERSION_1_1 = 1 << 16 | 1, NO_TRUSTED_OS = 2 };
#define WIDE          (1u << 30)
#define AFFINITY_BITS 0xff00ffffffull

void psci_init(struct psci *p, const struct psci_ops *ops, void *machine, const uint64_t *affinity, unsigned cpus)
{
    *p = (struct psci){.ops = ops, .machine = machine, .cpus = cpus < PSCI_CPUS_MAX ? cpus : PSCI_CPUS_MAX};
    for (unsigned cpu = 0; cpu < p->cpus; cpu++)
        p->affinity[cpu] = affinity[cpu];
    psci_reset(p);
}

void psci_reset(struct psci *p)
{
    for (unsigned cpu = 0; cpu < PSCI_CPUS_MAX; cpu++)
        atomic_store(&p->state[cpu], cpu ? PSCI_OFF : PSCI_ON);
}

/* -1: there is none. */
static int cpu_of(const struct psci *p, uint64_t target)
{
    for (unsigned cpu = 0; cpu < p->cpus; cpu++)
        if (p->affinity[cpu] == target)
            return (int)cpu;
    return -1;
}

static int64_t psci_version(struct psci *p, struct psci_call *call)
{
    (void)p, (void)call;
    return VERSION_1_1;
}

/* Every state is entered as a standby one, also those that may lose the vCPU's state: the call returns when an interrupt is pending. */
static int64_t psci_cpu_suspend(struct psci *p, struct psci_call *call)
{
    if (call->arg[1] & ~0x0301ffffull) /* level, type, id; the rest is reserved */
        return PSCI_INVALID_PARAMETERS;
    p->ops->sleep(p->machine, call->cpu);
    return PSCI_SUCCESS;
}

static int64_t psci_cpu_off(struct psci *p, struct psci_call *call)
{
    p->ops->stop(p->machine, call->cpu);
    atomic_store(&p->state[call->cpu], PSCI_OFF);
    call->no_return = true;
    return 0;
}

static int64_t psci_cpu_on(struct psci *p, struct psci_call *call)
{
    int cpu = cpu_of(p, call->arg[1]), was = PSCI_OFF;

    if (cpu < 0)
        return PSCI_INVALID_PARAMETERS;
    if (call->arg[2] & 3)
        return PSCI_INVALID_ADDRESS;
    /* On before it runs, so that a vCPU which switches itself off at once is not overwritten. */
    if (!atomic_compare_exchange_strong(&p->state[cpu], &was, PSCI_ON))
        return PSCI_ALREADY_ON;
    if (p->ops->start(p->machine, (unsigned)cpu, call->arg[2], call->arg[3]))
        return PSCI_SUCCESS;
    atomic_store(&p->state[cpu], PSCI_OFF);
    return PSCI_INTERNAL_FAILURE;
}

static int64_t psci_affinity_info(struct psci *p, struct psci_call *call)
{
    int cpu = cpu_of(p, call->arg[1]);

    if (call->arg[2] > 3 || call->arg[1] & ~AFFINITY_BITS)
        return PSCI_INVALID_PARAMETERS;
    if (call->arg[2]) /* what is above vCPUs never goes off */
        return PSCI_ON;
    return cpu < 0 ? PSCI_INVALID_PARAMETERS : atomic_load(&p->state[cpu]);
}

static int64_t psci_migrate_info_type(struct psci *p, struct psci_call *call)
{
    (void)p, (void)call;
    return NO_TRUSTED_OS;
}

static int64_t ends(struct psci *p, struct psci_call *call, bool reboot)
{
    p->ops->reset(p->machine, reboot);
    call->no_return = true;
    return 0;
}

static int64_t psci_system_off(struct psci *p, struct psci_call *call) { return ends(p, call, false); }
static int64_t psci_system_reset(struct psci *p, struct psci_call *call) { return ends(p, call, true); }

/* Type 0 is a warm reset; those with bit 31 are vendors' own, and there are none. */
static int64_t psci_system_reset2(struct psci *p, struct psci_call *call)
{
    return call->arg[1] ? PSCI_INVALID_PARAMETERS : ends(p, call, true);
}

static int64_t psci_features(struct psci *p, struct psci_call *call);

static const struct {
    uint32_t id;
    bool wide;
    int64_t (*serve)(struct psci *p, struct psci_call *call);
} calls[] = {
#define PSCI(name, id, wide) {id, wide, psci_##name},
#include "machine/psci/psci.def"
#undef PSCI
};

/* The row of a call; ARRAY_LEN(calls): there is none. */
static size_t find(uint32_t id)
{
    size_t i = 0;
    while (i < ARRAY_LEN(calls) && calls[i].id != id && !(calls[i].wide && (calls[i].id | WIDE) == id))
        i++;
    return i;
}

static int64_t psci_features(struct psci *p, struct psci_call *call)
{
    (void)p;
    return find((uint32_t)call->arg[1]) < ARRAY_LEN(calls) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED; /* no flags of any of them are set */
}

void psci_serve(struct psci *p, struct psci_call *call)
{
    size_t row = find((uint32_t)call->arg[0]);

    call->no_return = false;
    call->result = PSCI_NOT_SUPPORTED;
    if (row == ARRAY_LEN(calls))
        return;
    if (!(call->arg[0] & WIDE)) /* of the narrow form the upper halves do not count */
        for (unsigned i = 1; i < ARRAY_LEN(call->arg); i++)
            call->arg[i] &= UINT32_MAX;
    call->result = calls[row].serve(p, call);
}
