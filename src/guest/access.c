/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The slow path of guest memory: what a TLB probe that misses comes to, from the evaluator, from emitted code and from guests' helpers. It
 * walks, fills the TLB where the fast path may serve the next access, splits accesses that cross a page (both pages are checked before
 * anything is read or written), and reaches devices.
 */
#include "base/bits.h"
#include "guest/guest.h"
#include "mem/ram.h"
#include "os/fault.h"

struct place {     /* where the bytes of one page's part of an access are */
    uint8_t *host; /* NULL: a device */
    gpa at;
};

static bool trap(struct cpu *cpu, struct trap t)
{
    cpu->trap = t;
    cpu->trapped = true;
    return false;
}

static void fill(struct cpu *cpu, gva va, enum mem_access access, const struct tlb_page *page, const uint8_t *host)
{
    struct tlb_entry *e = access == ACCESS_write ? &cpu->tlb->write[tlb_index(va)] : &cpu->tlb->read[tlb_index(va)];
    bool plain = page->writable && mem_page_plain(cpu->space, page->page);
    e->tag = align_down(va, MEM_PAGE);
    e->addend = (uintptr_t)host - e->tag;
    cpu_count(cpu, CPU_STAT_tlb_fills);
    tlb_note_span(&cpu->tlb->spans, va, page->span);
    if (access == ACCESS_write && !plain)
        tlb_note_code(cpu->tlb, va);
    if (cpu->tlb2 && page->readable)
        cpu->tlb2[tlb2_index(cpu->tlb, va)] = (struct tlb_entry){tlb2_tag(cpu->tlb, e->tag), e->addend | (plain ? 0 : TLB2_READ_ONLY)};
}

/* ---- flat memory: the host's MMU answers ---- */

/* An address with a tag is none of the host's, so that every access by one comes here. */
static gva untagged(const struct cpu *cpu, gva va)
{
    const gva tag = UINT64_C(0xff) << 56;
    return cpu->guest->tagged && !(va >> 55 & 1) ? va & ~tag : va;
}

struct flat {
    gva va;
    unsigned size;
    enum mem_access access;
    uint8_t *buf;
};

static void flat_move(void *arg)
{
    const struct flat *f = arg;
    if (f->access == ACCESS_write)
        ram_write((uint8_t *)(uintptr_t)f->va, f->buf, f->size);
    else
        ram_read(f->buf, (const uint8_t *)(uintptr_t)f->va, f->size);
}

/* Reads, or writes what stands there, byte by byte at both ends: no access of a guest spans more than two pages. */
static void flat_touch(void *arg)
{
    const struct flat *f = arg;
    for (unsigned i = 0; i < 2; i++) {
        _Atomic uint8_t *at = (_Atomic uint8_t *)(uintptr_t)(f->va + (i ? f->size - 1 : 0));
        uint8_t v = atomic_load(at);
        if (f->access == ACCESS_write) /* no other operation: compilers know that those change nothing, and leave the write out */
            atomic_compare_exchange_strong(at, &v, v);
    }
}

static bool flat_try(struct cpu *cpu, void (*fn)(void *), struct flat *f)
{
    if (f->va >= MEM_FLAT_END - f->size) {
        const struct os_fault fault = {.signal = SIGSEGV, .code = SEGV_MAPERR, .address = f->va};
        os_fault_set(&fault);
    } else if (os_fault_try(fn, f)) {
        return true;
    }
    return trap(cpu, cpu->guest->bus_error(cpu, os_fault_last()->address, f->access));
}

/* ---- by page tables ---- */

/* May the TLB keep the page? If it refuses often, the accelerator is asked to look whether another would be better. */
static bool kept(struct cpu *cpu, gva va, const struct tlb_page *page)
{
    bool global = page->global && va >> 63;
    if (cpu->tlb->shared != 1)
        return true;
    if (global)
        cpu->unshared -= cpu->unshared > 0;
    else if (++cpu->unshared == CPU_UNSHARED_MAX)
        atomic_fetch_or(&cpu->events, CPU_EVENT_irq);
    return global;
}

