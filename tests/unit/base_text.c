/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The growing string: growth, its maximum, JSON. */
#include "base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void grows(void **state)
{
    struct text text;

    (void)state;
    text_init(&text, 100000);
    assert_string_equal(text_str(&text), "");
    for (int i = 0; i < 10000; i++)
        text_printf(&text, "%04d,", i);
    assert_true(text_ok(&text));
    assert_int_equal(text.len, 50000);
    assert_memory_equal(text_str(&text) + 5 * 1234, "1234,", 5);
    text_clear(&text);
    assert_string_equal(text_str(&text), "");
    text_fini(&text);
}

static void stops_at_maximum(void **state)
{
    struct text text;

    (void)state;
    for (size_t max = 0; max < 200; max++) {
        text_init(&text, max);
        for (int i = 0; i < 30; i++)
            text_puts(&text, "abcdefgh");
        assert_false(text_ok(&text));
        assert_int_equal(text.len, max);
        assert_int_equal(strlen(text_str(&text)), max);
        assert_null(text_take(&text));
        text_fini(&text);
    }
}

static void prints_long_strings(void **state)
{
    struct text text;
    char *taken;

    (void)state;
    text_init(&text, 10000);
    text_printf(&text, "%0*d", 5000, 7);
    assert_int_equal(text.len, 5000);
    taken = text_take(&text);
    assert_non_null(taken);
    assert_int_equal(strlen(taken), 5000);
    assert_int_equal(text.len, 0);
    free(taken);
    taken = text_take(&text);
    assert_string_equal(taken, "");
    free(taken);
}

static void escapes_json(void **state)
{
    struct text text;

    (void)state;
    text_init(&text, 1000);
    text_json(&text, "a\"b\\c\nd\x1b\x7f");
    assert_string_equal(text_str(&text), "a\\\"b\\\\c\\nd\\u001b\\u007f");
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),
        cmocka_unit_test(stops_at_maximum),
        cmocka_unit_test(prints_long_strings),
        cmocka_unit_test(escapes_json),
    };

    return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
