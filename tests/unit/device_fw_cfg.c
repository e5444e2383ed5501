/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fw_cfg by its registers and by DMA: items, the directory, ends, requests that are wrong, snapshot. */
#include "base/bits.h"
#include "device/misc/fw_cfg.h"
#include "device_bench.h"
#include <stdio.h>

#define RAM 0x40000000ull
enum { RAM_SIZE = 64 << 10, DATA = 0, SELECT = 8, DMA = 16, REQUEST = 0x100, TO = 0x1000 };
enum { ERROR = 1, READ = 2, SKIP = 4, CHOOSE = 8, WRITE = 16 };

static struct bench bench;
static struct mem_space *space;
static struct fw_cfg *fw;
static struct device *dev;

static int open_all(void **state)
{
    (void)state;
    bench_open(&bench);
    assert_int_equal(mem_space_new(&space), 0);
    assert_int_equal(mem_space_add_ram(space, "ram", RAM, RAM_SIZE, NULL), 0);
    bench.env.space = space;
    assert_int_equal(fw_cfg_new(&fw, "fw_cfg", &bench.env, NULL), 0);
    dev = fw_cfg_device(fw);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fw_cfg_free(fw);
    fw_cfg_free(NULL);
    mem_space_free(space);
    bench_close(&bench);
    return 0;
}

static void select_item(unsigned key) { reg_set(dev, &fw_cfg_ops, SELECT, 2, __builtin_bswap16((uint16_t)key)); }
static uint64_t data(unsigned size) { return reg(dev, &fw_cfg_ops, DATA, size); }

static uint32_t dma(uint32_t control, uint32_t len, uint64_t address)
{
    uint8_t request[16];
    be32_put(request, control);
    be32_put(request + 4, len);
    be32_put(request + 8, (uint32_t)(address >> 32));
    be32_put(request + 12, (uint32_t)address);
    assert_true(mem_write(space, RAM + REQUEST, request, sizeof request));
    reg_set(dev, &fw_cfg_ops, DMA, 8, __builtin_bswap64(RAM + REQUEST));
    assert_true(mem_read(space, RAM + REQUEST, request, sizeof request));
    return be32_get(request);
}

static void registers(void **state)
{
    (void)state;
    select_item(FW_CFG_signature);
    assert_int_equal(data(1), 'Q');
    assert_int_equal(data(2), 'E' | 'M' << 8);
    assert_int_equal(data(8), 'U'); /* and zeros behind the end */
    assert_int_equal(data(4), 0);
    select_item(FW_CFG_id);
    assert_int_equal(data(4), 3);
    assert_int_equal(fw_cfg_put_number(fw, FW_CFG_cpus, 0x1234, 2, NULL), 0);
    select_item(FW_CFG_cpus);
    assert_int_equal(data(8), 0x1234);
    select_item(0x7777);
    assert_int_equal(data(8), 0);
    assert_true(reg(dev, &fw_cfg_ops, DMA, 8) == 0x47464320554d4551);
    assert_int_equal(reg(dev, &fw_cfg_ops, DMA + 4, 4), 0x47464320);
    reg_set(dev, &fw_cfg_ops, DATA, 8, 1); /* not to be written */
    reg_set(dev, &fw_cfg_ops, SELECT, 1, 1);
}

static void files_have_names(void **state)
{
    struct err err = {0};
    char name[80];
    (void)state;
    assert_int_equal(fw_cfg_put_file(fw, "etc/first", "one", 3, NULL), 0);
    assert_int_equal(fw_cfg_put_file(fw, "etc/second", "twenty", 6, NULL), 0);
    assert_int_equal(fw_cfg_put_file(fw, "etc/first", "1", 1, NULL), 0); /* replaced, where it was */
    select_item(FW_CFG_directory);
    assert_int_equal(data(4), __builtin_bswap32(2));
    assert_int_equal(data(4), __builtin_bswap32(1));
    assert_int_equal(data(2), __builtin_bswap16(0x20));
    assert_int_equal(data(2), 0);
    for (size_t i = 0; i < FW_CFG_NAME; i++)
        assert_int_equal(data(1), i < 9 ? "etc/first"[i] : 0);
    assert_int_equal(data(4), __builtin_bswap32(6));
    assert_int_equal(data(2), __builtin_bswap16(0x21));
    select_item(0x21);
    assert_memory_equal(&(uint64_t){data(8)}, "twenty\0\0", 8);
    memset(name, 'n', sizeof name);
    name[FW_CFG_NAME] = 0;
    assert_true(fw_cfg_put_file(fw, name, "", 0, &err) < 0);
    assert_non_null(strstr(err.text, "1 to 55 characters"));
    assert_true(fw_cfg_put_file(fw, "", "", 0, &err) < 0);
    int rc = 0;
    for (unsigned i = 0; i < 200 && !rc; i++) {
        snprintf(name, sizeof name, "opt/%u", i);
        rc = fw_cfg_put_file(fw, name, "x", 1, &err);
    }
    assert_int_equal(rc, -STATUS_config);
    assert_non_null(strstr(err.text, "more than 128 items"));
}

