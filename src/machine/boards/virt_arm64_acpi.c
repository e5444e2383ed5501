/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ACPI tables of the arm64 board `virt`, for firmware in the place of flash bank 0: what virt_arm64_fdt.c says, in the words of Arm's Base Boot
 * Requirements (DEN0044). Tables after the ACPI specification 6.0, chapter 5; serial port after Microsoft's SPCR, devices' names after Arm's DEN0093.
 */
#include "base/bits.h"
#include "machine/acpi/acpi.h"
#include "machine/boards/virt_arm64.h"
#include <stdio.h>

enum { T_dsdt, T_fadt, T_first = T_fadt /* that the XSDT names */ };
enum { SPIS = 32, PPIS = 16, ALWAYS_ON = 4 };

static const struct virt_place *place(enum virt_arm64_window window) { return &virt_arm64_map[window]; }

/* ---- DSDT ---- */

static void device(struct acpi *a, const char *name, const char *id, unsigned uid)
{
    aml_device(a, name);
    aml_name(a, "_HID");
    aml_string(a, id);
    aml_name(a, "_UID");
    aml_number(a, uid);
}

static void coherent(struct acpi *a)
{
    aml_name(a, "_CCA");
    aml_number(a, 1);
}

static void window(struct acpi *a, gpa base, uint64_t size, unsigned irq, bool edge)
{
    aml_resources(a, "_CRS");
    aml_memory(a, (uint32_t)base, (uint32_t)size);
    if (irq)
        aml_interrupt(a, SPIS + irq, edge);
    aml_resources_end(a);
}

/* A device with nothing but its window. */
static void simple(struct acpi *a, const char *name, const char *id, unsigned uid, enum virt_arm64_window at)
{
    device(a, name, id, uid);
    window(a, place(at)->base, place(at)->size, place(at)->irq, false);
    aml_close(a);
}

static void numbered(struct acpi *a, char prefix, const char *id, unsigned n)
{
    char name[8];
    snprintf(name, sizeof name, "%c%03u", prefix, n % 1000);
    device(a, name, id, n);
}

/* The power button is a pin of the PL061; the method for a pin's edge is named after its number. */
static void power_button(struct acpi *a)
{
    char method[8];
    snprintf(method, sizeof method, "_E%02X", VIRT_ARM64_POWER_PIN);
    device(a, "GPO0", "ARMH0061", 0);
    window(a, place(VIRT_ARM64_gpio)->base, place(VIRT_ARM64_gpio)->size, place(VIRT_ARM64_gpio)->irq, false);
    aml_resources(a, "_AEI");
    aml_pin_event(a, VIRT_ARM64_POWER_PIN, "GPO0");
    aml_resources_end(a);
    aml_method(a, method);
    aml_notify(a, "PWRB", 0x80);
    aml_close(a);
    aml_close(a);
    device(a, "PWRB", "PNP0C0C", 0);
    aml_close(a);
}

static void dsdt(struct acpi *a, const struct virt_arm64_facts *facts)
{
    const struct virt_place *slot = place(VIRT_ARM64_virtio);
    acpi_table(a, "DSDT", 2);
    aml_scope(a, "_SB");
    for (unsigned n = 0; n < facts->vcpus; n++) {
        numbered(a, 'C', "ACPI0007", n);
        aml_close(a);
    }
    simple(a, "COM0", "ARMH0011", 0, VIRT_ARM64_uart);
    simple(a, "FLS1", "LNRO0015", 1, VIRT_ARM64_flash1);
    device(a, "FWCF", "QEMU0002", 0);
    coherent(a);
    window(a, place(VIRT_ARM64_fw_cfg)->base, place(VIRT_ARM64_fw_cfg)->size, 0, false);
    aml_close(a);
    for (unsigned n = 0; n < VIRT_ARM64_SLOTS; n++) {
        numbered(a, 'V', "LNRO0005", n);
        coherent(a);
        window(a, slot->base + n * slot->size, slot->size, slot->irq + n, true);
        aml_close(a);
    }
    power_button(a);
    aml_close(a);
}

/* ---- the others ---- */

static void fadt(struct acpi *a, const struct virt_arm64_facts *facts)
{
    enum { SIZE = 276, HEADER = 36, FLAGS = 112, ARM_BOOT = 129, X_DSDT = 140, REDUCED = 1 << 20, PSCI = 1, BY_HVC = 2 };
    acpi_table(a, "FACP", 6);
    acpi_zeros(a, SIZE - HEADER);
    acpi_set(a, FLAGS, REDUCED, 4);
    acpi_set(a, ARM_BOOT, PSCI | (facts->el2 ? 0 : BY_HVC), 2);
    acpi_point(a, X_DSDT, 8, T_dsdt);
}

