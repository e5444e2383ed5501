/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whole files: limits, errors that name the file, pipes, mapping, replacing. */
#include "os/file.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

static char path[] = "/tmp/os_file.XXXXXX";

static int make(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd);
}

static int clean(void **state)
{
    (void)state;
    return unlink(path);
}

static void reads_up_to_limit(void **state)
{
    char *content = malloc(100000);
    struct err err;
    void *data;
    size_t len;

    (void)state;
    memset(content, 'q', 100000);
    assert_int_equal(os_file_write(path, content, 100000, &err), 0);
    assert_int_equal(os_file_read(path, 100000, &data, &len, &err), 0);
    assert_int_equal(len, 100000);
    assert_memory_equal(data, content, len);
    assert_int_equal(((char *)data)[len], 0);
    free(data);
    assert_int_equal(os_file_read(path, 99999, &data, &len, &err), -STATUS_config);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "99999"));
    free(content);
}

static void tells_what_is_wrong(void **state)
{
    struct os_map map;
    struct err err;
    void *data;
    size_t len;

    (void)state;
    assert_int_equal(os_file_read("/nonexistent/file", 10, &data, &len, &err), -STATUS_not_found);
    assert_string_equal(err.text, "cannot open /nonexistent/file: No such file or directory");
    assert_int_equal(os_file_read("/tmp", 10, &data, &len, &err), -STATUS_config);
    assert_string_equal(err.text, "/tmp is a directory, not a file");
    assert_int_equal(os_file_map(&map, "/dev/null", &err), -STATUS_config);
    assert_int_equal(os_file_write("/nonexistent/file", "", 0, &err), -STATUS_not_found);
}

static void reads_endless_file(void **state)
{
    struct err err;
    void *data;
    size_t len;

    (void)state;
    assert_int_equal(os_file_read("/dev/zero", 100000, &data, &len, &err), -STATUS_config);
    assert_int_equal(os_file_read("/dev/null", 0, &data, &len, &err), 0);
    assert_int_equal(len, 0);
    free(data);
    assert_int_equal(os_file_read("/proc/self/status", 1 << 20, &data, &len, &err), 0); /* stat says 0 bytes */
    assert_true(len > 100);
    free(data);
}

static void maps(void **state)
{
    struct os_map map;
    struct err err;

    (void)state;
    assert_int_equal(os_file_write(path, "hello", 5, &err), 0);
    assert_int_equal(os_file_map(&map, path, &err), 0);
    assert_int_equal(map.len, 5);
    assert_memory_equal(map.data, "hello", 5);
    os_file_unmap(&map);
    os_file_unmap(&map);
    assert_int_equal(os_file_write(path, "", 0, &err), 0);
    assert_int_equal(os_file_map(&map, path, &err), 0);
    assert_int_equal(map.len, 0);
    assert_null(map.data);
    os_file_unmap(&map);
}

static void creates(void **state)
{
    struct err err;
    FILE *file;
    void *data;
    size_t len;

    (void)state;
    unlink(path);
    assert_int_equal(os_file_create(&file, path, true, &err), 0);
    fputs("one\ntwo", file);
    assert_int_equal(os_file_read(path, 10, &data, &len, &err), 0); /* the line that is complete */
    assert_string_equal(data, "one\n");
    free(data);
    fclose(file);
    assert_int_equal(os_file_create(&file, path, true, &err), -STATUS_conflict);
    assert_int_equal(os_file_create(&file, path, false, &err), 0);
    fclose(file);
    assert_int_equal(os_file_read(path, 10, &data, &len, &err), 0);
    assert_int_equal(len, 0);
    free(data);
    unlink(path);
    assert_int_equal(symlink("/nonexistent", path), 0);
    assert_int_equal(os_file_create(&file, path, true, &err), -STATUS_conflict);
    unlink(path);
    assert_int_equal(os_file_create(&file, "/nonexistent/file", false, &err), -STATUS_not_found);
    assert_int_equal(os_file_write(path, "", 0, &err), 0);
}

static void puts_in_one_piece(void **state)
{
    struct err err;
    void *data;
    size_t len;

    (void)state;
    assert_int_equal(os_file_write(path, "0123456789", 10, &err), 0);
    assert_int_equal(os_file_put(path, "abc"), 0); /* nothing is cut off: the kernel's files cannot be */
    assert_int_equal(os_file_read(path, 20, &data, &len, &err), 0);
    assert_string_equal(data, "abc3456789");
    free(data);
    assert_int_equal(os_file_put("/nonexistent/file", "x"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(os_file_put("/dev/full", "x"), -1);
    assert_int_equal(errno, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_up_to_limit),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(reads_endless_file),
        cmocka_unit_test(maps),
        cmocka_unit_test(creates),
        cmocka_unit_test(puts_in_one_piece),
    };

    return cmocka_run_group_tests_name("os_file", tests, make, clean);
}
