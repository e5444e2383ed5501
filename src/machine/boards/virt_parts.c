/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Parts of the boards named `virt`. Disks come first in the virtio slots, then network cards, then the rest, so that guests name them in the
 * order in which the user gave them.
 */
#include "base/bits.h"
#include "device/flash/cfi.h"
#include "device/virtio/blk.h"
#include "device/virtio/console.h"
#include "device/virtio/net.h"
#include "device/virtio/rng.h"
#include "machine/boards/virt.h"
#include <stdio.h>

int virt_place_device(struct vm_machine *m, const struct virt_place *place, struct device *take_device, const struct mem_ops *ops,
                      const struct virt_irqchip *irqchip, struct err *err)
{
    int rc = machine_own_device(m, take_device, err);
    if (rc)
        return rc;
    if (place->irq)
        take_device->irq[0] = (struct irq_line){irqchip->set, irqchip->self, place->irq};
    return mem_space_add_device(m->space, place->name, place->base, place->size, ops, take_device, &take_device->lock, err);
}

/* ---- virtio ---- */

/* Puts a virtio device into the next slot; NULL: the slot stays empty. */
static int plug(struct virt_slots *s, struct virtio_device *take_device, struct err *err)
{
    struct vm_machine *m = s->machine;
    unsigned n = s->used;
    int rc = take_device ? machine_own_device(m, &take_device->device, err) : 0;
    if (rc)
        return rc;
    if (take_device)
        take_device->device.irq[0] = (struct irq_line){s->irqchip.set, s->irqchip.self, s->first->irq + n};
    if (virtio_mmio_new(&s->slot[n], take_device))
        return err_set(err, STATUS_resource, "no memory for virtio slot %u", n);
    s->used++;
    return mem_space_add_device(m->space, s->first->name, s->first->base + n * s->first->size, VIRTIO_MMIO_SIZE, &virtio_mmio_ops,
                                s->slot[n], virtio_mmio_lock(s->slot[n]), err);
}

/* The name of device `n` of a kind, in the place of the slot that it gets. */
static const char *name_of(struct virt_slots *s, const char *kind, unsigned n)
{
    snprintf(s->id[s->used], sizeof s->id[0], "%s%u", kind, n % 100);
    return s->id[s->used];
}

static int build_disk(struct virt_slots *s, unsigned n, struct err *err)
{
    struct vm_machine *m = s->machine;
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
    struct virtio_blk_config config = {.id = name_of(s, "disk", n),
                                       .take_backend = backend,
                                       .serial = disk.serial[0] ? disk.serial : NULL,
                                       .block_size = disk.block_size,
                                       .no_discard = !disk.discard};
    rc = virtio_blk_new(&device, &env, &config, err);
    if (rc) {
        block_free(backend);
        return rc;
    }
    return plug(s, device, err);
}

static int build_net(struct virt_slots *s, unsigned n, struct err *err)
{
    struct vm_machine *m = s->machine;
    struct device_env env = machine_device_env(m);
    struct net_config net;
    struct net_backend *backend = NULL;
    struct virtio_device *device;
    struct virtio_net_config config = {.id = name_of(s, "net", n)};
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
    return plug(s, device, err);
}

static int build_console(struct virt_slots *s, struct err *err)
{
    struct device_env env = machine_device_env(s->machine);
    struct virtio_console_config config = {.id = "console0", .backend = &s->machine->console.backend};
    int rc = virtio_console_new(&s->console, &env, &config, err);
    return rc ? rc : plug(s, s->console, err);
}

static int build_rng(struct virt_slots *s, struct err *err)
{
    struct device_env env = machine_device_env(s->machine);
    struct virtio_device *device;
    int rc = virtio_rng_new(&device, &env, &(struct virtio_rng_config){.id = "rng0"}, err);
    return rc ? rc : plug(s, device, err);
}

