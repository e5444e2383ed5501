/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For the programs about interrupts: which have come, and the sources behind the PLIC. */
#pragma once
#include "rt.h"

#define PLIC_PRIORITY(n)  (*(volatile uint32_t *)(PLIC + 4 * (n)))
#define PLIC_PENDING      (*(volatile uint32_t *)(PLIC + 0x1000))
#define PLIC_ENABLE(c)    (*(volatile uint32_t *)(PLIC + 0x2000 + 0x80 * (c)))
#define PLIC_THRESHOLD(c) (*(volatile uint32_t *)(PLIC + 0x200000 + 0x1000 * (c)))
#define PLIC_CLAIM(c)     (*(volatile uint32_t *)(PLIC + 0x200004 + 0x1000 * (c)))
#define RTC(offset)       (*(volatile uint32_t *)(0x101000ul + (offset)))
enum { UART_IRQ = 10, RTC_IRQ = 11, M0 = 0, S0 = 1 /* contexts of hart 0 */ };
enum { RTC_TIME_LOW = 0, RTC_ALARM_LOW = 8, RTC_ALARM_HIGH = 12, RTC_ENABLE = 16, RTC_CLEAR = 28 };

static uint64_t taken[16];
static unsigned ntaken;

/* Notes the interrupt and disables it, so that the next one comes. */
static inline bool note_and_disable(struct hart *h, bool super)
{
    struct trap *t = super ? &h->s : &h->m;
    if (!(t->cause & INTERRUPT))
        return false;
    if (ntaken < ARRAY_LEN(taken))
        taken[ntaken++] = t->cause & 63;
    if (super)
        csr_clear(CSR_sie, 1ul << (t->cause & 63));
    else
        csr_clear(CSR_mie, 1ul << (t->cause & 63));
    return true;
}

static inline void listen(void)
{
    ntaken = 0;
    trap_clear();
    self()->on_trap = note_and_disable;
}

static inline void uart_irq(bool on) { UART[1] = on ? 2 : 0; } /* "transmitter empty" is always true */
static inline void rtc_irq(bool on)
{
    if (on) {
        RTC(RTC_ENABLE) = 1;
        RTC(RTC_ALARM_HIGH) = 0; /* the past */
        RTC(RTC_ALARM_LOW) = 1;
    } else {
        RTC(RTC_CLEAR) = 1;
        RTC(RTC_ENABLE) = 0;
    }
}

/* Requests stay pending when their line falls, and sources stay in service until they are completed by who has them enabled. */
static inline void plic_reset(void)
{
    uart_irq(false);
    rtc_irq(false);
    for (unsigned n = 1; n < 32; n++)
        PLIC_PRIORITY(n) = 1;
    for (unsigned c = M0; c <= S0; c++) {
        PLIC_THRESHOLD(c) = 0;
        PLIC_ENABLE(c) = ~0u;
        PLIC_CLAIM(c) = UART_IRQ;
        PLIC_CLAIM(c) = RTC_IRQ;
        for (uint32_t n; (n = PLIC_CLAIM(c));)
            PLIC_CLAIM(c) = n;
        PLIC_ENABLE(c) = 0;
    }
    for (unsigned n = 1; n < 32; n++)
        PLIC_PRIORITY(n) = 0;
}

static inline bool pending(unsigned irq) { return csr_read(CSR_mip) >> irq & 1; }

/* With SIE, or as it is, until one has come. */
static inline uint64_t spin_in_s(uint64_t enable)
{
    uint64_t end = csr_read(CSR_time) + PATIENCE;
    if (enable)
        csr_set(CSR_sstatus, STATUS_SIE);
    while (!*(volatile unsigned *)&ntaken && csr_read(CSR_time) < end)
        ;
    csr_clear(CSR_sstatus, STATUS_SIE);
    return ntaken;
}
