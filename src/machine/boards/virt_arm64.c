/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The arm64 board `virt`: memory, vCPUs and devices at the addresses of virt_arm64.def, wired to the GIC; and what PSCI calls do to the
 * machine. Firmware runs in place, so it is a ROM where flash bank 0 would be; its variables are in bank 1.
 */
#include "base/bits.h"
#include "device/irqchip/gicv2.h"
#include "device/irqchip/gicv3_its.h"
#include "device/misc/fw_cfg.h"
#include "device/misc/pl061.h"
#include "device/serial/pl011.h"
#include "device/timer/pl031.h"
#include "machine/boards/virt_arm64_impl.h"
#include "machine/boot/elf.h"
#include "os/file.h"
#include <stdlib.h>

#define RAM_MAX (255ull << 30) /* what is above belongs to PCIe */

static const struct virt_place *place(enum virt_arm64_window window) { return &virt_arm64_map[window]; }

/* ---- interrupts ---- */

static void gic_out(void *arg, unsigned cpu, enum gic_output line, bool level)
{
    cpu_line_set(machine_cpu(arg, cpu), line == GIC_IRQ ? ARM64_IRQ : ARM64_FIQ, level);
}

static void gicv2_shared_set(void *gic, unsigned n, bool level) { gicv2_set(gic, GIC_PRIVATE + n, level); }
static void gicv3_shared_set(void *gic, unsigned n, bool level) { gicv3_set(gic, GIC_PRIVATE + n, level); }

static int build_gicv2(struct vm_machine *m, struct virt_irqchip *irqchip, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct gicv2_config config = {.cpus = m->vcpus, .lines = VIRT_ARM64_LINES, .out = gic_out, .arg = m};
    const struct virt_place *dist = place(VIRT_ARM64_gic_dist), *cpu = place(VIRT_ARM64_gic_cpu);
    struct gicv2 *gic;
    int rc = gicv2_new(&gic, "gic", &env, &config, err);
    if (!rc)
        rc = machine_own_device(m, gicv2_device(gic), err);
    if (!rc)
        rc = mem_space_add_banked(m->space, dist->name, dist->base, dist->size, &gicv2_dist_ops, gicv2_banks(gic), m->vcpus,
                                  &gicv2_device(gic)->lock, err);
    if (!rc)
        rc = mem_space_add_banked(m->space, cpu->name, cpu->base, cpu->size, &gicv2_cpu_ops, gicv2_banks(gic), m->vcpus,
                                  &gicv2_device(gic)->lock, err);
    if (rc)
        return rc;
    *irqchip = (struct virt_irqchip){gicv2_shared_set, gic};
    for (unsigned n = 0; n < m->vcpus; n++)
        machine_cpu(m, n)->window = gicv2_window(gic, n);
    return 0;
}

static int build_gicv3(struct vm_machine *m, struct virt_irqchip *irqchip, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct gicv3_config config = {.cpus = m->vcpus, .lines = VIRT_ARM64_LINES, .lpis = true, .out = gic_out, .arg = m};
    struct virt_place frames = *place(VIRT_ARM64_gic_redist);
    struct gicv3 *gic;
    struct gicv3_its *its;
    for (unsigned n = 0; n < m->vcpus; n++)
        config.affinity[n] = n;
    int rc = gicv3_new(&gic, "gic", &env, &config, err);
    if (!rc)
        rc = virt_place_device(m, place(VIRT_ARM64_gic_dist), gicv3_device(gic), &gicv3_dist_ops, NULL, err);
    if (!rc)
        rc = mem_space_add_device(m->space, frames.name, frames.base, (uint64_t)m->vcpus * GICV3_REDIST_SIZE, &gicv3_redist_ops, gic,
                                  &gicv3_device(gic)->lock, err);
    if (!rc)
        rc = gicv3_its_new(&its, "its", &env, gic, m->vcpus, err);
    if (!rc)
        rc = virt_place_device(m, place(VIRT_ARM64_gic_its), gicv3_its_device(its), &gicv3_its_ops, NULL, err);
    if (rc)
        return rc;
    *irqchip = (struct virt_irqchip){gicv3_shared_set, gic};
    for (unsigned n = 0; n < m->vcpus; n++)
        machine_cpu(m, n)->window = gicv3_window(gic, n);
    return 0;
}

