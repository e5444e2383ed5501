/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Device tree of the riscv64 board `virt`. Node names, compatible strings and cells follow the kernel's bindings (Documentation/devicetree/
 * bindings: riscv/cpus.yaml, interrupt-controller/sifive,plic-1.0.0.yaml, timer/sifive,clint.yaml, virtio/mmio.yaml, power/reset/syscon-*).
 */
#include "base/bits.h"
#include "machine/boards/virt_riscv64.h"
#include <stdio.h>

enum { ROOM = 64 << 10, CELL_NONE = -1, IRQ_SOFT_M = 3, IRQ_TIMER_M = 7, IRQ_EXT_S = 9, IRQ_EXT_M = 11, BLOCK = 64 };

static unsigned phandle_intc(unsigned cpu) { return 1 + cpu; }
static unsigned phandle_plic(const struct virt_fdt *virt) { return 1 + virt->vcpus; }
static unsigned phandle_finisher(const struct virt_fdt *virt) { return 2 + virt->vcpus; }
static unsigned phandle_cpu(const struct virt_fdt *virt, unsigned cpu) { return 3 + virt->vcpus + cpu; }

static bool has(const struct virt_fdt *virt, const char *extension)
{
    for (size_t at = 0; at < virt->extensions_len; at += strlen(virt->extensions + at) + 1)
        if (!strcmp(virt->extensions + at, extension))
            return true;
    return false;
}

static void put_cpu(struct dt *dt, const struct virt_fdt *virt, unsigned n)
{
    static const struct {
        const char *extension, *property;
    } blocks[] = {{"zicbom", "riscv,cbom-block-size"}, {"zicboz", "riscv,cboz-block-size"}, {"zicbop", "riscv,cbop-block-size"}};
    dt_node_at(dt, "cpu", n);
    dt_text(dt, "device_type", "cpu");
    dt_u32(dt, "reg", n);
    dt_text(dt, "status", "okay");
    dt_text(dt, "compatible", "riscv");
    dt_text(dt, "riscv,isa-base", "rv64i");
    dt_bytes(dt, "riscv,isa-extensions", virt->extensions, virt->extensions_len);
    dt_text(dt, "riscv,isa", virt->isa);
    dt_text(dt, "mmu-type", virt->mmu);
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        if (has(virt, blocks[i].extension))
            dt_u32(dt, blocks[i].property, BLOCK);
    dt_u32(dt, "phandle", phandle_cpu(virt, n));
    dt_node(dt, "interrupt-controller");
    dt_u32(dt, "#address-cells", 0);
    dt_u32(dt, "#interrupt-cells", 1);
    dt_flag(dt, "interrupt-controller");
    dt_text(dt, "compatible", "riscv,cpu-intc");
    dt_u32(dt, "phandle", phandle_intc(n));
    dt_close(dt);
    dt_close(dt);
}

static void put_cpus(struct dt *dt, const struct virt_fdt *virt)
{
    char name[16];
    dt_node(dt, "cpus");
    dt_u32(dt, "#address-cells", 1);
    dt_u32(dt, "#size-cells", 0);
    dt_u32(dt, "timebase-frequency", VIRT_TIMEBASE);
    for (unsigned n = 0; n < virt->vcpus; n++)
        put_cpu(dt, virt, n);
    dt_node(dt, "cpu-map");
    dt_node(dt, "cluster0");
    for (unsigned n = 0; n < virt->vcpus; n++) {
        snprintf(name, sizeof name, "core%u", n);
        dt_node(dt, name);
        dt_u32(dt, "cpu", phandle_cpu(virt, n));
        dt_close(dt);
    }
    dt_close(dt);
    dt_close(dt);
    dt_close(dt);
}

/* Opens a node for a window: name@base with its reg. */
static void open_window(struct dt *dt, const char *name, enum virt_window window)
{
    dt_node_at(dt, name, virt_map[window].base);
    dt_reg(dt, virt_map[window].base, virt_map[window].size);
}

static void put_irq(struct dt *dt, const struct virt_fdt *virt, unsigned irq)
{
    dt_u32(dt, "interrupt-parent", phandle_plic(virt));
    dt_u32(dt, "interrupts", irq);
}

/* interrupts-extended with two inputs of every vCPU. */
static void put_cpu_inputs(struct dt *dt, const struct virt_fdt *virt, uint32_t first, uint32_t second)
{
    uint32_t cells[4 * VIRT_VCPUS];
    for (unsigned n = 0; n < virt->vcpus; n++) {
        cells[4 * n] = cells[4 * n + 2] = phandle_intc(n);
        cells[4 * n + 1] = first;
        cells[4 * n + 3] = second;
    }
    dt_cells(dt, "interrupts-extended", cells, 4 * (size_t)virt->vcpus);
}

