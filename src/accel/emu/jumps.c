/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where code is: spaces keep the translations of fetches apart, views add the mode key and own the jump caches. A space is not a context of
 * data: a kernel's code is the same in every process's page tables, and rights to data say nothing about it. The pages that are global, and
 * only they, are remembered in a space that all address spaces share; the others are looked up each time, until they turn out to be usual.
 */
#include "accel/emu/emu.h"
#include "base/bits.h"
#include "os/os.h"
#include <stdlib.h>

enum {
    JUMP_PART = JIT_JUMPS / 64,
    JUMP_GROUP = (MEM_PAGE >> JIT_JUMP_BITS) / JUMP_PART /* what a page of code has: they get their memory at once */
};
_Static_assert(JUMP_PAGES == 64, "a bit each in jump_pages");

enum { SHARED = -2 /* asid of a space that belongs to none */, PRIVATE_MAX = 256 /* pages that are not global, before that is usual */ };

static void clear_jumps(struct view *view)
{
    for (; view->jumped; view->jumped &= view->jumped - 1) {
        unsigned part = (unsigned)__builtin_ctzll(view->jumped) * JUMP_PART;
        for (unsigned i = part; i < part + JUMP_PART; i++)
            view->jumps[i].pc = jit_jump_none(i);
    }
}

static void forget_blocks(struct emu_cpu *emu)
{
    for (; emu->jump_pages; emu->jump_pages &= emu->jump_pages - 1)
        memset(emu->jumps[__builtin_ctzll(emu->jump_pages)], 0, sizeof emu->jumps[0]);
}

void emu_forget_jumps(struct emu_cpu *emu)
{
    cpu_count(emu->cpu, CPU_STAT_jumps_forgotten);
    forget_blocks(emu);
    memset(emu->code_regions, 0, sizeof emu->code_regions);
    memset(emu->code_pages, 0, sizeof emu->code_pages);
    for (unsigned i = 0; i < VIEWS; i++)
        clear_jumps(&emu->views[i]);
}

static void forget_entry(struct view *view, unsigned index, const uint8_t *entry)
{
    if ((view->jumped >> index / JUMP_PART & 1) && view->jumps[index].entry == entry)
        view->jumps[index].pc = jit_jump_none(index);
}

static void forget_block(struct emu_cpu *emu, const struct jit_gone *gone)
{
    for (uint64_t rows = emu->jump_pages; rows; rows &= rows - 1) {
        struct jump *jump = &emu->jumps[__builtin_ctzll(rows)][gone->at >> JIT_JUMP_BITS & (JUMP_SLOTS - 1)];
        if (jump->block == gone->block)
            *jump = (struct jump){0};
    }
    for (struct view *v = emu->views; gone->entry && v < emu->views + VIEWS; v++)
        for (unsigned i = jit_jump_index(gone->at & (MEM_PAGE - 1)); v->jumped && i < JIT_JUMPS; i += MEM_PAGE >> JIT_JUMP_BITS)
            for (unsigned landing = 0; landing <= JIT_LANDINGS; landing += 1u << JIT_LANDING_pos)
                forget_entry(v, i ^ landing, gone->entry);
}

void emu_forget_gone(struct emu_cpu *emu)
{
    struct jit_gone gone[JIT_GONE_MAX];
    bool cold;
    int n = jit_cache_gone(emu->vm->cache, emu->epoch, gone, &cold);
    if (n < 0)
        emu_forget_jumps(emu);
    else if (cold) /* emitted code knows none of them */
        forget_blocks(emu);
    for (int i = 0; i < n; i++)
        forget_block(emu, &gone[i]);
}

static void forget_stretch(struct view *view, unsigned first, gva page)
{
    for (unsigned i = 0; i < MEM_PAGE >> JIT_JUMP_BITS; i++) {
        unsigned index = first + i;
        if (!(view->jumped >> index / JUMP_PART & 1))
            i += JUMP_PART - 1 - index % JUMP_PART;
        else if ((view->jumps[index].pc & ~(gva)(MEM_PAGE - 1)) == page)
            view->jumps[index].pc = jit_jump_none(index);
    }
}

static void forget_page(struct view *view, gva page)
{
    unsigned first = jit_jump_index(page), other = jit_jump_other(first, page);
    forget_stretch(view, first, page);
    if (other != first)
        forget_stretch(view, other, page);
}

/* ---- which addresses may have code ---- */

enum { REGION_BITS = 21 };

static bool test_bit(const uint64_t *bits, unsigned n) { return bits[n / 64] >> n % 64 & 1; }
static void set_bit(uint64_t *bits, unsigned n) { bits[n / 64] |= 1ull << n % 64; }

