/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The inside of the ITS: gicv3_its.c has registers and life, gicv3_its_tables.c the tables, gicv3_its_commands.c the command queue. */
#pragma once
#include "device/irqchip/gicv3_its.h"

enum { ITS_DEVICE_BITS = 16, ITS_EVENT_BITS = 16, ITS_COLLECTION_BITS = 16, ITS_ENTRY = 8 /* bytes, in all tables */, ITS_TABLES = 8 };
enum its_table { ITS_DEVICES, ITS_COLLECTIONS }; /* GITS_BASER0 and 1 */

#define ITS_VALID    (1ull << 63)
#define ITS_ADDRESS  0xffffffffff000ull /* bits 51..12: of the queue, and of second levels */
#define ITS_TABLE    0xfffffffff000ull  /* bits 47..12: of a table */
#define ITS_ITT      0xfffffffffff00ull /* bits 51..8 */
#define ITS_INDIRECT (1ull << 62)
#define ITS_STALLED  1ull
#define ITS_OFFSET   0xfffe0ull /* of CREADR, CWRITER */

struct gicv3_its {
    struct device device;
    struct gicv3 *gic;
    unsigned cpus;
    uint32_t control;
    uint64_t queue, write, read; /* GITS_CBASER, CWRITER, CREADR */
    uint64_t table[ITS_TABLES];
};

struct its_target { /* where an event leads */
    uint32_t intid;
    uint16_t collection;
    uint16_t cpu;
};

/* gicv3_its_tables.c; false: out of range, not mapped, or a table is not in memory. */
bool its_entry_read(const struct gicv3_its *its, enum its_table table, uint64_t index, uint64_t *entry); /* a valid one */
bool its_entry_write(const struct gicv3_its *its, enum its_table table, uint64_t index, uint64_t entry);
bool its_event_read(const struct gicv3_its *its, uint32_t device, uint32_t event, struct its_target *out); /* without cpu */
bool its_event_write(const struct gicv3_its *its, uint32_t device, uint32_t event, uint64_t entry);
bool its_collection_cpu(const struct gicv3_its *its, uint64_t collection, uint16_t *cpu);
bool its_translate(const struct gicv3_its *its, uint32_t device, uint32_t event, struct its_target *out);

/* gicv3_its_commands.c */
void its_run_commands(struct gicv3_its *its);
