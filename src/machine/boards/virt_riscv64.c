/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The riscv64 board `virt`: memory, vCPUs and devices at the addresses of virt_riscv64.def, wired to the PLIC.
 */
#include "base/bits.h"
#include "device/irqchip/aclint.h"
#include "device/irqchip/plic.h"
#include "device/misc/test_finisher.h"
#include "device/serial/uart16550.h"
#include "device/timer/goldfish_rtc.h"
#include "machine/boards/virt_riscv64_impl.h"
#include "machine/boot/elf.h"
#include <stdlib.h>

/* ---- interrupts to the vCPUs ---- */

static void plic_out(void *arg, unsigned context, bool level)
{
    cpu_line_set(machine_cpu(arg, context / 2), context & 1 ? IRQ_SEI : IRQ_MEI, level);
}

static void aclint_out(void *arg, unsigned hart, enum aclint_line line, bool level)
{
    if (line != ACLINT_SSIP) /* the board has no SSWI window */
        cpu_line_set(machine_cpu(arg, hart), line == ACLINT_MSIP ? IRQ_MSI : IRQ_MTI, level);
}

static void finish(void *arg, enum test_finish how, unsigned code)
{
    struct vm_machine *m = arg;
    if (how == TEST_FINISH_reset)
        machine_request_reset(m);
    else if (how == TEST_FINISH_pass)
        machine_request(m, VM_STOP_POWEROFF, 0, "the guest powered off");
    else
        machine_request(m, VM_STOP_GUEST_EXIT, (int)code, "the guest ended with code %u", code);
}

/* ---- devices ---- */

static int build_irqchips(struct vm_machine *m, struct virt_irqchip *irqchip, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct plic_config config = {.sources = VIRT_PLIC_SOURCES - 1, .contexts = 2 * m->vcpus, .out = plic_out, .arg = m};
    struct aclint_config timers = {.harts = m->vcpus, .out = aclint_out, .arg = m};
    struct plic *plic;
    struct aclint *aclint;
    int rc = plic_new(&plic, "plic", &env, &config, err);
    if (!rc)
        rc = virt_place_device(m, &virt_map[VIRT_plic], plic_device(plic), &plic_ops, NULL, err);
    if (!rc)
        rc = aclint_new(&aclint, "aclint", &env, &timers, err);
    if (rc)
        return rc;
    *irqchip = (struct virt_irqchip){plic_set, plic};
    return virt_place_device(m, &virt_map[VIRT_aclint], aclint_device(aclint), &aclint_ops, NULL, err);
}

static int build_simple(struct vm_machine *m, const struct virt_irqchip *irqchip, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct char_backend *console = config_choice(m->config, CONFIG_console) == 0 ? &m->console.backend : NULL;
    struct uart16550 *uart;
    struct goldfish_rtc *rtc;
    struct test_finisher *finisher;
    int rc = uart16550_new(&uart, "uart", &env, console, err);
    if (!rc)
        rc = virt_place_device(m, &virt_map[VIRT_uart], uart16550_device(uart), &uart16550_ops, irqchip, err);
    if (!rc)
        rc = goldfish_rtc_new(&rtc, "rtc", &env, err);
    if (!rc)
        rc = virt_place_device(m, &virt_map[VIRT_rtc], goldfish_rtc_device(rtc), &goldfish_rtc_ops, irqchip, err);
    if (!rc)
        rc = test_finisher_new(&finisher, "finisher", &env, finish, m, err);
    return rc ? rc : virt_place_device(m, &virt_map[VIRT_finisher], test_finisher_device(finisher), &test_finisher_ops, NULL, err);
}

static enum virt_start start_of(const struct vm_machine *m)
{
    const char *bios = machine_option(m, CONFIG_bios);
    return !bios ? VIRT_START_builtin : !strcmp(bios, "none") ? VIRT_START_bare : VIRT_START_firmware;
}

static int virt_build(struct vm_machine *m, struct err *err)
{
    struct virt *virt = calloc(1, sizeof *virt);
    if (!virt)
        return err_set(err, STATUS_resource, "no memory for the board");
    m->board_data = virt;
    virt->machine = m;
    virt->slots = (struct virt_slots){.machine = m, .first = &virt_map[VIRT_virtio], .count = VIRT_VIRTIO_SLOTS};
    virt_sbi_init(virt);
    virt->start = start_of(m);
    virt->ram_size = config_number(m->config, CONFIG_memory);
    m->semihosting.ram = virt_map[VIRT_ram].base;
    m->semihosting.ram_size = virt->ram_size;
    int rc = mem_space_add_ram(m->space, "ram", virt_map[VIRT_ram].base, virt->ram_size, err);
    if (!rc)
        rc = mem_space_add_rom(m->space, "rom", virt_map[VIRT_rom].base, virt_map[VIRT_rom].size, NULL, 0, err);
    if (!rc)
        rc = virt_build_vcpus(m, err);
    if (!rc)
        rc = build_irqchips(m, &virt->slots.irqchip, err);
    if (!rc)
        rc = build_simple(m, &virt->slots.irqchip, err);
    if (!rc)
        rc = virt_slots_build(&virt->slots, err);
    return rc ? rc : virt_build_flash(m, &virt_map[VIRT_flash0], &virt_map[VIRT_flash1], err);
}

static void virt_free(struct vm_machine *m)
{
    struct virt *virt = m->board_data;
    if (!virt)
        return;
    virt_slots_free(&virt->slots);
    virt_sbi_fini(virt);
    free(virt);
    m->board_data = NULL;
}

static void virt_resized(struct vm_machine *m, unsigned columns, unsigned rows)
{
    virt_slots_resized(&((struct virt *)m->board_data)->slots, columns, rows);
}

/* CSRs by their names; what the register table of the guest has as plain cells is found there first. */
static bool csr_find(const char *name, unsigned *number)
{
    for (unsigned n = 0; n < 0x1000; n++) {
        const char *is = riscv64_csr_name(n);
        if (is && !strcmp(is, name)) {
            *number = n;
            return true;
        }
    }
    return false;
}

static bool virt_register_read(struct cpu *cpu, const char *name, uint64_t *value)
{
    unsigned n;
    return csr_find(name, &n) && riscv64_csr_peek(cpu, n, value);
}

static bool virt_register_write(struct cpu *cpu, const char *name, uint64_t value)
{
    unsigned n;
    return csr_find(name, &n) && riscv64_csr_poke(cpu, n, value);
}

static void virt_registers_written(struct cpu *cpu)
{
    RVN(cpu, x, 0) = 0;
    riscv64_restored(cpu);
}

static const struct semihosting_abi semihosting = {RISCV64_CELL_x + 10, RISCV64_CELL_x + 11, RISCV64_CELL_x + 10};

const struct board board_virt_riscv64 = {
    .name = "virt",
    .arch = "riscv64",
    .doc = "riscv64 machine with virtio devices, as QEMU's board of this name has them",
    .machine = ELF_riscv,
    .build = virt_build,
    .boot = virt_boot,
    .free = virt_free,
    .firmware_call = virt_firmware_call,
    .resized = virt_resized,
    .semihosting = &semihosting,
    .register_read = virt_register_read,
    .register_write = virt_register_write,
    .registers_written = virt_registers_written,
};
