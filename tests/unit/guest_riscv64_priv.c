/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Traps, interrupts, the timer and counters of the riscv64 guest, by its functions and by running single insns. */
#include "riscv64_steps.h"

enum { ECALL = 0x73, MRET = 0x30200073, SRET = 0x10200073, WFI = 0x10500073, SFENCE = 0x12628073 /* t0, t1 */, FENCE_I = 0x100f };

/* ---- traps ---- */

static void delegation(void **state)
{
    static const uint8_t causes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15};

    (void)state;
    start("max");
    for (unsigned i = 0; i < sizeof causes; i++)
        for (unsigned priv = 0; priv < 4; priv++)
            for (unsigned d = 0; d < 2; d++) {
                if (priv == 2)
                    continue;
                RV(cpu, mtvec) = 0x80001001; /* vectored: exceptions go to the base all the same */
                RV(cpu, stvec) = 0x80002001;
                RV(cpu, medeleg) = d ? 1u << causes[i] & 0xb3ff : ~(1u << causes[i]) & 0xb3ff;
                RV(cpu, priv) = priv;
                RV(cpu, mstatus) = STATUS_SIE | STATUS_MIE;
                cpu->pc = 0x80000100;
                riscv64_enter_trap(cpu, (struct trap){causes[i], 0xabc});
                bool super = d && priv < 3 && causes[i] != 11;
                assert_int_equal(cpu->pc, super ? 0x80002000 : 0x80001000);
                assert_int_equal(RV(cpu, priv), super ? PRIV_S : PRIV_M);
                assert_int_equal(super ? RV(cpu, scause) : RV(cpu, mcause), causes[i]);
                assert_int_equal(super ? RV(cpu, sepc) : RV(cpu, mepc), 0x80000100);
                assert_int_equal(super ? RV(cpu, stval) : RV(cpu, mtval), 0xabc);
                if (super)
                    assert_int_equal(RV(cpu, mstatus), STATUS_MIE | STATUS_SPIE | (priv ? STATUS_SPP : 0));
                else
                    assert_int_equal(RV(cpu, mstatus), STATUS_SIE | STATUS_MPIE | priv << STATUS_MPP_pos);
            }
    stop();
}

static void returns(void **state)
{
    (void)state;
    start("max");
    for (unsigned mpp = 0; mpp < 4; mpp++)
        for (unsigned pie = 0; pie < 2; pie++) {
            if (mpp == 2)
                continue;
            RV(cpu, priv) = PRIV_M;
            RV(cpu, mepc) = 0x80000203;
            RV(cpu, mstatus) = (mpp << STATUS_MPP_pos) | (pie ? STATUS_MPIE : STATUS_MIE) | STATUS_MPRV;
            assert_true(run_insn(f, MRET));
            assert_int_equal(cpu->pc, 0x80000202);
            assert_int_equal(RV(cpu, priv), mpp);
            assert_int_equal(RV(cpu, mstatus), STATUS_MPIE | (pie ? STATUS_MIE : 0) | (mpp == 3 ? STATUS_MPRV : 0));
        }
    for (unsigned spp = 0; spp < 2; spp++)
        for (unsigned pie = 0; pie < 2; pie++) {
            RV(cpu, priv) = PRIV_S;
            RV(cpu, sepc) = 0x80000300;
            RV(cpu, mstatus) = (spp ? STATUS_SPP : 0) | (pie ? STATUS_SPIE : STATUS_SIE) | STATUS_MPRV | STATUS_MPIE;
            assert_true(run_insn(f, SRET));
            assert_int_equal(cpu->pc, 0x80000300);
            assert_int_equal(RV(cpu, priv), spp);
            assert_int_equal(RV(cpu, mstatus), STATUS_SPIE | (pie ? STATUS_SIE : 0) | STATUS_MPIE);
        }
    RV(cpu, priv) = PRIV_M;
    RV(cpu, mstatus) = STATUS_TSR | STATUS_SPP; /* M is not bound by TSR */
    assert_true(run_insn(f, SRET));
    assert_int_equal(RV(cpu, priv), PRIV_S);
    stop();
}

