/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counters of a process: the sums over its threads, those that have ended included. A child of fork() begins at 0, but for the
 * code that it has of its parent. */
#include "user/stats.h"
#include "jit/compile.h"
#include <stdlib.h>

void user_stats_add(struct cpu_stats *sum, struct cpu *cpu)
{
    struct cpu_stats one;
    accel_thread_stats(cpu, &one);
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)&one;
    _Static_assert(sizeof one % sizeof *to == 0, "nothing but counters");
    for (size_t i = 0; i < sizeof one / sizeof *to; i++)
        to[i] += from[i];
}

void user_stats_forked(struct user *user, struct cpu *cpu)
{
    struct cpu_stats before = {0};
    user_stats_add(&before, cpu);
    uint64_t *ended = (uint64_t *)user->ended;
    const uint64_t *from = (const uint64_t *)&before;
    for (size_t i = 0; i < sizeof before / sizeof *ended; i++)
        ended[i] = 0 - from[i];
}

void user_finished(struct user *user)
{
    const struct user_options *o = user->options;
    struct jit_counts shared;
    if (!o->finished || user->vforked)
        return;
    os_mutex_lock(&user->lock);
    struct cpu_stats *all = user->ended;
    user->ended = NULL; /* once */
    for (struct user_thread *t = all ? user->threads : NULL; t; t = t->next)
        user_stats_add(all, t->cpu);
    os_mutex_unlock(&user->lock);
    accel_vm_counts(user->vm, &shared);
    if (all)
        o->finished(o, guest_find(user->abi->guest), all, &shared);
    free(all);
}
