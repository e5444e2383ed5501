/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rows of virt_riscv64.def as a table: apart from the builder, so that the device tree can be tested without a machine. */
#include "machine/boards/virt_riscv64.h"

const struct virt_place virt_map[VIRT_WINDOWS] = {
#define WINDOW(name, base, size, irq) {#name, base, size, irq},
#include "machine/boards/virt_riscv64.def"
#undef WINDOW
};
