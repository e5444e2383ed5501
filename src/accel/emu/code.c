/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From a virtual pc to a block: fetch translation, cache, translation. And what keeps blocks true to memory: stores to a page with code are
 * noted because no TLB holds a fast write entry for it; when a page gets its first code, those that may exist are shot down. Until
 * another vCPU has looked, the page counts as written.
 */
#include "accel/emu/emu.h"
#include "base/bits.h"
#include "ir/eval.h"
#include <stdlib.h>

/* ---- fetching ---- */

/* Not remembered: it is asked when a block is looked for in the cache only, and mappings change. */
static bool fetch_flat(struct emu_cpu *emu, gva va, gpa *at)
{
    struct cpu *cpu = emu->cpu;
    const struct accel_config *config = &emu->vm->vm->config;
    enum accel_fetch may = config->callbacks->fetchable(config->machine, cpu, align_down(va, MEM_PAGE));
    if (may == ACCEL_FETCH_no) {
        struct trap trap = cpu->guest->bus_error(cpu, va, ACCESS_fetch);
        cpu_trap(cpu, trap.kind, trap.info);
        return false;
    }
    *at = va;
    emu->fetch_guarded = may == ACCEL_FETCH_guarded;
    emu->fetch_room = MEM_PAGE - (unsigned)(va & (MEM_PAGE - 1));
    return true;
}

/* emu->fetch_room: bytes from va on that may be fetched too; less than the page's rest where protection is finer than pages. */
static bool fetch_translate(struct emu_cpu *emu, gva va, gpa *at)
{
    struct cpu *cpu = emu->cpu;
    struct fetch_entry *e = &emu->view->space->fetch[va >> MEM_PAGE_BITS & (FETCH_SIZE - 1)];
    gva page = align_down(va, MEM_PAGE);
    if (va & (cpu->guest->min_insn - 1)) { /* a jump to nowhere; what comes by itself is aligned */
        struct trap trap = cpu->guest->misaligned(cpu, va, ACCESS_fetch);
        cpu_trap(cpu, trap.kind, trap.info);
        return false;
    }
    if (cpu->flat)
        return fetch_flat(emu, va, at);
    if (e->page == page) {
        *at = e->at | (va & (MEM_PAGE - 1));
        emu->fetch_room = MEM_PAGE - (unsigned)(va - page);
        emu->fetch_guarded = e->guarded;
        return true;
    }
    struct tlb_page out;
    struct trap trap;
    if (!cpu->guest->translate(cpu, va, ACCESS_fetch, &out, &trap)) {
        cpu_trap(cpu, trap.kind, trap.info);
        return false;
    }
    *at = out.page | (va & (MEM_PAGE - 1));
    const struct mem_region *region = mem_space_find(cpu->space, *at);
    if (!region || region->kind == MEM_DEVICE) {
        trap = cpu->guest->bus_error(cpu, va, ACCESS_fetch);
        cpu_trap(cpu, trap.kind, trap.info);
        return false;
    }
    emu->fetch_room = (out.whole ? MEM_PAGE : out.last + 1u) - (unsigned)(va - page);
    emu->fetch_guarded = out.guarded;
    bool keep = emu_may_keep(emu, &out);
    emu->unkept |= !keep;
    if (out.whole && keep)
        *e = (struct fetch_entry){page, out.page, out.guarded};
    tlb_note_span(&emu->view->space->spans, va, out.span);
    return true;
}

static gva next_page(const struct cpu *cpu) { return align_down(cpu->pc, MEM_PAGE) + MEM_PAGE; }
static bool fetch_fine(const struct emu_cpu *emu, gpa at) { return (at + emu->fetch_room) & (MEM_PAGE - 1); }

/* ---- landings ---- */

enum guest_landing emu_land(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    uint8_t bytes[4] = {0};
    gpa at;
    if (!fetch_translate(emu, cpu->pc, &at))
        return LAND_trap;
    bool guarded = emu->fetch_guarded;
    return mem_read(cpu->space, at, bytes, sizeof bytes) ? cpu->guest->land(cpu, guarded, le32_get(bytes)) : LAND_once;
}