/* ---- PSCI ---- */

static bool psci_start(void *self, unsigned cpu, uint64_t address, uint64_t context)
{
    struct virt_arm64 *virt = self;
    return virt_starter_start(&virt->starter, machine_cpu(virt->machine, cpu), address, context);
}

static void psci_stop(void *self, unsigned cpu) { accel_cpu_park(machine_cpu(((struct virt_arm64 *)self)->machine, cpu)); }
static void psci_sleep(void *self, unsigned cpu) { virt_sleep(machine_cpu(((struct virt_arm64 *)self)->machine, cpu)); }

static void psci_end(void *self, bool reboot)
{
    struct virt_arm64 *virt = self;
    if (reboot)
        machine_request_reset(virt->machine);
    else
        machine_request(virt->machine, VM_STOP_POWEROFF, 0, "the guest powered off");
}

static const struct psci_ops psci_ops = {psci_start, psci_stop, psci_sleep, psci_end};

static void enter(struct cpu *cpu, uint64_t address, uint64_t context)
{
    const struct virt_arm64 *virt = ((struct vm_machine *)cpu->machine)->board_data;
    arm64_enter_kernel(cpu, address, context, virt->el);
}

static bool firmware_call(struct vm_machine *m, struct cpu *cpu)
{
    struct virt_arm64 *virt = m->board_data;
    uint64_t *x = &A64N(cpu, x, 0);
    struct psci_call call = {.cpu = cpu->id, .arg = {x[0], x[1], x[2], x[3]}};
    psci_serve(&virt->psci, &call);
    if (!call.no_return)
        x[0] = (uint64_t)call.result;
    return true;
}

/* ---- the machine ---- */

static void press_power(struct vm_machine *m) { pl061_press(((struct virt_arm64 *)m->board_data)->gpio, VIRT_ARM64_POWER_PIN); }

static int build_simple(struct virt_arm64 *virt, const struct virt_irqchip *irqchip, struct err *err)
{
    struct vm_machine *m = virt->machine;
    struct device_env env = machine_device_env(m);
    struct char_backend *console = config_choice(m->config, CONFIG_console) == 0 ? &m->console.backend : NULL;
    struct pl011 *uart;
    struct pl031 *rtc;
    int rc = pl011_new(&uart, "uart", &env, console, err);
    if (!rc)
        rc = virt_place_device(m, place(VIRT_ARM64_uart), pl011_device(uart), &pl011_ops, irqchip, err);
    if (!rc)
        rc = pl031_new(&rtc, "rtc", &env, err);
    if (!rc)
        rc = virt_place_device(m, place(VIRT_ARM64_rtc), pl031_device(rtc), &pl031_ops, irqchip, err);
    if (!rc)
        rc = pl061_new(&virt->gpio, "gpio", &env, err);
    if (!rc)
        rc = virt_place_device(m, place(VIRT_ARM64_gpio), pl061_device(virt->gpio), &pl061_ops, irqchip, err);
    if (!rc)
        rc = fw_cfg_new(&virt->fw_cfg, "fw_cfg", &env, err);
    return rc ? rc : virt_place_device(m, place(VIRT_ARM64_fw_cfg), fw_cfg_device(virt->fw_cfg), &fw_cfg_ops, NULL, err);
}

/* bios FILE; or the first flash file if it is read only and there is no kernel. */
static void find_firmware(struct virt_arm64 *virt)
{
    struct vm_machine *m = virt->machine;
    const char *bios = machine_option(m, CONFIG_bios);
    if (bios && strcmp(bios, "none"))
        virt->firmware = bios;
    else if (!machine_option(m, CONFIG_kernel) && config_count(m->config, CONFIG_flash) &&
             config_flash(config_text(m->config, CONFIG_flash, 0), virt->firmware_path))
        virt->firmware = virt->firmware_path;
}

static int build_firmware(struct virt_arm64 *virt, struct err *err)
{
    const struct virt_place *bank = place(VIRT_ARM64_flash0);
    void *data;
    size_t len;
    int rc = os_file_read(virt->firmware, bank->size, &data, &len, err);
    if (rc) {
        err_prefix(err, "bios");
        return rc;
    }
    rc = mem_space_add_rom(virt->machine->space, bank->name, bank->base, bank->size, data, len, err);
    free(data);
    return rc;
}

