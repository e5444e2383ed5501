/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The pool: pieces do not overlap, keep their contents, come back in use, and are cut from larger ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "jit/pool.h"

#include <cmocka.h>

enum { PIECES = 2000, TURNS = 200000 };

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void contents(void **state)
{
    static struct {
        uint8_t *at;
        size_t size;
    } piece[PIECES];
    struct jit_pool pool = {0};
    uint64_t random = 1;
    (void)state;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        unsigned i = next(&random) % PIECES;
        for (size_t n = 0; n < piece[i].size; n++)
            assert_int_equal(piece[i].at[n], i & 0xff);
        jit_pool_give(&pool, piece[i].at, piece[i].size);
        piece[i].size = next(&random) % (turn % 16 ? 600 : 6000);
        piece[i].at = jit_pool_take(&pool, piece[i].size);
        assert_non_null(piece[i].at);
        assert_int_equal((uintptr_t)piece[i].at % 16, 0);
        memset(piece[i].at, i & 0xff, piece[i].size);
    }
    for (unsigned i = 0; i < PIECES; i++)
        jit_pool_give(&pool, piece[i].at, piece[i].size);
    jit_pool_give(&pool, NULL, 100);
    jit_pool_fini(&pool);
}

static unsigned slabs(const struct jit_pool *pool)
{
    unsigned n = 0;
    for (const void *const *slab = (const void *const *)(const void *)pool->slabs; slab; slab = *slab)
        n++;
    return n;
}

/* What came back is used before fresh memory, whole or cut. */
static void memory_is_used_again(void **state)
{
    enum { N = 3000 };
    static void *at[N];
    struct jit_pool pool = {0};
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < N; i++)
            assert_non_null(at[i] = jit_pool_take(&pool, 1000));
        for (unsigned i = 0; i < N; i++)
            jit_pool_give(&pool, at[i], 1000);
    }
    unsigned most = slabs(&pool);
    assert_true(most <= 4);
    for (unsigned i = 0; i < N; i++)
        assert_non_null(at[i] = jit_pool_take(&pool, 300));
    assert_int_equal(slabs(&pool), most);
    for (unsigned i = 0; i < N; i++)
        jit_pool_give(&pool, at[i], 300);
    jit_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents),
        cmocka_unit_test(memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
