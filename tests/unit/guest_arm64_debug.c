/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arm64's breakpoints and watchpoints of its own: where they match, what is told, what they keep out of the TLB. */
#include "arm64_fixture.h"

enum {
    NOP = 0xd503201f,
    LDR = 0xf9400020 /* ldr x0, [x1] */,
    STR = 0xf9000020,
    STRB = 0x39000020,
    LDTR = 0xf8400820,
    MSR_DAIFCLR_D = 0xd50348ff
};
enum { MDSCR = SYSREG_NUMBER(2, 0, 0, 2, 2), OSLAR = SYSREG_NUMBER(2, 0, 1, 0, 4), CONTEXTIDR = SYSREG_NUMBER(3, 0, 13, 0, 1) };
#define BVR(n) SYSREG_NUMBER(2, 0, 0, n, 4)
#define BCR(n) SYSREG_NUMBER(2, 0, 0, n, 5)
#define WVR(n) SYSREG_NUMBER(2, 0, 0, n, 6)
#define WCR(n) SYSREG_NUMBER(2, 0, 0, n, 7)
enum {
    MDE = 1 << 15,
    KDE = 1 << 13,
    ON = 1,
    EL1 = 1 << 1,
    EL0 = 2 << 1,
    ADDRESS = 15 << 5,
    LOADS = 1 << 3,
    STORES = 2 << 3,
    ALL = 255 << 5
};
#define CODE       (RAM + 0x100)
#define DATA       (RAM + 0x2000)
#define CLASS(esr) ((unsigned)((esr) >> 26))

static struct fixture *f;
static struct cpu *cpu;

static void start(uint64_t mdscr)
{
    f = fixture_new("max");
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, 2);
    A64(cpu, hcr_el2) |= HCR_DC; /* without translation memory is no device's */
    arm64_set_level(cpu, 1, true);
    A64(cpu, vbar_el1) = RAM + 0x10000;
    set(f, OSLAR, 0);
    set(f, MDSCR, mdscr);
}

static void stop(void) { fixture_free(f); }

static void become(unsigned el)
{
    arm64_set_level(cpu, el, el > 0);
    cpu->pc = CODE;
}

static unsigned class_now(void) { return CLASS(A64(cpu, esr_el1)); }

static void breakpoints(void **state)
{
    (void)state;
    start(MDE);
    set(f, BVR(2), CODE + 4);
    set(f, BCR(2), ON | EL0 | ADDRESS);
    A64(cpu, far_el1) = 77;
    become(0);
    run_through(f, NOP);
    assert_int_equal(cpu->pc, CODE + 4);
    run_through(f, 0xffffffff); /* would be undefined, which comes later */
    assert_int_equal(A64(cpu, esr_el1), 0x30ull << 26 | 1 << 25 | 0x22);
    assert_int_equal(A64(cpu, elr_el1), CODE + 4);
    assert_int_equal(A64(cpu, far_el1), 77);
    become(1);
    cpu->pc = CODE + 4;
    assert_true(run_insn(f, NOP)); /* not for this level */
    become(0);
    cpu->pc = CODE + 8;
    assert_true(run_insn(f, NOP));
    become(1);
    set(f, MDSCR, 0);
    become(0);
    cpu->pc = CODE + 4;
    assert_true(run_insn(f, NOP));
    stop();
}

static void breakpoints_of_kernels(void **state)
{
    (void)state;
    start(MDE | KDE);
    set(f, BVR(0), CODE + 8);
    set(f, BCR(0), ON | EL1 | ADDRESS);
    become(1);
    cpu->pc = CODE + 8;
    assert_true(run_insn(f, NOP)); /* PSTATE.D */
    cpu->pc = CODE + 4;
    assert_true(run_insn(f, MSR_DAIFCLR_D));
    assert_int_equal(cpu->pc, CODE + 8);
    run_through(f, NOP);
    assert_int_equal(class_now(), 0x31);
    assert_int_equal(A64(cpu, elr_el1), CODE + 8);
    stop();
}

