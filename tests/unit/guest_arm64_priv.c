/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* arm64's exception levels: exceptions and returns, PSTATE, registers of hosts (VHE), traps of a hypervisor, timers, interrupts, software step. */
#include "arm64_fixture.h"

enum { SVC = 0xd4000001, HVC = 0xd4000002, SMC = 0xd4000003, BRK = 0xd4200000, ERET = 0xd69f03e0, WFI = 0xd503207f, NOP = 0xd503201f };
enum { DAIFSET_I = 0xd50342df, DAIFCLR_I = 0xd50342ff, HLT = 0xd45e0000, FMOV = 0x1e604020 /* fmov d0, d1 */ };
#define REG(op1, n, m, op2) SYSREG_NUMBER(3, op1, n, m, op2)
enum {
    SCTLR = REG(0, 1, 0, 0),
    CPACR = REG(0, 1, 0, 2),
    ELR1 = REG(0, 4, 0, 1),
    SPSR1 = REG(0, 4, 0, 0),
    ESR1 = REG(0, 5, 2, 0),
    FAR1 = REG(0, 6, 0, 0),
    VBAR1 = REG(0, 12, 0, 0),
    HCR = REG(4, 1, 1, 0),
    CNTV_CTL = REG(3, 14, 3, 1),
    CNTV_CVAL = REG(3, 14, 3, 2),
    CNTV_TVAL = REG(3, 14, 3, 0),
    CNTVCT = REG(3, 14, 0, 2),
    CNTKCTL = REG(0, 14, 1, 0),
};

static struct fixture *f;
static struct cpu *cpu;

static void start(unsigned el)
{
    f = fixture_new("max");
    cpu = f->cpu;
    arm64_enter_kernel(cpu, RAM, 0, el);
    A64(cpu, vbar_el1) = RAM + 0x10000;
    A64(cpu, vbar_el2) = RAM + 0x20000;
}

static void stop(void) { fixture_free(f); }

static void become(unsigned el)
{
    arm64_set_level(cpu, el, el > 0);
    cpu->pc = RAM + 0x100;
}

static unsigned class_of(uint64_t esr) { return (unsigned)(esr >> 26); }

/* ---- exceptions ---- */

static void calls(void **state)
{
    (void)state;
    start(1);
    A64(cpu, pstate) = PSTATE_DIT;
    arm64_set_nzcv(cpu, 0xa0000000);
    become(0);
    A64(cpu, sp) = 0x1000;
    A64N(cpu, sp_el, 1) = 0x2000;
    run_through(f, SVC | 0x1234 << 5);
    assert_int_equal(cpu->pc, RAM + 0x10400);
    assert_int_equal(A64(cpu, esr_el1), 0x15u << 26 | 1 << 25 | 0x1234);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x104);
    assert_int_equal(A64(cpu, spsr_el1), 0xa0000000 | PSTATE_DIT);
    assert_int_equal(arm64_pstate(cpu), 0xa0000000 | PSTATE_DAIF | PSTATE_DIT | 5);
    assert_int_equal(A64(cpu, sp), 0x2000);
    assert_int_equal(get(f, SYSREG_SP_EL0), 0x1000);
    cpu->pc = RAM + 0x200;
    run_through(f, SVC);
    assert_int_equal(cpu->pc, RAM + 0x10200); /* same level, its own stack */
    assert_true(run_insn(f, 0xd50040bf));     /* msr spsel, #0 */
    assert_int_equal(A64(cpu, sp), 0x1000);
    run_through(f, SVC);
    assert_int_equal(cpu->pc, RAM + 0x10000);
    run_through(f, BRK | 7 << 5);
    assert_int_equal(A64(cpu, esr_el1), 0x3cull << 26 | 1 << 25 | 7);
    cpu->pc = RAM + 0x300;
    run_through(f, 0x00000000);
    assert_int_equal(A64(cpu, esr_el1), 1 << 25);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x300);
    stop();
}

