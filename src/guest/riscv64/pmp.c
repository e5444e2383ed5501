/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Physical memory protection (privileged architecture 3.7): 16 entries of granularity 4 bytes. The lowest entry that matches any byte of
 * an access decides, and must match all of them. Entries are kept decoded as ranges; the CSRs' writes are here because locks rule them.
 */
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"

#define ADDRESS_MASK ((1ull << 54) - 1)

static uint8_t config_of(const struct cpu *cpu, unsigned i) { return (uint8_t)(RVN(cpu, pmpcfg, i / 8) >> i % 8 * 8); }

static struct riscv64_pmp decode(const struct cpu *cpu, unsigned i)
{
    uint64_t address = RVN(cpu, pmpaddr, i);
    struct riscv64_pmp e = {.first = 1, .last = 0, .config = config_of(cpu, i)};
    uint64_t ones;

    switch (e.config & PMP_A) {
    case PMP_TOR:
        e.first = i ? RVN(cpu, pmpaddr, i - 1) << 2 : 0;
        e.last = (address << 2) - 1;
        if (address << 2 <= e.first)
            e.first = 1, e.last = 0;
        break;
    case PMP_NA4:
        e.first = address << 2;
        e.last = e.first + 3;
        break;
    case PMP_NAPOT:
        ones = address ^ (address + 1); /* the trailing ones and the zero above them */
        e.first = (address & ~ones) << 2;
        e.last = e.first + (ones << 2 | 3);
        break;
    }
    return e;
}

void riscv64_pmp_decode(struct cpu *cpu)
{
    for (unsigned i = 0; i < PMP_ENTRIES; i++)
        riscv64_arch(cpu)->pmp[i] = decode(cpu, i);
}

static bool grants(const struct riscv64_pmp *e, enum riscv64_priv priv, unsigned bit)
{
    return (priv == PRIV_M && !(e->config & PMP_L)) || (e->config & bit);
}

bool riscv64_pmp_allows(const struct cpu *cpu, gpa at, unsigned size, enum riscv64_priv priv, enum mem_access access)
{
    static const uint8_t bits[] = {[ACCESS_read] = PMP_R, [ACCESS_write] = PMP_W, [ACCESS_fetch] = PMP_X};
    const struct riscv64_arch *arch = riscv64_arch(cpu);
    uint64_t last = at + size - 1;

    for (unsigned i = 0; i < PMP_ENTRIES; i++) {
        const struct riscv64_pmp *e = &arch->pmp[i];
        if (e->first > last || e->last < at || e->first > e->last)
            continue;
        return e->first <= at && last <= e->last && grants(e, priv, bits[access]);
    }
    return priv == PRIV_M;
}

void riscv64_pmp_page(const struct cpu *cpu, gpa at, enum riscv64_priv priv, struct tlb_page *out)
{
    const struct riscv64_arch *arch = riscv64_arch(cpu);
    const struct riscv64_pmp *match = NULL;
    uint64_t page = align_down(at, MEM_PAGE), first = page, last = page + MEM_PAGE - 1;

    for (unsigned i = 0; i < PMP_ENTRIES && !match; i++) {
        const struct riscv64_pmp *e = &arch->pmp[i];
        if (e->first > last || e->last < first || e->first > e->last)
            continue;
        if (e->first <= at && at <= e->last) {
            match = e;
            first = e->first > first ? e->first : first;
            last = e->last < last ? e->last : last;
        } else if (e->first > at) {
            last = e->first - 1;
        } else {
            first = e->last + 1;
        }
    }
    out->readable &= match ? grants(match, priv, PMP_R) : priv == PRIV_M;
    out->writable &= match ? grants(match, priv, PMP_W) : priv == PRIV_M;
    out->executable &= match ? grants(match, priv, PMP_X) : priv == PRIV_M;
    out->last = (uint16_t)(last - page);
    out->whole = first == page && out->last == MEM_PAGE - 1;
}

/* ---- CSRs ---- */

static void changed(struct cpu *cpu)
{
    riscv64_pmp_decode(cpu);
    cpu->ops->tlb_flush(cpu, -1);
}

void riscv64_pmpcfg_write(struct cpu *cpu, unsigned index, uint64_t value)
{
    uint64_t old = RVN(cpu, pmpcfg, index), new = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t was = (uint8_t)(old >> i * 8), byte = (uint8_t)(value >> i * 8) & (PMP_R | PMP_W | PMP_X | PMP_A | PMP_L);
        if (!(byte & PMP_R)) /* W without R is reserved */
            byte &= (uint8_t)~PMP_W;
        new |= (uint64_t)(was & PMP_L ? was : byte) << i * 8;
    }
    if (new == old)
        return;
    RVN(cpu, pmpcfg, index) = new;
    changed(cpu);
}

void riscv64_pmpaddr_write(struct cpu *cpu, unsigned index, uint64_t value)
{
    uint8_t above = index + 1 < PMP_ENTRIES ? config_of(cpu, index + 1) : 0;

    /* A locked top-of-range entry locks the address below it too. */
    if (config_of(cpu, index) & PMP_L || ((above & PMP_L) && (above & PMP_A) == PMP_TOR))
        return;
    if (RVN(cpu, pmpaddr, index) == (value & ADDRESS_MASK))
        return;
    RVN(cpu, pmpaddr, index) = value & ADDRESS_MASK;
    changed(cpu);
}
