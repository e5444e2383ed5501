/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Device tree of the arm64 board `virt`. Node names, compatible strings and cells follow the kernel's bindings (Documentation/devicetree/
 * bindings: arm/cpus.yaml, arm/psci.yaml, interrupt-controller/arm,gic.yaml and arm,gic-v3.yaml, timer/arm,arch_timer.yaml, serial/pl011.yaml, ...).
 */
#include "base/bits.h"
#include "device/serial/pl011.h"
#include "machine/boards/virt_arm64.h"
#include <stdio.h>

enum { ROOM = 64 << 10, SPI = 0, PPI = 1, EDGE = 1, LEVEL = 4, PPI_CPUS_pos = 8 /* version 2: whose it is */, KEY_POWER = 116 };
enum { PHANDLE_CLOCK = 1, PHANDLE_GIC, PHANDLE_ITS, PHANDLE_GPIO, PHANDLE_CPU };

#define TEXTS(dt, name, texts) dt_bytes(dt, name, texts, sizeof texts) /* several strings, each with its terminator */

/* Opens a node for a window: name@base with its reg. */
static void open_window(struct dt *dt, const char *name, enum virt_arm64_window window)
{
    dt_node_at(dt, name, virt_arm64_map[window].base);
    dt_reg(dt, virt_arm64_map[window].base, virt_arm64_map[window].size);
}

static void put_irq(struct dt *dt, uint32_t irq, uint32_t how) { dt_cells(dt, "interrupts", (const uint32_t[]){SPI, irq, how}, 3); }

