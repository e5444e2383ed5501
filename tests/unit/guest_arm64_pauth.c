/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pointer authentication: which bits the code takes by TBI, TBID, sizes of addresses and levels; what a wrong code makes of a pointer; switches,
 * traps, keys. That codes depend on key, pointer and modifier is a matter of chance, so it is asked of many.
 */
#include "arm64_fixture.h"

enum {
    PACIA = 0xdac10020,
    AUTIA = 0xdac11020,
    PACDB = 0xdac10c20,
    AUTDB = 0xdac11c20,
    XPACI = 0xdac143e0,
    XPACD = 0xdac147e0
}; /* of x0, x1 */
enum {
    PACGA = 0x9ac13040 /* x0, x2, x1 */,
    PACIASP = 0xd503233f,
    AUTIASP = 0xd50323bf,
    RETAA = 0xd65f0bff,
    BLRAA = 0xd73f0801,
    ERETAA = 0xd69f0bff
};
enum { LDRAA = 0xf8200c20 /* x0, [x1, #0]! */, EC_PAUTH = 9, EC_SYSREG = 0x18 };
#define KEYS  (SCTLR_EnIA | SCTLR_EnIB | SCTLR_EnDA | SCTLR_EnDB)
#define SCTLR SYSREG_NUMBER(3, 0, 1, 0, 0)
#define APIA  SYSREG_NUMBER(3, 0, 2, 1, 0)

static struct fixture *f;
static struct cpu *cpu;

static void start(const char *model, unsigned el)
{
    f = fixture_new(model);
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, el);
    A64(cpu, vbar_el1) = RAM + 0x10000;
    A64(cpu, vbar_el2) = RAM + 0x20000;
    A64(cpu, sctlr_el1) |= KEYS;
    A64(cpu, sctlr_el2) |= KEYS;
    for (unsigned i = 0; i < 10; i++)
        A64N(cpu, apkey, i) = 0x123456789abcdef * (i + 1);
}

static void stop(void) { fixture_free(f); }

static uint64_t run(uint32_t word, uint64_t pointer, uint64_t modifier)
{
    A64N(cpu, x, 0) = pointer;
    A64N(cpu, x, 1) = modifier;
    assert_true(run_insn(f, word));
    return A64N(cpu, x, 0);
}

/* Every bit that a code changes in some pointer of the range. */
static uint64_t changed(uint32_t word, uint64_t pointer)
{
    uint64_t bits = 0;
    for (uint64_t i = 0; i < 200; i++)
        bits |= run(word, pointer, i * 0x10001) ^ pointer;
    return bits;
}

static void layouts(void **state)
{
    static const struct {
        uint64_t tcr, low_insn, low_data, high_insn, high_data; /* bits of the code */
    } rows[] = {
        {16 | 16ull << 16, 0xff7f000000000000, 0xff7f000000000000, 0xff7f000000000000, 0xff7f000000000000},
        {25 | 16ull << 16, 0xff7fff8000000000, 0xff7fff8000000000, 0xff7f000000000000, 0xff7f000000000000},
        {16 | 28ull << 16 | TCR_TBI0, 0x007f000000000000, 0x007f000000000000, 0xff7ffff000000000, 0xff7ffff000000000},
        {16 | 16ull << 16 | TCR_TBI1 | TCR_TBID1, 0xff7f000000000000, 0xff7f000000000000, 0xff7f000000000000, 0x007f000000000000},
        {16 | 16ull << 16 | TCR_TBI0 | TCR_TBI1 | TCR_TBID0, 0xff7f000000000000, 0x007f000000000000, 0x007f000000000000,
         0x007f000000000000},
    };
    (void)state;
    start("max,+pauth", 1);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        A64(cpu, tcr_el1) = rows[i].tcr;
        uint64_t low = 0x12345678, high = ~low;
        assert_int_equal(changed(PACIA, low), rows[i].low_insn);
        assert_int_equal(changed(PACDB, low), rows[i].low_data);
        assert_int_equal(changed(PACIA, high), rows[i].high_insn);
        assert_int_equal(changed(PACDB, high), rows[i].high_data);
        for (uint64_t n = 0; n < 100; n++) {
            assert_int_equal(run(AUTIA, run(PACIA, low, n), n), low);
            assert_int_equal(run(AUTDB, run(PACDB, high, n), n), high);
            assert_int_equal(run(XPACI, run(PACIA, high, n), 0), high);
            assert_int_equal(run(XPACD, run(PACDB, low, n), 0), low);
        }
    }
    stop();
}