static void madt_cpu(struct acpi *a, const struct virt_arm64_facts *facts, unsigned n)
{
    acpi_put(a, 0x0b, 1);
    acpi_put(a, 80, 1);
    acpi_put(a, 0, 2);
    acpi_put(a, n, 4); /* number of its interface, */
    acpi_put(a, n, 4); /* and of its object in the DSDT */
    acpi_put(a, 1, 4); /* enabled */
    acpi_put(a, 0, 4); /* no parking protocol */
    acpi_put(a, facts->pmu ? PPIS + VIRT_ARM64_PPI_PMU : 0, 4);
    acpi_put(a, 0, 8); /* where it is parked */
    acpi_put(a, facts->gic == 2 ? place(VIRT_ARM64_gic_cpu)->base : 0, 8);
    acpi_put(a, 0, 8); /* virtual interface, */
    acpi_put(a, 0, 8); /* its control, */
    acpi_put(a, 0, 4); /* and its interrupt: none */
    acpi_put(a, 0, 8); /* redistributor: found in their window */
    acpi_put(a, n, 8); /* MPIDR */
    acpi_put(a, 0, 4); /* efficiency class */
}

static void madt(struct acpi *a, const struct virt_arm64_facts *facts)
{
    acpi_table(a, "APIC", 4);
    acpi_put(a, 0, 4); /* local interface: each vCPU tells its own */
    acpi_put(a, 0, 4);
    acpi_put(a, 0x0c | 24 << 8, 4); /* distributor */
    acpi_put(a, 0, 4);
    acpi_put(a, place(VIRT_ARM64_gic_dist)->base, 8);
    acpi_put(a, 0, 4);
    acpi_put(a, facts->gic, 4);
    for (unsigned n = 0; n < facts->vcpus; n++)
        madt_cpu(a, facts, n);
    if (facts->gic == 2)
        return;
    acpi_put(a, 0x0e | 16 << 8, 4); /* redistributors */
    acpi_put(a, place(VIRT_ARM64_gic_redist)->base, 8);
    acpi_put(a, place(VIRT_ARM64_gic_redist)->size, 4);
    acpi_put(a, 0x0f | 20 << 8, 4); /* ITS */
    acpi_put(a, 0, 4);
    acpi_put(a, place(VIRT_ARM64_gic_its)->base, 8);
    acpi_put(a, 0, 4);
}

static void gtdt(struct acpi *a)
{
    static const uint8_t timers[] = {VIRT_ARM64_PPI_SECURE, VIRT_ARM64_PPI_PHYSICAL, VIRT_ARM64_PPI_VIRTUAL, VIRT_ARM64_PPI_HYP};
    acpi_table(a, "GTDT", 2);
    acpi_put(a, UINT64_MAX, 8); /* no counter in memory */
    acpi_put(a, 0, 4);
    for (unsigned i = 0; i < ARRAY_LEN(timers); i++) {
        acpi_put(a, PPIS + timers[i], 4);
        acpi_put(a, ALWAYS_ON, 4);
    }
    acpi_put(a, UINT64_MAX, 8);
    acpi_put(a, 0, 8); /* no timers in memory */
}

static void spcr(struct acpi *a)
{
    enum { SIZE = 80, PL011 = 3, GIC = 8, BAUD_115200 = 7, ANSI = 3, NO_PCI = 0xffff, DWORD = 3 };
    const struct virt_place *uart = place(VIRT_ARM64_uart);
    acpi_table(a, "SPCR", 2);
    acpi_put(a, PL011, 4);
    acpi_put(a, 32 << 8 | DWORD << 24, 4); /* its registers: in memory, 32 bits wide */
    acpi_put(a, uart->base, 8);
    acpi_put(a, GIC, 2);
    acpi_put(a, SPIS + uart->irq, 4);
    acpi_put(a, BAUD_115200, 1);
    acpi_put(a, 0, 1); /* parity */
    acpi_put(a, 1, 1); /* stop bits */
    acpi_put(a, 0, 1);
    acpi_put(a, ANSI, 2);
    acpi_put(a, NO_PCI, 2);
    acpi_put(a, NO_PCI, 2);
    acpi_zeros(a, 12);
}

/* All vCPUs in one package. */
static void pptt(struct acpi *a, const struct virt_arm64_facts *facts)
{
    enum { PACKAGE = 1, HAS_ID = 2, LEAF = 8, HEADER = 36 };
    acpi_table(a, "PPTT", 2);
    for (unsigned n = 0; n <= facts->vcpus; n++) {
        acpi_put(a, 20 << 8, 4); /* a processor or what holds several */
        acpi_put(a, n ? HAS_ID | LEAF : PACKAGE, 4);
        acpi_put(a, n ? HEADER : 0, 4); /* in what it is */
        acpi_put(a, n ? n - 1 : 0, 4);
        acpi_put(a, 0, 4); /* caches of its own: nothing is known */
    }
}

int virt_arm64_acpi_build(const struct virt_arm64_facts *facts, struct acpi_files *files, struct err *err)
{
    struct acpi a;
    acpi_begin(&a);
    dsdt(&a, facts);
    fadt(&a, facts);
    madt(&a, facts);
    gtdt(&a);
    pptt(&a, facts);
    spcr(&a);
    return acpi_end(&a, T_first, files, err);
}
