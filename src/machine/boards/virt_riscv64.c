/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The riscv64 board `virt`: memory, vCPUs and devices at the addresses of virt_riscv64.def, wired to the PLIC. Disks come first in the virtio
 * slots, then network cards, then the rest, so that guests name them in the order in which the user gave them.
 */
#include "base/bits.h"
#include "device/flash/cfi.h"
#include "device/irqchip/aclint.h"
#include "device/irqchip/plic.h"
#include "device/misc/test_finisher.h"
#include "device/serial/uart16550.h"
#include "device/timer/goldfish_rtc.h"
#include "device/virtio/blk.h"
#include "device/virtio/console.h"
#include "device/virtio/net.h"
#include "device/virtio/rng.h"
#include "machine/boards/virt_riscv64_impl.h"
#include "machine/boot/elf.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const disk_ids[VIRT_VIRTIO_SLOTS] = {"disk0", "disk1", "disk2", "disk3", "disk4", "disk5", "disk6", "disk7"};
static const char *const net_ids[VIRT_VIRTIO_SLOTS] = {"net0", "net1", "net2", "net3", "net4", "net5", "net6", "net7"};

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

static int map(struct vm_machine *m, enum virt_window window, uint64_t size, const struct mem_ops *ops, void *self, struct os_mutex *lock,
               struct err *err)
{
    return mem_space_add_device(m->space, virt_map[window].name, virt_map[window].base, size, ops, self, lock, err);
}

/* Owns the device, maps it, wires its first line to the PLIC. */
static int place(struct vm_machine *m, enum virt_window window, struct device *take_device, const struct mem_ops *ops, struct plic *plic,
                 struct err *err)
{
    int rc = machine_own_device(m, take_device, err);
    if (rc)
        return rc;
    if (virt_map[window].irq)
        take_device->irq[0] = (struct irq_line){plic_set, plic, virt_map[window].irq};
    return map(m, window, virt_map[window].size, ops, take_device, &take_device->lock, err);
}

static int build_irqchips(struct vm_machine *m, struct plic **plic, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct plic_config config = {.sources = VIRT_PLIC_SOURCES - 1, .contexts = 2 * m->vcpus, .out = plic_out, .arg = m};
    struct aclint_config timers = {.harts = m->vcpus, .out = aclint_out, .arg = m};
    struct aclint *aclint;
    int rc = plic_new(plic, "plic", &env, &config, err);
    if (!rc)
        rc = place(m, VIRT_plic, plic_device(*plic), &plic_ops, NULL, err);
    if (!rc)
        rc = aclint_new(&aclint, "aclint", &env, &timers, err);
    return rc ? rc : place(m, VIRT_aclint, aclint_device(aclint), &aclint_ops, NULL, err);
}

static int build_simple(struct vm_machine *m, struct plic *plic, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct char_backend *console = config_choice(m->config, CONFIG_console) == 0 ? &m->console.backend : NULL;
    struct uart16550 *uart;
    struct goldfish_rtc *rtc;
    struct test_finisher *finisher;
    int rc = uart16550_new(&uart, "uart", &env, console, err);
    if (!rc)
        rc = place(m, VIRT_uart, uart16550_device(uart), &uart16550_ops, plic, err);
    if (!rc)
        rc = goldfish_rtc_new(&rtc, "rtc", &env, err);
    if (!rc)
        rc = place(m, VIRT_rtc, goldfish_rtc_device(rtc), &goldfish_rtc_ops, plic, err);
    if (!rc)
        rc = test_finisher_new(&finisher, "finisher", &env, finish, m, err);
    return rc ? rc : place(m, VIRT_finisher, test_finisher_device(finisher), &test_finisher_ops, NULL, err);
}

/* Puts a virtio device into the next slot; NULL: the slot stays empty. */
static int plug(struct virt *virt, struct virtio_device *take_device, struct plic *plic, struct err *err)
{
    struct vm_machine *m = virt->machine;
    unsigned n = virt->nslots;
    const struct virt_place *first = &virt_map[VIRT_virtio];
    int rc = take_device ? machine_own_device(m, &take_device->device, err) : 0;
    if (rc)
        return rc;
    if (take_device)
        take_device->device.irq[0] = (struct irq_line){plic_set, plic, first->irq + n};
    if (virtio_mmio_new(&virt->slots[n], take_device))
        return err_set(err, STATUS_resource, "no memory for virtio slot %u", n);
    virt->nslots++;
    return mem_space_add_device(m->space, first->name, first->base + n * first->size, VIRTIO_MMIO_SIZE, &virtio_mmio_ops, virt->slots[n],
                                virtio_mmio_lock(virt->slots[n]), err);
}

