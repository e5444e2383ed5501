/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The flash as drivers use it: query, identification, programming by words and by the buffer, erasing, errors, the file behind it. */
#include "device/flash/cfi.h"
#include "device_bench.h"
#include "os/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BANK = 4 * CFI_FLASH_BLOCK };

static struct bench bench;
static struct cfi_flash *flash;
static struct device *dev;
static char path[40];

static void open_with(const struct cfi_flash_config *config)
{
    assert_int_equal(cfi_flash_new(&flash, "flash0", &bench.env, config, NULL), 0);
    dev = cfi_flash_device(flash);
}

static int open_flash(void **state)
{
    const struct cfi_flash_config config = {.size = BANK};

    (void)state;
    bench_open(&bench);
    snprintf(path, sizeof(path), "/tmp/device_cfi.XXXXXX");
    close(mkstemp(path));
    open_with(&config);
    return 0;
}

static int close_flash(void **state)
{
    (void)state;
    cfi_flash_free(flash);
    cfi_flash_free(NULL);
    bench_close(&bench);
    return unlink(path);
}

static uint32_t get(uint64_t offset) { return (uint32_t)reg(dev, &cfi_flash_ops, offset, 4); }

static void set(uint64_t offset, uint32_t value) { reg_set(dev, &cfi_flash_ops, offset, 4, value); }

/* A command goes to both chips. */
static void command(uint64_t offset, uint32_t value) { set(offset, value | value << 16); }

static void program(uint64_t offset, uint32_t value)
{
    command(offset, 0x40);
    set(offset, value);
    assert_int_equal(get(offset), 0x00800080);
    command(offset, 0xff);
}

static void erase(uint64_t offset)
{
    command(offset, 0x20);
    command(offset, 0xd0);
    assert_int_equal(get(offset), 0x00800080);
    command(offset, 0xff);
}

static uint32_t query(unsigned index)
{
    uint32_t value = get(index * 4ull);

    assert_int_equal(value >> 16, value & 0xffff); /* both chips say the same */
    return value & 0xffff;
}

static void answers_query(void **state)
{
    (void)state;
    command(0x55 * 4, 0x98);
    assert_int_equal(query(0x10), 'Q');
    assert_int_equal(query(0x11), 'R');
    assert_int_equal(query(0x12), 'Y');
    assert_int_equal(query(0x13) | query(0x14) << 8, 1); /* Intel's commands */
    assert_int_equal(query(query(0x15)), 'P');
    assert_int_equal(1u << query(0x27), BANK / 2);
    assert_int_equal(1u << query(0x2a), 512);
    assert_int_equal(query(0x2c), 1);
    assert_int_equal((query(0x2d) | query(0x2e) << 8) + 1, BANK / CFI_FLASH_BLOCK);
    assert_int_equal((query(0x2f) | query(0x30) << 8) * 256, CFI_FLASH_BLOCK / 2);
    assert_int_equal(reg(dev, &cfi_flash_ops, 0x40, 1), 'Q');
    assert_int_equal(reg(dev, &cfi_flash_ops, 0x41, 1), 0);
    assert_int_equal(reg(dev, &cfi_flash_ops, 0x42, 2), 'Q');
    command(0, 0x90);
    assert_int_equal(get(0), 0x00890089);
    assert_int_equal(get(4), 0x00180018);
    assert_int_equal(get(CFI_FLASH_BLOCK + 8), 0);
    command(0, 0xff);
    assert_int_equal(get(0x40), 0xffffffff);
}

static void programs_and_erases(void **state)
{
    (void)state;
    assert_int_equal(get(BANK - 4), 0xffffffff);
    program(0x1000, 0x12345678);
    assert_int_equal(get(0x1000), 0x12345678);
    assert_int_equal(reg(dev, &cfi_flash_ops, 0x1001, 1), 0x56);
    assert_int_equal(reg(dev, &cfi_flash_ops, 0x1002, 2), 0x1234);
    assert_true(reg(dev, &cfi_flash_ops, 0x1000, 8) == 0xffffffff12345678);
    program(0x1000, 0xf0f0f0f0); /* only clears bits */
    assert_int_equal(get(0x1000), 0x10305070);
    program(CFI_FLASH_BLOCK, 1);
    program(CFI_FLASH_BLOCK - 4, 2);
    erase(0x1000);
    assert_int_equal(get(0x1000), 0xffffffff);
    assert_int_equal(get(CFI_FLASH_BLOCK - 4), 0xffffffff);
    assert_int_equal(get(CFI_FLASH_BLOCK), 1); /* the next block is another one */
}

