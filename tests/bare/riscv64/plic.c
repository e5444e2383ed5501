/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PLIC with the UART and the clock behind it, and the bit that its line shares with software. */
#include "interrupts_rig.h"

static void plic_basic(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 3;
    CHECK_EQ(PLIC_PRIORITY(UART_IRQ), 3);
    CHECK_EQ(PLIC_CLAIM(M0), 0);
    uart_irq(true);
    CHECK(PLIC_PENDING >> UART_IRQ & 1);
    CHECK(!pending(IRQ_M_EXT)); /* not enabled */
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    CHECK(pending(IRQ_M_EXT));
    CHECK(!pending(IRQ_S_EXT));
    PLIC_THRESHOLD(M0) = 3; /* only above the threshold */
    CHECK(!pending(IRQ_M_EXT));
    PLIC_THRESHOLD(M0) = 2;
    CHECK(pending(IRQ_M_EXT));
    PLIC_PRIORITY(UART_IRQ) = 0; /* never */
    CHECK(!pending(IRQ_M_EXT));
    PLIC_PRIORITY(UART_IRQ) = 3;
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK(!pending(IRQ_M_EXT));
    CHECK(!(PLIC_PENDING >> UART_IRQ & 1));
    CHECK_EQ(PLIC_CLAIM(M0), 0); /* in service */
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(pending(IRQ_M_EXT)); /* the level still stands */
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    uart_irq(false);
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(!pending(IRQ_M_EXT));
    plic_reset();
}

static void plic_two(void)
{
    plic_reset();
    uart_irq(true);
    rtc_irq(true);
    PLIC_ENABLE(M0) = 1 << UART_IRQ | 1 << RTC_IRQ;
    row("the higher priority first");
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_PRIORITY(RTC_IRQ) = 2;
    CHECK_EQ(PLIC_CLAIM(M0), RTC_IRQ);
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK(!pending(IRQ_M_EXT));
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(pending(IRQ_M_EXT));
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    rtc_irq(false);
    PLIC_CLAIM(M0) = RTC_IRQ;
    PLIC_CLAIM(M0) = UART_IRQ;
    rtc_irq(true);
    row("the lower number of equals");
    PLIC_PRIORITY(UART_IRQ) = 2;
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK_EQ(PLIC_CLAIM(M0), RTC_IRQ);
    plic_reset();
}

static bool serve_uart(struct hart *h, bool super)
{
    unsigned context = super ? S0 : M0;
    (void)h;
    taken[ntaken++ & 15] = PLIC_CLAIM(context);
    uart_irq(false);
    PLIC_CLAIM(context) = UART_IRQ;
    return true;
}

static void plic_interrupt(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    csr_write(CSR_mie, 1 << IRQ_M_EXT);
    csr_set(CSR_mstatus, STATUS_MIE);
    for (unsigned i = 0; i < 10; i++) {
        listen();
        self()->on_trap = serve_uart;
        uart_irq(true);
        for (uint64_t end = MTIME + PATIENCE; !*(volatile unsigned *)&ntaken && MTIME < end;)
            ;
        CHECK_EQ(ntaken, 1);
        CHECK_EQ(taken[0], UART_IRQ);
        CHECK_EQ(self()->m.cause, INTERRUPT | IRQ_M_EXT);
    }
    csr_clear(CSR_mstatus, STATUS_MIE);
    row("to S mode");
    PLIC_ENABLE(M0) = 0;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    csr_write(CSR_mideleg, 1 << IRQ_S_EXT);
    csr_write(CSR_mie, 1 << IRQ_S_EXT);
    csr_write(CSR_mcounteren, 2);
    listen();
    self()->on_trap = serve_uart;
    uart_irq(true);
    CALL_IN(MODE_S, spin_in_s, 1);
    CHECK_EQ(ntaken, 1);
    CHECK_EQ(taken[0], UART_IRQ);
    CHECK_EQ(self()->s.cause, INTERRUPT | IRQ_S_EXT);
    plic_reset();
}

/* SEIP is the OR of the PLIC's line and a bit that software writes; csrrs and csrrc of mip modify only the latter. */
static void seip(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    uart_irq(true);
    CHECK(pending(IRQ_S_EXT));
    csr_clear(CSR_mip, 1 << IRQ_S_EXT);
    CHECK(pending(IRQ_S_EXT));
    csr_set(CSR_mip, 1 << IRQ_S_SOFT); /* does not store the line's level */
    plic_reset();
    CHECK(!pending(IRQ_S_EXT));
    csr_set(CSR_mip, 1 << IRQ_S_EXT);
    CHECK(pending(IRQ_S_EXT));
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(S0) = 1 << UART_IRQ;
    uart_irq(true);
    plic_reset();
    CHECK(pending(IRQ_S_EXT));
    csr_clear(CSR_mip, 1 << IRQ_S_EXT);
    CHECK(!pending(IRQ_S_EXT));
    csr_write(CSR_mip, 0);
}

/* A request stays when its line falls before the claim. */
static void plic_keeps(void)
{
    plic_reset();
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE(M0) = 1 << UART_IRQ;
    uart_irq(true);
    uart_irq(false);
    CHECK(pending(IRQ_M_EXT));
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    CHECK(!pending(IRQ_M_EXT));
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(!pending(IRQ_M_EXT));
    row("a completion by who has it not enabled");
    uart_irq(true);
    CHECK_EQ(PLIC_CLAIM(M0), UART_IRQ);
    PLIC_CLAIM(S0) = UART_IRQ;
    CHECK(!pending(IRQ_M_EXT));
    PLIC_CLAIM(M0) = UART_IRQ;
    CHECK(pending(IRQ_M_EXT));
    plic_reset();
}

const struct test tests[] = {
    TEST("PLIC: enable, threshold, claim, complete", plic_basic),
    TEST("PLIC: two sources", plic_two),
    TEST("PLIC: interrupts to M and S mode", plic_interrupt),
    TEST("PLIC: requests outlive their line", plic_keeps),
    TEST("SEIP is line or bit", seip),
    {NULL, NULL},
};
