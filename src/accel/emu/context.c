/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Contexts keep the software TLBs of recent address spaces and modes apart, so that switching back costs a pointer; all share a second
 * level. Where code is, is another matter: jumps.c. vCPUs of flat memory have none of it: theirs is one TLB that never hits.
 */
#include "accel/emu/emu.h"
#include "base/bits.h"
#include "os/os.h"
#include <stdlib.h>

#define NOTHING                                      \
    {                                                \
        [0 ... TLB_ENTRIES - 1] = {.tag = TLB_NONE } \
    }
static const struct tlb empty_tlb = {.read = NOTHING, .write = NOTHING, .id = TLB2_NO_ID};

static void forget_user_tlb(struct emu_cpu *emu) { emu->cpu->user_tlb = (struct tlb *)(uintptr_t)&empty_tlb; }

enum { JUMPS_SIZE = VIEWS * JIT_JUMPS * sizeof(struct jit_jump), TLB2_BYTES = TLB2_SIZE * sizeof(struct tlb_entry) };

/* Large blocks, touched where they are used only. */
int emu_contexts_init(struct emu_cpu *emu)
{
    emu->next_id = 1;
    forget_user_tlb(emu);
    emu->all_jumps = os_pages_new(JUMPS_SIZE);
    if (!emu->all_jumps)
        return -STATUS_resource;
    for (unsigned i = 0; i < VIEWS; i++)
        emu->views[i].jumps = emu->all_jumps + i * JIT_JUMPS;
    if (emu->cpu->flat) {
        emu->cpu->tlb = (struct tlb *)(uintptr_t)&empty_tlb;
        return 0;
    }
    emu->all_tlbs = aligned_alloc(64, CONTEXTS * align_up(sizeof *emu->all_tlbs, 64));
    emu->cpu->tlb2 = emu->tlb2 = os_pages_new(TLB2_BYTES);
    if (!emu->all_tlbs || !emu->tlb2)
        return -STATUS_resource;
    for (unsigned i = 0; i < CONTEXTS; i++)
        emu->contexts[i].tlb = &emu->all_tlbs[i];
    return 0;
}

void emu_contexts_fini(struct emu_cpu *emu)
{
    if (emu->all_jumps)
        os_pages_free(emu->all_jumps, JUMPS_SIZE);
    if (emu->tlb2)
        os_pages_free(emu->tlb2, TLB2_BYTES);
    free(emu->all_tlbs);
}

/* Takes everything of the TLB out of the second level. */
static void renew_tlb2(struct emu_cpu *emu, struct tlb *tlb)
{
    enum { STEP = 3217 /* odd */ };
    if (emu->tlb_id == TLB2_IDS) { /* start again; old entries must not look new */
        memset(emu->tlb2, 0, TLB2_SIZE * sizeof *emu->tlb2);
        emu->tlb_id = 0;
        for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++)
            if (c->used)
                c->tlb->id = ++emu->tlb_id;
    }
    tlb->id = ++emu->tlb_id;
    tlb->salt = tlb->id * STEP;
}

static void clear(struct emu_cpu *emu, struct context *context)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        context->tlb->read[i].tag = context->tlb->write[i].tag = TLB_NONE;
    renew_tlb2(emu, context->tlb);
    context->tlb->spans = (struct tlb_spans){0};
    context->tlb->code = 0;
}

enum { SHARED = -2 /* asid of a context that belongs to none */ };

static bool meant(const struct context *c, int64_t asid) { return c->used && (asid < 0 || c->asid == -1 || c->asid == asid); }

static struct context *find_context(struct emu_cpu *emu, uint64_t number, bool shared)
{
    struct context *oldest = &emu->contexts[0];
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++) {
        if (c->used && c->number == number) {
            c->stamp = ++emu->stamp;
            return c;
        }
        if (c->stamp < oldest->stamp)
            oldest = c;
    }
    *oldest = (struct context){.number = number,
                               .asid = shared ? SHARED : emu->cpu->guest->asid(emu->cpu),
                               .used = true,
                               .stamp = ++emu->stamp,
                               .tlb = oldest->tlb};
    oldest->tlb->shared = shared;
    clear(emu, oldest);
    forget_user_tlb(emu); /* it may have been this one */
    cpu_count(emu->cpu, CPU_STAT_contexts_made);
    return oldest;
}

static uint64_t shared_number(const struct cpu *cpu)
{
    return cpu->guest->shared_context && cpu->unshared < CPU_UNSHARED_MAX ? cpu->guest->shared_context(cpu) : 0;
}

static bool context_update(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    struct context *context = emu->context;
    uint64_t shared = shared_number(cpu), number = shared ? shared : cpu->guest->context(cpu);
    bool same = context && context->number == number;
    if (!same) {
        struct context *before = emu->context_before;
        emu->context_before = context;
        if (before && before->used && before->number == number)
            before->stamp = ++emu->stamp;
        else
            before = find_context(emu, number, shared);
        emu->context = context = before;
        cpu->tlb = context->tlb;
        cpu_count(cpu, CPU_STAT_context_switches);
    }
    if (cpu->user_tlb != &empty_tlb && cpu->guest->user_context(cpu) != emu->user_number)
        forget_user_tlb(emu);
    return !same;
}

void emu_view_update(struct emu_cpu *emu)
{
    bool same = emu->cpu->flat || !context_update(emu);
    if (emu_space_update(emu) || !same)
        cpu_count(emu->cpu, CPU_STAT_mode_switches);
}

