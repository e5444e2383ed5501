/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Semihosting by HLT #0xf000: console, command line, clocks, errors; and what registers and other immediates do. Exits end every program here. */
#include "rt.h"

static uint64_t call(uint64_t operation, const volatile void *arg)
{
    register uint64_t x0 asm("x0") = operation;
    register const volatile void *x1 asm("x1") = arg;
    asm volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}
enum {
    OPEN = 1,
    CLOSE,
    WRITEC,
    WRITE0,
    WRITE,
    ISERROR = 8,
    ISTTY,
    FLEN = 0xc,
    CLOCK = 0x10,
    TIME,
    ERRNO = 0x13,
    CMDLINE = 0x15,
    ELAPSED = 0x30,
    TICKFREQ
};

static void console(void)
{
    static const char name[] = ":tt";
    uint64_t handle = call(OPEN, (uint64_t[]){(uint64_t)name, 4 /* w */, 3});
    CHECK(handle != -1ul);
    CHECK_EQ(call(WRITE, (uint64_t[]){handle, (uint64_t) "# written\n", 10}), 0);
    CHECK_EQ(call(ISTTY, (uint64_t[]){handle}) & ~1ul, 0); /* it depends on the host's side */
    CHECK_EQ(call(WRITE0, "# a string\n"), call(WRITE0, ""));
    for (const char *c = "# characters\n"; *c; c++)
        call(WRITEC, c);
    CHECK_EQ(call(CLOSE, (uint64_t[]){handle}), 0);
    CHECK_EQ(call(CLOSE, (uint64_t[]){handle + 77}), -1ul);
    CHECK(call(ERRNO, NULL) != 0);
}

static void features(void)
{
    static const char name[] = ":semihosting-features";
    uint64_t handle = call(OPEN, (uint64_t[]){(uint64_t)name, 0, sizeof name - 1});
    uint8_t bytes[5];
    CHECK(handle != -1ul);
    CHECK_EQ(call(FLEN, (uint64_t[]){handle}), 5);
    CHECK_EQ(call(6 /* READ */, (uint64_t[]){handle, (uint64_t)bytes, 5}), 0);
    CHECK_EQ(bytes[0], 'S');
    CHECK_EQ(bytes[3], 'B');
    CHECK_EQ(bytes[4] & 3, 3);
    CHECK_EQ(call(CLOSE, (uint64_t[]){handle}), 0);
}

static void clocks(void)
{
    uint64_t ticks[2], first = call(CLOCK, NULL), frequency = call(TICKFREQ, NULL);
    CHECK_EQ(call(ELAPSED, &ticks[0]), 0);
    for (uint64_t end = now() + 300000; now() < end;) /* 30 ms */
        relax();
    CHECK_EQ(call(ELAPSED, &ticks[1]), 0);
    CHECK(ticks[1] - ticks[0] >= frequency / 50);
    CHECK(call(CLOCK, NULL) - first >= 2);
    CHECK(call(TIME, NULL) > 1600000000);
}

static void errors(void)
{
    CHECK_EQ(call(ISERROR, (uint64_t[]){-5ul}) != 0, 1);
    CHECK_EQ(call(ISERROR, (uint64_t[]){5}), 0);
}

/* Only x0 changes. */
static void registers(void)
{
    uint64_t bad;
    asm volatile(
        "mov x0, %1\n mov x1, #0\n mov x2, #2\n mov x30, #30\n cmp x2, #2\n hlt #0xf000\n cset x3, ne\n sub x2, x2, #2\n sub x30, x30, #30\n"
        "orr %0, x1, x2\n orr %0, %0, x3\n orr %0, %0, x30"
        : "=r"(bad)
        : "r"((uint64_t)CLOCK)
        : "x0", "x1", "x2", "x3", "x30", "cc", "memory");
    CHECK_EQ(bad, 0);
}

const struct test tests[] = {
    TEST("console", console), TEST("features", features),   TEST("clocks", clocks),
    TEST("errors", errors),   TEST("registers", registers), {NULL, NULL},
};
