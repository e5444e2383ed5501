/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The layout of the software TLB: what a probe takes for granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mem/tlb.h"

#include <cmocka.h>

/* An access that crosses into the next page is looked up at its first page: the entry there must never be the next page's. */
static void pages_in_a_row_have_different_indices(void **state)
{
    (void)state;
    for (unsigned bit = 12; bit <= 64; bit++)
        for (int64_t page = -1100; page <= 1100; page++) {
            gva va = (bit < 64 ? 1ull << bit : 0) + (uint64_t)page * MEM_PAGE;
            assert_int_not_equal(tlb_index(va), tlb_index(va + MEM_PAGE));
        }
}

static void an_access_that_crosses_pages_misses(void **state)
{
    struct tlb *tlb = malloc(sizeof *tlb);
    (void)state;
    assert_non_null(tlb);
    for (unsigned bit = 13; bit < 64; bit++) {
        gva next = 1ull << bit, va = next - 1;
        for (unsigned i = 0; i < TLB_SIZE; i++)
            tlb->read[i].tag = TLB_NONE;
        tlb->read[tlb_index(next)].tag = next;
        assert_true(tlb_hit(&tlb->read[tlb_index(next)], next, 8));
        tlb->read[tlb_index(va)].tag = tlb_index(va) == tlb_index(next) ? next : va & ~0xfffull;
        assert_true(tlb_hit(&tlb->read[tlb_index(va)], va, 1));
        assert_false(tlb_hit(&tlb->read[tlb_index(va)], va, 2));
        assert_false(tlb_hit(&tlb->read[tlb_index(va)], va, 8));
    }
    free(tlb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_in_a_row_have_different_indices),
        cmocka_unit_test(an_access_that_crosses_pages_misses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