static int build_memory(struct virt_arm64 *virt, struct err *err)
{
    struct vm_machine *m = virt->machine;
    virt->ram_size = config_number(m->config, CONFIG_memory);
    m->semihosting.ram = place(VIRT_ARM64_ram)->base;
    m->semihosting.ram_size = virt->ram_size;
    if (virt->ram_size > RAM_MAX)
        return err_set(err, STATUS_config, "memory: this board has room for %llu GiB", RAM_MAX >> 30);
    int rc = mem_space_add_ram(m->space, "ram", place(VIRT_ARM64_ram)->base, virt->ram_size, err);
    if (!rc && virt->firmware)
        rc = build_firmware(virt, err);
    return rc;
}

static int virt_build(struct vm_machine *m, struct err *err)
{
    uint64_t affinity[PSCI_CPUS_MAX];
    struct virt_arm64 *virt = calloc(1, sizeof *virt);
    if (!virt)
        return err_set(err, STATUS_resource, "no memory for the board");
    m->board_data = virt;
    virt->machine = m;
    virt->gic = config_choice(m->config, CONFIG_gic_version) + 2;
    virt->el = config_switch(m->config, CONFIG_virtualization) ? 2 : 1;
    virt->slots = (struct virt_slots){.machine = m, .first = place(VIRT_ARM64_virtio), .count = VIRT_ARM64_SLOTS};
    virt_starter_init(&virt->starter, enter);
    for (unsigned n = 0; n < ARRAY_LEN(affinity); n++)
        affinity[n] = n;
    psci_init(&virt->psci, &psci_ops, virt, affinity, m->vcpus);
    find_firmware(virt);
    int rc = build_memory(virt, err);
    if (!rc)
        rc = virt_build_vcpus(m, err);
    if (!rc)
        rc = (virt->gic == 2 ? build_gicv2 : build_gicv3)(m, &virt->slots.irqchip, err);
    if (!rc)
        rc = build_simple(virt, &virt->slots.irqchip, err);
    if (!rc)
        rc = virt_slots_build(&virt->slots, err);
    return rc ? rc : virt_build_flash(m, virt->firmware ? NULL : place(VIRT_ARM64_flash0), place(VIRT_ARM64_flash1), err);
}

static void virt_free(struct vm_machine *m)
{
    struct virt_arm64 *virt = m->board_data;
    if (!virt)
        return;
    virt_slots_free(&virt->slots);
    virt_starter_fini(&virt->starter);
    free(virt);
    m->board_data = NULL;
}

static void virt_resized(struct vm_machine *m, unsigned columns, unsigned rows)
{
    virt_slots_resized(&((struct virt_arm64 *)m->board_data)->slots, columns, rows);
}

/* System registers by their names; what the register table of the guest has as plain cells is found there first. */
static bool sysreg_find(const char *name, unsigned *number)
{
    for (unsigned n = 0; n < 0x8000; n++) {
        const char *is = arm64_sysreg_name(n);
        if (is && !strcmp(is, name)) {
            *number = n;
            return true;
        }
    }
    return false;
}

static bool register_read(struct cpu *cpu, const char *name, uint64_t *value)
{
    unsigned n;
    return sysreg_find(name, &n) && arm64_sysreg_peek(cpu, n, value);
}

static bool register_write(struct cpu *cpu, const char *name, uint64_t value)
{
    unsigned n;
    return sysreg_find(name, &n) && arm64_sysreg_poke(cpu, n, value);
}

static const struct semihosting_abi semihosting = {ARM64_CELL_x, ARM64_CELL_x + 1, ARM64_CELL_x};

const struct board board_virt_arm64 = {
    .name = "virt",
    .arch = "arm64",
    .doc = "arm64 machine with virtio devices, as QEMU's board of this name has them",
    .machine = ELF_arm64,
    .boots_flash = true,
    .build = virt_build,
    .boot = virt_arm64_boot,
    .free = virt_free,
    .firmware_call = firmware_call,
    .resized = virt_resized,
    .press_power = press_power,
    .semihosting = &semihosting,
    .register_read = register_read,
    .register_write = register_write,
    .registers_written = arm64_restored,
};
