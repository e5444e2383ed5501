/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* State: every type there and back, the bytes of the format, unknown and missing fields, and bytes of an enemy. */
#include "base/bits.h"
#include "state/state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the others first */

struct thing {
    uint8_t a;
    uint16_t b[3];
    uint32_t c;
    uint64_t d[2];
    bool e, guard;
    uint8_t f[5];
    unsigned loaded;
};

static int thing_after_load(void *self)
{
    struct thing *thing = self;

    thing->loaded++;
    return thing->a == 0xee ? -STATUS_corrupt : 0;
}

static const struct state_field fields[] = {
    STATE_FIELD(1, struct thing, a, u8, 1),  STATE_FIELD(2, struct thing, b, u16, 3),  STATE_FIELD(3, struct thing, c, u32, 1),
    STATE_FIELD(4, struct thing, d, u64, 2), STATE_FIELD(5, struct thing, e, bool, 1), STATE_FIELD(6, struct thing, f, bytes, 5),
};
static const struct state_desc desc = {"thing", fields, ARRAY_LEN(fields), thing_after_load};

static const struct thing sample = {
    .a = 0x12,
    .b = {0x3456, 0x789a, 0xffff},
    .c = 0xdeadbeef,
    .d = {0x0123456789abcdef, UINT64_MAX},
    .e = true,
    .f = {1, 2, 3, 4, 5},
};

static void goes_there_and_back(void **state)
{
    struct thing back = {0};
    struct text text;
    struct err err;

    (void)state;
    text_init(&text, 10000);
    state_save(&desc, &sample, &text);
    assert_true(text_ok(&text));
    assert_int_equal(state_load(&desc, &back, text_str(&text), text.len, &err), 0);
    assert_int_equal(back.loaded, 1);
    back.loaded = 0;
    assert_memory_equal(&back, &sample, sizeof(back));
    text_fini(&text);
    text_init(&text, 20); /* too small: told, not overrun */
    state_save(&desc, &sample, &text);
    assert_false(text_ok(&text));
    text_fini(&text);
}

static void format_is_fixed(void **state)
{
    static const uint8_t begin[] = {1, 0, 0, 0, 1, 0, 0, 0, 0x12, 2, 0, 1, 0, 6, 0, 0, 0, 0x56, 0x34, 0x9a, 0x78, 0xff, 0xff, 3, 0, 2, 0};
    struct text text;

    (void)state;
    text_init(&text, 10000);
    state_save(&desc, &sample, &text);
    assert_memory_equal(text_str(&text), begin, sizeof(begin));
    assert_int_equal(text.len, 6 * 8 + 1 + 6 + 4 + 16 + 1 + 5);
    text_fini(&text);
}

static void unknown_and_missing_fields(void **state)
{
    static const uint8_t newer[] = {99, 0, 77, 0, 3, 0, 0, 0, 1, 2, 3, 1, 0, 0, 0, 1, 0, 0, 0, 0x21};
    struct thing back = sample;
    struct err err;

    (void)state;
    assert_int_equal(state_load(&desc, &back, newer, sizeof(newer), &err), 0);
    assert_int_equal(back.a, 0x21);
    assert_int_equal(back.c, sample.c); /* missing: as it was */
    assert_int_equal(state_load(&desc, &back, NULL, 0, &err), 0);
    assert_int_equal(state_load(&state_none, NULL, newer, sizeof(newer), &err), 0);
}

static int load(const void *data, size_t len)
{
    struct thing back = {0};
    struct err err = {0};
    int status = state_load(&desc, &back, data, len, &err);

    assert_int_equal(status, err.status);
    assert_false(back.guard);
    return status;
}

static void refuses_bad_bytes(void **state)
{
    static const uint8_t type[] = {1, 0, 1, 0, 1, 0, 0, 0, 0};
    static const uint8_t length[] = {1, 0, 0, 0, 2, 0, 0, 0, 0, 0};
    static const uint8_t endless[] = {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0};
    static const uint8_t unknown_endless[] = {98, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0};
    static const uint8_t truth[] = {5, 0, 4, 0, 1, 0, 0, 0, 2};
    static const uint8_t sense[] = {1, 0, 0, 0, 1, 0, 0, 0, 0xee};

    (void)state;
    assert_int_equal(load(type, sizeof(type)), -STATUS_corrupt);
    assert_int_equal(load(length, sizeof(length)), -STATUS_corrupt);
    assert_int_equal(load(endless, sizeof(endless)), -STATUS_corrupt);
    assert_int_equal(load(unknown_endless, sizeof(unknown_endless)), -STATUS_corrupt);
    assert_int_equal(load(truth, sizeof(truth)), -STATUS_corrupt);
    assert_int_equal(load(sense, sizeof(sense)), -STATUS_corrupt);
}

static void survives_any_bytes(void **state)
{
    struct text text;
    uint32_t random = 4711;

    (void)state;
    text_init(&text, 10000);
    state_save(&desc, &sample, &text);
    for (size_t cut = 0; cut < text.len; cut++)
        (void)load(text_str(&text), cut);
    for (int round = 0; round < 20000; round++) {
        size_t at;
        char old;

        random = random * 1664525 + 1013904223;
        at = (random >> 8) % text.len;
        old = text.data[at];
        text.data[at] = (char)(random >> 24);
        (void)load(text_str(&text), text.len);
        if (round % 3)
            text.data[at] = old;
    }
    text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_there_and_back), cmocka_unit_test(format_is_fixed),    cmocka_unit_test(unknown_and_missing_fields),
        cmocka_unit_test(refuses_bad_bytes),   cmocka_unit_test(survives_any_bytes),
    };

    return cmocka_run_group_tests_name("state_fields", tests, NULL, NULL);
}
