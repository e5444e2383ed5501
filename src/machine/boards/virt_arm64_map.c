/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rows of virt_arm64.def as a table: apart from the builder, so that the device tree can be tested without a machine. */
#include "machine/boards/virt_arm64.h"

const struct virt_place virt_arm64_map[VIRT_ARM64_WINDOWS] = {
#define WINDOW(name, base, size, irq) {#name, base, size, irq},
#include "machine/boards/virt_arm64.def"
#undef WINDOW
};
