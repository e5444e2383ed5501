/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The inside of the arm64 board `virt`: virt_arm64.c makes its devices and answers PSCI calls, virt_arm64_boot.c loads and starts. */
#pragma once
#include "guest/arm64/arm64.h"
#include "machine/boards/virt_arm64.h"
#include "machine/psci/psci.h"

struct virt_arm64 {
    struct vm_machine *machine;
    uint64_t ram_size;
    unsigned gic;         /* version of the interrupt controller */
    unsigned el;          /* where kernels and firmware start: 1 or 2 */
    const char *firmware; /* the file that is in the place of flash bank 0; NULL: none */
    char firmware_path[CONFIG_PATH_MAX];
    struct fw_cfg *fw_cfg; /* the machine owns these */
    struct pl061 *gpio;
    struct psci psci;
    struct virt_slots slots;
    struct virt_starter starter;
};

int virt_arm64_boot(struct vm_machine *machine, struct err *err) NODISCARD;