/* Bits 62 and 61, or 54 and 53: 1 by key A, 2 by key B. */
static void failures(void **state)
{
    (void)state;
    start("max,+pauth", 1);
    A64(cpu, tcr_el1) = 16 | 16ull << 16;
    uint64_t bad = run(PACIA, 0x1000, 5) ^ 1ull << 50;
    assert_int_equal(run(AUTIA, bad, 5), 0x2000000000001000);
    bad = run(PACDB, ~0xfffull, 5) ^ 1ull << 60;
    assert_int_equal(run(AUTDB, bad, 5), (~0xfffull & ~(3ull << 61)) | 2ull << 61);
    A64(cpu, tcr_el1) |= TCR_TBI0;
    bad = run(PACDB, 0xab00000000001000, 5) ^ 1ull << 50;
    assert_int_equal(run(AUTDB, bad, 5), 0xab40000000001000);
    /* What is no address does not become one. */
    for (uint64_t n = 0; n < 100; n++)
        assert_int_equal(run(AUTIA, run(PACIA, 0x0055000000001000, n), n), 0x0020000000001000);
    stop();
}

static void switches(void **state)
{
    (void)state;
    start("max,+pauth", 1);
    A64(cpu, tcr_el1) = 16 | 16ull << 16;
    A64(cpu, sctlr_el1) &= ~SCTLR_EnIA;
    assert_int_equal(run(PACIA, 0x1000, 5), 0x1000);
    assert_int_not_equal(run(PACDB, 0x1000, 5), 0x1000);
    set(f, SCTLR, SCTLR_EnIA);
    assert_int_equal(get(f, SCTLR) & KEYS, SCTLR_EnIA);
    assert_int_not_equal(run(PACIA, 0x1000, 5), 0x1000);
    A64N(cpu, x, 30) = RAM + 0x400;
    assert_true(run_insn(f, PACIASP));
    assert_int_not_equal(A64N(cpu, x, 30), RAM + 0x400);
    assert_true(run_insn(f, RETAA));
    assert_int_equal(cpu->pc, RAM + 0x400);
    assert_true(run_insn(f, AUTIASP));
    assert_int_equal(A64N(cpu, x, 30), RAM + 0x400);
    A64(cpu, elr_el1) = run(PACIA, RAM + 0x800, A64(cpu, sp));
    A64(cpu, spsr_el1) = 5;
    assert_true(run_insn(f, ERETAA));
    assert_int_equal(cpu->pc, RAM + 0x800);
    stop();
    start("max", 1);
    A64N(cpu, x, 30) = RAM + 0x400;
    assert_true(run_insn(f, PACIASP));
    assert_int_equal(A64N(cpu, x, 30), RAM + 0x400);
    assert_false(run_insn(f, PACIA));
    set(f, SCTLR, KEYS);
    assert_int_equal(get(f, SCTLR) & KEYS, 0);
    stop();
}

/* A hypervisor that has not opened it. */
static void hypervisor(void **state)
{
    (void)state;
    start("max,+pauth", 2);
    assert_int_not_equal(run(PACGA, 0, 5), 0);
    arm64_set_level(cpu, 1, true);
    run_through(f, PACIA);
    assert_int_equal(A64(cpu, esr_el2) >> 26, EC_PAUTH);
    assert_int_equal(A64(cpu, esr_el2) & 0x1ffffff, 0);
    arm64_set_level(cpu, 1, true);
    run_through(f, PACGA);
    assert_int_equal(A64(cpu, esr_el2) >> 26, EC_PAUTH);
    arm64_set_level(cpu, 1, true);
    A64(cpu, hcr_el2) |= HCR_API;
    assert_true(run_insn(f, PACIA));
    run_through(f, mrs(APIA));
    assert_int_equal(A64(cpu, esr_el2) >> 26, EC_SYSREG);
    arm64_set_level(cpu, 1, true);
    A64(cpu, hcr_el2) |= HCR_APK;
    assert_int_equal(get(f, APIA), A64N(cpu, apkey, 0));
    stop();
}

static void uses(void **state)
{
    (void)state;
    start("max,+pauth", 1);
    A64(cpu, tcr_el1) = 16 | 16ull << 16;
    uint64_t at = run(PACIA, RAM + 0x400, 5);
    A64N(cpu, x, 0) = at;
    A64N(cpu, x, 1) = 5;
    assert_true(run_insn(f, BLRAA));
    assert_int_equal(cpu->pc, RAM + 0x400);
    assert_int_equal(cpu->landing, 2);
    assert_true(mem_store(f->space, RAM + 0x2008, 8, 77));
    A64N(cpu, x, 1) = run(0xdac10820 /* pacda x0, x1 */, RAM + 0x2000, 0);
    assert_true(run_insn(f, LDRAA | 1 << 12)); /* x0, [x1, #8]! */
    assert_int_equal(A64N(cpu, x, 0), 77);
    assert_int_equal(A64N(cpu, x, 1), RAM + 0x2008);
    uint64_t ids = arm64_arch(cpu)->id[ARM64_ID_isar1];
    assert_int_equal(bits_get(ids, 8, 4), 1);
    assert_int_equal(bits_get(ids, 28, 4), 1);
    assert_int_equal(run(PACGA, 0, 5) & 0xffffffff, 0);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layouts), cmocka_unit_test(failures), cmocka_unit_test(switches),
                                       cmocka_unit_test(hypervisor), cmocka_unit_test(uses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
