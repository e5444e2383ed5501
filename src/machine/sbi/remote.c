/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Timer, interprocessor interrupts, remote fences (chapters 6, 7, 8). The fences of the hypervisor extension are not supported. */
#include "machine/sbi/sbi.h"

void sbi_time(struct sbi *sbi, struct sbi_call *call)
{
    if (call->function != 0)
        return;
    sbi->ops->set_timer(sbi->machine, call->hart, call->arg[0]);
    sbi_answer(call, SBI_OK, 0);
}

void sbi_ipi(struct sbi *sbi, struct sbi_call *call)
{
    uint64_t harts;
    if (call->function != 0)
        return;
    if (!sbi_harts(sbi, call->arg[0], call->arg[1], &harts)) {
        sbi_answer(call, SBI_INVALID_PARAM, 0);
        return;
    }
    sbi->ops->send_ipi(sbi->machine, call->hart, harts);
    sbi_answer(call, SBI_OK, 0);
}

/* Harts that stand begin with empty TLBs and need no fence. */
static uint64_t awake(struct sbi *sbi, uint64_t harts)
{
    for (unsigned hart = 0; hart < sbi->harts; hart++)
        if (atomic_load(&sbi->state[hart]) == SBI_STOPPED)
            harts &= ~(1ull << hart);
    return harts;
}

void sbi_rfence(struct sbi *sbi, struct sbi_call *call)
{
    uint64_t harts;
    struct sbi_fence fence = {.start = call->arg[2], .size = call->arg[3], .asid = -1};
    if (call->function > 2)
        return;
    if (!sbi_harts(sbi, call->arg[0], call->arg[1], &harts)) {
        sbi_answer(call, SBI_INVALID_PARAM, 0);
        return;
    }
    fence.code = call->function == 0;
    if (call->function == 2)
        fence.asid = (int64_t)(call->arg[4] & 0xffff);
    /* All of start and size zero, or a size of -1, is everything; so is a range that wraps: more than asked is always right. */
    if (fence.code || (!fence.start && !fence.size) || fence.start + fence.size < fence.start) {
        fence.start = 0;
        fence.size = UINT64_MAX;
    }
    if (fence.size)
        sbi->ops->fence(sbi->machine, call->hart, awake(sbi, harts), &fence);
    sbi_answer(call, SBI_OK, 0);
}
