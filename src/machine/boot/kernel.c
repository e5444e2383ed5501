/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Finds out what a kernel file is and places it. A file that no format claims is taken as a flat binary only if its first page looks like
 * code: text, zeros and random bytes are refused with words, since a guest that runs them would just hang.
 */
#include "machine/boot/kernel.h"
#include "base/bits.h"
#include "machine/boot/decompress.h"
#include "machine/boot/elf.h"
#include "machine/boot/image.h"
#include <ctype.h>
#include <stdlib.h>

enum { UNPACK_DEPTH = 2 /* zboot holds gzip holds Image */, SAMPLE = 4096, SAMPLE_MIN = 256 };

const char *kernel_stranger(const void *data, size_t len)
{
    static const struct {
        size_t offset;
        const char *magic;
        size_t len;
        const char *what;
    } strangers[] = {
#define STRANGER(offset, magic, length, what) {offset, magic, length, what},
#include "machine/boot/strangers.def"
#undef STRANGER
    };
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        if (len >= strangers[i].offset + strangers[i].len &&
            !memcmp((const char *)data + strangers[i].offset, strangers[i].magic, strangers[i].len))
            return strangers[i].what;
    return NULL;
}

/* Why bytes of no known format cannot be code; NULL: they may be. */
static const char *not_code(const uint8_t *data, size_t len)
{
    size_t n = len < SAMPLE ? len : SAMPLE, printable = 0;
    uint64_t counts[256] = {0}, pairs = 0;
    for (size_t i = 0; i < n; i++) {
        counts[data[i]]++;
        printable += isprint(data[i]) || isspace(data[i]);
    }
    if (n < 4)
        return "too short to be a program";
    if (printable == n)
        return "a text file";
    if (!le32_get(data))
        return "no program: it starts with zeros";
    for (unsigned i = 0; i < 256; i++)
        pairs += counts[i] * counts[i];
    /* Random bytes meet themselves with a chance of 1/256; code is far from that. */
    if (n >= SAMPLE_MIN && pairs < 2 * ((uint64_t)n * n / 256 + n))
        return "no program of a known kind: packed, encrypted or random bytes";
    return NULL;
}

static bool in_ram(const struct kernel_place *place, gpa at, uint64_t size)
{
    return at >= place->ram && at - place->ram <= place->ram_size && size <= place->ram_size - (at - place->ram);
}

static int too_small(const struct kernel_place *place, uint64_t needs, struct err *err)
{
    return err_set(err, STATUS_config, "does not fit: it needs %llu MiB of memory, the machine has %llu MiB; give more with memory",
                   (unsigned long long)(needs >> 20) + 1, (unsigned long long)(place->ram_size >> 20));
}

static int flat_load(const void *data, size_t len, gpa at, uint64_t size, const struct kernel_place *place, const struct mem_space *space,
                     struct kernel_info *out, struct err *err)
{
    if (!in_ram(place, at, size) || !mem_write(space, at, data, len))
        return too_small(place, at - place->ram + size, err);
    out->low = out->entry = at;
    out->high = at + size;
    return 0;
}

static int image_load(const void *data, size_t len, const struct kernel_place *place, const struct mem_space *space,
                      struct kernel_info *out, struct err *err)
{
    struct image_info info;
    int rc = image_inspect(data, len, &info, err);
    if (rc)
        return rc;
    if (info.machine != place->machine)
        return err_set(err, STATUS_config, "a Linux kernel for %s, but this machine is %s", elf_machine_name(info.machine),
                       elf_machine_name(place->machine));
    out->kind = KERNEL_image;
    return flat_load(data, len, place->ram + info.text_offset, info.image_size, place, space, out, err);
}

static int elf_kernel_load(const void *data, size_t len, const struct kernel_place *place, const struct mem_space *space,
                           struct kernel_info *out, struct err *err)
{
    struct elf_info elf;
    int rc = elf_inspect(data, len, place->machine, &elf, err);
    if (rc)
        return rc;
    uint64_t size = elf.high - elf.low, shift = 0;
    /* A riscv vmlinux counts its physical addresses from 0: it goes where its Image would. */
    if (!in_ram(place, elf.low, size) && elf.low < place->ram && elf.high <= place->ram)
        shift = place->flat - elf.low;
    if (!in_ram(place, elf.low + shift, size)) {
        if (in_ram(place, elf.low + shift, 1))
            return too_small(place, elf.high + shift - place->ram, err);
        return err_set(err, STATUS_config, "an ELF program for %#llx..%#llx, but memory is at %#llx..%#llx", (unsigned long long)elf.low,
                       (unsigned long long)elf.high - 1, (unsigned long long)place->ram,
                       (unsigned long long)(place->ram + place->ram_size - 1));
    }
    rc = elf_load(data, len, place->machine, shift, space, &elf, err);
    if (rc)
        return rc;
    *out = (struct kernel_info){KERNEL_elf, elf.entry, elf.low, elf.high};
    return 0;
}

static int plain_load(const void *data, size_t len, const struct kernel_place *place, const struct mem_space *space,
                      struct kernel_info *out, struct err *err)
{
    if (elf_is(data, len))
        return elf_kernel_load(data, len, place, space, out, err);
    if (image_is(data, len) && place->firmware)
        return err_set(err, STATUS_config, "a Linux kernel, not firmware: give it with kernel");
    if (image_is(data, len))
        return image_load(data, len, place, space, out, err);
    const char *what = kernel_stranger(data, len);
    if (!what)
        what = not_code(data, len);
    if (what)
        return err_set(err, STATUS_config, "not something to boot: %s", what);
    out->kind = KERNEL_flat;
    return flat_load(data, len, place->flat, len, place, space, out, err);
}

int kernel_load(const void *data, size_t len, const struct kernel_place *place, const struct mem_space *space, struct kernel_info *out,
                struct err *err)
{
    if (!len)
        return err_set(err, STATUS_config, "the file is empty");
    void *owned = NULL;
    int rc = 0;
    for (int depth = 0; !rc && depth < UNPACK_DEPTH; depth++) {
        enum pack pack = pack_detect(data, len);
        if (pack == PACK_none)
            break;
        void *next;
        rc = pack_open(pack, data, len, place->ram_size, &next, &len, err);
        if (rc)
            break;
        free(owned);
        data = owned = next;
    }
    if (!rc)
        rc = plain_load(data, len, place, space, out, err);
    free(owned);
    return rc;
}