struct tlb *emu_user_tlb(struct cpu *cpu)
{
    if (cpu->user_tlb != &empty_tlb)
        return cpu->user_tlb;
    struct emu_cpu *emu = emu_of(cpu);
    emu->user_number = cpu->guest->user_context(cpu);
    if (emu->context)
        emu->context->stamp = ++emu->stamp; /* it stays, however many programs a kernel looks at meanwhile */
    return cpu->user_tlb = find_context(emu, emu->user_number, false)->tlb;
}

void emu_tlb_flush(struct cpu *cpu, int64_t asid)
{
    struct emu_cpu *emu = emu_of(cpu);
    cpu_count(cpu, asid < 0 ? CPU_STAT_flush_all : CPU_STAT_flush_asid);
    if (cpu->flat)
        return;
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++)
        if (meant(c, asid))
            clear(emu, c);
    emu_spaces_flush(emu, asid);
    emu_view_update(emu);
}

enum { FEW = 64 /* pages that are looked for one by one */ };

/* The copies of any page of them; mostly there is none. */
static void drop_copies(struct tlb_entry *copies, gva first, uint64_t span)
{
    uint64_t same = ~(span - 1);
    for (struct tlb_entry *e = copies; e < copies + TLB_COPIES; e += 4) {
        if (__builtin_expect(((e[0].tag ^ first) & same) && ((e[1].tag ^ first) & same) && ((e[2].tag ^ first) & same) &&
                                 ((e[3].tag ^ first) & same),
                             1))
            continue;
        for (unsigned i = 0; i < 4; i++)
            if (!((e[i].tag ^ first) & same))
                e[i].tag = TLB_NONE;
    }
}

/* Every cached page of the translation that va may be part of: span is a power of two, at least a page. */
static void drop_span(struct tlb_entry *entries, gva va, uint64_t span)
{
    gva page = align_down(va, span);
    drop_copies(entries + TLB_SIZE, page, span);
    for (gva past = 0; span <= FEW * MEM_PAGE && past < span; past += MEM_PAGE) {
        struct tlb_entry *e = &entries[tlb_index(page + past)];
        if (e->tag == page + past)
            e->tag = TLB_NONE;
    }
    for (struct tlb_entry *e = entries; span > FEW * MEM_PAGE && e < entries + TLB_SIZE; e++)
        if (align_down(e->tag, span) == page)
            e->tag = TLB_NONE;
}

static void drop_span2(struct emu_cpu *emu, struct tlb *tlb, gva va, uint64_t span)
{
    gva page = align_down(va, span);
    if (span > FEW * MEM_PAGE) {
        renew_tlb2(emu, tlb);
        return;
    }
    for (gva past = 0; past < span; past += MEM_PAGE) {
        struct tlb_entry *e = &emu->tlb2[tlb2_index(tlb, page + past)];
        if (e->tag == tlb2_tag(tlb, page + past))
            e->tag = 0;
    }
}

void emu_tlb_flush_page(struct cpu *cpu, gva va, int64_t asid)
{
    struct emu_cpu *emu = emu_of(cpu);
    cpu_count(cpu, CPU_STAT_flush_page);
    if (cpu->flat)
        return;
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++) {
        if (!meant(c, asid))
            continue;
        uint64_t span = tlb_span(&c->tlb->spans, va);
        drop_span(c->tlb->read, va, span);
        drop_span(c->tlb->write, va, span);
        drop_span2(emu, c->tlb, va, span);
    }
    emu_spaces_flush_page(emu, va, asid);
}

static bool drop_writes(struct tlb_entry *entries, unsigned n, const uint8_t *host)
{
    bool any = false;
    for (struct tlb_entry *e = entries; e < entries + n; e++)
        if (e->tag != TLB_NONE && e->tag + e->addend == (uintptr_t)host) {
            e->tag = TLB_NONE;
            any = true;
        }
    return any;
}

bool emu_drop_fast_writes(struct emu_cpu *emu, gpa page, bool coded)
{
    const uint8_t *host = mem_ram(emu->cpu->space, page, MEM_PAGE);
    bool any = false;
    cpu_count(emu->cpu, CPU_STAT_flush_writes);
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++) {
        uint64_t parts = !c->used ? 0 : coded ? c->tlb->code : UINT64_MAX;
        if (parts) /* the copies are of any of them */
            any |= drop_writes(c->tlb->write + TLB_SIZE, TLB_COPIES, host);
        for (; parts; parts &= parts - 1)
            any |= drop_writes(c->tlb->write + __builtin_ctzll(parts) * TLB_PART, TLB_PART, host);
    }
    for (struct tlb_entry *e = emu->tlb2; !coded && e < emu->tlb2 + TLB2_SIZE; e++)
        if (e->tag && align_down(e->tag, MEM_PAGE) + e->addend == (uintptr_t)host) {
            e->addend |= TLB2_READ_ONLY;
            any = true;
        }
    return any;
}

void emu_drop_all_writes(struct emu_cpu *emu)
{
    cpu_count(emu->cpu, CPU_STAT_flush_writes);
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++)
        for (unsigned i = 0; c->used && i < TLB_ENTRIES; i++)
            c->tlb->write[i].tag = TLB_NONE;
    for (unsigned i = 0; i < TLB2_SIZE; i++)
        if (emu->tlb2[i].tag)
            emu->tlb2[i].addend |= TLB2_READ_ONLY;
}
