/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The GICv3's registers in memory: distributor (IHI 0069, 12.9) and redistributors (12.11). All are taken as words of 32 bits: an access of
 * 64 is two of them, a byte is a write of a part. Reserved ones read as zero and ignore writes.
 */
#include "device/irqchip/gicv3_impl.h"

enum { /* both frames, and the distributor's */
       R_ID = 0xffd0,
       D_CTLR = 0x0,
       D_TYPER = 0x4,
       D_IIDR = 0x8,
       D_LINES = 0x80,
       D_TARGETS = 0x800,
       D_CONFIG = 0xc00,
       D_LINES_END = 0xd00,
       D_ROUTER = 0x6000,
};
enum {
    R_CTLR = 0x0,
    R_IIDR = 0x4,
    R_TYPER = 0x8,
    R_AFFINITY = 0xc,
    R_WAKER = 0x14,
    R_PROPBASER = 0x70,
    R_PENDBASER = 0x78,
    R_SYNCR = 0xc0,
    R_PRIVATE = 0x10000, /* the second frame, with the private interrupts */
};
enum { CTLR_GROUPS = 3, CTLR_ARE = 1 << 4, CTLR_DS = 1 << 6 };
enum { TYPER_LPIS = 1 << 17, TYPER_A3V = 1 << 24, TYPER_NO_1N = 1 << 25, TYPER_ID_BITS_pos = 19 };
enum { RCTLR_CAN_DISABLE = 1 << 1, RTYPER_LPIS = 1, RTYPER_LAST = 1 << 4, WAKER_SLEEP = 2, WAKER_CHILDREN = 4 };
enum { IMPLEMENTER = 0x43b, ID_DIST = 0x92, ID_REDIST = 0x93 };
#define PROPBASER_BITS 0x070fffffffffff9full
#define PENDBASER_BITS 0x470fffffffff0f80ull

