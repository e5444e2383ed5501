/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arm64's performance monitors (Arm ARM D13): what counts where, overflow and its interrupt, who may, what a hypervisor keeps. */
#include "arm64_fixture.h"

#define REG(op1, n, m, op2) SYSREG_NUMBER(3, op1, n, m, op2)
enum {
    PMCR = REG(3, 9, 12, 0),
    CNTENSET = REG(3, 9, 12, 1),
    CNTENCLR = REG(3, 9, 12, 2),
    OVSCLR = REG(3, 9, 12, 3),
    SWINC = REG(3, 9, 12, 4),
    SELR = REG(3, 9, 12, 5),
    CEID0 = REG(3, 9, 12, 6),
    CEID1 = REG(3, 9, 12, 7),
    CCNTR = REG(3, 9, 13, 0),
    XEVTYPER = REG(3, 9, 13, 1),
    XEVCNTR = REG(3, 9, 13, 2),
    USERENR = REG(3, 9, 14, 0),
    OVSSET = REG(3, 9, 14, 3),
    INTENSET = REG(0, 9, 14, 1),
    INTENCLR = REG(0, 9, 14, 2),
    CCFILTR = REG(3, 14, 15, 7),
    MDCR = REG(4, 1, 1, 1),
};
#define EVCNTR(n)  REG(3, 14, 8, n)
#define EVTYPER(n) REG(3, 14, 12, n)
enum { E = 1, P = 2, C = 4, CYCLES = 1u << 31, NOP = 0xd503201f, SVC = 0xd4000001, ERET = 0xd69f03e0, LINE = 1 << 23 };
enum { SW_INCR = 0, INST_RETIRED = 8, CPU_CYCLES = 0x11 };
#define NO_EL1 (1ull << 31)
#define NO_EL0 (1ull << 30)
#define EL2TOO (1ull << 27)

static struct fixture *f;
static struct cpu *cpu;

static void start(unsigned el)
{
    f = fixture_new("max");
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, el);
    A64(cpu, vbar_el1) = RAM + 0x10000;
    A64(cpu, vbar_el2) = RAM + 0x20000;
    set_clock(f, 1000);
}

static void stop(void) { fixture_free(f); }

static void become(unsigned el)
{
    arm64_pmu_hold(cpu, cpu->insns);
    arm64_set_level(cpu, el, el > 0);
    arm64_pmu_release(cpu, cpu->insns);
    cpu->pc = RAM + 0x100;
}

static void nops(unsigned n)
{
    while (n--)
        assert_true(run_insn(f, NOP));
}

static void identity(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(get(f, REG(0, 0, 5, 0)) >> 8 & 15, 1);
    assert_int_equal(get(f, PMCR), 6 << 11 | 1 << 6);
    assert_int_equal(get(f, CEID0), 1 << SW_INCR | 1 << INST_RETIRED | 1 << CPU_CYCLES);
    assert_int_equal(get(f, CEID1), 0);
    assert_false(run_insn(f, mrs(EVCNTR(6))));
    assert_false(run_insn(f, mrs(SWINC)));
    stop();
    f = fixture_new("max,-pmuv3");
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, 1);
    assert_int_equal(get(f, REG(0, 0, 5, 0)) >> 8 & 15, 0);
    assert_false(run_insn(f, mrs(PMCR)));
    stop();
}

static void cycles(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(get(f, CCNTR), 0);
    set(f, CNTENSET, CYCLES);
    set_clock(f, 2000);
    assert_int_equal(get(f, CCNTR), 0); /* PMCR.E is off */
    set(f, PMCR, E);
    set_clock(f, 2500);
    assert_int_equal(get(f, CCNTR), 500);
    set(f, CCNTR, 0xffffffffffull);
    set_clock(f, 2600);
    assert_int_equal(get(f, CCNTR), 0xffffffffffull + 100); /* 64 bits */
    set(f, CNTENCLR, CYCLES);
    set_clock(f, 3000);
    assert_int_equal(get(f, CCNTR), 0xffffffffffull + 100);
    assert_int_equal(get(f, CNTENSET), 0);
    set(f, PMCR, E | C);
    assert_int_equal(get(f, CCNTR), 0);
    stop();
}