/* The part of an access that lies in one page. askew: it is none that a strict page takes. */
static bool find(struct cpu *cpu, gva va, unsigned size, enum mem_access access, bool askew, struct place *out)
{
    const struct tlb_entry *e = access == ACCESS_write ? &cpu->tlb->write[tlb_index(va)] : &cpu->tlb->read[tlb_index(va)];
    struct tlb_page page = {.watched = false};
    struct trap t;
    cpu_count(cpu, CPU_STAT_slow_accesses);
    if (!cpu->guest->translate(cpu, va, access, &page, &t))
        return trap(cpu, t);
    if (page.strict && askew)
        return trap(cpu, cpu->guest->misaligned(cpu, va, access));
    if (page.watched && cpu->guest->watch(cpu, va, size, access, &t))
        return trap(cpu, t);
    if (!page.whole && (va & (MEM_PAGE - 1)) + size - 1 > page.last)
        return trap(cpu, cpu->guest->bus_error(cpu, va, access));
    out->at = page.page | (va & (MEM_PAGE - 1));
    const struct mem_region *region = mem_space_find(cpu->space, out->at);
    if (!region || size > region->size - (out->at - region->base) || (access == ACCESS_write && region->kind == MEM_ROM))
        return trap(cpu, cpu->guest->bus_error(cpu, va, access));
    out->host = region->kind == MEM_DEVICE ? NULL : region->host + (out->at - region->base);
    bool fast = out->host && page.whole && !page.watched && !page.strict && access != ACCESS_fetch && e->tag != align_down(va, MEM_PAGE) &&
                kept(cpu, va, &page);
    if (fast && (access != ACCESS_write || mem_page_fast_write(cpu->space, page.page)))
        fill(cpu, va, access, &page, region->host + (page.page - region->base));
    return true;
}

static bool unaligned(gva va, unsigned size, unsigned attr)
{
    switch (attr & MEM_UNIT) {
    case MEM_unit1: size = 1; break;
    case MEM_unit2: size = 2; break;
    case MEM_unit4: size = 4; break;
    case MEM_unit8: size = 8; break;
    }
    return va & (size - 1);
}

static bool aligned(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr)
{
    enum { QUANTITY = 16 };
    if (!(attr & MEM_natural) || !unaligned(va, size, attr))
        return true;
    if ((attr & MEM_UNIT) == MEM_within && (va & (QUANTITY - 1)) + size <= QUANTITY)
        return true;
    return trap(cpu, cpu->guest->misaligned(cpu, va, access));
}

/* To a strict page, it traps. */
static bool is_askew(gva va, unsigned size, unsigned attr) { return (attr & MEM_UNIT) == MEM_cached || unaligned(va, size, attr); }

static unsigned first_part(gva va, unsigned size)
{
    unsigned room = MEM_PAGE - (unsigned)(va & (MEM_PAGE - 1));
    return size < room ? size : room;
}

/* Bytes of one page to or from buf, in the guest's (little-endian) order; devices see accesses of 8 bytes at most. */
static bool move(struct cpu *cpu, gva va, enum mem_access access, const struct place *place, uint8_t *buf, unsigned size)
{
    if (place->host && access == ACCESS_write) {
        ram_write(place->host, buf, size);
        mem_note_write(cpu->space, place->at, size);
        return true;
    }
    if (place->host) {
        ram_read(buf, place->host, size);
        return true;
    }
    for (unsigned i = 0, n; i < size; i += n) {
        uint64_t v = 0;
        n = size - i < 8 ? size - i : 8;
        memcpy(&v, buf + i, n);
        cpu_count(cpu, access == ACCESS_write ? CPU_STAT_device_writes : CPU_STAT_device_reads);
        if (access == ACCESS_write ? !mem_store_by(cpu->space, cpu->id, place->at + i, n, v)
                                   : !mem_load_by(cpu->space, cpu->id, place->at + i, n, &v)) {
            bool askew = cpu->guest->misaligned_devices && (va + i) & (n - 1);
            return trap(cpu, (askew ? cpu->guest->misaligned : cpu->guest->bus_error)(cpu, va + i, access));
        }
        memcpy(buf + i, &v, n);
    }
    return true;
}