static void returns(void **state)
{
    (void)state;
    start(1);
    A64N(cpu, sp_el, 0) = 0x1000;
    A64(cpu, elr_el1) = RAM + 0x500;
    A64(cpu, spsr_el1) = 0x60000000;
    cpu->reservation.valid = RESERVED_armed;
    assert_true(run_insn(f, ERET));
    assert_int_equal(cpu->pc, RAM + 0x500);
    assert_int_equal(arm64_pstate(cpu), 0x60000000);
    assert_int_equal(A64(cpu, sp), 0x1000);
    assert_false(cpu->reservation.valid);
    assert_false(run_insn(f, ERET)); /* none at EL0 */
    /* Illegal: to EL2 that there is not, A32, EL0 with its own stack. */
    static const uint64_t bad[] = {9, 0x10, 1, 13};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        become(1);
        A64(cpu, pstate) = 0;
        arm64_mode_update(cpu);
        A64(cpu, spsr_el1) = bad[i] | PSTATE_I | 0x20000000;
        assert_true(run_insn(f, ERET));
        assert_int_equal(cpu->pc, RAM + 0x500);
        assert_int_equal(arm64_pstate(cpu), PSTATE_IL | PSTATE_I | 0x20000000 | 5);
        run_through(f, NOP);
        assert_int_equal(class_of(A64(cpu, esr_el1)), 0x0e);
        assert_true(A64(cpu, spsr_el1) & PSTATE_IL);
        assert_false(A64(cpu, pstate) & PSTATE_IL);
    }
    stop();
}

static void aborts(void **state)
{
    (void)state;
    start(1);
    become(0);
    A64N(cpu, x, 1) = 1ull << 45;
    run_through(f, 0xf9000020); /* str x0, [x1] */
    assert_int_equal(A64(cpu, esr_el1), 0x24ull << 26 | 1 << 25 | ABORT_WNR | FSC_ADDRESS_SIZE);
    assert_int_equal(A64(cpu, far_el1), 1ull << 45);
    cpu->pc = RAM + 0x100;
    assert_true(mem_store(f->space, cpu->pc, 4, 0xd50b7a21)); /* dc cvac, x1: the syndrome is read off the insn */
    run_through(f, 0xd50b7a21);
    assert_int_equal(A64(cpu, esr_el1), 0x25ull << 26 | 1 << 25 | ABORT_WNR | ABORT_CM | FSC_ADDRESS_SIZE);
    A64(cpu, sctlr_el1) |= SCTLR_SA;
    arm64_mode_update(cpu);
    A64(cpu, sp) = RAM + 8;
    run_through(f, 0xf94003e0); /* ldr x0, [sp] */
    assert_int_equal(class_of(A64(cpu, esr_el1)), 0x26);
    struct trap trap = arm64_misaligned(cpu, RAM + 2, ACCESS_fetch);
    cpu->pc = RAM + 2;
    arm64_enter_trap(cpu, trap);
    assert_int_equal(class_of(A64(cpu, esr_el1)), 0x22);
    assert_int_equal(A64(cpu, far_el1), RAM + 2);
    assert_int_equal(A64(cpu, elr_el1), RAM + 2);
    stop();
}

static void floats(void **state)
{
    (void)state;
    start(2);
    become(1);
    run_through(f, FMOV);
    assert_int_equal(A64(cpu, esr_el1), 0x07ull << 26 | 1 << 25 | 0x1e00000);
    set(f, CPACR, 1 << 20);
    assert_true(A64(cpu, mode) & MODE_FPEN);
    become(0);
    assert_false(A64(cpu, mode) & MODE_FPEN);
    become(1);
    set(f, CPACR, 3 << 20);
    become(0);
    assert_true(A64(cpu, mode) & MODE_FPEN);
    A64(cpu, cptr_el2) |= 1 << 10;
    arm64_mode_update(cpu);
    assert_false(A64(cpu, mode) & MODE_FPEN);
    arm64_enter_trap(cpu, (struct trap){ARM64_TRAP_fpaccess, FMOV});
    assert_int_equal(class_of(A64(cpu, esr_el2)), 0x07);
    assert_int_equal(arm64_el(cpu), 2);
    stop();
}

/* ---- calls upwards ---- */

