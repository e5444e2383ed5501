/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vm_machine_stats(): the engine's tables of counters as rows for users of the library. */
#include "base/bits.h"
#include "jit/compile.h"
#include "machine/machine.h"
#include "machine/public.h"

struct visitor {
    void (*visit)(void *arg, const struct vm_stat *stat);
    void *arg;
    const struct guest *guest;
};

static void visit_shared(const struct visitor *v, const struct jit_counts *counts)
{
#define STAT(id, unit, text) v->visit(v->arg, &(struct vm_stat){VM_STAT_SHARED, NULL, #id, unit, text, counts->id});
#include "jit/stats.def"
#undef STAT
}

/* Those whose count is not 0; name: of number i. */
static void visit_kind(const struct visitor *v, unsigned vcpu, const char *kind, const uint64_t *counts, unsigned n,
                       const char *(*name)(const struct guest *guest, unsigned i))
{
    for (unsigned i = 0; i < n; i++)
        if (counts[i])
            v->visit(v->arg, &(struct vm_stat){vcpu, kind, name(v->guest, i), kind, NULL, counts[i]});
}

static const char *trap_name(const struct guest *guest, unsigned i) { return guest->trap_name(i); }
static const char *irq_name(const struct guest *guest, unsigned i) { return guest->irq_name(i); }
static const char *helper_name(const struct guest *guest, unsigned i) { return guest->helpers[i].name; }

static const char *op_name(const struct guest *guest, unsigned i)
{
    (void)guest;
    return ir_op_name(i);
}

static void visit_vcpu(const struct visitor *v, unsigned vcpu, const struct cpu_stats *stats)
{
#define STAT(id, unit, text) v->visit(v->arg, &(struct vm_stat){vcpu, NULL, #id, unit, text, stats->n[CPU_STAT_##id]});
#include "ir/stats.def"
#undef STAT
    visit_kind(v, vcpu, "trap", stats->traps, ARRAY_LEN(stats->traps), trap_name);
    visit_kind(v, vcpu, "interrupt", stats->interrupts, ARRAY_LEN(stats->interrupts), irq_name);
    visit_kind(v, vcpu, "op", stats->ops, ARRAY_LEN(stats->ops), op_name);
    visit_kind(v, vcpu, "helper", stats->helpers, v->guest->nhelpers < CPU_STATS_HELPERS ? v->guest->nhelpers : CPU_STATS_HELPERS,
               helper_name);
}

int vm_machine_stats(struct vm_machine *m, void (*visit)(void *arg, const struct vm_stat *stat), void *arg, struct vm_error *error)
{
    struct err err = {0};
    int rc = 0;
    os_mutex_lock(&m->lock);
    if (m->state == VM_RUNNING)
        rc = err_set(&err, STATUS_conflict, "the machine is running; pause it first");
    const struct visitor v = {visit, arg, guest_find(m->board->arch)};
    struct jit_counts counts;
    if (!rc) {
        accel_vm_counts(m->accel, &counts);
        visit_shared(&v, &counts);
    }
    for (unsigned i = 0; !rc && i < m->vcpus; i++) {
        struct cpu_stats stats;
        accel_vm_stats(m->accel, i, &stats);
        visit_vcpu(&v, i, &stats);
    }
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}
