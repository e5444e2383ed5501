/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes the accesses on standard input (kind, where, value in hexadecimal) on our GICv3 and ITS, and prints what guest.c prints. */
#include "base/bits.h"
#include "device/irqchip/gicv3_its.h"
#include "op.h"
#include <stdio.h>

enum { CPUS = 2, VIRTUAL_TIMER = 27, RAM_SIZE = 16 << 20 };

static bool up[CPUS][2];

static void note(void *arg, unsigned cpu, enum gic_output line, bool level)
{
    (void)arg;
    up[cpu][line] = level;
}

static bool access(struct mem_space *space, const struct reg_window *w, const struct gic_op *op, uint64_t *value)
{
    static const unsigned registers[] = {
#define ICC(row, name, n, m, op2) 1 << 14 | n << 7 | m << 3 | op2,
#include "registers.def"
#undef ICC
    };
    if ((op->kind == GIC_GET || op->kind == GIC_SET) && op->where >= ARRAY_LEN(registers))
        return false;
    switch (op->kind) {
    case GIC_READ4: return mem_load(space, op->where, 4, value);
    case GIC_READ8: return mem_load(space, op->where, 8, value);
    case GIC_WRITE1: return mem_store(space, op->where, 1, op->value);
    case GIC_WRITE4: return mem_store(space, op->where, 4, op->value);
    case GIC_WRITE8: return mem_store(space, op->where, 8, op->value);
    case GIC_GET: return w->read(w->self, registers[op->where], value);
    case GIC_SET: return w->write(w->self, registers[op->where], op->value);
    case GIC_TIMER: w->line(w->self, VIRTUAL_TIMER, op->value); return true;
    }
    return false;
}

int main(void)
{
    static struct os_vclock clock;
    struct mem_space *space;
    struct gicv3 *gic;
    struct gicv3_its *its;
    struct gicv3_config config = {.cpus = CPUS, .lines = 288, .affinity = {0, 1}, .lpis = true, .out = note};
    if (mem_space_new(&space) || mem_space_add_ram(space, "ram", 0x42000000, RAM_SIZE, NULL))
        return 2;
    struct device_env env = {.space = space, .clock = &clock};
    if (gicv3_new(&gic, "gic", &env, &config, NULL) || gicv3_its_new(&its, "its", &env, gic, CPUS, NULL))
        return 2;
    struct os_mutex *lock = &gicv3_device(gic)->lock;
    if (mem_space_add_device(space, "dist", 0x8000000, GICV3_DIST_SIZE, &gicv3_dist_ops, gic, lock, NULL) ||
        mem_space_add_device(space, "redist", 0x80a0000, CPUS * GICV3_REDIST_SIZE, &gicv3_redist_ops, gic, lock, NULL) ||
        mem_space_add_device(space, "its", 0x8080000, GICV3_ITS_SIZE, &gicv3_its_ops, its, &gicv3_its_device(its)->lock, NULL))
        return 2;
    struct gic_op op;
    while (scanf("%x %x %lx", &op.kind, &op.where, &op.value) == 3) {
        uint64_t value = 0;
        if (!access(space, gicv3_window(gic, 0), &op, &value))
            fprintf(stderr, "refused: %x %x %lx\n", op.kind, op.where, op.value);
        printf("%llx %x\n", (unsigned long long)value, (unsigned)(up[0][GIC_IRQ] << 1 | up[0][GIC_FIQ]));
    }
    gicv3_its_free(its);
    gicv3_free(gic);
    mem_space_free(space);
    return 0;
}
