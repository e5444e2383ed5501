/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads and stores of memory: every size at every alignment, within a page and across two, signs and neighbours. */
#include "access.h"
#include "rt.h"

static uint8_t buffer[3 * 4096] ALIGNED(4096);

static uint64_t expected(const uint8_t *at, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t) * (const volatile uint8_t *)(at + i) << 8 * i;
    return v;
}

static uint64_t sign(uint64_t v, unsigned size) { return (uint64_t)((int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size)); }

static void fill(void)
{
    for (unsigned i = 0; i < sizeof buffer; i++)
        buffer[i] = (uint8_t)(i * 0x9d + (i >> 7));
}

static void loads(void)
{
    fill();
    for (unsigned offset = 4096 - 24; offset < 4096 + 24; offset++) {
        const uint8_t *at = buffer + offset;
        row("offset %x", (uint64_t)offset);
        CHECK_EQ(load_s8(at), sign(expected(at, 1), 1));
        CHECK_EQ(load_u8(at), expected(at, 1));
        CHECK_EQ(load_s16(at), sign(expected(at, 2), 2));
        CHECK_EQ(load_u16(at), expected(at, 2));
        CHECK_EQ(load_s32(at), sign(expected(at, 4), 4));
        CHECK_EQ(load_u32(at), expected(at, 4));
        CHECK_EQ(load_64(at), expected(at, 8));
    }
    CHECK_NO_TRAP();
}

static void stores(void)
{
    static void (*const kinds[])(void *, uint64_t) = {store_8, store_16, store_32, store_64};
    for (unsigned s = 0; s < 4; s++)
        for (unsigned offset = 4096 - 12; offset < 4096 + 12; offset++) {
            unsigned size = 1u << s;
            uint8_t *at = buffer + offset;
            uint64_t v = 0xf1e2d3c4b5a69788 + offset;
            fill();
            uint64_t before = expected(at - 8, 8), after = expected(at + size, 8);
            row("size %d, offset %x", (uint64_t)size, (uint64_t)offset);
            kinds[s](at, v);
            CHECK_EQ(expected(at, size), size == 8 ? v : v & ((1ul << 8 * size) - 1));
            CHECK_EQ(expected(at - 8, 8), before);
            CHECK_EQ(expected(at + size, 8), after);
        }
    CHECK_NO_TRAP();
}

/* A load sees the last store of each of its bytes, however they were written. */
static void overlaps(void)
{
    for (unsigned offset = 4096 - 12; offset < 4096 + 4; offset++) {
        uint8_t *at = buffer + offset;
        row("offset %x", (uint64_t)offset);
        store_64(at, 0x1122334455667788);
        store_16(at + 3, 0xaabb);
        store_8(at + 7, 0xcc);
        CHECK_EQ(load_64(at), 0xcc2233aabb667788);
        store_32(at + 2, 0xddeeff99);
        CHECK_EQ(load_64(at), 0xcc22ddeeff997788);
        CHECK_EQ(load_u32(at + 4), 0xcc22ddee);
    }
}

const struct test tests[] = {
    TEST("loads at every alignment", loads),
    TEST("stores at every alignment", stores),
    TEST("stores that overlap", overlaps),
    {NULL, NULL},
};
