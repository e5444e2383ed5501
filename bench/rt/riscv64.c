/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The board virt of riscv64, from machine mode: Sv39, ACLINT, the 16550 and the test finisher. */
#include "guest.h"

enum { SLEEP = SLEEP_MS * 10000 /* of the 10 MHz clock */, IRQ_software = 1 << 3, IRQ_timer = 1 << 7 };
enum { LEAF = 0xdf /* D A U X W R V */, VALID = 1 };

#define UART     ((volatile uint8_t *)0x10000000) /* 0: data, 5: line status */
#define FINISHER ((volatile uint32_t *)0x100000)
#define MSIP     ((volatile uint32_t *)0x2000000)
#define MTIMECMP ((volatile uint64_t *)0x2004000)
#define MTIME    ((volatile uint64_t *)0x200bff8)
#define RAM      0x80000000ul

const uint64_t machine_call = 8; /* environment call from U mode */

static uint64_t root[ENTRIES] __attribute__((aligned(4096))), middle[ENTRIES] __attribute__((aligned(4096)));
static uint64_t leaves[TABLES][ENTRIES] __attribute__((aligned(4096)));
static volatile int ready;

static uint64_t entry(uint64_t address, uint64_t bits) { return address >> 12 << 10 | bits; }

void machine_prepare(void)
{
    root[RAM >> 30] = entry((uint64_t)middle, VALID);
    for (unsigned i = 0; i < TABLES; i++) {
        middle[i] = entry((uint64_t)leaves[i], VALID);
        for (unsigned j = 0; j < ENTRIES; j++)
            leaves[i][j] = entry(RAM + ((uint64_t)i * ENTRIES + j) * 4096, LEAF);
    }
}

/* Physical memory protection: everything is allowed. */
void machine_translate(void)
{
    asm volatile("csrw pmpaddr0, %0\n csrw pmpcfg0, %1\n csrw satp, %2\n sfence.vma"
                 :
                 : "r"(-1ul), "r"(0x1ful), "r"(8ul << 60 | (uint64_t)root >> 12)
                 : "memory");
}

void machine_put(char c)
{
    while (!(UART[5] & 0x20))
        ;
    UART[0] = (uint8_t)c;
}

/* Interrupts are off: a pending one ends the wait and is not taken. */
static void sleep_until(uint64_t interrupt, volatile int *flag, uint64_t end)
{
    asm volatile("csrw mie, %0" : : "r"(interrupt));
    while (flag ? !__atomic_load_n(flag, __ATOMIC_ACQUIRE) : *MTIME < end)
        machine_idle();
    asm volatile("csrw mie, zero");
}

void machine_sleep(void)
{
    uint64_t end = *MTIME + SLEEP;
    *MTIMECMP = end;
    sleep_until(IRQ_timer, NULL, end);
    *MTIMECMP = ~0ul;
}

void machine_start_others(void)
{
    __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
    for (unsigned i = 1; i < HARTS; i++)
        MSIP[i] = 1;
}

void machine_wait_for_start(uint64_t hart)
{
    sleep_until(IRQ_software, &ready, 0);
    MSIP[hart] = 0;
}

void machine_finish(int good)
{
    *FINISHER = good ? 0x5555 : 1 << 16 | 0x3333;
    for (;;)
        ;
}

void machine_idle(void) { asm volatile("wfi"); }
