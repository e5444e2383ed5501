/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Contexts keep the software TLBs of recent address spaces and modes apart, so that switching back costs a pointer; views add the mode
 * key and name what the jump cache's entries belong to. Flushing a context gives its views new ids, which ends their jump entries at once.
 */
#include "accel/emu/emu.h"
#include "base/bits.h"
#include <stdlib.h>

/* Large blocks, touched where they are used only. */
int emu_contexts_init(struct emu_cpu *emu)
{
    emu->next_id = 1;
    emu->all_jumps = calloc(VIEWS, JIT_JUMPS * sizeof *emu->all_jumps);
    emu->all_tlbs = aligned_alloc(64, CONTEXTS * align_up(sizeof *emu->all_tlbs, 64));
    emu->cpu->tlb2 = emu->tlb2 = calloc(TLB2_SIZE, sizeof *emu->tlb2);
    if (!emu->all_jumps || !emu->all_tlbs || !emu->tlb2)
        return -STATUS_resource;
    for (unsigned i = 0; i < VIEWS; i++)
        emu->views[i].jumps = emu->all_jumps + i * JIT_JUMPS;
    for (unsigned i = 0; i < CONTEXTS; i++)
        emu->contexts[i].tlb = &emu->all_tlbs[i];
    return 0;
}

void emu_contexts_fini(struct emu_cpu *emu)
{
    free(emu->all_jumps);
    free(emu->all_tlbs);
    free(emu->tlb2);
}

enum { JUMP_PART = JIT_JUMPS / 64 };
_Static_assert(JUMP_PAGES == 64, "a bit each in jump_pages");

static void clear_jumps(struct view *view)
{
    for (; view->jumped; view->jumped &= view->jumped - 1) {
        unsigned part = (unsigned)__builtin_ctzll(view->jumped) * JUMP_PART;
        for (unsigned i = part; i < part + JUMP_PART; i++)
            view->jumps[i].pc = jit_jump_none(i);
    }
}

void emu_forget_jumps(struct emu_cpu *emu)
{
    cpu_count(emu->cpu, CPU_STAT_jumps_forgotten);
    for (; emu->jump_pages; emu->jump_pages &= emu->jump_pages - 1)
        memset(emu->jumps[__builtin_ctzll(emu->jump_pages)], 0, sizeof emu->jumps[0]);
    memset(emu->code_regions, 0, sizeof emu->code_regions);
    for (unsigned i = 0; i < VIEWS; i++)
        clear_jumps(&emu->views[i]);
}

static void forget_block(struct emu_cpu *emu, const struct jit_gone *gone)
{
    for (uint64_t rows = emu->jump_pages; rows; rows &= rows - 1) {
        struct jump *jump = &emu->jumps[__builtin_ctzll(rows)][gone->at >> 1 & (JUMP_SLOTS - 1)];
        if (jump->block == gone->block)
            *jump = (struct jump){0};
    }
    for (struct view *v = emu->views; gone->entry && v < emu->views + VIEWS; v++)
        for (unsigned i = jit_jump_index(gone->at & (MEM_PAGE - 1)); v->jumped && i < JIT_JUMPS; i += MEM_PAGE / 2)
            if ((v->jumped >> i / JUMP_PART & 1) && v->jumps[i].entry == gone->entry)
                v->jumps[i].pc = jit_jump_none(i);
}

void emu_forget_gone(struct emu_cpu *emu)
{
    struct jit_gone gone[JIT_GONE_MAX];
    int n = jit_cache_gone(emu->vm->cache, emu->epoch, gone);
    if (n < 0)
        emu_forget_jumps(emu);
    for (int i = 0; i < n; i++)
        forget_block(emu, &gone[i]);
}

static void forget_page(struct view *view, gva page)
{
    for (unsigned i = 0; i < MEM_PAGE / 2; i++) {
        unsigned index = jit_jump_index(page + 2 * i);
        if (!(view->jumped >> index / JUMP_PART & 1))
            i += JUMP_PART - 1 - index % JUMP_PART;
        else if ((view->jumps[index].pc & ~(gva)(MEM_PAGE - 1)) == page)
            view->jumps[index].pc = jit_jump_none(index);
    }
}

