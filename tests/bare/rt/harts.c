/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Work for the other vCPUs of a bare program. Between cases all but the first wait for it. */
#include "rt.h"

bool harts_need(unsigned count)
{
    uint64_t end = now() + PATIENCE;
    for (unsigned i = 1; i < count; i++)
        while (!hart_present(i))
            if (now() > end) {
                skip("needs more harts");
                return false;
            }
    return true;
}

void hart_start(unsigned id, void (*work)(void *arg), void *arg)
{
    harts[id].arg = arg;
    __atomic_store_n(&harts[id].work, work, __ATOMIC_RELEASE);
    fence();
    hart_kick(id);
}

void hart_join(unsigned id)
{
    while (__atomic_load_n(&harts[id].work, __ATOMIC_ACQUIRE))
        relax();
}

void hart_run_all(void (*work)(void *arg), unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        hart_start(i, work, (void *)(uint64_t)i);
    work((void *)0);
    for (unsigned i = 1; i < count; i++)
        hart_join(i);
}
