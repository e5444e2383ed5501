/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System reset, debug console, and the legacy calls that early consoles and old kernels still make (chapters 5, 10, 12). */
#include "machine/sbi/sbi.h"

void sbi_srst(struct sbi *sbi, struct sbi_call *call)
{
    uint32_t type = (uint32_t)call->arg[0], reason = (uint32_t)call->arg[1];
    if (call->function != 0)
        return;
    if (type > SBI_WARM_REBOOT || (reason > 1 && reason < 0xe0000000)) { /* e0000000..: reasons of implementations and vendors */
        sbi_answer(call, SBI_INVALID_PARAM, 0);
        return;
    }
    sbi->ops->reset(sbi->machine, (enum sbi_reset)type, reason == 1);
    call->no_return = true;
}

/* The part of shared memory [lo, hi) that one call works on; NULL: not all of it is RAM. */
static uint8_t *shared(const struct sbi *sbi, const struct sbi_call *call, size_t *len)
{
    uint64_t size = call->arg[0], at = call->arg[1];
    uint8_t *ram = call->arg[2] ? NULL : mem_ram(sbi->space, at, size);
    *len = size < SBI_WRITE_MAX ? (size_t)size : SBI_WRITE_MAX;
    return ram;
}

static void console_write(struct sbi *sbi, struct sbi_call *call)
{
    size_t len;
    const uint8_t *ram = call->arg[0] ? shared(sbi, call, &len) : NULL;
    if (!call->arg[0])
        sbi_answer(call, SBI_OK, 0);
    else if (!ram)
        sbi_answer(call, SBI_INVALID_PARAM, 0);
    else
        sbi_answer(call, SBI_OK, sbi->ops->console_write(sbi->machine, ram, len));
}

static void console_read(struct sbi *sbi, struct sbi_call *call)
{
    size_t len;
    uint8_t bytes[256];
    if (!call->arg[0]) {
        sbi_answer(call, SBI_OK, 0);
        return;
    }
    if (!shared(sbi, call, &len)) {
        sbi_answer(call, SBI_INVALID_PARAM, 0);
        return;
    }
    len = sbi->ops->console_read(sbi->machine, bytes, len < sizeof bytes ? len : sizeof bytes);
    sbi_answer(call, len && !mem_write(sbi->space, call->arg[1], bytes, len) ? SBI_FAILED : SBI_OK, len);
}

void sbi_dbcn(struct sbi *sbi, struct sbi_call *call)
{
    uint8_t byte = (uint8_t)call->arg[0];
    switch (call->function) {
    case 0: console_write(sbi, call); break;
    case 1: console_read(sbi, call); break;
    case 2: sbi_answer(call, sbi->ops->console_write(sbi->machine, &byte, 1) == 1 ? SBI_OK : SBI_FAILED, 0); break;
    }
}

void sbi_legacy_timer(struct sbi *sbi, struct sbi_call *call)
{
    call->legacy = true;
    sbi->ops->set_timer(sbi->machine, call->hart, call->arg[0]);
    call->error = 0;
}

void sbi_legacy_putchar(struct sbi *sbi, struct sbi_call *call)
{
    uint8_t byte = (uint8_t)call->arg[0];
    call->legacy = true;
    call->error = sbi->ops->console_write(sbi->machine, &byte, 1) == 1 ? 0 : -1;
}

void sbi_legacy_getchar(struct sbi *sbi, struct sbi_call *call)
{
    uint8_t byte;
    call->legacy = true;
    call->error = sbi->ops->console_read(sbi->machine, &byte, 1) == 1 ? byte : -1;
}

void sbi_legacy_shutdown(struct sbi *sbi, struct sbi_call *call)
{
    call->legacy = call->no_return = true;
    sbi->ops->reset(sbi->machine, SBI_SHUTDOWN, false);
}
