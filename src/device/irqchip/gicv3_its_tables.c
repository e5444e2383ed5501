/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ITS's tables in the guest's memory, entries of 8 bytes, each valid by bit 63. A device's entry: bits 51..8 the address of its
 * interrupt translation table, 4..0 its size (event bits less one). An entry there: bits 47..32 the collection, 31..0 the LPI. A
 * collection's entry: bits 15..0 the vCPU. The guest may write anything into them, so whatever is read is checked.
 */
#include "device/irqchip/gicv3_its_impl.h"

static bool read_entry(const struct gicv3_its *its, uint64_t at, uint64_t *entry)
{
    uint8_t bytes[ITS_ENTRY];

    if (!mem_read(its->device.space, at, bytes, sizeof bytes))
        return false;
    *entry = le64_get(bytes);
    return *entry & ITS_VALID;
}

static bool write_entry(const struct gicv3_its *its, uint64_t at, uint64_t entry)
{
    uint8_t bytes[ITS_ENTRY];

    le64_put(bytes, entry);
    return mem_write(its->device.space, at, bytes, sizeof bytes);
}

/* Where entry `index` of a table is, through the first level if it has two. */
static bool entry_at(const struct gicv3_its *its, enum its_table table, uint64_t index, uint64_t *at)
{
    static const uint32_t pages[] = {4 << 10, 16 << 10, 64 << 10, 64 << 10};
    uint64_t base = its->table[table], page = pages[base >> 8 & 3], size = ((base & 0xff) + 1) * page, level1;

    if (!(base & ITS_VALID))
        return false;
    if (!(base & ITS_INDIRECT)) {
        *at = (base & ITS_TABLE) + index * ITS_ENTRY;
        return index < size / ITS_ENTRY;
    }
    uint64_t slot = index / (page / ITS_ENTRY);
    if (slot >= size / ITS_ENTRY || !read_entry(its, (base & ITS_TABLE) + slot * ITS_ENTRY, &level1))
        return false;
    *at = (level1 & ITS_ADDRESS) + index % (page / ITS_ENTRY) * ITS_ENTRY;
    return true;
}

static uint64_t count_of(enum its_table table) { return 1ull << (table == ITS_DEVICES ? ITS_DEVICE_BITS : ITS_COLLECTION_BITS); }

bool its_entry_read(const struct gicv3_its *its, enum its_table table, uint64_t index, uint64_t *entry)
{
    uint64_t at;

    return index < count_of(table) && entry_at(its, table, index, &at) && read_entry(its, at, entry);
}

bool its_entry_write(const struct gicv3_its *its, enum its_table table, uint64_t index, uint64_t entry)
{
    uint64_t at;

    return index < count_of(table) && entry_at(its, table, index, &at) && write_entry(its, at, entry);
}

static bool event_at(const struct gicv3_its *its, uint32_t device, uint32_t event, uint64_t *at)
{
    uint64_t entry;

    if (!its_entry_read(its, ITS_DEVICES, device, &entry) || (uint64_t)event >> ((entry & 31) + 1) || event >> ITS_EVENT_BITS)
        return false;
    *at = (entry & ITS_ITT) + (uint64_t)event * ITS_ENTRY;
    return true;
}

bool its_event_read(const struct gicv3_its *its, uint32_t device, uint32_t event, struct its_target *out)
{
    uint64_t at, entry;

    if (!event_at(its, device, event, &at) || !read_entry(its, at, &entry))
        return false;
    *out = (struct its_target){.intid = (uint32_t)entry, .collection = (uint16_t)(entry >> 32)};
    return true;
}

bool its_event_write(const struct gicv3_its *its, uint32_t device, uint32_t event, uint64_t entry)
{
    uint64_t at;

    return event_at(its, device, event, &at) && write_entry(its, at, entry);
}

bool its_collection_cpu(const struct gicv3_its *its, uint64_t collection, uint16_t *cpu)
{
    uint64_t entry;

    if (!its_entry_read(its, ITS_COLLECTIONS, collection, &entry) || (entry & 0xffff) >= its->cpus)
        return false;
    *cpu = (uint16_t)entry;
    return true;
}

bool its_translate(const struct gicv3_its *its, uint32_t device, uint32_t event, struct its_target *out)
{
    return its_event_read(its, device, event, out) && its_collection_cpu(its, out->collection, &out->cpu);
}
