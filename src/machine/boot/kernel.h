/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Kernels, firmware and bare programs of any kind into guest memory: Linux Image, gzip, zstd, EFI zboot, ELF, flat binaries. Says in
 * words what a file is that cannot be run.
 */
#pragma once
#include "base/err.h"
#include "mem/space.h"

enum kernel_kind { KERNEL_image, KERNEL_elf, KERNEL_flat };

struct kernel_place { /* what the board says */
    unsigned machine; /* ELF machine number */
    gpa ram;
    uint64_t ram_size;
    gpa flat;      /* where flat binaries and ELF files linked at 0 (Linux vmlinux) go */
    bool firmware; /* not a kernel: a Linux Image is a mistake */
};

struct kernel_info {
    enum kernel_kind kind;
    gpa entry;
    gpa low, high; /* what it occupies in memory, bss too; high is the first byte behind */
};

int kernel_load(const void *data, size_t len, const struct kernel_place *place, const struct mem_space *space, struct kernel_info *out,
                struct err *err) NODISCARD;
/* What a file is that is no kernel ("a qcow2 disk image"); NULL: nothing known. */
const char *kernel_stranger(const void *data, size_t len);
