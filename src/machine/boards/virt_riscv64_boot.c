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
#include "machine/boot/kernel.h"
#include "os/file.h"
#include <stdlib.h>

enum {
    KERNEL_OFFSET = 2 << 20, /* where supervisors expect to be loaded, and where prebuilt OpenSBI jumps */
    DT_ROOM = 64 << 10,
    FW_DYNAMIC_MAGIC = 0x4942534f,
    FW_DYNAMIC_VERSION = 2,
    ROM_WORDS_AT = 24,
    ROM_PARK_AT = 128,
};
#define FILE_MAX (1ull << 30)
#define LOW_END  0xc0000000ull /* what U-Boot reaches; device tree and initrd stay below */

/* auipc t0, 0; addi a2, t0, 40; csrr a0, mhartid; ld a1, 32(t0); ld t0, 24(t0); jr t0: then the words start, device tree, fw_dynamic_info. */
static const uint32_t rom_code[ROM_WORDS_AT / 4] = {0x00000297, 0x02828613, 0xf1402573, 0x0202b583, 0x0182b283, 0x00028067};

/* wfi; j .-4: where a stopped hart of the built-in firmware would be found if something let it run. */
static const uint32_t rom_park[] = {0x10500073, 0xffdff06f};

struct load {
    struct virt *virt;
    gpa ram, ram_end;
    struct kernel_info firmware, kernel; /* high 0: none */
    gpa initrd, initrd_end;
    gpa dt;
    void *user_dt;
    size_t user_dt_len;
    uint8_t seed[DT_SEED + 8];
};

static const char *option(const struct load *l, enum config_option o) { return machine_option(l->virt->machine, o); }

static int read_file(const struct load *l, enum config_option o, void **data, size_t *len, struct err *err)
{
    int rc = os_file_read(option(l, o), FILE_MAX, data, len, err);
    if (rc)
        err_prefix(err, "%s", config_name(o));
    return rc;
}

static int load_program(struct load *l, enum config_option o, const struct kernel_place *place, struct kernel_info *out, struct err *err)
{
    void *data;
    size_t len;
    int rc = read_file(l, o, &data, &len, err);
    if (rc)
        return rc;
    rc = kernel_load(data, len, place, l->virt->machine->space, out, err);
    free(data);
    if (rc)
        err_prefix(err, "%s %s", config_name(o), option(l, o));
    return rc;
}

static int load_firmware(struct load *l, struct err *err)
{
    struct kernel_place place = {.machine = ELF_riscv, .ram = l->ram, .ram_size = l->virt->ram_size, .flat = l->ram, .firmware = true};
    if (l->virt->start != VIRT_START_firmware)
        return 0;
    return load_program(l, CONFIG_bios, &place, &l->firmware, err);
}

static int load_kernel(struct load *l, struct err *err)
{
    struct kernel_place place = {.machine = ELF_riscv, .ram = l->ram, .ram_size = l->virt->ram_size, .flat = l->ram + KERNEL_OFFSET};
    if (!option(l, CONFIG_kernel))
        return 0;
    if (l->virt->start == VIRT_START_bare)
        place.flat = l->ram;
    if (l->firmware.high > place.flat)
        place.flat = align_up(l->firmware.high, KERNEL_OFFSET);
    int rc = load_program(l, CONFIG_kernel, &place, &l->kernel, err);
    if (!rc && l->kernel.low < l->firmware.high && l->firmware.low < l->kernel.high)
        rc = err_set(err, STATUS_config, "kernel %s overlaps the firmware in memory", option(l, CONFIG_kernel));
    return rc;
}

/* The end of what has been loaded. */
static gpa loaded_end(const struct load *l)
{
    gpa end = l->firmware.high > l->kernel.high ? l->firmware.high : l->kernel.high;
    return end > l->ram ? end : l->ram;
}

