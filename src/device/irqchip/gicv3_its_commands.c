/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ITS's command queue (IHI 0069, 5.3): a ring of commands of 32 bytes in the guest's memory. Commands take effect at once and in order,
 * so SYNC has nothing to wait for. A command that makes no sense is ignored and the queue goes on; if the queue itself cannot be read, it
 * stalls until the guest writes to GITS_CWRITER.
 */
#include "device/irqchip/gicv3_its_impl.h"

enum { COMMAND = 32, COMMANDS_AT_ONCE = 4096 /* bounds the time; reading GITS_CREADR goes on */ };

struct its_command {
    uint64_t word[4];
};

static uint32_t device_of(const struct its_command *c) { return (uint32_t)(c->word[0] >> 32); }
static uint32_t event_of(const struct its_command *c) { return (uint32_t)c->word[1]; }
static uint16_t collection_of(const struct its_command *c) { return (uint16_t)c->word[2]; }
static uint64_t cpu_of(uint64_t word) { return bits_get(word, 16, 36); } /* RDbase: the vCPU's number, as GITS_TYPER.PTA is 0 */

/* The LPI of the command's device and event, pending or not any more. */
static bool set_pending(struct gicv3_its *its, const struct its_command *c, bool pending)
{
    struct its_target target;

    if (!its_translate(its, device_of(c), event_of(c), &target))
        return false;
    gicv3_lpi_set(its->gic, target.cpu, target.intid, pending);
    return true;
}

static bool its_movi(struct gicv3_its *its, const struct its_command *c)
{
    struct its_target from;
    uint16_t to;

    if (!its_translate(its, device_of(c), event_of(c), &from) || !its_collection_cpu(its, collection_of(c), &to) ||
        !its_event_write(its, device_of(c), event_of(c), ITS_VALID | (uint64_t)collection_of(c) << 32 | from.intid))
        return false;
    gicv3_lpi_move(its->gic, from.cpu, to, from.intid);
    return true;
}

static bool its_int(struct gicv3_its *its, const struct its_command *c) { return set_pending(its, c, true); }
static bool its_clear(struct gicv3_its *its, const struct its_command *c) { return set_pending(its, c, false); }

static bool its_sync(struct gicv3_its *its, const struct its_command *c)
{
    (void)its, (void)c;
    return true;
}

static bool its_mapd(struct gicv3_its *its, const struct its_command *c)
{
    uint64_t size = c->word[1] & 31, entry = c->word[2] & ITS_VALID ? ITS_VALID | (c->word[2] & ITS_ITT) | size : 0;

    return size < ITS_EVENT_BITS && its_entry_write(its, ITS_DEVICES, device_of(c), entry);
}

static bool its_mapc(struct gicv3_its *its, const struct its_command *c)
{
    uint64_t cpu = cpu_of(c->word[2]);
    bool valid = c->word[2] & ITS_VALID;

    return (!valid || cpu < its->cpus) && its_entry_write(its, ITS_COLLECTIONS, collection_of(c), valid ? ITS_VALID | cpu : 0);
}

static bool map_event(struct gicv3_its *its, const struct its_command *c, uint32_t intid)
{
    return intid >= GICV3_LPI_FIRST && intid < GICV3_LPI_FIRST + GICV3_LPIS &&
           its_event_write(its, device_of(c), event_of(c), ITS_VALID | (uint64_t)collection_of(c) << 32 | intid);
}

static bool its_mapti(struct gicv3_its *its, const struct its_command *c) { return map_event(its, c, (uint32_t)(c->word[1] >> 32)); }
static bool its_mapi(struct gicv3_its *its, const struct its_command *c) { return map_event(its, c, event_of(c)); }

static bool its_inv(struct gicv3_its *its, const struct its_command *c)
{
    struct its_target target;

    if (!its_translate(its, device_of(c), event_of(c), &target))
        return false;
    gicv3_lpi_reload(its->gic, target.cpu, target.intid);
    return true;
}

static bool its_invall(struct gicv3_its *its, const struct its_command *c)
{
    uint16_t cpu;

    if (!its_collection_cpu(its, collection_of(c), &cpu))
        return false;
    gicv3_lpi_reload_all(its->gic, cpu);
    return true;
}

static bool its_movall(struct gicv3_its *its, const struct its_command *c)
{
    uint64_t from = cpu_of(c->word[2]), to = cpu_of(c->word[3]);

    if (from >= its->cpus || to >= its->cpus)
        return false;
    gicv3_lpi_move_all(its->gic, (unsigned)from, (unsigned)to);
    return true;
}

static bool its_discard(struct gicv3_its *its, const struct its_command *c)
{
    return set_pending(its, c, false) && its_event_write(its, device_of(c), event_of(c), 0);
}

static const struct {
    uint8_t code;
    const char *name;
    bool (*run)(struct gicv3_its *its, const struct its_command *c);
} commands[] = {
    {0x01, "MOVI", its_movi}, {0x03, "INT", its_int},       {0x04, "CLEAR", its_clear},   {0x05, "SYNC", its_sync},
    {0x08, "MAPD", its_mapd}, {0x09, "MAPC", its_mapc},     {0x0a, "MAPTI", its_mapti},   {0x0b, "MAPI", its_mapi},
    {0x0c, "INV", its_inv},   {0x0d, "INVALL", its_invall}, {0x0e, "MOVALL", its_movall}, {0x0f, "DISCARD", its_discard},
};

static void run(struct gicv3_its *its, const struct its_command *c)
{
    unsigned code = c->word[0] & 0xff;

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (commands[i].code != code)
            continue;
        if (!commands[i].run(its, c))
            log_guest(its->device.log, its->device.id,
                      "%s for device 0x%x, event 0x%x, collection %u is ignored: not mapped or out of range", commands[i].name,
                      device_of(c), event_of(c), collection_of(c));
        return;
    }
    log_guest(its->device.log, its->device.id, "unknown command 0x%02x is ignored", code);
}

void its_run_commands(struct gicv3_its *its)
{
    uint64_t size = ((its->queue & 0xff) + 1) << 12, base = its->queue & ITS_ADDRESS;
    uint8_t bytes[COMMAND];
    struct its_command c;

    if (!(its->control & 1) || !(its->queue & ITS_VALID) || its->read & ITS_STALLED || its->write >= size)
        return;
    if (its->read >= size)
        its->read = 0;
    for (unsigned n = 0; its->read != its->write && n < COMMANDS_AT_ONCE; n++) {
        if (!mem_read(its->device.space, base + its->read, bytes, sizeof bytes)) {
            log_guest(its->device.log, its->device.id, "the command queue at 0x%llx is not in memory", (unsigned long long)base);
            its->read |= ITS_STALLED;
            return;
        }
        for (unsigned i = 0; i < ARRAY_LEN(c.word); i++)
            c.word[i] = le64_get(bytes + 8 * i);
        run(its, &c);
        its->read = (its->read + COMMAND) % size;
    }
}
