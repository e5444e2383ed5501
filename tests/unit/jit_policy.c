/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tiering policy: thresholds, fading, rounds of loops, pages whose code changes again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "jit/policy.h"
#include <string.h>

#include <cmocka.h>

static const uint64_t HALF_LIFE = 1ull << 30, SECOND = 1000000000; /* insns; ns */

/* Runs until the block is to be compiled, `apart` insns from each other; limit: never so far. */
static unsigned runs(struct jit_heat *heat, unsigned threshold, uint64_t apart, uint64_t rounds, unsigned limit)
{
    for (unsigned n = 1; n < limit; n++) {
        if (jit_policy_run(heat, threshold, n * apart))
            return n;
        jit_policy_rounds(heat, rounds);
    }
    return limit;
}

static void threshold(void **state)
{
    static const unsigned thresholds[] = {1, 2, 64, 1000, 65535};
    (void)state;
    for (unsigned i = 0; i < sizeof thresholds / sizeof *thresholds; i++)
        assert_int_equal(runs(&(struct jit_heat){0}, thresholds[i], 10, 0, 70000), thresholds[i]);
    assert_int_equal(runs(&(struct jit_heat){0}, 65536, 10, 0, 70000), 65535); /* the counter ends there */
    struct jit_heat heat = {0};
    assert_int_equal(runs(&heat, 50, 10, 0, 100), 50);
    assert_true(jit_policy_run(&heat, 50, 600)); /* it may be refused for want of room, and asks again */
    jit_policy_cool(&heat);
    assert_int_equal(runs(&heat, 50, 10, 0, 100), 50);
}

static void fading(void **state)
{
    struct jit_heat heat = {0};
    (void)state;
    assert_int_equal(runs(&heat, 64, 1000, 0, 60), 60);
    assert_false(jit_policy_run(&heat, 64, 4 * HALF_LIFE)); /* 59 long ago count as 3 */
    assert_int_equal(heat.level, 59 / 16 + 1);
    assert_false(jit_policy_run(&heat, 64, 40 * HALF_LIFE));
    assert_int_equal(heat.level, 1);
    /* Half as often as would do, for ever; and a little more often. */
    assert_int_equal(runs(&(struct jit_heat){0}, 64, HALF_LIFE / 30, 0, 60000), 60000);
    assert_true(runs(&(struct jit_heat){0}, 64, HALF_LIFE / 50, 0, 60000) < 300);
    /* A vCPU that is behind takes nothing away. */
    heat = (struct jit_heat){0};
    assert_false(jit_policy_run(&heat, 3, 9 * HALF_LIFE));
    assert_false(jit_policy_run(&heat, 3, HALF_LIFE));
    assert_true(jit_policy_run(&heat, 3, 9 * HALF_LIFE));
}

static void uncovered(void **state)
{
    struct jit_uncovered c = {0};
    unsigned n = 0;
    (void)state;
    for (uint64_t insns = 0; insns < 4000000; insns += 40000, n++) /* now and then, for ever */
        assert_false(jit_policy_uncovered(&c, insns));
    for (n = 0; !jit_policy_uncovered(&c, 8000000 + n * 1000); n++)
        assert_true(jit_policy_covers(&c) && n < 100);
    assert_int_equal(n, JIT_UNCOVERED_MAX - 1);
    assert_false(jit_policy_covers(&c));
    assert_true(jit_policy_uncovered(&c, 1ull << 40)); /* and never again */
}

static void loops(void **state)
{
    (void)state;
    unsigned plain = runs(&(struct jit_heat){0}, 64, 10, 1, 1000), loop = runs(&(struct jit_heat){0}, 64, 10, 16, 1000);
    assert_int_equal(plain, 64);
    assert_int_equal(loop, 14);
    struct jit_heat heat = {0};
    jit_policy_rounds(&heat, UINT64_MAX / 2); /* ends at the end of the counter */
    assert_int_equal(heat.level, UINT16_MAX);
    assert_true(jit_policy_run(&heat, 65536, 0));
}

static unsigned drops(struct jit_storms *storms, gpa page, uint64_t *clock, unsigned n, uint64_t apart)
{
    for (unsigned i = 0; i < n; i++)
        jit_policy_dropped(storms, page, *clock += apart);
    return jit_policy_backoff(storms, page);
}

static void storms(void **state)
{
    struct jit_storms s = {0};
    uint64_t clock = 5 * SECOND;
    gpa page = 0x80001000, other = 0x80002000, same = page + ((gpa)JIT_STORMS << (MEM_PAGE_BITS + 6));
    (void)state;
    assert_int_equal(jit_policy_backoff(&s, page), 0);
    assert_int_equal(drops(&s, page, &clock, 63, 1000), 0);
    unsigned some = drops(&s, page, &clock, 20, 1000), many = drops(&s, page, &clock, 1000, 1000);
    assert_int_equal(some, 1);
    assert_true(many > some);
    assert_true(drops(&s, page, &clock, 1000000, 1000) <= 8);
    assert_int_equal(jit_policy_backoff(&s, other), 0);
    assert_int_equal(drops(&s, page, &clock, 200, SECOND / 10), 0); /* ten a second are nothing */
    drops(&s, page, &clock, 1000, 1000);
    assert_int_equal(drops(&s, page, &clock, 1, 40 * SECOND), 0);
    drops(&s, page, &clock, 1000, 1000);
    assert_int_equal(drops(&s, same, &clock, 1, 1000), 0);
    /* A block made in such a page needs more. */
    drops(&s, page, &clock, 1000, 1000);
    struct jit_heat heat = {.backoff = (uint8_t)jit_policy_backoff(&s, page)};
    assert_int_equal(runs(&heat, 64, 10, 0, 60000), 64 << heat.backoff);
}

/* Blocks of 300 bytes, `again` of a hundred of which were forgotten before. */
static size_t room_after(struct jit_regrets *regrets, unsigned again, unsigned blocks, size_t room)
{
    for (unsigned i = 0; i < blocks; i++) {
        gpa at = 0x80000000 + 4 * (gpa)i;
        memset(regrets, 0, sizeof *regrets);
        jit_policy_forgot(regrets, i % 100 < again ? at : at + 4, 7);
        room = jit_policy_room(regrets, at, 7, 300, room, JIT_ROOM_MIN);
    }
    return room;
}

static void room(void **state)
{
    static struct jit_regrets regrets;
    (void)state;
    assert_int_equal(room_after(&regrets, 0, 1000, JIT_ROOM_MIN), JIT_ROOM_MIN);
    assert_true(room_after(&regrets, 10, 1000, JIT_ROOM_MIN) < JIT_ROOM_MIN + (1 << 20));
    size_t grown = room_after(&regrets, 50, 10000, JIT_ROOM_MIN);
    assert_true(grown > 12 << 20);
    assert_int_equal(room_after(&regrets, 0, 50000, grown), JIT_ROOM_MIN);
    assert_int_equal(jit_policy_room(&regrets, 0x9000, 7, 300, grown, grown), grown); /* the least that is asked for */
    /* Another key is another block. */
    jit_policy_forgot(&regrets, 0x1000, 1);
    assert_int_equal(jit_policy_room(&regrets, 0x1000, 2, 300, JIT_ROOM_MIN, JIT_ROOM_MIN), JIT_ROOM_MIN);
    assert_true(jit_policy_room(&regrets, 0x1000, 1, 300, JIT_ROOM_MIN, JIT_ROOM_MIN) > JIT_ROOM_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threshold), cmocka_unit_test(fading), cmocka_unit_test(uncovered),
        cmocka_unit_test(loops),     cmocka_unit_test(storms), cmocka_unit_test(room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