/* PIDR4..7, PIDR0..3 (0xb in the upper half of PIDR2's low byte: architecture 3), CIDR0..3. */
static uint32_t read_id(uint64_t offset, uint8_t part)
{
    static const uint8_t ids[] = {0x44, 0, 0, 0, 0, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    uint64_t n = (offset - R_ID) / 4;

    return n == 4 ? part : ids[n];
}

static uint32_t merge(uint32_t old, uint32_t value, uint32_t mask) { return (old & ~mask) | (value & mask); }

/* Half of a 64-bit register. */
static uint32_t half_get(uint64_t whole, uint64_t offset) { return (uint32_t)(offset & 4 ? whole >> 32 : whole); }

static uint64_t half_put(uint64_t whole, uint64_t offset, uint32_t value, uint32_t mask)
{
    return bits_set(whole, offset & 4 ? 32 : 0, 32, merge(half_get(whole, offset), value, mask));
}

static void bad(struct gicv3 *g, const char *what, uint64_t offset)
{
    log_guest(g->device.log, g->device.id, "%s offset 0x%llx, where no register is", what, (unsigned long long)offset);
}

/* Which shared interrupt's router this is; -1: none. */
static int router_of(const struct gicv3 *g, uint64_t offset)
{
    uint64_t intid = (offset - D_ROUTER) / 8;

    return offset >= D_ROUTER && intid >= GIC_PRIVATE && intid < g->config.lines ? (int)intid - GIC_PRIVATE : -1;
}

static bool is_lines(uint64_t offset) { return (offset >= D_LINES && offset < D_TARGETS) || (offset >= D_CONFIG && offset < D_LINES_END); }

/* ---- distributor ---- */

static uint32_t dist_get(struct gicv3 *g, uint64_t offset)
{
    int router = router_of(g, offset);

    if (router >= 0)
        return half_get(g->router[router], offset);
    if (is_lines(offset))
        return gic_lines_read(&g->lines, GIC_CPUS_MAX, true, offset);
    if (offset >= R_ID)
        return read_id(offset, ID_DIST);
    switch (offset) {
    case D_CTLR: return g->control | CTLR_ARE | CTLR_DS;
    case D_TYPER:
        return (g->config.lines / 32 - 1) | (g->config.lpis ? TYPER_LPIS : 0) | (GICV3_ID_BITS - 1) << TYPER_ID_BITS_pos | TYPER_A3V |
               TYPER_NO_1N;
    case D_IIDR: return IMPLEMENTER;
    }
    return 0;
}

static void dist_put(struct gicv3 *g, uint64_t offset, uint32_t value, uint32_t mask)
{
    enum { ROUTER_LOW = 0xffffff, ROUTER_HIGH = 0xff };
    int router = router_of(g, offset);

    if (router >= 0) {
        g->router[router] = half_put(g->router[router], offset, value & (offset & 4 ? ROUTER_HIGH : ROUTER_LOW), mask);
        gicv3_route(g);
    } else if (is_lines(offset)) {
        gic_lines_write(&g->lines, GIC_CPUS_MAX, true, offset, value, mask);
    } else if (offset == D_CTLR) {
        g->control = merge(g->control, value, mask) & CTLR_GROUPS;
    } else if (offset < D_LINES || offset >= R_ID) {
        bad(g, "write to the distributor's", offset); /* read-only ones too */
    }
    gicv3_update_all(g);
}

/* ---- redistributors ---- */

static uint32_t redist_get(struct gicv3 *g, unsigned cpu, uint64_t offset)
{
    if (offset >= R_PRIVATE + R_ID || (offset >= R_ID && offset < R_PRIVATE))
        return read_id(offset % R_PRIVATE, ID_REDIST);
    if (offset >= R_PRIVATE)
        return is_lines(offset - R_PRIVATE) ? gic_lines_read(&g->lines, cpu, false, offset - R_PRIVATE) : 0;
    switch (offset) {
    case R_CTLR: return g->redist_control[cpu] | (g->config.lpis ? RCTLR_CAN_DISABLE : 0);
    case R_IIDR: return IMPLEMENTER;
    case R_TYPER: return cpu << 8 | (g->config.lpis ? RTYPER_LPIS : 0) | (cpu + 1 == g->config.cpus ? RTYPER_LAST : 0);
    case R_AFFINITY: return g->config.affinity[cpu];
    case R_WAKER: return g->asleep[cpu] ? WAKER_SLEEP | WAKER_CHILDREN : 0;
    case R_PROPBASER:
    case R_PROPBASER + 4: return half_get(g->config_table[cpu], offset);
    case R_PENDBASER:
    case R_PENDBASER + 4: return half_get(g->pending_table[cpu] & ~(1ull << 62), offset); /* PTZ reads as zero */
    }
    return 0;
}

/* The tables' addresses must not change while they are in use. */
static void put_table(struct gicv3 *g, unsigned cpu, uint64_t *table, uint64_t bits, uint64_t offset, uint32_t value, uint32_t mask)
{
    if (g->config.lpis && !(g->redist_control[cpu] & GICV3_LPIS_ENABLED))
        *table = half_put(*table, offset, value, mask) & bits;
}

static void redist_put(struct gicv3 *g, unsigned cpu, uint64_t offset, uint32_t value, uint32_t mask)
{
    if (offset >= R_PRIVATE) {
        if (is_lines(offset - R_PRIVATE))
            gic_lines_write(&g->lines, cpu, false, offset - R_PRIVATE, value, mask);
        gicv3_update(g, cpu);
        return;
    }
    switch (offset) {
    case R_CTLR:
        if (g->config.lpis && (value ^ g->redist_control[cpu]) & mask & GICV3_LPIS_ENABLED)
            gicv3_lpis_enable(g, cpu, value & GICV3_LPIS_ENABLED);
        break;
    case R_WAKER: g->asleep[cpu] = merge(g->asleep[cpu] ? WAKER_SLEEP : 0, value, mask) & WAKER_SLEEP ? 1 : 0; break;
    case R_PROPBASER:
    case R_PROPBASER + 4: put_table(g, cpu, &g->config_table[cpu], PROPBASER_BITS, offset, value, mask); break;
    case R_PENDBASER:
    case R_PENDBASER + 4: put_table(g, cpu, &g->pending_table[cpu], PENDBASER_BITS, offset, value, mask); break;
    default: bad(g, "write to a redistributor's", offset);
    }
}

/* ---- accesses ---- */

static bool dist_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = bits_get(dist_get(self, offset & ~3ull), 8 * (offset & 3), 8 * size);
    if (size == 8)
        *value |= (uint64_t)dist_get(self, offset + 4) << 32;
    return true;
}

static bool dist_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned shift = 8 * (offset & 3);

    dist_put(self, offset & ~3ull, (uint32_t)(value << shift), size == 1 ? 0xffu << shift : UINT32_MAX);
    if (size == 8)
        dist_put(self, offset + 4, (uint32_t)(value >> 32), UINT32_MAX);
    return true;
}

static bool redist_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct gicv3 *g = self;
    uint64_t cpu = offset / GICV3_REDIST_SIZE, at = offset % GICV3_REDIST_SIZE;

    if (cpu >= g->config.cpus)
        return false;
    *value = bits_get(redist_get(g, (unsigned)cpu, at & ~3ull), 8 * (at & 3), 8 * size);
    if (size == 8)
        *value |= (uint64_t)redist_get(g, (unsigned)cpu, at + 4) << 32;
    return true;
}

static bool redist_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct gicv3 *g = self;
    uint64_t cpu = offset / GICV3_REDIST_SIZE, at = offset % GICV3_REDIST_SIZE;
    unsigned shift = 8 * (at & 3);

    if (cpu >= g->config.cpus)
        return false;
    redist_put(g, (unsigned)cpu, at & ~3ull, (uint32_t)(value << shift), size == 1 ? 0xffu << shift : UINT32_MAX);
    if (size == 8)
        redist_put(g, (unsigned)cpu, at + 4, (uint32_t)(value >> 32), UINT32_MAX);
    return true;
}

const struct mem_ops gicv3_dist_ops = {.read = dist_read, .write = dist_write, .sizes = 1 | 4 | 8};
const struct mem_ops gicv3_redist_ops = {.read = redist_read, .write = redist_write, .sizes = 1 | 4 | 8};