static void calls(void **state)
{
    static const uint32_t words[] = {0x01f01013, 0x00100073, 0x40705013};

    (void)state;
    start("max");
    RV(cpu, priv) = PRIV_S;
    RV(cpu, mtvec) = 0x80001000;
    seen.firmware = true;
    riscv64_enter_trap(cpu, (struct trap){RISCV64_TRAP_ecall_s, 0});
    assert_int_equal(cpu->pc, RAM + 4);
    assert_int_equal(RV(cpu, priv), PRIV_S);
    seen.firmware = false;
    riscv64_enter_trap(cpu, (struct trap){RISCV64_TRAP_ecall_s, 0});
    assert_int_equal(cpu->pc, 0x80001000);
    assert_int_equal(RV(cpu, mepc), RAM + 4);
    for (unsigned i = 0; i < 3; i++)
        assert_true(mem_store(f->space, RAM + 0x100 + 4 * i, 4, words[i]));
    for (unsigned i = 0; i < 3; i++) {
        seen.semihosting = i < 2;
        cpu->pc = i == 0 ? RAM + 0x200 : RAM + 0x104;
        riscv64_enter_trap(cpu, (struct trap){RISCV64_TRAP_breakpoint, cpu->pc});
        assert_int_equal(cpu->pc, i == 1 ? RAM + 0x108 : 0x80001000);
    }
    RV(cpu, priv) = PRIV_U;
    assert_false(run_insn(f, ECALL));
    assert_int_equal(cpu->trap.kind, RISCV64_TRAP_ecall_u);
    stop();
}

static void fences(void **state)
{
    (void)state;
    start("max");
    RVN(cpu, x, 5) = 0x1234000;
    RVN(cpu, x, 6) = 0x50007;
    memset(&seen, 0, sizeof seen);
    assert_true(run_insn(f, SFENCE));
    assert_true(seen.page_flushes == 1 && seen.va == 0x1234000 && seen.asid == 7);
    assert_true(run_insn(f, SFENCE & ~(31u << 20)));
    assert_true(seen.page_flushes == 2 && seen.asid == -1);
    assert_true(run_insn(f, SFENCE & ~(31u << 15)));
    assert_true(seen.flushes == 1 && seen.asid == 7);
    assert_true(run_insn(f, 0x12000073));
    assert_true(seen.flushes == 2 && seen.asid == -1);
    assert_true(run_insn(f, FENCE_I));
    assert_int_equal(seen.fetches, 1);
    csr_set(0x30a, ENVCFG_ADUE);
    assert_int_equal(seen.flushes, 3); /* PBMTE and ADUE decide walks */
    csr_set(0x300, STATUS_MPRV);
    assert_true(seen.contexts > 0);
    stop();
}

/* ---- interrupts ---- */

static void priorities(void **state)
{
    static const uint8_t order[] = {IRQ_MEI, IRQ_MSI, IRQ_MTI, IRQ_SEI, IRQ_SSI, IRQ_STI, IRQ_LCOFI};

    (void)state;
    start("max");
    RV(cpu, mtvec) = 0x80001001;
    for (unsigned from = 0; from < 7; from++) {
        RV(cpu, priv) = PRIV_M;
        RV(cpu, mstatus) = STATUS_MIE;
        RV(cpu, mie) = 0x2aaa;
        RV(cpu, mideleg) = 0;
        RV(cpu, mip) = 0;
        atomic_store(&cpu->lines, 0);
        for (unsigned i = from; i < 7; i++)
            if (IRQ_INPUTS >> order[i] & 1)
                cpu_line_set(cpu, order[i], true);
            else
                RV(cpu, mip) |= 1ull << order[i];
        cpu->pc = RAM + 0x40;
        assert_true(riscv64_wakes(cpu));
        assert_true(riscv64_take_interrupt(cpu));
        assert_int_equal(RV(cpu, mcause), 1ull << 63 | order[from]);
        assert_int_equal(cpu->pc, 0x80001000 + 4 * order[from]);
        assert_int_equal(RV(cpu, mepc), RAM + 0x40);
        assert_int_equal(RV(cpu, mtval), 0);
        assert_false(riscv64_take_interrupt(cpu)); /* MIE is off now */
    }
    stop();
}