static int too_small(const struct load *l, const char *what, uint64_t missing, struct err *err)
{
    return err_set(err, STATUS_config,
                   "no room for the %s: it needs about %llu MiB more than the machine's %llu MiB; give more with memory", what,
                   (unsigned long long)(missing >> 20) + 1, (unsigned long long)(l->virt->ram_size >> 20));
}

/* Reserves the device tree's place at the top, before its contents are known: they name the initrd. */
static int place_dt(struct load *l, struct err *err)
{
    const char *append = option(l, CONFIG_append);
    int rc = option(l, CONFIG_dtb) ? read_file(l, CONFIG_dtb, &l->user_dt, &l->user_dt_len, err) : 0;
    if (rc)
        return rc;
    if (l->user_dt_len > DT_USER_MAX)
        return err_set(err, STATUS_config, "dtb %s: larger than %d KiB", option(l, CONFIG_dtb), DT_USER_MAX >> 10);
    uint64_t room = align_up(l->user_dt_len + DT_ROOM + (append ? strlen(append) : 0), DT_ROOM);
    gpa top = l->ram_end < LOW_END ? l->ram_end : LOW_END;
    l->dt = align_down(top - room, l->virt->ram_size >= 64 << 20 ? 2 << 20 : DT_ROOM);
    if (l->dt < loaded_end(l))
        return too_small(l, "device tree", loaded_end(l) - l->dt, err);
    return 0;
}

static int place_initrd(struct load *l, struct err *err)
{
    void *data;
    size_t len;
    if (!option(l, CONFIG_initrd))
        return 0;
    int rc = read_file(l, CONFIG_initrd, &data, &len, err);
    if (rc)
        return rc;
    gpa end = loaded_end(l);
    gpa at = len < l->dt ? align_down(l->dt - len, MEM_PAGE) : 0;
    if (at < end && l->ram_end > LOW_END && len <= l->ram_end - LOW_END)
        at = align_down(l->ram_end - len, MEM_PAGE); /* above the device tree */
    if (!len)
        rc = err_set(err, STATUS_config, "initrd %s: the file is empty", option(l, CONFIG_initrd));
    else if (at < end)
        rc = too_small(l, "initrd", end + len - l->dt, err);
    else if (!mem_write(l->virt->machine->space, at, data, len))
        rc = err_set(err, STATUS_failed, "initrd %s: cannot be placed at %#llx", option(l, CONFIG_initrd), (unsigned long long)at);
    free(data);
    l->initrd = at;
    l->initrd_end = at + len;
    return rc;
}

/* From chance, or from the number that the user gave (splitmix64). */
static int make_seed(struct load *l, struct err *err)
{
    if (!option(l, CONFIG_seed))
        return os_random(l->seed, sizeof l->seed, err);
    uint64_t x = config_number(l->virt->machine->config, CONFIG_seed);
    for (size_t i = 0; i + 8 <= sizeof l->seed; i += 8) {
        uint64_t z = x += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        le64_put(l->seed + i, z ^ z >> 31);
    }
    return 0;
}

static int build_dt(struct load *l, void **blob, size_t *len, struct err *err)
{
    struct vm_machine *m = l->virt->machine;
    struct cpu *cpu = machine_cpu(m, 0);
    bool seeded = config_switch(m->config, CONFIG_rng) || option(l, CONFIG_seed);
    struct virt_fdt fdt = {
        .vcpus = m->vcpus,
        .isa = riscv64_isa_string(cpu),
        .mmu = riscv64_mmu_type(cpu),
        .ram_size = l->virt->ram_size,
        .machine_mode = l->virt->start != VIRT_START_builtin,
        .chosen = {.bootargs = option(l, CONFIG_append), .initrd = l->initrd, .initrd_end = l->initrd_end, .seed = seeded ? l->seed : NULL},
    };
    fdt.extensions = riscv64_isa_extensions(cpu, &fdt.extensions_len);
    int rc = seeded ? make_seed(l, err) : 0;
    if (rc)
        return rc;
    if (!l->user_dt)
        return virt_fdt_build(&fdt, blob, len, err);
    rc = dt_adopt(l->user_dt, l->user_dt_len, &fdt.chosen, blob, len, err);
    if (rc)
        err_prefix(err, "dtb %s", option(l, CONFIG_dtb));
    return rc;
}

