/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Errors: status and text, one line whatever is formatted in, context outward, no struct at all. */
#include "base/err.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void sets_status_and_text(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set(&err, STATUS_config, "memory %d is too small", 3), -STATUS_config);
    assert_int_equal(err.status, -STATUS_config);
    assert_string_equal(err.text, "memory 3 is too small");
    assert_int_equal(err_prefix(&err, "machine %s", "a"), -STATUS_config);
    assert_string_equal(err.text, "machine a: memory 3 is too small");
}

static void maps_errno(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set_errno(&err, ENOENT, "cannot open %s", "x"), -STATUS_not_found);
    assert_string_equal(err.text, "cannot open x: No such file or directory");
    assert_int_equal(err_set_errno(NULL, EACCES, "x"), -STATUS_permission);
    assert_int_equal(err_set_errno(NULL, ENOSPC, "x"), -STATUS_resource);
    assert_int_equal(err_set_errno(NULL, EIO, "x"), -STATUS_failed);
}

static void works_without_struct(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, STATUS_timeout, "x"), -STATUS_timeout);
    assert_int_equal(err_prefix(NULL, "x"), -STATUS_failed);
}

static void keeps_one_line(void **state)
{
    struct err err = {0};
    char longer[2000];

    (void)state;
    err_set(&err, STATUS_config, "file a\nb\x1b[2J");
    assert_string_equal(err.text, "file a?b?[2J");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    err_set(&err, STATUS_config, "%s", longer);
    err_prefix(&err, "%s", longer);
    err_set_errno(&err, ENOENT, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void names_statuses(void **state)
{
    (void)state;
    assert_string_equal(status_name(-STATUS_config), "config");
    assert_string_equal(status_name(STATUS_corrupt), "corrupt");
    assert_string_equal(status_meaning(0), "success");
    assert_int_equal(status_http(-STATUS_not_found), 404);
    assert_string_equal(status_name(4711), "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_status_and_text), cmocka_unit_test(maps_errno),     cmocka_unit_test(works_without_struct),
        cmocka_unit_test(keeps_one_line),       cmocka_unit_test(names_statuses),
    };

    return cmocka_run_group_tests_name("base_err", tests, NULL, NULL);
}
