/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How the arm64 board starts: kernel, initrd and device tree into memory, vCPU 0 at its first insn with x0 = device tree, the others off until
 * PSCI starts them. It runs when the machine is made and at every reset, always from the files. Firmware gets kernel and initrd by fw_cfg.
 *
 * Linux Images lie where their header says, with the device tree at the top of RAM; for firmware and bare programs it is at the start of
 * RAM, where they look for it, unless the program itself is there (or comes through the library).
 */
#include "device/misc/fw_cfg.h"
#include "machine/boards/virt_arm64_impl.h"
#include "machine/boot/elf.h"
#include <stdlib.h>
#include <string.h>

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

static struct virt_arm64_facts facts_of(struct vm_machine *m)
{
    const struct virt_arm64 *virt = m->board_data;
    return (struct virt_arm64_facts){
        .vcpus = m->vcpus, .ram_size = virt->ram_size, .gic = virt->gic, .el2 = virt->el == 2, .pmu = has_pmu(machine_cpu(m, 0))};
}

static int build_dt(const struct virt_load *l, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err)
{
    struct virt_arm64_facts facts = facts_of(l->machine);
    return virt_arm64_fdt_build(&facts, chosen, blob, len, err);
}

/* A file, and its length: nothing where there is none. */
static int hand_over(const struct virt_load *l, enum config_option option, unsigned key, unsigned key_size, struct err *err)
{
    struct fw_cfg *f = ((struct virt_arm64 *)l->machine->board_data)->fw_cfg;
    void *data = NULL;
    size_t len = 0;
    int rc = virt_load_option(l, option) ? virt_load_file(l, option, &data, &len, err) : 0;
    if (!rc)
        rc = fw_cfg_put(f, key, data, len, err);
    if (!rc)
        rc = fw_cfg_put_number(f, key_size, len, 4, err);
    free(data);
    return rc;
}

static int put_acpi(struct vm_machine *m, struct err *err)
{
    struct fw_cfg *f = ((struct virt_arm64 *)m->board_data)->fw_cfg;
    struct virt_arm64_facts facts = facts_of(m);
    struct acpi_files files;
    int rc = virt_arm64_acpi_build(&facts, &files, err);
    if (rc)
        return rc;
    rc = fw_cfg_put_file(f, ACPI_FILE_RSDP, files.rsdp.data, files.rsdp.len, err);
    if (!rc)
        rc = fw_cfg_put_file(f, ACPI_FILE_TABLES, files.tables.data, files.tables.len, err);
    if (!rc)
        rc = fw_cfg_put_file(f, ACPI_FILE_SCRIPT, files.script.data, files.script.len, err);
    acpi_files_free(&files);
    return rc;
}

/* What the firmware is told: it may start the kernel itself, and hands the ACPI tables on. */
static int tell_firmware(const struct virt_load *l, struct err *err)
{
    struct vm_machine *m = l->machine;
    struct fw_cfg *f = ((struct virt_arm64 *)m->board_data)->fw_cfg;
    const char *append = virt_load_option(l, CONFIG_append);
    size_t len = append ? strlen(append) + 1 : 0;
    int rc = hand_over(l, CONFIG_kernel, FW_CFG_kernel, FW_CFG_kernel_size, err);
    if (!rc)
        rc = hand_over(l, CONFIG_initrd, FW_CFG_initrd, FW_CFG_initrd_size, err);
    if (!rc)
        rc = fw_cfg_put(f, FW_CFG_append, append, len, err);
    if (!rc)
        rc = fw_cfg_put_number(f, FW_CFG_append_size, len, 4, err);
    if (!rc)
        rc = fw_cfg_put_number(f, FW_CFG_cpus, m->vcpus, 2, err);
    if (!rc)
        rc = fw_cfg_put_number(f, FW_CFG_cpus_max, m->vcpus, 2, err);
    return rc || !config_switch(m->config, CONFIG_acpi) ? rc : put_acpi(m, err);
}

static int load_all(struct virt_load *l, struct err *err)
{
    const struct virt_arm64 *virt = l->machine->board_data;
    int rc = virt->firmware ? tell_firmware(l, err) : load_kernel(l, err);
    if (!rc)
        rc = virt_load_place_dt(l, virt->firmware || (l->kernel.high && l->kernel.kind != KERNEL_image), err);
    if (!rc && !virt->firmware)
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
