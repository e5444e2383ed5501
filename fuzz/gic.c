/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A guest that means harm to its interrupt controller: GICv3 and ITS, two vCPUs. Commands of 12 bytes: a register of a frame, one of the
 * CPU interface, a line, a command for the ITS, a message, or memory where the tables lie. LPIs, queue and tables are set up before.
 */
#include "base/bits.h"
#include "device/irqchip/gicv3_its.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define RAM    0x40000000ull
#define DIST   0x8000000ull
#define ITS    0x8080000ull
#define REDIST 0x80a0000ull
#define VALID  (1ull << 63)
enum { RAM_SIZE = 1 << 19, COMMANDS = 512, SIZE = 12, CPUS = 2, LINES = 96 };
enum { QUEUE = 0, QUEUE_SIZE = 0x1000, DEVICES = 0x10000, COLLECTIONS = 0x20000, ITT = 0x30000, PROP = 0x40000, PENDING = 0x50000 };

struct bed {
    struct mem_space *space;
    struct gicv3 *gic;
    struct gicv3_its *its;
    uint64_t at; /* in the queue */
    uint8_t out[CPUS];
};

static void note_out(void *arg, unsigned cpu, enum gic_output line, bool level)
{
    struct bed *bed = arg;

    if (cpu >= CPUS || (bed->out[cpu] >> line & 1) == level)
        abort(); /* it promised to tell changes only */
    bed->out[cpu] ^= (uint8_t)(1 << line);
}

static void put(struct bed *bed, uint64_t at, unsigned size, uint64_t value)
{
    mem_store(bed->space, at, size, size == 8 ? value : value & ((1ull << 8 * size) - 1));
}

static void queue(struct bed *bed, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t words[] = {a, b, c, d};

    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        put(bed, RAM + QUEUE + bed->at + 8 * i, 8, words[i]);
    bed->at = (bed->at + 32) % QUEUE_SIZE;
    put(bed, ITS + 0x88, 8, bed->at);
}

static void start(struct bed *bed)
{
    put(bed, DIST, 4, 3);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        uint64_t frame = REDIST + (uint64_t)cpu * GICV3_REDIST_SIZE;
        put(bed, frame + 0x70, 8, (RAM + PROP) | 13);
        put(bed, frame + 0x78, 8, RAM + PENDING + cpu * 0x10000);
        put(bed, frame, 4, 1);
        put(bed, frame + 0x10100, 4, UINT32_MAX);
        const struct reg_window *w = gicv3_window(bed->gic, cpu);
        w->write(w->self, 0x4230, 0xf8); /* PMR */
        w->write(w->self, 0x4666, 1);    /* IGRPEN0 and 1 */
        w->write(w->self, 0x4667, 1);
    }
    put(bed, ITS + 0x100, 8, VALID | (RAM + DEVICES));
    put(bed, ITS + 0x108, 8, VALID | (RAM + COLLECTIONS));
    put(bed, ITS + 0x80, 8, VALID | (RAM + QUEUE));
    put(bed, ITS, 4, 1);
    queue(bed, 0x09, 0, VALID, 0);               /* MAPC 0 to vCPU 0 */
    queue(bed, 0x09, 0, VALID | 1 << 16 | 1, 0); /* MAPC 1 to vCPU 1 */
    queue(bed, 0x08, 4, VALID | (RAM + ITT), 0); /* MAPD 0 */
    queue(bed, 0x0a, 8200ull << 32 | 1, 1, 0);   /* MAPTI 0, 1 */
}

static void command(struct bed *bed, const uint8_t *c)
{
    static const uint64_t frames[] = {DIST, REDIST, REDIST + 0x10000, REDIST + 0x20000, ITS};
    static const uint8_t sizes[] = {4, 8, 1, 4};
    unsigned cpu = c[1] % CPUS, size = sizes[c[1] >> 2 & 3];
    uint64_t value = le64_get(c + 4),
             at = frames[c[1] >> 4 & 3 ? c[1] >> 4 & 3
                         : c[1] & 0x80 ? 4
                                       : 0] +
                  align_down(le16_get(c + 2), size),
             got;
    const struct reg_window *w = gicv3_window(bed->gic, cpu);

    switch (c[0] & 7) {
    case 0: put(bed, at, size, value); break;
    case 1: mem_load(bed->space, at, size, &got); break;
    case 2: w->write(w->self, 0x4600 | (c[2] & 0x7f), value); break;
    case 3: w->read(w->self, 0x4600 | (c[2] & 0x7f), &got); break;
    case 4: c[0] & 8 ? w->line(w->self, c[2], c[3] & 1) : gicv3_set(bed->gic, c[2], c[3] & 1); break;
    case 5: queue(bed, (uint64_t)c[3] << 32 | (c[2] & 15), value >> 32 | (uint64_t)c[8] << 32, value, value >> 8); break;
    case 6: gicv3_its_message(bed->its, c[2] & 1, c[3]); break;
    case 7: put(bed, RAM + (uint64_t)(c[1] & 7) * 0x10000 + align_down(le16_get(c + 2) & 0xfff, 8), 8, value); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct os_vclock clock; /* stands still */
    struct bed bed = {0};

    if (mem_space_new(&bed.space) || mem_space_add_ram(bed.space, "ram", RAM, RAM_SIZE, NULL))
        abort();
    struct device_env env = {.space = bed.space, .clock = &clock};
    struct gicv3_config config = {.cpus = CPUS, .lines = LINES, .affinity = {0, 1}, .lpis = true, .out = note_out, .arg = &bed};
    if (gicv3_new(&bed.gic, "gic", &env, &config, NULL) || gicv3_its_new(&bed.its, "its", &env, bed.gic, CPUS, NULL))
        abort();
    struct device *chip = gicv3_device(bed.gic), *its = gicv3_its_device(bed.its);
    if (mem_space_add_device(bed.space, "dist", DIST, GICV3_DIST_SIZE, &gicv3_dist_ops, bed.gic, &chip->lock, NULL) ||
        mem_space_add_device(bed.space, "redist", REDIST, CPUS * GICV3_REDIST_SIZE, &gicv3_redist_ops, bed.gic, &chip->lock, NULL) ||
        mem_space_add_device(bed.space, "its", ITS, GICV3_ITS_SIZE, &gicv3_its_ops, bed.its, &its->lock, NULL))
        abort();
    start(&bed);
    for (unsigned i = 0; i < COMMANDS && len >= SIZE; i++, data += SIZE, len -= SIZE)
        command(&bed, data);
    chip->class->reset(chip);
    gicv3_its_free(bed.its);
    gicv3_free(bed.gic);
    mem_space_free(bed.space);
    return 0;
}
