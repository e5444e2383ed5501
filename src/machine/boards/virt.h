/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the boards named `virt` share: devices at places of a map, virtio slots, flash, vCPUs, the start of vCPUs by firmware calls, and the
 * loading of kernel, initrd and device tree. A board gives its map and its interrupt controller.
 */
#pragma once
#include "device/virtio/mmio.h"
#include "machine/boot/fdt.h"
#include "machine/boot/kernel.h"
#include "machine/machine.h"

enum { VIRT_SLOTS_MAX = 32, VIRT_DT_ROOM = 64 << 10 };

struct virt_place {
    const char *name;
    gpa base;
    uint64_t size;
    unsigned irq; /* input of the interrupt controller; 0: none */
};

struct virt_irqchip { /* where devices' lines go */
    void (*set)(void *self, unsigned n, bool level);
    void *self;
};

/* ---- virt_parts.c ---- */

/* Owns the device, maps it, wires its first line. irqchip: NULL if the place has no input. */
int virt_place_device(struct vm_machine *machine, const struct virt_place *place, struct device *take_device, const struct mem_ops *ops,
                      const struct virt_irqchip *irqchip, struct err *err) NODISCARD;
int virt_build_vcpus(struct vm_machine *machine, struct err *err) NODISCARD; /* of the board's architecture */
/* Without a file a bank is erased. first: NULL if firmware is in its place; only the second is there for files then. */
int virt_build_flash(struct vm_machine *machine, const struct virt_place *first, const struct virt_place *second,
                     struct err *err) NODISCARD;

struct virt_slots {
    struct vm_machine *machine;
    const struct virt_place *first; /* slot n is at base + n * size with input irq + n */
    unsigned count;
    struct virt_irqchip irqchip;
    struct virtio_mmio *slot[VIRT_SLOTS_MAX];
    struct virtio_device *console; /* NULL: the console is another device */
    unsigned used;
    char id[VIRT_SLOTS_MAX][8];
};
int virt_slots_build(struct virt_slots *slots, struct err *err) NODISCARD; /* what the options ask for, the rest empty */
void virt_slots_free(struct virt_slots *slots);
void virt_slots_resized(struct virt_slots *slots, unsigned columns, unsigned rows);

/* ---- virt_start.c: vCPUs that firmware calls start and stop ---- */

struct virt_starter {
    struct os_mutex lock; /* rank irqchip: starting */
    struct os_cond started;
    unsigned starting;                                                   /* vCPUs that were told to start and have not taken notice yet */
    void (*enter)(struct cpu *cpu, uint64_t address, uint64_t argument); /* on the vCPU's thread */
};
void virt_starter_init(struct virt_starter *starter, void (*enter)(struct cpu *cpu, uint64_t address, uint64_t argument));
void virt_starter_fini(struct virt_starter *starter);
bool virt_starter_start(struct virt_starter *starter, struct cpu *cpu, uint64_t address, uint64_t argument); /* false: out of memory */
void virt_starter_settle(struct virt_starter *starter); /* no vCPU runs; returns when none has a start pending */
void virt_sleep(struct cpu *cpu);                       /* the calling vCPU waits for an interrupt, as after a wait insn */

/* ---- virt_load.c: it runs when the machine is made and at every reset, always from the files ---- */

struct virt_load {
    struct vm_machine *machine;
    gpa ram, ram_end, low_end;           /* device tree and initrd stay below low_end */
    struct kernel_info firmware, kernel; /* high 0: none */
    gpa initrd, initrd_end;              /* equal: none */
    gpa dt;
    void *user_dt; /* from the option dtb */
    size_t user_dt_len;
    uint8_t seed[DT_SEED + 8];
};
const char *virt_load_option(const struct virt_load *load, enum config_option option);
int virt_load_file(const struct virt_load *load, enum config_option option, void **data, size_t *len,
                   struct err *err) NODISCARD; /* to free */
int virt_load_program(const struct virt_load *load, enum config_option option, const struct kernel_place *place, struct kernel_info *out,
                      struct err *err) NODISCARD;
gpa virt_loaded_end(const struct virt_load *load);
/* Reserves the device tree's place before its contents are known: they name the initrd. At the top; if at_start, rather at the start of RAM. */
int virt_load_place_dt(struct virt_load *load, bool at_start, struct err *err) NODISCARD;
int virt_load_initrd(struct virt_load *load, struct err *err) NODISCARD;
/* Fills in what the kernel is told; build makes the board's own tree of it. */
int virt_load_dt(struct virt_load *load,
                 int (*build)(const struct virt_load *load, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err),
                 struct err *err) NODISCARD;
void virt_load_fini(struct virt_load *load);
