/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hart states: HSM and system suspend (chapters 9 and 13). A hart's state goes to STOPPED and SUSPENDED on its own thread only. */
#include "machine/sbi/sbi.h"

enum { RETENTIVE = 0, NON_RETENTIVE = (int)0x80000000 };

/* Where a hart may begin: an instruction's address in RAM. */
static bool start_valid(const struct sbi *sbi, uint64_t addr) { return !(addr & 1) && mem_ram(sbi->space, addr, 2); }

static void hart_start(struct sbi *sbi, struct sbi_call *call)
{
    uint64_t hart = call->arg[0];
    int was = SBI_STOPPED;
    if (hart >= sbi->harts) {
        sbi_answer(call, SBI_INVALID_PARAM, 0);
    } else if (!start_valid(sbi, call->arg[1])) {
        sbi_answer(call, SBI_INVALID_ADDRESS, 0);
    } else if (!atomic_compare_exchange_strong(&sbi->state[hart], &was, SBI_START_PENDING)) {
        sbi_answer(call, SBI_ALREADY_AVAILABLE, 0);
    } else {
        /* Started before it runs, so that a hart which stops itself at once is not overwritten. */
        atomic_store(&sbi->state[hart], SBI_STARTED);
        bool ok = sbi->ops->start(sbi->machine, (unsigned)hart, call->arg[1], call->arg[2]);
        if (!ok)
            atomic_store(&sbi->state[hart], SBI_STOPPED);
        sbi_answer(call, ok ? SBI_OK : SBI_FAILED, 0);
    }
}

static void hart_stop(struct sbi *sbi, struct sbi_call *call)
{
    sbi->ops->stop(sbi->machine, call->hart);
    atomic_store(&sbi->state[call->hart], SBI_STOPPED);
    call->no_return = true;
}

/* A retentive sleep comes back to the caller with success in a0; the answer is written before it sleeps. */
static void hart_sleep(struct sbi *sbi, struct sbi_call *call, bool restart, uint64_t addr, uint64_t opaque)
{
    if (restart && !start_valid(sbi, addr)) {
        sbi_answer(call, SBI_INVALID_ADDRESS, 0);
        return;
    }
    sbi_answer(call, SBI_OK, 0);
    call->no_return = restart;
    sbi->ops->sleep(sbi->machine, call->hart, restart, addr, opaque);
    atomic_store(&sbi->state[call->hart], SBI_SUSPENDED); /* after it sleeps: hart_state takes one that does not for woken up */
}

/* Nobody reports that a hart woke up, so it is found out when somebody asks. */
static int hart_state(struct sbi *sbi, unsigned hart)
{
    int state = atomic_load(&sbi->state[hart]);
    if (state == SBI_SUSPENDED && !sbi->ops->asleep(sbi->machine, hart) &&
        atomic_compare_exchange_strong(&sbi->state[hart], &state, SBI_STARTED))
        state = SBI_STARTED;
    return state;
}

void sbi_hsm(struct sbi *sbi, struct sbi_call *call)
{
    uint32_t type = (uint32_t)call->arg[0];
    switch (call->function) {
    case 0: hart_start(sbi, call); break;
    case 1: hart_stop(sbi, call); break;
    case 2:
        if (call->arg[0] >= sbi->harts)
            sbi_answer(call, SBI_INVALID_PARAM, 0);
        else
            sbi_answer(call, SBI_OK, (uint64_t)hart_state(sbi, (unsigned)call->arg[0]));
        break;
    case 3:
        if (type == RETENTIVE || type == (uint32_t)NON_RETENTIVE)
            hart_sleep(sbi, call, type != RETENTIVE, call->arg[1], call->arg[2]);
        else
            sbi_answer(call, SBI_INVALID_PARAM, 0);
        break;
    }
}

void sbi_susp(struct sbi *sbi, struct sbi_call *call)
{
    if (call->function != 0)
        return;
    if ((uint32_t)call->arg[0] != 0) { /* 0: suspend to RAM; there is no other type */
        sbi_answer(call, SBI_INVALID_PARAM, 0);
        return;
    }
    for (unsigned hart = 0; hart < sbi->harts; hart++)
        if (hart != call->hart && atomic_load(&sbi->state[hart]) != SBI_STOPPED) {
            sbi_answer(call, SBI_DENIED, 0);
            return;
        }
    hart_sleep(sbi, call, true, call->arg[1], call->arg[2]);
}
