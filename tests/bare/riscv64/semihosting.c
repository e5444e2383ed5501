/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Semihosting calls: console, handles, time, command line; what is no call; and at the end the exit, which gives the program's code. */
#include "rt.h"

enum {
    SYS_OPEN = 1,
    SYS_CLOSE = 2,
    SYS_WRITEC = 3,
    SYS_WRITE0 = 4,
    SYS_WRITE = 5,
    SYS_READ = 6,
    SYS_ISERROR = 8,
    SYS_ISTTY = 9,
    SYS_SEEK = 10,
    SYS_FLEN = 12,
    SYS_CLOCK = 16,
    SYS_TIME = 17,
    SYS_ERRNO = 19,
    SYS_GET_CMDLINE = 21,
    SYS_HEAPINFO = 22,
    SYS_EXIT_EXTENDED = 32,
    SYS_ELAPSED = 48,
    SYS_TICKFREQ = 49,
};

/* The three insns must be uncompressed and on one page. */
asm(".balign 16\n.globl semihosting_call\nsemihosting_call: slli zero, zero, 31\n ebreak\n srai zero, zero, 7\n ret\n"
    ".balign 16\nbroken_call: slli zero, zero, 31\n ebreak\n srai zero, zero, 8\n ret\n");
uint64_t semihosting_call(uint64_t operation, uint64_t argument);
uint64_t broken_call(uint64_t operation, uint64_t argument);

static uint64_t words_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t words[3] = {a, b, c};
    return semihosting_call(operation, (uint64_t)words);
}

static uint64_t open_file(const char *name, uint64_t mode)
{
    uint64_t len = 0;
    while (name[len])
        len++;
    return words_call(SYS_OPEN, (uint64_t)name, mode, len);
}

static void output(void)
{
    static const char text[] = "# written to :tt\n";
    semihosting_call(SYS_WRITE0, (uint64_t) "# written as a string\n");
    for (const char *c = "# written by characters\n"; *c; c++)
        semihosting_call(SYS_WRITEC, (uint64_t)c);
    uint64_t handle = open_file(":tt", 4);
    CHECK(handle && handle != ~0ul);
    CHECK_EQ(words_call(SYS_WRITE, handle, (uint64_t)text, sizeof text - 1), 0);
    CHECK_EQ(words_call(SYS_ISTTY, handle, 0, 0) & ~1ul, 0);
    CHECK_EQ(words_call(SYS_CLOSE, handle, 0, 0), 0);
    CHECK_NO_TRAP();
}

static void handles(void)
{
    uint64_t in = open_file(":tt", 0), out = open_file(":tt", 4);
    CHECK(in != ~0ul && out != ~0ul && in != out);
    CHECK_EQ(words_call(SYS_CLOSE, in, 0, 0), 0);
    CHECK_EQ(words_call(SYS_CLOSE, in, 0, 0), ~0ul);
    CHECK_EQ(words_call(SYS_WRITE, 12345, (uint64_t) "x", 1), 1); /* nothing is written */
    CHECK_EQ(words_call(SYS_CLOSE, out, 0, 0), 0);
    CHECK_EQ(words_call(SYS_ISERROR, ~0ul, 0, 0) != 0, 1);
    CHECK_EQ(words_call(SYS_ISERROR, 5, 0, 0), 0);
}

static void no_files(void)
{
    CHECK_EQ(open_file("/etc/passwd", 0), ~0ul);
    CHECK(semihosting_call(SYS_ERRNO, 0) != 0);
    CHECK_EQ(open_file("made-by-a-guest", 4), ~0ul);
}

