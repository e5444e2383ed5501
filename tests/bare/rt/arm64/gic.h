/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The GICv3 of the board, for bare programs: distributor, redistributor of each vCPU, CPU interface by system registers. */
#pragma once
#include "rt.h"

#define GICD(offset)        (*(volatile uint32_t *)(0x8000000ul + (offset)))
#define GICD64(offset)      (*(volatile uint64_t *)(0x8000000ul + (offset)))
#define GICR(n, offset)     (*(volatile uint32_t *)(0x80a0000ul + 0x20000ul * (n) + (offset)))
#define GICR64(n, offset)   (*(volatile uint64_t *)(0x80a0000ul + 0x20000ul * (n) + (offset)))
#define GICR_SGI(n, offset) GICR(n, 0x10000 + (offset))
enum {
    GICD_CTLR = 0,
    GICD_TYPER = 4,
    GICD_IGROUPR = 0x80,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ISPENDR = 0x200,
    GICD_ICPENDR = 0x280,
    GICD_ISACTIVER = 0x300,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ICFGR = 0xc00,
    GICD_IROUTER = 0x6000,
    GICR_WAKER = 0x14,
    SPURIOUS = 1023,
};
enum { PPI_hyp_timer = 26, PPI_virtual = 27, PPI_hyp_virtual = 28, PPI_physical = 30 };

#define ICC_PMR     "s3_0_c4_c6_0"
#define ICC_IAR1    "s3_0_c12_c12_0"
#define ICC_EOIR1   "s3_0_c12_c12_1"
#define ICC_HPPIR1  "s3_0_c12_c12_2"
#define ICC_BPR1    "s3_0_c12_c12_3"
#define ICC_CTLR    "s3_0_c12_c12_4"
#define ICC_SRE     "s3_0_c12_c12_5"
#define ICC_IGRPEN1 "s3_0_c12_c12_7"
#define ICC_DIR     "s3_0_c12_c11_1"
#define ICC_RPR     "s3_0_c12_c11_3"
#define ICC_SGI1R   "s3_0_c12_c11_5"

static inline void gic_wait(void)
{
    while (GICD(GICD_CTLR) >> 31) /* RWP */
        ;
}

/* Everything of group 1 and disabled, all priorities 0xa0, this vCPU open for all. */
static inline void gic_start(void)
{
    uint64_t id = self()->id;
    if (!id) {
        GICD(GICD_CTLR) = 0x12; /* ARE, group 1 */
        gic_wait();
        for (unsigned n = 1; n < 3; n++) {
            GICD(GICD_ICENABLER + 4 * n) = ~0u;
            GICD(GICD_ICPENDR + 4 * n) = ~0u;
            GICD(GICD_ICACTIVER + 4 * n) = ~0u;
            GICD(GICD_IGROUPR + 4 * n) = ~0u;
        }
        for (unsigned n = 32; n < 96; n += 4)
            GICD(GICD_IPRIORITYR + n) = 0xa0a0a0a0;
        for (unsigned n = 32; n < 96; n++)
            GICD64(GICD_IROUTER + 8 * n) = 0;
        for (unsigned n = 2; n < 6; n++)
            GICD(GICD_ICFGR + 4 * n) = 0;
    }
    GICR(id, GICR_WAKER) &= ~2u;
    while (GICR(id, GICR_WAKER) & 4)
        ;
    GICR_SGI(id, GICD_ICENABLER) = ~0u;
    GICR_SGI(id, GICD_ICPENDR) = ~0u;
    GICR_SGI(id, GICD_ICACTIVER) = ~0u;
    GICR_SGI(id, GICD_IGROUPR) = ~0u;
    for (unsigned n = 0; n < 32; n += 4)
        GICR_SGI(id, GICD_IPRIORITYR + n) = 0xa0a0a0a0;
    gic_wait();
    sys_write(ICC_SRE, 7);
    sys_write(ICC_PMR, 0xf0);
    sys_write(ICC_BPR1, 0);
    sys_write(ICC_CTLR, 0);
    sys_write(ICC_IGRPEN1, 1);
}
static inline void gic_enable(unsigned intid)
{
    if (intid < 32)
        GICR_SGI(self()->id, GICD_ISENABLER) = 1u << intid;
    else
        GICD(GICD_ISENABLER + intid / 32 * 4) = 1u << intid % 32;
    gic_wait();
}
static inline void gic_pend(unsigned intid)
{
    if (intid < 32)
        GICR_SGI(self()->id, GICD_ISPENDR) = 1u << intid;
    else
        GICD(GICD_ISPENDR + intid / 32 * 4) = 1u << intid % 32;
}
static inline void gic_priority(unsigned intid, uint8_t priority)
{
    volatile uint8_t *at =
        intid < 32 ? (volatile uint8_t *)&GICR_SGI(self()->id, GICD_IPRIORITYR) : (volatile uint8_t *)&GICD(GICD_IPRIORITYR);
    at[intid] = priority;
}
static inline void irq_on(void) { asm volatile("msr daifclr, #2\n isb" ::: "memory"); }
static inline void irq_off(void) { asm volatile("msr daifset, #2" ::: "memory"); }
