/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * PSCI's SYSTEM_RESET and SYSTEM_OFF. The program runs twice: at first it leaves the machine in disorder and asks for the reset; the cases are
 * about what it finds then. It ends by SYSTEM_OFF. Memory that no file of the start lies in keeps its contents. Source: DEN 0022.
 */
#include "gic.h"
#include "paging.h"

enum { SYSTEM_OFF = 0x84000008, SYSTEM_RESET = 0x84000009, SPI = 40, WAS_HERE = 0x5e7 };
#define AFFINITY 0xc4000004ul
#define NOTE     (*(volatile uint64_t *)(RAM_END - 4096)) /* no part of the program */

static uint64_t variable = 7, zeroed; /* the file's contents */

static void busy(void *arg)
{
    (void)arg;
    gic_start();
    NOTE = WAS_HERE;
    for (;;)
        relax();
}

/* Before the first case. */
void before_cases(void)
{
    if (NOTE == WAS_HERE)
        return;
    variable = zeroed = 55;
    gic_start();
    gic_enable(SPI);
    gic_pend(SPI);
    GICR_SGI(0, GICD_ISENABLER) = 1u << PPI_virtual;
    sys_write("cntv_cval_el0", 0);
    sys_write("cntv_ctl_el0", 1);
    RTC[0x10 / 4] = 1;
    sys_write("tpidr_el1", 0x1234);
    if (harts_need(2)) {
        hart_start(1, busy, NULL);
        while (NOTE != WAS_HERE)
            relax();
    }
    psci(SYSTEM_RESET, 0, 0, 0);
    rt_panic("SYSTEM_RESET came back");
}

void after_cases(void)
{
    psci(SYSTEM_OFF, 0, 0, 0);
    rt_panic("SYSTEM_OFF came back");
}

static void memory(void)
{
    CHECK_EQ(variable, 7);
    CHECK_EQ(zeroed, 0);
    NOTE = 0;
}

static void vcpus(void)
{
    CHECK_EQ(self()->id, 0);
    CHECK_EQ(psci(AFFINITY, 0, 0, 0), 0);
    CHECK_EQ(psci(AFFINITY, 1, 0, 0), 1); /* off */
}

static void devices(void)
{
    CHECK_EQ(GICD(GICD_CTLR) & 3, 0);
    CHECK_EQ(GICD(GICD_ISENABLER + 4), 0);
    CHECK_EQ(GICD(GICD_ISPENDR + 4) >> (SPI - 32) & 1, 0);
    CHECK_EQ(GICR_SGI(0, GICD_ISENABLER), 0);
    CHECK_EQ(GICR(1, GICR_WAKER) & 2, 2);
    CHECK_EQ(sys_read("isr_el1"), 0);
}

static void clock(void) { CHECK_EQ(RTC[0x10 / 4], 0); }

static volatile uint64_t ran;
static void run(void *arg) { ran += (uint64_t)arg; }

static void starts_again(void)
{
    if (!harts_need(2))
        return;
    hart_start(1, run, (void *)3);
    hart_join(1);
    CHECK_EQ(ran, 3);
}

const struct test tests[] = {
    TEST("memory after a reset", memory),   TEST("vCPUs after a reset", vcpus),        TEST("devices after a reset", devices),
    TEST("the clock after a reset", clock), TEST("a vCPU starts again", starts_again), {NULL, NULL},
};
