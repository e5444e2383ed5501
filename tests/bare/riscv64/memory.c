/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads and stores without translation: floating point, offsets, devices and their access sizes, ROM, holes, the end of memory. */
#include "rt.h"

#define RAM_END   0x84000000ul /* the tests run with 64 MiB */
#define NOWHERE   0x90000000ul
#define RESET_ROM 0x1000ul

static uint8_t buffer[3 * 4096] ALIGNED(4096);

static uint64_t expected(const uint8_t *at, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t) * (const volatile uint8_t *)(at + i) << 8 * i;
    return v;
}

static void fill(void)
{
    for (unsigned i = 0; i < sizeof buffer; i++)
        buffer[i] = (uint8_t)(i * 0x9d + (i >> 7));
}

static void floats(void)
{
    csr_set(CSR_mstatus, STATUS_FS);
    fill();
    for (unsigned offset = 4096 - 10; offset < 4096 + 10; offset++) {
        uint8_t *at = buffer + offset;
        uint64_t d, w;
        row("offset %x", (uint64_t)offset);
        asm volatile(".option push\n .option arch, +d\n fld ft0, (%2)\n fmv.x.d %0, ft0\n flw ft1, (%2)\n fmv.x.d %1, ft1\n"
                     "fsd ft0, 2047(%2)\n fsw ft1, 2039(%2)\n .option pop"
                     : "=r"(d), "=r"(w)
                     : "r"(at)
                     : "memory");
        CHECK_EQ(d, expected(at, 8));
        CHECK_EQ(w, 0xffffffff00000000 | expected(at, 4));
        CHECK_EQ(expected(at + 2047, 8), d);
        CHECK_EQ(expected(at + 2039, 4), (uint32_t)w);
    }
    CHECK_NO_TRAP();
}

/* Offsets of insns: both ends of the field, and the sum that wraps. */
static void offsets(void)
{
    uint64_t v;
    fill();
    asm volatile("ld %0, 2047(%1)" : "=r"(v) : "r"(buffer + 1));
    CHECK_EQ(v, expected(buffer + 2048, 8));
    asm volatile("ld %0, -2048(%1)" : "=r"(v) : "r"(buffer + 4096));
    CHECK_EQ(v, expected(buffer + 2048, 8));
    trap_clear();
    v = 1;
    TRY("ld %0, -8(%1)", "+r"(v), "r"(4));
    CHECK_TRAP(CAUSE_load_access, ~0ul - 3);
    TRY("ld %0, 8(%1)", "+r"(v), "r"(~0ul - 9));
    CHECK_TRAP(CAUSE_load_access, ~0ul - 1);
    TRY("sd %0, (%1)", "+r"(v), "r"(~0ul));
    CHECK_TRAP(CAUSE_store_access, ~0ul);
}

/* A load to x0 is an access all the same. */
static void discarded(void)
{
    trap_clear();
    TRY("ld zero, (%0)", , "r"(NOWHERE));
    CHECK_TRAP(CAUSE_load_access, NOWHERE);
    TRY("lbu zero, (%0)", , "r"(NOWHERE + 1));
    CHECK_TRAP(CAUSE_load_access, NOWHERE + 1);
}

/* ---- devices ---- */

static bool reads(uint64_t at, unsigned size)
{
    uint64_t v;
    trap_clear();
    switch (size) {
    case 1: TRY("lb %0, (%1)", "=r"(v), "r"(at)); break;
    case 2: TRY("lh %0, (%1)", "=r"(v), "r"(at)); break;
    case 4: TRY("lw %0, (%1)", "=r"(v), "r"(at)); break;
    default: TRY("ld %0, (%1)", "=r"(v), "r"(at));
    }
    if (!self()->m.count)
        return true;
    CHECK_TRAP(CAUSE_load_access, at);
    return false;
}

static void access_sizes(void)
{
    static const struct {
        const char *what;
        uint64_t at;
        unsigned sizes;
    } rows[] = {
        {"UART", 0x10000005, 1},
        {"PLIC", PLIC + 4, 4},
        {"ACLINT msip", ACLINT, 4 | 8},
        {"ACLINT mtimecmp", ACLINT + 0x4000, 4 | 8},
        {"ACLINT mtime", ACLINT + 0xbff8, 4 | 8},
        {"virtio magic", 0x10001000, 1 | 2 | 4},
        {"RTC", 0x101000, 4},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned size = 1; size <= 8; size *= 2) {
            row("%s, size %d", rows[i].what, (uint64_t)size);
            if (rows[i].at % size == 0)
                CHECK_EQ(reads(rows[i].at, size), (rows[i].sizes & size) != 0);
        }
}

/* Only what must work with every machine of this board. */
static void usual_accesses(void)
{
    CHECK_EQ(*(volatile uint32_t *)0x10001000, 0x74726976);
    CHECK_EQ(*(volatile uint32_t *)0x10008000, 0x74726976); /* the eighth slot */
    CHECK_EQ(*(volatile uint32_t *)0x10008008, 0);          /* which is empty */
    MTIMECMP(0) = 0x123456789abcdef0;
    CHECK_EQ(*(volatile uint32_t *)(ACLINT + 0x4000), 0x9abcdef0);
    CHECK_EQ(*(volatile uint32_t *)(ACLINT + 0x4004), 0x12345678);
    *(volatile uint32_t *)(ACLINT + 0x4004) = 0x55;
    CHECK_EQ(MTIMECMP(0), 0x559abcdef0);
    MTIMECMP(0) = ~0ul;
    uint8_t was = UART[7];
    UART[7] = 0x5a; /* scratch */
    CHECK_EQ(UART[7], 0x5a);
    UART[7] = was;
}

