/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The built-in PSCI 1.1 firmware (Arm Power State Coordination Interface, DEN 0022): what an HVC or SMC of a kernel gets on a board without
 * firmware of its own at that level. It knows calls, errors and the states of vCPUs; everything that touches the machine goes through
 * struct psci_ops. Calls come on the threads of the vCPUs, several at once: the states are atomic, the rest is constant.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PSCI_CPUS_MAX = 8 };

enum psci_status {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
    PSCI_INTERNAL_FAILURE = -6,
    PSCI_NOT_PRESENT = -7,
    PSCI_DISABLED = -8,
    PSCI_INVALID_ADDRESS = -9,
};

enum { PSCI_ON, PSCI_OFF }; /* AFFINITY_INFO's numbers */

struct psci_ops {
    /* The vCPU begins at address with x0 = context, translation and interrupts off, at the level where calls come from. false: no memory. */
    bool (*start)(void *machine, unsigned cpu, uint64_t address, uint64_t context);
    /* The calling vCPU, no later than when its call has returned: stands until start; or sleeps until an interrupt is pending. */
    void (*stop)(void *machine, unsigned cpu);
    void (*sleep)(void *machine, unsigned cpu);
    void (*reset)(void *machine, bool reboot); /* else power off */
};

struct psci {
    const struct psci_ops *ops;
    void *machine;
    unsigned cpus;
    uint64_t affinity[PSCI_CPUS_MAX]; /* of MPIDR: Aff3 at 39..32, Aff2.Aff1.Aff0 below */
    _Atomic int state[PSCI_CPUS_MAX]; /* PSCI_ON, PSCI_OFF */
};

struct psci_call {
    unsigned cpu;    /* the caller */
    uint64_t arg[4]; /* x0..x3: function, then its arguments */
    int64_t result;  /* x0 */
    bool no_return;  /* the caller's registers are not to be touched: it stopped */
};

void psci_init(struct psci *psci, const struct psci_ops *ops, void *machine, const uint64_t *affinity, unsigned cpus);
void psci_reset(struct psci *psci); /* vCPU 0 on, the others off */
void psci_serve(struct psci *psci, struct psci_call *call);