/* Insns between the write that starts a counter and the read, both excluded: and nothing of other events. */
static void insns(void **state)
{
    (void)state;
    start(1);
    set(f, EVTYPER(0), INST_RETIRED);
    set(f, EVTYPER(1), 0x3c); /* there is none */
    set(f, EVTYPER(2), CPU_CYCLES);
    set(f, CNTENSET, 7);
    set(f, PMCR, E);
    nops(10);
    assert_int_equal(get(f, EVCNTR(0)), 10);
    assert_int_equal(get(f, EVCNTR(0)), 11);
    assert_int_equal(get(f, EVCNTR(1)), 0);
    set(f, SELR, 0);
    assert_int_equal(get(f, XEVCNTR), 14);
    assert_int_equal(get(f, XEVTYPER), INST_RETIRED);
    set(f, EVCNTR(0), 0xfffffffe);
    nops(3);
    assert_int_equal(get(f, EVCNTR(0)), 1); /* 32 bits */
    assert_int_equal(get(f, OVSCLR), 1);
    set_clock(f, 5000);
    assert_int_equal(get(f, EVCNTR(2)), 4000);
    set(f, PMCR, P);
    assert_int_equal(get(f, EVCNTR(2)), 0);
    set(f, SELR, 31);
    set(f, XEVTYPER, NO_EL0);
    assert_int_equal(get(f, CCFILTR), NO_EL0);
    stop();
}

static void software(void **state)
{
    (void)state;
    start(1);
    set(f, EVTYPER(3), SW_INCR);
    set(f, SWINC, 8);
    assert_int_equal(get(f, EVCNTR(3)), 0);
    set(f, CNTENSET, 8);
    set(f, PMCR, E);
    set(f, SWINC, 8 | 1);
    set(f, SWINC, 8);
    assert_int_equal(get(f, EVCNTR(3)), 2);
    set(f, EVCNTR(3), 0xffffffff);
    set(f, INTENSET, 8);
    set(f, SWINC, 8);
    assert_int_equal(get(f, EVCNTR(3)), 0);
    assert_int_equal(get(f, OVSSET), 8);
    assert_int_equal(seen.lines & LINE, LINE);
    set(f, OVSCLR, 8);
    assert_int_equal(seen.lines & LINE, 0);
    set(f, OVSSET, 8);
    assert_int_equal(seen.lines & LINE, LINE);
    set(f, INTENCLR, 8);
    assert_int_equal(seen.lines & LINE, 0);
    stop();
}

static void overflow(void **state)
{
    (void)state;
    start(1);
    set(f, CNTENSET, CYCLES | 1);
    set(f, EVTYPER(0), CPU_CYCLES);
    set(f, INTENSET, CYCLES);
    set(f, CCNTR, -5000ull);
    set(f, PMCR, E);
    assert_int_equal(seen.deadline, 6000);
    set_clock(f, 5999);
    arm64_clock_event(cpu);
    assert_int_equal(seen.lines & LINE, 0);
    set_clock(f, 6000);
    arm64_clock_event(cpu);
    assert_int_equal(seen.lines & LINE, LINE);
    assert_int_equal(get(f, OVSSET), CYCLES);
    assert_int_equal(get(f, CCNTR), 0);
    set(f, OVSCLR, CYCLES);
    assert_int_equal(seen.lines & LINE, 0);
    /* of insns it is looked for soon */
    set(f, EVTYPER(0), INST_RETIRED);
    set(f, EVCNTR(0), 0u - 20);
    set(f, INTENSET, 1);
    assert_in_range(seen.deadline, 6001, 6000 + 100000);
    nops(20);
    set_clock(f, seen.deadline);
    arm64_clock_event(cpu);
    assert_int_equal(seen.lines & LINE, LINE);
    stop();
}

