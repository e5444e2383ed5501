/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loops that go through one base register, while what its page means changes between them: translators remember the last page of a
 * register, and must forget it with the mapping.
 */
#include "loop.h"

enum { ROUNDS = 40, CHANGES = 12, WORDS = LOOP_PAGE / 8 };

static uint64_t pages[2][WORDS] ALIGNED(4096);
static uint64_t code[WORDS] LOOP_CODE;

static void mapped_anew(void)
{
    CHECK(loop_space());
    pages[0][1] = 1;
    pages[1][1] = 1000;
    for (unsigned kind = 0; kind < LOOP_FENCES; kind++)
        for (unsigned i = 0; i < CHANGES; i++) {
            row("fence %d, change %d", (uint64_t)kind, (uint64_t)i);
            loop_map(LOOP_VA, pages[i & 1], kind);
            CHECK_EQ(loop_sum(LOOP_VA, ROUNDS), ROUNDS * pages[i & 1][1]);
            pages[0][2] = pages[1][2] = 0;
            loop_fill(LOOP_VA, ROUNDS, i + 5);
            CHECK_EQ(pages[i & 1][2], i + 5);
            CHECK_EQ(pages[~i & 1][2], 0);
        }
}

/* Two virtual pages in a row whose bytes lie the other way round: what crosses is not one piece of memory. */
static void across(void)
{
    CHECK(loop_space());
    loop_map(LOOP_VA, pages[1], 0);
    loop_map(LOOP_VA + LOOP_PAGE, pages[0], 0);
    pages[1][WORDS - 1] = 7ul << 32;
    pages[0][0] = 9;
    CHECK_EQ(loop_sum_across(LOOP_VA + LOOP_PAGE, ROUNDS), ROUNDS * (9ul << 32 | 7));
}

/* Stores that have long been fast, into a page that gets code and then other code. */
static void code_beneath(void)
{
    loop_no_space();
    for (unsigned i = 0; i < CHANGES * 4; i++) {
        row("change %d", (uint64_t)i);
        loop_write(code, ROUNDS, loop_function(i));
        CHECK_EQ(((uint64_t(*)(void))(uint64_t)code)(), i);
    }
}

const struct test tests[] = {
    TEST("a page that is mapped anew", mapped_anew),
    TEST("across two pages", across),
    TEST("a page that gets code", code_beneath),
    {NULL, NULL},
};
