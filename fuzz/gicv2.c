/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A guest that means harm to its GICv2 with three vCPUs. Commands of 8 bytes: who, a register of distributor or CPU interface, a
 * value; or a line.
 */
#include "device/irqchip/gicv2.h"
#include "base/bits.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define DIST 0x8000000ull
#define CPU  0x8010000ull
enum { COMMANDS = 512, SIZE = 8, CPUS = 3, LINES = 96 };

struct bed {
    struct mem_space *space;
    struct gicv2 *gic;
    uint8_t out[CPUS];
};

static void note_out(void *arg, unsigned cpu, enum gic_output line, bool level)
{
    struct bed *bed = arg;

    if (cpu >= CPUS || (bed->out[cpu] >> line & 1) == level)
        abort(); /* it promised to tell changes only */
    bed->out[cpu] ^= (uint8_t)(1 << line);
}

static void start(struct bed *bed)
{
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        mem_store_by(bed->space, cpu, DIST, 4, 3);
        mem_store_by(bed->space, cpu, DIST + 0x100, 4, UINT32_MAX);
        mem_store_by(bed->space, cpu, CPU, 4, 3);
        mem_store_by(bed->space, cpu, CPU + 4, 4, 0xf8);
    }
}

static void command(struct bed *bed, const uint8_t *c)
{
    unsigned cpu = c[0] >> 3 & 3, size = c[0] & 0x20 ? 1 : 4; /* 3: the debugger, say */
    uint64_t at = DIST + align_down(le16_get(c + 2) & 0xfff, size), value = le32_get(c + 4), got;
    const struct reg_window *w = gicv2_window(bed->gic, cpu % CPUS);

    switch (c[0] & 7) {
    case 0:
    case 1: mem_store_by(bed->space, cpu, at, size, size == 1 ? value & 0xff : value); break;
    case 2: mem_load_by(bed->space, cpu, at, size, &got); break;
    case 3: mem_store_by(bed->space, cpu, CPU + (c[1] & 0x40 ? 0x1000 : c[1] & 0x3c), 4, value); break;
    case 4: mem_load_by(bed->space, cpu, CPU + (c[1] & 0x3c), 4, &got); break;
    case 5: mem_store_by(bed->space, cpu, CPU + align_down(le16_get(c + 2) & 0x1fff, 4), 4, value); break;
    case 6: w->line(w->self, c[1], c[2] & 1); break;
    case 7: gicv2_set(bed->gic, c[1], c[2] & 1); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct os_vclock clock; /* stands still */
    struct bed bed = {0};

    if (mem_space_new(&bed.space))
        abort();
    struct device_env env = {.space = bed.space, .clock = &clock};
    struct gicv2_config config = {.cpus = CPUS, .lines = LINES, .out = note_out, .arg = &bed};
    if (gicv2_new(&bed.gic, "gic", &env, &config, NULL))
        abort();
    struct device *chip = gicv2_device(bed.gic);
    if (mem_space_add_banked(bed.space, "dist", DIST, GICV2_DIST_SIZE, &gicv2_dist_ops, gicv2_banks(bed.gic), CPUS, &chip->lock, NULL) ||
        mem_space_add_banked(bed.space, "cpu", CPU, GICV2_CPU_SIZE, &gicv2_cpu_ops, gicv2_banks(bed.gic), CPUS, &chip->lock, NULL))
        abort();
    start(&bed);
    for (unsigned i = 0; i < COMMANDS && len >= SIZE; i++, data += SIZE, len -= SIZE)
        command(&bed, data);
    chip->class->reset(chip);
    gicv2_free(bed.gic);
    mem_space_free(bed.space);
    return 0;
}
