/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which accesses must be aligned, by the Arm ARM's rules (B2.9.1, D8.6.1): what always must, with and without lse2; SCTLR_ELx.A and nAA; memory of
 * devices by its attributes and for lack of translation. The table of insns says how many bytes must be aligned.
 */
#include "arm64_fixture.h"

#define TABLES (RAM + 0x100000)
#define DATA   (RAM + 0x200000) /* 2 MiB of it, at itself */
#define CODE   (RAM + 0x100)
enum { NORMAL = 0, DEVICE = 1 << 2, AF = 1 << 10, AP_USER = 1 << 6 };

static struct fixture *f;
static struct cpu *cpu;

/* size: bytes of the access; unit: what must be aligned; kind: plain, ordered, atomic. Of [x1]. */
static const struct row {
    uint32_t word;
    uint8_t size, unit;
    enum { PLAIN, ORDERED, ATOMIC } kind;
    bool store;
} insns[] = {
    {0xf9400020, 8, 8, PLAIN, false} /* ldr x0 */,
    {0xb9000020, 4, 4, PLAIN, true} /* str w0 */,
    {0x78400020, 2, 2, PLAIN, false} /* ldurh w0 */,
    {0x39000020, 1, 1, PLAIN, true} /* strb w0 */,
    {0xb9800020, 4, 4, PLAIN, false} /* ldrsw x0 */,
    {0xa9400820, 16, 8, PLAIN, false} /* ldp x0, x2 */,
    {0xa9000820, 16, 8, PLAIN, true} /* stp x0, x2 */,
    {0x29400820, 8, 4, PLAIN, false} /* ldp w0, w2 */,
    {0x29000820, 8, 4, PLAIN, true} /* stp w0, w2 */,
    {0x69400820, 8, 4, PLAIN, false} /* ldpsw x0, x2 */,
    {0x3dc00020, 16, 16, PLAIN, false} /* ldr q0 */,
    {0x3d800020, 16, 16, PLAIN, true} /* str q0 */,
    {0xfd400020, 8, 8, PLAIN, false} /* ldr d0 */,
    {0x7d000020, 2, 2, PLAIN, true} /* str h0 */,
    {0xad400820, 32, 16, PLAIN, false} /* ldp q0, q2 */,
    {0x4c407020, 16, 1, PLAIN, false} /* ld1 {v0.16b} */,
    {0x4c407420, 16, 2, PLAIN, false} /* ld1 {v0.8h} */,
    {0x0c007820, 8, 4, PLAIN, true} /* st1 {v0.2s} */,
    {0x4c007c20, 16, 8, PLAIN, true} /* st1 {v0.2d} */,
    {0x4c408820, 32, 4, PLAIN, false} /* ld2 {v0.4s, v1.4s} */,
    {0x0d408020, 4, 4, PLAIN, false} /* ld1 {v0.s}[0] */,
    {0x0d008420, 8, 8, PLAIN, true} /* st1 {v0.d}[0] */,
    {0x4d40c420, 2, 2, PLAIN, false} /* ld1r {v0.8h} */,
    {0xf8400820, 8, 8, PLAIN, false} /* ldtr x0 */,
    {0xc8dffc20, 8, 8, ORDERED, false} /* ldar x0 */,
    {0x889ffc20, 4, 4, ORDERED, true} /* stlr w0 */,
    {0x78bfc020, 2, 2, ORDERED, false} /* ldaprh w0 */,
    {0xd9400020, 8, 8, ORDERED, false} /* ldapur x0 */,
    {0xd9000020, 8, 8, ORDERED, true} /* stlur x0 */,
    {0xc85f7c20, 8, 8, ATOMIC, false} /* ldxr x0 */,
    {0x485f7c20, 2, 2, ATOMIC, false} /* ldxrh w0 */,
    {0xc87f0820, 16, 16, ATOMIC, false} /* ldxp x0, x2 */,
    {0x887f0820, 8, 8, ATOMIC, false} /* ldxp w0, w2 */,
    {0xc8a07c22, 8, 8, ATOMIC, true} /* cas x0, x2 */,
    {0x48207c22, 16, 16, ATOMIC, true} /* casp x0, x1, x2, x3 */,
    {0xb8220020, 4, 4, ATOMIC, true} /* ldadd w2, w0 */,
    {0x78228020, 2, 2, ATOMIC, true} /* swph w2, w0 */,
};

