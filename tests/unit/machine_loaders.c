/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loaders of programs and kernels: what they accept, where it lands, and how they refuse files that lie about themselves. */
#include "base/bits.h"
#include "machine/boot/decompress.h"
#include "machine/boot/elf.h"
#include "machine/boot/image.h"
#include "machine/boot/kernel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#if VM_HAVE_ZLIB
#include <zlib.h>
#endif
#if VM_HAVE_ZSTD
#include <zstd.h>
#endif

#define RAM      0x80000000ull
#define RAM_SIZE (16ull << 20)
enum { FILE_SIZE = 0x3000, CODE_AT = 0x1000 };

static struct mem_space *space;

static const struct kernel_place place = {.machine = ELF_riscv, .ram = RAM, .ram_size = RAM_SIZE, .flat = RAM + 0x200000};

static int make_space(void **state)
{
    (void)state;
    struct err err = {0};
    if (mem_space_new(&space))
        return -1;
    return mem_space_add_ram(space, "ram", RAM, RAM_SIZE, &err);
}

static int free_space(void **state)
{
    (void)state;
    mem_space_free(space);
    return 0;
}

static void put_segment(uint8_t *p, uint64_t offset, uint64_t vaddr, uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
    le32_put(p, 1);
    le64_put(p + 8, offset);
    le64_put(p + 16, vaddr);
    le64_put(p + 24, paddr);
    le64_put(p + 32, filesz);
    le64_put(p + 40, memsz);
    le64_put(p + 48, 0x1000);
}

/* A program of one segment: 0x800 bytes of 0x13 at paddr, as many zeros behind. */
static void make_elf(uint8_t *file, uint64_t vaddr, uint64_t paddr)
{
    memset(file, 0, FILE_SIZE);
    memcpy(file, "\177ELF\2\1\1", 7);
    le16_put(file + 16, 2);
    le16_put(file + 18, ELF_riscv);
    le64_put(file + 24, vaddr + 8);
    le64_put(file + 32, 64);
    le16_put(file + 54, 56);
    le16_put(file + 56, 1);
    put_segment(file + 64, CODE_AT, vaddr, paddr, 0x800, 0x1000);
    memset(file + CODE_AT, 0x13, 0x800);
}

static void loads_elf(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE], byte;
    struct elf_info info;
    struct err err = {0};
    make_elf(file, 0xffffffff80000000, RAM + 0x4000);
    assert_true(mem_write(space, RAM + 0x4fff, "x", 1));
    assert_int_equal(elf_load(file, sizeof file, ELF_riscv, 0, space, &info, &err), 0);
    assert_int_equal(info.entry, RAM + 0x4008);
    assert_int_equal(info.low, RAM + 0x4000);
    assert_int_equal(info.high, RAM + 0x5000);
    assert_true(mem_read(space, RAM + 0x47ff, &byte, 1));
    assert_int_equal(byte, 0x13);
    assert_true(mem_read(space, RAM + 0x4fff, &byte, 1));
    assert_int_equal(byte, 0);
}

static void refuses_lying_elf(void **state)
{
    (void)state;
    static const struct {
        unsigned at, size;
        uint64_t value;
        int status;
        const char *word;
    } lies[] = {
        {4, 1, 1, STATUS_config, "32-bit"},
        {5, 1, 2, STATUS_config, "big-endian"},
        {16, 2, 1, STATUS_config, "not a program"},
        {18, 2, ELF_x86_64, STATUS_config, "x86_64"},
        {18, 2, 4242, STATUS_config, "another CPU"},
        {32, 8, FILE_SIZE, STATUS_corrupt, "outside"},
        {32, 8, UINT64_MAX - 8, STATUS_corrupt, "outside"},
        {54, 2, 55, STATUS_corrupt, "outside"},
        {56, 2, 0, STATUS_config, "without program headers"},
        {56, 2, 0xffff, STATUS_config, "without program headers"},
        {56, 2, 0xfffe, STATUS_corrupt, "outside"},
        {64, 4, 2, STATUS_config, "without loadable"},
        {64 + 8, 8, FILE_SIZE - 0x700, STATUS_corrupt, "cut off"},
        {64 + 8, 8, UINT64_MAX - 4, STATUS_corrupt, "cut off"},
        {64 + 24, 8, 0x1000, STATUS_config, "not memory"},
        {64 + 24, 8, RAM + RAM_SIZE - 0x800, STATUS_config, "not memory"},
        {64 + 24, 8, UINT64_MAX - 0x10, STATUS_corrupt, "wraps"},
        {64 + 32, 8, 0x1001, STATUS_corrupt, "more bytes"},
        {64 + 40, 8, UINT64_MAX, STATUS_corrupt, "wraps"},
        {64 + 40, 8, RAM_SIZE + 1, STATUS_config, "not memory"},
    };
    uint8_t file[FILE_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct elf_info info;
        struct err err = {0};
        make_elf(file, RAM, RAM);
        for (unsigned n = 0; n < lies[i].size; n++)
            file[lies[i].at + n] = (uint8_t)(lies[i].value >> 8 * n);
        assert_int_equal(elf_load(file, sizeof file, ELF_riscv, 0, space, &info, &err), -lies[i].status);
        if (!strstr(err.text, lies[i].word))
            fail_msg("lie %zu: '%s' lacks '%s'", i, err.text, lies[i].word);
    }
}

