/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the main parts and epilogues of memory copies and sets do (mops.isa): a page at a time through the TLB, a byte at a time where it has no
 * entry, which makes one or traps. A fault after some work ends the call as if all were well; the insn then runs again and
 * finds it first.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "mem/ram.h"
#include "os/fault.h"

enum { WRITE_USER = 1, READ_USER = 2, FORWARDS = 4 };
enum { BUDGET = 256 << 10 }; /* bytes of one execution: interrupts wait for so long */

struct run { /* bytes within a page; from: of a copy */
    gva to, from;
    uint64_t size;
    uint8_t value;
};

static unsigned attributes(unsigned how, unsigned user) { return how & user ? MEM_user : 0; }

/* NULL: the TLB has no entry for the page. */
static uint8_t *host(struct cpu *cpu, gva va, enum mem_access access, unsigned attr)
{
    const struct tlb *tlb = attr & MEM_user ? cpu->user_tlb : cpu->tlb;
    const struct tlb_entry *e = access == ACCESS_write ? &tlb->write[tlb_index(va)] : &tlb->read[tlb_index(va)];
    return tlb_hit(e, va, 1) ? (uint8_t *)(uintptr_t)(va + e->addend) : NULL;
}

static bool within_flat(gva va, uint64_t size) { return va < MEM_FLAT_END - size; }

/* Programs' addresses may have tags. */
static gva untagged(gva va) { return va >> 55 & 1 ? va : bits_get(va, 0, 56); }

static void flat_copy(void *arg)
{
    const struct run *r = arg;
    ram_move((uint8_t *)(uintptr_t)r->to, (const uint8_t *)(uintptr_t)r->from, r->size);
}

static void flat_set(void *arg)
{
    const struct run *r = arg;
    ram_fill((uint8_t *)(uintptr_t)r->to, r->value, r->size);
}

/* Both return how many bytes are done, 0: it trapped. A page is there or it is not, so nothing is done of a run that faults. */
static uint64_t copy(struct cpu *cpu, struct run *r, unsigned how, bool back)
{
    unsigned write = attributes(how, WRITE_USER), read = attributes(how, READ_USER);
    if (cpu->flat) {
        r->to = untagged(r->to);
        r->from = untagged(r->from);
        if (within_flat(r->to, r->size) && within_flat(r->from, r->size) && os_fault_try(flat_copy, r))
            return r->size;
    } else {
        uint8_t *to = host(cpu, r->to, ACCESS_write, write), *from = host(cpu, r->from, ACCESS_read, read);
        if (to && from) {
            ram_move(to, from, r->size);
            return r->size;
        }
    }
    gva at = back ? r->size - 1 : 0;
    uint64_t byte[2];
    return cpu_load(cpu, r->from + at, 1, read, byte) && cpu_store(cpu, r->to + at, 1, write, byte);
}

static uint64_t set(struct cpu *cpu, struct run *r, unsigned how)
{
    unsigned write = attributes(how, WRITE_USER);
    if (cpu->flat) {
        r->to = untagged(r->to);
        if (within_flat(r->to, r->size) && os_fault_try(flat_set, r))
            return r->size;
    } else {
        uint8_t *to = host(cpu, r->to, ACCESS_write, write);
        if (to) {
            ram_fill(to, r->value, r->size);
            return r->size;
        }
    }
    const uint64_t byte[2] = {r->value};
    return cpu_store(cpu, r->to, 1, write, byte);
}

/* Bytes from va to its page's end; from its start to va. */
static uint64_t above(gva va) { return MEM_PAGE - (va & (MEM_PAGE - 1)); }
static uint64_t below(gva va) { return ((va - 1) & (MEM_PAGE - 1)) + 1; }
static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The next bytes, of those that are left. */
static struct run next_run(gva to, gva from, uint64_t left, bool back)
{
    struct run r = {back ? to + left : to - left, back ? from + left : from - left, 0, 0};
    if (back) {
        r.size = least(left, least(below(r.to), below(r.from)));
        r.to -= r.size;
        r.from -= r.size;
    } else {
        r.size = least(left, least(above(r.to), above(r.from)));
    }
    return r;
}

uint64_t arm64_hlp_mops_copy(struct cpu *cpu, uint64_t to, uint64_t from, uint64_t left, uint64_t how)
{
    bool back = (int64_t)left > 0 && !(how & FORWARDS);
    uint64_t n = back ? left : -left, done = 0;
    while (done < n && done < BUDGET) {
        struct run r = next_run(to, from, n - done, back);
        uint64_t size = copy(cpu, &r, (unsigned)how, back);
        if (!size) {
            cpu->trapped = !done;
            break;
        }
        done += size;
    }
    return back ? n - done : done - n;
}

uint64_t arm64_hlp_mops_set(struct cpu *cpu, uint64_t to, uint64_t left, uint64_t value, uint64_t how)
{
    uint64_t n = -left, done = 0;
    while (done < n && done < BUDGET) {
        struct run r = {to - (n - done), 0, least(n - done, above(to - (n - done))), (uint8_t)value};
        uint64_t size = set(cpu, &r, (unsigned)how);
        if (!size) {
            cpu->trapped = !done;
            break;
        }
        done += size;
    }
    return done - n;
}

/* ---- begun elsewhere: registers of option B (PSTATE.C) ---- */

uint32_t arm64_mops_syndrome(uint32_t word)
{
    enum { SET = 1 << 24, OPTIONS_pos = 19, EPILOGUE = 1 << 18, WRONG = 1 << 17, OPTION_A = 1 << 16 };
    uint32_t d = word & 31, n = word >> 5 & 31, s = word >> 16 & 31, part = word >> 22 & 3, options = word >> 12 & 15;
    bool is_set = part == 3;
    if (is_set) {
        part = options >> 2;
        options &= 3;
    }
    return (is_set ? SET : 0) | options << OPTIONS_pos | (part == 2 ? EPILOGUE : 0) | WRONG | OPTION_A | d << 10 | s << 5 | n;
}

/* As Linux goes on: registers as they would be before the prologue, of what is left, and there. */
void arm64_mops_restart(struct cpu *cpu, uint32_t word)
{
    unsigned d = word & 31, n = word >> 5 & 31, s = word >> 16 & 31, part = word >> 22 & 3;
    bool is_set = part == 3, backwards = arm64_nzcv(cpu) >> 31 & 1;
    if (!is_set && backwards) {
        A64N(cpu, x, d) -= A64N(cpu, x, n);
        A64N(cpu, x, s) -= A64N(cpu, x, n);
    }
    cpu->pc -= (is_set ? word >> 14 & 3 : part) == 2 ? 8 : 4;
}
