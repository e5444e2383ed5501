/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * LPIs: interrupts without lines and without an active state, configured and (while they are disabled) kept in tables in memory. The
 * configuration is read when LPIs are enabled and when the guest says that it changed; what is pending is kept here meanwhile.
 */
#include "device/irqchip/gicv3_impl.h"

#define TABLE_ADDRESS   0xffffffffff000ull /* bits 51..12 */
#define PENDING_ADDRESS 0xfffffffff0000ull
#define PENDING_ZERO    (1ull << 62) /* GICR_PENDBASER.PTZ: the table is all zeros */

bool gicv3_lpi_valid(uint32_t intid) { return intid >= GICV3_LPI_FIRST && intid < GICV3_LPI_FIRST + GICV3_LPIS; }

/* How many LPIs the vCPU's tables have room for. */
static unsigned count_of(const struct gicv3 *g, unsigned cpu)
{
    unsigned bits = (g->config_table[cpu] & 31) + 1;

    return bits >= GICV3_ID_BITS ? GICV3_LPIS : 0;
}

static bool usable(const struct gicv3 *g, unsigned cpu, uint32_t intid)
{
    return cpu < g->config.cpus && g->redist_control[cpu] & GICV3_LPIS_ENABLED && gicv3_lpi_valid(intid) &&
           intid - GICV3_LPI_FIRST < count_of(g, cpu);
}

void gicv3_lpi_find_best(struct gicv3 *g, unsigned cpu)
{
    const uint32_t *pending = g->lpi_pending + cpu * GICV3_LPI_WORDS;
    struct gic_pick best = {GIC_NONE, GIC_IDLE, 1};

    for (unsigned w = 0; g->redist_control[cpu] & GICV3_LPIS_ENABLED && w < GICV3_LPI_WORDS; w++) {
        for (uint32_t bits = pending[w]; bits; bits &= bits - 1) {
            unsigned lpi = w * 32 + (unsigned)__builtin_ctz(bits);
            uint8_t config = g->lpi_config[lpi];

            if (config & 1 && (config & GIC_PRIORITY_MASK) < best.priority)
                best = (struct gic_pick){(uint16_t)(GICV3_LPI_FIRST + lpi), config & GIC_PRIORITY_MASK, 1};
        }
    }
    g->lpi_best[cpu] = best;
}

static void changed(struct gicv3 *g, unsigned cpu)
{
    gicv3_lpi_find_best(g, cpu);
    gicv3_update(g, cpu);
}

static void load_config(struct gicv3 *g, unsigned cpu, unsigned first, unsigned count)
{
    uint64_t at = (g->config_table[cpu] & TABLE_ADDRESS) + first;

    if (!mem_read(g->device.space, at, g->lpi_config + first, count)) {
        log_guest(g->device.log, g->device.id, "LPI configuration table at 0x%llx is not in memory", (unsigned long long)at);
        memset(g->lpi_config + first, 0, count);
    }
}

/* One bit for each interrupt number, so LPIs begin behind the first kilobyte. */
static uint64_t pending_at(const struct gicv3 *g, unsigned cpu) { return (g->pending_table[cpu] & PENDING_ADDRESS) + GICV3_LPI_FIRST / 8; }

static void load_pending(struct gicv3 *g, unsigned cpu)
{
    uint32_t *pending = g->lpi_pending + cpu * GICV3_LPI_WORDS;
    uint8_t bytes[GICV3_LPIS / 8] = {0};

    if (!(g->pending_table[cpu] & PENDING_ZERO) && !mem_read(g->device.space, pending_at(g, cpu), bytes, sizeof bytes))
        log_guest(g->device.log, g->device.id, "LPI pending table at 0x%llx is not in memory", (unsigned long long)pending_at(g, cpu));
    for (unsigned w = 0; w < GICV3_LPI_WORDS; w++)
        pending[w] = le32_get(bytes + 4 * w);
}

