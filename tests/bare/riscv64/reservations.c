/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the atomics of RISC-V have of their own: which reservation an SC needs, compare and swap, byte atomics. The rest: ../atomics.c. */
#include "rt.h"

enum { HARTS = 4, ROUNDS = 20000 };

static uint64_t counter[8] ALIGNED(64), elsewhere ALIGNED(64);

static void clear(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(counter); i++)
        counter[i] = 0;
    fence();
}

/* ---- reservations ---- */

static void reservations(void)
{
    uint64_t failed;
    clear();
    row("lr, sc");
    asm volatile("lr.d t0, (%1)\n li t0, 7\n sc.d %0, t0, (%1)" : "=r"(failed) : "r"(counter) : "t0", "memory");
    CHECK_EQ(failed, 0);
    CHECK_EQ(counter[0], 7);
    row("sc again");
    asm volatile("sc.d %0, zero, (%1)" : "=r"(failed) : "r"(counter) : "memory");
    CHECK(failed);
    CHECK_EQ(counter[0], 7);
    row("another line");
    asm volatile("lr.d t0, (%1)\n sc.d %0, zero, (%2)" : "=r"(failed) : "r"(counter), "r"(&elsewhere) : "t0", "memory");
    CHECK(failed);
    row("a failed sc takes the reservation along");
    asm volatile("lr.d t0, (%1)\n sc.d t0, zero, (%2)\n sc.d %0, zero, (%1)"
                 : "=r"(failed)
                 : "r"(counter), "r"(&elsewhere)
                 : "t0", "memory");
    CHECK(failed);
    row("the second lr counts");
    asm volatile("lr.d t0, (%1)\n lr.d t0, (%2)\n sc.d %0, zero, (%1)" : "=r"(failed) : "r"(counter), "r"(&elsewhere) : "t0", "memory");
    CHECK(failed);
    CHECK_EQ(counter[0], 7);
}

/* ---- Zacas, Zabha ---- */

static void cas(void)
{
    bool ran;
    clear();
    insn_in(MODE_M, 0x28b5252f, (uint64_t)counter, 0, &ran); /* amocas.w a0, a1, (a0): is it there? */
    if (!ran)
        return skip("no Zacas");
    /* amocas.w/d rd, rs2, (rs1): rd holds what is expected and gets what was there */
    counter[0] = 0x1111111122222222;
    uint64_t got;
#define CAS(word, expected, desired)                                                 \
    asm volatile("mv a0, %1\n mv a1, %2\n mv a2, %3\n .4byte " word "\n mv %0, a0"   \
                 : "=r"(got)                                                         \
                 : "r"((uint64_t)(expected)), "r"((uint64_t)(desired)), "r"(counter) \
                 : "a0", "a1", "a2", "memory")
    CAS("0x28b6252f", 0x22222222, 0x33333333);
    CHECK_EQ(got, 0x22222222);
    CHECK_EQ(counter[0], 0x1111111133333333);
    CAS("0x28b6252f", 0x22222222, 0x44444444);
    CHECK_EQ(got, 0x33333333);
    CHECK_EQ(counter[0], 0x1111111133333333);
    counter[0] = 0x80000000;
    CAS("0x28b6252f", 0x0dead00080000000, 1); /* the upper half of rd is ignored; the result is sign-extended */
    CHECK_EQ(got, 0xffffffff80000000);
    counter[0] = ~0ul;
    CAS("0x28b6352f", ~0ul, 5);
    CHECK_EQ(got, ~0ul);
    CHECK_EQ(counter[0], 5);
    CAS("0x28b6352f", 4, 6);
    CHECK_EQ(got, 5);
    CHECK_EQ(counter[0], 5);
    row("16 bytes");
    counter[0] = 1, counter[1] = 2;
    uint64_t low, high;
    asm volatile("li a0, 1\n li a1, 2\n li a4, 3\n li a5, 4\n mv a6, %2\n .4byte 0x28e8452f\n mv %0, a0\n mv %1, a1"
                 : "=r"(low), "=r"(high)
                 : "r"(counter)
                 : "a0", "a1", "a4", "a5", "a6", "memory");
    CHECK_EQ(low, 1);
    CHECK_EQ(high, 2);
    CHECK_EQ(counter[0], 3);
    CHECK_EQ(counter[1], 4);
    asm volatile("li a0, 3\n li a1, 5\n li a4, 9\n li a5, 9\n mv a6, %2\n .4byte 0x28e8452f\n mv %0, a0\n mv %1, a1"
                 : "=r"(low), "=r"(high)
                 : "r"(counter)
                 : "a0", "a1", "a4", "a5", "a6", "memory");
    CHECK_EQ(low, 3);
    CHECK_EQ(high, 4);
    CHECK_EQ(counter[0], 3);
}

static uint32_t amo_word(unsigned funct5, unsigned width, unsigned rd, unsigned rs1, unsigned rs2)
{
    return funct5 << 27 | rs2 << 20 | rs1 << 15 | width << 12 | rd << 7 | 0x2f;
}

static void cas_race_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 2; i++)
        asm volatile("mv a2, %0\n ld a0, (a2)\n1: mv a3, a0\n addi a1, a0, 1\n .4byte 0x28b6352f\n bne a0, a3, 1b" ::"r"(&counter[2])
                     : "a0", "a1", "a2", "a3", "memory");
}

static void cas_race(void)
{
    bool ran;
    insn_in(MODE_M, 0x28b5252f, (uint64_t)counter, 0, &ran);
    if (!ran)
        return skip("no Zacas");
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(cas_race_work, HARTS);
    CHECK_EQ(counter[2], HARTS * (ROUNDS / 2));
}

static void byte_work(void *arg)
{
    uint8_t *at = (uint8_t *)&counter[1] + (uint64_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        asm volatile("mv a2, %0\n li a1, 1\n .4byte 0x00b6002f" ::"r"(at) : "a1", "a2", "memory");          /* amoadd.b */
        asm volatile("mv a2, %0\n li a1, 3\n .4byte 0x00b6102f" ::"r"(&counter[2]) : "a1", "a2", "memory"); /* amoadd.h, shared */
    }
}

static void bytes(void)
{
    bool ran;
    clear();
    insn_in(MODE_M, amo_word(0, 0, 11, 10, 11), (uint64_t)counter, 0, &ran);
    if (!ran)
        return skip("no Zabha");
    if (!harts_need(HARTS))
        return;
    hart_run_all(byte_work, HARTS);
    for (unsigned i = 0; i < HARTS; i++)
        CHECK_EQ(((uint8_t *)&counter[1])[i], ROUNDS & 255);
    CHECK_EQ(counter[1] >> 32, 0);
    CHECK_EQ(counter[2], HARTS * ROUNDS * 3 & 0xffff);
}

const struct test tests[] = {
    TEST("reservations of one hart", reservations),
    TEST("compare and swap", cas),
    TEST("compare and swap on several harts", cas_race),
    TEST("byte and halfword atomics", bytes),
    {NULL, NULL},
};
