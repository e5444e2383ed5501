/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vCPUs that others start by a call to the firmware, and that wait in one. Runs on the vCPUs' threads. */
#include "machine/boards/virt.h"
#include <stdlib.h>

struct entry {
    struct virt_starter *starter;
    uint64_t address, argument;
};

static void enter(struct cpu *cpu, void *arg)
{
    struct entry *entry = arg;
    struct virt_starter *s = entry->starter;
    s->enter(cpu, entry->address, entry->argument);
    free(entry);
    os_mutex_lock(&s->lock);
    s->starting--;
    os_cond_broadcast(&s->started);
    os_mutex_unlock(&s->lock);
}

void virt_starter_init(struct virt_starter *s, void (*how)(struct cpu *cpu, uint64_t address, uint64_t argument))
{
    *s = (struct virt_starter){.enter = how};
    os_mutex_init(&s->lock, OS_RANK_irqchip);
    os_cond_init(&s->started);
}

void virt_starter_fini(struct virt_starter *s)
{
    os_cond_fini(&s->started);
    os_mutex_fini(&s->lock);
}

bool virt_starter_start(struct virt_starter *s, struct cpu *cpu, uint64_t address, uint64_t argument)
{
    struct entry *entry = malloc(sizeof *entry);
    if (!entry)
        return false;
    *entry = (struct entry){s, address, argument};
    os_mutex_lock(&s->lock);
    s->starting++;
    os_mutex_unlock(&s->lock);
    accel_cpu_unpark(cpu, enter, entry);
    return true;
}

/* A paused vCPU still takes notice of a start; it must not do so when its registers have been reset. */
void virt_starter_settle(struct virt_starter *s)
{
    os_mutex_lock(&s->lock);
    while (s->starting)
        os_cond_wait(&s->started, &s->lock);
    os_mutex_unlock(&s->lock);
}

void virt_sleep(struct cpu *cpu)
{
    cpu->wait_until = UINT64_MAX;
    cpu->waiting = true;
    atomic_fetch_or(&cpu->events, CPU_EVENT_stop); /* a call is no wait insn: the run loop is left to see it */
}
