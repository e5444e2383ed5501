/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hash map against a plain array, with keys that collide, through many random insertions and removals. */
#include "base/map.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* wants the others first */

enum { KEYS = 700 };

static uint64_t key_of(unsigned i) { return i % 3 == 0 ? i : i % 3 == 1 ? (uint64_t)i << 12 : (uint64_t)i << 56 | i; }

static void agrees_with_array(void **state)
{
    static int values[KEYS];
    void *model[KEYS] = {0};
    size_t count = 0;
    uint32_t random = 12345;
    struct map map;

    (void)state;
    map_init(&map);
    assert_null(map_get(&map, 5));
    assert_null(map_remove(&map, 5));
    for (unsigned step = 0; step < 200000; step++) {
        unsigned i;

        random = random * 1664525 + 1013904223;
        i = (random >> 8) % KEYS;
        if (random >> 31) {
            count += !model[i];
            model[i] = &values[i];
            assert_int_equal(map_set(&map, key_of(i), model[i]), 0);
        } else {
            assert_ptr_equal(map_remove(&map, key_of(i)), model[i]);
            count -= !!model[i];
            model[i] = NULL;
        }
        assert_int_equal(map.count, count);
        i = (random >> 4) % KEYS;
        assert_ptr_equal(map_get(&map, key_of(i)), model[i]);
    }
    for (unsigned i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&map, key_of(i)), model[i]);
    map_fini(&map);
}

static void visits_all(void **state)
{
    static int value;
    const struct map_slot *slot;
    uint64_t sum = 0;
    struct map map;

    (void)state;
    map_init(&map);
    for (uint64_t i = 0; i <= 100; i++)
        assert_int_equal(map_set(&map, i, &value), 0);
    for (size_t at = 0; (slot = map_next(&map, &at));)
        sum += slot->key;
    assert_int_equal(sum, 5050);
    map_clear(&map);
    assert_null(map_get(&map, 7));
    assert_int_equal(map.count, 0);
    map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_array), cmocka_unit_test(visits_all)};

    return cmocka_run_group_tests_name("base_map", tests, NULL, NULL);
}