static void firmware(void **state)
{
    (void)state;
    start(1); /* no EL2: HVC is the machine's, or nobody's; SMC is undefined */
    become(1);
    seen.firmware = true;
    run_through(f, HVC);
    assert_int_equal(cpu->pc, RAM + 0x104);
    run_through(f, SMC);
    assert_int_equal(A64(cpu, esr_el1), 1 << 25);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x104);
    seen.firmware = false;
    cpu->pc = RAM + 0x108;
    run_through(f, HVC);
    assert_int_equal(A64(cpu, esr_el1), 1 << 25);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x108);
    seen.semihosting = true;
    cpu->pc = RAM + 0x100;
    run_through(f, HLT);
    assert_int_equal(cpu->pc, RAM + 0x104);
    seen.semihosting = false;
    run_through(f, HLT);
    assert_int_equal(A64(cpu, esr_el1), 1 << 25);
    stop();
    start(2);
    become(1);
    seen.firmware = true;
    run_through(f, HVC | 3 << 5);
    assert_int_equal(arm64_el(cpu), 2);
    assert_int_equal(cpu->pc, RAM + 0x20400);
    assert_int_equal(A64(cpu, esr_el2), 0x16ull << 26 | 1 << 25 | 3);
    assert_int_equal(A64(cpu, elr_el2), RAM + 0x104);
    A64(cpu, hcr_el2) |= HCR_TSC;
    become(1);
    run_through(f, SMC);
    assert_int_equal(class_of(A64(cpu, esr_el2)), 0x17);
    assert_int_equal(A64(cpu, elr_el2), RAM + 0x100);
    stop();
}

/* ---- hosts ---- */

static void hosts(void **state)
{
    (void)state;
    start(2);
    set(f, VBAR1, RAM + 0x30000);
    assert_int_equal(A64(cpu, vbar_el1), RAM + 0x30000);
    assert_false(run_insn(f, mrs(REG(5, 12, 0, 0)))); /* VBAR_EL12 */
    set(f, HCR, HCR_E2H | HCR_TGE);
    assert_int_equal(A64(cpu, hcr_el2), HCR_E2H | HCR_TGE | HCR_RW);
    set(f, VBAR1, RAM + 0x40000);
    assert_int_equal(A64(cpu, vbar_el2), RAM + 0x40000);
    assert_int_equal(get(f, REG(5, 12, 0, 0)), RAM + 0x30000);
    set(f, CPACR, 3 << 20);
    assert_int_equal(A64(cpu, cptr_el2), 3 << 20);
    set(f, CNTV_CVAL, 77);
    assert_int_equal(A64N(cpu, cnt_cval, TIMER_hypvirt), 77);
    set(f, REG(5, 14, 3, 2), 78);
    assert_int_equal(A64N(cpu, cnt_cval, TIMER_virt), 78);
    become(0); /* its programs are below EL2 */
    run_through(f, SVC);
    assert_int_equal(arm64_el(cpu), 2);
    assert_int_equal(cpu->pc, RAM + 0x40400);
    A64(cpu, spsr_el2) = 5;
    assert_true(run_insn(f, ERET)); /* EL1 is not there meanwhile */
    assert_true(A64(cpu, pstate) & PSTATE_IL);
    stop();
}

static void watched(void **state)
{
    (void)state;
    start(2);
    set(f, HCR, HCR_TVM | HCR_TID3 | HCR_TWI);
    become(1);
    A64N(cpu, x, 6) = 5;
    run_through(f, msr(FAR1));
    assert_int_equal(arm64_el(cpu), 2);
    assert_int_equal(A64(cpu, esr_el2), 0x18ull << 26 | 1 << 25 | 3 << 20 | 6 << 10 | 6 << 5);
    become(1);
    assert_true(run_insn(f, mrs(FAR1)));
    run_through(f, mrs(REG(0, 0, 4, 0)));
    assert_int_equal(A64(cpu, esr_el2), 0x18ull << 26 | 1 << 25 | 3 << 20 | 5 << 5 | 4 << 1 | 1);
    become(1);
    run_through(f, WFI);
    assert_int_equal(A64(cpu, esr_el2), 0x01ull << 26 | 1 << 25 | 0x1e00000);
    stop();
}

/* What a program announces as written, a barrier tells once: from the first line to the last. */
static void written_code(void **state)
{
    enum { DSB_ISH = 0xd5033b9f };
    (void)state;
    start(1);
    set(f, SCTLR, SCTLR_UCI);
    become(0);
    for (unsigned i = 0; i < 3; i++) {
        A64N(cpu, x, 1) = (uint64_t[]){0x20050, UINT64_C(0xab00000000020110), 0x20080}[i];
        assert_true(run_insn(f, 0xd50b7521)); /* ic ivau, x1 */
    }
    assert_int_equal(seen.fetches, 0);
    assert_true(run_insn(f, DSB_ISH));
    assert_int_equal(seen.fetches, 1);
    assert_true(seen.from == 0x20040 && seen.to == 0x20140);
    assert_true(run_insn(f, DSB_ISH));
    assert_int_equal(seen.fetches, 1);
    assert_true(run_insn(f, 0xd50b7521));
    assert_true(run_insn(f, DSB_ISH));
    assert_true(seen.from == 0x20080 && seen.to == 0x200c0);
    stop();
}

