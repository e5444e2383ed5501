/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arm64: the top byte of an address of data means nothing: every kind of access by such addresses, and what a fault by one says. Elsewhere the
 * program says what it has to say there.
 */
#include "user.h"

static uint64_t area[512] __attribute__((aligned(4096)));

static void on(int signal, siginfo_t *info, void *context)
{
    (void)context;
    say("signal %d, code %d, at %lx", signal, info->si_code, (long)((uintptr_t)info->si_addr & 0xfffffffffffffful));
    _exit(3);
}

#ifdef __aarch64__
#include <arm_neon.h>

/* The compiler is not to know what it points to. */
static void *tag(void *at, uint64_t value)
{
    at = (void *)((uintptr_t)at | value << 56);
    __asm__ volatile("" : "+r"(at)::"memory");
    return at;
}

static bool plain_accesses(uint64_t *q, uint64_t n)
{
    *(volatile uint64_t *)q = n;
    bool good = area[8] == n && *(volatile uint64_t *)q == n;
    ((volatile uint8_t *)q)[3] = 7;
    good &= ((uint8_t *)&area[8])[3] == 7;
    uint64_t a, b;
    __asm__ volatile("stp %0, %1, [%2, #16]" ::"r"(n), "r"(~n), "r"(q) : "memory");
    __asm__ volatile("ldp %0, %1, [%2, #16]" : "=r"(a), "=r"(b) : "r"(q));
    good &= a == n && b == ~n;
    __asm__ volatile("prfm pldl1keep, [%0]" ::"r"(q));
    __asm__ volatile("dc zva, %0" ::"r"(q) : "memory");
    return good && !area[8] && !area[10];
}

static bool exclusives(uint64_t *q)
{
    uint64_t a, b;
    uint32_t failed;
    area[8] = area[9] = 0;
    __asm__ volatile("1: ldxr %0, [%3]\n add %0, %0, #5\n stxr %w2, %0, [%3]\n cbnz %w2, 1b"
                     : "=&r"(a), "=&r"(b), "=&r"(failed)
                     : "r"(q)
                     : "memory");
    __asm__ volatile("1: ldaxp %0, %1, [%3]\n add %0, %0, #5\n sub %1, %1, #1\n stlxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                     : "=&r"(a), "=&r"(b), "=&r"(failed)
                     : "r"(q)
                     : "memory");
    return area[8] == 10 && area[9] == ~0ull;
}

static bool atomics(uint64_t *q)
{
    uint64_t old, expected = 13;
    register uint64_t low __asm__("x4") = 99, high __asm__("x5") = ~0ull, new_low __asm__("x6") = 1, new_high __asm__("x7") = 2;
    __asm__ volatile(".arch_extension lse\n ldaddal %1, %0, [%2]" : "=&r"(old) : "r"(3ul), "r"(q) : "memory");
    __asm__ volatile(".arch_extension lse\n casal %0, %1, [%2]" : "+r"(expected) : "r"(99ul), "r"(q) : "memory");
    __asm__ volatile(".arch_extension lse\n caspal x4, x5, x6, x7, [%4]"
                     : "+r"(low), "+r"(high)
                     : "r"(new_low), "r"(new_high), "r"(q)
                     : "memory");
    return old == 10 && expected == 13 && area[8] == 1 && area[9] == 2;
}

static bool vectors(uint8_t *q)
{
    for (int i = 0; i < 64; i++)
        ((uint8_t *)&area[8])[i] = (uint8_t)(i * 7);
    vst1q_u8(q + 128, vld1q_u8(q));
    vst4q_u8(q + 256, vld4q_u8(q));
    return !memcmp(&area[8], &area[24], 16) && !memcmp(&area[8], &area[40], 64);
}
#endif

int main(void)
{
    bool good[4] = {true, true, true, true};
    handle(SIGSEGV, on, 0);
#ifdef __aarch64__
    for (uint64_t n = 0; n < 2000; n++) {
        uint64_t *q = tag(&area[8], 1 + n % 255);
        good[0] &= plain_accesses(q, n);
        good[1] &= exclusives(q);
        good[2] &= atomics(q);
        good[3] &= vectors((uint8_t *)q);
    }
    void *text = tag("text\n", 5), *nowhere = tag((void *)0x123450000, 9);
#else
    void *text = (void *)1, *nowhere = (void *)0x123450000;
#endif
    say("plain %d, exclusive %d, atomic %d, vectors %d", good[0], good[1], good[2], good[3]);
    SHOW(write(1, text, 5));
    *(volatile int *)nowhere = area[0] != 0;
    return 0;
}