/* Which interrupts get through: mode, global enables, delegation; machine before supervisor whatever the numbers. */
static void enables(void **state)
{
    (void)state;
    start("max");
    for (unsigned priv = 0; priv < 4; priv++)
        for (unsigned bits = 0; bits < 16; bits++) {
            bool mie = bits & 1, sie = bits & 2, delegated = bits & 4, both = bits & 8;
            if (priv == 2)
                continue;
            RV(cpu, priv) = priv;
            RV(cpu, mstatus) = (mie ? STATUS_MIE : 0) | (sie ? STATUS_SIE : 0);
            RV(cpu, mie) = 0x2aaa;
            RV(cpu, mideleg) = delegated ? 1u << IRQ_SEI : 0;
            RV(cpu, mip) = both ? 1u << IRQ_LCOFI : 0; /* not delegated, least urgent by number */
            RV(cpu, mcause) = RV(cpu, scause) = 0;
            atomic_store(&cpu->lines, 1u << IRQ_SEI);
            bool m_open = priv < 3 || mie, s_open = priv == 0 || (priv == 1 && sie);
            unsigned want = delegated ? (both && m_open ? IRQ_LCOFI : s_open ? IRQ_SEI : 0) : m_open ? IRQ_SEI : 0;
            bool super = delegated && want == IRQ_SEI;
            atomic_store(&cpu->events, 0);
            riscv64_irq_update(cpu);
            assert_int_equal(atomic_load(&cpu->events) & CPU_EVENT_irq, want ? CPU_EVENT_irq : 0);
            assert_true(riscv64_wakes(cpu));
            assert_int_equal(riscv64_take_interrupt(cpu), want != 0);
            if (want)
                assert_int_equal(super ? RV(cpu, scause) : RV(cpu, mcause), 1ull << 63 | want);
        }
    RV(cpu, mie) = 0;
    assert_false(riscv64_wakes(cpu));
    stop();
}

static void pending_bits(void **state)
{
    (void)state;
    start("max");
    csr_set(0x344, ~0ull); /* without STCE software owns STIP */
    assert_int_equal(csr(0x344), 0x2222);
    csr_set(0x344, 0);
    cpu_line_set(cpu, IRQ_SEI, true);
    assert_int_equal(csr_do(CSRRS, 0x344, 2), 0x200); /* the input is read, but must not stick */
    cpu_line_set(cpu, IRQ_SEI, false);
    assert_int_equal(csr(0x344), 2);
    csr_do(CSRRS, 0x344, 0x200);
    cpu_line_set(cpu, IRQ_SEI, true);
    csr_do(CSRRC, 0x344, 0x200);
    assert_int_equal(csr(0x344), 0x202);
    cpu_line_set(cpu, IRQ_SEI, false);
    /* A message from another thread is the same bit as software's. */
    csr_set(0x344, 0);
    cpu_line_set(cpu, IRQ_SSI, true);
    assert_int_equal(csr(0x344), 2);
    csr_do(CSRRC, 0x344, 2);
    assert_int_equal(csr(0x344), 0);
    cpu_line_set(cpu, IRQ_SSI, true);
    assert_int_equal(csr(0x344), 2);
    /* S sees and writes what is delegated. */
    csr_set(0x344, 0);
    cpu_line_set(cpu, IRQ_MEI, true);
    csr_set(0x303, 1u << IRQ_SSI | 1u << IRQ_SEI);
    csr_set(0x144, ~0ull);
    assert_int_equal(csr(0x144), 2);
    assert_int_equal(csr(0x344), 0x802);
    csr_set(0x304, 0x2aaa);
    assert_int_equal(csr(0x104), 0x202);
    csr_set(0x104, 0);
    assert_int_equal(csr(0x304), 0x28a8);
    stop();
}