/* ---- registers ---- */

/* EL2 has no stage 2, and says so. */
static void granules(void **state)
{
    enum { MMFR0 = REG(0, 0, 7, 0) };
    (void)state;
    start(2);
    assert_int_equal(get(f, MMFR0) >> 32 & 0xfff, 0x111);
    stop();
    start(1);
    assert_int_equal(get(f, MMFR0) >> 32 & 0xfff, 0);
    stop();
}

static void rights(void **state)
{
    (void)state;
    start(1);
    become(0);
    assert_false(run_insn(f, mrs(SCTLR)));
    assert_int_equal(cpu->trap.kind, ARM64_TRAP_undef);
    run_through(f, mrs(REG(3, 0, 0, 1))); /* CTR_EL0: SCTLR.UCT */
    assert_int_equal(A64(cpu, esr_el1), 0x18ull << 26 | 1 << 25 | 3 << 20 | 1 << 17 | 3 << 14 | 5 << 5 | 1);
    run_through(f, mrs(SYSREG_CURRENTEL));
    assert_int_equal(A64N(cpu, x, 5), 4);
    set(f, SCTLR, SCTLR_UCT | SCTLR_UCI | SCTLR_DZE | SCTLR_UMA);
    assert_int_equal(get(f, SCTLR) & 1, 0);
    become(0);
    assert_true(run_insn(f, mrs(REG(3, 0, 0, 1))));
    assert_true(run_insn(f, 0xd50b7521)); /* ic ivau */
    assert_true(run_insn(f, DAIFSET_I));
    become(1);
    set(f, SCTLR, 0);
    become(0);
    assert_false(run_insn(f, 0xd50b7521));
    assert_false(run_insn(f, 0xd50b7421)); /* dc zva */
    assert_false(run_insn(f, DAIFSET_I));
    assert_false(run_insn(f, mrs(CNTVCT)));
    become(1);
    set(f, CNTKCTL, 2);
    become(0);
    assert_true(run_insn(f, mrs(CNTVCT)));
    become(1);
    assert_int_equal(get(f, REG(0, 0, 7, 5)), 0); /* reserved for ID registers */
    assert_false(run_insn(f, msr(REG(0, 0, 7, 0))));
    assert_false(run_insn(f, mrs(REG(4, 1, 0, 0)))); /* SCTLR_EL2 */
    assert_int_equal(get(f, REG(0, 0, 4, 0)) & 0xf00, 0);
    assert_int_equal(get(f, REG(0, 12, 12, 0)), 0x77); /* ICC_IAR1: the window's */
    assert_int_equal(seen.number, REG(0, 12, 12, 0));
    assert_false(run_insn(f, mrs(REG(0, 12, 12, 7))));
    stop();
}

static void fields(void **state)
{
    (void)state;
    start(1);
    assert_true(run_insn(f, 0xd500419f)); /* msr pan, #1 */
    assert_int_equal(get(f, REG(0, 4, 2, 3)), PSTATE_PAN);
    run_through(f, SVC);
    assert_true(A64(cpu, pstate) & PSTATE_PAN);
    assert_true(run_insn(f, 0xd500409f));
    A64(cpu, sctlr_el1) |= SCTLR_SPAN;
    run_through(f, SVC);
    assert_false(A64(cpu, pstate) & PSTATE_PAN);
    A64(cpu, sctlr_el1) &= ~SCTLR_SPAN;
    run_through(f, SVC);
    assert_true(A64(cpu, pstate) & PSTATE_PAN);
    set(f, SYSREG_DAIF, PSTATE_D | PSTATE_F);
    assert_int_equal(get(f, SYSREG_DAIF), PSTATE_D | PSTATE_F);
    assert_int_equal(get(f, SYSREG_SPSEL), 1);
    stop();
}

/* ---- interrupts and timers ---- */

