/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The built-in SBI against a machine that only takes notes: every call's answer, and the errors that the specification names. */
#include "base/bits.h"
#include "machine/sbi/sbi.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define RAM 0x80000000ull
enum {
    RAM_SIZE = 1 << 20,
    HARTS = 4,
    BASE = 0x10,
    TIME = 0x54494d45,
    IPI = 0x735049,
    RFENCE = 0x52464e43,
    HSM = 0x48534d,
    SRST = 0x53525354,
    DBCN = 0x4442434e,
    SUSP = 0x53555350
};

struct notes {
    uint64_t timer, ipis, fenced, start_addr, start_opaque, resume;
    struct sbi_fence fence;
    unsigned started, stopped, slept, resets;
    bool restart, asleep, failure;
    enum sbi_reset how;
    char out[64];
    size_t out_len;
    const char *in;
};

static struct notes notes;
static struct sbi sbi;
static struct mem_space *space;

static void set_timer(void *m, unsigned hart, uint64_t time) { (void)m, (void)hart, notes.timer = time; }
static void send_ipi(void *m, unsigned caller, uint64_t harts) { (void)m, (void)caller, notes.ipis |= harts; }
static void stop(void *m, unsigned hart) { (void)m, notes.stopped |= 1u << hart; }
static bool asleep(void *m, unsigned hart) { return (void)m, (void)hart, notes.asleep; }
static uint64_t identity(void *m, unsigned hart, unsigned which) { return (void)m, (void)hart, 100 + which; }

static void fence(void *m, unsigned caller, uint64_t harts, const struct sbi_fence *what)
{
    (void)m, (void)caller;
    notes.fenced = harts;
    notes.fence = *what;
}

static bool start(void *m, unsigned hart, uint64_t addr, uint64_t opaque)
{
    (void)m;
    notes.started |= 1u << hart;
    notes.start_addr = addr;
    notes.start_opaque = opaque;
    return true;
}

static void sleep_hart(void *m, unsigned hart, bool restart, uint64_t addr, uint64_t opaque)
{
    (void)m, (void)opaque;
    notes.slept |= 1u << hart;
    notes.restart = restart;
    notes.resume = addr;
    notes.asleep = true;
}

static void reset(void *m, enum sbi_reset how, bool failure)
{
    (void)m;
    notes.resets++;
    notes.how = how;
    notes.failure = failure;
}

static size_t write_console(void *m, const void *data, size_t len)
{
    (void)m;
    size_t n = sizeof notes.out - notes.out_len;
    n = len < n ? len : n;
    memcpy(notes.out + notes.out_len, data, n);
    notes.out_len += n;
    return n;
}

static size_t read_console(void *m, void *data, size_t len)
{
    (void)m;
    size_t n = notes.in ? strlen(notes.in) : 0;
    n = n < len ? n : len;
    memcpy(data, notes.in ? notes.in : "", n);
    notes.in = NULL;
    return n;
}

static const struct sbi_ops ops = {set_timer, send_ipi, fence,         start,        stop,    sleep_hart,
                                   asleep,    reset,    write_console, read_console, identity};

