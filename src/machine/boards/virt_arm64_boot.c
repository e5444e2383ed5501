/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How the arm64 board starts: kernel, initrd and device tree into memory, vCPU 0 at its first insn with x0 = device tree, the others off until
 * PSCI starts them. It runs when the machine is made and at every reset, always from the files.
 *
 * Linux Images lie where their header says, with the device tree at the top of RAM; for firmware and bare programs it is at the start of
 * RAM, where they look for it, unless the program itself is there (or comes through the library).
 */
#include "machine/boards/virt_arm64_impl.h"
#include "machine/boot/elf.h"

enum { FLAT_OFFSET = 512 << 10, LOW = 1 << 30 };

static int load_kernel(struct virt_load *l, struct err *err)
{
    struct kernel_place place = {.machine = ELF_arm64, .ram = l->ram, .ram_size = l->ram_end - l->ram, .flat = l->ram + FLAT_OFFSET};
    return virt_load_option(l, CONFIG_kernel) ? virt_load_program(l, CONFIG_kernel, &place, &l->kernel, err) : 0;
}

static bool has_pmu(struct cpu *cpu)
{
    enum { ID_AA64DFR0 = 1 << 14 | 5 << 3 };
    uint64_t value = 0;
    return arm64_sysreg_peek(cpu, ID_AA64DFR0, &value) && (value >> 8 & 15) && (value >> 8 & 15) != 15;
}

static int build_dt(const struct virt_load *l, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err)
{
    const struct virt_arm64 *virt = l->machine->board_data;
    struct virt_arm64_fdt fdt = {.vcpus = l->machine->vcpus,
                                 .ram_size = virt->ram_size,
                                 .gic = virt->gic,
                                 .el2 = virt->el == 2,
                                 .pmu = has_pmu(machine_cpu(l->machine, 0)),
                                 .chosen = *chosen};
    return virt_arm64_fdt_build(&fdt, blob, len, err);
}

static int load_all(struct virt_load *l, struct err *err)
{
    const struct virt_arm64 *virt = l->machine->board_data;
    int rc = load_kernel(l, err);
    if (!rc)
        rc = virt_load_place_dt(l, virt->firmware || (l->kernel.high && l->kernel.kind != KERNEL_image), err);
    if (!rc)
        rc = virt_load_initrd(l, err);
    return rc ? rc : virt_load_dt(l, build_dt, err);
}

/* Firmware, else the kernel, else the start of RAM (programs that come through the library). */
static gpa entry_of(const struct virt_arm64 *virt, const struct virt_load *l)
{
    if (virt->firmware)
        return virt_arm64_map[VIRT_ARM64_flash0].base;
    return l->kernel.high ? l->kernel.entry : l->ram;
}

int virt_arm64_boot(struct vm_machine *machine, struct err *err)
{
    struct virt_arm64 *virt = machine->board_data;
    gpa ram = virt_arm64_map[VIRT_ARM64_ram].base;
    struct virt_load load = {.machine = machine, .ram = ram, .ram_end = ram + virt->ram_size, .low_end = ram + LOW};
    int rc = load_all(&load, err);
    virt_load_fini(&load);
    if (rc)
        return rc;
    virt_starter_settle(&virt->starter);
    psci_reset(&virt->psci);
    for (unsigned n = 0; n < machine->vcpus; n++) {
        struct cpu *cpu = machine_cpu(machine, n);
        arm64_enter_kernel(cpu, entry_of(virt, &load), load.dt, virt->el);
        if (n)
            accel_cpu_park(cpu);
        else
            accel_cpu_unpark(cpu, NULL, NULL);
    }
    return 0;
}
