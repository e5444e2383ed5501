/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The arm64 board `virt`: its map, its device tree and its ACPI tables. virt_arm64.c builds the machine, virt_arm64_fdt.c and
 * virt_arm64_acpi.c describe it; they share virt_arm64.def, so they cannot disagree. PCIe's windows (ECAM 0x4010000000, I/O 0x3eff0000, memory 0x10000000) stay empty.
 */
#pragma once
#include "machine/acpi/acpi.h"
#include "machine/boards/virt.h"

enum virt_arm64_window {
#define WINDOW(name, base, size, irq) VIRT_ARM64_##name,
#include "machine/boards/virt_arm64.def"
#undef WINDOW
    VIRT_ARM64_WINDOWS
};

extern const struct virt_place virt_arm64_map[VIRT_ARM64_WINDOWS];

/* Private interrupts (16 + n) of each vCPU's own parts, as Arm's Base System Architecture numbers them. */
enum {
    VIRT_ARM64_PPI_PMU = 7,
    VIRT_ARM64_PPI_HYP = 10,
    VIRT_ARM64_PPI_VIRTUAL = 11,
    VIRT_ARM64_PPI_SECURE = 13,
    VIRT_ARM64_PPI_PHYSICAL = 14
};
enum { VIRT_ARM64_SLOTS = 32, VIRT_ARM64_LINES = 288, VIRT_ARM64_VCPUS = 8, VIRT_ARM64_POWER_PIN = 3 };

struct virt_arm64_facts { /* what differs from machine to machine */
    unsigned vcpus;
    uint64_t ram_size;
    unsigned gic; /* version: 2 or 3 */
    bool el2;     /* kernels start there: PSCI by SMC */
    bool pmu;     /* the vCPUs have performance counters */
};

int virt_arm64_fdt_build(const struct virt_arm64_facts *facts, const struct dt_chosen *chosen, void **blob, size_t *len,
                         struct err *err) NODISCARD; /* chosen: stdout_path is filled in */
int virt_arm64_acpi_build(const struct virt_arm64_facts *facts, struct acpi_files *files, struct err *err) NODISCARD;