static void interrupts(void **state)
{
    (void)state;
    start(1);
    become(1);
    cpu_line_set(cpu, ARM64_IRQ, true);
    assert_false(arm64_take_interrupt(cpu));
    assert_int_equal(A64(cpu, held), PSTATE_I);
    assert_true(arm64_wakes(cpu));
    assert_int_equal(get(f, REG(0, 12, 1, 0)), PSTATE_I); /* ISR_EL1 */
    run_through(f, DAIFCLR_I);
    assert_int_equal(cpu->pc, RAM + 0x10280);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x108);
    assert_int_equal(A64(cpu, spsr_el1) & PSTATE_DAIF, PSTATE_DAIF & ~PSTATE_I);
    A64N(cpu, x, 6) = PSTATE_DAIF & ~PSTATE_I;
    cpu->pc = RAM + 0x100;
    run_through(f, msr(SYSREG_DAIF));
    assert_int_equal(cpu->pc, RAM + 0x10280);
    cpu_line_set(cpu, ARM64_IRQ, false);
    atomic_store(&cpu->events, 0);
    become(1);
    assert_false(arm64_take_interrupt(cpu));
    run_through(f, DAIFCLR_I);
    assert_int_equal(cpu->pc, RAM + 0x104);
    assert_int_equal(get(f, SYSREG_DAIF), PSTATE_DAIF & ~PSTATE_I);
    cpu_line_set(cpu, ARM64_FIQ, true);
    become(0);
    A64(cpu, pstate) = 0;
    assert_true(arm64_take_interrupt(cpu));
    assert_int_equal(cpu->pc, RAM + 0x10500);
    stop();
}

/* Those for EL2 are not EL1's to hold; those for EL1 wait until EL2 is left. */
static void routing(void **state)
{
    (void)state;
    start(2);
    cpu_line_set(cpu, ARM64_IRQ, true);
    A64(cpu, pstate) = 0;
    assert_false(arm64_take_interrupt(cpu));
    become(1);
    A64(cpu, pstate) = PSTATE_DAIF;
    assert_false(arm64_take_interrupt(cpu));
    A64(cpu, hcr_el2) |= HCR_IMO;
    assert_true(arm64_take_interrupt(cpu));
    assert_int_equal(cpu->pc, RAM + 0x20480);
    assert_false(arm64_take_interrupt(cpu)); /* closed at EL2 itself */
    run_through(f, DAIFCLR_I);
    assert_int_equal(cpu->pc, RAM + 0x20280);
    stop();
}

static void timers(void **state)
{
    enum { TICK = 16 /* ns */, ENABLE = 1, MASK = 2, MET = 4, PPI = 27 };
    (void)state;
    start(1);
    set_clock(f, 1000 * TICK);
    uint64_t now = get(f, CNTVCT);
    assert_in_range(now, 1000, 1u << 30);
    set(f, CNTV_CVAL, now + (1ull << 31));
    set(f, CNTV_CTL, ENABLE);
    assert_int_equal(seen.deadline, (now + (1ull << 31)) * TICK);
    assert_int_equal(get(f, CNTV_CTL), ENABLE);
    assert_false(seen.lines);
    set_clock(f, (now + (1ull << 31)) * TICK);
    assert_true(arm64_wakes(cpu));
    arm64_clock_event(cpu);
    assert_int_equal(seen.lines, 1u << PPI);
    assert_int_equal(get(f, CNTV_CTL), ENABLE | MET);
    assert_false(arm64_wakes(cpu)); /* told; the controller says whether it is one */
    set(f, CNTV_CTL, ENABLE | MASK);
    assert_false(seen.lines);
    assert_int_equal(get(f, CNTV_CTL), ENABLE | MASK | MET);
    set(f, CNTV_TVAL, 0x80000000); /* negative: long ago */
    set(f, CNTV_CTL, ENABLE);
    assert_int_equal(seen.lines, 1u << PPI);
    set(f, CNTV_TVAL, 0x7fffffff);
    assert_false(seen.lines);
    assert_in_range(get(f, CNTV_TVAL), 0x60000000, 0x7fffffff);
    set(f, CNTV_CVAL, ~0ull);
    assert_int_equal(seen.deadline, UINT64_MAX);
    stop();
}