static void features(void)
{
    uint8_t bytes[5] = {0};
    uint64_t handle = open_file(":semihosting-features", 0);
    CHECK(handle != ~0ul);
    CHECK(words_call(SYS_FLEN, handle, 0, 0) >= 5);
    CHECK_EQ(words_call(SYS_READ, handle, (uint64_t)bytes, 5), 0);
    CHECK(bytes[0] == 'S' && bytes[1] == 'H' && bytes[2] == 'F' && bytes[3] == 'B');
    CHECK(bytes[4] & 1); /* SYS_EXIT_EXTENDED */
    CHECK_EQ(words_call(SYS_SEEK, handle, 0, 0), 0);
    CHECK_EQ(words_call(SYS_READ, handle, (uint64_t)bytes, 1), 0);
    CHECK_EQ(bytes[0], 'S');
    CHECK_EQ(words_call(SYS_CLOSE, handle, 0, 0), 0);
}

static void times(void)
{
    uint64_t ticks[2] = {0}, frequency = semihosting_call(SYS_TICKFREQ, 0);
    CHECK(semihosting_call(SYS_TIME, 0) > 1577836800); /* 2020 */
    CHECK(frequency >= 1000);
    CHECK_EQ(semihosting_call(SYS_ELAPSED, (uint64_t)&ticks[0]), 0);
    for (uint64_t end = MTIME + 50000; MTIME < end;) /* 5 ms */
        ;
    CHECK_EQ(semihosting_call(SYS_ELAPSED, (uint64_t)&ticks[1]), 0);
    CHECK(ticks[1] - ticks[0] >= frequency / 250);
    CHECK(semihosting_call(SYS_CLOCK, 0) < 100000);
}

static void surroundings(void)
{
    static char line[256];
    uint64_t words[2] = {(uint64_t)line, sizeof line}, blocks[4] = {1, 1, 1, 1}, at = (uint64_t)blocks;
    CHECK_EQ(semihosting_call(SYS_GET_CMDLINE, (uint64_t)words), 0);
    CHECK(words[1] < sizeof line);
    CHECK_EQ(line[words[1]], 0);
    words[1] = 0;
    CHECK_EQ(semihosting_call(SYS_GET_CMDLINE, (uint64_t)words), ~0ul); /* no room for it */
    semihosting_call(SYS_HEAPINFO, (uint64_t)&at);
    CHECK(blocks[1] > 0x80000000 && blocks[1] <= 0x84000000);
}

/* Arguments nobody can read make the call fail, not the machine. */
static void bad_addresses(void)
{
    CHECK_EQ(semihosting_call(SYS_OPEN, 0x90000000), ~0ul);
    CHECK(words_call(SYS_WRITE, open_file(":tt", 4), 0x90000000, 10) != 0);
    semihosting_call(SYS_WRITE0, 0x90000000);
    semihosting_call(SYS_WRITEC, 0x90000000);
    CHECK_NO_TRAP();
}

static void unknown_operation(void) { CHECK_EQ(semihosting_call(999, 0), ~0ul); }

static void plain_breakpoints(void)
{
    uint64_t after;
    trap_clear();
    self()->site = (uint64_t)broken_call + 4;
    asm volatile("la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n call broken_call\n9:" ::: "ra", "t6", "a0", "a1", "memory");
    CHECK_EQ(self()->m.cause, CAUSE_breakpoint);
    CHECK_EQ(self()->m.epc, (uint64_t)broken_call + 4);
    trap_clear();
    asm volatile("la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n ebreak\n9: li %0, 1" : "=r"(after)::"t6", "memory");
    CHECK_EQ(self()->m.count, 1);
}

/* The program ends here, not by the test finisher; the lines of the cases say what went wrong. */
static void leave(void)
{
    print("ok 10 - exit\n");
    words_call(SYS_EXIT_EXTENDED, 0x20026, 0, 0);
    rt_panic("the exit came back");
}

const struct test tests[] = {
    TEST("console output", output),
    TEST("handles", handles),
    TEST("files are not to be had", no_files),
    TEST("features", features),
    TEST("times", times),
    TEST("command line and heap", surroundings),
    TEST("bad addresses", bad_addresses),
    TEST("breakpoints that are no calls", plain_breakpoints),
    TEST("an unknown operation", unknown_operation),
    TEST("exit", leave),
    {NULL, NULL},
};
