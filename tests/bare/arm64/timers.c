/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The generic timer at EL1: counters, both timers by CVAL and TVAL, masks and status, interrupts, what EL0 may. Source: Arm ARM D12. */
#include "gic.h"

static volatile uint64_t taken;
static bool irq(struct hart *h, struct frame *f, unsigned vector)
{
    (void)h, (void)f;
    if (vector % 4 != VECTOR_irq)
        return false;
    uint64_t intid = sys_read(ICC_IAR1);
    taken |= 1ul << (intid & 63);
    if (intid == PPI_virtual)
        sys_write("cntv_ctl_el0", 3);
    if (intid == PPI_physical)
        sys_write("cntp_ctl_el0", 3);
    sys_write(ICC_EOIR1, intid);
    return true;
}

static void counters(void)
{
    uint64_t frequency = sys_read("cntfrq_el0"), last = sys_read("cntvct_el0");
    CHECK(frequency >= 1000000);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t v = sys_read("cntvct_el0");
        CHECK(v >= last);
        last = v;
    }
    uint64_t p = sys_read("cntpct_el0"), v = sys_read("cntvct_el0");
    CHECK(v >= p && v - p < frequency); /* CNTVOFF is zero */
    uint64_t end = v + frequency / 100;
    while (sys_read("cntvct_el0") < end)
        relax();
}

#define ISTATUS 4
static void status(void)
{
    uint64_t frequency = sys_read("cntfrq_el0");
    sys_write("cntv_cval_el0", sys_read("cntvct_el0") + frequency * 100);
    sys_write("cntv_ctl_el0", 1);
    CHECK_EQ(sys_read("cntv_ctl_el0"), 1);
    sys_write("cntv_cval_el0", sys_read("cntvct_el0") - 1);
    CHECK_EQ(sys_read("cntv_ctl_el0"), 1 | ISTATUS);
    sys_write("cntv_ctl_el0", 3);
    CHECK_EQ(sys_read("cntv_ctl_el0"), 3 | ISTATUS);
    sys_write("cntv_ctl_el0", 0);
    CHECK_EQ(sys_read("cntv_ctl_el0") & 3, 0);
    /* the comparison is unsigned, over all 64 bits */
    sys_write("cntp_cval_el0", -1ul);
    sys_write("cntp_ctl_el0", 1);
    CHECK_EQ(sys_read("cntp_ctl_el0"), 1);
    sys_write("cntp_cval_el0", 0);
    CHECK_EQ(sys_read("cntp_ctl_el0"), 1 | ISTATUS);
    sys_write("cntp_ctl_el0", 0);
}

/* TVAL is CVAL less the counter, 32 bits, signed when written. */
static void distances(void)
{
    static const int32_t values[] = {0, 1, -1, 0x7fffffff, INT32_MIN, 1000000, -1000000};
    uint64_t frequency = sys_read("cntfrq_el0");
    for (unsigned i = 0; i < ARRAY_LEN(values); i++) {
        row("%d", (uint64_t)i);
        uint64_t before = sys_read("cntvct_el0");
        sys_write("cntv_tval_el0", (uint32_t)values[i]);
        uint64_t after = sys_read("cntvct_el0"), cval = sys_read("cntv_cval_el0");
        CHECK(cval - before - (uint64_t)(int64_t)values[i] <= after - before);
        uint64_t tval = sys_read("cntv_tval_el0");
        CHECK_EQ(tval >> 32, 0);
        CHECK((uint32_t)((uint32_t)values[i] - (uint32_t)tval) < frequency);
    }
}

static void interrupts(void)
{
    gic_start();
    self()->on_trap = irq;
    taken = 0;
    gic_enable(PPI_virtual);
    gic_enable(PPI_physical);
    irq_on();
    sys_write("cntv_tval_el0", sys_read("cntfrq_el0") / 500);
    sys_write("cntv_ctl_el0", 1);
    while (!(taken >> PPI_virtual & 1))
        asm volatile("wfi");
    CHECK_EQ(taken, 1ul << PPI_virtual);
    CHECK(sys_read("cntvct_el0") >= sys_read("cntv_cval_el0"));
    sys_write("cntp_tval_el0", sys_read("cntfrq_el0") / 500);
    sys_write("cntp_ctl_el0", 1);
    while (!(taken >> PPI_physical & 1))
        asm volatile("wfi");
    CHECK(sys_read("cntpct_el0") >= sys_read("cntp_cval_el0"));
    irq_off();
    /* a masked one is not pending, an unmasked one is again at once */
    CHECK_EQ(GICR_SGI(0, GICD_ISPENDR) & 1u << PPI_virtual, 0);
    sys_write("cntv_ctl_el0", 1);
    CHECK_EQ(GICR_SGI(0, GICD_ISPENDR) & 1u << PPI_virtual, 1u << PPI_virtual);
    sys_write("cntv_ctl_el0", 0);
    CHECK_EQ(GICR_SGI(0, GICD_ISPENDR) & 1u << PPI_virtual, 0);
}

static const struct {
    const char *name;
    uint32_t word;
    uint64_t allow; /* a bit of CNTKCTL_EL1 */
    uint64_t iss;
} gates[] = {
    {"mrs cntfrq_el0", 0xd53be000, 3, ISS_SYSREG(3, 3, 14, 0, 0, 0, 1)},
    {"mrs cntpct_el0", 0xd53be020, 1, ISS_SYSREG(3, 3, 14, 0, 1, 0, 1)},
    {"mrs cntvct_el0", 0xd53be040, 2, ISS_SYSREG(3, 3, 14, 0, 2, 0, 1)},
    {"mrs cntv_ctl_el0", 0xd53be320, 1 << 8, ISS_SYSREG(3, 3, 14, 3, 1, 0, 1)},
    {"msr cntv_tval_el0", 0xd51be300, 1 << 8, ISS_SYSREG(3, 3, 14, 3, 0, 0, 0)},
    {"mrs cntp_ctl_el0", 0xd53be220, 1 << 9, ISS_SYSREG(3, 3, 14, 2, 1, 0, 1)},
    {"msr cntp_cval_el0", 0xd51be240, 1 << 9, ISS_SYSREG(3, 3, 14, 2, 2, 0, 0)},
};

static void gates_of_el0(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(gates); i++) {
        bool ran;
        row("%s", gates[i].name);
        sys_write("cntkctl_el1", 0x303 & ~gates[i].allow);
        insn_in(EL0t, gates[i].word, 0, 0, &ran);
        CHECK(!ran);
        check_trap(VECTOR_lower, ESR(EC_sysreg, gates[i].iss), self()->site, __FILE_NAME__, __LINE__);
        for (uint64_t bit = 1; bit <= 1 << 9; bit <<= 1)
            if (gates[i].allow & bit) {
                sys_write("cntkctl_el1", bit);
                insn_in(EL0t, gates[i].word, 0, 0, &ran);
                CHECK(ran);
            }
    }
}

const struct test tests[] = {
    TEST("counters", counters),
    TEST("status", status),
    TEST("distances", distances),
    TEST("interrupts", interrupts),
    TEST("what EL1 denies EL0", gates_of_el0),
    {NULL, NULL},
};