/* Each insn is of its level: an SVC and an ERET of where they are. */
static void levels(void **state)
{
    static const struct {
        uint64_t filter;
        unsigned el2, el1, el0;
    } rows[] = {{0, 0, 1, 1},      {NO_EL1, 0, 0, 1},         {NO_EL0, 0, 1, 0}, {NO_EL1 | NO_EL0, 0, 0, 0},
                {EL2TOO, 1, 1, 1}, {EL2TOO | NO_EL1, 1, 0, 1}};
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        start(2);
        set(f, EVTYPER(0), INST_RETIRED | rows[i].filter);
        set(f, CCFILTR, rows[i].filter);
        set(f, CNTENSET, CYCLES | 1);
        set(f, PMCR, E);
        nops(3);
        set_clock(f, 1100);
        A64(cpu, spsr_el2) = 0;
        A64(cpu, elr_el2) = RAM + 0x100;
        assert_true(run_insn(f, ERET)); /* 4 at EL2 */
        nops(5);
        set_clock(f, 1300);
        run_through(f, SVC); /* to EL1 */
        assert_int_equal(arm64_el(cpu), 1);
        nops(7);
        set_clock(f, 1600);
        uint64_t count = get(f, EVCNTR(0)), time = get(f, CCNTR);
        assert_int_equal(time, 100 * rows[i].el2 + 200 * rows[i].el0 + 300 * rows[i].el1);
        assert_in_range(count, 4 * rows[i].el2 + 5 * rows[i].el0 + 7 * rows[i].el1,
                        4 * rows[i].el2 + 5 * rows[i].el0 + 7 * rows[i].el1 + 1); /* whether the SVC is one */
        stop();
    }
}

static bool user_may(unsigned number, bool write)
{
    bool done = run_insn(f, write ? msr(number) : mrs(number));
    if (!done)
        assert_int_equal(cpu->trap.kind, ARM64_TRAP_sysreg);
    return done;
}

static void users(void **state)
{
    (void)state;
    start(1);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool en = bits & 1, sw = bits & 2, cr = bits & 4, er = bits & 8;
        become(1);
        set(f, USERENR, bits);
        become(0);
        A64N(cpu, x, 6) = 0;
        assert_true(user_may(USERENR, false));
        assert_int_equal(user_may(PMCR, false), en);
        assert_int_equal(user_may(CNTENSET, true), en);
        assert_int_equal(user_may(SWINC, true), en || sw);
        assert_int_equal(user_may(CCNTR, false), en || cr);
        assert_int_equal(user_may(CCNTR, true), en);
        assert_int_equal(user_may(EVCNTR(1), false), en || er);
        assert_int_equal(user_may(EVCNTR(1), true), en);
        assert_int_equal(user_may(SELR, true), en || er);
        assert_int_equal(user_may(EVTYPER(1), false), en);
        assert_false(run_insn(f, mrs(INTENSET)));
        assert_int_equal(cpu->trap.kind, ARM64_TRAP_undef);
    }
    stop();
}

static void hypervisors(void **state)
{
    enum { HPME = 1 << 7, TPM = 1 << 6, TPMCR = 1 << 5 };
    (void)state;
    start(2);
    assert_int_equal(get(f, MDCR), 6);
    set(f, MDCR, 2 | HPME);
    for (unsigned n = 1; n < 4; n += 2)
        set(f, EVTYPER(n), CPU_CYCLES | EL2TOO);
    set(f, CNTENSET, 10);
    set_clock(f, 1700);
    assert_int_equal(get(f, EVCNTR(3)), 700); /* its own, without PMCR.E */
    assert_int_equal(get(f, EVCNTR(1)), 0);
    become(1);
    assert_int_equal(get(f, PMCR) >> 11 & 31, 2);
    assert_int_equal(get(f, CNTENSET), 2);
    assert_false(run_insn(f, mrs(EVCNTR(3))));
    assert_int_equal(cpu->trap.kind, ARM64_TRAP_undef);
    set(f, CNTENCLR, ~0ull);
    become(2);
    assert_int_equal(get(f, CNTENSET), 8);
    set(f, MDCR, 2 | TPMCR);
    become(1);
    assert_true(run_insn(f, mrs(CCNTR)));
    run_through(f, mrs(PMCR));
    assert_int_equal(arm64_el(cpu), 2);
    assert_int_equal(A64(cpu, esr_el2) >> 26, 0x18);
    set(f, MDCR, 2 | TPM);
    become(1);
    run_through(f, mrs(CCNTR));
    assert_int_equal(arm64_el(cpu), 2);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity), cmocka_unit_test(cycles), cmocka_unit_test(insns), cmocka_unit_test(software),
        cmocka_unit_test(overflow), cmocka_unit_test(levels), cmocka_unit_test(users), cmocka_unit_test(hypervisors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
