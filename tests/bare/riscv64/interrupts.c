/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupts: enables, delegation, priorities, and the insn before which they are taken. */
#include "interrupts_rig.h"

/* Where it is not enabled, nothing comes. */
static void masks(void)
{
    listen();
    MSIP(0) = 1;
    csr_write(CSR_mie, 0);
    csr_set(CSR_mstatus, STATUS_MIE);
    asm volatile("nop\n nop");
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, 0);
    csr_write(CSR_mie, 1 << IRQ_M_SOFT);
    asm volatile("nop\n nop");
    CHECK_EQ(ntaken, 0); /* MIE is clear */
    csr_set(CSR_mstatus, STATUS_MIE);
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, 1);
    row("delegated: not in M");
    listen();
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_set(CSR_mstatus, STATUS_MIE | STATUS_SIE);
    asm volatile("nop\n nop");
    csr_clear(CSR_mstatus, STATUS_MIE | STATUS_SIE);
    CHECK_EQ(ntaken, 0);
    row("delegated: in S when SIE");
    csr_write(CSR_mcounteren, 2);
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(ntaken, 1);
    CHECK_EQ(self()->s.count, 1);
    MSIP(0) = 0;
}

static uint64_t no_work(uint64_t arg) { return arg; }

/* Not delegated: below M it comes whatever MIE is, and at the first insn. */
static void below_m(void)
{
    for (uint64_t mode = MODE_U; mode <= MODE_S; mode++) {
        listen();
        row("mode %d", mode);
        csr_clear(CSR_mstatus, STATUS_MIE | STATUS_MPIE);
        MSIP(0) = 1;
        csr_write(CSR_mie, 1 << IRQ_M_SOFT);
        CALL_IN(mode, no_work, 0);
        MSIP(0) = 0;
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(self()->m.epc, no_work);
        CHECK_EQ(self()->m.status >> 11 & 3, mode);
    }
}

/* Writes that make one takeable are followed by it: mepc is the next insn, exactly. */
#define TAKEN_AFTER(what, insn, value)                                                                        \
    do {                                                                                                      \
        uint64_t next_;                                                                                       \
        row(what);                                                                                            \
        listen();                                                                                             \
        asm volatile("la %0, 1f\n" insn "\n1: nop\n nop\n nop\n nop" : "=&r"(next_) : "r"(value) : "memory"); \
        CHECK_EQ(ntaken, 1);                                                                                  \
        CHECK_EQ(self()->m.epc, next_);                                                                       \
        csr_clear(CSR_mstatus, STATUS_MIE);                                                                   \
    } while (0)

static void at_once(void)
{
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    TAKEN_AFTER("mstatus.MIE", "csrs mstatus, %1", STATUS_MIE);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("mie", "csrs mie, %1", 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 0);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("mip", "csrs mip, %1", 1 << IRQ_S_SOFT);
    csr_write(CSR_mip, 1 << IRQ_S_SOFT);
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("mideleg", "csrc mideleg, %1", 1 << IRQ_S_SOFT);
    csr_write(CSR_mie, 1 << IRQ_S_SOFT);
    csr_clear(CSR_mstatus, STATUS_MIE);
    csr_set(CSR_mstatus, STATUS_MPIE | STATUS_MPP);
    TAKEN_AFTER("mret", "csrw mepc, %0\n mret", 0);
    csr_write(CSR_mip, 0);
    csr_write(CSR_mie, 1 << IRQ_S_TIMER);
    csr_write(CSR_menvcfg, ENVCFG_STCE);
    csr_write(CSR_stimecmp, ~0ul);
    csr_set(CSR_mstatus, STATUS_MIE);
    TAKEN_AFTER("stimecmp", "csrw 0x14d, %1", 0);
}

/* Each way to set sstatus.SIE, in S mode. Returns the address behind it. */
static uint64_t set_sie(uint64_t way)
{
    uint64_t next, bits = STATUS_SIE | (way & 1 ? STATUS_SPIE | STATUS_SUM : 0);
    if (way & 16)
        uart_irq(true); /* it becomes pending just now */
#define SET(insn) asm volatile("la %0, 1f\n" insn "\n1: nop\n nop\n nop\n nop" : "=&r"(next), "+r"(bits) : : "memory")
    switch (way >> 1 & 7) {
    case 0: SET("csrsi sstatus, 2"); break;
    case 1: SET("csrrsi %1, sstatus, 2"); break;
    case 2: SET("csrs sstatus, %1"); break;
    case 3: SET("csrrs %1, sstatus, %1"); break;
    case 4: SET("csrw sstatus, %1"); break;
    case 5: SET("csrrw %1, sstatus, %1"); break;
    case 6: SET("csrwi sstatus, 2"); break;
    default: SET("li %1, 2\n csrs sstatus, %1");
    }
#undef SET
    asm volatile("csrci sstatus, 2\n csrc sstatus, %0" ::"r"(STATUS_SPIE | STATUS_SUM));
    if (way & 16)
        uart_irq(false);
    return next;
}