static int build_disk(struct virt *virt, unsigned n, struct plic *plic, struct err *err)
{
    struct vm_machine *m = virt->machine;
    struct device_env env = machine_device_env(m);
    struct disk_config disk;
    struct block_backend *backend;
    struct virtio_device *device;
    int rc = disk_config_parse(&disk, config_text(m->config, CONFIG_disk, n), err);
    if (!rc)
        rc = block_raw_open(&backend, disk.path, disk.read_only, m->log, err);
    if (rc) {
        config_prefix(err, CONFIG_disk);
        return rc;
    }
    struct virtio_blk_config config = {.id = disk_ids[n],
                                       .take_backend = backend,
                                       .serial = disk.serial[0] ? disk.serial : NULL,
                                       .block_size = disk.block_size,
                                       .no_discard = !disk.discard};
    rc = virtio_blk_new(&device, &env, &config, err);
    if (rc) {
        block_free(backend);
        return rc;
    }
    return plug(virt, device, plic, err);
}

static int build_net(struct virt *virt, unsigned n, struct plic *plic, struct err *err)
{
    struct vm_machine *m = virt->machine;
    struct device_env env = machine_device_env(m);
    struct net_config net;
    struct net_backend *backend = NULL;
    struct virtio_device *device;
    struct virtio_net_config config = {.id = net_ids[n]};
    int rc = net_config_parse(&net, config_text(m->config, CONFIG_net, n), err);
    if (!rc)
        rc = net_config_mac(&net, n, config.mac, err);
    if (!rc)
        rc = net_open(&backend, &net, err);
    if (rc) {
        config_prefix(err, CONFIG_net);
        return rc;
    }
    config.take_backend = backend;
    config.mtu = net.mtu;
    rc = virtio_net_new(&device, &env, &config, err);
    if (rc) {
        net_free(backend);
        return rc;
    }
    return plug(virt, device, plic, err);
}

static int build_console(struct virt *virt, struct plic *plic, struct err *err)
{
    struct device_env env = machine_device_env(virt->machine);
    struct virtio_console_config config = {.id = "console0", .backend = &virt->machine->console.backend};
    int rc = virtio_console_new(&virt->console, &env, &config, err);
    return rc ? rc : plug(virt, virt->console, plic, err);
}

static int build_rng(struct virt *virt, struct plic *plic, struct err *err)
{
    struct device_env env = machine_device_env(virt->machine);
    struct virtio_device *device;
    int rc = virtio_rng_new(&device, &env, &(struct virtio_rng_config){.id = "rng0"}, err);
    return rc ? rc : plug(virt, device, plic, err);
}

static int build_virtio(struct virt *virt, struct plic *plic, struct err *err)
{
    const struct vm_config *config = virt->machine->config;
    size_t disks = config_count(config, CONFIG_disk), nets = config_count(config, CONFIG_net);
    bool console = config_choice(config, CONFIG_console) == 1, rng = config_switch(config, CONFIG_rng);
    int rc = 0;
    if (disks + nets + console + rng > VIRT_VIRTIO_SLOTS)
        return err_set(err, STATUS_config, "too many devices: %zu disks and %zu network cards%s%s, but the board has %d virtio slots",
                       disks, nets, console ? ", a console" : "", rng ? ", the rng" : "", VIRT_VIRTIO_SLOTS);
    for (unsigned n = 0; !rc && n < disks; n++)
        rc = build_disk(virt, n, plic, err);
    for (unsigned n = 0; !rc && n < nets; n++)
        rc = build_net(virt, n, plic, err);
    if (!rc && console)
        rc = build_console(virt, plic, err);
    if (!rc && rng)
        rc = build_rng(virt, plic, err);
    while (!rc && virt->nslots < VIRT_VIRTIO_SLOTS)
        rc = plug(virt, NULL, plic, err);
    return rc;
}