static bool paged_bytes(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr, uint8_t *buf)
{
    unsigned first = first_part(va, size);
    bool askew = is_askew(va, size, attr);
    struct place low, high;
    if (!aligned(cpu, va, size, access, attr) || !find(cpu, va, first, access, askew, &low))
        return false;
    if (first < size && !find(cpu, va + first, size - first, access, askew, &high))
        return false;
    return move(cpu, va, access, &low, buf, first) && (first == size || move(cpu, va + first, access, &high, buf + first, size - first));
}

/* With the rights of user mode, by the TLB of that; kernels copy from and to programs so. */
static bool user_bytes(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr, uint8_t *buf)
{
    struct tlb *own = cpu->tlb, *tlb = cpu->ops->user_tlb(cpu);
    const struct tlb_entry *e = access == ACCESS_write ? &tlb->write[tlb_index(va)] : &tlb->read[tlb_index(va)];
    if (tlb_hit(e, va, size) && !(attr & MEM_natural)) {
        uint8_t *host = (uint8_t *)(uintptr_t)(va + e->addend);
        if (access == ACCESS_write)
            ram_write(host, buf, size);
        else
            ram_read(buf, host, size);
        return true;
    }
    cpu->as_user = true;
    cpu->tlb = tlb;
    bool done = paged_bytes(cpu, va, size, access, attr, buf);
    cpu->tlb = own;
    cpu->as_user = false;
    return done;
}

static bool access_bytes(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr, uint8_t *buf)
{
    if (cpu->flat)
        return aligned(cpu, va, size, access, attr) && flat_try(cpu, flat_move, &(struct flat){untagged(cpu, va), size, access, buf});
    return (attr & MEM_user ? user_bytes : paged_bytes)(cpu, va, size, access, attr, buf);
}

bool cpu_load(struct cpu *cpu, gva va, unsigned size, unsigned attr, uint64_t value[2])
{
    uint8_t buf[16] = {0};
    if (!access_bytes(cpu, va, size, ACCESS_read, attr, buf))
        return false;
    value[0] = le64_get(buf);
    value[1] = le64_get(buf + 8);
    if (attr & MEM_ORDER)
        atomic_thread_fence(memory_order_acquire);
    return true;
}

bool cpu_store(struct cpu *cpu, gva va, unsigned size, unsigned attr, const uint64_t value[2])
{
    uint8_t buf[16];
    le64_put(buf, value[0]);
    le64_put(buf + 8, value[1]);
    if (attr & MEM_ORDER)
        atomic_thread_fence(memory_order_release);
    return access_bytes(cpu, va, size, ACCESS_write, attr, buf);
}

bool cpu_probe(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr)
{
    unsigned first = first_part(va, size);
    struct place place;
    if (cpu->flat)
        return aligned(cpu, va, size, access, attr) && flat_try(cpu, flat_touch, &(struct flat){untagged(cpu, va), size, access, NULL});
    bool askew = is_askew(va, size, attr);
    return aligned(cpu, va, size, access, attr) && find(cpu, va, first, access, askew, &place) &&
           (first == size || find(cpu, va + first, size - first, access, askew, &place));
}

void *cpu_host(struct cpu *cpu, gva va, unsigned size, enum mem_access access, unsigned attr, gpa *at)
{
    struct place place;
    if (!aligned(cpu, va, size, access, attr))
        return NULL;
    if (cpu->flat) {
        va = untagged(cpu, va);
        *at = va;
        return flat_try(cpu, flat_touch, &(struct flat){va, size, access, NULL}) ? (void *)(uintptr_t)va : NULL;
    }
    if (first_part(va, size) < size) {
        trap(cpu, cpu->guest->misaligned(cpu, va, access));
        return NULL;
    }
    if (!find(cpu, va, size, access, is_askew(va, size, attr), &place))
        return NULL;
    if (!place.host) {
        trap(cpu, cpu->guest->bus_error(cpu, va, access));
        return NULL;
    }
    *at = place.at;
    return place.host;
}