static void breakpoints_of_contexts(void **state)
{
    (void)state;
    start(MDE);
    set(f, CONTEXTIDR, 5);
    set(f, BVR(1), CODE);
    set(f, BCR(1), ON | EL0 | ADDRESS | 5 << 16 | 1 << 20); /* linked to 5 */
    set(f, BVR(5), 6);
    set(f, BCR(5), ON | EL0 | ADDRESS | 3 << 20);
    become(0);
    assert_true(run_insn(f, NOP));
    become(1);
    set(f, CONTEXTIDR, 6);
    become(0);
    assert_false(run_insn(f, NOP));
    cpu->pc = CODE + 4;
    assert_true(run_insn(f, NOP));
    stop();
}

static bool in_tlb(gva va) { return tlb_hit(&f->tlb.read[tlb_index(va)], va, 1) || tlb_hit(&f->tlb.write[tlb_index(va)], va, 1); }

static void watchpoints(void **state)
{
    (void)state;
    start(MDE);
    set(f, WVR(3), DATA + 8);
    seen.flushes = 0;
    set(f, WCR(3), ON | EL0 | STORES | 0x0c << 5); /* two bytes, DATA + 10 */
    assert_true(seen.flushes > 0);
    become(0);
    A64N(cpu, x, 1) = DATA + 8;
    assert_true(run_insn(f, LDR));
    assert_true(run_insn(f, STRB));
    assert_false(in_tlb(DATA));
    A64N(cpu, x, 1) = DATA + 0x1000;
    assert_true(run_insn(f, STRB));
    assert_true(in_tlb(DATA + 0x1000));
    A64N(cpu, x, 1) = DATA + 8;
    cpu->pc = CODE;
    run_through(f, STR);
    assert_int_equal(A64(cpu, esr_el1), 0x34ull << 26 | 1 << 25 | ABORT_WNR | 0x22);
    assert_int_equal(A64(cpu, far_el1), DATA + 8);
    assert_int_equal(A64(cpu, elr_el1), CODE);
    become(0);
    A64N(cpu, x, 1) = DATA + 3; /* its last byte is the first one watched */
    assert_false(run_insn(f, STR));
    A64N(cpu, x, 1) = DATA + 2;
    assert_true(run_insn(f, STR));
    become(1);
    A64N(cpu, x, 1) = DATA + 8;
    assert_true(run_insn(f, STR)); /* no debug exceptions from here */
    set(f, WCR(3), 0);
    become(0);
    assert_true(run_insn(f, STR));
    assert_true(in_tlb(DATA));
    stop();
}

static void watchpoints_of_ranges_and_levels(void **state)
{
    (void)state;
    start(MDE | KDE);
    set(f, WVR(0), DATA);
    set(f, WCR(0), ON | EL0 | LOADS | ALL | 12 << 24); /* 4 KiB */
    become(1);
    assert_true(run_insn(f, MSR_DAIFCLR_D));
    A64N(cpu, x, 1) = DATA + 0xff8;
    assert_true(run_insn(f, LDR));
    assert_false(run_insn(f, LDTR)); /* with the rights of EL0 */
    assert_int_equal(cpu->trap.kind & ARM64_TRAP_CLASS, ARM64_TRAP_watchpoint);
    A64N(cpu, x, 1) = DATA + 0x1000;
    assert_true(run_insn(f, LDTR));
    set(f, WCR(0), ON | EL1 | LOADS | ALL | 12 << 24);
    A64N(cpu, x, 1) = DATA + 0xffc; /* begins in it */
    run_through(f, LDR);
    assert_int_equal(A64(cpu, esr_el1), 0x35ull << 26 | 1 << 25 | 0x22);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breakpoints), cmocka_unit_test(breakpoints_of_kernels),           cmocka_unit_test(breakpoints_of_contexts),
        cmocka_unit_test(watchpoints), cmocka_unit_test(watchpoints_of_ranges_and_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
