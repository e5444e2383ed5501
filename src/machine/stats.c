/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vm_machine_stats(): the engine's tables of counters as rows for users of the library. */
#include "machine/stats.h"
#include "jit/compile.h"
#include "machine/machine.h"
#include "machine/public.h"

int vm_machine_stats(struct vm_machine *m, void (*visit)(void *arg, const struct vm_stat *stat), void *arg, struct vm_error *error)
{
    struct err err = {0};
    int rc = 0;
    os_mutex_lock(&m->lock);
    if (m->state == VM_RUNNING)
        rc = err_set(&err, STATUS_conflict, "the machine is running; pause it first");
    struct jit_counts counts;
    if (!rc) {
        accel_vm_counts(m->accel, &counts);
        machine_stats_shared(visit, arg, &counts);
    }
    for (unsigned i = 0; !rc && i < m->vcpus; i++) {
        struct cpu_stats stats;
        accel_vm_stats(m->accel, i, &stats);
        machine_stats_vcpu(visit, arg, guest_find(m->board->arch), i, &stats);
    }
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}