static void programs_buffers(void **state)
{
    (void)state;
    command(0x2000, 0xe8);
    assert_int_equal(get(0x2000) & 0x80, 0x80); /* the buffer is free */
    command(0x2000, 9);
    for (uint32_t i = 0; i < 10; i++)
        set(0x2010 + i * 4, i * 0x01010101);
    command(0x2000, 0xd0);
    assert_int_equal(get(0x2000), 0x00800080);
    command(0, 0xff);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(get(0x2010 + i * 4), i * 0x01010101);
    assert_int_equal(get(0x200c), 0xffffffff);
    assert_int_equal(get(0x2038), 0xffffffff);
    command(0x2400, 0xe8); /* the longest */
    command(0x2400, 255);
    for (uint32_t i = 0; i < 256; i++)
        set(0x2400 + i * 4, i);
    command(0x2400, 0xd0);
    command(0, 0xff);
    assert_int_equal(get(0x2400 + 255 * 4), 255);
}

static void wrong_orders_are_told(void **state)
{
    (void)state;
    command(0, 0x20);
    command(0, 0xff); /* not the confirmation */
    assert_int_equal(get(0), 0x00b000b0);
    command(0, 0x50);
    command(0, 0x70);
    assert_int_equal(get(0), 0x00800080);
    command(0, 0xe8);
    command(0, 256); /* too long */
    assert_int_equal(get(0), 0x00b000b0);
    command(0, 0x50);
    command(0, 0xe8);
    command(0, 1);
    set(0, 0);
    set(4096, 0); /* outside of the buffer's page */
    command(0, 0xd0);
    assert_int_equal(get(0), 0x00b000b0);
    command(0, 0x50);
    assert_int_equal(get(0), 0xffffffff); /* nothing was programmed */
    command(0, 0xe8);
    command(0, 0);
    set(0, 0);
    command(0, 0xff); /* not confirmed */
    command(0, 0xff);
    assert_int_equal(get(0), 0xffffffff);
    command(0, 0x60);
    command(0, 0xd0);
    command(0, 0xff);
    assert_int_equal(get(0), 0xffffffff);
}

static void any_writes_are_survived(void **state)
{
    static const uint8_t bytes[] = {0xff, 0xe8, 0x40, 0x20, 0xd0, 0x60, 0x98, 0x90, 0x70, 0x50, 0x00, 0x03};
    uint32_t random = 99;
    uint64_t value;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        unsigned size = 1u << (random >> 9 & 3);
        uint64_t offset = (random >> 11) % (BANK + 64) / size * size;

        random = random * 1664525 + 1013904223;
        assert_int_equal(bus_write(dev, &cfi_flash_ops, offset, size, bytes[(random >> 24) % 12] | (uint64_t)random << 32),
                         offset + size <= BANK);
        assert_int_equal(bus_read(dev, &cfi_flash_ops, offset, size, &value), offset + size <= BANK);
    }
}

static void file_is_loaded(void **state)
{
    struct cfi_flash_config config = {.size = BANK, .file = path, .readonly = true};
    struct err err;
    uint8_t peek[6];
    char *large = calloc(1, BANK + 1);

    (void)state;
    cfi_flash_free(flash);
    assert_int_equal(os_file_write(path, "firmware", 8, NULL), 0);
    open_with(&config);
    assert_int_equal(get(0), 0x6d726966);
    assert_int_equal(get(8), 0xffffffff);
    assert_true(cfi_flash_peek(flash, 6, peek, 6));
    assert_memory_equal(peek, "re\xff\xff\xff\xff", 6);
    assert_false(cfi_flash_peek(flash, BANK - 5, peek, 6));
    assert_false(cfi_flash_peek(flash, UINT64_MAX, peek, 6));
    command(0, 0x40);
    set(0, 0);
    assert_int_equal(get(0), 0x00920092); /* locked */
    command(0, 0x50);
    command(0, 0x20);
    command(0, 0xd0);
    assert_int_equal(get(0), 0x00a200a2);
    command(0, 0xff);
    assert_int_equal(get(0), 0x6d726966);
    cfi_flash_free(flash);
    flash = NULL;
    assert_int_equal(os_file_write(path, large, BANK + 1, NULL), 0);
    assert_int_equal(cfi_flash_new(&flash, "flash0", &bench.env, &config, &err), -STATUS_config);
    assert_non_null(strstr(err.text, path));
    config.file = "/nonexistent";
    assert_int_equal(cfi_flash_new(&flash, "flash0", &bench.env, &config, &err), -STATUS_not_found);
    config.size = BANK + 4;
    assert_int_equal(cfi_flash_new(&flash, "flash0", &bench.env, &config, &err), -STATUS_config);
    free(large);
}