enum { REGION_BITS = 21 };

static unsigned region_bit(gva pc) { return (pc >> REGION_BITS ^ pc >> 29 ^ pc >> 37) & 255; }

static void note_code(struct emu_cpu *emu, gva pc) { emu->code_regions[region_bit(pc) / 64] |= 1ull << region_bit(pc) % 64; }

void emu_keep_jump(struct emu_cpu *emu, gva pc, struct jit_block *block)
{
    *emu_jump(emu, pc) = (struct jump){pc, emu->view->id, block};
    emu->jump_pages |= 1ull << emu_jump_row(pc);
    note_code(emu, pc);
}

void emu_note_jump(struct emu_cpu *emu, gva pc, const uint8_t *entry)
{
    emu->view->jumps[jit_jump_index(pc)] = (struct jit_jump){pc, entry};
    emu->view->jumped |= 1ull << jit_jump_index(pc) / JUMP_PART;
    note_code(emu, pc);
}

/* May a jump cache have an entry for the translation of `span` bytes around va? Most flushes are of data. */
static bool may_have_code(const struct emu_cpu *emu, gva va, uint64_t span)
{
    gva before = va - MEM_PAGE; /* an insn may straddle into this page */
    return span > 1u << REGION_BITS || (emu->code_regions[region_bit(va) / 64] >> region_bit(va) % 64 & 1) ||
           (emu->code_regions[region_bit(before) / 64] >> region_bit(before) % 64 & 1);
}

static uint32_t new_id(struct emu_cpu *emu)
{
    if (emu->next_id == UINT32_MAX) { /* start again; old entries must not look new */
        emu_forget_jumps(emu);
        for (unsigned i = 0; i < VIEWS; i++)
            emu->views[i].context = NULL;
        emu->view = NULL;
        emu->next_id = 1;
    }
    return emu->next_id++;
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
    for (unsigned i = 0; i < FETCH_SIZE; i++)
        context->fetch[i].page = TLB_NONE;
    renew_tlb2(emu, context->tlb);
    context->tlb->max_span = 0;
    memset(context->tlb->large, 0, sizeof context->tlb->large);
    for (unsigned i = 0; i < VIEWS; i++)
        if (emu->views[i].context == context) {
            emu->views[i].id = new_id(emu);
            clear_jumps(&emu->views[i]);
        }
}

static struct context *find_context(struct emu_cpu *emu)
{
    uint64_t number = emu->cpu->guest->context(emu->cpu);
    struct context *oldest = &emu->contexts[0];
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++) {
        if (c->used && c->number == number) {
            c->stamp = ++emu->stamp;
            return c;
        }
        if (c->stamp < oldest->stamp)
            oldest = c;
    }
    for (unsigned i = 0; i < VIEWS; i++)
        if (emu->views[i].context == oldest)
            emu->views[i].context = NULL;
    *oldest = (struct context){
        .number = number, .asid = emu->cpu->guest->asid(emu->cpu), .used = true, .stamp = ++emu->stamp, .tlb = oldest->tlb};
    clear(emu, oldest);
    cpu_count(emu->cpu, CPU_STAT_contexts_made);
    return oldest;
}

void emu_view_update(struct emu_cpu *emu)
{
    struct context *context = find_context(emu);
    uint64_t key = emu->cpu->guest->block_key(emu->cpu);
    emu->cpu->tlb = context->tlb;
    if (emu->view && emu->view->context == context && emu->view->key == key)
        return;
    cpu_count(emu->cpu, CPU_STAT_mode_switches);
    if (!emu->view || emu->view->context != context)
        cpu_count(emu->cpu, CPU_STAT_context_switches);
    for (struct view *v = emu->views; v < emu->views + VIEWS; v++)
        if (v->context == context && v->key == key) {
            emu->view = v;
            emu->cpu->jumps = v->jumps;
            return;
        }
    struct view *v = &emu->views[emu->next_view++ % VIEWS];
    v->context = NULL; /* not renewed below, should the ids wrap */
    uint32_t id = new_id(emu);
    clear_jumps(v);
    v->jumps[0].pc = jit_jump_none(0); /* of the others it is 0 */
    *v = (struct view){.key = key, .context = context, .id = id, .jumps = v->jumps};
    emu->view = v;
    emu->cpu->jumps = v->jumps;
}