static void by_dma(void **state)
{
    char text[16] = {0};
    (void)state;
    assert_int_equal(fw_cfg_put_file(fw, "f", "0123456789", 10, NULL), 0);
    assert_int_equal(mem_write(space, RAM + TO, "################", 16), true);
    assert_int_equal(dma(0x20 << 16 | CHOOSE | READ, 4, RAM + TO), 0);
    assert_int_equal(dma(SKIP, 3, 0), 0);
    assert_int_equal(dma(READ, 6, RAM + TO + 4), 0);
    assert_true(mem_read(space, RAM + TO, text, 16));
    assert_memory_equal(text, "0123789\0\0\0######", 16);
    assert_int_equal(dma(CHOOSE | 0x20 << 16, 0, 0), 0);
    assert_int_equal(data(1), '0');
    assert_int_equal(dma(WRITE, 4, RAM + TO), ERROR);
    /* The address in halves. */
    reg_set(dev, &fw_cfg_ops, DMA, 4, 0);
    uint8_t request[16] = {[3] = CHOOSE | READ, [1] = 0x20, [7] = 2, [12] = 0x40, [14] = 0x20};
    assert_true(mem_write(space, RAM + REQUEST, request, 16));
    reg_set(dev, &fw_cfg_ops, DMA + 4, 4, __builtin_bswap32((uint32_t)RAM + REQUEST));
    assert_true(mem_read(space, RAM + 0x2000, text, 2));
    assert_memory_equal(text, "01", 2);
}

static void wrong_requests(void **state)
{
    (void)state;
    assert_int_equal(fw_cfg_put_file(fw, "f", "0123456789", 10, NULL), 0);
    assert_int_equal(dma(0x20 << 16 | CHOOSE | READ, 10, RAM + RAM_SIZE - 4), ERROR);
    assert_int_equal(dma(0x20 << 16 | CHOOSE | READ, UINT32_MAX, RAM + TO), ERROR); /* RAM ends before */
    assert_int_equal(dma(READ, 4, 0), ERROR);
    assert_int_equal(dma(READ, 4, UINT64_MAX - 1), ERROR);
    assert_int_equal(dma(READ, 0, 0), 0);
    assert_int_equal(dma(SKIP, UINT32_MAX, 0), 0);
    assert_int_equal(dma(SKIP, UINT32_MAX, 0), 0);
    assert_int_equal(data(8), 0);
    reg_set(dev, &fw_cfg_ops, DMA, 8, 0); /* nothing is there */
    reg_set(dev, &fw_cfg_ops, DMA, 8, UINT64_MAX);
}

static void snapshot(void **state)
{
    struct text saved;
    (void)state;
    select_item(FW_CFG_signature);
    data(1);
    device_save(dev, &saved);
    device_call(dev, dev->class->reset);
    assert_int_equal(data(1), 'Q');
    assert_int_equal(device_load(dev, &saved), 0);
    assert_int_equal(data(1), 'E');
    device_load_spoiled(dev, &saved);
    text_fini(&saved);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
    const struct CMUnitTest tests[] = {TEST(registers), TEST(files_have_names), TEST(by_dma), TEST(wrong_requests), TEST(snapshot)};
    return cmocka_run_group_tests_name("device_fw_cfg", tests, NULL, NULL);
}