int virt_slots_build(struct virt_slots *s, struct err *err)
{
    const struct vm_config *config = s->machine->config;
    size_t disks = config_count(config, CONFIG_disk), nets = config_count(config, CONFIG_net);
    bool console = config_choice(config, CONFIG_console) == 1, rng = config_switch(config, CONFIG_rng);
    int rc = 0;
    if (disks + nets + console + rng > s->count)
        return err_set(err, STATUS_config, "too many devices: %zu disks and %zu network cards%s%s, but the board has %u virtio slots",
                       disks, nets, console ? ", a console" : "", rng ? ", the rng" : "", s->count);
    for (unsigned n = 0; !rc && n < disks; n++)
        rc = build_disk(s, n, err);
    for (unsigned n = 0; !rc && n < nets; n++)
        rc = build_net(s, n, err);
    if (!rc && console)
        rc = build_console(s, err);
    if (!rc && rng)
        rc = build_rng(s, err);
    while (!rc && s->used < s->count)
        rc = plug(s, NULL, err);
    return rc;
}

/* The transports go before their devices. */
void virt_slots_free(struct virt_slots *s)
{
    for (unsigned n = 0; n < s->used; n++)
        virtio_mmio_free(s->slot[n]);
    s->used = 0;
}

void virt_slots_resized(struct virt_slots *s, unsigned columns, unsigned rows)
{
    if (s->console)
        virtio_console_resize(s->console, columns < UINT16_MAX ? (uint16_t)columns : UINT16_MAX,
                              rows < UINT16_MAX ? (uint16_t)rows : UINT16_MAX);
}

/* ---- flash and vCPUs ---- */

/* text: as the option flash has it; NULL: erased. */
static int build_bank(struct vm_machine *m, const char *id, const struct virt_place *place, const char *text, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct cfi_flash *flash;
    struct cfi_flash_config config = {.size = place->size};
    char path[CONFIG_PATH_MAX];
    if (text) {
        config.readonly = config_flash(text, path);
        config.write_back = !config.readonly;
        config.file = path;
    }
    int rc = cfi_flash_new(&flash, id, &env, &config, err);
    return rc ? rc : virt_place_device(m, place, cfi_flash_device(flash), &cfi_flash_ops, NULL, err);
}

static int build_vars(struct vm_machine *m, const char *file, const struct virt_place *place, struct err *err)
{
    struct device_env env = machine_device_env(m);
    struct cfi_flash *flash;
    struct cfi_flash_config config = {.size = place->size, .file = file, .write_back = true, .grow = true};
    int rc = cfi_flash_new(&flash, "flash1", &env, &config, err);
    if (rc) {
        config_prefix(err, CONFIG_firmware_vars);
        return rc;
    }
    return virt_place_device(m, place, cfi_flash_device(flash), &cfi_flash_ops, NULL, err);
}

static const char *flash_text(struct vm_machine *m, size_t n)
{
    return n < config_count(m->config, CONFIG_flash) ? config_text(m->config, CONFIG_flash, n) : NULL;
}

int virt_build_flash(struct vm_machine *m, const struct virt_place *first, const struct virt_place *second, struct err *err)
{
    const char *vars = machine_option(m, CONFIG_firmware_vars);
    bool taken = !first && machine_option(m, CONFIG_bios); /* else the firmware in bank 0 is the first file */
    size_t files = config_count(m->config, CONFIG_flash), room = 2 - taken - (vars != NULL);
    if (files > room)
        return err_set(err, STATUS_config, "too many flash files: the board has two banks%s%s", taken ? ", one is the firmware's" : "",
                       vars ? ", one has its variables" : "");
    int rc = first ? build_bank(m, "flash0", first, flash_text(m, 0), err) : 0;
    if (rc)
        return rc;
    return vars ? build_vars(m, vars, second, err) : build_bank(m, "flash1", second, flash_text(m, taken ? 0 : 1), err);
}

int virt_build_vcpus(struct vm_machine *m, struct err *err)
{
    static const struct accel_callbacks callbacks = {
        .firmware_call = machine_firmware_call, .semihosting = machine_semihosting, .stuck = machine_stuck};
    static const enum accel_mode modes[] = {ACCEL_interpreter, ACCEL_jit, ACCEL_auto}; /* the words of the option */
    static const struct accel_callbacks no_semihosting = {.firmware_call = machine_firmware_call, .stuck = machine_stuck};
    struct accel_config config = {
        .guest = guest_find(m->board->arch),
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