static void at_once_in_s(void)
{
    plic_reset();
    csr_write(CSR_mideleg, 1 << IRQ_S_SOFT | 1 << IRQ_S_EXT);
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    for (uint64_t n = 0; n < 32 * 40; n++) {
        uint64_t way = n % 32, irq = way & 16 ? IRQ_S_EXT : IRQ_S_SOFT;
        row("way %d, round %d", way, n / 32);
        listen();
        csr_write(CSR_mip, way & 16 ? 0 : 1 << IRQ_S_SOFT);
        csr_write(CSR_mie, 1ul << irq);
        uint64_t next = CALL_IN(MODE_S, set_sie, way);
        CHECK_EQ(self()->s.epc, next);
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(taken[0], irq);
        CHECK_EQ(self()->s.count, 1);
        if (way & 16)
            PLIC_CLAIM(S0) = PLIC_CLAIM(S0);
    }
    plic_reset();
}

/* sstatus's bits set and cleared by a register show, and leave the others alone. */
static uint64_t status_bits(uint64_t seed)
{
    static const uint64_t all = STATUS_SPIE | STATUS_SPP | STATUS_FS | STATUS_SUM | STATUS_MXR;
    uint64_t now = csr_read(CSR_sstatus) & all, bad = 0;
    for (unsigned i = 0; i < 300; i++) {
        seed = seed * 6364136223846793005ul + 1442695040888963407ul;
        uint64_t bits = seed >> 20 & (i % 3 ? all : STATUS_SPIE | STATUS_SPP), old;
        if (seed >> 63) {
            asm volatile("csrrs %0, sstatus, %1" : "=r"(old) : "r"(bits));
            bad += (old & all) != now;
            now |= bits;
        } else {
            asm volatile("csrrc %0, sstatus, %1" : "=r"(old) : "r"(bits));
            bad += (old & all) != now;
            now &= ~bits;
        }
        bad += (csr_read(CSR_sstatus) & all) != now;
    }
    csr_set(CSR_sstatus, STATUS_FS);
    return bad;
}

/* Turns floating point off by a register's bits and uses it. */
static uint64_t without_float(uint64_t bits)
{
    asm volatile("csrs sstatus, %0\n .4byte 0xf2000053\n csrc sstatus, %0\n.globl float_site\nfloat_site: .4byte 0xf2000053" ::"r"(bits)
                 : "ft0");
    return 0;
}
extern char float_site[];

static void sstatus_by_register(void)
{
    CHECK_EQ(CALL_IN(MODE_S, status_bits, 77), 0);
    CHECK_NO_TRAP();
    for (unsigned i = 0; i < 100; i++) {
        trap_clear();
        csr_clear(CSR_mstatus, STATUS_FS);
        CALL_IN(MODE_S, without_float, STATUS_FS);
        csr_set(CSR_mstatus, STATUS_FS);
        CHECK_EQ(self()->m.count, 1);
        CHECK_EQ(self()->m.cause, 2);
        CHECK_EQ(self()->m.epc, float_site);
    }
}

/* All at once: external, software, timer of M, then of S. */
static void priorities(void)
{
    static const uint8_t order[] = {IRQ_M_EXT, IRQ_M_SOFT, IRQ_M_TIMER, IRQ_S_EXT, IRQ_S_SOFT, IRQ_S_TIMER, IRQ_LCOFI};
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    uart_irq(true);
    MSIP(0) = 1;
    MTIMECMP(0) = 0;
    csr_write(CSR_mip, 1 << IRQ_S_EXT | 1 << IRQ_S_SOFT | 1 << IRQ_S_TIMER | 1 << IRQ_LCOFI);
    listen();
    csr_write(CSR_mie, ~0ul);
    CHECK_EQ(csr_read(CSR_mip) & csr_read(CSR_mie), 0x2aaa);
    csr_set(CSR_mstatus, STATUS_MIE);
    for (unsigned i = 0; i < 10; i++)
        asm volatile("nop");
    csr_clear(CSR_mstatus, STATUS_MIE);
    CHECK_EQ(ntaken, ARRAY_LEN(order));
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        row("number %d", (uint64_t)i);
        CHECK_EQ(taken[i], order[i]);
    }
    row("to S mode");
    csr_write(CSR_mideleg, 0x2222);
    csr_write(CSR_mie, 0x2222);
    csr_write(CSR_mcounteren, 2);
    listen();
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(ntaken, 4);
    CHECK_EQ(self()->s.count, 4);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(taken[i], order[3 + i]);
    row("M's before S's, whatever their numbers");
    csr_clear(CSR_mstatus, STATUS_MIE);
    csr_write(CSR_mideleg, 1 << IRQ_S_EXT);
    csr_write(CSR_mie, 1 << IRQ_S_EXT | 1 << IRQ_S_TIMER);
    listen();
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(taken[0], IRQ_S_TIMER);
    CHECK_EQ(taken[1], IRQ_S_EXT);
    plic_reset();
    MSIP(0) = 0;
    MTIMECMP(0) = ~0ul;
    csr_write(CSR_mip, 0);
}

const struct test tests[] = {
    TEST("enables", masks),
    TEST("M's interrupts in lower modes", below_m),
    TEST("taken at once after a write that allows it", at_once),
    TEST("taken at once in S", at_once_in_s),
    TEST("sstatus by a register", sstatus_by_register),
    TEST("priorities", priorities),
    {NULL, NULL},
};
