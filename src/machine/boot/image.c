/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the header of Linux Image files. riscv and arm64 share its layout; the magic at 56 tells them apart. */
#include "machine/boot/image.h"
#include "base/bits.h"
#include "machine/boot/elf.h"

enum { HEADER = 64, MAGIC_riscv = 0x05435352 /* "RSC\5" */, MAGIC_arm64 = 0x644d5241 /* "ARM\x64" */ };

bool image_is(const void *data, size_t len)
{
    if (len < HEADER)
        return false;
    uint32_t magic = le32_get((const char *)data + 56);
    return magic == MAGIC_riscv || magic == MAGIC_arm64;
}

int image_inspect(const void *data, size_t len, struct image_info *out, struct err *err)
{
    const char *file = data;
    if (!image_is(data, len))
        return err_set(err, STATUS_config, "not a Linux Image");
    out->machine = le32_get(file + 56) == MAGIC_riscv ? ELF_riscv : ELF_arm64;
    out->text_offset = le64_get(file + 8);
    out->image_size = le64_get(file + 16);
    if (le64_get(file + 24) & 1)
        return err_set(err, STATUS_config, "a big-endian Linux Image; this machine is little-endian");
    if (out->text_offset & (MEM_PAGE - 1))
        return err_set(err, STATUS_corrupt, "Linux Image header: text offset %#llx is not a multiple of 4 KiB",
                       (unsigned long long)out->text_offset);
    if (out->image_size < len)
        out->image_size = len;
    if (out->text_offset > UINT64_MAX / 4 || out->image_size > UINT64_MAX / 4)
        return err_set(err, STATUS_corrupt, "Linux Image header: absurd text offset %#llx or size %#llx",
                       (unsigned long long)out->text_offset, (unsigned long long)out->image_size);
    return 0;
}
