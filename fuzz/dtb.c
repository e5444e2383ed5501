/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Adopting a user's device tree: whatever the bytes are, it is refused or comes out as a tree that libfdt finds whole. */
#include "machine/boot/fdt.h"
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[DT_SEED + 8];
    struct dt_chosen chosen = {.bootargs = "console=ttyS0", .initrd = 0x88000000, .initrd_end = 0x88001000, .seed = seed};
    struct err err = {0};
    void *copy = malloc(len ? len : 1), *blob; /* as a file's contents lie in memory: aligned */
    size_t blob_len;

    if (!copy)
        return 0;
    memcpy(copy, data, len);
    if (!dt_adopt(copy, len, &chosen, &blob, &blob_len, &err)) {
        if (fdt_check_full(blob, blob_len))
            __builtin_trap();
        free(blob);
    }
    free(copy);
    return 0;
}