bool emu_guarded(struct cpu *cpu, gva va)
{
    struct emu_cpu *emu = emu_of(cpu);
    unsigned room = emu->fetch_room;
    bool trapped = cpu->trapped;
    gpa at;
    bool guarded = fetch_translate(emu, va, &at) && emu->fetch_guarded;
    emu->fetch_room = room;
    cpu->trapped = trapped;
    return guarded;
}

/* ---- watching pages ---- */

/* Asks the vCPUs that run; the others will see the count when they begin. vm->lock is held. */
static void shoot(struct emu_cpu *emu, gpa page, bool coded)
{
    struct emu_vm *vm = emu->vm;
    emu_drop_fast_writes(emu, page, coded); /* this vCPU's own stores before now are seen by the translation that follows */
    atomic_fetch_add(&vm->shot_count, 1);
    if (vm->vm->config.vcpus == 1) {
        mem_page_slow_writes(emu->cpu->space, page);
        return;
    }
    struct shot *shot = calloc(1, sizeof *shot);
    if (!shot) {
        mem_note_write(emu->cpu->space, page, 1);
        return;
    }
    uint64_t pending = 0;
    for (unsigned i = 0; i < vm->vm->config.vcpus; i++) {
        struct emu_cpu *other = vm->vm->vcpus[i].impl;
        if (other && other != emu && atomic_load(&other->online))
            pending |= 1ull << i;
    }
    *shot = (struct shot){.page = page, .coded = coded, .pending = pending, .next = vm->shots};
    if (pending)
        vm->shots = shot;
    else
        free(shot);
    for (unsigned i = 0; i < vm->vm->config.vcpus; i++)
        if (pending >> i & 1)
            atomic_fetch_or(&vm->vm->vcpus[i].cpu->events, CPU_EVENT_code);
}

void emu_serve_shots(struct emu_cpu *emu)
{
    struct emu_vm *vm = emu->vm;
    uint64_t self = 1ull << emu->cpu->id;
    atomic_fetch_and(&emu->cpu->events, (uint32_t)~CPU_EVENT_code);
    os_mutex_lock(&vm->lock);
    for (struct shot **link = &vm->shots, *s; (s = *link);) {
        if ((s->pending & self) && emu_drop_fast_writes(emu, s->page, s->coded))
            mem_note_write(emu->cpu->space, s->page, 1);
        s->pending &= ~self;
        if (s->pending) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        free(s);
    }
    os_mutex_unlock(&vm->lock);
}

void emu_code_enter(struct emu_cpu *emu)
{
    atomic_store(&emu->online, true);
    uint64_t count = atomic_load(&emu->vm->shot_count);
    if (count != emu->shot_count)
        emu_drop_all_writes(emu);
    emu->shot_count = count;
}

void emu_code_leave(struct emu_cpu *emu)
{
    emu->shot_count = atomic_load(&emu->vm->shot_count); /* those up to here are answered below; later ones are counted */
    os_mutex_lock(&emu->vm->lock);
    atomic_store(&emu->online, false); /* nobody asks it from here on */
    os_mutex_unlock(&emu->vm->lock);
    emu_serve_shots(emu);
    jit_reader_quiet(emu->vm->cache, &emu->reader, UINT64_MAX);
}

static void watch_again(void *arg, gpa page)
{
    struct emu_cpu *emu = arg;
    os_mutex_lock(&emu->vm->lock); /* a second vCPU must not find the page watched before the shot is in the list */
    if (mem_page_code_again(emu->cpu->space, page))
        shoot(emu, page, true);
    os_mutex_unlock(&emu->vm->lock);
}

void emu_fetch_changed(struct cpu *cpu, gva from, gva to)
{
    struct emu_cpu *emu = emu_of(cpu);
    if (cpu->flat) { /* nobody has noted what was written */
        jit_cache_drop(emu->vm->cache, from, to < MEM_FLAT_END ? to : MEM_FLAT_END);
        return;
    }
    emu_serve_shots(emu);
    os_mutex_lock(&emu->vm->lock);
    for (struct shot *s = emu->vm->shots; s; s = s->next)
        mem_note_write(cpu->space, s->page, 1);
    os_mutex_unlock(&emu->vm->lock);
    jit_cache_renew(emu->vm->cache, watch_again, emu);
}

