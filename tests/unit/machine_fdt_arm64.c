/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The arm64 board's device tree passes dtc without a warning and says what kernels and firmware look for. */
#include "machine/boards/virt_arm64.h"
#include "machine_fdt.h"

static uint8_t seed[DT_SEED + 8] = {1, 2, 3};
static const struct dt_chosen chosen = {.bootargs = "console=ttyAMA0", .initrd = 0x48000000, .initrd_end = 0x48001000, .seed = seed};

static void build(struct virt_arm64_facts *facts, void **blob, size_t *len)
{
    struct err err = {0};
    facts->ram_size = 1ull << 30;
    if (virt_arm64_fdt_build(facts, &chosen, blob, len, &err))
        fail_msg("%s", err.text);
    assert_int_equal(fdt_check_full(*blob, *len), 0);
}

static void passes_dtc(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        void *blob;
        size_t len;
        struct virt_arm64_facts facts = {.vcpus = i & 1 ? 8 : 1, .gic = i & 4 ? 2 : 3, .el2 = i & 2, .pmu = i & 2};
        build(&facts, &blob, &len);
        dtc_is_content(blob, len);
        free(blob);
    }
}

static const char *text_of(const void *blob, const char *path, const char *name)
{
    int node = fdt_path_offset(blob, path);
    if (node < 0)
        fail_msg("no node %s", path);
    return fdt_getprop(blob, node, name, NULL);
}

static void cells_are(const void *blob, const char *path, const char *name, const uint32_t *cells, int count)
{
    int len;
    const char *value = fdt_getprop(blob, fdt_path_offset(blob, path), name, &len);
    assert_non_null(value);
    assert_int_equal(len, 4 * count);
    for (int i = 0; i < count; i++)
        assert_int_equal(be32_get(value + 4 * i), cells[i]);
}

static void says_where_things_are(void **state)
{
    (void)state;
    void *blob;
    size_t len;
    struct virt_arm64_facts facts = {.vcpus = 2, .gic = 3};
    build(&facts, &blob, &len);
    assert_int_equal(reg_of(blob, "/memory@40000000"), 0x40000000);
    assert_int_equal(reg_of(blob, "/pl011@9000000"), 0x9000000);
    assert_int_equal(reg_of(blob, "/pl031@9010000"), 0x9010000);
    assert_int_equal(reg_of(blob, "/fw-cfg@9020000"), 0x9020000);
    assert_int_equal(reg_of(blob, "/pl061@9030000"), 0x9030000);
    assert_int_equal(reg_of(blob, "/virtio_mmio@a003e00"), 0xa003e00);
    assert_true(fdt_path_offset(blob, "/virtio_mmio@a004000") < 0);
    cells_are(blob, "/intc@8000000", "reg", (const uint32_t[]){0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000}, 8);
    cells_are(blob, "/intc@8000000/its@8080000", "reg", (const uint32_t[]){0, 0x8080000, 0, 0x20000}, 4);
    cells_are(blob, "/pl011@9000000", "interrupts", (const uint32_t[]){0, 1, 4}, 3);
    cells_are(blob, "/pl031@9010000", "interrupts", (const uint32_t[]){0, 2, 4}, 3);
    cells_are(blob, "/pl061@9030000", "interrupts", (const uint32_t[]){0, 7, 4}, 3);
    cells_are(blob, "/virtio_mmio@a003e00", "interrupts", (const uint32_t[]){0, 47, 1}, 3);
    cells_are(blob, "/timer", "interrupts", (const uint32_t[]){1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4}, 12);
    cells_are(blob, "/flash@0", "reg", (const uint32_t[]){0, 0, 0, 0x4000000, 0, 0x4000000, 0, 0x4000000}, 8);
    assert_string_equal(text_of(blob, "/chosen", "stdout-path"), "/pl011@9000000");
    assert_string_equal(text_of(blob, "/psci", "method"), "hvc");
    assert_string_equal(text_of(blob, "/cpus/cpu@1", "enable-method"), "psci");
    assert_true(fdt_path_offset(blob, "/cpus/cpu@2") < 0);
    assert_true(fdt_path_offset(blob, "/pmu") < 0);
    free(blob);
    facts = (struct virt_arm64_facts){.vcpus = 1, .gic = 3, .el2 = true, .pmu = true};
    build(&facts, &blob, &len);
    assert_string_equal(text_of(blob, "/psci", "method"), "smc");
    cells_are(blob, "/pmu", "interrupts", (const uint32_t[]){1, 7, 4}, 3);
    free(blob);
    facts = (struct virt_arm64_facts){.vcpus = 4, .gic = 2, .pmu = true};
    build(&facts, &blob, &len);
    assert_string_equal(text_of(blob, "/intc@8000000", "compatible"), "arm,cortex-a15-gic");
    cells_are(blob, "/intc@8000000", "reg", (const uint32_t[]){0, 0x8000000, 0, 0x10000, 0, 0x8010000, 0, 0x2000}, 8);
    cells_are(blob, "/timer", "interrupts", (const uint32_t[]){1, 13, 0xf04, 1, 14, 0xf04, 1, 11, 0xf04, 1, 10, 0xf04}, 12);
    cells_are(blob, "/pmu", "interrupts", (const uint32_t[]){1, 7, 0xf04}, 3);
    assert_true(fdt_path_offset(blob, "/intc@8000000/its@8080000") < 0);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_dtc), cmocka_unit_test(says_where_things_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
