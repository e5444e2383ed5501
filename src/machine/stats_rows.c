/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine's counters as rows; a file of its own, which needs no machine. */
#include "base/bits.h"
#include "guest/guest.h"
#include "jit/compile.h"
#include "machine/stats.h"

struct visitor {
    machine_stats_fn *visit;
    void *arg;
    const struct guest *guest;
};

void machine_stats_shared(machine_stats_fn *visit, void *arg, const struct jit_counts *counts)
{
#define STAT(id, unit, text) visit(arg, &(struct vm_stat){VM_STAT_SHARED, NULL, #id, unit, text, counts->id});
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

void machine_stats_vcpu(machine_stats_fn *visit, void *arg, const struct guest *guest, unsigned vcpu, const struct cpu_stats *stats)
{
    const struct visitor *v = &(struct visitor){visit, arg, guest};
#define STAT(id, unit, text) v->visit(v->arg, &(struct vm_stat){vcpu, NULL, #id, unit, text, stats->n[CPU_STAT_##id]});
#include "ir/stats.def"
#undef STAT
    visit_kind(v, vcpu, "trap", stats->traps, ARRAY_LEN(stats->traps), trap_name);
    visit_kind(v, vcpu, "interrupt", stats->interrupts, ARRAY_LEN(stats->interrupts), irq_name);
    visit_kind(v, vcpu, "op", stats->ops, ARRAY_LEN(stats->ops), op_name);
    visit_kind(v, vcpu, "helper", stats->helpers, v->guest->nhelpers < CPU_STATS_HELPERS ? v->guest->nhelpers : CPU_STATS_HELPERS,
               helper_name);
}