static uint32_t in_file(long offset)
{
    uint8_t bytes[4] = {0};
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fread(bytes, 1, 4, file), 4);
    fclose(file);
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void file_is_written_back(void **state)
{
    const struct cfi_flash_config config = {.size = BANK, .file = path, .write_back = true};
    struct err err;

    (void)state;
    cfi_flash_free(flash);
    flash = NULL;
    assert_int_equal(os_file_write(path, "short", 5, NULL), 0);
    assert_int_equal(cfi_flash_new(&flash, "flash0", &bench.env, &config, &err), -STATUS_config);
    assert_non_null(strstr(err.text, "1048576"));
    assert_int_equal(truncate(path, BANK), 0);
    open_with(&config);
    erase(0);
    erase(CFI_FLASH_BLOCK);
    program(CFI_FLASH_BLOCK + 8, 0xcafe1234);
    assert_true(EVENTUALLY(in_file(CFI_FLASH_BLOCK + 8) == 0xcafe1234)); /* by itself, soon */
    assert_int_equal(in_file(0), 0xffffffff);
    assert_int_equal(in_file(2 * CFI_FLASH_BLOCK), 0);
    program(4, 0x11223344);
    device_call(dev, dev->class->pause);
    assert_int_equal(in_file(4), 0x11223344);
    program(12, 0x55667788);
    cfi_flash_free(flash);
    assert_int_equal(in_file(12), 0x55667788);
    open_with(&config);
    assert_int_equal(get(4), 0x11223344);
    assert_int_equal(get(CFI_FLASH_BLOCK + 8), 0xcafe1234);
}

/* A file that is not there is made, and becomes as long as what was written; below that it is erased. */
static void file_grows(void **state)
{
    const struct cfi_flash_config config = {.size = BANK, .file = path, .write_back = true, .grow = true};
    struct stat st;

    (void)state;
    cfi_flash_free(flash);
    unlink(path);
    open_with(&config);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(get(0), 0xffffffff);
    program(2 * CFI_FLASH_BLOCK + 8, 0xcafe1234);
    device_call(dev, dev->class->pause);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3 * CFI_FLASH_BLOCK);
    assert_int_equal(in_file(0), 0xffffffff);
    assert_int_equal(in_file(2 * CFI_FLASH_BLOCK - 4), 0xffffffff);
    assert_int_equal(in_file(2 * CFI_FLASH_BLOCK + 8), 0xcafe1234);
    program(4, 0x11223344);
    cfi_flash_free(flash);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3 * CFI_FLASH_BLOCK);
    assert_int_equal(truncate(path, CFI_FLASH_BLOCK + 5), 0); /* ends within a block */
    open_with(&config);
    assert_int_equal(get(4), 0x11223344);
    assert_int_equal(get(CFI_FLASH_BLOCK), 0xffffffff);
    assert_int_equal(get(CFI_FLASH_BLOCK + 8), 0xffffffff);
    program(3 * CFI_FLASH_BLOCK, 0x55667788);
    device_call(dev, dev->class->pause);
    assert_int_equal(in_file(2 * CFI_FLASH_BLOCK + 8), 0xffffffff);
    assert_int_equal(in_file(3 * CFI_FLASH_BLOCK), 0x55667788);
}

static void snapshot(void **state)
{
    struct text saved;

    (void)state;
    command(0x2000, 0xe8);
    command(0x2000, 1);
    set(0x2010, 0x11111111);
    device_save(dev, &saved);
    device_call(dev, dev->class->reset);
    assert_int_equal(get(0x2010), 0xffffffff);
    device_load_spoiled(dev, &saved);
    set(0x2014, 0x22222222);
    command(0x2000, 0xd0);
    command(0x2000, 0xff);
    assert_int_equal(get(0x2010), 0x11111111);
    assert_int_equal(get(0x2014), 0x22222222);
    text_fini(&saved);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_flash, close_flash)
    const struct CMUnitTest tests[] = {
        CASE(answers_query),
        CASE(programs_and_erases),
        CASE(programs_buffers),
        CASE(wrong_orders_are_told),
        CASE(any_writes_are_survived),
        CASE(file_is_loaded),
        CASE(file_is_written_back),
        CASE(file_grows),
        CASE(snapshot),
    };

    return cmocka_run_group_tests_name("device_cfi_flash", tests, NULL, NULL);
}
