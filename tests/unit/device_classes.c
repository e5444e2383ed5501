/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of device classes: complete rows, unique names, state descriptions that hold together. */
#include "device/device.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void rows_are_complete(void **state)
{
    (void)state;
    assert_non_null(device_classes[0]);
    for (const struct device_class *const *c = device_classes; *c; c++) {
        assert_non_null((*c)->name);
        assert_non_null((*c)->doc);
        assert_true(strlen((*c)->doc) > 10);
        assert_non_null((*c)->state);
        assert_non_null((*c)->reset);
        assert_non_null((*c)->free);
        assert_ptr_equal(device_class_find((*c)->name), *c); /* no two of one name */
    }
    assert_null(device_class_find("nothing"));
}

static void fields_are_numbered_once(void **state)
{
    (void)state;
    for (const struct device_class *const *c = device_classes; *c; c++) {
        const struct state_desc *desc = (*c)->state;

        for (size_t i = 0; i < desc->nfields; i++) {
            assert_true(desc->fields[i].number > 0);
            assert_true(desc->fields[i].count > 0);
            for (size_t k = 0; k < i; k++)
                assert_int_not_equal(desc->fields[k].number, desc->fields[i].number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_complete), cmocka_unit_test(fields_are_numbered_once)};

    return cmocka_run_group_tests_name("device_classes", tests, NULL, NULL);
}