static void timer(void **state)
{
    (void)state;
    start("max");
    set_clock(f, 1000000);
    assert_int_equal(csr(0xc01), 10000);
    csr_set(0x30a, ENVCFG_STCE);
    csr_set(0x14d, 10005);
    assert_int_equal(seen.deadline, 1000500);
    assert_int_equal(csr(0x344), 0);
    csr_set(0x344, ~0ull); /* STIP is the comparison's alone now */
    assert_int_equal(csr(0x344), 0x2202);
    csr_set(0x344, 0);
    set_clock(f, 1000499);
    assert_int_equal(csr(0x344), 0);
    set_clock(f, 1000500);
    assert_int_equal(csr(0x344), 0x20);
    RV(cpu, mie) = 0x20;
    assert_true(riscv64_wakes(cpu));
    csr_set(0x303, 0x20);
    RV(cpu, priv) = PRIV_S;
    RV(cpu, mstatus) = STATUS_SIE;
    assert_true(riscv64_take_interrupt(cpu));
    assert_int_equal(RV(cpu, scause), 1ull << 63 | IRQ_STI);
    RV(cpu, priv) = PRIV_M;
    RV(cpu, mstatus) = 0;
    csr_set(0x14d, ~0ull); /* beyond the clock: never */
    assert_int_equal(seen.deadline, UINT64_MAX);
    assert_int_equal(csr(0x344), 0);
    csr_set(0x14d, 0); /* past already: no deadline, pending at once */
    assert_int_equal(seen.deadline, UINT64_MAX);
    RV(cpu, mideleg) = 0;
    RV(cpu, mstatus) = STATUS_MIE;
    atomic_store(&cpu->events, 0);
    csr_set(0x14d, 1);
    assert_int_equal(atomic_load(&cpu->events), CPU_EVENT_irq);
    stop();
}

/* While the clock runs: a timer that comes due as it is set is either due at once or has a deadline. */
static void timer_races(void **state)
{
    (void)state;
    start("max");
    RV(cpu, menvcfg) |= ENVCFG_STCE;
    riscv64_arch(cpu)->tick_ns = 1;
    os_vclock_resume(&f->clock);
    for (unsigned n = 0; n < 100000; n++) {
        riscv64_set_timer(cpu, riscv64_time(cpu) + n % 200);
        assert_int_not_equal(riscv64_arch(cpu)->timer_due, seen.deadline != UINT64_MAX);
    }
    stop();
}

static void waiting(void **state)
{
    (void)state;
    start("max");
    assert_true(run_insn(f, WFI));
    assert_true(cpu->waiting);
    assert_int_equal(cpu->wait_until, UINT64_MAX);
    assert_int_equal(cpu->pc, RAM + 4);
    RV(cpu, mie) = 1u << IRQ_MTI;
    assert_false(riscv64_wakes(cpu));
    cpu_line_set(cpu, IRQ_MTI, true);
    assert_true(riscv64_wakes(cpu)); /* though mstatus.MIE is 0 */
    assert_false(riscv64_take_interrupt(cpu));
    stop();
}

/* ---- counters ---- */