static void refuses_overlapping_segments(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE];
    struct elf_info info;
    struct err err = {0};
    make_elf(file, RAM, RAM);
    le16_put(file + 56, 40);
    for (unsigned i = 0; i < 40; i++)
        put_segment(file + 64 + 56 * i, CODE_AT, RAM, RAM, 0x800, RAM_SIZE);
    assert_int_equal(elf_load(file, sizeof file, ELF_riscv, 0, space, &info, &err), -STATUS_corrupt);
    for (size_t len = 0; len < 0x100; len++) /* cut off anywhere */
        assert_true(elf_load(file, len, ELF_riscv, 0, space, &info, &err) < 0);
}

static void make_image(uint8_t *file, uint64_t text_offset, uint64_t image_size)
{
    memset(file, 0, FILE_SIZE);
    le32_put(file, 0x0000106f); /* j .+4096 */
    le64_put(file + 8, text_offset);
    le64_put(file + 16, image_size);
    memcpy(file + 48, "RISCV\0\0\0RSC\5", 12);
}

static void loads_image(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE];
    struct kernel_info info;
    struct err err = {0};
    make_image(file, 0x200000, 0x400000);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), 0);
    assert_int_equal(info.kind, KERNEL_image);
    assert_int_equal(info.entry, RAM + 0x200000);
    assert_int_equal(info.high, RAM + 0x600000);
    make_image(file, 0x200000, 0); /* the header may say less than the file has */
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), 0);
    assert_int_equal(info.high, RAM + 0x200000 + FILE_SIZE);
}

static void refuses_image(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE];
    struct kernel_info info;
    struct err err = {0};
    make_image(file, 0x200000, RAM_SIZE - 0x200000 + 1);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "give more with memory"));
    make_image(file, UINT64_MAX & ~0xfffull, 0x1000);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), -STATUS_corrupt);
    make_image(file, 0x200000, UINT64_MAX);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), -STATUS_corrupt);
    make_image(file, 0x200001, 0x1000);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), -STATUS_corrupt);
    make_image(file, 0x200000, 0x1000);
    memcpy(file + 56, "ARM\x64", 4);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "arm64"));
    make_image(file, 0x200000, 0x1000);
    struct kernel_place firmware = place;
    firmware.firmware = true;
    assert_int_equal(kernel_load(file, sizeof file, &firmware, space, &info, &err), -STATUS_config);
}

static void loads_vmlinux_linked_at_zero(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE];
    struct kernel_info info;
    struct err err = {0};
    make_elf(file, 0xffffffff80000000, 0);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), 0);
    assert_int_equal(info.kind, KERNEL_elf);
    assert_int_equal(info.entry, RAM + 0x200008);
    make_elf(file, RAM + 0x1000, RAM + RAM_SIZE - 0x800);
    assert_int_equal(kernel_load(file, sizeof file, &place, space, &info, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "does not fit"));
}

static void names_strangers(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        size_t len;
        const char *word;
    } files[] = {
        {"070701deadbeef", 14, "cpio"},
        {"QFI\xfb\0\0\0\3", 8, "qcow2"},
        {"#!/bin/sh\necho\n", 15, "script"},
        {"just some words\n", 16, "text"},
        {"\xd0\x0d\xfe\xed\0\0\0\0", 8, "device tree"},
        {"\0\0\0\0\0\0\0\0", 8, "zeros"},
        {"\x13", 1, "too short"},
        {"", 0, "empty"},
        {"\xfd"
         "7zXZ\0\0\0",
         8, "xz"},
        {"MZ\x90\0\3\0\0\0", 8, "EFI"},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct kernel_info info;
        struct err err = {0};
        assert_int_equal(kernel_load(files[i].start, files[i].len, &place, space, &info, &err), -STATUS_config);
        if (!strstr(err.text, files[i].word))
            fail_msg("file %zu: '%s' lacks '%s'", i, err.text, files[i].word);
    }
    uint8_t noise[8192];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    noise[0] = 0x93;
    struct kernel_info info;
    struct err err = {0};
    assert_int_equal(kernel_load(noise, sizeof noise, &place, space, &info, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "random"));
}