static void put_irqchips(struct dt *dt, const struct virt_fdt *virt)
{
    open_window(dt, "interrupt-controller", VIRT_plic);
    dt_bytes(dt, "compatible", "sifive,plic-1.0.0\0riscv,plic0", sizeof "sifive,plic-1.0.0\0riscv,plic0");
    dt_u32(dt, "#address-cells", 0);
    dt_u32(dt, "#interrupt-cells", 1);
    dt_flag(dt, "interrupt-controller");
    put_cpu_inputs(dt, virt, virt->machine_mode ? IRQ_EXT_M : (uint32_t)CELL_NONE, IRQ_EXT_S);
    dt_u32(dt, "riscv,ndev", VIRT_PLIC_SOURCES - 1);
    dt_u32(dt, "phandle", phandle_plic(virt));
    dt_close(dt);
    if (!virt->machine_mode)
        return;
    open_window(dt, "clint", VIRT_aclint);
    dt_bytes(dt, "compatible", "sifive,clint0\0riscv,clint0", sizeof "sifive,clint0\0riscv,clint0");
    put_cpu_inputs(dt, virt, IRQ_SOFT_M, IRQ_TIMER_M);
    dt_close(dt);
}

static void put_devices(struct dt *dt, const struct virt_fdt *virt)
{
    open_window(dt, "rtc", VIRT_rtc);
    dt_text(dt, "compatible", "google,goldfish-rtc");
    put_irq(dt, virt, virt_map[VIRT_rtc].irq);
    dt_close(dt);
    open_window(dt, "serial", VIRT_uart);
    dt_text(dt, "compatible", "ns16550a");
    dt_u32(dt, "clock-frequency", VIRT_UART_CLOCK);
    put_irq(dt, virt, virt_map[VIRT_uart].irq);
    dt_close(dt);
    for (unsigned n = 0; n < VIRT_VIRTIO_SLOTS; n++) {
        uint64_t at = virt_map[VIRT_virtio].base + n * virt_map[VIRT_virtio].size;
        dt_node_at(dt, "virtio_mmio", at);
        dt_text(dt, "compatible", "virtio,mmio");
        dt_reg(dt, at, virt_map[VIRT_virtio].size);
        put_irq(dt, virt, virt_map[VIRT_virtio].irq + n);
        dt_close(dt);
    }
}

static void put_soc(struct dt *dt, const struct virt_fdt *virt)
{
    dt_node(dt, "soc");
    dt_u32(dt, "#address-cells", 2);
    dt_u32(dt, "#size-cells", 2);
    dt_text(dt, "compatible", "simple-bus");
    dt_flag(dt, "ranges");
    open_window(dt, "test", VIRT_finisher);
    dt_bytes(dt, "compatible", "sifive,test1\0sifive,test0\0syscon", sizeof "sifive,test1\0sifive,test0\0syscon");
    dt_u32(dt, "phandle", phandle_finisher(virt));
    dt_close(dt);
    put_irqchips(dt, virt);
    put_devices(dt, virt);
    dt_close(dt);
}

static void put_flash(struct dt *dt)
{
    const struct virt_place *a = &virt_map[VIRT_flash0], *b = &virt_map[VIRT_flash1];
    dt_node_at(dt, "flash", a->base);
    dt_text(dt, "compatible", "cfi-flash");
    dt_cells(dt, "reg", (const uint32_t[]){0, (uint32_t)a->base, 0, (uint32_t)a->size, 0, (uint32_t)b->base, 0, (uint32_t)b->size}, 8);
    dt_u32(dt, "bank-width", 4);
    dt_close(dt);
}

static void put_syscon(struct dt *dt, const struct virt_fdt *virt, const char *name, const char *compatible, uint32_t value)
{
    dt_node(dt, name);
    dt_text(dt, "compatible", compatible);
    dt_u32(dt, "regmap", phandle_finisher(virt));
    dt_u32(dt, "offset", 0);
    dt_u32(dt, "value", value);
    dt_close(dt);
}

int virt_fdt_build(const struct virt_fdt *virt, void **blob, size_t *len, struct err *err)
{
    struct dt dt;
    char console[64];
    struct dt_chosen chosen = virt->chosen;
    snprintf(console, sizeof console, "/soc/serial@%llx", (unsigned long long)virt_map[VIRT_uart].base);
    chosen.stdout_path = console;
    if (dt_start(&dt, ROOM + (chosen.bootargs ? strlen(chosen.bootargs) : 0)))
        return err_set(err, STATUS_resource, "no memory for the device tree");
    dt_node(&dt, "");
    dt_u32(&dt, "#address-cells", 2);
    dt_u32(&dt, "#size-cells", 2);
    dt_text(&dt, "compatible", "riscv-virtio");
    dt_text(&dt, "model", "riscv-virtio,vm");
    dt_put_chosen(&dt, &chosen);
    dt_node_at(&dt, "memory", virt_map[VIRT_ram].base);
    dt_text(&dt, "device_type", "memory");
    dt_reg(&dt, virt_map[VIRT_ram].base, virt->ram_size);
    dt_close(&dt);
    put_cpus(&dt, virt);
    put_soc(&dt, virt);
    put_flash(&dt);
    put_syscon(&dt, virt, "poweroff", "syscon-poweroff", 0x5555);
    put_syscon(&dt, virt, "reboot", "syscon-reboot", 0x7777);
    dt_close(&dt);
    return dt_end(&dt, blob, len, err);
}