static unsigned region_bit(gva pc) { return (pc >> REGION_BITS ^ pc >> 29 ^ pc >> 37) & 255; }
static unsigned page_bit(gva pc) { return (pc >> MEM_PAGE_BITS ^ pc >> 24 ^ pc >> 36) & (64 * PAGE_WORDS - 1); }

static void note_code(struct emu_cpu *emu, gva pc)
{
    set_bit(emu->code_regions, region_bit(pc));
    set_bit(emu->code_pages, page_bit(pc));
}

/* May a jump cache have an entry for the translation of `span` bytes around va? Most flushes are of data. */
static bool may_have_code(const struct emu_cpu *emu, gva va, uint64_t span)
{
    gva before = align_down(va, span) - MEM_PAGE; /* an insn may straddle into the first page */
    if (span <= MEM_PAGE)
        return test_bit(emu->code_pages, page_bit(va)) || test_bit(emu->code_pages, page_bit(before));
    return span > 1u << REGION_BITS || test_bit(emu->code_regions, region_bit(va)) || test_bit(emu->code_regions, region_bit(before));
}

void emu_keep_jump(struct emu_cpu *emu, gva pc, struct jit_block *block)
{
    *emu_jump(emu, pc) = (struct jump){.pc = pc, .view = emu->view->id, .block = block};
    emu->jump_pages |= 1ull << emu_jump_row(pc);
    note_code(emu, pc);
}

static bool has(const struct view *view, unsigned index, gva pc)
{
    return view->jumped >> index / JUMP_PART & 1 && view->jumps[index].pc == pc;
}

static void put(struct view *view, unsigned index, struct jit_jump jump)
{
    unsigned part = index / JUMP_PART, group = part / JUMP_GROUP * JUMP_GROUP;
    if (!(view->backed >> part & 1)) {
        view->backed |= ((1ull << JUMP_GROUP) - 1) << group;
        os_pages_populate(&view->jumps[group * JUMP_PART], JUMP_GROUP * JUMP_PART * sizeof *view->jumps);
    }
    view->jumps[index] = jump;
    view->jumped |= 1ull << part;
}

static void drop(struct view *view, unsigned index, gva pc)
{
    if (has(view, index, pc))
        view->jumps[index].pc = jit_jump_none(index);
}

static bool is_free(const struct view *view, unsigned index)
{
    return !(view->jumped >> index / JUMP_PART & 1) || view->jumps[index].pc == jit_jump_none(index);
}

/* Who comes takes the first place; who was there goes to its own other one, and may drive somebody out. */
void emu_note_jump(struct emu_cpu *emu, gva pc, unsigned landing, const uint8_t *entry)
{
    struct view *view = emu->view;
    unsigned first = jit_landing_index(pc, landing), other = jit_jump_other(first, pc);
    bool mine = is_free(view, first) || view->jumps[first].pc == pc;
    if (!mine && (is_free(view, other) || has(view, other, pc))) {
        first = other;
    } else {
        if (other != first)
            drop(view, other, pc);
        unsigned to = mine ? first : jit_jump_other(first, view->jumps[first].pc);
        if (to != first)
            put(view, to, view->jumps[first]);
    }
    put(view, first, (struct jit_jump){pc, entry});
    note_code(emu, pc);
}

const uint8_t *emu_known_jump(struct emu_cpu *emu, gva pc)
{
    const struct view *view = emu->view;
    unsigned first = jit_jump_index(pc), other = jit_jump_other(first, pc);
    return has(view, first, pc) ? view->jumps[first].entry : has(view, other, pc) ? view->jumps[other].entry : NULL;
}

/* ---- spaces and views ---- */

static uint32_t new_id(struct emu_cpu *emu)
{
    if (emu->next_id == UINT32_MAX) { /* start again; old entries must not look new */
        emu_forget_jumps(emu);
        for (unsigned i = 0; i < VIEWS; i++)
            emu->views[i].space = NULL;
        emu->view = emu->view_before = NULL;
        emu->next_id = 1;
    }
    return emu->next_id++;
}

static void clear_space(struct emu_cpu *emu, struct space *space)
{
    for (unsigned i = 0; i < FETCH_SIZE; i++)
        space->fetch[i].page = TLB_NONE;
    space->spans = (struct tlb_spans){0};
    for (unsigned i = 0; i < VIEWS; i++)
        if (emu->views[i].space == space) {
            emu->views[i].id = new_id(emu);
            clear_jumps(&emu->views[i]);
        }
}

