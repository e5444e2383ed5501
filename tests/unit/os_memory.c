/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guest memory, its limits by control groups of both versions, random bytes. */
#include "os/os.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

static void starts_zero_and_keeps(void **state)
{
    struct os_memory memory;
    struct err err;

    (void)state;
    assert_int_equal(os_memory_new(&memory, "ram", 1 << 20, &err), 0);
    for (unsigned i = 0; i < 1 << 20; i += 4093)
        assert_int_equal(memory.host[i], 0);
    memset(memory.host, 0xaa, 1 << 20);
    os_memory_discard(&memory, 100, 20000);
    assert_int_equal(memory.host[99], 0xaa);
    for (unsigned i = 100; i < 20100; i++)
        assert_int_equal(memory.host[i], 0);
    assert_int_equal(memory.host[20100], 0xaa);
    os_memory_discard(&memory, (1 << 20) - 10, UINT64_MAX); /* cut at the end */
    assert_int_equal(memory.host[(1 << 20) - 11], 0xaa);
    assert_int_equal(memory.host[(1 << 20) - 1], 0);
    os_memory_discard(&memory, UINT64_MAX, 5);
    os_memory_free(&memory);
    os_memory_free(&memory);
}

static void takes_large_pieces(void **state)
{
    enum { SIZE = 1 << 20, AT = 5000, LEN = 700001 };
    struct os_memory memory, plain;
    struct err err;
    uint8_t *piece = malloc(LEN);

    (void)state;
    assert_non_null(piece);
    for (unsigned i = 0; i < LEN; i++)
        piece[i] = (uint8_t)(i * 13 + (i >> 8));
    assert_int_equal(os_memory_new(&memory, "ram", SIZE, &err), 0);
    for (unsigned i = 0; i < 2; i++) {
        plain = memory;
        plain.fd = i ? -1 : memory.fd; /* also where there is no file behind it */
        memset(memory.host, 0x55, SIZE);
        os_memory_put(&plain, AT, piece, LEN);
        assert_memory_equal(memory.host + AT, piece, LEN);
        assert_int_equal(memory.host[AT - 1], 0x55);
        assert_int_equal(memory.host[AT + LEN], 0x55);
    }
    os_memory_free(&memory);
    free(piece);
}

static void reserves_without_touching(void **state)
{
    struct os_memory memory;
    struct err err;

    (void)state;
    assert_int_equal(os_memory_new(&memory, "ram", 64ull << 30, &err), 0); /* far more than is free */
    memory.host[63ull << 30] = 1;
    os_memory_free(&memory);
    assert_int_equal(os_memory_new(&memory, "ram", 0, &err), -STATUS_config);
    assert_true(os_memory_new(&memory, "ram", UINT64_MAX, &err) < 0);
    assert_true(os_memory_new(&memory, "ram", 1ull << 60, &err) < 0);
}

static void put(const char *root, const char *path, const char *text)
{
    char name[300];
    FILE *file;

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(name, sizeof(name), "%s%.*s", root, (int)(slash - path), path);
        mkdir(name, 0700);
    }
    snprintf(name, sizeof(name), "%s%s", root, path);
    file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void drop(const char *root, const char *path)
{
    char name[300];

    snprintf(name, sizeof(name), "%s%s", root, path);
    assert_int_equal(remove(name), 0);
}

static void finds_group_limits(void **state)
{
    char root[] = "/tmp/os_memory.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(root));
    put(root, "/a/b/memory.max", "max\n");
    put(root, "/a/memory.max", "1000000\n");
    put(root, "/memory/x/memory.limit_in_bytes", "500000\n");
    assert_true(os_cgroup_memory_limit("", root) == UINT64_MAX);
    assert_true(os_cgroup_memory_limit("0::/\n", root) == UINT64_MAX);
    assert_true(os_cgroup_memory_limit("junk\n:\n::\n5:memory\n", root) == UINT64_MAX);
    assert_int_equal(os_cgroup_memory_limit("0::/a/b\n", root), 1000000); /* the parent's */
    assert_int_equal(os_cgroup_memory_limit("7:cpu,memory:/x/y\n0::/a/b\n", root), 500000);
    assert_int_equal(os_cgroup_memory_limit("7:cpu,memoryx:/x\n0::/a\n", root), 1000000);
    assert_true(os_cgroup_memory_limit("9:cpu:/a\n", root) == UINT64_MAX);
    drop(root, "/a/b/memory.max");
    drop(root, "/a/memory.max");
    drop(root, "/memory/x/memory.limit_in_bytes");
    drop(root, "/a/b");
    drop(root, "/a");
    drop(root, "/memory/x");
    drop(root, "/memory");
    drop(root, "");
    assert_in_range(os_memory_limit(), 16 << 20, 1ull << 60);
}

static void random_differs(void **state)
{
    uint8_t a[64], b[64];

    (void)state;
    assert_int_equal(os_random(a, sizeof(a), NULL), 0);
    assert_int_equal(os_random(b, sizeof(b), NULL), 0);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_zero_and_keeps), cmocka_unit_test(takes_large_pieces), cmocka_unit_test(reserves_without_touching),
        cmocka_unit_test(finds_group_limits),    cmocka_unit_test(random_differs),
    };

    return cmocka_run_group_tests_name("os_memory", tests, NULL, NULL);
}