static void loads_flat(void **state)
{
    (void)state;
    uint32_t code[64];
    struct kernel_info info;
    struct err err = {0};
    for (size_t i = 0; i < 64; i++)
        code[i] = 0x00150513; /* addi a0, a0, 1 */
    assert_int_equal(kernel_load(code, sizeof code, &place, space, &info, &err), 0);
    assert_int_equal(info.kind, KERNEL_flat);
    assert_int_equal(info.entry, RAM + 0x200000);
}

/* Wraps packed bytes as an EFI zboot image. */
static inline uint8_t *make_zboot(const uint8_t *packed, size_t len, const char *how, size_t *out_len)
{
    uint8_t *file = calloc(1, 128 + len);
    memcpy(file, "MZ\0\0zimg", 8);
    le32_put(file + 8, 128);
    le32_put(file + 12, (uint32_t)len);
    snprintf((char *)file + 24, 32, "%s", how);
    memcpy(file + 128, packed, len);
    *out_len = 128 + len;
    return file;
}

static inline void check_packed(const uint8_t *packed, size_t len, const char *how)
{
    struct kernel_info info;
    struct err err = {0};
    size_t zlen;
    assert_int_equal(kernel_load(packed, len, &place, space, &info, &err), 0);
    assert_int_equal(info.kind, KERNEL_image);
    for (size_t cut = 1; cut < len; cut += 7)
        assert_true(kernel_load(packed, cut, &place, space, &info, &err) < 0);
    uint8_t *file = make_zboot(packed, len, how, &zlen);
    assert_int_equal(kernel_load(file, zlen, &place, space, &info, &err), 0);
    le32_put(file + 8, 0xfffffff0);
    assert_int_equal(kernel_load(file, zlen, &place, space, &info, &err), -STATUS_corrupt);
    le32_put(file + 8, 128);
    le32_put(file + 12, 0xffffffff);
    assert_int_equal(kernel_load(file, zlen, &place, space, &info, &err), -STATUS_corrupt);
    le32_put(file + 12, (uint32_t)len);
    snprintf((char *)file + 24, 32, "lzma");
    assert_int_equal(kernel_load(file, zlen, &place, space, &info, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "lzma"));
    free(file);
}

#if VM_HAVE_ZLIB
static void unpacks_gzip(void **state)
{
    (void)state;
    static uint8_t bomb[64 << 20];
    uint8_t file[FILE_SIZE], packed[FILE_SIZE], *small = malloc(1 << 20);
    z_stream z = {.next_in = file, .avail_in = FILE_SIZE, .next_out = packed, .avail_out = FILE_SIZE};
    make_image(file, 0x200000, 0x100000);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    check_packed(packed, z.total_out, "gzip");
    deflateEnd(&z);

    z = (z_stream){.next_in = bomb, .avail_in = sizeof bomb, .next_out = small, .avail_out = 1 << 20};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct kernel_info info;
    struct err err = {0};
    assert_int_equal(kernel_load(small, z.total_out, &place, space, &info, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "unpacks to more"));
    deflateEnd(&z);
    free(small);
}
#endif

#if VM_HAVE_ZSTD
static void unpacks_zstd(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE], packed[FILE_SIZE];
    make_image(file, 0x200000, 0x100000);
    size_t n = ZSTD_compress(packed, sizeof packed, file, sizeof file, 19);
    assert_false(ZSTD_isError(n));
    check_packed(packed, n, "zstd22");
}
#endif

/* Bytes of a good file changed at random: anything but a crash. Seed printed by the name of the failing step. */
static void survives_damage(void **state)
{
    (void)state;
    uint8_t file[FILE_SIZE];
    uint32_t x = 99;
    for (unsigned i = 0; i < 20000; i++) {
        struct kernel_info info;
        if (i & 1)
            make_elf(file, RAM, RAM);
        else
            make_image(file, 0x200000, 0x1000);
        for (unsigned n = 0; n < 3; n++) {
            x = x * 1664525 + 1013904223;
            file[(x >> 8) % 0x80] = (uint8_t)(x >> 24);
        }
        int rc = kernel_load(file, sizeof file, &place, space, &info, NULL);
        assert_true(rc <= 0);
        if (!rc && (info.low < RAM || info.high > RAM + RAM_SIZE))
            fail_msg("step %u", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_elf),
        cmocka_unit_test(refuses_lying_elf),
        cmocka_unit_test(refuses_overlapping_segments),
        cmocka_unit_test(loads_image),
        cmocka_unit_test(refuses_image),
        cmocka_unit_test(loads_vmlinux_linked_at_zero),
        cmocka_unit_test(names_strangers),
        cmocka_unit_test(loads_flat),
#if VM_HAVE_ZLIB
        cmocka_unit_test(unpacks_gzip),
#endif
#if VM_HAVE_ZSTD
        cmocka_unit_test(unpacks_zstd),
#endif
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, make_space, free_space);
}