static void start(const char *model)
{
    f = fixture_new(model);
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, 1);
    A64(cpu, cpacr_el1) = 3 << 20;
    arm64_mode_update(cpu);
    A64(cpu, mair_el1) = 0x04ff; /* 0: write-back; 1: Device-nGnRE */
}

static void stop(void) { fixture_free(f); }

/* A block of DATA by a table of the second level: 39 bits of addresses. */
static void translate(uint64_t attributes)
{
    uint64_t at = TABLES + 8 * bits_get(DATA, 30, 9);
    assert_true(mem_store(f->space, at, 8, (TABLES + 0x1000) | 3));
    assert_true(mem_store(f->space, TABLES + 0x1000 + 8 * bits_get(DATA, 21, 9), 8, DATA | AF | AP_USER | attributes | 1));
    A64(cpu, tcr_el1) = 4ull << 32 | 25;
    A64(cpu, ttbr0_el1) = TABLES;
    A64(cpu, sctlr_el1) |= SCTLR_M;
    arm64_mode_update(cpu);
    memset(&f->tlb, 0xff, sizeof f->tlb);
    memset(&f->user_tlb, 0xff, sizeof f->user_tlb);
}

static void control(uint64_t bits)
{
    A64(cpu, sctlr_el1) = (A64(cpu, sctlr_el1) & ~(SCTLR_A | SCTLR_nAA)) | bits;
    arm64_mode_update(cpu);
}

/* Did it go through? If not it was an alignment fault of that address. */
static bool runs(const struct row *r, gva va)
{
    cpu->pc = CODE;
    A64N(cpu, x, 1) = va;
    if (run_insn(f, r->word))
        return true;
    assert_int_equal(cpu->trap.kind, ARM64_TRAP_data_abort | (FSC_ALIGNMENT | (r->store ? ABORT_WNR : 0)) << ARM64_TRAP_ISS);
    assert_int_equal(cpu->trap.info, va);
    return false;
}

/* Every insn at every offset around 16 aligned bytes. */
static void check(bool lse2, bool a, bool naa, bool device)
{
    for (unsigned i = 0; i < ARRAY_LEN(insns); i++)
        for (unsigned offset = 0; offset < 17; offset++) {
            const struct row *r = &insns[i];
            bool aligned = offset % r->unit == 0, within = offset % 16 + r->size <= 16;
            bool needs = a || device || (r->kind == ATOMIC && !(lse2 && within)) || (r->kind == ORDERED && !(lse2 && (within || naa)));
            bool ran = runs(r, DATA + 0x100 + offset);
            if (ran != (aligned || !needs))
                fail_msg("%08x at %u: %d; lse2 %d, A %d, nAA %d, device %d", r->word, offset, ran, lse2, a, naa, device);
        }
}

static void rules(void **state)
{
    (void)state;
    for (unsigned lse2 = 0; lse2 < 2; lse2++) {
        start(lse2 ? "max,+lse2" : "max");
        check(lse2, false, false, true); /* without translation */
        for (unsigned device = 0; device < 2; device++)
            for (unsigned how = 0; how < 4; how++) {
                translate(device ? DEVICE : NORMAL);
                control((how & 1 ? SCTLR_A : 0) | (how & 2 ? SCTLR_nAA : 0));
                check(lse2, how & 1, how & 2, device);
            }
        stop();
    }
}

/* A hypervisor's default for guests without translation of their own is no device. */
static void default_cacheable(void **state)
{
    (void)state;
    start("max");
    arm64_enter_kernel(cpu, RAM, 0, 2);
    A64(cpu, hcr_el2) |= HCR_DC;
    A64(cpu, cpacr_el1) = 3 << 20;
    arm64_set_level(cpu, 1, true); /* which looks at both */
    check(false, false, false, false);
    arm64_set_level(cpu, 2, true); /* itself has none */
    assert_false(runs(&insns[0], DATA + 1));
    stop();
}

