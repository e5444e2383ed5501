/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The board virt of arm64, from EL1: granules of 4 KiB with three levels, GICv3, the generic timer, the PL011 and PSCI. EL1 executes nothing
 * that EL0 may write, so the text is read-only.
 */
#include "guest.h"

enum { IRQ_TIMER = 27 /* of the virtual timer, private */ };
enum {
    TABLE = 3,
    NORMAL = 0x743,             /* page: attributes 0, EL0 too, inner shareable, AF */
    READ_ONLY = 0x80,           /* AP[2] */
    DEVICES = 0x401 | 1 << 2,   /* block of 1 GiB: attributes 1, AF */
    MAIR = 0x00ff,              /* 0: normal memory, write-back; 1: device-nGnRnE */
    TCR = 25 | 0x3500 | 1 << 23 /* 39 bits by TTBR0, walks cached and inner shareable; TTBR1 is off */
};
/* RES1 (LSMAOE, nTLSMD, SPAN, EIS, TSCXT, EOS), EL0's cache maintenance, DC ZVA, CTR_EL0, WFI and WFE, caches, MMU. */
#define SCTLR 0x34d5d805ul

#define UART     ((volatile uint32_t *)0x9000000) /* 0: data; 6: flags */
#define GICD     ((volatile uint32_t *)0x8000000)
#define GICR     ((volatile uint32_t *)0x80a0000)
#define GICR_SGI ((volatile uint32_t *)0x80b0000)
#define RAM      0x40000000ul

const uint64_t machine_call = 0x15; /* SVC from AArch64 */

extern char text_end[];
void _start(void);

static uint64_t root[ENTRIES] __attribute__((aligned(4096))), middle[ENTRIES] __attribute__((aligned(4096)));
static uint64_t leaves[TABLES][ENTRIES] __attribute__((aligned(4096)));

static void map_memory(void)
{
    root[0] = DEVICES | 3ul << 53; /* UXN, PXN */
    root[RAM >> 30] = (uint64_t)middle | TABLE;
    for (unsigned i = 0; i < TABLES; i++) {
        middle[i] = (uint64_t)leaves[i] | TABLE;
        for (unsigned j = 0; j < ENTRIES; j++) {
            uint64_t page = RAM + ((uint64_t)i * ENTRIES + j) * 4096;
            leaves[i][j] = page | NORMAL | (page < (uint64_t)text_end ? READ_ONLY : 0);
        }
    }
}

/* The timer's interrupt ends WFI; it is never taken. */
static void prepare_interrupts(void)
{
    GICD[0] = 1 << 4 | 1 << 1; /* CTLR: affinity routing, group 1 */
    GICR[5] &= ~(1u << 1);     /* WAKER: awake */
    while (GICR[5] & 1 << 2)
        ;
    GICR_SGI[0x80 / 4] = ~0u;               /* IGROUPR0 */
    GICR_SGI[0x100 / 4] = 1u << IRQ_TIMER;  /* ISENABLER0 */
    asm volatile("msr S3_0_c12_c12_5, %0\n" /* ICC_SRE_EL1 */
                 "isb\n"
                 "msr S3_0_c4_c6_0, %1\n"   /* ICC_PMR_EL1 */
                 "msr S3_0_c12_c12_7, %2\n" /* ICC_IGRPEN1_EL1 */
                 "isb"
                 :
                 : "r"(7ul), "r"(0xfful), "r"(1ul));
}

void machine_prepare(void)
{
    map_memory();
    prepare_interrupts();
}

void machine_translate(void)
{
    asm volatile("msr mair_el1, %0\n msr tcr_el1, %1\n msr ttbr0_el1, %2\n msr cpacr_el1, %3\n dsb sy\n tlbi vmalle1\n dsb sy\n isb\n"
                 "msr sctlr_el1, %4\n isb"
                 :
                 : "r"((uint64_t)MAIR), "r"((uint64_t)TCR), "r"(root), "r"(3ul << 20), "r"(SCTLR)
                 : "memory");
}

void machine_put(char c)
{
    while (UART[6] & 0x20)
        ;
    UART[0] = (uint8_t)c;
}

static uint64_t now(void)
{
    uint64_t time;
    asm volatile("isb\n mrs %0, cntvct_el0" : "=r"(time) : : "memory");
    return time;
}

void machine_sleep(void)
{
    uint64_t frequency;
    asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    uint64_t end = now() + frequency * SLEEP_MS / 1000;
    asm volatile("msr cntv_cval_el0, %0\n msr cntv_ctl_el0, %1\n isb" : : "r"(end), "r"(1ul));
    while (now() < end)
        machine_idle();
    asm volatile("msr cntv_ctl_el0, xzr\n isb");
}

static uint64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 asm("x0") = function, x1 asm("x1") = a, x2 asm("x2") = b, x3 asm("x3") = c;
    asm volatile("hvc 0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return x0;
}

void machine_start_others(void)
{
    for (uint64_t i = 1; i < HARTS; i++)
        psci(0xc4000003, i, (uint64_t)_start, 0); /* CPU_ON */
}

void machine_wait_for_start(uint64_t hart) { (void)hart; }

void machine_finish(int good)
{
    (void)good;                /* one that failed has printed no check value */
    psci(0x84000008, 0, 0, 0); /* SYSTEM_OFF */
    for (;;)
        ;
}

void machine_idle(void) { asm volatile("dsb sy\n wfi"); }