static struct space *find_space(struct emu_cpu *emu, uint64_t number)
{
    struct cpu *cpu = emu->cpu;
    struct space *oldest = &emu->spaces[0];
    for (struct space *s = emu->spaces; s < emu->spaces + SPACES; s++) {
        if (s->used && s->number == number) {
            s->stamp = ++emu->stamp;
            return s;
        }
        if (s->stamp < oldest->stamp)
            oldest = s;
    }
    for (unsigned i = 0; i < VIEWS; i++)
        if (emu->views[i].space == oldest)
            emu->views[i].space = NULL;
    bool shared = number != cpu->guest->code_space(cpu, false);
    oldest->number = number;
    oldest->asid = shared ? SHARED : cpu->guest->asid(cpu);
    oldest->used = true;
    oldest->stamp = ++emu->stamp;
    clear_space(emu, oldest);
    return oldest;
}

static void use_view(struct emu_cpu *emu, struct view *view)
{
    emu->view = view;
    emu->cpu->jumps = view->jumps;
}

bool emu_space_update(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    uint64_t number = cpu->guest->code_space(cpu, emu->privates < PRIVATE_MAX), key = cpu->guest->block_key(cpu);
    if (emu->view && emu->view->key == key && emu->view->space && emu->view->space->number == number)
        return false;
    struct view *before = emu->view_before;
    emu->view_before = emu->view;
    if (before && before->key == key && before->space && before->space->number == number) {
        before->space->stamp = ++emu->stamp;
        use_view(emu, before);
        return true;
    }
    struct space *space = find_space(emu, number);
    for (struct view *v = emu->views; v < emu->views + VIEWS; v++)
        if (v->space == space && v->key == key) {
            use_view(emu, v);
            return true;
        }
    struct view *v = &emu->views[emu->next_view++ % VIEWS];
    v->space = NULL; /* not renewed below, should the ids wrap */
    uint32_t id = new_id(emu);
    clear_jumps(v);
    for (unsigned i = 0; i <= JIT_LANDINGS; i += 1u << JIT_LANDING_pos)
        v->jumps[i].pc = jit_jump_none(i); /* of the others it is 0 */
    *v = (struct view){.key = key, .space = space, .id = id, .backed = v->backed, .jumps = v->jumps};
    use_view(emu, v);
    return true;
}

bool emu_may_keep(struct emu_cpu *emu, const struct tlb_page *page)
{
    if (emu->view->space->asid != SHARED)
        return true;
    if (page->global)
        emu->privates -= emu->privates > 0;
    else
        emu->privates++; /* at the limit no space is shared any more, and nobody comes here */
    return page->global;
}

/* ---- flushes ---- */

static bool meant(const struct space *space, int64_t asid) { return space->used && (asid < 0 || space->asid == -1 || space->asid == asid); }

void emu_spaces_flush(struct emu_cpu *emu, int64_t asid)
{
    for (struct space *s = emu->spaces; s < emu->spaces + SPACES; s++)
        if (meant(s, asid))
            clear_space(emu, s);
}

static void flush_fetch(struct space *s, gva va, uint64_t span)
{
    struct fetch_entry *one = &s->fetch[va >> MEM_PAGE_BITS & (FETCH_SIZE - 1)];
    if (span <= MEM_PAGE && one->page == align_down(va, MEM_PAGE))
        one->page = TLB_NONE;
    for (unsigned i = 0; span > MEM_PAGE && i < FETCH_SIZE; i++)
        if (s->fetch[i].page != TLB_NONE && align_down(s->fetch[i].page, span) == align_down(va, span))
            s->fetch[i].page = TLB_NONE;
}

static void flush_jumps(struct emu_cpu *emu, gva page, int64_t asid)
{
    if (!test_bit(emu->code_pages, page_bit(page)))
        return;
    memset(emu->jumps[emu_jump_row(page)], 0, sizeof emu->jumps[0]);
    for (struct view *v = emu->views; v < emu->views + VIEWS; v++)
        if (v->space && meant(v->space, asid))
            forget_page(v, page);
}

void emu_spaces_flush_page(struct emu_cpu *emu, gva va, int64_t asid)
{
    uint64_t most = MEM_PAGE;
    for (struct space *s = emu->spaces; s < emu->spaces + SPACES; s++) {
        if (!meant(s, asid))
            continue;
        uint64_t span = tlb_span(&s->spans, va);
        flush_fetch(s, va, span);
        most = span > most ? span : most;
    }
    if (!may_have_code(emu, va, most))
        return;
    if (most > 1u << REGION_BITS) {
        emu_forget_jumps(emu);
        return;
    }
    gva first = align_down(va, most);
    for (gva past = 0; past < most + MEM_PAGE; past += MEM_PAGE) /* and of the page before: an insn may straddle into the first */
        flush_jumps(emu, first - MEM_PAGE + past, asid);
}
