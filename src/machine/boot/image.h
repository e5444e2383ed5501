/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The header at the start of Linux "Image" files: where the kernel wants to lie relative to the start of RAM, and how much memory it
 * needs with its bss (Linux, Documentation/arch/riscv/boot-image-header.rst, Documentation/arch/arm64/booting.rst).
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct image_info {
    unsigned machine;     /* ELF machine number */
    uint64_t text_offset; /* from the start of RAM */
    uint64_t image_size;  /* in memory; at least the file's length */
};

bool image_is(const void *data, size_t len);
int image_inspect(const void *data, size_t len, struct image_info *out, struct err *err) NODISCARD;