static void misaligned_device(void)
{
    uint64_t v = 9;
    trap_clear();
    TRY("lw %0, (%1)", "+r"(v), "r"(PLIC + 5));
    CHECK_EQ(self()->m.count, 1);
    CHECK(self()->m.cause == CAUSE_load_access || self()->m.cause == CAUSE_load_misaligned);
    trap_clear();
    TRY("sw %0, (%1)", "+r"(v), "r"(ACLINT + 0x4002));
    CHECK_EQ(self()->m.count, 1);
    CHECK(self()->m.cause == CAUSE_store_access || self()->m.cause == CAUSE_store_misaligned);
    CHECK_EQ(v, 9);
}

static void atomics_on_devices(void)
{
    uint64_t v = 9;
    trap_clear();
    TRY("lr.w %0, (%1)", "+r"(v), "r"(PLIC + 4));
    CHECK_TRAP(CAUSE_load_access, PLIC + 4);
    TRY("amoadd.w %0, zero, (%1)", "+r"(v), "r"(PLIC + 4));
    CHECK_TRAP(CAUSE_store_access, PLIC + 4);
    TRY("amoswap.d %0, zero, (%1)", "+r"(v), "r"(ACLINT + 0x4000));
    CHECK_TRAP(CAUSE_store_access, ACLINT + 0x4000);
    CHECK_EQ(v, 9);
}

/* ---- holes and ends ---- */

static void holes(void)
{
    static const uint64_t places[] = {0, 0x8, 0x100ff8, 0x1fffff8, 0xbfffff8, 0x18000000, NOWHERE, 1ul << 38, 1ul << 55, ~0ul - 7};
    uint64_t v = 9;
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        row("at %x", places[i]);
        trap_clear();
        TRY("ld %0, (%1)", "+r"(v), "r"(places[i]));
        CHECK_TRAP(CAUSE_load_access, places[i]);
        TRY("sb %0, (%1)", "+r"(v), "r"(places[i]));
        CHECK_TRAP(CAUSE_store_access, places[i]);
    }
    CHECK_EQ(v, 9);
}

static void memory_end(void)
{
    uint64_t v = 9, last = *(volatile uint64_t *)(RAM_END - 8);
    trap_clear();
    TRY("ld %0, (%1)", "+r"(v), "r"(RAM_END));
    CHECK_TRAP(CAUSE_load_access, RAM_END);
    for (unsigned back = 1; back < 8; back++) {
        row("%d before the end", (uint64_t)back);
        v = 9;
        TRY("ld %0, (%1)", "+r"(v), "r"(RAM_END - back));
        CHECK_EQ(self()->m.cause, CAUSE_load_access);
        CHECK(self()->m.tval == RAM_END || self()->m.tval == RAM_END - back);
        CHECK_EQ(v, 9);
        trap_clear();
        TRY("sd %0, (%1)", "+r"(v), "r"(RAM_END - back));
        CHECK_EQ(self()->m.cause, CAUSE_store_access);
        trap_clear();
    }
    CHECK_EQ(*(volatile uint64_t *)(RAM_END - 8), last);
    row("before the start");
    TRY("ld %0, (%1)", "+r"(v), "r"(0x80000000ul - 8));
    CHECK_TRAP(CAUSE_load_access, 0x80000000ul - 8);
}

static void code_at_the_end(void)
{
    uint64_t was = *(volatile uint64_t *)(RAM_END - 8);
    *(volatile uint32_t *)(RAM_END - 8) = 0x00000013; /* nop */
    *(volatile uint32_t *)(RAM_END - 4) = 0x00000013;
    fence_i();
    trap_clear();
    asm volatile("la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n jr %0\n9:" ::"r"(RAM_END - 8) : "t6", "memory");
    self()->site = RAM_END;
    CHECK_TRAP(CAUSE_insn_access, RAM_END);
    row("half an insn");
    *(volatile uint32_t *)(RAM_END - 4) = 0x00130001;
    fence_i();
    asm volatile("la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n jr %0\n9:" ::"r"(RAM_END - 8) : "t6", "memory");
    self()->site = RAM_END - 2;
    CHECK_TRAP(CAUSE_insn_access, RAM_END);
    *(volatile uint64_t *)(RAM_END - 8) = was;
}

static void rom(void)
{
    uint64_t first = *(volatile uint64_t *)RESET_ROM;
    CHECK(first != 0 && first != ~0ul);
    trap_clear();
    TRY("sd zero, (%0)", , "r"(RESET_ROM));
    CHECK_TRAP(CAUSE_store_access, RESET_ROM);
    CHECK_EQ(*(volatile uint64_t *)RESET_ROM, first);
}

static void fences(void)
{
    bool ran;
    static const uint32_t words[] = {0x0ff0000f, 0x8330000f, 0x0100000f, 0x0000000f, 0x0000100f, 0x0f50000f, 0x1230058f, 0xfff5958f};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) { /* fence, fence.tso, pause, fields that are reserved: all are fences */
        row("insn %x", (uint64_t)words[i]);
        CHECK_EQ(insn_in(MODE_U, words[i], 77, 0, &ran), 77);
        CHECK(ran);
    }
}

const struct test tests[] = {
    TEST("floating point loads and stores", floats),
    TEST("offsets", offsets),
    TEST("loads to x0", discarded),
    TEST("sizes that devices take", access_sizes),
    TEST("accesses that every such board takes", usual_accesses),
    TEST("misaligned accesses to devices", misaligned_device),
    TEST("atomics on devices", atomics_on_devices),
    TEST("holes", holes),
    TEST("the end of memory", memory_end),
    TEST("code at the end of memory", code_at_the_end),
    TEST("ROM", rom),
    TEST("fences", fences),
    {NULL, NULL},
};