void emu_tlb_flush(struct cpu *cpu, int64_t asid)
{
    struct emu_cpu *emu = emu_of(cpu);
    cpu_count(cpu, asid < 0 ? CPU_STAT_flush_all : CPU_STAT_flush_asid);
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++)
        if (c->used && (asid < 0 || c->asid < 0 || c->asid == asid))
            clear(emu, c);
    emu_view_update(emu);
}

/* Every cached page of the translation that va may be part of: span is a power of two, at least a page. */
static void drop_span(struct tlb_entry *entries, gva va, uint64_t span)
{
    unsigned first = 0;
    if (span <= MEM_PAGE) {
        struct tlb_entry *e = &entries[tlb_index(va)];
        if (e->tag == align_down(va, MEM_PAGE))
            e->tag = TLB_NONE;
        first = TLB_SIZE;
    }
    for (unsigned i = first; i < TLB_ENTRIES; i++)
        if (align_down(entries[i].tag, span) == align_down(va, span))
            entries[i].tag = TLB_NONE;
}

static void drop_span2(struct emu_cpu *emu, struct tlb *tlb, gva va, uint64_t span)
{
    struct tlb_entry *e = &emu->tlb2[tlb2_index(tlb, va)];
    if (span > MEM_PAGE)
        renew_tlb2(emu, tlb);
    else if (e->tag == tlb2_tag(tlb, align_down(va, MEM_PAGE)))
        e->tag = 0;
}

void emu_tlb_flush_page(struct cpu *cpu, gva va, int64_t asid)
{
    struct emu_cpu *emu = emu_of(cpu);
    bool wide = false, small = false;
    cpu_count(cpu, CPU_STAT_flush_page);
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++) {
        if (!c->used || !(asid < 0 || c->asid < 0 || c->asid == asid))
            continue;
        uint64_t span = tlb_span(c->tlb, va);
        drop_span(c->tlb->read, va, span);
        drop_span(c->tlb->write, va, span);
        drop_span2(emu, c->tlb, va, span);
        for (unsigned i = 0; i < FETCH_SIZE; i++)
            if (c->fetch[i].page != TLB_NONE && align_down(c->fetch[i].page, span) == align_down(va, span))
                c->fetch[i].page = TLB_NONE;
        wide |= span > MEM_PAGE && may_have_code(emu, va, span);
        small |= span <= MEM_PAGE && may_have_code(emu, va, span);
    }
    if (wide)
        emu_forget_jumps(emu);
    else if (small) /* and of the page before: an insn may straddle into this one */
        for (unsigned i = 0; i < 2; i++) {
            gva page = align_down(va, MEM_PAGE) - i * (uint64_t)MEM_PAGE;
            memset(emu->jumps[emu_jump_row(page)], 0, sizeof emu->jumps[0]);
            for (struct view *v = emu->views; v < emu->views + VIEWS; v++)
                if (v->context)
                    forget_page(v, page);
        }
}

bool emu_drop_fast_writes(struct emu_cpu *emu, gpa page)
{
    const uint8_t *host = mem_ram(emu->cpu->space, page, MEM_PAGE);
    bool any = false;
    cpu_count(emu->cpu, CPU_STAT_flush_writes);
    for (struct context *c = emu->contexts; c < emu->contexts + CONTEXTS; c++)
        for (unsigned i = 0; c->used && i < TLB_ENTRIES; i++) {
            struct tlb_entry *e = &c->tlb->write[i];
            if (e->tag != TLB_NONE && e->tag + e->addend == (uintptr_t)host) {
                e->tag = TLB_NONE;
                any = true;
            }
        }
    for (struct tlb_entry *e = emu->tlb2; e < emu->tlb2 + TLB2_SIZE; e++)
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
