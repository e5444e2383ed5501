/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Hostile kernels and programs: Linux Image, ELF, gzip, zstd, EFI zboot, and what only looks like them. The first byte says how
 * the file is given (as a kernel or as firmware), the rest is the file. What is loaded must lie in RAM.
 */
#include "machine/boot/elf.h"
#include "machine/boot/kernel.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct mem_space *space; /* the process's only one; runs leave their bytes in it */
    const struct kernel_place place = {
        .machine = ELF_riscv,
        .ram = 0x80000000,
        .ram_size = 16 << 20,
        .flat = 0x80200000,
        .firmware = len && (data[0] & 1),
    };
    struct kernel_info info;
    struct err err;

    if (!space && (mem_space_new(&space) || mem_space_add_ram(space, "ram", place.ram, place.ram_size, NULL)))
        abort();
    if (!len)
        return 0;
    if (kernel_load(data + 1, len - 1, &place, space, &info, &err) == 0 &&
        (info.low < place.ram || info.high < info.low || info.high > place.ram + place.ram_size))
        abort();
    kernel_stranger(data + 1, len - 1);
    return 0;
}