static void put_psci(struct dt *dt, const struct virt_arm64_facts *facts)
{
    dt_node(dt, "psci");
    TEXTS(dt, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    dt_text(dt, "method", facts->el2 ? "smc" : "hvc");
    dt_u32(dt, "cpu_suspend", 0xc4000001);
    dt_u32(dt, "cpu_off", 0x84000002);
    dt_u32(dt, "cpu_on", 0xc4000003);
    dt_close(dt);
}

static void put_cpu_map(struct dt *dt, const struct virt_arm64_facts *facts)
{
    char name[16];
    dt_node(dt, "cpu-map");
    dt_node(dt, "socket0");
    dt_node(dt, "cluster0");
    for (unsigned n = 0; n < facts->vcpus; n++) {
        snprintf(name, sizeof name, "core%u", n);
        dt_node(dt, name);
        dt_u32(dt, "cpu", PHANDLE_CPU + n);
        dt_close(dt);
    }
    dt_close(dt);
    dt_close(dt);
    dt_close(dt);
}

static void put_cpus(struct dt *dt, const struct virt_arm64_facts *facts)
{
    dt_node(dt, "cpus");
    dt_u32(dt, "#address-cells", 1);
    dt_u32(dt, "#size-cells", 0);
    for (unsigned n = 0; n < facts->vcpus; n++) {
        dt_node_at(dt, "cpu", n);
        dt_text(dt, "device_type", "cpu");
        dt_text(dt, "compatible", "arm,armv8");
        dt_u32(dt, "reg", n);
        dt_text(dt, "enable-method", "psci");
        dt_u32(dt, "phandle", PHANDLE_CPU + n);
        dt_close(dt);
    }
    put_cpu_map(dt, facts);
    dt_close(dt);
}

static void put_vcpu_parts(struct dt *dt, const struct virt_arm64_facts *facts)
{
    const uint32_t how = LEVEL | (facts->gic == 2 ? ((1u << facts->vcpus) - 1) << PPI_CPUS_pos : 0);
    const uint32_t timers[] = {PPI, VIRT_ARM64_PPI_SECURE,  how, PPI, VIRT_ARM64_PPI_PHYSICAL, how,
                               PPI, VIRT_ARM64_PPI_VIRTUAL, how, PPI, VIRT_ARM64_PPI_HYP,      how};
    dt_node(dt, "timer");
    TEXTS(dt, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    dt_cells(dt, "interrupts", timers, ARRAY_LEN(timers));
    dt_flag(dt, "always-on");
    dt_close(dt);
    if (!facts->pmu)
        return;
    dt_node(dt, "pmu");
    dt_text(dt, "compatible", "arm,armv8-pmuv3");
    dt_cells(dt, "interrupts", (const uint32_t[]){PPI, VIRT_ARM64_PPI_PMU, how}, 3);
    dt_close(dt);
}

static void put_gicv2(struct dt *dt)
{
    const struct virt_place *dist = &virt_arm64_map[VIRT_ARM64_gic_dist], *cpu = &virt_arm64_map[VIRT_ARM64_gic_cpu];
    dt_node_at(dt, "intc", dist->base);
    dt_text(dt, "compatible", "arm,cortex-a15-gic");
    dt_cells(dt, "reg",
             (const uint32_t[]){0, (uint32_t)dist->base, 0, (uint32_t)dist->size, 0, (uint32_t)cpu->base, 0, (uint32_t)cpu->size}, 8);
    dt_flag(dt, "interrupt-controller");
    dt_u32(dt, "#interrupt-cells", 3);
    dt_u32(dt, "#address-cells", 0);
    dt_u32(dt, "phandle", PHANDLE_GIC);
    dt_close(dt);
}

static void put_gicv3(struct dt *dt)
{
    const struct virt_place *dist = &virt_arm64_map[VIRT_ARM64_gic_dist], *redist = &virt_arm64_map[VIRT_ARM64_gic_redist];
    dt_node_at(dt, "intc", dist->base);
    dt_text(dt, "compatible", "arm,gic-v3");
    dt_cells(dt, "reg",
             (const uint32_t[]){0, (uint32_t)dist->base, 0, (uint32_t)dist->size, 0, (uint32_t)redist->base, 0, (uint32_t)redist->size}, 8);
    dt_flag(dt, "interrupt-controller");
    dt_u32(dt, "#interrupt-cells", 3);
    dt_u32(dt, "#redistributor-regions", 1);
    dt_u32(dt, "#address-cells", 2);
    dt_u32(dt, "#size-cells", 2);
    dt_flag(dt, "ranges");
    dt_u32(dt, "phandle", PHANDLE_GIC);
    open_window(dt, "its", VIRT_ARM64_gic_its);
    dt_text(dt, "compatible", "arm,gic-v3-its");
    dt_flag(dt, "msi-controller");
    dt_u32(dt, "#msi-cells", 1);
    dt_u32(dt, "phandle", PHANDLE_ITS);
    dt_close(dt);
    dt_close(dt);
}

static void put_clock(struct dt *dt)
{
    dt_node(dt, "apb-pclk");
    dt_text(dt, "compatible", "fixed-clock");
    dt_u32(dt, "#clock-cells", 0);
    dt_u32(dt, "clock-frequency", PL011_CLOCK_HZ);
    dt_text(dt, "clock-output-names", "clk24mhz");
    dt_u32(dt, "phandle", PHANDLE_CLOCK);
    dt_close(dt);
}

static void put_devices(struct dt *dt)
{
    open_window(dt, "pl011", VIRT_ARM64_uart);
    TEXTS(dt, "compatible", "arm,pl011\0arm,primecell");
    put_irq(dt, virt_arm64_map[VIRT_ARM64_uart].irq, LEVEL);
    dt_cells(dt, "clocks", (const uint32_t[]){PHANDLE_CLOCK, PHANDLE_CLOCK}, 2);
    TEXTS(dt, "clock-names", "uartclk\0apb_pclk");
    dt_close(dt);
    open_window(dt, "pl031", VIRT_ARM64_rtc);
    TEXTS(dt, "compatible", "arm,pl031\0arm,primecell");
    put_irq(dt, virt_arm64_map[VIRT_ARM64_rtc].irq, LEVEL);
    dt_u32(dt, "clocks", PHANDLE_CLOCK);
    dt_text(dt, "clock-names", "apb_pclk");
    dt_close(dt);
    open_window(dt, "fw-cfg", VIRT_ARM64_fw_cfg);
    dt_text(dt, "compatible", "qemu,fw-cfg-mmio");
    dt_flag(dt, "dma-coherent");
    dt_close(dt);
    open_window(dt, "pl061", VIRT_ARM64_gpio);
    TEXTS(dt, "compatible", "arm,pl061\0arm,primecell");
    put_irq(dt, virt_arm64_map[VIRT_ARM64_gpio].irq, LEVEL);
    dt_flag(dt, "gpio-controller");
    dt_u32(dt, "#gpio-cells", 2);
    dt_u32(dt, "clocks", PHANDLE_CLOCK);
    dt_text(dt, "clock-names", "apb_pclk");
    dt_u32(dt, "phandle", PHANDLE_GPIO);
    dt_close(dt);
    dt_node(dt, "gpio-keys");
    dt_text(dt, "compatible", "gpio-keys");
    dt_node(dt, "poweroff");
    dt_text(dt, "label", "GPIO Key Poweroff");
    dt_u32(dt, "linux,code", KEY_POWER);
    dt_cells(dt, "gpios", (const uint32_t[]){PHANDLE_GPIO, VIRT_ARM64_POWER_PIN, 0}, 3);
    dt_close(dt);
    dt_close(dt);
}

static void put_virtio(struct dt *dt)
{
    const struct virt_place *first = &virt_arm64_map[VIRT_ARM64_virtio];
    for (unsigned n = 0; n < VIRT_ARM64_SLOTS; n++) {
        dt_node_at(dt, "virtio_mmio", first->base + n * first->size);
        dt_text(dt, "compatible", "virtio,mmio");
        dt_reg(dt, first->base + n * first->size, first->size);
        put_irq(dt, first->irq + n, EDGE);
        dt_flag(dt, "dma-coherent");
        dt_close(dt);
    }
}

static void put_flash(struct dt *dt)
{
    const struct virt_place *a = &virt_arm64_map[VIRT_ARM64_flash0], *b = &virt_arm64_map[VIRT_ARM64_flash1];
    dt_node_at(dt, "flash", a->base);
    dt_text(dt, "compatible", "cfi-flash");
    dt_cells(dt, "reg", (const uint32_t[]){0, (uint32_t)a->base, 0, (uint32_t)a->size, 0, (uint32_t)b->base, 0, (uint32_t)b->size}, 8);
    dt_u32(dt, "bank-width", 4);
    dt_close(dt);
}

static void put_head(struct dt *dt, const struct virt_arm64_facts *facts, const struct dt_chosen *chosen, const char *console)
{
    struct dt_chosen told = *chosen;
    told.stdout_path = console;
    dt_u32(dt, "interrupt-parent", PHANDLE_GIC);
    dt_u32(dt, "#address-cells", 2);
    dt_u32(dt, "#size-cells", 2);
    dt_text(dt, "compatible", "linux,dummy-virt");
    dt_text(dt, "model", "linux,dummy-virt");
    dt_flag(dt, "dma-coherent");
    dt_put_chosen(dt, &told);
    dt_node(dt, "aliases");
    dt_text(dt, "serial0", console);
    dt_close(dt);
    dt_node_at(dt, "memory", virt_arm64_map[VIRT_ARM64_ram].base);
    dt_text(dt, "device_type", "memory");
    dt_reg(dt, virt_arm64_map[VIRT_ARM64_ram].base, facts->ram_size);
    dt_close(dt);
}

int virt_arm64_fdt_build(const struct virt_arm64_facts *facts, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err)
{
    struct dt dt;
    char console[64];
    snprintf(console, sizeof console, "/pl011@%llx", (unsigned long long)virt_arm64_map[VIRT_ARM64_uart].base);
    if (dt_start(&dt, ROOM + (chosen->bootargs ? strlen(chosen->bootargs) : 0)))
        return err_set(err, STATUS_resource, "no memory for the device tree");
    dt_node(&dt, "");
    put_head(&dt, facts, chosen, console);
    put_psci(&dt, facts);
    put_cpus(&dt, facts);
    put_vcpu_parts(&dt, facts);
    (facts->gic == 2 ? put_gicv2 : put_gicv3)(&dt);
    put_clock(&dt);
    put_devices(&dt);
    put_virtio(&dt);
    put_flash(&dt);
    dt_close(&dt);
    return dt_end(&dt, blob, len, err);
}
