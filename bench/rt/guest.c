/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's side of a benchmark program: maps memory to itself by 4 KiB pages (Sv39), runs work() in user mode on every hart, prints
 * check value and instruction count, ends by the test finisher. The pages are as small as an operating system's, so that memory programs
 * pay for page walks on every emulator alike.
 * Before and after the work it prints a mark and sleeps: the emulator's CPU time stands still then, and can be read at leisure.
 */
#include "bench.h"

enum { SLEEP = 600000 /* 60 ms of the 10 MHz clock; bench/measure.py knows it */, IRQ_software = 1 << 3, IRQ_timer = 1 << 7 };
enum { MEMORY_MIB = 64, TABLES = MEMORY_MIB / 2, ENTRIES = 512, LEAF = 0xdf /* D A U X W R V */, VALID = 1 };

#define UART     ((volatile uint8_t *)0x10000000) /* 0: data, 5: line status */
#define FINISHER ((volatile uint32_t *)0x100000)
#define MSIP     ((volatile uint32_t *)0x2000000)
#define MTIMECMP ((volatile uint64_t *)0x2004000)
#define MTIME    ((volatile uint64_t *)0x200bff8)
#define RAM      0x80000000ul

void guest_main(uint64_t hart) __attribute__((noreturn));
void guest_end(uint64_t result, uint64_t insns, uint64_t cause, uint64_t pc) __attribute__((noreturn));
void run_user(uint64_t hart, uint64_t rounds) __attribute__((noreturn));

static uint64_t root[ENTRIES] __attribute__((aligned(4096))), middle[ENTRIES] __attribute__((aligned(4096)));
static uint64_t leaves[TABLES][ENTRIES] __attribute__((aligned(4096)));
static volatile int ready, done;
static uint64_t sum, retired;

static uint64_t entry(uint64_t address, uint64_t bits) { return address >> 12 << 10 | bits; }

static void map_memory(void)
{
    root[RAM >> 30] = entry((uint64_t)middle, VALID);
    for (unsigned i = 0; i < TABLES; i++) {
        middle[i] = entry((uint64_t)leaves[i], VALID);
        for (unsigned j = 0; j < ENTRIES; j++)
            leaves[i][j] = entry(RAM + ((uint64_t)i * ENTRIES + j) * 4096, LEAF);
    }
}

static void print(const char *text)
{
    for (; *text; text++) {
        while (!(UART[5] & 0x20))
            ;
        UART[0] = (uint8_t)*text;
    }
}

static void print_hex(const char *name, uint64_t value)
{
    char text[] = " 0000000000000000\n";
    for (unsigned i = 0; i < 16; i++)
        text[16 - i] = "0123456789abcdef"[value >> 4 * i & 15];
    print(name);
    print(text);
}

/* Interrupts are off: a pending one ends the wait and is not taken. */
static void sleep_until(uint64_t interrupt, volatile int *flag, uint64_t end)
{
    asm volatile("csrw mie, %0" : : "r"(interrupt));
    while (flag ? !__atomic_load_n(flag, __ATOMIC_ACQUIRE) : *MTIME < end)
        asm volatile("wfi");
    asm volatile("csrw mie, zero");
}

static void mark(const char *text)
{
    uint64_t end = *MTIME + SLEEP;
    print(text);
    *MTIMECMP = end;
    sleep_until(IRQ_timer, NULL, end);
    *MTIMECMP = ~0ul;
}

static void finish(uint32_t code)
{
    *FINISHER = code ? code << 16 | 0x3333 : 0x5555;
    for (;;)
        ;
}

static void wait_for_start(uint64_t hart)
{
    if (hart == 0) {
        map_memory();
        mark("go\n");
        __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
        for (unsigned i = 1; i < HARTS; i++)
            MSIP[i] = 1;
        return;
    }
    sleep_until(IRQ_software, &ready, 0);
    MSIP[hart] = 0;
}

void guest_main(uint64_t hart)
{
    wait_for_start(hart);
    /* Physical memory protection: everything is allowed. */
    asm volatile("csrw pmpaddr0, %0\n csrw pmpcfg0, %1\n csrw satp, %2\n sfence.vma"
                 :
                 : "r"(-1ul), "r"(0x1ful), "r"(8ul << 60 | (uint64_t)root >> 12)
                 : "memory");
    run_user(hart, ROUNDS);
}

void guest_end(uint64_t result, uint64_t insns, uint64_t cause, uint64_t pc)
{
    if (cause != 8) { /* an environment call from U mode is how work() ends */
        print_hex("trap", cause);
        print_hex("at", pc);
        finish(1);
    }
    __atomic_fetch_add(&sum, result, __ATOMIC_RELAXED);
    __atomic_fetch_add(&retired, insns, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&done, 1, __ATOMIC_ACQ_REL) == HARTS) {
        print_hex("check", sum);
        print_hex("insns", retired);
        mark("done\n");
        finish(0);
    }
    for (;;)
        asm volatile("wfi");
}