static int setup(void **state)
{
    (void)state;
    notes = (struct notes){0};
    if (mem_space_new(&space) || mem_space_add_ram(space, "ram", RAM, RAM_SIZE, NULL))
        return -1;
    sbi_init(&sbi, &ops, NULL, space, HARTS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_space_free(space);
    return 0;
}

static struct sbi_call call(unsigned hart, uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    struct sbi_call c = {.hart = hart, .arg = {a0, a1, a2, a3}, .function = function, .extension = extension};
    sbi_serve(&sbi, &c);
    return c;
}

#define EXPECT(c, wanted_error, wanted_value)                     \
    do {                                                          \
        struct sbi_call answer = (c);                             \
        assert_int_equal(answer.error, wanted_error);             \
        assert_int_equal(answer.value, (uint64_t)(wanted_value)); \
    } while (0)

static void answers_base(void **state)
{
    (void)state;
    EXPECT(call(0, BASE, 0, 0, 0, 0, 0), SBI_OK, 0x02000000);
    EXPECT(call(0, BASE, 3, HSM, 0, 0, 0), SBI_OK, 1);
    EXPECT(call(0, BASE, 3, 0x504d55, 0, 0, 0), SBI_OK, 0);
    EXPECT(call(0, BASE, 5, 0, 0, 0, 0), SBI_OK, 101);
    EXPECT(call(0, BASE, 7, 0, 0, 0, 0), SBI_NOT_SUPPORTED, 0);
    EXPECT(call(0, 0x12345678, 0, 0, 0, 0, 0), SBI_NOT_SUPPORTED, 0);
}

static void sets_timer_and_sends_ipis(void **state)
{
    (void)state;
    EXPECT(call(0, TIME, 0, 777, 0, 0, 0), SBI_OK, 0);
    assert_int_equal(notes.timer, 777);
    EXPECT(call(0, TIME, 1, 0, 0, 0, 0), SBI_NOT_SUPPORTED, 0);
    EXPECT(call(0, IPI, 0, 5, 1, 0, 0), SBI_OK, 0);
    assert_int_equal(notes.ipis, 10);
    EXPECT(call(0, IPI, 0, 0, UINT64_MAX, 0, 0), SBI_OK, 0);
    assert_int_equal(notes.ipis, 15);
    EXPECT(call(0, IPI, 0, 0x10, 0, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, IPI, 0, 1, 4, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, IPI, 0, 2, 3, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, IPI, 0, 1, UINT64_MAX - 1, 0, 0), SBI_INVALID_PARAM, 0);
}

static void fences(void **state)
{
    (void)state;
    EXPECT(call(0, HSM, 0, 1, RAM, 0, 0), SBI_OK, 0);
    EXPECT(call(0, RFENCE, 1, 0xf, 0, 0x5000, 0x2000), SBI_OK, 0);
    assert_int_equal(notes.fenced, 3); /* harts that stand need none */
    assert_int_equal(notes.fence.start, 0x5000);
    assert_int_equal(notes.fence.size, 0x2000);
    assert_true(notes.fence.asid < 0);
    EXPECT(call(0, RFENCE, 1, 1, 0, 0, 0), SBI_OK, 0);
    assert_int_equal(notes.fence.size, UINT64_MAX);
    EXPECT(call(0, RFENCE, 1, 1, 0, 0x1000, UINT64_MAX), SBI_OK, 0);
    assert_int_equal(notes.fence.size, UINT64_MAX);
    struct sbi_call c = {.arg = {1, 0, 0x1000, 0x1000, 42}, .function = 2, .extension = RFENCE};
    sbi_serve(&sbi, &c);
    assert_int_equal(c.error, SBI_OK);
    assert_int_equal(notes.fence.asid, 42);
    EXPECT(call(0, RFENCE, 0, 1, 0, 0, 0), SBI_OK, 0);
    assert_true(notes.fence.code);
    EXPECT(call(0, RFENCE, 3, 1, 0, 0, 0), SBI_NOT_SUPPORTED, 0);
    EXPECT(call(0, RFENCE, 1, 1, 9, 0, 0), SBI_INVALID_PARAM, 0);
}

static void manages_harts(void **state)
{
    (void)state;
    EXPECT(call(0, HSM, 2, 0, 0, 0, 0), SBI_OK, SBI_STARTED);
    EXPECT(call(0, HSM, 2, 1, 0, 0, 0), SBI_OK, SBI_STOPPED);
    EXPECT(call(0, HSM, 2, HARTS, 0, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, HSM, 0, HARTS, RAM, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, HSM, 0, 1, 0x1000, 0, 0), SBI_INVALID_ADDRESS, 0);
    EXPECT(call(0, HSM, 0, 1, RAM + 1, 0, 0), SBI_INVALID_ADDRESS, 0);
    EXPECT(call(0, HSM, 0, 1, RAM + RAM_SIZE, 0, 0), SBI_INVALID_ADDRESS, 0);
    EXPECT(call(0, HSM, 0, 1, RAM + 0x100, 99, 0), SBI_OK, 0);
    assert_int_equal(notes.started, 2);
    assert_int_equal(notes.start_opaque, 99);
    EXPECT(call(0, HSM, 0, 1, RAM, 0, 0), SBI_ALREADY_AVAILABLE, 0);
    EXPECT(call(0, HSM, 2, 1, 0, 0, 0), SBI_OK, SBI_STARTED);
    assert_true(call(1, HSM, 1, 0, 0, 0, 0).no_return);
    assert_int_equal(notes.stopped, 2);
    EXPECT(call(0, HSM, 2, 1, 0, 0, 0), SBI_OK, SBI_STOPPED);
}

static void suspends_harts(void **state)
{
    (void)state;
    EXPECT(call(0, HSM, 3, 1, 0, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, HSM, 3, 0x80000000, 0x10, 0, 0), SBI_INVALID_ADDRESS, 0);
    assert_int_equal(notes.slept, 0);
    struct sbi_call retentive = call(0, HSM, 3, 0, 0, 0, 0);
    assert_false(retentive.no_return);
    assert_int_equal(retentive.error, SBI_OK);
    assert_false(notes.restart);
    EXPECT(call(1, HSM, 2, 0, 0, 0, 0), SBI_OK, SBI_SUSPENDED);
    notes.asleep = false;
    EXPECT(call(1, HSM, 2, 0, 0, 0, 0), SBI_OK, SBI_STARTED);
    assert_true(call(0, HSM, 3, 0x80000000, RAM, 5, 0).no_return);
    assert_true(notes.restart);
}

static void suspends_system(void **state)
{
    (void)state;
    EXPECT(call(0, SUSP, 0, 1, RAM, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, SUSP, 0, 0, 0, 0, 0), SBI_INVALID_ADDRESS, 0);
    EXPECT(call(0, HSM, 0, 2, RAM, 0, 0), SBI_OK, 0);
    EXPECT(call(0, SUSP, 0, 0, RAM, 0, 0), SBI_DENIED, 0);
    call(2, HSM, 1, 0, 0, 0, 0);
    assert_true(call(0, SUSP, 0, 0, RAM + 4, 0, 0).no_return);
    assert_int_equal(notes.resume, RAM + 4);
}

static void resets(void **state)
{
    (void)state;
    EXPECT(call(0, SRST, 0, 3, 0, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, SRST, 0, 0, 2, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, SRST, 1, 0, 0, 0, 0), SBI_NOT_SUPPORTED, 0);
    assert_int_equal(notes.resets, 0);
    assert_true(call(0, SRST, 0, 1, 0, 0, 0).no_return);
    assert_int_equal(notes.how, SBI_COLD_REBOOT);
    assert_true(call(0, SRST, 0, 0, 1, 0, 0).no_return);
    assert_true(notes.failure);
    assert_true(call(0, 8, 0, 0, 0, 0, 0).no_return);
    assert_int_equal(notes.resets, 3);
}

static void talks(void **state)
{
    (void)state;
    char got[6] = {0};
    assert_true(mem_write(space, RAM, "hello", 5));
    EXPECT(call(0, DBCN, 0, 5, RAM, 0, 0), SBI_OK, 5);
    EXPECT(call(0, DBCN, 2, '!', 0, 0, 0), SBI_OK, 0);
    assert_memory_equal(notes.out, "hello!", 6);
    EXPECT(call(0, DBCN, 0, 5, RAM, 1, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, DBCN, 0, 5, RAM + RAM_SIZE - 4, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, DBCN, 0, UINT64_MAX, RAM, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, DBCN, 1, 5, 0x1000, 0, 0), SBI_INVALID_PARAM, 0);
    EXPECT(call(0, DBCN, 0, 0, 0, 0, 0), SBI_OK, 0);
    EXPECT(call(0, DBCN, 1, 16, RAM, 0, 0), SBI_OK, 0);
    notes.in = "in";
    EXPECT(call(0, DBCN, 1, 16, RAM, 0, 0), SBI_OK, 2);
    assert_true(mem_read(space, RAM, got, 3));
    assert_memory_equal(got, "inl", 3);
    struct sbi_call legacy = call(0, 1, 0, 'x', 0, 0, 0);
    assert_true(legacy.legacy);
    assert_int_equal(call(0, 2, 0, 0, 0, 0, 0).error, -1);
}

/* Any call with any arguments gets an answer. */
static void survives_anything(void **state)
{
    (void)state;
    static const uint64_t extensions[] = {BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, SUSP, 0, 1, 2, 8};
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 200000; i++) {
        struct sbi_call c = {.hart = i % HARTS, .extension = extensions[i % ARRAY_LEN(extensions)]};
        for (unsigned n = 0; n < 6; n++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            c.arg[n] = x & 1 ? x >> (x >> 58) : RAM + (x >> 44);
        }
        c.function = x >> 20 & 7;
        sbi_serve(&sbi, &c);
        notes.out_len = 0;
        if (c.error < -9 || (c.error > 255 && !c.legacy))
            fail_msg("call %u: error %lld", i, (long long)c.error);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_base),      TEST(sets_timer_and_sends_ipis), TEST(fences), TEST(manages_harts),
        TEST(suspends_harts),    TEST(suspends_system),           TEST(resets), TEST(talks),
        TEST(survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
