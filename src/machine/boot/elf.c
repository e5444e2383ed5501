/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ELF loader (System V ABI, ELF-64 object file format). Two passes: the first proves the whole file, the second copies, so a bad
 * file leaves guest memory as it was unless a segment has no RAM under it.
 */
#include "machine/boot/elf.h"
#include "base/bits.h"

enum { EHDR_SIZE = 64, PHDR_SIZE = 56, ET_EXEC = 2, ET_DYN = 3, PT_LOAD = 1, PN_XNUM = 0xffff };

struct segment {
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static const struct {
    unsigned machine;
    const char *name;
} machines[] = {
    {3, "i386"},          {8, "mips"},
    {20, "ppc"},          {21, "ppc64"},
    {22, "s390x"},        {40, "arm"},
    {43, "sparc"},        {ELF_x86_64, "x86_64"},
    {ELF_arm64, "arm64"}, {ELF_riscv, "riscv64"},
    {258, "loongarch64"},
};

const char *elf_machine_name(unsigned machine)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        if (machines[i].machine == machine)
            return machines[i].name;
    return NULL;
}

bool elf_is(const void *data, size_t len) { return len >= 4 && !memcmp(data, "\177ELF", 4); }

static int header_check(const uint8_t *file, size_t len, unsigned machine, struct err *err)
{
    if (!elf_is(file, len) || len < EHDR_SIZE)
        return err_set(err, STATUS_config, "not an ELF file, or cut off in its header");
    if (file[4] != 2)
        return err_set(err, STATUS_config, "a 32-bit ELF file; this machine takes 64-bit programs");
    if (file[5] != 1)
        return err_set(err, STATUS_config, "a big-endian ELF file; this machine is little-endian");
    unsigned is = le16_get(file + 18);
    if (is != machine) {
        const char *has = elf_machine_name(is), *wants = elf_machine_name(machine);
        return err_set(err, STATUS_config, "an ELF file for %s (machine number %u), but this machine is %s", has ? has : "another CPU", is,
                       wants ? wants : "another");
    }
    unsigned type = le16_get(file + 16);
    if (type != ET_EXEC && type != ET_DYN)
        return err_set(err, STATUS_config, "an ELF file that is not a program (type %u: an object file or a core dump)", type);
    unsigned count = le16_get(file + 56);
    uint64_t at = le64_get(file + 32);
    if (!count || count == PN_XNUM)
        return err_set(err, STATUS_config, "an ELF file without program headers: nothing to load");
    if (le16_get(file + 54) != PHDR_SIZE || at > len || (uint64_t)count * PHDR_SIZE > len - at)
        return err_set(err, STATUS_corrupt, "ELF program headers lie outside of the file");
    return 0;
}

/* The n-th program header; false: not one to load. */
static bool segment_get(const uint8_t *file, unsigned n, struct segment *s)
{
    const uint8_t *p = file + le64_get(file + 32) + (size_t)n * PHDR_SIZE;
    *s = (struct segment){le64_get(p + 8), le64_get(p + 16), le64_get(p + 24), le64_get(p + 32), le64_get(p + 40), le64_get(p + 48)};
    return le32_get(p) == PT_LOAD && s->memsz;
}

static int segment_check(const struct segment *s, unsigned n, size_t len, struct err *err)
{
    if (s->filesz > s->memsz)
        return err_set(err, STATUS_corrupt, "ELF segment %u has more bytes in the file than in memory", n);
    if (s->offset > len || s->filesz > len - s->offset)
        return err_set(err, STATUS_corrupt, "ELF segment %u lies outside of the file: it was cut off", n);
    if (s->paddr + s->memsz < s->paddr || s->vaddr + s->memsz < s->vaddr)
        return err_set(err, STATUS_corrupt, "ELF segment %u wraps around the end of the address space", n);
    return 0;
}

int elf_inspect(const void *data, size_t len, unsigned machine, struct elf_info *out, struct err *err)
{
    const uint8_t *file = data;
    int rc = header_check(file, len, machine, err);
    if (rc)
        return rc;
    *out = (struct elf_info){.low = UINT64_MAX, .entry = le64_get(file + 24), .alignment = 1};
    uint64_t total = 0;
    bool translated = false;
    struct segment s;
    for (unsigned n = 0; n < le16_get(file + 56); n++) {
        if (!segment_get(file, n, &s))
            continue;
        rc = segment_check(&s, n, len, err);
        if (rc)
            return rc;
        out->low = s.paddr < out->low ? s.paddr : out->low;
        out->high = s.paddr + s.memsz > out->high ? s.paddr + s.memsz : out->high;
        if (bits_pow2(s.align) && s.align > out->alignment)
            out->alignment = s.align;
        /* Kernels name their entry by its virtual address, firmware by its physical one. */
        uint64_t entry = le64_get(file + 24);
        if (!translated && entry - s.vaddr < s.memsz) {
            out->entry = entry - s.vaddr + s.paddr;
            translated = true;
        }
        if (__builtin_add_overflow(total, s.memsz, &total))
            return err_set(err, STATUS_corrupt, "ELF segments are larger than the address space");
    }
    if (!total)
        return err_set(err, STATUS_config, "an ELF file without loadable segments");
    /* Sane segments do not overlap; without this, 65534 headers could each ask for all of RAM. */
    if (total > out->high - out->low)
        return err_set(err, STATUS_corrupt, "ELF segments overlap");
    return 0;
}

int elf_load(const void *data, size_t len, unsigned machine, uint64_t shift, const struct mem_space *space, struct elf_info *out,
             struct err *err)
{
    const uint8_t *file = data;
    int rc = elf_inspect(data, len, machine, out, err);
    if (rc)
        return rc;
    struct segment s;
    for (unsigned n = 0; n < le16_get(file + 56); n++) {
        if (!segment_get(file, n, &s))
            continue;
        uint8_t *ram = mem_ram(space, s.paddr + shift, s.memsz);
        if (!ram)
            return err_set(err, STATUS_config, "ELF segment %u wants %#llx..%#llx, which is not memory of this machine", n,
                           (unsigned long long)(s.paddr + shift), (unsigned long long)(s.paddr + shift + s.memsz - 1));
        memcpy(ram, file + s.offset, s.filesz);
        memset(ram + s.filesz, 0, s.memsz - s.filesz);
        mem_note_write(space, s.paddr + shift, s.memsz);
    }
    out->low += shift;
    out->high += shift;
    out->entry += shift;
    return 0;
}
