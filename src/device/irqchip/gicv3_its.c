/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ITS's registers and life (IHI 0069, 12.19). Registers of 64 bits may be written in halves; each write has its effect at once, so a
 * driver that writes halves writes the one with the valid bit last, as the specification wants it.
 */
#include "device/irqchip/gicv3_its_impl.h"
#include <stdlib.h>

enum {
    R_CTLR = 0x0,
    R_IIDR = 0x4,
    R_TYPER = 0x8,
    R_CBASER = 0x80,
    R_CWRITER = 0x88,
    R_CREADR = 0x90,
    R_TABLES = 0x100,
    R_TABLES_END = R_TABLES + 8 * ITS_TABLES,
    R_ID = 0xffd0,
    R_ID_END = 0x10000,
};
enum { CTLR_ENABLED = 1, IMPLEMENTER = 0x43b };
#define CTLR_QUIESCENT (1u << 31)
#define QUEUE_BITS     0xb8effffffffffcffull /* valid, cacheability, shareability, address, size */
#define TABLE_BITS     0xf8e0ffffffffffffull /* and two levels, page size; not type and entry size */

static uint64_t typer(void)
{
    return 1 /* physical LPIs */ | (ITS_ENTRY - 1) << 4 | (ITS_EVENT_BITS - 1) << 8 | (ITS_DEVICE_BITS - 1) << 13 |
           (uint64_t)(ITS_COLLECTION_BITS - 1) << 32 | 1ull << 36 /* collection bits are stated */;
}

static uint64_t table_fixed(unsigned n)
{
    static const uint8_t types[ITS_TABLES] = {[ITS_DEVICES] = 1, [ITS_COLLECTIONS] = 4};

    return types[n] ? (uint64_t)types[n] << 56 | (uint64_t)(ITS_ENTRY - 1) << 48 : 0;
}

static uint64_t id(uint64_t offset)
{
    static const uint8_t ids[] = {0x44, 0, 0, 0, 0x94, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};

    return ids[(offset - R_ID) / 4] | (uint64_t)ids[((offset - R_ID) / 4 + 1) % ARRAY_LEN(ids)] << 32;
}

/* The 64 bits at a multiple of 8. */
static uint64_t its_get(const struct gicv3_its *its, uint64_t offset)
{
    if (offset >= R_TABLES && offset < R_TABLES_END)
        return its->table[(offset - R_TABLES) / 8];
    if (offset >= R_ID && offset < R_ID_END)
        return id(offset);
    switch (offset) {
    case R_CTLR: return its->control | CTLR_QUIESCENT | (uint64_t)IMPLEMENTER << 32;
    case R_TYPER: return typer();
    case R_CBASER: return its->queue;
    case R_CWRITER: return its->write;
    case R_CREADR: return its->read;
    }
    return 0;
}

/* Addresses of pages of 64 KiB have their bits 51..48 at 15..12; memory is not that large. */
static void put_table(struct gicv3_its *its, unsigned n, uint64_t value)
{
    if (!table_fixed(n))
        return;
    if ((value >> 8 & 3) >= 2)
        value &= ~0xf000ull;
    its->table[n] = (value & TABLE_BITS) | table_fixed(n);
}

static void its_put(struct gicv3_its *its, uint64_t offset, uint64_t value)
{
    switch (offset) {
    case R_CTLR: its->control = value & CTLR_ENABLED; break;
    case R_CBASER:
        its->queue = value & QUEUE_BITS;
        its->read = 0;
        break;
    case R_CWRITER:
        its->write = value & ITS_OFFSET;
        its->read &= ~ITS_STALLED;
        break;
    default:
        if (offset >= R_TABLES && offset < R_TABLES_END)
            put_table(its, (unsigned)(offset - R_TABLES) / 8, value);
        else
            log_guest(its->device.log, its->device.id, "write to offset 0x%llx, where no register is", (unsigned long long)offset);
        return;
    }
    its_run_commands(its);
}

/* Who waits for the end of a long queue moves it on. */
static bool its_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    if ((offset & ~7ull) == R_CREADR)
        its_run_commands(self);
    *value = bits_get(its_get(self, offset & ~7ull), 8 * (offset & 7), 8 * size);
    return true;
}

/* A vCPU's write to GITS_TRANSLATER names no device: it goes the way of reserved registers. */
static bool its_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    uint64_t at = offset & ~7ull;

    its_put(self, at, bits_set(its_get(self, at), 8 * (offset & 7), 8 * size, value));
    return true;
}

const struct mem_ops gicv3_its_ops = {.read = its_read, .write = its_write, .sizes = 4 | 8};

void gicv3_its_message(struct gicv3_its *its, uint32_t device, uint32_t event)
{
    struct its_target target;

    os_mutex_lock(&its->device.lock);
    if (its->control & CTLR_ENABLED) {
        if (its_translate(its, device, event, &target))
            gicv3_lpi_set(its->gic, target.cpu, target.intid, true);
        else
            log_guest(its->device.log, its->device.id, "message of device 0x%x, event 0x%x is not mapped", device, event);
    }
    os_mutex_unlock(&its->device.lock);
}

/* ---- life ---- */

static void its_reset(void *self)
{
    struct gicv3_its *its = self;

    its->control = 0;
    its->queue = its->write = its->read = 0;
    for (unsigned n = 0; n < ITS_TABLES; n++)
        its->table[n] = table_fixed(n);
}

static int its_after_load(void *self)
{
    struct gicv3_its *its = self;

    its->control &= CTLR_ENABLED;
    its->queue &= QUEUE_BITS;
    its->write &= ITS_OFFSET;
    its->read &= ITS_OFFSET | ITS_STALLED;
    for (unsigned n = 0; n < ITS_TABLES; n++)
        its->table[n] = table_fixed(n) ? (its->table[n] & TABLE_BITS) | table_fixed(n) : 0;
    return 0;
}

static const struct state_field its_fields[] = {
    STATE_FIELD(1, struct gicv3_its, control, u32, 1),        STATE_FIELD(2, struct gicv3_its, queue, u64, 1),
    STATE_FIELD(3, struct gicv3_its, write, u64, 1),          STATE_FIELD(4, struct gicv3_its, read, u64, 1),
    STATE_FIELD(5, struct gicv3_its, table, u64, ITS_TABLES),
};

static const struct state_desc its_state = {"gicv3_its", its_fields, ARRAY_LEN(its_fields), its_after_load};

static void its_free_self(void *self) { gicv3_its_free(self); }

const struct device_class gicv3_its_class = {
    .name = "gicv3_its",
    .doc = "interrupt translation service of the GICv3: messages of devices as interrupts",
    .state = &its_state,
    .reset = its_reset,
    .free = its_free_self,
    .rank = OS_RANK_msi,
};

int gicv3_its_new(struct gicv3_its **out, const char *name, const struct device_env *env, struct gicv3 *gic, unsigned cpus, struct err *err)
{
    struct gicv3_its *its = calloc(1, sizeof *its);

    if (!its)
        return err_set(err, STATUS_resource, "no memory for interrupt controller %s", name);
    device_init(&its->device, &gicv3_its_class, name, env);
    its->gic = gic;
    its->cpus = cpus;
    its_reset(its);
    *out = its;
    return 0;
}

void gicv3_its_free(struct gicv3_its *its)
{
    if (!its)
        return;
    device_fini(&its->device);
    free(its);
}

struct device *gicv3_its_device(struct gicv3_its *its) { return &its->device; }