static void counters(void **state)
{
    (void)state;
    start("max");
    set_clock(f, 5000);
    cpu->insns = 70;
    csr_set(0xb02, 100);
    assert_int_equal(csr(0xb02), 100); /* the next insn reads what was written */
    assert_int_equal(csr(0xb02), 101);
    assert_int_equal(csr(0xc02), 102);
    csr_set(0xb00, 1);
    set_clock(f, 5400);
    assert_int_equal(csr(0xb00), 401);
    csr_set(0x320, 5); /* both stand */
    set_clock(f, 6000);
    uint64_t insns = csr(0xb02);
    assert_int_equal(csr(0xb00), 401);
    assert_int_equal(csr(0xb02), insns);
    csr_set(0xb02, 7);
    assert_int_equal(csr(0xb02), 7);
    csr_set(0x320, 0);
    assert_int_equal(csr(0xb02), 7);
    set_clock(f, 6001);
    assert_int_equal(csr(0xc00), 402);
    /* event counters: by selector, others count nothing and read 0 */
    csr_set(0x323, 2);
    csr_set(0x324, 1);
    csr_set(0x325, 0x123);
    assert_int_equal(csr(0x325), 0);
    csr_set(0xb03, 0);
    csr_set(0xb04, 0);
    csr_set(0xb05, 9);
    set_clock(f, 6011);
    assert_int_equal(csr(0xb03), 2);
    assert_int_equal(csr(0xc04), 10);
    assert_int_equal(csr(0xb05), 9);
    stop();
}

static void filters(void **state)
{
    (void)state;
    start("max");
    csr_set(0x323, 1ull << 62 | 1); /* cycles, but not in M */
    csr_set(0x324, 1ull << 61 | 1);
    csr_set(0x325, 1ull << 60 | 1);
    set_clock(f, 1000);
    riscv64_set_priv(cpu, PRIV_S, cpu->insns);
    set_clock(f, 1010);
    riscv64_set_priv(cpu, PRIV_U, cpu->insns);
    set_clock(f, 1200);
    riscv64_set_priv(cpu, PRIV_M, cpu->insns);
    set_clock(f, 5000);
    assert_int_equal(csr(0xb03), 200);
    assert_int_equal(csr(0xb04), 5000 - 10);
    assert_int_equal(csr(0xb05), 5000 - 190);
    stop();
}

static void overflow(void **state)
{
    (void)state;
    start("max");
    csr_set(0x323, 1);
    csr_set(0xb03, 0 - 500ull); /* cycles: overflows in 500 ns */
    assert_int_equal(seen.deadline, 500);
    set_clock(f, 499);
    assert_int_equal(csr(0xda0), 0);
    set_clock(f, 500);
    assert_false(riscv64_take_interrupt(cpu));
    assert_int_equal(RV(cpu, mip), 1u << IRQ_LCOFI);
    assert_int_equal(seen.deadline, UINT64_MAX);
    assert_int_equal(csr(0xda0), 8);
    assert_int_equal(csr(0x323), 1ull << 63 | 1);
    assert_int_equal(csr(0xb03), 0);
    assert_int_equal(csr(0x344), 1u << IRQ_LCOFI);
    RV(cpu, priv) = PRIV_S; /* S sees the overflows of counters that it may read */
    assert_int_equal(csr(0xda0), 0);
    RV(cpu, mcounteren) = 8;
    assert_int_equal(csr(0xda0), 8);
    RV(cpu, priv) = PRIV_M;
    csr_set(0x344, 0);
    csr_set(0xb03, 0 - 1ull); /* while OF is set no interrupt comes */
    set_clock(f, 700);
    assert_int_equal(csr(0x344), 0);
    /* insns */
    csr_set(0x323, 2);
    csr_set(0xb03, 0 - 3ull);
    assert_true(seen.deadline > 700 && seen.deadline != UINT64_MAX);
    assert_int_equal(csr(0xb03), (uint64_t)-3);
    assert_int_equal(csr(0x344), 0);
    assert_int_equal(csr(0xb03), (uint64_t)-1);
    assert_int_equal(csr(0x344), 1u << IRQ_LCOFI);
    csr_set(0x344, 0);
    csr_set(0x323, 2);
    csr_set(0xb03, 0 - 100000ull);
    assert_true(run_insn(f, WFI)); /* a vCPU that sleeps retires nothing: it need not be woken to see */
    assert_int_equal(seen.deadline, UINT64_MAX);
    stop();
    start("max,-sscofpmf");
    assert_false(csr_may(PRIV_M, csrr_insn(0xda0)));
    csr_set(0x323, 1ull << 63 | 1ull << 62 | 1);
    assert_int_equal(csr(0x323), 1);
    csr_set(0x304, ~0ull);
    assert_int_equal(csr(0x304), 0xaaa);
    stop();
}