static void control_bits(void **state)
{
    enum { SCTLR = SYSREG_NUMBER(3, 0, 1, 0, 0), MMFR2 = SYSREG_NUMBER(3, 0, 0, 7, 2) };
    (void)state;
    start("max,+lse2");
    assert_int_equal(get(f, MMFR2) >> 32 & 15, 1);
    set(f, SCTLR, SCTLR_nAA);
    assert_true(get(f, SCTLR) & SCTLR_nAA);
    stop();
    start("max");
    assert_int_equal(get(f, MMFR2) >> 32 & 15, 0);
    set(f, SCTLR, SCTLR_nAA);
    assert_false(get(f, SCTLR) & SCTLR_nAA);
    stop();
}

/* What is not aligned does what it should, where it may. */
static void values(void **state)
{
    gpa at = DATA + 0x103;
    uint64_t v;
    (void)state;
    start("max,+lse2");
    translate(NORMAL);
    assert_true(mem_store(f->space, at - 3, 8, 0x1122334455667788));
    A64N(cpu, x, 2) = 0x1001;
    A64N(cpu, x, 1) = at;
    assert_true(run_insn(f, 0xb8220020)); /* ldadd w2, w0, [x1] */
    assert_int_equal(A64N(cpu, x, 0), 0x22334455);
    assert_true(mem_load(f->space, at - 3, 8, &v));
    assert_int_equal(v, 0x1122335456667788);
    A64N(cpu, x, 0) = 0x22335456;
    A64N(cpu, x, 2) = 0xcafebabe;
    assert_true(run_insn(f, 0x88a07c22)); /* cas w0, w2, [x1] */
    assert_int_equal(A64N(cpu, x, 0), 0x22335456);
    assert_true(mem_load(f->space, at - 3, 8, &v));
    assert_int_equal(v, 0x11cafebabe667788);
    assert_true(run_insn(f, 0x885f7c20)); /* ldxr w0, [x1] */
    assert_int_equal(A64N(cpu, x, 0), 0xcafebabe);
    A64N(cpu, x, 2) = 7;
    assert_true(run_insn(f, 0x88037c22)); /* stxr w3, w2, [x1] */
    assert_int_equal(A64N(cpu, x, 3), 0);
    assert_true(mem_load(f->space, at, 4, &v));
    assert_int_equal(v, 7);
    stop();
}

/* DC ZVA is for memory; it tells the address that it was given. Pages of devices are looked at every time. */
static void zeroing(void **state)
{
    enum { ZVA = 0xd50b7421 };
    (void)state;
    start("max");
    for (unsigned n = 0; n < 3; n++) {
        if (n)
            translate(n == 1 ? DEVICE : NORMAL);
        for (unsigned again = 0; again < 2; again++) {
            A64N(cpu, x, 1) = DATA + 0x45;
            cpu->pc = CODE;
            assert_int_equal(run_insn(f, ZVA), n == 2);
            if (n < 2)
                assert_int_equal(cpu->trap.kind >> ARM64_TRAP_ISS, FSC_ALIGNMENT | ABORT_WNR);
        }
    }
    stop();
    start("max");
    A64(cpu, vbar_el1) = RAM + 0x10000;
    assert_true(mem_store(f->space, CODE, 4, ZVA));
    cpu->pc = CODE;
    A64N(cpu, x, 1) = 1ull << 45 | 0x45; /* the address comes from the insn, whatever it meets */
    run_through(f, ZVA);
    assert_int_equal(A64(cpu, far_el1), 1ull << 45 | 0x45);
    assert_int_equal(A64(cpu, esr_el1), 0x25ull << 26 | 1 << 25 | ABORT_WNR | FSC_ALIGNMENT);
    stop();
}

/* What the walk refuses comes before the kind of memory, and after SCTLR_ELx.A. */
static void order(void **state)
{
    (void)state;
    start("max");
    translate(DEVICE);
    A64N(cpu, x, 1) = DATA + 0x200001; /* not there */
    assert_false(run_insn(f, 0xf9400020));
    assert_int_equal(cpu->trap.kind >> ARM64_TRAP_ISS, FSC_TRANSLATION + 2);
    control(SCTLR_A);
    assert_false(run_insn(f, 0xf9400020));
    assert_int_equal(cpu->trap.kind >> ARM64_TRAP_ISS, FSC_ALIGNMENT);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules),  cmocka_unit_test(default_cacheable), cmocka_unit_test(control_bits),
        cmocka_unit_test(values), cmocka_unit_test(zeroing),           cmocka_unit_test(order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