/* Both banks are always there; without a file a bank is erased. */
static int build_flash(struct vm_machine *m, struct err *err)
{
    static const char *const ids[] = {"flash0", "flash1"};
    static const enum virt_window windows[] = {VIRT_flash0, VIRT_flash1};
    struct device_env env = machine_device_env(m);
    int rc = 0;
    if (config_count(m->config, CONFIG_flash) > ARRAY_LEN(ids))
        return err_set(err, STATUS_config, "too many flash files: the board has two banks");
    for (unsigned n = 0; !rc && n < ARRAY_LEN(ids); n++) {
        struct cfi_flash *flash;
        struct cfi_flash_config config = {.size = virt_map[windows[n]].size};
        char path[CONFIG_PATH_MAX];
        const char *text = n < config_count(m->config, CONFIG_flash) ? config_text(m->config, CONFIG_flash, n) : NULL;
        if (text) {
            config.readonly = config_flash(text, path);
            config.write_back = !config.readonly;
            config.file = path;
        }
        rc = cfi_flash_new(&flash, ids[n], &env, &config, err);
        if (!rc)
            rc = place(m, windows[n], cfi_flash_device(flash), &cfi_flash_ops, NULL, err);
    }
    return rc;
}

static int build_vcpus(struct vm_machine *m, struct err *err)
{
    static const struct accel_callbacks callbacks = {
        .firmware_call = machine_firmware_call, .semihosting = machine_semihosting, .stuck = machine_stuck};
    static const enum accel_mode modes[] = {ACCEL_interpreter, ACCEL_jit, ACCEL_auto}; /* the words of the option */
    static const struct accel_callbacks no_semihosting = {.firmware_call = machine_firmware_call, .stuck = machine_stuck};
    struct accel_config config = {
        .guest = guest_find("riscv64"),
        .model = machine_option(m, CONFIG_cpu),
        .vcpus = m->vcpus,
        .mode = modes[config_choice(m->config, CONFIG_mode)],
        .jit_threshold = (unsigned)config_number(m->config, CONFIG_jit_threshold),
        .jit_cache = config_number(m->config, CONFIG_jit_cache),
        .watch = inspect_watch(&m->inspect),
        .timed = strcmp(machine_option(m, CONFIG_stats), "off"),
        .space = m->space,
        .clock = &m->clock,
        .log = m->log,
        .callbacks = config_switch(m->config, CONFIG_semihosting) ? &callbacks : &no_semihosting,
        .machine = m,
    };
    return accel_vm_new(&m->accel, &config, err);
}

static enum virt_start start_of(const struct vm_machine *m)
{
    const char *bios = machine_option(m, CONFIG_bios);
    return !bios ? VIRT_START_builtin : !strcmp(bios, "none") ? VIRT_START_bare : VIRT_START_firmware;
}

static int virt_build(struct vm_machine *m, struct err *err)
{
    struct plic *plic = NULL;
    struct virt *virt = calloc(1, sizeof *virt);
    if (!virt)
        return err_set(err, STATUS_resource, "no memory for the board");
    m->board_data = virt;
    virt->machine = m;
    virt_sbi_init(virt);
    virt->start = start_of(m);
    virt->ram_size = config_number(m->config, CONFIG_memory);
    m->semihosting.ram = virt_map[VIRT_ram].base;
    m->semihosting.ram_size = virt->ram_size;
    int rc = mem_space_add_ram(m->space, "ram", virt_map[VIRT_ram].base, virt->ram_size, err);
    if (!rc)
        rc = mem_space_add_rom(m->space, "rom", virt_map[VIRT_rom].base, virt_map[VIRT_rom].size, NULL, 0, err);
    if (!rc)
        rc = build_vcpus(m, err);
    if (!rc)
        rc = build_irqchips(m, &plic, err);
    if (!rc)
        rc = build_simple(m, plic, err);
    if (!rc)
        rc = build_virtio(virt, plic, err);
    if (!rc)
        rc = build_flash(m, err);
    return rc;
}

/* The transports go before their devices. */
static void virt_free(struct vm_machine *m)
{
    struct virt *virt = m->board_data;
    if (!virt)
        return;
    for (unsigned n = 0; n < virt->nslots; n++)
        virtio_mmio_free(virt->slots[n]);
    virt_sbi_fini(virt);
    free(virt);
    m->board_data = NULL;
}

static void virt_resized(struct vm_machine *m, unsigned columns, unsigned rows)
{
    struct virt *virt = m->board_data;
    if (virt->console)
        virtio_console_resize(virt->console, columns < UINT16_MAX ? (uint16_t)columns : UINT16_MAX,
                              rows < UINT16_MAX ? (uint16_t)rows : UINT16_MAX);
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