static int put_dt(struct load *l, struct err *err)
{
    void *blob;
    size_t len;
    int rc = build_dt(l, &blob, &len, err);
    if (rc)
        return rc;
    if (!mem_write(l->virt->machine->space, l->dt, blob, len))
        rc = err_set(err, STATUS_failed, "the device tree cannot be placed at %#llx", (unsigned long long)l->dt);
    free(blob);
    return rc;
}

/* 0: none; firmware then shows its prompt or complains. */
static gpa supervisor_entry(const struct load *l) { return l->kernel.high ? l->kernel.entry : 0; }

/* Where the first code of the machine is: firmware, else the kernel, else the start of RAM (programs that come through the library). */
static gpa machine_entry(const struct load *l)
{
    if (l->firmware.high)
        return l->firmware.entry;
    return l->kernel.high ? l->kernel.entry : l->ram;
}

static void put_rom(const struct load *l)
{
    const struct mem_region *rom = mem_space_find(l->virt->machine->space, virt_map[VIRT_rom].base);
    const uint64_t words[] = {machine_entry(l), l->dt, FW_DYNAMIC_MAGIC, FW_DYNAMIC_VERSION, supervisor_entry(l), PRIV_S, 0, 0};
    for (size_t i = 0; i < ARRAY_LEN(rom_code); i++)
        le32_put(rom->host + 4 * i, rom_code[i]);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        le64_put(rom->host + ROM_WORDS_AT + 8 * i, words[i]);
    for (size_t i = 0; i < ARRAY_LEN(rom_park); i++)
        le32_put(rom->host + ROM_PARK_AT + 4 * i, rom_park[i]);
}

static void start_vcpu(const struct load *l, struct cpu *cpu)
{
    enum { A0 = 10, A1 = 11 };
    cpu->guest->reset(cpu);
    if (l->virt->start == VIRT_START_builtin) {
        riscv64_enter_supervisor(cpu, cpu->id ? virt_map[VIRT_rom].base + ROM_PARK_AT : supervisor_entry(l), cpu->id, l->dt);
        if (cpu->id) /* stopped, until hart 0 starts it through HSM */
            accel_cpu_park(cpu);
        else
            accel_cpu_unpark(cpu, NULL, NULL);
        return;
    }
    cpu->pc = l->virt->start == VIRT_START_bare ? machine_entry(l) : virt_map[VIRT_rom].base;
    RVN(cpu, x, A0) = cpu->id;
    RVN(cpu, x, A1) = l->dt;
    riscv64_restored(cpu);
    accel_cpu_unpark(cpu, NULL, NULL);
}

static int load_all(struct load *l, struct err *err)
{
    int rc = load_firmware(l, err);
    if (!rc)
        rc = load_kernel(l, err);
    if (!rc)
        rc = place_dt(l, err);
    if (!rc)
        rc = place_initrd(l, err);
    return rc ? rc : put_dt(l, err);
}

int virt_boot(struct vm_machine *machine, struct err *err)
{
    struct virt *virt = machine->board_data;
    struct load load = {.virt = virt, .ram = virt_map[VIRT_ram].base, .ram_end = virt_map[VIRT_ram].base + virt->ram_size};
    int rc = load_all(&load, err);
    free(load.user_dt);
    if (rc)
        return rc;
    put_rom(&load);
    virt_sbi_reset(virt);
    for (unsigned n = 0; n < machine->vcpus; n++)
        start_vcpu(&load, machine_cpu(machine, n));
    return 0;
}