static void watch(struct emu_cpu *emu, gpa at)
{
    gpa page = align_down(at, MEM_PAGE);
    os_mutex_lock(&emu->vm->lock); /* as above */
    if (jit_cache_watch(emu->vm->cache, page))
        shoot(emu, page, false);
    os_mutex_unlock(&emu->vm->lock);
}

/* ---- blocks ---- */

static gpa second_page(struct cpu *cpu)
{
    struct emu_cpu *emu = emu_of(cpu);
    gpa at;
    if (!fetch_translate(emu, cpu->pc + emu->fetch_room, &at))
        return UINT64_MAX;
    watch(emu, at);
    return at;
}

static void count_translated(struct emu_cpu *emu, const struct ir_block *ir, uint64_t start)
{
    uint64_t *n = emu->cpu->stats->n;
    n[CPU_STAT_translated_blocks]++;
    n[CPU_STAT_translated_insns] += ir ? ir->ninsns : 0;
    n[CPU_STAT_translate_ns] += start ? os_clock_ns() - start : 0;
}

static struct ir_block *translate(struct emu_cpu *emu, gpa at, unsigned max_insns, gpa *second)
{
    struct cpu *cpu = emu->cpu;
    uint64_t start = emu->vm->vm->config.timed ? os_clock_ns() : 0;
    struct ir_block *ir = jit_translate(emu->build, cpu, at, emu->fetch_room, emu->view->key, max_insns, second_page, second, &emu->source);
    if (ir)
        ir_eval_prepare(ir);
    count_translated(emu, ir, start);
    if (!ir && !cpu->trapped) {
        struct trap trap = cpu->guest->bus_error(cpu, cpu->pc, ACCESS_fetch);
        cpu_trap(cpu, trap.kind, trap.info);
    }
    return ir;
}

/* A block that straddles stands under both pages' addresses; the second is looked at only for pcs so near the end. */
static struct jit_block *cached(struct emu_cpu *emu, gpa at)
{
    uint64_t key = emu->view->key;
    struct jit_block *block = jit_cache_find(emu->vm->cache, at, at, key);
    if (block || (at & (MEM_PAGE - 1)) + emu->cpu->guest->max_insn <= MEM_PAGE)
        return block;
    gpa second;
    unsigned room = emu->fetch_room;
    bool there = fetch_translate(emu, next_page(emu->cpu), &second);
    emu->fetch_room = room;
    emu->cpu->trapped = false; /* perhaps it does not straddle; lifting will tell */
    return !there ? NULL : jit_cache_find(emu->vm->cache, at, second, key);
}

struct jit_block *emu_block(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    gpa at, second;
    struct jit_block *block;
    cpu_count(cpu, CPU_STAT_block_lookups);
    emu->unkept = false;
    if (cpu->flat && (block = jit_cache_find(emu->vm->cache, cpu->pc, cpu->pc, emu->view->key))) { /* mapped ever since it was made */
        emu_keep_jump(emu, cpu->pc, block);
        return block;
    }
    if (!fetch_translate(emu, cpu->pc, &at) || fetch_fine(emu, at))
        return NULL;
    block = cached(emu, at);
    if (!block) {
        uint64_t drops = jit_cache_drops(emu->vm->cache);
        watch(emu, at);
        block = jit_cache_revive(emu->vm->cache, at, emu->view->key, drops);
        struct ir_block *ir = block ? NULL : translate(emu, at, IR_MAX_INSNS, &second);
        if (ir)
            block = jit_cache_add(emu->vm->cache, at, second, emu->view->key, ir, &emu->source, drops);
        if (!block)
            return NULL;
    }
    if (!emu->unkept)
        emu_keep_jump(emu, cpu->pc, block);
    return block;
}

struct ir_block *emu_single(struct emu_cpu *emu)
{
    gpa at, second;
    if (!fetch_translate(emu, emu->cpu->pc, &at))
        return NULL;
    watch(emu, at);
    return translate(emu, at, 1, &second);
}