static void waiting(void **state)
{
    (void)state;
    start(1);
    assert_true(run_insn(f, WFI));
    assert_true(cpu->waiting);
    assert_int_equal(cpu->wait_until, UINT64_MAX);
    cpu->waiting = false;
    A64(cpu, sctlr_el1) = 0;
    become(0);
    cpu_line_set(cpu, ARM64_IRQ, true); /* nothing to wait for: nothing to refuse */
    assert_true(run_insn(f, WFI));
    assert_false(cpu->waiting);
    cpu_line_set(cpu, ARM64_IRQ, false);
    run_through(f, WFI);
    assert_int_equal(A64(cpu, esr_el1), 0x01ull << 26 | 1 << 25 | 0x1e00000);
    stop();
}

/* Does WFE wait? */
static bool wfe(uint64_t *until)
{
    cpu->waiting = false;
    assert_true(run_insn(f, 0xd503205f));
    *until = cpu->wait_until;
    return cpu->waiting;
}

static void events(void **state)
{
    enum { SEV = 0xd503209f, SEVL = 0xd50320bf, LDXR = 0xc85f7c20, CLREX = 0xd5033f5f };
    uint64_t until;
    (void)state;
    start(1);
    assert_true(wfe(&until));
    assert_int_equal(until, UINT64_MAX);
    assert_false(cpu->guest->wakes(cpu));
    cpu_line_set(cpu, ARM64_EVENT, true); /* as another's SEV does */
    assert_true(cpu->guest->wakes(cpu));
    assert_false(wfe(&until));
    assert_true(wfe(&until));
    assert_true(run_insn(f, SEVL));
    assert_int_equal(seen.raised, 0);
    assert_false(wfe(&until));
    assert_true(wfe(&until));
    assert_true(run_insn(f, SEV));
    assert_int_equal(seen.raised, 1 << ARM64_EVENT);
    assert_false(wfe(&until));
    /* an event is none of WFI's */
    cpu_line_set(cpu, ARM64_EVENT, true);
    cpu->waiting = false;
    assert_true(run_insn(f, WFI));
    assert_true(cpu->waiting);
    assert_false(cpu->guest->wakes(cpu));
    assert_false(wfe(&until));
    /* an exception return is one */
    A64(cpu, elr_el1) = RAM + 0x100;
    A64(cpu, spsr_el1) = 5;
    assert_true(run_insn(f, ERET));
    assert_false(wfe(&until));
    /* with a reservation: not for long */
    A64N(cpu, x, 1) = RAM + 0x1000;
    assert_true(run_insn(f, LDXR));
    assert_true(wfe(&until));
    assert_in_range(until, 1, 1000000);
    assert_true(run_insn(f, CLREX));
    /* EVNTI 9: bit 9 of the counter becomes 1 at 512, 1536 ...; or 0 at 1024, 2048 ... */
    set(f, CNTKCTL, 1 << 2 | 9 << 4);
    assert_true(wfe(&until));
    assert_int_equal(until, 512 * 16);
    set(f, CNTKCTL, 1 << 3 | 1 << 2 | 9 << 4);
    assert_true(wfe(&until));
    assert_int_equal(until, 1024 * 16);
    set_clock(f, 1024 * 16);
    assert_true(wfe(&until));
    assert_int_equal(until, 2048 * 16);
    /* WFET until the virtual counter is 1100 */
    A64N(cpu, x, 0) = 1100;
    cpu->waiting = false;
    assert_true(run_insn(f, 0xd5031000));
    assert_true(cpu->waiting);
    assert_in_range(cpu->wait_until, 1100 * 16, 1100 * 16 + 16);
    set_clock(f, 1100 * 16);
    cpu->waiting = false;
    assert_true(run_insn(f, 0xd5031000));
    assert_false(cpu->waiting);
    /* who need not wait is not refused */
    A64(cpu, sctlr_el1) = 0;
    become(0);
    assert_true(run_insn(f, SEVL));
    assert_true(run_insn(f, 0xd503205f));
    run_through(f, 0xd503205f);
    assert_int_equal(A64(cpu, esr_el1), 0x01ull << 26 | 1 << 25 | 0x1e00000 | 1);
    stop();
}

