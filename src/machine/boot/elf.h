/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ELF64 little-endian programs into guest memory, segments by physical address. Called for kernels, firmware and bare programs.
 * The file is hostile: every offset and size is checked, and the work is bounded by the guest's RAM.
 */
#pragma once
#include "base/err.h"
#include "mem/space.h"

enum { ELF_riscv = 243, ELF_arm64 = 183, ELF_x86_64 = 62 }; /* e_machine */

struct elf_info {
    gpa low, high;      /* physical extent of the loadable segments; high is the first byte behind */
    gpa entry;          /* physical */
    uint64_t alignment; /* the greatest of the segments' */
};

bool elf_is(const void *data, size_t len);
const char *elf_machine_name(unsigned machine); /* NULL: unknown */
/* Checks headers and segments; touches no memory. */
int elf_inspect(const void *data, size_t len, unsigned machine, struct elf_info *out, struct err *err) NODISCARD;
/* Checks, then copies the segments to their physical addresses plus shift and zeroes what has no bytes in the file. */
int elf_load(const void *data, size_t len, unsigned machine, uint64_t shift, const struct mem_space *space, struct elf_info *out,
             struct err *err) NODISCARD;
