/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Device trees: the board's own passes dtc without a warning and says what kernels look for; a tree from the user is checked before it
 * is changed. dtc may be absent: then only libfdt judges.
 */
#include "machine_fdt.h"
#include "machine/boards/virt_riscv64.h"

static const char extensions[] = "i\0m\0a\0f\0d\0c\0zicbom\0zicboz\0zicsr\0sstc";
static uint8_t seed[DT_SEED + 8] = {1, 2, 3};

static void build(struct virt_fdt *virt, void **blob, size_t *len)
{
    struct err err = {0};
    virt->isa = "rv64imafdc_zicbom_zicboz_zicsr_sstc";
    virt->extensions = extensions;
    virt->extensions_len = sizeof extensions;
    virt->mmu = "riscv,sv57";
    virt->ram_size = 1ull << 30;
    if (virt_fdt_build(virt, blob, len, &err))
        fail_msg("%s", err.text);
    assert_int_equal(fdt_check_full(*blob, *len), 0);
}

static void passes_dtc(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        void *blob;
        size_t len;
        struct virt_fdt virt = {.vcpus = i & 1 ? 8 : 1,
                                .machine_mode = i & 2,
                                .chosen = {.bootargs = "console=ttyS0", .initrd = 0x88000000, .initrd_end = 0x88001000, .seed = seed}};
        build(&virt, &blob, &len);
        dtc_is_content(blob, len);
        free(blob);
    }
}

static void says_where_things_are(void **state)
{
    (void)state;
    void *blob;
    size_t len;
    struct virt_fdt virt = {.vcpus = 2, .machine_mode = true, .chosen = {.seed = seed}};
    build(&virt, &blob, &len);
    assert_int_equal(reg_of(blob, "/memory@80000000"), 0x80000000);
    assert_int_equal(reg_of(blob, "/soc/serial@10000000"), 0x10000000);
    assert_int_equal(reg_of(blob, "/soc/virtio_mmio@10008000"), 0x10008000);
    assert_int_equal(reg_of(blob, "/soc/interrupt-controller@c000000"), 0xc000000);
    assert_int_equal(reg_of(blob, "/soc/clint@2000000"), 0x2000000);
    assert_int_equal(reg_of(blob, "/soc/test@100000"), 0x100000);
    assert_true(fdt_path_offset(blob, "/cpus/cpu@1/interrupt-controller") > 0);
    assert_true(fdt_path_offset(blob, "/cpus/cpu@2") < 0);
    int n, chosen = fdt_path_offset(blob, "/chosen");
    assert_string_equal(fdt_getprop(blob, chosen, "stdout-path", NULL), "/soc/serial@10000000");
    assert_memory_equal(fdt_getprop(blob, chosen, "rng-seed", &n), seed, DT_SEED);
    assert_int_equal(n, DT_SEED);
    assert_null(fdt_getprop(blob, chosen, "bootargs", NULL));
    assert_null(fdt_getprop(blob, chosen, "linux,initrd-start", NULL));
    free(blob);
}

static void hides_machine_mode(void **state)
{
    (void)state;
    void *blob;
    size_t len;
    int n;
    struct virt_fdt virt = {.vcpus = 1};
    build(&virt, &blob, &len);
    assert_true(fdt_path_offset(blob, "/soc/clint@2000000") < 0);
    const void *cells = fdt_getprop(blob, fdt_path_offset(blob, "/soc/interrupt-controller@c000000"), "interrupts-extended", &n);
    assert_int_equal(n, 16);
    assert_int_equal(be32_get((const char *)cells + 4), 0xffffffff);
    assert_int_equal(be32_get((const char *)cells + 12), 9);
    free(blob);
}

static void adopts_a_tree(void **state)
{
    (void)state;
    void *blob, *own;
    size_t len, own_len;
    struct err err = {0};
    struct virt_fdt virt = {.vcpus = 1, .chosen = {.bootargs = "old"}};
    struct dt_chosen chosen = {.bootargs = "new words", .initrd = 1, .initrd_end = 2, .seed = seed};
    build(&virt, &blob, &len);
    assert_int_equal(dt_adopt(blob, len, &chosen, &own, &own_len, &err), 0);
    int node = fdt_path_offset(own, "/chosen");
    assert_string_equal(fdt_getprop(own, node, "bootargs", NULL), "new words");
    assert_int_equal(be64_get(fdt_getprop(own, node, "linux,initrd-end", NULL)), 2);
    free(own);
    chosen = (struct dt_chosen){0};
    assert_int_equal(dt_adopt(blob, len, &chosen, &own, &own_len, &err), 0);
    assert_string_equal(fdt_getprop(own, fdt_path_offset(own, "/chosen"), "bootargs", NULL), "old");
    free(own);
    free(blob);
}

static void refuses_bad_trees(void **state)
{
    (void)state;
    void *blob, *own;
    size_t len, own_len;
    struct err err = {0};
    struct dt_chosen chosen = {.bootargs = "x"};
    struct virt_fdt virt = {.vcpus = 1};
    build(&virt, &blob, &len);
    assert_int_equal(dt_adopt("/dts-v1/; / { };                        ", 40, &chosen, &own, &own_len, &err), -STATUS_corrupt);
    assert_non_null(strstr(err.text, "dtc"));
    assert_int_equal(dt_adopt(blob, len / 2, &chosen, &own, &own_len, &err), -STATUS_corrupt);
    assert_int_equal(dt_adopt(blob, 7, &chosen, &own, &own_len, &err), -STATUS_corrupt);
    uint32_t x = 7;
    uint8_t *damaged = malloc(len);
    for (unsigned i = 0; i < 20000; i++) {
        memcpy(damaged, blob, len);
        for (unsigned k = 0; k < 4; k++) {
            x = x * 1664525 + 1013904223;
            damaged[i & 1 ? (x >> 8) % len : 4 + (x >> 8) % 36] = (uint8_t)(x >> 24);
        }
        if (!dt_adopt(damaged, len, &chosen, &own, &own_len, NULL))
            free(own);
    }
    free(damaged);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_dtc),    cmocka_unit_test(says_where_things_are), cmocka_unit_test(hides_machine_mode),
        cmocka_unit_test(adopts_a_tree), cmocka_unit_test(refuses_bad_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