/* A hypervisor's, to its guest: kind by kind, at EL1 and EL0, masked and not. */
static void virtual_interrupts(void **state)
{
    static const struct {
        uint64_t set, routed;
        unsigned mask, offset;
    } kinds[] = {{HCR_VI, HCR_IMO, PSTATE_I, 0x80}, {HCR_VF, HCR_FMO, PSTATE_F, 0x100}, {HCR_VSE, HCR_AMO, PSTATE_A, 0x180}};
    enum { ISR = REG(0, 12, 1, 0) };
    (void)state;
    start(2);
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
        for (unsigned el = 0; el < 2; el++) {
            become(2);
            set(f, HCR, kinds[i].set); /* not routed: none */
            become(el);
            A64(cpu, pstate) = 0;
            assert_false(arm64_take_interrupt(cpu));
            become(2);
            set(f, HCR, kinds[i].set | kinds[i].routed);
            A64(cpu, pstate) = 0;
            assert_false(arm64_take_interrupt(cpu)); /* not at EL2 */
            assert_int_equal(get(f, ISR), 0);
            become(el);
            A64(cpu, pstate) = kinds[i].mask;
            assert_false(arm64_take_interrupt(cpu));
            assert_true(cpu->guest->wakes(cpu));
            if (el) { /* opening DAIF meets it */
                assert_int_equal(get(f, ISR), kinds[i].mask);
                cpu_line_set(cpu, ARM64_IRQ, true);
                cpu_line_set(cpu, ARM64_FIQ, true);
                assert_int_equal(get(f, ISR), PSTATE_I | PSTATE_F | kinds[i].mask); /* those not routed are seen as they are */
                A64(cpu, hcr_el2) &= ~kinds[i].set;
                assert_int_equal(get(f, ISR), (PSTATE_I | PSTATE_F) & ~kinds[i].mask);
                A64(cpu, hcr_el2) |= kinds[i].set;
                cpu_line_set(cpu, ARM64_IRQ, false);
                cpu_line_set(cpu, ARM64_FIQ, false);
                cpu->pc = RAM + 0x100;
                run_through(f, DAIFCLR_I | 15 << 8);
            } else {
                A64(cpu, pstate) = 0;
                assert_true(arm64_take_interrupt(cpu));
            }
            assert_int_equal(arm64_el(cpu), 1);
            assert_int_equal(cpu->pc, RAM + 0x10000 + (el ? 0x200 : 0x400) + kinds[i].offset);
            assert_int_equal(A64(cpu, pstate) & PSTATE_DAIF, PSTATE_DAIF);
            assert_int_equal(A64(cpu, hcr_el2) & kinds[i].set, kinds[i].set == HCR_VSE ? 0 : kinds[i].set);
            if (kinds[i].set == HCR_VSE)
                assert_int_equal(A64(cpu, esr_el1), 0x2full << 26 | 1 << 25);
        }
    stop();
}

/* ---- software step ---- */

static void steps(void **state)
{
    (void)state;
    start(1);
    A64(cpu, oslar_el1) = 0;
    set(f, SYSREG_NUMBER(2, 0, 0, 2, 2), 1); /* MDSCR.SS */
    assert_false(cpu->stepping);
    A64(cpu, spsr_el1) = PSTATE_SS;
    A64(cpu, elr_el1) = RAM + 0x100;
    assert_true(run_insn(f, ERET));
    assert_true(cpu->stepping);
    run_through(f, NOP);
    assert_int_equal(cpu->pc, RAM + 0x104);
    run_through(f, NOP);
    assert_int_equal(A64(cpu, esr_el1), 0x32ull << 26 | 1 << 25 | 0x22);
    assert_int_equal(A64(cpu, elr_el1), RAM + 0x104);
    assert_false(A64(cpu, spsr_el1) & PSTATE_SS);
    assert_false(cpu->stepping);
    A64(cpu, spsr_el1) = PSTATE_SS;
    assert_true(run_insn(f, ERET));
    run_through(f, SVC); /* is stepped, and its exception comes first */
    assert_int_equal(class_of(A64(cpu, esr_el1)), 0x15);
    assert_false(A64(cpu, spsr_el1) & PSTATE_SS);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(returns),
        cmocka_unit_test(aborts),
        cmocka_unit_test(floats),
        cmocka_unit_test(firmware),
        cmocka_unit_test(hosts),
        cmocka_unit_test(watched),
        cmocka_unit_test(written_code),
        cmocka_unit_test(rights),
        cmocka_unit_test(fields),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(routing),
        cmocka_unit_test(timers),
        cmocka_unit_test(waiting),
        cmocka_unit_test(granules),
        cmocka_unit_test(events),
        cmocka_unit_test(virtual_interrupts),
        cmocka_unit_test(steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
