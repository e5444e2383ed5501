/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The riscv64 board `virt`: its map and its device tree. virt_riscv64.c builds the machine, virt_riscv64_fdt.c describes it; the two
 * share virt_riscv64.def, so they cannot disagree. PCIe's windows (ECAM 0x30000000, I/O 0x3000000, memory 0x40000000) stay empty.
 */
#pragma once
#include "machine/boards/virt.h"

enum virt_window {
#define WINDOW(name, base, size, irq) VIRT_##name,
#include "machine/boards/virt_riscv64.def"
#undef WINDOW
    VIRT_WINDOWS
};

extern const struct virt_place virt_map[VIRT_WINDOWS];

enum { VIRT_VIRTIO_SLOTS = 8, VIRT_PLIC_SOURCES = 96, VIRT_VCPUS = 8, VIRT_TIMEBASE = 10000000, VIRT_UART_CLOCK = 3686400 };

struct virt_fdt {
    unsigned vcpus;
    const char *isa;        /* "rv64imafdc_zicsr…" */
    const char *extensions; /* the same in parts, each with its terminator */
    size_t extensions_len;
    const char *mmu; /* "riscv,sv57" */
    uint64_t ram_size;
    bool machine_mode;       /* M mode is the guest's own: the interrupt controllers' M inputs exist for it */
    struct dt_chosen chosen; /* stdout_path is filled in here */
};

int virt_fdt_build(const struct virt_fdt *virt, void **blob, size_t *len, struct err *err) NODISCARD;
