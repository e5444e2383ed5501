/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dispatch of SBI calls by extension, hart masks, and the base extension (chapters 3 and 4). */
#include "machine/sbi/sbi.h"
#include "base/bits.h"

enum { SPEC_2_0 = 2 << 24, IMPL_ID = 0x766d, IMPL_VERSION = 1 };

static const struct {
    uint64_t id;
    void (*serve)(struct sbi *sbi, struct sbi_call *call);
} extensions[] = {
#define SBI(name, id, text) {id, sbi_##name},
#include "machine/sbi/sbi.def"
#undef SBI
};

void sbi_init(struct sbi *sbi, const struct sbi_ops *ops, void *machine, const struct mem_space *space, unsigned harts)
{
    *sbi = (struct sbi){.ops = ops, .machine = machine, .space = space, .harts = harts < SBI_HARTS_MAX ? harts : SBI_HARTS_MAX};
    sbi_reset(sbi);
}

void sbi_reset(struct sbi *sbi)
{
    for (unsigned hart = 0; hart < SBI_HARTS_MAX; hart++)
        atomic_store(&sbi->state[hart], hart ? SBI_STOPPED : SBI_STARTED);
}

void sbi_answer(struct sbi_call *call, enum sbi_status error, uint64_t value)
{
    call->error = error;
    call->value = value;
}

bool sbi_probe(uint64_t extension)
{
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (extensions[i].id == extension)
            return true;
    return false;
}

void sbi_serve(struct sbi *sbi, struct sbi_call *call)
{
    sbi_answer(call, SBI_NOT_SUPPORTED, 0);
    call->no_return = call->legacy = false;
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
        if (extensions[i].id == call->extension)
            extensions[i].serve(sbi, call);
}

bool sbi_harts(const struct sbi *sbi, uint64_t mask, uint64_t base, uint64_t *harts)
{
    uint64_t all = (1ull << sbi->harts) - 1;
    if (base == UINT64_MAX) {
        *harts = all;
        return true;
    }
    *harts = 0;
    if (!mask)
        return true;
    if (base >= sbi->harts || mask & ~(all >> base))
        return false;
    *harts = mask << base;
    return true;
}

void sbi_base(struct sbi *sbi, struct sbi_call *call)
{
    switch (call->function) {
    case 0: sbi_answer(call, SBI_OK, SPEC_2_0); break;
    case 1: sbi_answer(call, SBI_OK, IMPL_ID); break;
    case 2: sbi_answer(call, SBI_OK, IMPL_VERSION); break;
    case 3: sbi_answer(call, SBI_OK, sbi_probe(call->arg[0])); break;
    case 4:
    case 5:
    case 6: sbi_answer(call, SBI_OK, sbi->ops->identity(sbi->machine, call->hart, (unsigned)call->function - 4)); break;
    }
}