/* A copy of the cells is the state: another vCPU that gets them goes on alike. */
static void restored(void **state)
{
    uint64_t cells[RISCV64_CELLS];

    (void)state;
    start("max");
    csr_set(0x323, 1ull << 62 | 1);
    csr_set(0xb03, 0 - 900ull);
    csr_set(0x30a, ENVCFG_STCE);
    csr_set(0x14d, 7);
    csr_set(0x3b0, 0x1234);
    csr_set(0x3a0, PMP_NA4);
    memcpy(cells, cpu->cell, sizeof cells);
    stop();
    start("max");
    memcpy(cpu->cell, cells, sizeof cells);
    riscv64_restored(cpu);
    assert_int_equal(seen.deadline, 700);
    assert_false(riscv64_pmp_allows(cpu, 0x1234 << 2, 4, PRIV_S, ACCESS_read));
    assert_int_equal(riscv64_arch(cpu)->filtered, 8);
    assert_int_equal(csr(0xb03), 0 - 900ull);
    memset(cpu->cell, 0xff, sizeof cells); /* whatever they are */
    riscv64_restored(cpu);
    struct tlb_page page;
    struct trap trap;
    for (unsigned mode = 0; mode < 16; mode++) {
        RV(cpu, satp) = (uint64_t)mode << 60;
        RV(cpu, priv) = mode & 1 ? PRIV_S : 2;
        riscv64_restored(cpu);
        riscv64_translate(cpu, RAM, ACCESS_read, &page, &trap);
        assert_int_not_equal(RV(cpu, priv), 2);
    }
    stop();
}

static void supervisor(void **state)
{
    struct tlb_page page;
    struct trap trap;

    (void)state;
    start("max");
    riscv64_enter_supervisor(cpu, RAM + 0x200000, 2, 0x82000000);
    assert_int_equal(RV(cpu, priv), PRIV_S);
    assert_int_equal(cpu->pc, RAM + 0x200000);
    assert_int_equal(RVN(cpu, x, 10), 2);
    assert_int_equal(RVN(cpu, x, 11), 0x82000000);
    assert_true(riscv64_translate(cpu, cpu->pc, ACCESS_fetch, &page, &trap));
    assert_true(csr_may(PRIV_S, csrr_insn(0xc01)));
    assert_true(csr_may(PRIV_S, csr_insn(CSRRW, 0x14d)));
    assert_true(csr_may(PRIV_S, csr_insn(CSRRW, 0x10a)));
    assert_true(csr_may(PRIV_S, csr_insn(CSRRW, 0x15)));
    set_clock(f, 100);
    riscv64_set_timer(cpu, 50);
    assert_int_equal(seen.deadline, 5000);
    riscv64_enter_trap(cpu, (struct trap){RISCV64_TRAP_ecall_u, 0});
    assert_int_equal(RV(cpu, scause), 8);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delegation), cmocka_unit_test(returns),    cmocka_unit_test(calls),        cmocka_unit_test(fences),
        cmocka_unit_test(priorities), cmocka_unit_test(enables),    cmocka_unit_test(pending_bits), cmocka_unit_test(timer),
        cmocka_unit_test(waiting),    cmocka_unit_test(counters),   cmocka_unit_test(filters),      cmocka_unit_test(overflow),
        cmocka_unit_test(restored),   cmocka_unit_test(supervisor), cmocka_unit_test(timer_races),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