static void save_pending(struct gicv3 *g, unsigned cpu)
{
    uint32_t *pending = g->lpi_pending + cpu * GICV3_LPI_WORDS;
    uint8_t bytes[GICV3_LPIS / 8];

    for (unsigned w = 0; w < GICV3_LPI_WORDS; w++)
        le32_put(bytes + 4 * w, pending[w]);
    if (!mem_write(g->device.space, pending_at(g, cpu), bytes, sizeof bytes))
        log_guest(g->device.log, g->device.id, "LPI pending table at 0x%llx is not in memory", (unsigned long long)pending_at(g, cpu));
    memset(pending, 0, GICV3_LPI_WORDS * sizeof *pending);
}

void gicv3_lpis_enable(struct gicv3 *g, unsigned cpu, bool on)
{
    if (on && count_of(g, cpu)) {
        load_config(g, cpu, 0, count_of(g, cpu));
        load_pending(g, cpu);
    } else if (!on && count_of(g, cpu)) {
        save_pending(g, cpu);
    }
    g->redist_control[cpu] = on ? GICV3_LPIS_ENABLED : 0;
    g->pending_table[cpu] &= ~PENDING_ZERO;
    changed(g, cpu);
}

static uint32_t *word_of(struct gicv3 *g, unsigned cpu, uint32_t intid)
{
    return &g->lpi_pending[cpu * GICV3_LPI_WORDS + (intid - GICV3_LPI_FIRST) / 32];
}

void gicv3_lpi_clear(struct gicv3 *g, unsigned cpu, uint32_t intid)
{
    *word_of(g, cpu, intid) &= ~(1u << intid % 32);
    gicv3_lpi_find_best(g, cpu);
}

/* ---- from the ITS ---- */

void gicv3_lpi_set(struct gicv3 *g, unsigned cpu, uint32_t intid, bool pending)
{
    os_mutex_lock(&g->device.lock);
    if (usable(g, cpu, intid)) {
        uint32_t *word = word_of(g, cpu, intid);
        *word = (uint32_t)bits_set(*word, intid % 32, 1, pending);
        changed(g, cpu);
    }
    os_mutex_unlock(&g->device.lock);
}

void gicv3_lpi_move(struct gicv3 *g, unsigned from, unsigned to, uint32_t intid)
{
    os_mutex_lock(&g->device.lock);
    if (usable(g, from, intid) && usable(g, to, intid) && *word_of(g, from, intid) >> intid % 32 & 1) {
        *word_of(g, from, intid) &= ~(1u << intid % 32);
        *word_of(g, to, intid) |= 1u << intid % 32;
        changed(g, from);
        changed(g, to);
    }
    os_mutex_unlock(&g->device.lock);
}

void gicv3_lpi_move_all(struct gicv3 *g, unsigned from, unsigned to)
{
    os_mutex_lock(&g->device.lock);
    if (from != to && usable(g, from, GICV3_LPI_FIRST) && usable(g, to, GICV3_LPI_FIRST)) {
        for (uint32_t lpi = 0; lpi < GICV3_LPIS; lpi += 32) {
            *word_of(g, to, GICV3_LPI_FIRST + lpi) |= *word_of(g, from, GICV3_LPI_FIRST + lpi);
            *word_of(g, from, GICV3_LPI_FIRST + lpi) = 0;
        }
        changed(g, from);
        changed(g, to);
    }
    os_mutex_unlock(&g->device.lock);
}

/* The configuration is one for all vCPUs, so each may see another interrupt now. */
static void reload(struct gicv3 *g, unsigned cpu, unsigned first, unsigned count)
{
    load_config(g, cpu, first, count);
    for (unsigned other = 0; other < g->config.cpus; other++)
        changed(g, other);
}

void gicv3_lpi_reload(struct gicv3 *g, unsigned cpu, uint32_t intid)
{
    os_mutex_lock(&g->device.lock);
    if (usable(g, cpu, intid))
        reload(g, cpu, intid - GICV3_LPI_FIRST, 1);
    os_mutex_unlock(&g->device.lock);
}

void gicv3_lpi_reload_all(struct gicv3 *g, unsigned cpu)
{
    os_mutex_lock(&g->device.lock);
    if (usable(g, cpu, GICV3_LPI_FIRST))
        reload(g, cpu, 0, count_of(g, cpu));
    os_mutex_unlock(&g->device.lock);
}
