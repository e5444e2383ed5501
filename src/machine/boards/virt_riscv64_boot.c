/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How the riscv64 board starts: kernel, firmware, initrd and device tree into memory, the reset ROM, the vCPUs at their first insn. It runs
 * when the machine is made and at every reset, always from the files.
 *
 * Memory from below: firmware (bios) at the start of RAM, the kernel 2 MiB above; from the top: device tree, below it the initrd.
 */
#include "base/bits.h"
#include "machine/boards/virt_riscv64_impl.h"
#include "machine/boot/elf.h"

enum {
    KERNEL_OFFSET = 2 << 20, /* where supervisors expect to be loaded, and where prebuilt OpenSBI jumps */
    FW_DYNAMIC_MAGIC = 0x4942534f,
    FW_DYNAMIC_VERSION = 2,
    ROM_WORDS_AT = 24,
    ROM_PARK_AT = 128,
};
#define LOW_END 0xc0000000ull /* what U-Boot reaches; device tree and initrd stay below */

/* auipc t0, 0; addi a2, t0, 40; csrr a0, mhartid; ld a1, 32(t0); ld t0, 24(t0); jr t0: then the words start, device tree, fw_dynamic_info. */
static const uint32_t rom_code[ROM_WORDS_AT / 4] = {0x00000297, 0x02828613, 0xf1402573, 0x0202b583, 0x0182b283, 0x00028067};

/* wfi; j .-4: where a stopped hart of the built-in firmware would be found if something let it run. */
static const uint32_t rom_park[] = {0x10500073, 0xffdff06f};

static enum virt_start start_of(const struct virt_load *l) { return ((struct virt *)l->machine->board_data)->start; }

static int load_firmware(struct virt_load *l, struct err *err)
{
    struct kernel_place place = {.machine = ELF_riscv, .ram = l->ram, .ram_size = l->ram_end - l->ram, .flat = l->ram, .firmware = true};
    if (start_of(l) != VIRT_START_firmware)
        return 0;
    return virt_load_program(l, CONFIG_bios, &place, &l->firmware, err);
}

static int load_kernel(struct virt_load *l, struct err *err)
{
    struct kernel_place place = {.machine = ELF_riscv, .ram = l->ram, .ram_size = l->ram_end - l->ram, .flat = l->ram + KERNEL_OFFSET};
    if (!virt_load_option(l, CONFIG_kernel))
        return 0;
    if (start_of(l) == VIRT_START_bare)
        place.flat = l->ram;
    if (l->firmware.high > place.flat)
        place.flat = align_up(l->firmware.high, KERNEL_OFFSET);
    int rc = virt_load_program(l, CONFIG_kernel, &place, &l->kernel, err);
    if (!rc && l->kernel.low < l->firmware.high && l->firmware.low < l->kernel.high)
        rc = err_set(err, STATUS_config, "kernel %s overlaps the firmware in memory", virt_load_option(l, CONFIG_kernel));
    return rc;
}

static int build_dt(const struct virt_load *l, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err)
{
    struct vm_machine *m = l->machine;
    struct virt *virt = m->board_data;
    struct cpu *cpu = machine_cpu(m, 0);
    struct virt_fdt fdt = {
        .vcpus = m->vcpus,
        .isa = riscv64_isa_string(cpu),
        .mmu = riscv64_mmu_type(cpu),
        .ram_size = virt->ram_size,
        .machine_mode = virt->start != VIRT_START_builtin,
        .chosen = *chosen,
    };
    fdt.extensions = riscv64_isa_extensions(cpu, &fdt.extensions_len);
    return virt_fdt_build(&fdt, blob, len, err);
}

/* 0: none; firmware then shows its prompt or complains. */
static gpa supervisor_entry(const struct virt_load *l) { return l->kernel.high ? l->kernel.entry : 0; }

/* Where the first code of the machine is: firmware, else the kernel, else the start of RAM (programs that come through the library). */
static gpa machine_entry(const struct virt_load *l)
{
    if (l->firmware.high)
        return l->firmware.entry;
    return l->kernel.high ? l->kernel.entry : l->ram;
}

static void put_rom(const struct virt_load *l)
{
    const struct mem_region *rom = mem_space_find(l->machine->space, virt_map[VIRT_rom].base);
    const uint64_t words[] = {machine_entry(l), l->dt, FW_DYNAMIC_MAGIC, FW_DYNAMIC_VERSION, supervisor_entry(l), PRIV_S, 0, 0};
    for (size_t i = 0; i < ARRAY_LEN(rom_code); i++)
        le32_put(rom->host + 4 * i, rom_code[i]);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        le64_put(rom->host + ROM_WORDS_AT + 8 * i, words[i]);
    for (size_t i = 0; i < ARRAY_LEN(rom_park); i++)
        le32_put(rom->host + ROM_PARK_AT + 4 * i, rom_park[i]);
}

static void start_vcpu(const struct virt_load *l, struct cpu *cpu)
{
    enum { A0 = 10, A1 = 11 };
    cpu->guest->reset(cpu);
    if (start_of(l) == VIRT_START_builtin) {
        riscv64_enter_supervisor(cpu, cpu->id ? virt_map[VIRT_rom].base + ROM_PARK_AT : supervisor_entry(l), cpu->id, l->dt);
        if (cpu->id) /* stopped, until hart 0 starts it through HSM */
            accel_cpu_park(cpu);
        else
            accel_cpu_unpark(cpu, NULL, NULL);
        return;
    }
    cpu->pc = start_of(l) == VIRT_START_bare ? machine_entry(l) : virt_map[VIRT_rom].base;
    RVN(cpu, x, A0) = cpu->id;
    RVN(cpu, x, A1) = l->dt;
    riscv64_restored(cpu);
    accel_cpu_unpark(cpu, NULL, NULL);
}

static int load_all(struct virt_load *l, struct err *err)
{
    int rc = load_firmware(l, err);
    if (!rc)
        rc = load_kernel(l, err);
    if (!rc)
        rc = virt_load_place_dt(l, false, err);
    if (!rc)
        rc = virt_load_initrd(l, err);
    return rc ? rc : virt_load_dt(l, build_dt, err);
}

int virt_boot(struct vm_machine *machine, struct err *err)
{
    struct virt *virt = machine->board_data;
    gpa ram = virt_map[VIRT_ram].base;
    struct virt_load load = {.machine = machine, .ram = ram, .ram_end = ram + virt->ram_size, .low_end = LOW_END};
    int rc = load_all(&load, err);
    virt_load_fini(&load);
    if (rc)
        return rc;
    put_rom(&load);
    virt_sbi_reset(virt);
    for (unsigned n = 0; n < machine->vcpus; n++)
        start_vcpu(&load, machine_cpu(machine, n));
    return 0;
}
