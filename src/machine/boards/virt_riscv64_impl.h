/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The inside of the riscv64 board `virt`: virt_riscv64.c makes its devices, virt_riscv64_boot.c loads and starts, virt_riscv64_sbi.c answers
 * calls to the built-in firmware.
 */
#pragma once
#include "guest/riscv64/riscv64.h"
#include "machine/boards/virt_riscv64.h"
#include "machine/machine.h"
#include "machine/sbi/sbi.h"

enum virt_start {
    VIRT_START_bare,     /* bios none: M mode at the program's entry */
    VIRT_START_firmware, /* bios FILE: M mode at the reset ROM */
    VIRT_START_builtin,  /* S mode on the built-in firmware */
};

struct virt {
    struct vm_machine *machine;
    enum virt_start start;
    uint64_t ram_size;
    struct sbi sbi;
    struct virt_slots slots;
    struct virt_starter starter;
};

int virt_boot(struct vm_machine *machine, struct err *err) NODISCARD;
bool virt_firmware_call(struct vm_machine *machine, struct cpu *cpu);
void virt_sbi_init(struct virt *virt);
void virt_sbi_fini(struct virt *virt);
void virt_sbi_reset(struct virt *virt); /* no vCPU runs; returns when none has a start pending */
